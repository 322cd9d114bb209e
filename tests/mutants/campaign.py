"""All of them: first every guard on the tree as it is, then one fault after the other, a few copies side by side.

Rule 1: a guard that fails, is skipped or does not exist without any fault proves nothing with one: nothing counts then.
Rule 2: the order is that of the list, whatever ends first; the same tree gives the same table.
"""

import asyncio
import itertools
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.mutants import guards
from tests.mutants.guards import Ran, Told
from tests.mutants.mutant import End, Mutant, Outcome
from tests.mutants.tree import Tree
from tests.mutants.trial import DEADLINE_S, tried

BUDGET_S = 20.0
"What the guards of one mutant may take while nothing is wrong."
_WHOLE_S = 1800.0
_WORD_EVERY_S = 15.0

_PHASES = 3  # of a test: set up, run, taken down

Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Report:
    mutants: Sequence[Mutant]
    red: list[str] = field(default_factory=list)
    "What is wrong with the guards themselves; nothing was planted then."
    tests: int = 0
    "Tests that ran green without any fault."
    guards_s: dict[str, float] = field(default_factory=dict)
    "Name of a mutant → what its guards take without it."
    outcomes: list[Outcome] = field(default_factory=list)
    took_s: float = 0.0

    @property
    def caught(self) -> int:
        return sum(outcome.end is End.CAUGHT for outcome in self.outcomes)

    @property
    def good(self) -> bool:
        return not self.red and 0 < len(self.mutants) == self.caught


async def carried_out(
    mutants: Sequence[Mutant],
    source: Path,
    files: Sequence[str],
    *,
    jobs: int,
    say: Say,
    deadline_s: float = DEADLINE_S,
) -> Report:
    began = time.monotonic()

    def tell(sentence: str) -> None:
        minutes, seconds = divmod(round(time.monotonic() - began), 60)
        say(f"  {minutes}:{seconds:02}  {sentence}")

    report = Report(mutants=mutants)
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as home:
        tell(f"copying {len(files)} files for {jobs} workers")
        trees = [Tree.copied(Path(home) / "0", source, files)]
        trees += [trees[0].twin(Path(home) / str(number)) for number in range(1, jobs)]
        await _unmutated(report, trees, tell)
        if not report.red:
            await _mutated(report, trees, tell, deadline_s)
    report.took_s = time.monotonic() - began
    return report


async def _unmutated(report: Report, trees: Sequence[Tree], tell: Say) -> None:
    """Rule 1."""
    wanted = sorted({guard for mutant in report.mutants for guard in mutant.guards})
    shares = [share for share in _shares(wanted, len(trees)) if share]
    tell(f"the guards without any fault: {len(wanted)} of them")

    async def one(tree: Tree, share: list[str]) -> Ran:
        return await guards.run(tree, share, deadline_s=_WHOLE_S)

    runs = await _together(
        [one(tree, share) for tree, share in zip(trees, shares, strict=False)],
        lambda: tell(f"… {sum(_lines(tree) for tree in trees) // _PHASES} tests so far"),
    )
    told = [one for ran in runs for one in ran.told]
    report.tests = len({one.test for one in told if one.ran})
    for ran in runs:
        faults = [f"{one.test}: {one.outcome}: {one.why}" for one in ran.told if one.outcome != "passed"]
        if ran.code != 0 and not faults:
            faults = [f"pytest broke off: {ran.said}" if ran.code is not None else "the guards did not end"]
        report.red += faults
    for mutant in report.mutants:
        own = {guard: [one for one in told if _belongs(one, guard)] for guard in mutant.guards}
        if not report.red:
            report.red += [f"{guard}: no such test ran" for guard, phases in own.items() if not phases]
        report.guards_s[mutant.name] = sum(one.took_s for phases in own.values() for one in phases)
    if report.red:
        tell(f"red without any fault: {len(report.red)}; nothing is planted")
    else:
        tell(f"green without any fault: {report.tests} tests")


async def _mutated(report: Report, trees: Sequence[Tree], tell: Say, deadline_s: float) -> None:
    free: asyncio.Queue[Tree] = asyncio.Queue()
    for tree in trees:
        free.put_nowait(tree)
    done = itertools.count(1)

    async def one(mutant: Mutant) -> Outcome:
        tree = await free.get()
        try:
            outcome = await tried(mutant, tree, deadline_s=deadline_s)
        finally:
            free.put_nowait(tree)
        what = outcome.end if outcome.end is End.CAUGHT else f"NOT CAUGHT, {outcome.end}"
        tell(f"{next(done)}/{len(report.mutants)}  {what}  {outcome.took_s:.1f} s  {mutant.name}")
        return outcome

    report.outcomes = await _together([one(mutant) for mutant in report.mutants])


async def _together(work: Iterable[Coroutine[None, None, T]], word: Callable[[], None] | None = None) -> list[T]:
    """All of them, in their order; `word` is called now and then meanwhile."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in work]
        while (await asyncio.wait(tasks, timeout=_WORD_EVERY_S))[1]:
            if word is not None:
                word()
    return [task.result() for task in tasks]


def _shares(wanted: Sequence[str], workers: int) -> list[list[str]]:
    """Whole files, dealt out by the number of their guards: fixtures of a file are set up once."""
    files: dict[str, list[str]] = defaultdict(list)
    for guard in wanted:
        files[guard.partition("::")[0]].append(guard)
    shares: list[list[str]] = [[] for _ in range(workers)]
    for _, of_one in sorted(files.items(), key=lambda item: (-len(item[1]), item[0])):
        min(shares, key=len).extend(of_one)
    return shares


def _belongs(one: Told, guard: str) -> bool:
    return one.test == guard or one.test.startswith((guard + "[", guard + "::"))


def _lines(tree: Tree) -> int:
    told = tree.home / "told"
    return told.read_bytes().count(b"\n") if told.exists() else 0
