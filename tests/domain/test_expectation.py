"""How long a caller will wait: what is counted on, and what is not."""

from dataclasses import replace
from itertools import count
from math import log1p

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.benches.pace import ASSUMED_PICK_UP_US, FEWEST, PAPER, Mean, Pace
from router.domain.engine import Engine
from router.domain.ids import SECOND, ContactId, QueueName
from router.domain.messages.commands import Configure, LogOut, Pause, Post, Prioritise, Unpause
from router.domain.messages.events import ContactConnected
from router.domain.messages.observations import EndpointSeen
from router.domain.pictures.picture import PaceStands, whole
from router.domain.pictures.recovery import restore
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import Ring, Rules
from router.domain.rulebook.treatment import Treatment
from router.domain.waiting.expectation import MOST_CREWS, expected_of_newcomer, expected_wait
from tests.builders import ACCOUNTS, BANK, GENERAL, ORDERS, SHOP, Room, rules, with_queue

NAMES = count()


def a_pace(name: str, busy_s: float, *, pick_up_s: float = 0.0, waited_s: float = 0.0, gave_up: float = 0.0) -> Pace:
    return Pace(
        name=name,
        busy=Mean(value=busy_s * SECOND, seen=FEWEST),
        pick_up=Mean(value=pick_up_s * SECOND, seen=FEWEST),
        waited=Mean(value=waited_s * SECOND, seen=FEWEST),
        gave_up=Mean(value=gave_up, seen=FEWEST),
    )


def a_room(*skills: str, rules_in_force: Rules | None = None, **busy_s: float) -> Room:
    """A contact keeps an agent for 100 s unless said otherwise, and is answered at once."""
    room = Room(*skills, rules_in_force=rules_in_force or long_waits())
    for queue in (ORDERS, GENERAL, ACCOUNTS):
        short = queue.rpartition("/")[2]
        room.floor.paces.restore(a_pace(queue, busy_s.get(short, 100.0)))
    return room


def long_waits() -> Rules:
    in_force = rules()
    for name in in_force.queues:
        in_force = with_queue(in_force, name, max_wait_us=7200 * SECOND, priority=0)
    return in_force


def all_talk(room: Room, campaign: str = SHOP) -> None:
    while any(agent.standing.name == "FREE" for agent in room.floor.agents.values()):
        room.talks(room.calls(f"talk-{next(NAMES)}", campaign))  # type: ignore[arg-type]


def expected_s(room: Room, contact: ContactId) -> float | None:
    us = expected_wait(room.floor, room.floor.contacts[contact], room.now)
    return None if us is None else us / SECOND


def newcomer_s(room: Room, queue: QueueName = ORDERS) -> float | None:
    us = expected_of_newcomer(room.floor, room.floor.queues[queue], room.now)
    return None if us is None else us / SECOND


def test_who_will_be_gone_after_the_contact_in_hand_is_not_counted_on_until_they_think_better_of_it() -> None:
    room = a_room("orders", "orders")
    all_talk(room)
    both = newcomer_s(room)
    room.ask(Pause(agent_id=room.agents[0], reason="lunch"))
    one = newcomer_s(room)
    room.ask(LogOut(agent_id=room.agents[1]))
    assert newcomer_s(room) is None
    assert both is not None
    assert one is not None
    assert one > both
    room.ask(Unpause(agent_id=room.agents[0]))
    assert newcomer_s(room) == one


def test_callers_of_a_distinct_need_count_on_who_meets_it_and_on_nobody_else() -> None:
    needs = with_queue(long_waits(), ORDERS, need=Need.parse("orders and $language >= 60"))
    room = a_room("orders de:80", "orders fr:80", rules_in_force=needs)
    for language in ("de", "fr"):
        room.talks(room.calls(f"talk-{language}", data=(("language", language),)))
    *_, french = [room.calls(f"f{n}", data=(("language", "fr"),)) for n in range(3)]
    german = room.calls("g", data=(("language", "de"),))
    assert (expected_s(room, french), expected_s(room, german)) == (300, 100)


# ---- Erlang ----


@pytest.mark.parametrize(("agents", "before", "wait_s"), [(1, 0, 100), (1, 3, 400), (4, 0, 25), (4, 7, 200)])
def test_with_n_busy_agents_and_k_before_it_is_k_plus_one_handle_times_by_n(
    agents: int, before: int, wait_s: float
) -> None:
    room = a_room(*["orders"] * agents)
    all_talk(room)
    *_, last = [room.calls(f"c{n}") for n in range(before + 1)]
    assert expected_s(room, last) == wait_s


def test_each_in_line_is_told_by_their_own_place() -> None:
    room = a_room("orders", "orders")
    all_talk(room)
    callers = [room.calls(f"c{n}") for n in range(4)]
    assert [expected_s(room, caller) for caller in callers] == [50, 100, 150, 200]
    room.caller_hangs_up(callers[1])
    assert [expected_s(room, callers[at]) for at in (0, 2, 3)] == [50, 100, 150]


def test_who_is_moved_forward_waits_for_less_and_those_they_pass_for_more() -> None:
    room = a_room("orders")
    all_talk(room)
    first, second = room.calls("c1"), room.calls("c2")
    room.ask(Prioritise(contact_id=second, priority=5))
    assert (expected_s(room, first), expected_s(room, second)) == (200, 100)


def test_callers_before_who_give_up_shorten_it() -> None:
    room = a_room("orders")
    # of the callers, half gave up, after 100 s each: patience of 200 s on average
    room.floor.paces.restore(a_pace(ORDERS, 100, waited_s=100, gave_up=0.5))
    all_talk(room)
    *_, last = [room.calls(f"c{n}") for n in range(4)]
    assert expected_s(room, last) == pytest.approx(200 * log1p(400 / 200))


def test_the_time_to_answer_comes_on_top_and_is_all_where_an_agent_is_free_or_rings() -> None:
    room = a_room("orders")
    room.floor.paces.restore(a_pace(ORDERS, 100, pick_up_s=7))
    assert newcomer_s(room) == 7
    rung = room.calls("rung")
    assert expected_s(room, rung) == 7
    assert newcomer_s(room) == 107


# ---- who counts ----


def test_only_agents_who_take_contacts_now_or_next_are_counted_on() -> None:
    room = a_room("orders", "orders", "orders", "orders", "general")
    for _ in range(4):
        room.talks(room.calls(f"talk-{next(NAMES)}"))
    waiting = room.calls("waits")
    assert expected_s(room, waiting) == 25
    room.private_call(room.agents[3])
    assert expected_s(room, waiting) == 25, "on a contact of ours is what they are first of all"
    idle = a_room("orders", "orders", "orders", "orders", "orders")
    idle.ask(Pause(agent_id=idle.agents[0], reason="lunch"))
    idle.ask(LogOut(agent_id=idle.agents[1]))
    idle.see(EndpointSeen(endpoint=idle.agents[2], reachable=False, at=idle.now))
    idle.private_call(idle.agents[3])
    all_talk(idle)
    assert expected_s(idle, idle.calls("waits")) == 100


def test_where_nobody_is_nobody_knows() -> None:
    room = a_room("general")
    waiting = room.calls("waits")
    assert expected_s(room, waiting) is None
    assert newcomer_s(room) is None
    room.agent_joins("orders")
    assert newcomer_s(room) == 100


def test_who_talks_or_has_left_expects_nothing() -> None:
    room = a_room("orders")
    talking = room.calls("talks")
    room.talks(talking)
    contact = room.floor.contacts[talking]
    assert expected_wait(room.floor, contact, room.now) is None
    room.caller_hangs_up(talking)
    assert expected_wait(room.floor, contact, room.now) is None


# ---- shared agents ----


def test_callers_of_another_queue_of_the_same_agents_stand_before_by_age() -> None:
    room = a_room("orders bank", accounts=40)
    all_talk(room)
    room.calls("b1", BANK)
    room.let_pass(1)
    ours = room.calls("ours")
    room.let_pass(1)
    room.calls("b2", BANK)
    assert expected_s(room, ours) == 140


def test_of_another_queue_only_the_share_that_our_agents_serve_is_before_us() -> None:
    room = a_room("orders bank", "bank", "bank", "bank", accounts=100)
    all_talk(room, BANK)
    for n in range(8):
        room.calls(f"b{n}", BANK)
    room.let_pass(1)
    # a quarter of the eight of the bank, and we ourselves
    assert expected_s(room, room.calls("ours")) == 300


def test_agents_of_our_own_are_not_slowed_by_another_queue() -> None:
    room = a_room("orders", "orders bank", accounts=100)
    all_talk(room)
    for n in range(9):
        room.calls(f"b{n}", BANK)
    room.let_pass(1)
    ours = room.calls("ours")
    # alone, the one of our own takes 100 s; the shared one has nine before us: 1 / (1/100 + 1/1000)
    assert expected_s(room, ours) == pytest.approx(1 / (1 / 100 + 1 / 1000), abs=0.001)


def test_an_idle_queue_beside_ours_changes_nothing() -> None:
    room = a_room("orders bank general", "orders bank")
    all_talk(room)
    assert expected_s(room, room.calls("ours")) == 50


# ---- rows ----


def with_ring(after_s: int) -> Rules:
    return with_queue(long_waits(), ORDERS, rings=(Ring(after_us=after_s * SECOND, need=Need.parse("general")),))


def test_a_row_that_opens_later_helps_from_then_on() -> None:
    room = a_room("orders", *["general bank"] * 3, rules_in_force=with_ring(60))
    room.talks(room.calls("talk-a"))
    for n in range(3):
        room.talks(room.calls(f"b{n}", BANK))
    ours = room.calls("ours")
    # sixty seconds by one alone are 0.6 of the work; by four the rest takes ten more
    assert expected_s(room, ours) == pytest.approx(70)
    room.let_pass(30)
    assert expected_s(room, ours) == pytest.approx(30 + 70 / 4)


def test_who_sits_free_in_a_row_that_opens_later_takes_one_then() -> None:
    room = a_room("orders", "general", rules_in_force=with_ring(60))
    room.talks(room.calls("talk-a"))
    first, second = room.calls("c1"), room.calls("c2")
    assert expected_s(room, first) == 60
    # sixty seconds are 0.3 of the work of two, the free one takes 0.5 of it, then two work on
    assert expected_s(room, second) == pytest.approx(60 + 0.2 * 200 / 2)


def test_a_row_that_is_open_to_those_before_takes_them_out_of_the_way() -> None:
    room = a_room("orders", "general bank", rules_in_force=with_ring(60))
    room.talks(room.calls("talk-a"))
    room.talks(room.calls("b", BANK))
    for n in range(3):
        room.calls(f"c{n}")
    room.let_pass(70)
    assert expected_s(room, room.calls("ours")) == 200


def test_a_row_that_opens_after_our_turn_is_not_waited_for() -> None:
    room = a_room("orders", "general", rules_in_force=with_ring(600))
    room.talks(room.calls("talk-a"))
    assert expected_s(room, room.calls("ours")) == 100


def test_who_only_backs_others_up_helps_from_their_time_on() -> None:
    room = a_room("orders")
    room.agent_joins("orders", posts={ORDERS: Post(delay_us=50 * SECOND)})
    room.talks(room.calls("talk-a"))
    assert expected_s(room, room.calls("ours")) == 50


# ---- the pace ----


def serve(room: Room, talk_s: float, *, ring_s: float = 0.0) -> None:
    caller = room.calls(f"served-{next(NAMES)}")
    offer = room.offer(caller)
    room.let_pass(ring_s)
    room.talks(caller)
    room.let_pass(talk_s)
    room.agent_hangs_up(offer)
    room.ends(caller)
    room.let_pass(20.5)


def test_until_somebody_was_served_a_pace_is_assumed_and_says_so() -> None:
    room = Room("orders")
    assert room.floor.paces.of(room.floor.queues[ORDERS].rules).assumed
    assert newcomer_s(room) == ASSUMED_PICK_UP_US / SECOND


def test_the_pace_is_learned_from_ring_to_end_of_wrap_up_and_the_campaign_lends_it() -> None:
    room = Room("orders")
    for _ in range(FEWEST):
        serve(room, 30, ring_s=4)
    for queue in (ORDERS, GENERAL):
        figures = room.floor.paces.of(room.floor.queues[queue].rules)
        assert not figures.assumed
        assert figures.busy_us == pytest.approx(54 * SECOND)
        assert figures.pick_up_us == pytest.approx(4 * SECOND)
    assert room.floor.paces.of(room.floor.queues[ACCOUNTS].rules).assumed


def test_a_pace_survives_its_router() -> None:
    room = Room("orders")
    for _ in range(FEWEST):
        serve(room, 30)
    pictures = whole(room.floor)
    assert {picture.name for picture in pictures if isinstance(picture, PaceStands)} == {ORDERS, SHOP}
    successor = Engine(rules())
    assert restore(successor.floor, pictures, room.now) == []
    of_before, of_after = (floor.paces.of(floor.queues[ORDERS].rules) for floor in (room.floor, successor.floor))
    assert of_before == of_after


def test_a_pace_is_written_down_now_and_then_and_not_with_each_contact() -> None:
    room = Room("orders")
    room.engine._journalled = True
    for _ in range(PAPER):
        serve(room, 10)
    written = [picture.name for picture in room.engine.pictures() if isinstance(picture, PaceStands)]
    assert sorted(written) == [SHOP, ORDERS]
    serve(room, 10)
    assert not [picture for picture in room.engine.pictures() if isinstance(picture, PaceStands)]


# ---- the promise, and what came of it ----


def test_the_first_word_tells_how_far_the_wait_was_from_what_was_expected() -> None:
    told = with_queue(long_waits(), ORDERS, treatment=Treatment(wait=True))
    room = a_room("orders", rules_in_force=told)
    leg = room.talks(room.calls("first"))
    second = room.calls("second")
    assert room.floor.contacts[second].expected_us == 100 * SECOND
    room.let_pass(10)
    room.agent_hangs_up(leg)
    room.let_pass(20)
    room.talks(second)
    connected = room.last(ContactConnected)
    assert (connected.expected_us, connected.longer_us) == (100 * SECOND, -70 * SECOND)


def test_where_nothing_is_done_by_the_wait_it_is_put_down_of_some_callers_alone() -> None:
    room = a_room("orders")
    put_down = [room.floor.contacts[room.calls(f"c{n}")].expected_us is not None for n in range(65)]
    assert [n for n, known in enumerate(put_down) if known] == [0, 32, 64]


def test_who_comes_back_from_a_talk_was_promised_nothing() -> None:
    room = a_room("orders", "orders")
    caller = room.calls("c1")
    leg = room.talks(caller)
    room.ends(leg)
    room.let_pass(6)
    room.let_pass(30)
    room.talks(caller)
    first, again = room.of(ContactConnected)
    assert first.longer_us is not None
    assert again.longer_us is None


# ---- whatever comes ----


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["orders", "bank", "orders bank", "general", "orders general bank"]), max_size=5),
    st.data(),
)
def test_it_is_never_shorter_further_back_in_the_same_line(skills: list[str], data: st.DataObject) -> None:
    room = a_room(*skills)
    for n in range(data.draw(st.integers(0, 12))):
        room.calls(f"c{n}", data.draw(st.sampled_from([SHOP, BANK])))
        room.let_pass(data.draw(st.sampled_from([0, 1, 30])))
    for queue in room.floor.queues.values():
        waits = [expected_wait(room.floor, contact, room.now) for contact in queue.in_line()]
        known = [wait for wait in waits if wait is not None]
        assert len(known) in (0, len(waits))
        assert known == sorted(known)
        assert all(wait >= 0 for wait in known)
        newcomer = expected_of_newcomer(room.floor, queue, room.now)
        if known and newcomer is not None:
            assert newcomer >= known[-1]


def test_more_crews_than_are_looked_at_are_spoken_for() -> None:
    room = a_room(*[f"orders s{n}" for n in range(4)])
    assert len(room.floor.crews) == 1, "a skill that nobody asks for makes no crew"
    many = long_waits()
    queues = dict(many.queues)
    for n in range(MOST_CREWS + 8):
        name = QueueName(f"shop/extra{n}")
        queues[name] = replace(many.queues[GENERAL], name=name, need=Need.parse(f"s{n}"))
    room = a_room(*[f"orders s{n}" for n in range(MOST_CREWS + 8)], rules_in_force=replace(many, queues=queues))
    assert len(room.floor.crews) == MOST_CREWS + 8
    all_talk(room)
    assert expected_s(room, room.calls("ours")) == pytest.approx(100 / (MOST_CREWS + 8), abs=0.001)


# ---- what is noted once ----


def test_a_queue_alone_in_its_campaign_leaves_its_pace_to_those_who_come_later() -> None:
    room = Room("bank")
    for n in range(FEWEST):
        leg = room.talks(room.calls(f"c{n}", BANK))
        room.let_pass(40)
        room.agent_hangs_up(leg)
        room.let_pass(30)
    assert [pace.name for pace in room.floor.paces.all()] == [ACCOUNTS]
    known = room.floor.paces.of(room.floor.queues[ACCOUNTS].rules)
    before, name = rules(), QueueName(f"{BANK}/later")
    later = replace(before.queues[ACCOUNTS], name=name)
    room.ask(Configure(rules=replace(before, queues={**before.queues, name: later})))
    assert room.floor.paces.of(later) == known
