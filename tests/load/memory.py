"""P5: what the router's process weighs, and whether it grows.

    python -m tests.load.memory [--quick] [--agents 10000] [--waiting 5000] [--json]

A process of its own imports all that `ringfair serve` imports, sets the collector of garbage as it does, and has the
engine with its floor, the metrics, the trace of the newest contacts, the facts for the ledger (made, handed on, not
kept) and the pictures of all agents that wait to be written to Redis. Not in it: the connections to Asterisk, Redis and
the ledger with their buffers, the line reports of telemetry, the HTTP server with its readers, our own simulation of
the telephones apart from its list of talks. The whole router at work is weighed by P7. Every MB is 10^6 bytes.
`mb` is its proportional set size (smaps_rollup: shared pages divided among those who share them) once the floor has
settled, `slope` the bytes that each contact more leaves behind, fitted after the warm-up: the engine remembers the
last 20,000 legs on purpose, and its heaps keep what was cancelled until it outnumbers what lives. `blocks` is the same
slope in Python's own memory blocks, which no allocator blurs: one object forgotten with each contact makes it 1.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from tests.load.goals import NOT_MEASURABLE
from tests.load.results import Row, judge

AGENTS, WAITING = 10_000, 5_000
WARM_UP, CONTACTS = 30_000, 50_000
QUICK_CONTACTS = 10_000
_SAMPLES = 50
MB = 1_000_000


def weight() -> tuple[int, int]:
    """Bytes of this process: proportional set size, and what of it is its own and no file's.

    Where the kernel tells neither, both are the resident set. The share of a file's pages changes when neighbours come
    and go; memory of our own does not, so a slope is taken from that.
    """
    try:
        lines = [line.split() for line in Path("/proc/self/smaps_rollup").read_text().splitlines()]
        found = {line[0]: int(line[1]) * 1024 for line in lines[1:]}
        return found["Pss:"], found["Pss_Anon:"]
    except (OSError, KeyError):
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return resident, resident


def weigh(agents: int, waiting: int, contacts: int) -> dict[str, list[float]]:
    """Run in a fresh process: bytes after the imports, with the agents, and along the contacts."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_weigh(agents, waiting, contacts))


async def _weigh(agents: int, waiting: int, contacts: int) -> dict[str, list[float]]:
    from router.adapters.metrics import Metrics, Reading
    from router.adapters.redis.address import RedisAddress
    from router.adapters.redis.keeper import PresenceKeeper
    from router.adapters.redis.presence import RedisPresence
    from router.app import _spare_the_collector as spare_the_collector
    from router.runtime import WallClock
    from tests.load.busy_floor import BusyFloor

    imported, _ = weight()
    floor = BusyFloor(agents, waiting)
    # Never connected: what is to be written gathers as it does while Redis is away, one picture for each agent.
    keeper = PresenceKeeper(RedisPresence(RedisAddress.parse("redis://127.0.0.1:1"), pool="main"), WallClock())
    metrics = Metrics(Reading, version="0")
    floor.subscribers += [keeper, metrics]
    with contextlib.suppress(ImportError):  # an older router has no trace, or keeps its facts elsewhere
        from router.domain.ids import Micros
        from router.domain.messages.events import Event
        from router.domain.messages.facts import fact_of
        from router.trace.recorder import Recorder

        floor.trace = Recorder(lambda seconds: round(seconds * 1e6))

        def to_ledger(event: Event, now: Micros) -> None:
            fact_of(event, now)

        floor.subscribers.append(to_ledger)
    spare_the_collector()
    enrolled, _ = weight()
    floor.open()
    found: dict[str, list[float]] = {"contacts": [], "bytes": [], "own": [], "blocks": []}

    def note() -> None:
        whole, own = weight()
        taken = {"contacts": floor.ended, "bytes": whole, "own": own, "blocks": sys.getallocatedblocks()}
        for name, value in taken.items():
            found[name].append(float(value))

    note()
    while floor.ended < WARM_UP + contacts:
        aimed = floor.ended + (WARM_UP + contacts) // _SAMPLES
        while floor.ended < aimed:
            floor.step()
        floor.decisions.freed.clear()
        floor.decisions.arrived.clear()
        note()
    return {"imported": [float(imported)], "enrolled": [float(enrolled)], **found}


def measure(*, agents: int = AGENTS, waiting: int = WAITING, contacts: int | None = None, quick: bool = False) -> Row:
    """The row P5, judged; weighed in a process of its own that sees the same `router` as this one."""
    contacts = contacts if contacts is not None else QUICK_CONTACTS if quick else CONTACTS
    command = [sys.executable, *(["-P"] if sys.flags.safe_path else []), "-m", "tests.load.memory", "--inside"]
    sizes = [f"--agents={agents}", f"--waiting={waiting}", f"--contacts={contacts}"]
    ran = subprocess.run([*command, *sizes], capture_output=True, text=True, timeout=300)
    if ran.returncode:
        raise RuntimeError(f"the process to be weighed failed: {ran.stderr.strip()[-2000:]}")
    return judge(row_of_weights(json.loads(ran.stdout), agents, waiting, contacts))


def row_of_weights(found: dict[str, list[float]], agents: int, waiting: int, contacts: int) -> Row:
    """The row of what `weigh` found."""
    mb = [value / MB for value in found["bytes"]]
    slope, blocks = slope_of(found, "own"), slope_of(found, "blocks")
    few = contacts < CONTACTS  # a megabyte more from the allocator would be 100 bytes for each of 10,000
    imported, enrolled = found["imported"][0] / MB, found["enrolled"][0] / MB
    return Row(
        id="P5",
        title=f"Memory of the process, {agents:,} agents, {waiting:,} waiting",
        unit="MB; bytes a contact",
        n=contacts,
        ours={
            "mb": mb[-1],
            "max": max(mb),
            "imports": imported,
            "slope": slope,
            "blocks": blocks,
            "warm_up": float(WARM_UP),
        },
        samples={"contacts": found["contacts"], "mb": mb},
        verdicts={"slope": NOT_MEASURABLE} if few else {},
        notes=[
            f"{imported:.1f} MB are the imports, {enrolled - imported:.1f} MB the agents, {mb[0] - enrolled:.1f} MB "
            f"the contacts waiting and in talks, {mb[-1] - mb[0]:.1f} MB what {contacts + WARM_UP:,} contacts left"
        ],
    )


def slope_of(found: dict[str, list[float]], what: str) -> float:
    """What each contact adds once the process is warm, by least squares."""
    warm = [(at, value) for at, value in zip(found["contacts"], found[what], strict=True) if at >= WARM_UP]
    slope, _ = statistics.linear_regression([at for at, _ in warm], [value for _, value in warm])
    return slope


def main() -> None:
    parser = argparse.ArgumentParser(description="P5: memory of the router's process.")
    parser.add_argument("--agents", type=int, default=AGENTS)
    parser.add_argument("--waiting", type=int, default=WAITING)
    parser.add_argument("--contacts", type=int, default=None, help=f"after {WARM_UP} to warm up (default {CONTACTS})")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_CONTACTS} contacts")
    parser.add_argument("--json", action="store_true", help="print the row, samples too, as JSON")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.agents < 2:
        parser.error("--agents: a floor has two departments, so 2 at least")
    if asked.inside:
        json.dump(weigh(asked.agents, asked.waiting, asked.contacts), sys.stdout)
        return
    row = measure(agents=asked.agents, waiting=asked.waiting, contacts=asked.contacts, quick=asked.quick)
    json.dump(asdict(row), sys.stdout, indent=None if asked.json else 1)
    print()


if __name__ == "__main__":
    main()
