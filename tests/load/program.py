"""Which measures a run takes, in which order and how large: `bench`, `load`, `soak`.

The sizes are chosen for the time they take: `bench` stays below 12 minutes, its quick form below 2.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp

from router.adapters.pbx.root import Root
from router.domain.errors import RouterError
from tests.load import crowd, endurance, highest_rate, next_ring, ring_speed, sipp_limit
from tests.load.arena import THREE_SECONDS, Arena, CallsLost, Talk
from tests.load.office import CHECKOUT, Office
from tests.load.pairs import percentile
from tests.load.quiet_machine import Busy, Neighbours
from tests.load.results import Results, Row, row_of
from tests.load.side import Progress, rivals_of, warm_up
from tests.telephones.workshop import TelephoneError

MEASURES = {"bench": ("P4", "P4-rings", "P5", "P1-rtcp", "P1", "P1-cel", "P2"), "load": ("P3", "P6"), "soak": ("P7",)}
MOST_S = {False: 12 * 60, True: 2 * 60}
"What `bench` may take, and its quick form."
_SCRIPTS = {
    "P4": ("engine_alone",),
    "P4-rings": ("engine_alone", "--rings"),
    "P5": ("memory",),
    "P1-rtcp": ("telemetry_flood",),
}
"Module and what it is asked for besides."
_SCRIPT_S = {"P4": 60, "P4-rings": 20, "P5": 25, "P1-rtcp": 21}
_QUICK_SCRIPT_S = {"P4": 7, "P4-rings": 20, "P5": 10, "P1-rtcp": 6}
_AGENTS = {"bench": ring_speed.AGENTS, "load": 900, "soak": endurance.AGENTS}
"P3 at 250 calls/s with talks of 3 s needs 750 agents in talks and some to spare."
_PROBES, _HOLDS = 5, 2.5
"Of P3, for each system: how many it usually takes."
_RESTART_S = 8
"Our router is stopped and started again, and warmed up."
FAILURES = (
    *(CallsLost, TelephoneError, RouterError, aiohttp.ClientError, subprocess.SubprocessError),
    *(RuntimeError, ValueError, KeyError, OSError, TimeoutError),
)
"What a system, or the telephones, may do under a load: the measure fails, the run goes on."


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
    def is_short(self) -> bool:
        """Less than what is published, whether by --quick or by smaller numbers: it never replaces a full row."""
        pairs = self.pairs is not None and self.pairs < _LEAST_PAIRS[self.program]
        return self.quick or pairs or (self.program == "soak" and self.soak_min < 10)

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
    versions: dict[str, str] = field(default_factory=lambda: {"kernel": platform.release()})
    neighbours: Neighbours = field(default_factory=Neighbours)
    rounds: list[Busy] = field(default_factory=list)
    """What the neighbours did in each run of the measure at hand."""

    def add(self, row: Row) -> None:
        rounds = self.rounds or [self.neighbours.look()]
        loud, worst = [busy for busy in rounds if not busy.is_quiet], max(rounds, key=lambda busy: busy.cores)
        notes = [*row.notes, *(self.notes if row.id not in _SCRIPTS else ())]
        notes.append(f"In the loudest of {len(rounds)} runs {worst}." if len(rounds) > 1 else f"Meanwhile {worst}.")
        if loud:
            notes.append(f"The machine was not quiet in {len(loud)} of {len(rounds)} runs: trust these figures less.")
        self.results.add(replace(row, notes=notes, quick=self.asked.is_short, versions=dict(self.versions)))

    @contextmanager
    def attempt(self, measure: str) -> Iterator[None]:
        """A measure that fails is told, and the others go on."""
        self.neighbours = Neighbours()
        self.rounds.clear()
        try:
            yield
        except FAILURES as error:
            self.failures.append(f"{measure}: {type(error).__name__}: {error}")
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
        session.rounds = arena.busy
        await _calibrate(session, arena)
        agents = asked.agents or _AGENTS[asked.program]
        name = f"bench-{os.getpid()}"
        async with Office(name, root, agents=agents, phones=arena.phones, rtp_ports=8000) as office:
            arena.measured = lambda: office.pids.values()
            session.versions = await office.versions()
            if asked.pin:
                office.asterisk_core = 0
                office.pin_asterisk()
            for measure in asked.measures:
                if measure in _TAKERS:
                    with session.attempt(measure):
                        if not office.router_runs:  # the measure before failed while it was away
                            await office.start_router()
                        await _TAKERS[measure](session, arena, office)


def planned_s(asked: Asked) -> float:
    """Roughly how long it will take, for the times of the progress."""
    total = 10.0
    for measure in asked.measures:
        if measure in _SCRIPTS:
            total += script_s(measure, quick=asked.quick)
    pairs, calls, callers = _pairs(asked), _calls(asked), _callers(asked)
    long_pairs = asked.pairs or _LONG_PAIRS[asked.quick]
    both_s = next_ring.run_s(callers) + next_ring.run_s(callers, "app_queue")
    plan = _rate_plan(asked)
    own = {
        "P1": 2 * ring_speed.run_s(20)
        + (2 * pairs + min(pairs, _FLOOR_RUNS)) * ring_speed.run_s(calls)
        + (0 if asked.quick else ring_speed.run_s(calls) + _RESTART_S),
        "P1-cel": 2 * ring_speed.run_s(20) + 2 * _cel_pairs(asked) * ring_speed.run_s(_cel_calls(asked)),
        "P2": 10 + long_pairs * both_s,
        "P3": 9 * len(_ladder(asked))
        + 2 * plan.cpu_runs * (plan.cpu_s + 6)
        + (plan.cpu_runs + 3) * _RESTART_S
        + 2 * _PROBES * (plan.probe_s + 6)
        + 2 * _HOLDS * (plan.hold_s + 8),
        "P6": 2 * _crowd_pairs(asked) * crowd.run_s(_crowd_plan(asked)) + next_ring.run_s(callers) + 10,
        "P7": asked.soak_min * 60 + 40,
    }
    return total + sum(own.get(measure, 0) for measure in asked.measures) + 8


# ---- sizes ----

_FLOOR_RUNS = 3
_LEAST_PAIRS = {"bench": 5, "load": 3, "soak": 0}
_LONG_PAIRS = {False: 5, True: 1}
"Of P2, whose runs are the longest."


def _pairs(asked: Asked) -> int:
    """Many short ones: two runs of the *same* system, next to each other, differ by a third on a shared machine."""
    return asked.pairs or (2 if asked.quick else 9)


def _calls(asked: Asked) -> int:
    return 60 if asked.quick else 90


def _cel_pairs(asked: Asked) -> int:
    return asked.pairs or (2 if asked.quick else 5)


def _cel_calls(asked: Asked) -> int:
    """Fewer: its row is a variant, and the twelve minutes are for what has goals."""
    return 60


def _callers(asked: Asked) -> int:
    return 40 if asked.quick else 120


def _rate_plan(asked: Asked) -> highest_rate.Plan:
    if asked.quick:
        return highest_rate.Plan(hold_s=8, probe_s=5, cpu_s=10, cpu_runs=asked.pairs or 1)
    return highest_rate.Plan(cpu_runs=asked.pairs or _LEAST_PAIRS["load"])


def _crowd_pairs(asked: Asked) -> int:
    return asked.pairs or (1 if asked.quick else _LEAST_PAIRS["load"])


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
    notes = [] if asked.quick else [await _without_our_router(session, arena, office)]
    session.add(ring_speed.row(series, notes=notes or [_BESIDE]))


_BESIDE = "Whoever else is measured has our router beside it, idle: Asterisk tells it of their calls, too."


async def _without_our_router(session: Session, arena: Arena, office: Office) -> str:
    """One more run of app_queue, as a site without us has it; the sentence says what our presence costs it."""
    _, app_queue, _ = rivals_of(office)
    calls = _calls(session.asked)
    session.progress.step("P1: app_queue with our router stopped", ring_speed.run_s(calls) + _RESTART_S)
    await office.stop_router()
    try:
        await warm_up(arena, [app_queue])
        alone = sorted(await ring_speed.once(arena, app_queue, calls))
    except FAILURES as error:  # the pairs are measured; they need not die of it
        session.failures.append(f"P1, app_queue with our router stopped: {type(error).__name__}: {error}")
        return _BESIDE
    finally:
        await office.start_router()
    p50, p99 = percentile(alone, 50), percentile(alone, 99)
    return f"{_BESIDE} One run of app_queue with it stopped: p50 {p50:.2f}, p99 {p99:.2f} ms."


async def _ring_speed_with_cel(session: Session, arena: Arena, office: Office) -> None:
    ours, app_queue, _ = rivals_of(office)
    asked = session.asked
    await asyncio.to_thread(office.rival.keep_cel, True)
    before = await asyncio.to_thread(office.rival.cel_rows)

    async def warmed() -> None:
        if await asyncio.to_thread(office.rival.cel_rows) <= before:
            raise RuntimeError("CEL is on, and yet Asterisk wrote none of the first calls to its file")

    try:
        series = await ring_speed.measure(
            arena,
            [ours, app_queue],
            session.progress,
            pairs=_cel_pairs(asked),
            calls=_cel_calls(asked),
            label="P1-cel",
            warmed=warmed,
        )
    finally:
        await asyncio.to_thread(office.rival.keep_cel, False)
    session.add(ring_speed.row(series, id="P1-cel", notes=[_BESIDE]))


async def _next_ring(session: Session, arena: Arena, office: Office) -> None:
    ours, app_queue, _ = rivals_of(office)
    asked = session.asked
    pairs = asked.pairs or _LONG_PAIRS[asked.quick]
    series = await next_ring.measure(arena, [ours, app_queue], session.progress, pairs=pairs, callers=_callers(asked))
    session.add(next_ring.row(series, _callers(asked), notes=[_BESIDE]))


async def _highest_rate(session: Session, arena: Arena, office: Office) -> None:
    ours, app_queue, _ = rivals_of(office)
    plan = _rate_plan(session.asked)
    cap = highest_rate.cap_of(office.rival.agents, session.sipp_limit)
    found = await highest_rate.measure(arena, [ours, app_queue], session.progress, plan, cap=cap)
    found.notes.append(f"{office.rival.agents} agents, so at most {found.cap} calls/s were tried.")
    session.add(highest_rate.row(found, plan))


async def _crowd(session: Session, arena: Arena, office: Office) -> None:
    ours, app_queue, _ = rivals_of(office)
    asked, plan = session.asked, _crowd_plan(session.asked)
    alone = await next_ring.measure(
        arena, [ours], session.progress, pairs=1, callers=_callers(asked), label="P6, P2 without the crowd"
    )
    found = await crowd.measure(arena, [ours, app_queue], session.progress, plan, pairs=_crowd_pairs(asked))
    session.add(crowd.row(found, plan, alone, _callers(asked)))


async def _endurance(session: Session, arena: Arena, office: Office) -> None:
    ours, _, _ = rivals_of(office)
    minutes = session.asked.soak_min
    found = await endurance.measure(arena, ours, session.progress, minutes=minutes)
    session.add(endurance.row(found, minutes))


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
    session.progress.step(f"{measure}: {' '.join(_SCRIPTS[measure])}", script_s(measure, quick=quick))
    session.add(await engine_row(measure, CHECKOUT, quick=quick))


def script_s(measure: str, *, quick: bool) -> float:
    return (_QUICK_SCRIPT_S if quick else _SCRIPT_S)[measure]


async def engine_row(measure: str, tree: Path, *, quick: bool) -> Row:
    """A script's row, of the `router` in `tree`, in a process of its own. Raises RuntimeError."""
    module, *options = _SCRIPTS[measure]
    options += ["--json", *(["--quick"] if quick else [])]
    command = [sys.executable, "-P", "-m", f"tests.load.{module}", *options]
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
        raise RuntimeError(f"{module} failed: {err.decode(errors='replace').strip()[-1500:]}")
    return row_of(json.loads(out))


def _pin_ourselves() -> None:
    """Asterisk gets core 0 for itself; router, Valkey, SIPp and we share core 1."""
    if len(os.sched_getaffinity(0)) < 2:
        raise RuntimeError("--pin needs two cores")
    os.sched_setaffinity(0, {1})
