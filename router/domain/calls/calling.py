"""How a call-back comes about (callback.py): a caller asks for it, an agent is there or their turn has come, they are
called, they answer or do not.

Asked by key: they hear whether we can call them, and confirm; then it is written down (`WriteDown`), and only when that
is told (`PromiseWritten`) they hear that we call, and are let go. Meanwhile they wait on, and may be taken.

Agent first: the place is offered like any caller. An agent who has accepted is there (`AgentReady`) before their phone
rings, and its leg takes them out of the waiting room as soon as they are in it. Caller first: they are called when the
place is the first for a free agent, and each is meant for one of their own, whatever queues that agent serves: so never
more phones ring than agents were free. The agent is not held; who answers is first in line. So both are one way, begun
at another moment.
"""

import heapq
import re
from itertools import chain

from router.domain.benches.agent import Agent
from router.domain.calls.departure import leave
from router.domain.calls.expiry import may_call_at, reckon, runs_out_at
from router.domain.calls.offering import rescind
from router.domain.calls.outside import CALLBACK, send_out
from router.domain.calls.owing import (
    PATIENCE_US,
    aside_for,
    close,
    failed,
    is_ours,
    look_again,
    move,
    owe,
    put_place,
    rest,
    stand,
    take_place,
    until_hours_change,
)
from router.domain.calls.terms import rules_of
from router.domain.contacts.callback import (
    DIALABLE,
    NOWHERE,
    Promise,
    PromiseEnd,
    PromiseState,
    PromiseStep,
    TryResult,
    terms_of,
)
from router.domain.contacts.contact import Contact
from router.domain.contacts.offer import OfferState
from router.domain.errors import CommandRefused
from router.domain.floor import Floor
from router.domain.ids import SECOND, ContactId, LegId, Micros
from router.domain.messages.commands import CancelCallback, SetCallTimes
from router.domain.messages.effects import CallCustomer, EndLeg, SendCaller, WriteDown
from router.domain.messages.events import CallbackPromised, ContactOverflowed
from router.domain.messages.observations import (
    AgentReady,
    CallbackConfirmed,
    CustomerNotCalled,
    PromiseWritten,
)
from router.domain.record import OfferResult, Outcome, SegmentKind
from router.domain.rulebook.rules import CallbackRules
from router.domain.waiting.waiting_room import music_of

WRITTEN_US: Micros = 30 * SECOND
"By then it was told whether the promise is written."
_ROOM = "acd-callback"


# ---- asked for ----


def key_pressed(floor: Floor, contact: Contact, now: Micros) -> None:
    """A waiting caller wants to be called back: they hear whether that can be."""
    _say(floor, contact, "no" if why_not(floor, contact, now) else "ask")


def why_not(floor: Floor, contact: Contact, now: Micros) -> str:
    """Why this caller cannot be promised a call; empty when they can."""
    rules = rules_of(floor, contact.queue)
    if rules is None or contact.campaign not in floor.rules.campaigns:  # what they had called may be gone meanwhile
        return "nobody is called back there"
    if contact.promise_id is not None:
        return "they are being called back already"
    if not DIALABLE.fullmatch(contact.ani) or not re.fullmatch(rules.dialable, contact.ani):
        return "the number cannot be dialled"
    if is_ours(floor, contact.ani):
        return "the call would come back to us"
    if aside_for(floor, contact) is not None:
        return ""
    if (contact.campaign, contact.ani) in floor.promised_to:
        return "a call to that number is owed already"
    if 0 < rules.most <= floor.owed.get(contact.queue, 0):
        return "too many calls are owed already"
    promise = _promise(floor, contact, now, rules)
    return "" if may_call_at(floor, promise, now) < promise.expires_at else "nobody may be called in time"


def _promise(floor: Floor, contact: Contact, now: Micros, rules: CallbackRules) -> Promise:
    promise = Promise(
        promise_id=contact.contact_id,
        campaign=contact.campaign,
        queue=contact.queue,
        number=contact.ani,
        dnis=contact.dnis,
        node=contact.node,
        arrived_at=contact.arrived_at,
        entered_at=contact.entered_at,
        asked_at=now,
        expires_at=now,
        left_us=rules.expires_us,
        counted_at=now,
        terms=terms_of(rules),
        priority=contact.priority,
        data=tuple(contact.data.items()),
        waited_before_us=contact.waited_before_us,
    )
    promise.expires_at = runs_out_at(floor, promise)
    return promise


def confirmed(floor: Floor, seen: CallbackConfirmed, now: Micros) -> None:
    """They said yes: it is written down, and nobody is told before it is."""
    contact = floor.contacts.get(seen.contact_id)
    if contact is None or not contact.is_waiting or seen.contact_id in floor.promises:
        floor.ignore(seen, "no caller who waits")
        return
    rules = rules_of(floor, contact.queue)
    if rules is None or why_not(floor, contact, now):
        _say(floor, contact, "no")
        return
    if aside_for(floor, contact) is not None:
        _let_go(floor, contact, now)  # they are owed it, and it was written down then
        return
    owe(floor, _promise(floor, contact, now, rules))
    floor.timers.set(("promise", contact.contact_id), now + WRITTEN_US)
    floor.effects.append(WriteDown(promise_id=contact.contact_id))


def written(floor: Floor, seen: PromiseWritten, now: Micros) -> None:
    """Whether it would survive us. If so it stands, also for who has hung up meanwhile: they pressed the key."""
    promise = floor.promises.get(seen.promise_id)
    if promise is not None and promise.state is PromiseState.CALLING:
        _dial(floor, promise)
        return
    if promise is None or promise.state is not PromiseState.ASKED:
        floor.ignore(seen, "no such promise")
        return
    contact = floor.contacts.get(promise.promise_id)
    if contact is not None and any(offer.state is OfferState.ACCEPTED for offer in contact.live.values()):
        # an agent has picked up for them: who may be talking by now is not torn away, and if they talk nothing is owed
        promise.read_back = seen.safe
        floor.timers.set(("promise", promise.promise_id), now + PATIENCE_US)
        return
    if not seen.safe:
        close(floor, promise, PromiseEnd.UNWRITTEN, now)
        if contact is not None and contact.is_waiting:
            _say(floor, contact, "no")
        return
    floor.emit(
        CallbackPromised(
            promise_id=promise.promise_id,
            campaign=promise.campaign,
            queue=promise.queue,
            expires_at=promise.expires_at,
        )
    )
    if contact is not None and contact.is_waiting:
        _let_go(floor, contact, now)
    stand(floor, promise, now)


def _let_go(floor: Floor, contact: Contact, now: Micros) -> None:
    """They hear that we call them, and need not wait."""
    floor.emit(ContactOverflowed(contact_id=contact.contact_id, queue=contact.queue, target=CALLBACK, why=CALLBACK))
    leave(floor, contact, Outcome.OVERFLOWED, now)
    contact.begins(SegmentKind.ANNOUNCEMENT, now)
    send_out(floor, contact, CALLBACK, CALLBACK)


def _say(floor: Floor, contact: Contact, what: str) -> None:
    floor.effects.append(
        SendCaller(contact_id=contact.contact_id, leg=contact.leg, node=contact.node, context=_ROOM, exten=what)
    )


# ---- called ----


def agent_ready(floor: Floor, seen: AgentReady, now: Micros) -> None:
    """An agent has accepted the call-back: now their phone rings, unless it does already."""
    offer = floor.offers.get(seen.offer_id)
    contact = floor.contacts.get(offer.contact_id) if offer is not None else None
    promise = floor.promises.get(contact.promise_id) if contact is not None and contact.promise_id else None
    if offer is None or contact is None or promise is None or offer.offer_id not in contact.live:
        floor.ignore(seen, "no such offer")
        return
    if contact.place:
        offer.deadline_at = now + promise.terms.ring_us + floor.rules.connect_grace_us
        floor.timers.set(("talk", offer.offer_id), offer.deadline_at)
        for other in [other for other in contact.live.values() if other is not offer]:
            rescind(floor, other, OfferResult.RESCINDED, now)  # rung at the same time; the first has won
        _call(floor, promise, now)


def is_called_first(floor: Floor, contact: Contact) -> bool:
    """Whether they are on the phone before an agent is asked."""
    promise = floor.promises.get(contact.promise_id or NOWHERE)
    return promise is not None and promise.state is PromiseState.PROMISED and not promise.terms.agent_first


def call_first(floor: Floor, place: Contact, now: Micros, *freed: Agent) -> None:
    """The turn of somebody has come who is called before an agent is. As many are called as agents are free.

    `freed`: who is free and sits on no bench yet.
    """
    promise = floor.promises[place.promise_id or NOWHERE]
    queue = place.line or floor.queues[promise.queue]
    free = chain(freed, (seat[4] for seat in queue.next_best(place, len(floor.meant) + 1)))
    agent = next((agent for agent in free if agent.agent_id not in floor.meant), None)
    if agent is None:
        heap = floor.held_back.setdefault(promise.queue, [])
        heapq.heappush(heap, (queue.line_key(place), floor.serial(), promise.promise_id))
        rest(floor, promise, now, until_let_in=True)
        return
    place_id = promise.place_id
    take_place(floor, promise, now)
    promise.place_id = place_id
    put_place(floor, promise)
    promise.meant_for = agent.agent_id
    floor.meant[agent.agent_id] = promise.promise_id
    _call(floor, promise, now)
    floor.release(promise.queue)


def let_in(floor: Floor, now: Micros) -> None:
    """Somebody there is free whom nobody who is called is meant for: the next held back stands in line again."""
    released, floor.released = floor.released, []
    for queue in released:
        heap = floor.held_back.pop(queue, [])
        while heap:
            promise = floor.promises.get(heapq.heappop(heap)[2])
            if promise is not None and promise.state is PromiseState.RESTING:
                stand(floor, promise, now)
                break
        if heap:
            floor.held_back[queue] = heap


def _call(floor: Floor, promise: Promise, now: Micros) -> None:
    """That they are called is written down first: a successor that did not know would call them again."""
    if move(floor, promise, PromiseStep.CALL):
        promise.tries += 1
        floor.timers.set(("promise", promise.promise_id), now + promise.terms.ring_us + PATIENCE_US)
        floor.effects.append(WriteDown(promise_id=promise.promise_id))


def _dial(floor: Floor, promise: Promise) -> None:
    """It is written down, or cannot be: then they are owed the call all the same."""
    terms, campaign = promise.terms, floor.rules.campaigns.get(promise.campaign)
    place, queue = floor.contacts.get(promise.place_id), floor.queues.get(promise.queue)
    if queue is None or campaign is None or place is None or place.seen_at:
        return
    floor.effects.append(
        CallCustomer(
            contact_id=promise.place_id,
            campaign=promise.campaign,
            node=promise.node,
            dial=f"PJSIP/{promise.number}@{terms.trunk}",
            caller_id=terms.caller_id,
            dnis=promise.dnis,
            ani=promise.number,
            arrived_at=promise.arrived_at,
            timeout_us=terms.ring_us,
            language=campaign.language,
            music=music_of(queue.rules, campaign),
        )
    )


def not_called(floor: Floor, seen: CustomerNotCalled, now: Micros) -> None:
    """No leg was made. One that lived already is the one we wanted."""
    contact = floor.contacts.get(seen.contact_id)
    promise = None if contact is None else floor.promises.get(contact.promise_id or NOWHERE)
    if contact is None or not contact.place or promise is None or seen.exists or promise.rings_at:
        floor.ignore(seen, "no such call")
        return
    failed(floor, promise, TryResult.FAILED, now)


# ---- deadlines and orders ----


def promise_deadline(floor: Floor, promise_id: ContactId, now: Micros) -> None:
    promise = floor.promises[promise_id]
    place = floor.contacts.get(promise.place_id)
    match promise.state:
        case PromiseState.ASKED:
            written(floor, PromiseWritten(promise_id=promise_id, safe=promise.read_back), now)
        case PromiseState.RESTING:
            stand(floor, promise, now)
        case PromiseState.CALLING:
            floor.effects.append(EndLeg(leg=LegId(promise.place_id), node=promise.node))
            failed(floor, promise, TryResult.NO_ANSWER, now)
        case PromiseState.REACHED if place is None:
            close(floor, promise, PromiseEnd.LEFT, now)
        case PromiseState.REACHED if place is not None:
            place.promise_id = promise_id  # found at the first look at Asterisk, and not in the journal
            floor.stir(place)
        case PromiseState.PROMISED if place is not None and place.live:
            floor.timers.set(("promise", promise_id), now + PATIENCE_US)  # who is being rung is not torn away
        case PromiseState.PROMISED if now >= promise.expires_at:
            close(floor, promise, PromiseEnd.EXPIRED, now)
        case PromiseState.PROMISED if place is not None and may_call_at(floor, promise, now) <= now:
            until_hours_change(floor, promise, now)
        case PromiseState.PROMISED:
            rest(floor, promise, now)


def cancel(floor: Floor, asked: CancelCallback, now: Micros) -> None:
    promise = floor.promises.get(asked.promise_id)
    if promise is None:
        raise CommandRefused(
            "callback-unknown",
            f"No call-back is owed to {asked.promise_id}: `ringfair callback list` shows those that are.",
            promise_id=asked.promise_id,
        )
    if promise.state is PromiseState.REACHED:
        raise CommandRefused(
            "callback-reached",
            f"They are on the phone already: `ringfair hangup {promise.place_id}` would end that.",
            promise_id=asked.promise_id,
        )
    close(floor, promise, PromiseEnd.WITHDRAWN, now)


def set_call_times(floor: Floor, asked: SetCallTimes, now: Micros) -> None:
    """Told anew each day, so every promise of the queue is looked at again."""
    here = floor.promises.values() if floor.owed.get(asked.queue) else ()
    owed = [promise for promise in here if promise.queue == asked.queue]
    reckon(floor, owed, now)
    floor.call_times[asked.queue] = asked.times
    look_again(floor, owed, now)
