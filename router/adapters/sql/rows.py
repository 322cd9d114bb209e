"""Facts ↔ rows of `schema.py`. Pure; both directions of each kind stand side by side."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import RowMapping

from router.domain.ids import AgentId, CampaignName, ContactId, LegId, OfferId, QueueName
from router.domain.record import (
    AgentChangeFact,
    BillingRecord,
    CallbackFact,
    DecisionFact,
    EndedBy,
    Fact,
    How,
    Leg,
    OfferFact,
    OfferResult,
    Outcome,
    OverflowFact,
    Segment,
    SegmentKind,
    WrapUpEnd,
    WrapUpFact,
)

Row = dict[str, Any]
Found = RowMapping


@dataclass(slots=True)
class Batch:
    """Rows of one transaction, by table."""

    records: list[Row] = field(default_factory=list)
    closed: dict[ContactId, BillingRecord] = field(default_factory=dict)
    offers: list[Row] = field(default_factory=list)
    decisions: list[Row] = field(default_factory=list)
    wrapups: list[Row] = field(default_factory=list)
    callbacks: list[Row] = field(default_factory=list)
    overflows: list[Row] = field(default_factory=list)
    agent_changes: list[Row] = field(default_factory=list)


def batch(facts: Iterable[Fact]) -> Batch:
    """Sort facts by table, in their order. Of two records of one contact the first counts."""
    rows = Batch()
    for fact in facts:
        match fact:
            case BillingRecord():
                if fact.contact_id not in rows.closed:
                    rows.closed[fact.contact_id] = fact
                    rows.records.append(record_row(fact))
            case OfferFact():
                rows.offers.append(offer_row(fact))
            case DecisionFact():
                rows.decisions.append(decision_row(fact))
            case WrapUpFact():
                rows.wrapups.append(wrapup_row(fact))
            case CallbackFact():
                rows.callbacks.append(callback_row(fact))
            case OverflowFact():
                rows.overflows.append(overflow_row(fact))
            case AgentChangeFact():
                rows.agent_changes.append(agent_change_row(fact))
    return rows


def record_row(fact: BillingRecord) -> Row:
    return {
        "contact_id": fact.contact_id,
        "schema": fact.schema,
        "medium": fact.medium,
        "campaign": fact.campaign,
        "queue": fact.queue,
        "ani": fact.ani,
        "dnis": fact.dnis,
        "arrived_at": fact.arrived_at,
        "answered_at": fact.answered_at,
        "ended_at": fact.ended_at,
        "outcome": str(fact.outcome),
        "ended_by": str(fact.ended_by),
        "config_hash": fact.config_hash,
        "end_estimated": fact.end_estimated,
        "corrects": fact.corrects,
    }


def record(row: Found, segments: Sequence[Segment], legs: Sequence[Leg]) -> BillingRecord:
    return BillingRecord(
        contact_id=ContactId(row["contact_id"]),
        medium=row["medium"],
        campaign=CampaignName(row["campaign"]),
        queue=QueueName(row["queue"]),
        ani=row["ani"],
        dnis=row["dnis"],
        arrived_at=row["arrived_at"],
        answered_at=row["answered_at"],
        ended_at=row["ended_at"],
        outcome=Outcome(row["outcome"]),
        ended_by=EndedBy(row["ended_by"]),
        config_hash=row["config_hash"],
        end_estimated=row["end_estimated"],
        segments=tuple(segments),
        legs=tuple(legs),
        corrects=None if row["corrects"] is None else ContactId(row["corrects"]),
        schema=row["schema"],
    )


def segment_rows(fact: BillingRecord) -> list[Row]:
    return [
        {
            "contact_id": fact.contact_id,
            "position": position,
            "kind": str(segment.kind),
            "from_at": segment.from_at,
            "to_at": segment.to_at,
            "agent_id": segment.agent_id,
            "queue": segment.queue,
        }
        for position, segment in enumerate(fact.segments)
    ]


def segment(row: Found) -> Segment:
    return Segment(
        kind=SegmentKind(row["kind"]),
        from_at=row["from_at"],
        to_at=row["to_at"],
        agent_id=_agent(row["agent_id"]),
        queue=None if row["queue"] is None else QueueName(row["queue"]),
    )


def leg_rows(fact: BillingRecord) -> list[Row]:
    return [
        {
            "contact_id": fact.contact_id,
            "position": position,
            "uniqueid": leg.uniqueid,
            "linkedid": leg.linkedid,
            "node": leg.node,
            "agent_id": leg.agent_id,
        }
        for position, leg in enumerate(fact.legs)
    ]


def leg(row: Found) -> Leg:
    return Leg(
        uniqueid=LegId(row["uniqueid"]),
        linkedid=row["linkedid"],
        node=row["node"],
        agent_id=_agent(row["agent_id"]),
    )


def offer_row(fact: OfferFact) -> Row:
    return {
        "offer_id": fact.offer_id,
        "contact_id": fact.contact_id,
        "agent_id": fact.agent_id,
        "queue": fact.queue,
        "from_at": fact.from_at,
        "to_at": fact.to_at,
        "result": str(fact.result),
        "cause": fact.cause,
        "tech_cause": fact.tech_cause,
    }


def offer(row: Found) -> OfferFact:
    return OfferFact(
        offer_id=OfferId(row["offer_id"]),
        contact_id=ContactId(row["contact_id"]),
        agent_id=AgentId(row["agent_id"]),
        queue=QueueName(row["queue"]),
        from_at=row["from_at"],
        to_at=row["to_at"],
        result=OfferResult(row["result"]),
        cause=row["cause"],
        tech_cause=row["tech_cause"],
    )


def decision_row(fact: DecisionFact) -> Row:
    return {
        "offer_id": fact.offer_id,
        "contact_id": fact.contact_id,
        "queue": fact.queue,
        "at": fact.at,
        "need": fact.need,
        "waited_us": fact.waited_us,
        "chosen": fact.chosen,
        "chosen_idle_us": fact.chosen_idle_us,
        "next_best": json.dumps(fact.next_best, separators=(",", ":")),
        "others": json.dumps(fact.others, separators=(",", ":")),
        "how": msgspec.json.encode(fact.how).decode(),
    }


def decision(row: Found) -> DecisionFact:
    return DecisionFact(
        offer_id=OfferId(row["offer_id"]),
        contact_id=ContactId(row["contact_id"]),
        queue=QueueName(row["queue"]),
        at=row["at"],
        need=row["need"],
        waited_us=row["waited_us"],
        chosen=AgentId(row["chosen"]),
        chosen_idle_us=row["chosen_idle_us"],
        next_best=tuple((AgentId(agent), idle) for agent, idle in json.loads(row["next_best"])),
        others=tuple((reason, count) for reason, count in json.loads(row["others"])),
        how=How() if row["how"] is None else msgspec.json.decode(row["how"], type=How),
    )


def wrapup_row(fact: WrapUpFact) -> Row:
    return {
        "contact_id": fact.contact_id,
        "agent_id": fact.agent_id,
        "from_at": fact.from_at,
        "to_at": fact.to_at,
        "disposition": fact.disposition,
        "ended": None if fact.ended is None else str(fact.ended),
    }


def wrapup(row: Found) -> WrapUpFact:
    return WrapUpFact(
        contact_id=ContactId(row["contact_id"]),
        agent_id=AgentId(row["agent_id"]),
        from_at=row["from_at"],
        to_at=row["to_at"],
        disposition=row["disposition"],
        ended=None if row["ended"] is None else WrapUpEnd(row["ended"]),
    )


def callback_row(fact: CallbackFact) -> Row:
    return {
        "contact_id": fact.contact_id,
        "at": fact.at,
        "what": fact.what,
        "queue": fact.queue,
        "call_id": fact.call_id,
        "number": fact.number,
        "until_at": fact.until_at,
    }


def callback(row: Found) -> CallbackFact:
    return CallbackFact(
        contact_id=ContactId(row["contact_id"]),
        at=row["at"],
        what=row["what"],
        queue=QueueName(row["queue"]),
        call_id=None if row["call_id"] is None else ContactId(row["call_id"]),
        number=row["number"],
        until_at=row["until_at"],
    )


def overflow_row(fact: OverflowFact) -> Row:
    return {
        "contact_id": fact.contact_id,
        "at": fact.at,
        "queue": fact.queue,
        "target": fact.target,
        "why": fact.why,
        "passed": json.dumps(fact.passed, separators=(",", ":")),
    }


def overflow(row: Found) -> OverflowFact:
    return OverflowFact(
        contact_id=ContactId(row["contact_id"]),
        at=row["at"],
        queue=QueueName(row["queue"]),
        target=row["target"],
        why=row["why"],
        passed=tuple((target, why) for target, why in json.loads(row["passed"])),
    )


def agent_change_row(fact: AgentChangeFact) -> Row:
    return {
        "agent_id": fact.agent_id,
        "at": fact.at,
        "status": fact.status,
        "reason": fact.reason or "",
        "asked_by": fact.asked_by,
        "next_status": fact.next_status,
        "next_reason": fact.next_reason,
        "paid": fact.paid,
    }


def agent_change(row: Found) -> AgentChangeFact:
    return AgentChangeFact(
        agent_id=AgentId(row["agent_id"]),
        at=row["at"],
        status=row["status"],
        reason=row["reason"] or None,
        asked_by=row["asked_by"],
        next_status=row["next_status"],
        next_reason=row["next_reason"],
        paid=row["paid"],
    )


def _agent(value: str | None) -> AgentId | None:
    return None if value is None else AgentId(value)
