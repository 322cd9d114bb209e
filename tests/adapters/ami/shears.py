"""A line to a fake manager that is cut at one byte of one action, or of what is answered to it."""

from dataclasses import dataclass
from typing import Protocol

from .fake_server import Received
from .quick_loop import Wire


class Exchange(Protocol):
    """Whose line it is. `obey` gets an action once all of it has come; False: it hangs up."""

    received: list[Received]
    shears: "Shears | None"

    def obey(self, action: Received, line: "Line") -> bool: ...

    def be_away(self, for_s: float) -> None: ...


@dataclass(kw_only=True)
class Shears:
    """Cut after so many bytes of the first matching action, or of what is answered to it."""

    action: str
    about: str
    "How what the action is about begins: a variable, a leg, a context."
    of_answer: bool
    at: int
    skip: int = 0
    "So many that match are left alone."
    away_s: float = 0.0
    "So long the exchange takes no call of the manager's afterwards."
    done: bool = False
    length: int = 0
    "Of what was to be cut, once it was there."
    missed: bool = False
    "There were fewer bytes than that; nothing was cut."

    def fits(self, action: Received) -> bool:
        if self.done or action.action != self.action or not about(action).startswith(self.about):
            return False
        self.skip -= 1
        return self.skip < 0


def about(action: Received) -> str:
    """What an action is about, in a word."""
    told = dict(action.headers)
    return " ".join(told[name] for name in ("Variable", "Context", "Exten", "Channel") if name in told)


class Line:
    """The manager's end of one connection; what `FakeAsterisk` calls a writer."""

    def __init__(self, exchange: Exchange, wire: Wire, number: int) -> None:
        self._exchange = exchange
        self._wire = wire
        self._number = number
        self._read = b""
        self._answer: bytearray | None = None
        wire.heard = self._hear

    @property
    def transport(self) -> Wire:
        return self._wire

    def is_closing(self) -> bool:
        return self._wire.is_closing()

    def write(self, data: bytes) -> None:
        if self._answer is None:
            self._wire.say(data)
        else:
            self._answer += data

    def _hear(self, data: bytes) -> None:
        shears = self._exchange.shears
        if shears is not None and not shears.done and not shears.of_answer and shears.fits(_read(self._number, data)):
            shears.done = True
            shears.length = len(data)
            shears.missed = shears.at > shears.length
            if not shears.missed:
                self._take(data[: shears.at])
                self._snip(shears)
                return
        self._take(data)

    def _take(self, data: bytes) -> None:
        self._read += data
        *whole, self._read = self._read.split(b"\r\n\r\n")
        for raw in whole:
            action = _read(self._number, raw)
            self._exchange.received.append(action)
            if not self._obey(action):
                self._wire.cut()

    def _obey(self, action: Received) -> bool:
        shears = self._exchange.shears
        if shears is None or shears.done or not shears.of_answer or not shears.fits(action):
            return self._exchange.obey(action, self)
        self._answer = bytearray()
        goes_on = self._exchange.obey(action, self)
        answer, self._answer = bytes(self._answer), None
        shears.done = True
        shears.length = len(answer)
        shears.missed = shears.at > shears.length
        if shears.missed:
            self._wire.say(answer)
        else:
            self._wire.say(answer[: shears.at])
            self._snip(shears)
        return goes_on and shears.missed

    def _snip(self, shears: Shears) -> None:
        self._exchange.be_away(shears.away_s)
        self._wire.cut()


def _read(number: int, raw: bytes) -> Received:
    return Received(number, [line.partition(": ")[::2] for line in raw.decode().split("\r\n") if line])
