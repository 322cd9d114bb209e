"""Presence in Redis 7.0 or later, or Valkey: what other processes may read about our agents.

All keys of a pool carry the hash tag `{POOL}`, so a cluster keeps them together. Values are UTF-8; instants
are integer microseconds since the epoch, UTC; an empty string means "none".

    ringfair:{main}:router       string, JSON: who keeps presence
        {"v":1,"host":"acd1","pid":811,"since_at":1790000000000000,"beat_at":1790000012000000}
        Expires 5 s after the last beat. When it is missing, what the other keys say is old: nobody keeps
        them. Calls may go on nevertheless.
    ringfair:{main}:agents       set of the agent ids that have a hash
    ringfair:{main}:agent:<id>   hash, whole picture of one agent
        v           1
        status      LOGGED_OUT | READY | PAUSED            what the person chose
        reason      pause reason, or empty
        next_status status that begins after the contact in hand, or empty
        next_reason its pause reason, or empty
        reach       REACHABLE | UNREACHABLE | BUSY_ELSEWHERE   what the machine sees of the phone
        link        GOOD | DEGRADED | LOST                     what the machine sees of the line
        work        idle | reserved | ringing | talking | held | wrapup
        contact_id  the contact in hand, or empty
        since_at    since when the status holds
        written_at  when this was written

Agent keys live 7 days after their last write: a restart finds the state, and nothing stays for ever. Reading
needs no scan: SMEMBERS of the set, then HGETALL of each; an id without a hash has expired: count it absent.

Each store is one MULTI/EXEC: a reader never sees half a change. It begins by taking the hash away, so a
foreign field or a foreign type under our key is gone with the next write. The beat answers with the one
before it (`SET … GET`): when that is missing although we wrote it, or is an older one, the server was emptied,
restarted or replaced by a replica behind our back, and `presence-emptied` tells the keeper to write everything again.
"""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from router.adapters.redis.address import RedisAddress
from router.adapters.redis.trouble import FAILURES, asking
from router.domain.errors import RemoteError
from router.domain.ids import SECOND, AgentId, ContactId, Micros
from router.ports import PresenceRow

if TYPE_CHECKING:
    from redis.asyncio import Redis

SCHEMA = 1
BEAT_LIVES_MS = 5_000
AGENT_LIVES_S = 7 * 24 * 3600
STORE_S = 2.0
LOAD_S = 10.0
READ_AT_ONCE = 500
MOST_AGENTS = 100_000
"Ten times what a pool is good for. More than this is not a set of ours."
LONGEST_VALUE = 512
"Bytes; a longer one was not written by us."


class RedisPresence:
    """The `Presence` port. One server, one pool; use it from the loop it was first used on."""

    def __init__(self, address: RedisAddress, *, pool: str = "main") -> None:
        self.address = address
        self.unreadable = 0
        "Agents that `load` found but could not read: foreign version, foreign bytes."
        prefix = f"ringfair:{{{pool}}}:"
        self._agent = f"{prefix}agent:".encode()
        self._agents = f"{prefix}agents".encode()
        self._router = f"{prefix}router".encode()
        self._client: Redis | None = None
        self._since_at: Micros | None = None
        self._beat: bytes | None = None
        self._beat_at: Micros = 0
        self._stands: bytes | None = None
        "The beat that must be there: ours, when it is known to have been written."

    async def load(self) -> tuple[PresenceRow, ...]:
        """Read every agent of the pool, by id. Raises `RemoteError` when Redis is away."""
        self.unreadable = 0
        rows: tuple[PresenceRow, ...] = ()
        async with asking(self.address, LOAD_S):
            rows = await self._load()
        return rows

    async def _load(self) -> tuple[PresenceRow, ...]:
        client = self._connected()
        if (count := await client.scard(self._agents)) > MOST_AGENTS:
            raise RemoteError(
                "presence-foreign",
                f"The set of agents at {self.address} has {count} members; that is not ours. "
                "Use a database of its own for presence.",
            )
        members = await client.smembers(self._agents)
        ids = sorted(member for member in members if isinstance(member, bytes))
        rows: list[PresenceRow] = []
        for start in range(0, len(ids), READ_AT_ONCE):
            some = ids[start : start + READ_AT_ONCE]
            async with client.pipeline(transaction=False) as pipe:
                for agent in some:
                    pipe.hgetall(self._agent + agent)
                answers = await pipe.execute(raise_on_error=False)
            for agent, answer in zip(some, answers, strict=True):
                row = read_row(agent, answer)
                if row is not None:
                    rows.append(row)
                elif answer:
                    self.unreadable += 1
        return tuple(rows)

    async def store(self, changed: Sequence[PresenceRow], gone: Sequence[AgentId], now: Micros) -> None:
        """Write and beat in one transaction; nothing is repeated here.

        Raises `RemoteError`; `presence-emptied` when it was written, but the server has lost the rest.
        """
        before: bytes | None = None
        stands, self._stands = self._stands, None
        async with asking(self.address, STORE_S):
            before = await self._store(changed, gone, now)
        expected, self._beat_at, self._stands = self._beat_at, now, self._beat
        lost = before is None or (stands is not None and before != stands)
        if expected and lost and now - expected < BEAT_LIVES_MS * 1000 - SECOND:
            raise RemoteError(
                "presence-emptied",
                f"Redis at {self.address} has lost what was written to it; everything is written again.",
                retryable=True,
            )

    async def _store(self, changed: Sequence[PresenceRow], gone: Sequence[AgentId], now: Micros) -> bytes | None:
        if self._since_at is None:
            self._since_at = now
        self._beat = msgspec.json.encode(
            {
                "v": SCHEMA,
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "since_at": self._since_at,
                "beat_at": now,
            }
        )
        written = [(_bytes(row.agent_id), write_row(row, now)) for row in changed]
        left = [_bytes(agent) for agent in gone]
        async with self._connected().pipeline(transaction=True) as pipe:
            pipe.set(self._router, self._beat, px=BEAT_LIVES_MS, get=True)
            if written or left:
                pipe.delete(*(self._agent + agent for agent, _ in written), *(self._agent + a for a in left))
            if left:
                pipe.srem(self._agents, *left)
            for agent, fields in written:
                pipe.hset(self._agent + agent, items=fields)
                pipe.expire(self._agent + agent, AGENT_LIVES_S)
            if written:
                pipe.sadd(self._agents, *(agent for agent, _ in written))
                pipe.expire(self._agents, AGENT_LIVES_S)
            answers = await pipe.execute()
        before: bytes | None = answers[0]
        return before

    async def close(self) -> None:
        """Say that nobody keeps presence any more, and let the connection go. Never raises."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            with suppress(RemoteError):
                async with asking(self.address, STORE_S):
                    # a successor may have begun to beat already: then the key is not ours to take away
                    if self._beat is not None and await client.get(self._router) == self._beat:
                        await client.delete(self._router)
        finally:
            with suppress(*FAILURES):
                await client.aclose()

    def _connected(self) -> "Redis":
        if self._client is None:
            self._client = self.address.client()
        return self._client


def write_row(row: PresenceRow, now: Micros) -> list[bytes]:
    """Turn a row into field, value, field, value … as HSET takes them."""
    fields = {
        "v": str(SCHEMA),
        "status": row.status,
        "reason": row.reason or "",
        "next_status": row.next_status or "",
        "next_reason": row.next_reason or "",
        "reach": row.reach,
        "link": row.link,
        "work": row.work,
        "contact_id": row.contact_id or "",
        "since_at": str(row.since_at),
        "written_at": str(now),
    }
    return [part for name, value in fields.items() for part in (name.encode(), _bytes(value))]


def read_row(agent: bytes, answer: Any) -> PresenceRow | None:
    """Read one hash, or None when it is not there or not one of ours: anybody can write to Redis."""
    if not isinstance(answer, dict) or answer.get(b"v") != str(SCHEMA).encode():
        return None
    if len(agent) > LONGEST_VALUE or any(len(value) > LONGEST_VALUE for value in answer.values()):
        return None
    try:
        fields = {name.decode(): value.decode() for name, value in answer.items()}
        since_at = fields["since_at"]
        if not (since_at.isascii() and since_at.isdigit() and len(since_at) < 19):
            return None
        return PresenceRow(
            agent_id=AgentId(agent.decode()),
            status=fields["status"],
            reason=fields["reason"] or None,
            next_status=fields["next_status"] or None,
            next_reason=fields.get("next_reason") or None,
            reach=fields["reach"],
            link=fields["link"],
            work=fields["work"],
            contact_id=ContactId(fields["contact_id"]) if fields["contact_id"] else None,
            since_at=int(since_at),
        )
    except (UnicodeDecodeError, KeyError):
        return None


def _bytes(text: str) -> bytes:
    """Encode what may hold half a surrogate pair (undecodable bytes of a neighbour) as valid UTF-8 anyway."""
    return text.encode("utf-8", "backslashreplace")
