"""How long a call is owed: the time in which they may be called runs, the rest stands still."""

from dataclasses import replace

import pytest

from router.domain.calls.expiry import LONGEST_US
from router.domain.contacts.callback import Promise, PromiseEnd
from router.domain.ids import SECOND, ContactId, Micros
from router.domain.messages.commands import Configure, Reopen, SetCallTimes, SetHours, Shut
from router.domain.messages.events import CallbackPromised
from router.domain.pictures.picture import PromiseStands, whole
from router.domain.pictures.recovery import restore
from router.domain.rulebook.entitlement import ALWAYS
from router.domain.rulebook.hours import OPEN_ALWAYS, OpeningHours
from router.domain.rulebook.rules import Rules
from router.domain.truth.invariants import broken
from tests.builders import ORDERS, SHOP, START_AT
from tests.domain.test_callback import CallbackRoom, called_back, ends, place

HOUR: Micros = 3600 * SECOND
FRIDAY_18, MONDAY_9 = START_AT + HOUR, START_AT + 64 * HOUR
WEEKEND = OpeningHours(intervals=((0, FRIDAY_18), (MONDAY_9, MONDAY_9 + 9 * HOUR), (MONDAY_9 + 24 * HOUR, ALWAYS)))
"It is Friday, 17:00."
THREE_HOURS: Rules = called_back(expires_us=3 * HOUR)


def owes(*, rules: Rules = THREE_HOURS, hours: OpeningHours = WEEKEND) -> tuple[CallbackRoom, ContactId]:
    room = CallbackRoom(rules_in_force=rules)
    assert room.now == START_AT
    room.ask(SetHours(campaign=SHOP, hours=hours))
    return room, room.is_promised("ada")


def promise(room: CallbackRoom) -> Promise:
    [only] = room.floor.promises.values()
    return only


def until(room: CallbackRoom, at: Micros) -> None:
    room.let_pass((at - room.now) / SECOND)


def test_who_asks_on_friday_evening_is_owed_the_call_on_monday() -> None:
    room, ada = owes()
    assert room.last(CallbackPromised).expires_at == MONDAY_9 + 2 * HOUR

    until(room, MONDAY_9 + SECOND)
    assert room.state(place(ada)) == "queued"
    until(room, MONDAY_9 + 2 * HOUR - SECOND)
    assert ends(room) == []
    until(room, MONDAY_9 + 2 * HOUR)
    assert ends(room) == [PromiseEnd.EXPIRED]


def test_what_would_be_up_at_the_end_of_a_day_is_up_then_and_not_the_next_morning() -> None:
    room, _ = owes(rules=called_back(expires_us=HOUR))
    until(room, FRIDAY_18)
    assert ends(room) == [PromiseEnd.EXPIRED]


def test_only_time_counts_in_which_both_the_queue_and_the_campaign_may_call() -> None:
    room = CallbackRoom(rules_in_force=THREE_HOURS)
    room.ask(SetHours(campaign=SHOP, hours=WEEKEND))
    afternoon = OpeningHours(intervals=((0, START_AT + HOUR // 2), (MONDAY_9 + 3 * HOUR, ALWAYS)))
    room.ask(SetCallTimes(queue=ORDERS, times=afternoon))
    room.is_promised("ada")
    assert promise(room).expires_at == MONDAY_9 + 3 * HOUR + 2 * HOUR + HOUR // 2


@pytest.mark.parametrize("told", ["hours", "times"])
def test_hours_that_are_told_anew_count_from_then_on_and_what_has_run_has_run(told: str) -> None:
    room, _ = owes(hours=OPEN_ALWAYS)
    until(room, START_AT + HOUR)
    later = OpeningHours(intervals=((START_AT + 10 * HOUR, ALWAYS),))
    room.ask(SetHours(campaign=SHOP, hours=later) if told == "hours" else SetCallTimes(queue=ORDERS, times=later))
    assert promise(room).expires_at == START_AT + 12 * HOUR
    until(room, START_AT + 12 * HOUR - SECOND)
    assert ends(room) == []
    until(room, START_AT + 12 * HOUR)
    assert ends(room) == [PromiseEnd.EXPIRED]


def test_hours_told_again_and_again_take_nothing_and_give_nothing() -> None:
    room, _ = owes()
    for hour in range(1, 60, 7):
        until(room, START_AT + hour * HOUR)
        room.ask(SetHours(campaign=SHOP, hours=replace(WEEKEND, intervals=((hour, FRIDAY_18), *WEEKEND.intervals[1:]))))
        assert promise(room).expires_at == MONDAY_9 + 2 * HOUR


def test_while_a_campaign_is_shut_by_hand_the_time_stands_still() -> None:
    room, _ = owes(hours=OPEN_ALWAYS)
    until(room, START_AT + HOUR)
    room.ask(Shut(campaign=SHOP, until_at=START_AT + 50 * HOUR))
    assert promise(room).expires_at == START_AT + 52 * HOUR
    until(room, START_AT + 11 * HOUR)
    room.ask(Reopen(campaign=SHOP))
    assert promise(room).expires_at == START_AT + 13 * HOUR


def test_an_emergency_is_called_at_any_hour_so_its_time_runs_at_any_hour() -> None:
    shop = replace(THREE_HOURS.campaigns[SHOP], emergency=True)
    room, _ = owes()
    until(room, START_AT + 10 * HOUR)
    room.ask(Configure(rules=replace(THREE_HOURS, campaigns={**THREE_HOURS.campaigns, SHOP: shop})))
    assert promise(room).expires_at == START_AT + 12 * HOUR
    until(room, START_AT + 12 * HOUR)
    assert ends(room) == [PromiseEnd.EXPIRED]


def test_a_campaign_that_does_not_open_again_forgets_it_after_a_month() -> None:
    room, _ = owes(hours=OpeningHours(intervals=((0, FRIDAY_18),)))
    assert promise(room).expires_at == START_AT + LONGEST_US
    until(room, START_AT + LONGEST_US)
    assert ends(room) == [PromiseEnd.EXPIRED]


def test_a_successor_counts_on_though_no_router_was_there_over_the_weekend() -> None:
    room, ada = owes()
    until(room, START_AT + HOUR // 2)
    pictures = whole(room.floor)
    room.let_pass(0)
    other = CallbackRoom(rules_in_force=THREE_HOURS)
    other.ask(SetHours(campaign=SHOP, hours=WEEKEND))
    assert restore(other.floor, pictures, MONDAY_9 + HOUR) == []
    assert other.floor.promises[ada].expires_at == MONDAY_9 + 2 * HOUR


def test_a_successor_of_a_router_that_knew_other_hours_counts_what_is_left_by_its_own() -> None:
    room, ada = owes(hours=OPEN_ALWAYS)
    until(room, START_AT + HOUR)
    room.ask(SetHours(campaign=SHOP, hours=OpeningHours()))
    other = CallbackRoom(rules_in_force=THREE_HOURS)
    other.ask(SetHours(campaign=SHOP, hours=OpeningHours(intervals=((START_AT + 20 * HOUR, ALWAYS),))))
    assert restore(other.floor, whole(room.floor), START_AT + 10 * HOUR) == []
    assert other.floor.promises[ada].expires_at == START_AT + 22 * HOUR


def test_what_an_older_release_wrote_is_counted_anew_from_when_they_asked() -> None:
    room, ada = owes()
    old = [
        replace(each, left_us=None, counted_at=0, expires_at=each.asked_at + 3 * HOUR)
        for each in whole(room.floor)
        if isinstance(each, PromiseStands)
    ]
    other = CallbackRoom(rules_in_force=THREE_HOURS)
    other.ask(SetHours(campaign=SHOP, hours=WEEKEND))
    assert restore(other.floor, old, MONDAY_9) == []
    assert other.floor.promises[ada].expires_at == MONDAY_9 + 2 * HOUR


# ---- those in line when hours are told ----


def test_hours_told_again_leave_who_may_still_be_called_in_line_with_who_refused_them() -> None:
    room, ada = owes(hours=OPEN_ALWAYS)
    agent = room.agent_joins("orders")
    offer_id = room.offer(place(ada))
    room.rings(offer_id)
    room.ends(offer_id, 21)
    stood = room.floor.contacts[place(ada)]

    room.ask(SetHours(campaign=SHOP, hours=OpeningHours(intervals=((1, ALWAYS),))))
    room.let_pass(0)

    assert room.floor.contacts[place(ada)] is stood
    assert list(stood.skips) == [agent]
    assert room.offered_to(place(ada)) is None


def test_a_place_that_comes_back_knows_the_phone_that_was_rung_for_it_and_is_not_let_be_yet() -> None:
    room, ada = owes(hours=OPEN_ALWAYS)
    room.agent_joins("orders")
    offer_id = room.offer(place(ada))
    room.rings(offer_id)
    while room.floor.contacts[place(ada)].live:
        room.let_pass(1)

    room.ask(SetHours(campaign=SHOP, hours=OpeningHours()))
    room.let_pass(0)
    assert place(ada) not in room.floor.contacts
    room.ask(SetHours(campaign=SHOP, hours=OPEN_ALWAYS))
    room.let_pass(0)

    assert list(room.floor.contacts[place(ada)].open_offers) == [offer_id]
    assert broken(room.floor, room.now) == []
