"""Where *now* is told to others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from router.domain.ids import AgentId, ContactId, Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceRow:
    """An agent as other processes may read it. Strings as in `AgentChanged`."""

    agent_id: AgentId
    status: str
    reason: str | None
    next_status: str | None
    reach: str
    link: str
    work: str
    contact_id: ContactId | None
    since_at: Micros
    next_reason: str | None = None


class Presence(Protocol):
    """Where *now* can be read by others, and by our successor."""

    async def load(self) -> tuple[PresenceRow, ...]:
        """Everything written down for this pool; an empty tuple when nothing is."""
        ...

    async def store(self, changed: Sequence[PresenceRow], gone: Sequence[AgentId], now: Micros) -> None:
        """Write changed agents, remove gone ones, move the heartbeat. One round trip, idempotent."""
        ...

    async def close(self) -> None: ...
