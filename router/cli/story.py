"""A contact as JSON and CSV: the billing record with its segments and legs, its offers, its wrap-ups, its decisions."""

from typing import Any

from router.cli.instants import iso, iso_or_none
from router.domain.ids import SECOND, Micros
from router.domain.record import BillingRecord, DecisionFact, OfferFact, SegmentKind, WrapUpFact
from router.ports import ContactStory

CSV_COLUMNS = (
    "contact_id",
    "medium",
    "campaign",
    "queue",
    "ani",
    "dnis",
    "arrived_at",
    "answered_at",
    "ended_at",
    "outcome",
    "ended_by",
    "agents",
    "waiting_s",
    "talk_s",
    "hold_s",
    "announcement_s",
    "offers",
    "offers_not_answered",
    "end_estimated",
    "corrects",
    "config_hash",
)


def record_json(record: BillingRecord) -> dict[str, Any]:
    """The billing record alone, as the interface names its fields."""
    return {
        "schema": record.schema,
        "contact_id": record.contact_id,
        "medium": record.medium,
        "campaign": record.campaign,
        "queue": record.queue,
        "ani": record.ani,
        "dnis": record.dnis,
        "arrived_at": iso(record.arrived_at),
        "answered_at": iso_or_none(record.answered_at),
        "ended_at": iso(record.ended_at),
        "outcome": str(record.outcome),
        "ended_by": str(record.ended_by),
        "config_hash": record.config_hash,
        "end_estimated": record.end_estimated,
        "segments": [
            {
                "kind": str(segment.kind),
                "from": iso(segment.from_at),
                "to": iso(segment.to_at),
                "agent": segment.agent_id,
            }
            for segment in record.segments
        ],
        "legs": [
            {"uniqueid": leg.uniqueid, "linkedid": leg.linkedid, "node": leg.node, "agent": leg.agent_id}
            for leg in record.legs
        ],
        "corrects": record.corrects,
    }


def offer_json(offer: OfferFact) -> dict[str, Any]:
    return {
        "offer_id": offer.offer_id,
        "agent": offer.agent_id,
        "queue": offer.queue,
        "from": iso(offer.from_at),
        "to": iso(offer.to_at),
        "result": str(offer.result),
        "cause": offer.cause,
        "tech_cause": offer.tech_cause,
    }


def wrapup_json(wrapup: WrapUpFact) -> dict[str, Any]:
    return {
        "agent": wrapup.agent_id,
        "from": iso(wrapup.from_at),
        "to": iso(wrapup.to_at),
        "disposition": wrapup.disposition,
    }


def decision_json(decision: DecisionFact) -> dict[str, Any]:
    return {
        "offer_id": decision.offer_id,
        "queue": decision.queue,
        "at": iso(decision.at),
        "need": decision.need,
        "waited_s": decision.waited_us / SECOND,
        "chosen": decision.chosen,
        "chosen_idle_s": decision.chosen_idle_us / SECOND,
        "next_best": [{"agent": agent, "idle_s": idle / SECOND} for agent, idle in decision.next_best],
        "others": dict(decision.others),
    }


def contact_json(story: ContactStory) -> dict[str, Any]:
    """A billing record with its offers and wrap-ups. One not yet closed has its id and what is known so far."""
    head: dict[str, Any] = {"contact_id": story.contact_id} if story.record is None else record_json(story.record)
    return head | {
        "offers": [offer_json(offer) for offer in story.offers],
        "wrapups": [wrapup_json(wrapup) for wrapup in story.wrapups],
    }


def spent(record: BillingRecord, kind: SegmentKind) -> Micros:
    """Time of the caller's leg in segments of one kind."""
    return sum(segment.to_at - segment.from_at for segment in record.segments if segment.kind is kind)


def talkers(record: BillingRecord) -> list[str]:
    """Agents who talked, in their order, each once."""
    found = [s.agent_id for s in record.segments if s.kind is SegmentKind.TALK and s.agent_id is not None]
    return list(dict.fromkeys(found))


def csv_row(story: ContactStory) -> list[str]:
    """One line of the CSV; a contact without a record has no line."""
    record = story.record
    if record is None:
        return []
    cells: list[object] = [
        record.contact_id,
        record.medium,
        record.campaign,
        record.queue,
        record.ani,
        record.dnis,
        iso(record.arrived_at),
        iso_or_none(record.answered_at) or "",
        iso(record.ended_at),
        record.outcome,
        record.ended_by,
        " ".join(talkers(record)),
        *(f"{spent(record, kind) / SECOND:.6f}" for kind in SegmentKind.__members__.values() if kind in _TIMED),
        len(story.offers),
        sum(offer.result != "answered" for offer in story.offers),
        "yes" if record.end_estimated else "no",
        record.corrects or "",
        record.config_hash,
    ]
    return [plain_cell(str(cell)) for cell in cells]


_TIMED = (SegmentKind.WAITING, SegmentKind.TALK, SegmentKind.HOLD, SegmentKind.ANNOUNCEMENT)


def plain_cell(text: str) -> str:
    """A caller's number is what a stranger sent: a spreadsheet must not take it for a formula."""
    formula = text[:1] in ("=", "@", "-", "\t", "\r") or (text[:1] == "+" and not text[1:].isdecimal())
    return f"'{text}" if formula else text
