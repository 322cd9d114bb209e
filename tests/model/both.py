"""The engine and the reference, given the same inputs side by side, and looked at by the same eyes.

A verb here is one thing that happens in the world: the messages the engine would see of it, and the reference's word
for it. After each input both do what is due at that instant.
"""

from __future__ import annotations

from router.domain.benches.queue import Queue
from router.domain.contacts.contact import Contact, ContactState
from router.domain.engine import Engine
from router.domain.errors import CommandRefused
from router.domain.ids import AgentId, CampaignName, ContactId, LegId, Micros, OfferId
from router.domain.messages.commands import (
    AgentProfile,
    Command,
    Configure,
    Dismiss,
    Enrol,
    Entitle,
    FinishWrapUp,
    HangUp,
    LogIn,
    LogOut,
    Pause,
    Prioritise,
    SetDays,
    Unpause,
)
from router.domain.messages.events import InvariantFailed, OfferMade
from router.domain.messages.observations import (
    AgentReady,
    CallbackConfirmed,
    CallerKeyed,
    CallerReturned,
    CallerTransferred,
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
    OfferTurnedAway,
    OriginateFailed,
    PromiseWritten,
    Resynced,
    TalkBegins,
)
from router.domain.rulebook.entitlement import Entitlement
from router.domain.rulebook.rules import Rules
from router.domain.truth.invariants import broken
from tests.model.life import Life
from tests.model.owed import Promise
from tests.model.reference import Agent, Caller, Ring
from tests.model.site import MIDNIGHTS, START_AT, dialled

NODE, ELSEWHERE = "node-a", "node-b"
CAUSES: dict[str, tuple[int, str | None]] = {
    "rejected": (21, None),
    "busy": (17, "SIP 486 Busy Here"),
    "missed": (16, "487"),
    "failed": (127, None),
}
_STANDS = {
    "FREE": "free",
    "ON_CONTACT": "in hand",
    "LAST_CONTACT": "in hand",
    "LOGGED_OUT": "out",
    "PAUSED": "paused",
    "UNREACHABLE": "unreachable",
    "BUSY_ELSEWHERE": "private",
    "HELD_OFF": "held",
    "DONE_FOR_TODAY": "done",
}
View = dict[str, object]


class Both:
    def __init__(self, rules: Rules, *, most_waiting: int = 60) -> None:
        self.most_waiting = most_waiting
        self.now: Micros = START_AT
        self.engine = Engine(rules)
        self.model = Life(rules, self.now)
        self.engine_offers: list[tuple[str, str, str]] = []
        self.faults: list[str] = []
        self._names = 0
        self._see(Resynced(node=NODE, legs=(), asked_at=self.now, at=self.now))
        self._ask(SetDays(midnights=MIDNIGHTS))
        self.model.set_days(MIDNIGHTS)

    def name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}{self._names}"

    # ---- time, inputs ----

    def let_pass(self, micros: Micros) -> None:
        until_at = self.now + micros
        while (due_at := self.engine.next_timer()) is not None and due_at <= until_at:
            self.engine.handle_timer(due_at)
            self._drain()
        self._model_until(until_at)
        self.now = until_at

    def _model_until(self, until_at: Micros) -> None:
        while (due_at := self.model.next_due()) is not None and due_at <= until_at:
            self.model.now = max(self.model.now, due_at)
            self.model.do_due()
        self.model.now = until_at

    def _see(self, *seen: Observation) -> None:
        for observation in seen:
            self._tell(observation)

    def _ask(self, command: Command) -> bool:
        try:
            self._tell(command)
        except CommandRefused:
            return False
        return True

    def _tell(self, message: Command | Observation) -> None:
        self.engine.handle(message, self.now)
        while (due_at := self.engine.next_timer()) is not None and due_at <= self.now:
            self.engine.handle_timer(self.now)
        self._drain()

    def _drain(self) -> None:
        for event in self.engine.drain()[0]:
            if isinstance(event, OfferMade):
                self.engine_offers.append((event.offer_id, event.agent_id, event.queue))
            elif isinstance(event, InvariantFailed):
                self.faults.append(event.what)

    def _same(self, what: str, engine_did: bool, model_did: bool) -> None:
        if engine_did is not model_did:
            self.faults.append(f"{what}: the engine {_did(engine_did)}, the model {_did(model_did)}")
        self._model_until(self.now)

    # ---- people ----

    def enrols(self, profile: AgentProfile) -> None:
        self._ask(Enrol(profile=profile))
        posts = {name: (post.priority, post.delay_us, post.position) for name, post in profile.posts.items()}
        self.model.enrol(profile.agent_id, dict(profile.skills), posts, profile.daily_cap)
        self._model_until(self.now)

    def dismisses(self, agent: Agent) -> None:
        did = self._ask(Dismiss(agent_id=AgentId(agent.name)))
        self._same(f"dismiss {agent.name}", did, self.model.dismiss(agent.name))

    def entitles(self, agent: Agent, entitlement: Entitlement) -> None:
        self._ask(Entitle(agent_id=AgentId(agent.name), entitlement=entitlement))
        shifts = [(interval.from_at, interval.to_at, interval.campaigns) for interval in entitlement.intervals]
        self.model.entitle(agent.name, [(begin, end, frozenset(map(str, named))) for begin, end, named in shifts])
        self._model_until(self.now)

    def status(self, agent: Agent, asked: str) -> None:
        agent_id = AgentId(agent.name)
        commands: dict[str, Command] = {
            "log in": LogIn(agent_id=agent_id),
            "log out": LogOut(agent_id=agent_id),
            "pause": Pause(agent_id=agent_id, reason="break"),
            "unpause": Unpause(agent_id=agent_id),
        }
        did = self._ask(commands[asked])
        self._same(f"{agent.name}: {asked}", did, self.model.change_status(agent.name, asked))

    def finishes(self, agent: Agent) -> None:
        did = self._ask(FinishWrapUp(agent_id=AgentId(agent.name)))
        self._same(f"{agent.name} finishes", did, self.model.finish_wrapup(agent.name))

    def configures(self, rules: Rules) -> None:
        self._ask(Configure(rules=rules))
        self.model.configure(rules)
        self._model_until(self.now)

    # ---- phones ----

    def phone(self, agent: Agent, reachable: bool) -> None:
        self._see(EndpointSeen(endpoint=agent.name, reachable=reachable, at=self.now))
        self.model.phone(agent.name, reachable)
        self._model_until(self.now)

    def phones(self, reachable: dict[str, bool]) -> None:
        """A node without calls tells of every phone at once."""
        self._see(Resynced(node=ELSEWHERE, legs=(), reachable=reachable, asked_at=self.now, at=self.now))
        self.model.phones(reachable)
        self._model_until(self.now)

    def private_begins(self, agent: Agent) -> None:
        leg = self.name("private-")
        self._see(self._appeared(leg, agent.name))
        self.model.private_begins(agent.name, leg)
        self._model_until(self.now)

    def private_ends(self, leg: str) -> None:
        self._see(self._ended(leg))
        self.model.private_ends(leg)
        self._model_until(self.now)

    def _appeared(self, leg: str, endpoint: str) -> LegAppeared:
        return LegAppeared(
            leg=LegId(leg), endpoint=endpoint, channel=f"PJSIP/{endpoint}-1", linkedid=leg, node=NODE, at=self.now
        )

    def _ended(self, leg: str, result: str = "") -> LegEnded:
        cause, tech_cause = CAUSES.get(result, (16, None))
        return LegEnded(leg=LegId(leg), cause=cause, tech_cause=tech_cause, at=self.now)

    # ---- callers ----

    def arrives(self, campaign: str, late_us: Micros, number: str = "+4930555999", **data: str) -> None:
        name = self.name("c")
        arrived_at = self.now - late_us
        self._see(
            ContactArrived(
                contact_id=ContactId(name),
                leg=LegId(name),
                linkedid=name,
                channel=f"PJSIP/trunk-{name}",
                node=NODE,
                campaign=CampaignName(campaign),
                dnis=dialled(campaign),
                ani=number,
                data=tuple(data.items()),
                arrived_at=arrived_at,
                at=arrived_at,
            )
        )
        hidden = number == "anonymous"
        told = {**data, "caller.number": "" if hidden else number, "caller.known": "no" if hidden else "yes"}
        self.model.arrives(name, campaign, arrived_at, told)
        self._model_until(self.now)

    def keys(self, caller: Caller) -> None:
        self._see(CallerKeyed(contact_id=ContactId(caller.name), key="1", at=self.now))
        self.model.keys(caller.name, "1")
        self._model_until(self.now)

    def prioritises(self, caller: Caller, points: int) -> None:
        self._ask(Prioritise(contact_id=ContactId(caller.name), priority=points))
        self.model.prioritise(caller.name, points)
        self._model_until(self.now)

    def lets_go(self, caller: Caller) -> None:
        self._ask(HangUp(contact_id=ContactId(caller.name)))
        self.model.let_go(caller.name)
        self._model_until(self.now)

    def hangs_up(self, caller: Caller) -> None:
        """Whoever talked to them hangs up, too."""
        talking = [agent for agent in self.model.agents if agent.talk is not None and not agent.talk.over]
        agent = next((agent for agent in talking if agent.talk is not None and agent.talk.caller is caller), None)
        self._see(self._ended(caller.name))
        self.model.hangs_up(caller.name)
        self._model_until(self.now)
        if agent is not None and agent.talk is not None:
            self._see(self._ended(agent.talk.name))
            self.model.talk_ends(agent.name)
            self._model_until(self.now)

    # ---- call-backs ----

    def asks(self, caller: Caller) -> None:
        """To be called back: they confirm it, and it is written down."""
        name = ContactId(caller.name)
        self._see(CallbackConfirmed(contact_id=name, at=self.now))
        did = name in self.engine.floor.promises
        if did:
            self._see(PromiseWritten(promise_id=name, safe=True))
        self._same(f"{caller.name} asks to be called", did, self.model.asks(caller.name))

    def is_ready(self, ring: Ring) -> None:
        """An agent has accepted a call-back."""
        self.answers(ring)
        self._see(AgentReady(offer_id=OfferId(ring.name), contact_id=ContactId(ring.caller.name), at=self.now))
        self.model.agent_is_ready(ring.name)
        self._model_until(self.now)

    def picks_up(self, place: Caller) -> None:
        self._see(LegAnswered(leg=LegId(place.name), at=self.now))
        self.model.picks_up(place.name)
        self._model_until(self.now)

    def is_not_reached(self, promise: Promise) -> None:
        assert promise.place is not None
        self._see(self._ended(promise.place.name, "busy"))
        self.model.not_reached(promise)
        self._model_until(self.now)

    # ---- rings and talks ----

    def rings(self, ring: Ring) -> None:
        if not ring.seen:
            self._see(self._appeared(ring.name, ring.agent.name))
            self.model.appears(ring.name)
        self._see(LegRinging(leg=LegId(ring.name), at=self.now))
        self.model.rang(ring.name)

    def answers(self, ring: Ring) -> None:
        self.rings(ring)
        self._see(LegAnswered(leg=LegId(ring.name), at=self.now))
        self.model.answers(ring.name)

    def takes(self, ring: Ring) -> None:
        """Rings, answers, is the first, and talks; or has their customer called."""
        if ring.caller.place:
            self.is_ready(ring)
            return
        self.answers(ring)
        offer_id, contact_id = OfferId(ring.name), ContactId(ring.caller.name)
        self._see(TalkBegins(offer_id=offer_id, contact_id=contact_id, at=self.now))
        self.model.wins(ring.name)
        self._model_until(self.now)
        bridge = f"bridge-{ring.name}"
        for leg in (ring.name, ring.caller.name):
            self._see(LegBridged(leg=LegId(leg), bridge=bridge, at=self.now))
        self.model.talks(ring.name)
        self._model_until(self.now)

    def leg_ends(self, ring: Ring, result: str) -> None:
        """`unregistered`: Asterisk never made the leg."""
        if result == "unregistered" and not ring.seen:
            self._see(OriginateFailed(offer_id=OfferId(ring.name), reason="no phone", at=self.now))
        else:
            result = result if result in CAUSES else "failed"
            self._see(self._ended(ring.name, result))
        self.model.leg_ends(ring.name, result)
        self._model_until(self.now)

    def declines(self, ring: Ring) -> None:
        self.answers(ring)
        self._see(OfferTurnedAway(offer_id=OfferId(ring.name), why="declined", at=self.now))
        self.model.declines(ring.name)
        self.leg_ends(ring, "missed")

    def talk_ends(self, agent: Agent) -> None:
        """The agent hangs up; the caller is let go."""
        assert agent.talk is not None
        caller, leg = agent.talk.caller, agent.talk.name
        self._see(HangupAsked(leg=LegId(leg), at=self.now), self._ended(leg))
        self.model.talk_ends(agent.name)
        self._model_until(self.now)
        self._see(CallerReturned(contact_id=ContactId(caller.name), at=self.now), self._ended(caller.name))
        self.model.hangs_up(caller.name)
        self._model_until(self.now)

    def transfers(self, agent: Agent, campaign: str) -> None:
        assert agent.talk is not None
        caller, leg = agent.talk.caller, agent.talk.name
        self._see(LegUnbridged(leg=LegId(caller.name), bridge=f"bridge-{leg}", at=self.now))
        self._see(CallerTransferred(contact_id=ContactId(caller.name), exten=dialled(campaign), at=self.now))
        self.model.transferred(caller.name, campaign)
        self._model_until(self.now)
        self._see(self._ended(leg))
        self.model.talk_ends(agent.name)
        self._model_until(self.now)

    # ---- looking at both ----

    def seen_in_engine(self) -> View:
        floor = self.engine.floor
        view: View = {
            f"line of {name}": [one.contact_id for one in _in_line(queue)] for name, queue in floor.queues.items()
        }
        view |= {name: (_state(contact), contact.queue, _rung(contact)) for name, contact in floor.contacts.items()}
        owed = [(name, str(promise.state)) for name, promise in floor.promises.items()]
        view |= {f"promise to {name}": state for name, state in owed if state != "reached"}
        view |= {name: _STANDS.get(agent.standing.name) for name, agent in floor.agents.items()}
        return view

    def seen_in_model(self) -> View:
        model = self.model
        view: View = {f"line of {name}": [one.name for one in model.line(name)] for name in model.rules.queues}
        view |= {one.name: (one.state, one.queue, [ring.agent.name for ring in one.live]) for one in model.callers}
        view |= {f"promise to {promise.name}": promise.state for promise in model.promises}
        view |= {agent.name: agent.stands() for agent in model.agents}
        return view

    def invariants(self) -> list[str]:
        return broken(self.engine.floor, self.now)


def _in_line(queue: Queue) -> list[Contact]:
    """Of every distinct need, in one order."""
    return sorted((one for line in queue.all_lines for one in line.in_line()), key=queue.line_key)


def _state(contact: Contact) -> str:
    if contact.state is ContactState.QUEUED:
        return "line" if contact.turn else "overdue"
    return {"offered": "rung", "connected": "talks"}.get(contact.state, str(contact.state))


def _rung(contact: Contact) -> list[str]:
    return [offer.agent_id for offer in contact.live.values()]


def _did(did: bool) -> str:
    return "did it" if did else "refused"
