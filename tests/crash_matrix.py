"""`make crash-matrix CONTACTS=n`: at each named point each part of the site is killed; nobody is lost or billed twice.

A cell is a day of the whole system (tests/simulation) of its own on which, whenever the point is passed and the last
death is some seconds ago, the part dies at that very point: router and standby by `kill -9`, Redis, database and
Asterisk as servers. The judge is the one of `make simulate`. Exit code 1 when a cell is not clean.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from zlib import crc32

from tests.simulation.day import HABITS, play
from tests.simulation.traps import VICTIMS, Trap

CONTACTS = 400
_ROUND = 100
"Cells that the same processes play: the dead of a day are never collected (simulation/town.py)."
_LEAST = 3
"Deaths in a cell; a point that is passed less often on such a day is no cell."


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


def points(seed: int = 1, contacts: int = CONTACTS) -> list[str]:
    """The points that an ordinary day passes often enough, in alphabetical order."""
    passed: Counter[str] = Counter()
    play(contacts=contacts, seed=seed, prepare=Trap("nowhere", "router").set, passed=passed)
    return sorted(point for point, times in passed.items() if times >= _LEAST)


def cell(point: str, victim: str, seed: int, contacts: int) -> Cell:
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
    return (
        f"cells {len(cells)} points {there} contacts {total[0]} missing {total[1]} doubled {total[2]} broken {total[3]}"
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
    wrong = one.missing + one.doubled + one.broken
    return f"{wrong} WRONG" if wrong else str(one.deaths)


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
    for first in range(0, len(pairs), _ROUND):
        with ProcessPoolExecutor(asked.processes) as pool:
            some = pairs[first : first + _ROUND]
            waiting = [pool.submit(cell, *pair, seeds[pair], asked.contacts) for pair in some]
            for done in as_completed(waiting):
                cells.append(done.result())
                if time.monotonic() - said > 5:
                    said = time.monotonic()
                    rest_s = (said - began) / len(cells) * (len(pairs) - len(cells))
                    print(f"  {len(cells)} of {len(pairs)} cells, {rest_s:.0f} s to go", file=sys.stderr)
    cells.sort(key=lambda one: (one.point, one.victim))
    bad = [one for one in cells if one.missing or one.doubled or one.broken]
    if asked.json:
        print(json.dumps({"cells": [asdict(one) for one in cells]}))
    else:
        print(table(cells))
    for one in bad[:10]:
        again = f"python -m tests.crash_matrix --only '{one.point} {one.victim}'"
        print(f"\n{one.victim} at {one.point}, seed {one.seed}, again by: {again}")
        print("\n".join(f"    {fault}" for fault in one.faults[:5]))
    print(last_line(cells))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
