"""What is promised of each measure, as data: the only place where these numbers stand.

A goal looks at one figure of a `Row` (`tests/load/results.py`): `("ours", "p50")`, `("ratios", "cpu")`, or, for the
headline, `("ratio", "")`. "At least" is what a release must hold, "aim" what we want; equal numbers leave no middle.

The figures a row must carry for its goals, by name: P1, P2, P6 `p50 p99` in ms; P1 and P3 also as `ratios`; P3 `rate`
in calls/s and `ratios["cpu"]`, router + Valkey ÷ Asterisk at 60 calls/s; P4 `per_s`, `p99` in ms, `growth`; P5 `mb`,
`slope` in bytes a contact; P7 `failed`, `unbilled`, `left_over` and `leaked_tasks`, `leaked_files`, `leaked_keys`,
`leaked_channels` as counts; P1-rtcp `p99` of the call connection's lag in ms.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Final

AIM, AT_LEAST, MISSED, NOT_MEASURABLE = "aim", "at least", "missed", "not measurable here"
VERDICTS: Final = (AIM, AT_LEAST, MISSED, NOT_MEASURABLE)

ONE_ID = 64.0
"""Bytes a contact: whoever forgets an id of each contact leaves 73 behind. Much finer than that 50,000 contacts cannot
tell: the allocator takes memory by the megabyte, 20 bytes for each of them."""


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table of goals. `sign` is `<=` or `>=` and holds for both bounds."""

    measure: str
    line: str
    figure: tuple[str, str]
    sign: str
    at_least: float
    aim: float
    unit: str = ""

    def verdict(self, value: float | None) -> str:
        """How this value stands; None is a figure that could not be taken here."""
        if value is None:
            return NOT_MEASURABLE
        holds = _SIGNS[self.sign]
        if holds(value, self.aim):
            return AIM
        return AT_LEAST if holds(value, self.at_least) else MISSED

    def bound(self, value: float) -> str:
        """A bound as text: `≤ 9 ms`."""
        return f"{'≤' if self.sign == '<=' else '≥'} {value:,g}{' ' + self.unit if self.unit else ''}"


_SIGNS = {"<=": operator.le, ">=": operator.ge}

GOALS: Final = (
    Goal("P1", "p50 ÷ app_queue's", ("ratios", "p50"), "<=", 1.15, 1.0),
    Goal("P1", "p99 ÷ app_queue's", ("ratios", "p99"), "<=", 1.5, 1.0),
    Goal("P1-rtcp", "lag p99 with 4,000 RTCP events/s", ("ours", "p99"), "<=", 20, 20, "ms"),
    Goal("P2", "app_queue's p50 ÷ ours", ("ratio", ""), ">=", 60, 120),
    Goal("P2", "our p50", ("ours", "p50"), "<=", 9, 5, "ms"),
    Goal("P2", "our p99", ("ours", "p99"), "<=", 30, 20, "ms"),
    Goal("P3", "our highest rate", ("ours", "rate"), ">=", 60, 60, "calls/s"),
    Goal("P3", "rate ÷ app_queue's", ("ratios", "rate"), ">=", 0.6, 0.9),
    Goal("P3", "CPU of router + Valkey ÷ Asterisk's", ("ratios", "cpu"), "<=", 0.4, 0.25),
    Goal("P4", "decisions/s", ("ours", "per_s"), ">=", 20_000, 50_000, "/s"),
    Goal("P4", "p99 of a decision", ("ours", "p99"), "<=", 0.5, 0.2, "ms"),
    Goal("P4", "growth of the cost ÷ that of log n", ("ours", "growth"), "<=", 1.0, 1.0),
    Goal("P5", "memory", ("ours", "mb"), "<=", 150, 100, "MB"),
    Goal("P5", "slope", ("ours", "slope"), "<=", ONE_ID, ONE_ID, "B/contact"),
    Goal("P6", "our p50, 1,000 waiting", ("ours", "p50"), "<=", 9, 5, "ms"),
    Goal("P6", "our p99, 1,000 waiting", ("ours", "p99"), "<=", 30, 20, "ms"),
    Goal("P7", "failed calls", ("ours", "failed"), "<=", 0, 0),
    Goal("P7", "calls without a billing record of their own", ("ours", "unbilled"), "<=", 0, 0),
    Goal("P7", "leaked tasks", ("ours", "leaked_tasks"), "<=", 0, 0),
    Goal("P7", "contacts, inbox entries, threads left over", ("ours", "left_over"), "<=", 0, 0),
    Goal("P7", "leaked files", ("ours", "leaked_files"), "<=", 0, 0),
    Goal("P7", "leaked keys", ("ours", "leaked_keys"), "<=", 0, 0),
    Goal("P7", "leaked channels", ("ours", "leaked_channels"), "<=", 0, 0),
)

HIGHER_IS_BETTER: Final = frozenset({"rate", "per_s"})
"Figures of which more is better; of every other less is."


def goals_of(measure: str) -> tuple[Goal, ...]:
    """The goals of this measure. A variant without goals of its own (`P1-cel`) promises nothing."""
    return tuple(goal for goal in GOALS if goal.measure == measure)
