"""The pump: observations in, one engine, effects out. One thread, one loop, no lock, nothing awaited in between.

    inbox (bounded) → engine.handle → drain → effects to telephony, events to subscribers → one timer re-armed

Rule 1: effects leave before events are told: a caller waits for the first, nobody for the second.
Rule 2: a subscriber or an engine that raises is counted and logged with what it was given; the pump goes on.
Rule 3: the inbox is bounded. Overflow is not silent loss: everything in it is thrown away and Asterisk is asked for the
truth instead (`LookAgain`), which is cheaper than catching up on what is long past.
Rule 4: the heartbeat moves only here, after a tick. A router whose pump stands still looks dead to the dialplan.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

from router.domain.commands import Command
from router.domain.effects import LookAgain
from router.domain.engine import Engine
from router.domain.events import OfferMade
from router.domain.ids import SECOND, Micros
from router.domain.observations import Observation
from router.ports import Clock, EventSubscriber, Telephony

log = logging.getLogger(__name__)

_SLICE_S = 0.005
"The longest stretch of deciding before the loop may read sockets again."
_BEAT_S = 1.0


class WallClock:
    """Wall time at start + monotonic since: steps of the system's clock do not reach us."""

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()

    def now(self) -> Micros:
        return (self._offset + time.monotonic_ns()) // 1000

    def from_monotonic(self, seconds: float) -> Micros:
        """The instant of a reading of `time.monotonic()`."""
        return int(self._offset // 1000 + seconds * SECOND)


class Pump:
    def __init__(
        self,
        engine: Engine,
        *,
        clock: Clock,
        subscribers: Sequence[EventSubscriber] = (),
        decided: Callable[[float], None] | None = None,
        lagged: Callable[[float], None] | None = None,
        inbox_limit: int = 100_000,
    ) -> None:
        self.engine = engine
        self.telephony: Telephony | None = None
        "Set before `start`; effects decided earlier are dropped, since there is nobody to ring yet."
        self.overflows = 0
        self.failures = 0
        self.lag_s = 0.0
        "How late the latest beat came: the loop's lag."
        self.max_lag_s = 0.0
        self.beats = 0
        self._clock = clock
        self._subscribers = list(subscribers)
        self.decided = decided
        self.lagged = lagged
        self._inbox: deque[Observation] = deque()
        self._inbox_limit = inbox_limit
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for: Micros | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def depth(self) -> int:
        """Observations not yet handled."""
        return len(self._inbox)

    def subscribe(self, subscriber: EventSubscriber) -> None:
        self._subscribers.append(subscriber)

    def start(self) -> None:
        """Begin to tick and to beat on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._beat_once(self._loop.time())
        self._flush()

    def stop(self) -> None:
        """Stop ticking and beating; what is in the inbox stays there."""
        for handle in (self._timer, self._beat):
            if handle is not None:
                handle.cancel()
        self._timer = self._beat = None
        self._loop = None

    def stop_beating(self) -> None:
        """Let the dialplan know that nobody decides for waiting callers any more; ticking goes on."""
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None

    # ---- in ----

    def see(self, seen: Observation) -> None:
        """Take an observation. Handled at once when nothing is ahead of it, else in its turn."""
        inbox = self._inbox
        if len(inbox) >= self._inbox_limit:
            self._overflow()
            return
        inbox.append(seen)
        if not self._scheduled and self._loop is not None:
            self._scheduled = True
            self._loop.call_soon(self._tick)

    def ask(self, command: Command) -> None:
        """Carry out a command now, after everything seen before it. Raises `CommandRefused`."""
        while self._inbox:
            self._handle(self._inbox.popleft())
        try:
            self.engine.handle(command, self._clock.now())
        finally:
            self._flush()

    # ---- the tick ----

    def _tick(self) -> None:
        self._scheduled = False
        inbox = self._inbox
        until = time.perf_counter() + _SLICE_S
        while inbox:
            self._handle(inbox.popleft())
            if inbox and time.perf_counter() > until and self._loop is not None:
                self._scheduled = True
                self._loop.call_soon(self._tick)
                return

    def _handle(self, seen: Observation) -> None:
        began = time.perf_counter()
        try:
            self.engine.handle(seen, self._clock.now())
        except Exception:
            self.failures += 1
            log.exception("the engine failed on an observation", extra={"observation": type(seen).__name__})
        self._flush(began)

    def _due(self) -> None:
        self._timer = self._armed_for = None
        began = time.perf_counter()
        try:
            self.engine.handle_timer(self._clock.now())
        except Exception:
            self.failures += 1
            log.exception("the engine failed on a deadline")
        self._flush(began)

    def _flush(self, began: float | None = None) -> None:
        """Rule 1, then one timer for the nearest deadline."""
        events, effects = self.engine.drain()
        telephony = self.telephony
        if telephony is not None:
            for effect in effects:
                telephony.perform(effect)
        if events:
            if began is not None and self.decided is not None and any(isinstance(e, OfferMade) for e in events):
                self.decided(time.perf_counter() - began)
            now = self._clock.now()
            for event in events:
                for subscriber in self._subscribers:
                    try:
                        subscriber(event, now)
                    except Exception:
                        self.failures += 1
                        log.exception("a subscriber failed", extra={"event_name": type(event).__name__})
        self._rearm()

    def _rearm(self) -> None:
        loop, due = self._loop, self.engine.next_timer()
        if loop is None or due == self._armed_for:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for = due
        if due is None:
            self._timer = None
        else:
            delay = max(0, due - self._clock.now()) / SECOND
            self._timer = loop.call_later(delay, self._due)

    def _overflow(self) -> None:
        self.overflows += 1
        self._inbox.clear()
        log.error("the inbox overflowed; asking Asterisk for the truth", extra={"limit": self._inbox_limit})
        if self.telephony is not None:
            for node in self.engine.floor.nodes:
                self.telephony.perform(LookAgain(node=node))

    # ---- the heartbeat ----

    def _beat_once(self, planned: float) -> None:
        loop = self._loop
        if loop is None:
            return
        late = max(0.0, loop.time() - planned)
        self.lag_s, self.max_lag_s = late, max(late, self.max_lag_s)
        if self.lagged is not None:
            self.lagged(late)
        self.beats += 1
        if self.telephony is not None:
            self.telephony.beat(self.beats)
        following = max(planned + _BEAT_S, loop.time())
        self._beat = loop.call_at(following, self._beat_once, following)
