"""The modelled Asterisk as several routers reach it: a connection of its own for each, and globals that prove an owner.

What a router orders comes as an action of AMI whose text is left out (`Orders`); everything around it, the gate, the
claim, the routes, the resync, is our own code (`AmiTelephony`).
"""

import asyncio
from collections.abc import Callable, Mapping
from random import Random
from types import SimpleNamespace
from typing import Any

from router.adapters.ami import actions
from router.adapters.ami.wire import Block, Reply
from router.domain.errors import RemoteError
from router.domain.ids import Micros
from router.domain.messages.effects import AnswerPhone, CallCustomer, EndLeg, RingAgent, SendCaller
from router.domain.messages.observations import NodeLost, Observation, OwnerSeen, PhoneAsked
from router.simulation.asterisk import Asterisk
from router.simulation.clock import VirtualClock
from router.simulation.dialplan import People
from router.simulation.legs import Leg, Phone
from router.simulation.wire import Weather, Wire
from tests.simulation.loop import PROCESS, Process
from tests.simulation.points import Points

POOL = "main"
EPOCH, HEART = f"ACD_EPOCH_{POOL}", f"ACD_HB_{POOL}"
OK = {"response": "Success"}


def _order(kind: str) -> Callable[..., dict[str, Any]]:
    def write(effect: Any, *, pool: str = POOL, epoch: int = 0) -> dict[str, Any]:
        return {"Action": kind, "effect": effect, "epoch": epoch}

    return write


Orders = SimpleNamespace(
    **{name: getattr(actions, name) for name in dir(actions) if not name.startswith("__")}
    | {
        "ring": _order("Originate"),
        "call": _order("Originate"),
        "end": _order("Hangup"),
        "send": _order("Redirect"),
        "say": _order("Redirect"),
    }
)
"Stands for `router.adapters.ami.actions` in telephony.py: effects travel as they are."

Truth = SimpleNamespace(leg_snapshots=lambda items, reading: tuple(items))
"Stands for `router.adapters.ami.resync` there: legs travel as they are."


def _state(phone: Phone) -> Block:
    return Block(
        {
            "event": "DeviceStateChange",
            "device": f"PJSIP/{phone.endpoint}",
            "state": "NOT_INUSE" if phone.reachable else "UNAVAILABLE",
        },
        {},
    )


class Fan:
    """What the modelled Asterisk takes for its one wire: every connected router hears what it tells."""

    def __init__(self, clock: VirtualClock, points: Points) -> None:
        self.sessions: list[Session] = []
        self.snapshot: Callable[[Micros], Any] | None = None
        self.beat_at: Micros = clock.now
        self.phone_asked: Callable[[PhoneAsked], None] = lambda seen: None
        self.dark = True
        "Whether no router sees what happens now."
        self._clock = clock
        self._points = points

    @property
    def up(self) -> bool:
        return not self.dark

    @property
    def silent_since(self) -> Micros:
        return self.beat_at

    def report(self, channel: str, seen: Observation, *, once: bool = False) -> None:
        name = type(seen).__name__
        self._points.at(f"asterisk: {name} happens")
        if type(seen) is PhoneAsked:
            self.phone_asked(seen)
        for session in list(self.sessions):
            if session.listens:
                session.wire.report(channel, seen, once=once)
        self._points.at(f"asterisk: {name} told")


class Exchange(Asterisk):
    def __init__(self, clock: VirtualClock, dice: Random, people: People, points: Points) -> None:
        self.fan = Fan(clock, points)
        super().__init__("node-a", clock, dice, self.fan, people)  # type: ignore[arg-type]
        self.points = points
        self.globals: dict[str, str] = {}
        self.up = True
        self.claimed_at: Micros = clock.now
        self.heeds_epochs = True
        "Whether the dialplan looks at a leg's epoch before it lets it talk; a test takes that away."
        self.epoch = 0
        self.fault: Callable[[str, str], None] = lambda what, kind: None
        self.spoken: Callable[[AnswerPhone], None] = lambda effect: None

    # ---- orders ----

    def carry_out(self, action: Mapping[str, Any], epoch: int) -> Reply:
        """One action of a router that claimed the pool in `epoch`."""
        kind = action["Action"]
        match kind:
            case "Getvar":
                return Reply(Block({**OK, "value": self.globals.get(action["Variable"], "")}, {}))
            case "Setvar":
                self._set(action["Variable"], action["Value"])
            case "UserEvent":
                seen = OwnerSeen(pool=action["Pool"], epoch=int(action["Epoch"]), router=action["Router"])
                self.fan.report("owner", seen)
            case "DeviceStateList":
                return Reply(Block(OK, {}), tuple(_state(phone) for phone in self.phones.values()))
            case "Status":
                return Reply(Block(OK, {}), tuple(leg.snapshot() for leg in self.legs.values()))  # type: ignore[arg-type]
            case _:
                effect = action["effect"]
                self._old_owner(effect, epoch)
                if isinstance(effect, AnswerPhone) and effect.leg in self.legs:
                    self.spoken(effect)
                self._obey(effect, action["epoch"])
        return Reply(Block(OK, {}))

    def _set(self, name: str, value: str) -> None:
        self.globals[name] = value
        if name == EPOCH:
            if int(value) > self.epoch:
                self.claimed_at = self.clock.now
            self.epoch = int(value)
        elif name == HEART:
            self.fan.beat_at = self.clock.now

    def _old_owner(self, effect: Any, epoch: int) -> None:
        """An order of a router whose time is over, when the next one has long announced itself."""
        late = self.clock.now - self.claimed_at > 1_000_000 and epoch < self.epoch
        if late and isinstance(effect, EndLeg | SendCaller | AnswerPhone | RingAgent | CallCustomer):
            calls = isinstance(effect, RingAgent | CallCustomer)
            if calls or effect.leg in self.legs:
                self.fault(f"an order of epoch {epoch} was carried out in epoch {self.epoch}: {effect}", "broken")

    def take(self, leg: Leg) -> None:
        if not self.heeds_epochs:
            of, leg.epoch = leg.epoch, self.epoch
            super().take(leg)
            leg.epoch = of
        else:
            super().take(leg)

    def _bridge(self, leg: Leg, caller: Leg) -> None:
        if leg.epoch != self.epoch and self.clock.now - self.claimed_at > 100_000:
            self.fault(f"{leg.leg} of epoch {leg.epoch} talks in epoch {self.epoch}", "broken")
        if caller.bridge:
            self.fault(f"{leg.leg} joins a talk there is already", "double_offers")
        super()._bridge(leg, caller)

    # ---- its life ----

    def die(self) -> None:
        """Every call is cut, and nobody is told."""
        self.up = False
        self.globals.clear()
        self.epoch = 0
        sessions, self.fan.sessions = self.fan.sessions, []
        for leg in list(self.legs.values()):
            self.end(leg, 0)
        self.fan.sessions = sessions

    def come_back(self) -> None:
        self.up = True
        self.fan.beat_at = self.clock.now


class Session:
    """Stands for `router.adapters.ami.session.Session`: the connection of one router."""

    def __init__(self, address: Any, *, wanted: Any, on_event: Any, on_up: Any, on_down: Any) -> None:
        process = PROCESS.get()
        assert process is not None
        self.process: Process = process
        self.exchange: Exchange = process.exchange  # type: ignore[attr-defined]
        self.loop = asyncio.get_running_loop()
        self.on_event, self.on_up, self.on_down = on_event, on_up, on_down
        self.connected = False
        self.refused = None
        self.behind = False
        self.read_at = 0.0
        self.last_event_at = None
        self.epoch: Callable[[], int] = lambda: 0
        "The epoch its router has claimed."
        self.owns: Callable[[], bool] = lambda: False
        self._pending: dict[asyncio.Future[Reply], None] = {}
        self._ended = asyncio.Event()
        world = process.world  # type: ignore[attr-defined]
        self.dice: Random = world.dice
        self.wire = Line(world.clock, world.dice, world.weather, "node-a", self._deliver, self)
        self.wire.faults, self.wire.touched = world.faults, world.touched
        process.session = self  # type: ignore[attr-defined]

    @property
    def listens(self) -> bool:
        return not self.process.dead and self.owns()

    async def run(self) -> None:
        self.exchange.fan.sessions.append(self)
        self.wire.up = False
        self.wire.come_back()
        await self._ended.wait()

    async def close(self) -> None:
        self._ended.set()
        self.leave()

    def leave(self) -> None:
        self.wire.cut()
        self.connected = False
        if self in self.exchange.fan.sessions:
            self.exchange.fan.sessions.remove(self)

    def send(self, action: Mapping[str, Any], deadline_s: float, *, hurry: bool = True) -> "asyncio.Future[Reply]":
        if not self.connected:
            raise RemoteError("ami-lost", "There is no connection to Asterisk.", retryable=True)
        effect = action.get("effect")
        name = type(effect).__name__ if effect is not None else f"{action['Action']} {action.get('Variable', '')[:8]}"
        self.exchange.points.at(f"order: {name.strip()} sent")
        promised: asyncio.Future[Reply] = self.loop.create_future()
        self._pending[promised] = None
        promised.add_done_callback(lambda done: self._pending.pop(done, None))
        deadline = self.loop.call_later(deadline_s, self._too_late, promised)
        promised.add_done_callback(lambda done: deadline.cancel())
        epoch = action.get("epoch") or self.epoch()

        def arrives() -> None:
            self.exchange.points.at(f"order: {name.strip()} arrives")
            if not self.exchange.up:
                return
            reply = self.exchange.carry_out(action, epoch)
            self.exchange.points.at(f"order: {name.strip()} done")
            longest = self.wire.longest_us if action["Action"] in ("Status", "DeviceStateList") else 2_000
            self.wire.tell_back(self.dice.randint(100, longest), lambda: self._answered(promised, reply))

        self.wire.order(arrives)
        return promised

    def _answered(self, promised: "asyncio.Future[Reply]", reply: Reply) -> None:
        if not promised.done():
            promised.set_result(reply)

    def _too_late(self, promised: "asyncio.Future[Reply]") -> None:
        if not promised.done():
            promised.set_exception(RemoteError("ami-timeout", "Asterisk did not answer.", retryable=True))

    def _deliver(self, seen: Observation) -> None:
        self.loop.call_soon(self._take, seen, context=self.process.context)

    def _take(self, seen: Observation) -> None:
        name = type(seen).__name__
        if isinstance(seen, NodeLost):
            self._lost()
            return
        if not self.connected:
            return
        self.exchange.points.at(f"router: {name} heard")
        self.on_event(seen)
        self.exchange.points.at(f"router: {name} handled")

    def _lost(self) -> None:
        if not self.connected:
            return
        self.connected = False
        for promised in list(self._pending):
            if not promised.done():
                promised.set_exception(RemoteError("ami-lost", "The connection broke.", retryable=True))
        self.on_down("lost")

    def up_again(self) -> None:
        self.loop.call_soon(self._up, context=self.process.context)

    def _up(self) -> None:
        self._lost()  # it may not have noticed
        if self.wire.up and not self._ended.is_set():
            self.connected = True
            self.on_up()


class Line(Wire):
    """The wire of one router."""

    def __init__(
        self, clock: VirtualClock, dice: Random, weather: Weather, node: str, deliver: Any, session: Session
    ) -> None:
        super().__init__(clock, dice, weather, node, deliver)
        self.longest_us = weather.snapshot_us
        self._session_of = session

    def lose(self, for_us: Micros) -> None:
        was_up = self.up
        super().lose(for_us)
        self.faults["node lost"] -= was_up  # fate counts what it does

    def come_back(self) -> None:
        if self._session_of.process.dead or self.up:
            return
        if not self._session_of.exchange.up:
            self._clock.later(500_000, self.come_back)
            return
        self.up = True
        self.up_since = self._clock.now
        self._session_of.up_again()

    def tell_back(self, delay_us: Micros, act: Callable[[], None]) -> None:
        """An answer, unless the connection ends before."""
        session, of = self._session, self._session_of

        def told() -> None:
            if session == self._session:
                of.loop.call_soon(act, context=of.process.context)

        self._clock.later(delay_us, told)
