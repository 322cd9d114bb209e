"""What SIPp itself can do here: its callers against its own phones, nothing in between.

A result at or above this rate would be SIPp's and not that of the system in the middle: "not measurable here".
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.load.arena import Arena, Round, Talk
from tests.load.side import Progress, told

LADDER = (100, 200, 300, 400, 600, 800)
_BURST_S = 6
LATE_S = 4.0
"A rate is held when the last talk ends this soon after it should."
_ON_TIME = 0.98
"A rate is held when at least this share of it was really placed: 98 of 100 calls/s."


def on_time(done: Round, per_s: float) -> bool:
    """Whether the carrier placed its calls at that rate, by its packets: the last one came when it was due."""
    return done.dropped == 0 and (done.calls - 1) >= _ON_TIME * per_s * done.placed_s


def in_time(done: Round, per_s: float, talk: Talk) -> bool:
    """Every call placed on time, answered by an agent, ended as it should, and nobody left waiting."""
    planned_s = done.calls / per_s + talk.most_ms / 1000
    return not done.lost and not done.failed and on_time(done, per_s) and done.took_s <= planned_s + LATE_S


async def find(arena: Arena, progress: Progress, talk: Talk, ladder: Sequence[int] = LADDER) -> int:
    """The highest rate of the ladder that SIPp holds alone, in calls/s; 0 when not even the first."""
    await arena.phones_on(talk)
    held = 0
    for per_s in ladder:
        takes_s = _BURST_S + talk.most_ms / 1000 + 1
        progress.step(f"SIPp alone at {per_s} calls/s", takes_s)
        done = await arena.round(
            arena.phones, "493023125703", calls=per_s * _BURST_S, per_s=per_s, within_s=takes_s + 15, heard=False
        )
        if not in_time(done, per_s, talk):
            progress.say(f"SIPp alone does not hold {per_s} calls/s: {told(done)}")
            break
        held = per_s
    return held
