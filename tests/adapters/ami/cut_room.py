"""The real session, Telephony port, pump and engine beside an exchange whose line can be cut, all in virtual time."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from router.adapters.ami.session import AmiAddress
from router.adapters.ami.telephony import AmiTelephony
from router.domain.benches.agent import Status
from router.domain.engine import Engine
from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, Micros, QueueName
from router.domain.messages.commands import AgentProfile, Enrol, LogIn, Pause, Unpause
from router.domain.messages.events import ContactEnded, Event, InvariantFailed, OfferClosed
from router.domain.messages.standing import Standing
from router.domain.record import BillingRecord, OfferFact, OfferResult
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import CampaignRules, QueueRules, Rules, ToClosing
from router.domain.truth.invariants import broken
from router.runtime import Pump
from tests.fakes.lease import FakeTenure

from .fake_exchange import TALK_S, FakeExchange
from .fake_server import SECRET
from .quick_loop import QuickLoop
from .telephony_room import NUMBERS

AGENTS = ("agent-1001", "agent-1002")
SHOP, RUSH = CampaignName("shop"), CampaignName("rush")
RING_S, PATIENCE_S, LONGEST_TALK_S = 2.0, 3.0, 4.0


def rules(*more_numbers: str) -> Rules:
    """Two campaigns: shop waits as long as it takes, rush for three seconds; only shop has numbers."""
    queues, campaigns = {}, {}
    for name, number, wait_s in ((SHOP, "+493023125100", 600), (RUSH, "", PATIENCE_S)):
        queue = QueueRules(
            name=QueueName(f"{name}/all"),
            campaign=name,
            need=Need.parse("de"),
            ring_us=round(RING_S * SECOND),
            wrapup_us=0,
            max_wait_us=round(wait_s * SECOND),
            overflow=(ToClosing(),),
        )
        queues[queue.name] = queue
        campaigns[name] = CampaignRules(
            name=name,
            client=f"example-{name}",
            dnis=(number, *more_numbers) if number else (),
            entry=queue.name,
            max_call_us=round((LONGEST_TALK_S if name == RUSH else 3600) * SECOND),
        )
    return Rules(
        config_hash="x",
        campaigns=campaigns,
        queues=queues,
        fault_hold_us=SECOND,
        reject_hold_us=SECOND,
        rescind_grace_us=2 * SECOND,
    )


class LoopClock:
    """The loop's time as the `Clock` port has it: it never stands still between two looks."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._last: Micros = 0

    def now(self) -> Micros:
        self._last = max(self._last + 1, 1_795_296_434_000_000 + round(self._loop.time() * SECOND))
        return self._last


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What must have become of the callers of a story, each exactly so often."""

    talks: int = 0
    closings: int = 0
    fallbacks: int = 0
    records: int = 1
    within_s: float = 15.0
    "Of the beginning: everybody is gone, and everything known."


class CutRoom:
    def __init__(self, loop: QuickLoop, exchange: FakeExchange, agents: Sequence[str] = AGENTS) -> None:
        self.loop = loop
        self.exchange = exchange
        clock = self.clock = LoopClock(loop)
        self.engine = Engine(rules())
        self.pump = Pump(self.engine, clock=clock, slice_s=60.0)  # so that how fast the machine is decides nothing
        self.pump.subscribe(self._hear)
        self.telephony = AmiTelephony(
            AmiAddress("exchange", exchange.port, "ringfair", SECRET),
            node="pbx_1",
            pool="main",
            clock=clock,
            tenure=FakeTenure(),
            sink=self.pump.see,
            numbers=NUMBERS,
            endpoints=lambda: list(agents),
            rules=self.engine.floor.rules,
        )
        session = self.telephony.session
        session._clock, session._rng = loop.time, random.Random(1)
        session.limits = replace(session.limits, max_backoff_s=1.0, stable_s=0.5)
        self.pump.telephony = self.telephony
        self.records: list[BillingRecord] = []
        self.offers: list[OfferFact] = []
        self.impossible: list[str] = []
        self.callers: list[str] = []
        loop.doors[exchange.port] = exchange.admit
        for agent in agents:
            exchange.phones[agent] = "NOT_INUSE"
            profile = AgentProfile(agent_id=AgentId(agent), endpoint=agent, skills={"de": 100})
            self.pump.ask(Enrol(profile=profile))
            self.pump.ask(LogIn(agent_id=AgentId(agent)))

    def _hear(self, event: Event, now: Micros) -> None:
        match event:
            case ContactEnded(record=record):
                self.records.append(record)
            case OfferClosed(fact=fact):
                self.offers.append(fact)
            case InvariantFailed(what=what):
                self.impossible.append(what)

    # ---- stories ----

    def call(self, campaign: str = SHOP) -> ContactId:
        contact = self.exchange.calls(campaign)
        self.callers.append(contact)
        return ContactId(contact)

    async def until(self, condition: Callable[[], object], within_s: float = 60.0) -> bool:
        """Whether it came true in time."""
        deadline, pause_s = self.loop.time() + within_s, 0.05
        while not condition():
            if self.loop.time() > deadline:
                return False
            await asyncio.sleep(pause_s)
            pause_s = min(0.5, 1.5 * pause_s)
        return True

    async def talks(self, contact: str) -> None:
        assert await self.until(lambda: self.exchange.talks[contact]), "nobody talks"
        await asyncio.sleep(0.05)

    def all_pause(self) -> None:
        for agent in AGENTS:
            self.pump.ask(Pause(agent_id=AgentId(agent), reason="break"))

    async def all_are_ready(self) -> bool:
        """Everybody back at work, whatever the story made of them."""
        self.exchange.behaviour.clear()
        self.exchange.talk_s = TALK_S
        for agent in self.engine.floor.agents.values():
            if agent.next_status is not None:
                continue
            if agent.status is Status.LOGGED_OUT:
                self.pump.ask(LogIn(agent_id=agent.agent_id))
            elif agent.status is Status.PAUSED:
                self.pump.ask(Unpause(agent_id=agent.agent_id))
        return await self.until(lambda: all(a.standing is Standing.FREE for a in self.engine.floor.agents.values()))

    def is_calm(self) -> bool:
        floor = self.engine.floor
        busy = floor.contacts or floor.offers or floor.assignments or floor.private or self.exchange.floor
        telephony = self.telephony
        return not busy and telephony.synced and telephony.session.connected and not telephony.session.in_flight

    # ---- the verdict ----

    def blames(self, fate: Fate) -> Iterable[str]:
        """Everything that is wrong when it should be calm."""
        exchange, floor = self.exchange, self.engine.floor
        if not self.is_calm():
            legs = {leg.uniqueid: leg.place for leg in exchange.floor.values()}
            mine = {c.contact_id: c.state.value for c in floor.contacts.values()}
            yield f"never calm: legs {legs}, contacts {mine}, offers {list(floor.offers)}, {self.telephony.trouble}"
        billed = Counter(record.contact_id for record in self.records)
        for contact in self.callers:
            if billed[ContactId(contact)] != fate.records:
                yield f"{contact} has {billed[ContactId(contact)]} records"
            found = (exchange.talks[contact], exchange.closings[contact], exchange.fell_back.count(contact))
            if found != (fate.talks, fate.closings, fate.fallbacks):
                yield f"{contact} had (talks, closings, fallbacks) {found}, not {fate}"
        for record in self.records:
            if (record.answered_at is not None) is not bool(exchange.talks[record.contact_id]):
                yield f"{record.contact_id} talked {exchange.talks[record.contact_id]} times, says the record otherwise"
        for fact in self.offers:
            if fact.result is OfferResult.ANSWERED and fact.offer_id not in exchange.talkers:
                yield f"{fact.offer_id} is answered and never talked"
        yield from (f"{leg} was made {often} times" for leg, often in exchange.made.items() if often > 1)
        yield from (f"rang twice: {what}" for what in exchange.crowded)
        yield from (f"{leg} was told {said}" for leg, said in exchange.said.items() if len(said) > 1)
        yield from self.impossible
        yield from broken(floor, self.clock.now())
        if exchange.globals.get("ACD_EPOCH_main") != str(self.telephony.epoch):
            yield f"the epoch at the exchange is {exchange.globals.get('ACD_EPOCH_main')}, ours {self.telephony.epoch}"
        counters = self.telephony.session.counters
        if self.pump.failures or self.telephony.malformed or counters.handler_errors or counters.malformed:
            yield "something was not understood, or failed"

    def forget(self) -> None:
        """The next story begins with an empty book."""
        exchange = self.exchange
        for book in (exchange.made, exchange.talks, exchange.closings, exchange.said, exchange.talkers):
            book.clear()
        for pages in (exchange.crowded, exchange.fell_back, exchange.received, self.records, self.offers):
            pages.clear()
        self.callers.clear()
        self.impossible.clear()


@contextlib.asynccontextmanager
async def on_the_line(exchange: FakeExchange | None = None, agents: Sequence[str] = AGENTS) -> AsyncIterator[CutRoom]:
    """A router that owns its pool, with its session up and everything in sight. The running loop is a `QuickLoop`."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, QuickLoop)
    room = CutRoom(loop, exchange or FakeExchange(), agents)
    room.telephony.own()
    room.pump.start()
    life = asyncio.ensure_future(room.telephony.run())
    try:
        assert await room.until(room.is_calm)
        yield room
    finally:
        await room.telephony.session.close()
        await life
        room.pump.stop()
