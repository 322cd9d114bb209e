"""Agents in Prometheus: each is counted once, and the router's own is none."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from router.adapters.metrics import Metrics, Reading
from router.adapters.metrics.gauges import MOST_REASONS
from router.domain.ids import SECOND, AgentId, CampaignName, QueueName
from router.domain.messages.events import AgentDismissed, ContactEnded, ContactOverflowed, WrapUpEnded
from router.domain.record import OfferResult, Outcome, WrapUpFact
from router.domain.rulebook.conduct import REASONS
from tests.adapters.metrics.counted import NOW, changed, closed, connected, ended, told, value


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
    assert value(metrics, "ringfair_agents_paused", reason="other") == 300 + len(REASONS) - MOST_REASONS


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
        ContactOverflowed(contact_id=call.contact_id, queue=QueueName("canary/echo"), target="closing"),
    ):
        metrics(event, NOW)

    def of_the_floor(text: bytes) -> list[bytes]:
        return [line for line in text.splitlines() if line.startswith(b"ringfair_")]

    assert of_the_floor(metrics.expose()) == of_the_floor(before)
