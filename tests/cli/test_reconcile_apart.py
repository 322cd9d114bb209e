"""How far apart the ledger and Asterisk may be, as `ringfair reconcile` judges it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from router.cli.exits import DONE, FAILED
from tests.cli.conftest import Bench
from tests.cli.night import MS, Night


@pytest.fixture
def night(bench: Bench) -> Night:
    return Night(bench)


def test_one_instant_in_a_hundred_may_be_late_and_is_named(night: Night) -> None:
    for number in range(60):
        night.log.abandoned_call(number * 30)  # each with two instants
    late, *others = night.records().values()
    night.bench.remember(replace(late, ended_at=late.ended_at + 60 * MS), *others)

    told = night.told(code=DONE)

    assert (told["differing"], told["late"], told["usually_ms"], told["tolerance_ms"]) == (0, False, 20, 250)
    assert (told["apart"]["instants"], told["apart"]["p99_ms"], told["apart"]["most_ms"]) == (120, 2, 62.0)
    assert (told["apart"]["worst"][0]["contact_id"], told["apart"]["worst"][0]["what"]) == (late.contact_id, "end")
    shown = night.run().stdout
    assert "Of 120 instants 99 in 100 are within 2 ms" in shown
    assert "end: +62.0 ms in the ledger" in shown
    assert shown.rstrip().endswith("Nothing is wrong.")
    assert night.told("--tolerance", "50", code=FAILED)["differing"] == 1


def test_two_in_a_hundred_are_too_many(night: Night) -> None:
    for number in range(60):
        night.log.abandoned_call(number * 30)
    first, second, *others = night.records().values()
    late = [replace(record, ended_at=record.ended_at + 60 * MS) for record in (first, second)]
    night.bench.remember(*late, *others)

    told = night.told(code=FAILED)

    assert (told["differing"], told["wrong"], told["late"], told["apart"]["p99_ms"]) == (0, 0, True, 62)
    shown = night.run()
    assert shown.exit_code == FAILED
    assert shown.stdout.rstrip().endswith("The two are too far apart too often.")
    assert night.told("--usually", "62", code=DONE)["late"] is False


def test_an_instant_more_than_a_quarter_of_a_second_apart_differs(night: Night) -> None:
    for number in range(60):
        night.log.abandoned_call(number * 30)
    first, *others = night.records().values()
    night.bench.remember(replace(first, ended_at=first.ended_at + 249 * MS), *others)

    told = night.told(code=FAILED)

    assert (told["differing"], told["late"]) == (1, False)
