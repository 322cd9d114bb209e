"""The directory: who our agents are, with an audit row for every field that ever changed.

An agent who leaves stays in the table with `active` False, because records point at them; only the digest of their
phone's password goes, so that a forgotten export cannot let them in again. `agents()` gives the inactive ones too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from router.adapters.sql import schema
from router.adapters.sql.admission import clean, is_key
from router.adapters.sql.database import DEADLINE_S, Database
from router.adapters.sql.dsn import read_dsn
from router.adapters.sql.enrolment import Change, changes, check
from router.adapters.sql.rows import Found, Row
from router.adapters.sql.upgrade import open_database
from router.domain.errors import CommandRefused
from router.domain.ids import AgentId, Micros
from router.domain.messages.commands import AgentProfile, Post
from router.ports import AgentEntry, Credential


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One field of one agent changed. `field` is `active`, `endpoint`, `skill de`, `credential` …; no secrets."""

    change_id: int
    at: Micros
    by: str
    agent_id: AgentId
    field: str
    old: str
    new: str


class SqlDirectory:
    """The port `Directory` on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, dsn: str, *, deadline_s: float = DEADLINE_S) -> "SqlDirectory":
        """Connect and bring the schema up. Raises `ConfigError` for the address, `RemoteError` for the rest."""
        return cls(await open_database(read_dsn(dsn), name="directory", deadline_s=deadline_s))

    async def agents(self) -> tuple[AgentEntry, ...]:
        """Everyone by `agent_id`, also those with `active` False."""
        async with self._database.reading() as connection:
            return tuple((await _load(connection)).values())

    async def put(self, entries: Sequence[AgentEntry], *, by: str, now: Micros) -> None:
        """Add or replace; all or none. `credential` None keeps the one there is (remove the agent to take it away).

        Raises `CommandRefused`: `agent-invalid`, or `endpoint-taken` when two active agents would share a phone.
        """
        wanted = [check(entry) for entry in entries]
        async with self._database.writing() as connection:
            await self._alone(connection)
            held = await _load(connection)
            before, audit = dict(held), list[Row]()
            for entry in wanted:
                agent_id = entry.profile.agent_id
                old = held.get(agent_id)
                kept = entry.credential or (old.credential if old else None)
                held[agent_id] = replace(entry, credential=kept if entry.active else None)
                audit += _audit_rows(changes(old, held[agent_id]), agent_id, by, now)
            refuse_shared_endpoints(held.values())
            await self._store(connection, before, held, audit)

    async def remove(self, agent_id: AgentId, *, by: str, now: Micros) -> None:
        """Set `active` False and forget the credential; again is harmless. `CommandRefused` `unknown-agent`."""
        if not is_key(agent_id):
            raise unknown_agent(agent_id)
        async with self._database.writing() as connection:
            await self._alone(connection)
            before = await _load(connection, agent_id)
            old = before.get(agent_id)
            if old is None:
                raise unknown_agent(agent_id)
            gone = replace(old, active=False, credential=None)
            audit = _audit_rows(changes(old, gone), agent_id, by, now)
            await self._store(connection, before, {agent_id: gone}, audit)

    async def audit(
        self, agent_id: AgentId | None = None, *, after: int = 0, limit: int = 1000
    ) -> tuple[AuditRow, ...]:
        """Changes in the order they were made, those behind `change_id` `after`."""
        audit = schema.agent_audit
        query = select(audit).where(audit.c.change_id > after).order_by(audit.c.change_id).limit(limit)
        if agent_id is not None:
            query = query.where(audit.c.agent_id == clean(agent_id))
        async with self._database.reading() as connection:
            return tuple(AuditRow(**row) for row in (await connection.execute(query)).mappings())

    async def close(self) -> None:
        await self._database.close()

    async def _alone(self, connection: AsyncConnection) -> None:
        """One writer at a time, or the audit would name an old value that never was. SQLite is so by itself."""
        if self._database.dsn.kind == "postgresql":
            await connection.execute(text("LOCK TABLE agents IN SHARE ROW EXCLUSIVE MODE"))

    async def _store(
        self,
        connection: AsyncConnection,
        before: dict[AgentId, AgentEntry],
        after: dict[AgentId, AgentEntry],
        audit: list[Row],
    ) -> None:
        """Write the difference, whole tables at a time: an import may bring ten thousand agents."""
        people, skills, posts = schema.agents, schema.agent_skills, schema.agent_posts
        changed = [entry for agent_id, entry in after.items() if entry != before.get(agent_id)]
        added = [_row(entry) for entry in changed if entry.profile.agent_id not in before]
        moved = [_row(entry) | {"who": entry.profile.agent_id} for entry in changed if entry.profile.agent_id in before]
        held = [row for entry in changed for row in _skill_rows(entry)]
        stand = [row for entry in changed for row in _post_rows(entry)]
        for statement, batch in (
            (self._database.insert(people), added),
            (update(people).where(people.c.agent_id == bindparam("who")), moved),
            (delete(skills).where(skills.c.agent_id == bindparam("who")), [{"who": row["who"]} for row in moved]),
            (self._database.insert(skills), held),
            (delete(posts).where(posts.c.agent_id == bindparam("who")), [{"who": row["who"]} for row in moved]),
            (self._database.insert(posts), stand),
            (self._database.insert(schema.agent_audit), audit),
        ):
            if batch:
                await connection.execute(statement, batch)


def refuse_shared_endpoints(entries: Iterable[AgentEntry]) -> None:
    """Whoever dials a feature code is known by the phone alone: it must belong to one active agent."""
    owners: dict[str, AgentId] = {}
    for entry in entries:
        if not entry.active:
            continue
        owner = owners.setdefault(entry.profile.endpoint, entry.profile.agent_id)
        if owner != entry.profile.agent_id:
            endpoint, other = entry.profile.endpoint, entry.profile.agent_id
            raise CommandRefused(
                "endpoint-taken", f"{owner} and {other} cannot share the endpoint {endpoint}", endpoint=endpoint
            )


def unknown_agent(agent_id: AgentId) -> CommandRefused:
    shown = clean(agent_id, 64)
    return CommandRefused("unknown-agent", f"the directory has no agent {shown}", agent_id=shown)


async def _load(connection: AsyncConnection, agent_id: AgentId | None = None) -> dict[AgentId, AgentEntry]:
    people, skills, posts = schema.agents, schema.agent_skills, schema.agent_posts
    who = select(people).order_by(people.c.agent_id)
    what = select(skills).order_by(skills.c.agent_id, skills.c.skill)
    where = select(posts).order_by(posts.c.agent_id, posts.c.queue)
    if agent_id is not None:
        who = who.where(people.c.agent_id == agent_id)
        what = what.where(skills.c.agent_id == agent_id)
        where = where.where(posts.c.agent_id == agent_id)
    held: dict[str, dict[str, int]] = {}
    for row in (await connection.execute(what)).mappings():
        held.setdefault(row["agent_id"], {})[row["skill"]] = row["proficiency"]
    stand: dict[str, dict[str, Post]] = {}
    for row in (await connection.execute(where)).mappings():
        post = Post(priority=row["priority"], delay_us=row["delay_us"], position=row["position"])
        stand.setdefault(row["agent_id"], {})[row["queue"]] = post
    found = [(row["agent_id"], row) for row in (await connection.execute(who)).mappings()]
    return {AgentId(name): _entry(row, held.get(name, {}), stand.get(name, {})) for name, row in found}


def _entry(row: Found, skills: dict[str, int], posts: dict[str, Post]) -> AgentEntry:
    digest = row["digest"]
    return AgentEntry(
        profile=AgentProfile(
            agent_id=AgentId(row["agent_id"]),
            endpoint=row["endpoint"],
            skills=skills,
            auto_answer=row["auto_answer"],
            display_name=row["display_name"],
            dial=row["dial"],
            posts=posts,
            daily_cap=row["daily_cap"],
        ),
        credential=None if digest is None else Credential(realm=row["realm"], digest=digest),
        transport=row["transport"],
        active=row["active"],
    )


def _row(entry: AgentEntry) -> Row:
    profile, credential = entry.profile, entry.credential
    return {
        "agent_id": profile.agent_id,
        "endpoint": profile.endpoint,
        "display_name": profile.display_name,
        "auto_answer": profile.auto_answer,
        "dial": profile.dial,
        "transport": entry.transport,
        "realm": credential.realm if credential else None,
        "digest": credential.digest if credential else None,
        "active": entry.active,
        "daily_cap": profile.daily_cap,
    }


def _skill_rows(entry: AgentEntry) -> list[Row]:
    return [
        {"agent_id": entry.profile.agent_id, "skill": skill, "proficiency": level}
        for skill, level in sorted(entry.profile.skills.items())
    ]


def _post_rows(entry: AgentEntry) -> list[Row]:
    return [
        {
            "agent_id": entry.profile.agent_id,
            "queue": queue,
            "priority": post.priority,
            "delay_us": post.delay_us,
            "position": post.position,
        }
        for queue, post in sorted(entry.profile.posts.items())
    ]


def _audit_rows(found: Sequence[Change], agent_id: AgentId, by: str, now: Micros) -> list[Row]:
    return [
        {"at": now, "by": clean(by), "agent_id": agent_id, "field": field, "old": old, "new": new}
        for field, old, new in found
    ]
