"""Whether the demo kept its promises, judged from the ledger against what the telephones themselves saw.

Nobody served out of order. Arrival against answer is the wrong comparison: a caller who is ringing at somebody who then
rejects, or never answers, is not in line meanwhile, and later callers may rightly be answered first. What must hold is
said at each *offer*: when an agent was rung for a caller, nobody stood in line whom the same agent could have served
and who came first by the router's own rule, age (arrival, never lost by a missed or rejected offer) minus priority.
In line is who waits while no phone rings for them: from arrival, or the end of an offer in vain, to their next offer
or their end. Not compared is who was rejected by this very agent a moment ago (`reject_hold_s`), and who came into
line so shortly before (SEEN_US) that the router had not heard of it: arrivals and ends are Asterisk's own times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from deploy.demo.cast import Agent, Call
from router.domain.ids import SECOND, Micros, QueueName
from router.domain.record import BillingRecord, OfferFact, OfferResult, Outcome, SegmentKind
from router.domain.rulebook.rules import Rules
from router.ports import ContactStory

SEEN_US: Micros = 500_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise: kept or not, in a sentence; the cases that break it, if any."""

    kept: bool
    sentence: str
    against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything the verdict is made from."""

    stories: Sequence[ContactStory]
    plan: Sequence[Call]
    agents: Sequence[Agent]
    rules: Rules
    fates: Mapping[str, Sequence[str]]
    "By the caller's number, what the carrier saw."
    unanswered: Mapping[str, Mapping[str, int]]
    "By agent, the calls their phone saw `cancelled` and `rejected`."
    paused: Mapping[str, str]
    "By agent, why the router had paused them at the end."


def judge(evidence: Evidence) -> tuple[Finding, ...]:
    return (
        _one_record_each(evidence),
        _who_stayed(evidence),
        _who_left(evidence),
        _missed(evidence),
        _rejected(evidence),
        _order(evidence),
    )


def _records(evidence: Evidence) -> list[BillingRecord]:
    return [story.record for story in evidence.stories if story.record is not None]


def _one_record_each(evidence: Evidence) -> Finding:
    counts = Counter(record.ani for record in _records(evidence))
    callers = {call.ani for call in evidence.plan}
    wrong = [
        f"{ani}: {counts[ani]} records" for ani in sorted(callers | set(counts)) if counts[ani] != (ani in callers)
    ]
    wrong += [f"{story.contact_id}: offers, but no record" for story in evidence.stories if story.record is None]
    sentence = f"{len(callers)} callers called, {sum(counts.values())} records: exactly one for each"
    return Finding(not wrong, sentence, tuple(wrong))


def _who_stayed(evidence: Evidence) -> Finding:
    stayed = [call for call in evidence.plan if not call.is_impatient]
    served = {story.record.ani: story for story in evidence.stories if story.record is not None}
    wrong = []
    for call in stayed:
        fate, story = evidence.fates.get(call.ani, ()), served.get(call.ani)
        if story is None or not _was_served(story):
            wrong.append(f"{call.ani} ({call.campaign}): no talk in the record; the carrier saw {', '.join(fate)}")
        elif "answered" not in fate or not {"released", "hangs-up"} & set(fate):
            wrong.append(f"{call.ani} ({call.campaign}): the carrier saw {', '.join(fate) or 'nothing'}")
    sentence = f"{len(stayed)} callers stayed, {len(stayed) - len(wrong)} were bridged to an agent and answered"
    return Finding(not wrong, sentence, tuple(wrong))


def _was_served(story: ContactStory) -> bool:
    record = story.record
    return (
        record is not None
        and record.outcome is Outcome.ANSWERED
        and any(segment.kind is SegmentKind.TALK and segment.agent_id for segment in record.segments)
        and sum(offer.result is OfferResult.ANSWERED for offer in story.offers) == 1
    )


def _who_left(evidence: Evidence) -> Finding:
    left = [call.ani for call in evidence.plan if call.is_impatient]
    records = {record.ani: record for record in _records(evidence)}
    wrong = []
    for ani in left:
        record = records.get(ani)
        if record is None or record.outcome is not Outcome.ABANDONED:
            wrong.append(f"{ani}: {'no record' if record is None else record.outcome}")
    waited = ", ".join(f"{_lasted_s(records[ani]):.1f} s" for ani in left if ani in records)
    return Finding(not wrong, f"{len(left)} caller hung up waiting, after {waited}: abandoned", tuple(wrong))


def _lasted_s(record: BillingRecord) -> float:
    return (record.ended_at - record.arrived_at) / SECOND


def _missed(evidence: Evidence) -> Finding:
    agent = next(agent.agent_id for agent in evidence.agents if agent.ways == "never answers")
    told = _offers_in_vain(evidence, agent, OfferResult.MISSED)
    seen = evidence.unanswered[agent]["cancelled"]
    reason = evidence.paused.get(agent, "")
    wrong = [] if told == seen >= 1 else [f"the records have {told} missed offers, {agent}'s phone {seen}"]
    wrong += [] if reason == "rona" else [f"{agent} is not paused as rona but {reason or 'not at all'}"]
    sentence = f"{agent} did not answer: {told} missed offer in the records, paused by the router ({reason})"
    return Finding(not wrong, sentence, tuple(wrong))


def _rejected(evidence: Evidence) -> Finding:
    agent = next(agent.agent_id for agent in evidence.agents if agent.ways == "rejects once")
    told = _offers_in_vain(evidence, agent, OfferResult.REJECTED)
    seen = evidence.unanswered[agent]["rejected"]
    wrong = [] if told == seen >= 1 else [f"the records have {told} rejected offers, {agent}'s phone {seen}"]
    return Finding(not wrong, f"{agent} rejected: {told} rejected offer in the records", tuple(wrong))


def _offers_in_vain(evidence: Evidence, agent: str, result: OfferResult) -> int:
    offers = (offer for story in evidence.stories for offer in story.offers)
    return sum(offer.agent_id == agent and offer.result is result for offer in offers)


# ---- the order ----


@dataclass(frozen=True, slots=True)
class _InLine:
    """A caller stood in line of a queue: from..to, as in the module's first paragraph."""

    story: ContactStory
    queue: QueueName
    from_at: Micros
    to_at: Micros


def _order(evidence: Evidence) -> Finding:
    waits = [wait for story in evidence.stories for wait in _waits(story)]
    offers = [(story, offer) for story in evidence.stories for offer in story.offers]
    wrong = []
    for story, offer in offers:
        for wait in waits:
            if wait.story is not story and _passed_over(wait, offer, story, evidence):
                wrong.append(f"{offer.agent_id} was rung for {story.contact_id}, {wait.story.contact_id} was before")
    sentence = f"{len(offers)} times an agent was rung for a caller, and {len(wrong)} times another one was before them"
    return Finding(not wrong, sentence, tuple(wrong))


def _waits(story: ContactStory) -> Iterator[_InLine]:
    record = story.record
    if record is None:
        return
    since = record.arrived_at
    for offer in sorted(story.offers, key=lambda offer: offer.from_at):
        yield _InLine(story, offer.queue, since, offer.from_at)
        if offer.result is OfferResult.ANSWERED:
            return
        since = offer.to_at
    yield _InLine(story, record.queue, since, record.ended_at)


def _passed_over(wait: _InLine, offer: OfferFact, chosen: ContactStory, evidence: Evidence) -> bool:
    rules = evidence.rules
    return (
        wait.from_at + SEEN_US <= offer.from_at < wait.to_at
        and _may_serve(offer.agent_id, wait.queue, evidence)
        and _age(wait.story, wait.queue, rules) < _age(chosen, offer.queue, rules)
        and not any(
            vain.agent_id == offer.agent_id
            and vain.result is OfferResult.REJECTED
            and vain.to_at <= offer.from_at < vain.to_at + rules.reject_hold_us + SEEN_US
            for vain in wait.story.offers
        )
    )


def _may_serve(agent_id: str, queue: QueueName, evidence: Evidence) -> bool:
    skills = next((agent.skills for agent in evidence.agents if agent.agent_id == agent_id), {})
    return queue in evidence.rules.queues and evidence.rules.queues[queue].need.matches(skills)


def _age(story: ContactStory, queue: QueueName, rules: Rules) -> Micros:
    """The smaller, the earlier in line."""
    assert story.record is not None
    rule = rules.queues[queue]
    return story.record.arrived_at - rule.priority * rule.priority_point_us
