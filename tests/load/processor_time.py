"""CPU seconds and memory of processes, as the kernel keeps them (proc(5))."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """User and system time of a process so far, of all its threads; 0.0 for one that is gone."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) * _TICK_S if fields else 0.0


def with_children_s(pid: int) -> float:
    """Of a process and of those below it that have ended and were waited for, so that none is forgotten."""
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) * _TICK_S if fields else 0.0


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "?"


def parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def everybody() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdecimal()]


def family(pid: int) -> set[int]:
    """The process and everything below it."""
    children: dict[int, list[int]] = {}
    for other in everybody():
        children.setdefault(parent(other), []).append(other)
    found, todo = set(), [pid]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += children.get(one, [])
    return found


class Stopwatch:
    """Cores that named processes use from now on: their CPU seconds over the same span of time, 1 is one core."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._began_s = time.monotonic()
        self._began = {name: cpu_s(pid) for name, pid in self._pids.items()}

    def cores(self) -> dict[str, float]:
        span_s = max(time.monotonic() - self._began_s, 1e-3)
        return {name: (cpu_s(pid) - self._began[name]) / span_s for name, pid in self._pids.items()}


def memory_mb(pid: int) -> float:
    """Resident memory, its share of what it shares with others (PSS) where the kernel tells, else RSS; in MB (10^6)."""
    for file, key in ((f"/proc/{pid}/smaps_rollup", "Pss:"), (f"/proc/{pid}/status", "VmRSS:")):
        try:
            lines = Path(file).read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith(key):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def threads(pid: int) -> int:
    return _count(f"/proc/{pid}/task")


def open_files(pid: int) -> int:
    return _count(f"/proc/{pid}/fd")


def pin(pids: Iterable[int], core: int) -> None:
    """Keep these processes, all their threads and whatever they start, on one core."""
    for pid in pids:
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), {core})


def _count(folder: str) -> int:
    try:
        return len(os.listdir(folder))
    except OSError:
        return 0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name, which may hold anything; [] for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
