"""`[hours]` and a time zone → the instants between which a campaign is open, and words for why it is not.

The engine knows no clocks that change, so they end here. A site's wall clock is not a scale: once a year it skips an
hour and once it shows one twice.

Rule 1: a local time that is skipped moves forward to the first one that exists.
Rule 2: of a local time that comes twice, the first one opens and the second one closes, so that nobody finds a closed
door at an hour that the hours name, and no door closes and opens again in the night.
Rule 3: an interval that reaches into the window is given whole: no edge is made up where the window begins or ends.
Only hours without any closing have to end somewhere, and they end after it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from router.config.hours import DAY, DAYS, HoursTable, Span, dates, span, weekdays
from router.config.public_holidays import public_holidays
from router.domain.ids import SECOND, Micros

DAY_US: Micros = 86_400 * SECOND
HORIZON_US: Micros = 60 * DAY_US
YEAR_US: Micros = 366 * DAY_US
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Intervals = tuple[tuple[Micros, Micros], ...]


class Source(StrEnum):
    """Which part of the table decides about a day."""

    WEEKLY = "weekly"
    HOLIDAY = "holiday"
    EXCEPTION = "exception"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    """What holds for the intervals that begin on one day."""

    day: date
    spans: tuple[Span, ...]
    source: Source
    note: str = ""
    "The holiday's name, or the exception's note."

    def __str__(self) -> str:
        hours = "open " + ", ".join(map(str, self.spans)) if self.spans else "closed"
        why = f"{self.source}: {self.note}" if self.note else str(self.source)
        return f"{DAYS[self.day.weekday()]} {self.day}: {hours} ({why})"


def compile_hours(hours: HoursTable, zone: ZoneInfo, from_at: Micros, to_at: Micros | None = None) -> Intervals:
    """(open_at, close_at), sorted, never touching; right for every instant of the window, by default 60 days."""
    to_at = from_at + HORIZON_US if to_at is None else to_at
    if to_at <= from_at:
        return ()
    first, last = (_moment(at, zone).date() for at in (from_at, to_at))
    calendar = _Calendar(hours)
    found: list[tuple[Micros, Micros]] = []
    # The night before may reach into the window.
    for step in range(-1, (last - first).days + 1):
        plan = calendar.plan(first + timedelta(days=step))
        found += (_instants(plan.day, opened, zone) for opened in plan.spans)
    return tuple(interval for interval in _joined(found) if interval[0] < to_at and from_at < interval[1])


def day_plan(hours: HoursTable, day: date) -> DayPlan:
    """What holds on a day, as data."""
    return _Calendar(hours).plan(day)


def describe(hours: HoursTable, day: date) -> str:
    """The same in words: `fri 2026-12-25: closed (holiday: Christmas Day)`."""
    return str(day_plan(hours, day))


def unlike_the_week(hours: HoursTable, first: date, days: int = 60) -> tuple[DayPlan, ...]:
    """The days from `first` on that a holiday or an exception makes another day than its weekday."""
    calendar = _Calendar(hours)
    plans = (calendar.plan(first + timedelta(days=step)) for step in range(days))
    return tuple(plan for plan in plans if plan.spans != calendar.week[plan.day.weekday()])


def hours_warnings(hours: HoursTable, zone: ZoneInfo, now: Micros) -> tuple[str, ...]:
    """Legal, but worth a look."""
    found = [f"hours: {text}: they count as one" for text in _overlaps(hours)]
    today = _moment(now, zone).date().isoformat()
    past = [exception.date for exception in hours.exceptions if (exception.to or exception.date) < today]
    if past:
        found.append(f"hours: exceptions in the past do nothing any more, delete them: {', '.join(past)}")
    if not compile_hours(hours, zone, now, now + YEAR_US):
        found.append("hours: never open within a year; name a day, or leave [hours] out to be open always")
    return tuple(found)


def closed_by(hours: HoursTable, zone: ZoneInfo, at: Micros) -> DayPlan:
    """Whose plan it is that callers find it closed at `at`: that of the day, unless a night that would reach into a
    common day was taken away with the day it begins on.
    """
    day = _moment(at, zone).date()
    before = day - timedelta(days=1)
    calendar = _Calendar(hours, before, day)
    today, yesterday = calendar.plan(day), calendar.plan(before)
    if today.source is Source.WEEKLY and yesterday.source is not Source.WEEKLY:
        nights = (_instants(before, opened, zone) for opened in calendar.week[before.weekday()])
        if any(open_at <= at < close_at for open_at, close_at in nights):
            return yesterday
    return today


class _Calendar:
    """The table, looked up by day; of its exceptions those from `first` to `last`."""

    def __init__(self, hours: HoursTable, first: date = date.min, last: date = date.max) -> None:
        self._region = hours.holidays
        self.week: list[tuple[Span, ...]] = [()] * 7
        for key, texts in sorted(hours.week.items(), key=lambda item: "-" not in item[0]):
            for weekday in weekdays(key):
                self.week[weekday] = _spans(texts)
        self._exceptions: dict[date, DayPlan] = {}
        for exception in sorted(hours.exceptions, key=lambda exception: exception.to in (None, exception.date)):
            if exception.date > last.isoformat() or (exception.to or exception.date) < first.isoformat():
                continue
            spans = _spans(exception.open)
            for day in dates(exception):
                self._exceptions[day] = DayPlan(day=day, spans=spans, source=Source.EXCEPTION, note=exception.note)

    def plan(self, day: date) -> DayPlan:
        if day in self._exceptions:
            return self._exceptions[day]
        holiday = public_holidays(self._region, day.year).get(day) if self._region else None
        if holiday is not None:
            return DayPlan(day=day, spans=(), source=Source.HOLIDAY, note=holiday)
        return DayPlan(day=day, spans=self.week[day.weekday()], source=Source.WEEKLY)


def _spans(texts: Iterable[str]) -> tuple[Span, ...]:
    return tuple(sorted((span(text) for text in texts), key=lambda opened: (opened.opens, opened.closes)))


def _moment(at: Micros, zone: ZoneInfo) -> datetime:
    return (EPOCH + timedelta(microseconds=at)).astimezone(zone)


def _instants(day: date, opened: Span, zone: ZoneInfo) -> tuple[Micros, Micros]:
    midnight = datetime.combine(day, time())
    opens, closes = (midnight + timedelta(minutes=minutes) for minutes in (opened.opens, opened.closes))
    return _instant(opens, zone, 0), _instant(closes, zone, 1)


def _instant(local: datetime, zone: ZoneInfo, fold: int) -> Micros:
    """When the wall clock shows `local`: the first time (fold 0) or the second (1), or first shows anything later."""
    first, second = (local.replace(tzinfo=zone, fold=either).astimezone(UTC) for either in (0, 1))
    if second < first:
        # It is skipped. Python answers with a moment before the change (fold 1) and one after it (fold 0); the change
        # itself lies between them.
        before, after = second, first
        offset = before.astimezone(zone).utcoffset()
        while after - before > timedelta(seconds=1):
            middle = before + (after - before) // 2
            if middle.astimezone(zone).utcoffset() == offset:
                before = middle
            else:
                after = middle
        first = second = after.replace(microsecond=0)
    return ((second if fold else first) - EPOCH) // timedelta(microseconds=1)


def _joined(intervals: Iterable[tuple[Micros, Micros]]) -> Iterator[tuple[Micros, Micros]]:
    """Sorted; those that touch or overlap are one. An hour that the clocks skip whole is no interval."""
    running: tuple[Micros, Micros] | None = None
    for open_at, close_at in sorted(intervals):
        if open_at == close_at:
            continue
        if running is not None and open_at <= running[1]:
            running = (running[0], max(running[1], close_at))
            continue
        if running is not None:
            yield running
        running = (open_at, close_at)
    if running is not None:
        yield running


def _overlaps(hours: HoursTable) -> Iterator[str]:
    """Each pair of intervals that share a minute, with its days in one sentence."""
    week = _Calendar(hours).week
    pairs: dict[str, list[str]] = {}
    for weekday, spans in enumerate(week):
        following = [Span(opened.opens + DAY, opened.closes + DAY) for opened in week[(weekday + 1) % 7]]
        for index, opened in enumerate(spans):
            for other in spans[index + 1 :]:
                if other.opens < opened.closes:
                    pairs.setdefault(f"{opened} and {other}", []).append(DAYS[weekday])
            for other in following:
                if other.opens < opened.closes:
                    tomorrow = Span(other.opens - DAY, other.closes - DAY)
                    pairs.setdefault(f"{opened} and {tomorrow} of the day after", []).append(DAYS[weekday])
    for pair, days in pairs.items():
        yield f"{pair} overlap ({', '.join(days)})"
    for exception in hours.exceptions:
        spans = _spans(exception.open)
        for index, opened in enumerate(spans):
            for other in spans[index + 1 :]:
                if other.opens < opened.closes:
                    yield f"{opened} and {other} overlap ({exception.date})"
