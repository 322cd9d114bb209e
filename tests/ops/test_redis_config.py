"""The example configuration of a Redis with Sentinels starts as it is, and survives the death of its master."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.adapters.redis.address import RedisAddress
from router.adapters.redis.journal import RedisJournal
from router.adapters.redis.lease import RedisLease
from router.adapters.redis.presence import RedisPresence
from router.adapters.redis.sentinel import Told
from router.cli.checkup.finding import Verdict
from router.cli.checkup.redis import judge
from router.cli.checkup.sentinel import ask_sentinels, judge_replication, judge_sentinels
from router.domain.errors import RemoteError
from router.domain.ids import SECOND
from tests.contracts.redis_servers import RedisServer

pytestmark = pytest.mark.server

DEPLOY = Path(__file__).parents[2] / "deploy" / "redis"
NOW = 1_790_000_000 * SECOND


def secret(name: str) -> str:
    """Another one for each `PASSWORD-OF-…`."""
    return f"secret-{name.lower()}"


def configured(example: str, *options: str, master: int = 0, more: str = "") -> RedisServer:
    """A server with an example's lines: only where it is and what its passwords are is filled in."""

    class Configured(RedisServer):
        def arguments(self) -> list[str]:
            return [str(self._root.inside(self.directory / example)), *options]

    server = Configured("valkey")
    own = server._root.inside(server.directory)
    text = (DEPLOY / example).read_text()
    text = re.sub(r"PASSWORD-OF-THE-([A-Z-]+)", lambda found: secret(found[1]), text)
    text = re.sub(r"^bind .*$", "bind 127.0.0.1", text, flags=re.MULTILINE)
    text = re.sub(r"^port .*$", f"port {server.port}", text, flags=re.MULTILINE)
    text = re.sub(r"^dir .*$", f"dir {own}", text, flags=re.MULTILINE)
    text = text.replace("ringfair 10.0.0.1 6379", f"ringfair 127.0.0.1 {master}")
    (server.directory / example).write_text(f"{text}\npidfile {own}/pid\ndaemonize no\n{more}\n")
    server._root.give_to_owner(server.directory)
    return server


@pytest.fixture
def site() -> Iterator[tuple[list[RedisServer], RedisAddress]]:
    """A master, two replicas, three Sentinels; and the address of a router."""
    master = configured("redis.conf")
    replicas = [configured("redis.conf", more=f"replicaof 127.0.0.1 {master.port}") for _ in range(2)]
    sentinels = [configured("sentinel.conf", "--sentinel", master=master.port) for _ in range(3)]
    servers = [master, *replicas, *sentinels]
    try:
        for server in servers:
            server.start()
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in sentinels)
        yield (
            servers,
            RedisAddress.parse(
                f"redis+sentinel://ringfair@{hosts}/ringfair/0",
                password=secret("ROUTER"),
                sentinel_password=secret("SENTINEL-SERVICE"),
            ),
        )
    finally:
        for server in reversed(servers):
            server.remove()


async def everything_works(address: RedisAddress) -> None:
    """Whatever a router does with Redis, under the user's rights."""
    presence, journal, lease = RedisPresence(address), RedisJournal(address), RedisLease(address)
    try:
        await presence.store([], [], NOW)
        await presence.load()
        await journal.load()
        await journal.append([], epoch=10_000, now=NOW, config_hash="")
        assert await journal.sync()
        view = await asyncio.to_thread(lease.acquire, NOW)
        assert view.mine
        await asyncio.to_thread(lease.read, stands_by=True)
        await asyncio.to_thread(lease.release)
    finally:
        await presence.close()
        await journal.close()
        lease.close()


async def works_within(address: RedisAddress, seconds: float) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            return await everything_works(address)
        except RemoteError as error:
            passes = error.retryable or "NOREPLICAS" in error.message
            if not passes or time.monotonic() > end:
                raise
        await asyncio.sleep(0.1)


async def everybody_is_seen(address: RedisAddress) -> bool:
    said = [told for _, told in await ask_sentinels(address) if isinstance(told, Told)]
    return [(told.replicas, told.sentinels) for told in said] == [(2, 3)] * 3


async def test_it_starts_serves_a_router_and_survives_its_master(
    site: tuple[list[RedisServer], RedisAddress],
) -> None:
    servers, address = site
    await works_within(address, 30)
    async with asyncio.timeout(30):
        while not await everybody_is_seen(address):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.1)
    findings = list(judge_sentinels(await ask_sentinels(address), "ringfair"))
    client = address.client()
    info = await client.info("all")
    await client.aclose()
    findings += [*judge(info), judge_replication(info)]
    assert [finding for finding in findings if finding.verdict is not Verdict.OK] == []

    await asyncio.to_thread(servers[0].stop)
    await works_within(address, 60)


async def test_the_router_s_user_can_do_no_harm(site: tuple[list[RedisServer], RedisAddress]) -> None:
    _, address = site
    await works_within(address, 30)
    client = address.client()
    try:
        for command in (
            ["FLUSHALL"],
            ["CONFIG", "GET", "*"],
            ["SET", "somebody-else", "1"],
            ["KEYS", "*"],
            ["SHUTDOWN"],
        ):
            with pytest.raises(Exception, match=r"(?i)no permission"):
                await client.execute_command(*command)
    finally:
        await client.aclose()
