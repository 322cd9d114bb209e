"""After the talk: ways to end it, what came of the contact, more time."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.errors import CommandRefused
from router.domain.ids import SECOND, AgentId, OfferId
from router.domain.messages.commands import Configure, ExtendWrapUp, FinishWrapUp, GiveDisposition
from router.domain.messages.effects import AnswerPhone
from router.domain.messages.events import WrapUpBegan, WrapUpEnded, WrapUpExtended
from router.domain.record import WrapUpEnd, WrapUpFact
from router.domain.rulebook.conduct import WrapUp
from router.domain.rulebook.rules import Rules
from tests.builders import ORDERS, SHOP, Room, rules, with_queue
from tests.domain.test_roster import dials
from tests.domain.test_succession import in_sight, inherited

ME = AgentId("agent-1001")
CODES = {"1": "sold", "12": "no interest", "call-back": "wants a call"}


def ending(mode: WrapUp, *, codes: dict[str, str] | None = None) -> Rules:
    """20 s of notes, 60 s at most."""
    of = with_queue(rules(), ORDERS, wrapup=mode, wrapup_us=20 * SECOND, wrapup_max_us=60 * SECOND)
    shop = replace(of.campaigns[SHOP], dispositions=CODES if codes is None else codes)
    return replace(of, campaigns={**of.campaigns, SHOP: shop})


def talking(mode: WrapUp, *, codes: dict[str, str] | None = None) -> tuple[Room, OfferId]:
    room = Room("orders", rules_in_force=ending(mode, codes=codes))
    return room, room.talks(room.calls("c1"))


def in_wrapup(mode: WrapUp, *, codes: dict[str, str] | None = None) -> Room:
    room, offer = talking(mode, codes=codes)
    room.agent_hangs_up(offer)
    return room


def fact(room: Room) -> WrapUpFact:
    return room.last(WrapUpEnded).fact


def lasted(room: Room) -> int:
    return (fact(room).to_at - fact(room).from_at) // SECOND


def refusal(room: Room, asked: FinishWrapUp | GiveDisposition | ExtendWrapUp) -> CommandRefused:
    with pytest.raises(CommandRefused) as error:
        room.ask(asked)
    return error.value


def test_without_wrap_up_the_agent_is_ready_at_once() -> None:
    room, offer = talking(WrapUp.NONE)
    waiting = room.calls("c2")
    room.agent_hangs_up(offer)
    assert room.offered_to(waiting) == ME
    assert (room.of(WrapUpBegan), lasted(room)) == ([], 0)


def test_a_timed_one_ends_by_itself_or_when_the_agent_says_so_and_the_fact_says_which() -> None:
    room = in_wrapup(WrapUp.TIMED)
    room.let_pass(20)
    assert (lasted(room), fact(room).ended) == (20, WrapUpEnd.TIME)
    room.agent_hangs_up(room.talks(room.calls("c2")))
    room.let_pass(5)
    room.ask(FinishWrapUp(agent_id=ME))
    assert (lasted(room), fact(room).ended) == (5, WrapUpEnd.AGENT)


def test_a_mandatory_one_ends_with_the_disposition_and_not_before() -> None:
    room = in_wrapup(WrapUp.MANDATORY)
    room.let_pass(30)
    assert room.agent(ME).work == "wrapup"
    error = refusal(room, FinishWrapUp(agent_id=ME))
    assert error.error_id == "disposition-needed"
    assert "1 (sold), 12 (no interest)" in error.message
    room.ask(GiveDisposition(agent_id=ME, disposition="12"))
    assert (lasted(room), fact(room).disposition, fact(room).ended) == (30, "12", WrapUpEnd.AGENT)
    assert room.agent(ME).work == "idle"


def test_a_mandatory_one_nobody_answers_is_ended_by_force_after_the_longest_time() -> None:
    room = in_wrapup(WrapUp.MANDATORY)
    room.let_pass(60)
    assert (lasted(room), fact(room).disposition, fact(room).ended) == (60, None, WrapUpEnd.FORCED)


def test_said_during_the_talk_a_mandatory_one_is_a_timed_one() -> None:
    room, offer = talking(WrapUp.MANDATORY)
    room.ask(GiveDisposition(agent_id=ME, disposition="sold"))
    room.agent_hangs_up(offer)
    room.let_pass(20)
    assert (lasted(room), fact(room).disposition, fact(room).ended) == (20, "1", WrapUpEnd.TIME)


def test_finishing_keeps_what_was_said_during_the_talk_unless_something_else_is_said() -> None:
    room, offer = talking(WrapUp.TIMED)
    room.ask(GiveDisposition(agent_id=ME, disposition="1"))
    room.agent_hangs_up(offer)
    room.ask(FinishWrapUp(agent_id=ME))
    assert fact(room).disposition == "1"
    offer = room.talks(room.calls("c2"))
    room.ask(GiveDisposition(agent_id=ME, disposition="1"))
    room.agent_hangs_up(offer)
    room.ask(FinishWrapUp(agent_id=ME, disposition="call-back"))
    assert fact(room).disposition == "call-back"


def test_more_time_may_be_asked_for_again_and_again_up_to_the_longest() -> None:
    room = in_wrapup(WrapUp.EXTENDABLE)
    for _ in range(2):
        room.ask(ExtendWrapUp(agent_id=ME))
    assert refusal(room, ExtendWrapUp(agent_id=ME)).error_id == "wrapup-longest"
    began = room.last(WrapUpBegan).until_at - 20 * SECOND
    assert [(told.until_at - began) // SECOND for told in room.of(WrapUpExtended)] == [40, 60]
    room.let_pass(59)
    assert room.agent(ME).work == "wrapup"
    room.let_pass(1)
    assert (lasted(room), fact(room).ended) == (60, WrapUpEnd.TIME)


@pytest.mark.parametrize("mode", [WrapUp.TIMED, WrapUp.MANDATORY])
def test_where_nothing_is_extended_the_refusal_says_what_would(mode: WrapUp) -> None:
    error = refusal(in_wrapup(mode), ExtendWrapUp(agent_id=ME))
    assert error.error_id == "wrapup-not-extendable"
    assert 'wrapup = "extendable"' in error.message


def test_there_is_nothing_to_extend_or_to_say_without_a_contact() -> None:
    room, _ = talking(WrapUp.EXTENDABLE)
    assert refusal(room, ExtendWrapUp(agent_id=ME)).error_id == "agent-not-in-wrapup"
    idle = Room("orders")
    assert refusal(idle, GiveDisposition(agent_id=ME, disposition="1")).error_id == "agent-not-on-contact"
    assert refusal(idle, GiveDisposition(agent_id=AgentId("nobody"), disposition="1")).error_id == "agent-unknown"


@pytest.mark.parametrize("said", ["2", "Sold", "", "1 ", "\x00"])
def test_a_code_that_is_not_on_the_list_is_refused_with_the_list(said: str) -> None:
    room = in_wrapup(WrapUp.MANDATORY)
    for asked in (GiveDisposition(agent_id=ME, disposition=said), FinishWrapUp(agent_id=ME, disposition=said)):
        error = refusal(room, asked)
        assert (error.error_id, error.details["dispositions"]) == ("disposition-invalid", CODES)
    assert room.agent(ME).work == "wrapup"


def test_without_a_list_any_word_will_do() -> None:
    room = in_wrapup(WrapUp.MANDATORY, codes={})
    room.ask(GiveDisposition(agent_id=ME, disposition="has a dog"))
    assert fact(room).disposition == "has a dog"


def test_the_phone_gives_codes_of_several_digits_and_is_told_what_came_of_it() -> None:
    room, offer = talking(WrapUp.MANDATORY)
    assert dials(room, "47", "3") == "disposition-invalid"
    assert dials(room, "47", "1") == "disposition-noted"
    assert room.last(AnswerPhone).a_fact is False
    room.agent_hangs_up(offer)
    assert dials(room, "47", "12") == "disposition-noted"
    assert (fact(room).disposition, room.agent(ME).work) == ("12", "idle")
    assert dials(room, "47", "12") == "refused"


def test_the_phone_asks_for_more_time() -> None:
    room = in_wrapup(WrapUp.EXTENDABLE)
    assert [dials(room, "48") for _ in range(3)] == ["wrapup-extended", "wrapup-extended", "wrapup-longest"]
    assert dials(in_wrapup(WrapUp.TIMED), "48") == "refused"


def test_a_reload_does_not_change_how_the_talk_in_hand_ends() -> None:
    room, offer = talking(WrapUp.MANDATORY)
    room.ask(Configure(rules=ending(WrapUp.NONE)))
    room.agent_hangs_up(offer)
    assert refusal(room, FinishWrapUp(agent_id=ME)).error_id == "disposition-needed"


def test_a_successor_goes_on_with_it_and_knows_what_was_said() -> None:
    dead, offer = talking(WrapUp.EXTENDABLE)
    dead.ask(GiveDisposition(agent_id=ME, disposition="12"))
    dead.agent_hangs_up(offer)
    dead.ask(ExtendWrapUp(agent_id=ME))
    heir = inherited(dead)
    in_sight(heir)
    heir.ask(ExtendWrapUp(agent_id=ME))
    assert refusal(heir, ExtendWrapUp(agent_id=ME)).error_id == "wrapup-longest"
    heir.let_pass(60)
    assert (lasted(heir), fact(heir).disposition) == (60, "12")

    dead = in_wrapup(WrapUp.MANDATORY)
    heir = inherited(dead)
    in_sight(heir)
    assert refusal(heir, FinishWrapUp(agent_id=ME)).error_id == "disposition-needed"


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([*WrapUp]),
    st.lists(st.sampled_from(["extend", "finish", "1", "99", "wait", "die"]), max_size=8),
    st.booleans(),
)
def test_whatever_is_asked_for_it_ends_within_the_longest_time(mode: WrapUp, story: list[str], listed: bool) -> None:
    room = in_wrapup(mode, codes=CODES if listed else {})
    for step in story:
        try:
            match step:
                case "wait":
                    room.let_pass(7)
                case "extend":
                    room.ask(ExtendWrapUp(agent_id=ME))
                case "finish":
                    room.ask(FinishWrapUp(agent_id=ME))
                case "die":
                    room = inherited(room)
                    in_sight(room)
                case code:
                    room.ask(GiveDisposition(agent_id=ME, disposition=code))
        except CommandRefused:
            pass
    room.let_pass(64)
    assert room.floor.agents[ME].assignment is None
