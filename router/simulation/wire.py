"""The AMI connection between the modelled Asterisk and the engine: what arrives when, twice, or never.

Rule 1: the order of one channel's events is kept, that of different channels is not (Asterisk documentation, AMI v2).
Rule 2: there is no replay: what happens while the connection is down is never told; only a snapshot shows its outcome.
Rule 3: a snapshot takes time. Events from before it may arrive after it, events from after it before it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from router.domain.ids import SECOND, Micros
from router.domain.messages.observations import NodeLost, Observation, Resynced
from router.simulation.clock import VirtualClock

MILLISECOND: Micros = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How bad the connection is. Probabilities are per event, durations the longest possible."""

    quick_us: Micros = 3 * MILLISECOND
    late: float = 0.02
    late_us: Micros = 250 * MILLISECOND
    doubled: float = 0.02
    doubled_us: Micros = 400 * MILLISECOND
    snapshot_us: Micros = 150 * MILLISECOND
    unnoticed_us: Micros = 2 * SECOND
    "A lost connection is noticed after at most this long."


CALM = Weather(late=0.0, doubled=0.0)


class Wire:
    def __init__(
        self, clock: VirtualClock, dice: Random, weather: Weather, node: str, deliver: Callable[[Observation], None]
    ) -> None:
        self._clock = clock
        self._dice = dice
        self._weather = weather
        self._node = node
        self._deliver = deliver
        self._session = 0
        "Of hearing; what Asterisk tells in an earlier one reaches nobody."
        self._orders = 0
        "Of ordering. An order outlives the router that gave it, but not the connection it went by."
        self._last: dict[str, Micros] = {}
        self.up = True
        self.up_since: Micros = clock.now
        self.silent_since: Micros | None = None
        "Since when the router's heartbeat has not moved, or None."
        self.snapshot: Callable[[Micros], Resynced] | None = None
        "Takes the truth at this instant; the argument is when it was asked for."
        self.faults: Counter[str] = Counter()
        self.touched: dict[str, set[str]] = defaultdict(set)
        "Fault → channels whose events it met."

    def delay_us(self) -> Micros:
        weather = self._weather
        if weather.late and self._dice.random() < weather.late:
            self.faults["late"] += 1
            return self._dice.randint(weather.quick_us, weather.late_us)
        return self._dice.randint(100, weather.quick_us)

    def report(self, channel: str, seen: Observation, *, once: bool = False) -> None:
        """Tell the engine, unless the line is down. `channel` is whose order is kept; `once` is never doubled."""
        if not self.up:
            self._fault("untold", channel)
            return
        delay_us = self.delay_us()
        if delay_us > self._weather.quick_us:
            self.touched["late"].add(channel)
        due_at = max(self._clock.now + delay_us, self._last.get(channel, 0))
        self._last[channel] = due_at
        self._carry(due_at, seen)
        if not once and self._weather.doubled and self._dice.random() < self._weather.doubled:
            self._fault("doubled", channel)
            self._carry(due_at + self._dice.randint(0, self._weather.doubled_us), seen)

    def _fault(self, kind: str, channel: str) -> None:
        self.faults[kind] += 1
        self.touched[kind].add(channel)

    def order(self, act: Callable[[], None]) -> None:
        """Carry an action of the router to Asterisk; what is on its way when the line breaks is lost."""
        if not self.up:
            self.faults["unheard"] += 1
            return
        session = self._orders
        due_at = max(self._clock.now + self._dice.randint(100, self._weather.quick_us), self._last.get("", 0))
        self._last[""] = due_at
        self._clock.at(due_at, lambda: act() if session == self._orders else None)

    def look_again(self) -> None:
        """A snapshot, asked for now, taken a little later, told later still."""
        if not self.up or self.snapshot is None:
            return
        asked_at, session, take = self._clock.now, self._session, self.snapshot
        longest = self._weather.snapshot_us

        def taken() -> None:
            if session == self._session:
                self._carry(self._clock.now + self._dice.randint(1, longest), take(asked_at))

        self._clock.later(self._dice.randint(1, longest), taken)

    def lose(self, for_us: Micros) -> None:
        """Break the connection; the router notices a little later, comes back after `for_us` and asks for the truth."""
        if not self.up:
            return
        self.faults["node lost"] += 1
        self.up = False
        self.silent_since = self._clock.now
        self._session += 1
        self._orders += 1
        noticed_us = self._dice.randint(0, min(for_us, self._weather.unnoticed_us))
        self._clock.later(noticed_us, lambda: self._deliver(NodeLost(node=self._node)))
        self._clock.later(for_us, self.come_back)

    def cut(self) -> None:
        """The router died: nobody hears any more. What it ordered last is still carried out."""
        self.up = False
        self.silent_since = self._clock.now
        self._session += 1

    def come_back(self) -> None:
        """Somebody hears again, and asks for the truth."""
        self.up = True
        self.up_since = self._clock.now
        self.silent_since = None
        self.look_again()

    def _carry(self, due_at: Micros, seen: Observation) -> None:
        session = self._session
        self._clock.at(due_at, lambda: self._deliver(seen) if session == self._session else None)
