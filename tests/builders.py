"""A telephone room for tests: the real engine, a clock moved by hand, and short words for what people and phones do.

After each step the invariants are asked for, so every story is a test of them too.
"""

from dataclasses import replace
from typing import TypeVar

from router.domain.engine import Engine
from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, LegId, Micros, OfferId, QueueName
from router.domain.messages.commands import AgentProfile, Command, Enrol, LogIn
from router.domain.messages.effects import Effect, RingAgent
from router.domain.messages.events import AgentChanged, ContactEnded, Event, OfferClosed, OfferMade
from router.domain.messages.observations import (
    CallerReturned,
    ContactArrived,
    EndpointSeen,
    HangupAsked,
    LegAnswered,
    LegAppeared,
    LegBridged,
    LegEnded,
    LegRinging,
    LegSnapshot,
    LegUnbridged,
    Observation,
    Resynced,
)
from router.domain.record import BillingRecord, OfferResult
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import CampaignRules, QueueRules, Rules, ToClosing, ToQueue
from router.domain.truth.invariants import broken

T = TypeVar("T")
NODE = "node-a"
SHOP, BANK = CampaignName("shop"), CampaignName("bank")
ORDERS, GENERAL, ACCOUNTS = QueueName("shop/orders"), QueueName("shop/general"), QueueName("bank/accounts")
SHOP_DNIS, BANK_DNIS = "+4930555100", "+4930555200"
START_AT: Micros = 1_767_225_600 * SECOND


def rules() -> Rules:
    """Two campaigns: shop (orders, overflowing to general) and bank (accounts, before everybody else)."""
    queues = (
        QueueRules(
            name=ORDERS,
            campaign=SHOP,
            need=Need.parse("orders"),
            ring_us=15 * SECOND,
            wrapup_us=20 * SECOND,
            max_wait_us=60 * SECOND,
            overflow=(ToQueue(queue=GENERAL), ToClosing()),
            exit_keys="1",
        ),
        QueueRules(name=GENERAL, campaign=SHOP, need=Need.parse("general"), max_wait_us=60 * SECOND),
        QueueRules(name=ACCOUNTS, campaign=BANK, need=Need.parse("bank"), priority=1, wrapup_us=0),
    )
    campaigns = (
        CampaignRules(name=SHOP, client="example-shop", dnis=(SHOP_DNIS,), entry=ORDERS),
        CampaignRules(name=BANK, client="example-bank", dnis=(BANK_DNIS,), entry=ACCOUNTS),
    )
    return Rules(
        config_hash="one",
        campaigns={campaign.name: campaign for campaign in campaigns},
        queues={queue.name: queue for queue in queues},
        pause_reasons={"": "break", "1": "lunch"},
    )


def with_queue(of: Rules, name: QueueName, **changes: object) -> Rules:
    """The same rules with one queue changed."""
    queues = {**of.queues, name: replace(of.queues[name], **changes)}  # type: ignore[arg-type]
    return replace(of, queues=queues, config_hash=of.config_hash + "+")


class Room:
    """`Room("orders", "orders bank")` has agent-1001 and agent-1002 with those skills, logged in and free."""

    def __init__(self, *skills: str, rules_in_force: Rules | None = None) -> None:
        self.engine = Engine(rules_in_force or rules())
        self.now: Micros = START_AT
        self.events: list[Event] = []
        self.effects: list[Effect] = []
        self.agents: list[AgentId] = []
        self._bridges = 0
        self.see(Resynced(node=NODE, legs=(), asked_at=self.now, at=self.now))
        for words in skills:
            self.agent_joins(words)

    # ---- the engine ----

    @property
    def floor(self):  # type: ignore[no-untyped-def]
        return self.engine.floor

    def ask(self, command: Command) -> None:
        try:
            self.engine.handle(command, self.now)
        finally:
            self._drain()

    def see(self, *seen: Observation) -> None:
        for observation in seen:
            self.engine.handle(observation, self.now)
            self._drain()

    def let_pass(self, seconds: float) -> None:
        """Time passes, and every deadline in it."""
        until_at = self.now + int(seconds * SECOND)
        while (due_at := self.engine.next_timer()) is not None and due_at <= until_at:
            self.now = max(self.now, due_at)
            self.engine.handle_timer(self.now)
            self._drain()
        self.now = until_at

    def _drain(self) -> None:
        events, effects = self.engine.drain()
        self.events += events
        self.effects += effects
        due_at = self.engine.next_timer()
        if due_at is None or due_at > self.now:
            assert broken(self.engine.floor, self.now) == []

    # ---- people ----

    def agent_joins(self, skills: str = "orders", *, logged_in: bool = True, **profile: object) -> AgentId:
        """Somebody new, a second after the last, so that who is idle longest is clear.

        `skills`: names, each at 100 or at the level after a colon: `"de:80 orders"`.
        """
        self.let_pass(1)
        agent_id = AgentId(f"agent-{1001 + len(self.agents)}")
        words = (word.partition(":") for word in skills.split())
        held = {name: int(level or 100) for name, _, level in words}
        self.ask(Enrol(profile=AgentProfile(agent_id=agent_id, endpoint=agent_id, skills=held, **profile)))  # type: ignore[arg-type]
        self.see(EndpointSeen(endpoint=agent_id, reachable=True, at=self.now))
        if logged_in:
            self.ask(LogIn(agent_id=agent_id))
        self.agents.append(agent_id)
        return agent_id

    def calls(self, name: str, campaign: CampaignName = SHOP, **changes: object) -> ContactId:
        contact_id = ContactId(f"{NODE}-{name}")
        self.see(replace(self.arrival(name, campaign), **changes))  # type: ignore[arg-type]
        return contact_id

    def arrival(self, name: str, campaign: CampaignName = SHOP) -> ContactArrived:
        leg = f"{NODE}-{name}"
        return ContactArrived(
            contact_id=ContactId(leg),
            leg=LegId(leg),
            linkedid=leg,
            channel=f"PJSIP/trunk-{name}",
            node=NODE,
            campaign=campaign,
            dnis=SHOP_DNIS if campaign == SHOP else BANK_DNIS,
            ani="+4930555999",
            arrived_at=self.now,
            at=self.now,
        )

    def caller_hangs_up(self, contact_id: ContactId) -> None:
        self.see(HangupAsked(leg=LegId(contact_id), at=self.now), self.end(contact_id))

    # ---- phones ----

    def appears(self, offer_id: OfferId) -> None:
        """Asterisk makes the leg of the offer."""
        agent_id = self.made(offer_id).agent_id
        self.see(
            LegAppeared(
                leg=LegId(offer_id),
                endpoint=agent_id,
                channel=f"PJSIP/{agent_id}-1",
                linkedid=offer_id,
                node=NODE,
                at=self.now,
            )
        )

    def rings(self, offer_id: OfferId) -> None:
        self.appears(offer_id)
        self.see(LegRinging(leg=LegId(offer_id), at=self.now))

    def answers(self, offer_id: OfferId) -> None:
        self.see(LegAnswered(leg=LegId(offer_id), at=self.now))

    def bridges(self, offer_id: OfferId) -> None:
        """Caller and agent are in one bridge."""
        self._bridges += 1
        contact_id = self.made(offer_id).contact_id
        for leg in (LegId(offer_id), LegId(contact_id)):
            self.see(LegBridged(leg=leg, bridge=f"bridge-{self._bridges}", at=self.now))

    def talks(self, contact_id: ContactId) -> OfferId:
        """The agent who is being offered the contact rings, answers and talks."""
        offer_id = self.offer(contact_id)
        self.rings(offer_id)
        self.answers(offer_id)
        self.bridges(offer_id)
        return offer_id

    def agent_hangs_up(self, offer_id: OfferId) -> None:
        """The agent ends the talk; the caller is left alive in `acd-after`."""
        contact_id = self.made(offer_id).contact_id
        bridge = f"bridge-{self._bridges}"
        self.see(
            HangupAsked(leg=LegId(offer_id), at=self.now),
            LegUnbridged(leg=LegId(offer_id), bridge=bridge, at=self.now),
            self.end(offer_id),
            LegUnbridged(leg=LegId(contact_id), bridge=bridge, at=self.now),
            CallerReturned(contact_id=contact_id, at=self.now),
        )

    def end(self, leg: str, cause: int | None = 16, tech_cause: str | None = None) -> LegEnded:
        return LegEnded(leg=LegId(leg), cause=cause, tech_cause=tech_cause, at=self.now)

    def ends(self, leg: str, cause: int | None = 16, tech_cause: str | None = None) -> None:
        self.see(self.end(leg, cause, tech_cause))

    def private_call(self, agent_id: AgentId, leg: str = "private-1") -> None:
        self.see(
            LegAppeared(
                leg=LegId(leg), endpoint=agent_id, channel=f"PJSIP/{agent_id}-9", linkedid=leg, node=NODE, at=self.now
            )
        )

    def resync(self, *legs: LegSnapshot, reachable: bool = True) -> None:
        """Asterisk's whole truth, asked for a moment ago."""
        asked_at = self.now
        self.let_pass(0.1)
        self.see(
            Resynced(
                node=NODE,
                legs=legs,
                reachable=dict.fromkeys(self.agents, reachable),
                asked_at=asked_at,
                at=self.now,
            )
        )

    def resync_reach(self, reachable: bool) -> None:
        """A snapshot with every caller waiting, and every phone reachable or none."""
        self.resync(*(self.waiting(contact) for contact in self.floor.contacts), reachable=reachable)

    def waiting(self, contact_id: ContactId, **changes: object) -> LegSnapshot:
        """A caller's leg in the waiting room, as a resync sees it."""
        seen = LegSnapshot(
            leg=LegId(contact_id),
            channel="PJSIP/trunk-1",
            endpoint="trunk",
            linkedid=contact_id,
            up=True,
            contact_id=contact_id,
            campaign=SHOP,
            state="waiting",
            dnis=SHOP_DNIS,
            ani="+4930555999",
            arrived_at=self.now,
        )
        return replace(seen, **changes)  # type: ignore[arg-type]

    def agent_leg(self, contact_id: ContactId, attempt: int, agent_id: AgentId, **changes: object) -> LegSnapshot:
        """An agent's leg for this contact, as a resync sees it."""
        offer = f"{contact_id}.{attempt}"
        seen = LegSnapshot(
            leg=LegId(offer),
            channel=f"PJSIP/{agent_id}-1",
            endpoint=agent_id,
            linkedid=offer,
            up=True,
            contact_id=contact_id,
            offer_id=OfferId(offer),
            agent_id=agent_id,
            state="offered",
        )
        return replace(seen, **changes)  # type: ignore[arg-type]

    # ---- what came of it ----

    def of(self, kind: type[T]) -> list[T]:
        """Everything of this kind that was decided or ordered, in order."""
        return [one for one in [*self.events, *self.effects] if isinstance(one, kind)]

    def last(self, kind: type[T]) -> T:
        return self.of(kind)[-1]

    def made(self, offer_id: OfferId) -> OfferMade:
        return next(made for made in self.of(OfferMade) if made.offer_id == offer_id)

    def offer(self, contact_id: ContactId) -> OfferId:
        """The contact's live offer."""
        offer = next(iter(self.engine.floor.contacts[contact_id].live.values()), None)
        assert offer is not None, f"{contact_id} is not being offered"
        return offer.offer_id

    def offered_to(self, contact_id: ContactId) -> AgentId | None:
        offer = next(iter(self.engine.floor.contacts[contact_id].live.values()), None)
        return None if offer is None else offer.agent_id

    def rung(self) -> list[AgentId]:
        """Whose phones were made to ring, in order."""
        return [effect.agent_id for effect in self.of(RingAgent)]

    def state(self, contact_id: ContactId) -> str:
        return str(self.engine.floor.contacts[contact_id].state)

    def agent(self, agent_id: AgentId) -> AgentChanged:
        """The agent as last told to the world."""
        return next(event for event in reversed(self.of(AgentChanged)) if event.agent_id == agent_id)

    def record(self, contact_id: ContactId) -> BillingRecord:
        """The contact's one record."""
        (record,) = [event.record for event in self.of(ContactEnded) if event.record.contact_id == contact_id]
        return record

    def results(self) -> list[OfferResult]:
        """How offers ended, in order."""
        return [event.fact.result for event in self.of(OfferClosed)]
