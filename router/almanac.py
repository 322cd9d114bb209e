"""What the calendar says, told to the engine: when campaigns are open, and when the site's days begin.

Weekdays, zones and holidays are for people; the engine only compares instants. They are compiled for some weeks to
come, so they are told anew each day, and whenever the files are read again.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from router.config import Site
from router.config.hours import HoursTable
from router.config.opening import DAY_US, HORIZON_US, compile_hours
from router.domain.ids import SECOND, CampaignName, Micros, QueueName
from router.domain.messages.commands import SetCallTimes, SetDays, SetHours
from router.domain.rulebook.hours import OPEN_ALWAYS, OpeningHours
from router.ports import Clock
from router.runtime import Pump

log = logging.getLogger(__name__)

EACH_S = 6 * 3600.0
DAYS = 60
"Told in advance."
BACK_US: Micros = 7 * DAY_US
"So far back hours are told, too: what is counted in them goes on when no router was there for some days."


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The weeks to come."""

    midnights: tuple[Micros, ...]
    hours: dict[CampaignName, OpeningHours]
    call_times: dict[QueueName, OpeningHours] = field(default_factory=dict)
    "When callers of a queue may be called back."


def page_of(site: Site, now: Micros) -> Page:
    """Compile it: a millisecond a campaign, so in a thread."""
    hours = {name: _compiled(table, zone, now) for name, (table, zone) in site.hours.items()}
    for name in site.rules.campaigns:
        hours.setdefault(name, OPEN_ALWAYS)
    alike: dict[tuple[str, str], OpeningHours] = {}
    times: dict[QueueName, OpeningHours] = {}
    for queue, (table, zone) in site.call_times.items():
        key = (table.model_dump_json(), zone.key)
        times[queue] = alike.get(key) or alike.setdefault(key, _compiled(table, zone, now))
    return Page(midnights=midnights(ZoneInfo(site.settings.router.time_zone), now), hours=hours, call_times=times)


def _compiled(table: HoursTable, zone: ZoneInfo, now: Micros) -> OpeningHours:
    return OpeningHours(intervals=compile_hours(table, zone, now - BACK_US, now + HORIZON_US))


def midnights(zone: ZoneInfo, now: Micros) -> tuple[Micros, ...]:
    """When the days around `now` begin there; a midnight that does not exist is the first instant after it."""
    today = datetime.fromtimestamp(now / SECOND, UTC).astimezone(zone).date()
    found: list[Micros] = []
    for step in range(-1, DAYS + 1):
        day = today + timedelta(days=step)
        local = datetime(day.year, day.month, day.day, tzinfo=zone)
        at = round(local.timestamp()) * SECOND
        if not found or at > found[-1]:
            found.append(at)
    return tuple(found)


def turn_to(pump: Pump, page: Page) -> None:
    """Have it in force; nothing is told that is known already."""
    floor = pump.engine.floor
    if floor.midnights != page.midnights:
        pump.ask(SetDays(midnights=page.midnights))
    for name, hours in page.hours.items():
        door = floor.doors.get(name)
        if hours != (OPEN_ALWAYS if door is None else door.hours):
            pump.ask(SetHours(campaign=name, hours=hours))
    tell_call_times(pump, page)


def tell_call_times(pump: Pump, page: Page) -> None:
    """Before new rules, too: they may put calls that are owed into a queue that never was, and be it at night."""
    floor = pump.engine.floor
    for queue, times in page.call_times.items():
        if times != floor.call_times.get(queue):
            pump.ask(SetCallTimes(queue=queue, times=times))


async def keep(pump: Pump, clock: Clock, site: Callable[[], Site], *, each_s: float = EACH_S) -> None:
    """Tell it again and again until cancelled."""
    while True:
        await asyncio.sleep(each_s)
        try:
            turn_to(pump, await asyncio.to_thread(page_of, site(), clock.now()))
        except Exception:
            log.exception("the calendar could not be read; what was told before stays in force")
