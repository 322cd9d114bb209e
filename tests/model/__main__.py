"""`make model STEPS=n SEED=s`: the engine beside a reference that looks at everybody every time.

Both are given the same random steps: arrivals of callers of whom this and that is known, rings taken, missed and
refused, shifts, pauses, phones lost, reloads with other needs, rings, ways to choose and limits, points changed while
waiting, callers who ask to be called back and are, or are not reached. After each step both must have made the same
offers in the same order, and see the same people stand the same way.

The steps are played in days of 2,000, each with a site and dice of its own; a difference ends its day, is shrunk, and
is played again alone by `python -m tests.model --seed S --day N`. The last line is `steps n differences d`. Exit code:
0 no difference; 1 a difference, or something was tried in less than one step of a thousand; 2 a wrong command line.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections import Counter

from tests.model.days import STEPS_A_DAY, TRIED, Day, play
from tests.model.shrink import shrunk
from tests.model.steps import KINDS

SHORT = 20_000
LEAST_SHARE = 0.001
_SHRINK_S = 20.0
_TELL_EVERY = 25
"Days."


def main(words: list[str] | None = None) -> int:
    asked = parsed(words)
    began = time.monotonic()
    done: Counter[str] = Counter()
    used: Counter[str] = Counter()
    digests: list[str] = []
    steps = 0
    differing: list[Day] = []
    days = [asked.day] if asked.day is not None else range(-(-asked.steps // STEPS_A_DAY))
    for number in days:
        least = asked.steps if asked.day is not None else asked.steps - number * STEPS_A_DAY
        day = play(asked.seed, number, range(min(STEPS_A_DAY, least)))
        steps += day.steps
        done.update(day.done)
        used.update(day.used)
        digests.append(day.digest)
        if day.difference is not None:
            differing.append(day)
            _say(told(day, asked.seed, shrink=len(differing) <= asked.tell))
        if (number + 1) % _TELL_EVERY == 0 and asked.day is None:
            _say(f"  {steps:,} steps, {steps / (time.monotonic() - began):,.0f} a second, {len(differing)} differences")
    return verdict(asked, steps, differing, done, used, digests, time.monotonic() - began)


def parsed(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.model", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=SHORT, metavar="N", help="random steps in all (20,000)")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--day", type=int, metavar="D", help="this day of the seed alone")
    parser.add_argument("--tell", type=int, default=3, metavar="N", help="so many differences are shrunk (3)")
    parser.add_argument("--json", action="store_true", help="the outcome as JSON on stdout, the rest on stderr")
    asked = parser.parse_args(words)
    if asked.steps < 1:
        parser.error("--steps is at least 1")
    return asked


def told(day: Day, seed: int, *, shrink: bool) -> str:
    """A difference as a person wants to read it."""
    assert day.difference is not None
    lines = [
        f"difference: seed {seed} day {day.number} step {day.played[-1] if day.played else 'none'}",
        *(f"  {line}" for line in day.difference.lines()),
        f"  again: python -m tests.model --seed {seed} --day {day.number}",
    ]
    if shrink:
        fewest = shrunk(day, seed, within_s=_SHRINK_S)
        assert fewest.difference is not None
        lines.append(f"  with {len(fewest.played)} steps of these {day.steps} too:")
        lines += [f"    {number}: {kind or 'time passes'}" for number, kind in fewest.story]
        lines += [f"  {line}" for line in fewest.difference.lines()]
    return "\n".join(lines)


def verdict(
    asked: argparse.Namespace,
    steps: int,
    differing: list[Day],
    done: Counter[str],
    used: Counter[str],
    digests: list[str],
    took_s: float,
) -> int:
    whole = steps >= SHORT and not differing
    untried = [what for what in (*KINDS, *TRIED) if (done + used)[what] < LEAST_SHARE * steps] if whole else []
    digest = digests[0] if len(digests) == 1 else _sum(digests)
    if asked.json:
        print(
            json.dumps(
                {
                    "steps": steps,
                    "differences": [f"seed {asked.seed} day {day.number}" for day in differing],
                    "kinds": done,
                    "used": used,
                    "untried": untried,
                    "digest": digest,
                    "took_s": round(took_s, 1),
                }
            )
        )
    else:
        for title, counted in (("step", done), ("what it came to", used)):
            print(f"{title:<52}{'times':>10}")
            print("\n".join(f"  {what:<50}{times:>10,}" for what, times in sorted(counted.items())))
        for what in untried:
            print(f"hardly tried: {what}")
        print(f"seed {asked.seed} digest {digest} {took_s:.1f} s, {steps / took_s:,.0f} steps a second")
        print(f"steps {steps} differences {len(differing)}")
    return 1 if differing or untried else 0


def _sum(digests: list[str]) -> str:
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()[:16]


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
