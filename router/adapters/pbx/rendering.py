"""Fills the few placeholders of the site's configuration files: ``@{name}``.

The files under ``asterisk/`` serve a real site and the embedded instance alike; what differs between the two is in the
mapping of values and nowhere else. ``@`` and not ``$`` because the dialplan is full of ``${...}``; braces always, so
that addresses like ``sip:name@host`` stay as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from router.adapters.pbx.errors import PbxError

_PLACEHOLDER = re.compile(r"@\{([a-z_]+)\}")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f;]")


def render_text(text: str, values: Mapping[str, str], *, source: str) -> str:
    """``text`` with every placeholder filled; an unknown one, or a value that would break the file, is an error."""
    for name, value in values.items():
        if _UNSAFE.search(value):
            raise PbxError("bad-value", f"{name}: control characters and semicolons cannot stand in a configuration")

    def fill(found: re.Match[str]) -> str:
        value = values.get(found.group(1))
        if value is None:
            raise PbxError("unknown-placeholder", f"{source}: no value for {found.group()}")
        return value

    return _PLACEHOLDER.sub(fill, text)


def write_atomically(path: Path, text: str, mode: int, *, group: int = -1) -> None:
    """Replaces ``path`` in one step, so that a reload never reads half a file; ``mode`` holds from its first byte.

    ``group``: the file's group id; -1 leaves it to the system.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if group != -1 and group != os.fstat(file.fileno()).st_gid:
                os.fchown(file.fileno(), -1, group)
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
