"""P4: what a decision costs, the engine alone.

    python -m tests.load.engine_alone [--quick] [--agents 10000] [--rings] [--json]

A decision is an input that ends in an offer, its drain included: an agent's leg ends or their wrap-up does, and the
longest waiting is offered to them; or a caller arrives and is offered to the longest idle. The other inputs of a
contact's life are not counted as decisions; `contacts_per_s` says what a whole life costs.

The collector of garbage is set as `router/app.py` sets it, after the agents are known. Runs are short and many, so
that the median tells the engine's cost and the spread the machine's mood. To measure another `router`, put it first on
PYTHONPATH and start with `python -P -m tests.load.engine_alone`.

With --rings it is the row P4-rings: 200 queues whose need widens twenty times while a caller waits, so that each has
21 rows of agents and most callers have one opening before them. An older router without rings cannot take it.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from dataclasses import asdict, dataclass

from router.app import _spare_the_collector as spare_the_collector
from tests.load.busy_floor import QUEUES, RINGED_QUEUES, RINGS, SKILLS, BusyFloor, Decisions
from tests.load.results import Row, judge

AGENTS = 10_000
WAITING = 10_000
GROWTH = (100, 1_000, 10_000, 100_000)
QUICK_GROWTH = (100, 1_000, 10_000)
RINGED_GROWTH = (1_000, 10_000)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a decision at so many agents, µs; each figure is the median over the runs."""

    agents: int
    decisions: int
    mean: float
    "Of the two kinds, each with half of the weight, so that their mixture does not matter."
    p50: float
    p99: float
    most: float
    contacts_per_s: float
    spread: dict[str, tuple[float, float]]


def costs_at(sizes: list[int], *, runs: int, decisions: int, rings: bool = False) -> list[Cost]:
    """A floor of each size, warmed up; then `runs` times so many decisions on each of them in turn.

    In turn, so that a slow moment of the machine makes all of them dearer and not the one it falls upon.
    """
    ringed = {"queues": RINGED_QUEUES, "rings": RINGS} if rings else {}
    floors = {size: BusyFloor(size, WAITING, **ringed) for size in sizes}
    spare_the_collector()
    for floor in floors.values():
        floor.open()
        floor.work(decisions)
        floor.ended = floor.spent_ns = 0
    taken: dict[int, list[dict[str, float]]] = {size: [] for size in sizes}
    for _ in range(runs):
        for size, floor in floors.items():
            taken[size].append(figures(floor.work(decisions)))
    return [_cost(size, taken[size], runs * decisions, floors[size]) for size in sizes]


def _cost(size: int, taken: list[dict[str, float]], decisions: int, floor: BusyFloor) -> Cost:
    columns = {name: sorted(one[name] for one in taken) for name in taken[0]}
    return Cost(
        agents=size,
        decisions=decisions,
        mean=statistics.median(columns["mean"]),
        p50=statistics.median(columns["p50"]),
        p99=statistics.median(columns["p99"]),
        most=columns["most"][-1],
        contacts_per_s=floor.ended / floor.spent_ns * 1e9,
        spread={name: (values[0], values[-1]) for name, values in columns.items()},
    )


def figures(made: Decisions) -> dict[str, float]:
    """µs of one run's decisions."""
    both = sorted(made.both())
    kinds = [kind for kind in (made.freed, made.arrived) if kind]
    return {
        "mean": statistics.fmean(statistics.fmean(kind) for kind in kinds) / 1000,
        "p50": both[len(both) // 2] / 1000,
        "p99": both[math.ceil(len(both) * 0.99) - 1] / 1000,
        "most": both[-1] / 1000,
    }


def fit_log(agents: list[float], cost: list[float]) -> list[float]:
    """a + b · log n, by least squares, at the same n."""
    slope, intercept = statistics.linear_regression([math.log(n) for n in agents], cost)
    return [intercept + slope * math.log(n) for n in agents]


def growth(costs: list[Cost]) -> float:
    """How much dearer the largest floor is than the smallest, over the same for log n: 1 is that of log n."""
    first, last = costs[0], costs[-1]
    return (last.mean / first.mean) / (math.log(last.agents) / math.log(first.agents))


def measure(*, agents: int = AGENTS, quick: bool = False, rings: bool = False) -> Row:
    """The row P4, or P4-rings, judged."""
    runs, decisions = (5, 2_000) if quick or rings else (7, 4_000)
    sizes = sorted({*(RINGED_GROWTH if rings else QUICK_GROWTH if quick else GROWTH), agents})
    costs = costs_at(sizes, runs=runs, decisions=decisions, rings=rings)
    here = next(cost for cost in costs if cost.agents == agents)
    curve = {"agents": [float(cost.agents) for cost in costs], "cost_us": [cost.mean for cost in costs]}
    steps = ", ".join(f"{cost.agents:,} agents {cost.mean:.1f} µs" for cost in costs)
    needs = f"{RINGED_QUEUES} queues with {RINGS} rings each" if rings else f"{QUEUES} needs"
    per_s = {at: 1e6 / here.spread["mean"][end] for at, end in (("low", 1), ("high", 0))}
    row = Row(
        id="P4-rings" if rings else "P4",
        title=f"The engine alone: {agents:,} agents, {WAITING:,} waiting, {SKILLS} skills, {needs}",
        unit="decisions/s; ms",
        n=here.decisions,
        ours={
            "per_s": 1e6 / here.mean,
            "p50": here.p50 / 1000,
            "p99": here.p99 / 1000,
            "max": here.most / 1000,
            "growth": growth(costs),
            "contacts_per_s": here.contacts_per_s,
        },
        spread={
            "ours per_s": (per_s["low"], per_s["high"]),
            **{f"ours {name}": tuple(v / 1000 for v in here.spread[name]) for name in ("p50", "p99")},
        },
        samples={
            **curve,
            "p99_us": [cost.p99 for cost in costs],
            "fit_us": fit_log(curve["agents"], curve["cost_us"]),
        },
        notes=[f"cost of a decision: {steps}; growth 1 is that of log n"],
    )
    return judge(row)


def main() -> None:
    parser = argparse.ArgumentParser(description="P4: decisions of the engine alone.")
    parser.add_argument("--agents", type=int, default=AGENTS, help=f"agents of the headline (default {AGENTS})")
    parser.add_argument("--quick", action="store_true", help="smaller floors and fewer runs, under 15 s")
    parser.add_argument("--rings", action="store_true", help=f"{RINGED_QUEUES} queues with {RINGS} rings each")
    parser.add_argument("--json", action="store_true", help="print the row, samples too, as JSON")
    asked = parser.parse_args()
    if asked.agents < 2:
        parser.error("--agents: a floor has two departments, so 2 at least")
    row = measure(agents=asked.agents, quick=asked.quick, rings=asked.rings)
    json.dump(asdict(row), sys.stdout, indent=None if asked.json else 1)
    print()


if __name__ == "__main__":
    main()
