"""What stands on the door of a closed campaign: why, and when it is open next."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from router.almanac import page_of, turn_to
from router.config import load
from router.desk import view_floor
from router.domain.engine import Engine
from router.domain.ids import SECOND, CampaignName, Micros
from router.domain.messages.commands import Reopen, SetHours, Shut
from router.domain.rulebook.hours import OpeningHours
from router.doorplate import view_door
from router.runtime import Pump
from tests.config.site_files import SECRET, SHOP, site_writer
from tests.fakes.clock import HandClock

NAME = CampaignName("shop")
BERLIN = ZoneInfo("Europe/Berlin")
WEEK = """
[hours]
mon-fri = ["09:00-18:00"]
sat = ["22:00-02:00"]
holidays = "DE-BE"
exceptions = [
    { date = "2026-12-24", open = ["09:00-13:00"], note = "Christmas Eve" },
    { date = "2026-12-28", to = "2026-12-30", note = "stocktaking" },
]
"""
NIGHT = "\n[queue.night]\n"


def at(text: str) -> Micros:
    return round(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()) * SECOND


class Street:
    """A site whose calendar was told to a floor on 21 December 2026, and its door as it is seen later."""

    def __init__(self, directory: Path, hours: str, campaign: str = SHOP) -> None:
        self.clock = HandClock(at("2026-12-21T12:00"))
        self.site = load(site_writer(directory)(shop=campaign + hours), SECRET)
        self.pump = Pump(Engine(self.site.rules), clock=self.clock)
        turn_to(self.pump, page_of(self.site, self.clock.now()))

    def plate(self, when: str) -> tuple[str, str, str]:
        """(closed by, note, opens)"""
        self.clock.at = at(when)
        view = view_door(self.pump.engine.floor, self.site.hours, NAME, self.clock.now())
        assert view.time_zone == "Europe/Berlin"
        opens = "" if view.opens_at is None else f"{datetime.fromtimestamp(view.opens_at / SECOND, BERLIN):%dT%H:%M}"
        return view.closed_by, view.note, opens

    def queues(self) -> dict[str, bool]:
        view = view_floor(self.pump.engine.floor, self.clock.now(), self.site.hours)
        return {queue.queue: queue.is_open for queue in view.queues}


@pytest.mark.parametrize(
    ("when", "plate"),
    [
        ("2026-12-21T12:00", ("", "", "")),
        ("2026-12-21T18:00", ("hours", "", "22T09:00")),
        ("2026-12-24T12:00", ("", "", "")),
        ("2026-12-24T14:00", ("exception", "Christmas Eve", "31T09:00")),
        ("2026-12-25T10:00", ("holiday", "Christmas Day", "31T09:00")),
        # Saturday the 26th is a holiday, and with it goes the night that would reach into Sunday
        ("2026-12-27T01:00", ("holiday", "Second Day of Christmas", "31T09:00")),
        ("2026-12-27T03:00", ("hours", "", "31T09:00")),
        ("2026-12-29T10:00", ("exception", "stocktaking", "31T09:00")),
        ("2027-01-01T10:00", ("holiday", "New Year's Day", "02T22:00")),
    ],
)
def test_a_closed_door_says_why_and_when_it_opens(tmp_path: Path, when: str, plate: tuple[str, str, str]) -> None:
    assert Street(tmp_path, WEEK).plate(when) == plate


def test_a_campaign_without_hours_is_open_until_somebody_shuts_it_by_hand(tmp_path: Path) -> None:
    street = Street(tmp_path, "")
    assert street.plate("2026-12-25T03:00") == ("", "", "")
    street.pump.ask(Shut(campaign=NAME, until_at=at("2026-12-25T05:30")))
    assert street.plate("2026-12-25T03:00") == ("hand", "", "25T05:30")
    street.pump.ask(Reopen(campaign=NAME))
    assert street.plate("2026-12-25T03:00") == ("", "", "")


def test_who_shut_it_by_hand_goes_before_its_hours_and_it_opens_when_both_allow_it(tmp_path: Path) -> None:
    street = Street(tmp_path, WEEK)
    street.pump.ask(Shut(campaign=NAME, until_at=at("2026-12-25T05:30")))
    assert street.plate("2026-12-24T10:00") == ("hand", "", "31T09:00")
    assert street.plate("2026-12-25T06:00") == ("holiday", "Christmas Day", "31T09:00")
    street.pump.ask(Shut(campaign=NAME, until_at=at("2026-12-31T10:00")))
    assert street.plate("2026-12-25T06:00") == ("hand", "", "31T10:00")


def test_a_door_that_never_opens_in_the_weeks_to_come_says_no_instant(tmp_path: Path) -> None:
    assert Street(tmp_path, '\n[hours]\nexceptions = [{ date = "2027-12-24", open = ["09:00-13:00"] }]\n').plate(
        "2026-12-21T12:00"
    ) == ("hours", "", "")


def test_what_the_floor_goes_by_is_shown_though_the_files_know_no_hours(tmp_path: Path) -> None:
    street = Street(tmp_path, "")
    street.pump.ask(SetHours(campaign=NAME, hours=OpeningHours()))
    assert street.plate("2026-12-21T12:00") == ("hours", "", "")


def test_the_night_line_is_open_while_the_door_is_closed(tmp_path: Path) -> None:
    campaign = SHOP.replace("\n[queue", 'closed = ["queue:night"]\n\n[queue') + NIGHT
    street = Street(tmp_path, WEEK, campaign)
    street.clock.at = at("2026-12-25T10:00")
    assert street.queues() == {"shop/orders": False, "shop/night": True}


def test_an_emergency_finds_every_door_open(tmp_path: Path) -> None:
    street = Street(tmp_path, WEEK, SHOP.replace("\n[queue", "emergency = true\n\n[queue"))
    street.clock.at = at("2026-12-25T10:00")
    assert street.queues() == {"shop/orders": True}
