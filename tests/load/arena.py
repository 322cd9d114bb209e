"""The phones and the carrier around the offices, and one round of calls. Everything is on loopback.

All agents' phones are one SIPp, which tells them apart by the number in the request; all callers of a round are
another. Each round has caller numbers of its own, and what it hears comes from the wire, never from a system's own log.
"""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from router.adapters.pbx.root import Root
from tests.load.quiet_machine import Busy, Neighbours
from tests.load.wire import Wire, only_the_pace, pace_of
from tests.telephones.packets import SipMessage
from tests.telephones.workshop import Place, Process, TelephoneError, Workshop, free_port, until

PHONES_ADDRESS, CARRIER_ADDRESS = "127.0.0.40", "127.0.0.2"
_SIPP = Path(__file__).parent / "sipp"
_SPEECH = "speech.alaw"
_TONE = bytes((0x55 ^ 0x80, 0x34, 0x55 ^ 0x80, 0x34 ^ 0x80)) * 2000
"Eight seconds of a coarse tone in A-law."
_SIPP_OPTIONS = ("-nostdin", "-timer_resol", "1", "-trace_err", "-error_file", "err", "-trace_stat", "-stf", "stat")
_LAST_ROUND = 999


@dataclass(frozen=True, slots=True)
class Talk:
    """How long the agents talk, in ms: uniform over a whole second, so that no poll can lock to it."""

    least_ms: int = 1500
    most_ms: int = 2500
    audio: bool = False

    @property
    def scenario(self) -> str:
        return "agent-rings-answers-and-" + ("talks-with-audio" if self.audio else "hangs-up-after-a-random-talk")


THREE_SECONDS = Talk(2500, 3500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What became of the calls of one round. Its times are the packets': SIPp's start and exit are not in them."""

    calls: int
    placed: int
    "Calls the carrier could begin."
    succeeded: int
    failed: int
    answered: int
    "Calls that an agent's phone took and ended as it should."
    repeated: int
    "Messages that SIPp had to send again: the first sign of overload."
    placed_s: float
    "From the first caller's INVITE to the last caller's."
    took_s: float
    "From the first INVITE to the last BYE."
    dropped: int = 0
    "Packets that tcpdump could not keep: nothing can be timed then."
    words: str = ""
    messages: list[SipMessage] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Failed, never placed, or without an agent."""
        return self.calls - min(self.placed, self.succeeded, self.answered)


class CallsLost(Exception):
    """A round in which no call may fail had one that did."""


class Arena:
    def __init__(self, root: Root) -> None:
        self.workshop = Workshop(root)
        self.phones = (PHONES_ADDRESS, free_port(PHONES_ADDRESS))
        self._process: Process | None = None
        self._place: Place | None = None
        self._talk: Talk | None = None
        self._round = 100
        self.measured: Callable[[], Iterable[int]] = tuple
        "Pids of the servers that are measured: no neighbours of ours."
        self.busy: list[Busy] = []
        "What the neighbours did in each round; whoever makes a row of them empties it."

    async def __aenter__(self) -> Arena:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.phones_off()
        self.workshop.close()

    # ---- the phones ----

    async def phones_on(self, talk: Talk) -> None:
        """From now on the phones talk so long; they must not be in a call."""
        if talk == self._talk and self._process is not None and self._process.is_running:
            return
        await self.phones_off()
        self._place = self.workshop.place("phones")
        marks = {"least_ms": str(talk.least_ms), "most_ms": str(talk.most_ms), "speech": _SPEECH}
        _write(self._place, "agent.xml", talk.scenario, marks)
        host, port = self.phones
        self._process = await self.workshop.start(
            [
                *("sipp", "-sf", "agent.xml", "-i", host, "-p", str(port), "-mi", host, *_SIPP_OPTIONS, "-fd", "200ms"),
                *("-min_rtp_port", "20000", "-max_rtp_port", "60000"),
            ],
            self._place,
        )
        self._talk = talk
        await until("the phones to listen", self._phones_listen, 10)

    async def phones_anew(self) -> None:
        """Cut every call of the phones and put them on again: after a crowd was sent home, or a rate too high."""
        talk = self._talk
        await self.phones_off()
        if talk is not None:
            await self.phones_on(talk)

    def _phones_listen(self) -> bool:
        if self._process is None or not self._process.is_running:
            raise TelephoneError(f"the phones do not run: {self._process.last_words() if self._process else ''}")
        wanted = "".join(f"{int(part):02X}" for part in reversed(self.phones[0].split("."))) + f":{self.phones[1]:04X}"
        lines = Path("/proc/net/udp").read_text().splitlines()[1:]
        return self._counted("SuccessfulCall(C)") is not None and any(line.split()[1] == wanted for line in lines)

    async def phones_off(self) -> None:
        if self._process is not None:
            await self._process.stop()
        self._process = self._talk = None

    def _counted(self, name: str) -> int | None:
        return None if self._place is None else _last_row(self._place.path / "stat").get(name)

    # ---- the callers ----

    async def round(
        self,
        towards: tuple[str, int],
        dnis: str,
        *,
        calls: int,
        per_s: float,
        within_s: float,
        heard: bool = True,
        audio: bool = False,
    ) -> Round:
        """So many calls to one number, to their end or for `within_s` seconds. `heard`: every SIP message is kept."""
        await self._phones_are_free()
        before = self._counted("SuccessfulCall(C)") or 0
        wire = Wire(self.workshop, f"udp port {towards[1]}" if heard else only_the_pace(CARRIER_ADDRESS, towards[1]))
        await wire.start()
        words, neighbours = "", Neighbours(self.measured())
        try:
            callers = await self.callers(towards, dnis, calls=calls, per_s=per_s, audio=audio)
            try:
                if await callers.process.wait(within_s):
                    words = callers.words()
            except TelephoneError:
                words = f"not over after {within_s:g} s: {callers.words()}"
            finally:
                await callers.process.stop()
            self.busy.append(neighbours.look(self.measured()))
            counted = callers.counted()
            succeeded = counted.get("SuccessfulCall(C)", 0)
            answered = await self._answered_since(before, succeeded)
        finally:
            await wire.stop()
        messages = wire.sip()
        pace = pace_of(messages, CARRIER_ADDRESS)
        return Round(
            calls=calls,
            placed=min(counted.get("TotalCallCreated", 0), pace.seen),
            succeeded=succeeded,
            failed=counted.get("FailedCall(C)", 0),
            answered=answered,
            repeated=counted.get("Retransmissions(C)", 0),
            placed_s=pace.placed_s,
            took_s=pace.took_s,
            dropped=wire.dropped(),
            words=words,
            messages=messages if heard else [],
        )

    async def _phones_are_free(self) -> None:
        """Nobody may still be in a talk of the round before: it would count for this one."""
        try:
            await until("the phones to be free", lambda: self._counted("CurrentCall") == 0, 5)
        except TelephoneError:
            await self.phones_anew()

    async def _answered_since(self, before: int, expected: int) -> int:
        """Talks the phones ended well; their count is written a moment after the carrier's last call."""

        def answered() -> int:
            return (self._counted("SuccessfulCall(C)") or 0) - before

        with contextlib.suppress(TelephoneError):
            await until("the phones to count", lambda: answered() >= expected, 3)
        return answered()

    async def callers(
        self, towards: tuple[str, int], dnis: str, *, calls: int, per_s: float, audio: bool = False
    ) -> Callers:
        """A carrier with so many calls, started; `round` is the usual way."""
        self._round = self._round + 1 if self._round < _LAST_ROUND else 101
        place = self.workshop.place("carrier")
        scenario = "caller-sends-audio-until-released" if audio else "caller-waits-until-released"
        _write(place, "caller.xml", scenario, {"dnis": dnis, "round": str(self._round), "speech": _SPEECH})
        process = await self.workshop.start(
            [
                *("sipp", "-sf", "caller.xml", "-i", CARRIER_ADDRESS, "-p", str(free_port(CARRIER_ADDRESS))),
                *("-mi", CARRIER_ADDRESS, "-m", str(calls), "-r", f"{per_s:g}", "-l", str(calls)),
                *(*_SIPP_OPTIONS, "-fd", "1", "-min_rtp_port", "20000", "-max_rtp_port", "60000"),
                f"{towards[0]}:{towards[1]}",
            ],
            place,
        )
        return Callers(process, place)


class Callers:
    """A carrier in the middle of its calls."""

    def __init__(self, process: Process, place: Place) -> None:
        self.process = process
        self._place = place

    def counted(self) -> dict[str, int]:
        return _last_row(self._place.path / "stat")

    def words(self) -> str:
        """The first things SIPp found wrong, else its screen."""
        errors = self._place.path / "err"
        return errors.read_text(errors="replace")[:1500] if errors.exists() else self.process.last_words(600)


def calls_of(round_: Round) -> Round:
    """The round, if each call was placed, answered by an agent, ended well, and all was heard. Raises CallsLost."""
    if round_.dropped:
        raise CallsLost(f"tcpdump dropped {round_.dropped} packets: the run cannot be timed")
    if round_.lost or round_.failed:
        raise CallsLost(
            f"{round_.lost} of {round_.calls} calls were lost ({round_.placed} placed, {round_.failed} failed, "
            f"{round_.answered} talked with an agent): {round_.words}"
        )
    return round_


def _write(place: Place, file: str, scenario: str, marks: dict[str, str]) -> None:
    text = (_SIPP / f"{scenario}.xml").read_text()
    head, comment, body = text.partition("-->")
    for mark, value in marks.items():
        body = body.replace(f"~{mark}~", value)
    (place.path / file).write_text(head + comment + body)
    (place.path / _SPEECH).write_bytes(_TONE)


def _last_row(path: Path) -> dict[str, int]:
    """The newest line of SIPp's statistics, of what is a whole number there. A line half written is passed over."""
    try:
        with path.open(newline="") as file:
            rows = list(csv.reader(file, delimiter=";"))
    except FileNotFoundError:
        return {}
    whole = [row for row in rows[1:] if len(row) == len(rows[0])]
    if not whole:
        return {}
    return {name: int(value) for name, value in zip(rows[0], whole[-1], strict=True) if value.isdecimal()}
