"""What a queue log tells and our events do not carry, asked of the floor the moment an event is told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from router.domain.floor import Floor
from router.domain.ids import AgentId, ContactId, Micros, QueueName


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    ani: str
    "Empty when withheld."
    dnis: str
    arrived_at: Micros


class Enquiry(Protocol):
    def caller(self, contact_id: ContactId) -> Caller | None:
        """Who it is; None when they are gone already."""

    def queues(self, agent_id: AgentId) -> tuple[QueueName, ...]:
        """The queues the agent is a member of, in the order of the rules."""


class FloorEnquiry:
    """Of queues, those whose need the agent's skills meet: the shift in force does not make or end a membership."""

    def __init__(self, floor: Callable[[], Floor]) -> None:
        self._floor = floor

    def caller(self, contact_id: ContactId) -> Caller | None:
        contact = self._floor().contacts.get(contact_id)
        if contact is None:
            return None
        return Caller(ani=contact.ani, dnis=contact.dnis, arrived_at=contact.arrived_at)

    def queues(self, agent_id: AgentId) -> tuple[QueueName, ...]:
        agent = self._floor().agents.get(agent_id)
        return () if agent is None else tuple(row.queue.rules.name for row in agent.skilled)
