"""What a scrape tells of the node: connected is not enough."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from router.adapters.metrics import Reading
from router.adapters.redis.journal_keeper import JournalKeeper
from router.adapters.redis.keeper import PresenceKeeper
from router.adapters.redis.standby import Standby
from router.adapters.redis.tenure import LeaseTenure
from router.adapters.sql.spool import Spool
from router.adapters.sql.writer import LedgerWriter
from router.bootstrap import _reader
from router.domain.engine import Engine
from router.domain.messages.observations import OwnerSeen
from router.receipt import Receipt
from router.runtime import Pump, WallClock
from tests.fakes.journal import FakeJournal, FakeJournalServer
from tests.fakes.lease import FakeLease, FakeLeaseServer
from tests.fakes.ledger import FakeLedger
from tests.fakes.presence import FakePresence, FakePresenceServer

from .fake_node import FakeNode
from .fake_server import event, until
from .telephony_room import Room, connected, rules

Reader = Callable[[Room], Callable[[], Reading]]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    spool = Spool.open(tmp_path / "spool")
    yield lambda room: read_of(room, spool)
    spool.close()


def read_of(room: Room, spool: Spool) -> Callable[[], Reading]:
    clock = WallClock()
    keeper = PresenceKeeper(FakePresence(FakePresenceServer(), "main"), clock)
    engine = Engine(rules("+493023125100"), journalled=True)
    pump = Pump(engine, clock=clock)
    writer = LedgerWriter(FakeLedger(), spool)
    lease = FakeLease(FakeLeaseServer())
    standby, tenure = Standby(lease, clock), LeaseTenure(lease)
    journal = JournalKeeper(
        FakeJournal(FakeJournalServer()),
        engine,
        clock,
        epoch=lambda: tenure.epoch,
        fenced=lambda epoch: tenure.suspect(),
        records_on_disk=writer.on_disk,
    )
    receipt = Receipt(
        journalled=journal.committed,
        on_disk=writer.on_disk,
        in_ledger=writer.in_ledger,
        ours=lambda: True,
        speak=room.telephony.perform,
    )
    return _reader(pump, room.telephony, keeper, journal, receipt, writer, clock, standby, tenure, dict)


async def test_a_node_that_serves_us_reads_as_connected_until_another_router_has_the_pool(reader: Reader) -> None:
    async with FakeNode() as node, connected(node) as room:
        read = reader(room)
        assert read().ami_connected == {"pbx_1": True}
        node.emit(event("UserEvent", "UserEvent: AcdOwner", "V: 1", "Pool: main", "Epoch: 2", "Router: 00"))
        await until(lambda: room.of(OwnerSeen))
        assert room.telephony.session.connected
        assert read().ami_connected == {"pbx_1": False}


async def test_an_unfit_node_reads_as_not_connected_though_we_are_logged_in(reader: Reader) -> None:
    async with FakeNode(version="200500") as node, connected(node, synced=False) as room:
        await until(lambda: room.telephony.unfit)
        assert room.telephony.session.connected
        assert reader(room)().ami_connected == {"pbx_1": False}


async def test_a_node_whose_calls_are_not_known_yet_reads_as_not_connected(reader: Reader) -> None:
    async with FakeNode(unanswered={"Status"}) as node, connected(node, synced=False) as room:
        await until(lambda: node.actions("Status"))
        assert reader(room)().ami_connected == {"pbx_1": False}
