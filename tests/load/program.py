"""Which measures a run takes, in which order and how large: `bench`, `load`, `soak`.

The sizes are chosen for the time they take: `bench` stays below 12 minutes, its quick form below 2.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from router.adapters.pbx.root import Root
from tests.load import crowd, endurance, highest_rate, next_ring, ring_speed, sipp_limit
from tests.load.arena import THREE_SECONDS, Arena, CallsLost, Talk
from tests.load.office import CHECKOUT, Office
from tests.load.processor_time import pin
from tests.load.quiet_machine import MOST_CORES, Neighbours
from tests.load.results import Results, Row, row_of
from tests.load.side import Progress, rivals_of
from tests.telephones.workshop import TelephoneError

MEASURES = {"bench": ("P4", "P5", "P1", "P1-cel", "P2"), "load": ("P3", "P6"), "soak": ("P7",)}
_SCRIPTS = {"P4": "engine_alone", "P5": "memory"}
_SCRIPT_S = {("P4", False): 60, ("P5", False): 25, ("P4", True): 7, ("P5", True): 10}
_AGENTS = {"bench": ring_speed.AGENTS, "load": 900, "soak": endurance.AGENTS}
"P3 at 250 calls/s with talks of 3 s needs 750 agents in talks and some to spare."
_PROBES, _HOLDS = 5, 2.5
"Of P3, for each system: how many it usually takes."


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asked for. `pairs` None: as many as the program's form has."""

    program: str
    quick: bool = False
    only: tuple[str, ...] = ()
    pairs: int | None = None
    minutes: float | None = None
    """Of the soak; None: ten, or one in the quick form."""
    agents: int | None = None
    pin: bool = False

    @property
    def soak_min(self) -> float:
        return self.minutes if self.minutes is not None else 1 if self.quick else 10

    @property
    def measures(self) -> tuple[str, ...]:
        """What is taken, in order; a quick run leaves variants out unless they are asked for."""
        chosen = MEASURES[self.program]
        if self.only:
            return tuple(one for one in chosen if one in self.only)
        return tuple(one for one in chosen if not self.quick or "-" not in one)


@dataclass(slots=True)
class Session:
    """A run in progress."""

    asked: Asked
    results: Results
    progress: Progress
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Said in every row: how the machine was."""
    sipp_limit: int = 0
    neighbours: Neighbours = field(default_factory=Neighbours)

    def add(self, row: Row, ours: Iterable[int] = ()) -> None:
        """`ours`: processes that run beside us and are measured, so not neighbours."""
        busy = self.neighbours.look(ours)
        row.notes.extend([*(self.notes if row.id not in _SCRIPTS else ()), f"Meanwhile {busy}."])
        if busy.cores > MOST_CORES:
            row.notes.append("The machine was not quiet: trust these figures less.")
        self.results.add(row)

    @contextmanager
    def attempt(self, measure: str) -> Iterator[None]:
        """A measure that fails is told, and the others go on."""
        self.neighbours = Neighbours()
        try:
            yield
        except (CallsLost, TelephoneError, RuntimeError, ValueError, OSError, TimeoutError) as error:
            self.failures.append(f"{measure}: {error}")
            self.progress.say(f"{measure} failed: {error}")


async def run(session: Session, root: Root) -> None:
    asked = session.asked
    for measure in asked.measures:
        if measure in _SCRIPTS:
            with session.attempt(measure):
                await _script(session, measure)
    if not set(asked.measures) - set(_SCRIPTS):
        return
    if asked.pin:
        _pin_ourselves()
    async with Arena(root) as arena:
        await _calibrate(session, arena)
        agents = asked.agents or _AGENTS[asked.program]
        name = f"bench-{os.getpid()}"
        async with Office(name, root, agents=agents, phones=arena.phones, rtp_ports=8000) as office:
            if asked.pin:
                pin([office.pids["asterisk"]], 0)
            for measure in asked.measures:
                if measure in _TAKERS:
                    with session.attempt(measure):
                        await _TAKERS[measure](session, arena, office)


def planned_s(asked: Asked) -> float:
    """Roughly how long it will take, for the times of the progress."""
    total = 10.0
    for measure in asked.measures:
        if measure in _SCRIPTS:
            total += _SCRIPT_S[measure, asked.quick]
    pairs, calls, callers = _pairs(asked), _calls(asked), _callers(asked)
    long_pairs = asked.pairs or _LONG_PAIRS[asked.quick]
    both_s = next_ring.run_s(callers) + next_ring.run_s(callers, "app_queue")
    plan = _rate_plan(asked)
    own = {
        "P1": 2 * ring_speed.run_s(20) + (2 * pairs + min(pairs, _FLOOR_RUNS)) * ring_speed.run_s(calls),
        "P1-cel": 2 * ring_speed.run_s(20) + 2 * pairs * ring_speed.run_s(calls),
        "P2": 10 + long_pairs * both_s,
        "P3": 8 * len(_ladder(asked))
        + 2 * plan.cpu_runs * (plan.hold_s + 5)
        + 2 * _PROBES * (plan.probe_s + 8)
        + 2 * _HOLDS * (plan.hold_s + 14),
        "P6": 2 * (asked.pairs or 1) * crowd.run_s(_crowd_plan(asked)) + 60,
        "P7": asked.soak_min * 60 + 40,
    }
    return total + sum(own.get(measure, 0) for measure in asked.measures) + 8


# ---- sizes ----

_FLOOR_RUNS = 3
_LONG_PAIRS = {False: 5, True: 1}
"Of P2, whose runs are the longest."


def _pairs(asked: Asked) -> int:
    return asked.pairs or (2 if asked.quick else 5)


def _calls(asked: Asked) -> int:
    return 60 if asked.quick else 160


def _callers(asked: Asked) -> int:
    return 40 if asked.quick else 120


def _rate_plan(asked: Asked) -> highest_rate.Plan:
    runs = asked.pairs or 1
    return highest_rate.Plan(hold_s=8, probe_s=5, cpu_runs=runs) if asked.quick else highest_rate.Plan(cpu_runs=runs)


def _ladder(asked: Asked) -> Sequence[int]:
    """The rates SIPp is tried at alone: up to its limit for P3, else far above what is asked of it."""
    if "P3" not in asked.measures:
        return sipp_limit.LADDER[:1]
    return (300,) if asked.quick else sipp_limit.LADDER


def _crowd_plan(asked: Asked) -> crowd.Plan:
    return crowd.Plan(callers=300, wait_s=4, talk_s=10) if asked.quick else crowd.Plan()


# ---- the measures ----


async def _calibrate(session: Session, arena: Arena) -> None:
    """SIPp's own limit; for `bench` and `soak` it is enough that it lies far above what they ask."""
    ladder = _ladder(session.asked)
    talk = THREE_SECONDS if "P3" in session.asked.measures else Talk()
    session.sipp_limit = await sipp_limit.find(arena, session.progress, talk, ladder)
    if not session.sipp_limit:
        raise TelephoneError(f"SIPp alone does not hold {ladder[0]} calls/s here: nothing can be measured")
    more = " and was asked for no more" if session.sipp_limit == ladder[-1] else ""
    session.notes.append(f"SIPp against itself held {session.sipp_limit} calls/s{more}.")


async def _ring_speed(session: Session, arena: Arena, office: Office) -> None:
    ours, app_queue, floor = rivals_of(office)
    asked = session.asked
    series = await ring_speed.measure(
        arena,
        [ours, app_queue],
        session.progress,
        pairs=_pairs(asked),
        calls=_calls(asked),
        floor=floor,
        floor_runs=_FLOOR_RUNS,
    )
    session.add(ring_speed.row(series), office.pids.values())


async def _ring_speed_with_cel(session: Session, arena: Arena, office: Office) -> None:
    ours, app_queue, _ = rivals_of(office)
    asked = session.asked
    await asyncio.to_thread(office.rival.keep_cel, True)
    try:
        series = await ring_speed.measure(
            arena,
            [ours, app_queue],
            session.progress,
            pairs=_pairs(asked),
            calls=_calls(asked),
            label="P1-cel",
        )
    finally:
        await asyncio.to_thread(office.rival.keep_cel, False)
    session.add(ring_speed.row(series, id="P1-cel"), office.pids.values())


async def _next_ring(session: Session, arena: Arena, office: Office) -> None:
    ours, app_queue, _ = rivals_of(office)
    asked = session.asked
    pairs = asked.pairs or _LONG_PAIRS[asked.quick]
    series = await next_ring.measure(arena, [ours, app_queue], session.progress, pairs=pairs, callers=_callers(asked))
    session.add(next_ring.row(series, _callers(asked)), office.pids.values())


async def _highest_rate(session: Session, arena: Arena, office: Office) -> None:
    ours, app_queue, _ = rivals_of(office)
    plan = _rate_plan(session.asked)
    cap = highest_rate.cap_of(office.rival.agents, session.sipp_limit)
    found = await highest_rate.measure(arena, [ours, app_queue], session.progress, plan, cap=cap)
    found.notes.append(f"{office.rival.agents} agents, so at most {found.cap} calls/s were tried.")
    session.add(highest_rate.row(found, plan), office.pids.values())


async def _crowd(session: Session, arena: Arena, office: Office) -> None:
    ours, app_queue, _ = rivals_of(office)
    asked, plan = session.asked, _crowd_plan(session.asked)
    alone = await next_ring.measure(
        arena, [ours], session.progress, pairs=1, callers=_callers(asked), label="P6, P2 without the crowd"
    )
    found = await crowd.measure(arena, [ours, app_queue], session.progress, plan, pairs=asked.pairs or 1)
    session.add(crowd.row(found, plan, alone, _callers(asked)), office.pids.values())


async def _endurance(session: Session, arena: Arena, office: Office) -> None:
    ours, _, _ = rivals_of(office)
    minutes = session.asked.soak_min
    found = await endurance.measure(arena, ours, session.progress, minutes=minutes)
    session.add(endurance.row(found, minutes), office.pids.values())


_TAKERS: dict[str, Callable[[Session, Arena, Office], Awaitable[None]]] = {
    "P1": _ring_speed,
    "P1-cel": _ring_speed_with_cel,
    "P2": _next_ring,
    "P3": _highest_rate,
    "P6": _crowd,
    "P7": _endurance,
}


async def _script(session: Session, measure: str) -> None:
    quick = session.asked.quick
    session.progress.step(f"{measure}: {_SCRIPTS[measure]}", _SCRIPT_S[measure, quick])
    session.add(await engine_row(measure, CHECKOUT, quick=quick))


async def engine_row(measure: str, tree: Path, *, quick: bool) -> Row:
    """P4 or P5 of the `router` in `tree`, by our script, in a process of its own. Raises RuntimeError."""
    command = [sys.executable, "-P", "-m", f"tests.load.{_SCRIPTS[measure]}", "--json", *(["--quick"] if quick else [])]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=tree,
        env=os.environ | {"PYTHONPATH": f"{tree}{os.pathsep}{CHECKOUT}"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(300):
            out, err = await process.communicate()
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode:
        raise RuntimeError(f"{_SCRIPTS[measure]} failed: {err.decode(errors='replace').strip()[-1500:]}")
    return row_of(json.loads(out))


def _pin_ourselves() -> None:
    """Asterisk gets core 0 for itself; router, Valkey, SIPp and we share core 1."""
    if len(os.sched_getaffinity(0)) < 2:
        raise RuntimeError("--pin needs two cores")
    os.sched_setaffinity(0, {1})
