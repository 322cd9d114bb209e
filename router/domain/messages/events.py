"""Decided by the engine, past tense. Metrics, log, presence and ledger subscribe to these and to nothing else."""

from router.domain.contacts.callback import PromiseEnd, TryResult
from router.domain.ids import AgentId, CampaignName, ContactId, Micros, OfferId, QueueName
from router.domain.message import message
from router.domain.messages.glance import Glance
from router.domain.record import BillingRecord, DecisionFact, OfferFact, WrapUpFact


@message
class ContactQueued:
    """Emitted when a contact begins to wait in a queue: on arrival, after overflow, when adopted."""

    contact_id: ContactId
    campaign: CampaignName
    queue: QueueName
    medium: str
    arrived_at: Micros
    adopted: bool = False


@message
class OfferMade:
    """Emitted when an agent was chosen and reserved. Carries the explanation."""

    offer_id: OfferId
    contact_id: ContactId
    agent_id: AgentId
    queue: QueueName
    seen: Glance

    @property
    def decision(self) -> DecisionFact:
        return self.seen.in_words()


@message
class OfferRang:
    offer_id: OfferId
    agent_id: AgentId


@message
class OfferClosed:
    """Emitted once per offer, when its leg has ended and the agent is free of it (or talks)."""

    fact: OfferFact


@message
class ContactConnected:
    """Emitted when caller and agent talk."""

    contact_id: ContactId
    agent_id: AgentId
    queue: QueueName
    campaign: CampaignName
    medium: str
    waited_us: Micros
    expected_us: Micros | None = None
    "What was expected of that wait when they came to the queue; None: nothing, or not the first word to them."
    longer_us: Micros | None = None
    "So much longer they waited than that; below 0: shorter."


@message
class ContactHeld:
    contact_id: ContactId
    held: bool


@message
class ContactOverflowed:
    """Emitted when a contact did not, or no longer, wait here and went on to the next target."""

    contact_id: ContactId
    queue: QueueName
    target: str
    "A queue, `dial:<number>`, `voicemail` or `closing`."
    why: str = "wait"
    """`wait` too long | `key` pressed | `full` | `nobody` there | `closed` | `long` wait to be expected | `early-media`
    for too long | `callback` promised"""
    passed: tuple[tuple[str, str], ...] = ()
    """Targets before that one which could not take them, and why: `full` `nobody` `closed` `long` as above,
    `been-there` already, `gone` from the rules, `no-trunk` leads outside."""


@message
class TargetFailed:
    """Emitted when somebody outside did not take a contact; it goes on to the next target."""

    contact_id: ContactId
    queue: QueueName
    target: str
    why: str
    "`busy` | `no-answer` | `unreachable` | `failed`"


@message
class MessageLeft:
    """Emitted when a caller has left a message: a file beside Asterisk, in its directory of messages."""

    contact_id: ContactId
    campaign: CampaignName
    queue: QueueName
    file: str
    length_us: Micros


@message
class Announced:
    """Emitted when a waiting caller was told something. Whether they heard it to its end nobody knows."""

    contact_id: ContactId
    what: tuple[str, ...]
    "The prompts."
    position: int | None = None
    "1: nobody was before them; counted no further than it is told."
    expected_us: Micros | None = None


@message
class CallbackPromised:
    """Emitted when somebody is owed a call, and it is written down."""

    promise_id: ContactId
    "The contact that asked."
    campaign: CampaignName
    queue: QueueName
    expires_at: Micros


@message
class CallbackTried:
    """Emitted when the phone of somebody we promised to call was answered, or was not."""

    contact_id: ContactId
    "Of this call."
    promise_id: ContactId
    queue: QueueName
    result: TryResult
    number: int
    "The first try is 1."


@message
class CallbackEnded:
    """Emitted once for each promise: nothing is owed any more."""

    promise_id: ContactId
    contact_id: ContactId | None
    "Of the call that came of it, if one did."
    campaign: CampaignName
    queue: QueueName
    result: PromiseEnd
    tries: int
    waited_us: Micros
    "Since it was asked for."


@message
class DoorMoved:
    """Emitted when a campaign opened or closed, by its hours or by hand."""

    campaign: CampaignName
    is_open: bool
    by_hand: bool


@message
class EmergencyWaits:
    """Emitted when nobody has taken an emergency caller in time, and again each time that long has passed."""

    contact_id: ContactId
    campaign: CampaignName
    queue: QueueName
    waited_us: Micros


@message
class DistinctNeedsFull:
    """So many distinct needs wait in a queue that one more has no line of its own (seating.py, rule 4).

    Emitted once, until everybody there has one.
    """

    queue: QueueName
    needs: int


@message
class ContactEnded:
    """Emitted exactly once per contact."""

    record: BillingRecord


@message
class CallRefused:
    """Emitted when a call was refused before the answer: nobody serves the number, or no room. It is no contact."""

    dialled: str
    reason: str
    campaign: CampaignName = CampaignName("")
    "Whose callers found no room; empty when there is no such campaign."


@message
class WrapUpBegan:
    contact_id: ContactId
    agent_id: AgentId
    until_at: Micros


@message
class WrapUpExtended:
    contact_id: ContactId
    agent_id: AgentId
    until_at: Micros


@message
class WrapUpEnded:
    fact: WrapUpFact
    queue: QueueName
    medium: str
    handle_us: Micros
    "Talk + hold + wrap-up."


@message
class AgentChanged:
    """Emitted when anything others can see of an agent changed. Whole picture, so that readers need no history."""

    agent_id: AgentId
    status: str
    reason: str | None
    next_status: str | None
    reach: str
    link: str
    work: str
    "`idle | reserved | ringing | talking | held | wrapup`"
    contact_id: ContactId | None
    since_at: Micros
    next_reason: str | None = None
    chosen_at: Micros = 0
    "When what they are, or will be after the contact in hand, was asked for last."
    asked_by: str | None = None
    "Who changed the status, now or for after the contact in hand, when it was that which changed."
    paid: bool = False
    "Whether they are in a pause that is working time."


@message
class PauseTooLong:
    """Emitted once when a pause has become longer than its reason allows; it goes on."""

    agent_id: AgentId
    reason: str
    limit: str
    "`max_s`: this pause; `per_day_s`: all of the day."
    paused_us: Micros
    "This pause so far."
    today_us: Micros


@message
class AgentDismissed:
    agent_id: AgentId


@message
class PoolLost:
    """Emitted when a higher epoch was seen: this router decides nothing more."""

    epoch: int


@message
class ObservationIgnored:
    """Emitted for what was seen too late, twice, or of nobody we know. Normal; counted by kind."""

    kind: str
    why: str


@message
class DifferenceMended:
    """Emitted when a resync found Asterisk otherwise than we believed. What comes after it has put that right."""

    kind: str
    "One of `differences.DIFFERENCES`, which has a sentence for each."
    whose: str
    "The leg, or the phone."
    contact_id: ContactId | None = None


@message
class InvariantFailed:
    """Emitted when the engine's own state was found impossible. Asterisk is then asked for the truth."""

    what: str


Event = (
    ContactQueued
    | OfferMade
    | OfferRang
    | OfferClosed
    | ContactConnected
    | ContactHeld
    | ContactOverflowed
    | TargetFailed
    | MessageLeft
    | Announced
    | CallbackPromised
    | CallbackTried
    | CallbackEnded
    | EmergencyWaits
    | DoorMoved
    | DistinctNeedsFull
    | ContactEnded
    | CallRefused
    | WrapUpBegan
    | WrapUpExtended
    | WrapUpEnded
    | AgentChanged
    | PauseTooLong
    | AgentDismissed
    | PoolLost
    | ObservationIgnored
    | DifferenceMended
    | InvariantFailed
)
