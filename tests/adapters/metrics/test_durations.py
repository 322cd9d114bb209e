"""How long things took, and what counting them costs."""

from __future__ import annotations

import time

from router.domain.ids import SECOND
from router.domain.messages.events import Event
from router.domain.record import OfferResult, Outcome
from tests.adapters.metrics.counted import NOW, changed, closed, ended, told, value


def test_durations_of_decisions_and_lags_are_histograms() -> None:
    metrics = told()
    for seconds in (8e-6, 30e-6, 4e-3):
        metrics.matched(seconds)
    metrics.lagged(0.03)

    assert value(metrics, "ringfair_match_seconds_bucket", le="1e-05") == 1
    assert value(metrics, "ringfair_match_seconds_bucket", le="5e-05") == 2
    assert value(metrics, "ringfair_loop_lag_seconds_bucket", le="0.05") == 1


def test_an_arrivals_age_is_counted_in_seconds_and_a_clock_ahead_of_ours_counts_nothing() -> None:
    metrics = told()
    for age_us in (4_000, 300_000, 20 * SECOND, -7 * SECOND):
        metrics.heard(age_us)

    assert value(metrics, "ringfair_ami_lag_seconds_bucket", le="0.005") == 2
    assert value(metrics, "ringfair_ami_lag_seconds_bucket", le="0.25") == 2
    assert value(metrics, "ringfair_ami_lag_seconds_bucket", le="10.0") == 3
    assert value(metrics, "ringfair_ami_lag_seconds_count") == 4
    assert value(metrics, "ringfair_ami_lag_seconds_sum") == 20.304


def test_an_event_costs_microseconds() -> None:
    """The bound is ten times what two busy cores take (about 2 µs): a lost cache fails it, a slow day does not."""
    events: list[Event] = [ended("a", Outcome.ABANDONED, 3), closed(OfferResult.ANSWERED)]
    events.append(changed("agent-1001", "READY"))
    metrics = told(*events)
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for _ in range(500):
            for event in events:
                metrics(event, NOW)
        best = min(best, (time.process_time() - start) / (500 * len(events)))

    print(f"{best * 1e6:.1f} µs an event")
    assert best < 20e-6
