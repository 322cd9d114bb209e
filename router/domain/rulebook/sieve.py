"""What a need says, as a tree; and the two ways to put agents through it: one by one, and all at once.

Rule 1: every comparison of a skill comes down to "held, and between low and high".
Rule 2: what a contact's data decides (`Called`, `Told`) is decided before anybody is put through: `bound` leaves a tree
that speaks of skills alone. A tree that is not bound answers as for a contact of whom nothing is known.
Rule 3: one by one is a handful of closures over one dictionary look-up each. All at once is arithmetic of sets
(census.py): a few operations for ten thousand agents, so new rules are in force while callers wait.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from router.domain.rulebook.census import Census

PROFICIENCY_MAX = 100

Test = Callable[[Mapping[str, int]], bool]
Facts = Mapping[str, str]
"What is known of a contact: name → value, `$name` → skill; what is not there is the empty text."


@dataclass(frozen=True, slots=True)
class Held:
    """The skill is held at `low` to `high`."""

    skill: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Called:
    """The skill that the contact's data names is held so. It is false where that names none."""

    name: str
    "With its `$`: as a text, the same datum may be another word."
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Told:
    """The contact's data says so."""

    name: str
    value: str
    begins: bool
    "Whether it is enough that the data begins with the value."

    def holds(self, facts: Facts) -> bool:
        said = facts.get(self.name, "")
        return said.startswith(self.value) if self.begins else said == self.value


@dataclass(frozen=True, slots=True)
class Fixed:
    truth: bool


@dataclass(frozen=True, slots=True)
class Not:
    part: "Tree"


@dataclass(frozen=True, slots=True)
class Every:
    parts: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Some:
    parts: "tuple[Tree, ...]"


Tree = Held | Called | Told | Fixed | Not | Every | Some


def bound(tree: Tree, facts: Facts) -> Tree:
    """Rule 2. `facts` has `language` as it was told, and `$language`, the skill of that name, if there is one."""
    match tree:
        case Called(name, low, high):
            skill = facts.get(name, "")
            return Held(skill, low, high) if skill else Fixed(False)
        case Told():
            return Fixed(tree.holds(facts))
        case Not(part):
            return Not(bound(part, facts))
        case Every(parts):
            return Every(tuple(bound(part, facts) for part in parts))
        case Some(parts):
            return Some(tuple(bound(part, facts) for part in parts))
        case _:
            return tree


def among(tree: Tree, census: Census) -> int:
    """The set of those who pass."""
    match tree:
        case Held(skill, low, high):
            return census.holders(skill, low, high)
        case Not(part):
            return census.everybody & ~among(part, census)
        case Every(parts):
            found = census.everybody
            for part in parts:
                found &= among(part, census)
            return found
        case Some(parts):
            found = 0
            for part in parts:
                found |= among(part, census)
            return found
        case Fixed(truth):
            return census.everybody if truth else 0
        case _:
            return among(bound(tree, {}), census)


def test_of(tree: Tree) -> Test:
    """One agent's skills → whether they pass."""
    match tree:
        case Held(skill, low, high):
            return _held(skill, low, high)
        case Not(part):
            test = test_of(part)
            return lambda skills: not test(skills)
        case Every(parts):
            return _all_of([test_of(part) for part in parts])
        case Some(parts):
            return _any_of([test_of(part) for part in parts])
        case Fixed(truth):
            return lambda skills: truth
        case _:
            return test_of(bound(tree, {}))


def _held(skill: str, low: int, high: int) -> Test:
    # -1 stands for "not held" and lies outside every interval, so one look-up decides.
    if high == PROFICIENCY_MAX:
        return lambda skills: skills.get(skill, -1) >= low
    return lambda skills: low <= skills.get(skill, -1) <= high


# Pairs are written out: a loop over two closures costs as much as the closures.


def _all_of(tests: list[Test]) -> Test:
    if len(tests) == 2:
        one, two = tests
        return lambda skills: one(skills) and two(skills)
    if len(tests) == 3:
        first, second, third = tests
        return lambda skills: first(skills) and second(skills) and third(skills)
    every = tuple(tests)

    def all_of(skills: Mapping[str, int]) -> bool:
        for test in every:  # noqa: SIM110 — all() over a generator costs twice as much
            if not test(skills):
                return False
        return True

    return all_of


def _any_of(tests: list[Test]) -> Test:
    if len(tests) == 2:
        one, two = tests
        return lambda skills: one(skills) or two(skills)
    every = tuple(tests)

    def any_of(skills: Mapping[str, int]) -> bool:
        for test in every:  # noqa: SIM110 — any() over a generator costs twice as much
            if test(skills):
                return True
        return False

    return any_of
