"""`ringfair ledger verify`: the chain over the billing records, walked in pages, and the first place where it breaks.

No connection and no snapshot is held between two pages, so records may come in meanwhile: they come at the end. What
stands in the chain and what stands in the table are read by one statement each, which sees one state.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Table, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from router.adapters.sql import rows, schema
from router.adapters.sql.chain import GENESIS, Break, Fault, Link, Stored, Walk
from router.adapters.sql.database import Database
from router.domain.ids import ContactId

PAGE = 500

Progress = Callable[[int, int], None]
"""Told after each page: the position reached, and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What the walk found. Without a `broken` everything up to `position` is as it was written."""

    checked: int
    "Records, those behind the first break not counted."
    position: int
    "Of the last good record."
    head: str
    "Its hash: worth noting elsewhere."
    noted_at: int | None
    "Where the noted hash stands."
    broken: Break | None


async def inspect(
    database: Database, *, after: int = 0, noted: str | None = None, progress: Progress | None = None
) -> Inspection:
    """Walk from behind the position `after` to the end, or to the first break. Raises `RemoteError`."""
    before = await _hash_at(database, after)
    if before is None:
        sentence = f"the chain has no position {after}: it is shorter"
        missing = Break(fault=Fault.MISSING, position=after, contact_id=None, sentence=sentence)
        return Inspection(checked=0, position=0, head=GENESIS, noted_at=None, broken=missing)
    walk = Walk(after=after, hash=before, noted=noted)
    broken: Break | None = None
    links = await _links(database, after)
    while links and broken is None:
        for link in links:
            broken = walk.step(link)
            if broken is not None:
                break
        else:
            if progress is not None:
                progress(walk.position, await _length(database))
            links = await _links(database, walk.position)
    if broken is None:
        broken = walk.end(unchained=await _unchained(database))
    return Inspection(
        checked=walk.position - after, position=walk.position, head=walk.head, noted_at=walk.noted_at, broken=broken
    )


async def _hash_at(database: Database, position: int) -> str | None:
    if position == 0:
        return GENESIS
    query = select(schema.chain.c.hash).where(schema.chain.c.position == position)
    async with database.reading() as connection:
        return (await connection.execute(query)).scalar_one_or_none()


async def _length(database: Database) -> int:
    async with database.reading() as connection:
        return (await connection.execute(select(func.max(schema.chain.c.position)))).scalar() or 0


async def _links(database: Database, after: int) -> list[Link]:
    chain, records = schema.chain, schema.records
    columns = [column.label(f"record_{column.name}") for column in records.columns]
    query = (
        select(chain, *columns)
        .outerjoin_from(chain, records, chain.c.contact_id == records.c.contact_id)
        .where(chain.c.position > after)
        .order_by(chain.c.position)
        .limit(PAGE)
    )
    async with database.reading() as connection:
        found = (await connection.execute(query)).mappings().all()
        ids = [row["contact_id"] for row in found]
        segments = await _by_contact(connection, schema.segments, ids)
        legs = await _by_contact(connection, schema.legs, ids)
    return [
        Link(
            position=row["position"],
            contact_id=ContactId(row["contact_id"]),
            prev_hash=row["prev_hash"],
            hash=row["hash"],
            found=None if row["record_contact_id"] is None else _stored(row, segments, legs),
        )
        for row in found
    ]


def _stored(row: rows.Found, segments: dict[str, list[rows.Found]], legs: dict[str, list[rows.Found]]) -> Stored:
    record = {column.name: row[f"record_{column.name}"] for column in schema.records.columns}
    return Stored(record, segments[row["contact_id"]], legs[row["contact_id"]])


async def _by_contact(connection: AsyncConnection, table: Table, ids: Sequence[str]) -> dict[str, list[rows.Found]]:
    grouped: dict[str, list[rows.Found]] = defaultdict(list)
    if ids:
        query = select(table).where(table.c.contact_id.in_(ids)).order_by(table.c.contact_id, table.c.position)
        for row in (await connection.execute(query)).mappings():
            grouped[row["contact_id"]].append(row)
    return grouped


async def _unchained(database: Database) -> ContactId | None:
    """A record that stands in no place of the chain. Looked for only when there are more records than places."""
    chain, records = schema.chain, schema.records
    of_records, of_chain = (select(func.count()).select_from(table).scalar_subquery() for table in (records, chain))
    async with database.reading() as connection:
        counted = (await connection.execute(select(of_records, of_chain))).one()
        if counted[0] <= counted[1]:
            return None
        linked = exists().where(chain.c.contact_id == records.c.contact_id)
        query = select(records.c.contact_id).where(~linked).order_by(records.c.contact_id).limit(1)
        found = (await connection.execute(query)).scalar_one_or_none()
    return None if found is None else ContactId(found)
