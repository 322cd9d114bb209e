"""An owner whose lease, presence and journal are kept as in a router, on a floor in motion, and one who stands by.

The floor of a `Room` is the truth, as Asterisk's is on a real site: nothing that happens to Redis changes it.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from router.adapters.redis.address import RedisAddress
from router.adapters.redis.journal import RedisJournal
from router.adapters.redis.journal_keeper import JournalKeeper
from router.adapters.redis.keeper import PresenceKeeper
from router.adapters.redis.lease import RedisLease
from router.adapters.redis.presence import RedisPresence
from router.adapters.redis.renewal import Renewal
from router.adapters.redis.standby import Standby
from router.adapters.redis.tenure import LeaseTenure
from router.domain.ids import AgentId, ContactId
from router.domain.messages.commands import Pause, Unpause
from router.domain.pictures.picture import Picture, key_of, whole
from router.ports import Acting, PresenceRow
from router.runtime import WallClock
from tests.builders import Room
from tests.contracts.redis_trio import RedisTrio


class Owner:
    """A router's share in Redis, with a floor on which something happens all the time."""

    def __init__(self, url: str) -> None:
        address = RedisAddress.parse(url)
        self.clock = WallClock()
        self.room = Room("orders", "orders bank", "general")
        self.room.engine._journalled = True
        self.lease = RedisLease(address)
        self.tenure = LeaseTenure(self.lease)
        self.renewal = Renewal(self.tenure)
        self.presence = PresenceKeeper(
            RedisPresence(address), self.clock, may_write=lambda: self.tenure.may_act() is Acting.YES
        )
        self.records = RedisJournal(address)
        self.journal = JournalKeeper(
            self.records,
            self.room.engine,
            self.clock,
            epoch=lambda: self.tenure.epoch,
            fenced=lambda epoch: self.tenure.suspect(),
            records_on_disk=lambda: asyncio.sleep(0),
        )
        self._heard = 0
        self._numbers = itertools.count(1)
        self._here: list[ContactId] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._busy: asyncio.Task[None] | None = None

    async def start(self) -> None:
        asked_at = self.tenure.now()
        self.tenure.begin(await asyncio.to_thread(self.lease.acquire, self.clock.now()), asked_at)
        self.renewal.start()
        await self.records.load()
        self._tasks = [asyncio.create_task(self.presence.run()), asyncio.create_task(self.journal.run())]
        self._busy = asyncio.create_task(self._keep_busy())

    async def _keep_busy(self) -> None:
        """Some fifty changes a second: callers come and go, somebody pauses and comes back."""
        agent = AgentId("agent-1003")
        while True:
            number = next(self._numbers)
            self._here.append(self.room.calls(str(number)))
            if len(self._here) > 6:
                self.room.caller_hangs_up(self._here.pop(number % 5))
            command = Pause(agent_id=agent, reason="lunch") if number % 2 else Unpause(agent_id=agent)
            self.room.ask(command)
            self.hear()
            await asyncio.sleep(0.02)

    def hear(self) -> None:
        for event in self.room.events[self._heard :]:
            self.presence(event, self.clock.now())
        self._heard = len(self.room.events)
        self.journal.stirred()

    async def pause_the_load(self) -> None:
        if self._busy is not None:
            self._busy.cancel()
            with suppress(asyncio.CancelledError):
                await self._busy
            self._busy = None

    async def settled(self) -> None:
        """All that happened up to now is written."""
        async with asyncio.timeout(30):
            while not await self.journal.flush() or not await self.presence.flush():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)

    def stands(self) -> tuple[dict[str, Picture], dict[str, tuple[object, ...]]]:
        """The truth, as journal and presence should have it."""
        agents = self.room.engine.floor.agents.values()
        rows = {agent.agent_id: agent.picture(status_changed=False) for agent in agents}
        pictures = {key_of(picture): picture for picture in whole(self.room.engine.floor)}
        return pictures, {str(name): (row.status, row.reason, row.work, row.contact_id) for name, row in rows.items()}

    async def stop(self) -> None:
        await self.pause_the_load()
        await self.renewal.stop()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self.records.close()
        await self.presence.close()
        self.lease.close()


async def written(address: RedisAddress) -> tuple[dict[str, Picture], dict[str, tuple[object, ...]]]:
    """What a successor would find."""
    journal, presence = RedisJournal(address), RedisPresence(address)
    try:
        pictures = {key_of(picture): picture for picture in (await journal.load()).pictures}
        rows: tuple[PresenceRow, ...] = await presence.load()
        return pictures, {str(row.agent_id): (row.status, row.reason, row.work, row.contact_id) for row in rows}
    finally:
        await journal.close()
        await presence.close()


class Story:
    """An owner and one who stands by, on a trio."""

    def __init__(self, trio: RedisTrio) -> None:
        self.trio = trio
        self.address = RedisAddress.parse(trio.url)
        self.owner = Owner(trio.url)
        self.rival = RedisLease(self.address)
        self.standby = Standby(self.rival, self.owner.clock)
        self.turn: asyncio.Task[object] | None = None
        self.owners: set[tuple[int, bytes]] = set()
        "Each (epoch, owner) that any server had at any moment."
        self._watch: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        await self.owner.start()
        self.turn = asyncio.create_task(self.standby.turn())
        self._watch = asyncio.create_task(asyncio.to_thread(self._look_on))
        self.looks = True
        await asyncio.sleep(1.0)
        assert await self.owner.journal.flush()

    looks = True

    def _look_on(self) -> None:
        from redis.exceptions import RedisError

        clients = [self.trio.client(node) for node in self.trio.nodes]
        while self.looks:
            for client in clients:
                try:
                    epoch, owner = client.hmget("ringfair:{main}:lease", "epoch", "owner")
                except (RedisError, OSError):
                    continue
                if epoch and owner:
                    self.owners.add((int(epoch), owner))
            time.sleep(0.02)
        for client in clients:
            client.close()

    async def promoted(self) -> float:
        return await asyncio.to_thread(self.trio.promoted)

    async def truth_is_written(self, since: float) -> float:
        """Wait until Redis says what is true; how long after `since` that was, in seconds."""
        await self.owner.pause_the_load()
        async with asyncio.timeout(30):
            while True:
                try:
                    found = await written(self.address)
                except Exception as error:  # noqa: BLE001 - it is being replaced
                    found = error  # type: ignore[assignment]
                if found == self.owner.stands():
                    return time.monotonic() - since
                await asyncio.sleep(0.02)

    def nobody_else_took_it(self) -> None:
        assert self.turn is not None
        assert not self.turn.done(), "who stands by has taken a pool whose owner lives"
        assert self.owner.tenure.epoch == 1
        assert not self.owner.tenure.lost
        assert self.owners == {(1, self.owner.lease.owner.encode())}
        view = self.owner.lease.read()
        assert (view.mine, view.epoch, view.latest) == (True, 1, 1)

    async def end(self) -> None:
        self.looks = False
        if self._watch is not None:
            await self._watch
        if self.turn is not None:
            self.turn.cancel()
            await asyncio.wait([self.turn])
        await self.owner.stop()
        self.rival.close()


@asynccontextmanager
async def a_story(trio: RedisTrio) -> AsyncIterator[Story]:
    story = Story(trio)
    try:
        await story.begin()
        yield story
    finally:
        await story.end()
