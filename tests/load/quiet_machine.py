"""Is the machine idle enough to measure on? It says who is busy and waits; it never stops anybody else's work.

Others' time is what the kernel counts as busy in all (proc(5), /proc/stat) less our own: so a neighbour who came and
went in between, or who lives in another container, counts too, and so does what the host took for itself. Interrupts
are left out: on loopback they are those of our own packets.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.load.processor_time import cpu_s, everybody, family, name_of, with_children_s

MOST_CORES = 0.15
"Busier than this, and the figures are the neighbours' as much as ours."
_LOOK_S = 2.0


class NotQuiet(Exception):
    """Others kept the machine busy; the text says who."""


@dataclass(frozen=True, slots=True)
class Busy:
    """What others used, in cores, with what the host of this virtual machine took for itself, `stolen`."""

    cores: float
    stolen: float
    who: tuple[tuple[str, int, float], ...]
    "(name, pid, cores), the busiest first, of those that were there at both ends."

    @property
    def is_quiet(self) -> bool:
        return self.cores <= MOST_CORES

    def __str__(self) -> str:
        names = ", ".join(f"{name} ({pid}) {cores:.2f}" for name, pid, cores in self.who if cores >= 0.02)
        stolen = f", {self.stolen:.2f} stolen by the host" if self.stolen >= 0.01 else ""
        return f"others use {self.cores:.2f} cores{stolen}" + (f": {names}" if names else "")


class Neighbours:
    """What everybody but us (our process, what it started, and `ours` with theirs) uses from now on."""

    def __init__(self, ours: Iterable[int] = ()) -> None:
        self._began = time.monotonic()
        self._cpu = {pid: cpu_s(pid) for pid in everybody()}
        self._own = {pid: with_children_s(pid) for pid in _own(ours)}
        self._busy, self._stolen = _machine_s()

    def look(self, ours: Iterable[int] = ()) -> Busy:
        own = _own(ours)
        took_s = max(time.monotonic() - self._began, 1e-3)
        busy, stolen = _machine_s()
        # One of ours that ended meanwhile has moved, with all of its life, into its parent's count of children.
        ours_s = sum(map(with_children_s, own)) - sum(self._own.values())
        used = {pid: (cpu_s(pid) - self._cpu.get(pid, 0.0)) / took_s for pid in everybody() if pid not in own}
        busiest = sorted(((cores, pid) for pid, cores in used.items() if cores > 0), reverse=True)
        return Busy(
            cores=max(0.0, busy - self._busy - ours_s) / took_s,
            stolen=(stolen - self._stolen) / took_s,
            who=tuple((name_of(pid), pid, cores) for cores, pid in busiest[:5]),
        )


async def wait_until_quiet(say: Callable[[str], None], *, within_s: float, anyway: bool) -> Busy:
    """Look for two seconds, again and again until others use little. Raises NotQuiet after `within_s`."""
    end = time.monotonic() + within_s
    while True:
        neighbours = Neighbours()
        await asyncio.sleep(_LOOK_S)
        busy = neighbours.look()
        if busy.is_quiet:
            return busy
        if anyway:
            say(f"{busy}; measuring anyway")
            return busy
        if time.monotonic() > end:
            raise NotQuiet(f"{busy}. Stop them, or measure --anyway and trust the figures less.")
        say(f"waiting for a quiet machine: {busy}")


def _own(ours: Iterable[int]) -> set[int]:
    return family(os.getpid()).union(*(family(pid) for pid in ours))


def _machine_s() -> tuple[float, float]:
    """Seconds all cores together worked so far, and what of them was stolen; both since the start of the machine."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system = fields[:3]
    stolen = fields[7] if len(fields) > 7 else 0
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    return (user + nice + system + stolen) * tick_s, stolen * tick_s
