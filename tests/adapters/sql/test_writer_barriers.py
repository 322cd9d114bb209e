"""Whoever must not speak too early waits for the disk or the ledger; whoever closes the writer waits for both."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from router.adapters.sql.saver import GROUP
from router.adapters.sql.spool import Spool
from router.adapters.sql.spool_line import write_line
from router.adapters.sql.writer import LedgerWriter
from tests.adapters.sql.spooling import OpenSpool, records
from tests.adapters.sql.writing import AWAY, QUICK, running, until, written
from tests.contracts.test_ledger import a_change, a_record
from tests.fakes.ledger import FakeLedger

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    pass

pytest_plugins = ["tests.contracts.databases"]


async def test_what_is_on_the_disk_survives_and_what_waits_for_it_is_hurried(
    spool: Spool, place: Path, open_spool: OpenSpool
) -> None:
    ledger = FakeLedger()
    ledger.store.away = AWAY
    async with running(ledger, spool, group_s=3600.0) as writer:
        for fact in records(range(3 * GROUP)):
            writer.offer(fact)
        assert writer.unsynced == 3 * GROUP
        assert await writer.on_disk()
        assert writer.unsynced == 0
        kept = (place / "000000000001.facts").read_bytes()
        assert kept == b"".join(write_line(fact) for fact in records(range(3 * GROUP)))
        assert await writer.on_disk()


async def test_in_the_ledger_means_committed_and_waits_for_no_interval(spool: Spool) -> None:
    ledger = FakeLedger()
    async with running(ledger, spool, interval_s=3600.0, group_s=3600.0) as writer:
        for number in range(5):
            writer.offer(a_record(number))
            assert await writer.in_ledger()
            assert len(ledger.store.records) == number + 1


async def test_nothing_is_in_the_ledger_while_it_is_away(spool: Spool) -> None:
    ledger = FakeLedger()
    ledger.store.away = AWAY
    async with running(ledger, spool) as writer:
        writer.offer(a_change())
        waiting = asyncio.ensure_future(writer.in_ledger())
        assert await writer.on_disk()
        await until(lambda: writer.ledger_error)
        assert not waiting.done()
        ledger.store.away = None
        assert await waiting
        assert len(ledger.store.agent_changes) == 1


async def test_past_a_full_disk_a_fact_in_the_ledger_is_safe_as_well(open_spool: OpenSpool) -> None:
    ledger = FakeLedger()
    async with running(ledger, open_spool(max_bytes=1)) as writer:
        writer.offer(a_change())
        assert await writer.on_disk()
        assert len(ledger.store.agent_changes) == 1
        assert await writer.in_ledger()


async def test_whoever_waits_is_told_when_the_fact_was_turned_away(open_spool: OpenSpool) -> None:
    ledger = FakeLedger()
    ledger.store.away = AWAY
    async with running(ledger, open_spool(max_bytes=1), limit=1) as writer:
        writer.offer(a_change(1))
        assert not writer.offer(a_change(2))
        waiting = asyncio.ensure_future(writer.in_ledger())
        await until(lambda: not writer.healthy)
        ledger.store.away = None
        assert not await waiting
        writer.offer(a_change(3))
        assert await writer.in_ledger()


async def test_nobody_waits_for_a_writer_that_was_closed(open_spool: OpenSpool) -> None:
    ledger = FakeLedger()
    ledger.store.away = AWAY
    async with running(ledger, open_spool()) as writer:
        writer.offer(a_change(1))
        for_ledger = asyncio.ensure_future(writer.in_ledger())
        assert await writer.on_disk()
        await writer.close(10.0)
        assert not await for_ledger
        writer.offer(a_change(2))
        assert not await writer.on_disk()


async def test_closing_writes_what_is_left(spool: Spool) -> None:
    ledger = FakeLedger()
    async with running(ledger, spool, batch=10, interval_s=3600.0) as writer:
        for fact in records(range(95)):
            writer.offer(fact)
        assert await writer.close(10.0) == 0
    assert written(ledger) == records(range(95))
    assert not ledger.closed


async def test_closing_without_a_database_leaves_everything_to_the_next_start_and_does_not_wait(
    open_spool: OpenSpool, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = FakeLedger()
    ledger.store.away = AWAY
    first = open_spool()
    async with running(ledger, first, interval_s=3600.0, group_s=3600.0) as writer:
        for fact in records(range(500)):
            writer.offer(fact)
        began = time.monotonic()
        assert await writer.close(60.0) == 0
        assert time.monotonic() - began < 30.0
    assert "500 facts wait in" in caplog.text
    assert "ledger-left-behind" not in caplog.text
    first.close()
    ledger.store.away = None
    async with running(ledger, open_spool(), batch=100) as successor:
        successor.offer(a_record(500))
        assert await successor.in_ledger()
    assert written(ledger) == records(range(501))


async def test_closing_with_neither_disk_nor_database_says_how_many_are_lost(
    open_spool: OpenSpool, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = FakeLedger()
    ledger.store.away = AWAY
    writer = LedgerWriter(ledger, open_spool(max_bytes=1), backoff_s=QUICK)
    for fact in records(range(5)):
        writer.offer(fact)
    began = time.monotonic()
    assert await writer.close(0.2) == 5
    assert time.monotonic() - began < 5.0
    assert "ledger-left-behind: 5 facts" in caplog.text
    assert await writer.close(0.2) == 5


async def test_a_writer_whose_task_was_cancelled_can_still_be_closed_without_loss(spool: Spool) -> None:
    ledger = FakeLedger()
    ledger.store.gate = asyncio.Event()
    writer = LedgerWriter(ledger, spool)
    task = asyncio.create_task(writer.run())
    for fact in records(range(5)):
        writer.offer(fact)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    ledger.store.gate.set()
    assert await writer.close(10.0) == 0
    # The thread may have finished what nobody waited for any more: told twice, kept once.
    assert list(ledger.store.records.values()) == records(range(5))
