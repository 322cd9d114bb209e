"""The life of a router that owns its pool: what it takes up at the start, and what it leaves to whoever follows.

`router.bootstrap` and `router.app` as they are, on a real Redis and a real database; the manager of Asterisk is a small
one on a real port.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from router import app
from router.adapters.redis.address import RedisAddress
from router.adapters.redis.journal import RedisJournal
from router.adapters.redis.lease import RedisLease
from router.adapters.sql.directory import SqlDirectory
from router.adapters.sql.ledger import SqlLedger
from router.adapters.sql.spool import Spool
from router.adapters.sql.spool_line import write_line
from router.bootstrap import Router, build
from router.domain.errors import RemoteError
from router.domain.ids import AgentId, CampaignName, ContactId, LegId
from router.domain.messages.commands import AgentProfile, LogIn, Pause
from router.domain.messages.observations import ContactArrived, EndpointSeen, LegEnded
from router.domain.pictures.picture import AgentStands, Picture
from router.domain.record import AgentChangeFact
from router.ports import AgentEntry
from tests.adapters.ami.fake_node import FakeNode
from tests.adapters.ami.fake_server import SECRET, until
from tests.contracts.redis_servers import RedisServer
from tests.contracts.test_ledger import a_record

ANNA, BEN = AgentId("agent-1001"), AgentId("agent-1002")
SOON_S = 15.0


@dataclass
class House:
    """A site of its own, and what routers there meet."""

    home: Path
    server: RedisServer
    node: FakeNode
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def dsn(self) -> str:
        return f"sqlite:///{self.home / 'ledger.sqlite3'}"

    @property
    def address(self) -> RedisAddress:
        return RedisAddress.parse(self.server.url)

    def write(self) -> None:
        (self.home / "campaigns").mkdir()
        (self.home / "secret").write_text(SECRET)
        (self.home / "secret").chmod(0o600)
        (self.home / "ringfair.toml").write_text(
            f'[asterisk]\nsystemname = "{self.node.name}"\nport = {self.node.port}\n'
            f'secret_file = "{self.home}/secret"\n'
            f'[redis]\nurl = "{self.server.url}"\n'
            f'[ledger]\ndsn = "{self.dsn}"\nspool_dir = "{self.home}/spool"\n'
            f'[http]\nlisten = "127.0.0.1:0"\ncontrol_socket = "{self.home}/control.sock"\n'
        )
        (self.home / "campaigns" / "shop.toml").write_text(
            '[campaign]\nname = "shop"\nclient = "example-shop"\ndnis = ["+493023125100"]\n\n'
            '[queue.orders]\nneed = "de"\n'
        )

    async def hires(self, *agents: AgentId) -> None:
        directory = await SqlDirectory.open(self.dsn)
        profiles = [AgentProfile(agent_id=agent, endpoint=agent, skills={"de": 100}) for agent in agents]
        await directory.put([AgentEntry(profile=profile) for profile in profiles], by="test", now=0)
        await directory.close()

    async def is_told(self, fact: AgentChangeFact) -> None:
        """Another router writes it into the ledger."""
        ledger = await SqlLedger.open(self.dsn)
        await ledger.append([fact])
        await ledger.close()

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[Router]:
        """A router that has the lease and has not recovered yet."""
        router = await build(self.home)
        async with router.resources:
            taken = await router.standby.try_once()
            assert taken is not None
            app._hold(router, taken)
            try:
                yield router
            finally:
                await app._let_go(router)

    async def lives(self, router: Router) -> RemoteError | None:
        """From the open doors to the closed ones: why the pool was lost, if it was."""
        async with asyncio.TaskGroup() as tasks:
            return await app._live(router, tasks, self.stop, asyncio.Event(), asyncio.Event())

    async def journal(self) -> dict[AgentId, AgentStands]:
        """What whoever follows would read about agents."""
        journal = RedisJournal(self.address)
        pictures = (await journal.load()).pictures
        await journal.close()
        return {picture.agent_id: picture for picture in pictures if isinstance(picture, AgentStands)}

    async def was_left(self, *pictures: Picture) -> None:
        """The journal of a router that is gone."""
        journal = RedisJournal(self.address)
        await journal.append(pictures, epoch=1, now=1, config_hash="")
        await journal.close()


@pytest.fixture
def server() -> Iterator[RedisServer]:
    made = RedisServer("redis")
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture
async def house(server: RedisServer) -> AsyncIterator[House]:
    home = Path(tempfile.mkdtemp(prefix="life-"))  # the path of a socket is short
    try:
        async with FakeNode(phones={ANNA: "NOT_INUSE", BEN: "NOT_INUSE"}) as node:
            made = House(home, server, node)  # type: ignore[arg-type]
            made.write()
            yield made
    finally:
        shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def living(house: House, router: Router) -> AsyncIterator["asyncio.Task[RemoteError | None]"]:
    """It serves, and ends with the block at the latest."""
    life = asyncio.ensure_future(house.lives(router))
    try:
        await until(lambda: router.pump.runs or life.done(), SOON_S)
        yield life
    finally:
        house.stop.set()
        await asyncio.wait([life], timeout=SOON_S)
        life.cancel()


async def another_follows(house: House, router: Router) -> None:
    """Somebody else has the lease of this pool now, in a higher epoch."""
    house.server.command("DEL", "ringfair:{main}:lease")
    other = RedisLease(house.address)
    while not (await asyncio.to_thread(other.acquire, 1)).mine:
        house.server.command("DEL", "ringfair:{main}:lease")  # it was put back in between
    await until(lambda: router.tenure.lost, SOON_S)
    other.close()


async def test_what_a_dead_router_saw_is_ours_before_anything_that_we_conclude(house: House) -> None:
    async with house.owner() as router:
        spool = Spool.open(house.home / "spool" / "7")
        spool.append([write_line(a_record(number)) for number in (1, 2)])
        spool.close()

        await router.recover()

        assert router.writer.pending == 2


async def test_who_is_in_the_journal_and_nowhere_else_is_taken_out_of_it(house: House) -> None:
    await house.hires(ANNA)
    gone = AgentStands(agent_id=AgentId("agent-9999"), status="READY", since_at=1, idle_since=1)
    await house.was_left(gone)
    async with house.owner() as router:
        await router.recover()
        await router.journal.flush()

    assert gone.agent_id not in await house.journal()


async def test_what_somebody_was_told_before_our_claim_at_asterisk_is_in_force_in_the_end(house: House) -> None:
    await house.hires(ANNA)
    await house.node.stop()
    async with house.owner() as router, living(house, router):
        anna = router.pump.engine.floor.agents[ANNA]
        at = router.clock.now()
        await house.is_told(AgentChangeFact(agent_id=ANNA, at=at, status="PAUSED", reason="lunch", asked_by="phone"))
        await house.node.listen()

        await until(lambda: anna.reason == "lunch", SOON_S)


async def test_who_stops_lets_the_pool_go_at_once(house: House) -> None:
    async with house.owner() as router, living(house, router) as life:
        house.stop.set()
        assert await life is None
        view = await asyncio.to_thread(router.lease.read)
    assert (view.owner, view.left_us) == ("", 0)


async def test_who_gives_way_writes_its_journal_to_the_end(house: House) -> None:
    await house.hires(ANNA)
    house.node.contexts_missing = {"acd-wait"}
    other = RedisLease(house.address)
    async with house.owner() as router, living(house, router) as life:
        await until(lambda: router.telephony.unfit, SOON_S)
        router.pump.ask(LogIn(agent_id=ANNA))
        stands_by = asyncio.ensure_future(_stands_by(other))

        # decided up to the last instant, and the journal is not told of it: nothing but its end has that written
        router.pump.stirred = None
        anna, reason = router.pump.engine.floor.agents[ANNA], 0
        while router.pump.runs:
            reason += 1
            router.pump.ask(Pause(agent_id=ANNA, reason=str(reason)))
            await asyncio.sleep(0.001)

        why = await life
        stands_by.cancel()
        assert why is not None
        assert why.error_id == "pool-given-up"
        assert anna.reason == str(reason)
    await asyncio.wait([stands_by])
    other.close()
    assert (await house.journal())[ANNA].reason == str(reason)


async def _stands_by(lease: RedisLease) -> None:
    while True:
        await asyncio.to_thread(lease.read, stands_by=True)
        await asyncio.sleep(0.2)


async def test_who_lost_the_pool_ends_and_says_so(house: House) -> None:
    async with house.owner() as router, living(house, router) as life:
        await until(lambda: router.telephony.synced, SOON_S)
        await another_follows(house, router)

        await asyncio.wait([life], timeout=SOON_S)

        assert life.done(), "it goes on without a pool"
        why = await life
        assert why is not None
        assert why.error_id == "pool-lost"


async def test_who_drains_rings_nobody_any_more_and_its_heart_stops(house: House) -> None:
    await house.hires(ANNA, BEN)
    async with house.owner() as router, living(house, router) as life:
        await until(lambda: router.telephony.synced and house.node.set_to("ACD_HB_main"), SOON_S)
        floor = router.pump.engine.floor
        logs_in(router, ANNA)
        caller = calls(router, "1")
        [offer] = floor.offers.values()

        house.stop.set()
        await until(lambda: not floor.offering)
        beats = router.pump.beats
        logs_in(router, BEN)
        calls(router, "2")
        await until(lambda: house.node.actions("Originate"))
        await asyncio.sleep(1.0)

        assert [action["ChannelId"] for action in house.node.actions("Originate")] == [offer.leg]
        assert router.pump.beats == beats
        assert not life.done(), "somebody is being rung still"
        for leg in (offer.leg, caller):
            router.pump.see(LegEnded(leg=leg, cause=16, tech_cause=None, at=router.clock.now()))
        assert await life is None


def logs_in(router: Router, agent: AgentId) -> None:
    router.pump.see(EndpointSeen(endpoint=agent, reachable=True, at=router.clock.now()))
    router.pump.ask(LogIn(agent_id=agent))


def calls(router: Router, name: str) -> LegId:
    leg, now = LegId(f"pbx_1-{name}"), router.clock.now()
    router.pump.see(
        ContactArrived(
            contact_id=ContactId(leg),
            leg=leg,
            linkedid=leg,
            channel=f"PJSIP/trunk-{name}",
            node="pbx_1",
            campaign=CampaignName("shop"),
            dnis="+493023125100",
            ani="+4930555999",
            arrived_at=now,
            at=now,
        )
    )
    return leg
