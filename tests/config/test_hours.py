"""`[hours]` of a campaign's file: the shape, its faults, its warnings."""

import json
import re

import pytest

from router.config.hours import DAYS, HoursTable, weekdays
from router.config.opening import hours_warnings
from tests.config.campaign_hours import BERLIN, at, faults_of, hours_of

NOW = at("2026-11-22T10:00Z")


@pytest.mark.parametrize(
    ("key", "days"),
    [("mon", [0]), ("mon-fri", [0, 1, 2, 3, 4]), ("sat-mon", [5, 6, 0]), ("sun-sun", [6]), ("mon-sun", [*range(7)])],
)
def test_days_in_a_row_may_go_over_the_end_of_the_week(key: str, days: list[int]) -> None:
    assert list(weekdays(key)) == days


@pytest.mark.parametrize(
    "text",
    [
        "",
        'mon-fri = ["09:00-18:00"]\nfri = ["09:00-15:00"]\nsat-sun = []',
        'holidays = ""',
        'holidays = "DE"',
        'holidays = "DE-Augsburg"',
        'exceptions = [{ date = "2026-12-24" }, { date = "2026-12-20", to = "2026-12-31" }]',
        'exceptions = [{ date = "2026-12-24", to = "2026-12-24" }, { date = "2026-12-25" }]',
    ],
)
def test_what_an_admin_may_write(text: str) -> None:
    assert faults_of(text) == []


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ('mon = ["9:00-18:00"]', "hours.mon[0]", "two digits each"),
        ('mon = ["09:00-18:00", "24:00-06:00"]', "hours.mon[1]", "two digits each"),
        ('mon = ["09:00-25:00"]', "hours.mon[0]", "two digits each"),
        ('mon = ["09:00-18:00\\n"]', "hours.mon[0]", "two digits each"),
        ('mon = ["٠٩:٠٠-١٨:٠٠"]', "hours.mon[0]", "two digits each"),
        ('mon-fri = ["09:00-09:00"]', "hours.mon-fri[0]", "00:00-24:00"),
        ("mon = [09:00:00]", "hours.mon[0]", "text in quotes"),
        ('mon = "09:00-18:00"', "hours.mon", "square brackets"),
        ('mno = ["09:00-18:00"]', "hours.mno", "mon, tue"),
        ('mo-fr = ["09:00-18:00"]', "hours.mo-fr", 'days like "mon-fri"'),
        ('"mon\\n" = []', 'hours."mon\\n"', "a known key"),
        ('mon-thu = []\nwed-sat = ["09:00-18:00"]', "hours.wed-sat", "no day that mon-thu has too (wed, thu)"),
        ('at_closing = "hang-up"', "hours.at_closing", "'stay', 'overflow' or 'closing'"),
        ("holidays = true", "hours.holidays", "text in quotes"),
        ('holidays = "Germany"', "hours.holidays", 'did you mean "DE"?'),
        ('holidays = "GERMANY"', "hours.holidays", 'did you mean "DE"?'),
        ('holidays = "de"', "hours.holidays", 'did you mean "DE"?'),
        ('holidays = "DE-Berlin"', "hours.holidays", 'did you mean "DE-BE"?'),
        ('holidays = "DE-BR"', "hours.holidays", "one of DE-BB, DE-BE"),
        ('holidays = "DE-"', "hours.holidays", "one of DE-BB, DE-BE"),
        ('holidays = "VA-1"', "hours.holidays", '"VA" alone'),
        ('holidays = "Atlantis"', "hours.holidays", 'a country with public holidays, e.g. "DE"'),
        ("exceptions = [{ date = 2026-12-24 }]", "hours.exceptions[0].date", "text in quotes"),
        ('exceptions = [{ date = "2026-02-30" }]', "hours.exceptions[0].date", "2026-12-24"),
        ('exceptions = [{ date = "20261224" }]', "hours.exceptions[0].date", "2026-12-24"),
        ('exceptions = [{ date = "9999-12-31" }]', "hours.exceptions[0].date", "of this century"),
        ('exceptions = [{ date = "2026-12-24", opne = [] }]', "hours.exceptions[0].opne", "did you mean 'open'?"),
        ('exceptions = [{ date = "2026-12-24", open = ["9-12"] }]', "hours.exceptions[0].open[0]", "two digits"),
        ('exceptions = [{ date = "2026-12-24", note = "a\\u001b[2J" }]', "hours.exceptions[0].note", "one line"),
        ('exceptions = [{ date = "2026-12-24", to = "2026-12-23" }]', "hours.exceptions[0].to", "or a later day"),
        ('exceptions = [{ date = "2026-12-24", to = "2028-12-23" }]', "hours.exceptions[0].to", "366 days at most"),
        ('exceptions = [{ date = "2026-12-24" }, { date = "2026-12-24" }]', "hours.exceptions[1].date", "no date of"),
    ],
)
def test_a_fault_is_told_with_its_key_and_what_is_expected(text: str, key: str, expected: str) -> None:
    (fault,) = faults_of(text)
    assert (fault.file, fault.key) == ("campaigns/shop.toml", key)
    assert expected in fault.expected
    assert str(fault).isprintable()


def test_every_fault_is_told_at_once() -> None:
    text = 'mon = ["9"]\nfryday = []\nholidays = "DE-XX"\nat_closing = "no"\nexceptions = [{}, { date = "x" }]'
    assert sorted(fault.key for fault in faults_of(text)) == [
        "hours.at_closing",
        "hours.exceptions[0].date",
        "hours.exceptions[1].date",
        "hours.fryday",
        "hours.holidays",
        "hours.mon[0]",
    ]


def test_two_rows_that_cross_are_all_told() -> None:
    text = 'mon-wed = []\nwed-fri = []\nfri-sun = []\nexceptions = [{ date = "2026-12-24", to = "2026-12-23" }]'
    assert [fault.key for fault in faults_of(text)] == ["hours.wed-fri", "hours.fri-sun", "hours.exceptions[0].to"]


@pytest.mark.parametrize("value", ['"hunter2"', '["hunter2"]', '{ deep = "hunter2" }'])
def test_the_value_of_an_unknown_key_is_never_shown(value: str) -> None:
    (fault,) = faults_of(f"token = {value}")
    assert fault.key == "hours.token"
    assert "hunter2" not in str(fault)


def test_hours_come_out_of_the_shape_as_they_went_in() -> None:
    hours = hours_of('mon-fri = ["09:00-18:00"]\nexceptions = [{ date = "2026-12-24" }]')
    assert HoursTable.model_validate(json.loads(json.dumps(hours.model_dump()))) == hours


def test_an_editor_learns_every_key_a_day_may_have() -> None:
    schema = HoursTable.model_json_schema()
    (pattern,) = schema["patternProperties"]
    assert schema["additionalProperties"] is False
    assert all(re.fullmatch(pattern, key) for key in (*DAYS, "mon-fri", "sat-mon"))
    assert not re.fullmatch(pattern, "mo-fr")


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("", "never open within a year"),
        ('exceptions = [{ date = "2027-12-24", open = ["09:00-12:00"] }]', "never open within a year"),
        ('mon-tue = ["09:00-13:00", "12:00-18:00"]', "09:00-13:00 and 12:00-18:00 overlap (mon, tue)"),
        ('sun = ["20:00-08:00"]\nmon = ["07:00-09:00"]', "20:00-08:00 and 07:00-09:00 of the day after overlap (sun)"),
        (
            'mon = ["09:00-10:00"]\nexceptions = [{ date = "2026-12-24", open = ["09:00-12:00", "11:00-13:00"] }]',
            "overlap (2026-12-24)",
        ),
        (
            'mon = ["09:00-10:00"]\nexceptions = [{ date = "2026-11-20", to = "2026-11-21" }]',
            "exceptions in the past do nothing any more, delete them: 2026-11-20",
        ),
    ],
)
def test_what_is_legal_but_odd_is_warned_of(text: str, warning: str) -> None:
    (told,) = hours_warnings(hours_of(text), BERLIN, NOW)
    assert warning in told


@pytest.mark.parametrize(
    "text",
    [
        'mon = ["09:00-13:00", "13:00-18:00", "22:00-06:00"]\ntue = ["06:00-09:00"]',
        'mon-sun = ["00:00-24:00"]\nexceptions = [{ date = "2026-11-20", to = "2026-11-22" }]',
        'exceptions = [{ date = "2027-11-01", open = ["09:00-12:00"] }]',
    ],
)
def test_what_is_fine_is_not_warned_of(text: str) -> None:
    assert hours_warnings(hours_of(text), BERLIN, NOW) == ()
