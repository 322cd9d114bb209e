"""Servers that put themselves into the background and leave a pid file: alive or not, and how they end.

A pid may have been given to another program after a crash, so a process counts as ours only if its command line names
the configuration file we started it with.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from router.adapters.pbx.errors import PbxError

_POLL_S = 0.02


def running_pid(pid_file: Path, marker: str) -> int | None:
    """The process of ``pid_file`` if it lives and one of the words of its command line is ``marker``."""
    try:
        pid = int(pid_file.read_text().strip())
        command_line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if marker.encode() in command_line.replace(b"\0", b" ").split() else None


def wait_until(condition: Callable[[], bool], deadline_s: float) -> bool:
    """Polls ``condition`` until it holds (True) or ``deadline_s`` seconds are over (False)."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(_POLL_S)
    return True


def stop_process(pid_file: Path, marker: str, *, deadline_s: float, what: str) -> bool:
    """Ends the process politely, then by force. False if it was not running."""
    pid = running_pid(pid_file, marker)
    if pid is None:
        return False
    for number, patience_s in ((signal.SIGTERM, deadline_s), (signal.SIGKILL, 5.0)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        except PermissionError as error:
            raise PbxError("not-allowed", f"{what} (process {pid}) belongs to another user") from error
        if wait_until(lambda: running_pid(pid_file, marker) != pid, patience_s):
            return True
    raise PbxError("will-not-stop", f"{what} (process {pid}) did not end, not even by SIGKILL")


def log_tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, or a remark that there are none."""
    try:
        text = path.read_text(errors="replace").splitlines()[-lines:]
    except OSError:
        return f"(no log in {path})"
    return "\n".join(text) or f"({path} is empty)"
