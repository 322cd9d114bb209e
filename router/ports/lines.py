"""What the lines of phones are like."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from router.domain.ids import LegId, Micros


class Way(StrEnum):
    """Which direction of a leg's audio a report tells about."""

    UPLINK = "uplink"
    "Phone → us, as we received it."
    DOWNLINK = "downlink"
    "Us → phone, as the phone says it received it."


@dataclass(frozen=True, slots=True, kw_only=True)
class LineReport:
    """One RTCP report (RFC 3550, 6.4) about a leg. None: not in the report, or too absurd to be true."""

    leg: LegId
    way: Way
    at: Micros
    "Asterisk's own time of it; 0 when it gave none."
    fraction_lost: float | None
    "0 … 1, since the report before. 0 as well while nothing arrives at all: then `highest_sequence` stands still."
    highest_sequence: int | None
    "Of the packets received, with its cycles of 65,536."
    jitter_us: Micros | None
    "Interarrival jitter, from units of the codec's clock."
    rtt_us: Micros | None
    "There and back; only the phone's reports tell it."
    mes: float | None
    "Asterisk's media experience score, 0-100, raw: it ignores jitter and rises while nothing arrives."
    sent_packets: int | None
    "Packets sent by whoever made the report: an uplink report counts ours, a downlink report the phone's."


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSummary:
    """All lines at once: no leg can be told from another. The figures are of uplinks, None without any."""

    connected: bool
    events: int
    "Reports taken since the start."
    dropped: int
    "Reports thrown away unread since the start: newer ones were there."
    legs: int
    "With a report of the last seconds."
    median_jitter_us: Micros | None = None
    worst_jitter_us: Micros | None = None
    median_lost: float | None = None
    worst_lost: float | None = None


class LineReports(Protocol):
    """What the lines are like now. Reports may be missing: they are lossy, the newest wins."""

    def latest(self, leg: LegId) -> tuple[LineReport, ...]:
        """The newest report of each way, uplink first; empty when there was none for some seconds."""
        ...

    def summary(self) -> LineSummary: ...
