"""Facts about a contact that outlive it: the billing record, its offers, its wrap-ups, why it went where it went.

The billing record has one rule: its segments are disjoint, in order, and cover exactly the life of the caller's leg.
Offers and wrap-ups are facts of their own that point to the contact, because they may overlap its life.
"""

from enum import StrEnum

from router.domain.ids import AgentId, CampaignName, ContactId, LegId, Micros, OfferId, QueueName, calls_back
from router.domain.message import message

SCHEMA = 2
"""Of the billing record: 1 knows no segment `ringing`, and in it a call of ours begins with waiting. A record keeps the
number it was written with, and is read and verified by it for ever."""
RECONCILED = "reconciled"
"""Stands for the hash of the rules in a record that was made of what Asterisk saw, for want of a router's own: nobody
knows which rules it was under. It steps aside once the router's own turns up."""


class SegmentKind(StrEnum):
    WAITING = "waiting"
    TALK = "talk"
    HOLD = "hold"
    ANNOUNCEMENT = "announcement"
    RINGING = "ringing"
    "Of a call that we made: nobody is there to wait yet."


class Outcome(StrEnum):
    ANSWERED = "answered"
    ABANDONED = "abandoned"
    OVERFLOWED = "overflowed"
    SYSTEM = "system"


class EndedBy(StrEnum):
    CALLER = "caller"
    AGENT = "agent"
    SYSTEM = "system"


class OfferResult(StrEnum):
    ANSWERED = "answered"
    MISSED = "missed"
    REJECTED = "rejected"
    BUSY = "busy"
    UNREGISTERED = "unregistered"
    FAILED = "failed"
    RESCINDED = "rescinded"
    TAKEN = "taken"
    CALLER_LEFT = "caller_left"


@message
class Segment:
    kind: SegmentKind
    from_at: Micros
    to_at: Micros
    agent_id: AgentId | None = None
    queue: QueueName | None = None
    "`campaign/queue` whose work it was: after a transfer or an overflow not the one the caller dialled."


@message
class Leg:
    uniqueid: LegId
    linkedid: str
    node: str
    agent_id: AgentId | None = None


@message
class BillingRecord:
    """One per contact, closed when the caller's leg ends; it never waits for wrap-up."""

    contact_id: ContactId
    medium: str
    campaign: CampaignName
    "Of the dialled number, whoever served the caller in the end."
    queue: QueueName
    "The last one; each segment has its own."
    ani: str
    "E.164 where it can be, else as the carrier sent it; empty when withheld."
    dnis: str
    arrived_at: Micros
    answered_at: Micros | None
    ended_at: Micros
    outcome: Outcome
    ended_by: EndedBy
    config_hash: str
    end_estimated: bool
    "True when the end of the call, or of its last talk, was not seen but inferred."
    segments: tuple[Segment, ...]
    legs: tuple[Leg, ...]
    corrects: ContactId | None = None
    schema: int = SCHEMA

    @property
    def is_our_call(self) -> bool:
        """Whether we called them (callback.py), and not they us: `ani` is the one number, `dnis` the other."""
        return calls_back(self.contact_id)

    @property
    def here_at(self) -> Micros:
        """When somebody was on the phone: they called, or picked up."""
        return next((each.from_at for each in self.segments if each.kind is not SegmentKind.RINGING), self.arrived_at)


@message
class OfferFact:
    offer_id: OfferId
    contact_id: ContactId
    agent_id: AgentId
    queue: QueueName
    from_at: Micros
    to_at: Micros
    result: OfferResult
    cause: int | None
    "Q.850 cause of the agent's leg, as Asterisk gave it."
    tech_cause: str | None
    "The SIP status behind it, e.g. `SIP 486`, when Asterisk knows it."


class WrapUpEnd(StrEnum):
    """By what a wrap-up ended."""

    AGENT = "agent"
    "They said that they are done."
    TIME = "time"
    FORCED = "forced"
    "The longest time was over, and nobody had said what came of the contact."
    OVERTAKEN = "overtaken"
    "They were found with the next contact in hand already."


@message
class WrapUpFact:
    contact_id: ContactId
    agent_id: AgentId
    from_at: Micros
    to_at: Micros
    disposition: str | None = None
    ended: WrapUpEnd | None = None
    "None: by an older release, which did not note it."


@message
class How:
    """By what the agent was chosen, and the caller before others."""

    choose: str = "longest-idle"
    row: int = 0
    "Of the queue; 0: who meets its own need."
    opens_us: Micros = 0
    "So long a caller waits before that row is asked; one may open earlier when nobody is in those before."
    points: int = 0
    "Of priority, the queue's and the caller's own."
    urgent: bool = False
    at_once: int = 1
    "How many the queue rings at the same time."
    skipped: tuple[AgentId, ...] = ()
    "Who was not to be asked again yet."
    expected_us: Micros | None = None
    "How long the caller was expected to wait, from when they came to the queue to the first word; None: not known."
    in_queue_us: Micros | None = None
    "How long they had waited in the queue; None: as long as in all."
    waited_before_us: Micros = 0
    "How long they had waited in a call before that one, which they gave up: their place is older by so much."
    told: tuple[str, ...] = ()
    "The prompts the caller was told last (position, wait, comfort)."
    told_us: Micros = 0
    "So long before."


@message
class DecisionFact:
    """Why an offer went to this agent: what `ringfair explain` tells afterwards."""

    offer_id: OfferId
    contact_id: ContactId
    queue: QueueName
    at: Micros
    need: str
    waited_us: Micros
    chosen: AgentId
    chosen_idle_us: Micros
    next_best: tuple[tuple[AgentId, Micros], ...]
    "Up to ten agents who would have been next, longest idle first, with their idle time."
    others: tuple[tuple[str, int], ...]
    "How many other agents could not be offered it, by reason, in a fixed order of reasons."
    how: How = How()


@message
class AgentChangeFact:
    """An agent's status changed, or what it will be after the contact in hand: what a restart must not lose."""

    agent_id: AgentId
    at: Micros
    status: str
    reason: str | None
    asked_by: str
    next_status: str | None = None
    "Takes effect after the contact in hand."
    next_reason: str | None = None
    paid: bool | None = None
    "Of a pause: whether it is working time. None: it is no pause, or by an older release."


@message
class CallbackFact:
    """What became of a call that was owed, step by step; it points to the contact that asked."""

    contact_id: ContactId
    at: Micros
    what: str
    "`promised`; of one call `answered busy no_answer failed`; of the end `kept left given_up expired withdrawn`."
    queue: QueueName
    call_id: ContactId | None = None
    "The contact that came of it, or would have."
    number: int = 0
    "Of the call; 0: before the first."
    until_at: Micros | None = None
    "Of a promise: until when they were to be called, by the hours as they stood. None: no promise, or an older one."


@message
class OverflowFact:
    """A contact did not, or no longer, wait in a queue: where it went on to, and which targets could not take it."""

    contact_id: ContactId
    at: Micros
    queue: QueueName
    target: str
    "As `events.ContactOverflowed` has it, and `why` and `passed`, too."
    why: str
    passed: tuple[tuple[str, str], ...] = ()


Fact = BillingRecord | OfferFact | WrapUpFact | DecisionFact | AgentChangeFact | CallbackFact | OverflowFact
