"""A process that writes to a spool and is killed while it does: in a thread's write, at a byte that was chosen.

    python -m tests.adapters.sql.spool_program DIRECTORY FIRST BYTES    dies after so many bytes; 0: when it is killed

Prints the number of each fact whose `append` has returned.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from router.adapters.sql import spool as spool_module
from router.adapters.sql.spool import Spool
from router.adapters.sql.spool_line import write_line
from tests.contracts.test_ledger import a_record

GROUPS = (1, 3, 2, 5, 1, 4)


class DyingDisk:
    """`os`, whose `write` ends the process at a byte."""

    def __init__(self, after: int) -> None:
        self._left = after

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def write(self, handle: int, data: bytes) -> int:
        if self._left and len(data) >= self._left:
            os.write(handle, data[: self._left])
            os.kill(os.getpid(), signal.SIGKILL)
        if self._left:
            self._left -= len(data)
        return os.write(handle, data)


def main(directory: str, first: str, after: str) -> None:
    if int(after):
        spool_module.os = DyingDisk(int(after))  # type: ignore[attr-defined]
    spool = Spool.open(Path(directory), segment_bytes=3000)
    number = int(first)
    turn = 0
    while True:
        size = GROUPS[turn % len(GROUPS)]
        turn += 1
        kept = spool.append([write_line(a_record(n)) for n in range(number, number + size)])
        assert kept == size
        number += size
        print(number - 1, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
