"""The writer: never waits, keeps the order, and neither loses nor doubles a fact while the ledger is away."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from router.adapters.sql import database
from router.adapters.sql.complaints import Complaints
from router.adapters.sql.ledger import SqlLedger
from router.adapters.sql.saver import GROUP, Backoff, DiskThread, Saver, Steps
from router.adapters.sql.segments import REFUSED
from router.adapters.sql.spool import Spool
from router.adapters.sql.spool_line import write_line
from router.adapters.sql.writer import LedgerWriter
from router.domain.errors import RemoteError
from router.domain.ids import ContactId
from router.domain.record import AgentChangeFact, Fact
from router.ports import Ledger
from tests.contracts.test_ledger import a_change, a_record, a_wrapup, an_offer, told
from tests.fakes.ledger import FakeLedger

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from tests.contracts.databases import PostgresServer

pytest_plugins = ["tests.contracts.databases"]

ROOT = Path(__file__).parents[3]
AWAY = RemoteError("ledger-unreachable", "the database is away", retryable=True)
QUICK = (0.005, 0.02)
OpenSpool = Callable[..., Spool]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def open_spool(place: Path) -> Iterator[OpenSpool]:
    opened: list[Spool] = []

    def open_one(**options: int) -> Spool:
        opened.append(Spool.open(place, **options))
        return opened[-1]

    yield open_one
    for spool in opened:
        spool.close()


@pytest.fixture
def spool(open_spool: OpenSpool) -> Spool:
    return open_spool()


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


def records(numbers: range) -> list[Fact]:
    return [a_record(number) for number in numbers]


async def test_facts_reach_the_ledger_in_their_order(spool: Spool) -> None:
    ledger = FakeLedger()
    facts: list[Fact] = [fact for n in range(500) for fact in (an_offer(n), a_record(n), a_wrapup(n))]
    async with running(ledger, spool, batch=64) as writer:
        for fact in facts:
            assert writer.offer(fact)
        await until(lambda: writer.pending == 0)
        assert (writer.written, writer.lost, writer.healthy) == (1500, 0, True)
    assert written(ledger) == facts
    assert max(len(batch) for batch in ledger.store.batches) == 64


async def test_a_single_fact_does_not_wait_for_company(spool: Spool) -> None:
    ledger = FakeLedger()
    async with running(ledger, spool, interval_s=3600.0) as writer:
        writer.offer(a_record())
        await until(lambda: writer.pending == 0)


async def test_facts_that_come_while_a_batch_is_written_go_with_the_next(spool: Spool) -> None:
    ledger = FakeLedger()
    ledger.store.gate = asyncio.Event()
    async with running(ledger, spool) as writer:
        writer.offer(a_record(1))
        await until(lambda: ledger.store.at_gate)
        for fact in records(range(2, 10)):
            writer.offer(fact)
        await writer.on_disk()
        assert (writer.pending, writer.unsynced) == (9, 0)
        ledger.store.gate.set()
        await until(lambda: writer.pending == 0)
    assert written(ledger) == records(range(1, 10))
    assert [len(batch) for batch in ledger.store.batches] == [1, 8]


async def test_while_the_ledger_is_away_facts_wait_and_then_all_go_in_order(spool: Spool) -> None:
    ledger = FakeLedger()
    ledger.store.away = AWAY
    async with running(ledger, spool, batch=10) as writer:
        for fact in records(range(35)):
            writer.offer(fact)
        await until(lambda: not writer.healthy)
        assert (writer.pending, writer.written, writer.last_error) == (35, 0, AWAY)
        ledger.store.away = None
        await until(lambda: writer.pending == 0)
        assert (writer.healthy, writer.last_error, writer.lost) == (True, None, 0)
    assert written(ledger) == records(range(35))


async def test_an_error_a_person_must_mend_costs_no_fact_either(spool: Spool) -> None:
    ledger = FakeLedger()
    ledger.store.away = RemoteError("ledger-refused", "wrong password", retryable=False)
    async with running(ledger, spool) as writer:
        writer.offer(a_record())
        await until(lambda: not writer.healthy)
        ledger.store.away = None
        await until(lambda: writer.pending == 0)
    assert written(ledger) == [a_record()]


async def test_a_commit_whose_answer_was_lost_is_sent_again_and_kept_once(spool: Spool) -> None:
    ledger = FakeLedger()
    ledger.store.losing_answers = 3
    async with running(ledger, spool, batch=5) as writer:
        for fact in records(range(12)):
            writer.offer(fact)
        await until(lambda: writer.pending == 0)
    assert [s.contact_id for s in await told(ledger)] == sorted(
        fact.contact_id for fact in ledger.store.records.values()
    )
    assert len(ledger.store.records) == 12
    assert sum(len(batch) for batch in ledger.store.batches) > 12


async def test_while_the_disk_takes_nothing_facts_go_past_it_and_in_their_order(
    open_spool: OpenSpool, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = FakeLedger()
    async with running(ledger, open_spool(max_bytes=10)) as writer:
        for fact in records(range(300)):
            assert writer.offer(fact)
        assert await writer.in_ledger()
        assert (writer.pending, writer.lost, writer.written) == (0, 0, 300)
        await until(lambda: writer.healthy)
    assert written(ledger) == records(range(300))
    assert "spool-full: 300 facts are in memory only" in caplog.text


async def test_nothing_goes_past_the_disk_while_something_older_is_on_it(spool: Spool) -> None:
    told: list[Fact] = []

    async def take(facts: Sequence[Fact]) -> None:
        told.extend(facts)

    disk = DiskThread()
    saver = Saver(
        spool,
        disk,
        Steps(),
        Complaints(),
        limit=10,
        group_s=1.0,
        backoff=Backoff(*QUICK),
        refused=lambda _: None,
        saved=lambda: None,
    )
    saver.offer(a_record(1))
    assert await saver.save()
    saver.offer(a_record(2))
    await saver.hand_over(10, take)
    assert (told, saver.unsynced) == ([], 1)
    page = spool.read(10)
    assert page is not None
    spool.confirm(page)
    await saver.hand_over(10, take)
    assert (told, saver.unsynced) == ([a_record(2)], 0)
    disk.end()


async def test_a_spool_that_ran_full_takes_facts_again_when_the_ledger_is_back(open_spool: OpenSpool) -> None:
    ledger = FakeLedger()
    ledger.store.away = AWAY
    async with running(ledger, open_spool(max_bytes=20_000)) as writer:
        for fact in records(range(200)):
            assert writer.offer(fact)
        await until(lambda: writer.disk_error)
        assert 0 < writer.unsynced < 200
        assert writer.spool_bytes <= writer.spool_limit_bytes == 20_000
        ledger.store.away = None
        await until(lambda: writer.pending == 0)
        writer.offer(a_record(999))
        await until(lambda: writer.healthy and writer.pending == 0)
        assert writer.lost == 0
    assert written(ledger) == [*records(range(200)), a_record(999)]


async def test_with_disk_and_memory_full_the_newest_are_lost_and_the_log_says_which(
    open_spool: OpenSpool, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = FakeLedger()
    ledger.store.away = AWAY
    async with running(ledger, open_spool(max_bytes=1), limit=10) as writer:
        facts: list[Fact] = [*records(range(10)), *records(range(10, 20)), an_offer(20), a_change()]
        assert [writer.offer(fact) for fact in facts] == [True] * 10 + [False] * 12
        assert (writer.pending, writer.lost, writer.overflowed) == (10, 12, 12)
        ledger.store.away = None
        await until(lambda: writer.pending == 0)
        assert writer.offer(a_record(99))
    assert written(ledger) == [*records(range(10)), a_record(99)]
    said = [entry for entry in caplog.records if "ledger-overflow" in entry.getMessage()]
    assert [entry.levelno for entry in said] == [logging.ERROR] * 2  # the first at once, the rest at the end
    assert "1 facts lost (1 BillingRecord), 10 wait" in said[0].getMessage()
    assert "11 facts lost (1 AgentChangeFact, 9 BillingRecord, 1 OfferFact)" in said[1].getMessage()
    whose = [name for entry in said for name in entry.__dict__["whose"]]
    assert whose == [*(fact.contact_id for fact in records(range(10, 20))), an_offer(20).contact_id, "agent-1001"]


@pytest.mark.parametrize("bad", [0, 7, 31])
async def test_a_fact_that_can_never_be_stored_does_not_hold_the_others_up(
    spool: Spool, place: Path, bad: int, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = FakeLedger()
    facts = records(range(32))
    facts[bad] = a_record(contact_id=ContactId("x" * 10_000), ani="+493023125077")
    async with running(ledger, spool) as writer:
        for fact in facts:
            writer.offer(fact)
        await until(lambda: writer.pending == 0)
        await until(lambda: writer.written == 31)
        assert (writer.refused, writer.lost, writer.healthy) == (1, 1, True)
    assert written(ledger) == facts[:bad] + facts[bad + 1 :]
    assert b"23125077" in (place / REFUSED).read_bytes()
    assert "ledger-fact-refused: 1 facts lost, now a BillingRecord" in caplog.text
    assert "23125077" not in caplog.text


class PickyLedger(FakeLedger):
    """A ledger that refuses what was good enough for the spool, as one of an older schema may."""

    async def append(self, facts: Sequence[Fact]) -> int:
        if any(fact.contact_id.endswith(".7") for fact in facts if not isinstance(fact, AgentChangeFact)):
            raise RemoteError("ledger-fact-refused", "not this one")
        return await super().append(facts)


async def test_a_fact_the_ledger_itself_refuses_is_set_aside_and_the_others_go_on(spool: Spool, place: Path) -> None:
    ledger = PickyLedger()
    async with running(ledger, spool) as writer:
        for fact in records(range(20)):
            writer.offer(fact)
        assert not await writer.in_ledger()
        assert (writer.refused, writer.written) == (1, 19)
    assert written(ledger) == records(range(7)) + records(range(8, 20))
    assert (place / REFUSED).read_bytes() == write_line(a_record(7))


class BrokenLedger(FakeLedger):
    """An adapter with a bug in it."""

    mended = False

    async def append(self, facts: Sequence[Fact]) -> int:
        if not self.mended:
            raise KeyError("+493023125077")
        return await super().append(facts)


async def test_a_bug_in_the_adapter_neither_ends_the_writer_nor_costs_a_fact(
    spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ledger = BrokenLedger()
    async with running(ledger, spool) as writer:
        writer.offer(a_record())
        await until(lambda: writer.last_error)
        assert writer.last_error
        assert writer.last_error.error_id == "ledger-broken"
        ledger.mended = True
        await until(lambda: writer.pending == 0)
    assert written(ledger) == [a_record()]
    assert "23125077" not in caplog.text


async def test_trouble_is_logged_when_it_begins_and_when_it_ends(
    spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ledger = FakeLedger()
    async with running(ledger, spool) as writer:
        for number in range(3):
            ledger.store.away = AWAY
            writer.offer(a_record(number))
            await until(lambda: not writer.healthy)
            ledger.store.away = None
            await until(lambda: writer.healthy)
    said = [entry.getMessage() for entry in caplog.records]
    assert sum("ledger-unreachable" in line for line in said) == 3
    assert sum("ledger is back" in line for line in said) == 3


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


async def test_postgresql_gone_in_the_middle_costs_nothing_and_doubles_nothing(
    spool: Spool, postgres: PostgresServer
) -> None:
    ledger = await SqlLedger.open(await postgres.new_database_here())
    facts = [fact for n in range(3000) for fact in (an_offer(n), a_record(n))]
    async with running(ledger, spool, batch=50) as writer:
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
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    ledger = await SqlLedger.open(f"sqlite:///{tmp_path}/ledger.db")
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    async with running(ledger, spool, batch=50) as writer:
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


# ---- the barriers ----


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


# ---- long and large ----


async def test_thousands_of_facts_of_an_hour_without_a_database_need_no_memory_and_go_in_order(
    open_spool: OpenSpool,
) -> None:
    ledger = FakeLedger()
    ledger.store.away = AWAY
    facts: list[Fact] = [fact for n in range(4000) for fact in (an_offer(n), a_record(n), a_wrapup(n))]
    async with running(ledger, open_spool(segment_bytes=100_000), limit=2 * GROUP) as writer:
        for start in range(0, len(facts), GROUP):
            assert all(writer.offer(fact) for fact in facts[start : start + GROUP])
            assert await writer.on_disk()
        assert (writer.pending, writer.unsynced, writer.written, writer.lost) == (12_000, 0, 0, 0)
        ledger.store.away = None
        async with asyncio.timeout(60.0):
            assert await writer.in_ledger()
        assert (writer.pending, writer.written, writer.spool_bytes) == (0, 12_000, 0)
    assert written(ledger) == facts


async def test_the_loop_goes_on_while_the_disk_hangs(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging, stuck = threading.Event(), threading.Event()
    real = os.fsync

    def slow(handle: int) -> None:
        stuck.set()
        assert hanging.wait(30)
        real(handle)

    ledger = FakeLedger()
    async with running(ledger, spool) as writer:
        monkeypatch.setattr(os, "fsync", slow)
        writer.offer(a_record(0))
        await until(stuck.is_set)
        for fact in records(range(1, 1000)):
            assert writer.offer(fact)
        assert writer.unsynced == 1000
        hanging.set()
        monkeypatch.undo()
        assert await writer.in_ledger()
    assert written(ledger) == records(range(1000))


def killed(program: Sequence[str], after: int) -> int:
    """Kill it once it has told of so many groups that are on the disk; gives the last it told of."""
    with subprocess.Popen(program, stdout=subprocess.PIPE, cwd=ROOT) as router:
        assert router.stdout is not None
        said = [int(router.stdout.readline()) for _ in range(after)]
        router.kill()
        return [*said, *(int(line) for line in router.stdout.read().split(b"\n")[:-1])][-1]


async def test_killed_and_started_again_and_again_every_fact_that_was_kept_is_in_the_ledger_once(
    tmp_path: Path, open_spool: OpenSpool
) -> None:
    dsn = f"sqlite:///{tmp_path}/ledger.db"
    program = [sys.executable, "-m", "tests.adapters.sql.writer_program", dsn, str(tmp_path / "spool")]
    first, kept = 0, set[int]()
    for turn in range(6):
        last = await asyncio.to_thread(killed, [*program, str(first)], 1 + 25 * turn)
        kept.update(range(first, last + 1))
        first = last + 1000
    ledger = await SqlLedger.open(dsn)
    async with running(ledger, open_spool()) as writer:
        assert await writer.in_ledger()
        assert (writer.lost, writer.spool_damaged) == (0, 0)
    stories = await told(ledger, limit=1_000_000)
    numbers = [int(story.contact_id.rpartition(".")[2]) for story in stories]
    assert len(set(numbers)) == len(numbers)
    assert kept <= set(numbers)
    closed = [story for story in stories if int(story.contact_id.rpartition(".")[2]) in kept]
    assert all(len(s.offers) == 1 and s.record and len(s.record.segments) == 2 for s in closed)
    assert (await ledger.inspect()).broken is None
    await ledger.close()


async def test_a_disk_that_fails_for_a_moment_costs_no_fact(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = FakeLedger()
    ledger.store.away = AWAY
    whole, failures = spool.append, 0

    def fails_twice(lines: Sequence[bytes]) -> int:
        nonlocal failures
        failures += 1
        if failures <= 2:
            raise OSError(5, "Input/output error")
        return whole(lines)

    monkeypatch.setattr(spool, "append", fails_twice)
    async with running(ledger, spool) as writer:
        for fact in records(range(20)):
            writer.offer(fact)
        assert await writer.on_disk()
        assert (writer.pending, writer.lost, failures >= 3) == (20, 0, True)
        ledger.store.away = None
        await until(lambda: writer.pending == 0)
    assert written(ledger) == records(range(20))
