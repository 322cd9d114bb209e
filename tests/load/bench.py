"""The figures of the README as a command: `make bench`, `make bench-load`, `make soak`.

    python -m tests.load.bench bench            P1, P2, P4, P5 beside app_queue on the same Asterisk
    python -m tests.load.bench load             P3, P6: highest rates, a thousand callers waiting
    python -m tests.load.bench soak             P7: ten minutes with audio, nothing may be left behind
    python -m tests.load.bench bench --base C   this tree beside commit C, in one run

Everything is on loopback and is stopped by its pid. Rows go to `build/bench/bench.json`, a table and plots beside it.
A short run's rows go to `build/bench/quick/` and replace no full ones.
Exit code: 0 measured; 1 a call was lost, a measure failed, the soak missed a goal, or something got significantly worse
than the base; 2 a wrong command line; 3 the machine was not quiet.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from pathlib import Path

from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.root import find_root
from tests.load import against_commit, endurance, ring_speed
from tests.load.goals import MISSED
from tests.load.highest_rate import CPU_RATE, LOWEST, cap_of
from tests.load.program import FAILURES, MEASURES, MOST_S, Asked, Session, planned_s, run
from tests.load.quiet_machine import Busy, Neighbours, NotQuiet, wait_until_quiet
from tests.load.report import markdown
from tests.load.results import Results
from tests.load.side import Progress, clock

_PINNED = "Asterisk alone on core 0; router, Valkey, SIPp and tcpdump on core 1."
_NOT_PINNED = "No process was pinned to a core: Asterisk, router, Valkey and SIPp share them as the kernel likes."


def main() -> int:
    asked, options = parse(sys.argv[1:])
    try:
        if options.base:
            return asyncio.run(_compare(asked, options))
        return asyncio.run(_measure(asked, options))
    except NotQuiet as error:
        print(f"The machine is not quiet enough to measure: {error}", file=sys.stderr)
        return 3
    except PbxError as error:
        print(f"{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\n  stopped; everything that was started is ended", file=sys.stderr)
        return 130


async def _measure(asked: Asked, options: argparse.Namespace) -> int:
    root = find_root()
    session = Session(asked, Results(), Progress(planned_s(asked)))
    session.progress.say(f"{', '.join(asked.measures)}: about {clock(planned_s(asked))}")
    await wait_until_quiet(session.progress.say, within_s=options.wait, anyway=options.anyway)
    session.notes.append(_PINNED if asked.pin else _NOT_PINNED)
    out = _out(asked, options)
    try:
        await run(session, root)
    except FAILURES as error:
        session.failures.append(f"{asked.program}: {type(error).__name__}: {error}")
    finally:
        session.failures += missed_in_the_soak(session)
        took_s, most_s = session.progress.took_s, MOST_S[asked.quick]
        session.progress.say(f"took {clock(took_s)}; planned were {clock(planned_s(asked))}")
        if asked.program == "bench" and not asked.only and took_s > most_s:
            session.progress.say(f"WARNING: {clock(took_s)} is more than the {clock(most_s)} that were promised")
        if session.results.rows:
            written = session.results.write(out, session.failures)
            session.progress.say(f"wrote {', '.join(map(str, written))}")
    rows = session.results.now()
    print(json.dumps(rows, indent=1, ensure_ascii=False) if options.json else markdown(rows, out, session.failures))
    for failure in session.failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if session.failures else 0


def _out(asked: Asked, options: argparse.Namespace) -> Path:
    """A short run has a folder of its own."""
    folder: Path = options.out
    return folder / "quick" if asked.is_short else folder


def missed_in_the_soak(session: Session) -> list[str]:
    """P7 promises that nothing is lost or left behind; a line it missed is a failure, not a figure."""
    row = session.results.rows.get("P7")
    return [f"P7: {line}: missed" for line, verdict in row.verdicts.items() if verdict == MISSED] if row else []


async def _compare(asked: Asked, options: argparse.Namespace) -> int:
    root = find_root()
    lines: list[against_commit.Line] = []
    with against_commit.checked_out(options.base) as (tree, commit):
        progress = Progress(against_commit.planned_s(asked))
        progress.say(f"this tree beside {commit[:12]}: about {clock(against_commit.planned_s(asked))}")
        before: Busy = await wait_until_quiet(progress.say, within_s=options.wait, anyway=options.anyway)
        neighbours = Neighbours()
        try:
            await against_commit.compare(asked, root, tree, progress, lines)
        except FAILURES as error:
            progress.say(f"failed: {error}")
            lines.append(against_commit.failed("run", f"{type(error).__name__}: {error}"))
        finally:
            progress.say(f"took {clock(progress.took_s)}; before: {before}; meanwhile: {neighbours.look()}")
            out = _out(asked, options)
            out.mkdir(parents=True, exist_ok=True)
            told = against_commit.as_json(lines, commit)
            (out / "base.json").write_text(told + "\n", encoding="utf-8")
    print(told if options.json else against_commit.table(lines, commit))
    return 1 if any(line.word in ("worse", "failed") for line in lines) else 0


_MOST_AGENTS = 5000


def least_agents(program: str) -> int:
    """P1 and P2 have a number of agents of their own; P3 starts at 30 calls/s and reads the CPU at 60; so does P7."""
    if program == "soak":
        return endurance.AGENTS
    needed = ring_speed.AGENTS
    while program == "load" and cap_of(needed, CPU_RATE) < max(LOWEST, CPU_RATE):
        needed += 1
    return needed


def parse(words: list[str]) -> tuple[Asked, argparse.Namespace]:
    parser = argparse.ArgumentParser(
        prog="python -m tests.load.bench", description="Ringfair beside app_queue, measured from packets."
    )
    parser.add_argument("program", choices=MEASURES)
    parser.add_argument("--quick", action="store_true", help="short runs: a look, not a figure to publish")
    parser.add_argument("--only", default="", metavar="P1,P2", help="these measures of the program alone")
    parser.add_argument("--pairs", type=int, metavar="N", help="A/B pairs of runs (bench: 5, of P1 9; load: 3)")
    parser.add_argument("--base", metavar="COMMIT", help="bench: compare with this commit instead of app_queue")
    parser.add_argument("--minutes", type=float, help="soak: how long (10; quick: 1)")
    parser.add_argument("--agents", type=int, help="how many agents there are (bench: 80, load: 900, soak: 160)")
    parser.add_argument("--pin", action="store_true", help="Asterisk on core 0, everything else on core 1")
    parser.add_argument("--anyway", action="store_true", help="measure on a busy machine, too")
    parser.add_argument("--wait", type=float, default=60, metavar="S", help="wait so long for a quiet machine (60)")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    parser.add_argument("--json", action="store_true", help="print the rows as JSON instead of a table")
    options = parser.parse_args(words)
    only = tuple(
        word for word in re.sub("-[A-Z]+", lambda found: found[0].lower(), options.only.upper()).split(",") if word
    )
    if unknown := set(only) - set(MEASURES[options.program]):
        parser.error(f"--only: {options.program} takes {', '.join(MEASURES[options.program])}; not {min(unknown)}")
    if options.base and options.program != "bench":
        parser.error("--base goes with bench")
    if options.pairs is not None and options.pairs < 1:
        parser.error("--pairs: 1 at least")
    if options.minutes is not None and not 0 < options.minutes <= 24 * 60:
        parser.error("--minutes: more than 0, at most a day")
    least = least_agents(options.program)
    if options.agents is not None and not least <= options.agents <= _MOST_AGENTS:
        parser.error(f"--agents: {options.program} needs at least {least}, and at most {_MOST_AGENTS:,} are named")
    if options.pin and len(os.sched_getaffinity(0)) < 2:
        parser.error("--pin needs two cores")
    asked = Asked(
        program=options.program,
        quick=options.quick,
        only=only,
        pairs=options.pairs,
        minutes=options.minutes,
        agents=options.agents,
        pin=options.pin,
    )
    return asked, options


if __name__ == "__main__":
    sys.exit(main())
