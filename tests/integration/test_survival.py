"""A caller survives us: what happens to those on the line when a router, Valkey or Asterisk's connection dies."""

import asyncio
import json
import os
import signal
import time

from router.adapters.pbx.root import Root
from router.adapters.pbx.valkey import Valkey
from router.domain.record import Outcome, SegmentKind
from tests.integration.call_centre import CallCentre
from tests.integration.telephone_room import TelephoneRoom, make_pbx
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers
from tests.telephones.workshop import until

PHONE = "127.0.0.20:"
"Where agent-2001 answers."
FALLBACK_S = 10
"What acd-wait allows a heartbeat that stands still."


async def test_a_waiting_caller_falls_back_when_the_router_is_killed(centre: CallCentre) -> None:
    number = centre.campaign()
    centre.agent("agent-2001")
    await centre.start()
    calls = await centre.room.carrier.call(Caller(dnis=number))
    [waiting] = await centre.waiting(1)
    mark = len(centre.room.ami.events)

    await centre.stop(signal.SIGKILL)

    fallen = await centre.room.ami.event("AcdFallback", since=mark, within_s=FALLBACK_S + 6)
    assert fallen["Contact"] == waiting["contact_id"]
    assert fallen["Reason"] == "router-silent"
    assert (await calls.end(40))[0][-1] == "released"


async def test_a_talk_goes_on_without_the_router_and_the_caller_is_released_after_it(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=4000))
    await centre.log_in(agent)
    packets = await centre.room.packets()
    calls = await centre.room.carrier.call(Caller(dnis=number))
    await centre.agent_is(agent, work="talking")

    await centre.stop(signal.SIGKILL)
    killed_at = time.time_ns() // 1000

    assert (await calls.end(20))[0][-1] == "released"
    await packets.stop()
    messages = packets.sip()
    answered = next(m for m in messages if m.status == 200 and m.method == "INVITE" and m.source.startswith(PHONE))
    byes = [message for message in messages if message.method == "BYE" and not message.status]
    by_agent = next(bye for bye in byes if bye.source.startswith(PHONE))
    to_caller = next(bye for bye in byes if bye.target.startswith("127.0.0.2:"))
    assert by_agent.at > killed_at, "the talk ended with the router"
    assert by_agent.at - answered.at >= 3_900_000, "the talk was cut short"
    assert 0 < to_caller.at - by_agent.at <= 3_000_000


async def test_a_router_that_is_back_in_time_adopts_the_waiting_at_their_age(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    old = await centre.room.carrier.call(Caller(dnis=number, ani="+4915155500011"))
    await centre.waiting(1)
    young = await centre.room.carrier.call(Caller(dnis=number, ani="+4915155500022"))
    before = {item["contact_id"]: item["arrived_at"] for item in await centre.waiting(2)}

    await centre.stop(signal.SIGKILL)
    await centre.start()

    after = {item["contact_id"]: item["arrived_at"] for item in await centre.waiting(2)}
    assert after == before
    await centre.log_in(agent)
    for calls in (old, young):
        assert (await calls.end(15))[0][-1] == "released"
    first, second = await centre.stories(2)
    assert first.record is not None
    assert second.record is not None
    assert (first.record.ani, second.record.ani) == ("+4915155500011", "+4915155500022")
    assert first.record.arrived_at < second.record.arrived_at


async def test_a_router_that_is_back_adopts_a_talk_and_closes_its_record(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=6000))
    await centre.log_in(agent)
    calls = await centre.room.carrier.call(Caller(dnis=number))
    await centre.agent_is(agent, work="talking")

    await centre.stop(signal.SIGKILL)
    await centre.start()

    await centre.agent_is(agent, work="talking", status="READY")
    await calls.end(15)
    [story] = await centre.stories(1)
    assert story.record is not None
    assert story.record.outcome is Outcome.ANSWERED
    assert [segment.kind.value for segment in story.record.segments][:2] == ["waiting", "talk"]
    await centre.agent_is(agent, work="idle")


async def test_sigterm_lets_the_talk_finish_and_leaves_who_waits_to_the_dialplan(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    centre.settings(drain_s=20)
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=3000))
    await centre.log_in(agent)
    talking = await centre.room.carrier.call(Caller(dnis=number))
    await centre.agent_is(agent, work="talking")
    waiting = await centre.room.carrier.call(Caller(dnis=number))
    await centre.waiting(2)
    mark = len(centre.room.ami.events)

    code = await centre.stop(signal.SIGTERM)

    assert code == 0
    assert (await talking.end())[0][-1] == "released"
    [story] = await centre.stories(1)
    assert story.record is not None
    assert story.record.outcome is Outcome.ANSWERED
    await centre.room.ami.event("AcdFallback", since=mark, within_s=FALLBACK_S + 6)
    await waiting.end(40)


async def test_calls_are_routed_while_valkey_is_away_and_presence_heals_by_itself(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=1500))
    await centre.log_in(agent)
    talking = await centre.room.carrier.call(Caller(dnis=number))
    await centre.agent_is(agent, work="talking")

    centre.valkey.stop()
    try:
        await talking.end(15)
        next_one = await centre.room.carrier.call(Caller(dnis=number))
        assert (await next_one.end(15))[0][-1] == "released"
        status, said = await centre.get("/readyz")
        assert status == 503
        assert "Redis" in json.dumps(said)
        _, metrics = await centre.get("/metrics")
        errors = next(line for line in metrics.splitlines() if line.startswith("ringfair_redis_errors_total"))
        assert float(errors.split()[1]) > 0
    finally:
        centre.valkey.start()
    await centre.until_ready()
    cut_off, afterwards = await centre.stories(2)
    assert cut_off.record is not None
    assert afterwards.record is not None
    lasted = [s.to_at - s.from_at for s in cut_off.record.segments if s.kind is SegmentKind.TALK]
    assert sum(lasted) >= 1_400_000, "the talk did not outlive Valkey"
    assert afterwards.record.outcome is Outcome.ANSWERED


async def test_the_state_of_the_agents_is_there_again_after_a_restart(centre: CallCentre) -> None:
    centre.campaign()
    centre.settings(more='[pause_reasons]\n1 = { code = "lunch", label = "Lunch" }\n')
    paused, ready, out = centre.agent("agent-2001"), centre.agent("agent-2002"), centre.agent("agent-2003")
    await centre.start()
    await centre.log_in(paused, ready)
    status, said = await centre.post(f"/v1/agents/{paused}/pause", {"reason": "lunch"})
    assert status < 300, said
    await asyncio.sleep(0.3)  # presence is written at most 50 ms after a change; kill -9 must not come before it

    await centre.stop(signal.SIGKILL)
    await centre.start()

    await centre.agent_is(paused, status="PAUSED", reason="lunch")
    await centre.agent_is(ready, status="READY")
    await centre.agent_is(out, status="LOGGED_OUT")


async def test_asterisk_is_killed_with_calls_up_and_every_record_is_closed_once_it_is_back(
    root: Root, valkey: Valkey
) -> None:
    pbx = make_pbx(f"felled-{os.getpid()}", root)
    try:
        pbx.start()
        async with TelephoneRoom(pbx) as room, CallCentre(room, valkey) as centre:
            number = centre.campaign()
            agent = centre.agent("agent-2001")
            await centre.start()
            await room.phone(agent).behave(Answers(talks_ms=60_000))
            await centre.log_in(agent)
            await room.carrier.call(Caller(dnis=number))
            await centre.agent_is(agent, work="talking")
            await room.carrier.call(Caller(dnis=number))
            await centre.waiting(2)

            assert pbx.pid is not None
            os.kill(pbx.pid, signal.SIGKILL)
            await until("Asterisk is gone", lambda: pbx.pid is None and not pbx.ports.taken(pbx.address), 10)
            pbx.start()

            records = [story.record for story in await centre.stories(2, within_s=15) if story.record is not None]
            assert sorted(record.outcome for record in records) == [Outcome.ABANDONED, Outcome.ANSWERED]
            assert all(record.end_estimated for record in records)
            await centre.until_ready()
            await centre.agent_is(agent, work="idle", status="READY")
            await room.phone(agent).behave(Answers(talks_ms=300))
            again = await room.carrier.call(Caller(dnis=number))
            assert (await again.end(15))[0][-1] == "released"
    finally:
        pbx.remove()
