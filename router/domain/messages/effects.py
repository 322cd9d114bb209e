"""To be done by an adapter. Idempotent by id: doing one twice does no more than once."""

from router.domain.ids import AgentId, CampaignName, ContactId, LegId, Micros, OfferId, QueueName
from router.domain.message import message


@message
class RingAgent:
    """Make the agent's leg. The offer's id is the leg's ChannelId: a second one is refused by Asterisk."""

    offer_id: OfferId
    contact_id: ContactId
    agent_id: AgentId
    campaign: CampaignName
    queue: QueueName
    node: str
    dial: str
    "`PJSIP/agent-1001`"
    caller_leg: LegId
    caller_name: str
    caller_number: str
    timeout_us: Micros
    "Asterisk's own limit: the ring deadline + 2 s."
    language: str
    whisper: str
    press_one: bool
    callback: bool = False
    "Nobody is on the phone yet: once the agent has accepted, they are called."


@message
class CallCustomer:
    """Call somebody we promised to. The contact's id is the leg's ChannelId: a second one is refused by Asterisk."""

    contact_id: ContactId
    campaign: CampaignName
    node: str
    dial: str
    "`PJSIP/+4930555999@carrier`"
    caller_id: str
    dnis: str
    ani: str
    arrived_at: Micros
    timeout_us: Micros
    language: str
    music: str


@message
class WriteDown:
    """Have a promise written where a successor finds it; whether it is comes back as `PromiseWritten`."""

    promise_id: ContactId


@message
class EndLeg:
    """Hang a leg up with cause 16 (never 44, which looks like an RTP timeout everywhere)."""

    leg: LegId
    node: str


@message
class SendCaller:
    """Redirect the caller's leg: `acd-closing`, `acd-wait`, …"""

    contact_id: ContactId
    leg: LegId
    node: str
    context: str
    exten: str = "s"


@message
class AnswerCaller:
    """Answer the caller's leg where it waits, without taking it from there: whoever bridges it may do so meanwhile."""

    contact_id: ContactId
    leg: LegId
    node: str


@message
class Announce:
    """What a waiting caller hears next: the prompts, one after the other, then this music. An agent cuts it short."""

    contact_id: ContactId
    leg: LegId
    node: str
    music: str
    prompts: tuple[str, ...]


@message
class AnswerPhone:
    """Tell an agent who dialled a feature code what came of it; `result` is an extension of `acd-say`."""

    leg: LegId
    node: str
    result: str
    a_fact: bool = True
    "Whether the ledger gets what came of it; else only the journal can keep it (receipt.py)."


@message
class LookAgain:
    """Take a fresh snapshot of the node: what we believe and what it does have parted ways."""

    node: str


Effect = RingAgent | CallCustomer | WriteDown | EndLeg | SendCaller | AnswerCaller | Announce | AnswerPhone | LookAgain
