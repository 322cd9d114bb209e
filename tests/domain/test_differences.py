"""What a resync found otherwise than we believed is told, one by one, and nothing is told when we were right."""

from collections.abc import Callable

import pytest

from router.domain.ids import AgentId, ContactId, LegId
from router.domain.messages.events import DifferenceMended
from router.domain.messages.observations import EndpointSeen, LegSnapshot, Resynced
from router.domain.truth.differences import DIFFERENCES
from tests.builders import NODE, Room

ME = AgentId("agent-1001")
C1 = ContactId("node-a-c1")


def told(room: Room) -> list[str]:
    return [event.kind for event in room.of(DifferenceMended)]


def looks(room: Room, *legs: LegSnapshot) -> None:
    room.let_pass(8)
    room.resync(*legs)


def a_talk_ended(room: Room) -> None:
    room.talks(room.calls("c1"))
    room.let_pass(1)
    room.resync()


def a_ring_ended(room: Room) -> None:
    room.rings(room.offer(room.calls("c1")))
    looks(room, room.waiting(C1))


def an_order_was_lost(room: Room) -> None:
    room.calls("c1")
    looks(room, room.waiting(C1))


def a_withdrawn_leg_rings_on(room: Room) -> None:
    offer = room.offer(room.calls("c1"))
    room.rings(offer)
    room.ends(C1)
    room.resync(room.agent_leg(C1, 1, ME))


def a_stray_leg_rings(room: Room) -> None:
    looks(room, room.agent_leg(C1, 7, ME))


def a_caller_hung_up(room: Room) -> None:
    room.agent_hangs_up(room.talks(room.calls("c0")))
    room.calls("c1")
    looks(room)


def a_caller_is_found(room: Room) -> None:
    looks(room, room.waiting(C1))


def a_talk_is_found(room: Room) -> None:
    room.calls("c1")
    looks(
        room,
        room.waiting(C1, state="talking", bridge="b", talk_at=room.now),
        room.agent_leg(C1, 1, ME, state="talking", bridge="b"),
    )


def who_talked_waits(room: Room) -> None:
    room.talks(room.calls("c1"))
    looks(room, room.waiting(C1))


def the_agent_is_gone(room: Room) -> None:
    room.talks(room.calls("c1"))
    looks(room, room.waiting(C1, state="after"))


def the_dialplan_took_them(room: Room) -> None:
    room.calls("c1")
    room.let_pass(1)
    room.resync(room.waiting(C1, state="fallback"))


def a_private_call_ended(room: Room) -> None:
    room.private_call(ME)
    looks(room)


def a_private_call_is_found(room: Room) -> None:
    looks(room, LegSnapshot(leg=LegId("p"), channel=f"PJSIP/{ME}-9", endpoint=ME, linkedid="p", up=True))


def a_phone_is_gone(room: Room) -> None:
    room.let_pass(8)
    room.resync(reachable=False)


@pytest.mark.parametrize(
    ("kind", "happens"),
    [
        ("talk-ended", a_talk_ended),
        ("offer-ended", a_ring_ended),
        ("order-lost", an_order_was_lost),
        ("still-rings", a_withdrawn_leg_rings_on),
        ("stray-leg", a_stray_leg_rings),
        ("caller-ended", a_caller_hung_up),
        ("caller-found", a_caller_is_found),
        ("talk-found", a_talk_is_found),
        ("still-waits", who_talked_waits),
        ("left-alone", the_agent_is_gone),
        ("fell-back", the_dialplan_took_them),
        ("private-ended", a_private_call_ended),
        ("phone-busy", a_private_call_is_found),
        ("phone", a_phone_is_gone),
    ],
)
def test_a_difference_is_told(kind: str, happens: Callable[[Room], None]) -> None:
    room = Room("orders")
    happens(room)
    assert kind in told(room)
    assert set(told(room)) <= set(DIFFERENCES)


def test_who_was_to_be_sent_off_and_still_waits_is_told() -> None:
    room = Room()
    room.calls("c1")
    room.let_pass(200)
    assert room.state(C1) == "leaving"
    room.resync(room.waiting(C1))
    assert told(room) == ["not-sent-off"]


def test_nothing_is_told_when_we_were_right() -> None:
    room = Room("orders", "orders")
    room.talks(room.calls("c1"))
    talking = room.of(DifferenceMended)
    room.let_pass(8)
    room.resync(
        room.waiting(C1, state="talking", bridge="bridge-1", talk_at=room.now),
        room.agent_leg(C1, 1, ME, state="talking", bridge="bridge-1"),
    )
    assert talking == room.of(DifferenceMended) == []


def test_phones_seen_for_the_first_time_are_no_differences() -> None:
    room = Room("orders")
    room.see(EndpointSeen(endpoint=ME, reachable=False, at=room.now))
    room.let_pass(1)
    room.see(Resynced(node="node-b", legs=(), reachable={ME: True}, asked_at=room.now, at=room.now))
    assert told(room) == []
    assert NODE in room.floor.nodes
