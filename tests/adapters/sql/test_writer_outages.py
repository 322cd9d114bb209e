"""Real databases that go away, a process that is killed, a disk that hangs or fails: nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from router.adapters.sql import database
from router.adapters.sql.ledger import SqlLedger
from router.adapters.sql.saver import GROUP
from router.adapters.sql.spool import Spool
from router.domain.record import Fact
from tests.adapters.sql.spooling import ROOT, OpenSpool, records
from tests.adapters.sql.writing import AWAY, running, until, written
from tests.contracts.test_ledger import a_record, a_wrapup, an_offer, told
from tests.fakes.ledger import FakeLedger

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from tests.contracts.databases import PostgresServer

pytest_plugins = ["tests.contracts.databases"]


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
