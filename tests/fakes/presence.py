"""A presence server without a server: it can be stopped, frozen and emptied, and keeps the port's promises."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from router.domain.errors import RemoteError
from router.domain.ids import AgentId, Micros
from router.ports import PresenceRow

BEAT_LIVES_US = 5_000_000


@dataclass
class FakePresenceServer:
    """What outlives a `FakePresence`."""

    pools: dict[str, dict[bytes, PresenceRow]] = field(default_factory=dict)
    beats: dict[str, tuple[int, Micros]] = field(default_factory=dict)
    "pool → (who, when)"
    state: str = "up"
    stores: list[tuple[int, int]] = field(default_factory=list)
    "Of each store that went through: how many changed, how many gone."

    def empty(self) -> None:
        self.pools.clear()
        self.beats.clear()


class FakePresence:
    """The `Presence` port over a `FakePresenceServer`."""

    def __init__(self, server: FakePresenceServer, pool: str = "main") -> None:
        self._server = server
        self._pool = pool
        self._beat_at: Micros = 0

    async def load(self) -> tuple[PresenceRow, ...]:
        self._must_be_up()
        rows = self._server.pools.get(self._pool, {})
        return tuple(rows[agent] for agent in sorted(rows))

    async def store(self, changed: Sequence[PresenceRow], gone: Sequence[AgentId], now: Micros) -> None:
        self._must_be_up()
        rows = self._server.pools.setdefault(self._pool, {})
        for agent in gone:
            rows.pop(_key(agent), None)
        for row in changed:
            rows[_key(row.agent_id)] = row
        self._server.stores.append((len(changed), len(gone)))
        before = self._server.beats.get(self._pool)
        self._server.beats[self._pool] = (id(self), now)
        expected, self._beat_at = self._beat_at, now
        if expected and before != (id(self), expected) and now - expected < BEAT_LIVES_US:
            raise RemoteError("presence-emptied", "what was written is gone", retryable=True)

    async def close(self) -> None:
        if self._server.beats.get(self._pool, (0, 0))[0] == id(self):
            del self._server.beats[self._pool]

    def _must_be_up(self) -> None:
        if self._server.state == "down":
            raise RemoteError("redis-unreachable", "the server is stopped", retryable=True)
        if self._server.state == "frozen":
            raise RemoteError("redis-silent", "the server does not answer", retryable=True)


def _key(agent: str) -> bytes:
    return agent.encode("utf-8", "backslashreplace")
