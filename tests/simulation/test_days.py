"""Days of the whole system: every part dies, stops and is cut off, and nobody is lost, rung or billed twice."""

import os
import subprocess
import sys

import pytest

from router.adapters.ami.telephony import AmiTelephony
from router.domain.ids import SECOND
from router.simulation.story import Report
from tests.simulation.day import play
from tests.simulation.fate import KINDS, Fate, Kind
from tests.simulation.protections import PROTECTIONS, without
from tests.simulation.town import Town
from tests.simulation.traps import Trap


def _stopped_at_a_commit(town: Town) -> Fate:
    return Trap("router: journal commit asked", "router stopped", house=()).set(town)


def _dead_after_a_commit(town: Town) -> Fate:
    town.disk.slow_s = 0.3
    return Trap("redis: journal commit done", "router without power", house=()).set(town)


def _forgotten_then_dead(town: Town) -> Fate:
    emptied = Kind(name="Redis emptied", mean_us=15 * SECOND, longest_us=SECOND // 2)
    killed = Kind(name="router killed", mean_us=20 * SECOND, blind=True)
    return Fate(town.dice, (emptied, killed))


def _dead_while_it_is_told(town: Town) -> Fate:
    return Trap("order: SendCaller done", "router without power", house=()).set(town)


_FATES = {
    "a promise is written down before it is given": _dead_while_it_is_told,
    "the epoch check in the journal's script": _stopped_at_a_commit,
    "the record on disk before the journal forgets the contact": _dead_after_a_commit,
    "a journal that was lost is written again": _forgotten_then_dead,
}
"Of protections that are needed for an instant, or against two faults together."
_FIRST_SEED = {"the bridge's epoch check": 7}
"Where a day on which it is needed comes late, that one: days before it would only take time."


def judged(report: Report) -> Report:
    assert report.fault_count == 0, str(report)
    return report


def a_day_without(name: str) -> Report:
    """The first of some days on which something goes wrong, else the last of them."""
    report: Report | None = None
    first = _FIRST_SEED.get(name, 1)
    for seed in range(first, first + 4):
        with without(name):
            report = play(contacts=400, seed=seed, prepare=_FATES.get(name))
        if report.fault_count:
            break
    assert report is not None
    return report


@pytest.mark.parametrize("seed", [1, 2])
def test_a_day_on_which_everything_goes_wrong_loses_nobody(seed: int) -> None:
    report = judged(play(contacts=500, seed=seed))
    assert report.contacts == 500
    assert {"answered", "abandoned"} <= set(report.outcomes)
    assert {"late", "doubled"} <= set(report.injected)
    assert len({kind.name for kind in KINDS} & set(report.injected)) > len(KINDS) // 2


@pytest.mark.parametrize("name", PROTECTIONS)
def test_without_a_protection_the_judge_finds_what_it_protects_from(name: str) -> None:
    assert a_day_without(name).fault_count > 0


def test_a_fault_that_a_router_caught_and_wrote_down_fails_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    def clumsy(telephony: AmiTelephony, effect: object) -> None:
        raise ValueError("clumsy")

    monkeypatch.setattr(AmiTelephony, "perform", clumsy)
    assert any("a router broke: ValueError: clumsy" in fault for fault in play(contacts=20, seed=1).faults)


def test_a_failure_is_the_same_each_time_it_is_played() -> None:
    one, other = (a_day_without("the bridge's epoch check") for _ in range(2))
    assert one.faults == other.faults
    assert one.digest == other.digest


def test_a_day_is_the_same_whatever_the_hash_seed() -> None:
    script = "from tests.simulation.day import play; print(play(contacts=150, seed=7).digest)"
    digests = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            timeout=100,
            check=True,
        ).stdout
        for hash_seed in ("1", "4711")
    ]
    assert digests[0] == digests[1]
    assert len(digests[0].strip()) == 64
