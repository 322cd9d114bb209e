"""The whole simulated centre: engine, clock, connection, Asterisk and judge, put together and run.

Nobody moves in here by themselves: who calls, answers and hangs up is up to the people (people.py) or to a test.
"""

from random import Random

from router.domain.commands import AgentProfile, Command, Configure, Enrol
from router.domain.engine import Engine
from router.domain.errors import CommandRefused
from router.domain.events import Event
from router.domain.ids import SECOND, Micros
from router.domain.observations import NodeLost, Observation, PhoneAsked
from router.domain.rules import Rules
from router.simulation.asterisk import Asterisk
from router.simulation.clock import VirtualClock
from router.simulation.dialplan import People
from router.simulation.judge import Judge
from router.simulation.legs import Leg, Phone
from router.simulation.site import rules as rules_of
from router.simulation.wire import Weather, Wire

START_AT: Micros = 1_767_225_600 * SECOND


class Nobody:
    """People who do nothing; a test moves them by hand."""

    def phone_rings(self, phone: Phone, leg: Leg) -> None: ...

    def asked_to_press(self, leg: Leg) -> None: ...

    def talk_begins(self, caller: Leg, agent: Leg) -> None: ...

    def caller_waits(self, caller: Leg) -> None: ...

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
        self.engine = Engine(rules)
        self.wire = Wire(self.clock, dice, weather, "node-a", self.hear)
        self.asterisk = Asterisk("node-a", self.clock, dice, self.wire, self._as_people())
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
        """Hand a command to the engine; whether it was accepted."""
        try:
            self.engine.handle(command, self.clock.now)
        except CommandRefused:
            return False
        self.judge.accepted(command)
        self._settle()
        return True

    def reload(self, version: int) -> None:
        """Put another version of the site's rules in force."""
        self.ask(Configure(rules=rules_of(version)))

    def hear(self, seen: Observation) -> None:
        """Hand an observation to the engine."""
        if isinstance(seen, NodeLost):
            self._blind()
        if isinstance(seen, PhoneAsked):
            self.judge.dialled(seen)
        self.engine.handle(seen, self.clock.now)
        self._settle()

    def lose_node(self, for_us: Micros) -> None:
        """The connection to Asterisk breaks. Whoever is on the line then, or calls in meanwhile, has a blind spot."""
        self._blind()
        self.wire.lose(for_us)

    def run(self, until_at: Micros | None = None) -> None:
        """Let time pass: to `until_at`, or until nothing is left to happen."""
        clock, engine = self.clock, self.engine
        while True:
            due_at, timer_at = clock.next_at(), engine.next_timer()
            if timer_at is not None and (due_at is None or timer_at <= due_at):
                if due_at is None and until_at is None and not self._work_left():
                    return
                if until_at is not None and timer_at > until_at:
                    break
                clock.now = max(clock.now, timer_at)
                engine.handle_timer(clock.now)
                self._settle()
            elif due_at is None or (until_at is not None and due_at > until_at):
                break
            else:
                clock.step()
        if until_at is not None:
            clock.now = max(clock.now, until_at)

    def _work_left(self) -> bool:
        """Whether any timer but the edges of shifts is set."""
        floor = self.engine.floor
        return len(floor.timers) > sum(1 for agent in floor.agents if ("entitlement", agent) in floor.timers)

    def _blind(self) -> None:
        lives, floor = self.asterisk.lives, self.engine.floor
        for life in lives.values():
            if life.ended_at is None or life.ended_at > self.now - SECOND or life.contact_id in floor.contacts:
                life.blind = True

    def _settle(self) -> None:
        """Carry out what was decided and let the judge see it."""
        events, effects = self.engine.drain()
        if events or effects:
            self.judge.decided(events, effects, self._digest)
            for event in events:
                self.people.reads(event)
            for effect in effects:
                self.asterisk.perform(effect)
        self.steps += 1
        if self.steps % self._look_every == 0:
            due_at = self.engine.next_timer()
            if due_at is None or due_at > self.clock.now:
                self.judge.look(self.clock.now)
