"""A contact: one caller's approach, from arrival to the end of their leg.

    ARRIVED → QUEUED ⇄ OFFERED → CONNECTED → LEAVING → ENDED

Every state may go straight to ENDED (the caller may leave at any moment) and to LEAVING (it was decided that the
contact goes: closing message, fallback, release). CONNECTED → QUEUED is the way back at the old age: transfer, lost
line. QUEUED → CONNECTED exists because Asterisk is the truth: an offer rescinded a moment too late does talk.
LEAVING → QUEUED is the way back of somebody whom the number outside did not take (outside.py).
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from router.domain.contacts.offer import Offer
from router.domain.contacts.timeline import Timeline
from router.domain.ids import AgentId, CampaignName, ContactId, LegId, Micros, OfferId, QueueName
from router.domain.nothing import NOTHING
from router.domain.record import EndedBy, Leg, Outcome, SegmentKind
from router.domain.tables import Table

if TYPE_CHECKING:
    from router.domain.benches.queue import Queue
    from router.domain.benches.row import Row


class ContactState(StrEnum):
    ARRIVED = "arrived"
    QUEUED = "queued"
    OFFERED = "offered"
    CONNECTED = "connected"
    LEAVING = "leaving"
    ENDED = "ended"


_OFFERED: Final = ContactState.OFFERED
_QUEUED: Final = ContactState.QUEUED
_RINGING: Final = SegmentKind.RINGING
"Named once: to read a member from its class costs 50 ns, and these are asked for with every contact."


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
    _S.LEAVING: {_T.QUEUE: _S.QUEUED, _T.CONNECT: _S.CONNECTED, _T.END: _S.ENDED},
    _S.ENDED: {},
}


def skips(contact: "Contact", agent_id: AgentId, now: Micros) -> bool:
    """Whether this contact must not be offered to this agent yet (they refused it a moment ago)."""
    until = contact.skips.get(agent_id)
    return until is not None and now < until


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
    live: dict[OfferId, Offer] = NOTHING
    "The live offers: one, or as many as its queue rings at once."
    open_offers: dict[OfferId, Offer] = NOTHING
    "Those and the ones given up whose leg has not ended yet."
    bridge: str = ""
    "The bridge the caller's leg is in."
    agent_id: AgentId | None = None
    "Who talks, or talked last."
    parked: bool = False
    "True while the node is out of reach: it waits, but nothing can be offered for it."
    turn: int = 0
    "In the line of its queue; 0 when it stands in none."
    line: "Queue | None" = None
    "While it stands in line: its queue, or the line of its own need there."
    row: "Row | None" = None
    "The last row of its queue that is open to it."
    rung_from: "Queue | None" = None
    "The line of its own need that it left to be rung for."
    opened_us: Micros = 0
    "The rows of its queue that open after so long, or less, opened to it once: they do not close again."
    waited_before_us: Micros = 0
    "So long they had waited when they gave up a moment ago: their place in line is older by that (redial.py)."
    expected_us: Micros | None = None
    "The wait they were expected to have when they came to this queue, until the first word; None: nobody knew."
    entered_at: Micros = 0
    "When it came to this queue: what opens with time counts from here."
    attended_at: Micros = 0
    "Up to when it was told what its queue tells (waiting_room.py); 0: nothing is due to be told."
    told: tuple[str, ...] = ()
    "The prompts it heard last, at `attended_at` or before."
    told_at: Micros = 0
    hears: str = ""
    "The music it was last given; empty: nobody knows."
    awaits: AgentId | None = None
    "While it stands in line for this agent only."
    data: dict[str, str] = NOTHING
    "What was told of the caller (particulars.py)."
    priority: int = 0
    "Points of its own, besides those of its queue."
    urgent: bool = False
    "Nothing overtakes it."
    skips: dict[AgentId, Micros] = NOTHING
    "Agents not to be asked again, and until when."
    answered_at: Micros | None = None
    up: bool = False
    "Their leg is known to be answered, by whomever; in no picture: a look at Asterisk tells it."
    leaving: Outcome | None = None
    "The outcome when it leaves unanswered by our own decision."
    ended_by: EndedBy | None = None
    timeline: Timeline = field(default_factory=Timeline)
    agent_legs: tuple[Leg, ...] = ()
    back_at: Micros = 0
    "When they came back from an agent of whom we had not heard yet."
    overdue: str = ""
    "Why it goes when the ring is over (`wait`, `early-media`): that time passed while an agent was rung."
    overflowed_from: tuple[QueueName, ...] = ()
    sent_to: str = ""
    "Where outside our queues it was sent last (outside.py); empty: the closing message, or nowhere yet."
    sent_why: str = ""
    keyed: str = ""
    "The key pressed last while somebody was rung for them (keys.py)."
    pressed: str = ""
    "The key that took it out of its queue."
    transferred_to: str = ""
    "The number an agent sent it to."
    promise_id: ContactId | None = None
    "The promise (callback.py) it is called for."
    place: bool = False
    "Nobody is on the phone: it keeps the place of whoever is to be called, and its leg is only an id yet."
    here_at: Micros = 0
    "When the person came to the phone, where the place in line is older; else 0."

    @property
    def legs(self) -> tuple[Leg, ...]:
        """Theirs, and those of the agents who had them."""
        return (Leg(uniqueid=self.leg, linkedid=self.linkedid, node=self.node), *self.agent_legs)

    @property
    def is_waiting(self) -> bool:
        return self.state is _QUEUED or self.state is _OFFERED

    @property
    def aged_from(self) -> Micros:
        """The instant that their place in line goes by."""
        return self.arrived_at - self.waited_before_us

    @property
    def waits_from(self) -> Micros:
        """When the person began to wait in this queue; their place may be older."""
        return max(self.entered_at, self.here_at)

    def begins(self, kind: SegmentKind, at: Micros, agent_id: AgentId | None = None) -> None:
        """From `at` on the leg's time is spent like this, for the queue it is in. Of a place only a phone may ring."""
        if self.place and kind is not _RINGING:
            return
        self.timeline.begin(kind, at, agent_id, self.queue)
