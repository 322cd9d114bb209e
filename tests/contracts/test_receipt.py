"""What the receipt calls safe, against a real server that syncs once a second: it is found after the server has died.

Redis before 7.2 cannot say whether something is on its disk. Nothing is called safe there, whatever it has written.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from router.adapters.redis.address import RedisAddress
from router.adapters.redis.journal import RedisJournal
from router.adapters.redis.journal_keeper import JournalKeeper
from router.domain.ids import ContactId
from router.domain.messages.effects import WriteDown
from router.domain.messages.observations import CallbackConfirmed
from router.domain.pictures.picture import PromiseStands
from router.receipt import Receipt
from tests.domain.test_callback import CallbackRoom
from tests.fakes.clock import HandClock

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from tests.contracts.redis_servers import RedisServer

pytest_plugins = ["tests.contracts.redis_servers"]

LONG_S = 30.0
"A machine that is busy with other tests may sync late; how long an answer waits is not looked at here."
EVERYSEC = ("--appendonly", "yes", "--appendfsync", "everysec")


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator["RedisServer"]:
    from tests.contracts.redis_servers import RedisServer

    kind, *arguments = request.param
    server = RedisServer(kind, *arguments)
    try:
        server.start()
        yield server
    finally:
        server.remove()


class Office:
    """A room whose journal is on a real server, and who was told what of their promise."""

    def __init__(self, server: "RedisServer", *, safe_s: float) -> None:
        self.room = CallbackRoom()
        self.room.engine._journalled = True
        self.journal = RedisJournal(RedisAddress.parse(server.url))
        self.keeper = JournalKeeper(
            self.journal,
            self.room.engine,
            HandClock(),
            epoch=lambda: 1,
            fenced=lambda epoch: None,
            records_on_disk=self._on_disk,
        )
        self.told: dict[ContactId, bool] = {}
        self.receipt = Receipt(
            journalled=self.keeper.committed,
            on_disk=self._on_disk,
            in_ledger=self._on_disk,
            ours=lambda: True,
            speak=lambda answer: None,
            written=lambda effect, safe: self.told.update({effect.promise_id: safe}),
            safe_s=safe_s,
        )

    async def _on_disk(self) -> bool:
        return True

    def promises(self, name: str, number: int) -> ContactId:
        """Somebody confirms that they want to be called, and it is to be written down."""
        contact = self.room.calls(name, ani=f"+49305551{number:03}")
        self.room.see(CallbackConfirmed(contact_id=contact, at=self.room.now))
        self.receipt.write_down(WriteDown(promise_id=contact))
        return contact

    async def until_told(self, *contacts: ContactId) -> list[bool]:
        async with asyncio.timeout(2 * LONG_S):
            while not self.told.keys() >= set(contacts):  # noqa: ASYNC110 - tasks of the receipt's own
                await asyncio.sleep(0.01)
        return [self.told[contact] for contact in contacts]


@asynccontextmanager
async def office(server: "RedisServer", *, safe_s: float = LONG_S) -> AsyncIterator[Office]:
    made = Office(server, safe_s=safe_s)
    try:
        yield made
    finally:
        await made.receipt.close()
        await made.journal.close()


async def left_by(server: "RedisServer") -> set[ContactId]:
    """The promises a successor finds."""
    journal = RedisJournal(RedisAddress.parse(server.url))
    try:
        pictures = (await journal.load()).pictures
    finally:
        await journal.close()
    return {picture.promise_id for picture in pictures if isinstance(picture, PromiseStands)}


@pytest.mark.parametrize("server", [("valkey", *EVERYSEC)], indirect=True, ids=["valkey"])
async def test_a_promise_that_was_called_safe_is_there_when_the_server_was_killed_in_that_instant(
    server: "RedisServer",
) -> None:
    for each in range(3):
        async with office(server) as desk:
            promised = desk.promises(f"ada{each}", each)
            assert await desk.until_told(promised) == [True]
            server.stop()
        server.start()
        assert promised in await left_by(server)


@pytest.mark.parametrize("server", [("valkey", *EVERYSEC)], indirect=True, ids=["valkey"])
async def test_of_many_promised_within_one_second_each_is_told_and_all_are_there(server: "RedisServer") -> None:
    async with office(server) as desk:
        promised = [desk.promises(f"c{each}", each) for each in range(40)]
        assert await desk.until_told(*promised) == [True] * 40
        server.stop()
        server.start()
        assert await left_by(server) == set(promised)
        assert desk.receipt.unsafe == 0


@pytest.mark.parametrize(
    "server", [("redis", *EVERYSEC), ("redis",), ("valkey",)], indirect=True, ids=["redis-7.0", "redis", "valkey"]
)
async def test_of_a_server_that_cannot_say_or_keeps_nothing_no_promise_is_called_safe(server: "RedisServer") -> None:
    async with office(server, safe_s=0.5) as desk:
        promised = desk.promises("ada", 1)
        assert await desk.until_told(promised) == [await can_say(server)]


async def can_say(server: "RedisServer") -> bool:
    """A Redis of 7.2 or later with a file of its own is as good as Valkey."""
    from redis import Redis

    with Redis(port=server.port) as client:
        version = tuple(int(part) for part in client.info("server")["redis_version"].split(".")[:2])
        return version >= (7, 2) and bool(client.info("persistence")["aof_enabled"])


@pytest.mark.parametrize("server", [("valkey", *EVERYSEC)], indirect=True, ids=["valkey"])
async def test_nobody_waits_for_ever_for_a_server_that_hangs_and_nothing_is_called_safe(server: "RedisServer") -> None:
    async with office(server, safe_s=0.5) as desk:
        assert await desk.until_told(desk.promises("ada", 1)) in ([True], [False])  # so there is a connection
        server.freeze()
        assert await desk.until_told(desk.promises("bob", 2)) == [False]
        assert desk.receipt.unsafe >= 1
        server.thaw()
