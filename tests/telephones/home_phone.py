"""An agent's phone at home played by SIPp: it registers with a password, is rung, answers or refuses, and dials.

One SIPp does what one phone does on one port, because Asterisk rings the port a registration came from
(`rewrite_contact`): its main scenario registers again and again, its scenario for out-of-call messages is the phone
being rung. Dialling is another short-lived SIPp: who dials is known by the password, not by the port.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.telephones.scenario import fill, literal, read_log
from tests.telephones.workshop import Place, Process, TelephoneError, Workshop, free_port, until

_HOUR_MS = 3_600_000
_EXPIRES_S = 120
_AGAIN_MS = 45_000


@dataclass(frozen=True, slots=True)
class Habit:
    """What happens when the phone rings.

    `rings_ms`: so long before it is answered (or refused). `talks_ms`: the agent hangs up after the first time in the
    first talk, the second in the second, and begins again at the first after the last. `refuses`: so many first calls
    are refused with 603.
    """

    rings_ms: int = 500
    talks_ms: Sequence[int] = (_HOUR_MS,)
    refuses: int = 0

    def scenario(self) -> str:
        numbered = list(enumerate(self.talks_ms, 1))
        turns = "".join(
            f'<test assign_to="later_{number}" variable="turn" compare="greater_than" value="{number}"/>'
            for number, _ in numbered
        )
        talks = "".join(
            fill("talk-in-turn.part", {"number": str(number), "talks_ms": str(talks_ms), "again": self._again(number)})
            for number, talks_ms in numbered
        )
        marks = {"rings_ms": str(self.rings_ms), "refuses": str(self.refuses), "turns": turns, "talks": talks}
        return fill("home-phone-is-rung", marks)

    def _again(self, number: int) -> str:
        last = number == len(self.talks_ms)
        return '<nop><action><assign assign_to="turn" value="0"/></action></nop>' if last else ""


NOBODY_HOME = Habit(rings_ms=_HOUR_MS)


class HomePhone:
    """One phone with a user name and password, at its own loopback address; `towards` is Asterisk's SIP address."""

    def __init__(self, workshop: Workshop, name: str, password: str, towards: tuple[str, int], *, address: str) -> None:
        self.name = name
        self.address = address
        self._workshop = workshop
        self._marks = {"name": literal(name), "password": literal(password), "expires_s": str(_EXPIRES_S)}
        self._marks["again_ms"] = str(_AGAIN_MS)
        self._towards = f"{towards[0]}:{towards[1]}"
        self._place: Place | None = None
        self._running: list[Process] = []

    async def switch_on(self, habit: Habit) -> None:
        """Register, and from then on behave like this when rung. Raises: TelephoneError when it cannot register."""
        self._place = place = self._workshop.place("home-phone")
        (place.path / "registers.xml").write_text(fill("home-phone-registers", self._marks), encoding="utf-8")
        (place.path / "rung.xml").write_text(habit.scenario(), encoding="utf-8")
        own = ["-sf", "registers.xml", "-oocsf", "rung.xml", "-l", "1"]  # one call for ever: the registration
        process = await self._sipp(place, own)
        try:
            await until(f"{self.name} to be registered", lambda: self._has_registered(process), 10)
        except TelephoneError as error:
            raise TelephoneError(f"{error}: {_complaint(place)}") from None

    def _has_registered(self, process: Process) -> bool:
        if not process.is_running:
            raise TelephoneError(f"{self.name}'s phone ended: {process.last_words(400)}")
        return "registered" in self._log()

    async def dial(self, number: str, within_s: float = 20.0) -> None:
        """Dial, listen until the other side hangs up. Raises: TelephoneError when it was not answered."""
        place = self._workshop.place("home-phone-dials")
        scenario = fill("home-phone-dials", self._marks | {"number": literal(number)})
        (place.path / "dials.xml").write_text(scenario, encoding="utf-8")
        process = await self._sipp(place, ["-sf", "dials.xml", "-m", "1"])
        if await process.wait(within_s) != 0:
            raise TelephoneError(f"{self.name} dialled {number} in vain: {_complaint(place)}")

    async def _sipp(self, place: Place, own: list[str]) -> Process:
        port = free_port(self.address)
        where = ["-i", self.address, "-p", str(port), "-mi", self.address]
        media = ["-min_rtp_port", str(20000 + port % 20000 // 2 * 2)]
        logs = ["-trace_logs", "-log_file", "log", "-trace_err", "-error_file", "err"]
        argv = ["sipp", *own, *where, *media, *logs, "-nostdin", "-timer_resol", "1", self._towards]
        process = await self._workshop.start(argv, place)
        self._running.append(process)
        return process

    def _log(self) -> list[str]:
        """What happened, in order."""
        if self._place is None:
            return []
        return [event for _, events in sorted(read_log(self._place.path / "log").items()) for event in events]

    def fates(self) -> list[list[str]]:
        """Of each call that rang: rings, answered, released, hangs-up, cancelled, rejected."""
        calls: list[list[str]] = []
        for event in self._log():
            if event == "rings":
                calls.append([])
            if calls and event != "registered":
                calls[-1].append(event)
        return calls

    async def close(self) -> None:
        for process in self._running:
            await process.stop()


def _complaint(place: Place) -> str:
    """What SIPp wrote about messages it did not expect, the last of it."""
    errors = place.path / "err"
    return errors.read_text(errors="replace")[-600:] if errors.exists() else "SIPp says nothing"
