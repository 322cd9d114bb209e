"""`make simulate CONTACTS=n SEED=s`: days at the simulated centre on which everything goes wrong, judged from outside.

The real engine under a virtual clock; Asterisk, the connection to it, the journal and the spool are models that lose,
double, delay and die. Each day has a seed of its own, made from SEED and its number, so a day that fails is played again
alone: `python -m tests.simulate --seed S --day N`. Exit code 1 when anything was lost, doubled, missing or broken.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from router.domain.ids import SECOND
from router.simulation.judge import KINDS
from router.simulation.people import Habits
from router.simulation.story import Report, simulate
from router.simulation.wire import MILLISECOND, Weather

CONTACTS_A_DAY = 2000
LEAST_SHARE = 0.01
"Of all contacts, that each kind of fault must have met: else it was not tried."
_DAYS = (
    ("ordinary", Weather(), Habits(kills_router_us=25 * SECOND)),
    ("stormy", Weather(late=0.15, doubled=0.15, snapshot_us=800 * MILLISECOND), Habits(kills_router_us=25 * SECOND)),
    ("deadly", Weather(), Habits(kills_router_us=5 * SECOND, loses_node_us=40 * SECOND)),
    (
        "cranky",
        Weather(late=0.1, doubled=0.1),
        Habits(
            **dict.fromkeys(("ignores", "rejects", "answers_at_deadline", "declines", "transfers"), 0.2),
            gone_as_answered=0.1,
            kills_router_us=25 * SECOND,
        ),
    ),
)


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

    def untried(self) -> list[str]:
        wanted = ("late", "doubled", "untold", "node lost", "router killed")
        return [kind for kind in wanted if self.touched[kind] < LEAST_SHARE * self.contacts]

    def last_line(self) -> str:
        return f"contacts {self.contacts} " + " ".join(f"{kind} {self.kinds[kind]}" for kind in KINDS)


def play(seed: int, day: int, contacts: int) -> Report:
    _, weather, habits = _DAYS[day % len(_DAYS)]
    return simulate(
        contacts=contacts, seed=seed * 1_000_003 + day, weather=weather, habits=habits, agents=40, look_every=50
    )


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulate", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--contacts", type=int, default=20_000, metavar="N", help="callers in all (20,000)")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--day", type=int, metavar="D", help="this day of the seed alone, with everything it says")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(words)
    if asked.contacts < 1:
        parser.error("--contacts must be 1 or more")
    if asked.day is not None:
        report = play(asked.seed, asked.day, min(asked.contacts, CONTACTS_A_DAY))
        print(report)
        return 1 if report.fault_count else 0
    found, left, day, began, said = Sum(), asked.contacts, 0, time.monotonic(), time.monotonic()
    while left:
        found.take(day, play(asked.seed, day, min(left, CONTACTS_A_DAY)))
        left -= min(left, CONTACTS_A_DAY)
        day += 1
        if time.monotonic() - said > 5:
            said = time.monotonic()
            rest_s = (said - began) / found.contacts * left
            print(f"  day {day}: {found.contacts:,} contacts, {sum(found.kinds.values())} faults, {rest_s:.0f} s to go", file=sys.stderr)
    if asked.json:
        print(json.dumps({"contacts": found.contacts, "faults": found.kinds, "injected": found.injected, "touched": found.touched}))
    else:
        print(f"{'injected':<24}{'times':>10}{'contacts touched':>20}")
        for kind in sorted(found.injected):
            touched = f"{found.touched[kind]:,} ({found.touched[kind] / found.contacts:.1%})" if kind in found.touched else ""
            print(f"{kind:<24}{found.injected[kind]:>10,}{touched:>20}")
    for number, report in found.bad[:5]:
        print(f"\nday {number}, again by: python -m tests.simulate --seed {asked.seed} --day {number}\n{report}")
    untried = found.untried() if found.contacts >= CONTACTS_A_DAY * len(_DAYS) else []
    if untried:
        print(f"too few contacts met: {', '.join(untried)}")
    print(found.last_line())
    return 1 if found.bad or untried else 0


if __name__ == "__main__":
    sys.exit(main())
