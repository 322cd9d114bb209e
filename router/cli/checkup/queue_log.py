"""The queue log, where a site has one: whether the router's user can write it where it is to stand.

Looks only: nothing is made or opened for writing. What may be there besides a regular file is refused by the router too
(adapters/queue_log/file.py), so that lines would wait in memory until they are turned away.
"""

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from router.cli.checkup.finding import Finding, fail, ok, warn

if TYPE_CHECKING:
    from router.config import Site

_CHECK = "machine.queue-log"
_EXPECTED = "a file that can be written, or a place for one"


def examine_queue_log(site: "Site") -> list[Finding]:
    """Nothing where no file is configured."""
    file = site.settings.queue_log.file
    return [] if file is None else [_look(Path(file))]


def _look(file: Path) -> Finding:
    try:
        found = file.lstat()
    except FileNotFoundError:
        return _place(file)
    except OSError as error:
        return warn(_CHECK, f"{file}: {error.strerror}", _EXPECTED, "Run doctor as the router's user.")
    if not stat.S_ISREG(found.st_mode):
        mend = f"Move it away, or name another file under [queue_log]: {file} must be a regular file and no link."
        return fail(_CHECK, f"{file} is no regular file", _EXPECTED, mend)
    if not os.access(file, os.R_OK | os.W_OK):
        mend = (
            f"chown ringfair {file}, and its directory for the file that follows a rotation; run doctor as that user."
        )
        return warn(_CHECK, f"{file} cannot be read and written by this user", _EXPECTED, mend)
    return ok(_CHECK, f"{file}, {found.st_size:,} bytes")


def _place(file: Path) -> Finding:
    folder = file.parent
    if not folder.is_dir():
        mend = f"mkdir {folder}, owned by the router's user (systemd: LogsDirectory=ringfair)."
        return fail(_CHECK, f"{folder} is not there", _EXPECTED, mend)
    if not os.access(folder, os.W_OK | os.X_OK):
        mend = "The router's user must be able to make a file there; run doctor as that user."
        return warn(_CHECK, f"{folder} cannot be written by this user", _EXPECTED, mend)
    return ok(_CHECK, f"{file} will be made with the first line")
