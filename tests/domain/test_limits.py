"""Who may wait where: full lines, lines nobody is there for, priorities, and callers nothing overtakes."""

from dataclasses import replace

import pytest

from router.domain.errors import CommandRefused
from router.domain.ids import SECOND, ContactId
from router.domain.messages.commands import AgentProfile, Dismiss, Enrol, Entitle, LogOut, Pause, Prioritise
from router.domain.messages.effects import SendCaller
from router.domain.messages.events import ContactOverflowed, EmergencyWaits
from router.domain.messages.observations import EndpointSeen, NodeLost
from router.domain.messages.standing import Standing
from router.domain.record import Outcome
from router.domain.rulebook.entitlement import Entitlement, Interval
from router.domain.rulebook.rules import Rules, Staffed
from tests.builders import ACCOUNTS, BANK, GENERAL, NODE, ORDERS, SHOP, Room, rules, with_queue


def queues_of(room: Room, *contacts: ContactId) -> list[str]:
    return [str(room.floor.contacts[contact].queue) for contact in contacts]


def why(room: Room) -> list[str]:
    return [event.why for event in room.of(ContactOverflowed)]


# ---- full ----


def test_who_comes_to_a_full_line_goes_on_to_the_next_target() -> None:
    room = Room(rules_in_force=with_queue(rules(), ORDERS, max_waiting=2))
    callers = [room.calls(f"c{n}") for n in range(3)]
    assert queues_of(room, *callers) == [ORDERS, ORDERS, GENERAL]
    assert why(room) == ["full"]


def test_when_every_line_is_full_the_closing_message_follows_at_once() -> None:
    in_force = with_queue(with_queue(rules(), ORDERS, max_waiting=1), GENERAL, max_waiting=1)
    room = Room(rules_in_force=in_force)
    *_, last = (room.calls(f"c{n}") for n in range(3))
    assert room.last(SendCaller).context == "acd-closing"
    room.caller_hangs_up(last)
    assert room.record(last).outcome is Outcome.OVERFLOWED
    assert why(room) == ["full", "full"]
    assert room.last(ContactOverflowed).passed == ((GENERAL, "full"),)


def test_whose_agent_let_it_ring_keeps_their_place_in_a_line_that_is_full_by_now() -> None:
    room = Room("orders", rules_in_force=with_queue(rules(), ORDERS, max_waiting=1, max_wait_us=600 * SECOND))
    first = room.calls("c1")
    room.rings(room.offer(first))
    second = room.calls("c2")
    room.let_pass(16)
    assert queues_of(room, first, second) == [ORDERS, ORDERS]


def test_who_is_fetched_back_from_a_talk_keeps_their_place_in_a_line_that_is_full_by_now() -> None:
    room = Room("orders", rules_in_force=with_queue(rules(), ORDERS, max_waiting=1, max_wait_us=600 * SECOND))
    first = room.calls("c1")
    leg = room.talks(first)
    second = room.calls("c2")
    room.ends(leg)
    room.let_pass(6)
    assert queues_of(room, first, second) == [ORDERS, ORDERS]


def test_a_router_that_takes_over_turns_nobody_away_who_waited() -> None:
    room = Room(rules_in_force=with_queue(rules(), ORDERS, max_waiting=1))
    room.resync(room.waiting(ContactId("node-a-c1")), room.waiting(ContactId("node-a-c2")))
    assert room.floor.queues[ORDERS].waiting == 2


# ---- nobody there ----


@pytest.mark.parametrize(
    ("asked", "who", "stays"),
    [
        (Staffed.SKILLED, "logged out", True),
        (Staffed.ENTITLED, "logged out", True),
        (Staffed.LOGGED_IN, "logged out", False),
        (Staffed.LOGGED_IN, "paused", True),
        (Staffed.READY, "paused", False),
        (Staffed.READY, "talks", True),
        (Staffed.REACHABLE, "unreachable", False),
        (Staffed.REACHABLE, "logged out, with a dead phone", False),
        (Staffed.REACHABLE, "logged out", False),
        (Staffed.REACHABLE, "paused", True),
        (Staffed.SKILLED, "nobody", False),
    ],
)
def test_who_comes_waits_only_where_somebody_is_who_counts(asked: Staffed, who: str, *, stays: bool) -> None:
    room = Room(rules_in_force=with_queue(rules(), ORDERS, join_if=(asked,)))
    if who != "nobody":
        agent = room.agent_joins("orders", logged_in="logged out" not in who)
        if who == "paused":
            room.ask(Pause(agent_id=agent, reason="break"))
        if who == "talks":
            room.talks(room.calls("busy"))
        if who in ("unreachable", "logged out, with a dead phone"):
            room.see(EndpointSeen(endpoint=agent, reachable=False, at=room.now))
    caller = room.calls("c1")
    assert queues_of(room, caller) == [ORDERS if stays else GENERAL]


def test_who_waits_goes_on_the_moment_the_last_agent_has_left() -> None:
    room = Room("orders", rules_in_force=with_queue(rules(), ORDERS, stay_if=(Staffed.LOGGED_IN,)))
    talking = room.talks(room.calls("busy"))
    callers = [room.calls("c1"), room.calls("c2")]
    room.ask(LogOut(agent_id=room.agents[0]))
    assert queues_of(room, *callers) == [ORDERS, ORDERS]
    room.agent_hangs_up(talking)
    room.let_pass(21)
    assert queues_of(room, *callers) == [GENERAL, GENERAL]
    assert why(room) == ["nobody", "nobody"]


@pytest.mark.parametrize(
    ("asked", "on_shift"), [(Staffed.ENTITLED, True), (Staffed.SKILLED, True), (Staffed.SKILLED, False)]
)
@pytest.mark.parametrize("leaves", ["is dismissed", "learns something else"])
def test_who_is_not_logged_in_leaves_too_where_that_is_not_asked_of_them(
    asked: Staffed, leaves: str, *, on_shift: bool
) -> None:
    room = Room(rules_in_force=with_queue(rules(), ORDERS, stay_if=(asked,)))
    agent = room.agent_joins("orders", logged_in=False)
    if not on_shift:
        room.ask(Entitle(agent_id=agent, entitlement=Entitlement(intervals=())))
    caller = room.calls("c1")
    assert queues_of(room, caller) == [ORDERS]
    if leaves == "is dismissed":
        room.ask(Dismiss(agent_id=agent))
    else:
        room.ask(Enrol(profile=AgentProfile(agent_id=agent, endpoint=agent, skills={"general": 100})))
    assert queues_of(room, caller) == [GENERAL]
    assert why(room) == ["nobody"]


def test_nobody_has_left_when_a_shift_begins() -> None:
    room = Room(rules_in_force=with_queue(rules(), ORDERS, stay_if=(Staffed.LOGGED_IN,)))
    agent = room.agent_joins("orders", logged_in=False)
    shift = Entitlement(intervals=(Interval(from_at=room.now + 5 * SECOND, to_at=room.now + 600 * SECOND),))
    room.ask(Entitle(agent_id=agent, entitlement=shift))
    caller = room.calls("c1")
    room.let_pass(10)
    assert queues_of(room, caller) == [ORDERS], "they came when nobody was there, which the door allowed"


def test_nor_has_who_learns_to_serve_a_line_and_has_done_with_calls_for_today() -> None:
    room = Room("bank", rules_in_force=with_queue(rules(), ORDERS, stay_if=(Staffed.READY,)))
    (agent,) = room.agents
    room.agent_hangs_up(room.talks(room.calls("earlier", BANK)))
    room.let_pass(60)
    caller = room.calls("c1")
    skills = {"bank": 100, "orders": 100}
    room.ask(Enrol(profile=AgentProfile(agent_id=agent, endpoint=agent, skills=skills, daily_cap=1)))
    assert room.floor.agents[agent].standing is Standing.DONE_FOR_TODAY
    assert queues_of(room, caller) == [ORDERS], "they never were there"


def test_who_is_rung_for_while_the_last_agent_s_shift_ends_goes_on_when_nobody_answered() -> None:
    room = Room("orders", rules_in_force=with_queue(rules(), ORDERS, stay_if=(Staffed.ENTITLED,)))
    shift = Entitlement(intervals=(Interval(from_at=0, to_at=room.now + 5 * SECOND),))
    room.ask(Entitle(agent_id=room.agents[0], entitlement=shift))
    caller = room.calls("c1")
    room.rings(room.offer(caller))
    room.let_pass(14)
    assert room.state(caller) == "offered"
    room.let_pass(2)
    assert queues_of(room, caller) == [GENERAL]
    assert why(room) == ["nobody"]


def test_who_is_out_of_sight_while_the_last_agent_leaves_goes_on_when_they_are_seen_again() -> None:
    room = Room("orders", rules_in_force=with_queue(rules(), ORDERS, stay_if=(Staffed.LOGGED_IN,)))
    room.private_call(room.agents[0])
    caller = room.calls("c1")
    room.see(NodeLost(node=NODE))
    room.ask(LogOut(agent_id=room.agents[0]))
    room.resync(room.waiting(caller))
    assert queues_of(room, caller) == [GENERAL]


def test_where_the_roll_was_not_called_yet_nobody_goes_on_for_want_of_agents() -> None:
    room = Room(rules_in_force=with_queue(rules(), ORDERS, stay_if=(Staffed.LOGGED_IN,)))
    caller = ContactId(f"{NODE}-c1")
    room.resync(room.waiting(caller))
    assert queues_of(room, caller) == [ORDERS]


# ---- points ----


def test_who_comes_to_a_line_in_the_instant_its_agent_leaves_was_not_waiting_there() -> None:
    in_force = with_queue(rules(), ORDERS, stay_if=(Staffed.LOGGED_IN,))
    room = Room(rules_in_force=with_queue(in_force, GENERAL, stay_if=(Staffed.LOGGED_IN,), max_wait_us=600 * SECOND))
    both = room.agent_joins("orders general")
    room.ask(Pause(agent_id=both, reason="lunch"))
    first = room.calls("c1")
    room.let_pass(61)
    second = room.calls("c2")
    assert queues_of(room, first, second) == [GENERAL, ORDERS]
    room.ask(LogOut(agent_id=both))
    assert room.floor.contacts[first].leaving is Outcome.OVERFLOWED
    assert queues_of(room, second) == [GENERAL], "they were asked at its door, which lets everybody in"
    assert room.floor.contacts[second].is_waiting


def test_a_caller_with_more_points_is_taken_as_if_they_had_come_earlier() -> None:
    room = Room(rules_in_force=with_queue(rules(), ORDERS, max_wait_us=600 * SECOND))
    first = room.calls("c1")
    room.let_pass(59)
    second = room.calls("c2")
    room.ask(Prioritise(contact_id=second, priority=1))
    room.agent_joins("orders")
    assert room.offered_to(second)
    assert not room.offered_to(first)


def test_points_taken_back_put_a_caller_where_they_were() -> None:
    room = Room()
    first, second = room.calls("c1"), room.calls("c2")
    room.ask(Prioritise(contact_id=second, priority=5))
    room.ask(Prioritise(contact_id=second, priority=0))
    room.agent_joins("orders")
    assert room.offered_to(first)


def test_where_priority_is_strict_no_age_makes_up_for_a_point() -> None:
    in_force = with_queue(rules(), ORDERS, strict=True, max_wait_us=86_400 * SECOND)
    room = Room(rules_in_force=in_force)
    first = room.calls("c1")
    room.let_pass(80_000)
    second = room.calls("c2")
    room.ask(Prioritise(contact_id=second, priority=1))
    room.agent_joins("orders")
    assert room.offered_to(second)
    assert not room.offered_to(first)


def test_points_beyond_reason_and_contacts_that_are_not_there_are_refused() -> None:
    room = Room()
    caller = room.calls("c1")
    with pytest.raises(CommandRefused, match="between"):
        room.ask(Prioritise(contact_id=caller, priority=10**9))
    with pytest.raises(CommandRefused, match="no contact"):
        room.ask(Prioritise(contact_id=ContactId("nobody"), priority=1))


def test_points_given_while_the_caller_is_rung_for_count_when_they_are_back_in_line() -> None:
    room = Room("orders", rules_in_force=with_queue(rules(), ORDERS, max_wait_us=600 * SECOND))
    first = room.calls("c1")
    room.rings(room.offer(first))
    room.ask(Prioritise(contact_id=first, priority=-3))
    second = room.calls("c2")
    room.let_pass(16)
    room.agent_joins("orders")
    assert room.offered_to(second)


# ---- emergencies ----


def emergency() -> Rules:
    of = rules()
    campaigns = {**of.campaigns, SHOP: replace(of.campaigns[SHOP], emergency=True)}
    return with_queue(
        replace(of, campaigns=campaigns), ACCOUNTS, priority=1000, strict=True, need=of.queues[ORDERS].need
    )


def test_nothing_overtakes_an_emergency_caller() -> None:
    room = Room(rules_in_force=emergency())
    first = room.calls("c1", BANK)
    room.let_pass(30)
    urgent = room.calls("c2", SHOP)
    room.agent_joins("orders")
    assert room.offered_to(urgent)
    assert not room.offered_to(first)


def test_an_emergency_caller_is_not_sent_on_by_limits() -> None:
    in_force = with_queue(emergency(), ORDERS, max_waiting=1, join_if=(Staffed.READY,), stay_if=(Staffed.READY,))
    room = Room(rules_in_force=in_force)
    assert queues_of(room, room.calls("c1"), room.calls("c2")) == [ORDERS, ORDERS]


def test_an_emergency_nobody_takes_raises_an_alarm_again_and_again_until_somebody_does() -> None:
    room = Room(rules_in_force=with_queue(emergency(), ORDERS, max_wait_us=600 * SECOND))
    caller = room.calls("c1")
    room.let_pass(9.9)
    assert room.of(EmergencyWaits) == []
    room.let_pass(25)
    assert [event.waited_us // SECOND for event in room.of(EmergencyWaits)] == [10, 20, 30]
    room.agent_joins("orders")
    room.talks(caller)
    room.let_pass(60)
    assert len(room.of(EmergencyWaits)) == 3
