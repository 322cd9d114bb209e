"""A pump with a real engine, an Asterisk in memory, and time, the loop's included, that moves only by hand."""

import asyncio
from collections.abc import Callable

from router.domain.engine import Engine
from router.domain.ids import AgentId, CampaignName, QueueName
from router.domain.messages.commands import AgentProfile, Enrol, LogIn
from router.domain.messages.effects import Effect
from router.domain.messages.events import Event
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import CampaignRules, QueueRules, Rules
from router.runtime import Pump
from router.trace.recorder import Recorder
from tests.fakes.clock import HandClock
from tests.fakes.telephony import FakeTelephony

AGENT = AgentId("agent-1001")
DIAL = "PJSIP/agent-1001"


def rules(ring_s: int = 15) -> Rules:
    queue = QueueRules(
        name=QueueName("shop/orders"),
        campaign=CampaignName("shop"),
        need=Need.parse("de"),
        ring_us=ring_s * 1_000_000,
        wrapup_us=0,
    )
    campaign = CampaignRules(
        name=CampaignName("shop"), client="example-shop", dnis=("+493023125100",), entry=queue.name
    )
    return Rules(config_hash="test", campaigns={campaign.name: campaign}, queues={queue.name: queue})


class Room:
    """A pump with everything around it."""

    def __init__(self, *, inbox_limit: int = 100_000, slice_s: float = 0.005, trace: Recorder | None = None) -> None:
        self.clock = HandClock()
        asyncio.get_running_loop().time = lambda: self.clock.at / 1_000_000  # type: ignore[method-assign]
        self.engine = Engine(rules())
        self.pump = Pump(self.engine, clock=self.clock, inbox_limit=inbox_limit, slice_s=slice_s, trace=trace)
        self.calls = FakeTelephony(self.clock.now, self.pump.see, phones={AGENT: True})
        self.pump.telephony = self.calls
        self.told: list[Event] = []
        self.pump.subscribe(lambda event, now: self.told.append(event))

    def staffed(self) -> "Room":
        self.pump.ask(Enrol(profile=AgentProfile(agent_id=AGENT, endpoint=AGENT, skills={"de": 100})))
        self.pump.ask(LogIn(agent_id=AGENT))
        self.calls.resync()
        return self

    def events(self, *kinds: type) -> list[Event]:
        return [event for event in self.told if isinstance(event, kinds)]

    def effects(self, *kinds: type) -> list[Effect]:
        return [effect for effect in self.calls.performed if isinstance(effect, kinds)]

    async def quiet(self) -> None:
        """Let the loop turn until nothing is left to handle."""
        await turns(lambda: self.pump.depth == 0)


async def turns(done: Callable[[], bool], limit: int = 10_000) -> None:
    """Let the loop turn until `done`, and then once more for the timers that are due."""
    for _ in range(limit):
        await asyncio.sleep(0)
        if done():
            await asyncio.sleep(0)
            return
    raise AssertionError("the loop turned in vain")
