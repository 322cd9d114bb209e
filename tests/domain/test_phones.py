"""New rules: what Asterisk says of our agents' phones is believed, and it says nothing about anybody's call."""

from router.domain.benches.agent import Reach
from router.domain.ids import AgentId, LegId
from router.domain.messages.commands import AgentProfile, Enrol, LogIn
from router.domain.messages.events import ContactEnded, DifferenceMended, OfferMade
from router.domain.messages.observations import EndpointSeen, LegSnapshot, PhonesSeen
from tests.builders import NODE, Room

ME, NEW = AgentId("agent-1001"), AgentId("agent-1009")


def phones(room: Room, *legs: LegSnapshot, asked_at: int | None = None, **there: bool) -> PhonesSeen:
    reachable = {endpoint.replace("_", "-"): is_there for endpoint, is_there in there.items()}
    asked_at = room.now if asked_at is None else asked_at
    return PhonesSeen(node=NODE, reachable=reachable, legs=legs, asked_at=asked_at, at=room.now)


def phone_leg(leg: str, endpoint: str) -> LegSnapshot:
    return LegSnapshot(leg=LegId(leg), channel=f"PJSIP/{endpoint}-9", endpoint=endpoint, linkedid=leg, up=True)


def newcomer(room: Room) -> None:
    room.ask(Enrol(profile=AgentProfile(agent_id=NEW, endpoint=NEW, skills={"orders": 80})))
    room.ask(LogIn(agent_id=NEW))


def test_the_phone_of_a_new_agent_is_known_and_rings_at_once_for_who_waits() -> None:
    room = Room()
    caller = room.calls("c1")
    newcomer(room)
    assert room.rung() == []
    room.let_pass(1)
    room.see(phones(room, agent_1009=True))
    assert room.offered_to(caller) == NEW
    assert room.of(DifferenceMended) == [], "nobody believed otherwise"


def test_a_new_agent_whose_phone_is_in_use_is_busy_until_that_call_ends() -> None:
    room = Room()
    caller = room.calls("c1")
    newcomer(room)
    room.let_pass(1)
    room.see(phones(room, phone_leg("private-1", NEW), agent_1009=True))
    assert room.agent(NEW).reach is Reach.BUSY_ELSEWHERE
    room.let_pass(1)
    room.ends("private-1")
    assert room.offered_to(caller) == NEW


def test_a_call_that_ended_before_the_answer_came_keeps_no_new_agent_busy() -> None:
    room = Room()
    newcomer(room)
    room.ends("private-1")
    room.let_pass(1)
    room.see(phones(room, phone_leg("private-1", NEW), agent_1009=True))
    assert room.agent(NEW).reach is Reach.REACHABLE


def test_it_ends_nobodys_talk_and_nobodys_wait() -> None:
    room = Room("orders")
    talking, waiting = room.calls("c1"), room.calls("c2")
    room.talks(talking)
    room.private_call(ME)
    room.let_pass(30)
    room.see(phones(room, agent_1001=True))
    assert room.of(ContactEnded) == []
    assert [room.state(contact) for contact in (talking, waiting)] == ["connected", "queued"]
    assert list(room.floor.private) == ["private-1"]


def test_what_was_heard_of_a_phone_since_it_was_asked_about_is_newer() -> None:
    room = Room("orders")
    asked_at = room.now
    room.let_pass(1)
    room.see(EndpointSeen(endpoint=ME, reachable=False, at=room.now), phones(room, asked_at=asked_at, agent_1001=True))
    assert room.agent(ME).reach is Reach.UNREACHABLE
    room.calls("c1")
    assert room.of(OfferMade) == []
