"""P6: a thousand callers wait in the real Asterisk, with music. P2 measured meanwhile, and what the waiting costs.

Each system has its crowd alone, app_queue's with our router stopped: the callers come while nobody takes calls, the CPU
is read while they only wait, then ten agents begin; after so many talks it is looked whether anybody's call failed, and
the rest of the crowd is sent home.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.load import next_ring
from tests.load.arena import Arena, Callers, CallsLost, Talk
from tests.load.clocks import bye_to_invite
from tests.load.pairs import Series, turns
from tests.load.processor_time import Stopwatch, memory_mb, threads
from tests.load.quiet_machine import Neighbours
from tests.load.results import Row
from tests.load.side import Progress, Side, scraped, warm_up
from tests.load.wire import Wire
from tests.telephones.workshop import until

_COME_PER_S = 50
_SETTLE_S = 3.0
_COUNT_S = 1.2
"SIPp writes its count of failed calls once a second."
_PROCESSES = {"ours": ("asterisk", "router", "valkey"), "app_queue": ("asterisk",)}


@dataclass(frozen=True, slots=True)
class Plan:
    callers: int = 1000
    wait_s: float = 10
    "How long the CPU is read while they only wait."
    talk_s: float = 20
    "How long ten agents then take calls."


@dataclass(slots=True)
class Found:
    series: Series = field(default_factory=Series)
    waiting: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    "System → of each run, CPU in cores and memory while the crowd only waits."


def run_s(plan: Plan) -> float:
    return plan.callers / _COME_PER_S + _SETTLE_S + plan.wait_s + plan.talk_s + 20


async def measure(arena: Arena, sides: Sequence[Side], progress: Progress, plan: Plan, *, pairs: int) -> Found:
    """`sides` must be of one office. Raises TelephoneError when the crowd does not come together, CallsLost."""
    await arena.phones_on(Talk())
    found = Found()
    by_name = {side.name: side for side in sides}
    for number, name in turns(pairs, list(by_name)):
        progress.step(f"P6, pair {number} of {pairs}: {name}, {plan.callers} callers", run_s(plan))
        neighbours = Neighbours(arena.measured())
        async with scraped(by_name[name]):
            await _crowd(arena, by_name[name], plan, found)
        arena.busy.append(neighbours.look(arena.measured()))
    if not sides[0].office.router_runs:
        await sides[0].office.start_router()
    return found


async def _crowd(arena: Arena, side: Side, plan: Plan, found: Found) -> None:
    office, rival = side.office, side.office.rival
    if side.name == "app_queue":
        await office.stop_router()
    elif not office.router_runs:
        await office.start_router()
        await office.on_duty(next_ring.AGENTS)
        await warm_up(arena, [side])
    await office.on_duty(0)
    await asyncio.to_thread(rival.reload_queue, next_ring.AGENTS)
    if side.name == "app_queue":
        await asyncio.to_thread(rival.pause_queue, next_ring.AGENTS, paused=True)
    packets = Wire(arena.workshop, f"udp port {side.towards[1]}")
    callers = await arena.callers(side.towards, side.dnis, calls=plan.callers, per_s=_COME_PER_S)
    try:
        await until(
            f"{plan.callers} callers to wait",
            lambda: _all_wait(side, plan.callers),
            plan.callers / _COME_PER_S * 2 + 20,
        )
        await asyncio.sleep(_SETTLE_S)
        stopwatch = Stopwatch(office.pids)
        await asyncio.sleep(plan.wait_s)
        used, pids = stopwatch.cores(), office.pids
        cost = {f"{process} while waiting": used[process] for process in _PROCESSES[side.name]}
        cost["cores while waiting"] = sum(cost.values())
        cost |= {f"{process} MB": memory_mb(pids[process]) for process in _PROCESSES[side.name] if process != "valkey"}
        cost["asterisk threads"] = threads(pids["asterisk"])
        found.waiting.setdefault(side.name, []).append(cost)
        await packets.start()
        if side.name == "app_queue":
            await asyncio.to_thread(rival.pause_queue, next_ring.AGENTS, paused=False)
        else:
            await office.on_duty(next_ring.AGENTS, queue_too=False)
        await asyncio.sleep(plan.talk_s)
        await packets.stop()
        await asyncio.sleep(_COUNT_S)
        _nobody_failed(callers, packets, plan)
        found.series.add(side.name, bye_to_invite(packets.sip(), arena.phones))
    finally:
        await packets.stop()
        await office.hang_up_all()
        await callers.process.stop()
        await arena.phones_anew()


def _nobody_failed(callers: Callers, packets: Wire, plan: Plan) -> None:
    """Looked at before the rest of the crowd is sent home, which ends their calls as well. Raises CallsLost."""
    counted = callers.counted()
    failed, placed = counted.get("FailedCall(C)", 0), counted.get("TotalCallCreated", 0)
    if failed or placed != plan.callers:
        raise CallsLost(f"of {plan.callers} callers {placed} came and {failed} failed: {callers.words()}")
    if dropped := packets.dropped():
        raise CallsLost(f"tcpdump dropped {dropped} packets: the run cannot be timed")


async def _all_wait(side: Side, callers: int) -> bool:
    await asyncio.sleep(0.5)  # asking costs the one who is asked; twice a second is enough
    return await asyncio.to_thread(side.office.channels) >= callers and (
        side.name == "app_queue" or await side.office.contacts() >= callers
    )


def row(found: Found, plan: Plan, alone: Series, callers: int) -> Row:
    """The row of P6; `alone` is P2 of the same run with so many callers and no crowd."""
    before = alone.figures("ours")
    assert before is not None
    notes = [
        "asterisk, router, valkey while waiting: cores used while nobody takes calls, 1 is one core; cores: all.",
        "app_queue's crowd waits with our router stopped.",
        f"Medians of {len(found.waiting['ours'])} alternating runs."
        if len(found.waiting["ours"]) > 1
        else "One run of each.",
        f"Ours with {callers} callers in the same run: p50 {before['p50']:.1f}, p99 {before['p99']:.1f} ms.",
    ]
    filled = next_ring.row(found.series, plan.callers, id="P6", waiting=f"{plan.callers:,} waiting", notes=notes)
    for name, costs in found.waiting.items():
        figures = filled.ours if name == "ours" else filled.app_queue
        assert figures is not None
        for key in costs[0]:
            figures[key] = statistics.median(cost[key] for cost in costs)
    for name in ("p50", "p99"):
        filled.ratios[f"ours {name} to that without the crowd"] = filled.ours[name] / before[name]
    return filled
