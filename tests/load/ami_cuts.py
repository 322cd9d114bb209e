"""The long form of the cuts: `python -m tests.load.ami_cuts --times 300 --seed 1`, or `make ami-cuts`.

A router, its Valkey and its ledger of their own, a real Asterisk, SIPp's callers at three a second, and the line
between router and Asterisk cut at a seeded byte, either way, again and again. The last line is the verdict; the exit
code is 0 when nothing was lost or doubled, 1 otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from dataclasses import asdict

from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.root import Root, find_root
from router.adapters.pbx.valkey import Valkey
from tests.integration import cut_calls
from tests.integration.call_centre import CallCentre
from tests.integration.telephone_room import TelephoneRoom, make_pbx


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.load.ami_cuts",
        description="Cut the line between router and Asterisk while callers are served; judge what became of them.",
    )
    parser.add_argument("--times", type=int, default=300, metavar="N", help="cuts (300: about 12 min)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="where they fall (1)")
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    asked = parser.parse_args()
    if asked.times < 1:
        parser.error("--times: 1 at least")
    try:
        verdict = asyncio.run(_run(find_root(), asked.times, asked.seed))
    except PbxError as error:
        print(f"{error}", file=sys.stderr)
        return 1
    if asked.json:
        print(json.dumps(asdict(verdict), indent=1))
    else:
        for name, value in asdict(verdict).items():
            if isinstance(value, list) and value:
                print(f"{name}: {', '.join(value)}")
        print(f"took {verdict.took_s} s; blind for {verdict.blind_s} s at most, waited {verdict.waited_s} s at most")
        print(verdict.line())
    return 1 if verdict.faults else 0


async def _run(root: Root, times: int, seed: int) -> cut_calls.Verdict:
    pbx, valkey = make_pbx(f"cuts-{os.getpid()}", root), Valkey(f"cuts-{os.getpid()}", root=root)
    try:
        await asyncio.to_thread(pbx.start)
        await asyncio.to_thread(valkey.start)
        async with TelephoneRoom(pbx) as room, CallCentre(room, valkey, log_level="info") as centre:
            try:
                verdict = await cut_calls.run(centre, times=times, seed=seed, tell=_tell)
            except BaseException:
                _tell(centre.tell())
                raise
            for contact in verdict.blamed():
                _tell(cut_calls.story_of(centre, contact))
            return verdict
    finally:
        await asyncio.to_thread(valkey.remove)
        await asyncio.to_thread(pbx.remove)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
