"""The whole site under one virtual clock: two machines with a router each, Redis, database, Asterisk, and its people.

To the people (router/simulation/people.py) it is a `Centre`: they call in, answer, pause, and ask whoever owns the
pool.
"""

import asyncio
import hashlib
import shutil
import tempfile
import traceback
from collections import Counter, defaultdict
from pathlib import Path
from random import Random
from typing import Any

from router.adapters.sql.ledger import SqlLedger
from router.domain.engine import Engine
from router.domain.errors import CommandRefused
from router.domain.ids import SECOND, Micros
from router.domain.messages.commands import AgentProfile, Command, Configure, Reopen, Shut
from router.domain.rulebook.rules import Rules
from router.inheritance import Inheritance
from router.ports import Acting, RecordQuery
from router.simulation.centre import START_AT
from router.simulation.clock import VirtualClock
from router.simulation.legs import Leg, Phone
from router.simulation.people import Crowd
from router.simulation.site import rules as rules_of
from router.simulation.wire import MILLISECOND, Weather
from tests.simulation.database import DatabaseServer, LedgerLine
from tests.simulation.disk import Disk
from tests.simulation.exchange import Exchange
from tests.simulation.judge import WholeJudge
from tests.simulation.loop import Killed, VirtualLoop
from tests.simulation.machine import Machine
from tests.simulation.points import Points
from tests.simulation.redis_server import RedisServer

_TICK_US = 200 * MILLISECOND


class Town:
    def __init__(
        self,
        rules: Rules,
        profiles: list[AgentProfile],
        dice: Random,
        weather: Weather,
        crowd: Crowd,
        *,
        look_every: int,
    ) -> None:
        self.clock = VirtualClock(START_AT)
        self.loop = VirtualLoop(self.clock)
        self.dice, self.weather, self.rules, self.profiles = dice, weather, rules, profiles
        self.people = crowd
        self.points = Points()
        self.faults: Counter[str] = Counter()
        self.touched: dict[str, set[str]] = defaultdict(set)
        self.ends: Counter[str] = Counter()
        "Why routers ended by themselves."
        self.graveyard: list[Any] = []
        "The dead: nobody may collect them, or their `finally` would run."
        self.digest = hashlib.sha256()
        self.over = False
        self.owner: Machine | None = None
        self.died_at: Micros = 0
        self.last: tuple[Machine, Engine] | None = None
        "Who owned the pool, with the floor it left."
        self.redis_well_at: Micros = 0
        "When Redis has been well, and in everybody's reach, for long enough to hold everything again."
        self.takeovers: list[Micros] = []
        "How long nobody decided, each time."
        self.disk = Disk(self.points, dice)
        self.redis = RedisServer(self.clock, self.points)
        self.database = DatabaseServer(self.points)
        self.asterisk = Exchange(self.clock, dice, crowd, self.points)
        self.no_floor = Engine(rules).floor
        self.judge = WholeJudge(self, weather.late_us + weather.quick_us)
        self.asterisk.fault, self.asterisk.fan.phone_asked = self.judge.blame, self.judge.phone_asked
        self.asterisk.spoken, self.redis.fault = self.judge.spoken, self.judge.blame
        for profile in profiles:
            self.asterisk.phones[profile.endpoint] = Phone(endpoint=profile.endpoint)
        self.place = Path(tempfile.mkdtemp(prefix="ringfair-simulation-", dir=_in_memory()))
        self.machines = [Machine(name, self.place / name, self, dice) for name in ("one", "two")]
        self._look_every, self._ticks = look_every, 0
        self._dark = True
        self.clock.later(_TICK_US, self._tick)

    # ---- what the people use ----

    @property
    def now(self) -> Micros:
        return self.clock.now

    @property
    def engine(self) -> Engine:
        """The owner's; its last one's while there is none."""
        assert self.owner is not None
        assert self.owner.engine is not None
        return self.owner.engine

    def ask(self, command: Command) -> bool:
        """Over the page of whoever owns the pool; nobody hears it while there is no such router."""
        machine = self.owner
        if machine is None or machine.process is None or machine.process.stopped or not machine.owns:
            return False
        process, pump = machine.process, machine.pump
        assert pump is not None
        number = self.judge.asks(command)
        try:
            process.context.copy().run(pump.ask, command)
        except CommandRefused:
            self.judge.refused(command)
            return False
        except Killed:
            return False
        process.context.copy().run(self.loop.create_task, self._acknowledge(machine, command, number))
        return True

    async def _acknowledge(self, machine: Machine, command: Command, number: int) -> None:
        self.points.at("receipt: asked")
        assert machine.receipt is not None
        if await machine.receipt.safe(ledger_knows=not isinstance(command, Shut | Reopen)):
            self.points.at("receipt: given")
            self.judge.safe(machine, command, number)

    def reload(self, version: int) -> None:
        self.rules = rules_of(version)
        self.ask(Configure(rules=self.rules))

    def lose_node(self, for_us: Micros) -> None:
        """The owner's connection to Asterisk breaks."""
        machine = self.owner
        session = None if machine is None or machine.process is None else machine.process.session  # type: ignore[attr-defined]
        if session is not None and session.wire.up:
            self.touch("node lost")
            session.wire.lose(for_us)

    def die(self, for_us: Micros) -> bool:
        return False  # routers are killed by fate (fate.py), not by the people

    # ---- who sees what ----

    def touch(self, kind: str, *, blind: bool = True) -> None:
        """Something happens to everybody who is on the line now; `blind`: the owner may not see what they do."""
        touched = self.touched[kind]
        for caller in self._callers():
            if caller.contact_id is not None:
                touched.add(caller.contact_id)
        if blind:
            self._blind()

    def _callers(self) -> list[Leg]:
        return [leg for leg in self.asterisk.legs.values() if leg.life is not None]

    def _blind(self) -> None:
        self._dark = self.asterisk.fan.dark = True
        self.judge.sees_since = None
        for caller in self._callers():
            if caller.life is not None:
                caller.life.blind = True
        since = self.now - SECOND
        for life in list(self.asterisk.lives.values())[-50:]:
            if life.ended_at is not None and life.ended_at > since:
                life.blind = True

    def _tick(self) -> None:
        if self.over:
            return
        owner = self.owner
        sees = owner is not None and owner.sees and owner.tenure is not None and owner.tenure.may_act() is Acting.YES
        if not sees:
            self._blind()
        elif self._dark:
            self._blind()
            self._dark = self.asterisk.fan.dark = False
            self.judge.sees_since = self.now
        self._ticks += 1
        if sees and self._ticks % self._look_every == 0:
            due_at = self.engine.next_timer()
            if due_at is None or due_at > self.now:
                self.judge.look(self.now)
        self.clock.later(_TICK_US, self._tick)

    def failed(self, error: Exception) -> None:
        """A router ended in a way no router may."""
        where = traceback.extract_tb(error.__traceback__)[-1]
        self.judge.blame(f"a router broke: {type(error).__name__}: {error} ({where.name}, line {where.lineno})")

    def died(self, machine: Machine, was_owner: bool) -> None:
        if machine is self.owner:
            self._blind()
            if was_owner and machine.engine is not None:
                self.died_at = self.now
                self.last = machine, machine.engine

    def took_over(self, machine: Machine, left: Inheritance) -> None:
        self._blind()
        self.owner = machine
        self.judge.took_over(machine, left, self.died_at)
        if self.last is not None:
            if self.died_at > self.redis_well_at:
                self.judge.on_paper(self.last[1].floor, left.pictures, self.died_at)
            self.last = None

    # ---- a day ----

    async def day(self, crowd: Crowd, fate: Any) -> None:
        for machine in self.machines:
            machine.boot()
            await asyncio.sleep(1)
        await self._until(lambda: not self._dark)
        crowd.come_in(self)  # type: ignore[arg-type]
        fate.begins(self)
        await self._until(lambda: crowd.day_is_over, 36_000)
        fate.ends()
        await self._until(lambda: not self._callers() and all(machine.lives for machine in self.machines))
        for phone in self.asterisk.phones.values():
            self.asterisk.set_reach(phone, True)
        await asyncio.sleep(60)
        await self._until(lambda: not self._dark and not self.asterisk.legs and not self.engine.floor.promises)
        await asyncio.sleep(40)  # notes after a talk may take 30 s here
        await self._until(lambda: all(machine.writer and not machine.writer.pending for machine in self.machines), 600)
        self.judge.nothing_left(self.now)
        self.over = True
        await self._read_ledger()

    async def _until(self, is_so: Any, at_most_s: float = 900) -> None:
        for _ in range(int(at_most_s * 2)):
            if is_so():
                return
            await asyncio.sleep(0.5)
        self.judge.blame("it does not come to an end", "lost")

    async def _read_ledger(self) -> None:
        ledger = SqlLedger(LedgerLine(self.database, self.dice))  # type: ignore[arg-type]
        records = {}
        async for story in ledger.stories(RecordQuery(limit=10_000_000)):
            if story.record is not None:
                records[story.contact_id] = story.record
            if story.corrections:
                self.judge.blame(f"{story.contact_id} was corrected", "double_bills")
        self.judge.judge_ledger(records)
        for _, _, writer in [*self.graveyard, *((None, None, machine.writer) for machine in self.machines)]:
            if writer is not None and writer.refused:
                self.judge.blame(f"{writer.refused} facts were refused by the ledger", "double_bills")
        for what in self.loop.failures[:5]:
            self.judge.blame(f"a task failed: {what}")

    def clear_away(self) -> None:
        self.over = True
        for machine in self.machines:
            if machine.process is not None:
                self.disk.died(machine.process, power=False)
        shutil.rmtree(self.place, ignore_errors=True)


def _in_memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
