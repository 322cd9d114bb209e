"""Campaigns open and close: who comes, who waits, who talks; by their hours and by hand."""

from dataclasses import replace

import pytest

from router.domain.benches.door import Door
from router.domain.engine import Engine
from router.domain.errors import CommandRefused
from router.domain.ids import SECOND, CampaignName, ContactId
from router.domain.messages.commands import Prioritise, Reopen, SetHours, Shut
from router.domain.messages.effects import SendCaller
from router.domain.messages.events import ContactOverflowed, DoorMoved
from router.domain.messages.observations import NodeLost, Resynced
from router.domain.pictures.picture import whole
from router.domain.pictures.recovery import restore, take_over
from router.domain.record import Outcome
from router.domain.rulebook.hours import OpeningHours
from router.domain.rulebook.rules import AtClosing, Rules, ToClosing, ToQueue
from tests.builders import ACCOUNTS, BANK, GENERAL, NODE, ORDERS, SHOP, START_AT, Room, rules, with_queue


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
    room = Room(rules_in_force=closing(AtClosing.STAY, ToQueue(queue=ACCOUNTS)))
    open_for(room, 0 + 1)
    room.let_pass(2)
    assert room.floor.contacts[room.calls("c1")].queue == ACCOUNTS


@pytest.mark.parametrize("at_closing", AtClosing)
def test_a_queue_that_a_closed_campaign_sends_its_callers_to_is_its_night_line(at_closing: AtClosing) -> None:
    room = Room("general", rules_in_force=closing(at_closing, ToQueue(queue=GENERAL)))
    open_for(room, 10)
    early = room.calls("c1")
    room.let_pass(11)
    late = room.calls("c2")
    waits = ORDERS if at_closing is AtClosing.STAY else GENERAL
    assert [room.floor.contacts[caller].queue for caller in (early, late)] == [waits, GENERAL]
    assert room.offered_to(late if at_closing is AtClosing.STAY else early) == room.agents[0]
    room.resync(*(room.waiting(caller) for caller in (early, late)), reachable=True)
    assert room.floor.contacts[late].is_waiting


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


def test_at_closing_time_who_stood_first_in_line_goes_first() -> None:
    in_force = with_queue(closing(AtClosing.OVERFLOW), ACCOUNTS, max_waiting=1)
    in_force = with_queue(in_force, ORDERS, overflow=(ToQueue(queue=ACCOUNTS), ToClosing()), max_wait_us=3600 * SECOND)
    room = Room(rules_in_force=in_force)
    earlier = room.calls("c1")
    room.let_pass(1)
    first = room.calls("c2")
    room.ask(Prioritise(contact_id=first, priority=50))
    room.ask(Shut(campaign=SHOP, until_at=room.now + 3600 * SECOND))
    assert [(told.contact_id, told.target) for told in room.of(ContactOverflowed)] == [
        (first, ACCOUNTS),
        (earlier, "closing"),
    ]


@pytest.mark.parametrize(
    ("at_closing", "ends_in", "why"),
    [
        (AtClosing.STAY, ORDERS, None),
        (AtClosing.OVERFLOW, "closing", "closing"),
        (AtClosing.CLOSING, ACCOUNTS, "closed"),
    ],
)
def test_who_is_rung_for_at_closing_time_is_not_torn_away_and_then_goes_where_the_others_went(
    at_closing: AtClosing, ends_in: str, why: str | None
) -> None:
    room = Room("orders", rules_in_force=closing(at_closing, ToQueue(queue=ACCOUNTS)))
    open_for(room, 10)
    room.let_pass(5)
    caller, other = room.calls("c1"), room.calls("c2")
    room.rings(room.offer(caller))
    room.let_pass(6)
    assert room.state(caller) == "offered"
    room.let_pass(10)
    went = {
        contact: [(e.target, e.why) for e in room.of(ContactOverflowed) if e.contact_id == contact][:1]
        for contact in (caller, other)
    }
    assert went[caller] == went[other] == ([(ends_in, why)] if why else [])


def test_who_is_rung_for_while_a_campaign_is_shut_for_a_moment_stays_in_line() -> None:
    room = Room("orders", rules_in_force=closing(AtClosing.CLOSING))
    caller = room.calls("c1")
    room.rings(room.offer(caller))
    room.ask(Shut(campaign=SHOP, until_at=room.now + 60 * SECOND))
    room.let_pass(1)
    room.ask(Reopen(campaign=SHOP))
    room.let_pass(15)
    assert (room.state(caller), room.floor.contacts[caller].queue) == ("queued", ORDERS)
    room.let_pass(43)
    assert room.floor.contacts[caller].queue == ORDERS, "their longest wait is what it was"
    room.let_pass(1)
    assert room.floor.contacts[caller].queue == GENERAL


def test_who_was_out_of_sight_at_closing_time_goes_when_they_are_seen_again() -> None:
    room = Room(rules_in_force=closing(AtClosing.CLOSING))
    open_for(room, 10)
    caller = room.calls("c1")
    room.see(NodeLost(node=NODE))
    room.let_pass(11)
    assert room.state(caller) == "queued", "they may talk by now"
    room.resync(room.waiting(caller))
    assert [event.why for event in room.of(ContactOverflowed)] == ["closed"]


@pytest.mark.parametrize(("at_closing", "state"), [(AtClosing.CLOSING, "leaving"), (AtClosing.STAY, "queued")])
def test_a_caller_whom_asterisk_tells_of_behind_a_closed_door_is_treated_as_who_waited_there(
    at_closing: AtClosing, state: str
) -> None:
    room = Room(rules_in_force=closing(at_closing))
    open_for(room, 10)
    room.let_pass(11)
    caller = ContactId(f"{NODE}-c1")
    room.resync(room.waiting(caller))
    assert room.state(caller) == state


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


def heir_of(room: Room, hours: OpeningHours | None = None) -> Engine:
    """Who takes over: the roll is called first, then the floor is put back, then Asterisk tells."""
    heir = Engine(room.floor.rules)
    if hours is not None:
        heir.handle(SetHours(campaign=SHOP, hours=hours), room.now)
    restore(heir.floor, whole(room.floor), room.now)
    take_over(heir.floor, room.now)
    heir.drain()
    return heir


def test_a_successor_knows_what_was_shut_by_hand_and_tells_of_its_opening() -> None:
    room = Room()
    room.ask(Shut(campaign=SHOP, until_at=START_AT + 3600 * SECOND))
    heir = heir_of(room)
    assert not heir.floor.door(SHOP).is_open(room.now + SECOND)
    assert heir.next_timer() == START_AT + 3600 * SECOND
    assert heir.drain()[0] == []
    heir.handle_timer(START_AT + 3600 * SECOND)
    assert [event.is_open for event in heir.drain()[0] if isinstance(event, DoorMoved)] == [True]


@pytest.mark.parametrize(("at_closing", "state"), [(AtClosing.CLOSING, "leaving"), (AtClosing.STAY, "queued")])
def test_who_waited_when_a_router_died_before_closing_time_goes_when_the_next_one_sees_them(
    at_closing: AtClosing, state: str
) -> None:
    room = Room(rules_in_force=closing(at_closing))
    open_for(room, 10)
    caller = room.calls("c1")
    room.now += 15 * SECOND
    heir = heir_of(room, OpeningHours())
    assert heir.floor.contacts[caller].is_waiting, "they may talk by now"
    heir.handle(Resynced(node=NODE, legs=(room.waiting(caller),), asked_at=room.now, at=room.now), room.now)
    assert str(heir.floor.contacts[caller].state) == state


def test_who_was_rung_for_at_closing_time_when_their_router_died_goes_where_the_others_went() -> None:
    room = Room("orders", rules_in_force=closing(AtClosing.CLOSING, ToQueue(queue=ACCOUNTS)))
    open_for(room, 10)
    room.let_pass(5)
    caller = room.calls("c1")
    room.rings(room.offer(caller))
    room.let_pass(6)
    heir = heir_of(room, OpeningHours())
    heir.handle(Resynced(node=NODE, legs=(room.waiting(caller),), asked_at=room.now, at=room.now), room.now)
    assert heir.floor.contacts[caller].queue == ACCOUNTS


def test_a_door_opens_when_both_its_hours_and_who_shut_it_allow_it() -> None:
    hours = OpeningHours(intervals=((100, 200), (300, 400)))
    assert Door(campaign=SHOP, hours=hours).opens_at(150) == 150
    assert Door(campaign=SHOP, hours=hours).opens_at(200) == 300
    assert Door(campaign=SHOP, hours=hours, shut_until=350).opens_at(150) == 350
    assert Door(campaign=SHOP, hours=hours, shut_until=250).opens_at(150) == 300
    assert Door(campaign=SHOP, hours=hours, shut_until=400).opens_at(150) is None
