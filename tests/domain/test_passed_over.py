"""Targets that cannot take a caller who has to go on: the next of the same list is tried, never a list of their own."""

from dataclasses import replace

import pytest

from router.domain.ids import SECOND, CampaignName, ContactId, QueueName
from router.domain.messages.commands import Configure, LogOut, Pause, Shut
from router.domain.messages.effects import SendCaller
from router.domain.messages.events import ContactOverflowed
from router.domain.messages.facts import fact_of
from router.domain.messages.observations import CallerNotTaken
from router.domain.record import Outcome, OverflowFact
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import (
    Outside,
    OverflowTarget,
    QueueRules,
    Rules,
    Staffed,
    ToClosing,
    ToNumber,
    ToQueue,
    ToVoicemail,
)
from tests.builders import ACCOUNTS, BANK, GENERAL, ORDERS, Room, rules, with_queue

LATE = QueueName("shop/late")
NUMBER = ToNumber(number="+493023125900")
TWO_MORE = (ToQueue(queue=GENERAL), ToQueue(queue=ACCOUNTS), ToClosing())


def leading_to(*targets: OverflowTarget, **general: object) -> Rules:
    """Orders overflows to these; general has a list of its own, that leads to a line nobody else overflows to."""
    in_force = with_queue(rules(), ORDERS, overflow=targets)
    late = QueueRules(name=LATE, campaign=in_force.queues[ORDERS].campaign, need=Need.parse("late"))
    in_force = replace(in_force, queues={**in_force.queues, LATE: late})
    own = (ToQueue(queue=LATE), ToVoicemail())
    return with_queue(in_force, GENERAL, **{"overflow": own, "max_wait_us": 600 * SECOND, **general})


def fill(room: Room) -> None:
    """One waits in general, who took the only place by overflow."""
    room.calls("first")
    room.let_pass(60)


def queue_of(room: Room, contact: ContactId) -> QueueName:
    queue: QueueName = room.floor.contacts[contact].queue
    return queue


def test_a_full_target_is_passed_over_for_the_next_of_the_list_they_came_by() -> None:
    room = Room(rules_in_force=leading_to(*TWO_MORE, max_waiting=1))
    fill(room)
    caller = room.calls("c1")
    room.let_pass(60)
    assert queue_of(room, caller) == ACCOUNTS
    told = room.last(ContactOverflowed)
    assert (told.queue, told.target, told.why) == (ORDERS, ACCOUNTS, "wait")
    assert told.passed == ((GENERAL, "full"),)


def test_a_closed_one_is_passed_over_and_not_left_by_the_targets_of_its_campaign() -> None:
    in_force = leading_to(ToQueue(queue=ACCOUNTS), ToQueue(queue=GENERAL))
    bank = replace(in_force.campaigns[BANK], closed=(ToVoicemail(),))
    room = Room(rules_in_force=replace(in_force, campaigns={**in_force.campaigns, BANK: bank}))
    room.ask(Shut(campaign=BANK, until_at=room.now + 3600 * SECOND))
    caller = room.calls("c1")
    room.let_pass(60)
    assert queue_of(room, caller) == GENERAL
    assert room.last(ContactOverflowed).passed == ((ACCOUNTS, "closed"),)


def test_one_that_nobody_is_there_for_is_passed_over_until_somebody_is() -> None:
    room = Room(rules_in_force=leading_to(*TWO_MORE, join_if=(Staffed.LOGGED_IN,)))
    early = room.calls("c1")
    room.let_pass(59)
    late = room.calls("c2")
    room.let_pass(1)
    room.agent_joins("general")
    room.let_pass(60)
    assert (queue_of(room, early), queue_of(room, late)) == (ACCOUNTS, GENERAL)
    assert [event.passed for event in room.of(ContactOverflowed)] == [((GENERAL, "nobody"),), ()]


def test_who_is_taken_nowhere_hears_the_closing_message_and_it_is_told_why_of_each() -> None:
    in_force = leading_to(ToQueue(queue=GENERAL), NUMBER, ToQueue(queue=ACCOUNTS), max_waiting=1)
    room = Room(rules_in_force=with_queue(in_force, ACCOUNTS, join_if=(Staffed.SKILLED,)))
    fill(room)
    caller = room.calls("c1")
    room.let_pass(60)
    told = room.last(ContactOverflowed)
    assert (told.target, room.last(SendCaller).context) == ("closing", "acd-closing")
    assert told.passed == ((GENERAL, "full"), ("dial:+493023125900", "no-trunk"), (ACCOUNTS, "nobody"))
    fact = fact_of(told, room.now)
    assert isinstance(fact, OverflowFact)
    assert (fact.queue, fact.target, fact.passed) == (ORDERS, "closing", told.passed)
    room.caller_hangs_up(caller)
    assert room.record(caller).queue == ORDERS, "they never waited anywhere else"
    assert room.record(caller).outcome is Outcome.OVERFLOWED


def test_behind_the_closing_message_nothing_is_tried() -> None:
    room = Room(rules_in_force=leading_to(ToQueue(queue=GENERAL), ToClosing(), ToQueue(queue=ACCOUNTS), max_waiting=1))
    fill(room)
    caller = room.calls("c1")
    room.let_pass(60)
    assert room.floor.contacts[caller].leaving is Outcome.OVERFLOWED


def test_who_is_let_in_waits_there_and_goes_on_along_its_list_when_that_wait_is_over() -> None:
    room = Room(rules_in_force=leading_to(*TWO_MORE, max_wait_us=60 * SECOND))
    caller = room.calls("c1")
    room.let_pass(120)
    assert queue_of(room, caller) == LATE


def test_one_that_was_passed_over_is_open_to_them_later() -> None:
    in_force = leading_to(*TWO_MORE, max_waiting=1, max_wait_us=90 * SECOND)
    room = Room(rules_in_force=with_queue(in_force, ACCOUNTS, max_wait_us=60 * SECOND, overflow=TWO_MORE[:1]))
    fill(room)
    caller = room.calls("c1")
    room.let_pass(60)
    assert queue_of(room, caller) == ACCOUNTS
    room.let_pass(60)
    assert queue_of(room, caller) == GENERAL, "its place is free by now"


def test_one_they_have_been_in_or_that_left_the_rules_is_passed_over_too() -> None:
    room = Room(rules_in_force=with_queue(leading_to(*TWO_MORE), ACCOUNTS, max_wait_us=60 * SECOND))
    caller = room.calls("c1", BANK)
    left = with_queue(room.floor.rules, ACCOUNTS, overflow=(*TWO_MORE[:2], ToQueue(queue=ORDERS)))
    queues = {name: queue for name, queue in left.queues.items() if name != GENERAL}
    room.ask(Configure(rules=replace(left, queues=queues)))
    room.let_pass(60)
    assert queue_of(room, caller) == ORDERS
    assert room.last(ContactOverflowed).passed == ((GENERAL, "gone"), (ACCOUNTS, "been-there"))


def test_where_several_lose_the_last_agent_at_once_the_room_elsewhere_is_for_who_stood_first() -> None:
    asking = {"need": Need.parse("orders and $language"), "stay_if": (Staffed.LOGGED_IN,), "max_wait_us": 600 * SECOND}
    room = Room(rules_in_force=with_queue(leading_to(*TWO_MORE, max_waiting=2), ORDERS, **asking))
    both = room.agent_joins("orders de fr")
    room.ask(Pause(agent_id=both, reason="break"))
    callers = [room.calls(f"c{n}", data=(("language", one),)) for n, one in enumerate(("de", "fr", "de", "fr"))]
    room.ask(LogOut(agent_id=both))
    assert [queue_of(room, one) for one in callers] == [GENERAL, GENERAL, ACCOUNTS, ACCOUNTS]


def test_who_finds_the_first_line_full_goes_past_a_full_one_to_who_is_free() -> None:
    room = Room(rules_in_force=with_queue(leading_to(*TWO_MORE, max_waiting=1), ORDERS, max_waiting=1))
    fill(room)
    room.calls("second")
    free = room.agent_joins("bank")
    caller = room.calls("c1")
    assert room.offered_to(caller) == free
    assert (room.last(ContactOverflowed).why, room.last(ContactOverflowed).passed) == ("full", ((GENERAL, "full"),))


def test_who_is_not_taken_outside_goes_past_a_full_line_as_well() -> None:
    in_force = leading_to(NUMBER, *TWO_MORE, max_waiting=1)
    room = Room(rules_in_force=in_force)
    room.calls("first")
    room.let_pass(60)
    room.ask(Configure(rules=replace(in_force, outside=Outside(trunk="carrier", ring_us=25 * SECOND))))
    caller = room.calls("c1")
    room.let_pass(60)
    room.see(CallerNotTaken(contact_id=caller, target="dial:+493023125900", why="busy", at=room.now))
    assert queue_of(room, caller) == ACCOUNTS
    assert room.last(ContactOverflowed).passed == ((GENERAL, "full"),)


def test_an_emergency_caller_is_never_passed_on() -> None:
    in_force = leading_to(*TWO_MORE, max_waiting=1)
    shop = CampaignName("shop")
    urgent = replace(in_force.campaigns[shop], emergency=True)
    room = Room(rules_in_force=replace(in_force, campaigns={**in_force.campaigns, shop: urgent}))
    callers = [room.calls("c1"), room.calls("c2")]
    room.let_pass(60)
    assert [queue_of(room, one) for one in callers] == [GENERAL, GENERAL]


@pytest.mark.parametrize("named", [TWO_MORE, TWO_MORE[:2]])
def test_a_list_that_ends_without_the_closing_message_ends_with_it(named: tuple[OverflowTarget, ...]) -> None:
    in_force = with_queue(leading_to(*named, max_waiting=1), ACCOUNTS, join_if=(Staffed.ENTITLED,))
    room = Room(rules_in_force=in_force)
    fill(room)
    room.calls("c1")
    room.let_pass(60)
    assert room.last(SendCaller).context == "acd-closing"
