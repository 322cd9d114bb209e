"""A carrier (SIPp): it brings calls to the trunk, as many at a time as wanted, and tells how each one ended."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from tests.telephones.scenario import SIPP_LOGS, fill, literal, read_log
from tests.telephones.workshop import Place, Process, Workshop, free_port, until

REFUSALS = (400, 403, 404, 408, 415, 480, 484, 486, 488, 500, 502, 503, 600, 603)
_HOUR_MS = 3_600_000
_SPEECH = "speech.alaw"
_TONE = bytes((0x55 ^ 0x80, 0x34, 0x55 ^ 0x80, 0x34 ^ 0x80)) * 2000
"Eight seconds of a coarse tone in A-law: loud enough to be told from silence."


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom the carrier calls for, and what the caller does.

    `ani` and `display` make the From header, unless `from_header` gives it whole. `headers` are sent as they are.
    `patience_ms`: hangs up (CANCEL) unless answered by then. `talks_ms`: hangs up so long after the answer.
    `presses`: keys, each `key_after_ms` after the answer or the key before. `speaks`: sends
    a steady tone from the first answer (183 or 200) on; most tests need no audio, and thousands of callers none.
    """

    dnis: str
    ani: str = "+4915155500001"
    display: str = ""
    from_header: str = ""
    headers: Sequence[str] = ()
    patience_ms: int = _HOUR_MS
    talks_ms: int = _HOUR_MS
    presses: str = ""
    key_after_ms: int = 500
    speaks: bool = False

    def scenario(self) -> str:
        name = f'"{self.display}" ' if self.display else ""
        marks = {
            "dnis": literal(self.dnis),
            "from": literal(self.from_header or f"{name}<sip:{self.ani}@carrier.invalid>"),
            "headers": literal("\n".join(self.headers)) or "Supported: 100rel\nAllow: INVITE, ACK, BYE, CANCEL",
            "patience_ms": str(self.patience_ms),
            "talks_ms": str(self.talks_ms),
        }
        marks["refusals"] = "".join(
            f'<recv response="{code}" optional="true" timeout="{self.patience_ms}" ontimeout="gave-up"'
            f' next="refused-{code}"/>\n'
            for code in REFUSALS
        )
        marks["refused"] = "".join(
            fill("refusal.part", {"code": str(code), "dnis": marks["dnis"]}) for code in REFUSALS
        )
        marks["speaks"] = f'<action><exec rtp_stream="{_SPEECH},-1,8,PCMA/8000"/></action>' if self.speaks else ""
        marks["while_talking"] = "".join(
            fill("presses-a-key.part", {"key": key, "before_ms": str(self.key_after_ms)}) for key in self.presses
        )
        return fill("caller-waits-for-an-agent", marks)


class Calls:
    """Calls on their way. The log is written by SIPp as they go on."""

    def __init__(self, process: Process, place: Place, count: int) -> None:
        self.process = process
        self._log = place.path / "log"
        self.count = count

    def fates(self) -> list[list[str]]:
        """Of each call what happened so far: answered, hangs-up, released, gave-up, refused <code>."""
        return [fate for _, fate in sorted(read_log(self._log).items())]

    async def all_are(self, fate: str, within_s: float = 10.0) -> None:
        """Wait until every call has this fate (among others)."""
        await until(
            f"{self.count} calls {fate}, not {self.fates()}",
            lambda: sum(fate in each for each in self.fates()) >= self.count,
            within_s,
        )

    async def end(self, within_s: float = 10.0) -> list[list[str]]:
        """Wait until all calls are over; their fates."""
        await self.process.wait(within_s)
        return self.fates()

    async def abandon(self) -> None:
        """Stop SIPp in the middle of its calls, as a carrier that vanished."""
        await self.process.stop()


class Carrier:
    """The other end of the trunk, at its own loopback address; `towards` is Asterisk's SIP address and port."""

    def __init__(self, workshop: Workshop, towards: tuple[str, int], address: str = "127.0.0.2") -> None:
        self._workshop = workshop
        self._towards = towards
        self.address = address
        self._running: list[Calls] = []
        self._media = itertools.cycle(range(30000, 60000, 500))

    async def call(self, caller: Caller, *, count: int = 1, per_s: float = 10.0) -> Calls:
        """Start `count` calls of one kind, `per_s` a second; returns at once."""
        place = self._workshop.place("carrier")
        (place.path / "caller.xml").write_text(caller.scenario(), encoding="utf-8", errors="surrogateescape")
        (place.path / _SPEECH).write_bytes(_TONE)
        port = free_port(self.address, socket.SOCK_DGRAM)
        interval_ms = max(1, round(1000 / per_s)) if per_s < 1000 else 1
        own = ["-i", self.address, "-p", str(port), "-mi", self.address, "-min_rtp_port", str(next(self._media))]
        how_many = ["-m", str(count), "-l", str(count), "-r", "1", "-rp", str(interval_ms)]
        process = await self._workshop.start(
            ["sipp", "-sf", "caller.xml", *own, *how_many, *SIPP_LOGS, f"{self._towards[0]}:{self._towards[1]}"],
            place,
            raw_sockets=bool(caller.presses),  # SIPp puts the key events on the wire through a raw socket
        )
        calls = Calls(process, place, count)
        self._running.append(calls)
        return calls

    async def close(self) -> None:
        for calls in self._running:
            await calls.abandon()
