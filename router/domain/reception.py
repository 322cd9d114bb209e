"""The caller's side of a contact: arrival, the longest wait and what follows it, the ways back, the end.

Rule 1: a contact ends when the caller's leg has ended, once, and its billing record is made then and there.
Rule 2: what we decide about a caller (closing message, release) is LEAVING; only Asterisk makes it ENDED.
"""

from router.domain.contact import Contact, ContactState, ContactStep
from router.domain.effects import EndLeg, SendCaller
from router.domain.events import ContactEnded, ContactOverflowed, ContactQueued
from router.domain.floor import Floor
from router.domain.ids import ContactId, Micros, QueueName
from router.domain.observations import (
    CallerFellBack,
    CallerReturned,
    CallerTransferred,
    ContactArrived,
    LegEnded,
)
from router.domain.offering import rescind
from router.domain.record import BillingRecord, EndedBy, Leg, OfferResult, Outcome, SegmentKind
from router.domain.rules import ToQueue
from router.domain.talk import expect_leg_end, taken_up


def arrived(floor: Floor, seen: ContactArrived, now: Micros) -> None:
    """A caller is there. The campaign was named by the dialplan from the numbers we published."""
    if seen.contact_id in floor.contacts or seen.leg in floor.past:
        floor.ignore(seen, "known already")
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
    )
    welcome(floor, contact)
    enter_queue(floor, contact, campaign.entry, contact.arrived_at, now)


def welcome(floor: Floor, contact: Contact) -> None:
    """Make the contact known; its timeline begins with waiting."""
    floor.sweep(contact.node, contact.seen_at)
    floor.contacts[contact.contact_id] = contact
    floor.by_leg[contact.leg] = contact
    contact.legs = (Leg(uniqueid=contact.leg, linkedid=contact.linkedid, node=contact.node),)
    contact.begins(SegmentKind.WAITING, contact.arrived_at)


def enter_queue(
    floor: Floor, contact: Contact, name: QueueName, since_at: Micros, now: Micros, *, adopted: bool = False
) -> bool:
    """Stand in line of `name`. The longest wait there counts from `since_at`, the place in line from arrival.

    False when the rules have no such queue: the caller is then sent to the closing message.
    """
    queue = floor.queues.get(name)
    if queue is None:
        nowhere_to_go(floor, contact, now)
        return False
    if contact.place is not None:
        floor.queues[contact.queue].step_out(contact)
    contact.queue = name
    floor.stir(contact)
    contact.ended_by = None
    contact.overdue = False
    if floor.move(contact, ContactStep.QUEUE, now):
        contact.begins(SegmentKind.WAITING, now if contact.overflowed_from else contact.arrived_at)
        floor.timers.set(("wait", contact.contact_id), since_at + queue.rules.max_wait_us)
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
    if contact.offer is not None:
        floor.stir(contact)
        contact.overdue = True  # `Floor.move` makes the wait due again the moment the ring is over
        return
    overflow(floor, contact, now)


def overflow(floor: Floor, contact: Contact, now: Micros) -> None:
    """Go on to the next target of the queue; a queue already waited in is not entered twice."""
    left = contact.queue
    contact.overflowed_from += (left,)
    queue = floor.queues.get(left)
    for target in queue.rules.overflow if queue is not None else ():
        if isinstance(target, ToQueue):
            if target.queue in floor.queues and target.queue not in contact.overflowed_from:
                floor.emit(ContactOverflowed(contact_id=contact.contact_id, queue=left, target=target.queue))
                enter_queue(floor, contact, target.queue, now, now)
                return
        else:
            break
    floor.emit(ContactOverflowed(contact_id=contact.contact_id, queue=left, target="closing"))
    leave(floor, contact, Outcome.OVERFLOWED, now)
    contact.begins(SegmentKind.ANNOUNCEMENT, now)
    _send(floor, contact, "acd-closing")


def nowhere_to_go(floor: Floor, contact: Contact, now: Micros) -> None:
    """The rules no longer have a place for this caller: a closing message, never another client's agents."""
    leave(floor, contact, Outcome.SYSTEM, now)
    contact.begins(SegmentKind.ANNOUNCEMENT, now)
    _send(floor, contact, "acd-closing")


def leave(floor: Floor, contact: Contact, outcome: Outcome | None, now: Micros) -> None:
    """Nothing more is offered for it; the end of its leg will end it."""
    floor.stir(contact)
    given = contact.offer
    if floor.move(contact, ContactStep.LEAVE, now):
        contact.leaving = outcome
        floor.timers.cancel(("wait", contact.contact_id))
        contact.offer = None
        if given is not None:
            rescind(floor, given, OfferResult.RESCINDED, now)


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
        _send(floor, contact, "acd-wait")


def release(floor: Floor, contact: Contact) -> None:
    """Let the caller go."""
    floor.effects.append(EndLeg(leg=contact.leg, node=contact.node))


def send_off(floor: Floor, contact: Contact, now: Micros) -> None:
    """Do what was decided about a contact that leaves: the order never got there, or was never given."""
    nowhere = contact.leaving is Outcome.SYSTEM and contact.queue not in floor.queues
    if nowhere or contact.leaving is Outcome.OVERFLOWED or contact.timeline.is_announcement:
        contact.begins(SegmentKind.ANNOUNCEMENT, now)
        floor.stir(contact)
        _send(floor, contact, "acd-closing")
    else:
        release(floor, contact)


def _send(floor: Floor, contact: Contact, context: str) -> None:
    floor.effects.append(SendCaller(contact_id=contact.contact_id, leg=contact.leg, node=contact.node, context=context))


def transferred(floor: Floor, seen: CallerTransferred, now: Micros) -> None:
    """The agent sent the caller on by blind transfer: to another dialled number of ours, else nowhere."""
    contact = floor.contacts.get(seen.contact_id)
    if contact is None or contact.state is not ContactState.CONNECTED:
        floor.ignore(seen, "not in a talk")
        return
    wanted = seen.exten.lstrip("+")
    agent = floor.agents.get(contact.agent_id) if contact.agent_id is not None else None
    if agent is not None and agent.assignment is not None and agent.assignment.contact_id == contact.contact_id:
        expect_leg_end(floor, agent.assignment, now)
    for campaign in floor.rules.campaigns.values():
        if any(number.lstrip("+") == wanted for number in campaign.dnis):
            contact.begins(SegmentKind.WAITING, seen.at)
            enter_queue(floor, contact, campaign.entry, now, now)
            context = "acd-wait"
            break
    else:
        contact.begins(SegmentKind.ANNOUNCEMENT, seen.at)
        leave(floor, contact, None, now)
        context = "acd-closing"
    _send(floor, contact, context)


def call_deadline(floor: Floor, key: ContactId, now: Micros) -> None:
    """The longest talk has passed: both are let go, and the agent's leg must follow."""
    contact = floor.contacts.get(key)
    if contact is None or contact.state is not ContactState.CONNECTED:
        return
    contact.ended_by = EndedBy.SYSTEM
    agent = floor.agents.get(contact.agent_id) if contact.agent_id is not None else None
    if agent is not None and agent.assignment is not None and agent.assignment.contact_id == contact.contact_id:
        expect_leg_end(floor, agent.assignment, now)
    leave(floor, contact, None, now)
    release(floor, contact)


def return_deadline(floor: Floor, key: ContactId, now: Micros) -> None:
    """The agent is gone and the caller went where no rule of ours sent them (an attended transfer): fetch them back.

    They wait again at their old age; when the node is out of sight the resync will find them.
    """
    contact = floor.contacts.get(key)
    if contact is not None and contact.state is ContactState.CONNECTED and contact.node in floor.nodes:
        contact.begins(SegmentKind.WAITING, now)
        if enter_queue(floor, contact, contact.queue, now, now):
            _send(floor, contact, "acd-wait")


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
    state = contact.state
    given = contact.offer
    if not floor.move(contact, ContactStep.END, now):
        return
    contact.offer = None
    if given is not None:
        rescind(floor, given, OfferResult.CALLER_LEFT, now)
    floor.timers.cancel(("wait", contact.contact_id))
    for agent_id in contact.skips:
        floor.timers.cancel(("skip", (contact.contact_id, agent_id)))
    del floor.contacts[contact.contact_id]
    del floor.by_leg[contact.leg]
    agent = floor.agents.get(contact.agent_id) if contact.agent_id is not None else None
    if agent is not None and agent.assignment is not None and agent.assignment.contact_id == contact.contact_id:
        expect_leg_end(floor, agent.assignment, now)
    floor.emit(ContactEnded(record=_record(floor, contact, state, seen)))


def _record(floor: Floor, contact: Contact, state: ContactState, seen: LegEnded) -> BillingRecord:
    segments = contact.timeline.finish(max(seen.at, contact.arrived_at))
    outcome = Outcome.ANSWERED if contact.answered_at is not None else contact.leaving or Outcome.ABANDONED
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
