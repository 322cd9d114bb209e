"""Needs that speak of the contact: whom they ask for, who stands in which line, how many lines there can be."""

import contextlib
from dataclasses import replace
from string import ascii_lowercase
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.contacts.particulars import MOST_DATA, MOST_NEEDS, checked, read
from router.domain.errors import CommandRefused
from router.domain.ids import SECOND, AgentId, ContactId
from router.domain.messages.commands import (
    AgentProfile,
    Configure,
    Dismiss,
    Enrol,
    Entitle,
    LogOut,
    Pause,
    Post,
    Prioritise,
    Unpause,
)
from router.domain.messages.events import ContactOverflowed, DistinctNeedsFull, OfferMade
from router.domain.pictures.picture import whole
from router.domain.pictures.recovery import restore
from router.domain.rulebook.entitlement import Entitlement
from router.domain.rulebook.need import Need, NeedError
from router.domain.rulebook.rules import Ring, Rules, Staffed
from tests.builders import ORDERS, Room, rules, with_queue

BY_LANGUAGE = "orders and $language >= 60"


def asking(need: str = BY_LANGUAGE, **changes: object) -> Rules:
    return with_queue(rules(), ORDERS, need=Need.parse(need), max_wait_us=3600 * SECOND, **changes)


def speaks(language: str, **others: str) -> tuple[tuple[str, str], ...]:
    return (("language", language), *others.items())


# ---- the expression ----


def test_a_need_is_bound_to_what_is_known_of_a_contact() -> None:
    need = Need.parse('  $language >= 60 and ($vip = "yes" or not router) ')
    bound = need.bind({"language": "DE", "$language": "de", "vip": "yes"})
    assert bound.text == "de >= 60 and (TRUE or not router)"
    assert bound.matches({"de": 60, "router": 5})
    assert not bound.matches({"de": 59})
    assert (bound.skills, bound.asked, bound.data) == ({"de", "router"}, ("de",), ())


def test_of_a_contact_who_brings_nothing_no_skill_is_named_and_no_text_is_said() -> None:
    need = Need.parse('$language or ($vip != "yes" and en)')
    assert need.matches({"en": 1})
    assert not need.matches({"de": 100})
    assert need.bind({}).text == "$language or (TRUE and en)"


@pytest.mark.parametrize(
    ("need", "number", "passes"),
    [
        ('$caller.number ^= "+4930"', "+4930555", True),
        ('$caller.number ^= "+4930"', "+4940555", False),
        ('$caller.number = "+4930"', "+4930555", False),
        ('not $caller.number ^= "+49"', "+33", True),
    ],
)
def test_a_text_is_compared_whole_or_with_its_beginning(need: str, number: str, passes: bool) -> None:
    assert Need.parse(need).bind({"caller.number": number}).matches({}) is passes


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("de and $", 7, "expected $caller"),
        ("$Language", 0, "expected $caller"),
        ("$caller.name", 0, "expected $caller"),
        ('$vip >= "yes"', 5, "= or !="),
        ("$vip = yes", 7, "number"),
        ("$vip ^= 5", 8, "text in quotes"),
        ('$vip = "' + "x" * 65 + '"', 7, "64 characters"),
        ('$vip = "a\tb"', 7, "text in quotes"),
        ('$vip = "open', 7, "no meaning"),
        ('de = "yes"', 5, "number"),
        ("$vip >= 101", 8, "number"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(text: str, position: int, reason: str) -> None:
    with pytest.raises(NeedError) as told:
        Need.parse(text)
    assert told.value.position == position
    assert reason in told.value.reason


# ---- what comes from outside ----


def test_data_is_read_pair_by_pair_and_what_is_none_is_left_out() -> None:
    assert read("language=de&vip=yes") == {"language": "de", "vip": "yes"}
    assert read("language=de&&Vip=yes&x&=y&vip=&a=b\r\nc&caller.country=DE&vip=no&vip=yes") == {
        "language": "de",
        "vip": "no",
    }
    assert read("") == {}


def test_data_is_bounded() -> None:
    assert len(read("&".join(f"{letter}=1" for letter in ascii_lowercase))) == MOST_DATA
    assert read("a=" + "x" * 65) == {}
    assert read("a=" + "x" * 100_000) == {}


def test_a_picture_from_elsewhere_brings_no_more_than_a_dialplan_could() -> None:
    strange = [
        ("language", "de"),
        ("caller.country", "DE"),
        ("caller.known", "yes"),
        ("x", "a&y=1"),
        ("caller.country", "x"),
    ]
    assert checked(strange) == {"language": "de", "caller.country": "DE"}


# ---- who gets whom ----


def test_each_caller_gets_who_speaks_their_language() -> None:
    room = Room(rules_in_force=asking())
    german, french = room.agent_joins("orders de:80"), room.agent_joins("orders fr:70")
    caller = room.calls("c1", data=speaks("fr"))
    other = room.calls("c2", data=speaks("DE"))
    assert (room.offered_to(caller), room.offered_to(other)) == (french, german)
    assert room.made(room.offer(caller)).decision.need == "orders and fr >= 60"


def test_who_becomes_free_takes_the_first_in_line_whose_language_they_speak() -> None:
    room = Room(rules_in_force=asking())
    both = room.agent_joins("orders de:80 fr:80")
    room.ask(Pause(agent_id=both, reason="break"))
    callers = [room.calls(f"c{n}", data=speaks(language)) for n, language in enumerate(("it", "fr", "de"))]
    room.ask(Unpause(agent_id=both))
    assert room.offered_to(callers[1]) == both
    german = room.agent_joins("orders de:60")
    assert room.offered_to(callers[2]) == german
    assert room.offered_to(callers[0]) is None


def test_who_brings_nothing_has_the_need_of_nobody_known_until_a_ring_widens_it() -> None:
    wider = (Ring(after_us=30 * SECOND, need=Need.parse("orders")),)
    room = Room(rules_in_force=asking(rings=wider))
    room.agent_joins("orders de:80")
    room.talks(room.calls("busy", data=speaks("de")))
    half = room.agent_joins("orders")
    caller = room.calls("c1")
    assert room.offered_to(caller) == half, "nobody there could ever match: the ring opens at once"
    room.talks(caller)
    late = room.calls("c2", data=speaks("de"))
    other = room.agent_joins("orders")
    assert room.offered_to(late) is None
    room.let_pass(31)
    assert room.offered_to(late) == other


def test_rings_may_speak_of_the_contact_too() -> None:
    wider = (Ring(after_us=30 * SECOND, need=Need.parse("$language >= 20")),)
    room = Room(rules_in_force=asking(rings=wider))
    room.agent_joins("orders de:80")
    room.talks(room.calls("busy", data=speaks("de")))
    weak = room.agent_joins("de:30")
    caller = room.calls("c1", data=speaks("de"))
    assert room.offered_to(caller) is None
    room.let_pass(31)
    assert room.offered_to(caller) == weak


def test_a_condition_lets_some_callers_have_whom_others_may_not() -> None:
    room = Room(rules_in_force=asking('orders and ($vip = "yes" or trainee)'))
    master = room.agent_joins("orders")
    caller = room.calls("c1")
    assert room.offered_to(caller) is None
    important = room.calls("c2", data=(("vip", "yes"),))
    assert room.offered_to(important) == master


def test_a_skill_that_somebody_brings_along_is_meant_by_who_waits_already() -> None:
    room = Room("orders", rules_in_force=asking())
    first, second = (room.calls(name, data=speaks("fr")) for name in ("c1", "c2"))
    assert room.floor.queues[ORDERS].lines == {}, "nobody ever had it: no line of its own"
    french = room.agent_joins("orders fr:80")
    assert room.offered_to(first) == french
    assert room.offered_to(second) is None


def test_made_up_words_make_no_lines() -> None:
    room = Room("orders de:80", rules_in_force=asking())
    for number in range(200):
        room.calls(f"c{number}", data=speaks(f"x{number}"))
    assert room.floor.queues[ORDERS].lines == {}
    assert room.of(DistinctNeedsFull) == []


MANY = " ".join(["orders", *(f"s{number}:80" for number in range(MOST_NEEDS + 5))])


def needing(number: int) -> tuple[tuple[str, str], ...]:
    return speaks(f"s{number}")


def all_in_use() -> tuple[Room, list[ContactId]]:
    """One caller of each need waits, and there is a line for each of them; the agent who can do all is away."""
    room = Room(rules_in_force=asking())
    room.agent_joins(MANY, logged_in=False)
    return room, [room.calls(f"c{number}", data=needing(number)) for number in range(MOST_NEEDS)]


def test_needs_that_come_one_after_the_other_are_never_too_many() -> None:
    room = Room(rules_in_force=asking())
    able = room.agent_joins(MANY)
    for number in range(MOST_NEEDS + 5):
        caller = room.calls(f"c{number}", data=needing(number))
        assert room.offered_to(caller) == able, number
        room.agent_hangs_up(room.talks(caller))
        room.caller_hangs_up(caller)
        room.let_pass(21)
    lines = room.floor.queues[ORDERS].lines
    assert len(lines) == MOST_NEEDS
    assert (("s4",) in lines, ("s5",) in lines) == (False, True), "the one nobody asked for longest gave way"
    assert room.of(DistinctNeedsFull) == []


def test_the_line_that_was_asked_for_again_stays() -> None:
    room, callers = all_in_use()
    for caller in callers:
        room.caller_hangs_up(caller)
    room.caller_hangs_up(room.calls("again", data=needing(0)))
    room.calls("new", data=needing(MOST_NEEDS))
    lines = room.floor.queues[ORDERS].lines
    assert (("s0",) in lines, ("s1",) in lines) == (True, False)


def test_whoever_is_rung_for_keeps_their_line() -> None:
    room, callers = all_in_use()
    able = room.agent_joins("orders s0:80")
    assert room.offered_to(callers[0]) == able
    late = room.calls("late", data=needing(MOST_NEEDS))
    assert room.floor.contacts[late].line is room.floor.queues[ORDERS]
    room.rings(room.offer(callers[0]))
    room.let_pass(15)
    room.ends(f"{callers[0]}.1")
    assert room.floor.contacts[callers[0]].line is room.floor.queues[ORDERS].lines["s0",]


def test_who_finds_no_line_has_the_next_that_falls_idle_the_first_first_and_who_needs_the_same_with_them() -> None:
    room, callers = all_in_use()
    numbers = [MOST_NEEDS, MOST_NEEDS + 1, MOST_NEEDS]
    late = [room.calls(f"late{at}", data=needing(number)) for at, number in enumerate(numbers)]
    assert [event.needs for event in room.of(DistinctNeedsFull)] == [MOST_NEEDS], "told once"
    general = room.floor.queues[ORDERS]
    assert [room.floor.contacts[one].line is general for one in late] == [True] * 3
    room.caller_hangs_up(callers[5])
    assert [room.floor.contacts[one].line is general for one in late] == [False, True, False]
    able = room.agent_joins(f"orders s{MOST_NEEDS}:80")
    assert room.offered_to(late[0]) == able
    room.caller_hangs_up(callers[6])
    assert (room.floor.queues[ORDERS].full, room.floor.crowded) == (False, {})
    room.calls("one-more", data=needing(MOST_NEEDS + 2))
    assert len(room.of(DistinctNeedsFull)) == 2, "and told again"


def test_until_then_they_have_the_need_of_whom_nothing_is_known() -> None:
    room = Room(rules_in_force=asking("orders and ($language >= 60 or clerk)"))
    room.agent_joins(MANY, logged_in=False)
    for number in range(MOST_NEEDS):
        room.calls(f"c{number}", data=needing(number))
    late = room.calls("late", data=needing(MOST_NEEDS))
    room.ask(Prioritise(contact_id=late, priority=100))
    room.let_pass(0)
    assert room.floor.contacts[late].line is room.floor.queues[ORDERS]
    clerk = room.agent_joins("orders clerk")
    assert room.offered_to(late) == clerk


def test_a_colleague_posted_or_a_reload_loses_nobody_who_waits_for_a_line() -> None:
    for happens in ("post", "reload", "skill"):
        room, callers = all_in_use()
        late = room.calls("late", data=needing(MOST_NEEDS))
        unknown = room.calls("unknown", data=speaks("s-new"))
        if happens == "post":
            room.agent_joins("orders", posts={ORDERS: Post(delay_us=20 * SECOND)})
        elif happens == "reload":
            room.ask(Configure(rules=asking()))
        else:
            room.agent_joins("orders s-new:80", logged_in=False)
            room.caller_hangs_up(late)
            late = unknown
        general = room.floor.queues[ORDERS]
        assert room.floor.contacts[late].line is general, happens
        room.caller_hangs_up(callers[3])
        assert room.floor.contacts[late].line is not general, happens


# ---- the life of a line ----


def test_a_reload_keeps_who_waits_and_what_is_known_of_them() -> None:
    room = Room(rules_in_force=asking())
    german = room.agent_joins("orders de:50")
    first, second = room.calls("c1", data=speaks("de")), room.calls("c2", data=speaks("de"))
    room.ask(Configure(rules=asking("orders and $language >= 40")))
    assert room.offered_to(first) == german
    assert room.offered_to(second) is None
    room.ask(Configure(rules=asking("orders")))
    room.agent_joins("orders")
    assert room.offered_to(second) is not None


def test_the_limit_of_a_queue_counts_all_its_lines() -> None:
    room = Room(rules_in_force=asking(max_waiting=2))
    room.agent_joins("orders de:80 fr:80", logged_in=False)
    for name, language in (("c1", "de"), ("c2", "fr"), ("c3", "it")):
        room.calls(name, data=speaks(language))
    assert [event.why for event in room.of(ContactOverflowed)] == ["full"]


def test_whether_anybody_is_there_is_asked_of_the_own_line() -> None:
    room = Room(rules_in_force=asking(join_if=(Staffed.LOGGED_IN,), stay_if=(Staffed.LOGGED_IN,)))
    german = room.agent_joins("orders de:80")
    room.ask(Pause(agent_id=german, reason="break"))
    stays, goes = room.calls("c1", data=speaks("de")), room.calls("c2", data=speaks("fr"))
    assert room.floor.contacts[stays].queue == ORDERS
    assert room.floor.contacts[goes].queue != ORDERS
    room.ask(LogOut(agent_id=german))
    assert room.floor.contacts[stays].queue != ORDERS


def test_agents_may_come_change_and_go_while_lines_stand() -> None:
    room = Room(rules_in_force=asking())
    agent = room.agent_joins("orders de:80")
    room.talks(room.calls("busy", data=speaks("de")))
    caller = room.calls("c1", data=speaks("de"))
    room.ask(Enrol(profile=AgentProfile(agent_id=AgentId("new"), endpoint="new", skills={"orders": 100, "de": 10})))
    room.ask(Enrol(profile=AgentProfile(agent_id=AgentId("new"), endpoint="new", skills={"orders": 100, "de": 90})))
    assert room.floor.contacts[caller].line.skilled == 2
    room.ask(Entitle(agent_id=AgentId("new"), entitlement=Entitlement()))
    room.ask(Dismiss(agent_id=AgentId("new")))
    assert room.floor.contacts[caller].line.skilled == 1
    assert room.floor.contacts[caller].line.in_line() == [room.floor.contacts[caller]]
    assert room.agent(agent).work == "talking"


def test_what_is_known_of_a_contact_survives_the_router() -> None:
    room = Room(rules_in_force=asking())
    room.agent_joins("orders fr:80", logged_in=False)
    caller = room.calls("c1", data=speaks("fr", vip="yes"))
    pictures = whole(room.floor)
    successor = Room(rules_in_force=asking())
    successor.agent_joins("orders fr:80", logged_in=False)
    assert restore(successor.floor, pictures, room.now) == []
    assert successor.floor.contacts[caller].data == {"language": "fr", "vip": "yes"}


def test_a_caller_found_at_a_resync_brings_what_the_dialplan_knows() -> None:
    room = Room(rules_in_force=asking())
    french = room.agent_joins("orders fr:80")
    unseen = room.arrival("c1").contact_id
    room.resync(replace(room.waiting(unseen), data=speaks("fr")))
    assert room.of(OfferMade)[-1].agent_id == french


NEEDS = ("$language >= 60", 'orders and ($language or $vip = "yes")', "not $language > 50", "", "en")
DO = st.one_of(
    st.tuples(st.just("calls"), st.sampled_from(("de", "en", "fr", "")), st.sampled_from(("yes", "no"))),
    st.tuples(
        st.just("joins"), st.sampled_from(("de:80", "en:40 orders", "fr orders:10", "orders", "it")), st.integers(0, 2)
    ),
    st.tuples(st.sampled_from(("logs out", "pauses", "is dismissed", "learns")), st.integers(0, 9), st.just(0)),
    st.tuples(st.just("reload"), st.sampled_from(NEEDS), st.sampled_from(NEEDS)),
    st.tuples(st.just("hangs up"), st.integers(0, 9), st.just(0)),
    st.tuples(st.just("time"), st.sampled_from((1, 9, 40)), st.just(0)),
)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(DO, min_size=4, max_size=25))
def test_whatever_happens_everybody_stands_where_their_need_puts_them(steps: list[tuple[str, Any, Any]]) -> None:
    """After each step the room asks for every invariant: nobody waits while somebody is free whom they may have."""
    room = Room(rules_in_force=asking(rings=(Ring(after_us=20 * SECOND, need=Need.parse("$language")),)))
    callers: list[ContactId] = []
    for number, (what, one, other) in enumerate(steps):
        agent = room.agents[one % len(room.agents)] if room.agents and isinstance(one, int) else None
        with contextlib.suppress(CommandRefused):
            match what:
                case "calls":
                    callers.append(room.calls(f"c{number}", data=speaks(one, vip=other)))
                case "joins":
                    posts = {ORDERS: Post(delay_us=other * 5 * SECOND)} if other else {}
                    room.agent_joins(one, posts=posts)
                case "reload":
                    rings = (Ring(after_us=20 * SECOND, need=Need.parse(other)),)
                    room.ask(Configure(rules=asking(one, rings=rings)))
                case "hangs up" if callers:
                    room.caller_hangs_up(callers.pop(one % len(callers)))
                case "time":
                    room.let_pass(one)
                case "logs out" if agent:
                    room.ask(LogOut(agent_id=agent))
                case "pauses" if agent:
                    room.ask(Pause(agent_id=agent, reason="break"))
                case "is dismissed" if agent:
                    room.ask(Dismiss(agent_id=agent))
                case "learns" if agent:
                    skills = {"orders": 100, "de": 55 + one * 5, "en": 100 - one}
                    room.ask(Enrol(profile=AgentProfile(agent_id=agent, endpoint=agent, skills=skills)))
