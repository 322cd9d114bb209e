"""Facts on the local disk until the database has them, whatever dies meanwhile and however long it is away.

    append(lines) ──> 000000000007.facts ──> read() ── confirm() ──> the file goes when all of it is confirmed

Rule 1: a line is kept once `append` has returned: written and fsynced, and its file known to its directory. Whoever
  wants one fsync for many facts gives many lines at once.
Rule 2: lines come back in the order they were appended, also after a restart; more than once if need be, never not.
Rule 3: one process writes (spool_lock.py). Several on one machine have a drawer each (drawers.py).
Rule 4: no more than `max_bytes` are kept, what was set aside included. What does not fit is not taken.
Rule 5: damage is set aside and counted (aside.py); it holds nothing up and hides nothing.
Rule 6: what is confirmed may be forgotten, now or later: a file that cannot be taken away is sent again after the next
  start, which changes nothing in the database.

After a failed fsync the next one may say "done" for pages the kernel threw away (LWN, "PostgreSQL's fsync() surprise"):
a file is left at its first error, and the lines go into a new one.

All of this waits for a disk: it belongs into a thread, never into the loop.
"""

import errno
import logging
import os
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from router.adapters.sql import spool_lock
from router.adapters.sql.aside import Aside
from router.adapters.sql.segments import (
    FILE_MODE,
    SUFFIX,
    Page,
    count_lines,
    highest_number,
    numbered,
    read_page,
    reading,
    sync_directory,
)
from router.domain.errors import RemoteError
from router.domain.record import Fact

MAX_BYTES = 1 << 30
SEGMENT_BYTES = 4 << 20
"A file this long gets a successor. So much at most is sent again after a crash in the middle of a backlog."

log = logging.getLogger("ringfair.ledger")


@dataclass(slots=True)
class _Segment:
    path: Path
    base: int
    "Where it begins: bytes of the spool before it, counted since we opened it. Positions never begin anew."
    size: int

    @property
    def end(self) -> int:
        return self.base + self.size


class Spool:
    """Made by `Spool.open`. Its numbers may be read from any thread; calls wait for each other."""

    def __init__(self, directory: Path, *, max_bytes: int, segment_bytes: int) -> None:
        self.directory = directory
        self.max_bytes = max_bytes
        self.end = 0
        "Position behind the last line that is kept."
        self.confirmed = 0
        "Position up to which everything is in the database or set aside."
        self.waiting = 0
        "Lines that are not confirmed."
        self.damaged = 0
        "Pieces set aside because they were damaged, and files that went missing, since the start."
        self.foreign = 0
        "Lines of another release that were kept for it, since the start."
        self.torn = 0
        "Last lines that a crash had torn off, since the start."
        self._segment_bytes = segment_bytes
        self._begin = 0
        "Where the first of the files begins."
        self._segments: deque[_Segment] = deque()
        self._active: int | None = None
        "The open file of the last segment, the only one that still grows."
        self._number = 0
        self._alone = threading.Lock()
        self._aside = Aside(directory)
        self._lock: int | None = spool_lock.take(directory)

    @classmethod
    def open(cls, directory: Path, *, max_bytes: int = MAX_BYTES, segment_bytes: int = SEGMENT_BYTES) -> "Spool":
        """Make the directory if there is none, and see what it holds. Raises `RemoteError`, none retryable.

        `spool-locked`: another process writes there. `spool-unusable`: rights, a full disk, not a directory …
        """
        try:
            spool = cls(directory, max_bytes=max_bytes, segment_bytes=segment_bytes)
            try:
                spool._look()
            except BaseException:
                spool.close()
                raise
        except OSError as error:
            raise RemoteError(
                "spool-unusable",
                f"The spool {directory} cannot be used: {error.strerror}. It must be a directory this user may write "
                "to, on a disk with room; `spool_dir` under [ledger] in ringfair.toml names it",
                directory=str(directory),
            ) from error
        return spool

    @property
    def size(self) -> int:
        """Of everything in it, what was set aside included."""
        return self.end - self._begin + self._aside.bytes

    def append(self, lines: Sequence[bytes]) -> int:
        """Keep lines (`write_line`), in order, with one fsync. Gives how many of them: fewer when it is full.

        Raises OSError; then none was kept.
        """
        with self._alone:
            room, taken, length = self.max_bytes - self.size, 0, 0
            for line in lines:
                if length + len(line) > room:
                    break
                length += len(line)
                taken += 1
            if not taken:
                return 0
            if self._active is None or self._segments[-1].size >= self._segment_bytes or _is_gone(self._active):
                self._roll()
            self._write(b"".join(lines[:taken]))
            self.end += length
            self.waiting += taken
            return taken

    def read(self, most: int) -> Page | None:
        """The next facts that are not confirmed, about `most` at most; None when there are none.

        What is damaged or foreign among them was set aside. Raises OSError; everything is still there then.
        """
        with self._alone:
            while self._segments:
                segment = self._segments[0]
                if self.confirmed >= segment.end:
                    if self._active is not None and len(self._segments) == 1:
                        return None
                    self._drop()
                    continue
                try:
                    page = self._page(segment, most)
                except FileNotFoundError:
                    self._missing(segment)
                    continue
                self._set_aside(segment, page)
                return page
            return None

    def confirm(self, page: Page) -> None:
        """All of the page that `read` gave last is in the database or set aside. Never raises (rule 6)."""
        with self._alone:
            segment = self._segments[0]
            self.confirmed = segment.base + page.offset
            self.waiting = max(0, self.waiting - page.lines)
            if self.confirmed == self.end:
                self.waiting = 0
            if self.confirmed < segment.end:
                return
            if len(self._segments) > 1 or self._active is None:
                self._drop()
                return
            try:
                os.ftruncate(self._active, 0)
            except OSError:
                self._leave()
                self._drop()
            else:
                self._begin = segment.base = segment.end
                segment.size = 0

    def adopt(self, files: Sequence[Path]) -> int:
        """Make files of a spool nobody writes to the end of this one; gives how many lines they hold.

        Each is renamed, so it is in one place at any moment. Raises OSError; then the rest is where it was.
        """
        with self._alone:
            if self._lock is None or not files:
                return 0
            self._leave()
            lines = 0
            for path in files:
                with reading(path):  # no link, no pipe: a rename would take anything
                    self._number += 1
                    lines += self._join(path.rename(self.directory / f"{self._number:012}{SUFFIX}"))
            sync_directory(self.directory)
            return lines

    def refuse(self, facts: Sequence[tuple[Fact, str]]) -> None:
        """Set facts aside that no ledger will ever take, each with why. Raises OSError."""
        with self._alone:
            self._aside.refused(facts)

    def close(self) -> None:
        """Give the lock back; twice is harmless. A disk that hangs keeps its file, and not us."""
        if not self._alone.acquire(timeout=1.0):
            return
        try:
            self._leave()
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None
        finally:
            self._alone.release()

    # ---- inside, alone ----

    def _look(self) -> None:
        self._aside.look()
        self._number = highest_number(self.directory)
        with suppress(FileNotFoundError):
            # This release may know what another did not: it is read again, behind all the rest.
            size = self._aside.unknown.stat().st_size
            self._number += 1
            self._aside.unknown.rename(self.directory / f"{self._number:012}{SUFFIX}")
            self._aside.bytes -= size
        for _, path in numbered(self.directory):
            self._join(path)

    def _join(self, path: Path) -> int:
        """A file becomes the last one; gives its lines."""
        with reading(path) as handle:
            size = os.fstat(handle).st_size
            lines = count_lines(handle, size)
        self._segments.append(_Segment(path, self.end, size))
        self.end += size
        self.waiting += lines
        return lines

    def _page(self, segment: _Segment, most: int) -> Page:
        offset = self.confirmed - segment.base
        if self._active is not None and len(self._segments) == 1:
            page = read_page(self._active, offset, segment.size, most)
        else:
            with reading(segment.path) as handle:
                page = read_page(handle, offset, segment.size, most)
        if page.offset == offset:
            self.damaged += 1
            log.error("spool-damaged: %s is shorter than it was, by %d bytes", segment.path, segment.size - offset)
            page.offset = segment.size
        return page

    def _roll(self) -> None:
        self._leave()
        self._number += 1
        path = self.directory / f"{self._number:012}{SUFFIX}"
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        handle = os.open(path, flags, FILE_MODE)
        try:
            sync_directory(self.directory)
        except OSError:
            os.close(handle)
            raise
        self._active = handle
        self._segments.append(_Segment(path, self.end, 0))

    def _write(self, data: bytes) -> None:
        handle, segment = self._active, self._segments[-1]
        if handle is None:
            raise OSError(errno.EBADF, "the spool is closed")
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        except OSError:
            with suppress(OSError):
                os.ftruncate(handle, segment.size)
            self._leave()
            raise
        segment.size += len(data)

    def _leave(self) -> None:
        """Nothing more goes into the active file; an empty one is taken away."""
        if self._active is None:
            return
        os.close(self._active)
        self._active = None
        if not self._segments[-1].size:
            with suppress(OSError):
                self._segments.pop().path.unlink()

    def _drop(self) -> None:
        """The first file has done its work. Its directory is not synced, by rule 6."""
        segment = self._segments.popleft()
        try:
            segment.path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s cannot be taken away, it will be sent again: %s", segment.path, error.strerror)
        self._begin = self.confirmed = segment.end
        if self.confirmed == self.end:
            self.waiting = 0

    def _missing(self, segment: _Segment) -> None:
        self.damaged += 1
        log.error("spool-damaged: somebody took %s away, with %d bytes of facts", segment.path, segment.size)
        self._drop()

    def _set_aside(self, segment: _Segment, page: Page) -> None:
        if page.damaged:
            bad = self._aside.damaged(segment.path, page.damaged)
            self.damaged += len(page.damaged)
            log.error("spool-damaged: %d lines cannot be read and were set aside in %s", len(page.damaged), bad)
        if page.foreign:
            kept = self._aside.foreign(page.foreign)
            self.foreign += len(page.foreign)
            log.error(
                "spool-foreign: %d facts of another release wait for it in %s: %s",
                len(page.foreign),
                kept,
                page.why_foreign,
            )
        if page.torn:
            self.torn += page.torn
            log.warning("a crash tore off the last line of %s; it was never confirmed to anybody", segment.path)


def _is_gone(handle: int) -> bool:
    """Whether somebody took the file away under us: what goes into it now would be in no directory."""
    return os.fstat(handle).st_nlink == 0
