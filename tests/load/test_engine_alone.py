"""P4 and P5 measure what they say: a sound floor, both kinds of decision, slopes that show a leak."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from router.domain.truth.invariants import broken
from tests.load.busy_floor import QUEUES, SKILLS, BusyFloor, Decisions
from tests.load.engine_alone import Cost, figures, fit_log, growth
from tests.load.goals import AIM, MISSED, NOT_MEASURABLE
from tests.load.memory import MB, WARM_UP, row_of_weights, weight
from tests.load.results import judge

_ROOT = Path(__file__).resolve().parents[2]


def cost(agents: int, mean: float) -> Cost:
    return Cost(agents=agents, decisions=1, mean=mean, p50=mean, p99=mean, most=mean, contacts_per_s=1.0, spread={})


def test_the_floor_is_as_large_and_as_busy_as_it_says() -> None:
    busy = BusyFloor(300, 200)
    busy.open()
    floor = busy.engine.floor
    assert (len(floor.agents), len(floor.queues)) == (300, QUEUES)
    assert len({queue.rules.need.text for queue in floor.queues.values()}) == QUEUES
    assert len({skill for agent in floor.agents.values() for skill in agent.profile.skills}) == SKILLS
    assert all(len(agent.profile.skills) >= 7 for agent in floor.agents.values())
    assert sum(queue.waiting for queue in floor.queues.values()) >= 200


def test_both_kinds_of_decision_are_made_and_the_floor_stays_sound() -> None:
    busy = BusyFloor(300, 200)
    busy.open()
    for _ in range(5):
        made = busy.work(100)
        assert len(made.freed) > 10
        assert len(made.arrived) > 10
        assert broken(busy.engine.floor, busy.now) == []
    assert sum(queue.waiting for queue in busy.engine.floor.queues.values()) >= 190
    assert busy.ended > 200


def test_the_same_seed_makes_the_same_day() -> None:
    told: list[list[str]] = [[], []]
    for one in told:
        busy = BusyFloor(60, 40)
        busy.subscribers.append(lambda event, now, one=one: one.append(repr((now, event))))
        busy.open()
        busy.work(100)
    assert told[0] == told[1]


def test_each_kind_of_decision_has_half_of_the_weight() -> None:
    found = figures(Decisions(freed=[10_000] * 90, arrived=[30_000] * 10))
    assert found["mean"] == 20.0
    assert (found["p50"], found["p99"], found["most"]) == (10.0, 30.0, 30.0)


def test_growth_like_log_n_is_one_and_linear_growth_is_caught() -> None:
    sizes = (100, 1_000, 10_000, 100_000)
    assert growth([cost(n, math.log(n)) for n in sizes]) == pytest.approx(1.0)
    assert growth([cost(n, 7.0) for n in sizes]) == pytest.approx(0.4)
    assert growth([cost(n, n / 10) for n in sizes]) > 100


def test_the_fit_of_what_grows_like_log_n_is_itself() -> None:
    sizes = [100.0, 1_000.0, 10_000.0]
    values = [5 + 2 * math.log(n) for n in sizes]
    assert fit_log(sizes, values) == pytest.approx(values)


@pytest.mark.parametrize(("left_behind", "verdict"), [(0, AIM), (20, AIM), (73, MISSED), (2_000, MISSED)])
def test_one_id_left_behind_by_each_contact_is_a_slope(left_behind: int, verdict: str) -> None:
    at = [float(n) for n in range(0, WARM_UP + 50_001, 1_000)]
    weights = [100.0 * MB + min(n, WARM_UP) * 500 + max(0.0, n - WARM_UP) * left_behind for n in at]
    found = {"imported": [80.0 * MB], "enrolled": [90.0 * MB], "contacts": at}
    row = judge(row_of_weights({**found, "bytes": weights, "own": weights, "blocks": at}, 10, 10, 50_000))
    assert row.ours["slope"] == pytest.approx(left_behind, abs=1e-6)
    assert row.verdicts["slope"] == verdict
    assert row.ours["blocks"] == pytest.approx(1.0)


def test_the_weight_is_that_of_a_living_process() -> None:
    whole, own = weight()
    assert 5 * MB < own <= whole < 4_000 * MB


@pytest.mark.parametrize("measure", ["engine_alone", "memory"])
def test_a_floor_without_two_departments_is_refused_in_a_sentence(measure: str) -> None:
    command = [sys.executable, "-P", "-m", f"tests.load.{measure}", "--agents", "1"]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    ran = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 2
    assert "two departments" in ran.stderr


def test_memory_prints_a_row_as_json() -> None:
    sizes = ["--agents", "40", "--waiting", "20", "--contacts", "2000"]
    command = [sys.executable, "-P", "-m", "tests.load.memory", "--json", *sizes]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    ran = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, timeout=110)
    assert ran.returncode == 0, ran.stderr
    row = json.loads(ran.stdout)
    assert (row["id"], row["n"]) == ("P5", 2000)
    assert row["ours"]["imports"] < row["ours"]["mb"] < 1_000
    assert row["verdicts"]["slope"] == NOT_MEASURABLE  # 2,000 contacts are too few to tell
