"""What only the router knew is known to the next one: it was written down before anybody was told that it is done."""

from __future__ import annotations

import asyncio
import signal

from router.domain.record import Outcome, SegmentKind
from tests.integration.call_centre import CallCentre
from tests.integration.test_takeover import with_standby
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import NEVER_ANSWERS, Answers

LONG_WRAPUP = '[queue.orders]\nneed = "de"\nring_s = 15\nwrapup_s = 60\nmax_wait_s = 600\n'
SHORT_WAIT = '[queue.orders]\nneed = "de"\nring_s = 15\nwrapup_s = 0\nmax_wait_s = 6\n'


async def killed(centre: CallCentre, other: CallCentre) -> None:
    await centre.stop(signal.SIGKILL)
    await other.until_ready(within_s=10)


async def test_who_paused_is_still_paused_and_who_wraps_up_still_wraps_up(centre: CallCentre) -> None:
    number = centre.campaign(queues=LONG_WRAPUP)
    paused, busy = centre.agent("agent-2001"), centre.agent("agent-2002")
    other = await with_standby(centre)
    await centre.room.phone(busy).behave(Answers(talks_ms=300))
    await centre.log_in(paused)
    status, said = await centre.post(f"/v1/agents/{paused}/pause", {"reason": "break"})
    assert status < 300, said
    await centre.log_in(busy)
    calls = await centre.room.carrier.call(Caller(dnis=number))
    assert (await calls.end(15))[0][-1] == "released"
    await centre.agent_is(busy, work="wrapup")
    since = (await centre.agent_now(paused))["since"]

    await killed(centre, other)

    await other.agent_is(paused, status="PAUSED", reason="break", since=since)
    await other.agent_is(busy, status="READY", work="wrapup")


async def test_a_record_that_began_under_a_router_that_died_has_every_segment(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    other = await with_standby(centre)
    await centre.room.phone(agent).behave(Answers(talks_ms=4000))
    calls = await centre.room.carrier.call(Caller(dnis=number))
    await centre.waiting(1)
    await centre.log_in(agent)
    await centre.agent_is(agent, work="talking")
    await asyncio.sleep(0.2)  # the journal is a breath behind

    await killed(centre, other)

    assert (await calls.end(15))[0][-1] == "released"
    [story] = await other.stories(1)
    assert story.record is not None
    kinds = [segment.kind for segment in story.record.segments]
    talk = next(segment for segment in story.record.segments if segment.kind is SegmentKind.TALK)
    assert story.record.outcome is Outcome.ANSWERED
    assert kinds[0] in (SegmentKind.WAITING, SegmentKind.ANNOUNCEMENT)
    assert talk.agent_id == agent
    assert talk.to_at - talk.from_at > 3_800_000
    assert not story.record.end_estimated


async def test_the_longest_wait_ends_when_it_would_have_ended(centre: CallCentre) -> None:
    number = centre.campaign(queues=SHORT_WAIT)
    agent = centre.agent("agent-2001")
    other = await with_standby(centre)
    await centre.room.phone(agent).behave(NEVER_ANSWERS)
    calls = await centre.room.carrier.call(Caller(dnis=number))
    await centre.waiting(1)

    await killed(centre, other)

    assert (await calls.end(20))[0][-1] == "released"
    [story] = await other.stories(1)
    assert story.record is not None
    assert story.record.outcome is Outcome.OVERFLOWED
    waited_us = story.record.segments[0].to_at - story.record.arrived_at
    assert 5_900_000 < waited_us < 15_000_000


async def test_a_redis_that_forgot_the_journal_costs_no_caller_and_no_choice(centre: CallCentre) -> None:
    number = centre.campaign()
    agent, paused = centre.agent("agent-2001"), centre.agent("agent-2002")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    await centre.log_in(paused)
    assert (await centre.post(f"/v1/agents/{paused}/pause", {"reason": "break"}))[0] < 300
    await asyncio.sleep(0.5)  # Redis had promised to keep it; now the ledger has it, too
    calls = await centre.room.carrier.call(Caller(dnis=number))
    [before] = await centre.waiting(1)
    await centre.stop(signal.SIGKILL)
    await centre.forget()

    await centre.start()

    await centre.agent_is(paused, status="PAUSED", reason="break")
    [after] = await centre.waiting(1)
    assert (after["contact_id"], after["arrived_at"]) == (before["contact_id"], before["arrived_at"])
    await centre.log_in(agent)
    assert (await calls.end(15))[0][-1] == "released"
