"""P7: ten minutes at 30 calls/s with audio, talk 3 s: no failed call, and nothing left behind.

Left behind would be: a contact or an inbox entry in the router, a thread or open file of its process, a billing record
too few, a Redis key besides the agents' own, a channel in Asterisk, memory that grew with the calls. The router's tasks
show as contacts, files and threads, seen from outside; nothing is added to the product for this.
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
from tests.load.side import Progress, Side, told
from tests.telephones.workshop import TelephoneError

PER_S = 30
AGENTS = 160
_TALK = Talk(2500, 3500, audio=True)
_SAMPLE_S = 10.0
_FIRST_MINUTE_S = 60.0
_SETTLE_S = 5.0


@dataclass(frozen=True, slots=True)
class Trace:
    """What is countable of the router, from outside. `leftover` is what an empty call centre has none of."""

    at_s: float
    memory_mb: float
    threads: int
    files: int
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
    def leaked_tasks(self) -> float:
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
    records, keys = await office.records(), await _keys(office)
    before = await _trace(office, time.monotonic())
    calls = round(minutes * 60 * PER_S)
    progress.step(f"P7: {calls} calls in {minutes:g} min", minutes * 60 + 5)
    stopwatch, began, trail = Stopwatch(office.pids), time.monotonic(), list[Trace]()
    watching = asyncio.create_task(_watch(office, began, trail))
    try:
        done = await arena.round(
            side.towards,
            side.dnis,
            calls=calls,
            per_s=PER_S,
            within_s=minutes * 60 + 30,
            heard=False,
            audio=True,
        )
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    cpu = {name: used / done.took_s for name, used in stopwatch.read().items()}
    progress.step("P7: looking for what is left", 20)
    try:
        await office.quiet(30)
    except TelephoneError as error:
        progress.say(str(error))
    await asyncio.sleep(_SETTLE_S)  # the ledger and Redis are written behind; that is their time, not a leak
    return Found(
        done=done,
        before=before,
        after=await _trace(office, began),
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
    notes = [
        f"{told(done)}; {found.records} billing records.",
        f"The router's memory: {early.memory_mb:.1f} MB after {early.at_s:.0f} s, {after.memory_mb:.1f} MB at the end.",
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
            "leaked_tasks": found.leaked_tasks,
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
