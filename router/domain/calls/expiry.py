"""How long a call is owed (callback.py): its time runs only while they may be called, and stands still meanwhile.

Who asks on a Friday evening is not to be forgotten by Monday morning because nobody was there to call them.

Rule 1: they may be called when the times of their queue and the door of their campaign are open, both; an emergency
finds every door open. Hours that a campaign was shut by hand do not count, either.
Rule 2: what has run has run by the hours that were in force then. So whoever changes them has it read before and after
(`reckon`): hours told anew, a door shut or opened by hand, new rules, another queue.
Rule 3: what is left, and since when, stands in the picture: a successor reads on, by the hours of its own calendar.
Rule 4: whatever the hours, nobody is called any more `LONGEST_US` after they asked. The calendar reaches farther, so
there always is an instant, and whoever asks is told that one.
"""

from collections.abc import Iterable, Iterator

from router.domain.benches.door import Door
from router.domain.contacts.callback import Promise
from router.domain.floor import Floor
from router.domain.ids import SECOND, Micros
from router.domain.rulebook.hours import OpeningHours

LONGEST_US: Micros = 30 * 86_400 * SECOND

Clock = OpeningHours | Door


def clocks(floor: Floor, promise: Promise) -> list[Clock]:
    """Rule 1."""
    times, door = floor.call_times.get(promise.queue), floor.doors.get(promise.campaign)
    campaign = floor.rules.campaigns.get(promise.campaign)
    if campaign is not None and campaign.emergency:
        door = None
    return [clock for clock in (times, door) if clock is not None]


def may_call_at(floor: Floor, promise: Promise, now: Micros) -> Micros:
    """The first instant from `now` on at which it may be; the promise's end when there is none."""
    spans = _open(clocks(floor, promise), max(now, promise.next_at), promise.expires_at)
    return next((opens_at for opens_at, _ in spans), promise.expires_at)


def reckon(floor: Floor, promises: Iterable[Promise], now: Micros) -> None:
    """Read how much time is left, by the hours in force until now; and when it will be over, by those in force now."""
    for promise in promises:
        spans = _open(clocks(floor, promise), promise.counted_at, now)
        promise.left_us -= sum(closes_at - opens_at for opens_at, closes_at in spans)
        promise.counted_at = now
        promise.expires_at = runs_out_at(floor, promise)
        floor.unwritten[promise] = None


def runs_out_at(floor: Floor, promise: Promise) -> Micros:
    """When nothing will be left, as far as the hours are known: rule 4."""
    left_us, latest_at = promise.left_us, promise.asked_at + LONGEST_US
    if left_us <= 0:
        return min(promise.counted_at, latest_at)
    for opens_at, closes_at in _open(clocks(floor, promise), promise.counted_at, latest_at):
        if closes_at - opens_at >= left_us:
            return opens_at + left_us
        left_us -= closes_at - opens_at
    return latest_at


def _open(clocks: list[Clock], from_at: Micros, to_at: Micros) -> Iterator[tuple[Micros, Micros]]:
    """Between the two, when all of them are open; what follows on without a gap may come in parts."""
    at = from_at
    while at < to_at:
        edges = [edge for clock in clocks if (edge := clock.next_edge(at)) is not None]
        until_at = min([to_at, *edges])
        if all(clock.is_open(at) for clock in clocks):
            yield at, until_at
        at = until_at
