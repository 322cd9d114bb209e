"""An agent: what the person chose, what the machine sees of their phone, and what they have in hand.

Three fields that are never mixed: *status* (the person), *reach* (their phone), *link* (their line). Work is a fourth,
and ours: one voice contact from reservation to the end of wrap-up. `Standing` is the one answer to "may this agent be
offered something, and if not, why not"; whether a *queue* may offer is the agent's `serves`.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from router.domain.ids import AgentId, ContactId, LegId, Micros
from router.domain.messages.commands import ANY_POST, AgentProfile, LogIn, LogOut, Pause, Post, Unpause
from router.domain.messages.events import AgentChanged
from router.domain.messages.standing import Standing
from router.domain.nothing import NOTHING
from router.domain.rulebook.entitlement import ENTITLED_ALWAYS, Entitlement
from router.domain.rulebook.media import VOICE
from router.domain.tables import Table

if TYPE_CHECKING:
    from router.domain.benches.crew import Crew
    from router.domain.benches.row import Row
    from router.domain.contacts.assignment import Assignment
    from router.domain.contacts.contact import Contact
    from router.domain.contacts.offer import Offer


class Status(StrEnum):
    LOGGED_OUT = "LOGGED_OUT"
    READY = "READY"
    PAUSED = "PAUSED"


class Reach(StrEnum):
    REACHABLE = "REACHABLE"
    UNREACHABLE = "UNREACHABLE"
    BUSY_ELSEWHERE = "BUSY_ELSEWHERE"


class Link(StrEnum):
    GOOD = "GOOD"
    DEGRADED = "DEGRADED"
    LOST = "LOST"


_LINK_LOST: Final = Link.LOST
_BUSY_ELSEWHERE: Final = Reach.BUSY_ELSEWHERE
_REACHABLE: Final = Reach.REACHABLE
_UNREACHABLE: Final = Reach.UNREACHABLE
_STANDING_BUSY_ELSEWHERE: Final = Standing.BUSY_ELSEWHERE
_DONE_FOR_TODAY: Final = Standing.DONE_FOR_TODAY
_ENGAGED: Final = Standing.ENGAGED
_FREE: Final = Standing.FREE
_HELD_OFF: Final = Standing.HELD_OFF
_LAST_CONTACT: Final = Standing.LAST_CONTACT
_STANDING_LINK_LOST: Final = Standing.LINK_LOST
_LOGGED_OUT: Final = Standing.LOGGED_OUT
_ON_CONTACT: Final = Standing.ON_CONTACT
_PAUSED: Final = Standing.PAUSED
_STANDING_UNREACHABLE: Final = Standing.UNREACHABLE
_STATUS_LOGGED_OUT: Final = Status.LOGGED_OUT
_READY: Final = Status.READY
"Named once: to read a member from its class costs 50 ns, and these are asked for with every contact."


STATUS: Table[Status, type] = {
    Status.LOGGED_OUT: {LogIn: Status.READY},
    Status.READY: {LogOut: Status.LOGGED_OUT, Pause: Status.PAUSED},
    Status.PAUSED: {LogOut: Status.LOGGED_OUT, Pause: Status.PAUSED, Unpause: Status.READY},
}
RONA = "rona"
"The pause reason of an agent who let it ring."
ROUTER = "router"
"Who asked for a change that no person asked for."


@dataclass(frozen=True, slots=True, kw_only=True)
class Engagement:
    """Contacts of a medium that another system gave to an agent."""

    count: int
    until_at: Micros
    "It is forgotten then, unless it was said again."


@dataclass(slots=True, kw_only=True)
class Today:
    """What an agent has done since midnight."""

    contacts: int = 0
    "Talks that ended."
    talk_us: Micros = 0
    paused: dict[str, Micros] = NOTHING
    "Reason → time of the pauses that ended."
    began_at: Micros = 0
    "Midnight, where a pause went over it."


@dataclass(slots=True, kw_only=True, eq=False)
class Agent:
    agent_id: AgentId
    profile: AgentProfile
    ordinal: int
    "Order of enrolment; breaks ties so that the same inputs choose the same agent."
    status: Status = Status.LOGGED_OUT
    reason: str | None = None
    next_status: Status | None = None
    "Takes effect after the contact in hand."
    next_reason: str | None = None
    next_by: str | None = None
    "Who asked for it: their word, whatever the router concludes before it takes effect."
    since_at: Micros = 0
    chosen_at: Micros = 0
    "When what they are, or will be after the contact in hand, was asked for last."
    asked_by: str | None = None
    "Who asked for the latest change; None: it was before this router's time."
    reachable: bool = False
    reach_seen_at: Micros = 0
    "`now` when we last heard of the phone itself."
    private_legs: dict[LegId, None] = NOTHING
    "Legs of this phone that are not ours: private calls, feature codes."
    link: Link = Link.GOOD
    entitlement: Entitlement = ENTITLED_ALWAYS
    paid: bool = False
    "Whether they are in a pause that is working time."
    held_until: Micros = 0
    in_vain: tuple[str, int] = ("", 0)
    "Result of the latest offers, and how many in a row ended so."
    other_work: dict[str, Engagement] = NOTHING
    "In hand besides our contacts, by medium."
    takes_voice: bool = True
    "Whether a call may come on top of that: media.py, looked up when it changes (engagement.py)."
    idle_since: Micros = 0
    offer: "Offer | None" = None
    assignment: "Assignment | None" = None
    skilled: "tuple[Row, ...]" = ()
    "Of each queue whose need the skills meet, the row the agent belongs to."
    serves: "tuple[Row, ...]" = ()
    "Of those, the ones the agent is entitled to now."
    crew: "Crew | None" = None
    "All who serve the same rows; None: they serve none."
    standing: Standing = Standing.LOGGED_OUT
    counted: Standing = Standing.LOGGED_OUT
    "As what the rows count them: who was on a contact and is free counts as that from when they sit down."
    turn: int = 0
    "On the benches of all rows served, while free and not yet matched; else 0."
    seat: tuple[AgentId, Micros] = AgentId(""), 0
    "Who, and idle since when: as they sat down last."
    awaited: "dict[ContactId, Contact]" = NOTHING
    "Who stands in line for this agent only."
    asked_at: Micros = 0
    "When they were offered something last."
    today: "Today" = field(default_factory=lambda: Today())
    told: "Visible | None" = None
    "What was last told to the world."

    def post(self, queue: str) -> Post:
        """How the agent stands to a queue, by the directory."""
        return self.profile.posts.get(queue, ANY_POST)

    @property
    def reach(self) -> Reach:
        if self.private_legs:
            return _BUSY_ELSEWHERE
        return _REACHABLE if self.is_reachable else _UNREACHABLE

    @property
    def is_reachable(self) -> bool:
        """Whether the phone could be rung; what is dialled by a name of its own registers nowhere and always can."""
        return self.reachable or bool(self.profile.dial)

    @property
    def in_hand(self) -> dict[str, int]:
        """Everything they have to do with now, by medium."""
        counts = {medium: engaged.count for medium, engaged in self.other_work.items()}
        if self.offer is not None or self.assignment is not None:
            medium = VOICE if self.assignment is None else self.assignment.medium
            counts[medium] = counts.get(medium, 0) + 1
        return counts

    @property
    def takes_more(self) -> bool:
        """Whether anything may be offered to them today: now, after the contact in hand, or when they are back."""
        cap = self.profile.daily_cap
        talks = self.assignment is not None and self.assignment.talks
        return self.standing is not _LOGGED_OUT and not 0 < cap <= self.today.contacts + talks

    @property
    def work(self) -> str:
        if self.offer is not None:
            return "ringing" if self.offer.rang else "reserved"
        return "idle" if self.assignment is None else self.assignment.work

    def stands(self, now: Micros) -> Standing:
        """Derive the standing from the facts. Order matters: it is the order of explanation."""
        if self.offer is not None or self.assignment is not None:
            return _ON_CONTACT if self.next_status is None else _LAST_CONTACT
        if self.status is not _READY:
            return _LOGGED_OUT if self.status is _STATUS_LOGGED_OUT else _PAUSED
        if self.private_legs:
            return _STANDING_BUSY_ELSEWHERE
        if not self.is_reachable:
            return _STANDING_UNREACHABLE
        if self.link is _LINK_LOST:
            return _STANDING_LINK_LOST
        if not self.takes_voice:
            return _ENGAGED
        if 0 < self.profile.daily_cap <= self.today.contacts:
            return _DONE_FOR_TODAY
        return _HELD_OFF if now < self.held_until else _FREE

    def visible(self) -> "Visible":
        """What others can see of the agent."""
        in_hand = self.offer or self.assignment
        return (
            self.status,
            self.reason,
            self.next_status,
            self.next_reason,
            self.reach,
            self.link,
            self.work,
            None if in_hand is None else in_hand.contact_id,
        )

    def picture(self, status_changed: bool, visible: "Visible | None" = None) -> AgentChanged:
        """The whole agent as others may see it; who asked is told with a change of status only, now or put off."""
        status, reason, next_status, next_reason, reach, link, work, contact_id = visible or self.visible()
        return AgentChanged(
            agent_id=self.agent_id,
            status=status,
            reason=reason,
            next_status=next_status,
            next_reason=next_reason,
            reach=reach,
            link=link,
            work=work,
            contact_id=contact_id,
            since_at=self.since_at,
            chosen_at=self.chosen_at,
            asked_by=self.asked_by if status_changed else None,
            paid=self.paid,
        )


Visible = tuple[Status, str | None, Status | None, str | None, Reach, Link, str, ContactId | None]
"(status, reason, next status, next reason, reach, link, work, contact in hand)"


@dataclass(slots=True, kw_only=True, eq=False)
class PrivateLeg:
    """A leg of an agent's phone that is not ours, and since when we know of it."""

    agent: Agent
    node: str
    seen_at: Micros
    answered: bool = False
    "It dialled a feature code and was told what came of it."
