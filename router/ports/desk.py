"""The running router as its operators meet it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

from router.domain.ids import AgentId, ContactId, Micros, OfferId
from router.domain.messages.events import AgentChanged
from router.domain.recount import Touched
from router.ports.lease import LeaseView
from router.ports.ledger import ContactStory, RecordQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentView:
    """An agent as `status`, HTTP and the demo show them."""

    change: AgentChanged
    skills: dict[str, int] = field(default_factory=dict)
    queues: tuple[str, ...] = ()
    standing: str = ""
    until_at: Micros | None = None
    "When what they are in ends or becomes too long: wrap-up, a pause with a limit, a while without offers."
    wrapup: str | None = None
    "How the wrap-up they are in ends."
    disposition: str | None = None
    "What they said came of the contact in hand."
    paused_today: dict[str, Micros] = field(default_factory=dict)
    "Reason → time paused for it since midnight."
    in_hand: dict[str, int] = field(default_factory=dict)
    "Medium → contacts in hand."


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactView:
    contact_id: ContactId
    campaign: str
    queue: str
    state: str
    agent_id: AgentId | None
    arrived_at: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorView:
    """Whether callers find a campaign open, and what to tell who asks why not."""

    campaign: str
    time_zone: str = "UTC"
    "Of its hours."
    closed_by: str = ""
    "`hand` | `hours` | `holiday` | `exception`; empty: it is open."
    note: str = ""
    "The holiday's name, or the exception's note."
    opens_at: Micros | None = None
    "When it is open next, as far as its hours are known; None also while it is open."


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    queue: str
    door: DoorView
    "Its campaign's."
    is_open: bool
    "To callers of its campaign; an emergency's and a night line are while the door is shut."
    waiting: int
    longest_wait_us: Micros
    free_agents: int
    entitled_agents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackView:
    """A call that is owed to somebody."""

    promise_id: ContactId
    campaign: str
    queue: str
    state: str
    tries: int
    arrived_at: Micros
    expires_at: Micros
    due_at: Micros | None
    "When something is done about it, if nothing happens before; None while they are on the phone."
    place_id: ContactId | None
    "The contact in line, or on the phone, for it."


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorView:
    """The floor at one instant."""

    now: Micros
    agents: tuple[AgentView, ...]
    contacts: tuple[ContactView, ...]
    queues: tuple[QueueView, ...]
    callbacks: tuple[CallbackView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """One instant on the way of a contact through the router."""

    step: str
    """Of something Asterisk told: `happened` there, `read` from the socket, `parsed` and put into the inbox, `taken`
    out of it, `decided` (the engine is done). Of what was decided: `event`, and of an action `written`, `answered` or
    `refused`."""
    what: str
    "AMI's name of the event or action; of an `event` ours."
    of: str
    "`caller`, `offer 1`, the id of another contact whose news it was, or empty for the contact as a whole."
    at: Micros
    clock: str
    "`asterisk` or `router`."


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferPath:
    """The way of one offer, from what made the router decide to the talk."""

    offer_id: OfferId
    cause: str | None
    "What was seen, by AMI's name; None when it was a deadline or a command."
    cause_contact: ContactId | None
    "Whose news that was, when it was another contact's: it freed the agent."
    instants: dict[str, Micros]
    """`happened` (Asterisk's clock) `read parsed taken decided written` (ours) `appeared ringing up talk` (Asterisk's),
    as far as they came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactTrace:
    """What the router remembers of one contact's way through it. No number and no name is in it."""

    contact_id: ContactId
    lives: bool
    left_out: int
    "Milestones that were too many, from the middle."
    milestones: tuple[Milestone, ...]
    "In order; empty where many contacts are listed."
    offers: tuple[OfferPath, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """How a reload changed who is known."""

    enrolled: int
    dismissed: int
    kept_on_contact: tuple[AgentId, ...]
    "Agents to be dismissed who are on a contact: offered nothing more, dismissed by the next reload."
    without_phone: tuple[AgentId, ...]
    "Agents unknown, or unreachable, because one of those still has their phone."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """What came of reading the files again."""

    config_hash: str
    touched: Touched
    roll: Roll


class Desk(Protocol):
    """The running router as its operators meet it (HTTP, control socket, command line)."""

    def floor(self) -> FloorView: ...

    async def ask(self, command: object) -> None:
        """Hand a command to the engine and wait until what came of it would survive us.

        Raises `CommandRefused`: nothing was changed; `RemoteError` `not-written-down`: it is in force, but not safe.
        """
        ...

    async def reload(self) -> Reloaded:
        """Read the files again; raises `ConfigError` and keeps the old rules."""
        ...

    async def canary(self) -> dict[str, object]:
        """Send one echo call through the whole path; returns its milestones."""
        ...

    async def story(self, contact_id: ContactId) -> ContactStory | None: ...

    def stories(self, query: RecordQuery) -> AsyncIterator[ContactStory]: ...

    def trace(self, contact_id: ContactId) -> ContactTrace:
        """Its milestones, if the router remembers it; raises `CommandRefused` `contact-unknown` when not."""
        ...

    async def traces(self, limit: int) -> tuple[ContactTrace, ...]:
        """Of the latest contacts, the latest first."""
        ...

    def lease(self) -> LeaseView:
        """Whose the pool is, as this router knows it."""
        ...

    def readiness(self) -> dict[str, str]:
        """Each dependency → `ok` or why not."""
        ...
