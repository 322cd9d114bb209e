"""What comes in on a day, and how long it takes: calls by the half hour, talks, patience.

Rule 1: everything about a caller is drawn the moment they call, in order of calling, from one pair of dice. So the same
seed sends the same callers, whoever is there to take them, and two plans can be compared caller by caller.
Rule 2: calls come at random (Poisson), at a rate that holds for half an hour at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, isfinite, log, sqrt
from random import Random

from router.domain.ids import SECOND, Micros

HALF_HOUR_US: Micros = 1800 * SECOND
MOST_HALF_HOURS = 48
MOST_CALLS = 2_000_000
"On a day."
LONGEST_S = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    calls_per_hour: tuple[float, ...]
    "The rate of each half hour, from the opening on."
    talk_s: float
    "Mean."
    talk_spread: float | None = None
    "None: exponential; else log-normal with this standard deviation, as a multiple of the mean."
    patience_s: float | None = None
    "Mean of an exponential; None: nobody gives up."
    pick_up_s: float = 0.0
    "From the offer to the talk: how long an agent takes to answer."

    def __post_init__(self) -> None:
        rates = self.calls_per_hour
        if not 1 <= len(rates) <= MOST_HALF_HOURS:
            raise ValueError(f"a day has 1 to {MOST_HALF_HOURS} half hours, not {len(rates)}")
        if not all(isfinite(rate) and rate >= 0.0 for rate in rates) or sum(rates) / 2.0 > MOST_CALLS:
            raise ValueError(f"calls per hour are 0 or more, and {MOST_CALLS} calls a day at most")
        _check("a talk", self.talk_s, least=0.001)
        _check("the time to pick up", self.pick_up_s, least=0.0)
        if self.talk_spread is not None:
            _check("the spread of talks", self.talk_spread, least=0.01, most=10.0)
        if self.patience_s is not None:
            _check("patience", self.patience_s, least=0.001)

    @property
    def day_us(self) -> Micros:
        return len(self.calls_per_hour) * HALF_HOUR_US

    def callers(self, dice: Random) -> Iterator["Caller"]:
        """Everybody who calls between opening and closing, first first."""
        at_s = 0.0
        while (come_s := self._next_call(at_s, dice.expovariate(1.0))) is not None:
            at_s = come_s
            yield Caller(at_us=int(at_s * SECOND), talk_us=self._talk_us(dice), patience_us=self._patience_us(dice))

    def _next_call(self, at_s: float, luck: float) -> float | None:
        """Calls come as evenly as luck allows: the next one when the expected number since the last reaches `luck`."""
        for half_hour in range(int(at_s // 1800), len(self.calls_per_hour)):
            a_second = self.calls_per_hour[half_hour] / 3600.0
            until_s = (half_hour + 1) * 1800.0
            if luck < (until_s - at_s) * a_second:
                return at_s + luck / a_second
            luck -= (until_s - at_s) * a_second
            at_s = until_s
        return None

    def _talk_us(self, dice: Random) -> Micros:
        if self.talk_spread is None:
            talk_s = dice.expovariate(1.0) * self.talk_s
        else:
            variance = log(1.0 + self.talk_spread**2)
            talk_s = self.talk_s * exp(dice.gauss(-variance / 2.0, sqrt(variance)))
        return max(1, int(talk_s * SECOND))

    def _patience_us(self, dice: Random) -> Micros | None:
        luck = dice.expovariate(1.0)  # drawn in any case: the same callers come, patient or not
        return None if self.patience_s is None else max(1, int(luck * self.patience_s * SECOND))


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    at_us: Micros
    "From the opening."
    talk_us: Micros
    patience_us: Micros | None
    "Then they hang up, if they do not talk by then."


def _check(what: str, value: float, *, least: float, most: float = LONGEST_S) -> None:
    if not (isfinite(value) and least <= value <= most):
        raise ValueError(f"{what} is {least:g} to {most:.15g}, not {value:g}")
