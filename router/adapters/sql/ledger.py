"""The ledger: facts about contacts, each at most once, never changed.

`append` may be repeated after an answer was lost: every kind of fact has a natural key and a row already there stays
as it is. A record's segments and legs are written only when the record itself was new, or a second, longer version of
it would leave its tail behind the first.

`stories` reads in pages by key (`ended_at`, `contact_id`) and holds no connection and no snapshot between two pages,
so a reader who prints a million contacts slowly keeps neither memory nor SQLite's write-ahead log from shrinking.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

from sqlalchemy import Select, Table, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from router.adapters.sql import rows, schema
from router.adapters.sql.admission import admit, bounded, clean, is_key
from router.adapters.sql.database import DEADLINE_S, Database
from router.adapters.sql.dsn import read_dsn
from router.adapters.sql.upgrade import open_database
from router.domain.ids import AgentId, ContactId, Micros
from router.domain.record import AgentChangeFact, Fact
from router.ports import ContactStory, RecordQuery

PAGE = 500
"Contacts read at a time; also bounds the parameters of the look-ups that go with them."

_Kind = TypeVar("_Kind")


class SqlLedger:
    """The port `Ledger` on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, dsn: str, *, deadline_s: float = DEADLINE_S) -> "SqlLedger":
        """Connect and bring the schema up. Raises `ConfigError` for the address, `RemoteError` for the rest."""
        return cls(await open_database(read_dsn(dsn), name="ledger", deadline_s=deadline_s))

    async def append(self, facts: Sequence[Fact]) -> None:
        """Commit all or none. `ledger-fact-refused` names a fact that can never be stored."""
        if not facts:
            return
        batch = rows.batch(admit(fact) for fact in facts)
        async with self._database.writing() as connection:
            await self._append_records(connection, batch)
            for table, fresh in (
                (schema.decisions, batch.decisions),
                (schema.offers, batch.offers),
                (schema.wrapups, batch.wrapups),
                (schema.agent_changes, batch.agent_changes),
            ):
                await self._insert(connection, table, fresh)

    async def _append_records(self, connection: AsyncConnection, batch: rows.Batch) -> None:
        if not batch.records:
            return
        insert = self._database.insert(schema.records).returning(schema.records.c.contact_id)
        new = set((await connection.execute(insert, batch.records)).scalars())
        fresh = [record for contact_id, record in batch.closed.items() if contact_id in new]
        await self._insert(connection, schema.segments, [row for r in fresh for row in rows.segment_rows(r)])
        await self._insert(connection, schema.legs, [row for r in fresh for row in rows.leg_rows(r)])

    async def _insert(self, connection: AsyncConnection, table: Table, fresh: list[rows.Row]) -> None:
        if fresh:
            await connection.execute(self._database.insert(table), fresh)

    async def story(self, contact_id: ContactId) -> ContactStory | None:
        """Everything about one contact, also while its record is still open (`record` None); None if unknown."""
        if not is_key(contact_id):  # nothing of that name was ever admitted, and PostgreSQL would refuse to look
            return None
        query = select(schema.records).where(schema.records.c.contact_id == contact_id)
        async with self._database.reading() as connection:
            found = (await connection.execute(query)).mappings().all()
            story = (await self._tell(connection, [contact_id], found))[0]
        return story if story.record or story.offers or story.wrapups or story.decisions else None

    async def stories(self, query: RecordQuery) -> AsyncIterator[ContactStory]:
        """Contacts with a record, ended in `[from_at, to_at)`, by (`ended_at`, `contact_id`), at most `limit`."""
        after, left = query.after, query.limit
        while left > 0:
            size = min(left, PAGE)
            async with self._database.reading() as connection:
                found = (await connection.execute(_page(query, after, size))).mappings().all()
                ids = [ContactId(row["contact_id"]) for row in found]
                page = await self._tell(connection, ids, found)
            for story in page:
                yield story
            if len(found) < size:
                return
            after = (found[-1]["ended_at"], ids[-1])
            left -= size

    async def agent_history(self, agent_id: AgentId, from_at: Micros, to_at: Micros) -> tuple[AgentChangeFact, ...]:
        """An agent's status changes in `[from_at, to_at)`, in order of time."""
        changes = schema.agent_changes
        query = (
            select(changes)
            .where(changes.c.agent_id == clean(agent_id))
            .where(changes.c.at >= bounded(from_at), changes.c.at < bounded(to_at))
            .order_by(changes.c.at, changes.c.status, changes.c.reason, changes.c.asked_by)
        )
        async with self._database.reading() as connection:
            return tuple(rows.agent_change(row) for row in (await connection.execute(query)).mappings())

    async def close(self) -> None:
        await self._database.close()

    async def _tell(
        self, connection: AsyncConnection, ids: list[ContactId], records: Sequence[rows.Found]
    ) -> list[ContactStory]:
        async def about(
            table: Table, order: tuple[str, ...], read: Callable[[rows.Found], _Kind]
        ) -> dict[str, list[_Kind]]:
            query = select(table).where(table.c.contact_id.in_(ids)).order_by(*(table.c[name] for name in order))
            grouped: dict[str, list[_Kind]] = defaultdict(list)
            for row in (await connection.execute(query)).mappings():
                grouped[row["contact_id"]].append(read(row))
            return grouped

        if not ids:
            return []
        segments = await about(schema.segments, ("contact_id", "position"), rows.segment)
        legs = await about(schema.legs, ("contact_id", "position"), rows.leg)
        offers = await about(schema.offers, ("from_at", "offer_id"), rows.offer)
        wrapups = await about(schema.wrapups, ("from_at", "agent_id"), rows.wrapup)
        decisions = await about(schema.decisions, ("at", "offer_id"), rows.decision)
        closed = {row["contact_id"]: row for row in records}
        return [
            ContactStory(
                contact_id=contact,
                record=rows.record(closed[contact], segments[contact], legs[contact]) if contact in closed else None,
                offers=tuple(offers[contact]),
                wrapups=tuple(wrapups[contact]),
                decisions=tuple(decisions[contact]),
            )
            for contact in ids
        ]


def _page(query: RecordQuery, after: tuple[Micros, ContactId] | None, size: int) -> Select[tuple[object, ...]]:
    records = schema.records
    page = select(records).order_by(records.c.ended_at, records.c.contact_id).limit(size)
    if query.from_at is not None:
        page = page.where(records.c.ended_at >= bounded(query.from_at))
    if query.to_at is not None:
        page = page.where(records.c.ended_at < bounded(query.to_at))
    if query.campaign is not None:
        page = page.where(records.c.campaign == clean(query.campaign))
    if after is not None:
        page = page.where(tuple_(records.c.ended_at, records.c.contact_id) > tuple_(bounded(after[0]), clean(after[1])))
    return page
