"""What Prometheus gets to see, and what each event costs."""

from __future__ import annotations

import asyncio
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from router.adapters.metrics import MOST_KINDS, WAIT_BUCKETS, Metrics, Reading
from router.domain.events import (
    AgentChanged,
    AgentDismissed,
    ContactConnected,
    ContactEnded,
    ContactOverflowed,
    Event,
    InvariantFailed,
    ObservationIgnored,
    OfferClosed,
    OfferRang,
    PoolLost,
    WrapUpEnded,
)
from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, LegId, OfferId, QueueName
from router.domain.record import (
    BillingRecord,
    EndedBy,
    Leg,
    OfferFact,
    OfferResult,
    Outcome,
    Segment,
    SegmentKind,
    WrapUpFact,
)

NOW = 1_790_000_000 * SECOND
QUEUE = QueueName("shop/orders")
SHOP = {"medium": "voice", "queue": "shop/orders"}


def ended(contact: str, outcome: Outcome, waited_s: float, talked_s: float = 0.0) -> ContactEnded:
    talk_at = NOW + round(waited_s * SECOND)
    ended_at = talk_at + int(talked_s * SECOND)
    segments = [Segment(kind=SegmentKind.WAITING, from_at=NOW, to_at=talk_at)]
    if talked_s:
        segments.append(Segment(kind=SegmentKind.TALK, from_at=talk_at, to_at=ended_at))
    return ContactEnded(
        record=BillingRecord(
            contact_id=ContactId(contact),
            medium="voice",
            campaign=CampaignName("shop"),
            queue=QUEUE,
            ani="+4930555666",
            dnis="+4930555100",
            arrived_at=NOW,
            answered_at=talk_at if talked_s else None,
            ended_at=ended_at,
            outcome=outcome,
            ended_by=EndedBy.CALLER,
            config_hash="c0ffee",
            end_estimated=False,
            segments=tuple(segments),
            legs=(Leg(uniqueid=LegId(contact), linkedid=contact, node="pbx1"),),
        )
    )


def connected(contact: str, waited_s: float) -> ContactConnected:
    return ContactConnected(
        contact_id=ContactId(contact),
        agent_id=AgentId("agent-1001"),
        queue=QUEUE,
        campaign=CampaignName("shop"),
        medium="voice",
        waited_us=int(waited_s * SECOND),
    )


def closed(result: OfferResult) -> OfferClosed:
    return OfferClosed(
        fact=OfferFact(
            offer_id=OfferId("pbx1-1.1.1"),
            contact_id=ContactId("pbx1-1.1"),
            agent_id=AgentId("agent-1001"),
            queue=QUEUE,
            from_at=NOW,
            to_at=NOW + SECOND,
            result=result,
            cause=16,
            tech_cause=None,
        )
    )


def changed(agent: str, status: str) -> AgentChanged:
    return AgentChanged(
        agent_id=AgentId(agent),
        status=status,
        reason=None,
        next_status=None,
        reach="REACHABLE",
        link="GOOD",
        work="idle",
        contact_id=None,
        since_at=NOW,
    )


def told(*events: Event, reading: Reading | None = None) -> Metrics:
    metrics = Metrics(lambda: reading or Reading(), version="0.1.0")
    for event in events:
        metrics(event, NOW)
    return metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(metrics.expose().decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


def test_a_contact_that_ended_is_counted_by_queue_and_outcome() -> None:
    metrics = told(
        connected("a", 3),
        ended("a", Outcome.ANSWERED, 3, 60),
        ended("b", Outcome.ABANDONED, 8),
        ended("c", Outcome.ABANDONED, 80),
    )

    assert value(metrics, "ringfair_contacts_total", **SHOP, outcome="answered") == 1
    assert value(metrics, "ringfair_contacts_total", **SHOP, outcome="abandoned") == 2


def test_a_wait_is_counted_when_the_talk_begins_and_once_however_often_it_begins() -> None:
    metrics = told(connected("a", 18))
    assert value(metrics, "ringfair_wait_seconds_count", **SHOP, outcome="answered") == 1

    for event in (connected("a", 40), ended("a", Outcome.ANSWERED, 18, 60)):
        metrics(event, NOW)

    assert value(metrics, "ringfair_wait_seconds_count", **SHOP, outcome="answered") == 1
    assert value(metrics, "ringfair_wait_seconds_sum", **SHOP, outcome="answered") == 18


def test_a_contact_answered_before_we_were_there_is_counted_from_its_record() -> None:
    metrics = told(ended("adopted", Outcome.ANSWERED, 12, 60))

    assert value(metrics, "ringfair_wait_seconds_sum", **SHOP, outcome="answered") == 12


def test_service_level_can_be_computed_both_ways() -> None:
    metrics = told(
        *(connected(f"fast-{n}", 10) for n in range(6)),
        *(connected(f"slow-{n}", 50) for n in range(2)),
        ended("short", Outcome.ABANDONED, 4),
        ended("long", Outcome.ABANDONED, 90),
    )

    def of(suffix: str, outcome: str, **le: str) -> float:
        return value(metrics, f"ringfair_wait_seconds_{suffix}", **SHOP, outcome=outcome, **le) or 0

    in_time = of("bucket", "answered", le="20.0")
    everybody = of("count", "answered") + of("count", "abandoned")
    assert in_time / everybody == 6 / 10
    assert in_time / (everybody - of("bucket", "abandoned", le="20.0")) == 6 / 9


@pytest.mark.parametrize("seconds", WAIT_BUCKETS)
def test_each_usual_threshold_is_an_edge_of_a_bucket(seconds: int) -> None:
    metrics = told(ended("on time", Outcome.ABANDONED, seconds), ended("late", Outcome.ABANDONED, seconds + 1e-6))

    edge = {"outcome": "abandoned", "le": f"{seconds}.0"}
    assert value(metrics, "ringfair_wait_seconds_bucket", **SHOP, **edge) == 1


def test_handle_time_offers_overflows_and_repairs_are_counted() -> None:
    wrapped = WrapUpEnded(
        fact=WrapUpFact(
            contact_id=ContactId("a"), agent_id=AgentId("agent-1001"), from_at=NOW, to_at=NOW + 20 * SECOND
        ),
        queue=QUEUE,
        medium="voice",
        handle_us=200 * SECOND,
    )
    metrics = told(
        wrapped,
        closed(OfferResult.MISSED),
        closed(OfferResult.MISSED),
        closed(OfferResult.ANSWERED),
        ContactOverflowed(contact_id=ContactId("a"), queue=QUEUE, target="closing"),
        InvariantFailed(what="agent busy without a leg"),
        PoolLost(epoch=7),
        OfferRang(offer_id=OfferId("a.1"), agent_id=AgentId("agent-1001")),
    )

    assert value(metrics, "ringfair_handle_seconds_sum", **SHOP) == 200
    assert value(metrics, "ringfair_offers_total", result="missed") == 2
    assert value(metrics, "ringfair_offers_total", result="answered") == 1
    assert value(metrics, "ringfair_overflows_total", queue="shop/orders", target="closing") == 1
    assert value(metrics, "ringfair_invariants_failed_total") == 1
    assert value(metrics, "ringfair_pools_lost_total") == 1


def test_agents_are_one_gauge_by_status_and_each_is_in_it_once() -> None:
    metrics = told(
        changed("agent-1001", "READY"),
        changed("agent-1001", "PAUSED"),
        changed("agent-1002", "READY"),
        changed("agent-1003", "READY"),
        AgentDismissed(agent_id=AgentId("agent-1003")),
    )

    counts = {status: value(metrics, "ringfair_agents", status=status) for status in ("READY", "PAUSED")}
    assert counts == {"READY": 1, "PAUSED": 1}
    assert value(metrics, "ringfair_agents", status="LOGGED_OUT") == 0


def test_what_is_live_is_read_at_the_scrape_and_never_stale() -> None:
    readings = iter(
        [
            Reading(waiting={("voice", "shop/orders"): 5}, redis_errors=1),
            Reading(
                waiting={("voice", "shop/orders"): 2},
                longest_wait_us={("voice", "shop/orders"): 1_500_000},
                inbox_depth=3,
                ami_connected={"pbx1": True, "pbx2": False},
                ami_last_event_at={"pbx1": NOW},
                redis_errors=4,
                ledger_spool=9,
            ),
        ]
    )
    metrics = Metrics(lambda: next(readings), version="0.1.0")
    metrics.expose()
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.expose().decode())
        for sample in family.samples
    }

    expected = {
        ("ringfair_waiting", "voice", "shop/orders"): 2,
        ("ringfair_longest_wait_seconds", "voice", "shop/orders"): 1.5,
        ("ringfair_inbox_depth",): 3,
        ("ringfair_ami_connected", "pbx1"): 1,
        ("ringfair_ami_connected", "pbx2"): 0,
        ("ringfair_ami_last_event_timestamp_seconds", "pbx1"): 1_790_000_000,
        ("ringfair_redis_errors_total",): 4,
        ("ringfair_ledger_spool_records",): 9,
    }
    assert {key: samples.get(key) for key in expected} == expected


def test_every_metric_promised_is_there_from_the_first_scrape_and_no_created_series() -> None:
    text = told().expose().decode()
    names = {family.name for family in text_string_to_metric_families(text)}

    assert names >= {
        "ringfair_contacts",
        "ringfair_wait_seconds",
        "ringfair_handle_seconds",
        "ringfair_offers",
        "ringfair_agents",
        "ringfair_waiting",
        "ringfair_longest_wait_seconds",
        "ringfair_match_seconds",
        "ringfair_inbox_depth",
        "ringfair_ami_connected",
        "ringfair_ami_last_event_timestamp_seconds",
        "ringfair_loop_lag_seconds",
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
        changed("agent-1001", "READY"),
    ).expose()

    for private in (b"agent-1001", b"pbx1-17.1", b"+4930555666", b"555666"):
        assert private not in text


def test_a_flood_of_unknown_kinds_makes_no_flood_of_series() -> None:
    metrics = told(*(ObservationIgnored(kind=f"kind-{n}", why="late") for n in range(1000)))

    assert value(metrics, "ringfair_observations_ignored_total", kind="other") == 1000 - MOST_KINDS
    assert metrics.expose().count(b"ringfair_observations_ignored_total{") == MOST_KINDS + 1


def test_hostile_label_values_stay_inside_their_quotes() -> None:
    metrics = told(ObservationIgnored(kind='x"} 1\nringfair_offers_total{result="answered', why=""))

    kinds = [
        sample.labels["kind"]
        for family in text_string_to_metric_families(metrics.expose().decode())
        for sample in family.samples
        if sample.name == "ringfair_observations_ignored_total"
    ]
    assert kinds == ['x"} 1\nringfair_offers_total{result="answered']
    assert value(metrics, "ringfair_offers_total", result="answered") is None


def test_durations_of_decisions_and_lags_are_histograms() -> None:
    metrics = told()
    for seconds in (8e-6, 30e-6, 4e-3):
        metrics.matched(seconds)
    metrics.lagged(0.03)

    assert value(metrics, "ringfair_match_seconds_bucket", le="1e-05") == 1
    assert value(metrics, "ringfair_match_seconds_bucket", le="5e-05") == 2
    assert value(metrics, "ringfair_loop_lag_seconds_bucket", le="0.05") == 1


async def test_a_scrape_in_a_thread_says_the_same() -> None:
    metrics = told(closed(OfferResult.BUSY), reading=Reading(inbox_depth=2))
    texts = await asyncio.gather(*(metrics.scrape() for _ in range(4)))

    for text in texts:
        assert b'ringfair_offers_total{result="busy"} 1.0' in text
        assert b"ringfair_inbox_depth 2.0" in text


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
