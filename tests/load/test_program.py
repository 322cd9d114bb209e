"""A run of the harness: its plan, its command line, what fails it, and whether the machine was quiet."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from router.adapters.pbx.errors import PbxError
from tests.load import bench, highest_rate
from tests.load.arena import CallsLost
from tests.load.processor_time import cpu_s, family, with_children_s
from tests.load.program import MEASURES, Asked, Session, planned_s
from tests.load.quiet_machine import Busy, Neighbours, NotQuiet, wait_until_quiet
from tests.load.results import Results, Row
from tests.load.side import Progress
from tests.telephones.workshop import TelephoneError, until


@pytest.mark.parametrize("program", MEASURES)
def test_every_program_knows_how_long_it_takes(program: str) -> None:
    assert planned_s(Asked(program=program, quick=True)) < planned_s(Asked(program=program))


def test_the_promised_times_are_kept_by_the_plan() -> None:
    assert planned_s(Asked(program="bench")) <= 12 * 60
    assert planned_s(Asked(program="bench", quick=True)) <= 2 * 60
    assert planned_s(Asked(program="load")) <= 25 * 60
    assert planned_s(Asked(program="soak")) <= 11.5 * 60


@pytest.mark.parametrize(
    ("asked", "short"),
    [
        (Asked(program="bench"), False),
        (Asked(program="bench", quick=True), True),
        (Asked(program="bench", pairs=4), True),
        (Asked(program="bench", pairs=5, only=("P1",)), False),
        (Asked(program="load"), False),
        (Asked(program="load", pairs=1), True),
        (Asked(program="soak"), False),
        (Asked(program="soak", minutes=9.9), True),
        (Asked(program="soak", minutes=60), False),
    ],
)
def test_whatever_is_smaller_than_what_is_published_is_a_short_run(asked: Asked, short: bool) -> None:
    assert asked.is_short is short


@pytest.mark.parametrize(("program", "agents"), [("bench", 79), ("load", 99), ("soak", 159), ("bench", 5001)])
def test_too_few_agents_for_a_program_are_refused_with_the_number_it_needs(
    program: str, agents: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        bench.parse([program, "--agents", str(agents)])
    assert f"needs at least {bench.least_agents(program)}" in capsys.readouterr().err
    asked, _ = bench.parse([program, "--agents", str(bench.least_agents(program))])
    assert asked.agents == bench.least_agents(program)


def test_a_variant_is_asked_for_in_any_case() -> None:
    asked, _ = bench.parse(["bench", "--only", "p1-CEL,P1-rtcp"])
    assert asked.measures == ("P1-rtcp", "P1-cel")


async def test_a_search_whose_cap_is_below_its_start_is_told() -> None:
    with pytest.raises(ValueError, match="at most 12 calls/s"):
        await highest_rate.measure(None, [], None, highest_rate.Plan(), cap=12)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error",
    [
        PbxError("start-failed", "no Asterisk"),
        subprocess.TimeoutExpired(["asterisk"], 10),
        KeyError("/metrics has no ringfair_waiting"),
        aiohttp.ServerDisconnectedError(),
        TelephoneError("SIPp ended"),
        CallsLost("3 of 160"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_an_overload_does_fails_one_measure_and_not_the_run(error: Exception) -> None:
    session = Session(Asked(program="bench"), Results(commit="c"), Progress(10))
    with session.attempt("P1"):
        raise error
    assert len(session.failures) == 1
    assert session.failures[0].startswith(f"P1: {type(error).__name__}: ")
    with pytest.raises(AssertionError), session.attempt("P2"):
        raise AssertionError


def test_runs_that_were_not_quiet_are_counted_and_the_loudest_is_told() -> None:
    session = Session(Asked(program="bench", quick=True), Results(commit="c"), Progress(10))
    session.versions["SIPp"] = "3.7.2"
    session.rounds = [Busy(cores, 0.0, (("cc1", 7, cores),)) for cores in (0.01, 0.9, 0.02)]
    session.add(Row(id="P1-cel", title="t", unit="ms", n=1, ours={"p50": 1.0}))
    row = session.results.rows["P1-cel"]
    assert row.quick
    assert row.versions["SIPp"] == "3.7.2"
    assert row.notes == [
        "In the loudest of 3 runs others use 0.90 cores: cc1 (7) 0.90.",
        "The machine was not quiet in 1 of 3 runs: trust these figures less.",
    ]


@pytest.fixture
def busybody() -> Iterator[subprocess.Popen[bytes]]:
    """A process that keeps a core busy and is not below us: its parent is gone at once."""
    script = "import os, sys\nif os.fork(): os._exit(0)\nos.setsid()\nprint(os.getpid(), flush=True)\nwhile True: pass"
    starter = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    starter.wait()
    try:
        starter.pid = pid
        yield starter
    finally:
        os.kill(pid, 9)
        starter.stdout.close()


async def test_a_busy_neighbour_is_named_and_nothing_is_measured(busybody: subprocess.Popen[bytes]) -> None:
    told: list[str] = []

    with pytest.raises(NotQuiet, match=str(busybody.pid)):
        await wait_until_quiet(told.append, within_s=0, anyway=False)
    busy = await wait_until_quiet(told.append, within_s=0, anyway=True)

    assert busybody.pid in {pid for _, pid, _ in busy.who}
    assert "anyway" in told[-1]
    os.kill(busybody.pid, 0)  # it still runs


async def test_what_we_started_ourselves_is_no_neighbour() -> None:
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "while True: pass")
    try:
        neighbours = Neighbours()
        await until("the child to be busy", lambda: cpu_s(child.pid) > 0.3, 20)

        assert child.pid in family(os.getpid())
        assert child.pid not in {pid for _, pid, _ in neighbours.look().who}
    finally:
        child.kill()
        await child.wait()


async def test_what_a_child_of_ours_used_before_it_ended_is_no_neighbours_either() -> None:
    neighbours = Neighbours()
    before = with_children_s(os.getpid())
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import time\nwhile time.process_time() < 0.6: pass"
    )
    assert await child.wait() == 0
    assert with_children_s(os.getpid()) - before > 0.5
    assert child.pid not in {pid for _, pid, _ in neighbours.look().who}


async def test_a_neighbour_who_came_and_went_is_counted(tmp_path: Path) -> None:
    neighbours = Neighbours()
    before = neighbours.look().cores
    script = (
        "import os, sys, time\nif os.fork(): os._exit(0)\nos.setsid()\n"
        "while time.process_time() < 0.6: pass\nopen(sys.argv[1], 'w').write('done')"
    )
    began = time.monotonic()
    starter = await asyncio.create_subprocess_exec(sys.executable, "-c", script, str(tmp_path / "done"))
    await starter.wait()
    await until("the neighbour to be gone", (tmp_path / "done").exists, 30)

    found = neighbours.look()
    assert found.cores * (time.monotonic() - began + 1) > 0.4, (before, found)
