"""Who writes to a spool: one process, which holds its lock until it ends, however it ends.

flock(2) belongs to the open file, so the kernel gives it back at a `kill -9`; the process id in the file is only there
to be shown. A spool that is looked at but not written to is never kept from its writer for longer than the look.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from router.adapters.sql.segments import FILE_MODE, opened, sync_directory
from router.domain.errors import CommandRefused, RemoteError

MODE = 0o700
"Of the directory: callers' numbers stand in it."
NAME = "lock"
TRIES, PAUSE_S = 10, 0.05


def make(directory: Path) -> None:
    """A directory for its owner only, if there is none. Raises OSError."""
    directory.mkdir(mode=MODE, parents=True, exist_ok=True)
    if directory.stat().st_mode & 0o077:
        directory.chmod(MODE)


def take(directory: Path) -> int:
    """Make the directory if there is none, and hold its lock. Raises `RemoteError` `spool-locked`, OSError."""
    make(directory)
    handle = os.open(directory / NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        if not _held(handle):
            raise RemoteError(
                "spool-locked",
                f"The spool {directory} is in use: {_said(handle)} writes to it. Stop that router, or give this one a "
                "place of its own: `spool_dir` under [ledger] in ringfair.toml",
                directory=str(directory),
            )
        os.ftruncate(handle, 0)
        os.pwrite(handle, b"%d\n" % os.getpid(), 0)
        sync_directory(directory)
        sync_directory(directory.parent)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _held(handle: int) -> bool:
    """Take it. Somebody may be looking at this very instant, which is over at once."""
    for _ in range(TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(PAUSE_S)
    return False


@contextmanager
def seized(directory: Path) -> Iterator[bool]:
    """For a moment nobody else takes, reads or empties it; False when somebody has it now. Raises OSError."""
    handle = os.open(directory / NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            free = False
        else:
            free = True
        yield free
    finally:
        os.close(handle)


def writer_of(directory: Path) -> str | None:
    """Who writes to this spool now; None when nobody does. Raises OSError."""
    handle, writer = _shared(directory)
    if handle is not None:
        os.close(handle)
    return writer


@contextmanager
def undisturbed(directory: Path) -> Iterator[None]:
    """Nobody writes to it meanwhile. Raises `CommandRefused` `spool-locked`, OSError."""
    handle, writer = _shared(directory)
    if writer is not None:
        raise CommandRefused(
            "spool-locked",
            f"{directory} is no stranded spool: {writer} writes to it, and brings it to the database without help. "
            "Stop that router first if it must be done by hand.",
        )
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _shared(directory: Path) -> tuple[int | None, str | None]:
    """The lock for a look (None for a copy without one), or who has it."""
    try:
        handle = opened(directory / NAME)
    except FileNotFoundError:
        return None, None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        writer = _said(handle)
        os.close(handle)
        return None, writer
    except BaseException:
        os.close(handle)
        raise
    return handle, None


def _said(handle: int) -> str:
    said = os.pread(handle, 20, 0).strip()
    return f"process {said.decode()}" if said.isdigit() else "another process"
