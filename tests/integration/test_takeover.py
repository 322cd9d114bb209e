"""Two routers, one pool: who owns it dies, stops, stands still or loses Valkey, and callers notice nothing of it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable

from router.domain.record import Outcome, SegmentKind
from tests.integration.call_centre import CallCentre, poll
from tests.integration.wiretap import Wiretap
from tests.load.deaths_kinds import speak
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import NEVER_ANSWERS, Answers

OLD, YOUNG = "+4915155500011", "+4915155500022"
Record = Callable[[str, object], None]


async def with_standby(centre: CallCentre) -> CallCentre:
    """Start the owner, then one who stands by for it."""
    await centre.start()
    other = centre.beside()
    await other.start(wait=False)
    await other.until_it_stands_by()
    await centre.standbys(1)
    return other


async def epoch(centre: CallCentre) -> int:
    return int(await centre.room.get_global(f"ACD_EPOCH_{centre.pool}"))


async def test_a_killed_owner_is_followed_within_seconds_and_nobody_on_the_line_notices(
    centre: CallCentre, record_property: Record
) -> None:
    number = centre.campaign()
    talker, free = centre.agent("agent-2001"), centre.agent("agent-2002")
    other = await with_standby(centre)
    await centre.room.phone(talker).behave(Answers(talks_ms=6000))
    await centre.room.phone(free).behave(Answers(talks_ms=300))
    await centre.log_in(talker)
    talking = await centre.room.carrier.call(Caller(dnis=number))
    await centre.agent_is(talker, work="talking")
    waiting = []
    for count, ani in ((2, OLD), (3, YOUNG)):
        waiting.append(await centre.room.carrier.call(Caller(dnis=number, ani=ani)))
        await centre.waiting(count)
    before = {item["contact_id"]: item["arrived_at"] for item in await centre.contacts()}
    mark = len(centre.room.ami.events)

    await centre.stop(signal.SIGKILL)
    died_at = time.monotonic()
    await other.until_ready(within_s=10)
    took_s = time.monotonic() - died_at
    record_property("takeover_s", round(took_s, 2))

    await other.agent_is(talker, work="talking", status="READY")
    assert {item["contact_id"]: item["arrived_at"] for item in await other.waiting(3)} == before
    await other.log_in(free)
    for calls in waiting:
        assert (await calls.end(15))[0][-1] == "released"
    assert (await talking.end(15))[0][-1] == "released"
    stories = await other.stories(3)
    records = [story.record for story in stories if story.record is not None]
    assert {record.outcome for record in records} == {Outcome.ANSWERED}
    assert [record.ani for record in records][:2] == [OLD, YOUNG]
    assert len({record.contact_id for record in records}) == len(stories) == 3
    talk = next(record for record in records if record.ani not in (OLD, YOUNG))
    assert talk.ended_at - (talk.answered_at or 0) >= 5_900_000, "the talk was touched"
    said = [event.get("UserEvent") for event in centre.room.ami.events[mark:]]
    assert "AcdFallback" not in said
    assert said.count("AcdTalk") == 2
    assert await other.measure("ringfair_takeovers_total") == 1


async def test_an_owner_that_was_stopped_past_its_lease_does_nothing_when_it_goes_on(centre: CallCentre) -> None:
    number = centre.campaign(queues='[queue.orders]\nneed = "de"\nring_s = 2\nwrapup_s = 0\nmax_wait_s = 600\n')
    agent, free = centre.agent("agent-2001"), centre.agent("agent-2002")
    pbx = centre.room.pbx
    async with Wiretap(pbx.address, pbx.ports.ami) as wire:
        centre.settings(ami_port=wire.port)
        other = await with_standby(centre)
        await centre.room.phone(agent).behave(NEVER_ANSWERS)
        await centre.room.phone(free).behave(Answers(talks_ms=2000))
        await centre.log_in(agent)
        calls = await centre.room.carrier.call(Caller(dnis=number))
        await centre.agent_is(agent, work="ringing")
        first = await epoch(centre)
        assert centre.process is not None

        centre.process.send_signal(signal.SIGSTOP)
        stopped_at = wire.mark
        await other.until_ready(within_s=10)
        await other.log_in(free)
        await other.agent_is(free, work="talking")
        await asyncio.sleep(2)  # the deadline of the offer that rang is over
        beats = [int(await centre.room.get_global(f"ACD_HB_{centre.pool}"))]
        centre.process.send_signal(signal.SIGCONT)

        assert await centre.exit_code() == 5
        assert wire.orders(since=stopped_at) == []
        for _ in range(12):
            beats.append(int(await centre.room.get_global(f"ACD_HB_{centre.pool}")))
            await asyncio.sleep(0.1)
    assert beats == sorted(beats), "two hearts beat"
    assert await epoch(centre) == first + 1
    assert (await calls.end(15))[0][-1] == "released"
    [story] = await other.stories(1)
    assert story.record is not None
    assert [part.agent_id for part in story.record.segments if part.kind is SegmentKind.TALK] == [free]


async def test_an_owner_who_cannot_reach_asterisk_gives_way_to_one_who_can(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    pbx = centre.room.pbx
    async with Wiretap(pbx.address, pbx.ports.ami) as wire:
        centre.settings(ami_port=wire.port)
        other = await with_standby(centre)
        await centre.room.phone(agent).behave(Answers(talks_ms=300))
        await centre.log_in(agent)

    assert await centre.exit_code() == 3, "a neighbour is missing; started again, it stands by"
    await other.until_ready(within_s=10)
    calls = await centre.room.carrier.call(Caller(dnis=number))
    assert (await calls.end(15))[0][-1] == "released"
    [story] = await other.stories(1)
    assert story.record is not None
    assert story.record.outcome is Outcome.ANSWERED


async def test_an_owner_that_stops_in_an_orderly_way_hands_over_at_once(
    centre: CallCentre, record_property: Record
) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    centre.settings(drain_s=60)
    other = await with_standby(centre)
    await centre.room.phone(agent).behave(Answers(talks_ms=4000))
    await centre.log_in(agent)
    talking = await centre.room.carrier.call(Caller(dnis=number))
    await centre.agent_is(agent, work="talking")
    waiting = await centre.room.carrier.call(Caller(dnis=number, ani=YOUNG))
    await centre.waiting(2)

    began = time.monotonic()
    assert await centre.stop(signal.SIGTERM) == 0
    await other.until_ready(within_s=10)
    record_property("takeover_s", round(time.monotonic() - began, 2))

    await other.agent_is(agent, work="talking")
    for calls in (talking, waiting):
        assert (await calls.end(20))[0][-1] == "released"
    stories = await other.stories(2)
    assert [story.record.outcome for story in stories if story.record] == [Outcome.ANSWERED] * 2


async def test_valkey_away_and_back_changes_nothing_about_who_owns_the_pool(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    other = await with_standby(centre)
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    await centre.log_in(agent)
    first = await epoch(centre)

    centre.valkey.stop()
    try:
        await asyncio.sleep(2)  # longer than a lease lives
        calls = await centre.room.carrier.call(Caller(dnis=number))
        assert (await calls.end(15))[0][-1] == "released"
        assert await centre.measure("ringfair_lease_held") == 0
    finally:
        centre.valkey.start()

    async def held() -> bool:
        return await centre.measure("ringfair_lease_held") == 1

    await poll("the lease is held again", held, 10)
    await centre.until_ready()
    await other.until_it_stands_by()
    assert await epoch(centre) == first
    calls = await centre.room.carrier.call(Caller(dnis=number))
    assert (await calls.end(15))[0][-1] == "released"
    assert len(await centre.stories(2)) == 2


async def test_a_burst_of_twenty_thousand_events_is_no_reason_to_take_over(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    other = await with_standby(centre)
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    await centre.log_in(agent)
    first = await epoch(centre)

    calls = await centre.room.carrier.call(Caller(dnis=number), count=3, per_s=10)
    await speak(centre.room.pbx, 20_000)

    assert [one[-1] for one in await calls.end(30)] == ["released"] * 3
    assert await epoch(centre) == first
    assert (await centre.get("/readyz"))[0] == 200
    await other.until_it_stands_by()
    assert await other.measure("ringfair_takeovers_total") == 0


async def test_a_command_given_to_who_stands_by_is_refused_with_the_owner_s_name(centre: CallCentre) -> None:
    centre.campaign()
    agent = centre.agent("agent-2001")
    other = await with_standby(centre)

    status, said = await other.post(f"/v1/agents/{agent}/login")
    health, _ = await other.get("/healthz")

    assert status == 409
    assert said["error_id"] == "pool-not-ours"
    assert health == 200
    _, seen = await other.get("/v1/pool")
    _, own = await centre.get("/v1/pool")
    assert (seen["mine"], own["mine"]) == (False, True)
    assert seen["epoch"] == own["epoch"]


async def test_who_may_not_stand_by_says_whose_the_pool_is_and_ends(centre: CallCentre) -> None:
    centre.campaign()
    await centre.start()
    other = centre.beside()

    await other.start("--no-standby", wait=False)

    assert await other.exit_code() == 5
    assert "owned by the router on" in other.log.read_text()
    status, _ = await centre.get("/readyz")
    assert status == 200
