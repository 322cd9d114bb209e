"""Asked of the engine; each may be refused with `CommandRefused`, which leaves the state as it was."""

from dataclasses import field

from router.domain.ids import AgentId, CampaignName, ContactId, Micros, QueueName
from router.domain.message import message
from router.domain.nothing import NOTHING
from router.domain.rulebook.entitlement import Entitlement
from router.domain.rulebook.hours import OpeningHours
from router.domain.rulebook.rules import Rules


@message
class Post:
    """How an agent stands to one queue."""

    priority: int = 0
    "Callers of a queue with a higher one are taken before all others, however long those wait."
    delay_us: Micros = 0
    "Callers must have waited so long before this agent is asked: they back others up."
    position: int = 0
    "Where the queue has a fixed order."


ANY_POST = Post()


@message
class AgentProfile:
    """What the directory knows of a person: who, which phone, which skills."""

    agent_id: AgentId
    endpoint: str
    "PJSIP endpoint, without technology: `agent-1001`."
    skills: dict[str, int] = field(default_factory=dict)
    "Skill name → proficiency 0-100."
    auto_answer: str = ""
    "Not empty: the phone is asked to pick up by itself (headers of its endpoint, see `ringfair export pjsip`)."
    display_name: str = ""
    dial: str = ""
    "What Asterisk dials instead of `PJSIP/<endpoint>`; empty for every ordinary agent."
    posts: dict[str, Post] = NOTHING
    "Queue → how they stand to it, where that is out of the ordinary."
    daily_cap: int = 0
    "Contacts a day; 0: no limit."


@message
class Configure:
    """Put new rules in force. Contacts already waiting keep their queue when it still exists."""

    rules: Rules


@message
class Enrol:
    """Make an agent known, or change what is known of one."""

    profile: AgentProfile


@message
class Dismiss:
    """Forget an agent. Refused while they are on a contact."""

    agent_id: AgentId


@message
class Entitle:
    """Replace when, and for which campaigns, an agent may be offered contacts."""

    agent_id: AgentId
    entitlement: Entitlement


@message
class LogIn:
    agent_id: AgentId
    asked_by: str = "phone"


@message
class LogOut:
    """Takes effect after the contact when one is in hand."""

    agent_id: AgentId
    asked_by: str = "phone"


@message
class Pause:
    """Takes effect after the contact when one is in hand."""

    agent_id: AgentId
    reason: str
    asked_by: str = "phone"
    forced: bool = False
    "The limits of the reason do not count: a team leader said so."


@message
class Unpause:
    agent_id: AgentId
    asked_by: str = "phone"


@message
class Remember:
    """What an agent chose before this router's time; a contact in hand goes on."""

    agent_id: AgentId
    status: str
    reason: str | None
    since_at: Micros


@message
class FinishWrapUp:
    """End the wrap-up before its time."""

    agent_id: AgentId
    disposition: str | None = None


@message
class GiveDisposition:
    """Say what came of the contact in hand, during the talk already or after it."""

    agent_id: AgentId
    disposition: str


@message
class ExtendWrapUp:
    """Ask for more time after a talk."""

    agent_id: AgentId


@message
class Engage:
    """Say how many contacts of another medium an agent has in hand elsewhere; 0: none any more."""

    agent_id: AgentId
    medium: str
    count: int
    for_us: Micros
    "Forgotten after that, unless it is said again: whoever says it may die."


@message
class Prioritise:
    """Give a contact points of its own; it takes its new place in line at once."""

    contact_id: ContactId
    priority: int


@message
class RecallServed:
    """Who served whom last before this router's time, the latest last; what it saw itself is newer."""

    campaign: CampaignName
    served: tuple[tuple[str, AgentId], ...]
    "(caller's number, agent)"


@message
class SetHours:
    """When a campaign is open, for some weeks to come."""

    campaign: CampaignName
    hours: OpeningHours


@message
class SetDays:
    """When the site's days begin, for some weeks to come and a day back: what is counted by the day begins anew."""

    midnights: tuple[Micros, ...]


@message
class Shut:
    """Close a campaign at once, whatever its hours say."""

    campaign: CampaignName
    until_at: Micros


@message
class Reopen:
    """Take a `Shut` back."""

    campaign: CampaignName


@message
class HangUp:
    """Let a waiting or talking caller go."""

    contact_id: ContactId


@message
class CancelCallback:
    """Withdraw the promise to call somebody."""

    promise_id: ContactId


@message
class SetCallTimes:
    """When callers of a queue may be called back, for some weeks to come."""

    queue: QueueName
    times: OpeningHours


@message
class StopOffering:
    """Offer nothing any more: the process is about to leave. Talks go on."""


Command = (
    Configure
    | Enrol
    | Dismiss
    | Entitle
    | LogIn
    | LogOut
    | Pause
    | Unpause
    | Remember
    | FinishWrapUp
    | GiveDisposition
    | ExtendWrapUp
    | Engage
    | Prioritise
    | RecallServed
    | SetHours
    | SetDays
    | Shut
    | Reopen
    | HangUp
    | CancelCallback
    | SetCallTimes
    | StopOffering
)
