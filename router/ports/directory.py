"""Who our agents are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from router.domain.ids import AgentId, Micros
from router.domain.messages.commands import AgentProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """How Asterisk may check an agent's phone: the digest only, never the password."""

    realm: str
    digest: str
    "`MD5:<hex>` and `SHA-256:<hex>` of user:realm:password, one per line, as `password_digest` of PJSIP takes them."


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEntry:
    """One row of the directory."""

    profile: AgentProfile
    credential: Credential | None = None
    transport: str = "udp"
    "`udp` or `tls` (with SRTP)."
    active: bool = True


class Directory(Protocol):
    """Who our agents are. Every change is audited with who made it and when."""

    async def agents(self) -> tuple[AgentEntry, ...]: ...

    async def put(self, entries: Sequence[AgentEntry], *, by: str, now: Micros) -> None: ...

    async def remove(self, agent_id: AgentId, *, by: str, now: Micros) -> None: ...

    async def close(self) -> None: ...
