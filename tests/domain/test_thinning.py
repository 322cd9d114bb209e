"""Somebody leaves: who waits is looked after, and a long line costs nothing while somebody is left."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from router.domain.ids import SECOND, AgentId, Micros
from router.domain.messages.commands import Entitle, LogOut, Pause
from router.domain.messages.events import ContactOverflowed
from router.domain.messages.observations import EndpointSeen
from router.domain.rulebook.entitlement import Entitlement, Interval
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import Ring, Rules, Staffed, ToClosing
from tests.builders import ORDERS, Room, rules, with_queue

HOUR_US = 3600 * SECOND
RINGED: dict[str, Any] = {"rings": (Ring(after_us=HOUR_US, need=Need.parse("general")),)}
STAYING: dict[str, Any] = {"stay_if": (Staffed.READY,), "overflow": (ToClosing(),)}


def asking(**changes: object) -> Rules:
    return with_queue(rules(), ORDERS, need=Need.parse("orders"), max_wait_us=2 * HOUR_US, **changes)


def crowded(waiting: int, agents: int, **changes: object) -> Room:
    """Everybody is on the telephone, and so many wait."""
    room = Room(*(["orders"] * agents), rules_in_force=asking(**changes))
    for agent_id in room.agents:
        room.private_call(agent_id, f"private-{agent_id}")
    for number in range(waiting):
        room.calls(f"c{number}")
    return room


def on_shift(room: Room, agent_id: AgentId, from_at: Micros, to_at: Micros) -> None:
    room.ask(Entitle(agent_id=agent_id, entitlement=Entitlement(intervals=(Interval(from_at=from_at, to_at=to_at),))))


def work(deed: Callable[[], None]) -> int:
    """How much the domain does for it: executed lines, the same on every machine."""
    done = 0

    def line(frame: FrameType, event: str, _: object) -> Any:
        nonlocal done
        done += event == "line"
        return line

    def call(frame: FrameType, event: str, _: object) -> Any:
        return line if "/router/domain/" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        deed()
    finally:
        sys.settrace(before)
    return done


def pauses(room: Room) -> None:
    room.engine.handle(Pause(agent_id=room.agents[0], reason="break"), room.now)


def logs_out(room: Room) -> None:
    room.engine.handle(LogOut(agent_id=room.agents[0]), room.now)


def loses_their_phone(room: Room) -> None:
    room.engine.handle(EndpointSeen(endpoint=room.agents[0], reachable=False, at=room.now), room.now)


@pytest.mark.parametrize("changes", [RINGED, STAYING])
@pytest.mark.parametrize("leaves", [pauses, logs_out, loses_their_phone])
def test_a_long_line_costs_nothing_while_somebody_is_left(
    leaves: Callable[[Room], None], changes: dict[str, Any]
) -> None:
    few, many = (crowded(waiting, 3, **changes) for waiting in (5, 200))
    assert work(lambda: leaves(many)) <= work(lambda: leaves(few)) + 5


def test_nor_do_shifts_that_end_in_one_instant() -> None:
    took = []
    for waiting in (5, 200):
        room = crowded(waiting, 6, **RINGED)
        for agent_id in room.agents[1:]:
            on_shift(room, agent_id, 0, room.now + 10 * SECOND)
        room.now += 10 * SECOND
        took.append(work(lambda room=room: room.engine.handle_timer(room.now)))  # type: ignore[misc]
    assert took[1] <= took[0] + 20


def test_when_the_last_one_leaves_the_next_row_opens_to_everybody_the_first_first() -> None:
    room = crowded(4, 2, **RINGED)
    wider = room.agent_joins("general")
    for agent_id in room.agents[:2]:
        assert room.offered_to(next(iter(room.floor.contacts))) is None
        room.ask(LogOut(agent_id=agent_id))
    first, *others = room.floor.contacts
    assert room.offered_to(first) == wider
    assert {room.floor.contacts[other].row.index for other in others} == {1}


def test_where_one_shift_follows_another_nobody_has_gone() -> None:
    room = crowded(3, 2, **STAYING)
    early, late = room.agents
    ends_at = room.now + 60 * SECOND
    on_shift(room, early, 0, ends_at)
    on_shift(room, late, ends_at, ends_at + HOUR_US)
    room.let_pass(61)
    assert room.of(ContactOverflowed) == []
    room.let_pass(3600)
    assert [event.why for event in room.of(ContactOverflowed)] == ["nobody"] * 3


def test_so_it_is_where_only_the_wider_need_has_somebody_meanwhile() -> None:
    room = crowded(1, 2, **RINGED)
    early, late = room.agents
    ends_at = room.now + 60 * SECOND
    on_shift(room, early, 0, ends_at)
    on_shift(room, late, ends_at, ends_at + HOUR_US)
    wider = room.agent_joins("general")
    (caller,) = room.floor.contacts
    room.let_pass(62)
    assert room.offered_to(caller) is None
    room.let_pass(3600)
    assert room.offered_to(caller) == wider
