"""The disk under the spool: real files in memory (tmpfs), with the waiting, the losses and the deaths of a real one.

The spool's own code runs unchanged; its `os` is this. A process that dies leaves what it wrote; a machine that loses
its power leaves what was fsynced, and of the rest as much as happened to get there.
"""

import os
from random import Random
from typing import Any

from tests.simulation.loop import PROCESS, Killed, Process, block, in_thread
from tests.simulation.points import Points


class Disk:
    """Stands for the module `os` in the files of the spool."""

    def __init__(self, points: Points, dice: Random) -> None:
        self.points = points
        self.slow_s = 0.0
        self._dice = dice
        self._open: dict[Process, dict[int, int]] = {}
        "Whose handles are open, and of each how many bytes are safe."

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        whose = self._alive()
        handle = os.open(path, flags, mode, dir_fd=dir_fd)
        if whose is not None:
            self._open.setdefault(whose, {})[handle] = os.fstat(handle).st_size if flags & os.O_APPEND else 0
        return handle

    def close(self, handle: int) -> None:
        whose = self._alive()
        if whose is not None:
            self._open.get(whose, {}).pop(handle, None)
        os.close(handle)

    def write(self, handle: int, data: Any) -> int:
        self._alive()
        self.points.at("disk: write")
        taken = os.write(handle, data)
        self.points.at("disk: written")
        return taken

    def fsync(self, handle: int) -> None:
        whose = self._alive()
        appended = whose is not None and self._open[whose].get(handle)
        if in_thread():
            block(self._dice.randint(300, 8000) / 1e6 + self.slow_s)
        self._alive()
        if whose is not None and appended is not None:
            self._open[whose][handle] = os.fstat(handle).st_size
            self.points.at("disk: synced")

    def ftruncate(self, handle: int, length: int) -> None:
        whose = self._alive()
        self.points.at("disk: trim")
        os.ftruncate(handle, length)
        if whose is not None and handle in self._open.get(whose, {}):
            self._open[whose][handle] = length
        self.points.at("disk: trimmed")

    def _alive(self) -> Process | None:
        whose = PROCESS.get()
        if whose is not None and whose.dead:
            raise Killed
        return whose

    def died(self, process: Process, *, power: bool) -> None:
        """The kernel closes what was open, which gives its locks back."""
        for handle, safe in self._open.pop(process, {}).items():
            if power:
                size = os.fstat(handle).st_size
                if size > safe > 0 or (size > safe and self._is_facts(handle)):
                    os.ftruncate(handle, self._dice.randint(safe, size))
            os.close(handle)

    @staticmethod
    def _is_facts(handle: int) -> bool:
        return os.readlink(f"/proc/self/fd/{handle}").endswith(".facts")
