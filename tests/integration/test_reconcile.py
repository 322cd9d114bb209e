"""The ledger against a real Asterisk's own event log, with a router that is away for a while."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import Root
from router.domain.ids import ContactId
from router.domain.record import BillingRecord
from router.domain.truth.reconciliation import ALWAYS, CallSeen, talks_of
from tests.integration.call_centre import CallCentre
from tests.integration.kept_log import calls_in, calls_over, make_pbx_with_log
from tests.integration.telephone_room import TelephoneRoom
from tests.recordings.stories import arrive, talk
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers
from tests.telephones.workshop import until

pytestmark = pytest.mark.timeout(240)
WIDE_MS = "250"
"A machine that is busy with other tests may be late; how late it is, is printed."


@pytest.fixture(scope="module")
def pbx(root: Root) -> Iterator[Instance]:
    instance = make_pbx_with_log(f"kept-{os.getpid()}", root)
    try:
        instance.start()
        yield instance
    finally:
        instance.remove()


async def reconcile(centre: CallCentre, *more: str) -> tuple[int, dict[str, Any]]:
    """Today's verdict, as an admin asks for it. Tests that run at midnight look at the day that has most calls."""
    file = str(centre.room.pbx.event_log)
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    asked = ["reconcile", day, "--utc", "--cel", file, "--usually", WIDE_MS, "--settled", "0", "--json", *more]
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "router", *asked, "--config", str(centre.site)],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode in (0, 1), err.decode()
    return process.returncode, json.loads(out)


async def test_twenty_calls_some_while_no_router_was_there(centre: CallCentre) -> None:
    number = centre.campaign()
    agents = [centre.agent("agent-2001"), centre.agent("agent-2002")]
    await centre.start()
    ami, carrier, log = centre.room.ami, centre.room.carrier, centre.room.pbx.event_log
    for agent in agents:
        await centre.room.phone(agent).behave(Answers(talks_ms=500))
    await centre.log_in(*agents)
    talks = await carrier.call(Caller(dnis=number), count=8, per_s=4)
    await talks.end(40)
    await centre.room.phone(agents[0]).behave(Answers(talks_ms=200, holds=[(200, 300)]))
    await centre.room.phone(agents[1]).behave(Answers())
    held = await carrier.call(Caller(dnis=number, talks_ms=2500), count=2, per_s=4)
    await held.end(20)
    left = await carrier.call(Caller(dnis=number, display="O'Neill, B", talks_ms=1), count=2, per_s=10)
    await left.end(20)
    await centre.stories(12)

    # two wait and one talks when the router dies
    await centre.post(f"/v1/agents/{agents[1]}/logout")
    await centre.agent_is(agents[0], work="idle")
    await centre.room.phone(agents[0]).behave(Answers(talks_ms=4000))
    mark = len(ami.events)
    talking = await carrier.call(Caller(dnis=number))
    await ami.event("AcdTalk", since=mark)
    waiting = await carrier.call(Caller(dnis=number, talks_ms=2000))
    falling = await carrier.call(Caller(dnis=number))
    await ami.events_of("AcdArrived", 3, since=mark)
    await centre.waiting(3)
    await centre.stop(signal.SIGKILL)
    abandoned = await carrier.call(Caller(dnis=number, talks_ms=700), count=3, per_s=5)
    alone = await carrier.call(Caller(dnis=number))
    for calls in (abandoned, waiting, talking, falling, alone):
        await calls.end(40)
    away = {event["Contact"] for event in ami.seen("AcdArrived", since=mark)}
    assert len(away) == 7

    # it is back, and remembers that one of the agents is ready
    await centre.room.phone(agents[0]).behave(Answers(talks_ms=300))
    await centre.start()
    last = await carrier.call(Caller(dnis=number), count=2, per_s=4)
    await last.end(20)
    seen = await calls_over(log, 21)
    told_before = [story.record for story in await centre.stories(14) if story.record is not None]

    code, told = await reconcile(centre)
    assert code == 1
    assert {finding["contact_id"] for finding in told["findings"]} == away, told
    assert (told["same"], told["surplus"], told["uncovered"], told["open"]) == (14, 0, 0, 0)
    assert told["missing"] + told["differing"] == 7

    code, told = await reconcile(centre, "--write")
    assert (code, told["completed"]) == (0, 7), told
    records = {story.contact_id: story.record for story in await centre.stories(21)}
    code, again = await reconcile(centre, "--write")
    assert (code, again["same"], again["findings"], again["completed"]) == (0, 21, [], 0)
    assert {story.contact_id: story.record for story in await centre.stories(21)} == records

    outcomes = sorted(record.outcome.value for record in records.values() if record and _root(record) in away)
    assert outcomes.count("answered") >= 1, "the talk that outlived the router"
    assert outcomes.count("abandoned") >= 4
    assert outcomes.count("system") >= 2, "those the fallback served"
    measured = off_by(seen, told_before)
    assert max(measured) <= ALWAYS
    print(f"off by, in ms: {figures(measured)}")


async def test_calls_that_were_up_when_asterisk_was_killed_are_over_and_nobody_knows_how(root: Root) -> None:
    pbx = make_pbx_with_log(f"killed-{os.getpid()}", root)
    try:
        pbx.start()
        async with TelephoneRoom(pbx) as room:
            talking, _ = await talk(room, Answers())
            waiting, _ = await arrive(room)
            await room.stop_heart()
            # what Asterisk's thread has not yet written dies with it: this story is about what the log did see
            await until("the log knows both", lambda: {talking["Contact"], waiting["Contact"]} <= known(pbx.event_log))
            pid = pbx.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await until("Asterisk is gone", lambda: pbx.pid is None and not pbx.ports.taken(pbx.address))
            pbx.start()
            async with TelephoneRoom(pbx) as again:
                await again.silence_s(1.1)  # as long as any restart takes that is not on loopback
                last, calls = await arrive(again, talks_ms=300)
                await calls.end()
            seen = {call.contact_id: call for call in await calls_over(pbx.event_log, 3)}
    finally:
        pbx.remove()

    lost = {call.contact_id for call in seen.values() if call.lost}
    assert lost == {talking["Contact"], waiting["Contact"]}
    [stretch] = seen[ContactId(talking["Contact"])].talks
    assert stretch.to_at == seen[ContactId(talking["Contact"])].last_at
    assert not seen[ContactId(last["Contact"])].lost


def known(log: Path) -> set[str]:
    return {call.contact_id for call in calls_in(log)}


def _root(record: BillingRecord) -> str:
    return record.contact_id.partition("~")[0]


def off_by(calls: list[CallSeen], records: list[BillingRecord]) -> list[int]:
    """How far begins, ends and talks of the two are apart, each in µs."""
    by_id = {call.contact_id: call for call in calls}
    found: list[int] = []
    for record in records:
        call = by_id[record.contact_id]
        if record.end_estimated:
            continue
        pairs = [(record.arrived_at, call.started_at), (record.ended_at, call.ended_at)]
        for ours, theirs in zip(talks_of(record), call.talks, strict=True):
            pairs += [(ours[0], theirs.from_at), (ours[1], theirs.to_at)]
        found += [abs(ours - theirs) for ours, theirs in pairs if theirs is not None]
    return found


def figures(measured: list[int]) -> str:
    ordered = sorted(measured)
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1000 for share in (0.5, 0.99))
    return f"p50 {p50:.2f}, p99 {p99:.2f}, max {ordered[-1] / 1000:.2f} of {len(ordered)} instants"
