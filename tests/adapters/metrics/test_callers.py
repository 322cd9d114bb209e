"""Callers in Prometheus: how contacts end, how long they waited, both service levels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from router.adapters.metrics.subscriber import WAIT_BUCKETS
from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, OfferId
from router.domain.messages.events import (
    ContactOverflowed,
    EmergencyWaits,
    InvariantFailed,
    OfferRang,
    PoolLost,
    WrapUpEnded,
)
from router.domain.record import OfferResult, Outcome, WrapUpFact
from tests.adapters.metrics.counted import NOW, QUEUE, SHOP, closed, connected, ended, told, value


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


def test_how_far_the_expected_wait_was_off_is_counted_longer_and_shorter_apart() -> None:
    longer = replace(connected("a", 50), expected_us=20 * SECOND, longer_us=30 * SECOND)
    shorter = replace(connected("b", 5), expected_us=20 * SECOND, longer_us=-15 * SECOND)
    metrics = told(longer, shorter, replace(longer, longer_us=SECOND), connected("nothing was expected", 9))

    name = "ringfair_expected_wait_error_seconds"
    sums = [value(metrics, f"{name}_sum", **SHOP, kind=kind) for kind in ("longer", "shorter")]
    assert sums == [30, 15]
    assert value(metrics, f"{name}_bucket", **SHOP, kind="shorter", le="20.0") == 1


def test_a_contact_answered_before_we_were_there_is_counted_from_its_record() -> None:
    metrics = told(ended("adopted", Outcome.ANSWERED, 12, 60))

    assert value(metrics, "ringfair_wait_seconds_sum", **SHOP, outcome="answered") == 12


@pytest.mark.parametrize("threshold", [10, 15, 20, 30])
def test_service_level_can_be_computed_both_ways_for_each_usual_threshold(threshold: int) -> None:
    metrics = told(
        *(connected(f"fast-{n}", 10) for n in range(6)),
        *(connected(f"slow-{n}", 50) for n in range(2)),
        ended("short", Outcome.ABANDONED, 4),
        ended("long", Outcome.ABANDONED, 90),
    )

    def of(suffix: str, outcome: str, **le: str) -> float:
        return value(metrics, f"ringfair_wait_seconds_{suffix}", **SHOP, outcome=outcome, **le) or 0

    in_time = of("bucket", "answered", le=f"{threshold}.0")
    assert in_time / of("count", "answered") == 6 / 8
    assert in_time / (of("count", "answered") + of("count", "abandoned")) == 6 / 10


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
        EmergencyWaits(contact_id=ContactId("b"), campaign=CampaignName("shop"), queue=QUEUE, waited_us=10 * SECOND),
        OfferRang(offer_id=OfferId("a.1"), agent_id=AgentId("agent-1001")),
    )

    assert value(metrics, "ringfair_handle_seconds_sum", **SHOP) == 200
    assert value(metrics, "ringfair_offers_total", result="missed") == 2
    assert value(metrics, "ringfair_offers_total", result="answered") == 1
    assert value(metrics, "ringfair_overflows_total", queue="shop/orders", target="closing", reason="wait") == 1
    assert value(metrics, "ringfair_invariants_failed_total") == 1
    assert value(metrics, "ringfair_pools_lost_total") == 1
    assert value(metrics, "ringfair_emergency_alarms_total", queue="shop/orders") == 1
