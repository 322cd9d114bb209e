"""Events to count, a subscriber that was told of them, and the value of one series."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from router.adapters.metrics import Metrics, Reading
from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, LegId, OfferId, QueueName
from router.domain.messages.events import AgentChanged, ContactConnected, ContactEnded, Event, OfferClosed
from router.domain.record import BillingRecord, EndedBy, Leg, OfferFact, OfferResult, Outcome, Segment, SegmentKind

NOW = 1_790_000_000 * SECOND
QUEUE = QueueName("shop/orders")
SHOP = {"medium": "voice", "queue": "shop/orders"}


def ended(contact: str, outcome: Outcome, waited_s: float, talked_s: float = 0.0) -> ContactEnded:
    talk_at = NOW + round(waited_s * SECOND)
    ended_at = talk_at + int(talked_s * SECOND)
    segments = [Segment(kind=SegmentKind.WAITING, from_at=NOW, to_at=talk_at)]
    if talked_s:
        segments.append(Segment(kind=SegmentKind.TALK, from_at=talk_at, to_at=ended_at))
    return ContactEnded(
        record=BillingRecord(
            contact_id=ContactId(contact),
            medium="voice",
            campaign=CampaignName("shop"),
            queue=QUEUE,
            ani="+4930555666",
            dnis="+4930555100",
            arrived_at=NOW,
            answered_at=talk_at if talked_s else None,
            ended_at=ended_at,
            outcome=outcome,
            ended_by=EndedBy.CALLER,
            config_hash="c0ffee",
            end_estimated=False,
            segments=tuple(segments),
            legs=(Leg(uniqueid=LegId(contact), linkedid=contact, node="pbx1"),),
        )
    )


def connected(contact: str, waited_s: float) -> ContactConnected:
    return ContactConnected(
        contact_id=ContactId(contact),
        agent_id=AgentId("agent-1001"),
        queue=QUEUE,
        campaign=CampaignName("shop"),
        medium="voice",
        waited_us=int(waited_s * SECOND),
    )


def closed(result: OfferResult) -> OfferClosed:
    return OfferClosed(
        fact=OfferFact(
            offer_id=OfferId("pbx1-1.1.1"),
            contact_id=ContactId("pbx1-1.1"),
            agent_id=AgentId("agent-1001"),
            queue=QUEUE,
            from_at=NOW,
            to_at=NOW + SECOND,
            result=result,
            cause=16,
            tech_cause=None,
        )
    )


def changed(
    agent: str,
    status: str,
    *,
    work: str = "idle",
    reach: str = "REACHABLE",
    link: str = "GOOD",
    reason: str | None = None,
) -> AgentChanged:
    return AgentChanged(
        agent_id=AgentId(agent),
        status=status,
        reason=reason,
        next_status=None,
        reach=reach,
        link=link,
        work=work,
        contact_id=None,
        since_at=NOW,
    )


def told(*events: Event, reading: Reading | None = None) -> Metrics:
    metrics = Metrics(lambda: reading or Reading(), version="0.1.0")
    for event in events:
        metrics(event, NOW)
    return metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(metrics.expose().decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None
