"""The lines in Prometheus' text: all together, none by itself, nothing while the site has no telemetry."""

from router.adapters.metrics import Metrics, Reading
from router.ports import LineSummary

BUSY = LineSummary(
    connected=True,
    events=4000,
    dropped=12,
    legs=2000,
    median_jitter_us=500,
    worst_jitter_us=30_000,
    median_lost=0.0,
    worst_lost=0.25,
)


def lines_of(summary: LineSummary | None) -> set[str]:
    text = Metrics(lambda: Reading(lines=summary), version="0", process=False).expose().decode()
    return {line for line in text.splitlines() if line.startswith(("ringfair_telemetry", "ringfair_line"))}


def test_the_lines_are_told_together() -> None:
    assert lines_of(BUSY) == {
        "ringfair_telemetry_connected 1.0",
        "ringfair_telemetry_events_total 4000.0",
        "ringfair_telemetry_dropped_total 12.0",
        "ringfair_telemetry_legs 2000.0",
        'ringfair_line_jitter_seconds{rank="median"} 0.0005',
        'ringfair_line_jitter_seconds{rank="worst"} 0.03',
        'ringfair_line_loss_ratio{rank="median"} 0.0',
        'ringfair_line_loss_ratio{rank="worst"} 0.25',
    }


def test_lines_nobody_reports_about_have_no_figures() -> None:
    assert lines_of(LineSummary(connected=False, events=0, dropped=0, legs=0)) == {
        "ringfair_telemetry_connected 0.0",
        "ringfair_telemetry_events_total 0.0",
        "ringfair_telemetry_dropped_total 0.0",
        "ringfair_telemetry_legs 0.0",
    }


def test_a_site_without_telemetry_shows_nothing_of_it() -> None:
    assert lines_of(None) == set()
