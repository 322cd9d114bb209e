"""Somebody with an SQL prompt and the right to drop triggers changes the ledger, and the chain shows where."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from router.adapters.sql import inspection
from router.adapters.sql import ledger as ledger_module
from router.adapters.sql.chain import GENESIS, Fault, canonical, link, stored
from router.adapters.sql.dsn import read_dsn
from router.adapters.sql.ledger import SqlLedger
from router.adapters.sql.upgrade import open_database
from router.domain.errors import RemoteError
from tests.contracts.test_ledger import NOON, a_record

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from tests.contracts.databases import PostgresServer

pytest_plugins = ["tests.contracts.databases"]

RECORDS = 12
AT = 5
"The record that is tampered with: the fifth."
TABLES = ("records", "segments", "legs", "chain")


def contact(number: int) -> str:
    return a_record(number).contact_id


async def filled(dsn: str) -> str:
    """A ledger with some records; gives the hash of the last one."""
    ledger = await SqlLedger.open(dsn)
    for number in range(1, RECORDS + 1):
        await ledger.append([a_record(number)])
    head = (await ledger.inspect()).head
    await ledger.close()
    return head


async def by_hand(dsn: str, *statements: str) -> None:
    """Run statements as the owner of the tables may, with everything off that would prevent it."""
    if dsn.startswith("sqlite"):
        with closing(sqlite3.connect(dsn.removeprefix("sqlite:///"), isolation_level=None)) as file:
            for table in TABLES:
                for deed in ("update", "delete"):
                    file.execute(f"DROP TRIGGER IF EXISTS {table}_no_{deed}")
            for statement in statements:  # SQLite's own tools do not ask for foreign keys
                file.execute(statement)
        return
    database = await open_database(read_dsn(dsn), name="ledger")
    async with database.writing() as connection:
        for statement in (*(f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in TABLES), *statements):
            await connection.execute(text(statement))
    await database.close()


async def inspected(dsn: str, after: int = 0, noted: str | None = None) -> inspection.Inspection:
    ledger = await SqlLedger.open(dsn)
    try:
        return await ledger.inspect(after=after, noted=noted)
    finally:
        await ledger.close()


def test_anybody_can_compute_the_hash_of_a_record() -> None:
    record = a_record(1)
    form = json.loads(canonical(stored(record)))
    assert form["segments"][1]["agent_id"] == "agent-1001"
    assert (form["ani"], form["corrects"], len(form["legs"])) == (record.ani, None, 2)
    plain = json.dumps(form, sort_keys=True, separators=(",", ":"))
    assert link(GENESIS, stored(record)) == hashlib.sha256(f"{'0' * 64}\n{plain}".encode()).hexdigest()


def test_the_form_of_a_record_is_frozen() -> None:
    """A hash of the first release: it may never come out otherwise, or every ledger would look forged."""
    assert (
        link(GENESIS, stored(a_record(1, schema=1)))
        == "b49fdf24a63e5056f034e351fc17c91f8f08c3d9fcff014e7d87861f10469ec4"
    )
    assert (
        link(GENESIS, stored(a_record(1, schema=2)))
        == "c73dc226be5ef2ed18b9b3bbc2a33025833c5fed99a0b25de1b8216bfae34159"
    )


async def test_a_whole_ledger_is_whole_in_pages_of_any_size(sql_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    head = await filled(sql_dsn)
    for size in (1, 5, RECORDS, 500):
        monkeypatch.setattr(inspection, "PAGE", size)
        found = await inspected(sql_dsn, noted=head)
        assert (found.checked, found.position, found.head, found.broken) == (RECORDS, RECORDS, head, None)
        assert found.noted_at == RECORDS
    found = await inspected(sql_dsn, after=7)
    assert (found.checked, found.position, found.head, found.broken) == (RECORDS - 7, RECORDS, head, None)


CHANGES = {
    "a number": "UPDATE records SET ani = '+493023125666' WHERE contact_id = '{contact}'",
    "an end": "UPDATE records SET ended_at = ended_at - 1 WHERE contact_id = '{contact}'",
    "an absence": "UPDATE records SET corrects = '' WHERE contact_id = '{contact}'",
    "a flag": "UPDATE records SET end_estimated = NOT end_estimated WHERE contact_id = '{contact}'",
    "a segment": "UPDATE segments SET to_at = to_at + 1 WHERE contact_id = '{contact}' AND position = 1",
    "a segment less": "DELETE FROM segments WHERE contact_id = '{contact}' AND position = 1",
    "an agent": "UPDATE legs SET agent_id = 'agent-1009' WHERE contact_id = '{contact}' AND position = 1",
    "a leg more": "INSERT INTO legs (contact_id, position, uniqueid, linkedid, node) "
    "VALUES ('{contact}', 9, 'a', 'b', 'c')",
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_changed_record_is_named(sql_dsn: str, change: str) -> None:
    await filled(sql_dsn)
    await by_hand(sql_dsn, CHANGES[change].format(contact=contact(AT)))
    found = await inspected(sql_dsn)
    assert found.broken is not None
    assert (found.broken.fault, found.broken.position) == (Fault.CHANGED, AT)
    assert found.broken.contact_id == contact(AT)
    assert (found.checked, found.position) == (AT - 1, AT - 1)


async def test_the_last_record_is_protected_like_the_others(sql_dsn: str) -> None:
    await filled(sql_dsn)
    await by_hand(sql_dsn, CHANGES["an end"].format(contact=contact(RECORDS)))
    broken = (await inspected(sql_dsn)).broken
    assert broken is not None
    assert (broken.fault, broken.position) == (Fault.CHANGED, RECORDS)


def gone(number: int, *tables: str) -> list[str]:
    return [f"DELETE FROM {table} WHERE contact_id = '{contact(number)}'" for table in tables]


async def test_a_deleted_record_is_named(sql_dsn: str) -> None:
    await filled(sql_dsn)
    await by_hand(sql_dsn, *gone(AT, "segments", "legs", "records"))
    broken = (await inspected(sql_dsn)).broken
    assert broken is not None
    assert (broken.fault, broken.position, broken.contact_id) == (Fault.MISSING, AT, contact(AT))


async def test_a_record_deleted_with_its_place_is_a_gap(sql_dsn: str) -> None:
    await filled(sql_dsn)
    await by_hand(sql_dsn, *gone(AT, "chain", "segments", "legs", "records"))
    broken = (await inspected(sql_dsn)).broken
    assert broken is not None
    assert (broken.fault, broken.position) == (Fault.MISSING, AT)
    assert f"before {contact(AT + 1)}" in broken.sentence


async def test_a_gap_closed_by_moving_the_others_up_is_seen(sql_dsn: str) -> None:
    await filled(sql_dsn)
    moves = [f"UPDATE chain SET position = {n - 1} WHERE position = {n}" for n in range(AT + 1, RECORDS + 1)]
    await by_hand(sql_dsn, *gone(AT, "chain", "segments", "legs", "records"), *moves)
    broken = (await inspected(sql_dsn)).broken
    assert broken is not None
    assert (broken.fault, broken.position, broken.contact_id) == (Fault.CHAIN, AT, contact(AT + 1))


async def test_two_records_that_changed_places_are_seen(sql_dsn: str) -> None:
    await filled(sql_dsn)
    await by_hand(
        sql_dsn,
        f"UPDATE chain SET position = 0 WHERE position = {AT}",
        f"UPDATE chain SET position = {AT} WHERE position = {AT + 1}",
        f"UPDATE chain SET position = {AT + 1} WHERE position = 0",
    )
    broken = (await inspected(sql_dsn)).broken
    assert broken is not None
    assert (broken.fault, broken.position) == (Fault.CHAIN, AT)


async def test_a_record_put_in_by_hand_is_seen(sql_dsn: str) -> None:
    await filled(sql_dsn)
    columns = "schema, medium, campaign, queue, ani, dnis, arrived_at, ended_at, outcome, ended_by, config_hash"
    await by_hand(
        sql_dsn,
        f"INSERT INTO records (contact_id, {columns}, end_estimated) "
        f"SELECT 'forged', {columns}, end_estimated FROM records LIMIT 1",
    )
    found = await inspected(sql_dsn)
    assert found.broken is not None
    assert (found.broken.fault, found.broken.contact_id, found.checked) == (Fault.UNCHAINED, "forged", RECORDS)


async def test_an_end_that_was_cut_off_is_seen_only_by_who_noted_the_hash(sql_dsn: str) -> None:
    head = await filled(sql_dsn)
    last = [statement for n in (RECORDS, RECORDS - 1) for statement in gone(n, "chain", "segments", "legs", "records")]
    await by_hand(sql_dsn, *last)
    assert (await inspected(sql_dsn)).broken is None
    broken = (await inspected(sql_dsn, noted=head)).broken
    assert broken is not None
    assert broken.fault is Fault.HEAD


async def test_a_hash_noted_long_ago_is_still_in_the_chain(sql_dsn: str) -> None:
    head = await filled(sql_dsn)
    ledger = await SqlLedger.open(sql_dsn)
    await ledger.append([a_record(n, ended_at=NOON + n) for n in range(100, 120)])
    found = await ledger.inspect(noted=head)
    assert (found.broken, found.noted_at, found.position) == (None, RECORDS, RECORDS + 20)
    found = await ledger.inspect(noted=head, after=RECORDS)
    assert (found.broken, found.noted_at) == (None, RECORDS)
    found = await ledger.inspect(noted=head, after=RECORDS + 1)
    assert found.broken is not None
    found = await ledger.inspect(after=RECORDS + 21)
    assert found.broken is not None
    assert found.broken.fault is Fault.MISSING
    await ledger.close()


async def test_progress_is_told_page_by_page(sql_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(sql_dsn)
    monkeypatch.setattr(inspection, "PAGE", 5)
    told: list[tuple[int, int]] = []
    ledger = await SqlLedger.open(sql_dsn)
    await ledger.inspect(progress=lambda done, of: told.append((done, of)))
    await ledger.close()
    assert told == [(5, RECORDS), (10, RECORDS), (12, RECORDS)]


async def test_a_writer_that_stands_still_in_its_commit_does_not_keep_the_others_out(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "HELD_S", 1)
    dsn = await postgres.new_database_here()
    first, second = await SqlLedger.open(dsn), await SqlLedger.open(dsn)
    stuck, go_on = asyncio.Event(), asyncio.Event()
    chain = SqlLedger._chain

    async def still(self: SqlLedger, *given: object) -> None:
        if self is first:
            stuck.set()
            await go_on.wait()
        await chain(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(SqlLedger, "_chain", still)
    standing = asyncio.ensure_future(first.append([a_record(1), a_record(2)]))
    await stuck.wait()
    assert await second.append([a_record(2), a_record(3)]) == 2
    go_on.set()
    with pytest.raises(RemoteError) as error:
        await standing
    assert error.value.retryable
    assert await first.append([a_record(1), a_record(2)]) == 1
    found = await second.inspect()
    assert (found.checked, found.broken) == (3, None)
    await first.close()
    await second.close()
