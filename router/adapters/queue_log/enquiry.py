"""What a queue log tells and our events do not carry, asked of the floor the moment an event is told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from router.domain.floor import Floor
from router.domain.ids import AgentId, ContactId, Micros, OfferId, QueueName
from router.domain.record import OfferResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    ani: str
    "Empty when withheld."
    dnis: str
    arrived_at: Micros
    pressed: str = ""
    "The key that took them out of a queue."
    transferred_to: str = ""
    "The number an agent sent them to."


class Enquiry(Protocol):
    def caller(self, contact_id: ContactId) -> Caller | None:
        """Who it is; None when they are gone already."""

    def is_place(self, contact_id: ContactId) -> bool:
        """Whether nobody is on the phone: it is kept for whoever is to be called back."""

    def is_let_go(self, offer_id: OfferId) -> bool:
        """Whether this phone is hung up because the caller has left."""

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
        return Caller(
            ani=contact.ani,
            dnis=contact.dnis,
            arrived_at=contact.arrived_at,
            pressed=contact.pressed,
            transferred_to=contact.transferred_to,
        )

    def is_place(self, contact_id: ContactId) -> bool:
        contact = self._floor().contacts.get(contact_id)
        return contact is not None and contact.place

    def is_let_go(self, offer_id: OfferId) -> bool:
        offer = self._floor().offers.get(offer_id)
        return offer is not None and offer.result is OfferResult.CALLER_LEFT

    def queues(self, agent_id: AgentId) -> tuple[QueueName, ...]:
        agent = self._floor().agents.get(agent_id)
        return () if agent is None else tuple(dict.fromkeys(row.queue.rules.name for row in agent.skilled))
