"""Whole days at the simulated centre on which routers are killed, again and again: their successors lose nobody."""

import pytest

from router.domain.pictures.picture import whole
from router.domain.pictures.recovery import Newest
from router.simulation.centre import Centre
from router.simulation.people import Habits
from router.simulation.story import Report, simulate
from router.simulation.wire import MILLISECOND, Weather

DEADLY = Habits(kills_router_us=20 * 1_000_000, loses_node_us=10**15)
DEADLY_AND_BLIND = Habits(kills_router_us=30 * 1_000_000, loses_node_us=60 * 1_000_000)
STORM = Weather(late=0.15, doubled=0.15, snapshot_us=800 * MILLISECOND)


def judged(report: Report) -> Report:
    assert report.fault_count == 0, str(report)
    return report


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_days_with_dying_routers_lose_nobody(seed: int) -> None:
    report = judged(simulate(contacts=1500, seed=seed, habits=DEADLY))
    assert report.injected["router killed"] > 20


@pytest.mark.parametrize("seed", [11, 12])
def test_stormy_days_with_dying_routers_lose_nobody(seed: int) -> None:
    judged(simulate(contacts=1000, seed=seed, habits=DEADLY_AND_BLIND, weather=STORM))


def test_a_journal_that_is_ahead_of_the_spool_loses_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of the two is what protects them: without it the judge must find somebody without a record."""
    whole_init = Centre.__init__

    def careless(self: Centre, *given: object, **named: object) -> None:
        whole_init(self, *given, **named)  # type: ignore[arg-type]
        self.papers._spool_first = False

    monkeypatch.setattr(Centre, "__init__", careless)
    habits = Habits(kills_router_us=3 * 1_000_000, loses_node_us=10**15, arrival_us=300 * MILLISECOND)
    # a few milliseconds in which a death tells the two apart: looked for day by day, until one has hit them
    reports = (simulate(contacts=1500, seed=seed, habits=habits, agents=80) for seed in range(1, 13))
    assert any("has no record" in fault for report in reports for fault in report.faults)


def test_no_change_of_the_floor_goes_unwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """After every step: the newest pictures of all that ever changed are the pictures of the whole floor."""
    settle, seen = Centre._settle, 0

    def and_compare(self: Centre) -> None:
        nonlocal seen
        settle(self)
        self.papers.commit_now()
        written = self.papers.journal
        seen += 1
        if seen % 7 == 0:
            standing = Newest()
            for picture in whole(self.engine.floor):
                standing.take(picture)
            for contact_id, stands in standing.contacts.items():
                assert written.contacts[contact_id] == stands
            assert written.contacts.keys() == standing.contacts.keys()
            assert written.agents == standing.agents

    monkeypatch.setattr(Centre, "_settle", and_compare)
    judged(simulate(contacts=700, seed=5, habits=Habits(declines=0.2, rejects=0.2, transfers=0.2)))
