"""What the ledger takes in. Callers' numbers and names of foreign switches are hostile bytes that reach this far.

A fact is worth money, so an odd text does not cost us the fact: control characters, lone surrogates and NUL become
U+FFFD, and a text longer than `TEXT_MAX` is cut and ends in "…", which no number does. Only what would change the
*identity* of a fact is refused: an id that is empty, longer than `KEY_MAX` or not printable, an integer beyond 64 bits.
"""

from dataclasses import replace

from router.domain.errors import RemoteError
from router.domain.ids import AgentId, CampaignName, ContactId, LegId, Micros, OfferId, QueueName
from router.domain.record import (
    AgentChangeFact,
    BillingRecord,
    CallbackFact,
    DecisionFact,
    Fact,
    Leg,
    OfferFact,
    OverflowFact,
    Segment,
    WrapUpFact,
)

TEXT_MAX = 256
"Characters of a text; longer ones are cut."
NEED_MAX = 1000
"Characters of a need, as long as the configuration lets one be."
KEY_MAX = 200
"Characters of an id; longer ones are refused."
INTEGER_MAX = 2**63 - 1
_CUT = "…"
_UNREADABLE = "\ufffd"


def admit(fact: Fact) -> Fact:
    """The fact as it will be stored and read back. Raises `RemoteError` `ledger-fact-refused`, never retryable."""
    match fact:
        case BillingRecord():
            return _record(fact)
        case OfferFact():
            return _offer(fact)
        case WrapUpFact():
            return _wrapup(fact)
        case DecisionFact():
            return _decision(fact)
        case CallbackFact():
            return _callback(fact)
        case OverflowFact():
            return _overflow(fact)
        case AgentChangeFact():
            return _agent_change(fact)
    raise refused(f"a {type(fact).__name__} is no fact")


def refused(sentence: str) -> RemoteError:
    return RemoteError("ledger-fact-refused", sentence)


def clean(value: str, limit: int = TEXT_MAX) -> str:
    """One printable line of at most `limit` characters."""
    if len(value) > limit:
        value = value[: limit - 1] + _CUT
    if value.isprintable():
        return value
    return "".join(c if c.isprintable() else " " if c.isspace() else _UNREADABLE for c in value)


def bounded(value: Micros) -> Micros:
    """An instant asked for, brought into what a database can compare with."""
    return max(-INTEGER_MAX, min(INTEGER_MAX, value))


def is_key(value: str) -> bool:
    """Whether it can be the id of something."""
    return isinstance(value, str) and 0 < len(value) <= KEY_MAX and value.isprintable()


def _key(value: str, what: str) -> str:
    if not is_key(value):
        raise refused(f"{what} must be 1-{KEY_MAX} printable characters")
    return value


def _integers(*values: int | None) -> None:
    for value in values:
        if value is not None and not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise refused("an instant or duration must fit into 64 bits")


def _agent(value: AgentId | None) -> AgentId | None:
    return None if value is None else AgentId(_key(value, "agent_id"))


def _record(fact: BillingRecord) -> BillingRecord:
    _integers(fact.arrived_at, fact.answered_at, fact.ended_at, *(s.from_at for s in fact.segments))
    _integers(*(s.to_at for s in fact.segments))
    return replace(
        fact,
        contact_id=ContactId(_key(fact.contact_id, "contact_id")),
        corrects=None if fact.corrects is None else ContactId(_key(fact.corrects, "corrects")),
        medium=clean(fact.medium),
        campaign=CampaignName(clean(fact.campaign)),
        queue=QueueName(clean(fact.queue)),
        ani=clean(fact.ani),
        dnis=clean(fact.dnis),
        config_hash=clean(fact.config_hash),
        segments=tuple(_segment(segment) for segment in fact.segments),
        legs=tuple(_leg(leg) for leg in fact.legs),
    )


def _segment(segment: Segment) -> Segment:
    _agent(segment.agent_id)
    return segment


def _leg(leg: Leg) -> Leg:
    _agent(leg.agent_id)
    return replace(leg, uniqueid=LegId(clean(leg.uniqueid)), linkedid=clean(leg.linkedid), node=clean(leg.node))


def _offer(fact: OfferFact) -> OfferFact:
    _integers(fact.from_at, fact.to_at)
    if fact.cause is not None and not -(2**31) <= fact.cause < 2**31:
        raise refused("cause must be a Q.850 cause")
    return replace(
        fact,
        offer_id=OfferId(_key(fact.offer_id, "offer_id")),
        contact_id=ContactId(_key(fact.contact_id, "contact_id")),
        agent_id=AgentId(_key(fact.agent_id, "agent_id")),
        queue=QueueName(clean(fact.queue)),
        tech_cause=None if fact.tech_cause is None else clean(fact.tech_cause),
    )


def _wrapup(fact: WrapUpFact) -> WrapUpFact:
    _integers(fact.from_at, fact.to_at)
    return replace(
        fact,
        contact_id=ContactId(_key(fact.contact_id, "contact_id")),
        agent_id=AgentId(_key(fact.agent_id, "agent_id")),
        disposition=None if fact.disposition is None else clean(fact.disposition),
    )


def _decision(fact: DecisionFact) -> DecisionFact:
    _integers(fact.at, fact.waited_us, fact.chosen_idle_us)
    return replace(
        fact,
        offer_id=OfferId(_key(fact.offer_id, "offer_id")),
        contact_id=ContactId(_key(fact.contact_id, "contact_id")),
        chosen=AgentId(_key(fact.chosen, "agent_id")),
        queue=QueueName(clean(fact.queue)),
        need=clean(fact.need, NEED_MAX),
        next_best=tuple((AgentId(clean(agent)), idle) for agent, idle in fact.next_best),
        others=tuple((clean(reason), count) for reason, count in fact.others),
    )


def _callback(fact: CallbackFact) -> CallbackFact:
    _integers(fact.at, fact.number, fact.until_at or 0)
    if not -(2**31) <= fact.number < 2**31:
        raise refused("number must be that of a call")
    return replace(
        fact,
        contact_id=ContactId(_key(fact.contact_id, "contact_id")),
        what=_key(fact.what, "what"),
        queue=QueueName(clean(fact.queue)),
        call_id=None if fact.call_id is None else ContactId(_key(fact.call_id, "call_id")),
    )


def _overflow(fact: OverflowFact) -> OverflowFact:
    _integers(fact.at)
    return replace(
        fact,
        contact_id=ContactId(_key(fact.contact_id, "contact_id")),
        queue=QueueName(clean(fact.queue)),
        target=clean(fact.target),
        why=clean(fact.why),
        passed=tuple((clean(target), clean(why)) for target, why in fact.passed),
    )


def _agent_change(fact: AgentChangeFact) -> AgentChangeFact:
    _integers(fact.at)
    return replace(
        fact,
        agent_id=AgentId(_key(fact.agent_id, "agent_id")),
        status=clean(fact.status),
        # "No reason" and an empty one are the same to the key the fact is stored under.
        reason=clean(fact.reason) if fact.reason else None,
        asked_by=clean(fact.asked_by),
        next_status=clean(fact.next_status) if fact.next_status else None,
        next_reason=clean(fact.next_reason) if fact.next_reason else None,
    )
