"""An hour without the database, at 20 contacts a second: what waits, where, and how long it takes until all is there.

    python -m tests.load.hour_without_database [--contacts-per-s 20] [--outage-s 3600] [--speed 15] [--kill]

A PostgreSQL of its own is stopped and started again, with durable writes; the spool is on the real disk. The facts of
each contact (offer, decision, record, wrap-up) are offered to a `LedgerWriter` as a router does it, in a process of its
own (tests/load/hour_writer.py): `--speed` times faster while the database is away, at their own pace while it catches
up. With `--kill` that process dies by SIGKILL in the middle of the outage, and another one takes its place.

At the end the ledger is read: every contact that was on the disk is there once, in the order of its end, and the chain
holds. Exit code 0 then, and one last line with the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from router.adapters.sql.ledger import SqlLedger
from router.ports import RecordQuery
from tests.contracts.databases import PostgresServer

ALARM_RECORDS = 1000
"RingfairLedgerBehind of deploy/prometheus/alerts.yml speaks above this."
SUCCESSOR = 10_000_000
"Number of the first contact of who takes the place of the killed one."


@dataclass(kw_only=True)
class Figures:
    contacts: int = 0
    kept: int = 0
    "The last contact whose facts were said to be on the disk."
    behind: int = 0
    "Facts that waited at the most."
    spool_mb: float = 0.0
    alarm_s: float | None = None
    "Seconds of the outage's own time until the alert's figure was passed."
    told_away: bool = False
    "Whether the writer said that the database is away."
    catch_up_s: float = 0.0
    grown_mb: float = 0.0
    "Memory of the process during the outage."
    lag_ms: float = 0.0
    "The longest the loop stood still while it caught up."
    takeover_s: float | None = None
    lost: int = 0
    faults: list[str] = field(default_factory=list)

    def line(self) -> str:
        rate = (self.behind / self.catch_up_s) if self.catch_up_s else 0.0
        alarm = "never" if self.alarm_s is None else f"{self.alarm_s:.0f} s"
        killed = "" if self.takeover_s is None else f" takeover {self.takeover_s:.1f} s"
        return (
            f"contacts {self.contacts} waited {self.behind} facts {self.spool_mb:.0f} MB alarm after {alarm}{killed} "
            f"memory +{self.grown_mb:.0f} MB caught up in {self.catch_up_s:.1f} s ({rate:.0f} facts/s, "
            f"loop {self.lag_ms:.0f} ms) lost {self.lost} faults {len(self.faults)}"
        )


class Writer:
    """The process that writes; `said` is what it told last."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said: dict[str, Any] = {}
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    async def start(cls, dsn: str, spool: Path, first: int, per_s: float) -> Writer:
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "tests.load.hour_writer", dsn, str(spool), str(first), str(per_s)],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        writer = cls(process)
        await writer.until(lambda said: bool(said))
        return writer

    def order(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(word.encode() + b"\n")

    async def until(self, so: Any, within_s: float = 900.0) -> dict[str, Any]:
        deadline = time.monotonic() + within_s
        while not so(self.said):
            if time.monotonic() > deadline or self._process.returncode is not None:
                raise AssertionError(f"the writer stopped at {self.said}")
            await asyncio.sleep(0.02)
        return self.said

    async def end(self, by: signal.Signals | None = None) -> None:
        """Let it finish, or kill it. Harmless when repeated."""
        if self._process.returncode is None and by is not None:
            self._process.send_signal(by)
        elif self._process.returncode is None:
            self.order("end")
        await asyncio.wait_for(self._process.wait(), 120)
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.said = json.loads(line)


@asynccontextmanager
async def a_database() -> AsyncIterator[tuple[PostgresServer, str]]:
    folder = Path(tempfile.mkdtemp(prefix="ringfair-postgres-"))
    try:
        server = await asyncio.to_thread(PostgresServer, folder)
        await asyncio.to_thread(server.start, durable=True)
        try:
            yield server, await server.new_database_here()
        finally:
            await asyncio.to_thread(server.stop)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def an_hour(spool: Path, *, per_s: float, outage_s: float, speed: float, kill: bool = False) -> Figures:
    """The story itself."""
    figures = Figures()
    async with a_database() as (server, dsn), _writers() as started:
        await (await SqlLedger.open(dsn)).close()
        writer = await started(dsn, spool, 0, per_s)
        standby = await started(dsn, spool, SUCCESSOR, 0.0) if kill else None
        await writer.until(lambda said: said["contacts"] >= 10)
        await asyncio.to_thread(server.stop, signal.SIGQUIT)
        before, began = dict(writer.said), time.monotonic()
        writer.order(f"pace {per_s * speed}")
        contacts = round(per_s * outage_s)
        await writer.until(lambda said: said["pending"] > ALARM_RECORDS or said["contacts"] >= contacts)
        if writer.said["pending"] > ALARM_RECORDS:
            figures.alarm_s = (time.monotonic() - began) * speed
        if standby is not None:
            await writer.until(lambda said: said["contacts"] >= contacts // 2)
            await _die(writer, standby, figures)
            contacts -= writer.said["contacts"]
            figures.contacts, figures.kept = writer.said["contacts"], writer.said["kept"]
            writer, before = standby, dict(standby.said)
            writer.order(f"pace {per_s * speed}")
        await writer.until(lambda said: said["contacts"] >= contacts)
        figures.spool_mb = writer.said["spool_bytes"] / 1e6
        figures.behind = writer.said["pending"]
        figures.told_away = writer.said["error"] == "ledger-unreachable"
        figures.grown_mb = (writer.said["rss_kb"] - before["rss_kb"]) / 1e3
        writer.order(f"pace {per_s}")
        writer.order("look")
        await asyncio.to_thread(server.start, durable=True)
        began, few = time.monotonic(), max(100, per_s * 8)
        await writer.until(lambda said: said["pending"] <= few and not said["error"])
        figures.catch_up_s = time.monotonic() - began
        figures.lag_ms = writer.said["lag_ms"]
        await writer.end()
        figures.contacts += writer.said["contacts"]
        figures.kept = figures.kept or writer.said["kept"]
        figures.lost += writer.said["lost"]
        await _check(dsn, figures)
    return figures


async def _die(writer: Writer, standby: Writer, figures: Figures) -> None:
    await writer.end(signal.SIGKILL)
    began, waited = time.monotonic(), writer.said["pending"] - writer.said["unsynced"]
    await standby.until(lambda said: said["pending"] >= waited)
    figures.takeover_s = time.monotonic() - began


@asynccontextmanager
async def _writers() -> AsyncIterator[Callable[[str, Path, int, float], Awaitable[Writer]]]:
    """Starts them; none outlives the block."""
    started: list[Writer] = []

    async def start(dsn: str, spool: Path, first: int, per_s: float) -> Writer:
        started.append(await Writer.start(dsn, spool, first, per_s))
        return started[-1]

    try:
        yield start
    finally:
        for writer in started:
            await writer.end(signal.SIGKILL)


async def _check(dsn: str, figures: Figures) -> None:
    """What the ledger has in the end."""
    ledger = await SqlLedger.open(dsn)
    try:
        numbers: list[int] = []
        parts = 0
        async for story in ledger.stories(RecordQuery(limit=2**40)):
            numbers.append(int(story.contact_id.rpartition(".")[2]))
            parts += len(story.offers) + len(story.wrapups) + len(story.decisions)
        found = await ledger.inspect()
        if found.broken is not None:
            figures.faults.append(found.broken.sentence)
        if found.checked != len(numbers):
            figures.faults.append(f"{found.checked} in the chain, {len(numbers)} records")
        if parts != 3 * len(numbers):
            figures.faults.append(f"{parts} other facts of {len(numbers)} contacts")
        if len(set(numbers)) != len(numbers):
            figures.faults.append("a contact has two records")
        order = [int(contact.rpartition(".")[2]) for contact in await _chained(ledger)]
        if order != sorted(order):
            figures.faults.append("the chain is not in the order of the facts")
        if len(numbers) != figures.contacts and figures.takeover_s is None:  # what a killed one did last, nobody knows
            figures.faults.append(f"{len(numbers)} records of {figures.contacts} contacts")
        if missing := set(range(figures.kept + 1)) - set(numbers):
            figures.faults.append(f"{len(missing)} contacts are missing, {min(missing)} the first")
    finally:
        await ledger.close()


async def _chained(ledger: SqlLedger) -> list[str]:
    from sqlalchemy import select

    from router.adapters.sql import schema

    query = select(schema.chain.c.contact_id).order_by(schema.chain.c.position)
    async with ledger._database.reading() as connection:
        return list((await connection.execute(query)).scalars())


def main() -> int:
    parser = argparse.ArgumentParser(description="An hour without the database.")
    parser.add_argument("--contacts-per-s", type=float, default=20.0)
    parser.add_argument("--outage-s", type=float, default=3600.0)
    parser.add_argument("--speed", type=float, default=15.0)
    parser.add_argument("--kill", action="store_true", help="the process that writes dies in the middle")
    asked = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="ringfair-hour-"))
    try:
        figures = asyncio.run(
            an_hour(
                place / "spool", per_s=asked.contacts_per_s, outage_s=asked.outage_s, speed=asked.speed, kill=asked.kill
            )
        )
    finally:
        shutil.rmtree(place, ignore_errors=True)
    for fault in figures.faults:
        print(fault)
    print(figures.line())
    return 1 if figures.faults or figures.lost else 0


if __name__ == "__main__":
    sys.exit(main())
