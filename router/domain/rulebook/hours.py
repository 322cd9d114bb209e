"""When a campaign is open: instants, nothing else. Weekdays, zones and holidays were compiled away before (config).

Rule 1: an interval is half open: open from its first instant, closed at its last.
Rule 2: intervals are sorted and never touch, so every edge is a change: who sleeps until the next wakes for a reason.
"""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter

from router.domain.ids import Micros
from router.domain.rulebook.entitlement import ALWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningHours:
    """`intervals`: (open_at, close_at). None at all: closed for good."""

    intervals: tuple[tuple[Micros, Micros], ...] = ()

    def __post_init__(self) -> None:
        # They may come out of a journal, and a search in what is not sorted answers anything.
        edges = [edge for interval in self.intervals for edge in interval]
        if any(later <= earlier for earlier, later in pairwise(edges)):
            raise ValueError("opening hours that are empty, out of order, or touch")

    def is_open(self, now: Micros) -> bool:
        """Whether a caller may come in at `now`."""
        reached = self._reached(now)
        return reached > 0 and now < self.intervals[reached - 1][1]

    def next_edge(self, now: Micros) -> Micros | None:
        """The first instant after `now` at which `is_open` answers differently, or None."""
        reached = self._reached(now)
        if reached and now < self.intervals[reached - 1][1]:
            closing = self.intervals[reached - 1][1]
            return closing if closing < ALWAYS else None
        return self.intervals[reached][0] if reached < len(self.intervals) else None

    def _reached(self, now: Micros) -> int:
        """How many openings there have been."""
        return bisect_right(self.intervals, now, key=itemgetter(0))


OPEN_ALWAYS = OpeningHours(intervals=((0, ALWAYS),))
"For campaigns that say nothing of hours."
