"""The writer: never waits, keeps the order, and neither loses nor doubles a fact while the ledger is away."""

from __future__ import annotations

import asyncio
import logging
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from router.adapters.sql import database
from router.adapters.sql.ledger import SqlLedger
from router.adapters.sql.writer import LedgerWriter
from router.domain.errors import RemoteError
from router.domain.ids import ContactId
from router.domain.record import Fact
from router.ports import Ledger
from tests.contracts.test_ledger import a_record, a_wrapup, an_offer, told
from tests.fakes.ledger import FakeLedger

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from tests.contracts.databases import PostgresServer

pytest_plugins = ["tests.contracts.databases"]

AWAY = RemoteError("ledger-unreachable", "the database is away", retryable=True)
QUICK = (0.005, 0.02)


@asynccontextmanager
async def running(ledger: Ledger, **options: object) -> AsyncIterator[LedgerWriter]:
    writer = LedgerWriter(ledger, **({"interval_s": 0.005, "backoff_s": QUICK} | options))  # type: ignore[arg-type]
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


def records(numbers: range) -> list[Fact]:
    return [a_record(number) for number in numbers]


async def test_facts_reach_the_ledger_in_their_order() -> None:
    ledger = FakeLedger()
    facts: list[Fact] = [fact for n in range(500) for fact in (an_offer(n), a_record(n), a_wrapup(n))]
    async with running(ledger, batch=64) as writer:
        for fact in facts:
            assert writer.offer(fact)
        await until(lambda: writer.pending == 0)
        assert (writer.written, writer.lost, writer.healthy) == (1500, 0, True)
    assert written(ledger) == facts
    assert max(len(batch) for batch in ledger.store.batches) == 64


async def test_a_single_fact_does_not_wait_for_company() -> None:
    ledger = FakeLedger()
    async with running(ledger, interval_s=3600.0) as writer:
        writer.offer(a_record())
        await until(lambda: writer.pending == 0)


async def test_facts_that_come_while_a_batch_is_written_go_with_the_next() -> None:
    ledger = FakeLedger()
    ledger.store.gate = asyncio.Event()
    async with running(ledger) as writer:
        writer.offer(a_record(1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for fact in records(range(2, 10)):
            writer.offer(fact)
        assert writer.pending == 9
        ledger.store.gate.set()
        await until(lambda: writer.pending == 0)
    assert written(ledger) == records(range(1, 10))
    assert [len(batch) for batch in ledger.store.batches] == [1, 8]


async def test_while_the_ledger_is_away_facts_wait_and_then_all_go_in_order() -> None:
    ledger = FakeLedger()
    ledger.store.away = AWAY
    async with running(ledger, batch=10) as writer:
        for fact in records(range(35)):
            writer.offer(fact)
        await until(lambda: not writer.healthy)
        assert (writer.pending, writer.written, writer.last_error) == (35, 0, AWAY)
        ledger.store.away = None
        await until(lambda: writer.pending == 0)
        assert (writer.healthy, writer.last_error, writer.lost) == (True, None, 0)
    assert written(ledger) == records(range(35))


async def test_an_error_a_person_must_mend_costs_no_fact_either() -> None:
    ledger = FakeLedger()
    ledger.store.away = RemoteError("ledger-refused", "wrong password", retryable=False)
    async with running(ledger) as writer:
        writer.offer(a_record())
        await until(lambda: not writer.healthy)
        ledger.store.away = None
        await until(lambda: writer.pending == 0)
    assert written(ledger) == [a_record()]


async def test_a_commit_whose_answer_was_lost_is_sent_again_and_kept_once() -> None:
    ledger = FakeLedger()
    ledger.store.losing_answers = 3
    async with running(ledger, batch=5) as writer:
        for fact in records(range(12)):
            writer.offer(fact)
        await until(lambda: writer.pending == 0)
    assert [s.contact_id for s in await told(ledger)] == sorted(
        fact.contact_id for fact in ledger.store.records.values()
    )
    assert len(ledger.store.records) == 12
    assert sum(len(batch) for batch in ledger.store.batches) > 12


async def test_a_full_buffer_turns_the_newest_away_and_says_so_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    ledger = FakeLedger()
    ledger.store.away = AWAY
    async with running(ledger, limit=10) as writer:
        taken = [writer.offer(fact) for fact in records(range(25))]
        assert taken == [True] * 10 + [False] * 15
        assert (writer.pending, writer.lost, writer.overflowed) == (10, 15, 15)
        ledger.store.away = None
        await until(lambda: writer.pending == 0)
        assert writer.offer(a_record(99))
    assert written(ledger) == [*records(range(10)), a_record(99)]
    said = [entry for entry in caplog.records if "ledger-overflow" in entry.getMessage()]
    assert [entry.levelno for entry in said] == [logging.ERROR]


@pytest.mark.parametrize("bad", [0, 7, 31])
async def test_a_fact_that_can_never_be_stored_does_not_hold_the_others_up(
    bad: int, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = FakeLedger()
    facts = records(range(32))
    facts[bad] = a_record(contact_id=ContactId("x" * 10_000), ani="+493023125077")
    async with running(ledger) as writer:
        for fact in facts:
            writer.offer(fact)
        await until(lambda: writer.pending == 0)
        assert (writer.refused, writer.lost, writer.written, writer.healthy) == (1, 1, 31, True)
    assert written(ledger) == facts[:bad] + facts[bad + 1 :]
    assert "ledger-fact-refused: 1 facts lost, now a BillingRecord" in caplog.text
    assert "23125077" not in caplog.text


class BrokenLedger(FakeLedger):
    """An adapter with a bug in it."""

    mended = False

    async def append(self, facts: Sequence[Fact]) -> None:
        if not self.mended:
            raise KeyError("+493023125077")
        await super().append(facts)


async def test_a_bug_in_the_adapter_neither_ends_the_writer_nor_costs_a_fact(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ledger = BrokenLedger()
    async with running(ledger) as writer:
        writer.offer(a_record())
        await until(lambda: writer.last_error)
        assert writer.last_error
        assert writer.last_error.error_id == "ledger-broken"
        ledger.mended = True
        await until(lambda: writer.pending == 0)
    assert written(ledger) == [a_record()]
    assert "23125077" not in caplog.text


async def test_trouble_is_logged_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ledger = FakeLedger()
    async with running(ledger) as writer:
        for number in range(3):
            ledger.store.away = AWAY
            writer.offer(a_record(number))
            await until(lambda: not writer.healthy)
            ledger.store.away = None
            await until(lambda: writer.healthy)
    said = [entry.getMessage() for entry in caplog.records]
    assert sum("ledger-unreachable" in line for line in said) == 3
    assert sum("ledger is back" in line for line in said) == 3


async def test_closing_writes_what_is_left() -> None:
    ledger = FakeLedger()
    async with running(ledger, batch=10, interval_s=3600.0) as writer:
        for fact in records(range(95)):
            writer.offer(fact)
        assert await writer.close(10.0) == 0
    assert written(ledger) == records(range(95))
    assert not ledger.closed


async def test_closing_gives_up_at_its_deadline_and_says_how_many_are_left(caplog: pytest.LogCaptureFixture) -> None:
    ledger = FakeLedger()
    ledger.store.away = AWAY
    writer = LedgerWriter(ledger, backoff_s=QUICK)
    for fact in records(range(5)):
        writer.offer(fact)
    began = time.monotonic()
    assert await writer.close(0.2) == 5
    assert time.monotonic() - began < 5.0
    assert "ledger-left-behind: 5 facts" in caplog.text


async def test_a_writer_whose_task_was_cancelled_can_still_be_closed_without_loss() -> None:
    ledger = FakeLedger()
    ledger.store.gate = asyncio.Event()
    writer = LedgerWriter(ledger)
    task = asyncio.create_task(writer.run())
    for fact in records(range(5)):
        writer.offer(fact)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    ledger.store.gate.set()
    assert await writer.close(10.0) == 0
    assert written(ledger) == records(range(5))


async def test_postgresql_gone_in_the_middle_costs_nothing_and_doubles_nothing(postgres: PostgresServer) -> None:
    ledger = await SqlLedger.open(await postgres.new_database_here())
    facts = [fact for n in range(3000) for fact in (an_offer(n), a_record(n))]
    async with running(ledger, batch=50) as writer:
        for place, fact in enumerate(facts):
            writer.offer(fact)
            if place % 20 == 0:
                await asyncio.sleep(0)
            if place == 2000:
                await until(lambda: writer.written > 100)
                postgres.stop(signal.SIGQUIT)
        await until(lambda: not writer.healthy)
        assert writer.last_error
        assert writer.last_error.error_id == "ledger-unreachable"
        assert 0 < writer.written < 6000
        postgres.start()
        await until(lambda: writer.pending == 0, 60.0)
        assert (writer.lost, writer.healthy) == (0, True)
    stories = await told(ledger, limit=10_000)
    assert {s.contact_id for s in stories} == {fact.contact_id for fact in facts}
    assert len(stories) == 3000
    assert all(len(s.offers) == 1 and s.record and len(s.record.segments) == 2 for s in stories)
    await ledger.close()


async def test_a_sqlite_file_held_by_somebody_else_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    ledger = await SqlLedger.open(f"sqlite:///{tmp_path}/ledger.db")
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    async with running(ledger, batch=50) as writer:
        for fact in records(range(200)):
            writer.offer(fact)
        await until(lambda: writer.last_error)
        assert writer.last_error
        assert writer.last_error.error_id == "ledger-busy"
        other.execute("ROLLBACK")
        other.close()
        await until(lambda: writer.pending == 0)
    assert len(await told(ledger)) == 200
    await ledger.close()
