"""Several agents rung at the same time: the first to take the caller wins, and nobody else has missed anything."""

from router.domain.benches.agent import Status
from router.domain.ids import SECOND
from router.domain.messages.effects import EndLeg
from router.domain.messages.observations import LegAnswered, OfferTurnedAway, TalkBegins
from router.domain.record import OfferResult, Outcome
from router.domain.rulebook.rules import Rules
from tests.builders import ORDERS, Room, rules, with_queue


def ringing_at_once(count: int) -> Rules:
    return with_queue(rules(), ORDERS, at_once=count)


def test_as_many_as_the_queue_says_are_rung_longest_idle_first() -> None:
    room = Room("orders", "orders", "orders", rules_in_force=ringing_at_once(2))
    room.calls("c1")
    assert room.rung() == room.agents[:2]


def test_those_who_are_there_are_rung_when_they_are_fewer() -> None:
    room = Room("orders", rules_in_force=ringing_at_once(5))
    room.calls("c1")
    assert room.rung() == room.agents


def test_the_first_who_takes_the_caller_wins_and_the_others_missed_nothing() -> None:
    room = Room("orders", "orders", rules_in_force=ringing_at_once(2))
    caller = room.calls("c1")
    first, second = list(room.floor.contacts[caller].live)
    for offer in (first, second):
        room.rings(offer)
    room.see(LegAnswered(leg=second, at=room.now), TalkBegins(offer_id=second, contact_id=caller, at=room.now))
    assert [end.leg for end in room.of(EndLeg)] == [first], "their phone stops at once"
    room.bridges(second)
    room.ends(first)
    assert room.results() == [OfferResult.ANSWERED, OfferResult.RESCINDED]
    assert room.agent(room.agents[0]).status is Status.READY
    assert room.agent(room.agents[1]).work == "talking"


def test_of_two_who_answer_in_the_same_instant_one_is_told_that_it_is_taken() -> None:
    room = Room("orders", "orders", rules_in_force=ringing_at_once(2))
    caller = room.calls("c1")
    first, second = list(room.floor.contacts[caller].live)
    for offer in (first, second):
        room.rings(offer)
        room.answers(offer)
    room.see(OfferTurnedAway(offer_id=second, why="taken", at=room.now))
    room.ends(second)
    assert list(room.floor.contacts[caller].live) == [first]
    assert not room.floor.contacts[caller].parked, "we know who has the caller"
    room.bridges(first)
    assert room.results() == [OfferResult.TAKEN, OfferResult.ANSWERED]
    assert room.agent(room.agents[1]).status is Status.READY


def test_the_caller_is_in_line_again_only_when_the_last_of_them_has_let_it_ring() -> None:
    room = Room("orders", "orders", rules_in_force=ringing_at_once(2))
    caller = room.calls("c1")
    first, second = list(room.floor.contacts[caller].live)
    room.rings(first)
    room.rings(second)
    room.ends(first, cause=17, tech_cause="486")
    assert room.state(caller) == "offered"
    third = room.agent_joins("orders")
    assert third not in room.rung(), "they are asked when the ring is over"
    room.let_pass(15)
    assert room.rung()[2:] == [room.agents[0], third], "the first was only busy"


def test_a_caller_who_leaves_stops_every_phone() -> None:
    room = Room("orders", "orders", rules_in_force=ringing_at_once(2))
    caller = room.calls("c1")
    offers = list(room.floor.contacts[caller].live)
    room.caller_hangs_up(caller)
    assert [end.leg for end in room.of(EndLeg)] == offers
    assert room.record(caller).outcome is Outcome.ABANDONED


def test_a_caller_who_was_left_by_all_keeps_their_age() -> None:
    room = Room("orders", "orders", rules_in_force=ringing_at_once(2))
    first = room.calls("c1")
    room.let_pass(5)
    second = room.calls("c2")
    room.let_pass(11)
    assert room.state(first) == "queued"
    late = room.agent_joins("orders")
    assert room.offered_to(first) == late
    assert room.state(second) == "queued"
    assert room.now - room.floor.contacts[first].arrived_at > 16 * SECOND
