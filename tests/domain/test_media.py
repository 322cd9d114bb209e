"""Media side by side: capacities, what may come on top of what, and calls on top of other work."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.errors import CommandRefused
from router.domain.ids import SECOND, AgentId
from router.domain.messages.commands import Configure, Dismiss, Engage
from router.domain.rulebook.media import MEDIA, VOICE, Media
from router.domain.staff.engagement import may_be_offered
from tests.builders import Room, rules
from tests.domain.test_succession import in_sight, inherited

ME = AgentId("agent-1001")
HOUR = 3600 * SECOND
MATRIX = Media(
    capacity={VOICE: 1, "chat": 3, "email": 5}, interrupt={VOICE: (), "chat": ("email",), "email": (VOICE, "chat")}
)


def engaged(medium: str, count: int, for_us: int = HOUR) -> Engage:
    return Engage(agent_id=ME, medium=medium, count=count, for_us=for_us)


@pytest.mark.parametrize(
    ("in_hand", "may"),
    [
        ({}, {VOICE, "chat", "email"}),
        ({VOICE: 1}, set()),
        ({"chat": 1}, {"chat", "email"}),
        ({"chat": 3}, {"email"}),
        ({"email": 1}, {VOICE, "chat", "email"}),
        ({"email": 5}, {VOICE, "chat"}),
        ({"email": 1, "chat": 1}, {"chat", "email"}),
        ({"email": 1, VOICE: 1}, set()),
    ],
)
def test_what_may_come_on_top_of_what_is_in_hand(in_hand: dict[str, int], may: set[str]) -> None:
    assert {medium for medium in MEDIA if MATRIX.may_be_offered(medium, in_hand)} == may


def test_a_site_says_how_many_but_never_two_calls() -> None:
    table = Media(capacity={VOICE: 7, "chat": 1, "email": 0})
    assert [table.room_for(medium) for medium in MEDIA] == [1, 1, 0]
    assert not table.may_be_offered(VOICE, {VOICE: 1})
    assert not table.may_be_offered("email", {})
    assert not table.may_be_offered("fax", {})


def test_where_there_is_no_room_for_calls_nobody_is_offered_one() -> None:
    none = replace(rules(), media=Media(capacity={VOICE: 0, "chat": 3, "email": 5}))
    room = Room("orders", rules_in_force=none)
    caller = room.calls("c1")
    assert room.offered_to(caller) is None
    room.ask(Configure(rules=rules()))
    assert room.offered_to(caller) == ME


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from(MEDIA), st.integers(0, 9)),
    st.dictionaries(st.sampled_from(MEDIA), st.lists(st.sampled_from(MEDIA)).map(tuple)),
    st.dictionaries(st.sampled_from(MEDIA), st.integers(0, 9)),
)
def test_whatever_the_table_says_nobody_is_offered_a_second_call(
    capacity: dict[str, int], interrupt: dict[str, tuple[str, ...]], in_hand: dict[str, int]
) -> None:
    table = Media(capacity=capacity, interrupt=interrupt)
    assert not table.may_be_offered(VOICE, {**in_hand, VOICE: 1})
    if table.may_be_offered("chat", in_hand):
        assert in_hand.get("chat", 0) < capacity["chat"]


def test_an_e_mail_may_be_interrupted_by_a_call_and_a_chat_may_not() -> None:
    room = Room("orders")
    room.ask(engaged("email", 2))
    assert room.offered_to(room.calls("c1")) == ME
    room = Room("orders", "bank")
    room.ask(engaged("chat", 1))
    caller = room.calls("c1")
    assert room.offered_to(caller) is None
    room.ask(engaged("chat", 0))
    assert room.offered_to(caller) == ME


def test_the_explanation_says_who_had_other_work() -> None:
    room = Room("orders", "orders")
    room.ask(engaged("chat", 1))
    room.calls("c1")
    assert room.made(next(iter(room.floor.offers))).decision.others == (("engaged", 1),)


def test_all_that_is_in_hand_must_allow_it() -> None:
    room = Room("orders")
    room.ask(engaged("email", 1))
    agent = room.floor.agents[ME]
    assert [may_be_offered(room.floor, agent, medium) for medium in MEDIA] == [True, True, True]
    room.calls("c1")
    assert agent.in_hand == {"email": 1, VOICE: 1}
    assert [may_be_offered(room.floor, agent, medium) for medium in MEDIA] == [False, False, False]


def test_what_is_not_said_again_is_forgotten() -> None:
    room = Room("orders")
    room.ask(engaged("chat", 1, 10 * SECOND))
    room.let_pass(5)
    room.ask(engaged("chat", 2, 10 * SECOND))
    caller = room.calls("c1")
    room.let_pass(9)
    assert room.offered_to(caller) is None
    room.let_pass(1)
    assert room.offered_to(caller) == ME


def test_a_reload_is_looked_up_at_once() -> None:
    room = Room("orders")
    room.ask(engaged("chat", 1))
    caller = room.calls("c1")
    lenient = Media(interrupt={"chat": (VOICE,)})
    room.ask(Configure(rules=replace(rules(), media=lenient)))
    assert room.offered_to(caller) == ME
    room = Room("orders", rules_in_force=replace(rules(), media=Media(capacity={VOICE: 1})))
    with pytest.raises(CommandRefused) as error:
        room.ask(engaged("chat", 1))
    assert (error.value.error_id, error.value.details["at_most"]) == ("over-capacity", 0)


@pytest.mark.parametrize(
    ("asked", "error_id"),
    [
        (engaged(VOICE, 1), "medium-invalid"),
        (engaged("fax", 1), "medium-invalid"),
        (engaged("chat", 4), "over-capacity"),
        (engaged("chat", -1), "over-capacity"),
        (engaged("chat", 1, 0), "time-invalid"),
        (engaged("chat", 1, 25 * HOUR), "time-invalid"),
        (Engage(agent_id=AgentId("nobody"), medium="chat", count=1, for_us=HOUR), "agent-unknown"),
    ],
)
def test_what_cannot_be_is_refused(asked: Engage, error_id: str) -> None:
    room = Room("orders")
    with pytest.raises(CommandRefused) as error:
        room.ask(asked)
    assert error.value.error_id == error_id
    assert room.offered_to(room.calls("c1")) == ME


def test_who_leaves_for_good_leaves_nothing_behind() -> None:
    room = Room("orders")
    room.ask(engaged("chat", 1, 10 * SECOND))
    room.ask(Dismiss(agent_id=ME))
    room.let_pass(20)
    assert room.floor.agents == {}


def test_a_successor_knows_of_other_work_until_it_is_over() -> None:
    dead = Room("orders")
    dead.ask(engaged("chat", 2, 30 * SECOND))
    heir = inherited(dead)
    in_sight(heir)
    caller = heir.calls("c1")
    assert (heir.offered_to(caller), heir.floor.agents[ME].in_hand) == (None, {"chat": 2})
    heir.let_pass(28)
    assert heir.offered_to(caller) == ME
