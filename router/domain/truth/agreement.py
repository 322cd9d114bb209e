"""How closely two clocks agree on the instants of a day: a count for each millisecond, and those farthest apart.

A day may have ten million instants, so none is kept but the worst.
"""

import heapq
from collections import Counter
from dataclasses import dataclass

from router.domain.ids import ContactId, Micros

WORST = 10
"So many are remembered."
_LONGEST_MS = 60_000
"All that is farther apart counts as this far."


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Apart:
    """One instant as both have it."""

    apart: Micros
    contact_id: ContactId
    what: str
    ledger: Micros
    asterisk: Micros


class Agreement:
    """Told in any order, it says the same."""

    def __init__(self) -> None:
        self.count = 0
        self.most: Micros = 0
        self._by_ms: Counter[int] = Counter()
        self._worst: list[Apart] = []

    def note(self, contact_id: ContactId, what: str, ledger: Micros, asterisk: Micros) -> None:
        apart = abs(ledger - asterisk)
        self.count += 1
        self.most = max(self.most, apart)
        self._by_ms[min(-(-apart // 1000), _LONGEST_MS)] += 1
        found = Apart(apart=apart, contact_id=contact_id, what=what, ledger=ledger, asterisk=asterisk)
        if len(self._worst) < WORST:
            heapq.heappush(self._worst, found)
        else:
            heapq.heappushpop(self._worst, found)

    def within_ms(self, percent: int) -> int:
        """So many of a hundred are at most this apart (nearest rank, whole milliseconds); 0 when there are none."""
        left = -(-self.count * percent // 100)
        for ms in sorted(self._by_ms):
            left -= self._by_ms[ms]
            if left <= 0:
                return ms
        return 0

    def worst(self) -> list[Apart]:
        """Those farthest apart, the worst first."""
        return sorted(self._worst, reverse=True)
