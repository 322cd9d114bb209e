"""From the bytes of one connection to the consumer's callback, in order, in slices.

The way of one event on a quiet line is a straight call: socket → `feed` → frame → parse → `on_event`, no
task, no queue, no turn of the loop between. In a burst parsing stops after a slice (5 ms) and goes on in the
next turn; while that is under way `feed` only keeps the bytes. Reading is never paused: Asterisk ends the session of a
reader that stalls (`writetimeout`, main/manager.c). Events nobody wants are dropped by their name while they
are still bytes.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from router.adapters.ami.limits import Counters, Limits
from router.adapters.ami.pending import Pending
from router.adapters.ami.wire import Block, BrokenStream, Framer, parse_block

BANNER = b"Asterisk Call Manager/"
BANNER_LIMIT = 256
_SHARE = 0.05
"Part of a slice that one call may use without ending the work of this turn of the loop."
_EVENT = b"Event: "
_ACTION_ID = b"\r\nActionID: "


class Intake:
    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        wanted: frozenset[str],
        on_event: Callable[[Block], None],
        on_fault: Callable[[Exception], None],
        limits: Limits,
        counters: Counters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._loop = loop
        self._wanted = frozenset(name.lower() for name in wanted)
        self._wanted_raw = frozenset(name.encode() for name in self._wanted)
        self._on_event = on_event
        self._on_fault = on_fault
        self._limits = limits
        self._counters = counters
        self._clock = clock
        self._framer = Framer(limits.block_bytes)
        self._chunks: deque[bytes] = deque()
        "As they came from the socket, not yet cut: cutting 8 MB, what libuv hands over in one turn, is work too."
        self._came: deque[float] = deque()
        "When each of `_chunks` came."
        self.read_at = 0.0
        "`clock()` when the bytes came whose blocks are handled now."
        self._blocks: deque[bytes] = deque()
        self._held = 0
        "Bytes in `_chunks`."
        self._scheduled = False
        self._draining = False
        self._on_drained: Callable[[], None] | None = None
        self.on_broken: Callable[[BrokenStream], None] = lambda error: None
        "Called when the stream is no AMI or the backlog is full; nothing more is handled then."
        self._banner = b""
        self.version = ""
        "AMI version from the banner, once it came."
        self.open = False
        "Whether events go to the consumer: from the login's answer on."
        self.last_event_at: float | None = None
        "`clock()` when the last block came: an event, wanted or not, or a reply. An idle Asterisk sends replies alone."
        self.pending = Pending(loop, limits, counters, self.behind)

    def behind(self) -> bool:
        """Whether received bytes still wait to be parsed."""
        return bool(self._chunks or self._blocks)

    def feed(self, data: bytes) -> None:
        """Take what the socket gave; parse it now unless there is a backlog. Never raises."""
        self._counters.bytes_in += len(data)
        self._chunks.append(data)
        self._came.append(self._clock())
        self._held += len(data)
        if not self._scheduled and not self._draining:
            self._drain()
        if self._held > self._limits.backlog_bytes:
            self._counters.overflows += 1
            self._break(BrokenStream("ami-backlog", "events arrive faster than they are handled"))

    def end(self, on_drained: Callable[[], None]) -> None:
        """No more bytes will come: handle what is there, then call back."""
        self._on_drained = on_drained
        if not self._scheduled and not self._draining:
            self._drain()

    def _break(self, error: BrokenStream) -> None:
        self._chunks.clear()
        self._came.clear()
        self._blocks.clear()
        self._held = 0
        self.on_broken(error)

    def _cut(self) -> None:
        """Cut the next chunk into blocks."""
        data = self._chunks.popleft()
        self.read_at = self._came.popleft()
        self._held -= len(data)
        try:
            self._blocks.extend(self._framer.feed(data if self.version else self._greet(data)))
        except BrokenStream as error:
            self._break(error)

    def _greet(self, data: bytes) -> bytes:
        self._banner += data
        line, eol, rest = self._banner.partition(b"\r\n")
        seen = line[: len(BANNER)]
        if not BANNER.startswith(seen) or len(line) > BANNER_LIMIT or (eol and seen != BANNER):
            raise BrokenStream("ami-no-banner", "the peer does not greet as Asterisk's manager does")
        if not eol:
            return b""
        self.version = line[len(BANNER) :].decode("ascii", "replace").strip() or "?"
        self._banner = b""
        return rest

    def _drain(self) -> None:
        self._scheduled = False
        self._draining = True
        blocks, chunks, clock = self._blocks, self._chunks, self._clock
        began = clock()
        end = began + self._limits.slice_s
        try:
            while blocks or chunks:
                if blocks:
                    self._take(blocks.popleft())
                else:
                    self._cut()
                if clock() >= end:
                    break
        finally:
            self._draining = False
            # The slice belongs to a turn of the loop, not to a call: libuv hands over up to 32 chunks a turn. Who has
            # worked for longer than a single event takes lets the next turn go on, also when nothing is left now.
            if blocks or chunks or clock() - began > self._limits.slice_s * _SHARE:
                self._scheduled = True
                self._loop.call_soon(self._drain)
        if not blocks and not chunks and self._on_drained is not None:
            done, self._on_drained = self._on_drained, None
            done()

    def _take(self, raw: bytes) -> None:
        self.last_event_at = self.read_at
        if raw[:7] == _EVENT:
            cut = raw.find(b"\r\n")
            name = raw[7:cut] if cut >= 0 else raw[7:]
            if name.lower() not in self._wanted_raw and not (self.pending.listening and self._listed(raw)):
                self._counters.unwanted += 1
                return
        block = parse_block(raw)
        event = block.event
        if event:
            if self.pending.listening and self.pending.item(block):
                return
            if not self.open or event.lower() not in self._wanted:
                self._counters.unwanted += 1
                return
            self._counters.events += 1
            try:
                self._on_event(block)
            except Exception as error:  # noqa: BLE001 - one bad event must not cost the connection and the rest of the burst
                self._on_fault(error)
        elif block.response:
            self.pending.answer(block)
        elif raw.strip():
            self._counters.malformed += 1

    def _listed(self, raw: bytes) -> bool:
        at = raw.find(_ACTION_ID)
        if at < 0:
            return False
        at += len(_ACTION_ID)
        end = raw.find(b"\r\n", at)
        return self.pending.owns((raw[at:end] if end >= 0 else raw[at:]).decode("utf-8", "replace"))
