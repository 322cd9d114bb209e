"""The line to Asterisk cut at every byte of fifty pairs of action and answer: nothing is lost, nothing doubled."""

import asyncio
import os

import pytest

from router.adapters.ami.limits import Limits
from router.domain.ids import AgentId
from router.domain.messages.commands import Unpause

from .cut_room import AGENTS, CutRoom, Fate, on_the_line
from .cut_stories import PAIRS, Pair
from .fake_exchange import FakeExchange
from .quick_loop import QuickLoop
from .shears import Shears

pytestmark = pytest.mark.usefixtures("hushed")
AWAY_S = (0.0, 0.7, 0.0, 3.0)
"In turn: at once, after a moment, and so late that a ring is over by then."
EVERY_BYTE = bool(os.environ.get("RINGFAIR_EVERY_BYTE"))
STEP, LAST = 7, 5
"Without that: each seventh byte, and each of the last ones."


async def cuts(pair: Pair) -> list[str]:
    """Every cut of one pair, one after the other at the same router; what went wrong, and where."""
    wrong: list[str] = []
    async with on_the_line(FakeExchange(unlisted={"agent-1002"})) as room:
        for of_answer in (False, True):
            at = 0
            while True:
                shears = Shears(
                    action=pair.action,
                    about=pair.about,
                    skip=pair.skip,
                    of_answer=of_answer,
                    at=at,
                    away_s=AWAY_S[at % len(AWAY_S)],
                )
                found = await cut(room, pair, shears)
                wrong += [f"{'answer' if of_answer else 'action'} at {at}: {what}" for what in found]
                if shears.missed or len(wrong) > 5:
                    break
                at += 1 if EVERY_BYTE or at >= shears.length - LAST else STEP
    return wrong


async def cut(room: CutRoom, pair: Pair, shears: Shears) -> list[str]:
    room.forget()
    exchange = room.exchange
    exchange.shears = shears
    began = room.loop.time()
    await pair.play(room)
    await room.until(lambda: shears.done, pair.fate.within_s)
    await asyncio.sleep(0.05)
    await room.until(room.is_calm, pair.fate.within_s - (room.loop.time() - began))
    wrong = list(room.blames(pair.fate))
    if not shears.done:
        wrong.append("the story did not come to the cut")
    exchange.shears = None
    for leg in list(exchange.floor):  # the next story begins in an empty room, whatever this one left
        exchange.hangs_up(leg)
    await room.until(room.is_calm)
    if not await room.all_are_ready():
        standing = {agent.agent_id: agent.standing.name for agent in room.engine.floor.agents.values()}
        wrong.append(f"an agent is stuck: {standing}")
    return wrong


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_cut_at_every_byte(pair: Pair) -> None:
    with asyncio.Runner(loop_factory=QuickLoop) as runner:
        assert runner.run(cuts(pair)) == []


def test_a_caller_is_not_offered_to_one_agent_after_the_other_over_a_line_that_is_gone() -> None:
    """Between the end of the connection and the news of it a deadline or an agent may still lead to an order."""

    async def story() -> tuple[list[str], list[str]]:
        async with on_the_line() as room:
            room.all_pause()
            room.call()
            await asyncio.sleep(0.5)
            room.exchange.cut()
            while room.telephony.session.connected:  # noqa: ASYNC110 - the very turn in which it goes
                await asyncio.sleep(0)
            for agent in AGENTS:
                room.pump.ask(Unpause(agent_id=AgentId(agent)))
            await asyncio.sleep(0.01)
            failed = [fact.agent_id for fact in room.offers]
            assert await room.until(room.is_calm)
            return failed, list(room.blames(Fate(talks=1)))

    with asyncio.Runner(loop_factory=QuickLoop) as runner:
        failed, wrong = runner.run(story())
    assert failed == [AGENTS[0]]
    assert wrong == []


def test_a_line_that_is_cut_again_and_again_is_back_before_any_caller_falls_back() -> None:
    """Ten sessions, none of which lasts: the back-off must not grow beyond what the dialplan waits for a heartbeat."""

    async def story() -> tuple[float, list[str]]:
        longest_s = 0.0
        async with on_the_line() as room:
            room.telephony.session.limits = Limits()
            for _ in range(10):
                assert await room.until(room.is_calm)
                cut_at = room.loop.time()
                room.exchange.cut()
                room.call()
                await asyncio.sleep(0.01)
                assert await room.until(lambda: room.telephony.synced and room.telephony.session.connected)
                longest_s = max(longest_s, room.loop.time() - cut_at)
                room.exchange.cut()
            assert await room.until(room.is_calm)
            return longest_s, list(room.blames(Fate(talks=1)))

    with asyncio.Runner(loop_factory=QuickLoop) as runner:
        longest_s, wrong = runner.run(story())
    assert longest_s < 2
    assert wrong == []


def test_there_are_fifty_pairs_and_they_are_different() -> None:
    assert len({pair.name for pair in PAIRS}) == len(PAIRS) >= 50
