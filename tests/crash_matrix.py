"""`make crash-matrix CONTACTS=n`: at each named point each part of the site is killed; nobody is lost or billed twice.

A cell is a day of the whole system (tests/simulation) of its own on which, whenever the point is passed and the last
death is some seconds ago, the part dies at that very point: router and standby by `kill -9`, Redis, database and
Asterisk as servers. The judge is the one of `make simulate`.

A day on which nobody died proves nothing: the cell is played again with the seeds that follow. If still nobody died it
is untried: it is named, counted in the last line, and no success. No cell is impossible, so none is left out: on an
ordinary day each part lives at each of the points, three times at least. (`router` is who owned the pool last:
at the first points of a takeover it has been started again, if it lives, and `standby` is the one who takes over.)
Exit code 1 when a cell is not clean or untried.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from zlib import crc32

from tests.simulation.day import HABITS, play
from tests.simulation.traps import VICTIMS, Trap

CONTACTS = 400
_ROUND = 100
"Cells that the same processes play: the dead of a day are never collected (simulation/town.py)."
_LEAST = 3
"A point that is passed less often on an ordinary day is no cell."
_DAYS = 6
"At most, until somebody dies: of cells that are dry on every other day, one in 64 stays untried."


@dataclass(frozen=True, slots=True)
class Cell:
    point: str
    victim: str
    seed: int
    contacts: int
    passed: int = 0
    deaths: int = 0
    missing: int = 0
    doubled: int = 0
    broken: int = 0
    faults: tuple[str, ...] = field(default=())
    days: int = 1
    "Played until somebody died; the figures are those of the last one."

    @property
    def wrong(self) -> int:
        return self.missing + self.doubled + self.broken

    @property
    def untried(self) -> bool:
        return not self.deaths and not self.wrong


@cache
def points(seed: int = 1, contacts: int = CONTACTS) -> tuple[str, ...]:
    """The points that an ordinary day passes often enough, in alphabetical order."""
    passed: Counter[str] = Counter()
    play(contacts=contacts, seed=seed, prepare=Trap("nowhere", "router").set, passed=passed)
    return tuple(sorted(point for point, times in passed.items() if times >= _LEAST))


def cell(point: str, victim: str, seed: int, contacts: int) -> Cell:
    """Days with seed, seed + 1, … until somebody died, or something is wrong all the same."""
    for days in range(1, _DAYS + 1):
        played = replace(_day(point, victim, seed + days - 1, contacts), days=days)
        if not played.untried:
            break
    return played


def _day(point: str, victim: str, seed: int, contacts: int) -> Cell:
    trap = Trap(point, victim)
    report = play(contacts=contacts, seed=seed, habits=HABITS, prepare=trap.set)
    kinds = report.kinds
    return Cell(
        point=point,
        victim=victim,
        seed=seed,
        contacts=report.contacts,
        passed=trap.passed,
        deaths=trap.sprung,
        missing=kinds["missing_bills"] + kinds["lost"],
        doubled=kinds["double_bills"] + kinds["double_offers"],
        broken=kinds["broken"],
        faults=report.faults,
    )


def last_line(cells: list[Cell]) -> str:
    total = [sum(getattr(one, name) for one in cells) for name in ("contacts", "missing", "doubled", "broken")]
    there = len({one.point for one in cells})
    untried = sum(one.untried for one in cells)
    return (
        f"cells {len(cells)} points {there} contacts {total[0]} "
        f"missing {total[1]} doubled {total[2]} broken {total[3]} untried {untried}"
    )


def table(cells: list[Cell]) -> str:
    """Points × parts: how often it was killed there, or what was wrong."""
    lines = [f"{'deaths at':<42}" + "".join(f"{victim:>10}" for victim in VICTIMS)]
    found = {(one.point, one.victim): one for one in cells}
    for point in sorted({one.point for one in cells}):
        row = [found.get((point, victim)) for victim in VICTIMS]
        lines.append(f"{point:<42}" + "".join(f"{_said(one):>10}" for one in row))
    return "\n".join(lines)


def _said(one: Cell | None) -> str:
    if one is None:
        return "-"
    return f"{one.wrong} WRONG" if one.wrong else "UNTRIED" if one.untried else str(one.deaths)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash_matrix", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--contacts", type=int, default=CONTACTS, metavar="N", help="callers of each cell (400)")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--cells", type=int, default=0, metavar="C", help="a spread of so many cells; 0: all of them")
    parser.add_argument("--only", default="", metavar="TEXT", help="cells whose `point victim` has TEXT in it")
    parser.add_argument("--processes", type=int, default=2, metavar="P")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(words)
    began = said = time.monotonic()
    pairs = [(point, victim) for point in points(asked.seed) for victim in VICTIMS]
    if asked.only:
        pairs = [pair for pair in pairs if asked.only in " ".join(pair)]
    if 0 < asked.cells < len(pairs):
        pairs = [pairs[number * len(pairs) // asked.cells] for number in range(asked.cells)]
    seeds = {pair: asked.seed * 1_000_003 + crc32(" ".join(pair).encode()) for pair in pairs}
    cells: list[Cell] = []
    for begin in range(0, len(pairs), _ROUND):
        with ProcessPoolExecutor(asked.processes) as pool:
            some = pairs[begin : begin + _ROUND]
            waiting = [pool.submit(cell, *pair, seeds[pair], asked.contacts) for pair in some]
            for done in as_completed(waiting):
                cells.append(done.result())
                if time.monotonic() - said > 5:
                    said = time.monotonic()
                    rest_s = (said - began) / len(cells) * (len(pairs) - len(cells))
                    print(f"  {len(cells)} of {len(pairs)} cells, {rest_s:.0f} s to go", file=sys.stderr)
    cells.sort(key=lambda one: (one.point, one.victim))
    bad = [one for one in cells if one.wrong]
    untried = [one for one in cells if one.untried]
    if asked.json:
        print(json.dumps({"cells": [asdict(one) for one in cells]}))
    else:
        print(table(cells))
    for one in bad[:10]:
        again = f"python -m tests.crash_matrix --only '{one.point} {one.victim}'"
        print(f"\n{one.victim} at {one.point}, seed {one.seed}, again by: {again}")
        print("\n".join(f"    {fault}" for fault in one.faults[:5]))
    for one in untried:
        first = one.seed - one.days + 1
        print(f"\nuntried: {one.victim} at {one.point}: nobody died on {one.days} days, seeds {first} to {one.seed}")
    dry = [one.days for one in cells if one.days > 1]
    if dry and not asked.json:
        print(f"\n{len(dry)} cells were played again, for at most {max(dry)} days, because nobody had died")
    print(last_line(cells))
    return 1 if bad or untried or not cells else 0


if __name__ == "__main__":
    sys.exit(main())
