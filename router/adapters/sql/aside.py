"""What a spool cannot send and must not lose: damaged pieces, lines of another release, facts no ledger will take.

Each goes to the end of a file of its own beside the facts, is fsynced, and stands there once: a router that dies before
it has passed the place in the spool finds the same damage again.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from router.adapters.sql.segments import BAD, FILE_MODE, REFUSED, UNKNOWN, sync_directory
from router.adapters.sql.spool_line import refused_line, write_line
from router.domain.errors import RemoteError
from router.domain.record import Fact


class Aside:
    """The set-aside files of one spool. They wait for the disk and raise OSError."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.bytes = 0

    def look(self) -> None:
        """See what is there from before."""
        files = (path for path in self._directory.iterdir() if path.suffix == BAD or path.name in (UNKNOWN, REFUSED))
        self.bytes = sum(path.stat().st_size for path in files)

    @property
    def unknown(self) -> Path:
        return self._directory / UNKNOWN

    def damaged(self, of: Path, pieces: Sequence[bytes]) -> Path:
        """Keep pieces of a file of facts; gives where."""
        return self._add(of.with_suffix(BAD), [piece + b"\n" for piece in pieces])

    def foreign(self, lines: Sequence[bytes]) -> Path:
        return self._add(self.unknown, [line + b"\n" for line in lines])

    def refused(self, facts: Sequence[tuple[Fact, str]]) -> Path:
        """Keep facts, each with why it was refused."""
        return self._add(self._directory / REFUSED, [_line_of(fact, why) for fact, why in facts])

    def _add(self, path: Path, lines: Sequence[bytes]) -> Path:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(path, flags, FILE_MODE)
        try:
            held = os.pread(handle, os.fstat(handle).st_size, 0)
            data = b"".join(line for line in dict.fromkeys(lines) if line not in held)
            left = memoryview(data)
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        sync_directory(self._directory)
        self.bytes += len(data)
        return path


def _line_of(fact: Fact, why: str) -> bytes:
    try:
        return write_line(fact)
    except RemoteError:
        return refused_line(fact, why)
