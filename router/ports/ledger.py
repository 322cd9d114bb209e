"""The facts."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from router.domain.ids import ContactId, Micros
from router.domain.record import (
    AgentChangeFact,
    BillingRecord,
    CallbackFact,
    DecisionFact,
    Fact,
    OfferFact,
    OverflowFact,
    WrapUpFact,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactStory:
    """Everything the ledger holds about one contact."""

    contact_id: ContactId
    record: BillingRecord | None
    prev_hash: str | None = None
    "Of the record before this one, in the order the ledger got them; None without a record."
    corrections: tuple[BillingRecord, ...] = ()
    "Records that name this one in `corrects`, or a correction of it, in the order the ledger got them: the last holds."
    offers: tuple[OfferFact, ...] = ()
    wrapups: tuple[WrapUpFact, ...] = ()
    decisions: tuple[DecisionFact, ...] = ()
    callbacks: tuple[CallbackFact, ...] = ()
    "Steps of the call that was owed to it."
    overflows: tuple[OverflowFact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordQuery:
    """Which records; None means no limit of that kind. Order is by `ended_at`, then `contact_id`."""

    from_at: Micros | None = None
    to_at: Micros | None = None
    campaign: str | None = None
    after: tuple[Micros, ContactId] | None = None
    limit: int = 1000


class Ledger(Protocol):
    """Facts, append-only, each at most once (`contact_id`, `offer_id` … are unique keys).

    A record is never changed: a correction is a record with an id of its own whose `corrects` names the old one.
    Records are chained in the order they come in, so that a change or a gap can be seen afterwards.
    """

    async def append(self, facts: Sequence[Fact]) -> int:
        """Commit all of them or none; a fact already there is left as it is. Gives how many were new."""
        ...

    async def story(self, contact_id: ContactId) -> ContactStory | None: ...

    def stories(self, query: RecordQuery) -> AsyncIterator[ContactStory]: ...

    async def standings(self) -> tuple[AgentChangeFact, ...]:
        """Of each agent the newest change there is, by agent, whatever became of the agent since.

        For whoever takes over and finds Redis empty: what was asked for last, now and for after the contact in hand.
        """
        ...

    async def close(self) -> None: ...
