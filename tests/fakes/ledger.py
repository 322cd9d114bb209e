"""A ledger in memory that keeps the port's promises and can be away, lose an answer or wait at a gate."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from router.adapters.sql.admission import admit, clean
from router.adapters.sql.chain import GENESIS, Break, Fault, Link, Walk, link, stored
from router.adapters.sql.inspection import Inspection, Progress
from router.domain.errors import RemoteError
from router.domain.ids import AgentId, ContactId, Micros, OfferId
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
from router.domain.truth.completion import replacement, replaces
from router.ports import ContactStory, RecordQuery


@dataclass
class FakeLedgerStore:
    """What outlives a `FakeLedger`: the database."""

    records: dict[ContactId, BillingRecord] = field(default_factory=dict)
    offers: dict[OfferId, OfferFact] = field(default_factory=dict)
    decisions: dict[OfferId, DecisionFact] = field(default_factory=dict)
    wrapups: dict[tuple[ContactId, AgentId, Micros], WrapUpFact] = field(default_factory=dict)
    callbacks: dict[tuple[ContactId, Micros, str], CallbackFact] = field(default_factory=dict)
    overflows: dict[tuple[ContactId, Micros, str], OverflowFact] = field(default_factory=dict)
    agent_changes: dict[tuple[AgentId, Micros, str, str, str], AgentChangeFact] = field(default_factory=dict)
    chain: list[tuple[ContactId, str, str]] = field(default_factory=list)
    "Of each record, in the order they came: whose, the hash before, its own."
    away: RemoteError | None = None
    "While set, nothing is written and everyone is told this."
    losing_answers: int = 0
    "So many of the next commits happen, but whoever asked is told that the connection broke."
    gate: asyncio.Event | None = None
    "While set and closed, a commit does not get through."
    at_gate: int = 0
    "Commits that wait there."
    batches: list[tuple[Fact, ...]] = field(default_factory=list)
    "Each commit that happened, in order, as it was asked for."

    @property
    def head(self) -> str:
        return self.chain[-1][2] if self.chain else GENESIS

    def knows(self, contact_id: ContactId) -> bool:
        kinds = (self.offers, self.decisions, self.wrapups, self.callbacks, self.overflows)
        pointing = [fact for kind in kinds for fact in kind.values()]  # type: ignore[attr-defined]
        corrected = any(record.corrects == contact_id for record in self.records.values())
        return corrected or contact_id in self.records or any(fact.contact_id == contact_id for fact in pointing)

    def size(self) -> int:
        pointing = (self.offers, self.decisions, self.wrapups, self.callbacks, self.overflows)
        return sum(len(kind) for kind in (self.records, *pointing, self.agent_changes))  # type: ignore[arg-type]


class FakeLedger:
    """The port `Ledger` over a `FakeLedgerStore`."""

    def __init__(self, store: FakeLedgerStore | None = None) -> None:
        self.store = store or FakeLedgerStore()
        self.closed = False

    async def append(self, facts: Sequence[Fact]) -> int:
        if self.store.gate is not None:
            self.store.at_gate += 1
            await self.store.gate.wait()
            self.store.at_gate -= 1
        self._reach()
        admitted = [admit(fact) for fact in facts]
        before = self.store.size()
        for fact in admitted:
            self._keep(fact)
        self.store.batches.append(tuple(facts))
        if self.store.losing_answers:
            self.store.losing_answers -= 1
            raise RemoteError("ledger-unreachable", "the connection broke before the answer came", retryable=True)
        return self.store.size() - before

    async def story(self, contact_id: ContactId) -> ContactStory | None:
        self._reach()
        return self._tell(contact_id) if self.store.knows(contact_id) else None

    async def stories(self, query: RecordQuery) -> AsyncIterator[ContactStory]:
        self._reach()
        closed = sorted((record.ended_at, record.contact_id) for record in self.store.records.values())
        left = query.limit
        for ended_at, contact_id in closed:
            record = self.store.records[contact_id]
            if (
                left > 0
                and (query.after is None or (ended_at, contact_id) > query.after)
                and (query.from_at is None or ended_at >= query.from_at)
                and (query.to_at is None or ended_at < query.to_at)
                and (query.campaign is None or record.campaign == clean(query.campaign))
            ):
                left -= 1
                yield self._tell(contact_id)

    async def agent_history(self, agent_id: AgentId, from_at: Micros, to_at: Micros) -> tuple[AgentChangeFact, ...]:
        self._reach()
        changes = sorted(self.store.agent_changes.items())
        return tuple(change for key, change in changes if key[0] == agent_id and from_at <= change.at < to_at)

    async def standings(self) -> tuple[AgentChangeFact, ...]:
        self._reach()
        newest = {key[0]: change for key, change in sorted(self.store.agent_changes.items())}
        return tuple(newest.values())

    async def inspect(
        self, *, after: int = 0, noted: str | None = None, progress: Progress | None = None
    ) -> Inspection:
        self._reach()
        if after > len(self.store.chain):
            sentence = f"the chain has no position {after}: it is shorter"
            missing = Break(fault=Fault.MISSING, position=after, contact_id=None, sentence=sentence)
            return Inspection(checked=0, position=0, head=GENESIS, noted_at=None, broken=missing)
        walk = Walk(after=after, hash=self.store.chain[after - 1][2] if after else GENESIS, noted=noted)
        broken: Break | None = None
        for place, (contact_id, previous, own) in enumerate(self.store.chain[after:], after + 1):
            record = self.store.records.get(contact_id)
            found = None if record is None else stored(record)
            broken = walk.step(Link(position=place, contact_id=contact_id, prev_hash=previous, hash=own, found=found))
            if broken is not None:
                break
        broken = broken or walk.end(unchained=None)
        return Inspection(
            checked=walk.position - after, position=walk.position, head=walk.head, noted_at=walk.noted_at, broken=broken
        )

    async def close(self) -> None:
        self.closed = True

    def _reach(self) -> None:
        if self.closed:
            raise RemoteError("ledger-unreachable", "this ledger was closed", retryable=True)
        if self.store.away is not None:
            raise self.store.away

    def _keep(self, fact: Fact) -> None:
        match fact:
            case BillingRecord():
                held = self.store.records.get(fact.contact_id)
                if held is None:
                    self._chain(fact)
                elif replaces(fact, in_force := [held, *self._tell(fact.contact_id).corrections][-1]):
                    self._chain(replacement(fact, in_force))
            case OfferFact():
                self.store.offers.setdefault(fact.offer_id, fact)
            case DecisionFact():
                self.store.decisions.setdefault(fact.offer_id, fact)
            case WrapUpFact():
                self.store.wrapups.setdefault((fact.contact_id, fact.agent_id, fact.from_at), fact)
            case CallbackFact():
                self.store.callbacks.setdefault((fact.contact_id, fact.at, fact.what), fact)
            case OverflowFact():
                self.store.overflows.setdefault((fact.contact_id, fact.at, fact.queue), fact)
            case AgentChangeFact():
                key = (fact.agent_id, fact.at, fact.status, fact.reason or "", fact.asked_by)
                self.store.agent_changes.setdefault(key, fact)

    def _chain(self, record: BillingRecord) -> None:
        self.store.records[record.contact_id] = record
        before = self.store.head
        self.store.chain.append((record.contact_id, before, link(before, stored(record))))

    def _tell(self, contact_id: ContactId) -> ContactStory:
        offers = (fact for fact in self.store.offers.values() if fact.contact_id == contact_id)
        wrapups = (fact for fact in self.store.wrapups.values() if fact.contact_id == contact_id)
        decisions = (fact for fact in self.store.decisions.values() if fact.contact_id == contact_id)
        order = {name: (place, before) for place, (name, before, _) in enumerate(self.store.chain)}
        corrections = self._corrections(contact_id)
        return ContactStory(
            contact_id=contact_id,
            record=self.store.records.get(contact_id),
            prev_hash=order[contact_id][1] if contact_id in order else None,
            corrections=tuple(sorted(corrections, key=lambda record: order[record.contact_id][0])),
            offers=tuple(sorted(offers, key=lambda fact: (fact.from_at, fact.offer_id))),
            wrapups=tuple(sorted(wrapups, key=lambda fact: (fact.from_at, fact.agent_id))),
            callbacks=tuple(fact for key, fact in sorted(self.store.callbacks.items()) if key[0] == contact_id),
            overflows=tuple(fact for key, fact in sorted(self.store.overflows.items()) if key[0] == contact_id),
            decisions=tuple(sorted(decisions, key=lambda fact: (fact.at, fact.offer_id))),
        )

    def _corrections(self, contact_id: ContactId) -> list[BillingRecord]:
        found: dict[ContactId, BillingRecord] = {}
        frontier = {contact_id}
        while frontier:
            new = [r for r in self.store.records.values() if r.corrects in frontier and r.contact_id not in found]
            found |= {record.contact_id: record for record in new if record.contact_id != contact_id}
            frontier = {record.contact_id for record in new} - {contact_id}
        return list(found.values())
