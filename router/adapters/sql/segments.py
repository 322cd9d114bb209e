"""The spool's files, read: the same for the writer of a spool and for somebody who finds one on a dead machine.

    000000000001.facts     lines, in order; the numbers grow
    000000000001.bad       what was damaged in it, as it was found
    facts.unknown          whole lines of another release
    facts.refused          facts that no ledger will ever take, for a person to look at
    lock                   held with flock(2) by the one process that writes; its id is inside
    ledger                 which ledger these facts are for (drawers.py)

Rule 1: a file is read piece by piece, so that neither a long one nor one without newlines fills the memory.
Rule 2: what has no newline behind it at the end of a file was never written whole: a crash tore it off. It was never
  confirmed to anybody and is dropped and counted (`torn`), unless only the newline itself is missing.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from router.adapters.sql.spool_line import LONGEST, Foreign, is_whole, read_line, rescue
from router.domain.record import Fact

SUFFIX = ".facts"
BAD = ".bad"
UNKNOWN = "facts.unknown"
REFUSED = "facts.refused"
LEDGER = "ledger"
FILE_MODE = 0o600
_CHUNK = 1 << 17
_NAME = re.compile(r"(\d{12})\.(?:facts|bad)")


@dataclass(slots=True, kw_only=True)
class Page:
    """Some facts of one file, in order, and what else was found among them."""

    facts: list[Fact] = field(default_factory=list)
    damaged: list[bytes] = field(default_factory=list)
    foreign: list[bytes] = field(default_factory=list)
    why_foreign: str = ""
    torn: int = 0
    lines: int = 0
    "Newlines passed."
    offset: int
    "Where the next page begins."


def sync_directory(directory: Path) -> None:
    """Have the disk know which files are in it."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def numbered(directory: Path) -> list[tuple[int, Path]]:
    """The files of facts by their numbers, in order. Raises OSError."""
    names = (path for path in directory.iterdir() if path.suffix == SUFFIX and _NAME.fullmatch(path.name))
    return sorted((int(path.name[:12]), path) for path in names)


def highest_number(directory: Path) -> int:
    """Of any file that ever was there and left a trace; 0 for none."""
    found = (_NAME.fullmatch(path.name) for path in directory.iterdir())
    return max((int(name[1]) for name in found if name), default=0)


def opened(path: Path) -> int:
    """A regular file, opened to be read; a link, a pipe or a device in its place raises OSError."""
    # O_NONBLOCK: a pipe must not make us wait for somebody at its other end.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise OSError(errno.EINVAL, "not a regular file", str(path))


@contextmanager
def reading(path: Path) -> Iterator[int]:
    """The same, and closed again."""
    handle = opened(path)
    try:
        yield handle
    finally:
        os.close(handle)


def count_lines(handle: int, size: int) -> int:
    found = offset = 0
    while offset < size and (chunk := os.pread(handle, min(_CHUNK, size - offset), offset)):
        found += chunk.count(b"\n")
        offset += len(chunk)
    return found


def read_page(handle: int, offset: int, size: int, most: int) -> Page:
    """The next facts of a file between `offset` and `size`, at most `most` or a few more."""
    page = Page(offset=offset)
    for piece, end, closed in _pieces(handle, offset, size):
        page.offset = end
        page.lines += closed
        if is_whole(piece):
            _take(page, piece)
        elif piece:
            whole, damaged = rescue(piece)
            for line in whole:
                _take(page, line)
            if damaged and not closed and end == size:
                page.torn += 1
            else:
                page.damaged += damaged
        if len(page.facts) >= most or len(page.damaged) + len(page.foreign) >= most:
            break
    return page


def _take(page: Page, line: bytes) -> None:
    try:
        page.facts.append(read_line(line))
    except Foreign as error:
        page.foreign.append(line)
        page.why_foreign = str(error)


def _pieces(handle: int, offset: int, size: int) -> Iterator[tuple[bytes, int, bool]]:
    """What stands between newlines, where it ends, and whether a newline ends it."""
    rest = b""
    while offset < size:
        chunk = os.pread(handle, min(_CHUNK, size - offset), offset)
        if not chunk:  # shorter than we were told: somebody cut it while we look
            break
        end = offset - len(rest)
        offset += len(chunk)
        *pieces, rest = (rest + chunk).split(b"\n")
        for piece in pieces:
            end += len(piece) + 1
            yield piece, end, True
        if len(rest) > LONGEST:
            yield rest, offset, False
            rest = b""
    if rest:
        yield rest, offset, False
