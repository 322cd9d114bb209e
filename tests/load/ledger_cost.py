"""What the ledger costs: facts a second to the disk, and from there into SQLite and PostgreSQL, both durable.

    python -m tests.load.ledger_cost [--facts 20000] [--postgresql DSN]

The facts of a contact are four: a decision, an offer, a record, a wrap-up. Without a DSN a PostgreSQL of its own is
started. Prints a line for each way; the processor's share tells what of it the router's machine pays.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from router.adapters.sql.ledger import SqlLedger
from router.adapters.sql.saver import GROUP
from router.adapters.sql.spool import Spool
from router.adapters.sql.spool_line import write_line
from router.adapters.sql.writer import BATCH, LedgerWriter
from router.domain.record import Fact
from tests.contracts.test_ledger import a_decision, a_record, a_wrapup, an_offer
from tests.load.hour_without_database import a_database


def facts_of(contacts: range) -> list[Fact]:
    return [make(number) for number in contacts for make in (a_decision, an_offer, a_record, a_wrapup)]


@contextmanager
def measured(what: str, facts: int) -> Iterator[None]:
    began, busy = time.monotonic(), time.process_time()
    yield
    took, worked = time.monotonic() - began, time.process_time() - busy
    share, each = 100 * worked / took, 1e6 * worked / facts
    print(f"{what:44} {facts / took:8.0f} facts/s  processor {share:3.0f} %  {each:4.0f} µs each")


def to_the_disk(place: Path, facts: Sequence[Fact]) -> None:
    for group in (1, 20, GROUP):
        some = facts[: max(200, len(facts) * group // GROUP)]
        spool = Spool.open(place / f"spool-{group}")
        with measured(f"spool, one fsync for {group}", len(some)):
            for start in range(0, len(some), group):
                spool.append([write_line(fact) for fact in some[start : start + group]])
        spool.close()


async def into(ledger: SqlLedger, name: str, facts: Sequence[Fact]) -> None:
    """Batches as the writer makes them; twice: sent again, they change nothing."""
    for turn in ("new", "sent again"):
        with measured(f"{name}, {BATCH} a commit, {turn}", len(facts)):
            for start in range(0, len(facts), BATCH):
                await ledger.append(facts[start : start + BATCH])


async def the_whole_way(ledger: SqlLedger, name: str, place: Path, facts: Sequence[Fact]) -> None:
    spool = Spool.open(place)
    writer = LedgerWriter(ledger, spool)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(writer.run())
        with measured(f"memory, spool, {name}", len(facts)):
            for fact in facts:
                writer.offer(fact)
            await writer.in_ledger()
        await writer.close(10)
    spool.close()


async def a_ledger(stack: AsyncExitStack, dsn: str) -> SqlLedger:
    ledger = await SqlLedger.open(dsn)
    stack.push_async_callback(ledger.close)
    return ledger


async def figures(place: Path, count: int, postgresql: str | None) -> None:
    facts = facts_of(range(count // 4))
    to_the_disk(place, facts)
    async with AsyncExitStack() as stack:
        if postgresql is None:
            _, postgresql = await stack.enter_async_context(a_database())
        for name, dsn in (("SQLite", f"sqlite:///{place}/ledger.db"), ("PostgreSQL", postgresql)):
            ledger = await a_ledger(stack, dsn)
            await into(ledger, name, facts)
            more = facts_of(range(count, count + count // 4))
            await the_whole_way(ledger, name, place / f"spool-{name}", more)


def main() -> int:
    parser = argparse.ArgumentParser(description="What the ledger costs.")
    parser.add_argument("--facts", type=int, default=20_000)
    parser.add_argument("--postgresql", metavar="DSN")
    asked = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="ringfair-cost-"))
    try:
        asyncio.run(figures(place, asked.facts, asked.postgresql))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
