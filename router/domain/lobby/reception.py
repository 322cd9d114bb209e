"""The caller's side of a contact while it waits: arrival, a queue, the longest wait, and where they go on to.

How they leave is departure.py's.
"""

from collections.abc import Sequence
from typing import Final

from router.domain.benches.queue import Queue
from router.domain.benches.seating import line_for
from router.domain.calls.departure import leave, nowhere_to_go
from router.domain.calls.outside import send_out, told
from router.domain.calls.owing import comes_again, is_called_already, offers_left, owed_by, picked_up, step_aside
from router.domain.contacts.contact import Contact, ContactState, ContactStep
from router.domain.contacts.particulars import checked
from router.domain.floor import Floor
from router.domain.ids import ContactId, Micros, QueueName, calls_back
from router.domain.lobby.staffing import refused, sent_on, staffed
from router.domain.messages.effects import SendCaller
from router.domain.messages.events import ContactOverflowed, ContactQueued
from router.domain.messages.observations import ContactArrived
from router.domain.nothing import NOTHING
from router.domain.record import Outcome, SegmentKind
from router.domain.rulebook.rules import CampaignRules, EarlyMedia, OverflowTarget, ToClosing, ToQueue
from router.domain.waiting.acquaintance import keep
from router.domain.waiting.expectation import expected_at_entry
from router.domain.waiting.urgency import heed, watch
from router.domain.waiting.waiting_room import attend, begins, comes

_ARRIVED: Final = ContactState.ARRIVED
_TO_QUEUE: Final = ContactStep.QUEUE
_STAY: Final = EarlyMedia.STAY
_OVERFLOWED: Final = Outcome.OVERFLOWED
_ANNOUNCEMENT: Final = SegmentKind.ANNOUNCEMENT
_WAITING: Final = SegmentKind.WAITING
"Named once: to read a member from its class costs 50 ns, and these are asked for with every contact."


def arrived(floor: Floor, seen: ContactArrived, now: Micros) -> None:
    """A caller is there. The campaign was named by the dialplan from the numbers we published."""
    if seen.contact_id in floor.contacts or seen.leg in floor.past:
        called = floor.contacts.get(seen.contact_id)
        if called is None or not called.place:
            floor.ignore(seen, "known already")
            return
    if floor.promises and _is_called(floor, seen, now):
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
        data=checked(seen.data) if seen.data else NOTHING,
    )
    if calls_back(seen.contact_id):  # and nobody owes it any more
        contact.here_at = seen.at
    contact.waited_before_us = credit_us = floor.gave_up.credit(campaign.name, seen.ani, now)
    welcome(floor, contact)
    owed = comes_again(floor, contact) if floor.promises else None
    entry = floor.queues.get(contact.queue) if campaign.keep_us else None
    if entry is not None:
        keep(floor, contact, line_for(floor, entry, contact, now), seen.preferred, now)
    enter_queue(floor, contact, contact.queue, contact.here_at or seen.arrived_at, now)
    if credit_us and contact.is_waiting:
        floor.gave_up.take_back(campaign.name, seen.ani)
    elif credit_us and owed is None:
        contact.waited_before_us = 0
    if owed is not None and contact.is_waiting:
        step_aside(floor, owed, contact, now)


def _is_called(floor: Floor, seen: ContactArrived, now: Micros) -> bool:
    """They pick up, and were called by an order we did not know of."""
    owed = owed_by(floor, seen.contact_id)
    place = is_called_already(floor, owed, seen.contact_id, now) if owed is not None else None
    if place is not None:
        picked_up(floor, place, seen.at, now)
    return place is not None


def welcome(floor: Floor, contact: Contact, *, up: bool = False) -> None:
    """Make the contact known; its timeline begins with waiting. `up`: their leg is answered already."""
    floor.sweep(contact.node, contact.seen_at)
    floor.contacts[contact.contact_id] = contact
    floor.by_leg[contact.leg] = contact
    if contact.here_at:
        contact.open_offers = offers_left(floor, contact.contact_id)
    begins_at = contact.here_at or contact.arrived_at
    contact.begins(_WAITING, begins_at)
    campaign = floor.rules.campaigns.get(contact.campaign)
    if campaign is None:
        return
    if campaign.emergency:
        heed(floor, contact, campaign.name, contact.seen_at)
    contact.up = up
    if not up and _may_not_stay_unanswered(campaign):
        floor.timers.set(("early", contact.contact_id), begins_at + campaign.early_media_max_us)


def _may_not_stay_unanswered(campaign: CampaignRules) -> bool:
    return campaign.greeting == "early-media" and campaign.early_media_then is not _STAY


def was_answered(floor: Floor, contact: Contact) -> None:
    """Their leg is up, whoever answered it: no carrier cuts it any more for want of an answer."""
    contact.up = True
    if ("early", contact.contact_id) in floor.timers:
        floor.timers.cancel(("early", contact.contact_id))
        floor.stir(contact)


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
    if contact.turn:
        floor.step_out(contact)
    arrives = contact.state is _ARRIVED
    comes_anew = arrives or name != contact.queue
    if comes_anew:
        contact.expected_us = None
        if not adopted:
            line = line_for(floor, queue, contact, now) if queue.data else queue
            if why := sent_on(floor, line, contact, now):
                contact.queue = name
                overflow(floor, contact, now, why)
                return contact.is_waiting
            if queue.is_to_foretell():
                contact.expected_us = expected_at_entry(floor, line, contact, now)
            campaign = floor.rules.campaigns.get(contact.campaign) if arrives else None
            if campaign is not None and name == campaign.entry:
                begins(floor, contact, queue, campaign, now)
            else:
                comes(floor, contact, queue, now)
    if contact.queue != name or not contact.entered_at:
        contact.entered_at, contact.opened_us = max(since_at, contact.arrived_at), 0
    contact.queue = name
    if not arrives:
        floor.stir(contact)
        contact.ended_by, contact.overdue = None, ""
        contact.leaving, contact.sent_to, contact.sent_why = None, "", ""
    if floor.move(contact, _TO_QUEUE, now):
        if adopted or not comes_anew:
            floor.returned[contact] = None
        contact.begins(_WAITING, now if contact.overflowed_from else contact.arrived_at)
        floor.timers.set(("wait", contact.contact_id), since_at + queue.rules.max_wait_us)
        if queue.speaks or contact.attended_at:
            attend(floor, contact, queue, now)
        if contact.urgent:
            watch(floor, contact, now)
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
    why = contact.overdue or "wait"
    if contact.live:
        floor.stir(contact)
        contact.overdue = why  # `Floor.move` makes the wait due again the moment the ring is over
        return
    overflow(floor, contact, now, why)


def wait_by(floor: Floor, contact: Contact, was: Queue | None, now: Micros) -> None:
    """The rules were swapped around who waits: the longest wait is that of the new ones, counted from where it was."""
    queue, due_at = floor.queues[contact.queue], floor.timers.at(("wait", contact.contact_id))
    if was is None or due_at is None:
        return  # it is over, and they are rung for
    longest_us, same = queue.rules.max_wait_us, was.rules.name == contact.queue
    due_at = due_at - was.rules.max_wait_us + longest_us if same else now + longest_us
    floor.timers.set(("wait", contact.contact_id), max(due_at, now))
    floor.stir(contact)


def answered_by(floor: Floor, contact: Contact, was: CampaignRules | None, now: Micros) -> None:
    """The rules were swapped: whoever is unanswered yet is so until the new ones say, counted from when they came.

    Who came while callers were answered at once is known to be up by nobody, and is left alone.
    """
    campaign = floor.rules.campaigns.get(contact.campaign)
    if campaign is None or was is None or was.greeting != "early-media":
        return
    if (campaign.early_media_then, campaign.early_media_max_us) == (was.early_media_then, was.early_media_max_us):
        return
    key = ("early", contact.contact_id)
    if campaign.early_media_then is _STAY:
        floor.timers.cancel(key)
    elif not (contact.up or contact.here_at or contact.place) and contact.answered_at is None:
        floor.timers.set(key, max(now, contact.arrived_at + campaign.early_media_max_us))
    floor.stir(contact)


def overflow(floor: Floor, contact: Contact, now: Micros, why: str = "wait") -> None:
    """Go on to the next target of the queue; a queue already waited in is not entered twice."""
    left = contact.queue
    contact.overflowed_from += (left,)
    floor.step_out(contact)
    floor.keep_no_more(contact)
    go_on(floor, contact, targets_of(floor, left, why), now, why)


def go_on(floor: Floor, contact: Contact, targets: Sequence[OverflowTarget], now: Micros, why: str) -> None:
    """To the first of these that takes them; the closing message takes everybody, and comes after all others.

    A queue whose door is closed to them is passed over for the next of these, never left along a list of its own.
    """
    contact.news_at = now
    passed: list[tuple[str, str]] = []
    for target in targets:
        if isinstance(target, ToClosing):
            break
        if refusal := "been-there" if _has_been(contact, target) else refused(floor, contact, target, now):
            passed.append((told(target), refusal))
            continue
        _goes_on(floor, contact, told(target), why, passed)
        if isinstance(target, ToQueue):
            enter_queue(floor, contact, target.queue, now, now)
        else:
            _goes_out(floor, contact, told(target), now, why)
        return
    _goes_on(floor, contact, told(ToClosing()), why, passed)
    _goes_out(floor, contact, "", now, why)


def _has_been(contact: Contact, target: OverflowTarget) -> bool:
    """A queue they left already, or were not let into, is not tried again: so it ends, whatever the targets are."""
    return isinstance(target, ToQueue) and target.queue in contact.overflowed_from


def _goes_on(floor: Floor, contact: Contact, target: str, why: str, passed: Sequence[tuple[str, str]]) -> None:
    left = contact.queue
    floor.emit(
        ContactOverflowed(contact_id=contact.contact_id, queue=left, target=target, why=why, passed=tuple(passed))
    )


def _goes_out(floor: Floor, contact: Contact, where: str, now: Micros, why: str) -> None:
    leave(floor, contact, _OVERFLOWED, now)
    contact.begins(_ANNOUNCEMENT, now)
    send_out(floor, contact, where, why)


def targets_of(floor: Floor, left: QueueName, why: str) -> tuple[OverflowTarget, ...]:
    queue = floor.queues.get(left)
    if queue is None:
        return ()
    return floor.rules.campaigns[queue.rules.campaign].closed if why == "closed" else queue.rules.overflow


def look_after(floor: Floor, now: Micros) -> None:
    """Somebody left these queues: who waited for them goes on to the next row, or to the next target.

    All of them in the one order: where a target has little room, it is for who stood before the others. Most who leave
    leave somebody behind: then counts say so, and no line is looked at. Who comes to one of these queues in this
    instant, from another, was not waiting there: they were asked at its door.
    """
    while floor.thinned:
        thinned, floor.thinned = floor.thinned, {}
        gone = {queue: not staffed(queue, queue.rules.stay_if) for queue in thinned}
        lines = ((queue, queue.in_line() if gone[queue] else queue.left_alone()) for queue in thinned)
        places = sorted((*queue.place_of(contact), queue) for queue, line in lines for contact in line)
        for *_, contact, left in places:
            if gone[left] and not contact.urgent and not contact.place:
                overflow(floor, contact, now, "nobody")
            else:
                floor.open_rows(contact, now)
