"""A rehearsal: a day of one campaign, played through the real engine with nothing in the way.

Rules, queues, skills and the engine are those that will be in force; only the world is made up, and it is a kind one:
phones never fail, no trunk is ever full, whatever the router orders happens at once, every agent is there from opening
to closing and picks up every call. What is left is what a plan can change: how many callers, how many agents with which
skills, how long it all takes, and the rules. (Days on which everything goes wrong are story.py's.)

Rule 1: a caller who is not talking when their patience ends hangs up; a talk lasts as long as that caller needs.
Rule 2: after closing nobody calls any more, and whoever waits or talks is served to the end.
Rule 3: the figures come from the billing records and the offers: from what the router itself says it did.
Rule 4: an order this world knows nothing of is left undone and counted, never an error: the day goes on without it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random

from router.domain.engine import Engine
from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, LegId, Micros
from router.domain.messages.commands import AgentProfile, Enrol, LogIn
from router.domain.messages.effects import Announce, AnswerCaller, Effect, EndLeg, LookAgain, RingAgent, SendCaller
from router.domain.messages.events import ContactConnected, ContactEnded, Event, OfferClosed, OfferMade, WrapUpEnded
from router.domain.messages.observations import (
    ContactArrived,
    EndpointSeen,
    HangupAsked,
    LegAnswered,
    LegAppeared,
    LegBridged,
    LegEnded,
    LegRinging,
    Observation,
    Resynced,
    TalkBegins,
)
from router.domain.record import BillingRecord, OfferResult, Outcome, SegmentKind
from router.domain.rulebook.conduct import WrapUp
from router.domain.rulebook.rules import QueueRules, Rules
from router.simulation.clock import VirtualClock
from router.simulation.tally import Call, Tally, Work
from router.simulation.traffic import HALF_HOUR_US, Caller, Traffic

NODE = "node-a"
OPENS_AT: Micros = 1_767_600_000 * SECOND
"A Monday in January, 08:00 UTC."
MESSAGE_US: Micros = 3 * SECOND
"How long a closing message takes."
Watch = Callable[[int, Micros], None]
"Told now and then how far it is: the day, and the time of it that is over."


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Agents who can all do the same."""

    count: int
    skills: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    rules: Rules
    campaign: CampaignName
    groups: tuple[Group, ...]
    traffic: Traffic
    within_us: Micros = 20 * SECOND
    "The wait that the service levels allow."
    warm_up_us: Micros = 0
    opens_at: Micros = OPENS_AT
    seed: int = 1
    days: int = 1

    def __post_init__(self) -> None:
        pick_up_s = self.traffic.pick_up_s
        for queue in self.rules.queues.values():
            if pick_up_s * SECOND >= queue.ring_us:
                rings_s = queue.ring_us / SECOND
                raise ValueError(f"agents pick up after {pick_up_s:g} s, but {queue.name} rings for {rings_s:g} s only")
        if not 0 <= self.warm_up_us < self.traffic.day_us:
            raise ValueError("the warm-up ends before the day does")

    @property
    def entry(self) -> QueueRules:
        """The queue the campaign's callers begin in."""
        return self.rules.queues[self.rules.campaigns[self.campaign].entry]

    @property
    def agents_of_entry(self) -> int:
        """How many agents meet the need of that queue, rings left out."""
        matches = self.entry.need.matches
        return sum(group.count for group in self.groups if matches(dict(group.skills)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    tally: Tally
    undone: dict[str, int]
    "Orders this world knows nothing of, by kind."


def play(plan: Plan, watch: Watch | None = None) -> Played:
    """Play the days of the plan, each with callers of its own. The same plan gives the same figures."""
    tally = Tally(
        agents=sum(group.count for group in plan.groups),
        day_us=plan.traffic.day_us,
        within_us=plan.within_us,
        warm_up_us=plan.warm_up_us,
    )
    undone: Counter[str] = Counter()
    for day in range(plan.days):
        rehearsal = _Day(plan, day, tally)
        rehearsal.play(watch)
        undone.update(rehearsal.undone)
        tally.days = day + 1
    return Played(tally=tally, undone=dict(undone))


def _nobody_watches(day: int, at_us: Micros) -> None: ...


@dataclass(slots=True)
class _Visit:
    """A caller who is on the line."""

    caller: Caller
    agent: LegId | None = None
    "Whom they talk to."
    legs: dict[LegId, None] = field(default_factory=dict)
    "Of every agent who rings or talks for them."


class _Day:
    def __init__(self, plan: Plan, day: int, tally: Tally) -> None:
        self._plan = plan
        self._day = day
        self._tally = tally
        self._opens_at = plan.opens_at
        self._clock = VirtualClock(plan.opens_at)
        # Nothing ever gets lost here, so nobody need look whether it did.
        self._engine = Engine(replace(_timed(plan.rules), sweep_us=10 * 366 * 86_400 * SECOND))
        self._here: dict[ContactId, _Visit] = {}
        self._group: dict[AgentId, int] = {}
        self._busy_since: dict[AgentId, Micros] = {}
        self._to_come: Iterator[Caller] = plan.traffic.callers(Random(f"{plan.seed} {day}"))
        self._asked: dict[ContactId, Micros] = {}
        "When the first agent was asked for them."
        self._told: dict[ContactId, ContactConnected] = {}
        "Their first word, with what had been expected of the wait until then."
        self._serial = 0
        self.undone: Counter[str] = Counter()

    def play(self, watch: Watch | None) -> None:
        self._open()
        clock, engine = self._clock, self._engine
        self._await_next()
        for at_us in range(HALF_HOUR_US, self._plan.traffic.day_us + 1, HALF_HOUR_US):
            clock.at(self._opens_at + at_us, partial(watch or _nobody_watches, self._day, at_us))
        while len(clock) or self._here:
            due_at, timer_at = clock.next_at(), engine.next_timer()
            if timer_at is not None and (due_at is None or timer_at <= due_at):
                clock.now = max(clock.now, timer_at)
                engine.handle_timer(clock.now)
                self._settle()
            elif due_at is not None:
                clock.step()
            else:
                break
        for agent_id in list(self._busy_since):
            self._free(agent_id)  # still writing their notes as the last caller has gone

    def _open(self) -> None:
        """Everybody is at their phone, and logged in."""
        self._see(Resynced(node=NODE, legs=(), asked_at=self._opens_at, at=self._opens_at))
        for number, group in enumerate(self._plan.groups):
            for _ in range(group.count):
                agent_id = AgentId(f"agent-{1001 + len(self._group)}")
                self._group[agent_id] = number
                profile = AgentProfile(agent_id=agent_id, endpoint=agent_id, skills=dict(group.skills))
                self._engine.handle(Enrol(profile=profile), self._opens_at)
                self._see(EndpointSeen(endpoint=agent_id, reachable=True, at=self._opens_at))
                self._engine.handle(LogIn(agent_id=agent_id), self._opens_at)
        self._settle()

    def _see(self, seen: Observation) -> None:
        self._engine.handle(seen, self._clock.now)
        self._settle()

    # ---- callers ----

    def _await_next(self) -> None:
        caller = next(self._to_come, None)
        if caller is not None:
            self._clock.at(self._opens_at + caller.at_us, lambda: self._arrive(caller))

    def _arrive(self, caller: Caller) -> None:
        self._await_next()
        self._serial += 1
        now, campaign = self._clock.now, self._plan.rules.campaigns[self._plan.campaign]
        contact_id = ContactId(f"{NODE}-{self._day}.{self._serial}")
        self._here[contact_id] = _Visit(caller)
        if caller.patience_us is not None:
            self._clock.later(caller.patience_us, lambda: self._give_up(contact_id))
        self._see(
            ContactArrived(
                contact_id=contact_id,
                leg=LegId(contact_id),
                linkedid=contact_id,
                channel=f"PJSIP/trunk-{self._serial:08x}",
                node=NODE,
                campaign=campaign.name,
                dnis=campaign.dnis[0] if campaign.dnis else "",
                ani="",
                arrived_at=now,
                at=now,
            )
        )

    def _give_up(self, contact_id: ContactId) -> None:
        visit = self._here.get(contact_id)
        if visit is not None and visit.agent is None:
            self._hang_up(contact_id)

    def _hang_up(self, contact_id: ContactId) -> None:
        """The caller puts the phone down, and with them goes the agent's leg."""
        if contact_id in self._here:
            self._see(HangupAsked(leg=LegId(contact_id), at=self._clock.now))
            self._caller_gone(contact_id)

    def _caller_gone(self, contact_id: ContactId) -> None:
        visit = self._here.pop(contact_id, None)
        if visit is not None:
            self._see(self._end(LegId(contact_id)))
            for leg in list(visit.legs):
                self._see(self._end(leg))

    # ---- agents' phones ----

    def _ring(self, order: RingAgent) -> None:
        """The phone rings, and is answered a little later."""
        leg, now = LegId(order.offer_id), self._clock.now
        visit = self._here.get(order.contact_id)
        if visit is None:
            return  # `_caller_gone` is telling the engine so this very moment
        visit.legs[leg] = None
        self._see(
            LegAppeared(
                leg=leg,
                endpoint=order.agent_id,
                channel=f"PJSIP/{order.agent_id}",
                linkedid=leg,
                node=NODE,
                at=now,
            )
        )
        self._see(LegRinging(leg=leg, at=now))
        self._clock.later(int(self._plan.traffic.pick_up_s * SECOND), lambda: self._pick_up(order))

    def _pick_up(self, order: RingAgent) -> None:
        contact_id, leg, now = order.contact_id, LegId(order.offer_id), self._clock.now
        visit = self._here.get(contact_id)
        if visit is None or visit.agent is not None or leg not in visit.legs:
            return
        visit.agent = leg
        self._see(LegAnswered(leg=leg, at=now))
        self._see(TalkBegins(offer_id=order.offer_id, contact_id=contact_id, at=now))
        for one in (LegId(contact_id), leg):
            self._see(LegBridged(leg=one, bridge=leg, at=now))
        self._clock.later(visit.caller.talk_us, lambda: self._hang_up(contact_id))

    def _end(self, leg: LegId) -> LegEnded:
        return LegEnded(leg=leg, cause=16, tech_cause=None, at=self._clock.now)

    # ---- what the router decides ----

    def _settle(self) -> None:
        events, effects = self._engine.drain()
        for event in events:
            self._hear(event)
        for effect in effects:
            self._obey(effect)

    def _obey(self, effect: Effect) -> None:
        match effect:
            case RingAgent():
                self._ring(effect)
            case EndLeg():
                self._clock.later(0, lambda: self._ended_by_us(effect.leg))
            case SendCaller(context="acd-wait") | AnswerCaller() | Announce() | LookAgain():
                pass
            case SendCaller():
                # Wherever it is (closing message, another number, voicemail), no agent of ours is there.
                self._clock.later(MESSAGE_US, lambda: self._caller_gone(effect.contact_id))
            case _:
                self.undone[type(effect).__name__] += 1

    def _ended_by_us(self, leg: LegId) -> None:
        if ContactId(leg) in self._here:
            self._caller_gone(ContactId(leg))
            return
        visit = self._here.get(ContactId(leg.rpartition(".")[0]))
        if visit is not None and leg in visit.legs:
            del visit.legs[leg]
            self._see(self._end(leg))

    def _hear(self, event: Event) -> None:
        match event:
            case OfferMade():
                self._busy_since[event.agent_id] = self._clock.now
                self._asked.setdefault(event.contact_id, self._clock.now)
            case OfferClosed() if event.fact.result is not OfferResult.ANSWERED:
                self._free(event.fact.agent_id)
            case WrapUpEnded():
                self._free(event.fact.agent_id)
            case ContactConnected():
                self._told.setdefault(event.contact_id, event)
            case ContactEnded():
                self._count(event.record)

    def _free(self, agent_id: AgentId) -> None:
        since = self._busy_since.pop(agent_id, None)
        if since is not None:
            group, to_us = self._group[agent_id], self._clock.now - self._opens_at
            self._tally.work.append(Work(day=self._day, group=group, from_us=since - self._opens_at, to_us=to_us))

    def _count(self, record: BillingRecord) -> None:
        ends = (segment.from_at for segment in record.segments if segment.kind is not SegmentKind.WAITING)
        waited_until = next(ends, record.ended_at)
        told = self._told.pop(record.contact_id, None)
        self._tally.calls.append(
            Call(
                day=self._day,
                at_us=record.arrived_at - self._opens_at,
                waited_us=waited_until - record.arrived_at,
                at_once=self._asked.pop(record.contact_id, None) == record.arrived_at,
                outcome=Outcome(record.outcome),
                expected_us=None if told is None else told.expected_us,
                longer_us=None if told is None else told.longer_us,
            )
        )


def _timed(rules: Rules) -> Rules:
    """Whoever must say what came of a call says it when their notes are done: after wrapup_s, as everywhere else.

    And what each caller's wait was expected to be is put down: it is to be told how good that is.
    """
    queues = {name: replace(each, wrapup=WrapUp.TIMED, foretell_one_in=1) for name, each in rules.queues.items()}
    return replace(rules, queues=queues)
