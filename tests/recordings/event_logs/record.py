"""Plays stories on the installed Asterisk and keeps the event log of each, byte for byte, as <version>/<story>.csv.

    python -m tests.recordings.event_logs.record [story ...]

What is in them is what asterisk/cel.conf and asterisk/cel_custom.conf ask for; no number belongs to anybody. A changed
configuration, dialplan or Asterisk is a reason to make them again; read the difference before believing it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import find_root
from tests.integration.kept_log import make_pbx_with_log
from tests.integration.telephone_room import TelephoneRoom
from tests.recordings.stories import STORIES, talk
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers

HERE = Path(__file__).parent
KEPT = (
    "agent_hangs_up",
    "caller_hangs_up",
    "early_media_answered_at_the_bridge",
    "caller_abandons_waiting",
    "caller_abandons_in_early_media",
    "caller_left_as_the_agent_answered",
    "agent_rejects_with_486",
    "two_agents_answer_one_caller",
    "hold_and_unhold",
    "blind_transfer",
    "dual_redirect",
    "waiting_caller_is_redirected",
    "talking_caller_is_redirected",
    "caller_in_after_waits_again",
    "feature_code",
    "router_is_silent",
    "unknown_number",
    "line_is_lost",
    "callers_with_hostile_numbers",
)


async def line_is_lost(room: TelephoneRoom) -> None:
    """The agent's leg ends in the middle of the talk with the cause that Asterisk gives for want of audio."""
    arrived, _ = await talk(room, Answers())
    await room.ami.send("Hangup", {"Channel": arrived["Contact"] + ".1", "Cause": "44"})
    await room.ami.event("Hangup", Uniqueid=arrived["Contact"] + ".1")
    await room.ami.event("AcdAfter")


async def callers_with_hostile_numbers(room: TelephoneRoom) -> None:
    """Quotes, commas, newlines and the begin of a line of ours in the caller's number; and one who hides it."""
    number = await room.campaign()
    for user in ("%22%2C%22x%0A%22cel1%22%2C", "%0D%0A%22cel1%22,%22HANGUP%22,", "anonymous"):
        calls = await room.carrier.call(Caller(number, from_header=f'"a,b" <sip:{user}@carrier.invalid>', talks_ms=200))
        await calls.end()


OWN = {play.__name__: play for play in (line_is_lost, callers_with_hostile_numbers)}


async def record(pbx: Instance, name: str, folder: Path) -> None:
    pbx.event_log.unlink(missing_ok=True)
    async with TelephoneRoom(pbx) as room:
        await (STORIES | OWN)[name](room)
        await room.pbx_is_quiet()
        await asyncio.sleep(0.5)  # the last lines are on their way
    (folder / f"{name}.csv").write_bytes(pbx.event_log.read_bytes())


def main(names: list[str]) -> int:
    failed = 0
    pbx = make_pbx_with_log(f"cel-record-{os.getpid()}", find_root(make=False))
    try:
        pbx.start()
        running = pbx.status()
        folder = HERE / (running.version.partition("+")[0] if running else "unknown")
        folder.mkdir(exist_ok=True)
        for name in names or KEPT:
            try:
                asyncio.run(record(pbx, name, folder))
                print(f"{name}: {(folder / name).with_suffix('.csv').read_bytes().count(b'cel1')} lines")
            except Exception as error:  # noqa: BLE001  the other stories are still worth recording
                failed += 1
                print(f"{name}: FAILED: {error!r}")
    finally:
        pbx.remove()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
