"""What Prometheus gets to see, and what each event costs."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from router.adapters.metrics import Metrics, QueueReading, Reading, read_queues
from router.adapters.metrics.gauges import MOST_REASONS
from router.adapters.metrics.subscriber import MOST_KINDS, WAIT_BUCKETS
from router.domain.agent import Standing
from router.domain.contact import Contact, ContactState
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
from router.domain.floor import Floor
from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, LegId, OfferId, QueueName
from router.domain.need import Need
from router.domain.queue import Queue
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
from router.domain.rules import QueueRules, Rules, ToQueue

NOW = 1_790_000_000 * SECOND
QUEUE = QueueName("shop/orders")
LABELS = {"medium", "queue", "outcome", "result", "reason", "status", "work", "standing", "node", "neighbour", "target"}
LABELS |= {"kind", "le", "version", "python"}
"Every one bounded by the code or the configuration; another needs a reason, and its place in `Metrics`' rule 1."
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


def changed(
    agent: str,
    status: str,
    *,
    work: str = "idle",
    reach: str = "REACHABLE",
    link: str = "GOOD",
    reason: str | None = None,
) -> AgentChanged:
    return AgentChanged(
        agent_id=AgentId(agent),
        status=status,
        reason=reason,
        next_status=None,
        reach=reach,
        link=link,
        work=work,
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


def test_each_agent_is_in_one_kind_of_work_and_what_is_in_hand_goes_before_what_was_chosen() -> None:
    metrics = told(
        changed("agent-1001", "READY"),
        changed("agent-1002", "READY", work="talking"),
        changed("agent-1003", "PAUSED", work="wrapup", reason="lunch"),
        changed("agent-1004", "PAUSED", reason="rona"),
        changed("agent-1005", "READY", reach="UNREACHABLE"),
        changed("agent-1006", "READY", link="LOST"),
        changed("agent-1007", "LOGGED_OUT", reach="UNREACHABLE"),
    )

    families = text_string_to_metric_families(metrics.expose().decode())
    work = next(family for family in families if family.name == "ringfair_agents_work")
    counted = {sample.labels["work"]: sample.value for sample in work.samples}
    assert {name: count for name, count in counted.items() if count} == dict.fromkeys(
        ("free", "talking", "wrapup", "paused", "unreachable", "link_lost", "logged_out"), 1
    )
    assert value(metrics, "ringfair_agents_paused", reason="rona") == 1
    assert value(metrics, "ringfair_agents_paused", reason="lunch") == 1


def test_a_flood_of_pause_reasons_makes_no_flood_of_series() -> None:
    metrics = told(*(changed(f"agent-{1000 + n}", "PAUSED", reason=f"reason-{n}") for n in range(300)))

    assert metrics.expose().count(b"ringfair_agents_paused{") == MOST_REASONS + 1
    assert value(metrics, "ringfair_agents_paused", reason="other") == 300 + 1 - MOST_REASONS


def test_the_canary_is_neither_caller_nor_agent() -> None:
    metrics = Metrics(Reading, version="0.1.0", own=frozenset({"canary"}))
    before = metrics.expose()
    canary = AgentId("canary")
    call = connected("c", 0)
    wrapped = WrapUpFact(contact_id=call.contact_id, agent_id=canary, from_at=NOW, to_at=NOW)
    record = ended("c", Outcome.ANSWERED, 0, 1).record
    for event in (
        changed("canary", "READY"),
        replace(call, agent_id=canary, campaign=CampaignName("canary"), queue=QueueName("canary/echo")),
        replace(closed(OfferResult.ANSWERED), fact=replace(closed(OfferResult.ANSWERED).fact, agent_id=canary)),
        ContactEnded(record=replace(record, campaign=CampaignName("canary"), queue=QueueName("canary/echo"))),
        WrapUpEnded(fact=wrapped, queue=QueueName("canary/echo"), medium="voice", handle_us=SECOND),
    ):
        metrics(event, NOW)

    def of_the_floor(text: bytes) -> list[bytes]:
        return [line for line in text.splitlines() if line.startswith(b"ringfair_")]

    assert of_the_floor(metrics.expose()) == of_the_floor(before)


def test_everything_of_a_queue_is_there_at_zero_before_its_first_contact() -> None:
    """A counter that is born at 1 hides its first contact from `increase()`."""
    reading = Reading(queues=[QueueReading(queue=QUEUE, targets=("shop/general", "closing"))])
    metrics = told(reading=reading)

    for outcome in Outcome:
        assert value(metrics, "ringfair_contacts_total", **SHOP, outcome=outcome.value) == 0
        assert value(metrics, "ringfair_wait_seconds_bucket", **SHOP, outcome=outcome.value, le="20.0") == 0
    assert value(metrics, "ringfair_handle_seconds_count", **SHOP) == 0
    for target in ("shop/general", "closing"):
        assert value(metrics, "ringfair_overflows_total", queue=QUEUE, target=target) == 0
    for result in OfferResult:
        assert value(metrics, "ringfair_offers_total", result=result.value) == 0
    assert value(metrics, "ringfair_calls_refused_total", reason="unknown-dnis") == 0


def test_a_queue_is_read_from_the_floor_with_who_waits_and_who_serves_it() -> None:
    queue = QueueRules(
        name=QUEUE,
        campaign=CampaignName("shop"),
        need=Need.parse("de"),
        overflow=(ToQueue(queue=QueueName("shop/general")),),
    )
    floor = Floor(Rules(config_hash="", campaigns={}, queues={QUEUE: queue}))
    floor.queues[QUEUE] = Queue(queue)
    floor.queues[QUEUE].standings[Standing.PAUSED] = 3
    for n, state in enumerate((ContactState.QUEUED, ContactState.OFFERED, ContactState.CONNECTED)):
        contact_id = ContactId(f"pbx1-{n}")
        floor.contacts[contact_id] = Contact(
            contact_id=contact_id,
            ordinal=n,
            leg=LegId(str(n)),
            linkedid=str(n),
            node="pbx1",
            campaign=CampaignName("shop"),
            queue=QUEUE,
            dnis="",
            ani="",
            arrived_at=NOW + n * SECOND,
            seen_at=NOW,
            state=state,
        )

    [found] = read_queues(floor, NOW + 10 * SECOND, frozenset())

    assert (found.waiting, found.longest_wait_us) == (2, 10 * SECOND)
    assert (found.agents["paused"], found.agents["free"], len(found.agents)) == (3, 0, len(Standing))
    assert found.targets == ("shop/general", "closing")
    assert read_queues(floor, NOW, frozenset({"shop"})) == ()


def test_what_is_live_is_read_at_the_scrape_and_never_stale() -> None:
    readings = iter(
        [
            Reading(queues=[QueueReading(queue=QUEUE, waiting=5)], redis_errors=1),
            Reading(
                queues=[
                    QueueReading(queue=QUEUE, waiting=2, longest_wait_us=1_500_000, agents={"free": 0, "on_contact": 7})
                ],
                inbox_depth=3,
                inbox_overflows=1,
                failures=2,
                ready={"redis": False, "ledger": True},
                ami_connected={"pbx1": True, "pbx2": False},
                ami_last_event_at={"pbx1": NOW},
                redis_errors=4,
                ledger_spool=9,
                ledger_lost=5,
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
        ("ringfair_queue_agents", "voice", "shop/orders", "free"): 0,
        ("ringfair_queue_agents", "voice", "shop/orders", "on_contact"): 7,
        ("ringfair_inbox_depth",): 3,
        ("ringfair_inbox_overflows_total",): 1,
        ("ringfair_failures_total",): 2,
        ("ringfair_ready", "redis"): 0,
        ("ringfair_ready", "ledger"): 1,
        ("ringfair_ami_connected", "pbx1"): 1,
        ("ringfair_ami_connected", "pbx2"): 0,
        ("ringfair_ami_last_event_timestamp_seconds", "pbx1"): 1_790_000_000,
        ("ringfair_redis_errors_total",): 4,
        ("ringfair_ledger_spool_records",): 9,
        ("ringfair_ledger_lost_records_total",): 5,
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
        changed("agent-1001", "READY", work="talking"),
        ObservationIgnored(kind="LegEnded", why="late"),
        reading=Reading(
            queues=[QueueReading(queue=QUEUE, waiting=1, agents={"free": 1}, targets=("closing",))],
            ready={"redis": True},
            ami_connected={"pbx1": True},
            ami_last_event_at={"pbx1": NOW},
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
