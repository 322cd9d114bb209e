"""What the inside needs from the outside. Adapters implement these; tests use stateful fakes of the same shape.

Every method that awaits has its deadline inside the adapter and raises `RemoteError` when it passes.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Protocol

from router.domain.commands import AgentProfile
from router.domain.effects import Effect
from router.domain.events import AgentChanged, Event
from router.domain.ids import AgentId, ContactId, LegId, Micros, OfferId
from router.domain.observations import Observation
from router.domain.picture import Picture
from router.domain.record import BillingRecord, DecisionFact, Fact, OfferFact, WrapUpFact
from router.domain.rules import Rules


class Clock(Protocol):
    """One clock for the whole process; it never steps back."""

    def now(self) -> Micros:
        """Microseconds since the epoch, UTC: wall time at start + monotonic since."""
        ...


class Telephony(Protocol):
    """The calls. Observations go to the sink given at construction; `perform` returns at once."""

    def perform(self, effect: Effect) -> None:
        """Send it. A failure comes back as an observation, never as an exception."""
        ...

    def publish(self, rules: Rules) -> None:
        """Tell every node which numbers we serve (`ACD_DNIS_*`)."""
        ...

    def beat(self, count: int) -> None:
        """Move the heartbeat `ACD_HB_<pool>` that the dialplan watches."""
        ...

    def call_in(self, digits: str) -> None:
        """Make a call of our own that arrives like a caller's at the dialled number `digits`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceRow:
    """An agent as other processes may read it. Strings as in `AgentChanged`."""

    agent_id: AgentId
    status: str
    reason: str | None
    next_status: str | None
    reach: str
    link: str
    work: str
    contact_id: ContactId | None
    since_at: Micros
    next_reason: str | None = None


class Presence(Protocol):
    """Where *now* can be read by others, and by our successor."""

    async def load(self) -> tuple[PresenceRow, ...]:
        """Everything written down for this pool; an empty tuple when nothing is."""
        ...

    async def store(self, changed: Sequence[PresenceRow], gone: Sequence[AgentId], now: Micros) -> None:
        """Write changed agents, remove gone ones, move the heartbeat. One round trip, idempotent."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseView:
    """Whose the pool is, as Redis tells it."""

    mine: bool = False
    owner: str = ""
    "A nonce of the process; empty: nobody's."
    host: str = ""
    epoch: int = 0
    since_at: Micros = 0
    left_us: Micros = 0
    "Until it lapses unless it is renewed."
    latest: int = 0
    "The highest epoch that was ever given out, as far as Redis remembers."
    standbys: int = 0


class Lease(Protocol):
    """Who owns the pool. For threads: every method blocks, for a second at the worst, and raises `RemoteError`."""

    owner: str
    lives_s: float

    def acquire(self, now: Micros) -> LeaseView:
        """Take it, in a new and higher epoch, if it is nobody's."""
        ...

    def renew(self, epoch: int) -> LeaseView:
        """Hold it for another `lives_s`; one that lapsed, or was forgotten, and went to nobody since is ours again."""
        ...

    def raise_above(self, epoch: int) -> LeaseView:
        """Give the lease that is ours a higher epoch than this, which somebody used once."""
        ...

    def release(self) -> LeaseView: ...

    def read(self, *, stands_by: bool = False) -> LeaseView: ...

    def close(self) -> None: ...


class Acting(Enum):
    """May an owner act now?"""

    YES = auto()
    UNKNOWN = auto()
    "It may have lost the pool without knowing. It is being asked; `Tenure.told` is called when there is news."
    NO = auto()
    "Lost for good."


class Tenure(Protocol):
    """An owner's time in office, as whoever sends actions must know it. Synchronous and cheap."""

    owner: str
    epoch: int
    told: Callable[[], None]
    "Called, on any thread, when what `may_act` says may have changed."
    alone: bool
    "In doubt, and nobody there to ask: then Asterisk's word counts (`proved`)."

    def now(self) -> float: ...

    def may_act(self) -> Acting: ...

    def unanswered(self) -> None:
        """It takes too long: take whoever is asked for absent."""
        ...

    def proved(self, asked_at: float) -> None:
        """Asterisk, asked at that instant of `now()`, knows of no higher epoch."""
        ...

    async def raise_above(self, epoch: int) -> int:
        """Take an epoch above one found at Asterisk. Raises `RemoteError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactStory:
    """Everything the ledger holds about one contact."""

    contact_id: ContactId
    record: BillingRecord | None
    prev_hash: str | None = None
    "Of the record before this one, in the order the ledger got them; None without a record."
    corrections: tuple[BillingRecord, ...] = ()
    "Records that name this one in `corrects`, or a correction of it, in the order the ledger got them: the last holds."
    offers: tuple[OfferFact, ...] = ()
    wrapups: tuple[WrapUpFact, ...] = ()
    decisions: tuple[DecisionFact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordQuery:
    """Which records; None means no limit of that kind. Order is by `ended_at`, then `contact_id`."""

    from_at: Micros | None = None
    to_at: Micros | None = None
    campaign: str | None = None
    after: tuple[Micros, ContactId] | None = None
    limit: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Journalled:
    """What a journal holds: the newest picture of everybody who was on the floor at the last commit."""

    pictures: tuple[Picture, ...]
    seq: int = 0
    epoch: int = 0
    "Of the router that wrote it last."
    written_at: Micros = 0
    "Its clock at the last commit: a successor's must not begin before it. 0 when there was none."
    config_hash: str = ""
    unreadable: int = 0
    "Pictures that could not be read, and are missing here."


class Journal(Protocol):
    """How the floor stands, for whoever takes over. One writer: who holds the pool's lease."""

    async def load(self) -> Journalled: ...

    async def append(self, pictures: Sequence[Picture], *, epoch: int, now: Micros, config_hash: str) -> bool:
        """One commit, all or nothing. False when earlier ones are lost: everything must be written again.

        Raises `journal-fenced` when a higher epoch was given out: then nothing was written.
        """
        ...

    async def sync(self) -> bool:
        """Wait until what was committed is on disk; False where that cannot be known."""
        ...

    async def close(self) -> None: ...


class Ledger(Protocol):
    """Facts, append-only, each at most once (`contact_id`, `offer_id` … are unique keys).

    A record is never changed: a correction is a record with an id of its own whose `corrects` names the old one. Records
    are chained in the order they come in, so that a change or a gap can be seen afterwards.
    """

    async def append(self, facts: Sequence[Fact]) -> int:
        """Commit all of them or none; a fact already there is left as it is. Gives how many were new."""
        ...

    async def story(self, contact_id: ContactId) -> ContactStory | None: ...

    def stories(self, query: RecordQuery) -> AsyncIterator[ContactStory]: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """How Asterisk may check an agent's phone: the digest only, never the password."""

    realm: str
    digest: str
    "`MD5:<hex>` and `SHA-256:<hex>` of user:realm:password, one per line, as `password_digest` of PJSIP takes them."


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEntry:
    """One row of the directory."""

    profile: AgentProfile
    credential: Credential | None = None
    transport: str = "udp"
    "`udp` or `tls` (with SRTP)."
    active: bool = True


class Directory(Protocol):
    """Who our agents are. Every change is audited with who made it and when."""

    async def agents(self) -> tuple[AgentEntry, ...]: ...

    async def put(self, entries: Sequence[AgentEntry], *, by: str, now: Micros) -> None: ...

    async def remove(self, agent_id: AgentId, *, by: str, now: Micros) -> None: ...

    async def close(self) -> None: ...


class Way(StrEnum):
    """Which direction of a leg's audio a report tells about."""

    UPLINK = "uplink"
    "Phone → us, as we received it."
    DOWNLINK = "downlink"
    "Us → phone, as the phone says it received it."


@dataclass(frozen=True, slots=True, kw_only=True)
class LineReport:
    """One RTCP report (RFC 3550, 6.4) about a leg. None: not in the report, or too absurd to be true."""

    leg: LegId
    way: Way
    at: Micros
    "Asterisk's own time of it; 0 when it gave none."
    fraction_lost: float | None
    "0 … 1, since the report before. 0 as well while nothing arrives at all: then `highest_sequence` stands still."
    highest_sequence: int | None
    "Of the packets received, with its cycles of 65,536."
    jitter_us: Micros | None
    "Interarrival jitter, from units of the codec's clock."
    rtt_us: Micros | None
    "There and back; only the phone's reports tell it."
    mes: float | None
    "Asterisk's media experience score, 0-100, raw: it ignores jitter and rises while nothing arrives."
    sent_packets: int | None
    "Packets sent by whoever made the report: an uplink report counts ours, a downlink report the phone's."


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSummary:
    """All lines at once: no leg can be told from another. The figures are of uplinks, None without any."""

    connected: bool
    events: int
    "Reports taken since the start."
    dropped: int
    "Reports thrown away unread since the start: newer ones were there."
    legs: int
    "With a report of the last seconds."
    median_jitter_us: Micros | None = None
    worst_jitter_us: Micros | None = None
    median_lost: float | None = None
    worst_lost: float | None = None


class LineReports(Protocol):
    """What the lines are like now. Reports may be missing: they are lossy, the newest wins."""

    def latest(self, leg: LegId) -> tuple[LineReport, ...]:
        """The newest report of each way, uplink first; empty when there was none for some seconds."""
        ...

    def summary(self) -> LineSummary: ...


ObservationSink = Callable[[Observation], None]
EventSubscriber = Callable[[Event, Micros], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentView:
    """An agent as `status`, HTTP and the demo show them."""

    change: AgentChanged
    skills: dict[str, int] = field(default_factory=dict)
    queues: tuple[str, ...] = ()
    standing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactView:
    contact_id: ContactId
    campaign: str
    queue: str
    state: str
    agent_id: AgentId | None
    arrived_at: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorView:
    """The floor at one instant."""

    now: Micros
    agents: tuple[AgentView, ...]
    contacts: tuple[ContactView, ...]
    queues: tuple["QueueView", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    queue: str
    waiting: int
    longest_wait_us: Micros
    free_agents: int
    entitled_agents: int


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


class Desk(Protocol):
    """The running router as its operators meet it (HTTP, control socket, command line)."""

    def floor(self) -> FloorView: ...

    async def ask(self, command: object) -> None:
        """Hand a command to the engine; raises `CommandRefused`."""
        ...

    async def reload(self) -> str:
        """Read the files again; returns the new hash, raises `ConfigError` and keeps the old rules."""
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
