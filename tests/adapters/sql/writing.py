"""A writer that runs beside the test, and waiting for what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from router.adapters.sql.spool import Spool
from router.adapters.sql.writer import LedgerWriter
from router.domain.errors import RemoteError
from router.domain.record import Fact
from router.ports import Ledger
from tests.fakes.ledger import FakeLedger

AWAY = RemoteError("ledger-unreachable", "the database is away", retryable=True)
QUICK = (0.005, 0.02)


@asynccontextmanager
async def running(ledger: Ledger, spool: Spool, **options: object) -> AsyncIterator[LedgerWriter]:
    quick = {"interval_s": 0.005, "group_s": 0.002, "backoff_s": QUICK}
    writer = LedgerWriter(ledger, spool, **(quick | options))  # type: ignore[arg-type]
    async with asyncio.TaskGroup() as group:
        group.create_task(writer.run())
        try:
            yield writer
        finally:
            await writer.close(10.0)


async def until(true: Callable[[], object], deadline_s: float = 20.0) -> None:
    async with asyncio.timeout(deadline_s):
        while not true():  # noqa: ASYNC110 - what is waited for is a plain number
            await asyncio.sleep(0.002)


def written(ledger: FakeLedger) -> list[Fact]:
    return [fact for batch in ledger.store.batches for fact in batch]
