"""The ledger: facts about contacts, each at most once, never changed.

`append` may be repeated after an answer was lost: every kind of fact has a natural key and a row already there stays
as it is. A record's segments and legs are written only when the record itself was new, or a second, longer version of
it would leave its tail behind the first. One case is different: a record that was made up for want of the router's own
(completion.py, rule 2) gets that as its correction when it turns up, once. The same transaction puts the new ones into
the chain (chain.py), one writer at a time: SQLite is so by itself, on PostgreSQL an advisory lock makes the others wait
until we have committed.

`stories` reads in pages by key (`ended_at`, `contact_id`) and holds no connection and no snapshot between two pages,
so a reader who prints a million contacts slowly keeps neither memory nor SQLite's write-ahead log from shrinking.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

from sqlalchemy import Select, Table, and_, func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from router.adapters.sql import inspection, rows, schema
from router.adapters.sql.admission import admit, bounded, clean, is_key
from router.adapters.sql.chain import GENESIS, link, stored
from router.adapters.sql.database import DEADLINE_S, Database
from router.adapters.sql.dsn import read_dsn
from router.adapters.sql.upgrade import open_database
from router.domain.ids import AgentId, ContactId, Micros
from router.domain.record import RECONCILED, AgentChangeFact, BillingRecord, Fact
from router.domain.truth.completion import replacement, replaces
from router.ports import ContactStory, RecordQuery

PAGE = 500
"Contacts read at a time; also bounds the parameters of the look-ups that go with them."
CORRECTIONS = 50
"Corrections of corrections that are followed; more is a ring somebody made by hand."

HELD_S = 5
"How long a writer that stands still (a suspended machine) may keep the others waiting; PostgreSQL then ends it."
_ALONE = text("SELECT set_config('idle_in_transaction_session_timeout', :held, true), pg_advisory_xact_lock(:key)")
_CHAIN_LOCK = 0x52494E4743484149  # "RINGCHAI"
_RECORDS = select(schema.records, schema.chain.c.prev_hash, schema.chain.c.position).outerjoin_from(
    schema.records, schema.chain, schema.chain.c.contact_id == schema.records.c.contact_id
)
_Kind = TypeVar("_Kind")


def _standings() -> Select[tuple[object, ...]]:
    """From one agent to the next along the key, since neither database skips what is alike by itself.

    Of two changes of one instant, which no router makes, the last by key: the order of rows says so.
    """
    changes, later = schema.agent_changes, schema.agent_changes.alias("later")
    whose = select(func.min(changes.c.agent_id).label("agent_id")).cte("whose", recursive=True)
    following = select(func.min(later.c.agent_id)).where(later.c.agent_id > whose.c.agent_id).scalar_subquery()
    whose = whose.union_all(select(following).where(whose.c.agent_id.is_not(None)))
    last = select(func.max(later.c.at)).where(later.c.agent_id == whose.c.agent_id).scalar_subquery()
    return (
        select(changes)
        .select_from(whose)
        .join(changes, and_(changes.c.agent_id == whose.c.agent_id, changes.c.at == last))
        .order_by(changes.c.agent_id, changes.c.status, changes.c.reason, changes.c.asked_by)
    )


_STANDINGS = _standings()


class SqlLedger:
    """The port `Ledger` on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, dsn: str, *, deadline_s: float = DEADLINE_S) -> "SqlLedger":
        """Connect and bring the schema up. Raises `ConfigError` for the address, `RemoteError` for the rest."""
        return cls(await open_database(read_dsn(dsn), name="ledger", deadline_s=deadline_s))

    async def identity(self) -> str:
        """The name it goes by, under whatever address; facts on a disk are kept for it. Empty if it has none."""
        query = select(schema.identity.c.ledger).order_by(schema.identity.c.ledger).limit(1)
        async with self._database.reading() as connection:
            return str((await connection.execute(query)).scalar_one_or_none() or "")

    async def without_record(self, contacts: Sequence[ContactId]) -> list[ContactId]:
        """Those of them that have no record here, in their order."""
        ids = schema.records.c.contact_id
        known: set[str] = set()
        for start in range(0, len(contacts), PAGE):
            asked = [contact for contact in contacts[start : start + PAGE] if is_key(contact)]
            async with self._database.reading() as connection:
                known.update((await connection.execute(select(ids).where(ids.in_(asked)))).scalars())
        return [contact for contact in contacts if contact not in known]

    async def append(self, facts: Sequence[Fact]) -> int:
        """Commit all or none; gives how many were new. `ledger-fact-refused` names one that can never be stored."""
        if not facts:
            return 0
        batch = rows.batch(admit(fact) for fact in facts)
        async with self._database.writing() as connection:
            new = await self._append_records(connection, batch)
            for table, fresh in (
                (schema.decisions, batch.decisions),
                (schema.offers, batch.offers),
                (schema.wrapups, batch.wrapups),
                (schema.callbacks, batch.callbacks),
                (schema.overflows, batch.overflows),
                (schema.agent_changes, batch.agent_changes),
            ):
                new += len(await self._insert_new(connection, table, fresh))
        return new

    async def _append_records(self, connection: AsyncConnection, batch: rows.Batch) -> int:
        if not batch.records:
            return 0
        if self._database.dsn.kind == "postgresql":
            await connection.execute(_ALONE, {"key": _CHAIN_LOCK, "held": f"{HELD_S}s"})
        new = set(await self._insert_new(connection, schema.records, batch.records))
        known = [record for contact_id, record in batch.closed.items() if contact_id not in new]
        fresh = [record for contact_id, record in batch.closed.items() if contact_id in new]
        fresh += await self._true_ones(connection, known)
        if fresh:
            await self._insert(connection, schema.segments, [row for r in fresh for row in rows.segment_rows(r)])
            await self._insert(connection, schema.legs, [row for r in fresh for row in rows.leg_rows(r)])
            await self._chain(connection, fresh)
        return len(fresh)

    async def _true_ones(self, connection: AsyncConnection, known: Sequence[BillingRecord]) -> list[BillingRecord]:
        """Of records whose contact has one here already: those that correct one that was made up, written as that."""
        ids, hashes = schema.records.c.contact_id, schema.records.c.config_hash
        asked = select(schema.records).where(ids.in_([record.contact_id for record in known]), hashes == RECONCILED)
        made_up = {row["contact_id"]: row for row in (await connection.execute(asked)).mappings()} if known else {}
        if not made_up:
            return []
        later = await self._corrections(connection, list(made_up))
        found: list[BillingRecord] = []
        for own in known:
            if own.contact_id in made_up:
                in_force = rows.record([made_up[own.contact_id], *later[own.contact_id]][-1], (), ())
                if replaces(own, in_force):
                    found.append(replacement(own, in_force))
        new = set(await self._insert_new(connection, schema.records, [rows.record_row(record) for record in found]))
        return [record for record in found if record.contact_id in new]

    async def _chain(self, connection: AsyncConnection, fresh: Sequence[BillingRecord]) -> None:
        """Put new records behind the last one, in their order."""
        places = schema.chain
        last = select(places.c.position, places.c.hash).order_by(places.c.position.desc()).limit(1)
        found = (await connection.execute(last)).one_or_none()
        position, head = (0, GENESIS) if found is None else (found.position, found.hash)
        links: list[rows.Row] = []
        for record in fresh:
            position, previous = position + 1, head
            head = link(previous, stored(record))
            links.append({"position": position, "contact_id": record.contact_id, "prev_hash": previous, "hash": head})
        # Not "unless it is there": a place that is taken means two at once, and nothing of it may be committed.
        await connection.execute(places.insert(), links)

    async def _insert_new(self, connection: AsyncConnection, table: Table, fresh: list[rows.Row]) -> list[str]:
        """Insert what is not there yet; gives the first column of what was new."""
        if not fresh:
            return []
        insert = self._database.insert(table).returning(next(iter(table.primary_key)))
        return list((await connection.execute(insert, fresh)).scalars())

    async def _insert(self, connection: AsyncConnection, table: Table, fresh: list[rows.Row]) -> None:
        if fresh:
            await connection.execute(self._database.insert(table), fresh)

    async def story(self, contact_id: ContactId) -> ContactStory | None:
        """Everything about one contact, also while its record is still open (`record` None); None if unknown."""
        if not is_key(contact_id):  # nothing of that name was ever admitted, and PostgreSQL would refuse to look
            return None
        query = _RECORDS.where(schema.records.c.contact_id == contact_id)
        async with self._database.reading() as connection:
            found = (await connection.execute(query)).mappings().all()
            story = (await self._tell(connection, [contact_id], found))[0]
        kept = (story.offers, story.wrapups, story.decisions, story.callbacks, story.overflows)
        return story if story.record or story.corrections or any(kept) else None

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

    async def standings(self) -> tuple[AgentChangeFact, ...]:
        """Of each agent the newest change, by agent; two probes of the key for each, however long the history is."""
        async with self._database.reading() as connection:
            found = {row["agent_id"]: row for row in (await connection.execute(_STANDINGS)).mappings()}
        return tuple(rows.agent_change(row) for row in found.values())

    async def inspect(
        self, *, after: int = 0, noted: str | None = None, progress: inspection.Progress | None = None
    ) -> inspection.Inspection:
        """Walk the chain over the records from behind the position `after`; `noted` is a hash that must be in it."""
        return await inspection.inspect(self._database, after=after, noted=noted, progress=progress)

    async def close(self) -> None:
        await self._database.close()

    async def _tell(
        self, connection: AsyncConnection, ids: list[ContactId], records: Sequence[rows.Found]
    ) -> list[ContactStory]:
        async def about(
            table: Table, order: tuple[str, ...], read: Callable[[rows.Found], _Kind], whose: Sequence[str]
        ) -> dict[str, list[_Kind]]:
            query = select(table).where(table.c.contact_id.in_(whose)).order_by(*(table.c[name] for name in order))
            grouped: dict[str, list[_Kind]] = defaultdict(list)
            for row in (await connection.execute(query)).mappings():
                grouped[row["contact_id"]].append(read(row))
            return grouped

        if not ids:
            return []
        later = await self._corrections(connection, ids)
        corrections = [row for found in later.values() for row in found]
        closed = {row["contact_id"]: row for row in (*records, *corrections)}
        segments = await about(schema.segments, ("contact_id", "position"), rows.segment, list(closed))
        legs = await about(schema.legs, ("contact_id", "position"), rows.leg, list(closed))
        offers = await about(schema.offers, ("from_at", "offer_id"), rows.offer, ids)
        wrapups = await about(schema.wrapups, ("from_at", "agent_id"), rows.wrapup, ids)
        callbacks = await about(schema.callbacks, ("at", "what"), rows.callback, ids)
        overflows = await about(schema.overflows, ("at", "queue"), rows.overflow, ids)
        decisions = await about(schema.decisions, ("at", "offer_id"), rows.decision, ids)
        told = {name: rows.record(row, segments[name], legs[name]) for name, row in closed.items()}
        return [
            ContactStory(
                contact_id=contact,
                record=told.get(contact),
                prev_hash=closed[contact]["prev_hash"] if contact in closed else None,
                corrections=tuple(told[row["contact_id"]] for row in later[contact]),
                offers=tuple(offers[contact]),
                wrapups=tuple(wrapups[contact]),
                decisions=tuple(decisions[contact]),
                callbacks=tuple(callbacks[contact]),
                overflows=tuple(overflows[contact]),
            )
            for contact in ids
        ]

    async def _corrections(
        self, connection: AsyncConnection, ids: Sequence[ContactId]
    ) -> dict[ContactId, list[rows.Found]]:
        """Of each of these the records that correct it, or a correction of it, in the order they were written."""
        found: dict[ContactId, dict[ContactId, rows.Found]] = {contact: {} for contact in ids}
        stories = {contact: {contact: None} for contact in ids}
        "Record → the stories it belongs to: a page may hold a record and its correction."
        frontier = list(ids)
        for _ in range(CORRECTIONS):
            query = _RECORDS.where(schema.records.c.corrects.in_(frontier))
            frontier = []
            for row in (await connection.execute(query)).mappings():
                contact = ContactId(row["contact_id"])
                for story in list(stories[ContactId(row["corrects"])]):
                    if story != contact and contact not in found[story]:
                        found[story][contact] = row
                        stories.setdefault(contact, {})[story] = None
                        frontier.append(contact)
            if not frontier:
                break
        return {story: sorted(of.values(), key=lambda row: row["position"] or 0) for story, of in found.items()}


def _page(query: RecordQuery, after: tuple[Micros, ContactId] | None, size: int) -> Select[tuple[object, ...]]:
    records = schema.records
    page = _RECORDS.order_by(records.c.ended_at, records.c.contact_id).limit(size)
    if query.from_at is not None:
        page = page.where(records.c.ended_at >= bounded(query.from_at))
    if query.to_at is not None:
        page = page.where(records.c.ended_at < bounded(query.to_at))
    if query.campaign is not None:
        page = page.where(records.c.campaign == clean(query.campaign))
    if after is not None:
        page = page.where(tuple_(records.c.ended_at, records.c.contact_id) > tuple_(bounded(after[0]), clean(after[1])))
    return page
