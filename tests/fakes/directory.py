"""A directory in memory that keeps the port's promises."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from router.adapters.sql.admission import clean
from router.adapters.sql.directory import AuditRow, refuse_shared_endpoints, unknown_agent
from router.adapters.sql.enrolment import changes, check
from router.domain.errors import RemoteError
from router.domain.ids import AgentId, Micros
from router.ports import AgentEntry


@dataclass
class FakeDirectoryStore:
    """What outlives a `FakeDirectory`: the database."""

    entries: dict[AgentId, AgentEntry] = field(default_factory=dict)
    trail: list[AuditRow] = field(default_factory=list)
    away: RemoteError | None = None
    "While set, everyone is told this."


class FakeDirectory:
    """The port `Directory` over a `FakeDirectoryStore`."""

    def __init__(self, store: FakeDirectoryStore | None = None) -> None:
        self.store = store or FakeDirectoryStore()

    async def agents(self) -> tuple[AgentEntry, ...]:
        self._reach()
        return tuple(entry for _, entry in sorted(self.store.entries.items()))

    async def put(self, entries: Sequence[AgentEntry], *, by: str, now: Micros) -> None:
        self._reach()
        after = dict(self.store.entries)
        trail = list(self.store.trail)
        for entry in [check(entry) for entry in entries]:
            old = after.get(entry.profile.agent_id)
            kept = entry.credential or (old.credential if old else None)
            new = replace(entry, credential=kept if entry.active else None)
            self._note(trail, old, new, by, now)
            after[entry.profile.agent_id] = new
        refuse_shared_endpoints(after.values())
        self.store.entries, self.store.trail = after, trail

    async def remove(self, agent_id: AgentId, *, by: str, now: Micros) -> None:
        self._reach()
        old = self.store.entries.get(agent_id)
        if old is None:
            raise unknown_agent(agent_id)
        self.store.entries[agent_id] = replace(old, active=False, credential=None)
        self._note(self.store.trail, old, self.store.entries[agent_id], by, now)

    async def audit(
        self, agent_id: AgentId | None = None, *, after: int = 0, limit: int = 1000
    ) -> tuple[AuditRow, ...]:
        self._reach()
        found = (r for r in self.store.trail if r.change_id > after and agent_id in (None, r.agent_id))
        return tuple(found)[:limit]

    async def close(self) -> None:
        pass

    def _reach(self) -> None:
        if self.store.away is not None:
            raise self.store.away

    @staticmethod
    def _note(trail: list[AuditRow], old: AgentEntry | None, new: AgentEntry, by: str, now: Micros) -> None:
        for name, was, is_now in changes(old, new):
            trail.append(
                AuditRow(
                    change_id=len(trail) + 1,
                    at=now,
                    by=clean(by),
                    agent_id=new.profile.agent_id,
                    field=name,
                    old=was,
                    new=is_now,
                )
            )
