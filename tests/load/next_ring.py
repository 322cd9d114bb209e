"""P2: agent's BYE → the next INVITE to that agent, 10 agents, callers waiting all the time.

app_queue's waiting callers look once a second each whether somebody is free; so it is measured with all callers waiting
from the start, and talks that end at any phase of that second.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.load.arena import Arena, Talk, calls_of
from tests.load.clocks import bye_to_invite
from tests.load.pairs import Series, turns
from tests.load.results import Row
from tests.load.side import SCRAPED, Progress, Side, offices_of, scraped, warm_up

AGENTS = 10
_COME_PER_S = 60
_TALK = Talk()
_MEAN_S = (_TALK.least_ms + _TALK.most_ms) / 2000


def run_s(callers: int, name: str = "ours") -> float:
    """How long one run takes; app_queue leaves each agent alone for half a second more."""
    return callers / AGENTS * (_MEAN_S + (0.5 if name == "app_queue" else 0)) + 2.5


async def measure(
    arena: Arena, sides: Sequence[Side], progress: Progress, *, pairs: int, callers: int, label: str = "P2"
) -> Series:
    """`pairs` runs of each side in turns. Raises CallsLost."""
    await arena.phones_on(_TALK)
    for office in offices_of(sides):
        await office.on_duty(AGENTS)
    progress.step(f"{label}: warming up", len(sides) * 5)
    await warm_up(arena, sides)
    series = Series()
    by_name = {side.name: side for side in sides}
    for number, name in turns(pairs, list(by_name)):
        side, takes_s = by_name[name], run_s(callers, name)
        progress.step(f"{label}, pair {number} of {pairs}: {name}", takes_s)
        async with scraped(side):
            done = await arena.round(
                side.towards, side.dnis, calls=callers, per_s=_COME_PER_S, within_s=takes_s * 2 + 30
            )
        series.add(name, bye_to_invite(calls_of(done).messages, arena.phones, callers))
    return series


def row(series: Series, callers: int, *, id: str = "P2", waiting: str = "", notes: Sequence[str] = ()) -> Row:
    ours, app_queue = series.figures("ours"), series.figures("app_queue")
    assert ours is not None
    assert app_queue is not None
    ratios, interval = {}, {}
    for name in ("p50", "p99"):
        found = series.ratio("app_queue", "ours", name)
        assert found is not None
        ratios[name], interval[name] = found.middle, (found.low, found.high)
    between = series.ratio("app_queue", "ours", "p50")
    return Row(
        id=id,
        title=f"agent's BYE → next INVITE to that agent, {AGENTS} agents, {waiting or f'{callers} callers'}",
        unit="ms",
        n=series.n,
        ours=ours,
        app_queue=app_queue,
        ratio=ratios["p50"],
        ratios=ratios,
        interval={"ratio": interval["p50"], **interval},
        pairs=len(series.runs["ours"]),
        spread=series.spread(),
        samples=series.samples(),
        notes=[
            *notes,
            SCRAPED,
            f"app_queue's p50 ÷ ours, the median of {len(series.runs['ours'])} pairs: {between}.",
        ],
    )
