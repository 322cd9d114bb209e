"""A contact as one line of a CSV for spreadsheets; JSON has the shapes of the HTTP interface."""

from router.domain.ids import SECOND, Micros
from router.domain.record import BillingRecord, OfferResult, SegmentKind
from router.ports import ContactStory

_TIMED = (SegmentKind.WAITING, SegmentKind.TALK, SegmentKind.HOLD, SegmentKind.ANNOUNCEMENT)

CSV_COLUMNS = (
    *("contact_id", "medium", "campaign", "queue", "ani", "dnis", "arrived_at", "answered_at", "ended_at"),
    *("outcome", "ended_by", "agents"),
    *(f"{kind}_s" for kind in _TIMED),
    *("offers", "offers_not_answered", "end_estimated", "corrects", "config_hash", "prev_hash"),
    *("direction", f"{SegmentKind.RINGING}_s"),
)


def spent(record: BillingRecord, kind: SegmentKind) -> Micros:
    """Time of the caller's leg in segments of one kind."""
    return sum(segment.to_at - segment.from_at for segment in record.segments if segment.kind is kind)


def talkers(record: BillingRecord) -> list[str]:
    """Agents who talked, in their order, each once."""
    found = [s.agent_id for s in record.segments if s.kind is SegmentKind.TALK and s.agent_id is not None]
    return list(dict.fromkeys(found))


def csv_row(record: BillingRecord, story: ContactStory) -> list[str]:
    """The cells of `CSV_COLUMNS`: instants ISO 8601 UTC, durations in seconds."""
    from router.adapters.http.answers import instant

    cells: tuple[object, ...] = (
        *(record.contact_id, record.medium, record.campaign, record.queue, record.ani, record.dnis),
        *(instant(at) or "" for at in (record.arrived_at, record.answered_at, record.ended_at)),
        *(record.outcome, record.ended_by, " ".join(talkers(record))),
        *(f"{spent(record, kind) / SECOND:.6f}" for kind in _TIMED),
        len(story.offers),
        sum(offer.result is not OfferResult.ANSWERED for offer in story.offers),
        "yes" if record.end_estimated else "no",
        record.corrects or "",
        record.config_hash,
        "",  # prev_hash: its place, until records are chained
        "out" if record.is_our_call else "in",
        f"{spent(record, SegmentKind.RINGING) / SECOND:.6f}",
    )
    return [plain_cell(str(cell)) for cell in cells]


def plain_cell(text: str) -> str:
    """A caller's number is what a stranger sent: a spreadsheet must not take it for a formula."""
    formula = text[:1] in ("=", "@", "-", "\t", "\r") or (text[:1] == "+" and not text[1:].isdecimal())
    return f"'{text}" if formula else text
