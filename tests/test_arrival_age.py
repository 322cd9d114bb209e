"""How old a caller's arrival is when the engine has it: told once an arrival, after its effects, harming nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from router.domain.ids import Micros
from router.domain.messages.effects import RingAgent
from router.domain.messages.events import ContactConnected
from router.domain.messages.observations import EndpointSeen
from tests.fakes.pump_room import Room


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    made = Room().staffed()
    made.pump.start()
    await made.quiet()
    yield made
    made.pump.stop()


async def test_each_arrival_is_told_with_its_age_by_asterisks_clock_and_nothing_else_is(room: Room) -> None:
    ages: list[Micros] = []
    room.pump.heard = ages.append
    at = room.clock.now()
    room.calls.now = lambda: at - 40_000
    room.calls.arrive("shop")
    room.calls.now = room.clock.now
    room.calls.arrive("shop")
    room.pump.see(EndpointSeen(endpoint="nobody", reachable=True, at=0))
    await room.quiet()
    assert ages == [40_000, 0]


async def test_the_wait_in_the_inbox_is_part_of_it() -> None:
    room = Room().staffed()
    ages: list[Micros] = []
    room.pump.heard = ages.append
    room.calls.arrive("shop")
    room.clock.pass_s(3)
    room.pump.start()
    await room.quiet()
    room.pump.stop()
    assert ages == [3_000_000]


async def test_an_agent_rings_before_it_is_told_and_one_who_fails_at_hearing_it_costs_no_call(room: Room) -> None:
    rung: list[int] = []

    def broken(age_us: Micros) -> None:
        rung.append(len(room.effects(RingAgent)))
        raise RuntimeError("full disk")

    room.pump.heard = broken
    room.calls.arrive("shop")
    await room.quiet()
    assert rung == [1]
    assert room.pump.failures == 1
    assert room.events(ContactConnected)
