"""An agent's phone played by SIPp at a fixed contact: it answers, rejects, holds and hangs up on time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.telephones.scenario import SIPP_LOGS, fill, literal, read_log
from tests.telephones.workshop import Place, Process, Workshop, until

_HOUR_MS = 3_600_000
_REASONS = {404: "Not Found", 408: "Request Timeout", 480: "Temporarily Unavailable", 486: "Busy Here"}
_REASONS |= {487: "Request Terminated", 488: "Not Acceptable Here", 503: "Service Unavailable"}
_REASONS |= {600: "Busy Everywhere", 603: "Decline"}


@dataclass(frozen=True, slots=True)
class Answers:
    """Rings, answers, talks. `holds`: (ms talked before, ms on hold) pairs."""

    rings_ms: int = 50
    talks_ms: int = _HOUR_MS
    holds: Sequence[tuple[int, int]] = ()

    def scenario(self) -> str:
        parts: list[str] = []
        for number, (before_ms, hold_ms) in enumerate(self.holds):
            for step, (pause, direction) in enumerate(((before_ms, "sendonly"), (hold_ms, "sendrecv"))):
                cseq = str(2 + 2 * number + step)
                parts.append(fill("holds.part", {"before_ms": str(pause), "direction": direction, "cseq": cseq}))
        marks = {"rings_ms": str(self.rings_ms), "talks_ms": str(self.talks_ms)}
        return fill("agent-answers", marks | {"while_talking": "".join(parts)})


@dataclass(frozen=True, slots=True)
class Rejects:
    """Rings (not at all for 0 ms) and says no with a SIP status."""

    code: int
    rings_ms: int = 50

    def scenario(self) -> str:
        marks = {"code": str(self.code), "reason": literal(_REASONS.get(self.code, "No"))}
        marks["ringing"] = fill("rings.part", {}) if self.rings_ms else ""
        return fill("agent-rejects", marks | {"rings_ms": str(self.rings_ms)})


NEVER_ANSWERS = Answers(rings_ms=_HOUR_MS)


class SippAgent:
    """One phone (or, since a contact names no user, a row of phones) on one address and port."""

    def __init__(self, workshop: Workshop, address: str, port: int) -> None:
        self._workshop = workshop
        self.address = address
        self.port = port
        self._process: Process | None = None
        self._place: Place | None = None

    async def behave(self, how: Answers | Rejects) -> None:
        """From now on it does this; calls of an earlier behaviour are cut off."""
        await self.close()
        self._place = self._workshop.place("agent")
        (self._place.path / "agent.xml").write_text(how.scenario(), encoding="utf-8")
        own = ["-i", self.address, "-p", str(self.port), "-mi", self.address]
        own += ["-min_rtp_port", str(20000 + self.port % 20000)]
        self._process = await self._workshop.start(
            ["sipp", "-sf", "agent.xml", *own, *SIPP_LOGS],
            self._place,
        )
        await until(f"SIPp on {self.address}:{self.port}", self._is_listening)

    def _is_listening(self) -> bool:
        """Whether somebody has bound our port, as /proc/net/udp tells it (addresses there are little-endian hex)."""
        if self._process and not self._process.is_running:
            raise RuntimeError(self._process.last_words())
        wanted = "".join(f"{int(part):02X}" for part in reversed(self.address.split("."))) + f":{self.port:04X}"
        with open("/proc/net/udp", encoding="ascii") as table:
            return any(line.split()[1] == wanted for line in table)

    def fates(self) -> list[list[str]]:
        """Of each call so far: rings, answered, sendonly, sendrecv, released, hangs-up, cancelled, rejected."""
        if self._place is None:
            return []
        return [fate for _, fate in sorted(read_log(self._place.path / "log").items())]

    async def has(self, fate: str, count: int = 1, within_s: float = 5.0) -> None:
        await until(
            f"{count} calls {fate} at {self.address}:{self.port}, not {self.fates()}",
            lambda: sum(fate in each for each in self.fates()) >= count,
            within_s,
        )

    async def close(self) -> None:
        if self._process:
            await self._process.stop()
            self._process = None
