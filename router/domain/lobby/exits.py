"""Ways out of a line that caller, carrier or somebody outside decides: a key, too long in early media, not taken.

Rule 1: a key leads to its own target, or to the next of the queue. Where its target cannot take the caller now they
stay where they are: nobody loses their place by a key. Keys do not stop the clock: in a queue where they have been the
longest wait counts from when they came to us, so that nobody goes to and fro for ever.
Rule 2: somebody whom a key took outside, and whom nobody took there, has their old place again. Whom an overflow took
there goes on to the target after it: their wait here was over.
Rule 3: a carrier cuts a call that nobody answers after one to three minutes, so waiting unanswered has an end of its
own. Who is being rung is not torn away, and an emergency caller is answered rather than sent on. The order may get
lost, and who is outside just then may come back: the deadline stands, and falls due again, until the leg is answered.
"""

from router.domain.benches.queue import Queue
from router.domain.calls.outside import told
from router.domain.contacts.contact import Contact, ContactState
from router.domain.floor import Floor
from router.domain.ids import SECOND, CampaignName, ContactId, Micros
from router.domain.lobby.reception import enter_queue, go_on, overflow, targets_of
from router.domain.lobby.staffing import refused
from router.domain.messages.effects import AnswerCaller
from router.domain.messages.events import ContactOverflowed, MessageLeft, TargetFailed
from router.domain.messages.observations import CallerNotTaken, MessageRecorded
from router.domain.record import Outcome, SegmentKind
from router.domain.rulebook.rules import EarlyMedia, OverflowTarget, ToQueue

KEY, EARLY = "key", "early-media"
EARLY_AGAIN_US: Micros = 5 * SECOND
"Until whoever should have been answered is looked at again: an order takes the time of a turn of the dialplan's loop."
OWN_KEY = "own-key"
"Why somebody went outside by a key that leads there: they had no need to leave their line."


def leave_by_key(floor: Floor, contact: Contact, queue: Queue, key: str, now: Micros) -> bool:
    """Rule 1, for somebody who waits in this queue and is not being rung for. False: the key has no such target."""
    target = dict(queue.rules.keys).get(key)
    if target is None:
        return False
    if not _takes(floor, contact, target, now):
        return True
    contact.pressed = key
    if isinstance(target, ToQueue):
        left, been_there = contact.queue, target.queue in contact.overflowed_from
        contact.overflowed_from += (left,)
        floor.emit(ContactOverflowed(contact_id=contact.contact_id, queue=left, target=told(target), why=KEY))
        enter_queue(floor, contact, target.queue, now, now)
        if been_there and contact.is_waiting and contact.queue == target.queue:
            came_at = max(contact.arrived_at, contact.here_at)
            over_at = came_at + floor.queues[target.queue].rules.max_wait_us
            floor.timers.set(("wait", contact.contact_id), max(now, over_at))
    else:
        go_on(floor, contact, (target,), now, KEY)
        contact.sent_why = OWN_KEY
    return True


def _takes(floor: Floor, contact: Contact, target: OverflowTarget, now: Micros) -> bool:
    stands_there = isinstance(target, ToQueue) and target.queue == contact.queue
    return not stands_there and not refused(floor, contact, target, now)


def not_taken(floor: Floor, seen: CallerNotTaken, now: Micros) -> None:
    """Rule 2. They hear music already: where they go next, they need be sent only if it is no queue."""
    contact = floor.contacts.get(seen.contact_id)
    if contact is None or contact.state is not ContactState.LEAVING or contact.leaving is not Outcome.OVERFLOWED:
        floor.ignore(seen, "not on their way there")
        return
    if contact.sent_to not in ("", seen.target):
        floor.ignore(seen, "sent elsewhere since")
        return
    why = contact.sent_why
    floor.emit(TargetFailed(contact_id=contact.contact_id, queue=contact.queue, target=seen.target, why=seen.why))
    contact.sent_to = contact.sent_why = ""
    contact.begins(SegmentKind.WAITING, now)
    if why == OWN_KEY:
        enter_queue(floor, contact, contact.queue, contact.entered_at or contact.arrived_at, now)
        return
    targets = targets_of(floor, contact.queue, why)
    names = [told(target) for target in targets]
    after = names.index(seen.target) + 1 if seen.target in names else 0
    go_on(floor, contact, targets[after:], now, why)


def message_recorded(floor: Floor, seen: MessageRecorded, now: Micros) -> None:
    contact = floor.contacts.get(seen.contact_id)
    if contact is None:
        floor.ignore(seen, "no such contact")
        return
    floor.emit(
        MessageLeft(
            contact_id=contact.contact_id,
            campaign=CampaignName(contact.queue.partition("/")[0]),
            queue=contact.queue,
            file=seen.file,
            length_us=seen.length_us,
        )
    )


def early_deadline(floor: Floor, key: ContactId, now: Micros) -> None:
    """Rule 3: they have waited unanswered for as long as they may."""
    contact = floor.contacts.get(key)
    campaign = None if contact is None else floor.rules.campaigns.get(contact.campaign)
    if contact is None or campaign is None:
        return
    then = campaign.early_media_then
    if then is EarlyMedia.STAY:
        return
    answers = then is EarlyMedia.ANSWER or contact.urgent
    listens = contact.is_waiting and not contact.parked
    if answers or not listens:
        floor.timers.set(("early", key), now + EARLY_AGAIN_US)
    if not listens:
        return
    floor.stir(contact)
    if answers:
        floor.effects.append(AnswerCaller(contact_id=key, leg=contact.leg, node=contact.node))
    elif contact.live:
        contact.overdue = contact.overdue or EARLY  # goes when the ring is over
    else:
        overflow(floor, contact, now, EARLY)
