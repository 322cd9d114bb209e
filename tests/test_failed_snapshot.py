"""A snapshot on which the engine fails costs its node no more than a moment, and a bug that stays costs no hot loop."""

from collections.abc import AsyncIterator, Callable

import pytest

from router.domain.ids import Micros
from router.domain.messages.commands import Command
from router.domain.messages.effects import LookAgain
from router.domain.messages.events import ContactConnected
from router.domain.messages.observations import Observation, Resynced
from tests.fakes.pump_room import Room
from tests.fakes.telephony import NODE


@pytest.fixture
async def floor() -> AsyncIterator[Room]:
    made = Room()
    made.pump.start()
    yield made
    made.pump.stop()


Stumble = Callable[[int], None]


@pytest.fixture
def stumble(floor: Room, monkeypatch: pytest.MonkeyPatch) -> Stumble:
    """From now on the engine fails on so many snapshots."""
    handle, left = floor.engine.handle, [0]

    def touchy(message: Command | Observation, now: Micros) -> None:
        if isinstance(message, Resynced) and left[0]:
            left[0] -= 1
            raise KeyError("a bug of ours")
        handle(message, now)

    def set_left(count: int) -> None:
        left[0] = count

    monkeypatch.setattr(floor.engine, "handle", touchy)
    return set_left


async def passes(floor: Room, seconds: int) -> None:
    for _ in range(seconds):
        floor.clock.pass_s(1.0001)
        await floor.quiet()


async def test_after_a_failed_snapshot_another_is_asked_for_and_the_node_is_in_service(
    floor: Room, stumble: Stumble
) -> None:
    stumble(1)
    floor.staffed()
    floor.calls.arrive("shop")
    await floor.quiet()
    assert (floor.pump.failures, floor.events(ContactConnected), floor.effects(LookAgain)) == (1, [], [])
    await passes(floor, 2)
    assert floor.effects(LookAgain) == [LookAgain(node=NODE)]
    assert floor.events(ContactConnected)
    await passes(floor, 10)
    assert len(floor.effects(LookAgain)) == 1


async def test_a_bug_that_stays_is_asked_about_ever_more_seldom(floor: Room, stumble: Stumble) -> None:
    stumble(10_000)
    floor.staffed()
    await floor.quiet()
    await passes(floor, 200)
    asked = len(floor.effects(LookAgain))
    assert 5 <= asked <= 15
    assert floor.pump.failures == asked + 1
    stumble(0)
    floor.calls.arrive("shop")
    await passes(floor, 31)
    assert floor.events(ContactConnected)


async def test_after_one_that_went_well_the_next_failure_is_mended_quickly_again(floor: Room, stumble: Stumble) -> None:
    stumble(4)
    floor.staffed()
    await passes(floor, 40)
    before = len(floor.effects(LookAgain))
    stumble(1)
    floor.calls.resync()
    await passes(floor, 2)
    assert len(floor.effects(LookAgain)) == before + 1


async def test_a_node_that_does_not_answer_is_not_asked_at_every_beat(floor: Room, stumble: Stumble) -> None:
    stumble(1)
    floor.staffed()
    floor.calls.away = True
    await passes(floor, 20)
    assert len(floor.effects(LookAgain)) == 1
