"""Days on which callers ask to be called, call again, pick up or do not, agents come and go, and routers die.

Each day comes from its seed alone. After each step the floor is a possible one, and when the day is over every promise
has ended once, nobody is left in a line that has nobody in it, and no two legs ever had one name.

    python -m tests.domain.test_promise_days 100 200     the days of these seeds
"""

import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random

import pytest

from router.domain.engine import Engine
from router.domain.errors import CommandRefused
from router.domain.ids import SECOND, AgentId, ContactId, LegId, Micros, OfferId
from router.domain.messages.commands import AgentProfile, Command, Configure, Enrol, LogIn, LogOut, SetHours
from router.domain.messages.effects import CallCustomer, EndLeg, RingAgent, SendCaller, WriteDown
from router.domain.messages.events import CallbackEnded, CallbackPromised, ContactEnded, OfferMade
from router.domain.messages.observations import (
    AgentReady,
    CallbackConfirmed,
    CallerKeyed,
    CallerReturned,
    ContactArrived,
    EndpointSeen,
    LegAnswered,
    LegAppeared,
    LegBridged,
    LegEnded,
    LegRinging,
    LegSnapshot,
    LegUnbridged,
    NodeLost,
    Observation,
    PromiseWritten,
    Resynced,
    TalkBegins,
)
from router.domain.messages.standing import Standing
from router.domain.pictures.picture import whole
from router.domain.pictures.recovery import restore, take_over
from router.domain.rulebook.entitlement import ALWAYS
from router.domain.rulebook.hours import OPEN_ALWAYS, OpeningHours
from router.domain.rulebook.rules import Outside, Rules
from router.domain.truth.invariants import broken
from tests.builders import GENERAL, NODE, ORDERS, SHOP, SHOP_DNIS, START_AT, with_queue
from tests.domain.test_callback import called_back

AGENT_FIRST = called_back(tries=2, expires_us=900 * SECOND, retry_after_us=30 * SECOND)
CALLER_FIRST = called_back(agent_first=False, tries=2, expires_us=900 * SECOND)
NO_MORE = replace(with_queue(AGENT_FIRST, ORDERS, callback=None), outside=Outside(trunk="carrier"))
NO_ORDERS = replace(
    NO_MORE,
    queues={name: queue for name, queue in AGENT_FIRST.queues.items() if name != ORDERS},
    campaigns={**AGENT_FIRST.campaigns, SHOP: replace(AGENT_FIRST.campaigns[SHOP], entry=GENERAL)},
)
EACH: tuple[Rules, ...] = (AGENT_FIRST, CALLER_FIRST, NO_MORE, NO_ORDERS)
STEPS = 250
SEEDS = 14
AGENTS = (AgentId("agent-1001"), AgentId("agent-1002"))


@dataclass(slots=True, kw_only=True)
class Leg:
    """As Asterisk has it."""

    contact: ContactId
    kind: str
    up: bool = False
    state: str = "waiting"
    bridge: str = ""
    agent: AgentId | None = None
    caller: str = ""
    ani: str = "+4930555000"
    callback: bool = False
    is_let_go: bool = False
    talk_at: Micros | None = None


class Day:
    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.rules, self.hours = AGENT_FIRST, OPEN_ALWAYS
        self.engine = Engine(self.rules)
        self.now: Micros = START_AT
        self.epoch = 1
        self.legs: dict[str, Leg] = {}
        self.news: list[Observation] = []
        self.names: Counter[str] = Counter()
        self.promised: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.records: Counter[str] = Counter()
        self._count = 0
        self.see(Resynced(node=NODE, legs=(), asked_at=self.now, at=self.now, epoch=1))
        for agent in AGENTS:
            self._enrol(agent)
            self.see(EndpointSeen(endpoint=agent, reachable=True, at=self.now))

    # ---- the engine ----

    def see(self, seen: Observation) -> None:
        self.engine.handle(seen, self.now)
        self._drain()

    def ask(self, command: Command) -> None:
        with suppress(CommandRefused):
            self.engine.handle(command, self.now)
        self._drain()

    def let_pass(self, us: Micros) -> None:
        until_at = self.now + us
        while (due_at := self.engine.next_timer()) is not None and due_at <= until_at:
            self.now = max(self.now, due_at)
            self.engine.handle_timer(self.now)
            self._drain()
        self.now = until_at
        for name in [name for name, leg in self.legs.items() if leg.is_let_go]:
            self.hang_up(name)

    def _enrol(self, agent: AgentId) -> None:
        skills = {"orders": 100, "general": 100}
        self.engine.handle(Enrol(profile=AgentProfile(agent_id=agent, endpoint=agent, skills=skills)), self.now)

    def _drain(self) -> None:
        events, effects = self.engine.drain()
        for event in events:
            match event:
                case OfferMade():
                    self.names[event.offer_id] += 1
                case CallbackPromised():
                    self.promised[event.promise_id] += 1
                case CallbackEnded() if event.promise_id in self.promised:
                    self.ended[event.promise_id] += 1
                case ContactEnded():
                    self.records[event.record.contact_id] += 1
        for effect in effects:
            self._carry_out(effect)

    def _carry_out(self, effect: object) -> None:
        match effect:
            case RingAgent() if effect.offer_id not in self.legs:
                self.legs[effect.offer_id] = Leg(
                    contact=effect.contact_id,
                    kind="agent",
                    agent=effect.agent_id,
                    caller=effect.caller_leg,
                    callback=effect.callback,
                )
                self._appears(effect.offer_id, effect.agent_id)
                self.news.append(LegRinging(leg=LegId(effect.offer_id), at=self.now))
            case CallCustomer() if effect.contact_id not in self.legs:
                self.names[effect.contact_id] += 1
                self.legs[effect.contact_id] = Leg(
                    contact=effect.contact_id, kind="called", state="called", ani=effect.ani
                )
                self._appears(effect.contact_id, "carrier")
            case EndLeg() if effect.leg in self.legs:
                self.hang_up(effect.leg)
            case WriteDown() if self.dice.random() < 0.9:
                self.news.append(PromiseWritten(promise_id=effect.promise_id, safe=self.dice.random() < 0.9))
            case SendCaller() if effect.leg in self.legs:
                leg = self.legs[effect.leg]
                leg.is_let_go = effect.context == "acd-closing" or effect.exten == "promised"
                leg.state = "fallback" if leg.is_let_go else "waiting"

    def _appears(self, name: str, endpoint: str) -> None:
        self.news.append(
            LegAppeared(
                leg=LegId(name), endpoint=endpoint, channel=f"PJSIP/{endpoint}-1", linkedid="x", node=NODE, at=self.now
            )
        )

    # ---- what happens ----

    def step(self) -> None:
        while self.news and self.dice.random() < 0.85:
            self.see(self.news.pop(0))
        happenings = {
            self.calls: 2.0,
            self.asks: 2.0,
            self.somebody_hangs_up: 2.0,
            self.waits: 5.0,
            self.agent_answers: 3.0,
            self.picks_up: 3.0,
            self.talks: 3.0,
            self.reloads: 1.0,
            self.looks: 3.0,
            self.logs_in: 2.0,
            self.logs_out: 1.0,
            self.takes_over: 0.6,
            self.opens_or_closes: 0.8,
        }
        self.dice.choices(list(happenings), list(happenings.values()))[0]()
        due_at = self.engine.next_timer()
        if due_at is None or due_at > self.now:
            assert broken(self.engine.floor, self.now) == []

    def calls(self) -> None:
        self._count += 1
        name = f"{NODE}-c{self._count}"
        leg = self.legs[name] = Leg(
            contact=ContactId(name), kind="caller", up=True, ani=f"+493055501{self.dice.randrange(6)}"
        )
        self.see(self._arrival(name, leg))

    def _arrival(self, name: str, leg: Leg) -> ContactArrived:
        return ContactArrived(
            contact_id=leg.contact,
            leg=LegId(name),
            linkedid=name,
            channel="PJSIP/trunk-1",
            node=NODE,
            campaign=SHOP,
            dnis=SHOP_DNIS,
            ani=leg.ani,
            arrived_at=self.now,
            at=self.now,
        )

    def asks(self) -> None:
        name = self._one_of("caller", lambda leg: leg.state == "waiting" and not leg.bridge)
        if name is not None:
            self.see(CallerKeyed(contact_id=ContactId(name), key="5", at=self.now))
            self.news.append(CallbackConfirmed(contact_id=ContactId(name), at=self.now))

    def somebody_hangs_up(self) -> None:
        if self.legs:
            self.hang_up(self.dice.choice(sorted(self.legs)))

    def hang_up(self, name: str) -> None:
        leg = self.legs.pop(name, None)
        if leg is None:
            return
        for other, partner in list(self.legs.items()):
            if leg.bridge and partner.bridge == leg.bridge:
                self.news.append(LegUnbridged(leg=LegId(other), bridge=leg.bridge, at=self.now))
                partner.bridge = ""
                if partner.kind == "agent":
                    self._end(other, 16)
                    del self.legs[other]
                else:
                    partner.state = "after"
                    self.news.append(CallerReturned(contact_id=partner.contact, at=self.now))
        self._end(name, self.dice.choice((16, 17, 19, 127)))

    def _end(self, name: str, cause: int) -> None:
        self.news.append(LegEnded(leg=LegId(name), cause=cause, tech_cause=None, at=self.now))

    def waits(self) -> None:
        self.let_pass(int(self.dice.choice((0.05, 1, 5, 12, 40)) * SECOND))

    def agent_answers(self) -> None:
        name = self._one_of("agent", lambda leg: not leg.up)
        if name is not None:
            leg = self.legs[name]
            leg.up = True
            self.news.append(LegAnswered(leg=LegId(name), at=self.now))
            if leg.callback:
                self.news.append(AgentReady(offer_id=OfferId(name), contact_id=leg.contact, at=self.now))

    def picks_up(self) -> None:
        name = self._one_of("called", lambda leg: not leg.up)
        if name is not None:
            leg = self.legs[name]
            leg.up, leg.state = True, "waiting"
            self.news += [LegAnswered(leg=LegId(name), at=self.now), self._arrival(name, leg)]

    def talks(self) -> None:
        name = self._one_of("agent", lambda leg: leg.up and not leg.bridge and self._can_be_had(leg.caller))
        if name is not None:
            leg = self.legs[name]
            caller = self.legs[leg.caller]
            leg.bridge = caller.bridge = f"bridge-{name}-{self.now}"
            caller.state, caller.talk_at = "talking", self.now
            self.news.append(TalkBegins(offer_id=OfferId(name), contact_id=caller.contact, at=self.now))
            for each in (leg.caller, name):
                self.news.append(LegBridged(leg=LegId(each), bridge=leg.bridge, at=self.now))

    def _can_be_had(self, name: str) -> bool:
        caller = self.legs.get(name)
        return caller is not None and caller.state == "waiting" and not caller.bridge

    def _one_of(self, kind: str, which) -> str | None:  # type: ignore[no-untyped-def]
        found = [name for name, leg in self.legs.items() if leg.kind == kind and which(leg)]
        return self.dice.choice(found) if found else None

    def reloads(self) -> None:
        self.rules = self.dice.choice(EACH)
        self.ask(Configure(rules=self.rules))

    def opens_or_closes(self) -> None:
        at = self.now + self.dice.choice((0, 10, 600)) * SECOND
        spans = self.dice.choice((((at, ALWAYS),), ((0, at + SECOND), (at + 300 * SECOND, ALWAYS))))
        self.hours = OpeningHours(intervals=spans)
        self.ask(SetHours(campaign=SHOP, hours=self.hours))

    def logs_in(self) -> None:
        self.ask(LogIn(agent_id=self.dice.choice(AGENTS)))

    def logs_out(self) -> None:
        self.ask(LogOut(agent_id=self.dice.choice(AGENTS)))

    def looks(self) -> None:
        if self.dice.random() < 0.2:
            self.see(NodeLost(node=NODE))
        self.look()

    def look(self) -> None:
        """Asterisk's whole truth."""
        seen = tuple(self._snapshot(name, leg) for name, leg in self.legs.items())
        reachable: dict[str, bool] = dict.fromkeys(AGENTS, True)
        self.see(Resynced(node=NODE, legs=seen, reachable=reachable, asked_at=self.now, at=self.now, epoch=self.epoch))

    def _snapshot(self, name: str, leg: Leg) -> LegSnapshot:
        is_agents = leg.kind == "agent"
        return LegSnapshot(
            leg=LegId(name),
            channel="PJSIP/x",
            endpoint=leg.agent or "trunk",
            linkedid="x",
            up=leg.up,
            rings=not leg.up,
            bridge=leg.bridge,
            contact_id=leg.contact,
            offer_id=OfferId(name) if is_agents else None,
            agent_id=leg.agent,
            campaign=SHOP,
            state=("talking" if leg.bridge else "offered") if is_agents else leg.state,
            dnis=SHOP_DNIS,
            ani=leg.ani,
            arrived_at=None if is_agents else self.now - 5 * SECOND,
            talk_at=leg.talk_at,
        )

    def takes_over(self) -> None:
        """The router dies; what was under way to it is lost."""
        pictures = whole(self.engine.floor)
        self.epoch += 1
        if self.dice.random() < 0.3:
            self.rules = self.dice.choice(EACH)
        self.engine = Engine(self.rules)
        for agent in AGENTS:
            self._enrol(agent)
        self.engine.handle(SetHours(campaign=SHOP, hours=self.hours), self.now)  # the calendar is turned to first
        assert restore(self.engine.floor, pictures, self.now) == []
        take_over(self.engine.floor, self.now)
        self._drain()
        self.news.clear()
        if self.dice.random() < 0.7:
            self.let_pass(int(self.dice.random() * 4 * SECOND))
        self.look()

    # ---- the evening ----

    def ends(self) -> None:
        """Everybody hangs up and goes home, and no deadline is left."""
        for agent in AGENTS:
            self.ask(LogOut(agent_id=agent))
        for _ in range(40):
            for name in sorted(self.legs):
                self.hang_up(name)
            while self.news:
                self.see(self.news.pop(0))
            self.look()
            self.let_pass(60 * SECOND)
        floor = self.engine.floor
        assert broken(floor, self.now) == []
        assert (floor.promises, floor.promised_to, floor.meant) == ({}, {}, {})
        assert (floor.contacts, floor.offers) == ({}, {})
        assert [agent.standing for agent in floor.agents.values()] == [Standing.LOGGED_OUT] * len(AGENTS)
        assert {name: count for name, count in self.names.items() if count > 1} == {}
        assert {name: count for name, count in self.records.items() if count > 1} == {}
        assert {name: (self.ended[name], count) for name, count in self.promised.items()} == dict.fromkeys(
            self.promised, (1, 1)
        )


def live(seed: int) -> Day:
    day = Day(seed)
    for _ in range(STEPS):
        day.step()
    day.ends()
    return day


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_promise_ends_once_whatever_the_day_brings(seed: int) -> None:
    live(seed)


if __name__ == "__main__":
    days = [live(seed) for seed in range(*(int(each) for each in sys.argv[1:3]))]
    print(f"days {len(days)}, promises {sum(day.promised.total() for day in days)}: each ended once")
