"""The documented keys, as any other process reads them, and what others may have put there."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from router.adapters.redis.address import RedisAddress
from router.domain.errors import RemoteError
from router.domain.ids import SECOND, AgentId, ContactId
from router.ports import PresenceRow

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from redis.asyncio import Redis

    from tests.contracts.redis_servers import RedisServer

pytest_plugins = ["tests.contracts.redis_servers"]

NOW = 1_790_000_000 * SECOND
ROW = PresenceRow(
    agent_id=AgentId("agent-1001"),
    status="PAUSED",
    reason="lunch",
    next_status=None,
    reach="REACHABLE",
    link="GOOD",
    work="talking",
    contact_id=ContactId("pbx1-1790000000.17"),
    since_at=NOW - SECOND,
)


@pytest.fixture
async def reader(redis_server: RedisServer) -> AsyncIterator[Redis]:
    client = RedisAddress.parse(redis_server.url).client()
    yield client
    await client.aclose()


async def test_the_keys_are_what_the_documentation_says(redis_server: RedisServer, reader: Redis) -> None:
    presence = redis_server.presence()
    await presence.store([ROW], [], NOW)
    beat = json.loads(await reader.get("ringfair:{main}:router") or b"")

    assert sorted(await reader.keys()) == [
        b"ringfair:{main}:agent:agent-1001",
        b"ringfair:{main}:agents",
        b"ringfair:{main}:router",
    ]
    assert await reader.smembers("ringfair:{main}:agents") == {b"agent-1001"}
    assert await reader.hgetall("ringfair:{main}:agent:agent-1001") == {
        b"v": b"1",
        b"status": b"PAUSED",
        b"reason": b"lunch",
        b"next_status": b"",
        b"next_reason": b"",
        b"reach": b"REACHABLE",
        b"link": b"GOOD",
        b"work": b"talking",
        b"contact_id": b"pbx1-1790000000.17",
        b"since_at": str(NOW - SECOND).encode(),
        b"written_at": str(NOW).encode(),
    }
    assert (beat["v"], beat["pid"], beat["since_at"], beat["beat_at"]) == (1, os.getpid(), NOW, NOW)
    assert beat["host"]
    await presence.close()


async def test_the_beat_expires_in_seconds_and_an_agent_in_days(redis_server: RedisServer, reader: Redis) -> None:
    presence = redis_server.presence()
    await presence.store([ROW], [], NOW)

    assert 0 < await reader.pttl("ringfair:{main}:router") <= 5_000
    assert 6 * 86_400 < await reader.ttl("ringfair:{main}:agent:agent-1001") <= 7 * 86_400
    assert 6 * 86_400 < await reader.ttl("ringfair:{main}:agents") <= 7 * 86_400
    await presence.close()


async def test_a_router_that_leaves_says_so_at_once_but_not_for_its_successor(
    redis_server: RedisServer, reader: Redis
) -> None:
    old, new = redis_server.presence(), redis_server.presence()
    await old.store([ROW], [], NOW)
    await new.store([], [], NOW + SECOND)
    await old.close()
    assert await reader.exists("ringfair:{main}:router") == 1

    await new.close()
    assert await reader.exists("ringfair:{main}:router") == 0
    assert await reader.exists("ringfair:{main}:agent:agent-1001") == 1


async def test_what_others_wrote_under_our_names_is_skipped_and_counted(
    redis_server: RedisServer, reader: Redis
) -> None:
    presence = redis_server.presence()
    await presence.store([ROW], [], NOW)
    whole = await reader.hgetall("ringfair:{main}:agent:agent-1001")
    bad = {
        "version": whole | {b"v": b"2"},
        "bytes": whole | {b"status": b"\xff\xfe"},
        "huge": whole | {b"reason": b"x" * 100_000},
        "time": whole | {b"since_at": b"yesterday"},
        "digits": whole | {b"since_at": "¹²³".encode()},
        "missing": {b"v": b"1", b"status": b"READY"},
        "empty": {b"v": b""},
    }
    for name, fields in bad.items():
        await reader.hset(f"ringfair:{{main}}:agent:{name}", mapping=fields)  # type: ignore[arg-type]
        await reader.sadd("ringfair:{main}:agents", name)
    await reader.set("ringfair:{main}:agent:string", "not a hash")
    await reader.sadd("ringfair:{main}:agents", "string", "expired", b"\xff")

    assert await presence.load() == (ROW,)
    assert presence.unreadable == len(bad) + 1
    await presence.close()


async def test_a_foreign_type_or_field_under_an_agents_key_is_gone_with_the_next_write(
    redis_server: RedisServer, reader: Redis
) -> None:
    presence = redis_server.presence()
    await reader.lpush("ringfair:{main}:agent:agent-1001", "junk")
    await presence.store([ROW], [], NOW)
    await reader.hset("ringfair:{main}:agent:agent-1001", "salary", "1")
    await presence.store([ROW], [], NOW)

    assert await presence.load() == (ROW,)
    assert await reader.hexists("ringfair:{main}:agent:agent-1001", "salary") == 0
    await presence.close()


async def test_an_index_that_is_not_ours_is_an_error_that_names_the_cause(
    redis_server: RedisServer, reader: Redis
) -> None:
    presence = redis_server.presence()
    await reader.set("ringfair:{main}:agents", "junk")
    with pytest.raises(RemoteError) as store:
        await presence.store([ROW], [], NOW)
    with pytest.raises(RemoteError) as load:
        await presence.load()
    await presence.close()

    assert {store.value.error_id, load.value.error_id} == {"redis-refused"}
    assert "who else uses this database" in store.value.message


async def test_a_cancelled_store_ends_at_whatever_moment_and_leaves_the_next_one_whole(
    redis_server: RedisServer,
) -> None:
    presence = redis_server.presence()
    await presence.store([], [], NOW)
    for moment in range(12):
        task = asyncio.get_running_loop().create_task(presence.store([ROW], [], NOW))
        for _ in range(moment):
            await asyncio.sleep(0)
        if task.cancel():
            with pytest.raises(asyncio.CancelledError):
                await task
    await presence.store([ROW], [], NOW)

    assert await presence.load() == (ROW,)
    await presence.close()


async def test_a_server_that_knows_only_an_older_beat_has_lost_what_came_after_it(
    redis_server: RedisServer, reader: Redis
) -> None:
    """A replica that had not heard the last is the master now, and nobody had an error."""
    presence = redis_server.presence()
    await presence.store([ROW], [], NOW)
    old = await reader.get("ringfair:{main}:router") or b""
    await presence.store([], [], NOW + SECOND)
    await presence.store([], [], NOW + 2 * SECOND)
    await reader.set("ringfair:{main}:router", old)

    with pytest.raises(RemoteError) as noticed:
        await presence.store([], [], NOW + 3 * SECOND)
    await presence.store([], [], NOW + 4 * SECOND)
    await presence.close()

    assert noticed.value.error_id == "presence-emptied"
