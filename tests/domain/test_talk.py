"""The talk, hold, wrap-up, and what an agent asks for meanwhile."""

import pytest

from router.domain.benches.agent import Reach, Status
from router.domain.ids import SECOND, LegId
from router.domain.messages.commands import FinishWrapUp, LogIn, LogOut, Pause, Unpause
from router.domain.messages.effects import EndLeg
from router.domain.messages.events import ContactConnected, ContactHeld, WrapUpBegan, WrapUpEnded
from router.domain.messages.observations import CallerReturned, LegBridged, LegHeld, LegUnbridged, LegUnheld
from tests.builders import BANK, Room


def segments(room: Room, contact: str) -> list[tuple[str, float]]:
    """(kind, seconds) of a contact's record."""
    return [(str(s.kind), (s.to_at - s.from_at) / SECOND) for s in room.record(contact).segments]


def test_a_contact_has_one_record_of_waiting_and_talk() -> None:
    room = Room()
    caller = room.calls("c1")
    room.let_pass(5)
    room.agent_joins()
    offer = room.offer(caller)
    room.let_pass(2)
    room.rings(offer)
    room.bridges(offer)
    room.let_pass(30)
    room.agent_hangs_up(offer)
    room.ends(caller)
    record = room.record(caller)
    assert segments(room, caller) == [("waiting", 8), ("talk", 30)]
    assert (record.outcome, record.ended_by) == ("answered", "agent")
    assert record.answered_at == record.arrived_at + 8 * SECOND
    assert [leg.agent_id for leg in record.legs] == [None, "agent-1001"]
    assert room.last(ContactConnected).waited_us == 8 * SECOND


def test_hold_is_a_segment_of_its_own() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.talks(caller)
    room.let_pass(10)
    room.see(LegHeld(leg=LegId(offer), at=room.now))
    assert room.agent(room.agents[0]).work == "held"
    room.let_pass(5)
    room.see(LegUnheld(leg=LegId(offer), at=room.now))
    room.let_pass(7)
    room.caller_hangs_up(caller)
    assert segments(room, caller) == [("talk", 10), ("hold", 5), ("talk", 7)]
    assert [event.held for event in room.of(ContactHeld)] == [True, False]


def test_a_hold_told_twice_and_late_does_not_begin_again() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.talks(caller)
    room.let_pass(10)
    held = LegHeld(leg=LegId(offer), at=room.now)
    room.see(held)
    room.let_pass(5)
    room.see(LegUnheld(leg=LegId(offer), at=room.now), held)
    room.let_pass(7)
    room.caller_hangs_up(caller)
    assert segments(room, caller) == [("talk", 10), ("hold", 5), ("talk", 7)]


def bridges_again(room: Room, *legs: str, bridge: str = "bridge-9") -> None:
    for leg in legs:
        room.see(LegBridged(leg=LegId(leg), bridge=bridge, at=room.now))


def leaves(room: Room, leg: str, bridge: str = "bridge-1") -> None:
    room.see(LegUnbridged(leg=LegId(leg), bridge=bridge, at=room.now))


@pytest.mark.parametrize("first", ["the agent", "the caller"])
def test_a_talk_ends_when_the_first_of_the_two_leaves_the_bridge(first: str) -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.talks(caller)
    room.let_pass(10)
    leaves(room, offer if first == "the agent" else caller)
    room.let_pass(2)
    leaves(room, caller if first == "the agent" else offer)
    room.ends(offer)
    room.let_pass(1)
    room.ends(caller)
    assert segments(room, caller) == [("talk", 10), ("waiting", 3)]
    assert room.record(caller).outcome == "answered"


def test_hanging_up_takes_milliseconds_and_is_no_wait() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.talks(caller)
    room.let_pass(10)
    leaves(room, offer)
    room.let_pass(0.019)
    room.ends(caller)
    assert segments(room, caller) == [("talk", 10.019)]


def test_hold_ends_with_the_talk_and_does_not_come_back_when_told_late() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.talks(caller)
    room.let_pass(10)
    room.see(LegHeld(leg=LegId(offer), at=room.now))
    room.let_pass(5)
    leaves(room, offer)
    room.let_pass(1)
    room.see(LegUnheld(leg=LegId(offer), at=room.now))
    room.let_pass(1)
    room.ends(caller)
    assert segments(room, caller) == [("talk", 10), ("hold", 5), ("waiting", 2)]


@pytest.mark.parametrize("caller_first", [True, False])
def test_two_who_meet_again_in_another_bridge_talk_on(caller_first: bool) -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.talks(caller)
    room.let_pass(10)
    leaves(room, caller)
    leaves(room, offer)
    room.let_pass(2)
    bridges_again(room, *((caller, offer) if caller_first else (offer, caller)))
    room.let_pass(7)
    leaves(room, offer, "bridge-9")
    room.ends(caller)
    assert segments(room, caller) == [("talk", 10), ("waiting", 2), ("talk", 7)]


def test_a_caller_alone_in_another_bridge_does_not_talk_to_the_agent() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.talks(caller)
    room.let_pass(10)
    leaves(room, caller)
    bridges_again(room, caller)
    room.let_pass(5)
    leaves(room, offer)
    room.ends(caller)
    assert segments(room, caller) == [("talk", 10), ("waiting", 5)]


def test_news_of_a_bridge_they_left_before_end_no_talk() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.talks(caller)
    room.let_pass(10)
    for leg in (caller, offer):
        leaves(room, leg, "bridge-0")
    room.let_pass(5)
    room.caller_hangs_up(caller)
    assert segments(room, caller) == [("talk", 15)]


def test_after_the_talk_comes_wrap_up_and_then_the_next_caller() -> None:
    room = Room("orders")
    offer = room.talks(room.calls("c1"))
    waiting = room.calls("c2")
    room.let_pass(30)
    room.agent_hangs_up(offer)
    assert room.last(WrapUpBegan).until_at == room.now + 20 * SECOND
    room.let_pass(19)
    assert room.offered_to(waiting) is None
    room.let_pass(1)
    assert room.offered_to(waiting) == "agent-1001"
    ended = room.last(WrapUpEnded)
    assert (ended.fact.to_at - ended.fact.from_at, ended.handle_us) == (20 * SECOND, 50 * SECOND)


def test_a_queue_without_wrap_up_frees_the_agent_at_once() -> None:
    room = Room("bank")
    offer = room.talks(room.calls("c1", BANK))
    waiting = room.calls("c2", BANK)
    room.agent_hangs_up(offer)
    assert room.offered_to(waiting) == "agent-1001"


def test_wrap_up_can_be_finished_early_with_a_disposition() -> None:
    room = Room("orders")
    room.agent_hangs_up(room.talks(room.calls("c1")))
    room.let_pass(5)
    room.ask(FinishWrapUp(agent_id=room.agents[0], disposition="sold"))
    fact = room.last(WrapUpEnded).fact
    assert (fact.to_at - fact.from_at, fact.disposition) == (5 * SECOND, "sold")


def test_a_pause_asked_for_in_a_talk_begins_after_the_wrap_up() -> None:
    room = Room("orders")
    offer = room.talks(room.calls("c1"))
    waiting = room.calls("c2")
    room.ask(Pause(agent_id=room.agents[0], reason="lunch"))
    room.agent_hangs_up(offer)
    assert room.agent(room.agents[0]).status is Status.READY
    room.let_pass(20)
    changed = room.agent(room.agents[0])
    assert (changed.status, changed.reason, changed.next_status) == (Status.PAUSED, "lunch", None)
    assert room.offered_to(waiting) is None


def test_a_log_out_asked_for_in_a_talk_happens_after_it() -> None:
    room = Room("orders")
    offer = room.talks(room.calls("c1"))
    room.ask(LogOut(agent_id=room.agents[0]))
    room.agent_hangs_up(offer)
    room.let_pass(20)
    assert room.agent(room.agents[0]).status is Status.LOGGED_OUT


def test_a_pause_asked_for_in_a_talk_can_be_taken_back_in_it() -> None:
    room = Room("orders")
    for wish, regret in (
        (Pause(agent_id="agent-1001", reason="lunch"), Unpause),
        (LogOut(agent_id="agent-1001"), LogIn),
    ):
        offer = room.talks(room.calls(f"c-{regret.__name__}"))
        room.ask(wish)
        room.ask(regret(agent_id="agent-1001"))
        room.agent_hangs_up(offer)
        room.let_pass(20)
        assert room.agent(room.agents[0]).status is Status.READY


def test_the_agent_hangs_up_and_the_caller_is_let_go() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    room.agent_hangs_up(room.talks(caller))
    assert room.last(EndLeg).leg == caller
    room.ends(caller)
    assert room.record(caller).ended_by == "agent"


def test_the_caller_hangs_up_and_the_agents_leg_follows() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.talks(caller)
    room.caller_hangs_up(caller)
    assert room.agent(room.agents[0]).work == "talking"
    room.ends(offer)
    assert room.agent(room.agents[0]).work == "wrapup"
    assert room.record(caller).ended_by == "caller"


def test_an_agents_leg_that_outlives_its_caller_is_hung_up_and_keeps_the_phone_busy_until_it_ends() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.talks(caller)
    room.caller_hangs_up(caller)
    room.let_pass(5)
    assert room.last(EndLeg).leg == offer
    assert (room.agent(room.agents[0]).work, room.agent(room.agents[0]).reach) == ("wrapup", Reach.BUSY_ELSEWHERE)
    room.let_pass(20)
    assert room.offered_to(room.calls("c2")) is None
    room.ends(offer)
    assert room.agent(room.agents[0]).work == "reserved"


def test_the_caller_is_let_go_when_the_agents_line_dies() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.talks(caller)
    room.let_pass(10)
    room.ends(offer, 44)
    room.see(CallerReturned(contact_id=caller, at=room.now))
    assert room.last(EndLeg).leg == caller


def test_no_record_outlives_the_callers_leg() -> None:
    """The decision to play the closing message was made after the caller had gone, but before we knew."""
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.talks(caller)
    room.let_pass(10)
    gone = room.end(caller)
    room.let_pass(0.2)
    room.see(LegHeld(leg=LegId(offer), at=room.now), gone)
    assert room.record(caller).ended_at == gone.at
    assert segments(room, caller) == [("talk", 10)]


def test_who_was_back_before_we_heard_of_the_talk_waits_at_once() -> None:
    """Three milliseconds of talk, and the news of its end overtakes that of its begin."""
    room = Room("orders", "orders")
    contact_id = room.calls("1")
    offer_id = room.offer(contact_id)
    room.rings(offer_id)
    talk_at = room.now
    room.see(CallerReturned(contact_id=contact_id, at=talk_at + 3000))
    room.answers(offer_id)
    room.bridges(offer_id)
    assert room.state(contact_id) == "connected"

    room.ends(offer_id)
    room.let_pass(0)

    assert room.state(contact_id) in ("queued", "offered")
