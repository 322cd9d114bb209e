"""Another commit's router beside this tree's, in one run on one machine: is anything worse than it was?

Each commit has an Asterisk of its own with its own dialplan and manager interface, for those are part of the product,
a Valkey and a router; phones, carrier and clocks are this tree's. Their runs alternate. A line is `worse` or `better`
when the whole interval of the pairs' ratio lies beyond 5 %; whatever lies between is `same`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from router.adapters.pbx.root import Root
from tests.load import next_ring, ring_speed
from tests.load.arena import Arena
from tests.load.office import CHECKOUT, Office
from tests.load.pairs import Interval, Series, interval, turns
from tests.load.processor_time import pin
from tests.load.program import FAILURES, Asked, engine_row
from tests.load.side import Progress, router_of

_NEEDED = ("router", "dialplans", "asterisk")
"What of a commit is its product; tests and tools are always this tree's."
WORSE, BETTER = 0.95, 1 / 0.95
_LEAST_CONFIDENCE = {False: 0.7, True: 0.9}
"The tail of a run (True) is so noisy that three pairs, 75 %, would cry wolf too often."
_ENGINE_FIGURES = {"P4": (("per_s", "decisions/s"), ("p99", "ms")), "P5": (("mb", "MB"),)}
_SCRIPT_S = {"P4": 7.0, "P5": 10.0}


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of both. `times`: how many times better this tree is (1.1: 10 % better), over the pairs."""

    measure: str
    figure: str
    unit: str
    ours: float | None
    base: float | None
    times: Interval | None
    word: str
    """`same`, `better`, `worse`; `unclear` with too few pairs; `failed`, with what failed in `unit`."""


@contextmanager
def checked_out(commit: str) -> Iterator[tuple[Path, str]]:
    """A temporary directory with that commit's product, and its full name. Exits for a commit that is none.

    `git archive` and no work tree: the repository is only read, and nothing has to be cleaned up in it.
    """
    named = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if named.returncode:
        raise SystemExit(f"--base: git knows no commit {commit!r}")
    full = named.stdout.strip()
    with tempfile.TemporaryDirectory(prefix="ringfair-base-") as folder:
        archive = subprocess.run(["git", "archive", full, *_NEEDED], cwd=CHECKOUT, capture_output=True, check=False)
        if archive.returncode:
            raise SystemExit(f"--base: {commit} has no {', '.join(_NEEDED)}: {archive.stderr.decode()[-300:]}")
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        os.chmod(folder, 0o755)
        yield Path(folder), full


def pairs_of(asked: Asked) -> int:
    return asked.pairs or (3 if asked.quick else 5)


def _sizes(asked: Asked) -> tuple[int, int]:
    """Calls of a run of P1, callers of a run of P2."""
    return (60, 40) if asked.quick else (160, 120)


def _measures(asked: Asked) -> tuple[str, ...]:
    return tuple(one for one in ("P4", "P5", "P1", "P2") if not asked.only or one in asked.only)


def planned_s(asked: Asked) -> float:
    pairs, (calls, callers) = pairs_of(asked), _sizes(asked)
    each = {
        "P1": 2 * ring_speed.run_s(20) + 2 * pairs * ring_speed.run_s(calls),
        "P2": 10 + 2 * pairs * next_ring.run_s(callers),
        "P4": 2 * pairs * _SCRIPT_S["P4"],
        "P5": 2 * pairs * _SCRIPT_S["P5"],
    }
    return 15 + sum(each[measure] for measure in _measures(asked))


async def compare(asked: Asked, root: Root, tree: Path, progress: Progress, lines: list[Line]) -> None:
    """The lines are added as they are found, so that those of the first measures outlive a later failure."""
    measures = _measures(asked)
    for measure in measures:
        if measure in _ENGINE_FIGURES:
            lines += await _engine(asked, measure, tree, progress)
    if {"P1", "P2"} & set(measures):
        await _calls(asked, measures, root, tree, progress, lines)
    lines.sort(key=lambda line: line.measure)


def failed(measure: str, words: str) -> Line:
    return Line(measure, "", words, None, None, None, "failed")


async def _calls(
    asked: Asked, measures: tuple[str, ...], root: Root, tree: Path, progress: Progress, lines: list[Line]
) -> None:
    pairs, (calls, callers) = pairs_of(asked), _sizes(asked)
    if asked.pin:
        os.sched_setaffinity(0, {1})
    async with AsyncExitStack() as stack:
        arena = await stack.enter_async_context(Arena(root))
        sides = []
        for name, where in (("base", tree), ("ours", CHECKOUT)):
            office = Office(
                f"bench-{name}-{os.getpid()}",
                root,
                agents=ring_speed.AGENTS,
                phones=arena.phones,
                tree=where,
            )
            sides.append(router_of(await stack.enter_async_context(office), name))
            if asked.pin:
                pin([office.pids["asterisk"]], 0)
        offices = [side.office for side in sides]
        arena.measured = lambda: [pid for office in offices for pid in office.pids.values()]
        for measure in measures:
            if measure not in ("P1", "P2"):
                continue
            try:
                if measure == "P1":
                    series = await ring_speed.measure(arena, sides, progress, pairs=pairs, calls=calls)
                else:
                    series = await next_ring.measure(arena, sides, progress, pairs=pairs, callers=callers)
            except FAILURES as error:
                progress.say(f"{measure} failed: {error}")
                lines.append(failed(measure, f"{type(error).__name__}: {error}"))
                continue
            loud = [busy for busy in arena.busy if not busy.is_quiet]
            if loud:
                progress.say(
                    f"{measure}: the machine was not quiet in {len(loud)} of {len(arena.busy)} runs: {loud[-1]}"
                )
            arena.busy.clear()
            lines += [_of_series(measure, series, name) for name in ("p50", "p99")]


def _of_series(measure: str, series: Series, name: str) -> Line:
    ours, base = series.figures("ours"), series.figures("base")
    assert ours is not None
    assert base is not None
    times = series.ratio("base", "ours", name)  # of ms less is better
    return Line(measure, name, "ms", ours[name], base[name], times, judge(times, tail=name == "p99"))


async def _engine(asked: Asked, measure: str, tree: Path, progress: Progress) -> list[Line]:
    found: dict[str, list[dict[str, float]]] = {"base": [], "ours": []}
    where = {"base": tree, "ours": CHECKOUT}
    for number, name in turns(pairs_of(asked), ["base", "ours"]):
        progress.step(f"{measure}, pair {number} of {pairs_of(asked)}: {name}", _SCRIPT_S[measure])
        try:
            found[name].append((await engine_row(measure, where[name], quick=True)).ours)
        except FAILURES as error:
            progress.say(f"{measure} failed: {error}")
            return [failed(measure, f"{name}: {error}")]
    lines = []
    for figure, unit in _ENGINE_FIGURES[measure]:
        pairs = [(a[figure], b[figure]) for a, b in zip(found["ours"], found["base"], strict=True)]
        better: Callable[[float, float], float] = (lambda a, b: a / b) if figure == "per_s" else (lambda a, b: b / a)
        times = interval([better(a, b) for a, b in pairs])
        middle = len(pairs) // 2
        ours, base = (sorted(one[who] for one in pairs)[middle] for who in (0, 1))
        lines.append(Line(measure, figure, unit, ours, base, times, judge(times, tail=figure == "p99")))
    return lines


def judge(times: Interval | None, *, tail: bool = False) -> str:
    """`worse` only when the whole interval says so, by more than 5 %."""
    if times is None or times.confidence < _LEAST_CONFIDENCE[tail]:
        return "unclear"
    return "worse" if times.high < WORSE else "better" if times.low > BETTER else "same"


def table(lines: list[Line], commit: str) -> str:
    told = [
        f"This tree beside {commit[:12]}, medians of the runs. `times better`: the median of the pairs' ratios and its",
        "interval; worse or better when all of it lies beyond 5 %.",
        "",
        "| id | figure | this tree | base | times better | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for line in lines:
        if line.ours is None or line.base is None:
            told.append(f"| {line.measure} | | | | | **{line.word}**: {(line.unit.splitlines() or ['?'])[-1][:200]} |")
            continue
        told.append(
            f"| {line.measure} | {line.figure}, {line.unit} | {line.ours:,.4g} | {line.base:,.4g} | {line.times} "
            f"| **{line.word}** |"
        )
    return "\n".join(told)


def as_json(lines: list[Line], commit: str) -> str:
    return json.dumps({"base": commit, "lines": [asdict(line) for line in lines]}, indent=1)
