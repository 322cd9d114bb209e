"""What is owed to whom was promised a call (callback.py): their place in line, its rests, its end.

Rule 1: `move` is the only place that moves a promise between its states, and lets go of whom its call was meant for.
Rule 2: a place comes and goes with the state: there is one in PROMISED and CALLING, none while it rests.
"""

from collections.abc import Iterable

from router.domain.calls.expiry import clocks, may_call_at, reckon
from router.domain.calls.offering import rescind
from router.domain.contacts.callback import (
    NOWHERE,
    PROMISE,
    Promise,
    PromiseEnd,
    PromiseState,
    PromiseStep,
    TryResult,
    result_of,
)
from router.domain.contacts.contact import Contact, ContactState, ContactStep
from router.domain.contacts.offer import Offer
from router.domain.floor import Floor
from router.domain.ids import MARK, SECOND, ContactId, LegId, Micros, OfferId, calls_back
from router.domain.messages.effects import EndLeg
from router.domain.messages.events import CallbackEnded, CallbackTried, ContactQueued
from router.domain.messages.observations import LegAppeared, LegEnded
from router.domain.nothing import NOTHING
from router.domain.record import OfferResult, SegmentKind
from router.domain.tables import step
from router.domain.waiting.urgency import heed, watch
from router.domain.waiting.waiting_room import attend, music_of

PATIENCE_US: Micros = 5 * SECOND
"A promise that has run out while an agent is rung for it, and a leg whose end is not told: so long is waited for them."


def is_ours(floor: Floor, number: str) -> bool:
    """Whether a call to it would come in here again: dialled for a campaign, or diverted to one."""
    return any(number in each.dnis or number in each.diversion for each in floor.rules.campaigns.values())


def owe(floor: Floor, promise: Promise) -> None:
    """From now on there is this promise."""
    floor.promises[promise.promise_id] = promise
    floor.promised_to[promise.caller] = promise.promise_id
    floor.owed[promise.queue] = floor.owed.get(promise.queue, 0) + 1
    floor.unwritten[promise] = None


def move(floor: Floor, promise: Promise, trigger: PromiseStep) -> bool:
    """Rule 1; False (and nothing changed) when the table has no row."""
    state = step(PROMISE, promise.state, trigger)
    if state is None:
        return False
    promise.state = state
    if state is not PromiseState.CALLING and promise.meant_for is not None:
        agent = floor.agents.get(promise.meant_for)
        floor.meant.pop(promise.meant_for, None)
        promise.meant_for = None
        floor.release(*(() if agent is None else (row.queue.rules.name for row in agent.serves)))
    floor.unwritten[promise] = None
    return True


# ---- in line ----


def stand(floor: Floor, promise: Promise, now: Micros) -> None:
    """Take the place in line, at the old age; or rest until that may be."""
    if now >= promise.expires_at:
        close(floor, promise, PromiseEnd.EXPIRED, now)
    elif promise.here in floor.contacts:
        rest(floor, promise, now, until_let_in=True)
    elif may_call_at(floor, promise, now) > now:
        rest(floor, promise, now)
    elif move(floor, promise, PromiseStep.STAND):
        promise.place_id = promise.place_of(promise.tries + 1)
        place = put_place(floor, promise)
        floor.move(place, ContactStep.QUEUE, now)
        until_hours_change(floor, promise, now)


def until_hours_change(floor: Floor, promise: Promise, now: Micros) -> None:
    """Who stands in line may be called until then; the place is not touched by what leaves it where it is."""
    edges = [edge for clock in clocks(floor, promise) if (edge := clock.next_edge(now)) is not None]
    floor.timers.set(("promise", promise.promise_id), min([promise.expires_at, *edges]))


def put_place(floor: Floor, promise: Promise) -> Contact:
    """Make the contact that nobody is on the phone for yet; it does not stand in line by that."""
    leg = LegId(promise.place_id)
    place = Contact(
        contact_id=promise.place_id,
        ordinal=floor.serial(),
        leg=leg,
        linkedid="",
        node=promise.node,
        campaign=promise.campaign,
        queue=promise.queue,
        dnis=promise.dnis,
        ani=promise.number,
        arrived_at=promise.arrived_at,
        seen_at=0,
        parked=promise.node not in floor.nodes,
        entered_at=promise.entered_at,
        priority=promise.priority,
        promise_id=promise.promise_id,
        place=True,
        data=dict(promise.data),
        waited_before_us=promise.waited_before_us,
        attempts=max(promise.attempts, floor.attempts_from),
        open_offers={
            offer_id: offer
            for offer_id, offer in promise.open_offers.items()
            if offer_id in floor.offers and offer.contact_id == promise.place_id
        },
    )
    floor.contacts[place.contact_id] = floor.by_leg[leg] = place
    heed(floor, place, promise.campaign, place.seen_at)
    return place


def take_place(floor: Floor, promise: Promise, now: Micros) -> None:
    """Take its contact off the floor, if nobody is on the phone for it; who is being rung for it is let go."""
    place = floor.contacts.get(promise.place_id)
    promise.place_id = NOWHERE
    if place is None or not place.place:
        return
    promise.priority, promise.attempts, promise.rings_at = place.priority, place.attempts, 0
    promise.open_offers = place.open_offers
    floor.move(place, ContactStep.END, now)
    del floor.contacts[place.contact_id]
    del floor.by_leg[place.leg]
    floor.timers.cancel(("row", place.contact_id))
    for agent_id in place.skips:
        floor.timers.cancel(("skip", (place.contact_id, agent_id)))
    given, place.live = place.live, NOTHING
    for offer in given.values():
        rescind(floor, offer, OfferResult.CALLER_LEFT, now)


def rest(floor: Floor, promise: Promise, now: Micros, *, until_let_in: bool = False) -> None:
    """Leave the line until somebody may be called again, or until it is too late."""
    if move(floor, promise, PromiseStep.REST):
        take_place(floor, promise, now)
        at = promise.expires_at if until_let_in else min(promise.expires_at, may_call_at(floor, promise, now))
        floor.timers.set(("promise", promise.promise_id), at)


def look_again(floor: Floor, promises: Iterable[Promise], now: Micros) -> None:
    """The times have changed at which these may be called; before that they were reckoned by the old ones."""
    promises = list(promises)
    reckon(floor, promises, now)
    for promise in promises:
        if promise.state in (PromiseState.PROMISED, PromiseState.RESTING):
            floor.timers.set(("promise", promise.promise_id), now)


# ---- on the phone ----


def appeared(floor: Floor, contact: Contact, seen: LegAppeared, now: Micros) -> None:
    """Asterisk made the leg we asked for: its life begins, and for now it rings. Nobody waits by that."""
    promise = floor.promises.get(contact.promise_id or NOWHERE)
    if contact.place and promise is not None and not promise.rings_at:
        contact.seen_at, contact.linkedid = now, seen.linkedid
        promise.rings_at = seen.at
        floor.unwritten[promise] = None
        contact.begins(SegmentKind.RINGING, seen.at)


def owed_by(floor: Floor, contact_id: ContactId) -> Promise | None:
    """The promise this contact is called for, told by its id alone, unless they are on the phone already."""
    promise = floor.promises.get(ContactId(contact_id.rpartition(MARK)[0])) if calls_back(contact_id) else None
    return None if promise is None or promise.state is PromiseState.REACHED else promise


def offers_left(floor: Floor, contact_id: ContactId) -> dict[OfferId, Offer]:
    """Offers made for a place of this name that was taken off the floor, and whose legs live yet.

    Somebody may answer in the instant in which their call was given up: then they are on the phone under that name.
    """
    if not calls_back(contact_id):
        return NOTHING
    return {offer_id: offer for offer_id, offer in floor.offers.items() if offer.contact_id == contact_id}


def is_called_already(floor: Floor, promise: Promise, contact_id: ContactId, now: Micros) -> Contact | None:
    """Their phone rings, or rang, by an order we did not know of: its router died before it wrote that down."""
    if promise.state is PromiseState.CALLING:
        return floor.contacts.get(contact_id)
    number = int(contact_id.rpartition(MARK)[2][:6])
    if not move(floor, promise, PromiseStep.CALL):
        return None
    if promise.place_id != contact_id:
        take_place(floor, promise, now)
        promise.place_id = contact_id
        put_place(floor, promise).open_offers = offers_left(floor, contact_id)
    promise.tries = max(promise.tries, number)
    place = floor.contacts[contact_id]
    place.seen_at = now
    floor.timers.set(("promise", promise.promise_id), now + promise.terms.ring_us + PATIENCE_US)
    return place


def picked_up(floor: Floor, contact: Contact, at: Micros, now: Micros) -> None:
    """They are on the phone: a caller like any other."""
    promise = floor.promises.get(contact.promise_id or NOWHERE)
    if not contact.place or promise is None or not move(floor, promise, PromiseStep.REACH):
        return None
    if contact.turn and contact.line is not None:
        contact.line.places -= 1
    contact.here_at, contact.seen_at, contact.place = at, contact.seen_at or now, False
    contact.begins(SegmentKind.WAITING, at)
    floor.timers.cancel(("promise", promise.promise_id))
    floor.emit(
        CallbackTried(
            contact_id=contact.contact_id,
            promise_id=promise.promise_id,
            queue=promise.queue,
            result=TryResult.ANSWERED,
            number=promise.tries,
        )
    )
    queue = floor.queues[promise.queue]
    floor.timers.set(("wait", contact.contact_id), now + queue.rules.max_wait_us)
    contact.hears = music_of(queue.rules, floor.rules.campaigns.get(contact.campaign))
    attend(floor, contact, queue, now)
    watch(floor, contact, now)
    floor.emit(
        ContactQueued(
            contact_id=contact.contact_id,
            campaign=contact.campaign,
            queue=contact.queue,
            medium=contact.medium,
            arrived_at=contact.here_at,
        )
    )
    floor.stir(contact)
    if contact.state is ContactState.ARRIVED:
        floor.move(contact, ContactStep.QUEUE, now)


# ---- tries and the end ----


def failed(floor: Floor, promise: Promise, result: TryResult, now: Micros) -> None:
    """Their phone was called and nobody answered: later again, or never."""
    if promise.state is not PromiseState.CALLING:
        return
    floor.emit(
        CallbackTried(
            contact_id=promise.place_id,
            promise_id=promise.promise_id,
            queue=promise.queue,
            result=result,
            number=promise.tries,
        )
    )
    promise.next_at = now + promise.terms.retry_after_us
    rest(floor, promise, now)
    if promise.tries >= promise.terms.tries:
        close(floor, promise, PromiseEnd.GIVEN_UP, now)


def not_answered(floor: Floor, contact: Contact, seen: LegEnded, now: Micros) -> None:
    """The leg has ended before anybody picked up."""
    promise = floor.promises.get(contact.promise_id or NOWHERE)
    if promise is not None:
        failed(floor, promise, result_of(seen.cause, seen.tech_cause), now)


def close(floor: Floor, promise: Promise, why: PromiseEnd, now: Micros) -> None:
    """Nothing is owed any more. A phone that rings for it is let be."""
    rings = promise.state is PromiseState.CALLING
    place_id = promise.place_id
    if not move(floor, promise, PromiseStep.CLOSE):
        return
    if rings:
        floor.effects.append(EndLeg(leg=LegId(place_id), node=promise.node))
    take_place(floor, promise, now)
    del floor.promises[promise.promise_id]
    if floor.promised_to.get(promise.caller) == promise.promise_id:
        del floor.promised_to[promise.caller]
    floor.owed[promise.queue] -= 1
    floor.timers.cancel(("promise", promise.promise_id))
    floor.emit(
        CallbackEnded(
            promise_id=promise.promise_id,
            contact_id=place_id or None,
            campaign=promise.campaign,
            queue=promise.queue,
            result=why,
            tries=promise.tries,
            waited_us=now - promise.asked_at,
        )
    )


def talked(floor: Floor, contact: Contact, now: Micros) -> None:
    """An agent talks to them: to whom was called, or to who had only asked for it."""
    owed = floor.promises.get(contact.promise_id or contact.contact_id) or aside_for(floor, contact)
    if contact.place:
        picked_up(floor, contact, now, now)
    if owed is not None:
        close(floor, owed, PromiseEnd.WITHDRAWN if contact.promise_id is None else PromiseEnd.KEPT, now)


def hung_up(floor: Floor, contact: Contact, now: Micros) -> None:
    """Who was called has left, or who had called again: that one is owed the call as before."""
    owed = floor.promises.get(contact.promise_id) if contact.promise_id is not None else None
    if owed is not None:
        close(floor, owed, PromiseEnd.LEFT, now)
    aside = aside_for(floor, contact)
    if aside is not None:
        aside.here = NOWHERE
        floor.unwritten[aside] = None
        if aside.state is PromiseState.RESTING:
            stand(floor, aside, now)


def comes_again(floor: Floor, contact: Contact) -> Promise | None:
    """Rule 1 of callback.py, before the contact stands in line for the first time: whose place it takes."""
    promise_id = floor.promised_to.get((contact.campaign, contact.ani))
    promise = floor.promises.get(promise_id) if promise_id is not None else None
    if promise is None or promise.state in (PromiseState.REACHED, PromiseState.ASKED):
        return None
    if promise.here in floor.contacts:
        return None  # somebody else has it, from the same number
    contact.here_at = contact.here_at or contact.arrived_at
    contact.arrived_at, contact.priority = promise.arrived_at, promise.priority
    contact.waited_before_us = promise.waited_before_us
    if promise.queue in floor.queues:
        contact.queue, contact.entered_at = promise.queue, promise.entered_at
    return promise


def step_aside(floor: Floor, promise: Promise, contact: Contact, now: Micros) -> None:
    """Rule 1, when they stand in line: nobody calls them, and a phone of theirs that rings is let be."""
    if promise.state is PromiseState.CALLING:
        floor.effects.append(EndLeg(leg=LegId(promise.place_id), node=promise.node))
    promise.here = contact.contact_id
    rest(floor, promise, now, until_let_in=True)


def aside_for(floor: Floor, contact: Contact) -> Promise | None:
    """The promise that rests while this caller is on the phone."""
    promise_id = floor.promised_to.get((contact.campaign, contact.ani))
    promise = floor.promises.get(promise_id) if promise_id is not None else None
    return promise if promise is not None and promise.here == contact.contact_id else None
