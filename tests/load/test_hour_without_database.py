"""The short form of the hour without the database: PostgreSQL stopped and started, the spool on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load.hour_without_database import an_hour

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("kill", [False, True])
async def test_a_minute_without_the_database_cost_nothing_also_when_who_writes_is_killed(
    tmp_path: Path, kill: bool
) -> None:
    figures = await an_hour(tmp_path / "spool", per_s=20, outage_s=60, speed=30, kill=kill)

    assert figures.faults == []
    assert figures.lost == 0
    assert figures.behind > 4 * 20 * 60 * 0.9
    assert figures.told_away
    assert figures.alarm_s is not None
    assert (figures.takeover_s is not None) == kill
