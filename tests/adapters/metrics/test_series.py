"""Which series there are: those promised, with labels that are bounded, whatever comes."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from router.adapters.metrics import QueueReading, Reading
from router.adapters.metrics.subscriber import MOST_KINDS
from router.domain.messages.events import ObservationIgnored
from router.domain.record import OfferResult, Outcome
from router.ports import LineSummary
from tests.adapters.metrics.counted import NOW, QUEUE, changed, closed, connected, ended, told, value

LABELS = {"medium", "queue", "outcome", "result", "reason", "status", "work", "standing", "node", "neighbour", "target"}
LABELS |= {"kind", "le", "rank", "version", "python", "campaign"}
"Every one bounded by the code or the configuration; another needs a reason, and its place in `Metrics`' rule 1."


def test_every_metric_promised_is_there_from_the_first_scrape_and_no_created_series() -> None:
    text = told().expose().decode()
    names = {family.name for family in text_string_to_metric_families(text)}

    assert names >= {
        "ringfair_contacts",
        "ringfair_wait_seconds",
        "ringfair_handle_seconds",
        "ringfair_expected_wait_seconds",
        "ringfair_expected_wait_error_seconds",
        "ringfair_offers",
        "ringfair_agents",
        "ringfair_waiting",
        "ringfair_longest_wait_seconds",
        "ringfair_match_seconds",
        "ringfair_inbox_depth",
        "ringfair_ami_connected",
        "ringfair_ami_last_event_timestamp_seconds",
        "ringfair_loop_lag_seconds",
        "ringfair_ami_lag_seconds",
        "ringfair_tasks",
        "ringfair_redis_errors",
        "ringfair_ledger_spool_records",
        "ringfair_build_info",
        "process_resident_memory_bytes",
    }
    assert "_created" not in text
    assert 'version="0.1.0"' in text


def test_no_agent_caller_or_contact_is_ever_a_label() -> None:
    text = told(
        connected("pbx1-17.1", 1),
        ended("pbx1-17.1", Outcome.ANSWERED, 1, 60),
        closed(OfferResult.ANSWERED),
        changed("agent-1001", "READY", work="talking"),
        ObservationIgnored(kind="LegEnded", why="late"),
        reading=Reading(
            queues=[QueueReading(queue=QUEUE, waiting=1, agents={"free": 1}, targets=("closing",))],
            ready={"redis": True},
            ami_connected={"pbx1": True},
            ami_last_event_at={"pbx1": NOW},
            lines=LineSummary(
                connected=True, events=1, dropped=0, legs=1, median_jitter_us=0, worst_jitter_us=0, median_lost=0.0
            ),
        ),
    ).expose()

    for private in (b"agent-1001", b"pbx1-17.1", b"+4930555666", b"555666"):
        assert private not in text
    labels = {
        label
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        for label in sample.labels
        if family.name.startswith("ringfair_")
    }
    assert labels == LABELS


def test_a_flood_of_unknown_kinds_makes_no_flood_of_series_and_each_is_counted() -> None:
    metrics = told(*(ObservationIgnored(kind=f"kind-{n}", why="late") for n in range(1000)))

    counts = [
        sample.value
        for family in text_string_to_metric_families(metrics.expose().decode())
        for sample in family.samples
        if sample.name == "ringfair_observations_ignored_total"
    ]
    assert (len(counts), sum(counts)) == (MOST_KINDS + 1, 1000)
    assert (value(metrics, "ringfair_observations_ignored_total", kind="other") or 0) > 900


def test_hostile_label_values_stay_inside_their_quotes() -> None:
    metrics = told(ObservationIgnored(kind='x"} 1\nringfair_offers_total{result="answered', why=""))

    kinds = [
        sample.labels["kind"]
        for family in text_string_to_metric_families(metrics.expose().decode())
        for sample in family.samples
        if sample.name == "ringfair_observations_ignored_total"
    ]
    assert 'x"} 1\nringfair_offers_total{result="answered' in kinds
    assert value(metrics, "ringfair_offers_total", result="answered") == 0
