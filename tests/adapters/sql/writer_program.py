"""A process that writes facts through a `LedgerWriter` until it is killed.

    python -m tests.adapters.sql.writer_program DSN SPOOL FIRST

Prints the number of the last contact after each `on_disk`: everything up to it must be in the ledger in the end.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path

from router.adapters.sql.ledger import SqlLedger
from router.adapters.sql.spool import Spool
from router.adapters.sql.writer import LedgerWriter
from tests.contracts.test_ledger import a_record, an_offer

TOGETHER = 7


async def main(dsn: str, place: str, first: str) -> None:
    ledger = await SqlLedger.open(dsn)
    writer = LedgerWriter(ledger, Spool.open(Path(place), segment_bytes=20_000))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(writer.run())
        for start in itertools.count(int(first), TOGETHER):
            for number in range(start, start + TOGETHER):
                writer.offer(an_offer(number))
                writer.offer(a_record(number))
            await writer.on_disk()
            print(start + TOGETHER - 1, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
