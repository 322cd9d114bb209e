"""The whole simulated centre: engine, clock, connection, Asterisk and judge, put together and run.

Nobody moves in here by themselves: who calls, answers and hangs up is up to the people (people.py) or to a test.
"""

from random import Random

from router.domain.engine import Engine
from router.domain.errors import CommandRefused
from router.domain.ids import SECOND, ContactId, Micros
from router.domain.messages.commands import AgentProfile, Command, Configure, Enrol, Entitle
from router.domain.messages.effects import AnswerPhone, WriteDown
from router.domain.messages.events import Event
from router.domain.messages.observations import NodeLost, Observation, PhoneAsked, PromiseWritten
from router.domain.pictures.picture import ContactStands, Picture
from router.domain.pictures.recovery import restore, take_over
from router.domain.rulebook.rules import Rules
from router.simulation.asterisk import Asterisk
from router.simulation.clock import VirtualClock
from router.simulation.dialplan import People
from router.simulation.judge import Judge
from router.simulation.legs import Leg, Phone
from router.simulation.papers import Papers
from router.simulation.site import rules as rules_of
from router.simulation.wire import Weather, Wire

START_AT: Micros = 1_767_225_600 * SECOND
WRITTEN_US = SECOND // 20


class Nobody:
    """People who do nothing; a test moves them by hand."""

    def phone_rings(self, phone: Phone, leg: Leg) -> None: ...

    def asked_to_press(self, leg: Leg) -> None: ...

    def talk_begins(self, caller: Leg, agent: Leg) -> None: ...

    def caller_waits(self, caller: Leg) -> None: ...

    def asked_to_confirm(self, caller: Leg) -> None: ...

    def customer_rings(self, leg: Leg) -> None: ...

    def reads(self, event: Event) -> None:
        """What the router tells its agents, e.g. that one was paused."""


class Centre:
    def __init__(
        self,
        rules: Rules,
        profiles: list[AgentProfile],
        dice: Random,
        weather: Weather,
        people: Nobody | None = None,
        *,
        look_every: int = 1,
        digest: bool = False,
    ) -> None:
        self.clock = VirtualClock(START_AT)
        self.people = people or Nobody()
        self.engine = Engine(rules, journalled=True)
        self.papers = Papers(self.clock, dice, self.engine)
        self.epoch = 1
        self.alive = True
        self.died_at: Micros = 0
        self._profiles = profiles
        self._dice = dice
        self.wire = Wire(self.clock, dice, weather, "node-a", self.hear)
        self.asterisk = Asterisk("node-a", self.clock, dice, self.wire, self._as_people())
        self._rules = rules
        self.judge = Judge(self.engine.floor, self.asterisk, weather.late_us + weather.quick_us)
        self.steps = 0
        self._look_every = look_every
        self._digest = digest
        for profile in profiles:
            self.asterisk.phones[profile.endpoint] = Phone(endpoint=profile.endpoint)
            self.ask(Enrol(profile=profile))
        self.wire.look_again()
        self.run(self.clock.now + SECOND)

    def _as_people(self) -> People:
        return self.people

    @property
    def now(self) -> Micros:
        return self.clock.now

    def ask(self, command: Command) -> bool:
        """Hand a command to the engine; whether it was accepted. Nobody hears it while there is no router."""
        if not self.alive:
            return False
        try:
            self.engine.handle(command, self.clock.now)
        except CommandRefused:
            return False
        self.judge.accepted(command)
        self._settle()
        self.papers.commit_now()
        return True

    def reload(self, version: int) -> None:
        """Put another version of the site's rules in force."""
        self._rules = rules_of(version)
        self.ask(Configure(rules=self._rules))

    def hear(self, seen: Observation) -> None:
        """Hand an observation to the engine."""
        if isinstance(seen, NodeLost):
            self._blind("node lost")
        if isinstance(seen, PhoneAsked):
            self.judge.dialled(seen)
        self.engine.handle(seen, self.clock.now)
        self._settle()

    def lose_node(self, for_us: Micros) -> None:
        """The connection to Asterisk breaks. Whoever is on the line then, or calls in meanwhile, has a blind spot."""
        self._blind("node lost")
        self.wire.lose(for_us)

    def die(self, for_us: Micros) -> bool:
        """Kill the router; after `for_us` its successor is there. False when there is none, or it sees nothing."""
        if not self.alive or not self.wire.up:
            return False
        self.wire.faults["router killed"] += 1
        self._blind("router killed")
        self.wire.cut()
        self.alive = False
        left = self.papers.die()
        self.died_at = self.now
        for picture in left:
            if isinstance(picture, ContactStands):
                self.asterisk.lives[picture.contact_id].known = True
        self.clock.later(for_us, lambda: self._succeed(left))
        return True

    def _succeed(self, left: list[Picture]) -> None:
        """Another router takes over: what is on paper, then what Asterisk says."""
        now = self.clock.now
        engine = Engine(self._rules, journalled=True)
        for profile in self._profiles:
            engine.handle(Enrol(profile=profile), now)
        for agent_id, entitlement in self.judge.entitled.items():
            engine.handle(Entitle(agent_id=agent_id, entitlement=entitlement), now)
        restore(engine.floor, left, now)
        self.judge.succeeded(engine.floor, self.papers.on_disk, self.died_at)
        self.epoch += 1
        self.asterisk.epoch = self.epoch
        take_over(engine.floor, now)
        self.engine = engine
        self.papers.succeeded(engine)
        self.alive = True
        self._settle()
        self.wire.come_back()

    def _write_down(self, promise_id: ContactId) -> None:
        """It takes a moment; who dies meanwhile tells nobody."""
        engine = self.engine

        def written() -> None:
            if self.alive and self.engine is engine:
                self.papers.commit_now()
                self.hear(PromiseWritten(promise_id=promise_id, safe=True))

        self.clock.later(self._dice.randint(1, WRITTEN_US), written)

    def run(self, until_at: Micros | None = None) -> None:
        """Let time pass: to `until_at`, or until nothing is left to happen."""
        clock = self.clock
        while True:
            due_at, timer_at = clock.next_at(), self.engine.next_timer() if self.alive else None
            if timer_at is not None and (due_at is None or timer_at <= due_at):
                if due_at is None and until_at is None and not self._work_left():
                    return
                if until_at is not None and timer_at > until_at:
                    break
                clock.now = max(clock.now, timer_at)
                self.engine.handle_timer(clock.now)
                self._settle()
            elif due_at is None or (until_at is not None and due_at > until_at):
                break
            else:
                clock.step()
        if until_at is not None:
            clock.now = max(clock.now, until_at)

    def _work_left(self) -> bool:
        """Whether any timer is set but the edges of shifts and the sweep."""
        return self.judge.timers_left() > 0

    def _blind(self, kind: str) -> None:
        lives, floor = self.asterisk.lives, self.engine.floor
        for life in lives.values():
            if life.ended_at is None or life.ended_at > self.now - SECOND or life.contact_id in floor.contacts:
                life.blind = True
                self.wire.touched[kind].add(life.contact_id)
        for leg in self.asterisk.legs.values():
            if leg.life is not None:
                leg.life.blind = True  # a customer whose phone rings has no life yet

    def _settle(self) -> None:
        """Carry out what was decided and let the judge see it."""
        events, effects = self.engine.drain()
        self.papers.decided(events)
        if events or effects:
            self.judge.decided(events, effects, self._digest)
            if any(isinstance(effect, AnswerPhone) for effect in effects):
                self.papers.commit_now()
            for event in events:
                self.people.reads(event)
            for effect in effects:
                if isinstance(effect, WriteDown):
                    self._write_down(effect.promise_id)
                else:
                    self.asterisk.perform(effect, self.epoch)
        self.steps += 1
        if self.steps % self._look_every == 0:
            due_at = self.engine.next_timer()
            if due_at is None or due_at > self.clock.now:
                self.judge.look(self.clock.now)
