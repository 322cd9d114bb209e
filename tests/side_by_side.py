"""Tests on real servers, some files at a time, each group in a network of its own: `python -m tests.side_by_side`.

Such a test mostly waits: for a phone to ring, a prompt to end, a router to be missed. What keeps two of them apart are
fixed addresses (a carrier at 127.0.0.2, phones at 127.0.0.20 and on) and captures of the loopback, and both belong to a
network. So each group gets an empty one (`unshare --net`, as root), and where that is not allowed there is one group.

Rule 1: what measures how quick something is runs alone, when the others are done.
Rule 2: a file stays whole, since its servers are started once for all its tests.
Rule 3: who fails shows everything they said, who passes the last line of it.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

GROUPS = 4
WHICH = ("-m", "server", "--ignore", "tests/contracts")
ALONE = (
    "tests/load/",
    "tests/integration/test_early_media.py",
    "tests/integration/test_overload.py",
    "tests/integration/test_reload_under_load.py",
    "tests/integration/test_treatment.py",
)
LONG_S = {
    "tests/integration/test_callback.py": 95,
    "tests/integration/test_calls.py": 85,
    "tests/integration/test_deciding.py": 52,
    "tests/integration/test_dialplan_callers.py": 10,
    "tests/integration/test_dialplan_closing.py": 47,
    "tests/integration/test_dialplan_codes.py": 54,
    "tests/integration/test_dialplan_fallback.py": 70,
    "tests/integration/test_dialplan_hostile.py": 10,
    "tests/integration/test_dialplan_outside.py": 46,
    "tests/integration/test_dialplan_rivals.py": 70,
    "tests/integration/test_dialplan_story.py": 38,
    "tests/integration/test_dialplan_treatment.py": 85,
    "tests/integration/test_opening.py": 53,
    "tests/integration/test_ledger_away.py": 26,
    "tests/integration/test_queue_log.py": 72,
    "tests/integration/test_survival.py": 80,
    "tests/integration/test_takeover.py": 67,
    "tests/integration/test_ways_out.py": 92,
}
"What they took one after the other, in seconds; of others a second a test is believed."
_NO_TESTS = 5
"As pytest says it."
_ALONE_IN_IT = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")


def shared_out(lasts_s: dict[str, int], groups: int) -> list[list[str]]:
    """Files by how long they last, longest first, each to the group that has least to do."""
    shares: list[list[str]] = [[] for _ in range(groups)]
    for file in sorted(lasts_s, key=lambda file: (-lasts_s[file], file)):
        min(shares, key=lambda share: sum(lasts_s[other] for other in share)).append(file)
    return [share for share in shares if share]


def collected(paths: Sequence[str]) -> Counter[str]:
    """File → how many tests of it."""
    words = [sys.executable, "-m", "pytest", "--collect-only", "-q", *WHICH, *paths]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    return Counter(line.partition("::")[0] for line in said.splitlines() if "::" in line)


def networks_of_their_own() -> bool:
    words = [*_ALONE_IN_IT, "true"]
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


async def run(files: Sequence[str], apart: Sequence[str]) -> int:
    words = [*apart, sys.executable, "-m", "pytest", "-q", "--durations=5", "-p", "no:cacheprovider", *WHICH, *files]
    process = await asyncio.create_subprocess_exec(
        *words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        heard, _ = await process.communicate()
    except asyncio.CancelledError:
        process.send_signal(signal.SIGINT)  # pytest then ends what its tests have started
        await process.wait()
        raise
    text = heard.decode(errors="replace").rstrip()
    print(text if process.returncode else text.splitlines()[-1], flush=True)
    return process.returncode or 0


async def main(paths: Sequence[str], groups: int) -> int:
    tests = collected(paths)
    lasts_s = {file: LONG_S.get(file, count) for file, count in tests.items() if not file.startswith(ALONE)}
    alone = sorted(file for file in tests if file.startswith(ALONE))
    apart = _ALONE_IN_IT if networks_of_their_own() else ()
    shares = shared_out(lasts_s, groups if apart else 1)
    for share in shares:
        print(f"  {len(share)} files, {sum(tests[file] for file in share)} tests, some {minutes(share, lasts_s)} min")
    print(f"  and then alone: {', '.join(alone) or 'none'}", flush=True)
    codes = await asyncio.gather(*(run(share, apart) for share in shares))
    if alone:
        codes.append(await run(alone, apart))
    return next((code for code in codes if code), 0 if codes else _NO_TESTS)


def minutes(share: Sequence[str], lasts_s: dict[str, int]) -> int:
    return round(sum(lasts_s[file] for file in share) / 60)


async def until_stopped(paths: Sequence[str], groups: int) -> int:
    """`main`, that ends what it has started when it is asked to stop."""
    task = asyncio.ensure_future(main(paths, groups))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description="Tests on real servers, in groups side by side.")
    asked.add_argument("paths", nargs="*", help="files or folders; else all that need servers")
    asked.add_argument("--groups", type=int, default=GROUPS)
    given = asked.parse_args()
    sys.exit(asyncio.run(until_stopped(given.paths, given.groups)))
