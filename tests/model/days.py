"""A day: a site, and some of the steps of its dice, played by both until they differ."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from tests.model import steps
from tests.model.both import Both, View

STEPS_A_DAY = 2000
_LOOK_WHOLE = 50
"So often the engine's own invariants are asked for."
TRIED = (
    "a day's share was reached",
    "a line that never relaxes",
    "a promise expired",
    "another was first",
    "backs others up",
    "by what was told of the caller",
    "called back",
    "called back in vain",
    "called back, and picked up",
    "campaign gone",
    "chosen from several: best-skilled",
    "chosen from several: fewest-contacts",
    "chosen from several: fixed-order",
    "chosen from several: least-talk",
    "chosen from several: longest-idle",
    "chosen from several: round-robin",
    "held off",
    "midnight",
    "missed",
    "not again to who refused",
    "paused for a dead phone",
    "overflow: full",
    "overflow: key",
    "overflow: nobody at the door",
    "overflow: nobody there any more",
    "overflow: nobody there by new rules",
    "overflow: wait",
    "passed over: full",
    "passed over: nobody at the door",
    "points changed in line",
    "promised to be called back",
    "queue gone",
    "refused",
    "row opened at once",
    "row opened by time",
    "rung in a later row",
    "several freed at once",
    "several rung at once",
    "shift began or ended",
    "status changed after the contact",
    "strict, before others",
    "taken before others by a post's priority",
    "transferred",
    "urgent, before others",
    "went before a later row",
)
"What must have come about, besides every kind of step, for a long run to prove anything."


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    why: str
    engine: list[str]
    model: list[str]

    def lines(self) -> list[str]:
        return [self.why, *(f"  engine: {one}" for one in self.engine), *(f"  model:  {one}" for one in self.model)]


@dataclass(slots=True, kw_only=True)
class Day:
    number: int
    steps: int = 0
    played: list[int] = field(default_factory=list)
    "The steps that were played, by their number."
    story: list[tuple[int, str]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)
    difference: Difference | None = None
    digest: str = ""


def play(seed: int, number: int, which: Iterable[int]) -> Day:
    """The same whenever it is played. Of the day's steps those in `which` are played, as if there were no others."""
    of_day = (seed * 1_000_003 + number) * 10_007
    day = Day(number=number)
    both = steps.begin(Random(of_day))
    digest = hashlib.sha256()
    day.difference = differ(both)
    for step in which:
        if day.difference is not None:
            break
        day.steps += 1
        day.played.append(step)
        kind = ""
        try:
            kind = steps.play(both, Random(of_day + 1 + step))
        except Exception as error:  # noqa: BLE001 — whatever one of them falls over is what we look for
            day.difference = Difference(why=f"{type(error).__name__}: {error}", engine=[], model=[])
        day.story.append((step, kind))
        day.done[kind or "nobody there for it"] += 1
        digest.update(repr(both.engine_offers).encode())
        day.difference = day.difference or differ(both, whole=day.steps % _LOOK_WHOLE == 0)
    day.used = both.model.used
    day.digest = digest.hexdigest()[:16]
    return day


def differ(both: Both, *, whole: bool = False) -> Difference | None:
    """What is not the same; forgets the offers it has compared."""
    ours, theirs = both.engine_offers, both.model.offers
    both.engine_offers, both.model.offers = [], []
    if ours != theirs:
        return Difference(why="other offers", engine=list(map(_offer, ours)), model=list(map(_offer, theirs)))
    ours_seen, theirs_seen = both.seen_in_engine(), both.seen_in_model()
    if ours_seen != theirs_seen:
        engine, model = _apart(ours_seen, theirs_seen), _apart(theirs_seen, ours_seen)
        return Difference(why="same offers, another floor", engine=engine, model=model)
    faults = both.faults + (both.invariants() if whole else [])
    return Difference(why="; ".join(faults), engine=[], model=[]) if faults else None


def _offer(made: tuple[str, str, str]) -> str:
    name, agent, queue = made
    return f"{name} to {agent} from {queue}"


def _apart(one: View, other: View) -> list[str]:
    return [f"{what}: {seen}" for what, seen in one.items() if what not in other or other[what] != seen]
