"""The engine is told what the calendar says, in instants, and nothing twice."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from router.almanac import keep, midnights, page_of, turn_to
from router.config import Site, load
from router.domain.engine import Engine
from router.domain.ids import SECOND, Micros
from router.runtime import Pump, WallClock
from tests.builders import SHOP, rules
from tests.config.site_files import SECRET, site_writer
from tests.config.site_files import SHOP as CAMPAIGN

MONDAY = "2026-11-23T12:00:00+01:00"


def at(text: str) -> Micros:
    return round(datetime.fromisoformat(text).timestamp()) * SECOND


@pytest.fixture
def pump() -> Pump:
    return Pump(Engine(rules()), clock=WallClock())


def site_with(tmp_path: Path, hours: str) -> Site:
    return load(site_writer(tmp_path)(shop=CAMPAIGN + hours), SECRET)


def test_days_begin_at_local_midnight_also_when_clocks_change() -> None:
    berlin = midnights(ZoneInfo("Europe/Berlin"), at("2026-10-24T12:00:00+02:00"))
    days = ("2026-10-24T00:00:00+02:00", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00")
    assert berlin[1:4] == tuple(map(at, days))


def test_a_midnight_that_does_not_exist_is_the_first_instant_after_it() -> None:
    santiago = midnights(ZoneInfo("America/Santiago"), at("2026-09-05T12:00:00+00:00"))
    assert at("2026-09-06T01:00:00-03:00") in santiago
    assert sorted(santiago) == list(santiago)


def test_hours_are_in_force_and_gone_when_the_file_says_nothing_of_them_any_more(tmp_path: Path, pump: Pump) -> None:
    hours = '\n[hours]\nmon-fri = ["09:00-18:00"]\n'
    turn_to(pump, page_of(site_with(tmp_path, hours), at(MONDAY)))
    door = pump.engine.floor.doors[SHOP]
    assert [door.is_open(at(MONDAY) + hour * 3600 * SECOND) for hour in (0, 5, 7, 22)] == [True, True, False, True]

    turn_to(pump, page_of(site_with(tmp_path, ""), at(MONDAY)))
    assert all(door.is_open(at(MONDAY) + hour * 3600 * SECOND) for hour in range(24))


def test_hours_are_told_from_a_week_back_so_that_a_weekend_without_a_router_is_counted(tmp_path: Path) -> None:
    site = site_with(tmp_path, '\n[hours]\nmon-fri = ["09:00-18:00"]\n')
    friday = at("2026-11-20T17:00:00+01:00")
    assert page_of(site, at(MONDAY)).hours[SHOP].is_open(friday)


def test_what_is_known_is_not_told_again(tmp_path: Path, pump: Pump, monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_of(site_with(tmp_path, '\n[hours]\nmon = ["09:00-18:00"]\n'), at(MONDAY))
    turn_to(pump, page)
    told: list[object] = []
    monkeypatch.setattr(pump, "ask", told.append)
    turn_to(pump, page)
    assert told == []


async def test_a_calendar_that_cannot_be_read_is_tried_again(tmp_path: Path, pump: Pump) -> None:
    site = site_with(tmp_path, '\n[hours]\nmon = ["09:00-18:00"]\n')
    answers: list[Site | OSError] = [OSError("the disk is gone"), site]

    def read() -> Site:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, OSError):
            raise answer
        return answer

    keeping = asyncio.ensure_future(keep(pump, WallClock(), read, each_s=0.001))
    async with asyncio.timeout(10):
        while not pump.engine.floor.midnights:  # noqa: ASYNC110 - the floor tells nobody
            await asyncio.sleep(0.001)
    keeping.cancel()
    assert SHOP in pump.engine.floor.doors
