"""The chain over the records: the `Ledger` port's, on the fake, SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from router.adapters.sql.chain import GENESIS, link, stored
from router.domain.errors import RemoteError
from router.domain.ids import SECOND, ContactId
from router.domain.record import SCHEMA, Segment, SegmentKind
from tests.contracts.test_ledger import NOON, a_record, an_offer

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from router.adapters.sql.ledger import SqlLedger
    from tests.contracts.databases import LedgerStore
    from tests.fakes.ledger import FakeLedger

pytest_plugins = ["tests.contracts.databases"]


@pytest.fixture
async def ledger(ledger_store: LedgerStore) -> AsyncIterator[SqlLedger | FakeLedger]:
    async with ledger_store.open() as opened:
        yield opened


async def test_each_record_carries_the_hash_of_the_one_that_came_before_it(ledger: SqlLedger) -> None:
    # Ends in the other order: what counts is when the ledger got them.
    chained = [a_record(n, ended_at=NOON + 100 - n) for n in range(1, 6)]
    await ledger.append(chained[:2])
    await ledger.append([an_offer(9)])
    await ledger.append([chained[0], *chained[2:], chained[3]])
    head = GENESIS
    for record in chained:
        story = await ledger.story(record.contact_id)
        assert story is not None
        assert story.prev_hash == head
        head = link(head, stored(record))
    found = await ledger.inspect(noted=head)
    assert (found.checked, found.position, found.head, found.noted_at) == (5, 5, head, 5)
    assert found.broken is None


async def test_an_empty_ledger_is_a_whole_one(ledger: SqlLedger) -> None:
    await ledger.append([an_offer()])
    found = await ledger.inspect()
    assert (found.checked, found.head, found.broken) == (0, GENESIS, None)


async def test_what_was_cut_or_cleaned_on_its_way_in_is_chained_as_it_stands_there(ledger: SqlLedger) -> None:
    await ledger.append([a_record(1, ani="1" * 999 + "\r\n"), a_record(2, ani="Zoë\x00\ud800", config_hash="é" * 300)])
    assert (await ledger.inspect()).broken is None


async def test_a_batch_that_is_refused_leaves_the_chain_as_it_was(ledger: SqlLedger) -> None:
    await ledger.append([a_record(1)])
    before = (await ledger.inspect()).head
    with pytest.raises(RemoteError):
        await ledger.append([a_record(2), a_record(3, contact_id=ContactId(""))])
    assert (await ledger.inspect()).head == before
    await ledger.append([a_record(4)])
    found = await ledger.inspect()
    assert (found.checked, found.broken) == (2, None)


async def test_several_writers_at_once_make_one_chain(ledger_store: LedgerStore) -> None:
    async def write(start: int) -> int:
        async with ledger_store.open() as ledger:
            new = 0
            for number in range(start, start + 40, 2):
                # Every record is written by two of them.
                new += await ledger.append([a_record(number), an_offer(number), a_record(number + 1)])
            return new

    async with ledger_store.open() as ledger:
        new = await asyncio.gather(*(write(start) for start in (0, 20, 40, 60, 0, 40)))
        found = await ledger.inspect()
        assert (found.checked, found.broken) == (100, None)
        assert sum(new) == 100 + 50


FIRST_SCHEMA = "b49fdf24a63e5056f034e351fc17c91f8f08c3d9fcff014e7d87861f10469ec4"
"The hash of `a_record(1)` as the release that knew schema 1 alone computed it."


async def test_a_record_of_schema_1_is_read_and_verified_for_ever_beside_those_of_today(
    ledger_store: LedgerStore,
) -> None:
    old = a_record(1, schema=1)
    async with ledger_store.open() as ledger:
        await ledger.append([old])
        assert (await ledger.inspect()).head == FIRST_SCHEMA
    rung = Segment(kind=SegmentKind.RINGING, from_at=NOON - SECOND, to_at=NOON)
    new = a_record(2, arrived_at=NOON - SECOND, segments=(rung, *a_record(2).segments))
    async with ledger_store.open() as ledger:
        await ledger.append([new])
        told = [await ledger.story(each.contact_id) for each in (old, new)]
        assert [story and story.record for story in told] == [old, new]
        assert [story and story.record and story.record.schema for story in told] == [1, SCHEMA]
        found = await ledger.inspect(noted=FIRST_SCHEMA)
        assert (found.checked, found.noted_at, found.broken) == (2, 1, None)
        assert found.head == link(FIRST_SCHEMA, stored(new))


async def test_a_record_of_schema_1_is_corrected_by_one_and_stays_as_it_is(ledger: SqlLedger) -> None:
    old = a_record(1, schema=1, end_estimated=True)
    mended = a_record(1, contact_id=ContactId(f"{old.contact_id}_c1"), corrects=old.contact_id)
    await ledger.append([old, mended])
    story = await ledger.story(old.contact_id)
    assert story is not None
    assert (story.record, story.corrections) == (old, (mended,))
    assert (await ledger.inspect()).broken is None


def test_a_kind_of_segment_more_is_a_step_of_the_schema() -> None:
    kinds = {1: {"waiting", "talk", "hold", "announcement"}}
    kinds[2] = kinds[1] | {"ringing"}
    assert kinds[SCHEMA] == {str(kind) for kind in SegmentKind}, "a new shape takes a new number (record.py)"
