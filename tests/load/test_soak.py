"""The soak's verdict: whatever was lost or left behind is a failure and not a figure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.load import endurance
from tests.load.arena import Round
from tests.load.bench import missed_in_the_soak
from tests.load.endurance import Found, Trace
from tests.load.goals import MISSED, NOT_MEASURABLE
from tests.load.program import Asked, Session
from tests.load.results import Results
from tests.load.side import Progress

ROUND = Round(calls=300, placed=300, succeeded=300, failed=0, answered=300, repeated=0, placed_s=9.97, took_s=13.2)


def trace(at_s: float = 0.0, *, tasks: float | None = 40, files: int = 30, waiting: float = 0) -> Trace:
    return Trace(at_s=at_s, memory_mb=110, threads=9, files=files, tasks=tasks, leftover={"waiting": waiting})


CLEAN = Found(
    done=ROUND,
    before=trace(),
    after=trace(95),
    records=300,
    keys=(),
    channels=0,
    memory=[trace(61), trace(71)],
    cpu={"router": 0.1},
)


def missed(found: Found) -> list[str]:
    session = Session(Asked(program="soak"), Results(commit="c"), Progress(10))
    session.add(endurance.row(found, 10))
    return missed_in_the_soak(session)


def test_a_clean_soak_misses_nothing() -> None:
    assert missed(CLEAN) == []


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (replace(CLEAN, done=replace(ROUND, failed=1, succeeded=299)), "failed calls"),
        (replace(CLEAN, done=replace(ROUND, placed=299)), "failed calls"),
        (replace(CLEAN, done=replace(ROUND, answered=299)), "failed calls"),
        (replace(CLEAN, records=299), "calls without a billing record of their own"),
        (replace(CLEAN, records=301), "calls without a billing record of their own"),
        (replace(CLEAN, after=trace(95, tasks=41)), "leaked tasks"),
        (replace(CLEAN, after=trace(95, waiting=1)), "contacts, inbox entries, threads left over"),
        (replace(CLEAN, after=trace(95, files=31)), "leaked files"),
        (replace(CLEAN, keys=("ringfair:x",)), "leaked keys"),
        (replace(CLEAN, channels=1), "leaked channels"),
    ],
)
def test_one_of_anything_too_many_or_too_few_fails_the_soak(found: Found, line: str) -> None:
    assert missed(found) == [f"P7: {line}: missed"]


def test_tasks_of_a_router_that_does_not_count_them_are_not_measurable_and_no_success() -> None:
    found = replace(CLEAN, before=trace(tasks=None), after=trace(95, tasks=None))
    session = Session(Asked(program="soak"), Results(commit="c"), Progress(10))
    session.add(endurance.row(found, 10))
    row = session.results.rows["P7"]

    assert row.verdicts["leaked tasks"] == NOT_MEASURABLE
    assert "leaked_tasks" not in row.ours
    assert any("not measurable here" in note for note in row.notes)
    assert MISSED not in row.verdicts.values()
