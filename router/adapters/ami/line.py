"""RTCP events → `LineReport`, and the board that keeps each line's newest one.

Keeping and reading are apart: keeping an event is a few searches in its bytes (about 2 µs), numbers are read only when
somebody asks. What is kept begins behind the caller's number, name and addresses, so none of them stays in memory.

What the fields are worth (measured with Asterisk 22.10.1; main/rtp_engine.c, res/res_rtp_asterisk.c):

- `RTCPSent` is Asterisk's own view of what it received, once per `rtcpinterval` whatever the phone does; `RTCPReceived`
  is the phone's view of what it received.
- `SSRC` of `RTCPReceived` is not one (for a sender's report it is the NTP time): lines are told apart by `Uniqueid`.
- `RTT` is unsigned and wraps to 65,536 s when clocks disagree by a hair: beyond 10 s it is no round trip.
- `Report0IAJitter` counts the codec's clock, which the event does not tell. G.711, G.729 and G.722 have 8 kHz
  (RFC 3551, 4.5.2: G.722 too), and agents' endpoints allow G.711 alone.
- `Report0HighestSequence` is the last sequence number, 16 bits; its cycles come beside it.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from statistics import median_low

from router.adapters.ami.parse import micros, whole_number
from router.domain.ids import SECOND, LegId, Micros
from router.ports import LineReport, LineSummary, Way

G711_HZ = 8000
LONGEST_RTT_S = 10.0
LONGEST_JITTER_US: Micros = 10 * SECOND
BLOCK_BYTES = 8192
"Of one event; Asterisk's have about 900."
MOST_LEGS = 20_000
"A pool of 10,000 agents has no more."
MOST_SUMMED = 2000
"A summary is made on the loop that calls are decided on: 3 to 4 ms, once a scrape."
SILENCE_S = 15.0
"""Without a report for so long a line is forgotten: three of the longest intervals that doctor accepts without a word,
and many more of ours. The end of a leg is not heard here; its last report is worth a few seconds more."""

_SENT = b"Event: RTCPSent\r\n"
_RECEIVED = b"Event: RTCPReceived\r\n"
_TIME = b"\r\nTimestamp: "
_LEG = b"\r\nUniqueid: "
_FROM = b"\r\nFrom: "

Kept = tuple[float, bytes, bytes]
"(monotonic seconds when it came, Asterisk's time, the headers behind `From`)"


class LineBoard:
    """The newest report of each line. Bounded; who was silent longest leaves first."""

    def __init__(
        self,
        *,
        clock_hz: int = G711_HZ,
        most_legs: int = MOST_LEGS,
        silence_s: float = SILENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.events = 0
        self.dropped = 0
        self._clock_hz = clock_hz
        self._most_legs = most_legs
        self._silence_s = silence_s
        self._clock = clock
        self._up: OrderedDict[bytes, Kept] = OrderedDict()
        self._down: OrderedDict[bytes, Kept] = OrderedDict()

    def keep(self, raw: bytes, came: float) -> bool:
        """Keep an event's bytes instead of the ones before; False when it is none of ours. Never raises."""
        if raw.startswith(_SENT):
            lines = self._up
        elif raw.startswith(_RECEIVED):
            lines = self._down
        else:
            return False
        at = raw.find(_LEG)
        end = raw.find(b"\r\n", at + 2)
        if at < 0 or end < 0 or len(raw) > BLOCK_BYTES:
            return False
        leg = raw[at + len(_LEG) : end]
        cut = raw.find(_FROM, end)
        if cut >= 0:
            end = raw.find(b"\r\n", cut + 2)
        stamp = raw.find(_TIME, 0, at)
        stamped = raw[stamp + len(_TIME) : raw.find(b"\r\n", stamp + 2)] if stamp >= 0 else b""
        lines[leg] = (came, stamped, raw[end:] if end >= 0 else b"")
        lines.move_to_end(leg)
        if len(lines) > self._most_legs:
            lines.popitem(last=False)
        self.events += 1
        return True

    def sweep(self) -> None:
        """Forget who was silent for too long."""
        oldest = self._clock() - self._silence_s
        for lines in (self._up, self._down):
            while lines and next(iter(lines.values()))[0] < oldest:
                lines.popitem(last=False)

    def latest(self, leg: LegId) -> tuple[LineReport, ...]:
        """The newest report of each way, uplink first."""
        self.sweep()
        key = leg.encode()
        found = ((Way.UPLINK, self._up.get(key)), (Way.DOWNLINK, self._down.get(key)))
        return tuple(read(leg, way, kept, self._clock_hz) for way, kept in found if kept is not None)

    def summary(self, *, connected: bool) -> LineSummary:
        """Everything at once. About 2 µs a leg: of very many, the figures are of the latest `MOST_SUMMED`."""
        self.sweep()
        jitters: list[Micros] = []
        losses: list[float] = []
        for _, _, tail in islice(reversed(self._up.values()), MOST_SUMMED):
            if (jitter := _jitter(tail, self._clock_hz)) is not None:
                jitters.append(jitter)
            if (lost := _lost(tail)) is not None:
                losses.append(lost)
        return LineSummary(
            connected=connected,
            events=self.events,
            dropped=self.dropped,
            legs=len(self._up.keys() | self._down.keys()),
            median_jitter_us=median_low(jitters) if jitters else None,
            worst_jitter_us=max(jitters, default=None),
            median_lost=median_low(losses) if losses else None,
            worst_lost=max(losses, default=None),
        )


def read(leg: LegId, way: Way, kept: Kept, clock_hz: int = G711_HZ) -> LineReport:
    """The numbers of a kept event; whatever is missing, malformed or absurd becomes None."""
    _, stamped, tail = kept
    sequence = _whole(tail, b"Report0HighestSequence", 0xFFFF)
    cycles = _whole(tail, b"Report0SequenceNumberCycles", 0xFFFF)
    rtt = _decimal(tail, b"RTT", LONGEST_RTT_S)
    return LineReport(
        leg=leg,
        way=way,
        at=micros(stamped.decode("ascii", "replace")) or 0,
        fraction_lost=_lost(tail),
        highest_sequence=None if sequence is None else (cycles or 0) << 16 | sequence,
        jitter_us=_jitter(tail, clock_hz),
        rtt_us=None if rtt is None else round(rtt * SECOND),
        mes=_decimal(tail, b"MES", 100.0),
        sent_packets=_whole(tail, b"SentPackets", 0xFFFF_FFFF),
    )


def _lost(tail: bytes) -> float | None:
    lost = _whole(tail, b"Report0FractionLost", 255)
    return None if lost is None else lost / 256


def _jitter(tail: bytes, clock_hz: int) -> Micros | None:
    units = _whole(tail, b"Report0IAJitter", LONGEST_JITTER_US * clock_hz // SECOND)
    return None if units is None else units * SECOND // clock_hz


def _text(tail: bytes, name: bytes) -> str:
    at = tail.find(b"\r\n" + name + b": ")
    if at < 0:
        return ""
    end = tail.find(b"\r\n", at + 2)
    return (tail[at + len(name) + 4 :] if end < 0 else tail[at + len(name) + 4 : end]).decode("ascii", "replace")


def _whole(tail: bytes, name: bytes, most: int) -> int | None:
    number = whole_number(_text(tail, name))
    return number if number is not None and number <= most else None


def _decimal(tail: bytes, name: bytes, most: float) -> float | None:
    """A number as C's %4.4f and %.1f write it; never an infinity or an exponent."""
    text = _text(tail, name).lstrip(" ")
    whole, _, fraction = text.partition(".")
    if whole_number(whole) is None or (fraction and whole_number(fraction) is None):
        return None
    number = float(text)
    return number if number <= most else None
