"""Telemetry and the lines it tells about. All lines together: a leg is no label, and so a line has no series."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from router.domain.ids import SECOND
from router.ports import LineSummary


def line_metrics(lines: LineSummary) -> Iterator[Metric]:
    """The series of one scrape; jitter and loss have no value while no line has a report."""
    yield GaugeMetricFamily(
        "ringfair_telemetry_connected", "1 while the connection for RTCP reports is up.", value=int(lines.connected)
    )
    yield CounterMetricFamily("ringfair_telemetry_events", "RTCP reports taken.", value=lines.events)
    yield CounterMetricFamily(
        "ringfair_telemetry_dropped", "RTCP reports thrown away because newer ones were there.", value=lines.dropped
    )
    yield GaugeMetricFamily("ringfair_telemetry_legs", "Legs with a report of the last seconds.", value=lines.legs)
    jitter = (lines.median_jitter_us, lines.worst_jitter_us)
    yield _ranks(
        "ringfair_line_jitter_seconds",
        "Interarrival jitter of what phones and carriers send us: of the median line, of the worst.",
        *(None if each is None else each / SECOND for each in jitter),
    )
    yield _ranks(
        "ringfair_line_loss_ratio",
        "Packets lost since the report before, of what phones and carriers send us; a dead line shows none.",
        lines.median_lost,
        lines.worst_lost,
    )


def _ranks(name: str, text: str, median: float | None, worst: float | None) -> Metric:
    family = GaugeMetricFamily(name, text, labels=["rank"])
    for rank, value in (("median", median), ("worst", worst)):
        if value is not None:
            family.add_metric([rank], value)
    return family
