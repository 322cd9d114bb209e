"""Seen by an adapter. Late, doubled and reordered observations are normal input, never an error.

`at` is Asterisk's own time of the event (`timestampevents`), for records only; decisions use the engine's `now`.
AMI orders events per channel only (Asterisk documentation, AMI v2 specification).
"""

from dataclasses import field

from router.domain.ids import AgentId, CampaignName, ContactId, LegId, Micros, OfferId
from router.domain.message import message


@message
class ContactArrived:
    """A caller's leg entered the dialplan of a dialled number we know (`UserEvent(AcdArrived)`)."""

    contact_id: ContactId
    leg: LegId
    linkedid: str
    channel: str
    node: str
    campaign: CampaignName
    dnis: str
    ani: str
    arrived_at: Micros
    at: Micros
    preferred: AgentId | None = None
    "Whom the dialplan named for this caller."
    data: tuple[tuple[str, str], ...] = ()
    "What it told of them, and their country (particulars.py)."


@message
class LegAppeared:
    """A channel of some endpoint came up (`Newchannel`). Our own offers are told by their id."""

    leg: LegId
    endpoint: str
    channel: str
    linkedid: str
    node: str
    at: Micros


@message
class LegRinging:
    leg: LegId
    at: Micros


@message
class LegAnswered:
    """The leg is up; for an agent's leg nobody talks yet (whisper, press 1)."""

    leg: LegId
    at: Micros


@message
class LegBridged:
    """The leg entered a bridge (`BridgeEnter`); whoever it meets there has an observation of their own."""

    leg: LegId
    bridge: str
    at: Micros


@message
class LegUnbridged:
    leg: LegId
    bridge: str
    at: Micros


@message
class LegHeld:
    """A person put the other side on hold (`Hold`), told by the leg that asked for it."""

    leg: LegId
    at: Micros


@message
class LegUnheld:
    leg: LegId
    at: Micros


@message
class HangupAsked:
    """This leg's own side asked for the end first (`HangupRequest`): a person hung up here."""

    leg: LegId
    at: Micros


@message
class LegEnded:
    leg: LegId
    cause: int | None
    "Q.850"
    tech_cause: str | None
    at: Micros
    estimated: bool = False
    "Not seen but inferred at a resync."


@message
class OriginateFailed:
    """Asterisk could not, or no longer, make the offer's leg (`OriginateResponse: Failure`, or refused at once)."""

    offer_id: OfferId
    reason: str
    at: Micros
    exists: bool = False
    "True when it was refused because a leg of that id lives already: adopt it."


@message
class TalkBegins:
    """The agent's leg holds the contact's lock and is about to bridge (`UserEvent(AcdTalk)`)."""

    offer_id: OfferId
    contact_id: ContactId
    at: Micros


@message
class OfferTurnedAway:
    """The agent's leg was up but may not talk: taken | stale-epoch | caller-left | declined."""

    offer_id: OfferId
    why: str
    at: Micros


@message
class CallerReturned:
    """The caller's leg is alive in `acd-after`: the agent's leg ended, whatever the reason."""

    contact_id: ContactId
    at: Micros


@message
class CallerTransferred:
    """A blind transfer sent the caller's leg to an extension (`UserEvent(AcdTransfer)`)."""

    contact_id: ContactId
    exten: str
    at: Micros


@message
class CallerKeyed:
    contact_id: ContactId
    key: str
    at: Micros


@message
class CallerSentOff:
    """The caller is where a router sent them: a number outside, a recorder, a message (`UserEvent(AcdSentOff)`)."""

    contact_id: ContactId
    at: Micros


@message
class CallerNotTaken:
    """Where the caller was sent nobody took them (`UserEvent(AcdNotTaken)`); they wait with music."""

    contact_id: ContactId
    target: str
    why: str
    at: Micros


@message
class CallbackConfirmed:
    """A waiting caller wants to be called back, and confirmed it (`UserEvent(AcdCallback)`)."""

    contact_id: ContactId
    at: Micros


@message
class MessageRecorded:
    """The caller has spoken a message (`UserEvent(AcdMessage)`)."""

    contact_id: ContactId
    file: str
    length_us: Micros
    at: Micros


@message
class PromiseWritten:
    """Whether a promise would survive us (`WriteDown`)."""

    promise_id: ContactId
    safe: bool


@message
class AgentReady:
    """An agent has accepted a call-back and waits for the customer (`UserEvent(AcdReady)`)."""

    offer_id: OfferId
    contact_id: ContactId
    at: Micros


@message
class CustomerNotCalled:
    """Asterisk could not, or no longer, make the leg of a call-back."""

    contact_id: ContactId
    reason: str
    at: Micros
    exists: bool = False
    "True when it was refused because a leg of that id lives already."


@message
class CallerFellBack:
    """The dialplan took the caller to its fallback; from now on the contact is not ours."""

    contact_id: ContactId
    reason: str
    at: Micros


@message
class CallTurnedAway:
    """The dialplan refused a call before the answer: nobody serves the number, or no room (`UserEvent(AcdRefused)`)."""

    dialled: str
    reason: str
    at: Micros
    campaign: CampaignName = CampaignName("")
    "Whose room was full (admission.py)."


@message
class PhoneAsked:
    """An agent's phone dialled a feature code. `*46` with digits pauses with that reason."""

    leg: LegId
    channel: str
    endpoint: str
    code: str
    arg: str
    node: str
    at: Micros


@message
class EndpointSeen:
    """Asterisk's view of a phone: reachable or not (`DeviceStateChange`, `ContactStatus`)."""

    endpoint: str
    reachable: bool
    at: Micros


@message
class OwnerSeen:
    """Somebody declared ownership of a pool at Asterisk."""

    pool: str
    epoch: int
    router: str = ""
    "The nonce of the router that said so; empty when it was only read off the pool's epoch."


@message
class LegSnapshot:
    """One live leg as a resync found it."""

    leg: LegId
    channel: str
    endpoint: str
    linkedid: str
    up: bool
    rings: bool = False
    bridge: str = ""
    "The bridge it is in, or empty."
    contact_id: ContactId | None = None
    offer_id: OfferId | None = None
    agent_id: AgentId | None = None
    campaign: CampaignName | None = None
    state: str | None = None
    "ACD_STATE"
    dnis: str = ""
    ani: str = ""
    arrived_at: Micros | None = None
    talk_at: Micros | None = None
    data: tuple[tuple[str, str], ...] = ()
    "Of a caller: as of `ContactArrived`."
    after_at: Micros | None = None
    "When the agent's leg was gone and the caller's was not, latest."


@message
class Resynced:
    """The whole truth of a node at (re)connect. Whatever is not in it has ended."""

    node: str
    legs: tuple[LegSnapshot, ...]
    reachable: dict[str, bool] = field(default_factory=dict)
    "endpoint → reachable, for every endpoint Asterisk knows."
    epoch: int = 0
    "The router's own at this node: offers for callers it adopts are numbered from here, so that no id comes twice."
    asked_at: Micros = 0
    "`now` when the snapshot was asked for; what the engine did after it is not contradicted by it."
    at: Micros = 0


@message
class PhonesSeen:
    """What Asterisk says of our agents' phones when the rules are new. It says nothing about callers."""

    node: str
    reachable: dict[str, bool] = field(default_factory=dict)
    "endpoint → reachable, for every endpoint Asterisk knows."
    legs: tuple[LegSnapshot, ...] = ()
    "Of the phones that were nobody's before, and what they did was no news then."
    asked_at: Micros = 0
    "`now` when the first of it was asked for."
    at: Micros = 0


@message
class NodeLost:
    """The connection to an Asterisk node is gone. Its calls go on; nothing can be offered there."""

    node: str


Observation = (
    ContactArrived
    | LegAppeared
    | LegRinging
    | LegAnswered
    | LegBridged
    | LegUnbridged
    | LegHeld
    | LegUnheld
    | HangupAsked
    | LegEnded
    | OriginateFailed
    | TalkBegins
    | OfferTurnedAway
    | CallerReturned
    | CallerTransferred
    | CallerKeyed
    | CallerSentOff
    | CallerNotTaken
    | MessageRecorded
    | CallbackConfirmed
    | PromiseWritten
    | AgentReady
    | CustomerNotCalled
    | CallerFellBack
    | CallTurnedAway
    | PhoneAsked
    | EndpointSeen
    | OwnerSeen
    | Resynced
    | PhonesSeen
    | NodeLost
)
