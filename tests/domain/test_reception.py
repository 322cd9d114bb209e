"""The caller's side: abandoning, waiting too long, keys, transfers, fallback, the end."""

import pytest

from router.domain.errors import CommandRefused
from router.domain.ids import SECOND, CampaignName
from router.domain.messages.commands import Configure, HangUp
from router.domain.messages.effects import EndLeg, SendCaller
from router.domain.messages.events import (
    CallRefused,
    ContactEnded,
    ContactOverflowed,
    ContactQueued,
    ObservationIgnored,
)
from router.domain.messages.observations import (
    CallerFellBack,
    CallerKeyed,
    CallerReturned,
    CallerTransferred,
    CallTurnedAway,
    NodeLost,
)
from router.domain.record import OfferResult, Outcome
from router.domain.rulebook.rules import ToClosing, ToQueue
from tests.builders import ACCOUNTS, BANK_DNIS, GENERAL, NODE, ORDERS, Room, rules, with_queue


def test_a_caller_who_gives_up_waiting_is_an_abandon() -> None:
    room = Room()
    caller = room.calls("c1")
    room.let_pass(12)
    room.caller_hangs_up(caller)
    record = room.record(caller)
    assert (record.outcome, record.ended_by, record.answered_at) == (Outcome.ABANDONED, "caller", None)
    assert [(str(s.kind), s.to_at - s.from_at) for s in record.segments] == [("waiting", 12 * SECOND)]


def test_a_caller_who_gives_up_while_it_rings_frees_the_agent_without_blame() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.rings(offer)
    room.caller_hangs_up(caller)
    assert room.last(EndLeg).leg == offer
    room.ends(offer)
    assert room.results() == [OfferResult.CALLER_LEFT]
    assert room.offered_to(room.calls("c2")) == "agent-1001"


def test_a_caller_gone_as_the_agent_answers_is_no_talk() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.rings(offer)
    room.answers(offer)
    room.caller_hangs_up(caller)
    room.ends(offer)
    assert room.record(caller).outcome is Outcome.ABANDONED
    assert room.results() == [OfferResult.CALLER_LEFT]


def test_an_end_told_twice_ends_once() -> None:
    room = Room()
    caller = room.calls("c1")
    end = room.end(caller)
    room.see(end, end)
    assert len(room.of(ContactEnded)) == 1
    assert room.last(ObservationIgnored).why == "ended already"


def test_an_arrival_told_twice_or_after_the_end_is_one_contact() -> None:
    room = Room()
    arrival = room.arrival("c1")
    room.see(arrival, arrival, room.end(arrival.leg), arrival)
    assert len(room.of(ContactQueued)) == 1
    assert room.floor.contacts == {}


def test_a_campaign_nobody_knows_falls_back_at_once() -> None:
    room = Room("orders")
    room.see(room.arrival("c1", CampaignName("gone")))
    assert room.last(SendCaller).context == "acd-fallback"


def test_waiting_too_long_goes_on_to_the_next_queue_at_the_old_age_and_then_to_the_closing_message() -> None:
    room = Room()
    caller = room.calls("c1")
    arrived_at = room.floor.contacts[caller].arrived_at
    room.let_pass(60)
    assert (room.floor.contacts[caller].queue, room.floor.contacts[caller].arrived_at) == (GENERAL, arrived_at)
    room.let_pass(60)
    assert [event.target for event in room.of(ContactOverflowed)] == [GENERAL, "closing"]
    assert room.last(SendCaller).context == "acd-closing"
    room.let_pass(4)
    room.ends(caller)
    record = room.record(caller)
    assert (record.outcome, record.ended_by, record.queue) == (Outcome.OVERFLOWED, "system", GENERAL)
    assert [(str(s.kind), s.queue) for s in record.segments] == [
        ("waiting", ORDERS),
        ("waiting", GENERAL),
        ("announcement", GENERAL),
    ]


def test_a_queue_waited_in_already_is_not_entered_again_by_overflow() -> None:
    back_again = (ToQueue(queue=ORDERS), ToClosing())
    room = Room(rules_in_force=with_queue(rules(), GENERAL, overflow=back_again))
    room.calls("c1")
    room.let_pass(120)
    assert [event.target for event in room.of(ContactOverflowed)] == [GENERAL, "closing"]
    assert room.last(SendCaller).context == "acd-closing"


def test_overflow_finds_a_free_agent_of_the_next_queue_at_once() -> None:
    room = Room("general")
    caller = room.calls("c1")
    room.let_pass(60)
    assert room.offered_to(caller) == "agent-1001"


def test_who_is_being_rung_is_not_torn_away_by_the_longest_wait() -> None:
    room = Room()
    caller = room.calls("c1")
    room.let_pass(55)
    room.agent_joins("orders")
    offer = room.offer(caller)
    room.rings(offer)
    room.let_pass(10)
    assert room.state(caller) == "offered"
    room.answers(offer)
    room.let_pass(19)
    assert room.state(caller) == "offered"
    room.bridges(offer)
    room.let_pass(600)
    assert room.state(caller) == "connected"


def test_an_overdue_caller_overflows_when_the_offer_came_to_nothing() -> None:
    room = Room()
    caller = room.calls("c1")
    room.let_pass(55)
    room.agent_joins("orders")
    room.rings(room.offer(caller))
    room.let_pass(15)
    assert room.floor.contacts[caller].queue == GENERAL


@pytest.mark.parametrize(("longest_s", "goes_after_s"), [(600, 570), (90, 60), (40, 10), (20, 0)])
def test_a_reload_that_changes_the_longest_wait_does_so_for_who_waits_already(
    longest_s: int, goes_after_s: int
) -> None:
    room = Room()
    caller = room.calls("c1")
    room.let_pass(30)
    room.ask(Configure(rules=with_queue(rules(), ORDERS, max_wait_us=longest_s * SECOND)))
    if goes_after_s:
        room.let_pass(goes_after_s - 0.1)
        assert room.floor.contacts[caller].queue == ORDERS
        room.let_pass(0.1)
    room.let_pass(0)
    assert room.floor.contacts[caller].queue == GENERAL


def test_an_overdue_caller_is_not_rung_at_one_agent_after_the_other() -> None:
    room = Room()
    caller = room.calls("c1")
    room.let_pass(55)
    for _ in range(3):
        room.agent_joins("orders")
    room.rings(room.offer(caller))
    room.let_pass(15)
    assert (room.floor.contacts[caller].queue, room.floor.contacts[caller].attempts) == (GENERAL, 1)


def test_the_exit_key_ends_the_wait_but_not_a_ring_and_other_keys_do_nothing() -> None:
    room = Room()
    caller = room.calls("c1")
    room.see(CallerKeyed(contact_id=caller, key="5", at=room.now))
    assert room.floor.contacts[caller].queue == ORDERS
    room.see(CallerKeyed(contact_id=caller, key="1", at=room.now))
    assert room.floor.contacts[caller].queue == GENERAL
    room = Room("orders")
    caller = room.calls("c1")
    room.see(CallerKeyed(contact_id=caller, key="1", at=room.now))
    assert room.floor.contacts[caller].queue == ORDERS


def test_a_blind_transfer_to_a_number_of_ours_waits_there_at_the_old_age() -> None:
    room = Room("orders", "bank")
    caller = room.calls("c1")
    first = room.talks(caller)
    room.let_pass(30)
    room.see(CallerTransferred(contact_id=caller, exten=BANK_DNIS.lstrip("+"), at=room.now), room.end(first))
    assert room.offered_to(caller) == "agent-1002"
    assert room.last(SendCaller).context == "acd-wait"
    room.let_pass(2)
    room.talks(caller)
    room.let_pass(10)
    room.caller_hangs_up(caller)
    record = room.record(caller)
    assert [(str(s.kind), s.agent_id, s.queue) for s in record.segments] == [
        ("talk", "agent-1001", ORDERS),
        ("waiting", None, ACCOUNTS),
        ("talk", "agent-1002", ACCOUNTS),
    ]
    assert (record.campaign, record.queue, record.outcome) == ("shop", ACCOUNTS, Outcome.ANSWERED)
    assert record.answered_at == record.arrived_at


@pytest.mark.parametrize("dialled", [BANK_DNIS, BANK_DNIS.lstrip("+")])
def test_a_number_of_ours_is_recognised_with_and_without_its_plus_sign(dialled: str) -> None:
    room = Room("orders")
    caller = room.calls("c1")
    first = room.talks(caller)
    room.see(CallerTransferred(contact_id=caller, exten=dialled, at=room.now), room.end(first))
    assert (room.state(caller), room.floor.contacts[caller].queue) == ("queued", ACCOUNTS)


def test_a_blind_transfer_to_nowhere_is_closed_and_stays_answered() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    first = room.talks(caller)
    room.see(CallerTransferred(contact_id=caller, exten="4711", at=room.now), room.end(first))
    assert room.last(SendCaller).context == "acd-closing"
    room.ends(caller)
    assert room.record(caller).outcome is Outcome.ANSWERED


def test_an_agents_leg_that_stays_after_its_transfer_is_hung_up() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    first = room.talks(caller)
    room.see(CallerTransferred(contact_id=caller, exten=BANK_DNIS, at=room.now))
    room.let_pass(5)
    assert room.last(EndLeg).leg == first
    assert room.agent(room.agents[0]).work == "wrapup"


def test_a_caller_who_fell_back_is_no_longer_offered_and_ends_as_systems_doing() -> None:
    room = Room()
    caller = room.calls("c1")
    room.see(CallerFellBack(contact_id=caller, reason="router-silent", at=room.now))
    room.agent_joins("orders")
    assert room.rung() == []
    room.ends(caller)
    assert room.record(caller).outcome is Outcome.SYSTEM


def test_a_caller_back_from_a_talk_we_never_saw_waits_on() -> None:
    room = Room()
    caller = room.calls("c1")
    room.see(CallerReturned(contact_id=caller, at=room.now))
    assert room.last(SendCaller).context == "acd-wait"
    assert room.state(caller) == "queued"


def test_a_caller_back_from_a_talk_that_nobody_could_see_is_let_go_and_was_answered() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    room.see(NodeLost(node=NODE))
    room.see(CallerReturned(contact_id=caller, at=room.now))
    assert room.of(SendCaller) == []
    assert [end.leg for end in room.of(EndLeg)][-1] == caller
    room.ends(caller)
    assert room.record(caller).outcome is Outcome.ANSWERED


def test_letting_a_waiting_caller_go_takes_the_offer_back_and_is_the_systems_doing() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.ask(HangUp(contact_id=caller))
    assert [end.leg for end in room.of(EndLeg)] == [offer, caller]
    room.ends(caller)
    record = room.record(caller)
    assert (record.outcome, record.ended_by) == (Outcome.SYSTEM, "system")
    with pytest.raises(CommandRefused):
        room.ask(HangUp(contact_id=caller))


def test_a_caller_who_never_comes_back_from_a_talk_is_fetched_and_waits_at_the_old_age() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    arrived_at = room.floor.contacts[caller].arrived_at
    room.see(room.end(room.talks(caller)))
    room.let_pass(4)
    assert room.state(caller) == "connected"
    room.let_pass(1)
    assert (room.state(caller), room.floor.contacts[caller].arrived_at) == ("queued", arrived_at)
    assert room.last(SendCaller).context == "acd-wait"


def test_a_number_nobody_serves_is_told() -> None:
    room = Room()
    room.see(CallTurnedAway(dialled="+493023125999", reason="unknown-dnis", at=room.now))
    assert [(event.dialled, event.reason) for event in room.of(CallRefused)] == [("+493023125999", "unknown-dnis")]
