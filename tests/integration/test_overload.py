"""More callers than a node can serve: those who are in are served as ever, the others hear so before any answer.

The whole centre: the limits stand in a site's files, a router publishes them, Asterisk obeys, SIPp brings twice as many
callers as there are agents for. Its event log is kept, so that the ledger can be held against it.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator

import pytest

from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import Root
from router.domain.ids import SECOND
from router.domain.record import BillingRecord, Outcome, SegmentKind
from tests.integration.call_centre import CallCentre, poll
from tests.integration.kept_log import calls_in, calls_over, make_pbx_with_log
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers
from tests.telephones.workshop import until

pytestmark = pytest.mark.timeout(240)
AGENTS = [f"agent-{2001 + n}" for n in range(5)]
TALK_MS = 1000


@pytest.fixture(scope="module")
def pbx(root: Root) -> Iterator[Instance]:
    instance = make_pbx_with_log(f"full-{os.getpid()}", root)
    try:
        instance.start()
        yield instance
    finally:
        instance.remove()


def limit(centre: CallCentre, lines: str) -> None:
    """Put these lines into [asterisk] of the site's file, in the place of those put there before."""
    file = centre.site / "ringfair.toml"
    text = "\n".join(line for line in file.read_text().splitlines() if "_calls" not in line)
    file.write_text(text.replace("[asterisk]\n", f"[asterisk]\n{lines}\n") + "\n")


async def staff(centre: CallCentre, count: int, talks_ms: int) -> None:
    for name in AGENTS[:count]:
        await centre.room.phone(name).behave(Answers(talks_ms=talks_ms))
    await centre.log_in(*AGENTS[:count])


async def refusals(centre: CallCentre) -> dict[str, float]:
    """`reason campaign` → how many, as Prometheus reads it."""
    _, text = await centre.get("/metrics")
    found = {}
    for line in text.splitlines():
        if line.startswith("ringfair_calls_refused_total{") and not line.endswith(" 0.0"):
            labels = dict(part.split("=") for part in line[line.index("{") + 1 : line.index("}")].split(","))
            found[f"{labels['reason']} {labels['campaign']}".replace('"', "")] = float(line.split()[-1])
    return found


def waited_s(record: BillingRecord) -> float:
    talk = next(segment.from_at for segment in record.segments if segment.kind is SegmentKind.TALK)
    return (talk - record.arrived_at) / SECOND


async def test_at_twice_the_capacity_those_who_are_in_are_served_and_the_rest_is_refused(centre: CallCentre) -> None:
    shop = centre.campaign(greeting="answered")
    urgent = '[queue.urgent]\nneed = "de"\npriority = 5\nwrapup_s = 0\n'
    hotline = centre.campaign("hotline", greeting="answered", queues=urgent, more="emergency = true")
    limit(centre, "max_calls = 10\nreserved_calls = 3")
    for name in AGENTS:
        centre.agent(name)
    await centre.start()
    await staff(centre, len(AGENTS), TALK_MS)
    before = len(calls_in(centre.room.pbx.event_log))

    # five agents, a second a talk: five callers a second is all they can do
    packets = await centre.room.packets()
    crowd = await centre.room.carrier.call(Caller(dnis=shop), count=100, per_s=10)
    emergencies = await centre.room.carrier.call(Caller(dnis=hotline), count=6, per_s=1)
    saved, fates = await emergencies.end(60), await crowd.end(60)
    await packets.stop()

    kinds = Counter(fate[0] for fate in fates)
    assert set(kinds) == {"answered", "refused 503"}
    assert kinds["refused 503"] >= 20
    assert kinds["answered"] >= 30
    assert [fate for fate in saved if fate != ["answered", "released"]] == []
    assert [fate for fate in fates if fate not in (["answered", "released"], ["refused 503"])] == []

    # nothing but the refusal was ever said to the refused
    answers = [m for m in packets.sip() if m.method == "INVITE" and m.status and m.target.startswith("127.0.0.2:")]
    refused = {m.header("Call-ID") for m in answers if m.status == 503}
    assert {m.status for m in answers if m.header("Call-ID") in refused} == {100, 503}

    # each of those who were in talked, and after a wait that a few callers ahead of them explain
    served = kinds["answered"] + len(saved)
    records = [story.record for story in await centre.stories(served) if story.record is not None]
    assert len(records) == served
    assert {record.outcome for record in records} == {Outcome.ANSWERED}
    assert max(map(waited_s, records)) < 10
    assert await refusals(centre) == {"node-full shop": kinds["refused 503"]}

    # who was refused is in no record, and Asterisk's own account says so too
    over = await calls_over(centre.room.pbx.event_log, before + served)
    assert {call.contact_id for call in over[before:]} == {record.contact_id for record in records}

    # the load falls: everybody is let in again, and nobody is left anywhere
    calm = await centre.room.carrier.call(Caller(dnis=shop), count=8, per_s=3)
    assert [fate[0] for fate in await calm.end(30)] == ["answered"] * 8
    await centre.stories(served + 8)
    await centre.waiting(0)
    for name in AGENTS:
        await centre.agent_is(name, work="idle")
    await poll("nobody counted", lambda: nobody_is_counted(centre), 10)


async def nobody_is_counted(centre: CallCentre) -> bool:
    return "acd-" not in centre.room.pbx.rx("group show channels")


async def test_limits_outlive_the_router_and_a_reload_changes_them(centre: CallCentre) -> None:
    number = centre.campaign(greeting="answered", more="max_calls = 2")
    await centre.start()
    carrier = centre.room.carrier
    first = await carrier.call(Caller(dnis=number), count=3, per_s=10)
    await until("an answer to all three", lambda: sum(map(bool, first.fates())) == 3)
    assert sorted(fate[0] for fate in first.fates()) == ["answered", "answered", "refused 486"]

    await centre.stop(signal.SIGKILL)
    assert await (await carrier.call(Caller(dnis=number))).end() == [["refused 486"]]
    await centre.start()
    await centre.waiting(2)
    assert await (await carrier.call(Caller(dnis=number))).end() == [["refused 486"]]

    file = centre.site / "campaigns" / "shop.toml"
    file.write_text(file.read_text().replace("max_calls = 2", "max_calls = 3"))
    status, said = await centre.post("/v1/reload")
    assert status == 200, said
    await poll("the new limit is published", lambda: published(centre, number, ",,3"), 10)
    third = await carrier.call(Caller(dnis=number))
    await third.all_are("answered")
    await centre.waiting(3)
    assert await refusals(centre) == {"campaign-full shop": 1}


async def published(centre: CallCentre, number: str, limits: str) -> bool:
    return (await centre.room.get_global(f"ACD_DNIS_{number}")).endswith(f"{centre.pool}{limits}")
