"""Agents: log-in and pauses, by command and by phone; entitlement; private calls; reach."""

import pytest

from router.domain.benches.agent import STATUS, Reach, Status
from router.domain.errors import CommandRefused
from router.domain.ids import SECOND, AgentId, LegId
from router.domain.messages.commands import (
    AgentProfile,
    Dismiss,
    Enrol,
    Entitle,
    LogIn,
    LogOut,
    Pause,
    Remember,
    Unpause,
)
from router.domain.messages.effects import AnswerPhone
from router.domain.messages.observations import EndpointSeen, PhoneAsked
from router.domain.rulebook.entitlement import Entitlement, Interval
from tests.builders import BANK, NODE, SHOP, Room

ME = AgentId("agent-1001")


def dials(room: Room, code: str, arg: str = "", leg: str = "") -> str:
    """The agent dials a feature code; what they are told."""
    leg = leg or f"code-{len(room.of(AnswerPhone))}"
    room.private_call(ME, leg)
    room.see(
        PhoneAsked(leg=LegId(leg), channel="PJSIP/x", endpoint=ME, code=code, arg=arg, node=NODE, at=room.now),
        room.end(leg),
    )
    return room.last(AnswerPhone).result


def shift(room: Room, seconds: int, *campaigns: str) -> Entitle:
    interval = Interval(from_at=room.now, to_at=room.now + seconds * SECOND, campaigns=frozenset(campaigns))
    return Entitle(agent_id=ME, entitlement=Entitlement(intervals=(interval,)))


def test_feature_codes_log_in_pause_and_tell_the_line() -> None:
    room = Room()
    room.agent_joins("orders", logged_in=False)
    assert dials(room, "45") == "logged-in"
    assert dials(room, "46") == "paused"
    assert (room.agent(ME).status, room.agent(ME).reason) == (Status.PAUSED, "break")
    assert dials(room, "46", "1") == "paused"
    assert room.agent(ME).reason == "lunch"
    assert dials(room, "46", "7") == "refused"
    room.calls("c1")
    room.calls("c2")
    assert dials(room, "47") == "waiting-2"
    assert dials(room, "45") == "logged-out"
    assert dials(room, "46") == "refused"


def test_a_phone_nobody_knows_is_refused() -> None:
    room = Room()
    asked = PhoneAsked(
        leg=LegId("x"), channel="PJSIP/x", endpoint="stranger", code="45", arg="", node=NODE, at=room.now
    )
    room.see(asked)
    assert room.last(AnswerPhone).result == "refused"


def test_a_feature_code_told_twice_counts_once() -> None:
    room = Room("orders")
    asked = PhoneAsked(leg=LegId("x"), channel="PJSIP/x", endpoint=ME, code="45", arg="", node=NODE, at=room.now)
    room.see(asked, asked, room.end("x"), asked)
    assert [answer.result for answer in room.of(AnswerPhone)] == ["logged-out"]
    assert room.agent(ME).status is Status.LOGGED_OUT
    assert room.agent(ME).reach is Reach.REACHABLE


def test_a_pause_by_phone_in_a_talk_waits_for_its_end_and_can_be_taken_back() -> None:
    room = Room("orders")
    offer = room.talks(room.calls("c1"))
    assert dials(room, "46") == "paused-after-call"
    assert room.agent(ME).next_status is Status.PAUSED
    assert dials(room, "46") == "unpaused"
    room.agent_hangs_up(offer)
    room.let_pass(20)
    assert room.agent(ME).status is Status.READY


def test_an_agent_on_a_private_call_is_not_offered_anything() -> None:
    room = Room("orders")
    room.private_call(ME)
    caller = room.calls("c1")
    assert room.offered_to(caller) is None
    assert room.agent(ME).reach is Reach.BUSY_ELSEWHERE
    room.ends("private-1")
    assert room.offered_to(caller) == ME


def test_an_unreachable_phone_is_not_offered_anything_until_it_is_back() -> None:
    room = Room("orders")
    room.see(EndpointSeen(endpoint=ME, reachable=False, at=room.now))
    caller = room.calls("c1")
    assert room.offered_to(caller) is None
    room.see(EndpointSeen(endpoint=ME, reachable=True, at=room.now))
    assert room.offered_to(caller) == ME


def test_who_comes_into_reach_again_begins_to_be_idle_then() -> None:
    room = Room("orders", "orders")
    for reachable in (False, True):
        room.let_pass(1)
        room.see(EndpointSeen(endpoint=ME, reachable=reachable, at=room.now))
    assert room.offered_to(room.calls("c1")) == "agent-1002"


def test_a_phone_that_registers_again_is_rung_at_once_whatever_it_said_before() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    room.ends(room.offer(caller), 20, "SIP 404")
    assert room.offered_to(caller) is None
    for reachable in (False, True):
        room.see(EndpointSeen(endpoint=ME, reachable=reachable, at=room.now))
    assert room.offered_to(caller) == ME


def test_a_new_phone_is_not_rung_before_it_was_seen() -> None:
    room = Room("orders")
    room.ask(Enrol(profile=AgentProfile(agent_id=ME, endpoint="another-phone", skills={"orders": 80})))
    caller = room.calls("c1")
    assert room.offered_to(caller) is None
    room.see(EndpointSeen(endpoint="another-phone", reachable=True, at=room.now))
    assert room.offered_to(caller) == ME


def test_late_news_of_a_private_call_that_is_over_keeps_nobody_busy() -> None:
    room = Room("orders")
    room.private_call(ME)
    room.ends("private-1")
    room.private_call(ME)
    assert room.agent(ME).reach is Reach.REACHABLE


def test_what_was_put_off_is_told_no_longer_once_it_took_effect() -> None:
    room = Room("orders")
    offer = room.talks(room.calls("c1"))
    room.ask(Pause(agent_id=ME, reason="lunch"))
    assert (room.agent(ME).next_status, room.agent(ME).next_reason) == (Status.PAUSED, "lunch")
    room.agent_hangs_up(offer)
    room.let_pass(20)
    assert (room.agent(ME).next_status, room.agent(ME).next_reason) == (None, None)


def test_a_shift_that_ends_while_it_rings_or_in_the_talk_lets_it_go_on_and_offers_nothing_more() -> None:
    room = Room("orders")
    room.ask(shift(room, 3))
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.rings(offer)
    room.let_pass(5)
    assert room.offered_to(caller) == ME
    room.bridges(offer)
    room.agent_hangs_up(offer)
    room.let_pass(20)
    assert room.offered_to(room.calls("c2")) is None


def test_a_shift_that_ends_in_wrap_up_lets_the_wrap_up_go_on() -> None:
    room = Room("orders")
    room.ask(shift(room, 10))
    room.agent_hangs_up(room.talks(room.calls("c1")))
    room.let_pass(15)
    assert room.agent(ME).work == "wrapup"
    room.let_pass(5)
    assert room.agent(ME).work == "idle"


def test_a_shift_that_begins_finds_who_waits() -> None:
    room = Room("orders")
    later = Interval(from_at=room.now + 10 * SECOND, to_at=room.now + 60 * SECOND)
    room.ask(Entitle(agent_id=ME, entitlement=Entitlement(intervals=(later,))))
    caller = room.calls("c1")
    room.let_pass(9)
    assert room.offered_to(caller) is None
    room.let_pass(1)
    assert room.offered_to(caller) == ME


def test_who_begins_a_shift_begins_to_be_idle_then() -> None:
    room = Room("orders", "orders")
    later = Interval(from_at=room.now + 10 * SECOND, to_at=room.now + 60 * SECOND)
    room.ask(Entitle(agent_id=ME, entitlement=Entitlement(intervals=(later,))))
    room.let_pass(11)
    assert room.offered_to(room.calls("c1")) == "agent-1002"


def test_a_shift_for_one_campaign_is_for_no_other() -> None:
    room = Room("orders bank")
    room.ask(shift(room, 60, BANK))
    assert room.offered_to(room.calls("c1", SHOP)) is None
    assert room.offered_to(room.calls("c2", BANK)) == ME


def test_an_identity_that_ran_out_stops_offers() -> None:
    room = Room("orders")
    always = Interval(from_at=0, to_at=2**62)
    entitlement = Entitlement(intervals=(always,), identity_valid_until=room.now + SECOND)
    room.ask(Entitle(agent_id=ME, entitlement=entitlement))
    room.let_pass(1)
    assert room.offered_to(room.calls("c1")) is None


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("command", [LogIn, LogOut, Pause, Unpause])
def test_a_refused_command_changes_nothing(status: Status, command: type) -> None:
    room = Room()
    room.agent_joins("orders", logged_in=status is not Status.LOGGED_OUT)
    if status is Status.PAUSED:
        room.ask(Pause(agent_id=ME, reason="break"))
    before = room.agent(ME)
    asked = command(agent_id=ME, reason="break") if command is Pause else command(agent_id=ME)
    if command in STATUS[status]:
        room.ask(asked)
        assert room.agent(ME).status is STATUS[status][command]
    else:
        with pytest.raises(CommandRefused):
            room.ask(asked)
        assert room.agent(ME) == before


def test_nobody_unknown_can_be_commanded() -> None:
    with pytest.raises(CommandRefused) as refused:
        Room().ask(LogIn(agent_id=AgentId("agent-9999")))
    assert refused.value.error_id == "agent-unknown"


def test_two_agents_cannot_share_a_phone() -> None:
    room = Room("orders")
    with pytest.raises(CommandRefused) as refused:
        room.ask(Enrol(profile=AgentProfile(agent_id=AgentId("agent-2000"), endpoint=ME)))
    assert refused.value.error_id == "endpoint-taken"


def test_an_agent_on_a_contact_cannot_be_dismissed() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    with pytest.raises(CommandRefused):
        room.ask(Dismiss(agent_id=ME))
    room.caller_hangs_up(caller)
    room.ends(f"{caller}.1")
    room.private_call(ME)
    room.ask(Dismiss(agent_id=ME))
    assert not room.floor.agents
    room.ends("private-1")


def test_new_skills_count_at_once() -> None:
    room = Room("general")
    caller = room.calls("c1")
    room.ask(Enrol(profile=AgentProfile(agent_id=ME, endpoint=ME, skills={"orders": 80})))
    assert room.offered_to(caller) == ME


def test_what_the_last_router_wrote_down_is_remembered() -> None:
    room = Room()
    room.agent_joins("orders", logged_in=False)
    caller = room.calls("c1")
    room.ask(Remember(agent_id=ME, status=Status.PAUSED, reason="lunch", since_at=room.now - SECOND))
    assert (room.agent(ME).status, room.agent(ME).reason) == (Status.PAUSED, "lunch")
    room.ask(Remember(agent_id=ME, status="asleep", reason=None, since_at=room.now - 2))
    assert room.agent(ME).status is Status.LOGGED_OUT
    room.ask(Remember(agent_id=ME, status=Status.PAUSED, reason="lunch", since_at=room.now - 3))
    assert room.agent(ME).status is Status.LOGGED_OUT, "an older word"
    room.ask(Remember(agent_id=ME, status=Status.READY, reason=None, since_at=room.now))
    assert room.offered_to(caller) == ME


def test_nobody_is_offered_anything_after_their_shift_though_its_end_was_not_noticed_yet() -> None:
    """A router that stood still hears of a caller before any of its deadlines."""
    room = Room("orders")
    shift = Entitlement(intervals=(Interval(from_at=0, to_at=room.now + 10 * SECOND),))
    room.ask(Entitle(agent_id=room.agents[0], entitlement=shift))
    room.now += 11 * SECOND
    assert room.offered_to(room.calls("c1")) is None
