"""The promises of the `Presence` port, kept by the fake, by Redis and by Valkey."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from router.domain.errors import RemoteError
from router.domain.ids import SECOND, AgentId, ContactId
from router.ports import Presence, PresenceRow

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from tests.contracts.redis_servers import PresenceServer

pytest_plugins = ["tests.contracts.redis_servers"]

NOW = 1_790_000_000 * SECOND


def a_row(agent: str = "agent-1001", **changes: object) -> PresenceRow:
    fields: dict[str, object] = {
        "status": "READY",
        "reason": None,
        "next_status": None,
        "reach": "REACHABLE",
        "link": "GOOD",
        "work": "idle",
        "contact_id": None,
        "since_at": NOW,
    }
    return PresenceRow(agent_id=AgentId(agent), **(fields | changes))  # type: ignore[arg-type]


@asynccontextmanager
async def opened(server: PresenceServer, pool: str = "main") -> AsyncIterator[Presence]:
    presence = server.presence(pool)
    try:
        yield presence
    finally:
        await presence.close()


async def test_nothing_written_down_is_an_empty_tuple(presence_server: PresenceServer) -> None:
    async with opened(presence_server) as presence:
        assert await presence.load() == ()


async def test_a_successor_reads_back_every_field(presence_server: PresenceServer) -> None:
    idle = a_row("agent-1001")
    busy = a_row(
        "agent-1002",
        status="PAUSED",
        reason="rona",
        next_status="LOGGED_OUT",
        reach="BUSY_ELSEWHERE",
        link="DEGRADED",
        work="talking",
        contact_id=ContactId("pbx1-1790000000.17"),
        since_at=NOW - 1,
    )
    async with opened(presence_server) as presence:
        await presence.store([busy, idle], [], NOW)
    async with opened(presence_server) as successor:
        assert (idle, busy) == await successor.load()


async def test_the_newest_picture_replaces_the_whole_old_one(presence_server: PresenceServer) -> None:
    async with opened(presence_server) as presence:
        await presence.store([a_row(reason="lunch", status="PAUSED")], [], NOW)
        await presence.store([a_row()], [], NOW + 1)
        await presence.store([a_row()], [], NOW + 1)

        assert (a_row(),) == await presence.load()


async def test_agents_who_are_gone_are_removed_and_unknown_ones_do_no_harm(
    presence_server: PresenceServer,
) -> None:
    async with opened(presence_server) as presence:
        await presence.store([a_row("agent-1001"), a_row("agent-1002")], [], NOW)
        await presence.store([], [AgentId("agent-1001"), AgentId("agent-9999")], NOW + 1)

        assert (a_row("agent-1002"),) == await presence.load()


async def test_pools_do_not_see_each_other(presence_server: PresenceServer) -> None:
    async with opened(presence_server, "main") as main, opened(presence_server, "night") as night:
        await main.store([a_row("agent-1001")], [], NOW)
        await night.store([a_row("agent-2001")], [], NOW)

        assert (a_row("agent-1001"),) == await main.load()
        assert (a_row("agent-2001"),) == await night.load()


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "a\r\nFLUSHALL\r\n",
        "{other}:agent:agent-1001",
        "nul\x00and\x1bescape",
        "Zoë 😀 ‮evil",
        "*",
        "a" * 400,
        "agents",
        "../../etc/passwd",
    ],
)
async def test_hostile_ids_and_values_are_data_and_nothing_else(presence_server: PresenceServer, agent: str) -> None:
    hostile = a_row(agent, status="PAUSED", reason=agent or None, contact_id=ContactId(agent) or None)
    async with opened(presence_server) as presence:
        await presence.store([a_row("agent-1001")], [], NOW)
        await presence.store([hostile], [], NOW)

        assert {a_row("agent-1001"), hostile} == set(await presence.load())
        await presence.store([], [AgentId(agent)], NOW)
        assert (a_row("agent-1001"),) == await presence.load()


async def test_half_a_surrogate_pair_from_outside_breaks_no_write(presence_server: PresenceServer) -> None:
    async with opened(presence_server) as presence:
        await presence.store([a_row("agent-\udc80"), a_row("agent-1001")], [], NOW)

        assert a_row("agent-1001") in await presence.load()
        await presence.store([], [AgentId("agent-\udc80")], NOW)
        assert (a_row("agent-1001"),) == await presence.load()


async def test_thousands_of_agents_come_back_in_order(presence_server: PresenceServer) -> None:
    rows = [a_row(f"agent-{number}") for number in range(10_000, 13_000)]
    async with opened(presence_server) as presence:
        for start in range(0, len(rows), 500):
            await presence.store(rows[start : start + 500], [], NOW)

        assert tuple(rows) == await presence.load()


async def test_a_stopped_server_is_a_remote_error_and_heals(presence_server: PresenceServer) -> None:
    async with opened(presence_server) as presence:
        await presence.store([a_row()], [], NOW)
        presence_server.stop()
        with pytest.raises(RemoteError) as store:
            await presence.store([a_row()], [], NOW + 5 * SECOND)
        with pytest.raises(RemoteError) as load:
            await presence.load()
        presence_server.start()
        await presence.store([a_row(status="PAUSED")], [], NOW + 10 * SECOND)

        assert (a_row(status="PAUSED"),) == await presence.load()

    assert {"redis-unreachable"} == {store.value.error_id, load.value.error_id}
    assert store.value.retryable


async def test_a_frozen_server_is_a_remote_error_and_heals(presence_server: PresenceServer) -> None:
    async with opened(presence_server) as presence:
        await presence.store([a_row()], [], NOW)
        presence_server.freeze()
        with pytest.raises(RemoteError) as store:
            await presence.store([a_row(status="PAUSED")], [], NOW + SECOND)
        with pytest.raises(RemoteError):
            await presence.load()
        presence_server.thaw()
        await presence.store([a_row(status="READY", work="wrapup")], [], NOW + 2 * SECOND)

        assert (a_row(status="READY", work="wrapup"),) == await presence.load()

    assert store.value.error_id == "redis-silent"
    assert store.value.retryable


async def test_a_server_that_came_back_empty_is_noticed_at_the_next_beat(
    presence_server: PresenceServer,
) -> None:
    async with opened(presence_server) as presence:
        await presence.store([a_row("agent-1001"), a_row("agent-1002")], [], NOW)
        presence_server.stop()
        presence_server.start()
        with pytest.raises(RemoteError) as noticed:
            await presence.store([a_row("agent-1002")], [], NOW + SECOND)
        if noticed.value.error_id == "redis-unreachable":  # the old connection broke under the write
            with pytest.raises(RemoteError) as noticed:
                await presence.store([a_row("agent-1002")], [], NOW + SECOND)

        assert noticed.value.error_id == "presence-emptied"
        assert (a_row("agent-1002"),) == await presence.load()
        await presence.store([a_row("agent-1001")], [], NOW + 2 * SECOND)


async def test_closing_twice_or_unused_does_no_harm(presence_server: PresenceServer) -> None:
    presence = presence_server.presence()
    await presence.close()
    await presence.store([a_row()], [], NOW)
    await presence.close()
    await presence.close()
