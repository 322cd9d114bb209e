"""Needs that widen while a caller waits: who is asked when, what is skipped at once, and what never widens."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from router.domain.ids import SECOND, ContactId, OfferId
from router.domain.lobby.reception import enter_queue
from router.domain.messages.commands import Configure, Dismiss, Entitle, LogIn, LogOut, Pause, Post, Prioritise, Unpause
from router.domain.messages.effects import RingAgent
from router.domain.rulebook.entitlement import Entitlement, Interval
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import Ring, Rules
from tests.builders import ACCOUNTS, BANK, GENERAL, ORDERS, Room, rules, with_queue
from tests.domain.test_succession import in_sight, inherited


def widening(*, never_relax: bool = False, **changes: object) -> Rules:
    """Orders asks for `de >= 60`; after 30 s for `de >= 40`, after 60 s for anybody who speaks it."""
    rings = (
        Ring(after_us=30 * SECOND, need=Need.parse("de >= 40 and orders")),
        Ring(after_us=60 * SECOND, need=Need.parse("de")),
    )
    return with_queue(
        rules(),
        ORDERS,
        need=Need.parse("de >= 60 and orders"),
        rings=rings,
        never_relax=never_relax,
        max_wait_us=3600 * SECOND,
        **changes,
    )


def busy(room: Room, skills: str) -> OfferId:
    """Somebody with these skills is there, and talks."""
    room.agent_joins(skills)
    return room.talks(room.calls(f"busy-{len(room.agents)}"))


def test_a_wider_need_counts_from_its_time_on_and_not_before() -> None:
    room = Room(rules_in_force=widening())
    busy(room, "de:80 orders")
    half = room.agent_joins("de:50 orders")
    caller = room.calls("c1")
    room.let_pass(29.9)
    assert room.offered_to(caller) is None
    room.let_pass(0.2)
    assert room.offered_to(caller) == half


def test_who_becomes_free_takes_those_who_have_waited_long_enough_for_them() -> None:
    room = Room(rules_in_force=widening())
    busy(room, "de:80 orders")
    first = room.calls("c1")
    room.let_pass(31)
    second = room.calls("c2")
    half = room.agent_joins("de:50 orders")
    assert room.offered_to(first) == half
    assert room.offered_to(second) is None
    room.let_pass(31)
    other = room.agent_joins("de:45 orders")
    assert room.offered_to(second) == other


def test_who_met_the_need_from_the_beginning_goes_before_who_meets_a_wider_one() -> None:
    room = Room(rules_in_force=widening())
    half, able = room.agent_joins("de:50 orders"), room.agent_joins("de:80 orders")
    for agent in (half, able):
        room.ask(Pause(agent_id=agent, reason="break"))
    caller = room.calls("c1")
    room.let_pass(45)
    room.ask(Configure(rules=with_queue(widening(), GENERAL, wrapup_us=1)))
    room.engine.floor.offering = False
    for agent in (half, able):
        room.ask(Unpause(agent_id=agent))
    room.engine.floor.offering = True
    room.ask(Configure(rules=widening()))
    assert room.offered_to(caller) == able, "idle for less time than the other"


def test_nobody_logged_in_who_could_match_means_the_next_step_at_once() -> None:
    room = Room(rules_in_force=widening())
    able = room.agent_joins("de:80 orders", logged_in=False)
    half = room.agent_joins("de:50 orders")
    caller = room.calls("c1")
    assert room.offered_to(caller) == half
    room.ask(LogIn(agent_id=able))


def test_when_the_last_who_could_match_logs_out_those_who_wait_for_them_go_on_at_once() -> None:
    room = Room(rules_in_force=widening())
    talking = busy(room, "de:80 orders")
    half = room.agent_joins("de:50 orders")
    caller = room.calls("c1")
    room.let_pass(5)
    assert room.offered_to(caller) is None
    room.ask(LogOut(agent_id=room.agents[0]))
    assert room.offered_to(caller) is None, "they are on a contact, and logged in until it is over"
    room.agent_hangs_up(talking)
    room.let_pass(21)
    assert room.offered_to(caller) == half


def test_when_the_shift_of_the_last_who_could_match_ends_those_who_wait_go_on_at_once() -> None:
    room = Room(rules_in_force=widening())
    busy(room, "de:80 orders")
    shift = Entitlement(intervals=(Interval(from_at=0, to_at=room.now + 10 * SECOND),))
    room.ask(Entitle(agent_id=room.agents[0], entitlement=shift))
    half = room.agent_joins("de:50 orders")
    caller = room.calls("c1")
    assert room.offered_to(caller) is None
    room.let_pass(11)
    assert room.offered_to(caller) == half


def test_who_was_dismissed_is_waited_for_by_nobody() -> None:
    room = Room(rules_in_force=widening())
    able = room.agent_joins("de:80 orders")
    room.ask(LogOut(agent_id=able))
    room.ask(Dismiss(agent_id=able))
    half = room.agent_joins("de:50 orders")
    assert room.offered_to(room.calls("c1")) == half


def test_a_line_that_never_relaxes_waits_for_those_it_asks_for_though_nobody_is_there() -> None:
    room = Room(rules_in_force=widening(never_relax=True))
    room.agent_joins("de:50 orders")
    caller = room.calls("c1")
    room.let_pass(600)
    assert room.of(RingAgent) == []
    able = room.agent_joins("de:60 orders")
    assert room.offered_to(caller) == able


def test_a_caller_who_comes_from_another_queue_waits_for_its_rings_anew() -> None:
    rings = (Ring(after_us=20 * SECOND, need=Need.parse("de")),)
    in_force = with_queue(rules(), ORDERS, max_wait_us=50 * SECOND)
    in_force = with_queue(in_force, GENERAL, need=Need.parse("general"), rings=rings, max_wait_us=600 * SECOND)
    room = Room(rules_in_force=in_force)
    room.agent_joins("orders")
    room.talks(room.calls("busy"))
    room.agent_joins("general bank")
    room.talks(room.calls("at-the-bank", BANK))
    anybody = room.agent_joins("de")
    caller = room.calls("c1")
    room.let_pass(51)
    assert (room.floor.contacts[caller].queue, room.offered_to(caller)) == (GENERAL, None)
    room.let_pass(20)
    assert room.offered_to(caller) == anybody


def test_a_missed_ring_does_not_begin_the_rings_anew() -> None:
    room = Room(rules_in_force=widening(ring_us=15 * SECOND))
    able = room.agent_joins("de:80 orders")
    half = room.agent_joins("de:50 orders")
    caller = room.calls("c1")
    assert room.offered_to(caller) == able
    room.let_pass(14)
    room.rings(room.offer(caller))
    room.let_pass(2)
    assert room.agent(able).reason == "rona"
    assert room.offered_to(caller) is None, "paused is logged in: they may be back"
    room.let_pass(15)
    assert room.offered_to(caller) == half


def test_a_reload_keeps_how_long_a_caller_has_waited_for_the_rings() -> None:
    room = Room(rules_in_force=widening())
    busy(room, "de:80 orders")
    half = room.agent_joins("de:50 orders")
    caller = room.calls("c1")
    room.let_pass(20)
    room.ask(Configure(rules=replace(widening(), config_hash="two")))
    room.let_pass(9)
    assert room.offered_to(caller) is None
    room.let_pass(2)
    assert room.offered_to(caller) == half


# ---- what has opened stays open ----


def opened_by_absence() -> tuple[Room, ContactId, OfferId]:
    """Nobody of the first row was there, so `c1` waits for those of a wider need; then one of the first comes back.

    They are on the telephone: only their being there could close anything.
    """
    room = Room(rules_in_force=widening())
    talking = busy(room, "de:50 orders")
    caller = room.calls("c1")
    able = room.agent_joins("de:80 orders", logged_in=False)
    room.private_call(able)
    room.ask(LogIn(agent_id=able))
    return room, caller, talking


def more_points(room: Room, caller: ContactId) -> None:
    room.ask(Prioritise(contact_id=caller, priority=5))


def the_same_rules_again(room: Room, caller: ContactId) -> None:
    room.ask(Configure(rules=widening()))


def its_node_away_for_a_moment(room: Room, caller: ContactId) -> None:
    contact = room.floor.contacts[caller]
    room.floor.park(contact, True, room.now)
    room.floor.park(contact, False, room.now)
    room.let_pass(0)


def a_colleague_posted_there(room: Room, caller: ContactId) -> None:
    room.agent_joins("nothing", posts={ORDERS: Post(delay_us=15 * SECOND)})


@pytest.mark.parametrize(
    "happens", [more_points, the_same_rules_again, its_node_away_for_a_moment, a_colleague_posted_there]
)
def test_a_step_once_taken_stays_taken_in_the_same_queue(happens: Callable[[Room, ContactId], None]) -> None:
    room, caller, talking = opened_by_absence()
    happens(room, caller)
    room.agent_hangs_up(talking)
    room.let_pass(20)
    assert room.offered_to(caller) == room.agents[0]


def test_a_missed_ring_closes_no_step() -> None:
    room, caller, talking = opened_by_absence()
    room.agent_hangs_up(talking)
    room.let_pass(20)
    offer = room.offer(caller)
    room.rings(offer)
    room.let_pass(15)
    room.ends(offer)
    other = room.agent_joins("de:50 orders")
    assert room.offered_to(caller) == other


def test_who_takes_over_knows_which_steps_were_taken() -> None:
    dead, caller, _ = opened_by_absence()
    heir = inherited(dead)
    in_sight(heir, heir.waiting(caller))
    assert heir.floor.contacts[caller].opened_us == 30 * SECOND


def test_in_another_queue_they_are_taken_anew() -> None:
    room, caller, _ = opened_by_absence()
    room.ask(Configure(rules=with_queue(widening(), ORDERS, max_wait_us=SECOND)))
    contact = room.floor.contacts[caller]
    assert contact.opened_us == 30 * SECOND
    enter_queue(room.floor, contact, GENERAL, room.now, room.now)
    room.let_pass(0)
    assert (contact.queue, contact.opened_us) == (GENERAL, 0)


# ---- who only backs others up ----


def test_who_backs_others_up_is_asked_once_the_caller_has_waited_so_long() -> None:
    room = Room()
    room.agent_joins("orders")
    room.talks(room.calls("busy"))
    backup = room.agent_joins("orders", posts={ORDERS: Post(delay_us=20 * SECOND)})
    caller = room.calls("c1")
    room.let_pass(19)
    assert room.offered_to(caller) is None
    room.let_pass(2)
    assert room.offered_to(caller) == backup


def test_who_backs_nobody_up_is_asked_at_once() -> None:
    room = Room()
    backup = room.agent_joins("orders", posts={ORDERS: Post(delay_us=20 * SECOND)})
    assert room.offered_to(room.calls("c1")) == backup


def test_a_colleague_posted_while_callers_wait_changes_nothing_for_those_who_wait() -> None:
    room = Room()
    room.agent_joins("orders")
    room.talks(room.calls("busy"))
    first, second = room.calls("c1"), room.calls("c2")
    room.let_pass(15)
    backup = room.agent_joins("orders", posts={ORDERS: Post(delay_us=20 * SECOND)})
    assert [room.offered_to(caller) for caller in (first, second)] == [None, None]
    room.let_pass(6)
    assert [room.offered_to(caller) for caller in (first, second)] == [backup, None]


@pytest.mark.parametrize(("priority", "taken"), [(0, "c1"), (1, "c2")])
def test_an_agent_takes_the_callers_of_their_higher_post_first(priority: int, taken: str) -> None:
    room = Room()
    callers = {"c1": room.calls("c1")}
    room.let_pass(30)
    callers["c2"] = room.calls("c2", BANK)
    room.let_pass(1)
    in_force = with_queue(rules(), ACCOUNTS, priority=0)
    room.ask(Configure(rules=in_force))
    room.agent_joins("orders bank", posts={ACCOUNTS: Post(priority=priority)})
    assert [name for name, caller in callers.items() if room.offered_to(caller)] == [taken]
