"""Every panel and every recorded figure has data, on a Prometheus that scraped a router with real calls.

One story of callers is played for all tests of this file; what they ask is the instant when it had ended.
"""

from __future__ import annotations

import asyncio
import copy
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from router.adapters.pbx.instance import Instance
from router.adapters.pbx.valkey import Valkey
from tests.integration.call_centre import CallCentre, poll
from tests.integration.telephone_room import TelephoneRoom
from tests.monitoring.dashboards import FILES, Shown, faults, queries, read_dashboard
from tests.monitoring.rules import read_rules
from tests.monitoring.server import PrometheusServer
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import NEVER_ANSWERS, Answers

QUEUES = """
[queue.orders]
need = "de"
ring_s = 2
wrapup_s = 1
max_wait_s = 10
overflow = ["queue:general", "closing"]

[queue.general]
need = "care"
max_wait_s = 3
overflow = ["closing"]
"""
"Five times the ring time: a slow second of the machine must not make the patient caller overflow."
ENDED = {"answered": 3, "abandoned": 1, "overflowed": 1}
HELP = '[queue.lines]\nneed = "lines"\nring_s = 15\nwrapup_s = 0\nmax_wait_s = 600\n'
"A queue of its own for the softphone, so that the others' figures are theirs."


@dataclass(frozen=True, kw_only=True)
class Watched:
    prometheus: PrometheusServer
    shown: Shown


async def play(centre: CallCentre, prometheus: PrometheusServer) -> None:
    """Callers who are answered, missed, abandoned, overflowed and refused; each is in a scrape when this returns.

    One of them speaks with a softphone: what telemetry tells about lines is of a real talk.
    """
    number = centre.campaign(queues=QUEUES)
    help_number = centre.campaign("help", queues=HELP)
    helps = centre.agent("agent-1001", lines=100)
    answers, misses = centre.agent("agent-2001"), centre.agent("agent-2002")
    carrier = centre.room.carrier
    await centre.room.phone(answers).behave(Answers(rings_ms=100, talks_ms=700))
    await centre.room.phone(misses).behave(NEVER_ANSWERS)
    softphone = await centre.room.softphone(helps, "auto")
    await centre.start()

    async def scraped(expr: str, within_s: float = 15.0) -> None:
        async def so() -> bool:
            return bool(await asyncio.to_thread(prometheus.query, expr, time.time()))

        await poll(f"Prometheus has {expr}", so, within_s)

    await asyncio.to_thread(prometheus.start)
    # the counters' zeros: who comes before the first scrape is in no increase()
    await scraped("sum(ringfair_contacts_total) == 0")

    await centre.log_in(helps)
    speaks = await carrier.call(Caller(dnis=help_number, speaks=True))
    await scraped("max(ringfair_line_jitter_seconds) >= 0 and max(ringfair_line_loss_ratio) >= 0")
    await softphone.hang_up()
    assert (await speaks.end(15))[0][-1] == "released"
    await centre.agent_is(helps, work="idle")
    await centre.post(f"/v1/agents/{helps}/logout")

    await centre.log_in(misses)
    patient = await carrier.call(Caller(dnis=number))
    await centre.agent_is(misses, status="PAUSED", reason="rona")
    await centre.log_in(answers)
    assert (await patient.end(15))[0][-1] == "released"
    await centre.agent_is(answers, work="idle")
    assert (await (await carrier.call(Caller(dnis=number))).end(15))[0][-1] == "released"
    await centre.agent_is(answers, work="idle")
    await centre.post(f"/v1/agents/{answers}/pause", {"reason": "break"})
    short = await carrier.call(Caller(dnis=number, talks_ms=1500))
    stays = await carrier.call(Caller(dnis=number))
    stranger = await carrier.call(Caller(dnis="493023125999"))
    await scraped("sum(ringfair_waiting) >= 1")
    await scraped("max(ringfair_longest_wait_seconds) > 1")
    for calls in (short, stays, stranger):
        await calls.end(45)
    for outcome, count in ENDED.items():
        await scraped(f'sum(ringfair_contacts_total{{outcome="{outcome}"}}) == {count}')
    await scraped("sum(ringfair_calls_refused_total) == 1")
    # one more evaluation of the rules with all of that in it
    await scraped(f"timestamp(queue:ringfair_answer_seconds:mean15m) > {time.time()}")


@pytest.fixture(scope="module")
def watched(pbx: Instance, valkey: Valkey) -> Iterator[Watched]:
    begin = time.time()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    async def story(prometheus: PrometheusServer) -> float:
        async with TelephoneRoom(pbx) as room, CallCentre(room, valkey) as centre:
            centre.settings(drain_s=2, more=f'[telemetry]\nsecret_file = "{room.pbx.telemetry_secret_file}"\n')
            settings = centre.site / "ringfair.toml"
            settings.write_text(settings.read_text().replace('"127.0.0.1:0"', f'"127.0.0.1:{port}"'))
            try:
                await play(centre, prometheus)
            except BaseException:
                print(centre.tell())
                raise
            return time.time()

    prometheus = PrometheusServer(f"127.0.0.1:{port}")
    try:
        end = asyncio.run(story(prometheus))
        yield Watched(prometheus=prometheus, shown=Shown(begin=begin, end=end))
    finally:
        prometheus.stop()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_panel_and_no_variable_of_a_dashboard_is_without_data(watched: Watched, path: object) -> None:
    [dashboard] = [read_dashboard(file) for file in FILES if file == path]
    assert faults(dashboard, watched.prometheus, watched.shown) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_wrong_metric_name_in_any_panel_is_reported_with_its_panel(watched: Watched, path: object) -> None:
    [dashboard] = [read_dashboard(file) for file in FILES if file == path]
    for number, (panel, target) in enumerate(queries(dashboard)):
        wrong = copy.deepcopy(dashboard)
        [(spoilt, place)] = [one for n, one in enumerate(queries(wrong)) if n == number]
        name = re.search(r"(?:ringfair_|process_)\w+|ringfair:\w+|up(?=\{)|ALERTS", target["expr"])
        assert name is not None
        place["expr"] = target["expr"].replace(name[0], f"{name[0]}_of_nobody")
        if "vector(0)" in place["expr"]:
            continue  # nothing is as good as 0 there; tests/ops knows that its metric exists
        spoilt["targets"][:] = [place]
        wrong["panels"] = [spoilt]
        assert faults(wrong, watched.prometheus, watched.shown) == [f"{panel['title']} ({target['refId']}): no data"]


@pytest.mark.parametrize("record", [rule.name for rule in read_rules("recording.yml")])
def test_every_recorded_figure_has_a_value(watched: Watched, record: str) -> None:
    found = watched.prometheus.query(record, watched.shown.end)
    assert [series["value"][1] for series in found if series["value"][1] not in ("NaN", "+Inf", "-Inf")]


def test_the_recorded_figures_are_those_of_the_callers_who_called(watched: Watched) -> None:
    def figure(expr: str) -> float:
        [series] = watched.prometheus.query(expr, watched.shown.end)
        return float(series["value"][1])

    orders = '{medium="voice", queue="shop/orders"}'
    assert figure(f"queue:ringfair_abandoned:ratio15m{orders}") == pytest.approx(1 / 3, abs=0.01)
    assert figure('queue_le:ringfair_service_level_of_answered:ratio15m{queue="shop/orders", le="20.0"}') == 1
    assert figure(
        'queue_le:ringfair_service_level_of_offered:ratio15m{queue="shop/orders", le="20.0"}'
    ) == pytest.approx(2 / 3, abs=0.01)
    assert figure("ringfair:offers_missed:ratio15m") == pytest.approx(1 / 4, abs=0.01)
    assert figure('queue:ringfair_sent_away:ratio15m{queue="shop/orders"}') == 0
    assert figure('queue:ringfair_sent_away:ratio15m{queue="shop/general"}') == 1
    assert figure("ringfair_ami_lag_seconds_count") == sum(ENDED.values())
    assert figure("ringfair_tasks") > 1
    assert figure('sum(ringfair_agents{status="READY"})') == 0
    assert figure('sum(ringfair_agents{status="PAUSED"})') == 2


def test_prometheus_reads_the_rules_as_the_tests_without_servers_do(watched: Watched) -> None:
    theirs = {
        (rule["name"], rule.get("labels", {}).get("severity", ""), rule.get("annotations", {}).get("summary", ""))
        for rule in watched.prometheus.rules()
    }
    ours = {
        (rule.name, rule.severity, rule.notes.get("summary", ""))
        for rule in read_rules("recording.yml") + read_rules("alerts.yml")
    }
    assert ours == theirs
    assert [rule["name"] for rule in watched.prometheus.rules() if rule["health"] != "ok"] == []
    assert [rule["lastError"] for rule in watched.prometheus.rules() if rule.get("lastError")] == []


def test_the_alerts_of_a_floor_without_agents_know_it(watched: Watched) -> None:
    """Everybody is paused and callers waited: the critical one was at least pending while they did."""
    begin, end = watched.shown.begin, watched.shown.end
    pending = watched.prometheus.query_range('ALERTS{alertname="RingfairNobodyForQueue"}', begin, end, "1s")
    assert {series["metric"]["queue"] for series in pending} >= {"shop/general"}
    silent = watched.prometheus.query('ALERTS{alertname="RingfairRouterSilent", alertstate="firing"}', end)
    assert silent == []
