"""A snapshot on which the engine fails costs its node no more than a moment, and a bug that stays costs no hot loop."""

from collections.abc import AsyncIterator, Callable

import pytest

from router.domain.commands import Command
from router.domain.effects import LookAgain
from router.domain.events import ContactConnected
from router.domain.ids import Micros
from router.domain.observations import Observation, Resynced
from tests.fakes.pump_room import Room
from tests.fakes.telephony import NODE


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    made = Room()
    made.pump.start()
    yield made
    made.pump.stop()


Stumble = Callable[[int], None]


@pytest.fixture
def stumble(room: Room, monkeypatch: pytest.MonkeyPatch) -> Stumble:
    """From now on the engine fails on so many snapshots."""
    handle, left = room.engine.handle, [0]

    def touchy(message: Command | Observation, now: Micros) -> None:
        if isinstance(message, Resynced) and left[0]:
            left[0] -= 1
            raise KeyError("a bug of ours")
        handle(message, now)

    def set_left(count: int) -> None:
        left[0] = count

    monkeypatch.setattr(room.engine, "handle", touchy)
    return set_left


async def passes(room: Room, seconds: int) -> None:
    for _ in range(seconds):
        room.clock.pass_s(1.0001)
        await room.quiet()


async def test_after_a_failed_snapshot_another_is_asked_for_and_the_node_is_in_service(
    room: Room, stumble: Stumble
) -> None:
    stumble(1)
    room.staffed()
    room.calls.arrive("shop")
    await room.quiet()
    assert (room.pump.failures, room.events(ContactConnected), room.effects(LookAgain)) == (1, [], [])
    await passes(room, 2)
    assert room.effects(LookAgain) == [LookAgain(node=NODE)]
    assert room.events(ContactConnected)
    await passes(room, 10)
    assert len(room.effects(LookAgain)) == 1


async def test_a_bug_that_stays_is_asked_about_ever_more_seldom(room: Room, stumble: Stumble) -> None:
    stumble(10_000)
    room.staffed()
    await room.quiet()
    await passes(room, 200)
    asked = len(room.effects(LookAgain))
    assert 5 <= asked <= 15
    assert room.pump.failures == asked + 1
    stumble(0)
    room.calls.arrive("shop")
    await passes(room, 31)
    assert room.events(ContactConnected)


async def test_after_one_that_went_well_the_next_failure_is_mended_quickly_again(room: Room, stumble: Stumble) -> None:
    stumble(4)
    room.staffed()
    await passes(room, 40)
    before = len(room.effects(LookAgain))
    stumble(1)
    room.calls.resync()
    await passes(room, 2)
    assert len(room.effects(LookAgain)) == before + 1
