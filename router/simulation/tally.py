"""The figures of played days: waits, service level, occupancy, each with how far chance may have moved it.

Theory: callers who wait near each other wait alike, so they are no independent samples and their own spread says too
little. The time played is therefore cut into *batches* long enough to hardly know of each other (batch means; Law,
"Simulation Modeling and Analysis", chapter 9). Each figure is a ratio of two sums, say seconds waited to callers; it is
R = Σnum / Σden over all batches, and its interval is that of a ratio: the batches' num - R·den, their spread divided by
the mean den, times Student's t at 95 % for k batches.

Rule 1: a caller counts where they arrived, an agent's work when it is done.
Rule 2: whole days are the batches where there are enough of them; else each day is cut. A cut day on which load goes
up and down makes the interval wider than it need be, never narrower: several days are the cure.
Rule 3: fewer than two batches with anybody in them have no interval, and nobody at all has no figure.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, pi, sqrt, tan
from statistics import NormalDist

from router.domain.ids import SECOND, Micros
from router.domain.record import Outcome

FEWEST_BATCHES = 20
PERCENTS = (50, 80, 90, 95, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What became of one caller."""

    day: int
    at_us: Micros
    "From the opening of that day."
    waited_us: Micros
    at_once: bool
    "An agent was asked for them the moment they came."
    outcome: Outcome
    expected_us: Micros | None = None
    "The wait the router expected as they came to the queue that answered; None: none, or nobody answered."
    longer_us: Micros | None = None
    "So much longer it was."

    @property
    def had_to_wait(self) -> bool:
        """Whether they were answered after no agent had been free for them."""
        return self.outcome is Outcome.ANSWERED and not self.at_once


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """An agent busy with a caller: from the offer to the end of the wrap-up."""

    day: int
    group: int
    "Of the agents who were given together, by number."
    from_us: Micros
    to_us: Micros


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one day, half open."""

    day: int
    from_us: Micros
    to_us: Micros


@dataclass(frozen=True, slots=True)
class Figure:
    """A share, or seconds. `margin` is half the 95 % interval; None where there is none (rule 3)."""

    value: float | None = None
    margin: float | None = None

    def holds(self, value: float) -> bool:
        """Whether `value` is in the interval."""
        return self.value is not None and self.margin is not None and abs(value - self.value) <= self.margin


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of a stretch of the day, over all days played."""

    from_us: Micros
    to_us: Micros
    callers: int
    answered: int
    abandoned: int
    sent_away: int
    "Told goodbye by the rules: they waited too long, or nobody could ever come."
    waits: Figure
    "Share of callers who found no agent free for them."
    asa_s: Figure
    "Mean wait of those answered."
    mean_wait_s: Figure
    "Mean wait of everybody."
    percentiles_s: dict[int, float | None]
    "Percent of those answered → none of these waited longer."
    longest_s: float | None
    "Of those answered."
    answered_within: Figure
    "Service level: answered in time, of those answered."
    served_within: Figure
    "Service level: answered in time or gone in time by themselves, of everybody."
    abandoned_share: Figure
    sent_away_share: Figure
    occupancy: Figure
    "Share of the agents' time spent on callers, ringing and wrap-up included."


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """How far the waits expected at entry were from the real ones, of those answered who had to wait."""

    callers: int
    mean_error_s: float | None
    "Above 0: they waited longer than expected."
    mean_absolute_error_s: float | None
    of_wait: float | None
    "The latter, as a share of their mean wait."


def expectation(errors_us: Iterable[tuple[Micros, Micros]]) -> Expectation:
    """Of (so much longer than expected, the wait expected) for each caller."""
    pairs = list(errors_us)
    count, waited_us = len(pairs), sum(longer + expected for longer, expected in pairs)
    off_us = sum(abs(longer) for longer, _ in pairs)
    return Expectation(
        callers=count,
        mean_error_s=sum(longer for longer, _ in pairs) / count / SECOND if count else None,
        mean_absolute_error_s=off_us / count / SECOND if count else None,
        of_wait=off_us / waited_us if waited_us > 0 else None,
    )


@dataclass(slots=True)
class _Batch:
    callers: int = 0
    answered: int = 0
    abandoned: int = 0
    sent_away: int = 0
    waited: int = 0
    answered_wait_us: int = 0
    wait_us: int = 0
    answered_in_time: int = 0
    gone_in_time: int = 0
    busy_us: int = 0
    staffed_us: int = 0
    waits_us: list[Micros] = field(default_factory=list)
    "Of those answered."


@dataclass(slots=True, kw_only=True)
class Tally:
    """Takes down what happens on the days, and sums it up afterwards."""

    agents: int
    day_us: Micros
    within_us: Micros
    "The wait that the service levels allow."
    warm_up_us: Micros = 0
    "From the opening until this nothing is counted: a centre that has just opened has no line yet."
    days: int = 0
    "So many were played."
    calls: list[Call] = field(default_factory=list)
    work: list[Work] = field(default_factory=list)

    def whole(self) -> Figures:
        """Everything after the warm-up."""
        pieces = 1 if self.days >= FEWEST_BATCHES // 2 else ceil(FEWEST_BATCHES / max(1, self.days))
        length_us = self.day_us - self.warm_up_us
        edges = [self.warm_up_us + length_us * piece // pieces for piece in range(pieces + 1)]
        spans = [Span(day, from_us, to_us) for day in range(self.days) for from_us, to_us in pairwise(edges)]
        return self._sum_up(self.warm_up_us, self.day_us, self._batches(spans))

    def by_the(self, length_us: Micros) -> list[Figures]:
        """Each stretch of this length, its batches being the days."""
        starts = range(0, self.day_us, length_us)
        edges = [(max(at_us, self.warm_up_us), min(at_us + length_us, self.day_us)) for at_us in starts]
        edges = [(from_us, to_us) for from_us, to_us in edges if from_us < to_us]
        spans = [Span(day, *edge) for day in range(self.days) for edge in edges]
        batches = self._batches(spans)
        return [self._sum_up(*edge, batches[index :: len(edges)]) for index, edge in enumerate(edges)]

    def busy_us(self) -> dict[int, Micros]:
        """Group of agents → time they were busy with callers, after the warm-up."""
        busy: dict[int, Micros] = {}
        for work in self.work:
            time_us = min(work.to_us, self.day_us) - max(work.from_us, self.warm_up_us)
            busy[work.group] = busy.get(work.group, 0) + max(0, time_us)
        return busy

    def expectation(self) -> Expectation:
        """After the warm-up."""
        counted = (call for call in self.calls if call.had_to_wait and call.at_us >= self.warm_up_us)
        return expectation(
            (call.longer_us, call.expected_us)
            for call in counted
            if call.expected_us is not None and call.longer_us is not None
        )

    def _batches(self, spans: Sequence[Span]) -> list[_Batch]:
        """One for each span; they come in order and do not overlap."""
        batches = [_Batch(staffed_us=self.agents * (span.to_us - span.from_us)) for span in spans]
        keys = [(span.day, span.from_us) for span in spans]
        for call in self.calls:
            index = bisect_right(keys, (call.day, call.at_us)) - 1
            if index >= 0 and spans[index].day == call.day and call.at_us < spans[index].to_us:
                self._count(batches[index], call)
        for work in self.work:
            index = max(0, bisect_right(keys, (work.day, work.from_us)) - 1)
            while index < len(spans) and keys[index] < (work.day, work.to_us):
                if spans[index].day == work.day:
                    time_us = min(work.to_us, spans[index].to_us) - max(work.from_us, spans[index].from_us)
                    batches[index].busy_us += max(0, time_us)
                index += 1
        return batches

    def _count(self, batch: _Batch, call: Call) -> None:
        batch.callers += 1
        batch.wait_us += call.waited_us
        batch.waited += not call.at_once
        if call.outcome is Outcome.ANSWERED:
            batch.answered += 1
            batch.answered_wait_us += call.waited_us
            batch.answered_in_time += call.waited_us <= self.within_us
            batch.waits_us.append(call.waited_us)
        elif call.outcome is Outcome.ABANDONED:
            batch.abandoned += 1
            batch.gone_in_time += call.waited_us <= self.within_us
        else:
            batch.sent_away += 1

    def _sum_up(self, from_us: Micros, to_us: Micros, batches: Sequence[_Batch]) -> Figures:
        waits_us = sorted(wait for batch in batches for wait in batch.waits_us)
        return Figures(
            from_us=from_us,
            to_us=to_us,
            callers=sum(batch.callers for batch in batches),
            answered=len(waits_us),
            abandoned=sum(batch.abandoned for batch in batches),
            sent_away=sum(batch.sent_away for batch in batches),
            waits=ratio((batch.waited, batch.callers) for batch in batches),
            asa_s=ratio((batch.answered_wait_us / SECOND, batch.answered) for batch in batches),
            mean_wait_s=ratio((batch.wait_us / SECOND, batch.callers) for batch in batches),
            percentiles_s={percent: _percentile(waits_us, percent) for percent in PERCENTS},
            longest_s=waits_us[-1] / SECOND if waits_us else None,
            answered_within=ratio((batch.answered_in_time, batch.answered) for batch in batches),
            served_within=ratio((batch.answered_in_time + batch.gone_in_time, batch.callers) for batch in batches),
            abandoned_share=ratio((batch.abandoned, batch.callers) for batch in batches),
            sent_away_share=ratio((batch.sent_away, batch.callers) for batch in batches),
            occupancy=ratio((batch.busy_us, batch.staffed_us) for batch in batches),
        )


def ratio(batches: Iterable[tuple[float, float]]) -> Figure:
    """Σ numerators / Σ denominators, with its 95 % interval."""
    pairs = [(num, den) for num, den in batches if den]
    whole = sum(den for _, den in pairs)
    if not whole:
        return Figure()
    value = sum(num for num, _ in pairs) / whole
    count = len(pairs)
    if count < 2:
        return Figure(value)
    spread = sum((num - value * den) ** 2 for num, den in pairs) / (count - 1)
    return Figure(value, students_t(count - 1) * sqrt(spread / count) / (whole / count))


def students_t(freedom: int, confidence: float = 0.95) -> float:
    """The two-sided quantile: exact for 1 and 2, else Abramowitz and Stegun 26.7.5, to 0.3 % at 3 and better above."""
    share = (1.0 + confidence) / 2.0
    z = NormalDist().inv_cdf(share)
    if freedom == 1:
        return tan(pi * (share - 0.5))
    if freedom == 2:
        return (2.0 * share - 1.0) * sqrt(2.0 / (4.0 * share * (1.0 - share)))
    terms = (
        z,
        (z**3 + z) / 4.0,
        (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0,
        (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0,
        (79.0 * z**9 + 776.0 * z**7 + 1482.0 * z**5 - 1920.0 * z**3 - 945.0 * z) / 92160.0,
    )
    return sum(term / float(freedom) ** power for power, term in enumerate(terms))


def _percentile(ordered_us: Sequence[Micros], percent: int) -> float | None:
    """The smallest wait that so many percent do not exceed, in seconds."""
    if not ordered_us:
        return None
    return ordered_us[ceil(len(ordered_us) * percent / 100) - 1] / SECOND
