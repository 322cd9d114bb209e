"""Two systems in turns, A/B then B/A, and what their runs say about each other.

A figure is the median of the runs' own percentiles: one bad run (somebody else on the machine) moves it little. Its
spread is smallest to largest of the runs. Two systems are compared run by run with their neighbour in time, so that
what slows both cancels out; the interval of that ratio is between two of the sorted ratios (order statistics), which
assumes nothing of their distribution: of five pairs the smallest and largest, which hold the true median in
1 - 2 · 0.5⁵ = 94 % of cases.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

PERCENTILES = {"p50": 50, "p99": 99}
_CONFIDENCE = 0.93


@dataclass(frozen=True, slots=True)
class Interval:
    """Ratio of two systems: the median of the pairs, and between which bounds the true one lies with `confidence`."""

    low: float
    middle: float
    high: float
    confidence: float

    def __str__(self) -> str:
        if not self.confidence:
            return f"{self.middle:.3g} (one pair, no interval)"
        return f"{self.middle:.3g} ({self.low:.3g}-{self.high:.3g} with {self.confidence:.0%} confidence)"


@dataclass(slots=True)
class Series:
    """The runs of each system in one measure, in their order: `{"ours": [[ms of run 1], …]}`."""

    runs: dict[str, list[list[float]]] = field(default_factory=dict)

    def add(self, system: str, samples: Sequence[float]) -> None:
        if len(samples) < 2:
            raise ValueError(f"{system}: only {len(samples)} calls could be timed")
        self.runs.setdefault(system, []).append(sorted(samples))

    def figures(self, system: str) -> dict[str, float] | None:
        """Medians over the runs of p50, p99 and max; None for a system that was not measured."""
        runs = self.runs.get(system)
        if not runs:
            return None
        found = {name: statistics.median(percentile(run, of) for run in runs) for name, of in PERCENTILES.items()}
        return found | {"max": statistics.median(run[-1] for run in runs)}

    def spread(self) -> dict[str, tuple[float, float]]:
        """`{"ours p50": (smallest, largest run)}`; of a single run there is none."""
        return {
            f"{system} {name}": (min(each), max(each))
            for system, runs in self.runs.items()
            for name, of in PERCENTILES.items()
            if len(each := [percentile(run, of) for run in runs]) > 1
        }

    def ratio(self, upper: str, lower: str, name: str) -> Interval | None:
        """One system's percentile as a multiple of the other's, over the pairs."""
        above, below = self.runs.get(upper, []), self.runs.get(lower, [])
        of = PERCENTILES[name]
        pairs = [(percentile(a, of), percentile(b, of)) for a, b in zip(above, below, strict=False)]
        return interval([a / b for a, b in pairs if b > 0])

    def samples(self) -> dict[str, list[float]]:
        return {system: [ms for run in runs for ms in run] for system, runs in self.runs.items()}

    @property
    def n(self) -> int:
        return sum(len(run) for run in self.runs.get("ours", []))


def turns(pairs: int, systems: Sequence[str]) -> Iterator[tuple[int, str]]:
    """(number of the pair from 1, system): each pair in the order opposite to the one before."""
    for number in range(pairs):
        for system in systems if number % 2 == 0 else reversed(systems):
            yield number + 1, system


def percentile(ordered: Sequence[float], of: float) -> float:
    """Of sorted values, between the two nearest where it falls between."""
    place = (len(ordered) - 1) * of / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def interval(ratios: Sequence[float]) -> Interval | None:
    """The narrowest pair of order statistics that still holds the median with 93 %; else smallest and largest."""
    if not ratios:
        return None
    ordered, n = sorted(ratios), len(ratios)
    left, confidence = 0, max(0.0, 1 - 2 * 0.5**n)
    for k in range(1, (n + 1) // 2):
        holds = 1 - 2 * sum(math.comb(n, i) for i in range(k + 1)) * 0.5**n
        if holds < _CONFIDENCE:
            break
        left, confidence = k, holds
    return Interval(ordered[left], statistics.median(ordered), ordered[n - 1 - left], confidence)
