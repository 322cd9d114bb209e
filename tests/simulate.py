"""`make simulate CONTACTS=n SEED=s`: days at a simulated site on which everything goes wrong, judged from outside.

The whole system under a virtual clock (tests/simulation): our own engine, pump, journal with its script, lease with
its scripts, AMI telephony, receipt, spool and ledger statements, in two routers, against models of Asterisk, Redis,
database and disks that lose, double, delay, stop and die. `--engine-only` is the fast form: the engine alone, and days
on which a router dies every few seconds.

Each day has a seed of its own, made from SEED and its number, so a day that fails is played again alone:
`python -m tests.simulate --seed S --day N`. Exit code 1 when anything was lost, doubled, missing or broken, or when a
kind of fault met less than one contact in a hundred.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace

from router.domain.ids import SECOND
from router.simulation.judge import KINDS
from router.simulation.people import Habits
from router.simulation.story import Report, simulate
from router.simulation.wire import MILLISECOND, Weather
from tests.simulation import day as whole
from tests.simulation.fate import CALM, Fate
from tests.simulation.fate import KINDS as FAULTS
from tests.simulation.town import Town

CONTACTS_A_DAY = 2000
_ROUND = 50
"Days that the same processes play."
LEAST_SHARE = 0.01
"Of all contacts, that each kind of fault must have met: else it was not tried."
_STORM = Weather(late=0.15, doubled=0.15, snapshot_us=800 * MILLISECOND)
_CRANKY = dict.fromkeys(("ignores", "rejects", "answers_at_deadline", "declines", "transfers"), 0.2)
_WHOLE_DAYS = (
    (Weather(), whole.HABITS),
    (_STORM, whole.HABITS),
    (Weather(), whole.HABITS),
    (Weather(late=0.1, doubled=0.1), replace(whole.HABITS, **_CRANKY, gone_as_answered=0.1)),
)
_CALM_DAY = 2
"Of those, the one on which routers die seldom."
_ENGINE_DAYS = (
    (Weather(), Habits(kills_router_us=25 * SECOND)),
    (_STORM, Habits(kills_router_us=25 * SECOND)),
    (Weather(), Habits(kills_router_us=5 * SECOND, loses_node_us=40 * SECOND)),
    (Weather(late=0.1, doubled=0.1), Habits(**_CRANKY, gone_as_answered=0.1, kills_router_us=25 * SECOND)),
)
_WIRE_FAULTS = ("late", "doubled", "untold")


@dataclass(slots=True)
class Sum:
    contacts: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    injected: Counter[str] = field(default_factory=Counter)
    touched: Counter[str] = field(default_factory=Counter)
    bad: list[tuple[int, Report]] = field(default_factory=list)

    def take(self, day: int, report: Report) -> None:
        self.contacts += report.contacts
        self.kinds.update(report.kinds)
        self.injected.update(report.injected)
        self.touched.update(report.touched)
        if report.fault_count:
            self.bad.append((day, report))

    def untried(self, *, engine_only: bool) -> list[str]:
        kinds = ("node lost", "router killed") if engine_only else tuple(kind.name for kind in FAULTS)
        return [kind for kind in (*_WIRE_FAULTS, *kinds) if self.touched[kind] < LEAST_SHARE * self.contacts]

    def table(self) -> str:
        lines = [f"{'injected':<42}{'times':>10}{'contacts touched':>20}"]
        for kind in sorted(self.injected):
            share = f"{self.touched[kind]:,} ({self.touched[kind] / self.contacts:.1%})" if kind in self.touched else ""
            lines.append(f"{kind:<42}{self.injected[kind]:>10,}{share:>20}")
        return "\n".join(lines)

    def last_line(self) -> str:
        return f"contacts {self.contacts} " + " ".join(f"{kind} {self.kinds[kind]}" for kind in KINDS)


def play(seed: int, day: int, contacts: int, engine_only: bool) -> Report:
    """One day, the same whenever and wherever it is played."""
    days = _ENGINE_DAYS if engine_only else _WHOLE_DAYS
    weather, habits = days[day % len(days)]
    of_day = seed * 1_000_003 + day
    if engine_only:
        return simulate(contacts=contacts, seed=of_day, weather=weather, habits=habits, agents=40, look_every=50)
    calm = _calm if day % len(days) == _CALM_DAY else None
    return whole.play(contacts=contacts, seed=of_day, weather=weather, habits=habits, prepare=calm)


def _calm(town: Town) -> Fate:
    return Fate(town.dice, CALM)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--contacts", type=int, default=20_000, metavar="N", help="callers in all (20,000)")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--day", type=int, metavar="D", help="this day of the seed alone, with everything it says")
    parser.add_argument("--engine-only", action="store_true", help="the engine alone: 3,000 contacts a second")
    parser.add_argument("--processes", type=int, default=2, metavar="P", help="days played at the same time (2)")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(words)
    if asked.contacts < 1 or asked.processes < 1:
        parser.error("--contacts and --processes must be 1 or more")
    if asked.day is not None:
        report = play(asked.seed, asked.day, min(asked.contacts, CONTACTS_A_DAY), asked.engine_only)
        print(report)
        return 1 if report.fault_count else 0
    found = _days(asked)
    untried = found.untried(engine_only=asked.engine_only) if found.contacts >= 5 * CONTACTS_A_DAY else []
    if asked.json:
        print(
            json.dumps(
                {
                    "form": "engine" if asked.engine_only else "whole",
                    "contacts": found.contacts,
                    "faults": found.kinds,
                    "injected": found.injected,
                    "touched": found.touched,
                    "untried": untried,
                    "bad": [{"day": day, "faults": report.faults} for day, report in found.bad],
                }
            )
        )
        return 1 if found.bad or untried else 0
    print(found.table())
    for number, report in found.bad[:5]:
        form = " --engine-only" if asked.engine_only else ""
        print(f"\nday {number}, again by: python -m tests.simulate --seed {asked.seed} --day {number}{form}\n{report}")
    if untried:
        print(f"too few contacts met: {', '.join(untried)}")
    print(found.last_line())
    return 1 if found.bad or untried else 0


def _days(asked: argparse.Namespace) -> Sum:
    """All days, several at a time; added up in the order of the days, so that the sum is the same each time."""
    sizes = [CONTACTS_A_DAY] * (asked.contacts // CONTACTS_A_DAY)
    sizes += [asked.contacts % CONTACTS_A_DAY] if asked.contacts % CONTACTS_A_DAY else []
    reports: dict[int, Report] = {}
    began = said = time.monotonic()
    days = list(enumerate(sizes))
    for first in range(0, len(days), _ROUND):
        # the dead of a day are never collected (town.py): processes that played hundreds of them would slow down
        with ProcessPoolExecutor(asked.processes) as pool:
            some = days[first : first + _ROUND]
            waiting = {pool.submit(play, asked.seed, day, size, asked.engine_only): day for day, size in some}
            for done in as_completed(waiting):
                reports[waiting[done]] = done.result()
                if time.monotonic() - said > 5:
                    said = time.monotonic()
                    faults = sum(report.fault_count for report in reports.values())
                    rest_s = (said - began) / len(reports) * (len(sizes) - len(reports))
                    of = f"{len(reports)} of {len(sizes)} days, {faults} faults"
                    print(f"  {of}, {rest_s:.0f} s to go", file=sys.stderr)
    found = Sum()
    for day, report in sorted(reports.items()):
        found.take(day, report)
    return found


if __name__ == "__main__":
    sys.exit(main())
