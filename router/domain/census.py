"""Who holds which skill at which level, counted once: sets of agents as whole numbers, one bit for each agent.

To ask a question of ten thousand agents one by one takes a millisecond or more, and new rules ask thousands of
questions while callers wait. Here each is a few operations on numbers of ten thousand bits, a microsecond each.

Rule 1: a seat is an agent's bit; it is free again when they leave, so the numbers stay as small as the floor is.
Rule 2: a skill that was ever held stays known, at nobody's level perhaps.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.domain.agent import Agent

LEVELS = 101
"Of a skill, 0 to 100."


class Census:
    __slots__ = ("_at_least", "_free", "_levels", "_seats", "everybody", "seated")

    def __init__(self) -> None:
        self.everybody = 0
        self.seated: dict[int, Agent] = {}
        self._seats: dict[Agent, tuple[int, Mapping[str, int]]] = {}
        "Agent → their seat, and the skills they are counted with."
        self._free: list[int] = []
        self._levels: dict[str, dict[int, int]] = {}
        self._at_least: dict[str, list[int]] = {}
        "Of skills that were asked for since anybody came, changed or left."

    def count(self, agent: "Agent") -> tuple[str, ...]:
        """Take in an agent with their skills, or with others than before. Gives the skills nobody ever had."""
        skills = agent.profile.skills
        seat, before = self._seats.get(agent, (-1, {}))
        if seat >= 0 and before == skills:
            return ()
        if seat < 0:
            seat = self._free.pop() if self._free else len(self._seats)
            self.seated[seat] = agent
            self.everybody |= 1 << seat
        new = tuple(skill for skill in skills if skill not in self._levels)
        self._move(seat, before, skills)
        self._seats[agent] = seat, skills
        return new

    def forget(self, agent: "Agent") -> None:
        seat, before = self._seats.pop(agent, (-1, {}))
        if seat >= 0:
            self._move(seat, before, {})
            self.everybody &= ~(1 << seat)
            del self.seated[seat]
            self._free.append(seat)

    def knows(self, skill: str) -> bool:
        return skill in self._levels

    def holders(self, skill: str, low: int, high: int) -> int:
        """Who holds it at `low` to `high`."""
        at_least = self._at_least.get(skill)
        if at_least is None:
            at_least = self._at_least[skill] = self._summed(skill)
        return at_least[low] & ~at_least[high + 1]

    def _summed(self, skill: str) -> list[int]:
        """By level, who holds it at that or above."""
        found = [0] * (LEVELS + 1)
        levels = self._levels.get(skill, {})
        for level in range(LEVELS - 1, -1, -1):
            found[level] = found[level + 1] | levels.get(level, 0)
        return found

    def agents(self, who: int) -> "Iterator[Agent]":
        """The members of a set, by their seats."""
        seats = bin(who)[:1:-1]
        seat = seats.find("1")
        while seat >= 0:
            yield self.seated[seat]
            seat = seats.find("1", seat + 1)

    def _move(self, seat: int, before: Mapping[str, int], after: Mapping[str, int]) -> None:
        bit = 1 << seat
        self._at_least.clear()
        for skill, level in before.items():
            self._levels[skill][level] &= ~bit
        for skill, level in after.items():
            levels = self._levels.setdefault(skill, {})
            levels[level] = levels.get(level, 0) | bit
