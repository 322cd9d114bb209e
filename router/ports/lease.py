"""Whose the pool is, and whether its owner may act."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from router.domain.ids import Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseView:
    """Whose the pool is, as Redis tells it."""

    mine: bool = False
    owner: str = ""
    "A nonce of the process; empty: nobody's."
    host: str = ""
    epoch: int = 0
    since_at: Micros = 0
    left_us: Micros = 0
    "Until it lapses unless it is renewed."
    latest: int = 0
    "The highest epoch that was ever given out, as far as Redis remembers."
    standbys: int = 0


class Lease(Protocol):
    """Who owns the pool. For threads: every method blocks, for a second at the worst, and raises `RemoteError`."""

    owner: str
    lives_s: float

    def acquire(self, now: Micros) -> LeaseView:
        """Take it, in a new and higher epoch, if it is nobody's."""
        ...

    def renew(self, epoch: int) -> LeaseView:
        """Hold it for another `lives_s`; one that lapsed, or was forgotten, and went to nobody since is ours again."""
        ...

    def raise_above(self, epoch: int) -> LeaseView:
        """Give the lease that is ours a higher epoch than this, which somebody used once."""
        ...

    def release(self) -> LeaseView: ...

    def read(self, *, stands_by: bool = False) -> LeaseView: ...

    def is_young(self) -> bool:
        """Whether the server runs for so short a time that an owner who is well may not have told it yet.

        False when it does not say.
        """
        ...

    def close(self) -> None: ...


class Acting(Enum):
    """May an owner act now?"""

    YES = auto()
    UNKNOWN = auto()
    "It may have lost the pool without knowing. It is being asked; `Tenure.told` is called when there is news."
    NO = auto()
    "Lost for good."


class Tenure(Protocol):
    """An owner's time in office, as whoever sends actions must know it. Synchronous and cheap."""

    owner: str
    epoch: int
    told: Callable[[], None]
    "Called, on any thread, when what `may_act` says may have changed."
    alone: bool
    "In doubt, and nobody there to ask: then Asterisk's word counts (`proved`)."

    def now(self) -> float: ...

    def may_act(self) -> Acting: ...

    def unanswered(self) -> None:
        """It takes too long: take whoever is asked for absent."""
        ...

    def proved(self, asked_at: float) -> None:
        """Asterisk, asked at that instant of `now()`, knows of no higher epoch."""
        ...

    async def raise_above(self, epoch: int) -> int:
        """Take an epoch above one found at Asterisk. Raises `RemoteError`."""
        ...
