"""What goes wrong in a day, drawn by dice: each kind of fault comes by itself, so any may meet any other."""

from dataclasses import dataclass, replace
from random import Random
from typing import Any

from router.domain.ids import SECOND, Micros
from router.simulation.wire import MILLISECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    name: str
    mean_us: Micros
    "Between two of them."
    longest_us: Micros = 0
    blind: bool = False
    "Whether the owner may miss something of what callers do."


KINDS = (
    Kind(name="router killed", mean_us=60 * SECOND, blind=True),
    Kind(name="router without power", mean_us=90 * SECOND, blind=True),
    Kind(name="router stopped", mean_us=60 * SECOND, longest_us=6 * SECOND, blind=True),
    Kind(name="standby killed", mean_us=100 * SECOND),
    Kind(name="standby stopped", mean_us=120 * SECOND, longest_us=8 * SECOND),
    Kind(name="node lost", mean_us=80 * SECOND, longest_us=12 * SECOND, blind=True),
    Kind(name="Asterisk killed", mean_us=400 * SECOND, longest_us=4 * SECOND, blind=True),
    Kind(name="Redis killed", mean_us=150 * SECOND, longest_us=4 * SECOND),
    Kind(name="Redis emptied", mean_us=300 * SECOND, longest_us=1 * SECOND),
    Kind(name="owner cut from Redis", mean_us=120 * SECOND, longest_us=8 * SECOND),
    Kind(name="standby cut from Redis", mean_us=150 * SECOND, longest_us=8 * SECOND),
    Kind(name="Redis slow", mean_us=150 * SECOND, longest_us=4 * SECOND),
    Kind(name="database away", mean_us=150 * SECOND, longest_us=40 * SECOND),
    Kind(name="database killed", mean_us=150 * SECOND, longest_us=5 * SECOND),
    Kind(name="commit unanswered", mean_us=60 * SECOND),
    Kind(name="database slow", mean_us=150 * SECOND, longest_us=10 * SECOND),
    Kind(name="disk slow", mean_us=150 * SECOND, longest_us=5 * SECOND),
)


CALM = tuple(replace(kind, mean_us=kind.mean_us * (8 if kind.blind else 1)) for kind in KINDS)
"Days on which most of what callers do is seen by somebody, so that their records can be judged to the instant."


class Fate:
    def __init__(self, dice: Random, kinds: tuple[Kind, ...] = KINDS) -> None:
        self._dice = dice
        self._kinds = kinds
        self._over = False
        self._town: Any = None

    def begins(self, town: Any) -> None:
        self._town = town
        for kind in self._kinds:
            self._again(kind)

    @property
    def going_on(self) -> bool:
        return self._town is not None and not self._over

    def ends(self) -> None:
        self._over = True

    def _again(self, kind: Kind) -> None:
        delay_us = SECOND + int(self._dice.expovariate(1.0) * kind.mean_us)
        self._town.clock.later(delay_us, lambda: self._happens(kind))

    def _happens(self, kind: Kind) -> None:
        if self._over:
            return
        for_us = self._dice.randint(50 * MILLISECOND, max(kind.longest_us, 60 * MILLISECOND))
        if self.strike(kind.name, for_us):
            if "Redis" in kind.name:
                self._town.redis_well_at = max(self._town.redis_well_at, self._town.now + for_us + 5 * SECOND)
            self._town.faults[kind.name] += 1
            self._town.touch(kind.name, blind=kind.blind)
        self._again(kind)

    def strike(self, name: str, for_us: Micros) -> bool:
        """Do it; False when there is nobody to do it to."""
        town = self._town
        owner = town.owner if town.owner is not None and town.owner.lives else None
        other = next((one for one in town.machines if one is not town.owner and one.lives), None)
        later = town.clock.later
        match name:
            case "router killed" | "router without power" if owner is not None and not owner.process.stopped:
                owner.die(power=name == "router without power")
            case "standby killed" if other is not None:
                other.die()
            case "router stopped" | "standby stopped":
                machine = owner if name == "router stopped" else other
                if machine is None or machine.process.stopped:
                    return False
                process = machine.process
                process.stopped = True
                later(for_us, lambda: town.loop.go_on_with(process))
            case "node lost" if owner is not None:
                session = owner.process.session
                if session is None or not session.wire.up:
                    return False
                session.wire.lose(for_us)
            case "Asterisk killed" if town.asterisk.up:
                town.touch(name)
                for machine in town.machines:
                    if machine.lives and machine.process.session is not None:
                        machine.process.session.wire.lose(for_us)
                town.asterisk.die()
                later(for_us, town.asterisk.come_back)
            case "Redis killed" | "Redis emptied" if town.redis.up:
                empty = name == "Redis emptied"
                town.redis.die()
                later(for_us, lambda: self._redis_back(empty))
            case "owner cut from Redis" | "standby cut from Redis":
                machine = town.owner if name.startswith("owner") else other
                if machine is None or machine.redis_cut:
                    return False
                machine.cut_from_redis(True)
                later(for_us, lambda: machine.cut_from_redis(False))
            case "Redis slow":
                slow_s = self._dice.choice((0.02, 0.1, 0.3))
                for machine in town.machines:
                    machine.slow_redis(slow_s)
                later(for_us, lambda: [machine.slow_redis(0.0) for machine in town.machines])
            case "database away" | "database slow":
                for machine in town.machines:
                    machine.ledger_line.cut = name == "database away"
                    machine.ledger_line.slow_s = 2.0 if name == "database slow" else 0.0
                later(for_us, self._database_well)
            case "database killed" if town.database.up:
                town.database.die()
                later(for_us, lambda: setattr(town.database, "up", True))
            case "commit unanswered":
                town.database.forgets_to_answer = self._dice.randint(1, 3)
            case "disk slow":
                town.disk.slow_s = self._dice.choice((0.05, 0.3))
                later(for_us, lambda: setattr(town.disk, "slow_s", 0.0))
            case _:
                return False
        return True

    def _redis_back(self, empty: bool) -> None:
        self._town.redis.come_back(empty=empty)
        if empty:
            self._town.judge.forgets()

    def _database_well(self) -> None:
        for machine in self._town.machines:
            machine.ledger_line.cut, machine.ledger_line.slow_s = False, 0.0
