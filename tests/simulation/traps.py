"""A trap at a named point: whoever it is for is killed, or stopped, the moment the point is passed. Again and again."""

from random import Random
from typing import Any

from router.domain.ids import SECOND, Micros
from tests.simulation.fate import Fate, Kind

VICTIMS = ("router", "standby", "Redis", "database", "Asterisk")
EVERY_US: Micros = 8 * SECOND
"Between two deaths: a site needs a moment to recover."
_HOUSE = (
    Kind(name="router killed", mean_us=30 * SECOND, blind=True),
    Kind(name="node lost", mean_us=45 * SECOND, longest_us=3 * SECOND, blind=True),
    Kind(name="owner cut from Redis", mean_us=50 * SECOND, longest_us=4 * SECOND, blind=True),
)
"What happens besides, so that the points of takeovers and reconnections are passed at all."
_STRIKES = {
    "router": ("router killed", 0),
    "router without power": ("router without power", 0),
    "router stopped": ("router stopped", 1_900_000),
    "standby": ("standby killed", 0),
    "Redis": ("Redis killed", SECOND),
    "database": ("database killed", SECOND),
    "Asterisk": ("Asterisk killed", SECOND // 2),
}


class Trap:
    """`Trap(point, victim).set` is a `prepare` of day.py."""

    def __init__(
        self, point: str, victim: str, *, house: tuple[Kind, ...] = _HOUSE, every_us: Micros = EVERY_US
    ) -> None:
        self.point, self.victim = point, victim
        self.sprung = 0
        self.passed = 0
        self._house = house
        self._every_us = every_us
        self._next_at: Micros = 0

    def set(self, town: Any) -> Fate:
        self._town = town
        self._fate = Fate(Random(town.dice.random()), self._house)
        town.points.trap, town.points.spring = self.point, self._spring
        return self._fate

    def _spring(self) -> None:
        town = self._town
        self.passed += 1
        if town.now < self._next_at or not self._fate.going_on:
            return
        self._next_at = town.now + self._every_us
        if self.victim == "Asterisk":
            town.clock.at(town.now, self._strike)  # it finishes the step it is at
        else:
            self._strike()

    def _strike(self) -> None:
        name, for_us = _STRIKES[self.victim]
        if self._fate.strike(name, for_us):
            self.sprung += 1
            if "Redis" in name:
                self._town.redis_well_at = self._town.now + for_us + 5 * SECOND
            self._town.faults[f"{self.victim} at {self.point}"] += 1
            self._town.touch(f"{self.victim} at {self.point}")
