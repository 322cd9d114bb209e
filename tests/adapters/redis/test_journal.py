"""The journal in a real server: what it survives, what an older release left, and how durable a commit is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from router.adapters.redis.address import RedisAddress
from router.adapters.redis.journal import KEPT, KEPT_S, RedisJournal
from router.domain.errors import RemoteError
from router.ports import Journalled
from tests.contracts.test_journal import NOW, a_day, an_agent

if TYPE_CHECKING:
    from tests.contracts.redis_servers import RedisServer

pytest_plugins = ["tests.contracts.redis_servers"]

SNAPSHOT, STREAM = "ringfair:{main}:snapshot", "ringfair:{main}:journal"
FIRST_RELEASE = Path(__file__).parent / "journal-v1.txt"


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[Redis]:
    with Redis(port=redis_server.port) as client:
        yield client


def opened(server: RedisServer) -> RedisJournal:
    return RedisJournal(RedisAddress.parse(server.url))


async def read(server: RedisServer) -> Journalled:
    """What a successor finds."""
    journal = opened(server)
    try:
        return await journal.load()
    finally:
        await journal.close()


async def test_what_anybody_may_have_written_is_counted_and_the_rest_counts(
    redis_server: RedisServer, client: Redis
) -> None:
    journal = opened(redis_server)
    await journal.append([an_agent()], epoch=1, now=NOW, config_hash="")
    foreign = {
        "agent x": "AgentStands {",
        "agent y": 'AgentStands {"agent_id": 7}',
        "contact z": "Sleeper {}",
        "": "\x00\xff",
        "agent deep": "AgentStands " + "[" * 10_000,
        "agent long": "AgentStands " + '{"x":"' + "a" * 70_000 + '"}',
    }
    client.hset(SNAPSHOT, mapping=foreign)

    found = await read(redis_server)

    assert found.pictures == (an_agent(),)
    assert found.unreadable == len(foreign)
    await journal.close()


@pytest.mark.parametrize("commit", ["", "{", "[]", '{"v":1}', '{"v":1,"seq":"x"}', "nil", '{"v":1,"seq":-1e400}'])
async def test_a_broken_commit_mark_stops_nobody(redis_server: RedisServer, client: Redis, commit: str) -> None:
    journal = opened(redis_server)
    await journal.append([an_agent()], epoch=1, now=NOW, config_hash="")
    client.hset(SNAPSHOT, "commit", commit)

    assert (await read(redis_server)).pictures == (an_agent(),)
    await journal.append([an_agent(1002)], epoch=1, now=NOW, config_hash="")
    assert len((await read(redis_server)).pictures) == 2
    await journal.close()


async def test_a_snapshot_older_than_the_stream_is_brought_up_to_date(redis_server: RedisServer, client: Redis) -> None:
    """A backup of one key put back, or a release that wrote snapshots now and then."""
    journal = opened(redis_server)
    await journal.append([an_agent(), an_agent(1002)], epoch=1, now=NOW, config_hash="")
    old = client.hgetall(SNAPSHOT)
    for minute in range(700):
        await journal.append([an_agent(status="PAUSED", since_at=NOW + minute)], epoch=1, now=NOW, config_hash="")
    client.delete(SNAPSHOT)
    client.hset(SNAPSHOT, mapping=old)

    found = await read(redis_server)

    assert set(found.pictures) == {an_agent(status="PAUSED", since_at=NOW + 699), an_agent(1002)}
    assert found.seq == 701
    await journal.close()


async def test_without_a_snapshot_the_stream_alone_will_do(redis_server: RedisServer, client: Redis) -> None:
    pictures = a_day()
    journal = opened(redis_server)
    await journal.append(pictures, epoch=1, now=NOW, config_hash="")
    client.delete(SNAPSHOT)
    assert set((await read(redis_server)).pictures) == set(pictures)
    await journal.close()


async def test_the_stream_does_not_grow_without_end(redis_server: RedisServer, client: Redis) -> None:
    pipe = client.pipeline(transaction=False)
    for _ in range(KEPT + 3000):
        pipe.execute_command("XADD", STREAM, "*", "v", "1")
    pipe.execute()
    journal = opened(redis_server)
    await journal.append([an_agent()], epoch=1, now=NOW, config_hash="")
    assert client.xlen(STREAM) <= KEPT + 200
    await journal.close()


async def test_a_journal_of_the_first_release_is_read(redis_server: RedisServer, client: Redis) -> None:
    """The file holds the commands that release 1 left behind; it is never made anew."""
    for line in FIRST_RELEASE.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("\t")
        client.hset(SNAPSHOT, name, value)
    found = await read(redis_server)
    assert found.unreadable == 0
    assert len(found.pictures) == len(FIRST_RELEASE.read_text(encoding="utf-8").splitlines()) - 1
    assert (found.seq, found.epoch) == (1, 3)


async def test_a_server_without_a_file_cannot_promise_and_one_with_it_does(redis_server: RedisServer) -> None:
    journal = opened(redis_server)
    await journal.append([an_agent()], epoch=1, now=NOW, config_hash="")
    assert not await journal.sync()
    assert not await journal.sync()
    await journal.close()
    if redis_server.kind == "valkey":
        with Redis(port=redis_server.port) as client:
            client.config_set("appendonly", "yes")
        again = opened(redis_server)
        await again.load()
        await again.append([an_agent()], epoch=1, now=NOW, config_hash="")
        assert await again.sync()
        await again.close()


@pytest.mark.server
async def test_a_server_that_does_not_wait_for_its_disk_is_not_believed_to_have_it_there() -> None:
    """`appendfsync no`: the file is written whenever the kernel likes, and `WAITAOF` says so after its time."""
    from tests.contracts.redis_servers import RedisServer as Server

    server = Server("valkey", "--appendonly", "yes", "--appendfsync", "no")
    try:
        server.start()
        journal = opened(server)
        await journal.append([an_agent()], epoch=1, now=NOW, config_hash="")
        assert not await journal.sync()
        await journal.close()
    finally:
        server.remove()


@pytest.mark.server
async def test_nothing_is_called_safe_that_the_server_has_lost_since() -> None:
    from tests.contracts.redis_servers import RedisServer as Server

    server = Server("valkey", "--appendonly", "yes")
    try:
        server.start()
        journal = opened(server)
        await journal.append([an_agent()], epoch=1, now=NOW, config_hash="")
        assert await journal.sync()
        server.command("FLUSHALL")
        assert not await journal.sync()
        assert not await journal.append([an_agent()], epoch=1, now=NOW, config_hash="")
        assert not await journal.sync(), "what is to be written again may be what is asked for"
        assert await journal.append([an_agent()], epoch=1, now=NOW, config_hash="")
        assert await journal.sync()
        await journal.close()
    finally:
        server.remove()


@pytest.mark.parametrize("seq", [2**53 + 1, 999_999_999_999_999_999])
async def test_a_number_too_large_for_the_server_does_not_make_us_write_for_ever(
    redis_server: RedisServer, client: Redis, seq: int
) -> None:
    client.xadd(
        STREAM, {"v": 1, "seq": seq, "epoch": 1, "now": NOW, "kind": "event", "type": "AgentStands", "body": "{}"}
    )
    client.hset(SNAPSHOT, "commit", f'{{"v":1,"seq":{seq},"epoch":1,"now":{NOW},"config_hash":""}}')
    journal = opened(redis_server)
    await journal.load()

    kept = [await journal.append([an_agent()], epoch=1, now=NOW, config_hash="") for _ in range(3)]

    assert kept[1:] == [True, True]
    await journal.close()


async def test_a_commit_whose_answer_was_lost_is_no_loss(redis_server: RedisServer) -> None:
    journal = opened(redis_server)
    await journal.append([an_agent()], epoch=1, now=NOW, config_hash="")
    known = (journal._seq, journal._epoch)
    for agent in (1002, 1003):
        await journal.append([an_agent(agent)], epoch=1, now=NOW, config_hash="")
        journal._seq, journal._epoch = known  # as if that answer had never come

    assert await journal.append([an_agent(1004)], epoch=1, now=NOW, config_hash="")
    await journal.close()


@pytest.mark.parametrize("more", [0, 1, 2])
async def test_a_commit_whose_answer_was_lost_hides_no_loss_before_it(
    redis_server: RedisServer, client: Redis, more: int
) -> None:
    journal = opened(redis_server)
    await journal.append([an_agent()], epoch=1, now=NOW, config_hash="")
    known = (journal._seq, journal._epoch)
    client.flushall()
    for _ in range(1 + more):
        await journal.append([an_agent(1002)], epoch=1, now=NOW, config_hash="")
        journal._seq, journal._epoch = known  # as if that answer had never come

    assert not await journal.append([an_agent(1003)], epoch=1, now=NOW, config_hash="")
    assert await journal.append([an_agent()], epoch=1, now=NOW, config_hash=""), "and it is over with that"
    await journal.close()


async def test_what_cannot_be_read_is_gone_after_the_first_commit_of_who_could_not(
    redis_server: RedisServer, client: Redis
) -> None:
    client.hset(SNAPSHOT, "agent x", "AgentStands {")
    journal = opened(redis_server)
    await journal.load()
    assert client.hexists(SNAPSHOT, "agent x")

    await journal.append([an_agent()], epoch=1, now=NOW, config_hash="")

    assert not client.hexists(SNAPSHOT, "agent x")
    await journal.close()


async def test_a_caller_s_number_stays_in_the_stream_for_an_hour(redis_server: RedisServer, client: Redis) -> None:
    seconds, _ = client.time()
    fields = {"v": 1, "seq": 1, "epoch": 1, "now": NOW, "kind": "event", "type": "ContactStands", "body": "{}"}
    for age_s in (2 * KEPT_S, KEPT_S - 60):
        client.xadd(STREAM, fields, id=f"{(seconds - age_s) * 1000}-0")
    journal = opened(redis_server)

    await journal.append([an_agent()], epoch=1, now=NOW, config_hash="")

    assert client.xlen(STREAM) == 2
    await journal.close()


class Line:
    """A wire to the server. A broken one still carries what is asked, and is gone before the answer."""

    def __init__(self, server: RedisServer) -> None:
        self.is_broken = False
        self.url = ""
        self._server = server
        self._connections: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        listening = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{listening.sockets[0].getsockname()[1]}/0"
        try:
            yield
        finally:
            listening.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    def _connect(self, asked: asyncio.StreamReader, told: asyncio.StreamWriter) -> None:
        self._connections.add(asyncio.ensure_future(self._carry(asked, told)))

    async def _carry(self, asked: asyncio.StreamReader, told: asyncio.StreamWriter) -> None:
        answers, there = await asyncio.open_connection("127.0.0.1", self._server.port)
        questions = asyncio.ensure_future(self._forward(asked, there))
        try:
            while (answer := await answers.read(65536)) and not self.is_broken:
                told.write(answer)
        finally:
            questions.cancel()
            await asyncio.wait({questions})
            for writer in (told, there):
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()

    async def _forward(self, asked: asyncio.StreamReader, there: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while question := await asked.read(65536):
                there.write(question)


async def test_a_commit_that_arrived_on_a_line_that_then_broke_is_no_loss(redis_server: RedisServer) -> None:
    line = Line(redis_server)
    async with line.up():
        journal = RedisJournal(RedisAddress.parse(line.url))
        await journal.append([an_agent()], epoch=1, now=NOW, config_hash="")
        line.is_broken = True
        with pytest.raises(RemoteError):
            await journal.append([an_agent(1002)], epoch=1, now=NOW, config_hash="")
        line.is_broken = False

        assert await journal.append([an_agent(1003)], epoch=1, now=NOW, config_hash="")
        await journal.close()
    found = await read(redis_server)
    assert (found.seq, len(found.pictures)) == (3, 3)
