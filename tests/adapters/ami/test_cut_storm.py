"""A hundred cuts at seeded bytes of either way while callers are served: each of them once, and nobody is lost.

What the cuts at every byte of one action cannot show: one cut after the other, in the middle of events, of talks and of
the resync after the cut before. tests/load/ami_cuts.py does the same to a real Asterisk.
"""

import asyncio
import random
from collections.abc import Callable

import pytest
from panoramisk.utils import IdGenerator

from router.adapters.ami.limits import Limits

from .cut_room import CutRoom, Fate, on_the_line
from .quick_loop import QuickLoop

pytestmark = pytest.mark.usefixtures("hushed")
AGENTS = tuple(f"agent-{1001 + n}" for n in range(7))
TIMES, PER_S, LATENCY_S = 100, 2.0, 0.004
IN_RESYNC = 0.35
"Of the cuts: so many fall into the login and the resync after another one."
MOST_SENT, MOST_SAID, LESS_IN_RESYNC = 6000, 12000, 2
"Bytes up to a cut, at most: of some seconds of calls."


async def storm(seed: int) -> tuple[int, list[str]]:
    """How many called, and what went wrong."""
    IdGenerator.reset(uid="00000000-0000-4000-8000-000000000000")  # a cut is to fall at the same byte each time
    dice = random.Random(seed)
    async with on_the_line(agents=AGENTS) as room:
        room.loop.latency_s = LATENCY_S
        room.telephony.session.limits = Limits()
        calling = asyncio.ensure_future(_calls(room))
        for _ in range(TIMES):
            await _cut(room, dice)
        calling.cancel()
        await room.until(room.is_calm, 120)
        return len(room.callers), list(room.blames(Fate(talks=1)))


async def _cut(room: CutRoom, dice: random.Random) -> None:
    exchange, less = room.exchange, 1
    if dice.random() < IN_RESYNC:
        await _broken(room, exchange.line().cut)
        less = LESS_IN_RESYNC
    line = exchange.line()
    if dice.random() < 0.5:
        line.may_send = dice.randint(1, MOST_SENT // less)
    else:
        line.may_say = dice.randint(1, MOST_SAID // less)
    await _broken(room, lambda: None)
    telephony = room.telephony
    assert await room.until(lambda: telephony.synced and telephony.session.connected), "never in sight again"


async def _broken(room: CutRoom, by: Callable[[], None]) -> None:
    """Wait until there is another connection."""
    before = room.exchange.connections
    by()
    assert await room.until(lambda: room.exchange.connections > before), "never dialled again"


async def _calls(room: CutRoom) -> None:
    while True:
        room.call()
        await asyncio.sleep(1 / PER_S)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_storm_of_cuts_loses_no_caller_and_doubles_nothing(seed: int) -> None:
    with asyncio.Runner(loop_factory=QuickLoop) as runner:
        callers, wrong = runner.run(storm(seed))
    assert wrong == []
    assert callers > 300
