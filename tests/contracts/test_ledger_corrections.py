"""Records that correct others: the `Ledger` port's, on the fake, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from router.domain.ids import SECOND, ContactId, QueueName
from router.domain.record import RECONCILED, BillingRecord
from tests.contracts.test_ledger import NOON, a_record, an_offer, told

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from router.adapters.sql.ledger import SqlLedger
    from tests.contracts.databases import LedgerStore
    from tests.fakes.ledger import FakeLedger

pytest_plugins = ["tests.contracts.databases"]


@pytest.fixture
async def ledger(ledger_store: LedgerStore) -> AsyncIterator[SqlLedger | FakeLedger]:
    async with ledger_store.open() as opened:
        yield opened


def a_correction(of: BillingRecord, number: int, **changes: object) -> BillingRecord:
    name = ContactId(f"{of.contact_id.partition('~')[0]}~{number}")
    return replace(of, contact_id=name, corrects=of.contact_id, **changes)  # type: ignore[arg-type]


async def test_a_correction_is_a_record_of_its_own_and_the_story_of_the_contact_shows_both(ledger: SqlLedger) -> None:
    old = a_record(1, end_estimated=True)
    first = a_correction(old, 1, ended_at=NOON + 61 * SECOND)
    second = a_correction(old, 2, ended_at=NOON + 62 * SECOND, legs=(), segments=old.segments[:1])
    await ledger.append([old, an_offer(1)])
    await ledger.append([first, a_record(2)])
    await ledger.append([second, first])
    story = await ledger.story(old.contact_id)
    assert story is not None
    assert (story.record, story.corrections, story.offers) == (old, (first, second), (an_offer(1),))
    told_of_it = await ledger.story(first.contact_id)
    assert told_of_it is not None
    assert (told_of_it.record, told_of_it.corrections) == (first, ())
    found = await ledger.inspect()
    assert (found.checked, found.broken) == (4, None)


async def test_a_correction_of_a_correction_belongs_to_the_contact_too(ledger: SqlLedger) -> None:
    old = a_record(1)
    first = a_correction(old, 1, ended_at=NOON + 61 * SECOND)
    second = a_correction(first, 2, ended_at=NOON + 62 * SECOND)
    await ledger.append([old, first, second, a_record(2)])
    stories = {story.contact_id: story.corrections for story in await told(ledger)}
    assert stories == {
        old.contact_id: (first, second),
        first.contact_id: (second,),
        second.contact_id: (),
        a_record(2).contact_id: (),
    }


async def test_a_correction_of_what_the_ledger_never_had_is_shown_where_it_would_be(ledger: SqlLedger) -> None:
    lost = a_record(1)
    correction = a_correction(lost, 1)
    await ledger.append([correction])
    story = await ledger.story(lost.contact_id)
    assert story is not None
    assert (story.record, story.prev_hash, story.corrections) == (None, None, (correction,))


async def test_records_that_correct_each_other_in_a_ring_do_no_harm(ledger: SqlLedger) -> None:
    one, two = a_record(1), a_record(2)
    ring = [replace(one, corrects=two.contact_id), replace(two, corrects=one.contact_id), a_record(3)]
    ring[2] = replace(ring[2], corrects=ring[2].contact_id)
    await ledger.append(ring)
    stories = {story.contact_id: {c.contact_id for c in story.corrections} for story in await told(ledger)}
    assert set(stories) == {record.contact_id for record in ring}
    assert all(contact not in corrections for contact, corrections in stories.items())


async def test_the_story_of_one_contact_has_the_correction_of_its_correction(ledger: SqlLedger) -> None:
    old = a_record(1)
    first = a_correction(old, 1, ended_at=NOON + 61 * SECOND)
    second = a_correction(first, 2, ended_at=NOON + 62 * SECOND)
    await ledger.append([old, first, second])

    story = await ledger.story(old.contact_id)

    assert story is not None
    assert (story.record, story.corrections) == (old, (first, second))


# ---- what was made up steps aside ----


MADE_UP = {"config_hash": RECONCILED, "queue": QueueName("shop/guessed"), "segments": (), "legs": ()}


async def test_a_routers_own_record_that_comes_late_corrects_the_one_that_was_made_up(ledger: SqlLedger) -> None:
    made_up, own = a_record(1, **MADE_UP), a_record(1)
    await ledger.append([made_up, a_record(2)])
    assert await ledger.append([an_offer(1), own, a_record(2)]) == 2
    assert await ledger.append([own]) == 0, "to bring it again changes nothing"
    story = await ledger.story(own.contact_id)
    assert story is not None
    true = a_correction(made_up, 1, **{name: getattr(own, name) for name in MADE_UP})
    assert (story.record, story.corrections, story.offers) == (made_up, (true,), (an_offer(1),))
    assert (await ledger.inspect()).broken is None


async def test_it_comes_behind_whatever_corrected_the_made_up_one_meanwhile(ledger: SqlLedger) -> None:
    made_up, own = a_record(1, **MADE_UP), a_record(1)
    better = a_correction(made_up, 1, ended_at=NOON + 61 * SECOND)
    await ledger.append([made_up, better])
    assert await ledger.append([own, own]) == 1
    story = await ledger.story(own.contact_id)
    assert story is not None
    assert [(c.contact_id, c.corrects, c.config_hash) for c in story.corrections] == [
        (better.contact_id, made_up.contact_id, RECONCILED),
        (a_correction(better, 2).contact_id, better.contact_id, own.config_hash),
    ]


async def test_a_routers_own_record_is_never_replaced_neither_by_one_made_up_nor_by_another(ledger: SqlLedger) -> None:
    own, other = a_record(1), a_record(1, ani="+493023125009")
    await ledger.append([own])
    assert await ledger.append([a_record(1, **MADE_UP)]) == 0
    assert await ledger.append([other]) == 0
    made_up = a_record(2, **MADE_UP)
    await ledger.append([made_up])
    assert await ledger.append([made_up, a_record(2, **MADE_UP | {"ani": ""})]) == 0
    stories = {story.contact_id: (story.record, story.corrections) for story in await told(ledger)}
    assert stories == {own.contact_id: (own, ()), made_up.contact_id: (made_up, ())}
