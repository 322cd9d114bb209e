"""A contact: one caller's approach, from arrival to the end of their leg.

    ARRIVED → QUEUED ⇄ OFFERED → CONNECTED → LEAVING → ENDED

Every state may go straight to ENDED (the caller may leave at any moment) and to LEAVING (it was decided that the
contact goes: closing message, fallback, release). CONNECTED → QUEUED is the way back at the old age: transfer, lost
line. QUEUED → CONNECTED exists because Asterisk is the truth: an offer rescinded a moment too late does talk.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from router.domain.ids import AgentId, CampaignName, ContactId, LegId, Micros, OfferId, QueueName
from router.domain.line import Place
from router.domain.offer import Offer
from router.domain.record import EndedBy, Leg, Outcome, SegmentKind
from router.domain.tables import Table
from router.domain.timeline import Timeline


class ContactState(StrEnum):
    ARRIVED = "arrived"
    QUEUED = "queued"
    OFFERED = "offered"
    CONNECTED = "connected"
    LEAVING = "leaving"
    ENDED = "ended"


class ContactStep(StrEnum):
    QUEUE = "queue"
    OFFER = "offer"
    CONNECT = "connect"
    LEAVE = "leave"
    END = "end"


_S, _T = ContactState, ContactStep
CONTACT: Table[ContactState, ContactStep] = {
    _S.ARRIVED: {_T.QUEUE: _S.QUEUED, _T.CONNECT: _S.CONNECTED, _T.LEAVE: _S.LEAVING, _T.END: _S.ENDED},
    _S.QUEUED: {
        _T.QUEUE: _S.QUEUED,
        _T.OFFER: _S.OFFERED,
        _T.CONNECT: _S.CONNECTED,
        _T.LEAVE: _S.LEAVING,
        _T.END: _S.ENDED,
    },
    _S.OFFERED: {_T.QUEUE: _S.QUEUED, _T.CONNECT: _S.CONNECTED, _T.LEAVE: _S.LEAVING, _T.END: _S.ENDED},
    _S.CONNECTED: {_T.QUEUE: _S.QUEUED, _T.LEAVE: _S.LEAVING, _T.END: _S.ENDED},
    _S.LEAVING: {_T.CONNECT: _S.CONNECTED, _T.END: _S.ENDED},
    _S.ENDED: {},
}


@dataclass(slots=True, kw_only=True, eq=False)
class Contact:
    contact_id: ContactId
    ordinal: int
    leg: LegId
    linkedid: str
    node: str
    campaign: CampaignName
    "Of the dialled number."
    queue: QueueName
    dnis: str
    ani: str
    arrived_at: Micros
    seen_at: Micros
    "`now` when we first heard of it."
    medium: str = "voice"
    state: ContactState = ContactState.ARRIVED
    news_at: Micros = 0
    "`now` when we last learned or decided where it is: a snapshot asked for before it knows less than we do."
    attempts: int = 0
    offer: Offer | None = None
    "The live offer; at most one."
    open_offers: dict[OfferId, Offer] = field(default_factory=dict)
    "That one and those given up whose leg has not ended yet."
    bridge: str = ""
    "The bridge the caller's leg is in."
    agent_id: AgentId | None = None
    "Who talks, or talked last."
    parked: bool = False
    "True while the node is out of reach: it waits, but nothing can be offered for it."
    place: "Place[Contact] | None" = None
    "In the line of its queue."
    skips: dict[AgentId, Micros] = field(default_factory=dict)
    "Agents not to be asked again, and until when."
    answered_at: Micros | None = None
    leaving: Outcome | None = None
    "The outcome when it leaves unanswered by our own decision."
    ended_by: EndedBy | None = None
    timeline: Timeline = field(default_factory=Timeline)
    legs: tuple[Leg, ...] = ()
    back_at: Micros = 0
    "When they came back from an agent of whom we had not heard yet."
    overdue: bool = False
    "The longest wait passed while an agent was rung: the next thing is overflow, not another ring."
    overflowed_from: tuple[QueueName, ...] = ()

    @property
    def is_waiting(self) -> bool:
        return self.state is ContactState.QUEUED or self.state is ContactState.OFFERED

    def begins(self, kind: SegmentKind, at: Micros, agent_id: AgentId | None = None) -> None:
        """From `at` on the leg's time is spent like this, for the queue it is in."""
        self.timeline.begin(kind, at, agent_id, self.queue)
