"""The short form of the load tests: calls are counted, never timed, so that a busy machine fails nothing.

The long forms are `make bench`, `make bench-load` and `make soak`.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.load import next_ring, ring_speed
from tests.load.arena import Arena, Talk, calls_of
from tests.load.clocks import bye_to_invite, invite_to_invite
from tests.load.office import Office
from tests.load.side import Side, rivals_of

pytestmark = pytest.mark.timeout(180)
_WITHIN_S = 90


async def records(centre: Office) -> list[dict[str, Any]]:
    return list(json.loads(await centre.command("records", "--json")))


async def test_four_hundred_calls_at_twenty_a_second_are_answered_billed_once_and_leave_nothing_behind(
    arena: Arena, centre: Office
) -> None:
    ours, _, _ = rivals_of(centre)
    calls = 400
    await arena.phones_on(Talk())
    await centre.on_duty(ring_speed.AGENTS)

    done = calls_of(await arena.round(ours.towards, ours.dnis, calls=calls, per_s=ring_speed.PER_S, within_s=_WITHIN_S))
    await centre.quiet(20)

    assert (done.placed, done.succeeded, done.answered, done.failed) == (calls, calls, calls, 0)
    assert len(invite_to_invite(done.messages, arena.phones, calls)) == calls
    billed = await _billed(centre, calls)
    assert len({record["contact_id"] for record in billed}) == len(billed) == calls
    assert {record["outcome"] for record in billed} == {"answered"}
    talks = [[segment["kind"] for segment in record["segments"]].count("talk") for record in billed]
    assert set(talks) == {1}
    assert await asyncio.to_thread(centre.channels) == 0
    assert await centre.stop_router() == 0


async def test_callers_who_outnumber_the_agents_are_all_served_whoever_routes_them(
    arena: Arena, centre: Office
) -> None:
    ours, app_queue, floor = rivals_of(centre)
    callers = 30
    await arena.phones_on(Talk())
    await centre.on_duty(next_ring.AGENTS)

    gaps = {side.name: await _serve(arena, side, callers) for side in (ours, app_queue)}
    calls_of(await arena.round(floor.towards, floor.dnis, calls=10, per_s=10, within_s=_WITHIN_S))

    # each agent is rung again after every talk but their last
    assert {name: len(each) for name, each in gaps.items()} == dict.fromkeys(gaps, callers - next_ring.AGENTS)
    assert len(await _billed(centre, callers)) == callers


async def _serve(arena: Arena, side: Side, callers: int) -> list[float]:
    done = calls_of(await arena.round(side.towards, side.dnis, calls=callers, per_s=60, within_s=_WITHIN_S))
    return bye_to_invite(done.messages, arena.phones, callers)


async def _billed(centre: Office, count: int) -> list[dict[str, Any]]:
    """The records, once there are as many: the ledger is written behind. A few too many would be seen as well."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            found = await records(centre)
    return found
