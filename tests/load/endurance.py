"""P7: ten minutes at 30 calls/s with audio, talk 3 s: no failed call, and nothing left behind.

Left behind would be: an asyncio task (the router counts its own, `ringfair_tasks`), a contact or an inbox entry, a
thread or open file of its process, a billing record too few or too many, a Redis key besides the agents' own, a channel
in Asterisk, memory that grew with the calls. All is seen from outside, and the office is as empty before as after.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import redis.asyncio

from tests.load.arena import Arena, Round, Talk
from tests.load.office import Office
from tests.load.processor_time import Stopwatch, memory_mb, open_files, threads
from tests.load.results import Row
from tests.load.side import SCRAPED, Progress, Side, scraped, told
from tests.telephones.workshop import TelephoneError

PER_S = 30
AGENTS = 160
_TALK = Talk(2500, 3500, audio=True)
_SAMPLE_S = 10.0
_FIRST_MINUTE_S = 60.0
_SETTLE_S = 5.0
_TASKS = "ringfair_tasks"
_LOOKS = 5
"An empty router still has a task now and then, for a moment; the least of a few looks is what stays."


@dataclass(frozen=True, slots=True)
class Trace:
    """What is countable of the router, from outside. `leftover` is what an empty call centre has none of."""

    at_s: float
    memory_mb: float
    threads: int
    files: int
    tasks: float | None
    """None where the router does not count them."""
    leftover: dict[str, float]


@dataclass(slots=True)
class Found:
    done: Round
    before: Trace
    after: Trace
    records: int
    """Billing records the ledger holds more than before."""
    keys: Sequence[str]
    """Redis keys besides those there before the first call."""
    channels: int
    memory: list[Trace] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def early(self) -> Trace:
        """After the first minute, when every pool of threads and cache has what it needs; in a short run, before."""
        return next((trace for trace in self.memory if trace.at_s >= _FIRST_MINUTE_S), self.before)

    @property
    def leaked_tasks(self) -> float | None:
        """Tasks more than in the empty office before; None where they cannot be counted."""
        if self.before.tasks is None or self.after.tasks is None:
            return None
        return max(0.0, self.after.tasks - self.before.tasks)

    @property
    def left_over(self) -> float:
        """Threads more than after the first minute, and whatever the router still holds of calls that are over."""
        return max(0, self.after.threads - self.early.threads) + sum(self.after.leftover.values())


async def measure(arena: Arena, side: Side, progress: Progress, *, minutes: float) -> Found:
    """Raises nothing for a failed call: what became of the calls is what is measured."""
    office = side.office
    await arena.phones_on(_TALK)
    await office.on_duty(AGENTS)
    progress.step("P7: warming up", 6)
    await arena.round(side.towards, side.dnis, calls=60, per_s=PER_S, within_s=30, heard=False, audio=True)
    await office.quiet(15)
    await asyncio.sleep(_SETTLE_S)
    records, keys = await office.records(), await _keys(office)
    before = await _empty(office, time.monotonic())
    calls = round(minutes * 60 * PER_S)
    progress.step(f"P7: {calls} calls in {minutes:g} min", minutes * 60 + 5)
    stopwatch, began, trail = Stopwatch(office.pids), time.monotonic(), list[Trace]()
    watching = asyncio.create_task(_watch(office, began, trail))
    try:
        async with scraped(side):
            done = await arena.round(
                side.towards,
                side.dnis,
                calls=calls,
                per_s=PER_S,
                within_s=minutes * 60 + 30,
                heard=False,
                audio=True,
            )
        cpu = stopwatch.cores()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    progress.step("P7: looking for what is left", 20)
    try:
        await office.quiet(30)
    except TelephoneError as error:
        progress.say(str(error))
    await asyncio.sleep(_SETTLE_S)  # the ledger and Redis are written behind; that is their time, not a leak
    return Found(
        done=done,
        before=before,
        after=await _empty(office, began),
        records=await office.records() - records,
        keys=sorted(await _keys(office) - keys),
        channels=await asyncio.to_thread(office.channels),
        memory=trail,
        cpu=cpu,
    )


async def _watch(office: Office, began: float, trail: list[Trace]) -> None:
    while True:
        await asyncio.sleep(_SAMPLE_S)
        trail.append(await _trace(office, began))


async def _empty(office: Office, began: float) -> Trace:
    """Of an office without calls: the look with the fewest tasks."""
    looks = []
    for _ in range(_LOOKS):
        looks.append(await _trace(office, began))
        await asyncio.sleep(0.3)
    return min(looks, key=lambda look: look.tasks or 0)


async def _trace(office: Office, began: float) -> Trace:
    pid = office.pids["router"]
    text = str(await office.get("/metrics"))
    leftover = {name: _metric(text, f"ringfair_{name}") for name in ("waiting", "inbox_depth", "ledger_spool_records")}
    leftover["contacts"] = await office.contacts()
    return Trace(
        at_s=time.monotonic() - began,
        memory_mb=memory_mb(pid),
        threads=threads(pid),
        files=open_files(pid),
        tasks=_metric(text, _TASKS) if f"\n{_TASKS} " in text else None,
        leftover=leftover,
    )


def _metric(text: str, name: str) -> float:
    """The sum of a metric's series in Prometheus's text format. Raises KeyError for one that is not there."""
    values = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)", text, re.MULTILINE)
    if not values:
        raise KeyError(f"/metrics has no {name}")
    return sum(map(float, values))


async def _keys(office: Office) -> set[str]:
    client = redis.asyncio.Redis.from_url(office.valkey.url, decode_responses=True)
    try:
        return {str(key) async for key in client.scan_iter(count=1000)}
    finally:
        await client.aclose()


def row(found: Found, minutes: float) -> Row:
    done, after, early = found.done, found.after, found.early
    leaked = found.leaked_tasks
    tasks = {} if leaked is None else {"leaked_tasks": leaked}
    notes = [
        SCRAPED,
        f"asyncio tasks of the router: {found.before.tasks:g} before, {after.tasks:g} after."
        if found.before.tasks is not None and after.tasks is not None
        else f"This router has no {_TASKS} among its metrics: leaked tasks are not measurable here.",
        f"{told(done)}; {found.records} billing records.",
        f"The whole router's memory at work (PSS, MB of 10^6 bytes): {early.memory_mb:.1f} after {early.at_s:.0f} s, "
        f"{after.memory_mb:.1f} at the end.",
        f"Threads: {found.before.threads} before, {early.threads} early, {after.threads} after; open files: "
        f"{found.before.files}, {early.files}, {after.files}; left in the router: {after.leftover}.",
        "Cores used: " + ", ".join(f"{name} {used:.2f}" for name, used in found.cpu.items()) + ".",
    ]
    if done.words:
        notes.append(f"SIPp: {' '.join(done.words.split())[:300]}")
    if found.keys:
        notes.append(f"New keys in Redis: {', '.join(found.keys[:5])}")
    return Row(
        id="P7",
        title=f"{minutes:g} min at {PER_S} calls/s, talk 3 s with audio on both sides",
        unit="count",
        n=done.calls,
        ours={
            "failed": float(max(done.lost, done.failed)),
            "unbilled": float(abs(done.calls - found.records)),
            **tasks,
            "left_over": found.left_over,
            "leaked_files": float(max(0, after.files - max(early.files, found.before.files))),
            "leaked_keys": float(len(found.keys)),
            "leaked_channels": float(found.channels),
            "mb_early": early.memory_mb,
            "mb_end": after.memory_mb,
        },
        samples={
            "minutes": [trace.at_s / 60 for trace in found.memory],
            "router MB": [trace.memory_mb for trace in found.memory],
        },
        notes=notes,
    )
