"""A Telephony port connected to a fake node, and everything it saw."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from router.adapters.ami.session import AmiAddress
from router.adapters.ami.telephony import AmiTelephony, Numbers
from router.config.numbers import caller_number, dialled_forms, e164
from router.domain.messages.effects import RingAgent
from router.domain.messages.observations import Observation, PhonesSeen, Resynced
from router.domain.rulebook.admission import Capacity
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import CampaignRules, QueueRules, Rules
from router.trace.recorder import Recorder
from tests.fakes.lease import FakeTenure

from .fake_node import FakeNode
from .fake_server import HASTY, SECRET, until

CALLER = "pbx_1-1795296434.0"
NUMBERS = Numbers(
    caller=lambda shown, asserted: caller_number(shown, asserted, "DE"),
    dialled=lambda digits: e164("+" + digits, "DE") or e164(digits, "DE") or digits,
    forms=lambda number: dialled_forms(number, "DE"),
)


def rules(*numbers: str, greeting: str = "early-media", capacity: Capacity | None = None) -> Rules:
    queue = QueueRules(name="shop/orders", campaign="shop", need=Need.parse("de"))  # type: ignore[arg-type]
    campaign = CampaignRules(
        name="shop",  # type: ignore[arg-type]
        client="example-shop",
        dnis=numbers,
        entry=queue.name,
        greeting=greeting,
    )
    return Rules(
        config_hash="x",
        campaigns={campaign.name: campaign},
        queues={queue.name: queue},
        capacity=capacity or Capacity(),
    )


def ring(number: int = 1) -> RingAgent:
    return RingAgent(
        offer_id=f"{CALLER}.{number}",  # type: ignore[arg-type]
        contact_id=CALLER,  # type: ignore[arg-type]
        agent_id="agent-1001",  # type: ignore[arg-type]
        campaign="shop",  # type: ignore[arg-type]
        queue="shop/orders",  # type: ignore[arg-type]
        node="pbx_1",
        dial="PJSIP/agent-1001",
        caller_leg=CALLER,  # type: ignore[arg-type]
        caller_name="Shop",
        caller_number="+4915155500001",
        timeout_us=17_000_000,
        language="de",
        whisper="",
        press_one=False,
    )


class Ticks:
    """A clock that never stands still and never steps back."""

    def __init__(self) -> None:
        self.at = 1_795_296_434_000_000

    def now(self) -> int:
        self.at += 1
        return self.at


@dataclass
class Room:
    node: FakeNode
    telephony: AmiTelephony
    tenure: FakeTenure
    seen: list[Observation] = field(default_factory=list)
    endpoints: list[str] = field(default_factory=list)

    def of(self, *kinds: type) -> list[Observation]:
        return [seen for seen in self.seen if isinstance(seen, kinds)]

    @property
    def snapshots(self) -> list[Resynced]:
        return [seen for seen in self.seen if isinstance(seen, Resynced)]

    async def asked_for_phones(self) -> PhonesSeen:
        """What new rules bring: the phones, and no look at the legs."""
        await until(lambda: self.of(PhonesSeen))
        seen = self.of(PhonesSeen)[-1]
        assert isinstance(seen, PhonesSeen)
        return seen

    async def synced(self, times: int = 1) -> Resynced:
        await until(lambda: len(self.snapshots) >= times)
        return self.snapshots[-1]


@contextlib.asynccontextmanager
async def connected(
    node: FakeNode,
    *,
    served: Rules | None = None,
    endpoints: Iterable[str] = (),
    synced: bool = True,
    trace: Recorder | None = None,
    tenure: FakeTenure | None = None,
    owns: bool = True,
    max_originates: int = 50,
) -> AsyncIterator[Room]:
    seen: list[Observation] = []
    tenure = tenure or FakeTenure()
    known = list(endpoints)
    telephony = AmiTelephony(
        AmiAddress("127.0.0.1", node.port, "ringfair", SECRET),
        node="pbx_1",
        pool="main",
        clock=Ticks(),
        tenure=tenure,
        sink=seen.append,
        numbers=NUMBERS,
        endpoints=lambda: known,
        rules=served or rules("+493023125100"),
        trace=trace,
        max_originates=max_originates,
    )
    telephony.session.limits = HASTY
    if owns:
        telephony.own()
    room = Room(node, telephony, tenure, seen, known)
    task = asyncio.ensure_future(telephony.run())
    try:
        if synced:
            await room.synced()
        yield room
    finally:
        await telephony.session.close()
        await asyncio.wait_for(task, 10)
