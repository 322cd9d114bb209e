"""What was asked: ids, instants, cursors and bodies from outside, read strictly. Every fault is a 422 with its name."""

import asyncio
import re
import socket
import struct
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec
from aiohttp import web

from router.domain.errors import CommandRefused
from router.domain.ids import AgentId, CampaignName, ContactId, Micros
from router.ports import RecordQuery

BODY_S = 5.0
MOST_RECORDS = 1_000
RECORDS = 100
LONGEST_ID = 150
FAR_S = 10_000_000.0
"Longer than anything that may be asked for."

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Body = TypeVar("_Body", bound=msgspec.Struct)


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A body without fields."""


class PauseBody(msgspec.Struct, forbid_unknown_fields=True):
    reason: str
    forced: bool = False


class PriorityBody(msgspec.Struct, forbid_unknown_fields=True):
    priority: int


class ShutBody(msgspec.Struct, forbid_unknown_fields=True):
    until: str


class DispositionBody(msgspec.Struct, forbid_unknown_fields=True):
    disposition: str


class EngageBody(msgspec.Struct, forbid_unknown_fields=True):
    medium: str
    count: int
    for_s: float = 3600.0


class FinishBody(msgspec.Struct, forbid_unknown_fields=True):
    disposition: str | None = None


def agent_id(request: web.Request) -> AgentId:
    return AgentId(_id(request, "agent"))


def contact_id(request: web.Request) -> ContactId:
    return ContactId(_id(request, "contact"))


def campaign(request: web.Request) -> CampaignName:
    return CampaignName(_id(request, "campaign"))


def _id(request: web.Request, what: str) -> str:
    text = request.match_info["id"]
    if not text.isprintable() or not 0 < len(text) <= LONGEST_ID:
        raise CommandRefused(f"{what}-unknown", f"No {what} has such an id.")
    return text


def record_query(request: web.Request) -> RecordQuery:
    """`from= to= campaign= after= limit=`; one record more than asked is fetched, to know whether there are more."""
    known = {"from", "to", "campaign", "after", "limit"}
    for name in request.query:
        if name not in known or len(request.query.getall(name)) > 1:
            raise _invalid(name[:40], "each of from, to, campaign, after, limit at most once")
    limit = _limit(request)
    campaign = request.query.get("campaign")
    if campaign is not None and (not campaign.isprintable() or not 0 < len(campaign) <= LONGEST_ID):
        raise _invalid("campaign", "the name of a campaign")
    return RecordQuery(
        from_at=_instant(request, "from"),
        to_at=_instant(request, "to"),
        campaign=campaign,
        after=_cursor(request),
        limit=limit + 1,
    )


def only_limit(request: web.Request) -> int:
    """`limit=` and nothing else."""
    for name in request.query:
        if name != "limit" or len(request.query.getall(name)) > 1:
            raise _invalid(name[:40], "limit, at most once")
    return _limit(request)


def _limit(request: web.Request) -> int:
    limit = request.query.get("limit", str(RECORDS))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= MOST_RECORDS):
        raise _invalid("limit", f"a number from 1 to {MOST_RECORDS}")
    return int(limit)


def cursor(ended_at: Micros, contact: ContactId) -> str:
    """Where a list goes on: after the record that ended then. Opaque to whoever passes it back."""
    return f"{ended_at}~{contact}"


def _cursor(request: web.Request) -> tuple[Micros, ContactId] | None:
    text = request.query.get("after")
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,18})~(.{1,150})", text)
    if match is None or not text.isprintable():
        raise _invalid("after", "what `next` of the list before said")
    return int(match[1]), ContactId(match[2])


def _instant(request: web.Request, name: str) -> Micros | None:
    text = request.query.get(name)
    if text is None:
        return None
    # a `+` that was not percent-encoded arrives as a space
    return instant(re.sub(r" (\d\d:?\d\d)$", r"+\1", text), name)


def instant(text: str, name: str) -> Micros:
    """An instant with its zone, ISO 8601."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None or len(text) > 40:
            raise ValueError
        micros = (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise _invalid(name, "an instant with its zone, such as 2026-11-21T09:30:00Z") from None
    return max(0, micros)


async def body(request: web.Request, shape: type[_Body]) -> _Body:
    """The JSON object sent, or the shape's defaults when nothing was."""
    try:
        async with asyncio.timeout(BODY_S):
            raw = await request.read()
    except TimeoutError:
        raise CommandRefused("body-late", "The rest of the request did not come in time.") from None
    try:
        return msgspec.json.decode(raw or b"{}", type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # msgspec names the field and what was expected, and does not repeat what was sent
        raise _invalid("body", str(error)) from None


def words(text: str | None, name: str) -> str | None:
    """A short text a person wrote: printable, at most 64 characters."""
    if text is not None and (not text.isprintable() or not 0 < len(text) <= 64):
        raise _invalid(name, "1 to 64 printable characters")
    return text


def asker(request: web.Request) -> str:
    """Who sits at the other end of the control socket: `control:uid=1000`, told by the kernel."""
    peer = request.transport.get_extra_info("socket") if request.transport else None
    try:
        # uvloop's socket object knows no getsockopt, but the descriptor does
        with socket.socket(fileno=socket.dup(peer.fileno())) as copy:  # type: ignore[union-attr]
            raw = copy.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except (AttributeError, OSError):
        return "control"
    _, uid, _ = struct.unpack("3i", raw)
    return f"control:uid={uid}"


def _invalid(name: str, expected: str) -> CommandRefused:
    return CommandRefused("request-invalid", f"{name}: expected {expected}", field=name, expected=expected)
