"""AMI events → observations. The only file that knows header names of events; raw headers end here.

What is no news to us gives None; a known event without the headers it must have gives `Malformed`, which is counted
and never raised into the pump. Channels of a masquerade (`Surrogate/`, `AsyncGoto/`, `…<ZOMBIE>`) and of Asterisk's own
(`Message/`) are ignored by rule: the Uniqueid stays with the real leg, and only Uniqueids are keys here.

Sources: Asterisk documentation, "AMI Events"; the fields of `UserEvent(Acd…)` are listed in dialplans/extensions.d.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from router.adapters.ami.wire import Block
from router.domain.contacts.particulars import COUNTRY
from router.domain.contacts.particulars import read as read_data
from router.domain.ids import AgentId, CampaignName, ContactId, LegId, Micros, OfferId
from router.domain.messages.observations import (
    AgentReady,
    CallbackConfirmed,
    CallerFellBack,
    CallerKeyed,
    CallerNotTaken,
    CallerReturned,
    CallerSentOff,
    CallerTransferred,
    CallTurnedAway,
    ContactArrived,
    CustomerNotCalled,
    EndpointSeen,
    HangupAsked,
    LegAnswered,
    LegAppeared,
    LegBridged,
    LegEnded,
    LegHeld,
    LegRinging,
    LegUnbridged,
    LegUnheld,
    MessageRecorded,
    Observation,
    OfferTurnedAway,
    OriginateFailed,
    OwnerSeen,
    PhoneAsked,
    TalkBegins,
)

RING_ACTION = "ring."
"An Originate's ActionID is this + the offer's id, so that its OriginateResponse can be told."
CALL_ACTION = "call."
"The same of a call-back, with its contact's id."
INTERFACE_VERSION = "1"
_NOBODY = ("Surrogate/", "AsyncGoto/", "Message/")
_GONE_STATES = ("", "UNAVAILABLE", "INVALID", "UNKNOWN")
_RINGING, _UP = ("4", "5"), "6"
_AGENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Malformed:
    """A known event that lacks what it must have."""

    event: str
    header: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """How this site reads and publishes numbers (router/config/numbers.py)."""

    caller: Callable[[str, str], str]
    dialled: Callable[[str], str]
    forms: Callable[[str], tuple[str, ...]]
    country_of: Callable[[str], str] = lambda number: ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How to read the events of one node."""

    node: str
    caller_number: Callable[[str, str], str]
    "(From, P-Asserted-Identity) → E.164 where it can be."
    dialled_number: Callable[[str], str]
    clock: Callable[[], Micros]
    "For events without Asterisk's own timestamp."
    country_of: Callable[[str], str] = lambda number: ""
    "E.164 → its country, or empty."

    def data(self, told: str, ani: str) -> tuple[tuple[str, str], ...]:
        """What needs may speak of: the dialplan's `language=de&vip=yes`, and the caller's country."""
        country = self.country_of(ani)
        known = read_data(told) | ({COUNTRY: country} if country else {})
        return tuple(known.items())


def micros(timestamp: str) -> Micros | None:
    """`1795296026.890218` → microseconds, exactly; None when it is no timestamp."""
    seconds, dot, fraction = timestamp.partition(".")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 12):
        return None
    if not dot:
        return int(seconds) * 1_000_000
    if not (fraction.isascii() and fraction.isdigit()):
        return None
    return int(seconds) * 1_000_000 + int(fraction[:6].ljust(6, "0"))


def endpoint_of(channel: str) -> str:
    """`PJSIP/agent-1001-0000001a` → `agent-1001`; empty for every other technology."""
    if not channel.startswith("PJSIP/"):
        return ""
    return channel[6:].rpartition("-")[0]


def is_nobody(channel: str) -> bool:
    """A channel that is no leg of anybody: half of a masquerade, or Asterisk's own."""
    return channel.startswith(_NOBODY) or channel.endswith("<ZOMBIE>")


def whole_number(text: str) -> int | None:
    """A number as Asterisk writes it; None for anything else, also for one that fits no 64 bits."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def observe(block: Block, reading: Reading) -> Observation | Malformed | None:
    """What this event means to the engine."""
    name = block.event
    ours = name == "UserEvent"
    handler = _USER_EVENTS.get(block.get("userevent")) if ours else _EVENTS.get(name)
    if handler is None or is_nobody(block.get("channel")):
        return None
    if ours and block.get("v") != INTERFACE_VERSION:
        return Malformed(block["userevent"], "v")
    at = micros(block.get("timestamp"))
    try:
        return handler(block, reading, reading.clock() if at is None else at)
    except KeyError as missing:
        return Malformed(block.get("userevent") or name, str(missing.args[0]))


Handler = Callable[[Block, Reading, Micros], Observation | Malformed | None]


def _leg(block: Block) -> LegId:
    return LegId(block["uniqueid"])


def _new_channel(block: Block, reading: Reading, at: Micros) -> Observation | None:
    endpoint = endpoint_of(block["channel"])
    if not endpoint and not block["channel"].startswith("Local/"):
        return None
    return LegAppeared(
        leg=_leg(block),
        endpoint=endpoint,
        channel=block["channel"],
        linkedid=block.get("linkedid"),
        node=reading.node,
        at=at,
    )


def _new_state(block: Block, reading: Reading, at: Micros) -> Observation | None:
    state = block["channelstate"]
    if state in _RINGING:
        return LegRinging(leg=_leg(block), at=at)
    return LegAnswered(leg=_leg(block), at=at) if state == _UP else None


def _hangup(block: Block, reading: Reading, at: Micros) -> Observation:
    return LegEnded(
        leg=_leg(block),
        cause=whole_number(block.get("cause")),
        tech_cause=block.get("techcause") or None,
        at=at,
    )


def _hangup_request(block: Block, reading: Reading, at: Micros) -> Observation:
    return HangupAsked(leg=_leg(block), at=at)


def _bridge_enter(block: Block, reading: Reading, at: Micros) -> Observation:
    return LegBridged(leg=_leg(block), bridge=block["bridgeuniqueid"], at=at)


def _bridge_leave(block: Block, reading: Reading, at: Micros) -> Observation:
    return LegUnbridged(leg=_leg(block), bridge=block["bridgeuniqueid"], at=at)


def _hold(block: Block, reading: Reading, at: Micros) -> Observation:
    return LegHeld(leg=_leg(block), at=at)


def _unhold(block: Block, reading: Reading, at: Micros) -> Observation:
    return LegUnheld(leg=_leg(block), at=at)


def _originate_response(block: Block, reading: Reading, at: Micros) -> Observation | None:
    action_id = block.get("actionid")
    if block["response"] == "Success":
        return None
    if action_id.startswith(CALL_ACTION):
        contact_id = ContactId(action_id.removeprefix(CALL_ACTION))
        return CustomerNotCalled(contact_id=contact_id, reason=block.get("reason"), at=at)
    if not action_id.startswith(RING_ACTION):
        return None
    offer_id = OfferId(action_id.removeprefix(RING_ACTION))
    return OriginateFailed(offer_id=offer_id, reason=block.get("reason"), at=at)


def _device_state(block: Block, reading: Reading, at: Micros) -> Observation | None:
    device = block["device"]
    if not device.startswith("PJSIP/"):
        return None
    return EndpointSeen(endpoint=device[6:], reachable=is_reachable(block["state"]), at=at)


def is_reachable(device_state: str) -> bool:
    """Whether a phone in this device state could be rung (no contact, or none that answers OPTIONS: not)."""
    return device_state.upper() not in _GONE_STATES


# ---- our own dialplan ----


def _contact(block: Block) -> ContactId:
    return ContactId(block["contact"])


def _arrived(block: Block, reading: Reading, at: Micros) -> Observation:
    arrived_at = whole_number(block["arrived"])
    ani, preferred = reading.caller_number(block.get("ani"), block.get("pai")), block.get("preferred")
    return ContactArrived(
        contact_id=_contact(block),
        leg=_leg(block),
        linkedid=block.get("linkedid"),
        channel=block["channel"],
        node=reading.node,
        campaign=CampaignName(block["campaign"]),
        dnis=reading.dialled_number(block["dnis"]),
        ani=ani,
        arrived_at=at if arrived_at is None else arrived_at,
        at=at,
        preferred=AgentId(preferred) if _AGENT.fullmatch(preferred) else None,
        data=reading.data(block.get("data"), ani),
    )


def _talk(block: Block, reading: Reading, at: Micros) -> Observation:
    return TalkBegins(offer_id=OfferId(block["offer"]), contact_id=_contact(block), at=at)


def _taken(block: Block, reading: Reading, at: Micros) -> Observation:
    return OfferTurnedAway(offer_id=OfferId(block["offer"]), why=block["why"], at=at)


def _after(block: Block, reading: Reading, at: Micros) -> Observation:
    return CallerReturned(contact_id=_contact(block), at=at)


def _transfer(block: Block, reading: Reading, at: Micros) -> Observation:
    return CallerTransferred(contact_id=_contact(block), exten=reading.dialled_number(block["target"]), at=at)


def _key(block: Block, reading: Reading, at: Micros) -> Observation:
    return CallerKeyed(contact_id=_contact(block), key=block["key"], at=at)


def _sent_off(block: Block, reading: Reading, at: Micros) -> Observation:
    return CallerSentOff(contact_id=_contact(block), at=at)


def _not_taken(block: Block, reading: Reading, at: Micros) -> Observation:
    return CallerNotTaken(contact_id=_contact(block), target=block["target"], why=block["why"], at=at)


def _message(block: Block, reading: Reading, at: Micros) -> Observation:
    length_ms = whole_number(block.get("ms")) or 0
    return MessageRecorded(contact_id=_contact(block), file=block["file"], length_us=length_ms * 1000, at=at)


def _callback(block: Block, reading: Reading, at: Micros) -> Observation:
    return CallbackConfirmed(contact_id=_contact(block), at=at)


def _ready(block: Block, reading: Reading, at: Micros) -> Observation:
    return AgentReady(offer_id=OfferId(block["offer"]), contact_id=_contact(block), at=at)


def _fallback(block: Block, reading: Reading, at: Micros) -> Observation:
    return CallerFellBack(contact_id=_contact(block), reason=block["reason"], at=at)


def _refused(block: Block, reading: Reading, at: Micros) -> Observation:
    return CallTurnedAway(
        dialled=reading.dialled_number(block["dnis"]),
        reason=block["reason"],
        campaign=CampaignName(block.get("campaign")),
        at=at,
    )


def _feature(block: Block, reading: Reading, at: Micros) -> Observation:
    return PhoneAsked(
        leg=_leg(block),
        channel=block["channel"],
        endpoint=block["endpoint"],
        code=block["code"],
        arg=block.get("arg"),
        node=reading.node,
        at=at,
    )


def _owner(block: Block, reading: Reading, at: Micros) -> Observation | None:
    epoch = whole_number(block["epoch"])
    return None if epoch is None else OwnerSeen(pool=block["pool"], epoch=epoch, router=block.get("router"))


_EVENTS: dict[str, Handler] = {
    "Newchannel": _new_channel,
    "Newstate": _new_state,
    "Hangup": _hangup,
    "HangupRequest": _hangup_request,
    "BridgeEnter": _bridge_enter,
    "BridgeLeave": _bridge_leave,
    "Hold": _hold,
    "Unhold": _unhold,
    "OriginateResponse": _originate_response,
    "DeviceStateChange": _device_state,
}
_USER_EVENTS: dict[str, Handler] = {
    "AcdArrived": _arrived,
    "AcdTalk": _talk,
    "AcdTaken": _taken,
    "AcdAfter": _after,
    "AcdTransfer": _transfer,
    "AcdKey": _key,
    "AcdSentOff": _sent_off,
    "AcdNotTaken": _not_taken,
    "AcdMessage": _message,
    "AcdCallback": _callback,
    "AcdReady": _ready,
    "AcdFallback": _fallback,
    "AcdFeature": _feature,
    "AcdRefused": _refused,
    "AcdOwner": _owner,
}
WANTED = frozenset(_EVENTS) | {"UserEvent"}
"Events worth decoding; Asterisk's own eventfilter should let through no others."
