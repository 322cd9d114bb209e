"""`[hours]` and a time zone → instants, and words for them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.config.hours import DAYS, HoursTable, span
from router.config.opening import closed_by, compile_hours, day_plan, describe, unlike_the_week
from router.domain.ids import SECOND
from router.domain.rulebook.hours import OpeningHours
from tests.config.campaign_hours import BERLIN, at, hours_of

MINUTE_US = 60 * SECOND
HOUR_US = 60 * MINUTE_US


def open_between(text: str, first: str, last: str, zone: ZoneInfo = BERLIN) -> list[str]:
    """Intervals in UTC as people write them, of the window from one UTC midnight to another."""
    found = compile_hours(hours_of(text), zone, at(f"{first}T00:00Z"), at(f"{last}T00:00Z"))
    return [" ".join(f"{datetime.fromtimestamp(edge / SECOND, UTC):%dT%H:%MZ}" for edge in pair) for pair in found]


# --- the week --------------------------------------------------------------------------------------------------------


def test_a_week_with_a_break_at_noon_and_a_short_friday() -> None:
    text = 'mon-fri = ["09:00-13:00", "14:00-18:00"]\nfri = ["09:00-15:00"]'
    assert open_between(text, "2026-11-26", "2026-11-30") == [  # Thursday to Sunday, UTC+1
        "26T08:00Z 26T12:00Z",
        "26T13:00Z 26T17:00Z",
        "27T08:00Z 27T14:00Z",
    ]


def test_the_day_of_its_own_wins_wherever_it_stands_in_the_file() -> None:
    last, first = 'mon-sun = ["08:00-20:00"]\nsun = []', 'sun = []\nmon-sun = ["08:00-20:00"]'
    assert day_plan(hours_of(last), date(2026, 11, 29)).spans == ()
    assert day_plan(hours_of(first), date(2026, 11, 29)).spans == ()


def test_past_midnight_goes_on_into_a_day_that_is_closed_itself() -> None:
    assert open_between('sat = ["22:00-02:00"]', "2026-11-28", "2026-12-01") == ["28T21:00Z 29T01:00Z"]
    # a window that begins in the middle of the night still sees it, whole
    assert open_between('sat = ["22:00-02:00"]', "2026-11-29", "2026-12-01") == ["28T21:00Z 29T01:00Z"]


def test_what_touches_or_overlaps_is_one_interval_and_needs_no_order() -> None:
    text = 'mon = ["14:00-24:00", "09:00-14:00", "10:00-11:00"]\ntue = ["00:00-06:00"]'
    assert open_between(text, "2026-11-23", "2026-11-25") == ["23T08:00Z 24T05:00Z"]


def test_always_open_is_one_interval_over_the_whole_window() -> None:
    ((open_at, close_at),) = compile_hours(hours_of('mon-sun = ["00:00-24:00"]'), BERLIN, at("2026-11-22T10:00Z"))
    assert open_at <= at("2026-11-22T10:00Z")
    assert close_at >= at("2026-11-22T10:00Z") + 60 * 24 * HOUR_US


def test_a_window_without_a_length_has_nothing_in_it() -> None:
    hours, now = hours_of('mon-sun = ["00:00-24:00"]'), at("2026-11-22T10:00Z")
    assert compile_hours(hours, BERLIN, now, now) == ()
    assert compile_hours(hours, BERLIN, now, now - 1) == ()


# --- clocks that change: Berlin skips 02:00-03:00 on 29 March 2026, and has it twice on 25 October -------------------


@pytest.mark.parametrize(
    ("sunday", "opened"),
    [
        ("01:00-05:00", "29T00:00Z 29T03:00Z"),
        ("02:30-06:00", "29T01:00Z 29T04:00Z"),  # 02:30 is skipped: opens when the clock shows 03:00
        ("01:00-02:30", "29T00:00Z 29T01:00Z"),
        ("00:00-24:00", "28T23:00Z 29T22:00Z"),  # 23 hours
    ],
)
def test_the_night_an_hour_is_skipped(sunday: str, opened: str) -> None:
    assert open_between(f'sun = ["{sunday}"]', "2026-03-29", "2026-03-30") == [opened]


def test_hours_that_the_clocks_skip_whole_are_not_there() -> None:
    assert open_between('sun = ["02:00-03:00"]', "2026-03-29", "2026-03-30") == []


@pytest.mark.parametrize(
    ("sunday", "opened"),
    [
        ("01:00-05:00", "24T23:00Z 25T04:00Z"),
        ("02:30-06:00", "25T00:30Z 25T05:00Z"),  # opens at the first 02:30
        ("01:00-02:30", "24T23:00Z 25T01:30Z"),  # closes at the second
        ("02:00-02:30", "25T00:00Z 25T01:30Z"),
        ("00:00-24:00", "24T22:00Z 25T23:00Z"),  # 25 hours
    ],
)
def test_the_night_an_hour_comes_twice(sunday: str, opened: str) -> None:
    assert open_between(f'sun = ["{sunday}"]', "2026-10-25", "2026-10-26") == [opened]


def test_a_night_shift_over_both_changes_is_as_long_as_it_is() -> None:
    assert open_between('sat = ["22:00-06:00"]', "2026-03-28", "2026-03-30") == ["28T21:00Z 29T04:00Z"]
    assert open_between('sat = ["22:00-06:00"]', "2026-10-24", "2026-10-26") == ["24T20:00Z 25T05:00Z"]


def test_a_day_that_a_country_left_out_is_left_out() -> None:
    # Samoa went from Thursday the 29th to Saturday the 31st of December 2011 (UTC-10 to UTC+14).
    found = open_between('fri = ["09:00-18:00"]', "2011-12-29", "2012-01-01", ZoneInfo("Pacific/Apia"))
    assert found == []


# --- holidays and exceptions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "berlin", "bavaria"),
    [
        ("2026-12-24", "open", "open"),  # no public holiday anywhere in Germany
        ("2026-12-25", "Christmas Day", "Christmas Day"),
        ("2026-12-26", "Second Day of Christmas", "Second Day of Christmas"),
        ("2027-01-01", "New Year's Day", "New Year's Day"),
        ("2027-01-06", "open", "Epiphany"),
        ("2027-03-08", "Women's Day", "open"),
    ],
)
def test_public_holidays_are_those_of_the_region(day: str, berlin: str, bavaria: str) -> None:
    for region, expected in (("DE-BE", berlin), ("DE-BY", bavaria)):
        hours = hours_of(f'mon-sun = ["09:00-18:00"]\nholidays = "{region}"')
        noon = at(f"{day}T12:00Z")
        is_open = OpeningHours(intervals=compile_hours(hours, BERLIN, noon, noon + 1)).is_open(noon)
        assert is_open is (expected == "open")
        assert expected in describe(hours, date.fromisoformat(day))


def test_a_country_without_a_region_closes_on_what_all_its_regions_keep() -> None:
    hours = hours_of('mon-fri = ["09:00-18:00"]\nholidays = "DE"')
    assert "Christmas Day" in describe(hours, date(2026, 12, 25))
    assert "open" in describe(hours, date(2027, 1, 6))


def test_the_night_before_new_year_ends_in_it_and_new_years_own_night_is_not_there() -> None:
    text = 'mon-sun = ["22:00-04:00"]\nholidays = "DE-BE"'
    assert open_between(text, "2026-12-31", "2027-01-03") == [
        "30T21:00Z 31T03:00Z",
        "31T21:00Z 01T03:00Z",
        "02T21:00Z 03T03:00Z",
    ]


def test_an_exception_goes_before_the_holiday_and_the_week() -> None:
    hours = hours_of(
        'mon-fri = ["09:00-18:00"]\nholidays = "DE-BE"\nexceptions = [\n'
        '  { date = "2026-12-25", to = "2026-12-25", open = ["10:00-12:00"], note = "emergencies only" },\n'
        '  { date = "2026-12-23", to = "2026-12-31", note = "stocktaking" },\n'
        '  { date = "2026-12-24", open = ["09:00-13:00", "14:00-15:00"] },\n]'
    )
    days = [describe(hours, date(2026, 12, 22) + timedelta(days=step)) for step in range(4)]
    assert days == [
        "tue 2026-12-22: open 09:00-18:00 (weekly)",
        "wed 2026-12-23: closed (exception: stocktaking)",
        "thu 2026-12-24: open 09:00-13:00, 14:00-15:00 (exception)",
        "fri 2026-12-25: open 10:00-12:00 (exception: emergencies only)",
    ]


def test_days_unlike_their_week_are_told_and_a_holiday_on_a_closed_sunday_is_not() -> None:
    hours = hours_of('mon-fri = ["09:00-18:00"]\nholidays = "DE-BE"')
    told = [str(plan) for plan in unlike_the_week(hours, date(2026, 12, 1))]
    assert told == [
        "fri 2026-12-25: closed (holiday: Christmas Day)",
        "fri 2027-01-01: closed (holiday: New Year's Day)",
    ]


def test_a_closed_weekday_is_told_as_such() -> None:
    assert describe(hours_of('mon = ["22:00-02:00"]'), date(2026, 11, 29)) == "sun 2026-11-29: closed (weekly)"
    assert (
        describe(hours_of('mon = ["22:00-24:00"]'), date(2026, 11, 30)) == "mon 2026-11-30: open 22:00-24:00 (weekly)"
    )


# --- beside the plainest possible model: a list of every minute and what the wall clock shows in it -------------------

CHANGES = [
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),  # half an hour
    ("America/Santiago", "2026-09-06"),  # midnight itself is skipped
    ("America/Santiago", "2026-04-05"),  # and comes twice
    ("Pacific/Apia", "2011-12-30"),  # a whole day is skipped
    ("Asia/Kathmandu", "2026-06-07"),  # nothing happens, at an odd offset
]


@cache
def wall_clock(zone: str, day: str) -> Mapping[datetime, list[int]]:
    """What the wall clock shows → the minutes (since 1970) in which it does, four days around the day."""
    noon = at(f"{day}T12:00Z") // MINUTE_US
    shown: dict[datetime, list[int]] = {}
    for minute in range(noon - 4 * 1440, noon + 4 * 1440):
        moment = datetime.fromtimestamp(minute * 60, UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        shown.setdefault(moment, []).append(minute)
    return shown


def open_minutes(week: list[list[str]], zone: str, day: str) -> set[int]:
    shown, found = wall_clock(zone, day), set[int]()
    last = max(shown) - timedelta(days=2)
    midnight = datetime.combine(min(shown).date(), datetime.min.time()) + timedelta(days=1)
    while midnight < last:
        for text in week[midnight.weekday()]:
            minutes = span(text)
            opens = reading(shown, midnight + timedelta(minutes=minutes.opens))
            closes = reading(shown, midnight + timedelta(minutes=minutes.closes))
            found |= {*range(opens[0], closes[-1])}
        midnight += timedelta(days=1)
    return found


def reading(shown: Mapping[datetime, list[int]], moment: datetime) -> list[int]:
    while moment not in shown:
        moment += timedelta(minutes=1)
    return shown[moment]


times = st.integers(0, 47).map(lambda half: f"{half // 2:02}:{half % 2 * 30:02}")
spans = st.tuples(times, times | st.just("24:00")).filter(lambda pair: pair[0] != pair[1]).map("-".join)


@settings(max_examples=60)
@given(st.sampled_from(CHANGES), st.lists(st.lists(spans, max_size=3), min_size=7, max_size=7))
def test_every_minute_is_as_a_walk_along_the_wall_clock_says(change: tuple[str, str], week: list[list[str]]) -> None:
    zone, day = change
    hours = HoursTable.model_validate(dict(zip(DAYS, week, strict=True)))
    first, last = at(f"{day}T00:00Z") - 12 * HOUR_US, at(f"{day}T00:00Z") + 36 * HOUR_US
    compiled = OpeningHours(intervals=compile_hours(hours, ZoneInfo(zone), first, last))
    plain = open_minutes(week, zone, day)
    for minute in range(first // MINUTE_US, last // MINUTE_US):
        for instant in (minute * MINUTE_US, (minute + 1) * MINUTE_US - 1):
            assert compiled.is_open(instant) == (minute in plain), datetime.fromtimestamp(minute * 60, UTC)


# --- why it is closed ------------------------------------------------------------------------------------------------

SHUT_DAYS = (
    'mon-fri = ["09:00-18:00"]\nthu = ["20:00-04:00"]\nholidays = "DE"\n'
    'exceptions = [{ date = "2026-11-26", note = "move" }, { date = "2026-11-24", to = "2026-12-31", note = "works" }]'
)


@pytest.mark.parametrize(
    ("moment", "source", "note"),
    [
        ("2026-11-22T10:00+01:00", "weekly", ""),
        ("2026-11-26T21:00+01:00", "exception", "move"),
        ("2026-11-27T03:00+01:00", "exception", "works"),
        ("2026-12-25T10:00+01:00", "exception", "works"),
        ("2027-01-01T10:00+01:00", "holiday", "New Year's Day"),
        # Thursday the 31st was an exception, and so its night is not there; the day it would reach into is a holiday
        ("2027-01-01T03:00+01:00", "holiday", "New Year's Day"),
    ],
)
def test_a_closed_day_is_explained_by_the_plan_that_holds(moment: str, source: str, note: str) -> None:
    plan = closed_by(hours_of(SHUT_DAYS), BERLIN, at(moment))
    assert (plan.source, plan.note) == (source, note)


@pytest.mark.parametrize("moment", ["2026-11-28T01:00+01:00", "2026-11-28T23:30+01:00"])
def test_a_night_taken_away_with_the_day_it_begins_on_is_explained_by_that_day_and_no_longer(moment: str) -> None:
    text = 'fri = ["22:00-02:00"]\nexceptions = [{ date = "2026-11-27", note = "move" }]'
    plan = closed_by(hours_of(text), BERLIN, at(moment))
    assert plan.note == ("move" if "T01" in moment else "")
