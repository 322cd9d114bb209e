"""The waiting room: the treatment of a queue (treatment.py), given to those who wait in it.

Rule 1: one timer for each waiting contact, only in queues that say something by the clock. It decides nothing about
who is served: what is said is said to who stands in line, and their line is not touched by it.
Rule 2: the welcome of the queue a call begins in is played by the dialplan, which has it with the number
(`ACD_DNIS_…`): no order could be there as early, and nobody hears it twice, whatever becomes of the router. Whoever
comes to a further queue hears its welcome by an order.
Rule 3: whoever is being offered hears nothing new: an agent is about to answer.
Rule 4: each order names the music too, so a change that got lost is made up for by the next.
"""

from router.domain.benches.queue import Queue
from router.domain.contacts.contact import Contact, ContactState
from router.domain.floor import Floor
from router.domain.ids import SECOND, ContactId, Micros, QueueName
from router.domain.messages.effects import Announce
from router.domain.messages.events import Announced
from router.domain.rulebook.rules import CampaignRules, QueueRules
from router.domain.rulebook.treatment import (
    Position,
    comfort_due,
    is_time_to_inform,
    most_told,
    next_at,
    position_prompt,
    wait_prompt,
)
from router.domain.waiting.expectation import expected_wait

_TOGETHER_US: Micros = SECOND // 10
"""What is due within it is said together, at its end: of thousands of callers some at a time cost half of what they
would cost one by one (measured), and a decision that comes in between waits for a millisecond."""
_SPREAD, _SPREAD_US = 500, SECOND // 50
"Ten seconds."


def music_of(queue: QueueRules, campaign: CampaignRules | None) -> str:
    """What is played in a queue: its own, else its campaign's."""
    return queue.treatment.music or (campaign.music if campaign is not None else "default")


def begins(floor: Floor, contact: Contact, queue: Queue, campaign: CampaignRules, now: Micros) -> None:
    """A call comes to the queue it begins in, its campaign's: the dialplan plays what that asks for."""
    treatment = queue.rules.treatment
    contact.hears = treatment.music or campaign.music
    if welcome := treatment.welcome:
        contact.told, contact.told_at = (welcome,), now
        floor.emit(Announced(contact_id=contact.contact_id, what=(welcome,)))


def comes(floor: Floor, contact: Contact, queue: Queue, now: Micros) -> None:
    """A caller comes here from somewhere else: other music, and the welcome of this queue."""
    welcome = queue.rules.treatment.welcome
    if welcome or contact.hears != _music(floor, queue):
        _say(floor, contact, queue, (welcome,) if welcome else (), now)


def attend(floor: Floor, contact: Contact, queue: Queue, now: Micros) -> None:
    """From now on this caller is told what the queue tells by the clock."""
    at = next_at(queue.rules.treatment, contact.entered_at, now) if queue.speaks else None
    if at is not None:
        contact.attended_at = now
        floor.timers.set(("treat", contact.contact_id), at + -at % _TOGETHER_US)
    elif contact.attended_at:
        contact.attended_at = 0
        floor.timers.cancel(("treat", contact.contact_id))


def moves(floor: Floor, contact: Contact, queue: Queue, now: Micros) -> None:
    """The rules were swapped around a caller: other music, perhaps; told by the clock of the new ones. No welcome.

    Of thousands not all at once: they would stand in front of every order to ring somebody.
    """
    attend(floor, contact, queue, now)
    if contact.hears and contact.hears != _music(floor, queue):
        contact.attended_at = now
        at, key = now + contact.ordinal % _SPREAD * _SPREAD_US, ("treat", contact.contact_id)
        floor.timers.set(key, min(at, floor.timers.at(key) or at))


def treat_deadline(floor: Floor, contact_id: ContactId, now: Micros) -> None:
    """Something is due for a caller."""
    contact = floor.contacts.get(contact_id)
    queue = None if contact is None else floor.queues.get(contact.queue)
    if contact is None or queue is None or not contact.is_waiting:
        return
    since_at, after = contact.entered_at, contact.attended_at
    attend(floor, contact, queue, now)
    if contact.state is not ContactState.QUEUED or not contact.turn:
        return
    treatment = queue.rules.treatment
    what: list[str] = []
    position: int | None = None
    expected_us: Micros | None = None
    if is_time_to_inform(treatment, since_at, after, now):
        if treatment.position is not Position.NO:
            position = (contact.line or queue).ahead_of(contact, most_told(treatment)) + 1
            what.append(position_prompt(treatment, position))
        if treatment.wait:
            expected_us = expected_wait(floor, contact, now)
            if expected_us is not None:
                what.append(wait_prompt(treatment, expected_us))
        if treatment.keys:
            what.append(treatment.keys)
    if comfort := comfort_due(treatment, since_at, after, now):
        what.append(comfort)
    if what or contact.hears not in ("", _music(floor, queue)):
        _say(floor, contact, queue, tuple(what), now, position, expected_us)


def _music(floor: Floor, queue: Queue) -> str:
    return music_of(queue.rules, floor.rules.campaigns.get(queue.rules.campaign))


def _say(
    floor: Floor,
    contact: Contact,
    queue: Queue,
    what: tuple[str, ...],
    now: Micros,
    position: int | None = None,
    expected_us: Micros | None = None,
) -> None:
    contact.hears = music = _music(floor, queue)
    floor.effects.append(
        Announce(contact_id=contact.contact_id, leg=contact.leg, node=contact.node, music=music, prompts=what)
    )
    if what:
        contact.told, contact.told_at = what, now
        told = Announced(contact_id=contact.contact_id, what=what, position=position, expected_us=expected_us)
        floor.emit(told)


def waiting_since(floor: Floor) -> dict[QueueName, list[Micros]]:
    """Of each queue in which somebody waits: when each of them arrived. Looks at every contact, so it is for people."""
    waiting: dict[QueueName, list[Micros]] = {}
    for contact in floor.contacts.values():
        if contact.is_waiting and not contact.place:
            waiting.setdefault(contact.queue, []).append(contact.arrived_at)
    return waiting
