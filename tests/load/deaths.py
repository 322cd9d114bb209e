"""Nothing is lost, whatever dies: `make deaths`, on a real Asterisk with SIPp at 20 calls/s.

    python -m tests.load.deaths                             every kind in its long form, about 30 min
    python -m tests.load.deaths --kind kill --times 3       three of one kind

    kill      50 × kill -9 of the router with one that stands by
    stop      50 × SIGSTOP past its lease, SIGCONT once it was followed: its orders must have ended
    burst     5 × 20,000 events in one breath: nobody takes over
    valkey    10 × killed and restarted
    sentinel  10 × the master of three servers killed, a replica promoted
    postgres  away for a minute
    asterisk  3 × killed with 100 talks up and 10 callers waiting

Everything is on loopback and is stopped by its pid. Exit code: 0 all promises kept; 1 one was broken, or a kind could
not be run; 2 a wrong command line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import traceback
from collections.abc import Awaitable, Callable

from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.root import Root, find_root
from tests.load import deaths_kinds, deaths_servers
from tests.load.deaths_outcome import Asked, Outcome, table
from tests.load.side import Progress

Kind = Callable[[Root, Asked, Progress], Awaitable[Outcome]]
KINDS: dict[str, Kind] = {
    "kill": deaths_kinds.kill,
    "stop": deaths_kinds.stop,
    "burst": deaths_kinds.burst,
    "valkey": deaths_servers.valkey,
    "sentinel": deaths_servers.sentinel,
    "postgres": deaths_servers.postgres,
    "asterisk": deaths_servers.asterisk,
}
MOST_AGENTS = 10_000
_ABOUT_S = {"kill": 600, "stop": 660, "burst": 90, "valkey": 150, "sentinel": 180, "postgres": 130, "asterisk": 120}


def main() -> int:
    kinds, asked, as_json = parse(sys.argv[1:])
    progress = Progress(sum(_ABOUT_S[kind] for kind in kinds))
    try:
        outcomes = asyncio.run(_run(kinds, asked, progress, find_root()))
    except PbxError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\n  stopped; everything that was started is ended", file=sys.stderr)
        return 130
    print(json.dumps([outcome.as_json() for outcome in outcomes], indent=1) if as_json else table(outcomes))
    for outcome in outcomes:
        for note in outcome.verdict.notes if outcome.verdict is not None else ():
            progress.say(f"{outcome.kind}: {note}")
        for fault in outcome.all_faults():
            print(f"FAILED {outcome.kind}: {fault}", file=sys.stderr)
    return 1 if any(outcome.all_faults() for outcome in outcomes) else 0


async def _run(kinds: list[str], asked: Asked, progress: Progress, root: Root) -> list[Outcome]:
    """A kind that cannot be run is told, and the others go on."""
    outcomes: list[Outcome] = []
    for kind in kinds:
        progress.step(kind, _ABOUT_S[kind])
        try:
            outcomes.append(await KINDS[kind](root, asked, progress))
        except Exception as error:  # noqa: BLE001 - a mistake of this program must not cost the figures of an hour
            traceback.print_exc()
            outcomes.append(Outcome(kind=kind, faults=[f"{type(error).__name__}: {str(error)[:2000]}"]))
    return outcomes


def parse(words: list[str]) -> tuple[list[str], Asked, bool]:
    parser = argparse.ArgumentParser(
        prog="python -m tests.load.deaths",
        description="Routers and servers die under a flow of calls; nothing is lost.",
    )
    parser.add_argument("--kind", default="all", choices=("all", *KINDS), help="what dies (all)")
    parser.add_argument("--times", type=int, metavar="N", help="how often, instead of the long form's number")
    parser.add_argument("--rate", type=float, default=20.0, metavar="N", help="calls a second (20)")
    parser.add_argument("--agents", type=int, default=0, metavar="N", help="more on the roll than the calls need")
    parser.add_argument("--away", type=float, metavar="S", help="how long a server stays away")
    parser.add_argument("--seed", type=int, default=1, help="of the moments at which routers die (1)")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON instead of a table")
    options = parser.parse_args(words)
    if options.times is not None and options.times < 1:
        parser.error("--times: 1 at least")
    if not 1 <= options.rate <= 100:
        parser.error("--rate: from 1 to 100")
    if options.away is not None and not 0 < options.away <= 3600:
        parser.error("--away: more than 0, at most an hour")
    if not 0 <= options.agents <= MOST_AGENTS:
        parser.error(f"--agents: at most {MOST_AGENTS:,}")
    kinds = list(KINDS) if options.kind == "all" else [options.kind]
    asked = Asked(
        per_s=options.rate, times=options.times, seed=options.seed, agents=options.agents, away_s=options.away
    )
    return kinds, asked, options.json


if __name__ == "__main__":
    sys.exit(main())
