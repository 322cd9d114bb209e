"""P1: caller's INVITE → agent's INVITE, agents free, 20 calls/s. What our way through the manager interface costs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from tests.load.arena import Arena, Talk, calls_of
from tests.load.clocks import invite_to_invite
from tests.load.pairs import Series, turns
from tests.load.results import Row
from tests.load.side import SCRAPED, Progress, Side, offices_of, scraped, warm_up

AGENTS = 80
PER_S = 20
_TALK = Talk()


def run_s(calls: int) -> float:
    """How long one run takes."""
    return calls / PER_S + _TALK.most_ms / 1000 + 1


async def measure(
    arena: Arena,
    sides: Sequence[Side],
    progress: Progress,
    *,
    pairs: int,
    calls: int,
    floor: Side | None = None,
    floor_runs: int = 0,
    label: str = "P1",
    warmed: Callable[[], Awaitable[None]] | None = None,
) -> Series:
    """`pairs` runs of each side in turns, and `floor_runs` of the floor among them. Raises CallsLost.

    `warmed` is awaited after the calls that warm up, and may refuse to go on.
    """
    await arena.phones_on(_TALK)
    for office in offices_of(sides):
        await office.on_duty(AGENTS)
    progress.step(f"{label}: warming up", len(sides) * run_s(20))
    await warm_up(arena, sides)
    if warmed is not None:
        await warmed()
    series = Series()

    async def run(side: Side, number: int) -> None:
        progress.step(f"{label}, pair {number} of {pairs}: {side.name}", run_s(calls))
        series.add(side.name, await once(arena, side, calls))

    by_name = {side.name: side for side in sides}

    def last_of(number: int) -> str:
        return sides[-1 if number % 2 else 0].name

    for number, name in turns(pairs, list(by_name)):
        await run(by_name[name], number)
        if floor is not None and name == last_of(number) and number <= floor_runs:
            await run(floor, number)  # after a whole pair, never between its two
    return series


async def once(arena: Arena, side: Side, calls: int) -> list[float]:
    """One run: ms from INVITE to INVITE of each caller. Raises CallsLost."""
    async with scraped(side):
        done = await arena.round(side.towards, side.dnis, calls=calls, per_s=PER_S, within_s=run_s(calls) + 30)
    return invite_to_invite(calls_of(done).messages, arena.phones, calls)


def row(series: Series, *, id: str = "P1", notes: Sequence[str] = ()) -> Row:
    ours, app_queue = series.figures("ours"), series.figures("app_queue")
    assert ours is not None
    assert app_queue is not None
    ratios, between, told = {}, {}, [*notes, SCRAPED]
    for name in ("p50", "p99"):
        found = series.ratio("ours", "app_queue", name)
        assert found is not None
        ratios[name], between[name] = found.middle, (found.low, found.high)
        told.append(f"{name} ÷ app_queue's, the median of {len(series.runs['ours'])} pairs: {found}.")
    with_cel = " with CEL on for both" if id.endswith("-cel") else ""
    return Row(
        id=id,
        title=f"caller's INVITE → agent's INVITE, agents free, {PER_S} calls/s{with_cel}",
        unit="ms",
        n=series.n,
        ours=ours,
        app_queue=app_queue,
        floor=series.figures("floor"),
        ratio=ratios["p50"],
        ratios=ratios,
        interval={"ratio": between["p50"], **between},
        pairs=len(series.runs["ours"]),
        spread=series.spread(),
        samples=series.samples(),
        notes=told,
    )
