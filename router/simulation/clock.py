"""Virtual time: an agenda of what happens when. Hours pass in seconds, and each run of a seed is the same run."""

import heapq
from collections.abc import Callable

from router.domain.ids import Micros

Act = Callable[[], None]


class VirtualClock:
    """`now` moves only when the next entry of the agenda, or an engine's timer, is due."""

    __slots__ = ("_agenda", "_serial", "now")

    def __init__(self, start_at: Micros) -> None:
        self.now = start_at
        self._agenda: list[tuple[Micros, int, Act]] = []
        self._serial = 0

    def __len__(self) -> int:
        return len(self._agenda)

    def at(self, when: Micros, act: Act) -> None:
        """Do it at `when`, or at once if that is past; what is due at the same instant happens in order of asking."""
        self._serial += 1
        heapq.heappush(self._agenda, (max(when, self.now), self._serial, act))

    def later(self, delay_us: Micros, act: Act) -> None:
        self.at(self.now + delay_us, act)

    def next_at(self) -> Micros | None:
        return self._agenda[0][0] if self._agenda else None

    def step(self) -> None:
        """Go to the next entry and do it."""
        when, _, act = heapq.heappop(self._agenda)
        self.now = when
        act()
