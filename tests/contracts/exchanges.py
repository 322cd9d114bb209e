"""Telephone exchanges for the contract of the `Telephony` port: the fake, a fake manager on TCP, a real Asterisk.

The real one has a name, ports and directories of its own. Without an Asterisk on the machine its tests are skipped with
the reason, unless `RINGFAIR_REQUIRE_SERVERS` is set: then they fail.

Fixture (a module says `pytest_plugins = ["tests.contracts.exchanges"]`): `exchange` is each of the three in turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import pytest

from router.adapters.ami.session import AmiAddress
from router.adapters.ami.telephony import AmiTelephony
from router.adapters.pbx.addresses import Ports
from router.adapters.pbx.endpoints import AgentEndpoint
from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.passwords import make_password, password_digest
from router.adapters.pbx.root import find_root
from router.domain.messages.observations import Observation, Resynced
from router.domain.rulebook.rules import Rules
from router.ports import Telephony
from router.runtime import WallClock
from tests.adapters.ami.fake_node import FakeNode
from tests.adapters.ami.fake_server import HASTY, SECRET, until
from tests.adapters.ami.telephony_room import NUMBERS, rules
from tests.fakes.clock import HandClock
from tests.fakes.lease import FakeTenure
from tests.fakes.telephony import FakeTelephony

PHONE = "agent-1001"
"An agent's endpoint whose phone is not there."
_POOLS = itertools.count(1)


class Exchange(Protocol):
    """What a test may ask of an exchange."""

    telephony: Telephony
    seen: list[Observation]
    pool: str

    async def connect(self, served: Rules) -> None:
        """Let the telephony connect, and wait for its first snapshot; before, it is not connected."""
        ...

    async def succeed(self) -> None:
        """The router dies and another one stands in its place, not yet connected; `seen` begins anew."""
        ...

    async def serves(self, digits: str) -> bool:
        """Whether a caller who dials this would be let in."""
        ...

    async def heart(self) -> str:
        """The heartbeat as the dialplan would read it."""
        ...


def snapshots(exchange: Exchange) -> list[Resynced]:
    return [seen for seen in exchange.seen if isinstance(seen, Resynced)]


class InMemory:
    """The fake in the dress of an exchange."""

    pool = "main"

    def __init__(self) -> None:
        self.seen: list[Observation] = []
        self.telephony = self._made()

    def _made(self) -> FakeTelephony:
        return FakeTelephony(HandClock().now, self.seen.append, phones={PHONE: False}, away=True)

    async def succeed(self) -> None:
        self.seen.clear()
        self.telephony = self._made()

    async def connect(self, served: Rules) -> None:
        self.telephony.away = False
        self.telephony.publish(served)

    async def serves(self, digits: str) -> bool:
        return self.telephony.serves(digits) is not None

    async def heart(self) -> str:
        return str(self.telephony.beats[-1]) if self.telephony.beats else ""


@dataclass
class OnAmi:
    """`AmiTelephony` and whatever answers it; how globals are read there is the one thing that differs."""

    address: AmiAddress
    systemname: str
    seen: list[Observation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pool = f"contract{next(_POOLS)}"
        self.telephony = self._made()
        self._task: asyncio.Task[None] | None = None

    def _made(self) -> AmiTelephony:
        made = AmiTelephony(
            self.address,
            node=self.systemname,
            pool=self.pool,
            clock=WallClock(),
            tenure=FakeTenure(),
            sink=self.seen.append,
            numbers=NUMBERS,
            endpoints=lambda: [PHONE],
            rules=replace(rules(), pool=self.pool),
        )
        made.session.limits = HASTY
        made.own()
        return made

    async def succeed(self) -> None:
        await self.close()
        self.seen.clear()
        self._task, self.telephony = None, self._made()

    async def globals(self) -> dict[str, str]:
        raise NotImplementedError

    async def connect(self, served: Rules) -> None:
        self.telephony.publish(replace(served, pool=self.pool))
        self._task = asyncio.create_task(self.telephony.run())
        await until(lambda: snapshots(self))

    async def serves(self, digits: str) -> bool:
        return bool((await self.globals()).get(f"ACD_DNIS_{digits}"))

    async def heart(self) -> str:
        return (await self.globals()).get(f"ACD_HB_{self.pool}", "")

    async def close(self) -> None:
        await self.telephony.session.close()
        if self._task is not None:
            await asyncio.wait_for(self._task, 10)


class OnFakeNode(OnAmi):
    def __init__(self, node: FakeNode) -> None:
        self.node = node
        super().__init__(AmiAddress("127.0.0.1", node.port, "ringfair", SECRET), node.name)

    async def globals(self) -> dict[str, str]:
        return self.node.globals


class OnAsterisk(OnAmi):
    def __init__(self, pbx: Instance) -> None:
        self.pbx = pbx
        super().__init__(AmiAddress(pbx.address, pbx.ports.ami, "ringfair", pbx.ami_secret), pbx.systemname)

    async def globals(self) -> dict[str, str]:
        told = await asyncio.to_thread(self.pbx.rx, "dialplan show globals")
        pairs = (line.strip().partition("=") for line in told.splitlines())
        return {name: value for name, equals, value in pairs if equals}


@pytest.fixture(scope="session")
def contract_pbx() -> Iterator[Instance]:
    try:
        root = find_root(make=False)
    except PbxError as error:
        if os.environ.get("RINGFAIR_REQUIRE_SERVERS"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    pbx = Instance(f"contract-{os.getpid()}", Ports.free(), root=root)
    digest = password_digest(PHONE, "ringfair", make_password())
    try:
        pbx.write_agents([AgentEndpoint(PHONE, PHONE, digests=(digest,))])
        pbx.start()
        yield pbx
    finally:
        pbx.remove()


@pytest.fixture(params=["fake", "node", "asterisk"])
async def exchange(request: pytest.FixtureRequest) -> AsyncIterator[Exchange]:
    if request.param == "fake":
        yield InMemory()
        return
    async with contextlib.AsyncExitStack() as stack:
        on_ami: OnAmi
        if request.param == "node":
            node = FakeNode(phones={PHONE: "UNAVAILABLE"})
            await stack.enter_async_context(node)
            on_ami = OnFakeNode(node)
        else:
            on_ami = OnAsterisk(request.getfixturevalue("contract_pbx"))
        stack.push_async_callback(on_ami.close)
        yield on_ami
