"""A large floor at work, the engine alone: what P4 times and P5 weighs.

Two departments share the floor, so that both kinds of decision happen side by side. The *crowded* one has more callers
than agents: everybody talks, the line is long, an agent who becomes free is offered the longest waiting. The *calm* one
has agents to spare: a caller who arrives is offered to the longest idle. Each agent holds one or two languages and six
products of 200 skills; the needs of the 500 queues are all different: a product at a level, a language and a product,
one of two products. On a floor with rings each need widens step by step. Contacts live from arrival to record through
the observations a real Asterisk sends.

Only the public side of the engine is used, so that an older `router` can be measured with the same file.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from router.domain.engine import Engine
from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, LegId, Micros, OfferId, QueueName
from router.domain.messages.commands import AgentProfile, Command, Enrol, LogIn
from router.domain.messages.effects import Effect, RingAgent
from router.domain.messages.events import ContactEnded, Event
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
    LegUnbridged,
    Observation,
    Resynced,
    TalkBegins,
)
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import CampaignRules, QueueRules, Rules

if TYPE_CHECKING:
    from router.trace.recorder import Recorder

SKILLS, QUEUES = 200, 500
_LANGUAGES = 5
"Of the 100 skills of a department."
_NODE = "node-a"
_START_AT: Micros = 1_767_225_600 * SECOND
_STEP_US: Micros = 10_000
"Between two callers of a department: 200 calls/s in all."
_APART_US: Micros = 1_000
"Between what happens in a step, so that what follows from it later does not fall due all in one instant."
_WRAPUP_US: Micros = 10 * _STEP_US
"In every other queue; in the rest an agent is free at once."
RINGS, RINGED_QUEUES = 20, 200
"Of a floor whose needs widen while callers wait."
_RING_US: Micros = 5 * SECOND
"From one ring to the next."
_CALM_TALKS = 20
"Agents for each talk of the calm department."


@dataclass(slots=True)
class Decisions:
    """Nanoseconds of each input that ended in an offer, drain included, by what the input was."""

    freed: list[int] = field(default_factory=list)
    arrived: list[int] = field(default_factory=list)

    def both(self) -> list[int]:
        return self.freed + self.arrived


class Department:
    """Half of the skills, half of the queues, each queue a campaign of its own."""

    def __init__(self, number: int, dice: random.Random, queues: int) -> None:
        skills = [f"skill-{n:03}" for n in range(number * SKILLS // 2, (number + 1) * SKILLS // 2)]
        self.languages, self.products = skills[:_LANGUAGES], skills[_LANGUAGES:]
        campaigns = [CampaignName(f"campaign-{n:03}") for n in range(number * queues // 2, (number + 1) * queues // 2)]
        self.needs = dict(zip(campaigns, self._needs(dice, len(campaigns)), strict=True))
        self.staffed: list[CampaignName] = []
        "What somebody here can serve, once the agents are known."
        self.talks: deque[RingAgent] = deque()

    def _needs(self, dice: random.Random, count: int) -> list[Need]:
        texts: dict[str, None] = {}
        while len(texts) < count:
            product, other = dice.sample(self.products, 2)
            match len(texts) % 5:
                case 0 | 1:
                    texts[f"{product} >= {dice.randrange(10, 60)}"] = None
                case 2 | 3:
                    texts[f"{dice.choice(self.languages)} and {product}"] = None
                case _:
                    texts[f"{product} or {other}"] = None
        return [Need.parse(text) for text in texts]

    def wider(self, need: Need, rings: int, dice: random.Random) -> list[Need]:
        """So many needs, each wider than the one before: who knows a neighbouring product, the best of them first."""
        other = dice.choice(self.products)
        return [Need.parse(f"({need.text}) or {other} >= {95 - 90 * ring // rings}") for ring in range(rings)]

    def held(self, dice: random.Random) -> dict[str, int]:
        """The skills of somebody new."""
        known = dice.sample(self.languages, dice.choice((1, 1, 2))) + dice.sample(self.products, 6)
        # Names of their own, as rows of a database give them.
        return {skill[:1] + skill[1:]: dice.randrange(20, 101) for skill in known}


class BusyFloor:
    """So many agents, half in each department; so many contacts waiting in the crowded one."""

    def __init__(self, agents: int, waiting: int, *, seed: int = 1, queues: int = QUEUES, rings: int = 0) -> None:
        self.now = _START_AT
        self.decisions = Decisions()
        self.ended = 0
        "Contacts that have lived to their record."
        self.inputs = 0
        self.spent_ns = 0
        "In the engine, all inputs together."
        self._dice = random.Random(seed)
        self._serial = 0
        self._waiting = waiting
        self.subscribers: list[Callable[[Event, Micros], None]] = []
        "Told of each event outside of the time that is taken."
        self.trace: Recorder | None = None
        "Told of each input and of what it led to, as the pump tells it, outside of the time that is taken."
        self._offers: deque[RingAgent] = deque()
        self._answered: deque[LegId] = deque()
        "Callers who have waited unanswered for as long as they may."
        self.crowded, self.calm = Department(0, self._dice, queues), Department(1, self._dice, queues)
        self.engine = Engine(self._rules(rings))
        self._see(Resynced(node=_NODE, legs=(), asked_at=self.now, at=self.now))
        self._enrol(agents)

    # ---- the people ----

    def _rules(self, rings: int) -> Rules:
        campaigns: dict[CampaignName, CampaignRules] = {}
        queues: dict[QueueName, QueueRules] = {}
        for department in (self.crowded, self.calm):
            for n, (campaign, need) in enumerate(department.needs.items()):
                queue = _queue(campaign)
                queues[queue] = QueueRules(
                    name=queue,
                    campaign=campaign,
                    need=need,
                    priority=n % 3,
                    wrapup_us=_WRAPUP_US * (n % 2),
                    max_wait_us=86_400 * SECOND,
                    **self._rings(department, need, rings),
                )
                campaigns[campaign] = CampaignRules(
                    name=campaign, client="example", dnis=(f"+4930555{len(campaigns):04}",), entry=queue
                )
        return Rules(config_hash="busy", campaigns=campaigns, queues=queues)

    def _rings(self, department: Department, need: Need, count: int) -> dict[str, Any]:
        if not count:
            return {}  # an older router knows none
        from router.domain.rulebook.rules import Ring

        wider = department.wider(need, count, self._dice)
        return {"rings": tuple(Ring(after_us=_RING_US * (n + 1), need=one) for n, one in enumerate(wider))}

    def _enrol(self, agents: int) -> None:
        for n in range(agents):
            department = self.crowded if n % 2 == 0 else self.calm
            agent_id = AgentId(f"agent-{100_001 + n}")
            profile = AgentProfile(agent_id=agent_id, endpoint=str(agent_id), skills=department.held(self._dice))
            self._see(Enrol(profile=profile))
        floor = self.engine.floor
        for department in (self.crowded, self.calm):
            department.staffed = [one for one in department.needs if floor.queues[_queue(one)].skilled]

    def open(self) -> None:
        """Everybody logs in, the calm department's callers come and the crowded one fills up."""
        for agent_id in list(self.engine.floor.agents):
            self.now += 1000
            self._see(EndpointSeen(endpoint=str(agent_id), reachable=True, at=self.now))
            self._see(LogIn(agent_id=agent_id))
        for _ in range(len(self.engine.floor.agents) // _CALM_TALKS):
            self._arrive(self.calm)
            self._play()
        # An agent whose queues nobody calls stays idle; the others are soon all on the phone.
        while self._in_line() < self._waiting:
            self.now += 1000
            self._arrive(self.crowded)
            self._play()
        self.decisions = Decisions()
        self.inputs = self.spent_ns = 0

    def _in_line(self) -> int:
        floor = self.engine.floor
        return len(floor.contacts) - len(floor.assignments) - len(floor.offers)

    # ---- the work ----

    def work(self, decisions: int) -> Decisions:
        """Go on until so many decisions more were made; they are handed over and counted anew."""
        while len(self.decisions.freed) + len(self.decisions.arrived) < decisions:
            self.step()
        made, self.decisions = self.decisions, Decisions()
        return made

    def step(self) -> None:
        """One caller in each department, and one talk that ends; what is due in between."""
        until_at = self.now + _STEP_US - 2 * _APART_US
        while (due_at := self.engine.next_timer()) is not None and due_at <= until_at:
            self.now = max(self.now, due_at)
            self._see(None)
        self.now = until_at
        talks = self.crowded.talks
        if talks:
            talks.rotate(self._dice.randrange(-50, 50))
            self._end(talks.popleft())
        self.now += _APART_US
        if self._in_line() < self._waiting:
            self._arrive(self.crowded)
        self._play()
        self.now += _APART_US
        self._arrive(self.calm)
        self._play()
        if len(self.calm.talks) > len(self.engine.floor.agents) // _CALM_TALKS:
            self._end(self.calm.talks.popleft())
            self._play()

    def _see(self, message: Command | Observation | None) -> None:
        """One input, or with None what is due now; timed with its drain."""
        engine, trace = self.engine, self.trace
        if trace is not None and message is not None:
            trace.seen(message, time.monotonic())  # type: ignore[arg-type]  # of a command it takes no notice
            trace.taken(message)  # type: ignore[arg-type]
        began = time.perf_counter_ns()
        if message is None:
            engine.handle_timer(self.now)
        else:
            engine.handle(message, self.now)
        events, effects = engine.drain()
        took = time.perf_counter_ns() - began
        self.inputs += 1
        self.spent_ns += took
        if trace is not None:
            trace.decided(events)
            for effect in effects:
                trace.wrote(effect)
                trace.answered(effect, well=True)
        self._look(message, took, events, effects)

    def _look(self, message: object, took: int, events: list[Event], effects: list[Effect]) -> None:
        for event in events:
            self.ended += type(event) is ContactEnded
            for subscriber in self.subscribers:
                subscriber(event, self.now)
        offers = [effect for effect in effects if isinstance(effect, RingAgent)]
        for effect in effects:
            if type(effect).__name__ == "AnswerCaller":  # an older router knows none
                self._answered.append(effect.leg)  # type: ignore[attr-defined]
        if offers:
            (self.decisions.arrived if isinstance(message, ContactArrived) else self.decisions.freed).append(took)
            self._offers.extend(offers)

    def _name(self) -> str:
        self._serial += 1
        return f"{_NODE}-{self.now // SECOND}.{self._serial}"

    def _arrive(self, department: Department) -> None:
        campaign = self._dice.choice(department.staffed)
        leg = self._name()
        self._see(
            ContactArrived(
                contact_id=ContactId(leg),
                leg=LegId(leg),
                linkedid=leg,
                channel=f"PJSIP/trunk-{self._serial:08x}",
                node=_NODE,
                campaign=campaign,
                dnis="+4930555100",
                ani=f"+4915500{self._serial:06}",
                arrived_at=self.now,
                at=self.now,
            )
        )

    def _play(self) -> None:
        """Every agent who is being rung answers and talks; every caller whom the router wants answered is."""
        while self._answered:
            self._see(LegAnswered(leg=self._answered.popleft(), at=self.now))
        while self._offers:
            ring = self._offers.popleft()
            leg, bridge = LegId(ring.offer_id), f"bridge-{ring.offer_id}"
            channel = f"PJSIP/{ring.agent_id}-{self._serial:08x}"
            appeared = LegAppeared(
                leg=leg, endpoint=str(ring.agent_id), channel=channel, linkedid=str(leg), node=_NODE, at=self.now
            )
            for seen in (
                appeared,
                LegRinging(leg=leg, at=self.now),
                LegAnswered(leg=leg, at=self.now),
                TalkBegins(offer_id=OfferId(ring.offer_id), contact_id=ring.contact_id, at=self.now),
                LegBridged(leg=leg, bridge=bridge, at=self.now),
                LegBridged(leg=ring.caller_leg, bridge=bridge, at=self.now),
            ):
                self._see(seen)
            department = self.crowded if ring.campaign in self.crowded.needs else self.calm
            department.talks.append(ring)

    def _end(self, ring: RingAgent) -> None:
        """The agent hangs up; the caller comes back and is let go."""
        leg, bridge = LegId(ring.offer_id), f"bridge-{ring.offer_id}"
        for seen in (
            HangupAsked(leg=leg, at=self.now),
            LegUnbridged(leg=leg, bridge=bridge, at=self.now),
            LegEnded(leg=leg, cause=16, tech_cause=None, at=self.now),
            LegUnbridged(leg=ring.caller_leg, bridge=bridge, at=self.now),
            CallerReturned(contact_id=ring.contact_id, at=self.now),
            LegEnded(leg=ring.caller_leg, cause=16, tech_cause=None, at=self.now),
        ):
            self._see(seen)


def _queue(campaign: CampaignName) -> QueueName:
    return QueueName(f"{campaign}/all")
