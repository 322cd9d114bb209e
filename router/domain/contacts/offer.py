"""An offer: one agent asked to take one contact, with a deadline, from reservation until its leg has ended.

    RESERVED → RINGING → ACCEPTED → CLOSED        and from each of the first three → RESCINDING → CLOSED

Rescinding is a state, not an act: hang up now, again when the leg appears, and only the end of the leg closes the offer
and frees the agent. A leg that got the contact's lock at Asterisk before our hang-up reached it does talk: Asterisk is
the truth about calls, so `CONNECT` has a row in RESCINDING too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from router.domain.ids import AgentId, ContactId, LegId, Micros, OfferId, QueueName
from router.domain.record import OfferResult
from router.domain.tables import Table


class OfferState(StrEnum):
    RESERVED = "reserved"
    RINGING = "ringing"
    ACCEPTED = "accepted"
    RESCINDING = "rescinding"
    CLOSED = "closed"


class OfferStep(StrEnum):
    RING = "ring"
    ACCEPT = "accept"
    RESCIND = "rescind"
    CONNECT = "connect"
    LEG_END = "leg_end"


_S, _T = OfferState, OfferStep
OFFER: Table[OfferState, OfferStep] = {
    _S.RESERVED: {
        _T.RING: _S.RINGING,
        _T.ACCEPT: _S.ACCEPTED,
        _T.RESCIND: _S.RESCINDING,
        _T.CONNECT: _S.CLOSED,
        _T.LEG_END: _S.CLOSED,
    },
    _S.RINGING: {
        _T.ACCEPT: _S.ACCEPTED,
        _T.RESCIND: _S.RESCINDING,
        _T.CONNECT: _S.CLOSED,
        _T.LEG_END: _S.CLOSED,
    },
    _S.ACCEPTED: {_T.RESCIND: _S.RESCINDING, _T.CONNECT: _S.CLOSED, _T.LEG_END: _S.CLOSED},
    _S.RESCINDING: {_T.CONNECT: _S.CLOSED, _T.LEG_END: _S.CLOSED},
    _S.CLOSED: {},
}


@dataclass(slots=True, kw_only=True, eq=False)
class Offer:
    offer_id: OfferId
    contact_id: ContactId
    agent_id: AgentId
    queue: QueueName
    node: str
    made_at: Micros
    deadline_at: Micros
    state: OfferState = OfferState.RESERVED
    rang: bool = False
    leg_seen_at: Micros | None = None
    "`now` when its leg appeared."
    linkedid: str = ""
    bridge: str = ""
    "The bridge its leg is in."
    result: OfferResult | None = None
    "Decided before the leg ended: why it was rescinded or turned away."

    @property
    def leg(self) -> LegId:
        """The leg's Uniqueid is the offer's id (`ChannelId` of the Originate)."""
        return LegId(self.offer_id)


SIP_RESULT: Mapping[int, OfferResult] = {
    404: OfferResult.UNREGISTERED,
    408: OfferResult.UNREGISTERED,
    480: OfferResult.MISSED,  # do not disturb, or the phone stopped ringing by itself
    486: OfferResult.BUSY,
    487: OfferResult.MISSED,
    488: OfferResult.FAILED,
    503: OfferResult.FAILED,
    600: OfferResult.BUSY,
    603: OfferResult.REJECTED,
}
"Final SIP status of the agent's phone (RFC 3261 §21) → what it means for the offer."

CAUSE_RESULT: Mapping[int, OfferResult] = {
    1: OfferResult.UNREGISTERED,  # unallocated: no such contact
    3: OfferResult.UNREGISTERED,  # no route
    16: OfferResult.REJECTED,  # a person ended it
    17: OfferResult.BUSY,
    18: OfferResult.UNREGISTERED,  # no user responding: the phone did not even say 100 Trying
    19: OfferResult.MISSED,  # no answer
    20: OfferResult.UNREGISTERED,  # subscriber absent
    21: OfferResult.REJECTED,
    27: OfferResult.UNREGISTERED,  # destination out of order
    34: OfferResult.FAILED,
    38: OfferResult.FAILED,
    58: OfferResult.FAILED,  # bearer capability: no common codec or no SRTP
    127: OfferResult.FAILED,
}
"Q.850 cause of a leg that never talked → what it means, where no SIP status says it better."


def result_of(cause: int | None, tech_cause: str | None) -> OfferResult:
    """Tell how an offer's leg ended when nobody talked and nobody of us ended it.

    `tech_cause` is Asterisk's `TechCause` header, a SIP status such as `486` or `SIP 486 …`; `cause` its Q.850 cause.
    Anything unknown is `failed`: it holds the agent off for a moment and blames nobody.
    """
    for word in (tech_cause or "").split():
        if word.isascii() and word.isdigit() and len(word) == 3:
            known = SIP_RESULT.get(int(word))
            if known is not None:
                return known
    return CAUSE_RESULT.get(cause if cause is not None else -1, OfferResult.FAILED)
