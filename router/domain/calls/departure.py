"""Callers leave: sent off, let go, given back by an agent, taken by the dialplan, and the end with its record.

Rule 1: a contact ends when the caller's leg has ended, once, and its billing record is made then and there.
Rule 2: what we decide about a caller (closing message, release) is LEAVING; only Asterisk makes it ENDED.
"""

from typing import Final

from router.domain.calls.offering import rescind
from router.domain.calls.outside import CALLBACK, send, send_out
from router.domain.calls.owing import aside_for, hung_up, not_answered
from router.domain.calls.talk import expect_leg_end, taken_up
from router.domain.contacts.contact import Contact, ContactState, ContactStep
from router.domain.floor import Floor
from router.domain.ids import Micros
from router.domain.messages.effects import EndLeg, LookAgain
from router.domain.messages.events import ContactEnded, ContactOverflowed
from router.domain.messages.observations import CallerFellBack, CallerReturned, CallerSentOff, LegEnded
from router.domain.nothing import NOTHING
from router.domain.record import BillingRecord, EndedBy, OfferResult, Outcome, SegmentKind

_CONNECTED: Final = ContactState.CONNECTED
_LEAVING: Final = ContactState.LEAVING
_OFFERED: Final = ContactState.OFFERED
_QUEUED: Final = ContactState.QUEUED
_TO_END: Final = ContactStep.END
_TO_LEAVE: Final = ContactStep.LEAVE
_BY_CALLER: Final = EndedBy.CALLER
_BY_SYSTEM: Final = EndedBy.SYSTEM
_CALLER_LEFT: Final = OfferResult.CALLER_LEFT
_RESCINDED: Final = OfferResult.RESCINDED
_ABANDONED: Final = Outcome.ABANDONED
_ANSWERED: Final = Outcome.ANSWERED
_OVERFLOWED: Final = Outcome.OVERFLOWED
_SYSTEM: Final = Outcome.SYSTEM
_ANNOUNCEMENT: Final = SegmentKind.ANNOUNCEMENT
"Named once: to read a member from its class costs 50 ns, and these are asked for with every contact."


def nowhere_to_go(floor: Floor, contact: Contact, now: Micros) -> None:
    """The rules no longer have a place for this caller: a closing message, never another client's agents."""
    leave(floor, contact, _SYSTEM, now)
    contact.begins(_ANNOUNCEMENT, now)
    send(floor, contact, "acd-closing")


def leave(floor: Floor, contact: Contact, outcome: Outcome | None, now: Micros) -> None:
    """Nothing more is offered for it; the end of its leg will end it."""
    floor.stir(contact)
    if floor.move(contact, _TO_LEAVE, now):
        contact.leaving = outcome
        _give_up_offers(floor, contact, _RESCINDED, now)


def _give_up_offers(floor: Floor, contact: Contact, result: OfferResult, now: Micros) -> None:
    given, contact.live = contact.live, NOTHING
    for offer in given.values():
        rescind(floor, offer, result, now)


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
    if contact.state is _CONNECTED:
        # A person who hangs up is heard before their leg ends (`HangupAsked`); without that nobody is blamed.
        contact.ended_by = contact.ended_by or _BY_SYSTEM
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
    nowhere = contact.leaving is _SYSTEM and contact.queue not in floor.queues
    if nowhere or contact.leaving is _OVERFLOWED or contact.timeline.is_announcement:
        contact.begins(_ANNOUNCEMENT, now)
        send_out(floor, contact, contact.sent_to, contact.sent_why)
    else:
        release(floor, contact)


def sent_off(floor: Floor, seen: CallerSentOff, now: Micros) -> None:
    """The order to send them there has arrived. It may be late news: a reason to look, no truth of its own.

    Where we gave that order they are LEAVING. Else one gave it who had the pool before us and died before it was
    written down: then they are in our line, and nobody can reach them.
    """
    contact = floor.contacts.get(seen.contact_id)
    if contact is None:
        floor.ignore(seen, "no such contact")
    elif contact.state is not _LEAVING:
        floor.effects.append(LookAgain(node=contact.node))


def went_out(floor: Floor, contact: Contact, at: Micros, now: Micros) -> None:
    """They are where an overflow sent them, by our own order or by one of who had the pool before us."""
    contact.begins(_ANNOUNCEMENT, at)
    floor.stir(contact)
    leave(floor, contact, _OVERFLOWED, now)


def fell_back(floor: Floor, seen: CallerFellBack, now: Micros) -> None:
    """The dialplan gave up on us (no heartbeat) and serves the caller itself; we only keep the record."""
    contact = floor.contacts.get(seen.contact_id)
    if contact is None:
        floor.ignore(seen, "no such contact")
        return
    contact.begins(_ANNOUNCEMENT, seen.at)
    floor.stir(contact)
    leave(floor, contact, _SYSTEM, now)


def caller_ended(floor: Floor, contact: Contact, seen: LegEnded, now: Micros) -> None:
    """The caller's leg is gone: the contact ends, its record is closed."""
    if contact.place:
        not_answered(floor, contact, seen, now)
        return
    state = contact.state
    if not floor.move(contact, _TO_END, now):
        return
    if state in (_QUEUED, _OFFERED):
        if contact.answered_at is None:
            _gave_up(floor, contact, now)
        if contact.contact_id in floor.promises:
            floor.emit(  # they have confirmed, and did not wait until it was written down
                ContactOverflowed(contact_id=contact.contact_id, queue=contact.queue, target=CALLBACK, why=CALLBACK)
            )
    _give_up_offers(floor, contact, _CALLER_LEFT, now)
    for agent_id in contact.skips:
        floor.timers.cancel(("skip", (contact.contact_id, agent_id)))
    del floor.contacts[contact.contact_id]
    del floor.by_leg[contact.leg]
    agent = floor.agents.get(contact.agent_id) if contact.agent_id is not None else None
    if agent is not None and agent.assignment is not None and agent.assignment.contact_id == contact.contact_id:
        expect_leg_end(floor, agent.assignment, now)
    floor.emit(ContactEnded(record=_record(floor, contact, state, seen)))
    if floor.promises:
        hung_up(floor, contact, now)


def _gave_up(floor: Floor, contact: Contact, now: Micros) -> None:
    """They hung up in line. Who was spoken to before, or is called back, has no place to come back to."""
    if contact.promise_id is not None or contact.contact_id in floor.promises or aside_for(floor, contact) is not None:
        return
    queue = floor.queues.get(contact.queue)
    floor.paces.gave_up(contact.queue, now - contact.waits_from)
    if queue is not None and queue.rules.redial_us:
        until_at, waited_us = now + queue.rules.redial_us, now - contact.aged_from
        floor.gave_up.note(contact.campaign, contact.ani, waited_us, until_at=until_at, now=now)


def _record(floor: Floor, contact: Contact, state: ContactState, seen: LegEnded) -> BillingRecord:
    segments = contact.timeline.finish(max(seen.at, contact.arrived_at))
    outcome = _ANSWERED
    if contact.answered_at is None:
        promised = contact.contact_id in floor.promises
        outcome = contact.leaving or (_OVERFLOWED if promised else _ABANDONED)
    decided = state is _LEAVING
    ended_by = contact.ended_by or (_BY_SYSTEM if decided or seen.estimated else _BY_CALLER)
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
