"""Plays the stories on the installed Asterisk and stores what the AMI said, byte for byte, as <version>/<story>.ami.

    python -m tests.recordings.record [story ...]

A stream begins after the login's response. The AMI user is the router's own, with the rights and filters of
asterisk/manager.conf. The README's table is written from the stories' docstrings.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import find_root
from tests.integration.telephone_room import TelephoneRoom, make_pbx
from tests.recordings.stories import STORIES

HERE = Path(__file__).parent


async def record(pbx: Instance, name: str, folder: Path) -> None:
    async with TelephoneRoom(pbx) as room:
        await STORIES[name](room)
        await asyncio.sleep(0.3)  # the last events of the story are on their way
        (folder / f"{name}.ami").write_bytes(bytes(room.ami.raw))
        await room.pbx_is_quiet()


README = """\
# Recorded AMI streams

What a real Asterisk said to the router's AMI user (rights and filters of `asterisk/manager.conf`) while the stories
of `stories.py` were played with the dialplan of this repository: the raw bytes of one session, from after the login's
response on. Nothing is left out. There are no secrets in them, and no number belongs to anybody. One folder a version
of Asterisk. The test plays the router in them, so its Setvar, Originate and other actions are answered in the stream.

`python -m tests.recordings.record [story ...]` makes them again. A changed interface, dialplan or Asterisk is a reason
to; read the difference before believing it.

| story | what happens |
|---|---|
"""


def write_readme() -> None:
    rows = (f"| {name} | {(play.__doc__ or '').strip()} |\n" for name, play in STORIES.items())
    (HERE / "README.md").write_text(README + "".join(rows), encoding="utf-8")


def main(names: list[str]) -> int:
    failed = 0
    write_readme()
    pbx = make_pbx(f"record-{os.getpid()}", find_root(make=False))
    try:
        pbx.start()
        running = pbx.status()
        folder = HERE / (running.version.partition("+")[0] if running else "unknown")
        folder.mkdir(exist_ok=True)
        for name in names or STORIES:
            try:
                asyncio.run(record(pbx, name, folder))
                print(f"{name}: {(folder / name).with_suffix('.ami').stat().st_size} bytes")
            except Exception as error:  # noqa: BLE001  the other stories are still worth recording
                failed += 1
                print(f"{name}: FAILED: {error!r}")
    finally:
        pbx.remove()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
