"""The clock and the calls."""

from collections.abc import Callable
from typing import Protocol

from router.domain.ids import Micros
from router.domain.messages.effects import Effect
from router.domain.messages.events import Event
from router.domain.messages.observations import Observation
from router.domain.rulebook.rules import Rules


class Clock(Protocol):
    """One clock for the whole process; it never steps back."""

    def now(self) -> Micros:
        """Microseconds since the epoch, UTC: wall time at start + monotonic since."""
        ...


class Telephony(Protocol):
    """The calls. Observations go to the sink given at construction; `perform` returns at once."""

    def perform(self, effect: Effect) -> None:
        """Send it. A failure comes back as an observation, never as an exception."""
        ...

    def publish(self, rules: Rules) -> None:
        """Tell every node which numbers we serve (`ACD_DNIS_*`), and ask it for our agents' phones (`PhonesSeen`)."""
        ...

    def beat(self, count: int) -> None:
        """Move the heartbeat `ACD_HB_<pool>` that the dialplan watches."""
        ...

    def call_in(self, digits: str) -> None:
        """Make a call of our own that arrives like a caller's at the dialled number `digits`."""
        ...


ObservationSink = Callable[[Observation], None]


EventSubscriber = Callable[[Event, Micros], None]
