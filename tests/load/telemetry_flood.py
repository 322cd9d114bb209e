"""How much RTCP reports delay the call connection: `python -m tests.load.telemetry_flood [--seconds 10] [--json]`.

A manager in a process of its own writes ordinary call events, each with the time it was written; lag is from there to
`on_event` of the router's own session, under uvloop as in production, in a process that does nothing else. Phases take
turns in one run, so that what else the machine does falls on all of them: `quiet` (no telemetry), `loop` (telemetry on
the same loop, as the router runs it), `thread` (telemetry on a loop in a thread of its own), `one` (the reports on the
call connection itself, wanted and parsed: what the separate connection is for). `--json` prints the row P1-rtcp: the
phases `quiet` and `loop` in turns, about 20 s.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field

import uvloop

from router.adapters.ami.session import AmiAddress, Session
from router.adapters.ami.telemetry import Telemetry
from router.adapters.ami.wire import Block
from router.ports import LineSummary
from tests.fakes.telemetry_node import EVERYTHING_USER, SECRET, TELEMETRY_USER, TelemetryNode, telemetry_node
from tests.load.goals import NOT_MEASURABLE, goals_of
from tests.load.pairs import Series, turns
from tests.load.results import Row

_ENOUGH = 0.9
"With fewer reports than this share of what is promised, the promise was not put to the test."
WANTED = frozenset({"Newstate", "RTCPSent", "RTCPReceived"})
PHASES = ("quiet", "loop", "thread", "one")


@dataclass
class Calls:
    """What stands behind the call connection: the numbers that came, and how late they were."""

    numbers: list[int] = field(default_factory=list)
    lags_ms: list[float] = field(default_factory=list)
    work_s: float = 0.0
    "What each event costs the loop afterwards, as a decision does."

    def on_event(self, block: Block) -> None:
        if block.event == "Newstate":
            self.lags_ms.append((time.monotonic_ns() - int(block["sent"])) / 1e6)
            self.numbers.append(int(block["n"]))
            until = time.perf_counter() + self.work_s
            while time.perf_counter() < until:
                pass

    @property
    def lost(self) -> int:
        return len(self.numbers) and self.numbers[-1] + 1 - len(self.numbers)

    def percentile(self, share: float) -> float:
        """Of the lags, ms, the lowest rank that covers `share`."""
        ordered = sorted(self.lags_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def _nothing(*_: object) -> None:
    pass


@contextlib.asynccontextmanager
async def call_connection(node: TelemetryNode, calls: Calls, user: str = "ringfair") -> AsyncIterator[Session]:
    session = Session(
        AmiAddress("127.0.0.1", node.port, user, SECRET),
        wanted=WANTED,
        on_event=calls.on_event,
        on_up=_nothing,
        on_down=_nothing,
    )
    task = asyncio.ensure_future(session.run())
    try:
        yield session
    finally:
        await session.close()
        await task


@contextlib.asynccontextmanager
async def telemetry_connection(node: TelemetryNode, *, threaded: bool = False) -> AsyncIterator[Telemetry]:
    telemetry = Telemetry(AmiAddress("127.0.0.1", node.port, TELEMETRY_USER, SECRET))
    if not threaded:
        task = asyncio.ensure_future(telemetry.run())
        try:
            yield telemetry
        finally:
            await telemetry.close()
            await task
        return
    loop = uvloop.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(telemetry.run(),))
    thread.start()
    try:
        yield telemetry
    finally:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(telemetry.close(), loop))
        await asyncio.to_thread(thread.join)
        loop.close()


async def _phase(
    node: TelemetryNode, phase: str, seconds: float, work_s: float
) -> tuple[Calls, LineSummary | None, float]:
    """One phase; the last figure is the processor time of this process, in seconds per second."""
    calls, summary = Calls(work_s=work_s), None
    async with contextlib.AsyncExitStack() as stack:
        user = EVERYTHING_USER if phase == "one" else "ringfair"
        await stack.enter_async_context(call_connection(node, calls, user))
        telemetry = None
        if phase in ("loop", "thread"):
            telemetry = await stack.enter_async_context(telemetry_connection(node, threaded=phase == "thread"))
        began = time.process_time()
        await asyncio.sleep(seconds)
        spent = (time.process_time() - began) / seconds
        summary = telemetry.summary() if telemetry is not None else None
    return calls, summary, spent


async def _measure(seconds: float, rounds: int, reports_per_s: float, work_s: float) -> None:
    with telemetry_node(reports_per_s=reports_per_s) as node:
        await _phase(node, "loop", 1.0, work_s)
        whole: dict[str, Calls] = defaultdict(Calls)
        lost, spents = dict.fromkeys(PHASES, 0), defaultdict[str, list[float]](list)
        told: dict[str, list[LineSummary]] = defaultdict(list)
        for _ in range(rounds):
            for phase in PHASES:
                calls, summary, spent = await _phase(node, phase, seconds, work_s)
                whole[phase].lags_ms += calls.lags_ms
                lost[phase] += calls.lost
                spents[phase].append(spent)
                if summary is not None:
                    told[phase].append(summary)
    print(f"lag of the call connection, ms, {rounds} x {seconds:g} s each; {reports_per_s:g} reports/s offered;")
    print(f"each call event costs the loop {work_s * 1e6:g} us besides")
    print(
        f"{'phase':8}{'events':>8}{'lost':>6}{'p50':>8}{'p99':>8}{'p99.9':>8}{'max':>8}{'core':>7}  reports/s, dropped"
    )
    for phase in PHASES:
        calls, taken = whole[phase], sum(summary.events for summary in told[phase]) / (rounds * seconds)
        figures = "".join(f"{calls.percentile(share):8.2f}" for share in (0.5, 0.99, 0.999, 1.0))
        dropped = sum(summary.dropped for summary in told[phase])
        core = sum(spents[phase]) / rounds
        print(f"{phase:8}{len(calls.lags_ms):8}{lost[phase]:6}{figures}{core:6.1%}  {taken:.0f}, {dropped}")


async def row(seconds: float, rounds: int, reports_per_s: float) -> Row:
    """P1-rtcp: `ours` with the reports, `quiet` figures without. Raises RuntimeError when a call event was lost."""
    runs, taken = Series(), list[float]()
    with telemetry_node(reports_per_s=reports_per_s) as node:
        await _phase(node, "loop", 1.0, 0.0)
        for _, phase in turns(rounds, ("quiet", "loop")):
            calls, summary, _ = await _phase(node, phase, seconds, 0.0)
            if calls.lost:
                raise RuntimeError(f"the call connection lost {calls.lost} events")
            runs.add("ours" if phase == "loop" else "quiet", calls.lags_ms)
            if summary is not None:
                taken.append(summary.events / seconds)
    ours, quiet = runs.figures("ours"), runs.figures("quiet")
    assert ours is not None
    assert quiet is not None
    came = statistics.median(taken)
    goal = goals_of("P1-rtcp")[0].line
    return Row(
        id="P1-rtcp",
        title=f"lag of the call connection while {reports_per_s:,.0f} RTCP events/s come on their own",
        unit="ms",
        n=sum(len(run) for run in runs.runs["ours"]),
        ours={**ours, **{f"{name} without": value for name, value in quiet.items()}, "reports/s": came},
        spread=runs.spread(),
        pairs=rounds,
        verdicts={goal: NOT_MEASURABLE} if came < _ENOUGH * reports_per_s else {},
        notes=[
            "From when the other process wrote a call's event to when the router's session handed it on; uvloop, a "
            "process that does nothing else. `without`: the same call events, no RTCP events.",
            f"{came:,.0f} RTCP events/s came; medians of {rounds} alternating runs of {seconds:g} s each.",
        ],
    )


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--seconds", type=float, default=10.0, help="of each phase")
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--reports-per-s", type=float, default=4000.0)
    options.add_argument("--work-us", type=float, default=0.0, help="what each call event costs the loop besides")
    options.add_argument("--json", action="store_true", help="the row P1-rtcp")
    options.add_argument("--quick", action="store_true", help="with --json: 6 s")
    asked = options.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if asked.json:
            seconds, rounds = (1.0, 2) if asked.quick else (3.0, 3)
            json.dump(asdict(runner.run(row(seconds, rounds, asked.reports_per_s))), sys.stdout)
        else:
            runner.run(_measure(asked.seconds, asked.rounds, asked.reports_per_s, asked.work_us / 1e6))
