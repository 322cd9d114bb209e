"""The keeper over each server: it never stops the router, and what is in Redis is soon what is so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from router.adapters.redis.keeper import ROWS_AT_ONCE, PresenceKeeper
from router.domain.ids import SECOND, AgentId, Micros
from router.domain.messages.events import AgentChanged, AgentDismissed, PoolLost
from router.ports import Presence, PresenceRow
from tests.fakes.presence import FakePresence, FakePresenceServer

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from tests.contracts.redis_servers import PresenceServer

pytest_plugins = ["tests.contracts.redis_servers"]

START = 1_790_000_000 * SECOND


class LoopClock:
    """The loop's time, put beside an instant of ours."""

    def now(self) -> Micros:
        return START + int(asyncio.get_running_loop().time() * SECOND)


class SetClock:
    def __init__(self) -> None:
        self.at = START

    def now(self) -> Micros:
        return self.at


def changed(agent: str, status: str = "READY", work: str = "idle") -> AgentChanged:
    return AgentChanged(
        agent_id=AgentId(agent),
        status=status,
        reason=None,
        next_status=None,
        reach="REACHABLE",
        link="GOOD",
        work=work,
        contact_id=None,
        since_at=START,
    )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is polled runs in another process
            await asyncio.sleep(0.005)


async def holds(presence: Presence, expected: dict[str, str]) -> None:
    """Wait until another process reads exactly these agents with these statuses."""
    async with asyncio.timeout(20):
        while {row.agent_id: row.status for row in await presence.load()} != expected:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(presence: Presence, beat_s: float = 0.1) -> AsyncIterator[PresenceKeeper]:
    keeper = PresenceKeeper(presence, LoopClock(), flush_s=0.01, beat_s=beat_s)
    task = asyncio.get_running_loop().create_task(keeper.run())
    try:
        yield keeper
        assert not task.done(), "the keeper's task must never end by itself"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await keeper.close()


async def test_changes_are_soon_readable_and_the_dismissed_are_gone(presence_server: PresenceServer) -> None:
    reader = presence_server.presence()
    async with running(presence_server.presence()) as keeper:
        keeper(changed("agent-1001"), START)
        keeper(changed("agent-1002", "PAUSED"), START)
        keeper(PoolLost(epoch=2), START)
        await holds(reader, {"agent-1001": "READY", "agent-1002": "PAUSED"})
        keeper(AgentDismissed(agent_id=AgentId("agent-1002")), START)
        await holds(reader, {"agent-1001": "READY"})

        assert keeper.healthy
        assert keeper.standing == "ok"
        assert keeper.errors == 0
    await reader.close()


async def test_a_stopped_server_that_comes_back_empty_is_filled_with_everything(
    presence_server: PresenceServer,
) -> None:
    reader = presence_server.presence()
    async with running(presence_server.presence()) as keeper:
        keeper(changed("agent-1001"), START)
        keeper(changed("agent-1002"), START)
        await holds(reader, {"agent-1001": "READY", "agent-1002": "READY"})
        presence_server.stop()
        await until(lambda: not keeper.healthy)
        assert keeper.standing != "ok"
        keeper(changed("agent-1002", "PAUSED"), START)
        keeper(changed("agent-1003"), START)
        presence_server.start()

        await until(lambda: keeper.healthy)
        await holds(reader, {"agent-1001": "READY", "agent-1002": "PAUSED", "agent-1003": "READY"})
        assert keeper.errors >= 1
        assert keeper.last_error is None
    await reader.close()


async def test_a_server_restarted_between_two_beats_is_filled_too(presence_server: PresenceServer) -> None:
    reader = presence_server.presence()
    async with running(presence_server.presence()) as keeper:
        keeper(changed("agent-1001"), START)
        await holds(reader, {"agent-1001": "READY"})
        presence_server.stop()
        presence_server.start()

        await until(lambda: keeper.errors >= 1 and keeper.healthy)
    await reader.close()
    reader = presence_server.presence()
    await holds(reader, {"agent-1001": "READY"})
    await reader.close()


async def test_after_a_freeze_the_newest_state_wins_over_writes_left_in_the_sockets(
    presence_server: PresenceServer,
) -> None:
    reader = presence_server.presence()
    async with running(presence_server.presence()) as keeper:
        keeper(changed("agent-1001"), START)
        await holds(reader, {"agent-1001": "READY"})
        await reader.close()
        presence_server.freeze()
        keeper(changed("agent-1001", "PAUSED"), START)
        await until(lambda: keeper.errors >= 2)
        keeper(changed("agent-1001", "LOGGED_OUT"), START)
        presence_server.thaw()
        await until(lambda: keeper.healthy)

    reader = presence_server.presence()
    await holds(reader, {"agent-1001": "LOGGED_OUT"})
    await reader.close()


async def test_the_last_change_before_the_end_is_written() -> None:
    server = FakePresenceServer()
    keeper = PresenceKeeper(FakePresence(server), SetClock())
    keeper.note(changed("agent-1001", "LOGGED_OUT"))
    await keeper.close()

    assert [row.status for row in await FakePresence(server).load()] == ["LOGGED_OUT"]


async def test_a_hundred_changes_of_one_agent_are_one_write() -> None:
    server = FakePresenceServer()
    keeper = PresenceKeeper(FakePresence(server), SetClock())
    for number in range(100):
        keeper.note(changed("agent-1001", "PAUSED" if number % 2 else "READY"))
    await keeper.flush()

    assert server.stores == [(1, 0)]


async def test_many_agents_go_in_portions_and_an_idle_keeper_only_beats() -> None:
    server = FakePresenceServer()
    keeper = PresenceKeeper(FakePresence(server), SetClock())
    for number in range(2 * ROWS_AT_ONCE + 1):
        keeper.note(changed(f"agent-{number}"))
    await keeper.flush()
    await keeper.flush()

    assert server.stores == [(ROWS_AT_ONCE, 0), (ROWS_AT_ONCE, 0), (1, 0), (0, 0)]


async def test_everything_is_written_again_each_hour_so_that_nothing_in_use_expires() -> None:
    server, clock = FakePresenceServer(), SetClock()
    keeper = PresenceKeeper(FakePresence(server), clock)
    keeper.note(changed("agent-1001"))
    await keeper.flush()
    clock.at += 3599 * SECOND
    await keeper.flush()
    clock.at += SECOND
    await keeper.flush()

    assert server.stores == [(1, 0), (0, 0), (0, 0), (1, 0)]


async def test_while_redis_is_away_nothing_piles_up() -> None:
    server = FakePresenceServer(state="down")
    keeper = PresenceKeeper(FakePresence(server), SetClock())
    for number in range(1000):
        keeper.note(changed("agent-1001", "PAUSED" if number % 2 else "READY"))
        assert not await keeper.flush()
    server.state = "up"
    await keeper.flush()

    assert keeper.errors == 1000
    assert server.stores == [(0, 0), (1, 0)]
    assert [row.status for row in await FakePresence(server).load()] == ["PAUSED"]


async def test_a_change_during_a_write_that_fails_is_not_overwritten_by_the_older_one() -> None:
    server = FakePresenceServer()

    class Slow(FakePresence):
        """Fails after a moment, in which the world goes on."""

        async def store(self, changed: object, gone: object, now: Micros) -> None:
            await asyncio.sleep(0)
            await super().store(changed, gone, now)  # type: ignore[arg-type]

    keeper = PresenceKeeper(Slow(server), SetClock())
    keeper.note(changed("agent-1001", "READY"))
    keeper.note(changed("agent-1002", "READY"))
    server.state = "down"
    flush = asyncio.get_running_loop().create_task(keeper.flush())
    await asyncio.sleep(0)
    keeper.note(changed("agent-1001", "PAUSED"))
    keeper.note(AgentDismissed(agent_id=AgentId("agent-1002")))
    await flush
    server.state = "up"
    await keeper.flush()

    assert {row.agent_id: row.status for row in await FakePresence(server).load()} == {"agent-1001": "PAUSED"}


async def test_those_no_longer_in_the_directory_are_removed_after_the_start() -> None:
    server = FakePresenceServer()
    old = PresenceKeeper(FakePresence(server), SetClock())
    for agent in ("agent-1001", "agent-1002", "agent-1003"):
        old.note(changed(agent))
    await old.close()

    keeper = PresenceKeeper(FakePresence(server), SetClock())
    loaded: tuple[PresenceRow, ...] = await keeper.load()
    keeper.note(changed("agent-1001"))
    keeper.forget_others(loaded, {AgentId("agent-1001"), AgentId("agent-1002")})
    await keeper.flush()

    assert {"agent-1001", "agent-1002"} == {row.agent_id for row in await FakePresence(server).load()}


async def test_while_it_is_in_doubt_whose_the_pool_is_nothing_is_written_and_nothing_forgotten() -> None:
    server = FakePresenceServer()
    certain = False
    keeper = PresenceKeeper(FakePresence(server, "main"), SetClock(), may_write=lambda: certain)
    keeper(changed("agent-1001"), START)
    assert not await keeper.flush()
    assert server.stores == []

    certain = True
    assert await keeper.flush()

    assert server.stores == [(1, 0)]
    assert keeper.errors == 0


async def test_who_was_dismissed_does_not_come_back_with_a_server_that_is_old() -> None:
    server, clock = FakePresenceServer(), SetClock()
    keeper = PresenceKeeper(FakePresence(server), clock)
    for agent in ("agent-1001", "agent-1002"):
        keeper.note(changed(agent))
    await keeper.flush()
    old = (dict(server.pools["main"]), server.beats["main"])
    clock.at += SECOND
    keeper.note(AgentDismissed(agent_id=AgentId("agent-1002")))
    await keeper.flush()

    server.pools["main"], server.beats["main"] = old
    clock.at += SECOND
    await keeper.flush()

    assert [row.agent_id for row in await FakePresence(server).load()] == ["agent-1001"]
    assert keeper.healthy
