"""The pump: observations in, one engine, effects out. One thread, one loop, no lock, nothing awaited in between.

    inbox (bounded) → engine.handle → drain → effects to telephony, events to subscribers → one timer re-armed

Who finds the inbox empty and this turn of the loop unused is handled at once: a caller waits for us, and the way
through the inbox, behind whatever came in the same breath, takes longer than the decision.

Rule 1: effects leave before events are told: a caller waits for the first, nobody for the second.
Rule 2: an engine, an adapter or a subscriber that raises is counted and logged; the pump and its heart go on. A
snapshot on which the engine failed left its node half looked at, and its callers are offered to nobody: another is
asked for, by the heart and ever more seldom, since what failed once may fail each time.
Rule 3: the inbox is bounded. Overflow is not silent loss: everything in it is thrown away and Asterisk is asked for the
truth instead (`LookAgain`), which is cheaper than catching up on what is long past. What no snapshot could tell (a new
owner, a lost node) is kept. Since most is decided as it is parsed, a burst waits in the adapter as bytes, with a bound
of its own (`Limits.backlog_bytes`), beyond which the connection is given up and the truth is asked for too.
Rule 4: the heartbeat moves only here. A router whose loop stands still looks dead to the dialplan.
Rule 5: what was seen is older than any deadline: a deadline that falls due behind a backlog waits for it, so that an
agent who answered in time is not hung up because we were slow. A command does not wait: it finds the floor as it is.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

from router.domain.engine import Engine
from router.domain.ids import SECOND, Micros
from router.domain.messages.commands import Command
from router.domain.messages.effects import AnswerPhone, LookAgain, WriteDown
from router.domain.messages.events import OfferMade
from router.domain.messages.observations import (
    ContactArrived,
    NodeLost,
    Observation,
    OwnerSeen,
    PromiseWritten,
    Resynced,
)
from router.domain.truth.invariants import broken
from router.ports import Clock, EventSubscriber, Telephony
from router.trace.recorder import Recorder

log = logging.getLogger(__name__)

_SLICE_S = 0.005
"The longest stretch of deciding before the loop may read sockets again."
_BEAT_S = 1.0
_LOOK_EVERY_BEATS = 30
_LOOK_AT_MOST = 1000
"Agents and contacts: recounting everything takes a few µs for each, and a decision must not wait for it."


class WallClock:
    """Wall time at start + monotonic since: steps of the system's clock do not reach us."""

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()

    def now(self) -> Micros:
        return (self._offset + time.monotonic_ns()) // 1000

    def not_before(self, at: Micros) -> None:
        """Go on from this instant at the earliest."""
        self._offset += max(0, (at - self.now()) * 1000)

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
        trace: Recorder | None = None,
        inbox_limit: int = 100_000,
        slice_s: float = _SLICE_S,
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
        self.heard: Callable[[Micros], None] | None = None
        "Told how old a caller's arrival is by Asterisk's clock when the engine gets it; negative when that is ahead."
        self.stirred: Callable[[], None] | None = None
        "Told after whatever may have changed the floor: somebody writes down how it stands."
        self.speak: Callable[[AnswerPhone], None] | None = None
        "Answers a feature code once it is safe to say so; None: at once."
        self.write_down: Callable[[WriteDown], None] | None = None
        "Writes a promise where a successor finds it, and tells what came of it; None: it counts as written."
        self._trace = trace
        self._inbox: deque[Observation] = deque()
        self._inbox_limit = inbox_limit
        self._slice_s = slice_s
        self.behind: Callable[[], bool] = lambda: False
        "Whether something was heard that has not come here yet: bytes that wait to be parsed."
        self._failed_on: dict[str, tuple[int, int]] = {}
        "Node whose last snapshot the engine failed on → the beat at which another is asked for, and after how many."
        self._scheduled = False
        self._until = 0.0
        "`perf_counter()` up to which this turn of the loop may decide; set anew with each tick that is scheduled."
        self._flushing = False
        self._timer: asyncio.Handle | None = None
        self._armed_for: Micros | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def runs(self) -> bool:
        """Whether it has been started, and not stopped: a floor that is not taken up yet takes no commands."""
        return self._loop is not None

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
        self._schedule()

    def stop(self) -> None:
        """Stop ticking and beating; what is in the inbox stays there."""
        for handle in (self._timer, self._beat):
            if handle is not None:
                handle.cancel()
        self._timer = self._beat = self._armed_for = None
        self._loop = None

    def stop_beating(self) -> None:
        """Let the dialplan know that nobody decides for waiting callers any more; ticking goes on."""
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None

    # ---- in ----

    def see(self, seen: Observation) -> None:
        """Take an observation: handled at once, or behind what is ahead of it, or once the loop had its turn."""
        inbox = self._inbox
        if not inbox and not self._flushing and self._loop is not None:
            if not self._scheduled:
                self._call_tick(self._loop)
            if time.perf_counter() < self._until:
                self._handle(seen)
                return
        inbox.append(seen)
        if len(inbox) > self._inbox_limit:
            self._overflow()
        self._schedule()

    def ask(self, command: Command) -> None:
        """Carry out a command now. Raises `CommandRefused`, which leaves everything as it was."""
        try:
            self.engine.handle(command, self._clock.now())
        finally:
            self._flush()

    # ---- the tick ----

    def _schedule(self) -> None:
        if self._inbox and not self._scheduled and self._loop is not None:
            self._call_tick(self._loop)

    def _call_tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._scheduled = True
        self._until = time.perf_counter() + self._slice_s
        loop.call_soon(self._tick)

    def _tick(self) -> None:
        self._scheduled = False
        inbox = self._inbox
        until = time.perf_counter() + self._slice_s
        while inbox and self._loop is not None:
            self._handle(inbox.popleft())
            if time.perf_counter() > until:
                break
        self._schedule()

    def _handle(self, seen: Observation) -> None:
        began = time.perf_counter()
        if self._trace is not None:
            self._trace.taken(seen)
        now = self._clock.now()
        try:
            self.engine.handle(seen, now)
        except Exception:
            self.failures += 1
            log.exception("the engine failed on an observation", extra={"observation": type(seen).__name__})
            if type(seen) is Resynced:
                after = min(_LOOK_EVERY_BEATS, 2 * self._failed_on.get(seen.node, (0, 0))[1] or 1)
                self._failed_on[seen.node] = self.beats + after, after
        else:
            if self._failed_on and type(seen) is Resynced:
                self._failed_on.pop(seen.node, None)
        self._flush(began)
        if self.heard is not None and type(seen) is ContactArrived:
            self._guarded("heard", self.heard, now - seen.at)

    def _due(self) -> None:
        self._timer = self._armed_for = None
        if (self._inbox or self.behind()) and self._loop is not None:
            self._armed_for = self.engine.next_timer()
            self._timer = self._loop.call_soon(self._due)  # rule 5: once the loop had its turn
            return
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
        took_s = 0.0 if began is None else time.perf_counter() - began
        if self._trace is not None:
            self._trace.decided(events)
        outermost, self._flushing = not self._flushing, True
        telephony = self.telephony
        if telephony is not None:
            for effect in effects:
                if self.speak is not None and type(effect) is AnswerPhone:
                    self._guarded("AnswerPhone", self.speak, effect)
                elif type(effect) is WriteDown:
                    self._guarded("WriteDown", self.write_down or self._is_written, effect)
                else:
                    self._guarded(type(effect).__name__, telephony.perform, effect)
        if events:
            if began is not None and self.decided is not None and any(isinstance(e, OfferMade) for e in events):
                self._guarded("match", self.decided, took_s)
            now = self._clock.now()
            for event in events:
                for subscriber in self._subscribers:
                    self._guarded(type(event).__name__, subscriber, event, now)
        if self.stirred is not None:
            self.stirred()
        self._flushing = not outermost
        self._rearm()

    def _is_written(self, effect: WriteDown) -> None:
        self.see(PromiseWritten(promise_id=effect.promise_id, safe=True))

    def _guarded(self, what: str, call: Callable[..., None], *given: object) -> None:
        """Rule 2."""
        try:
            call(*given)
        except Exception:
            self.failures += 1
            log.exception("whoever was told failed", extra={"told": what})

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
            # uvloop counts whole milliseconds and rounds: what comes early would be set again and again until then
            delay_ms = max(0, due - self._clock.now() + 999) // 1000
            self._timer = loop.call_later(delay_ms / 1000, self._due)

    def _look_for_the_impossible(self) -> None:
        """The invariants, checked on the living floor while it is small; what is broken is told and looked into."""
        floor, now = self.engine.floor, self._clock.now()
        due = self.engine.next_timer()
        if len(floor.agents) + len(floor.contacts) > _LOOK_AT_MOST or (due is not None and due <= now):
            return
        impossible = broken(floor, now)
        for sentence in impossible:
            floor.broken(sentence)
        if impossible:
            floor.effects.extend(LookAgain(node=node) for node in floor.nodes)
            self._flush()

    def _overflow(self) -> None:
        """Rule 3."""
        self.overflows += 1
        lost = list(self._inbox)
        self._inbox.clear()
        if self._trace is not None:
            self._trace.inbox_lost()
        self._inbox.extend(seen for seen in lost if isinstance(seen, OwnerSeen | NodeLost))
        log.error("the inbox overflowed; asking Asterisk for the truth", extra={"limit": self._inbox_limit})
        # A node whose first snapshot was among what is thrown away is not on the floor yet.
        nodes = dict.fromkeys((*self.engine.floor.nodes, *(seen.node for seen in lost if isinstance(seen, Resynced))))
        if self.telephony is not None:
            for node in nodes:
                self._guarded("LookAgain", self.telephony.perform, LookAgain(node=node))

    # ---- the heartbeat ----

    def _beat_once(self, planned: float) -> None:
        loop = self._loop
        if loop is None:
            return
        late = max(0.0, loop.time() - planned)
        self.lag_s, self.max_lag_s = late, max(late, self.max_lag_s)
        following = max(planned + _BEAT_S, loop.time())
        self._beat = loop.call_at(following, self._beat_once, following)
        self.beats += 1
        if self.beats % _LOOK_EVERY_BEATS == 0:
            self._look_for_the_impossible()
        if self.telephony is not None:
            self._guarded("beat", self.telephony.beat, self.beats)
            for again in [LookAgain(node=node) for node, (due, _) in self._failed_on.items() if due == self.beats]:
                self._guarded("LookAgain", self.telephony.perform, again)
        if self.lagged is not None:
            self._guarded("lag", self.lagged, late)
