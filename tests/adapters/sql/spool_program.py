"""A process that writes to a spool and is killed while it does: in a thread's write, at a byte that was chosen.

    python -m tests.adapters.sql.spool_program DIRECTORY FIRST BYTES [FSYNC [LEFT]]

Dies after so many BYTES (0: when it is killed), or between a write and its FSYNC, the so-manieth of files. With LEFT it
is the machine that dies: of what that fsync would have kept, only so many bytes are left.

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

    def __init__(self, after: int, fsync: int, left: int | None) -> None:
        self._left = after
        self._fsyncs = fsync
        self._remains = left
        self._safe: dict[int, int] = {}

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def write(self, handle: int, data: bytes) -> int:
        if self._left and len(data) >= self._left:
            os.write(handle, data[: self._left])
            os.kill(os.getpid(), signal.SIGKILL)
        if self._left:
            self._left -= len(data)
        return os.write(handle, data)

    def fsync(self, handle: int) -> None:
        self._fsyncs -= 1
        if self._fsyncs == 0:
            if self._remains is not None:
                os.ftruncate(handle, min(self._safe.get(handle, 0) + self._remains, os.fstat(handle).st_size))
            os.kill(os.getpid(), signal.SIGKILL)
        os.fsync(handle)
        self._safe[handle] = os.fstat(handle).st_size

    def close(self, handle: int) -> None:
        self._safe.pop(handle, None)
        os.close(handle)


def main(directory: str, first: str, after: str, fsync: str = "0", left: str = "") -> None:
    spool_module.os = DyingDisk(int(after), int(fsync), int(left) if left else None)  # type: ignore[attr-defined]
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
