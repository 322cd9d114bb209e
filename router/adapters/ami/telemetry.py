"""Telemetry: RTCP reports over an AMI user and a connection of their own, lossy by design, the newest wins.

    socket → heap of bytes (the newest 256 kB) → one look at each event's first line → `LineBoard`

Rule 1: nothing of a call ever waits behind a report. Bytes are worked on in one turn of at most 256 kB (well below a
        millisecond), then everything rests nine times as long as that took and at least 20 ms: a tenth of one core at
        the very most.
Rule 2: nothing queues. While more arrives than that, whole older buffers are thrown away unread and counted; reading
        itself never lags, so Asterisk neither piles events up for us nor closes the connection.
Rule 3: a fault here stays here: it is counted, logged once, tried again, and never reaches the calls.

It runs on the loop of the calls. Measured with tests/load/telemetry_flood.py (500 call events and 4,000 reports of
0.9 kB a second from another process, uvloop, two cores that others used too; ranges of six runs), lag of the call
connection, p99: 0.1-2.4 ms without telemetry, 0.4-1.4 ms with it here, 0.5-2.4 ms with it in a thread of its own, which
shares the GIL all the same: no difference beyond the noise, so the simpler one. It costs about 1.5 % of a core. The
same reports on the call connection cost about 5 %, p99 there was 0.2-175 ms: calls wait behind whatever bursts.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from router.adapters.ami.intake import Intake
from router.adapters.ami.limits import Limits
from router.adapters.ami.line import LineBoard
from router.adapters.ami.session import AmiAddress, Session
from router.adapters.ami.wire import END, BrokenStream, Framer
from router.domain.ids import LegId
from router.ports import LineReport, LineSummary

log = logging.getLogger(__name__)

HOLD_BYTES = 256 << 10
"Kept for a turn; what is older when more comes is thrown away."
FULL_BYTES = 64 << 10
"A read of this size means that more is waiting: it is read, and the older part dropped, before anything is looked at."
REST_S = 0.02
REST_SHARE = 9.0
"Rest after a turn, in lengths of the turn."
MOST_READS = 64
"In a row, before a turn: 16 MB."
LIMITS = Limits(block_bytes=64 << 10, slice_s=0.002, stall_grace_s=0.0, max_backoff_s=30.0)
_RTCP = b"Event: RTCP"
_ALIVE_S = 5.0
"Bytes were thrown away: an answer to a Ping may have been among them, and who sends is no dead peer."


class Sieve(Intake):
    """An intake that may lose. Until the login is answered, and for all but RTCP events, it is an ordinary one."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        board: LineBoard,
        pause: Callable[["Sieve", bool], None],
        clock: Callable[[], float] = time.monotonic,
        **given: Any,
    ) -> None:
        self._turns = loop
        self._board = board
        self._pause = pause
        self._time = clock
        self._longest: int = given["limits"].block_bytes
        self._cutter = Framer(self._longest)
        self._heap: deque[bytes] = deque()
        self._heaped = 0
        "Bytes in `_heap`."
        self._torn = False
        "The heap begins in the middle of an event."
        self._dropped_at = -_ALIVE_S
        self._busy = False
        "A turn is asked for, or under way, or resting."
        self._more = False
        self._reads = 0
        super().__init__(loop, clock=clock, **given)

    def feed(self, data: bytes) -> None:
        if not self.open:
            super().feed(data)
            return
        self._heap.append(data)
        self._heaped += len(data)
        while self._heaped > HOLD_BYTES and len(self._heap) > 1:
            self._drop(self._heap.popleft())
        self._more = self._more or len(data) >= FULL_BYTES
        if not self._busy:
            self._busy = True
            self._turns.call_soon(self._turn)

    def end(self, on_drained: Callable[[], None]) -> None:
        self._sift()
        super().end(on_drained)

    def behind(self) -> bool:
        return super().behind() or bool(self._heap) or self._time() - self._dropped_at < _ALIVE_S

    def _drop(self, data: bytes) -> None:
        self._heaped -= len(data)
        self._board.dropped += data.count(END)
        self._torn = True
        self._dropped_at = self._time()

    def _drop_all(self) -> None:
        while self._heap:
            self._drop(self._heap.popleft())

    def _turn(self) -> None:
        if self._more and self._reads < MOST_READS:
            self._more = False
            self._reads += 1
            self._turns.call_soon(self._turn)
            return
        self._more = False
        self._reads = 0
        began = self._time()
        try:
            self._sift()
        except Exception as error:  # noqa: BLE001 - rule 3: a mistake of ours costs this turn and no more
            self._drop_all()
            self._on_fault(error)
        # Without this each event would wake the loop by itself; the kernel collects them better than we can.
        self._pause(self, True)
        self._turns.call_later(max(REST_S, (self._time() - began) * REST_SHARE), self._rested)

    def _rested(self) -> None:
        self._busy = False
        self._pause(self, False)
        if self._heap:
            self._busy = True
            self._turns.call_soon(self._turn)

    def _sift(self) -> None:
        """Look at everything on the heap, in order, so that the newest of a line comes last."""
        board, now = self._board, self._time()
        while self._heap:
            data = self._heap.popleft()
            self._heaped -= len(data)
            if self._torn:
                _, found, data = data.partition(END)
                if not found:
                    continue
                board.dropped += 1
                self._torn = False
                self._cutter = Framer(self._longest)
            try:
                blocks = self._cutter.feed(data)
            except BrokenStream as error:
                self._heap.clear()
                self._heaped = 0
                self.on_broken(error)
                return
            for raw in blocks:
                if not raw.startswith(_RTCP):
                    super().feed(raw + END)
                elif board.keep(raw, now):
                    self.last_event_at = now
                    self._counters.events += 1
                else:
                    self._counters.malformed += 1
        board.sweep()


class _LineSession(Session):
    """A session that only listens, with an intake of its own and its own words in the log."""

    def __init__(self, address: AmiAddress, board: LineBoard, limits: Limits) -> None:
        super().__init__(
            address,
            wanted=frozenset(),
            on_event=_nothing,
            on_up=self._back,
            on_down=self._tell,
            on_fault=self._fault_once,
            limits=limits,
            intake=partial(Sieve, board=board, pause=self._pause),
        )
        self._told = ""
        self._faults: set[str] = set()

    def _fault_once(self, error: Exception) -> None:
        """A lasting fault comes with every turn: one line for each kind of it."""
        kind = type(error).__name__
        if kind not in self._faults:
            self._faults.add(kind)
            log.error("reading telemetry raised %s; it is counted from now on, calls go on", kind)

    def _pause(self, sieve: Sieve, paused: bool) -> None:
        link = self._link
        if link is None or link.intake is not sieve or link.transport is None or link.transport.is_closing():
            return
        if paused:
            link.transport.pause_reading()
        else:
            link.transport.resume_reading()

    def _report(self, reason: str) -> None:
        self._guarded(self._on_down, reason)

    def _back(self) -> None:
        if self._told:
            log.info("telemetry is back")
        self._told = ""

    def _tell(self, reason: str) -> None:
        """One line for each new reason, none for its repetitions: calls do not depend on it."""
        if reason in ("closed", self._told):
            return
        self._told = reason
        log.warning("no telemetry from Asterisk: %s; calls go on without it", reason.partition(":")[0])


def _nothing(*_: object) -> None:
    """There are no other events."""


class Telemetry:
    """The newest reports of every line of one node (the port `LineReports`), while `run()` runs."""

    def __init__(self, address: AmiAddress, *, board: LineBoard | None = None, limits: Limits = LIMITS) -> None:
        self._board = board or LineBoard()
        self.session = _LineSession(address, self._board, limits)

    async def run(self) -> None:
        """Stay connected until closed or cancelled. Raises nothing else: calls go on without it."""
        try:
            await self.session.run()
        except Exception as error:  # noqa: BLE001 - rule 3
            log.error("telemetry has ended until the next start: %s", type(error).__name__)

    async def close(self) -> None:
        await self.session.close()

    def latest(self, leg: LegId) -> tuple[LineReport, ...]:
        return self._board.latest(leg)

    def summary(self) -> LineSummary:
        return self._board.summary(connected=self.session.connected)
