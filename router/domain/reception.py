"""The caller's side of a contact: arrival, the longest wait and what follows it, the ways back, the end.

Rule 1: a contact ends when the caller's leg has ended, once, and its billing record is made then and there.
Rule 2: what we decide about a caller (closing message, release) is LEAVING; only Asterisk makes it ENDED.
"""

from collections.abc import Sequence

from router.domain.acquaintance import keep
from router.domain.contact import Contact, ContactState, ContactStep
from router.domain.effects import EndLeg, SendCaller
from router.domain.events import ContactEnded, ContactOverflowed, ContactQueued, EmergencyWaits
from router.domain.expectation import expected_at_entry
from router.domain.floor import Floor
from router.domain.ids import ContactId, Micros, QueueName
from router.domain.observations import (
    CallerFellBack,
    CallerReturned,
    ContactArrived,
    LegEnded,
)
from router.domain.offering import rescind
from router.domain.outside import CALLBACK, can_go, send, send_out, told
from router.domain.owing import (
    aside_for,
    comes_again,
    hung_up,
    is_called_already,
    not_answered,
    offers_left,
    owed_by,
    picked_up,
    step_aside,
)
from router.domain.particulars import checked
from router.domain.record import BillingRecord, EndedBy, Leg, OfferResult, Outcome, SegmentKind
from router.domain.rules import EarlyMedia, OverflowTarget, ToClosing, ToQueue
from router.domain.seating import line_for
from router.domain.staffing import sent_on, staffed
from router.domain.talk import expect_leg_end, taken_up
from router.domain.waiting_room import attend, begins, comes


def arrived(floor: Floor, seen: ContactArrived, now: Micros) -> None:
    """A caller is there. The campaign was named by the dialplan from the numbers we published."""
    if seen.contact_id in floor.contacts or seen.leg in floor.past:
        called = floor.contacts.get(seen.contact_id)
        if called is None or not called.place:
            floor.ignore(seen, "known already")
            return
    owed = owed_by(floor, seen.contact_id)
    place = is_called_already(floor, owed, seen.contact_id, now) if owed is not None else None
    if place is not None:
        picked_up(floor, place, seen.at, now)
        return
    campaign = floor.rules.campaigns.get(seen.campaign)
    if campaign is None:
        floor.ignore(seen, "no such campaign")
        floor.effects.append(
            SendCaller(contact_id=seen.contact_id, leg=seen.leg, node=seen.node, context="acd-fallback")
        )
        return
    contact = Contact(
        contact_id=seen.contact_id,
        ordinal=floor.serial(),
        leg=seen.leg,
        linkedid=seen.linkedid,
        node=seen.node,
        campaign=campaign.name,
        queue=campaign.entry,
        dnis=seen.dnis,
        ani=seen.ani,
        arrived_at=seen.arrived_at,
        seen_at=now,
        parked=seen.node not in floor.nodes,
        urgent=campaign.emergency,
        data=checked(seen.data),
    )
    contact.waited_before_us = floor.gave_up.take_back(campaign.name, seen.ani, now)
    welcome(floor, contact)
    owed = comes_again(floor, contact)
    entry = floor.queues.get(contact.queue)
    if entry is not None:
        keep(floor, contact, line_for(floor, entry, contact, now), seen.preferred, now)
    enter_queue(floor, contact, contact.queue, seen.arrived_at, now)
    if owed is not None and contact.is_waiting:
        step_aside(floor, owed, contact, now)


def welcome(floor: Floor, contact: Contact) -> None:
    """Make the contact known; its timeline begins with waiting."""
    floor.sweep(contact.node, contact.seen_at)
    floor.contacts[contact.contact_id] = contact
    floor.by_leg[contact.leg] = contact
    contact.open_offers = offers_left(floor, contact.contact_id)
    contact.legs = (Leg(uniqueid=contact.leg, linkedid=contact.linkedid, node=contact.node),)
    contact.begins(SegmentKind.WAITING, contact.arrived_at)
    campaign = floor.rules.campaigns.get(contact.campaign)
    early = campaign is not None and campaign.greeting == "early-media"
    if campaign is not None and early and campaign.early_media_then is not EarlyMedia.STAY:
        floor.timers.set(("early", contact.contact_id), contact.arrived_at + campaign.early_media_max_us)


def enter_queue(
    floor: Floor, contact: Contact, name: QueueName, since_at: Micros, now: Micros, *, adopted: bool = False
) -> bool:
    """Stand in line of `name`. The longest wait there counts from `since_at`, the place in line from arrival.

    False when the caller does not stand there: it has no room for them, or the rules have no such queue.
    """
    queue = floor.queues.get(name)
    if queue is None:
        nowhere_to_go(floor, contact, now)
        return False
    floor.step_out(contact)
    comes_anew = contact.state is ContactState.ARRIVED or name != contact.queue
    if comes_anew:
        contact.expected_us = None
    if comes_anew and not adopted:
        line = line_for(floor, queue, contact, now)
        if why := sent_on(floor, line, contact, now):
            contact.queue = name
            overflow(floor, contact, now, why)
            return contact.is_waiting
        contact.expected_us = expected_at_entry(floor, line, contact, now)
        campaign = floor.rules.campaigns.get(contact.campaign)
        straight = contact.state is ContactState.ARRIVED and campaign is not None and name == campaign.entry
        (begins if straight else comes)(floor, contact, queue, now)
    if contact.queue != name or not contact.entered_at:
        contact.entered_at = max(since_at, contact.arrived_at)
    contact.queue = name
    floor.stir(contact)
    contact.ended_by = None
    contact.overdue = False
    contact.leaving, contact.sent_to, contact.sent_why = None, "", ""
    if floor.move(contact, ContactStep.QUEUE, now):
        contact.begins(SegmentKind.WAITING, now if contact.overflowed_from else contact.arrived_at)
        floor.timers.set(("wait", contact.contact_id), since_at + queue.rules.max_wait_us)
        attend(floor, contact, queue, now)
        campaign = floor.rules.campaigns.get(contact.campaign)
        if contact.urgent and campaign is not None:
            floor.timers.set(("alarm", contact.contact_id), now + campaign.alarm_us)
        floor.emit(
            ContactQueued(
                contact_id=contact.contact_id,
                campaign=queue.rules.campaign,
                queue=name,
                medium=contact.medium,
                arrived_at=contact.arrived_at,
                adopted=adopted,
            )
        )
    return True


def wait_deadline(floor: Floor, key: ContactId, now: Micros) -> None:
    """The longest wait has passed. Who is being rung is not torn away: overflow waits for the ring to end."""
    contact = floor.contacts.get(key)
    if contact is None or not contact.is_waiting:
        return
    if contact.live:
        floor.stir(contact)
        contact.overdue = True  # `Floor.move` makes the wait due again the moment the ring is over
        return
    overflow(floor, contact, now)


def overflow(floor: Floor, contact: Contact, now: Micros, why: str = "wait") -> None:
    """Go on to the next target of the queue; a queue already waited in is not entered twice."""
    left = contact.queue
    contact.overflowed_from += (left,)
    floor.step_out(contact)
    contact.awaits = None
    go_on(floor, contact, targets_of(floor, left, why), now, why)


def go_on(floor: Floor, contact: Contact, targets: Sequence[OverflowTarget], now: Micros, why: str) -> None:
    """To the first of these that there is; the closing message takes everybody, and comes after all others."""
    left, contact.news_at = contact.queue, now
    for target in targets:
        if isinstance(target, ToQueue):
            if target.queue in floor.queues and target.queue not in contact.overflowed_from:
                floor.emit(ContactOverflowed(contact_id=contact.contact_id, queue=left, target=target.queue, why=why))
                enter_queue(floor, contact, target.queue, now, now)
                return
        elif isinstance(target, ToClosing):
            break
        elif can_go(floor, target):
            floor.emit(ContactOverflowed(contact_id=contact.contact_id, queue=left, target=told(target), why=why))
            leave(floor, contact, Outcome.OVERFLOWED, now)
            contact.begins(SegmentKind.ANNOUNCEMENT, now)
            send_out(floor, contact, told(target), why)
            return
    floor.emit(ContactOverflowed(contact_id=contact.contact_id, queue=left, target="closing", why=why))
    leave(floor, contact, Outcome.OVERFLOWED, now)
    contact.begins(SegmentKind.ANNOUNCEMENT, now)
    send_out(floor, contact, "", why)


def targets_of(floor: Floor, left: QueueName, why: str) -> tuple[OverflowTarget, ...]:
    queue = floor.queues.get(left)
    if queue is None:
        return ()
    return floor.rules.campaigns[queue.rules.campaign].closed if why == "closed" else queue.rules.overflow


def alarm_deadline(floor: Floor, key: ContactId, now: Micros) -> None:
    """Nobody has taken an emergency caller yet."""
    contact = floor.contacts[key]
    campaign = floor.rules.campaigns.get(contact.campaign)
    if campaign is None or not contact.is_waiting:
        return
    waited_us = now - contact.arrived_at
    floor.emit(EmergencyWaits(contact_id=key, campaign=campaign.name, queue=contact.queue, waited_us=waited_us))
    floor.timers.set(("alarm", key), now + campaign.alarm_us)


def look_after(floor: Floor, now: Micros) -> None:
    """Somebody left these queues: who waited for them goes on to the next row, or to the next target.

    Who comes to one of them in this instant, from another, was not waiting there: they were asked at its door.
    """
    while floor.thinned:
        thinned, floor.thinned = floor.thinned, {}
        for queue, line in [(queue, queue.in_line()) for queue in thinned]:
            gone = not staffed(queue, queue.rules.stay_if)
            for contact in line:
                if gone and not contact.urgent and not contact.place:
                    overflow(floor, contact, now, "nobody")
                else:
                    floor.open_rows(contact, now)


def nowhere_to_go(floor: Floor, contact: Contact, now: Micros) -> None:
    """The rules no longer have a place for this caller: a closing message, never another client's agents."""
    leave(floor, contact, Outcome.SYSTEM, now)
    contact.begins(SegmentKind.ANNOUNCEMENT, now)
    send(floor, contact, "acd-closing")


def leave(floor: Floor, contact: Contact, outcome: Outcome | None, now: Micros) -> None:
    """Nothing more is offered for it; the end of its leg will end it."""
    floor.stir(contact)
    if floor.move(contact, ContactStep.LEAVE, now):
        contact.leaving = outcome
        floor.timers.cancel(("wait", contact.contact_id))
        floor.timers.cancel(("treat", contact.contact_id))
        given, contact.live = contact.live, {}
        for offer in given.values():
            rescind(floor, offer, OfferResult.RESCINDED, now)


def returned(floor: Floor, seen: CallerReturned, now: Micros) -> None:
    """The agent's leg is gone and the caller is still there, alive in `acd-after`."""
    contact = floor.contacts.get(seen.contact_id)
    if contact is None:
        floor.ignore(seen, "no such contact")
        return
    contact.news_at = now
    floor.stir(contact)
    if contact.is_waiting and contact.node not in floor.nodes:
        taken_up(floor, contact, seen.at, now)  # told before the snapshot of a node that was away: we missed a talk
    if contact.state is ContactState.CONNECTED:
        # A person who hangs up is heard before their leg ends (`HangupAsked`); without that nobody is blamed.
        contact.ended_by = contact.ended_by or EndedBy.SYSTEM
        leave(floor, contact, None, now)
        release(floor, contact)
    elif contact.is_waiting:
        # An end we took for something else: the caller goes back to the music rather than being lost.
        contact.back_at = seen.at
        send(floor, contact, "acd-wait")


def release(floor: Floor, contact: Contact) -> None:
    """Let the caller go."""
    floor.effects.append(EndLeg(leg=contact.leg, node=contact.node))


def send_off(floor: Floor, contact: Contact, now: Micros) -> None:
    """Do what was decided about a contact that leaves: the order never got there, or was never given."""
    nowhere = contact.leaving is Outcome.SYSTEM and contact.queue not in floor.queues
    if nowhere or contact.leaving is Outcome.OVERFLOWED or contact.timeline.is_announcement:
        contact.begins(SegmentKind.ANNOUNCEMENT, now)
        send_out(floor, contact, contact.sent_to, contact.sent_why)
    else:
        release(floor, contact)


def went_out(floor: Floor, contact: Contact, at: Micros, now: Micros) -> None:
    """They are where an overflow sent them, by our own order or by one of who had the pool before us."""
    contact.begins(SegmentKind.ANNOUNCEMENT, at)
    floor.stir(contact)
    leave(floor, contact, Outcome.OVERFLOWED, now)


def fell_back(floor: Floor, seen: CallerFellBack, now: Micros) -> None:
    """The dialplan gave up on us (no heartbeat) and serves the caller itself; we only keep the record."""
    contact = floor.contacts.get(seen.contact_id)
    if contact is None:
        floor.ignore(seen, "no such contact")
        return
    contact.begins(SegmentKind.ANNOUNCEMENT, seen.at)
    floor.stir(contact)
    leave(floor, contact, Outcome.SYSTEM, now)


def caller_ended(floor: Floor, contact: Contact, seen: LegEnded, now: Micros) -> None:
    """The caller's leg is gone: the contact ends, its record is closed."""
    if contact.place:
        not_answered(floor, contact, seen, now)
        return
    state = contact.state
    if not floor.move(contact, ContactStep.END, now):
        return
    owed = contact.promise_id is not None or contact.contact_id in floor.promises
    owed = owed or aside_for(floor, contact) is not None
    if state in (ContactState.QUEUED, ContactState.OFFERED) and contact.answered_at is None and not owed:
        _gave_up(floor, contact, now)
    if state in (ContactState.QUEUED, ContactState.OFFERED) and contact.contact_id in floor.promises:
        floor.emit(  # they have confirmed, and did not wait until it was written down
            ContactOverflowed(contact_id=contact.contact_id, queue=contact.queue, target=CALLBACK, why=CALLBACK)
        )
    given, contact.live = contact.live, {}
    for offer in given.values():
        rescind(floor, offer, OfferResult.CALLER_LEFT, now)
    floor.timers.cancel(("wait", contact.contact_id))
    floor.timers.cancel(("treat", contact.contact_id))
    floor.timers.cancel(("row", contact.contact_id))
    floor.timers.cancel(("alarm", contact.contact_id))
    floor.timers.cancel(("kept", contact.contact_id))
    floor.timers.cancel(("early", contact.contact_id))
    for agent_id in contact.skips:
        floor.timers.cancel(("skip", (contact.contact_id, agent_id)))
    del floor.contacts[contact.contact_id]
    del floor.by_leg[contact.leg]
    agent = floor.agents.get(contact.agent_id) if contact.agent_id is not None else None
    if agent is not None and agent.assignment is not None and agent.assignment.contact_id == contact.contact_id:
        expect_leg_end(floor, agent.assignment, now)
    floor.emit(ContactEnded(record=_record(floor, contact, state, seen)))
    hung_up(floor, contact, now)


def _gave_up(floor: Floor, contact: Contact, now: Micros) -> None:
    """They hung up in line. Who was spoken to before has no place to come back to."""
    queue = floor.queues.get(contact.queue)
    floor.paces.gave_up(contact.queue, now - contact.waits_from)
    if queue is not None and queue.rules.redial_us:
        until_at, waited_us = now + queue.rules.redial_us, now - contact.aged_from
        floor.gave_up.note(contact.campaign, contact.ani, waited_us, until_at=until_at, now=now)


def _record(floor: Floor, contact: Contact, state: ContactState, seen: LegEnded) -> BillingRecord:
    segments = contact.timeline.finish(max(seen.at, contact.arrived_at))
    promised = contact.contact_id in floor.promises
    left = contact.leaving or (Outcome.OVERFLOWED if promised else Outcome.ABANDONED)
    outcome = Outcome.ANSWERED if contact.answered_at is not None else left
    decided = state is ContactState.LEAVING
    ended_by = contact.ended_by or (EndedBy.SYSTEM if decided or seen.estimated else EndedBy.CALLER)
    return BillingRecord(
        contact_id=contact.contact_id,
        medium=contact.medium,
        campaign=contact.campaign,
        queue=contact.queue,
        ani=contact.ani,
        dnis=contact.dnis,
        arrived_at=segments[0].from_at,
        answered_at=contact.answered_at,
        ended_at=segments[-1].to_at,
        outcome=outcome,
        ended_by=ended_by,
        config_hash=floor.rules.config_hash,
        # before its node was looked at whole: the end of a talk may have been missed
        end_estimated=seen.estimated or (contact.parked and contact.answered_at is not None),
        segments=segments,
        legs=contact.legs,
    )
