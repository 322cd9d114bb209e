"""Facts of contacts as the router writes them, for the commands that read the ledger."""

from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, LegId, Micros, OfferId, QueueName
from router.domain.record import (
    BillingRecord,
    DecisionFact,
    EndedBy,
    Fact,
    Leg,
    OfferFact,
    OfferResult,
    Outcome,
    Segment,
    SegmentKind,
    WrapUpFact,
)

BEGAN: Micros = 1_790_000_000 * SECOND
"2026-09-21T14:13:20Z"
QUEUE = QueueName("shop/orders")


def answered(number: int, *, ani: str = "+493023125900", campaign: str = "shop") -> list[Fact]:
    """A contact that agent-1001 missed, agent-1002 took, held and wrapped up."""
    contact, at = ContactId(f"node1-{number}.1"), BEGAN + number * 600 * SECOND
    first, second = AgentId("agent-1001"), AgentId("agent-1002")
    return [
        _decision(contact, 1, at, chosen=first, next_best=((second, 90 * SECOND),)),
        _offer(contact, 1, at, at + 15 * SECOND, first, OfferResult.MISSED, cause=19, tech="SIP 487"),
        _decision(contact, 2, at + 15 * SECOND, chosen=second, next_best=()),
        _offer(contact, 2, at + 15 * SECOND, at + 18 * SECOND, second, OfferResult.ANSWERED),
        BillingRecord(
            contact_id=contact,
            medium="voice",
            campaign=CampaignName(campaign),
            queue=QUEUE,
            ani=ani,
            dnis="+493023125100",
            arrived_at=at,
            answered_at=at + 18 * SECOND,
            ended_at=at + 100 * SECOND,
            outcome=Outcome.ANSWERED,
            ended_by=EndedBy.CALLER,
            config_hash="c0ffee",
            end_estimated=False,
            segments=(
                _segment(SegmentKind.WAITING, at, 0, 18),
                _segment(SegmentKind.TALK, at, 18, 60, second),
                _segment(SegmentKind.HOLD, at, 60, 70, second),
                _segment(SegmentKind.TALK, at, 70, 100, second),
            ),
            legs=(
                Leg(uniqueid=LegId(contact), linkedid=contact, node="node1"),
                Leg(uniqueid=LegId(f"{contact}.2"), linkedid=f"{contact}.2", node="node1", agent_id=second),
            ),
        ),
        WrapUpFact(
            contact_id=contact,
            agent_id=second,
            from_at=at + 100 * SECOND,
            to_at=at + 110 * SECOND,
            disposition="ordered",
        ),
    ]


def _segment(kind: SegmentKind, at: Micros, since: int, until: int, agent: AgentId | None = None) -> Segment:
    return Segment(kind=kind, from_at=at + since * SECOND, to_at=at + until * SECOND, agent_id=agent)


def _offer(
    contact: ContactId,
    attempt: int,
    since: Micros,
    until: Micros,
    agent: AgentId,
    result: OfferResult,
    *,
    cause: int | None = None,
    tech: str | None = None,
) -> OfferFact:
    return OfferFact(
        offer_id=OfferId(f"{contact}.{attempt}"),
        contact_id=contact,
        agent_id=agent,
        queue=QUEUE,
        from_at=since,
        to_at=until,
        result=result,
        cause=cause,
        tech_cause=tech,
    )


def _decision(
    contact: ContactId, attempt: int, at: Micros, *, chosen: AgentId, next_best: tuple[tuple[AgentId, Micros], ...]
) -> DecisionFact:
    return DecisionFact(
        offer_id=OfferId(f"{contact}.{attempt}"),
        contact_id=contact,
        queue=QUEUE,
        at=at,
        need="de >= 60 and orders",
        waited_us=(attempt - 1) * 15 * SECOND,
        chosen=chosen,
        chosen_idle_us=200 * SECOND,
        next_best=next_best,
        others=(("paused", 1), ("lacks_skill", 12)),
    )
