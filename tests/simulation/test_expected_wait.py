"""How good the expected wait is, on played days; app_queue's way to reckon on the same days is the yardstick."""

import pytest

from router.domain.ids import SECOND
from router.domain.record import Outcome
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import Ring, Rules, ToClosing
from router.simulation.rehearsal import Group, Plan, play
from router.simulation.tally import Call
from router.simulation.traffic import Traffic
from tests.builders import ORDERS, SHOP, rules, with_queue
from tests.simulation.announced import by_app_queue

A_DAY = (22, 44, 66, 88, 99, 105, 99, 77, 66, 77, 99, 110, 99, 77, 55, 33)
"Calls an hour, by half hours."
CLERKS = Group(count=6, skills={"orders": 100})


def in_force(**changes: object) -> Rules:
    return with_queue(rules(), ORDERS, max_wait_us=7200 * SECOND, overflow=(ToClosing(),), **changes)


def a_plan(calls: tuple[float, ...], *groups: Group, of: Rules | None = None, **traffic: float) -> Plan:
    played = Traffic(calls_per_hour=calls, **{"talk_s": 180.0, "pick_up_s": 5.0, **traffic})
    return Plan(rules=of or in_force(), campaign=SHOP, groups=groups or (CLERKS,), traffic=played, days=3, seed=3)


# Errors cannot vanish: of k + 1 talks of random length that one waits for, nobody knows the length. The margin asked
# for is half of what was seen; the same callers come in every run, so no test fails by chance.
@pytest.mark.parametrize(
    ("plan", "share_of_app_queues"),
    [
        (a_plan(A_DAY), 0.75),
        (a_plan((100.0,) * 16), 0.8),
        (a_plan((360.0,) * 8, Group(count=20, skills={"orders": 100})), 0.9),
        (a_plan(tuple(2 * rate for rate in A_DAY), patience_s=300.0), 0.85),
        (a_plan(A_DAY, talk_spread=0.5), 0.7),
    ],
    ids=["a day", "steady", "twenty agents", "too many, impatient", "talks alike"],
)
def test_it_is_nearer_than_app_queues(plan: Plan, share_of_app_queues: float) -> None:
    tally = play(plan).tally
    ours, theirs = tally.expectation(), by_app_queue(tally.calls)
    assert ours.callers > 500
    assert ours.mean_absolute_error_s is not None
    assert theirs.mean_absolute_error_s is not None
    assert ours.mean_error_s is not None
    assert theirs.mean_error_s is not None
    assert ours.mean_absolute_error_s < share_of_app_queues * theirs.mean_absolute_error_s
    assert abs(ours.mean_error_s) < abs(theirs.mean_error_s)


@pytest.mark.parametrize("after_s", [60, 200])
def test_a_ring_that_opens_later_is_foreseen(after_s: int) -> None:
    of = in_force(rings=(Ring(after_us=after_s * SECOND, need=Need.parse("general")),))
    tally = play(
        a_plan(A_DAY, Group(count=3, skills={"orders": 100}), Group(count=3, skills={"general": 100}), of=of)
    ).tally
    ours, theirs = tally.expectation(), by_app_queue(tally.calls)
    assert ours.mean_absolute_error_s is not None
    assert theirs.mean_absolute_error_s is not None
    assert ours.mean_absolute_error_s < 0.75 * theirs.mean_absolute_error_s


def test_app_queue_reckons_as_its_source_does() -> None:
    def call(at_s: int, waited_s: int) -> Call:
        return Call(day=0, at_us=at_s * SECOND, waited_us=waited_s * SECOND, at_once=False, outcome=Outcome.ANSWERED)

    # 0 is announced to both of the first; the answers after 40 s and 41 s make 10, then (30 + 41) // 4 = 17 of it
    found = by_app_queue([call(0, 40), call(1, 40 + 1), call(100, 17)])
    assert (found.callers, found.mean_error_s) == (3, pytest.approx(81 / 3))
