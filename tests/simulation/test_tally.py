"""The sums over a played day, and how far chance may have moved them."""

from math import log
from random import Random

import pytest

from router.domain.ids import SECOND
from router.domain.record import Outcome
from router.simulation.tally import Call, Figure, Tally, Work, ratio, students_t
from router.simulation.traffic import HALF_HOUR_US, Traffic

HOUR_US = 3600 * SECOND


def a_tally(*calls: Call, work: tuple[Work, ...] = (), days: int = 1, warm_up_us: int = 0) -> Tally:
    return Tally(
        agents=2,
        day_us=HOUR_US,
        within_us=20 * SECOND,
        warm_up_us=warm_up_us,
        days=days,
        calls=list(calls),
        work=list(work),
    )


def a_call(at_s: float, waited_s: float, outcome: Outcome = Outcome.ANSWERED, day: int = 0) -> Call:
    return Call(
        day=day, at_us=int(at_s * SECOND), waited_us=int(waited_s * SECOND), at_once=waited_s == 0, outcome=outcome
    )


def some_work(from_s: float, to_s: float, day: int = 0, group: int = 0) -> Work:
    return Work(day=day, group=group, from_us=int(from_s * SECOND), to_us=int(to_s * SECOND))


def test_both_service_levels_count_as_their_formulas_say() -> None:
    figures = a_tally(
        a_call(10, 0),
        a_call(20, 20),
        a_call(30, 60),
        a_call(40, 5, Outcome.ABANDONED),
        a_call(50, 90, Outcome.ABANDONED),
        a_call(60, 30, Outcome.OVERFLOWED),
        a_call(70, 1, Outcome.SYSTEM),
    ).whole()
    assert (figures.callers, figures.answered, figures.abandoned, figures.sent_away) == (7, 3, 2, 2)
    assert figures.answered_within.value == pytest.approx(2 / 3)
    assert figures.served_within.value == pytest.approx(3 / 7)
    assert figures.waits.value == pytest.approx(6 / 7)
    assert figures.asa_s.value == pytest.approx(80 / 3)
    assert figures.mean_wait_s.value == pytest.approx(206 / 7)
    assert figures.abandoned_share.value == pytest.approx(2 / 7)


def test_percentiles_are_waits_that_somebody_had() -> None:
    figures = a_tally(*(a_call(second, second) for second in range(1, 101))).whole()
    assert figures.percentiles_s == {50: 50.0, 80: 80.0, 90: 90.0, 95: 95.0, 99: 99.0}
    assert figures.longest_s == 100.0


def test_a_caller_counts_where_they_arrived_and_work_when_it_is_done() -> None:
    late = a_call(1799, 100)
    first, second = a_tally(late, work=(some_work(1700, 2000),)).by_the(HALF_HOUR_US)
    assert (first.callers, second.callers) == (1, 0)
    assert first.occupancy.value == pytest.approx(100 / 3600)
    assert second.occupancy.value == pytest.approx(200 / 3600)
    assert second.asa_s == Figure()
    assert second.longest_s is None


def test_nothing_counts_before_the_warm_up_nor_after_closing() -> None:
    tally = a_tally(
        a_call(599, 7),
        a_call(600, 3),
        a_call(3600, 9),
        work=(some_work(0, 900), some_work(3500, 5000, group=1)),
        warm_up_us=600 * SECOND,
    )
    figures = tally.whole()
    assert figures.callers == 1
    assert figures.asa_s.value == 3.0
    assert figures.occupancy.value == pytest.approx((300 + 100) / (2 * 3000))
    assert tally.busy_us() == {0: 300 * SECOND, 1: 100 * SECOND}
    assert [(half.from_us // SECOND, half.to_us // SECOND) for half in tally.by_the(HALF_HOUR_US)] == [
        (600, 1800),
        (1800, 3600),
    ]


def test_half_hours_of_all_days_come_together_and_the_days_are_their_batches() -> None:
    calls = (a_call(100, 10), a_call(100, 20, day=1), a_call(100, 30, day=2), a_call(2000, 5, day=2))
    first, second = a_tally(*calls, work=(some_work(0, 1800, day=1),), days=3).by_the(HALF_HOUR_US)
    assert first.asa_s.value == 20.0
    assert first.asa_s.margin == pytest.approx(4.303 * 10 / 3**0.5, rel=1e-3)
    assert first.occupancy.value == pytest.approx(1 / 6)
    assert second.asa_s == Figure(5.0)


def test_one_day_is_cut_and_many_days_are_not() -> None:
    rising = tuple(a_call(second, second, day=day) for day in range(10) for second in range(0, 3600, 90))
    one = a_tally(*rising[:40]).whole()
    ten = a_tally(*rising, days=10).whole()
    assert one.asa_s.margin is not None
    assert one.asa_s.margin > 400  # the rise of the day is taken for chance: too wide, never too narrow
    assert ten.asa_s.margin == pytest.approx(0.0, abs=1e-9)


def test_nobody_and_a_single_batch_have_no_interval() -> None:
    assert ratio([]) == ratio([(0, 0), (0, 0)]) == Figure()
    assert ratio([(3, 4), (0, 0)]) == Figure(0.75)
    assert not Figure(0.75).holds(0.75)


@pytest.mark.parametrize(
    ("freedom", "table"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (9, 2.262), (19, 2.093), (60, 2.000)],
)
def test_students_t_is_that_of_the_tables(freedom: int, table: float) -> None:
    assert students_t(freedom) == pytest.approx(table, rel=0.003)


def test_the_interval_of_a_ratio_holds_the_truth_nineteen_times_in_twenty() -> None:
    dice, held = Random(4), 0
    for _ in range(400):
        batches = [(sum(dice.expovariate(1 / 30) for _ in range(size)), size) for size in (40, 60, 50, 70, 30) * 4]
        held += ratio(batches).holds(30.0)
    assert 370 <= held <= 391  # 380 expected; three standard deviations are 13


# ---- traffic ----


def test_callers_come_at_the_rates_of_their_half_hours() -> None:
    traffic = Traffic(calls_per_hour=(600.0, 0.0, 1800.0), talk_s=100.0, patience_s=50.0)
    callers = [caller for seed in range(20) for caller in traffic.callers(Random(seed))]
    by_half = [sum(caller.at_us // HALF_HOUR_US == half for caller in callers) for half in range(3)]
    assert by_half[0] == pytest.approx(6000, rel=0.05)
    assert by_half[1] == 0
    assert by_half[2] == pytest.approx(18000, rel=0.03)
    assert sum(caller.talk_us for caller in callers) / len(callers) == pytest.approx(100 * SECOND, rel=0.03)
    assert sum(caller.patience_us or 0 for caller in callers) / len(callers) == pytest.approx(50 * SECOND, rel=0.03)


def test_they_come_in_order_and_patience_changes_nobody_s_talk() -> None:
    traffic = Traffic(calls_per_hour=(100.0, 50.0), talk_s=100.0)
    patient = list(traffic.callers(Random(1)))
    hurried = list(Traffic(calls_per_hour=(100.0, 50.0), talk_s=100.0, patience_s=9.0).callers(Random(1)))
    assert [caller.at_us for caller in patient] == sorted(caller.at_us for caller in patient)
    assert [(caller.at_us, caller.talk_us) for caller in patient] == [(c.at_us, c.talk_us) for c in hurried]
    assert {caller.patience_us for caller in patient} == {None}


@pytest.mark.parametrize("spread", [0.3, 1.5])
def test_log_normal_talks_have_the_mean_and_the_spread_asked_for(spread: float) -> None:
    traffic = Traffic(calls_per_hour=(40_000.0,), talk_s=180.0, talk_spread=spread)
    talks = [caller.talk_us / SECOND for caller in traffic.callers(Random(2))]
    logs = [log(talk) for talk in talks]
    middle = sum(logs) / len(logs)
    variance = sum((one - middle) ** 2 for one in logs) / len(logs)
    assert sum(talks) / len(talks) == pytest.approx(180.0, rel=0.04)
    assert variance == pytest.approx(log(1 + spread**2), rel=0.05)  # of the logarithm: that of talks has a long tail
