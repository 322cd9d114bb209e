"""One machine of the site: a disk that stays, and a router on it that is started again whenever it ends.

Put together like router/bootstrap.py does it, and run like router/app.py; what is left out is what nobody's call
depends on (HTTP, metrics, presence, the canary).
"""

import asyncio
from pathlib import Path
from random import Random
from typing import Any

from router.adapters.ami.telephony import AmiTelephony, Numbers
from router.adapters.redis.journal import RedisJournal
from router.adapters.redis.journal_keeper import JournalKeeper
from router.adapters.redis.lease import RedisLease
from router.adapters.redis.renewal import Renewal
from router.adapters.redis.standby import Standby
from router.adapters.redis.tenure import LeaseTenure
from router.adapters.sql.drawers import Drawers
from router.adapters.sql.ledger import SqlLedger
from router.adapters.sql.writer import LedgerWriter
from router.domain.engine import Engine
from router.domain.errors import RemoteError
from router.domain.ids import SECOND, Micros
from router.domain.messages.commands import Configure, Enrol, Entitle
from router.domain.messages.effects import WriteDown
from router.domain.messages.events import Event, PoolLost
from router.domain.messages.facts import fact_of
from router.domain.messages.observations import PromiseWritten
from router.inheritance import hear_out, inherit
from router.ports import Acting
from router.receipt import Receipt
from router.runtime import Pump, WallClock
from tests.fakes.presence import FakePresence, FakePresenceServer
from tests.simulation.database import IDENTITY, LedgerLine
from tests.simulation.judge import JOURNALLED
from tests.simulation.loop import Flag, Killed, Process
from tests.simulation.redis_line import RedisLine

_CLOSING_S = 5.0
_NUMBERS = Numbers(caller=lambda shown, asserted: shown, dialled=lambda digits: digits, forms=lambda number: (number,))


class Machine:
    """`world` is the town it stands in (town.py)."""

    def __init__(self, name: str, place: Path, world: Any, dice: Random) -> None:
        self.name = name
        self.place = place
        self.world = world
        self.dice = dice
        self.process: Process | None = None
        self.owns = False
        "Whether its router decides, or believes it may."
        self.ledger_line = LedgerLine(world.database, dice)
        self.heard_out = False
        "Whether its router, as the owner, knows all that was told people before its time."
        self.redis_cut = False
        self.redis_slow_s = 0.0
        self.redis: RedisLine | None = None
        self.engine: Engine | None = None
        self.pump: Pump | None = None
        self.telephony: AmiTelephony | None = None
        self.writer: LedgerWriter | None = None
        self.journal: JournalKeeper | None = None
        self.receipt: Receipt | None = None
        self.tenure: LeaseTenure | None = None

    @property
    def lives(self) -> bool:
        return self.process is not None

    @property
    def sees(self) -> bool:
        """Whether it is the owner, and in the picture."""
        if not self.owns or self.process is None or self.process.stopped or self.telephony is None:
            return False
        session = self.process.session  # type: ignore[attr-defined]
        return bool(self.telephony.synced and session.connected and session.wire.up and not self.telephony._deposed)

    def boot(self) -> None:
        if self.process is not None or self.world.over:
            return
        process = self.process = Process(f"router on {self.name}")
        process.world = self.world  # type: ignore[attr-defined]
        process.exchange = self.world.asterisk  # type: ignore[attr-defined]
        process.session = None  # type: ignore[attr-defined]
        self.owns = False
        task = process.context.copy().run(self.world.loop.create_task, self._life(process))
        process.task = task  # type: ignore[attr-defined]

    def cut_from_redis(self, cut: bool) -> None:
        self.redis_cut = cut
        if self.redis is not None:
            self.redis.cut = cut

    def slow_redis(self, slow_s: float) -> None:
        self.redis_slow_s = slow_s
        if self.redis is not None:
            self.redis.slow_s = slow_s

    def die(self, *, power: bool = False) -> None:
        """`kill -9`, or the plug. Somebody starts it again after a while."""
        process = self.process
        if process is None:
            return
        process.dead = True
        self.process = None
        was_owner, self.owns = self.owns, False
        self.world.disk.died(process, power=power)
        if process.session is not None:  # type: ignore[attr-defined]
            process.session.leave()  # type: ignore[attr-defined]
        self.world.graveyard.append((process, self.pump, self.writer))
        self.world.died(self, was_owner)
        self.world.clock.later(self.dice.randint(SECOND // 2, 5 * SECOND), self.boot)

    def forget(self) -> None:
        """The day is over."""
        self.process = self.redis = self.engine = self.pump = self.telephony = None
        self.writer = self.journal = self.receipt = self.tenure = None

    async def _life(self, process: Process) -> None:
        try:
            await self._live(process)
        except RemoteError as error:
            self.world.ends[error.error_id] += 1
        except Killed:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the judge is told
            self.world.failed(error)
        if not process.dead:
            self.die()

    async def _live(self, process: Process) -> None:
        world, loop = self.world, self.world.loop
        clock = WallClock()
        ledger = SqlLedger(self.ledger_line)  # type: ignore[arg-type]
        engine = Engine(world.rules, journalled=True)
        drawers = await asyncio.to_thread(Drawers.open, self.place, ledger=IDENTITY)
        writer = LedgerWriter(ledger, drawers.spool, adopt=drawers.adopt)
        redis = self.redis = RedisLine(world.redis, self.dice, process)
        redis.cut, redis.slow_s = self.redis_cut, self.redis_slow_s
        lease = RedisLease(redis)  # type: ignore[arg-type]
        lease.owner = f"{self.dice.getrandbits(64):016x}"
        standby = Standby(lease, clock, fit=lambda: telephony.trouble is None, instant=loop.time)
        tenure = LeaseTenure(lease, clock=loop.time)
        tenure.asked = Flag()  # type: ignore[assignment]
        records = RedisJournal(redis)  # type: ignore[arg-type]
        journal = JournalKeeper(
            records,
            engine,
            clock,
            epoch=lambda: tenure.epoch,
            fenced=lambda epoch: tenure.suspect(),
            records_on_disk=writer.on_disk,
        )
        pump = Pump(engine, clock=clock, slice_s=self.dice.choice((0.0, 1.0)))
        telephony = AmiTelephony(
            None,  # type: ignore[arg-type]
            node="node-a",
            pool="main",
            clock=clock,
            tenure=tenure,
            sink=pump.see,
            numbers=_NUMBERS,
            endpoints=list,
            rules=world.rules,
        )
        session = telephony.session
        session.epoch, session.owns = lambda: telephony.epoch or tenure.epoch, lambda: telephony._owns  # type: ignore[attr-defined]

        def speak(effect: Any) -> None:
            world.points.at("receipt: spoken")
            world.judge.will_be_spoken(effect)
            telephony.perform(effect)

        async def journalled() -> bool:
            JOURNALLED.set(await journal.committed())
            return JOURNALLED.get()

        def written(effect: WriteDown, safe: bool) -> None:
            world.points.at("receipt: promise written")
            pump.see(PromiseWritten(promise_id=effect.promise_id, safe=safe))

        receipt = Receipt(
            journalled=journalled,
            on_disk=writer.on_disk,
            in_ledger=writer.in_ledger,
            ours=lambda: tenure.may_act() is Acting.YES and not engine.floor.lost,
            speak=speak,
            written=written,
        )

        def decided(effect: Any) -> None:
            world.judge.will_speak(effect)
            receipt.speak(effect)

        pump.telephony, pump.stirred, pump.speak = telephony, journal.stirred, decided
        pump.write_down = receipt.write_down
        self.engine, self.pump, self.telephony, self.writer = engine, pump, telephony, writer
        self.journal, self.receipt, self.tenure = journal, receipt, tenure
        renewal = Renewal(tenure)
        pool_lost = asyncio.Event()

        async def roll() -> None:
            pump.ask(Configure(rules=world.rules))
            for profile in world.profiles:
                pump.ask(Enrol(profile=profile))
            for agent_id, entitlement in world.judge.entitled.items():
                pump.ask(Entitle(agent_id=agent_id, entitlement=entitlement))

        def to_ledger(event: Event, now: Micros) -> None:
            fact = fact_of(event, now)
            if fact is not None:
                writer.offer(fact)

        def watch(event: Event, now: Micros) -> None:
            world.judge.saw(self, event)
            if isinstance(event, PoolLost):
                pool_lost.set()

        process.tasks = [  # type: ignore[attr-defined]
            loop.create_task(telephony.run()),
            loop.create_task(writer.run()),
        ]
        taken = await standby.at_start()
        if taken is None:
            taken = await standby.turn()
        tenure.begin(*taken)
        renewal.start()
        world.points.at("takeover: the lease is ours")
        await writer.adopt()
        left = await inherit(pump, clock, journal=records, presence=_no_presence(), ledger=ledger, roll=roll)
        world.points.at("takeover: the journal is read")
        pump.subscribe(to_ledger)
        pump.subscribe(watch)
        journal.forget_others(left.pictures)
        await roll()  # shifts are files: what is in them since the takeover began was told to the router before
        self.owns = True
        self.heard_out = False
        world.took_over(self, left)
        pump.start()
        telephony.own()

        async def hear() -> None:
            await hear_out(pump, clock, ledger, left, roll=roll, claimed=lambda: telephony.epoch > 0)
            self.heard_out = True
            world.judge.heard(self)

        process.tasks += [loop.create_task(journal.run()), loop.create_task(hear())]  # type: ignore[attr-defined]
        world.points.at("takeover: the pump runs")
        await pool_lost.wait()
        world.ends["pool lost"] += 1
        self.owns = False
        pump.stop()
        await session.close()
        await writer.close(_CLOSING_S)


def _no_presence() -> FakePresence:
    return FakePresence(FakePresenceServer())
