"""One side of a comparison: an office, and the number that reaches the system to be measured in it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import aiohttp

from tests.load.arena import Arena, Round, calls_of
from tests.load.office import Office
from tests.load.rivals import NUMBERS, OURS


@dataclass(frozen=True, slots=True)
class Side:
    """`name` is that of a `Row`'s columns (`ours`, `app_queue`, `floor`), or `base` for another commit's router."""

    name: str
    office: Office
    dnis: str

    @property
    def towards(self) -> tuple[str, int]:
        return self.office.pbx.address, self.office.pbx.ports.sip


def rivals_of(office: Office) -> tuple[Side, Side, Side]:
    """Ours, app_queue and plain Dial on the same Asterisk."""
    ours, app_queue, floor = (Side(name, office, dnis) for name, dnis in NUMBERS.items())
    return ours, app_queue, floor


def router_of(office: Office, name: str) -> Side:
    return Side(name, office, OURS)


async def warm_up(arena: Arena, sides: Sequence[Side], calls: int = 20) -> None:
    """A few calls nobody counts: the first ones of a process pay for what is loaded and allocated once."""
    for side in sides:
        calls_of(await arena.round(side.towards, side.dnis, calls=calls, per_s=20, within_s=30, heard=False))


def offices_of(sides: Sequence[Side]) -> list[Office]:
    """Each once, in order."""
    return list({id(side.office): side.office for side in sides}.values())


SCRAPE_S = 5.0
SCRAPED = (
    f"/metrics was scraped every {SCRAPE_S:g} s while ours was measured, as Prometheus would: its cost is in ours."
)


@contextlib.asynccontextmanager
async def scraped(side: Side) -> AsyncIterator[None]:
    """While a run of our router lasts, its metrics are read as in production. An older commit may have none."""
    if side.name not in ("ours", "base"):
        yield
        return
    task = asyncio.create_task(_scrape(side.office))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _scrape(office: Office) -> None:
    while True:
        await asyncio.sleep(SCRAPE_S / 2)
        with contextlib.suppress(aiohttp.ClientError, OSError, ValueError, TimeoutError):
            await office.get("/metrics")
        await asyncio.sleep(SCRAPE_S / 2)


class Progress:
    """A line on stderr for each step, with the time and how long the rest will take at the planned pace."""

    def __init__(self, planned_s: float) -> None:
        self._left_s = planned_s
        self._step_s = 0.0
        self._began = time.monotonic()

    def step(self, text: str, takes_s: float) -> None:
        """The step before is over; this one is planned to take so long."""
        self._left_s = max(takes_s, self._left_s - self._step_s)
        self._step_s = takes_s
        self.say(f"{text} (about {clock(takes_s)}, {clock(self._left_s)} to go)")  # a search may take longer

    @staticmethod
    def say(text: str) -> None:
        print(f"  {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)

    @property
    def took_s(self) -> float:
        return time.monotonic() - self._began


def clock(seconds: float) -> str:
    """`1:05`, or `42 s` below a minute."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}" if whole >= 60 else f"{whole} s"


def told(round_: Round) -> str:
    return (
        f"{round_.answered} of {round_.calls} talked with an agent, {round_.failed} failed, "
        f"{round_.repeated} messages repeated, {round_.took_s:.1f} s, placed within {round_.placed_s:.1f} s"
        + (f", tcpdump dropped {round_.dropped} packets" if round_.dropped else "")
    )
