"""P3: the highest rate held with no failed call, and what it costs at 60 calls/s. Talk 3 s, without audio.

A rate is held when each call was placed on time by its packets, answered by an agent, ended as it should, and nobody
was left waiting at the end. It is searched by halving with short probes, one system after the other, and then held for
the whole time, both in turns; when that fails, a little less is tried. The generator's own limit, or too few agents,
caps the search: a result at the cap is "not measurable here". The CPU is read while calls come and go evenly: after the
first talks have ended, before the last call is placed. While app_queue is measured our router is stopped: a site with
app_queue would have none.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.load.arena import THREE_SECONDS, Arena, Round
from tests.load.goals import NOT_MEASURABLE
from tests.load.office import BROKEN
from tests.load.pairs import turns
from tests.load.processor_time import Stopwatch
from tests.load.results import Row
from tests.load.side import SCRAPED, Progress, Side, scraped, told, warm_up
from tests.load.sipp_limit import LATE_S, in_time

LOWEST = 30
_NEAR = 0.05
"The search ends when the rate that was held and the one that was not are this near."
_LESS = 0.92
"What is held for a minute is less than what is held for some seconds: the search's result is lowered once before it."
_MOST_TRIES = 6
_TALK_S = (THREE_SECONDS.least_ms + THREE_SECONDS.most_ms) / 2000
_OCCUPANCY = 0.9
CPU_RATE = 60
_RECOVERY_S = 5.0
"After a rate too high Asterisk is given time to write off what it still had to do."


@dataclass(frozen=True, slots=True)
class Plan:
    """`cpu_runs` pairs of `cpu_s` seconds at 60 calls/s; 0 leaves the CPU out."""

    hold_s: float = 60
    probe_s: float = 15
    cpu_s: float = 40
    cpu_runs: int = 3
    highest: int = 600


@dataclass(slots=True)
class Found:
    rates: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    "System → of each run at 60 calls/s, CPU in cores by process."
    calls: int = 0
    cap: int = 0
    notes: list[str] = field(default_factory=list)


def cap_of(agents: int, sipp_limit: int) -> int:
    """The highest rate worth trying: beyond it the agents are all busy, or SIPp itself is late."""
    return min(round(agents * _OCCUPANCY / _TALK_S), sipp_limit)


async def measure(arena: Arena, sides: Sequence[Side], progress: Progress, plan: Plan, *, cap: int) -> Found:
    if cap < LOWEST:
        raise ValueError(f"at most {cap} calls/s could be tried here, and the search begins at {LOWEST}")
    await arena.phones_on(THREE_SECONDS)
    await sides[0].office.on_duty(sides[0].office.rival.agents)
    found = Found(cap=min(cap, plan.highest))
    for number, name in turns(plan.cpu_runs, [side.name for side in sides]):
        side = next(side for side in sides if side.name == name)
        await _alone(arena, side)
        reading = asyncio.create_task(_cores(side, plan.cpu_s))
        try:
            done = await _try(arena, side, progress, CPU_RATE, plan.cpu_s, f"P3, CPU, pair {number}", found)
            if in_time(done, CPU_RATE, THREE_SECONDS):
                found.cpu.setdefault(name, []).append(await reading)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    low = {side.name: LOWEST for side in sides}
    high = {side.name: round(found.cap * (1 + _NEAR)) for side in sides}

    def is_open(name: str) -> bool:
        return low[name] < found.cap and high[name] - low[name] > max(2, low[name] * _NEAR)

    for side in sides:  # one after the other: our router need not come and go between two probes
        while is_open(side.name):
            rate = min(found.cap, round((low[side.name] + high[side.name]) / 2))
            done = await _try(arena, side, progress, rate, plan.probe_s, "P3, search", found)
            if in_time(done, rate, THREE_SECONDS):
                low[side.name] = rate
            else:
                high[side.name] = rate
    # what held at the cap is held there: the cap is somebody else's limit, and the row will say so
    first = {name: rate if rate >= found.cap else _lower(rate) for name, rate in low.items()}
    await _hold(arena, sides, progress, plan, found, first)
    await _alone(arena, sides[0])
    return found


async def _alone(arena: Arena, side: Side) -> None:
    """Our router works only where it is measured; started anew, it is warmed up."""
    office = side.office
    if side.name == "app_queue":
        await office.stop_router()
    elif not office.router_runs:
        await office.start_router()
        await office.on_duty(office.rival.agents, queue_too=False)
        await warm_up(arena, [side])


async def _cores(side: Side, seconds: float) -> dict[str, float]:
    """From when as many calls end as begin until shortly before the last is placed."""
    ramp_s = THREE_SECONDS.most_ms / 1000 + 1
    await asyncio.sleep(ramp_s)
    stopwatch = Stopwatch(side.office.pids)
    await asyncio.sleep(max(1.0, seconds - ramp_s - 1))
    return stopwatch.cores()


async def _hold(
    arena: Arena, sides: Sequence[Side], progress: Progress, plan: Plan, found: Found, rates: dict[str, int]
) -> None:
    """From these rates down, in turns: the highest that is held for the whole time; 0.0 when none of a few is."""
    tries = {side.name: _MOST_TRIES for side in sides}
    while left := [side for side in sides if side.name not in found.rates]:
        for side in left:
            rate = rates[side.name]
            done = await _try(arena, side, progress, rate, plan.hold_s, "P3, holding", found)
            tries[side.name] -= 1
            if in_time(done, rate, THREE_SECONDS):
                found.calls += done.calls
                found.rates[side.name] = float(rate)
            elif not tries[side.name]:
                found.rates[side.name] = 0.0
            rates[side.name] = _lower(rate)


def _lower(rate: int) -> int:
    return min(rate - 1, int(rate * _LESS))


async def _try(
    arena: Arena, side: Side, progress: Progress, rate: int, seconds: float, what: str, found: Found
) -> Round:
    takes_s = seconds + THREE_SECONDS.most_ms / 1000 + 1
    progress.step(f"{what}: {side.name} at {rate} calls/s", takes_s)
    await _alone(arena, side)
    async with scraped(side):
        done = await arena.round(
            side.towards,
            side.dnis,
            calls=round(rate * seconds),
            per_s=rate,
            within_s=takes_s + LATE_S + 2,
            heard=False,
        )
    if not in_time(done, rate, THREE_SECONDS):
        progress.say(f"{side.name} does not hold {rate} calls/s for {seconds:g} s: {told(done)}")
        found.notes.append(f"{side.name} did not hold {rate} calls/s for {seconds:g} s: {told(done)}.")
    try:
        await side.office.quiet(6)
    except BROKEN:
        await _send_home(arena, side, progress, found)
    # whoever missed a call in a rate too high is paused by now
    await side.office.on_duty(side.office.rival.agents, queue_too=False)
    return done


async def _send_home(arena: Arena, side: Side, progress: Progress, found: Found) -> None:
    """End what a rate too high has left; when that cannot be done, Asterisk is started anew, and warmed up."""
    try:
        await side.office.hang_up_all(15)
    except BROKEN as error:
        progress.say(f"{error}; Asterisk is started anew")
        found.notes.append(f"After that Asterisk was started anew: {error}.")
        await side.office.anew()
        await side.office.on_duty(side.office.rival.agents)
        await arena.phones_anew()
        await warm_up(arena, [side])
        return
    await arena.phones_anew()
    await asyncio.sleep(_RECOVERY_S)


def row(found: Found, plan: Plan) -> Row:
    """The row of P3. CPU is in cores: 0.25 is a quarter of one core."""
    ours, app_queue = _figures(found, "ours"), _figures(found, "app_queue")
    ratios, verdicts, notes = {}, {}, [*found.notes, SCRAPED]
    runs = min((len(found.cpu.get(name, ())) for name in ("ours", "app_queue")), default=0)
    notes.append("app_queue: rates and CPU with our router stopped.")
    if found.cpu:
        notes.append(
            f"CPU: {'the median of ' + str(runs) + ' alternating runs' if runs > 1 else 'one run'} of {plan.cpu_s:g} s"
            f" each."
        )
    capped = [name for name in ("ours", "app_queue") if found.rates[name] >= found.cap]
    if capped:
        notes.append(
            f"{' and '.join(capped)} held {found.cap} calls/s, the highest rate tried: the true one is higher."
        )
        verdicts["rate ÷ app_queue's"] = NOT_MEASURABLE
    elif found.rates["app_queue"]:
        ratios["rate"] = found.rates["ours"] / found.rates["app_queue"]
    if "router" in ours:
        ratios["cpu"] = (ours["router"] + ours["valkey"]) / ours["asterisk"]
        ours["cores"] = ours["router"] + ours["valkey"] + ours["asterisk"]
        notes.append(
            f"router, valkey, asterisk: on average at {CPU_RATE} calls/s, 1 is one core; cores: all of them together."
        )
    if "asterisk" in app_queue:
        app_queue["cores"] = app_queue["asterisk"]
    if "cores" in ours and "cores" in app_queue:
        ratios["cores"] = ours["cores"] / app_queue["cores"]
    return Row(
        id="P3",
        title=f"highest rate held {plan.hold_s:g} s without a failed call, talk 3 s, no audio; CPU at {CPU_RATE}/s",
        unit="calls/s",
        n=found.calls,
        ours=ours,
        app_queue=app_queue,
        ratio=ratios.get("rate"),
        ratios=ratios,
        verdicts=verdicts,
        pairs=runs or None,
        notes=notes,
    )


def _figures(found: Found, name: str) -> dict[str, float]:
    figures = {"rate": found.rates[name]}
    runs = found.cpu.get(name, [])
    if runs:
        processes = ("asterisk", "router", "valkey") if name == "ours" else ("asterisk",)
        figures |= {process: statistics.median(run[process] for run in runs) for process in processes}
    return figures
