"""What a look at Asterisk (resync.py) may find otherwise than we believed: each difference is told, and then mended."""

from router.domain.floor import Floor
from router.domain.ids import ContactId
from router.domain.messages.events import DifferenceMended

DIFFERENCES = {
    "phone": "a phone can be reached, or cannot, other than we believed",
    "talk-ended": "the agent's leg of a talk had ended unseen",
    "offer-ended": "an agent's ringing leg had ended unseen",
    "order-lost": "an order to ring an agent never got to Asterisk",
    "offer-found": "an agent's leg was made, rang or was answered unseen",
    "still-rings": "a leg that was withdrawn still rings; it is hung up again",
    "stray-leg": "an agent's leg rang for an offer of a router that is gone; it is hung up",
    "caller-ended": "a caller had hung up unseen",
    "customer-found": "somebody we called back had picked up unseen; they wait, or talk",
    "caller-found": "a caller we did not know of; they wait, or talk, at their age",
    "talk-found": "a caller and an agent talk, and we had not heard of it",
    "still-waits": "a caller we took for talking waits; they are in line again",
    "left-alone": "the agent's end of a talk was not heard; the caller goes on",
    "fell-back": "the dialplan had taken a waiting caller to its fallback unseen",
    "went-out": "a waiting caller was on their way to somebody outside, or leaves a message",
    "not-sent-off": "a caller we had sent off is still there; they are sent again",
    "private-ended": "a call of an agent's own had ended unseen",
    "phone-busy": "an agent is in a call that is none of ours",
}


def differs(floor: Floor, kind: str, whose: str, contact_id: ContactId | None = None) -> None:
    floor.emit(DifferenceMended(kind=kind, whose=whose, contact_id=contact_id))
