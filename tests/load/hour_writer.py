"""A process that offers the facts of so many contacts a second to a `LedgerWriter`, and tells how it is.

    python -m tests.load.hour_writer DSN SPOOL FIRST CONTACTS_PER_S

Orders on its input: `pace CONTACTS_PER_S`, `look` (forget how long the loop stood still), `end`.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import sys
import time
from pathlib import Path

from router.adapters.sql.drawers import Drawers
from router.adapters.sql.ledger import SqlLedger
from router.adapters.sql.writer import LedgerWriter
from tests.contracts.test_ledger import a_decision, a_record, a_wrapup, an_offer

STEP_S = 0.01
TELL_S = 0.1


class Office:
    """What is offered, and what is known of it."""

    def __init__(self, writer: LedgerWriter, first: int, per_s: float) -> None:
        self._writer = writer
        self._first = first
        self._per_s = per_s
        self.next = first
        self.kept = first - 1
        self.lag_s = 0.0
        self.ends = False

    def hear(self, order: str) -> None:
        word, _, number = order.strip().partition(" ")
        match word:
            case "pace":
                self._per_s = float(number)
            case "look":
                self.lag_s = 0.0
            case _:
                self.ends = True

    async def work(self) -> None:
        """Offer what is due; who is late because the loop stood still makes up for it."""
        due = 0.0
        at = time.monotonic()
        while not self.ends:
            await asyncio.sleep(STEP_S)
            before, at = at, time.monotonic()
            self.lag_s = max(self.lag_s, at - before - STEP_S)
            due += (at - before) * self._per_s
            while due >= 1.0:
                due -= 1.0
                for make in (a_decision, an_offer, a_record, a_wrapup):
                    self._writer.offer(make(self.next))
                self.next += 1

    async def watch_the_disk(self) -> None:
        while not self.ends:
            last = self.next - 1
            if await self._writer.on_disk():
                self.kept = last
            await asyncio.sleep(STEP_S)

    async def tell(self) -> None:
        for turn in itertools.count():
            if turn and self.ends:
                return
            self.say()
            await asyncio.sleep(TELL_S)

    def say(self) -> None:
        writer, error = self._writer, self._writer.last_error
        said = {
            "contacts": self.next - self._first,
            "kept": self.kept,
            "pending": writer.pending,
            "unsynced": writer.unsynced,
            "lost": writer.lost,
            "spool_bytes": writer.spool_bytes,
            "error": "" if error is None else error.error_id,
            "lag_ms": self.lag_s * 1000,
            "rss_kb": _resident_kb(),
        }
        print(json.dumps(said), flush=True)


def _resident_kb() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


async def main(dsn: str, place: str, first: str, per_s: str) -> None:
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # as the router has it (router/app.py)
    ledger = await SqlLedger.open(dsn)
    drawers = Drawers.open(Path(place), ledger=await ledger.identity())
    writer = LedgerWriter(ledger, drawers.spool, adopt=drawers.adopt)
    office = Office(writer, int(first), float(per_s))
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)

    async def listen() -> None:
        while not office.ends:
            office.hear((await orders.readline()).decode())

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(writer.run())
        work = [tasks.create_task(each()) for each in (office.work, office.watch_the_disk, office.tell, listen)]
        await asyncio.wait(work)
        last = office.next - 1
        if await writer.in_ledger():
            office.kept = last
        await writer.close(30)
    office.say()
    drawers.close()
    await ledger.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
