"""Plant faults in the core, one at a time, in copies of the tree, and see that the tests that guard it notice.

    python -m tests.mutants                    all of them
    python -m tests.mutants --short            one of every room, some 25 s on two cores
    python -m tests.mutants --only "ring"      those whose name contains it
    python -m tests.mutants --list             what could be planted, and who guards it

The guards run without any fault first: unless all are green, nothing counts. A fault that does not apply, does not
import, runs no test or times out is not caught. The last line is `planted n caught n`.
Exit code: 0 all were caught; 1 not; 2 a wrong command line.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from tests.mutants.campaign import carried_out
from tests.mutants.mutant import Mutant
from tests.mutants.report import as_json, table
from tests.mutants.rooms import ALL
from tests.mutants.tree import NotListed, files_of

SOURCE = Path(__file__).resolve().parents[2]
_MOST_JOBS = 4


def main(argv: list[str] | None = None) -> int:
    options = parsed(argv)
    mutants = chosen(options.only, short=options.short)
    if not mutants:
        print("No mutant's name contains that; `--list` shows them.", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(line for mutant in mutants for line in listed(mutant)))
        return 0
    try:
        files = files_of(SOURCE)
    except NotListed as error:
        print(error, file=sys.stderr)
        return 1
    work = carried_out(mutants, SOURCE, files, jobs=min(options.jobs, len(mutants)), say=_say)
    try:
        report = asyncio.run(work)
    except KeyboardInterrupt:
        print("\n  stopped; everything that was started is ended", file=sys.stderr)
        return 130
    print(as_json(report) if options.json else table(report))
    return 0 if report.good else 1


def parsed(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="part of a name; may be repeated")
    parser.add_argument("--short", action="store_true", help="a fixed spread: one of every room")
    parser.add_argument("--list", action="store_true", help="tell names, files and guards, and plant nothing")
    parser.add_argument("--json", action="store_true", help="the outcome as JSON on stdout, progress on stderr")
    parser.add_argument(
        "--jobs", type=_jobs, default=_usual_jobs(), metavar="N", help="copies side by side (%(default)s)"
    )
    return parser.parse_args(argv)


def _jobs(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError("a whole number from 1 to 64")
    return int(text)


def _usual_jobs() -> int:
    """One more than there are processors: a guard that waits in vain for what no longer happens needs none."""
    return min(_MOST_JOBS, len(os.sched_getaffinity(0)) + 1)


def chosen(parts: list[str], *, short: bool) -> list[Mutant]:
    """In the order of the list."""
    found = [mutant for mutant in ALL if mutant.short or not short]
    if not parts:
        return found
    return [mutant for mutant in found if any(part.lower() in mutant.name.lower() for part in parts)]


def listed(mutant: Mutant) -> list[str]:
    mark = "  (short)" if mutant.short else ""
    return [f"{mutant.name}{mark}", f"    {mutant.file}", *(f"    by {guard}" for guard in mutant.guards)]


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
