"""The file lines are appended to. It waits for the disk: for a thread of its own, never for the loop.

Rule 1: a batch is one write at the file's end (O_APPEND), so that others may append to the same file: Asterisk, which
  writes its own QUEUESTART and CONFIGRELOAD there, and a second router.
Rule 2: before each batch the name is looked at: a file that was renamed, removed or replaced is let go and a new one is
  made. logrotate needs no hook, with `create`, `nocreate` and `copytruncate` alike.
Rule 3: a write that was cut short (a full disk) goes on where it was cut; in a new file the line begins anew. A last
  line that somebody else left without its end is ended first.
Rule 4: a file made here can be read by its group and by nobody else, since callers' numbers stand in it; one that is
  there already keeps its mode. Nothing but a regular file is written to, and no symbolic link is followed.
"""

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

MODE = 0o640
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a FIFO would wait for its reader


class LogFile:
    """Opened with the first batch. `write` is os.write, or a disk that a test has filled."""

    def __init__(self, path: Path, *, write: Callable[[int, memoryview], int] = os.write) -> None:
        self._path = path
        self._write = write
        self._handle: int | None = None
        self._begun = 0
        "Bytes of the next line that stand in this file already."

    def append(self, lines: Sequence[bytes]) -> tuple[int, OSError | None]:
        """How many of the lines (each with its end) are in the file now, and why not all. Begin with the next, then."""
        try:
            handle = self._current()
        except OSError as error:
            return 0, error
        left = memoryview(b"".join(lines))[self._begun :]
        through, failed = self._begun, None
        while left and failed is None:
            try:
                done = self._write(handle, left)
            except OSError as error:
                failed = error
            else:
                through += done
                left = left[done:]
        whole = 0
        while whole < len(lines) and through >= len(lines[whole]):
            through -= len(lines[whole])
            whole += 1
        self._begun = through
        return whole, failed

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _current(self) -> int:
        """Rule 2."""
        if self._handle is not None:
            if self._is_there(self._handle):
                return self._handle
            self.close()
        self._begun = 0
        self._handle = self._open()
        return self._handle

    def _is_there(self, handle: int) -> bool:
        try:
            there = os.stat(self._path, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(handle))

    def _open(self) -> int:
        try:
            handle = os.open(self._path, _FLAGS | os.O_CREAT | os.O_EXCL, MODE)
        except FileExistsError:
            handle = os.open(self._path, _FLAGS)
            made = False
        else:
            made = True
        try:
            if made:
                os.fchmod(handle, MODE)  # whatever the umask
            self._begin_a_line(handle)
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _begin_a_line(self, handle: int) -> None:
        """Rules 3 and 4, of a file that was there."""
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "it is no regular file", str(self._path))
        if found.st_size and os.pread(handle, 1, found.st_size - 1) != b"\n":
            self._write(handle, memoryview(b"\n"))
