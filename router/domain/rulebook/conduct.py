"""What a site asks of its agents, compiled from its files: pauses, wrap-up, and what follows an offer in vain.

Only data; pauses.py, wrapup.py and aftermath.py act on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from router.domain.ids import SECOND, Micros
from router.domain.record import OfferResult


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRules:
    """What a pause for one reason allows."""

    label: str = ""
    paid: bool = False
    "Whether it is working time."
    max_us: Micros = 0
    "A pause that lasts longer is told of, once; nobody is torn out of it. 0: no limit."
    per_day_us: Micros = 0
    "Who has used so much of it since midnight is refused another. 0: no limit."
    at_most: int = 0
    "So many agents of the pool may have it at the same time. 0: no limit."


NO_LIMITS = PauseRules()


class WrapUp(StrEnum):
    """How the time after a talk ends."""

    NONE = "none"
    "There is none: the agent is ready at once."
    TIMED = "timed"
    "By itself, or earlier when the agent says so."
    MANDATORY = "mandatory"
    "Once the agent said what came of the contact; by itself only after the longest time."
    EXTENDABLE = "extendable"
    "As timed, and the agent may ask for more, up to the longest time."


class Follows(StrEnum):
    """What follows an offer in vain, for its agent."""

    NOTHING = "nothing"
    HOLD = "hold"
    "They are offered nothing for a while."
    PAUSE = "pause"
    "They are paused, with the result as the reason."


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    follows: Follows
    hold_us: Micros | None = None
    "None: as long as the site holds agents off after a fault."


_NOTHING, _HOLD, _PAUSE = (Consequence(follows=each) for each in Follows)
AFTER: Mapping[OfferResult, tuple[Consequence, ...]] = {
    OfferResult.MISSED: (_PAUSE,),
    OfferResult.REJECTED: (_NOTHING,),
    OfferResult.BUSY: (_HOLD, _HOLD, _PAUSE),
    OfferResult.UNREGISTERED: (_HOLD, _HOLD, _PAUSE),
    OfferResult.FAILED: (_HOLD, _HOLD, _PAUSE),
}
"Of each result that is the agent's or their phone's: what follows the first in a row, the second … the last repeats."


REASONS: Mapping[OfferResult, str] = {
    OfferResult.MISSED: "rona",
    OfferResult.REJECTED: "rejected",
    OfferResult.BUSY: "busy",
    OfferResult.UNREGISTERED: "unregistered",
    OfferResult.FAILED: "failed",
}
"Pause reasons the router gives itself (aftermath.py)."
BY_PHONE = frozenset({"busy", "unregistered", "failed"})
"Of these, those that are taken back when the phone is there again, or at the latest after RETRY_US."
RETRY_US: Micros = 600 * SECOND
