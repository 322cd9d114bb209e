"""Campaigns open and close: who comes, who waits, who talks; by their hours and by hand."""

from dataclasses import replace

import pytest

from router.domain.commands import Reopen, SetHours, Shut
from router.domain.effects import SendCaller
from router.domain.engine import Engine
from router.domain.errors import CommandRefused
from router.domain.events import ContactOverflowed, DoorMoved
from router.domain.hours import OpeningHours
from router.domain.ids import SECOND, CampaignName
from router.domain.picture import whole
from router.domain.record import Outcome
from router.domain.recovery import restore
from router.domain.rules import AtClosing, Rules, ToClosing, ToQueue
from tests.builders import ACCOUNTS, BANK, GENERAL, ORDERS, SHOP, START_AT, Room, rules


def closing(at_closing: AtClosing, *closed: ToQueue | ToClosing, emergency: bool = False) -> Rules:
    of = rules()
    shop = replace(
        of.campaigns[SHOP],
        at_closing=at_closing,
        closed=(*closed, ToClosing()),
        emergency=emergency,
        alarm_us=999 * SECOND,
    )
    return replace(of, campaigns={**of.campaigns, SHOP: shop})


def open_for(room: Room, seconds: int, *, again_after: int = 0) -> None:
    intervals = [(0, room.now + seconds * SECOND)]
    if again_after:
        intervals.append((room.now + again_after * SECOND, room.now + 10 * again_after * SECOND))
    room.ask(SetHours(campaign=SHOP, hours=OpeningHours(intervals=tuple(intervals))))


def test_who_comes_to_a_closed_campaign_hears_so_and_has_a_record() -> None:
    room = Room("orders", rules_in_force=closing(AtClosing.STAY))
    open_for(room, 10, again_after=100)
    room.let_pass(11)
    caller = room.calls("c1")
    assert room.last(SendCaller).context == "acd-closing"
    room.caller_hangs_up(caller)
    assert room.record(caller).outcome is Outcome.OVERFLOWED
    assert [event.why for event in room.of(ContactOverflowed)] == ["closed"]
    room.let_pass(100)
    assert room.offered_to(room.calls("c2"))
    assert [(event.is_open, event.by_hand) for event in room.of(DoorMoved)] == [(False, False), (True, False)]


def test_a_closed_campaign_may_send_who_comes_to_somebody_who_is_open() -> None:
    room = Room(rules_in_force=closing(AtClosing.STAY, ToQueue(queue=GENERAL), ToQueue(queue=ACCOUNTS)))
    open_for(room, 0 + 1)
    room.let_pass(2)
    assert room.floor.contacts[room.calls("c1")].queue == ACCOUNTS, "general is of the same campaign, and closed too"


@pytest.mark.parametrize(
    ("at_closing", "ends_in"), [(AtClosing.STAY, ORDERS), (AtClosing.OVERFLOW, None), (AtClosing.CLOSING, ACCOUNTS)]
)
def test_what_becomes_of_who_waits_at_closing_time(at_closing: AtClosing, ends_in: str | None) -> None:
    room = Room(rules_in_force=closing(at_closing, ToQueue(queue=ACCOUNTS)))
    open_for(room, 10)
    caller = room.calls("c1")
    room.let_pass(11)
    if ends_in is None:
        told = room.last(ContactOverflowed)
        assert (told.queue, told.target, told.why) == (ORDERS, "closing", "closing"), "the next target of their queue"
        assert told.passed == ((GENERAL, "closed"),), "it is of the same campaign"
    else:
        assert room.floor.contacts[caller].queue == ends_in


def test_who_is_rung_for_at_closing_time_is_not_torn_away_and_goes_when_the_ring_is_over() -> None:
    room = Room("orders", rules_in_force=closing(AtClosing.CLOSING))
    open_for(room, 10)
    room.let_pass(5)
    caller = room.calls("c1")
    room.rings(room.offer(caller))
    room.let_pass(6)
    assert room.state(caller) == "offered"
    room.let_pass(10)
    assert room.state(caller) == "leaving"


def test_who_talks_at_closing_time_talks_on() -> None:
    room = Room("orders", rules_in_force=closing(AtClosing.CLOSING))
    open_for(room, 10)
    caller = room.calls("c1")
    room.talks(caller)
    room.let_pass(11)
    assert room.state(caller) == "connected"


def test_an_emergency_caller_finds_every_door_open() -> None:
    room = Room("orders", rules_in_force=closing(AtClosing.CLOSING, emergency=True))
    open_for(room, 1)
    waits = [room.calls("c0"), room.calls("c1")]
    room.let_pass(2)
    assert room.offered_to(waits[0])
    assert room.state(waits[1]) == "queued"
    assert room.state(room.calls("c2")) == "queued"


# ---- by hand ----


def test_a_campaign_is_shut_at_once_and_opens_by_itself_when_that_time_is_over() -> None:
    room = Room("orders", rules_in_force=closing(AtClosing.CLOSING))
    room.ask(Shut(campaign=SHOP, until_at=room.now + 60 * SECOND))
    room.calls("c1")
    assert room.last(SendCaller).context == "acd-closing"
    room.let_pass(61)
    assert room.offered_to(room.calls("c2"))
    assert [(event.is_open, event.by_hand) for event in room.of(DoorMoved)] == [(False, True), (True, False)]


def test_a_campaign_is_opened_again_by_hand_before_its_time() -> None:
    room = Room("orders")
    room.ask(Shut(campaign=SHOP, until_at=room.now + 3600 * SECOND))
    room.ask(Reopen(campaign=SHOP))
    assert room.offered_to(room.calls("c1"))
    with pytest.raises(CommandRefused, match="not shut"):
        room.ask(Reopen(campaign=SHOP))


def test_reopened_by_hand_out_of_hours_it_stays_closed() -> None:
    room = Room("orders")
    room.ask(SetHours(campaign=SHOP, hours=OpeningHours()))
    room.ask(Shut(campaign=SHOP, until_at=room.now + 3600 * SECOND))
    room.ask(Reopen(campaign=SHOP))
    room.calls("c1")
    assert room.last(SendCaller).context == "acd-closing"


@pytest.mark.parametrize(("campaign", "seconds"), [(SHOP, -1), (SHOP, 500 * 86_400), (CampaignName("nobody's"), 60)])
def test_what_cannot_be_shut_like_this_is_refused(campaign: CampaignName, seconds: int) -> None:
    room = Room()
    with pytest.raises(CommandRefused):
        room.ask(Shut(campaign=campaign, until_at=room.now + seconds * SECOND))
    assert room.floor.doors == {}


def test_other_campaigns_stay_open() -> None:
    room = Room("bank")
    room.ask(Shut(campaign=SHOP, until_at=room.now + 60 * SECOND))
    assert room.offered_to(room.calls("c1", BANK))


def test_a_successor_knows_what_was_shut_by_hand() -> None:
    room = Room()
    room.ask(Shut(campaign=SHOP, until_at=START_AT + 3600 * SECOND))
    heir = Engine(rules())
    restore(heir.floor, whole(room.floor), room.now)
    assert not heir.floor.door(SHOP).is_open(room.now + SECOND)
    assert heir.next_timer() == START_AT + 3600 * SECOND
