"""Pause reasons with limits: how long, how much a day, how many at a time; what is paid."""

from dataclasses import replace

import pytest

from router.domain.benches.agent import Status
from router.domain.errors import CommandRefused
from router.domain.ids import SECOND, AgentId
from router.domain.messages.commands import Configure, Dismiss, LogIn, LogOut, Pause, Remember, SetDays, Unpause
from router.domain.messages.events import AgentChanged, PauseTooLong
from router.domain.messages.facts import fact_of
from router.domain.record import AgentChangeFact
from router.domain.rulebook.conduct import PauseRules
from router.domain.rulebook.rules import Rules
from router.domain.staff.pauses import MOST_REASONS, used_today
from tests.builders import START_AT, Room, rules
from tests.domain.test_roster import dials
from tests.domain.test_succession import in_sight, inherited

ME, YOU, THEY = AgentId("agent-1001"), AgentId("agent-1002"), AgentId("agent-1003")
MINUTE = 60 * SECOND


def allowing(**limits: object) -> Rules:
    """`lunch` has these limits."""
    return replace(rules(), pauses={"lunch": PauseRules(label="Lunch", **limits)})  # type: ignore[arg-type]


def lunch(agent_id: AgentId = ME, *, forced: bool = False) -> Pause:
    return Pause(agent_id=agent_id, reason="lunch", forced=forced)


def refused(room: Room, asked: Pause) -> CommandRefused:
    before = (room.floor.agents[asked.agent_id].status, room.floor.agents[asked.agent_id].reason)
    with pytest.raises(CommandRefused) as error:
        room.ask(asked)
    assert (room.floor.agents[asked.agent_id].status, room.floor.agents[asked.agent_id].reason) == before
    return error.value


def test_a_pause_that_lasts_too_long_is_told_of_once_and_goes_on() -> None:
    room = Room("orders", rules_in_force=allowing(max_us=10 * MINUTE))
    room.ask(lunch())
    room.let_pass(599)
    assert room.of(PauseTooLong) == []
    room.let_pass(1200)
    (told,) = room.of(PauseTooLong)
    assert (told.agent_id, told.reason, told.limit, told.paused_us) == (ME, "lunch", "max_s", 10 * MINUTE)
    assert room.agent(ME).status is Status.PAUSED


def test_reasons_without_rules_are_remembered_up_to_a_number_and_those_with_rules_always() -> None:
    room = Room("orders", rules_in_force=allowing(per_day_us=60 * MINUTE))
    for number in range(5000):  # a desk may give any text for one, and a picture (picture.py) has bounds
        room.ask(Pause(agent_id=ME, reason=f"no {number}"))
    room.ask(lunch())
    room.let_pass(60)
    room.ask(Pause(agent_id=ME, reason="another"))
    remembered = room.floor.agents[ME].today.paused
    assert len(remembered) == MOST_REASONS + 1
    assert remembered["lunch"] == MINUTE


def test_who_comes_back_in_time_is_not_told_of() -> None:
    room = Room("orders", rules_in_force=allowing(max_us=10 * MINUTE))
    room.ask(lunch())
    room.let_pass(599)
    room.ask(Unpause(agent_id=ME))
    room.let_pass(1200)
    assert room.of(PauseTooLong) == []


def test_what_is_used_up_today_is_refused_and_may_be_forced() -> None:
    room = Room("orders", rules_in_force=allowing(per_day_us=30 * MINUTE))
    for _ in range(2):
        room.ask(lunch())
        room.let_pass(15 * 60)
        room.ask(Unpause(agent_id=ME))
        room.let_pass(60)
    error = refused(room, lunch())
    assert error.error_id == "pause-used-up"
    assert "30 of 30 minutes" in error.message
    room.ask(lunch(forced=True))
    assert room.agent(ME).reason == "lunch"


def test_a_pause_that_uses_up_the_day_is_told_of() -> None:
    room = Room("orders", rules_in_force=allowing(per_day_us=30 * MINUTE, max_us=25 * MINUTE))
    room.ask(lunch())
    room.let_pass(20 * 60)
    room.ask(Unpause(agent_id=ME))
    room.ask(lunch())
    room.let_pass(26 * 60)
    assert [(told.limit, told.today_us // MINUTE) for told in room.of(PauseTooLong)] == [
        ("per_day_s", 30),
        ("max_s", 45),
    ]


def test_other_reasons_have_their_own_account_and_reasons_without_rules_have_no_limit() -> None:
    room = Room("orders", rules_in_force=allowing(per_day_us=MINUTE))
    room.ask(Pause(agent_id=ME, reason="break"))
    room.let_pass(3600)
    room.ask(lunch())
    assert room.agent(ME).reason == "lunch"


def test_a_pause_counts_however_it_ended() -> None:
    room = Room("orders", rules_in_force=allowing(per_day_us=10 * MINUTE))
    room.ask(lunch())
    room.let_pass(11 * 60)
    room.ask(LogOut(agent_id=ME))
    room.ask(LogIn(agent_id=ME))
    assert refused(room, lunch()).error_id == "pause-used-up"


def test_a_new_day_begins_anew_also_for_a_pause_that_goes_over_midnight() -> None:
    room = Room("orders", rules_in_force=allowing(per_day_us=30 * MINUTE))
    midnight = START_AT + 3600 * SECOND
    room.ask(SetDays(midnights=(START_AT - 3600 * SECOND, midnight, midnight + 86_400 * SECOND)))
    room.let_pass((midnight - room.now) // SECOND - 20 * 60)
    room.ask(lunch())
    room.let_pass(25 * 60)
    agent = room.floor.agents[ME]
    assert used_today(agent, "lunch", room.now) == 5 * MINUTE
    room.ask(Unpause(agent_id=ME))
    room.ask(lunch())
    room.let_pass(24 * 60)
    assert room.of(PauseTooLong) == []
    room.let_pass(60)
    assert room.last(PauseTooLong).today_us == 30 * MINUTE


def test_only_so_many_of_the_pool_have_it_at_a_time_and_the_refusal_says_how_many() -> None:
    room = Room("orders", "bank", "orders", rules_in_force=allowing(at_most=2))
    room.ask(lunch(ME))
    room.ask(lunch(YOU))
    error = refused(room, lunch(THEY))
    assert (error.error_id, error.details["paused"], error.details["at_most"]) == ("too-many-paused", 2, 2)
    assert error.message.startswith("2 of at most 2 agents have lunch")
    room.ask(lunch(THEY, forced=True))
    room.ask(Unpause(agent_id=THEY))
    room.ask(Unpause(agent_id=YOU))
    room.ask(lunch(THEY))
    assert room.agent(THEY).reason == "lunch"


def test_who_was_granted_it_for_after_the_call_has_it_already_and_keeps_it() -> None:
    room = Room("orders", "orders", rules_in_force=allowing(at_most=1))
    offer = room.talks(room.calls("c1"))
    room.ask(lunch(ME))
    assert refused(room, lunch(YOU)).error_id == "too-many-paused"
    room.ask(lunch(YOU, forced=True))
    room.agent_hangs_up(offer)
    room.let_pass(20)
    assert (room.agent(ME).status, room.agent(ME).reason) == (Status.PAUSED, "lunch")


def test_who_thought_better_of_it_and_who_left_for_good_make_room() -> None:
    room = Room("orders", "bank", "bank", rules_in_force=allowing(at_most=1))
    room.talks(room.calls("c1"))
    room.ask(lunch(ME))
    room.ask(LogIn(agent_id=ME))
    room.ask(lunch(YOU))
    room.ask(Dismiss(agent_id=YOU))
    room.ask(lunch(THEY))
    assert room.agent(THEY).reason == "lunch"


def test_the_phone_is_told_in_words_why_not() -> None:
    room = Room("orders", "orders", rules_in_force=allowing(at_most=1, per_day_us=10 * MINUTE))
    room.ask(lunch(YOU))
    assert dials(room, "46", "1") == "too-many-paused"
    room.ask(Unpause(agent_id=YOU))
    assert dials(room, "46", "1") == "paused"
    room.let_pass(600)
    assert dials(room, "46") == "unpaused"
    assert dials(room, "46", "1") == "pause-used-up"


def test_the_fact_of_a_pause_says_whether_it_is_working_time() -> None:
    both = replace(rules(), pauses={"lunch": PauseRules(), "training": PauseRules(paid=True)})
    room = Room("orders", rules_in_force=both)
    for reason in ("training", "lunch"):
        room.ask(Pause(agent_id=ME, reason=reason))
    room.ask(Unpause(agent_id=ME))
    facts = [fact for event in room.of(AgentChanged) if isinstance(fact := fact_of(event, room.now), AgentChangeFact)]
    assert [(fact.reason, fact.paid) for fact in facts[-3:]] == [("training", True), ("lunch", False), (None, None)]


def test_a_reload_puts_the_limits_of_today_on_a_pause_that_runs() -> None:
    room = Room("orders")
    room.ask(lunch())
    room.let_pass(300)
    room.ask(Configure(rules=allowing(max_us=10 * MINUTE)))
    room.let_pass(301)
    assert room.last(PauseTooLong).paused_us == 10 * MINUTE


def test_a_successor_knows_what_was_used_who_pauses_and_tells_of_what_is_too_long() -> None:
    dead = Room("orders", "orders", rules_in_force=allowing(max_us=10 * MINUTE, per_day_us=20 * MINUTE, at_most=1))
    dead.ask(lunch())
    dead.let_pass(600)
    dead.ask(Unpause(agent_id=ME))
    dead.ask(lunch())
    dead.let_pass(300)
    heir = inherited(dead)
    in_sight(heir)
    assert refused(heir, lunch(YOU)).error_id == "too-many-paused"
    heir.let_pass(600)
    assert [told.limit for told in heir.of(PauseTooLong)] == ["max_s"], "both at the same instant"
    heir.ask(Unpause(agent_id=ME))
    assert refused(heir, lunch(ME)).error_id == "pause-used-up"


def test_one_that_became_too_long_while_nobody_was_there_is_told_of() -> None:
    dead = Room("orders", rules_in_force=allowing(max_us=10 * MINUTE))
    dead.ask(lunch())
    dead.let_pass(598)
    heir = inherited(dead)
    in_sight(heir)
    heir.let_pass(60)
    assert heir.last(PauseTooLong).reason == "lunch"


def test_a_pause_from_before_our_time_is_counted_from_when_it_began() -> None:
    room = Room("orders", rules_in_force=allowing(max_us=10 * MINUTE))
    room.let_pass(300)
    room.ask(Remember(agent_id=ME, status="PAUSED", reason="lunch", since_at=room.now - 60 * SECOND))
    room.ask(Remember(agent_id=ME, status="PAUSED", reason="lunch", since_at=room.now - 30 * SECOND))
    room.let_pass(571)
    assert room.last(PauseTooLong).agent_id == ME
