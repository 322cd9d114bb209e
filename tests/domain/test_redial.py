"""Who gave up waiting and calls again has the time they had waited; who comes to a long wait may be turned away."""

from dataclasses import replace

import pytest

from router.domain.benches.redial import MOST, GaveUp
from router.domain.engine import Engine
from router.domain.ids import SECOND, CampaignName, ContactId
from router.domain.messages.events import ContactOverflowed, OfferMade
from router.domain.pictures.picture import whole
from router.domain.pictures.recovery import restore
from router.domain.record import Outcome
from router.domain.rulebook.rules import Rules, Staffed, ToClosing
from tests.builders import BANK, GENERAL, ORDERS, SHOP, START_AT, Room, rules, with_queue

ANNA, BERT = "+4930555001", "+4930555002"


def with_redial(redial_s: float = 60.0) -> Rules:
    return with_queue(rules(), ORDERS, redial_us=int(redial_s * SECOND), max_wait_us=7200 * SECOND)


def line(room: Room) -> list[ContactId]:
    return [contact.contact_id for contact in room.floor.queues[ORDERS].in_line()]


# ---- redial ----


def test_who_calls_again_in_time_stands_before_who_has_waited_less() -> None:
    room = Room(rules_in_force=with_redial())
    anna = room.calls("a1", ani=ANNA)
    room.let_pass(120)
    bert = room.calls("b1", ani=BERT)
    room.caller_hangs_up(anna)
    room.let_pass(50)
    again = room.calls("a2", ani=ANNA)
    assert line(room) == [again, bert]
    assert room.floor.contacts[again].arrived_at == room.now, "the record tells when this call came"


def test_the_time_between_hanging_up_and_calling_again_is_not_waiting() -> None:
    room = Room(rules_in_force=with_redial())
    anna = room.calls("a1", ani=ANNA)
    room.let_pass(10)
    room.caller_hangs_up(anna)
    bert = room.calls("b1", ani=BERT)
    room.let_pass(50)
    again = room.calls("a2", ani=ANNA)
    assert line(room) == [bert, again], "ten seconds of waiting are less than fifty"


def test_who_calls_again_and_finds_no_room_has_their_time_back_when_they_call_once_more() -> None:
    room = Room(rules_in_force=with_queue(with_redial(300), ORDERS, max_waiting=1, overflow=(ToClosing(),)))
    first = room.calls("a1", ani=ANNA)
    room.let_pass(50)
    room.caller_hangs_up(first)
    bert = room.calls("b1", ani=BERT)
    turned_away = room.calls("a2", ani=ANNA)
    assert (room.state(turned_away), room.floor.contacts[turned_away].waited_before_us) == ("leaving", 0)
    room.ends(turned_away)
    room.caller_hangs_up(bert)

    assert room.floor.contacts[room.calls("a3", ani=ANNA)].waited_before_us == 50 * SECOND


def test_who_is_let_in_at_the_next_queue_has_their_time_back_there_and_once() -> None:
    room = Room(rules_in_force=with_queue(with_redial(300), ORDERS, max_waiting=1))
    first = room.calls("a1", ani=ANNA)
    room.let_pass(50)
    room.caller_hangs_up(first)
    room.calls("b1", ani=BERT)
    again, once_more = room.calls("a2", ani=ANNA), room.calls("a3", ani=ANNA)
    waits = [room.floor.contacts[caller] for caller in (again, once_more)]
    assert [(each.queue, each.waited_before_us) for each in waits] == [(GENERAL, 50 * SECOND), (GENERAL, 0)]


@pytest.mark.parametrize(
    ("gap_s", "ani", "campaign"),
    [(60, ANNA, SHOP), (10, BERT, SHOP), (10, "", SHOP), (10, ANNA, BANK)],
    ids=["too late", "another number", "no number", "another campaign"],
)
def test_nobody_else_and_not_for_ever(gap_s: float, ani: str, campaign: CampaignName) -> None:
    room = Room(rules_in_force=with_redial())
    anna = room.calls("a1", ani=ANNA)
    room.let_pass(120)
    room.caller_hangs_up(anna)
    room.let_pass(gap_s)
    again = room.calls("a2", campaign, ani=ani)
    assert room.floor.contacts[again].waited_before_us == 0


def test_who_withholds_the_number_is_never_known_again() -> None:
    room = Room(rules_in_force=with_redial())
    anna = room.calls("a1", ani="")
    room.let_pass(120)
    room.caller_hangs_up(anna)
    assert room.floor.contacts[room.calls("a2", ani="")].waited_before_us == 0


def test_a_place_is_given_back_once() -> None:
    room = Room(rules_in_force=with_redial())
    anna = room.calls("a1", ani=ANNA)
    room.let_pass(120)
    room.caller_hangs_up(anna)
    first, second = room.calls("a2", ani=ANNA), room.calls("a3", ani=ANNA)
    assert [room.floor.contacts[each].waited_before_us for each in (first, second)] == [120 * SECOND, 0]


def test_who_gives_up_again_has_both_waits_to_their_credit() -> None:
    room = Room(rules_in_force=with_redial())
    for name in ("a1", "a2"):
        caller = room.calls(name, ani=ANNA)
        room.let_pass(30)
        room.caller_hangs_up(caller)
        room.let_pass(5)
    assert room.floor.contacts[room.calls("a3", ani=ANNA)].waited_before_us == 60 * SECOND


def test_who_was_spoken_to_or_sent_on_has_no_place_to_come_back_to() -> None:
    room = Room("orders", rules_in_force=with_queue(with_redial(), ORDERS, max_wait_us=60 * SECOND))
    spoken_to = room.calls("a1", ani=ANNA)
    room.talks(spoken_to)
    sent_on = room.calls("b1", ani=BERT)
    room.let_pass(30)
    room.caller_hangs_up(spoken_to)
    room.let_pass(91)
    assert room.floor.contacts[sent_on].state == "leaving"
    room.caller_hangs_up(sent_on)
    again = [room.calls("a2", ani=ANNA), room.calls("b2", ani=BERT)]
    assert [room.floor.contacts[each].waited_before_us for each in again] == [0, 0]


def test_unless_the_queue_says_so_nobody_has_their_place_back() -> None:
    room = Room()
    anna = room.calls("a1", ani=ANNA)
    room.let_pass(30)
    room.caller_hangs_up(anna)
    assert room.floor.contacts[room.calls("a2", ani=ANNA)].waited_before_us == 0
    assert len(room.floor.gave_up) == 0


def test_the_place_outlives_the_router_and_the_ledger_knows_of_it() -> None:
    room = Room(rules_in_force=with_redial())
    anna = room.calls("a1", ani=ANNA)
    room.let_pass(30)
    room.caller_hangs_up(anna)
    again = room.calls("a2", ani=ANNA)
    successor = Engine(with_redial())
    assert restore(successor.floor, whole(room.floor), room.now) == []
    assert successor.floor.contacts[again].aged_from == room.now - 30 * SECOND
    room.agent_joins("orders")
    how = room.last(OfferMade).decision.how
    assert (how.waited_before_us, how.in_queue_us) == (30 * SECOND, SECOND)


def test_only_so_many_are_remembered_and_the_latest() -> None:
    gave_up = GaveUp()
    for n in range(MOST + 10):
        gave_up.note(SHOP, f"+49{n}", SECOND, until_at=START_AT + 60 * SECOND, now=START_AT)
    assert len(gave_up) == MOST
    assert gave_up.credit(SHOP, "+495", START_AT) == 0
    assert gave_up.credit(SHOP, f"+49{MOST + 5}", START_AT) == SECOND


def test_those_whose_time_is_over_are_forgotten_by_the_next() -> None:
    gave_up = GaveUp()
    gave_up.note(SHOP, ANNA, SECOND, until_at=START_AT + 60 * SECOND, now=START_AT)
    gave_up.note(SHOP, BERT, SECOND, until_at=START_AT + 120 * SECOND, now=START_AT + 60 * SECOND)
    assert len(gave_up) == 1


# ---- dissuasion ----


def with_dissuasion(longest_s: float) -> Rules:
    long_wait = with_queue(rules(), ORDERS, dissuade_us=int(longest_s * SECOND), max_wait_us=7200 * SECOND)
    return with_queue(long_wait, GENERAL, max_wait_us=7200 * SECOND)


def queues_of(room: Room, *callers: ContactId) -> list[str]:
    return [str(room.floor.contacts[caller].queue) for caller in callers]


def test_who_comes_while_the_wait_is_too_long_goes_to_the_next_target() -> None:
    # nobody has been served yet: 10 s to answer, and 210 s that a contact is assumed to keep an agent
    room = Room("orders", rules_in_force=with_dissuasion(500))
    room.talks(room.calls("talks"))
    callers = [room.calls(f"c{n}") for n in range(3)]
    assert queues_of(room, *callers) == [ORDERS, ORDERS, GENERAL]
    assert [event.why for event in room.of(ContactOverflowed)] == ["long"]


def test_where_nobody_waits_nobody_is_dissuaded_however_long_it_takes() -> None:
    room = Room("orders", rules_in_force=with_dissuasion(1))
    room.talks(room.calls("talks"))
    assert queues_of(room, room.calls("c1")) == [ORDERS]


def test_where_an_agent_is_free_nobody_is_dissuaded() -> None:
    room = Room("orders", rules_in_force=with_dissuasion(1))
    rejected = room.calls("rejected")
    room.rings(room.offer(rejected))
    room.ends(room.offer(rejected), 21, "SIP 603 Decline")
    assert room.floor.queues[ORDERS].waiting == 1, "the agent is free, but not for this caller"
    assert queues_of(room, room.calls("c1")) == [ORDERS]


def test_where_nobody_knows_nobody_is_dissuaded() -> None:
    room = Room(rules_in_force=with_dissuasion(1))
    assert queues_of(room, room.calls("c1"), room.calls("c2")) == [ORDERS, ORDERS]


def test_an_emergency_is_never_dissuaded() -> None:
    in_force = with_dissuasion(1)
    campaigns = {**in_force.campaigns, SHOP: replace(in_force.campaigns[SHOP], emergency=True)}
    room = Room("orders", rules_in_force=replace(in_force, campaigns=campaigns))
    room.talks(room.calls("talks"))
    assert queues_of(room, *[room.calls(f"c{n}") for n in range(3)]) == [ORDERS] * 3


def test_whose_place_is_given_back_is_judged_by_that_place() -> None:
    in_force = with_queue(with_dissuasion(500), ORDERS, redial_us=60 * SECOND)
    room = Room("orders", rules_in_force=in_force)
    room.talks(room.calls("talks"))
    anna = room.calls("a1", ani=ANNA)
    room.let_pass(60)
    room.caller_hangs_up(anna)
    room.calls("c1")
    room.calls("c2")
    assert queues_of(room, room.calls("a2", ani=ANNA), room.calls("c3")) == [ORDERS, GENERAL]


def test_who_was_turned_away_everywhere_hears_the_closing_message() -> None:
    in_force = with_queue(with_dissuasion(500), GENERAL, join_if=(Staffed.READY,))
    room = Room("orders", rules_in_force=in_force)
    room.talks(room.calls("talks"))
    *_, last = [room.calls(f"c{n}") for n in range(3)]
    room.caller_hangs_up(last)
    assert room.record(last).outcome is Outcome.OVERFLOWED
    assert [(event.why, event.passed) for event in room.of(ContactOverflowed)] == [("long", ((GENERAL, "nobody"),))]
