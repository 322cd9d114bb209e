"""Whole days at the simulated centre: many callers, bad lines, people as they are. Nobody is lost or served twice."""

import os
import subprocess
import sys

import pytest

from router.simulation.people import Habits
from router.simulation.story import Report, simulate
from router.simulation.wire import CALM, MILLISECOND, Weather

STORM = Weather(late=0.15, doubled=0.15, snapshot_us=800 * MILLISECOND)
RUSH = Habits(arrival_us=700 * MILLISECOND, loses_node_us=60 * 1_000_000)
CRANKY = Habits(ignores=0.2, rejects=0.2, answers_at_deadline=0.2, declines=0.2, gone_as_answered=0.1, transfers=0.2)


def judged(report: Report) -> Report:
    """What a failing day tells: seed, counters and the first faults."""
    assert report.fault_count == 0, str(report)
    return report


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_ordinary_days_lose_nobody(seed: int) -> None:
    report = judged(simulate(contacts=3000, seed=seed))
    assert report.contacts == 3000
    assert {"answered", "abandoned"} <= set(report.outcomes)
    assert {"late", "doubled", "node lost", "untold", "private calls", "transfers", "holds"} <= set(report.injected)


@pytest.mark.parametrize("seed", [11, 12])
def test_stormy_days_lose_nobody(seed: int) -> None:
    judged(simulate(contacts=1500, seed=seed, weather=STORM))


@pytest.mark.parametrize("seed", [21, 22])
def test_days_with_too_few_agents_lose_nobody(seed: int) -> None:
    report = judged(simulate(contacts=1500, seed=seed, agents=15, habits=RUSH))
    assert report.outcomes["overflowed"] > 0


@pytest.mark.parametrize("seed", [31, 32])
def test_days_with_cranky_agents_lose_nobody(seed: int) -> None:
    report = judged(simulate(contacts=1000, seed=seed, habits=CRANKY))
    assert {"missed", "rejected", "unregistered", "failed", "caller_left"} <= set(report.offers)


def test_every_single_step_of_a_small_day_keeps_the_invariants() -> None:
    judged(simulate(contacts=400, seed=41, look_every=1))


def test_on_a_calm_day_every_contact_has_its_record() -> None:
    report = judged(simulate(contacts=500, seed=51, weather=CALM, habits=Habits(loses_node_us=10**15)))
    assert report.records == report.contacts == 500


def test_a_day_is_the_same_whatever_the_hash_seed() -> None:
    script = "from router.simulation.story import simulate; print(simulate(contacts=150, seed=7, digest=True).digest)"
    digests = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for hash_seed in ("1", "4711")
    ]
    assert digests[0] == digests[1]
    assert len(digests[0].strip()) == 64


def test_another_seed_is_another_day() -> None:
    one, two = (simulate(contacts=50, seed=seed, digest=True).digest for seed in (1, 2))
    assert one != two
