"""What callers hear while they wait, and when."""

from dataclasses import replace

import pytest

from router.domain.contacts.contact import Contact
from router.domain.engine import Engine
from router.domain.floor import Floor
from router.domain.ids import SECOND, ContactId, Micros, QueueName
from router.domain.messages.commands import Configure, LogIn
from router.domain.messages.effects import Announce, RingAgent, SendCaller
from router.domain.messages.events import Announced
from router.domain.messages.observations import CallerKeyed, CallerTransferred, NodeLost
from router.domain.pictures.picture import Picture, whole
from router.domain.pictures.recovery import restore, take_over
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import Ring
from router.domain.rulebook.treatment import (
    MINUTE,
    NONE,
    WAIT_LIMITS,
    WAIT_STEPS,
    Position,
    Treatment,
    comfort_due,
    is_time_to_inform,
    next_at,
    position_prompt,
    wait_prompt,
)
from router.domain.waiting import waiting_room
from tests.builders import BANK_DNIS, GENERAL, NODE, ORDERS, START_AT, Room, rules, with_queue

PLACE = Treatment(position=Position.YES, first_us=15 * SECOND, every_us=30 * SECOND)
COMFORT = Treatment(comfort=("acd/one", "acd/two", "acd/three"), comfort_us=20 * SECOND)


def a_room(treatment: Treatment, *skills: str, queue: QueueName = ORDERS) -> Room:
    return Room(*skills, rules_in_force=with_queue(rules(), queue, treatment=treatment))


def said(room: Room) -> list[tuple[str, ...]]:
    return [order.prompts for order in room.effects if isinstance(order, Announce)]


# ---- by the clock ----


def test_position_is_told_first_after_a_while_and_then_from_time_to_time() -> None:
    room = a_room(PLACE)
    room.calls("ann")
    room.let_pass(14.9)
    assert said(room) == []
    room.let_pass(0.2)
    assert said(room) == [("acd/position-1",)]
    room.let_pass(29.8)
    assert len(said(room)) == 1
    room.let_pass(0.2)
    assert len(said(room)) == 2


def test_position_counts_who_is_before_and_moves_up_as_they_leave() -> None:
    room = a_room(PLACE)
    first, *_ = [room.calls(name) for name in ("ann", "bob", "cid")]
    room.let_pass(15)
    assert said(room) == [("acd/position-1",), ("acd/position-2",), ("acd/position-3",)]
    room.caller_hangs_up(first)
    room.let_pass(30)
    assert said(room)[3:] == [("acd/position-1",), ("acd/position-2",)]


def test_who_has_priority_is_before_who_came_earlier() -> None:
    room = a_room(PLACE)
    room.calls("ann")
    late = room.calls("bob")
    room.floor.contacts[late].priority = 5
    room.floor.step_out(room.floor.contacts[late])
    room.floor.line_up(room.floor.contacts[late], room.now)
    room.let_pass(15)
    assert said(room) == [("acd/position-2",), ("acd/position-1",)]


def test_above_the_limit_a_caller_is_told_to_be_further_back() -> None:
    room = a_room(replace(PLACE, position=Position.LIMIT, position_limit=3))
    for number in range(5):
        room.calls(f"caller-{number}")
    room.let_pass(15)
    more = ("acd/position-more-3",)
    assert said(room) == [("acd/position-1",), ("acd/position-2",), ("acd/position-3",), more, more]


def test_no_place_beyond_the_last_sentence_is_told() -> None:
    assert position_prompt(PLACE, 50) == "acd/position-50"
    assert position_prompt(PLACE, 51) == position_prompt(PLACE, 4000) == "acd/position-more-50"


def test_comfort_messages_come_in_turn() -> None:
    room = Room(rules_in_force=with_queue(rules(), ORDERS, treatment=COMFORT, max_wait_us=300 * SECOND))
    room.calls("ann")
    room.let_pass(81)
    assert said(room) == [("acd/one",), ("acd/two",), ("acd/three",), ("acd/one",)]


def test_what_is_due_at_once_is_said_in_one_breath() -> None:
    both = replace(PLACE, keys="acd/leave-1", comfort=("acd/please-wait",), comfort_us=15 * SECOND)
    room = a_room(both)
    room.calls("ann")
    room.let_pass(15)
    assert said(room) == [("acd/position-1", "acd/leave-1", "acd/please-wait")]


def test_a_queue_without_a_treatment_has_no_timer_for_it() -> None:
    room = Room()
    ann = room.calls("ann")
    assert ("treat", ann) not in room.floor.timers
    room.let_pass(59)
    assert said(room) == []


def test_what_was_missed_is_not_made_up_for() -> None:
    assert next_at(COMFORT, 0, 55 * SECOND) == 60 * SECOND
    assert comfort_due(COMFORT, 0, 10 * SECOND, 55 * SECOND) == "acd/two"
    assert is_time_to_inform(PLACE, 0, 0, 100 * SECOND)
    assert next_at(PLACE, 0, 100 * SECOND) == 105 * SECOND


def test_instants_before_the_arrival_and_far_after_it_are_no_matter() -> None:
    assert next_at(PLACE, 10 * SECOND, -5 * SECOND) == 25 * SECOND
    assert next_at(NONE, 0, 0) is None
    far = next_at(PLACE, 0, 10**15)
    assert far is not None
    assert 10**15 < far <= 10**15 + PLACE.every_us


# ---- the expected wait ----


@pytest.mark.parametrize(
    ("seconds", "prompt"),
    [
        (0, "wait-short"),
        (59.9, "wait-short"),
        (60, "wait-1"),
        (61, "wait-2"),
        (540, "wait-9"),
        (601, "wait-15"),
        (1800, "wait-30"),
        (1801, "wait-more-30"),
        (10**6, "wait-more-30"),
    ],
)
def test_a_wait_is_rounded_up_and_never_promised_too_short(seconds: float, prompt: str) -> None:
    assert wait_prompt(Treatment(), int(seconds * SECOND)) == f"acd/{prompt}"


@pytest.mark.parametrize("limit", WAIT_LIMITS)
def test_each_limit_is_a_step_so_that_no_wait_falls_between(limit: int) -> None:
    assert limit in WAIT_STEPS
    assert wait_prompt(Treatment(wait_limit=limit), limit * MINUTE) == f"acd/wait-{limit}"
    assert wait_prompt(Treatment(wait_limit=limit), limit * MINUTE + 1) == f"acd/wait-more-{limit}"


def test_an_expected_wait_is_told_where_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def expected(floor: Floor, contact: Contact, now: Micros) -> Micros | None:
        return 250 * SECOND if contact.contact_id.endswith("ann") else None

    monkeypatch.setattr(waiting_room, "expected_wait", expected)
    room = a_room(replace(PLACE, wait=True))
    ann, bob = room.calls("ann"), room.calls("bob")
    room.let_pass(15)
    assert said(room) == [("acd/position-1", "acd/wait-5"), ("acd/position-2",)]
    assert [event for event in room.events if isinstance(event, Announced)] == [
        Announced(contact_id=ann, what=("acd/position-1", "acd/wait-5"), position=1, expected_us=250 * SECOND),
        Announced(contact_id=bob, what=("acd/position-2",), position=2),
    ]


def test_an_offer_tells_what_its_caller_had_been_told() -> None:
    room = a_room(PLACE)
    ann = room.calls("ann")
    room.let_pass(17)
    room.agent_joins("orders")
    how = room.made(room.offer(ann)).decision.how
    assert (how.told, how.told_us) == (("acd/position-1",), 3 * SECOND)


def test_an_agent_who_comes_free_beside_a_prompt_is_rung_and_nothing_goes_before_that() -> None:
    room = a_room(PLACE)
    room.calls("ann")
    room.let_pass(15.1)
    room.agent_joins("orders", logged_in=False)
    before = len(room.effects)
    room.ask(LogIn(agent_id=room.agents[0]))
    assert [type(effect) for effect in room.effects[before:]] == [RingAgent], "Bridge() itself takes her from a prompt"


# ---- who hears nothing ----


def test_whoever_is_offered_hears_nothing_new_and_goes_on_after_a_ring_nobody_answered() -> None:
    room = a_room(PLACE, "orders")
    ann = room.calls("ann")
    room.rings(room.offer(ann))
    room.let_pass(14.9)
    assert said(room) == []
    room.let_pass(0.2)  # the ring has ended
    room.let_pass(30)
    assert said(room) == [("acd/position-1",)]


def test_whoever_talks_leaves_or_is_gone_has_no_timer_any_more() -> None:
    room = a_room(PLACE, "orders")
    ann, bob, cid = (room.calls(name) for name in ("ann", "bob", "cid"))
    room.talks(ann)
    room.caller_hangs_up(bob)
    assert ("treat", ann) not in room.floor.timers
    assert ("treat", bob) not in room.floor.timers
    assert ("treat", cid) in room.floor.timers
    room.let_pass(60 + 60)  # orders, then general, then the closing message
    assert room.last(SendCaller).context == "acd-closing"
    assert ("treat", cid) not in room.floor.timers


def test_whose_node_is_out_of_sight_is_told_nothing_until_it_is_back() -> None:
    room = a_room(PLACE)
    room.calls("ann")
    room.see(NodeLost(node=NODE))
    room.let_pass(50)
    assert said(room) == []


# ---- the welcome, and the music ----


def test_the_dialplan_welcomes_who_comes_and_no_order_is_needed() -> None:
    room = a_room(replace(PLACE, welcome="acd/welcome"))
    ann = room.calls("ann")
    assert said(room) == []
    assert Announced(contact_id=ann, what=("acd/welcome",)) in room.events


def test_a_further_queue_welcomes_once_and_plays_its_own_music() -> None:
    further = Treatment(welcome="acd/general", music="jazz")
    room = a_room(further, queue=GENERAL)
    ann = room.calls("ann")
    room.let_pass(60)
    assert room.last(Announce).prompts == ("acd/general",)
    assert room.last(Announce).music == "jazz"
    room.let_pass(50)
    assert said(room) == [("acd/general",)]
    assert ann in room.floor.contacts


def test_the_first_instant_counts_from_the_move_to_the_further_queue() -> None:
    room = a_room(PLACE, queue=GENERAL)
    room.calls("ann")
    room.let_pass(60 + 14.9)
    assert said(room) == []
    room.let_pass(0.2)
    assert said(room) == [("acd/position-1",)]


def test_a_queue_with_other_music_is_heard_at_once() -> None:
    room = a_room(Treatment(music="jazz"), queue=GENERAL)
    ann = room.calls("ann")
    room.see(CallerKeyed(contact_id=ann, key="1", at=room.now))
    assert room.last(Announce).music == "jazz"
    assert said(room) == [()]
    assert not [event for event in room.events if isinstance(event, Announced)]


def test_the_same_music_needs_no_order() -> None:
    room = Room()
    room.calls("ann")
    room.let_pass(61)
    assert said(room) == []


def test_who_is_sent_on_at_the_door_hears_the_welcome_of_where_they_wait() -> None:
    full = with_queue(rules(), ORDERS, max_waiting=1, treatment=Treatment(welcome="acd/orders"))
    room = Room(rules_in_force=with_queue(full, GENERAL, treatment=Treatment(welcome="acd/general")))
    room.calls("ann")
    assert said(room) == []
    room.calls("bob")
    assert said(room) == [("acd/general",)]


def test_a_transferred_caller_hears_the_other_campaign() -> None:
    accounts = QueueName("bank/accounts")
    room = a_room(Treatment(welcome="acd/bank", music="harp"), "orders", queue=accounts)
    ann = room.calls("ann")
    room.talks(ann)
    room.see(CallerTransferred(contact_id=ann, exten=BANK_DNIS, at=room.now))
    assert (room.last(Announce).music, room.last(Announce).prompts) == ("harp", ("acd/bank",))
    orders = [type(effect).__name__ for effect in room.effects[-2:]]
    assert orders == ["Announce", "SendCaller"]


def test_who_comes_back_from_a_lost_talk_is_not_welcomed_again() -> None:
    room = a_room(replace(PLACE, welcome="acd/welcome"), "orders")
    ann = room.calls("ann")
    room.talks(ann)
    room.let_pass(25)
    room.resync(room.waiting(ann))  # the agent's leg is gone, the caller waits
    assert room.state(ann) == "queued"
    room.let_pass(19)
    assert said(room) == []
    room.let_pass(1)
    assert said(room) == [("acd/position-1",)]


def test_new_rules_count_from_the_old_arrival() -> None:
    room = Room()
    room.calls("ann")
    room.let_pass(20)
    room.ask(Configure(rules=with_queue(rules(), ORDERS, treatment=replace(PLACE, music="jazz"))))
    room.let_pass(24.9)
    assert said(room) == [()]
    assert room.last(Announce).music == "jazz"
    room.let_pass(0.2)
    assert said(room) == [(), ("acd/position-1",)]


def test_other_music_for_a_crowd_is_spread_over_some_seconds() -> None:
    room = Room()
    for number in range(200):
        room.calls(f"c{number}")
    room.ask(Configure(rules=with_queue(rules(), ORDERS, treatment=Treatment(music="jazz"))))
    room.let_pass(1)
    assert 0 < len(said(room)) < 100
    room.let_pass(9)
    assert len(said(room)) == 200


# ---- after a restart ----


def restarted(room: Room) -> Room:
    pictures: list[Picture] = whole(room.floor)
    after = Room(rules_in_force=room.floor.rules)
    after.engine = Engine(room.floor.rules)
    after.now = room.now + 5 * SECOND
    assert restore(after.floor, pictures, after.now) == []
    take_over(after.floor, after.now)
    return after


def test_the_next_router_goes_on_in_time_and_nobody_is_welcomed_twice() -> None:
    room = a_room(replace(COMFORT, welcome="acd/welcome"))
    ann = room.calls("ann")
    room.let_pass(25)
    assert said(room) == [("acd/one",)]
    after = restarted(room)
    after.resync(after.waiting(ann, arrived_at=START_AT))
    after.let_pass(9)
    assert said(after) == []
    after.let_pass(1)
    assert said(after) == [("acd/two",)]


def test_a_caller_nobody_knew_of_is_not_welcomed_either() -> None:
    room = a_room(replace(PLACE, welcome="acd/welcome"))
    room.resync(room.waiting(ContactId("node-a-ann"), arrived_at=START_AT))
    assert said(room) == []
    room.let_pass(15)
    assert said(room) == [("acd/position-1",)]
    assert not [event for event in room.events if isinstance(event, Announced) and "acd/welcome" in event.what]


# ---- counting ----


def test_a_place_is_counted_over_all_rows_and_not_beyond_the_most_that_is_told() -> None:
    wider = (Ring(after_us=5 * SECOND, need=Need.parse("orders or general")),)
    room = Room("bank", rules_in_force=with_queue(rules(), ORDERS, rings=wider))
    for number in range(20):
        room.calls(f"before-{number}")
    room.let_pass(6)
    for caller in list(room.floor.contacts)[10:]:
        room.caller_hangs_up(caller)
    room.let_pass(1)
    callers: list[ContactId] = [room.calls(f"c{number}") for number in range(80)]
    line = room.floor.queues[ORDERS]
    places = [line.ahead_of(room.floor.contacts[caller], 50) for caller in callers]
    assert places == [*range(10, 50), *[50] * 40]
    for caller in callers[0:60:2]:
        room.caller_hangs_up(caller)
    assert [line.ahead_of(room.floor.contacts[caller], 50) for caller in callers[1:60:2]] == list(range(10, 40))
