"""When campaigns are open, for screens and as JSON: now, the next openings, and the days that are not like the week."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from router.domain.ids import CampaignName, Micros
from router.domain.rulebook.hours import OpeningHours

if TYPE_CHECKING:
    from router.config import Site

SHOWN = 3
"Openings to come."
SHOWN_DAYS = 5
"Days unlike the week, of the next 60."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def hours_json(site: "Site", name: CampaignName, now: Micros) -> dict[str, Any] | None:
    """None: always open."""
    from router.config.opening import compile_hours, unlike_the_week

    if name not in site.hours:
        return None
    table, zone = site.hours[name]
    intervals = compile_hours(table, zone, now)
    opening = OpeningHours(intervals=intervals)
    coming = [interval for interval in intervals if interval[1] > now][:SHOWN]
    edge = opening.next_edge(now)
    return {
        "open_now": opening.is_open(now),
        "next_change": None if edge is None else _local(edge, zone).isoformat(),
        "openings": [[_local(at, zone).isoformat() for at in interval] for interval in coming],
        "unlike_the_week": [str(plan) for plan in unlike_the_week(table, _local(now, zone).date())],
    }


def hours_rows(site: "Site", now: Micros) -> Iterator[tuple[str, str, str, str]]:
    """(campaign, now, next openings, days unlike the week)"""
    for name in site.rules.campaigns:
        told = hours_json(site, name, now)
        if told is None:
            yield name, "always open", "", ""
        else:
            state = "open" if told["open_now"] else "closed"
            yield name, state, "\n".join(openings(told)), "\n".join(days(told))


def openings(told: dict[str, Any]) -> list[str]:
    """`thu 2026-12-24 09:00-13:00`, in the campaign's own time."""
    return [_span(*map(datetime.fromisoformat, interval)) for interval in told["openings"]] or ["never"]


def days(told: dict[str, Any]) -> list[str]:
    unlike: list[str] = told["unlike_the_week"]
    more = len(unlike) - SHOWN_DAYS
    return [*unlike[:SHOWN_DAYS], *([f"and {more} more"] if more > 0 else [])]


def _span(opens: datetime, closes: datetime) -> str:
    until = closes.strftime("%H:%M" if closes - opens < timedelta(days=1) else "%Y-%m-%d %H:%M")
    return f"{opens.strftime('%a').lower()} {opens.strftime('%Y-%m-%d %H:%M')}-{until}"


def _local(at: Micros, zone: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone)
