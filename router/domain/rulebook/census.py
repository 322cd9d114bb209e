"""Who holds which skill at which level, counted once: sets of agents as whole numbers, one bit for each agent.

To ask a question of ten thousand agents one by one takes a millisecond or more, and new rules ask thousands of
questions while callers wait. Here each is a few operations on numbers of ten thousand bits, a microsecond each.

Rule 1: a seat is an agent's bit; it is free again when they leave, so the numbers stay as small as the floor is.
Rule 2: a skill that was ever held stays known, with no holder perhaps.
Rule 3: of each skill a hundred such numbers are made, one a level, when it is first asked for: who asks has many
questions. All together they would weigh more than the rest of the floor, so `rest` keeps the latest few only.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from router.domain.nothing import NOTHING

if TYPE_CHECKING:
    from router.domain.benches.agent import Agent

LEVELS = 101
"Of a skill, 0 to 100."
_KEPT = 16
"Skills whose numbers are kept when nobody asks: 130 KB each with 10,000 agents."


class Census:
    __slots__ = ("_at_least", "_free", "_holders", "_seated", "_seats", "_skills", "everybody")

    def __init__(self) -> None:
        self.everybody = 0
        self._seats: dict[Agent, int] = {}
        self._seated: list[Agent | None] = []
        self._skills: list[Mapping[str, int]] = []
        "By seat: those that its holder is counted with."
        self._free: list[int] = []
        self._holders: dict[str, int] = {}
        self._at_least: dict[str, list[int]] = {}
        "Rule 3: by skill, who holds it at each level or above."

    def count(self, agent: "Agent") -> tuple[str, ...]:
        """Take in an agent with their skills, or with others than before. Gives the skills nobody ever had."""
        skills = agent.profile.skills
        seat = self._seats.get(agent)
        if seat is None:
            seat = self._take_seat(agent)
        before = self._skills[seat]
        if before == skills:
            return ()
        new = tuple(skill for skill in skills if skill not in self._holders)
        self._move(seat, skills)
        return new

    def _take_seat(self, agent: "Agent") -> int:
        if self._free:
            seat = self._free.pop()
        else:
            seat = len(self._seated)
            self._seated.append(None)
            self._skills.append(NOTHING)
        self._seats[agent], self._seated[seat] = seat, agent
        self.everybody |= 1 << seat
        return seat

    def forget(self, agent: "Agent") -> None:
        seat = self._seats.pop(agent, None)
        if seat is not None:
            self._move(seat, NOTHING)
            self.everybody &= ~(1 << seat)
            self._seated[seat] = None
            self._free.append(seat)

    def knows(self, skill: str) -> bool:
        return skill in self._holders

    def holders(self, skill: str, low: int, high: int) -> int:
        """Who holds it at `low` to `high`."""
        at_least = self._at_least.pop(skill, None)
        if at_least is None:
            at_least = self._summed(skill)
        self._at_least[skill] = at_least  # the latest is the last
        return at_least[low] & ~at_least[high + 1]

    def rest(self) -> None:
        """Nobody has a question for the time being."""
        for skill in list(self._at_least)[:-_KEPT]:
            del self._at_least[skill]

    def _summed(self, skill: str) -> list[int]:
        size = len(self._seated) // 8 + 1
        levels: dict[int, bytearray] = {}
        for seat in seats_of(self._holders.get(skill, 0)):
            bits = levels.setdefault(self._skills[seat][skill], bytearray())
            if not bits:
                bits.extend(bytes(size))
            bits[seat >> 3] |= 1 << (seat & 7)
        found = [0] * (LEVELS + 1)
        for level in range(LEVELS - 1, -1, -1):
            found[level] = found[level + 1] | int.from_bytes(levels.get(level, b""), "little")
        return found

    def agents(self, who: int) -> "Iterator[Agent]":
        """The members of a set, by their seats."""
        return (agent for seat in seats_of(who) if (agent := self._seated[seat]) is not None)

    def _move(self, seat: int, skills: Mapping[str, int]) -> None:
        bit, before = 1 << seat, self._skills[seat]
        self._skills[seat] = skills
        for skill in before:
            self._holders[skill] &= ~bit
            self._at_least.pop(skill, None)
        for skill in skills:
            self._holders[skill] = self._holders.get(skill, 0) | bit
            self._at_least.pop(skill, None)


def seats_of(who: int) -> Iterator[int]:
    bits = bin(who)[:1:-1]
    seat = bits.find("1")
    while seat >= 0:
        yield seat
        seat = bits.find("1", seat + 1)
