"""Whether anybody is there for a queue, by what a caller may count on, and what follows when nobody is.

Rule 1: who comes is asked at the door (`sent_on`), who waits is looked at again the moment somebody left (reception.py)
and, if they could not be touched then, when they stand in line again (meanwhile.py).
Rule 2: nobody is sent on for a long wait where none waits or an agent is free, nor where the wait is not known.
Rule 3: a limit is for those who come anew. Who was in already (a missed ring, a lost line, a router that takes over)
keeps their place; an emergency caller has one always.
Rule 4: who is to go on to a queue is asked at its door first (`refused`): a line they could not wait in is no way out.
"""

from router.domain.benches.queue import Queue
from router.domain.benches.seating import line_for
from router.domain.calls.outside import can_go
from router.domain.contacts.contact import Contact
from router.domain.floor import Floor
from router.domain.ids import Micros
from router.domain.messages.standing import Standing
from router.domain.rulebook.rules import OverflowTarget, QueueRules, Staffed, ToQueue
from router.domain.waiting.expectation import expected_at_entry, is_free

_AWAY = {
    Staffed.LOGGED_IN: (Standing.LOGGED_OUT,),
    Staffed.READY: (Standing.LOGGED_OUT, Standing.PAUSED, Standing.DONE_FOR_TODAY),
    Staffed.REACHABLE: (Standing.LOGGED_OUT, Standing.UNREACHABLE, Standing.LINK_LOST),
}
"""Who does not count, of the entitled. An agent stands in one way at a time: the phone of who is logged out may be
dead, so they are nobody whom a call could reach."""


def staffed(queue: Queue, asked: tuple[Staffed, ...]) -> bool:
    """Whether at least one agent is all of what is asked."""
    if not asked:
        return True
    if asked == (Staffed.SKILLED,):
        return queue.skilled > 0
    away = {standing for what in asked for standing in _AWAY.get(what, ())}
    return any(count for standing, count in enumerate(queue.standings) if standing not in away)


def sent_on(floor: Floor, queue: Queue, contact: Contact, now: Micros) -> str:
    """Why somebody who comes to this queue cannot wait here; empty when they can."""
    rules = queue.rules
    if contact.urgent:
        return ""
    if is_shut_out(floor, rules, now):
        return "closed"
    if not queue.sends_on:
        return ""
    if 0 < rules.max_waiting <= queue.whole.all_callers:
        return "full"
    if _takes_too_long(floor, queue, contact, now):
        return "long"
    return "" if staffed(queue, rules.join_if) else "nobody"


def refused(floor: Floor, contact: Contact, target: OverflowTarget, now: Micros) -> str:
    """Why a target cannot take somebody now: as `sent_on`, or `gone` from the rules, or `no-trunk`; empty: it can."""
    if not isinstance(target, ToQueue):
        return "" if can_go(floor, target) else "no-trunk"
    queue = floor.queues.get(target.queue)
    return "gone" if queue is None else sent_on(floor, line_for(floor, queue, contact, now), contact, now)


def is_shut_out(floor: Floor, rules: QueueRules, now: Micros) -> bool:
    """Whether nobody waits here now: the campaign is closed, and this is no queue it sends callers to then."""
    door = floor.doors.get(rules.campaign)
    if door is None or door.is_open(now):
        return False
    campaign = floor.rules.campaigns.get(rules.campaign)
    return campaign is None or ToQueue(queue=rules.name) not in campaign.closed


def _takes_too_long(floor: Floor, queue: Queue, contact: Contact, now: Micros) -> bool:
    longest_us = queue.rules.dissuade_us
    if not longest_us or not queue.waiting or is_free(floor, queue):
        return False
    expected_us = expected_at_entry(floor, queue, contact, now)
    return expected_us is not None and expected_us > longest_us
