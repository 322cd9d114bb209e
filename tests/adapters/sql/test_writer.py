"""The writer: never waits, keeps the order, and neither loses nor doubles a fact while the ledger is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from router.adapters.sql.complaints import Complaints
from router.adapters.sql.saver import Backoff, DiskThread, Saver, Steps
from router.adapters.sql.segments import REFUSED
from router.adapters.sql.spool import Spool
from router.adapters.sql.spool_line import write_line
from router.domain.errors import RemoteError
from router.domain.ids import ContactId
from router.domain.record import AgentChangeFact, Fact
from tests.adapters.sql.spooling import OpenSpool, records
from tests.adapters.sql.writing import AWAY, QUICK, running, until, written
from tests.contracts.test_ledger import a_change, a_record, a_wrapup, an_offer, told
from tests.fakes.ledger import FakeLedger

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    pass

pytest_plugins = ["tests.contracts.databases"]


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
