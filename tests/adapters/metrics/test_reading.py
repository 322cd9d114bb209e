"""What is true at the moment of a scrape: queues, neighbours, what waits."""

from __future__ import annotations

import asyncio

from prometheus_client.parser import text_string_to_metric_families

from router.adapters.metrics import DoorReading, Metrics, QueueReading, Reading, read_doors, read_queues
from router.domain.benches.queue import Queue
from router.domain.contacts.contact import Contact, ContactState
from router.domain.floor import Floor
from router.domain.ids import SECOND, CampaignName, ContactId, LegId, QueueName
from router.domain.messages.commands import Shut
from router.domain.messages.standing import Standing
from router.domain.record import OfferResult, Outcome
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import QueueRules, Rules, ToQueue
from tests.adapters.metrics.counted import NOW, QUEUE, SHOP, closed, told, value
from tests.builders import SHOP as SHOP_CAMPAIGN
from tests.builders import Room


def test_everything_of_a_queue_is_there_at_zero_before_its_first_contact() -> None:
    """A counter that is born at 1 hides its first contact from `increase()`."""
    reading = Reading(queues=[QueueReading(queue=QUEUE, targets=("shop/general", "closing"))])
    metrics = told(reading=reading)

    for outcome in Outcome:
        assert value(metrics, "ringfair_contacts_total", **SHOP, outcome=outcome.value) == 0
        assert value(metrics, "ringfair_wait_seconds_bucket", **SHOP, outcome=outcome.value, le="20.0") == 0
    assert value(metrics, "ringfair_handle_seconds_count", **SHOP) == 0
    for target in ("shop/general", "closing"):
        assert value(metrics, "ringfair_overflows_total", queue=QUEUE, target=target, reason="full") == 0
    assert value(metrics, "ringfair_emergency_alarms_total", queue=QUEUE) == 0
    for result in OfferResult:
        assert value(metrics, "ringfair_offers_total", result=result.value) == 0
    assert value(metrics, "ringfair_calls_refused_total", reason="unknown-dnis", campaign="") == 0
    for reason in ("node-full", "campaign-full", "trunk-full"):
        assert value(metrics, "ringfair_calls_refused_total", reason=reason, campaign="shop") == 0


def test_an_overflow_target_that_a_reload_adds_is_there_at_zero_too() -> None:
    reading = Reading(queues=[QueueReading(queue=QUEUE, targets=("closing",))])
    metrics = Metrics(lambda: reading, version="0.1.0")
    metrics.expose()
    reading = Reading(queues=[QueueReading(queue=QUEUE, targets=("bank/accounts", "closing"))])
    assert value(metrics, "ringfair_overflows_total", queue=QUEUE, target="bank/accounts", reason="wait") == 0


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


def test_a_campaign_nobody_told_the_hours_of_is_open_and_one_that_is_shut_is_shut_by_hand() -> None:
    room = Room()
    assert read_doors(room.floor, room.now, frozenset({"bank"})) == {"shop": DoorReading()}
    room.ask(Shut(campaign=SHOP_CAMPAIGN, until_at=room.now + 60 * SECOND))

    shut = read_doors(room.floor, room.now, frozenset())
    assert shut["shop"] == DoorReading(is_open=False, is_shut_by_hand=True)
    metrics = told(reading=Reading(doors=shut))
    assert value(metrics, "ringfair_campaign_open", campaign="shop") == 0
    assert value(metrics, "ringfair_campaign_shut_by_hand", campaign="shop") == 1
    assert value(metrics, "ringfair_campaign_open", campaign="bank") == 1


def test_what_is_live_is_read_at_the_scrape_and_never_stale() -> None:
    readings = iter(
        [
            Reading(queues=[QueueReading(queue=QUEUE, waiting=5)], redis_errors=1),
            Reading(
                queues=[
                    QueueReading(
                        queue=QUEUE,
                        waiting=2,
                        longest_wait_us=1_500_000,
                        expected_us=90_500_000,
                        agents={"free": 0, "on_contact": 7},
                    )
                ],
                inbox_depth=3,
                inbox_overflows=1,
                failures=2,
                ready={"redis": False, "ledger": True},
                ami_connected={"pbx1": True, "pbx2": False},
                ami_last_event_at={"pbx1": NOW},
                tasks=12,
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
        ("ringfair_expected_wait_seconds", "voice", "shop/orders"): 90.5,
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
        ("ringfair_tasks",): 12,
        ("ringfair_redis_errors_total",): 4,
        ("ringfair_ledger_spool_records",): 9,
        ("ringfair_ledger_lost_records_total",): 5,
    }
    assert {key: samples.get(key) for key in expected} == expected


async def test_a_scrape_in_a_thread_says_the_same() -> None:
    metrics = told(closed(OfferResult.BUSY), reading=Reading(inbox_depth=2))
    texts = await asyncio.gather(*(metrics.scrape() for _ in range(4)))

    for text in texts:
        assert b'ringfair_offers_total{result="busy"} 1.0' in text
        assert b"ringfair_inbox_depth 2.0" in text
