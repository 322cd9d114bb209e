"""SIPp scenarios out of files with marks, and what SIPp says became of each call.

Only text of ours and of a test's author enters a scenario; SIPp's own keywords stand in [brackets], so brackets in a
filled-in text are escaped.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

SIPP_LOGS = ("-nostdin", "-timer_resol", "1", "-trace_logs", "-log_file", "log", "-trace_err", "-error_file", "err")
"Options of every SIPp of ours: timers of 1 ms, and its log where `read_log` finds it."
_MARK = re.compile(r"~([a-z_]+)~")
_LOGGED = re.compile(r"call (\d+) (.+)$")


def fill(name: str, marks: Mapping[str, str]) -> str:
    """The scenario (or part) `name` with every ~mark~ replaced. Raises: KeyError for a mark without a value."""
    text = (files("tests.telephones") / "sipp" / f"{name}.xml").read_text(encoding="utf-8")
    head, comment, body = text.partition("-->")
    return head + comment + _MARK.sub(lambda mark: marks[mark[1]], body)


def literal(text: str) -> str:
    """Text that SIPp sends as it is."""
    return text.replace("]]>", "]] >").replace("\\", "\\\\").replace("[", "\\[")


def read_log(log: Path) -> dict[int, list[str]]:
    """Call number (from 1) to what happened to it, in order, as the scenario's <log> lines say."""
    calls: dict[int, list[str]] = defaultdict(list)
    if log.exists():
        for line in log.read_text(errors="replace").splitlines():
            if found := _LOGGED.search(line):
                calls[int(found[1])].append(found[2].strip())
    return dict(calls)
