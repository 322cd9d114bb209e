"""Is the machine idle enough to measure on? It says who is busy and waits; it never stops anybody else's work."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.load.processor_time import cpu_s, everybody, family, name_of

MOST_CORES = 0.15
"Busier than this, and the figures are the neighbours' as much as ours."
_LOOK_S = 2.0


class NotQuiet(Exception):
    """Others kept the machine busy; the text says who."""


@dataclass(frozen=True, slots=True)
class Busy:
    """What others used, in cores; `stolen` is what the host of this virtual machine took for itself."""

    cores: float
    stolen: float
    who: tuple[tuple[str, int, float], ...]
    "(name, pid, cores), the busiest first."

    def __str__(self) -> str:
        names = ", ".join(f"{name} ({pid}) {cores:.2f}" for name, pid, cores in self.who if cores >= 0.02)
        stolen = f", {self.stolen:.2f} stolen by the host" if self.stolen >= 0.01 else ""
        return f"others use {self.cores:.2f} cores{stolen}" + (f": {names}" if names else "")


class Neighbours:
    """What everybody but us (our process, what it started, and `ours`) uses from now on."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._cpu = {pid: cpu_s(pid) for pid in everybody()}
        self._stolen = _stolen_s()

    def look(self, ours: Iterable[int] = ()) -> Busy:
        own = family(os.getpid()).union(ours)
        took_s = max(time.monotonic() - self._began, 1e-3)
        used = {pid: (cpu_s(pid) - self._cpu.get(pid, 0.0)) / took_s for pid in everybody() if pid not in own}
        busiest = sorted(((cores, pid) for pid, cores in used.items() if cores > 0), reverse=True)
        return Busy(
            cores=sum(cores for cores, _ in busiest),
            stolen=(_stolen_s() - self._stolen) / took_s,
            who=tuple((name_of(pid), pid, cores) for cores, pid in busiest[:5]),
        )


async def wait_until_quiet(say: Callable[[str], None], *, within_s: float, anyway: bool) -> Busy:
    """Look for two seconds, again and again until others use little. Raises NotQuiet after `within_s`."""
    end = time.monotonic() + within_s
    while True:
        neighbours = Neighbours()
        await asyncio.sleep(_LOOK_S)
        busy = neighbours.look()
        if busy.cores <= MOST_CORES:
            return busy
        if anyway:
            say(f"{busy}; measuring anyway")
            return busy
        if time.monotonic() > end:
            raise NotQuiet(f"{busy}. Stop them, or measure --anyway and trust the figures less.")
        say(f"waiting for a quiet machine: {busy}")


def _stolen_s() -> float:
    fields = Path("/proc/stat").read_text().splitlines()[0].split()
    return int(fields[8]) / os.sysconf("SC_CLK_TCK") if len(fields) > 8 else 0.0
