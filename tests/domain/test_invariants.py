"""The invariants find what is wrong: a check that finds nothing would prove nothing."""

from collections.abc import Callable

import pytest

from router.domain.contacts.contact import ContactState
from router.domain.floor import Floor
from router.domain.ids import LegId
from router.domain.messages.standing import Standing
from router.domain.truth.invariants import broken
from tests.builders import ORDERS, Room


def _busy_room() -> Room:
    """One talks, one is in wrap-up, one is being rung, one has a private call, one caller waits."""
    room = Room("orders", "orders", "orders", "orders")
    room.talks(room.calls("talk"))
    room.agent_hangs_up(room.talks(room.calls("done")))
    room.rings(room.offer(room.calls("rung")))
    room.private_call(room.agents[3])
    room.calls("waiting")
    return room


def _agent(floor: Floor, number: int) -> object:
    return floor.agents[f"agent-{number}"]  # type: ignore[index]


DAMAGE: dict[str, Callable[[Floor], object]] = {
    "without a deadline": lambda floor: floor.timers.cancel(("ring", "node-a-rung.1")),
    "without an end": lambda floor: floor.timers.cancel(("wrapup", "agent-1002")),
    "without a longest wait": lambda floor: floor.timers.cancel(("wait", "node-a-waiting")),
    "not in the hands of": lambda floor: setattr(_agent(floor, 1003), "offer", None),
    "two things in hand": lambda floor: setattr(
        _agent(floor, 1001),
        "offer",
        floor.offers["node-a-rung.1"],  # type: ignore[index]
    ),
    "its live offers are": lambda floor: floor.contacts["node-a-rung"].live.clear(),  # type: ignore[index]
    "counts": lambda floor: floor.queues[ORDERS].standings.__setitem__(Standing.FREE, 7),
    "the line of": lambda floor: setattr(floor.contacts["node-a-waiting"], "turn", 0),  # type: ignore[index]
    "the callers' legs": lambda floor: floor.by_leg.clear(),
    "the private legs": lambda floor: floor.private.clear(),
    "stands as": lambda floor: setattr(_agent(floor, 1004), "standing", Standing.PAUSED),
    "serves other queues": lambda floor: setattr(_agent(floor, 1004), "serves", ()),
    "found by their endpoint": lambda floor: floor.by_endpoint.clear(),
    "talks on": lambda floor: floor.assignments.clear(),
    "state ended": lambda floor: setattr(
        floor.contacts["node-a-waiting"],
        "state",
        ContactState.ENDED,  # type: ignore[index]
    ),
    "was not looked at": lambda floor: floor.seeking.append(floor.contacts["node-a-waiting"]),  # type: ignore[index]
    "still believed in": lambda floor: floor.past.add(LegId("node-a-waiting")),
}


@pytest.mark.parametrize("said", list(DAMAGE))
def test_damage_is_found_and_named(said: str) -> None:
    room = _busy_room()
    assert broken(room.floor, room.now) == []
    DAMAGE[said](room.floor)
    expected = "without an end" if said == "without an end" else said
    assert any(expected in fault for fault in broken(room.floor, room.now))


def test_a_caller_who_waits_while_somebody_is_free_is_found() -> None:
    room = Room("orders")
    room.floor.offering = False
    caller = room.calls("c1")
    room.floor.offering = True
    assert broken(room.floor, room.now) == [f"{caller} waits in {ORDERS} while agent-1001 is free"]
