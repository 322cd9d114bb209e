"""Records made of what only Asterisk saw: of a call no router knew, and of an end no router saw.

Rule 1: what the router saw itself is never overruled here: a correction is made only of a record that says its end was
        guessed.
Rule 2: a record of a call that no router knew says so (`RECONCILED`). A router that did know may come later, with a
        disk that nobody had looked at: its record is the true one, and corrects what was made up.
Rule 3: that of every record holds: its segments are disjoint, in order, and cover exactly the life of the caller's leg.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from router.domain.contacts.timeline import Timeline
from router.domain.ids import AgentId, LegId, Micros, QueueName
from router.domain.record import RECONCILED, BillingRecord, Leg, Outcome, Segment, SegmentKind
from router.domain.rulebook.rules import CampaignRules
from router.domain.truth.reconciliation import CallSeen, Pair, correction_id

_SENT_ON = ("acd-closing", "acd-leaving")
"Where a decision of the router took the caller."
Agents = Mapping[str, AgentId]
"By endpoint; who is not in it is named by the endpoint."


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialled:
    """Whom a caller called and who they are, in the site's own terms."""

    campaign: CampaignRules
    dnis: str
    ani: str


def was_refused(call: CallSeen) -> bool:
    """Whether the dialplan turned it away before anything happened (a number that nobody served then): no contact."""
    return call.released and not (call.answered or call.talks or call.announced)


def is_completed_by(pair: Pair) -> bool:
    """Whether Asterisk saw the end that this record only guessed."""
    return pair.record.end_estimated and pair.call.started_at is not None and pair.call.ended_at is not None


def record_of(call: CallSeen, dialled: Dialled, agents: Agents) -> BillingRecord:
    """A call that no router knew. Needs its begin; an end lost with Asterisk is the last sign of life, and says so."""
    segments = _segments(call, agents)
    return BillingRecord(
        contact_id=call.contact_id,
        medium="voice",
        campaign=dialled.campaign.name,
        queue=dialled.campaign.entry,
        ani=dialled.ani,
        dnis=dialled.dnis,
        arrived_at=segments[0].from_at,
        answered_at=_answered_at(segments),
        ended_at=segments[-1].to_at,
        outcome=_outcome(call),
        ended_by=call.ended_by,
        config_hash=RECONCILED,
        end_estimated=call.lost,
        segments=tuple(replace(segment, queue=dialled.campaign.entry) for segment in segments),
        legs=_legs(call, agents),
    )


def replaces(own: BillingRecord, held: BillingRecord) -> bool:
    """Whether a router's own record of a contact comes behind one that was made up; `held`: the one in force."""
    return held.config_hash == RECONCILED and own.config_hash != RECONCILED and own.corrects is None


def replacement(own: BillingRecord, held: BillingRecord) -> BillingRecord:
    """The router's own record as the correction of what is in force."""
    return replace(own, contact_id=correction_id(held), corrects=held.contact_id)


def correction_of(pair: Pair, agents: Agents) -> BillingRecord:
    """The record as it would have been, had its end been seen. What only the router knew (hold, queues) stays."""
    call, old = pair.call, pair.record
    named = {leg.uniqueid: leg.agent_id for leg in old.legs if leg.agent_id is not None}
    agents = dict(agents) | {talk.endpoint: named[talk.leg] for talk in call.talks if talk.leg in named}
    segments = tuple(
        replace(segment, queue=_queue_at(old, segment.from_at)) for segment in _held(_segments(call, agents), old)
    )
    decided = old.outcome in (Outcome.OVERFLOWED, Outcome.SYSTEM) and not call.talks
    return replace(
        old,
        contact_id=correction_id(old),
        corrects=old.contact_id,
        arrived_at=segments[0].from_at,
        answered_at=_answered_at(segments),
        ended_at=segments[-1].to_at,
        outcome=old.outcome if decided else _outcome(call),
        ended_by=call.ended_by,
        end_estimated=False,
        segments=segments,
        legs=old.legs + tuple(leg for leg in _legs(call, agents) if leg.uniqueid not in {o.uniqueid for o in old.legs}),
    )


def _segments(call: CallSeen, agents: Agents) -> tuple[Segment, ...]:
    start = call.last_at if call.started_at is None else call.started_at
    changes = {at for talk in call.talks for at in (talk.from_at, talk.to_at)}
    if call.announced_at is not None:
        changes.add(call.announced_at)
    line = Timeline()
    line.begin(SegmentKind.WAITING, start)
    for at in sorted(changes):
        line.begin(*_doing(call, at, agents))
    return line.finish(max(start, call.last_at if call.ended_at is None else call.ended_at))


def _doing(call: CallSeen, at: Micros, agents: Agents) -> tuple[SegmentKind, Micros, AgentId | None]:
    """What the caller's time is spent on from `at`. Of two who talk to the same caller, the later one."""
    talking = [talk for talk in call.talks if talk.from_at <= at < talk.to_at]
    if talking:
        return SegmentKind.TALK, at, _agent(talking[-1].endpoint, agents)
    talked_until = max((talk.to_at for talk in call.talks if talk.to_at <= at), default=0)
    announced = call.announced_at is not None and talked_until <= call.announced_at <= at
    return SegmentKind.ANNOUNCEMENT if announced else SegmentKind.WAITING, at, None


def _held(segments: tuple[Segment, ...], old: BillingRecord) -> list[Segment]:
    """Talks with the holds the router saw cut out of them."""
    cut: list[Segment] = []
    for whole in segments:
        at = whole.from_at
        for hold in old.segments if whole.kind is SegmentKind.TALK else ():
            begin, end = max(hold.from_at, at), min(hold.to_at, whole.to_at)
            if hold.kind is not SegmentKind.HOLD or begin >= end:
                continue
            if begin > at:
                cut.append(replace(whole, from_at=at, to_at=begin))
            cut.append(replace(whole, kind=SegmentKind.HOLD, from_at=begin, to_at=end))
            at = end
        if at < whole.to_at or at == whole.from_at:
            cut.append(replace(whole, from_at=at))
    return cut


def _queue_at(old: BillingRecord, at: Micros) -> QueueName | None:
    queue = old.segments[0].queue if old.segments else None
    for segment in old.segments:
        if segment.from_at <= at:
            queue = segment.queue
    return queue


def _answered_at(segments: tuple[Segment, ...]) -> Micros | None:
    return next((segment.from_at for segment in segments if segment.kind is SegmentKind.TALK), None)


def _outcome(call: CallSeen) -> Outcome:
    if call.talks:
        return Outcome.ANSWERED
    if call.announced in _SENT_ON:
        return Outcome.OVERFLOWED
    return Outcome.SYSTEM if call.announced else Outcome.ABANDONED


def _legs(call: CallSeen, agents: Agents) -> tuple[Leg, ...]:
    caller = Leg(uniqueid=call.leg, linkedid=call.linkedid, node=call.node)
    talked: dict[LegId, Leg] = {}
    for talk in call.talks:
        agent = _agent(talk.endpoint, agents)
        talked.setdefault(talk.leg, Leg(uniqueid=talk.leg, linkedid=talk.linkedid, node=call.node, agent_id=agent))
    return (caller, *talked.values())


def _agent(endpoint: str, agents: Agents) -> AgentId | None:
    return agents.get(endpoint) or (AgentId(endpoint) if endpoint else None)
