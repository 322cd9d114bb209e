"""The flight recorder's memory: bounded, the living kept, everything in the order it was marked."""

import pytest

from router.domain.ids import AgentId, CampaignName, ContactId, LegId, OfferId, QueueName
from router.domain.messages.effects import EndLeg, RingAgent, SendCaller
from router.domain.messages.events import ContactConnected, Event
from router.domain.messages.observations import (
    ContactArrived,
    EndpointSeen,
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegRinging,
    NodeLost,
    Observation,
)
from router.trace.recorder import Marks
from tests.trace.flights import Flight, a_ring, ended, offered, queued


@pytest.fixture
def flight() -> Flight:
    return Flight(contacts=3, marks=8)


def kinds(marks: Marks | None) -> list[str]:
    assert marks is not None
    return [str(mark[1]) for mark in marks.marks]


def test_an_observation_keeps_every_instant_of_its_way(flight: Flight) -> None:
    seen = flight.arrival("c1")
    flight.at = 10.0
    flight.recorder.seen(seen, read_at=9.5)
    flight.at = 11.0
    flight.recorder.taken(seen)
    flight.at = 12.0
    flight.recorder.decided([queued("c1")])

    marks = flight.find("c1").marks
    assert marks[0] == ["c1", "ContactArrived", "c1", seen.at, 9.5, 10.0, 11.0, 12.0]
    assert marks[1][:4] == ("event", "ContactQueued", "c1", 12.0)
    assert marks[1][4] is marks[0]


def test_an_offer_knows_the_news_of_another_contact_that_freed_the_agent(flight: Flight) -> None:
    flight.pass_through(flight.arrival("c1"), queued("c1"), offered("c1", 1))
    flight.pass_through(flight.arrival("c2"), queued("c2"))
    flight.pass_through(LegEnded(leg=LegId("c1.1"), cause=16, tech_cause=None, at=7), offered("c2", 1))

    event = flight.find("c2").marks[-1]
    assert event[1] == "OfferMade"
    assert list(event[4])[:3] == ["c1", "LegEnded", "c1.1"]  # type: ignore[arg-type]


def test_what_a_deadline_or_a_command_decided_has_no_cause(flight: Flight) -> None:
    flight.pass_through(flight.arrival("c1"), queued("c1"))
    flight.recorder.decided([offered("c1", 1)])
    assert flight.find("c1").marks[-1][4] is None


def test_news_of_nobody_remembered_is_still_a_cause(flight: Flight) -> None:
    flight.pass_through(flight.arrival("c1"), queued("c1"))
    flight.pass_through(EndpointSeen(endpoint="agent-1001", reachable=True, at=5), offered("c1", 1))
    assert list(flight.find("c1").marks[-1][4])[1] == "EndpointSeen"  # type: ignore[call-overload]


def test_a_legs_news_from_before_the_arrival_is_the_contacts(flight: Flight) -> None:
    appeared = LegAppeared(leg=LegId("c1"), endpoint="trunk", channel="x", linkedid="c1", node="n", at=1)
    flight.pass_through(appeared)
    flight.pass_through(LegRinging(leg=LegId("c1"), at=2))
    flight.pass_through(flight.arrival("c1"), queued("c1"))
    assert kinds(flight.find("c1")) == ["LegAppeared", "LegRinging", "ContactArrived", "ContactQueued"]


def test_legs_that_never_arrive_are_bounded_too(flight: Flight) -> None:
    for number in range(1000):
        leg = LegId(f"private-{number}")
        flight.pass_through(LegAppeared(leg=leg, endpoint="e", channel="x", linkedid=leg, node="n", at=1))
        for _ in range(20):
            flight.pass_through(LegRinging(leg=leg, at=2))
    assert len(flight.recorder) == 0
    assert len(flight.recorder._strays) <= 64
    assert max(len(kept) for kept in flight.recorder._strays.values()) <= 4


def test_effects_are_found_by_offer_leg_and_contact(flight: Flight) -> None:
    flight.pass_through(flight.arrival("c1"), queued("c1"), offered("c1", 1))
    ring = a_ring("c1", 1)
    flight.recorder.wrote(ring)
    flight.recorder.answered(ring, well=False)
    flight.recorder.wrote(EndLeg(leg=LegId("c1.1"), node="n"))
    flight.recorder.wrote(SendCaller(contact_id=ContactId("c1"), leg=LegId("c1"), node="n", context="acd-closing"))
    assert [mark[:3] for mark in flight.find("c1").marks[3:]] == [
        ("written", "RingAgent", "c1.1"),
        ("answered", "RingAgent", "c1.1"),
        ("written", "EndLeg", "c1.1"),
        ("written", "SendCaller", "c1"),
    ]
    assert flight.find("c1").marks[4][4] is False


def test_who_ended_is_forgotten_before_who_lives_and_the_longest_ended_first(flight: Flight) -> None:
    for name in ("old-and-alive", "ended-second", "ended-first"):
        flight.pass_through(flight.arrival(name), queued(name))
    for name in ("ended-first", "ended-second"):
        flight.pass_through(LegEnded(leg=LegId(name), cause=16, tech_cause=None, at=9), ended(name))

    flight.pass_through(flight.arrival("new-1"), queued("new-1"))
    assert flight.names() == ["new-1", "ended-second", "old-and-alive"]
    flight.pass_through(flight.arrival("new-2"), queued("new-2"))
    assert flight.names() == ["new-2", "new-1", "old-and-alive"]


def test_when_all_live_a_newcomer_is_not_remembered_and_that_is_counted(flight: Flight) -> None:
    for name in ("a", "b", "c", "d"):
        flight.pass_through(flight.arrival(name), queued(name))
    assert flight.names() == ["c", "b", "a"]
    assert flight.recorder.left_out > 0
    assert flight.recorder.find("d") is None


def test_an_arrival_the_engine_would_not_have_does_not_live_for_ever(flight: Flight) -> None:
    for number in range(50):
        flight.pass_through(flight.arrival(f"c{number}"))
    assert flight.names() == ["c49", "c48", "c47"]


def test_a_contact_taken_over_is_remembered_from_where_it_was_found(flight: Flight) -> None:
    connected = ContactConnected(
        contact_id=ContactId("c1"),
        agent_id=AgentId("agent-1001"),
        queue=QueueName("shop/orders"),
        campaign=CampaignName("shop"),
        medium="voice",
        waited_us=0,
    )
    flight.recorder.decided([connected])
    assert flight.find("c1").lives


def test_the_first_half_of_too_many_milestones_and_the_latest_stay(flight: Flight) -> None:
    flight.pass_through(flight.arrival("c1"), queued("c1"))
    for at in range(100):
        flight.pass_through(LegAnswered(leg=LegId("c1"), at=at))
    found = flight.find("c1")
    assert len(found.marks) == 8
    assert kinds(found)[:2] == ["ContactArrived", "ContactQueued"]
    assert [mark[3] for mark in found.marks[4:]] == [96, 97, 98, 99]
    assert found.left_out == 94


def test_endless_offers_of_one_contact_are_bounded_and_the_latest_are_recognised(flight: Flight) -> None:
    flight.pass_through(flight.arrival("c1"), queued("c1"))
    for attempt in range(1, 500):
        flight.recorder.decided([offered("c1", attempt)])
    flight.recorder.wrote(a_ring("c1", 499))
    assert flight.find("c1").marks[-1][:3] == ("written", "RingAgent", "c1.499")
    assert len(flight.recorder._by_key) < 50


def test_nothing_of_a_forgotten_contact_is_kept() -> None:
    flight = Flight(contacts=1, marks=8)
    for number in range(20):
        name = f"c{number}"
        flight.pass_through(flight.arrival(name), queued(name), offered(name, 1))
        flight.pass_through(LegEnded(leg=LegId(name), cause=16, tech_cause=None, at=9), ended(name))
    recorder = flight.recorder
    assert flight.names() == ["c19"]
    assert set(recorder._by_key) == {"c19", "c19.1"}
    assert not recorder._inbox
    assert recorder.forgotten == 19


def test_an_inbox_thrown_away_leaves_nothing_to_wait_for(flight: Flight) -> None:
    seen = flight.arrival("c1")
    flight.recorder.seen(seen, 1.0)
    flight.recorder.inbox_lost()
    flight.recorder.taken(seen)
    flight.recorder.decided([])
    assert flight.find("c1").marks[0][6:] == [0.0, 0.0]


@pytest.mark.parametrize(
    "seen", [NodeLost(node="n"), LegEnded(leg=LegId("nobody"), cause=None, tech_cause=None, at=1)], ids=["node", "leg"]
)
def test_what_belongs_to_no_contact_is_left_out(flight: Flight, seen: Observation) -> None:
    flight.pass_through(seen)
    assert flight.names() == []


def test_no_number_and_no_name_is_remembered(flight: Flight) -> None:
    events: list[Event] = [queued("c1"), offered("c1", 1)]
    arrival = ContactArrived(
        contact_id=ContactId("c1"),
        leg=LegId("c1"),
        linkedid="c1",
        channel="PJSIP/trunk-secret",
        node="n",
        campaign=CampaignName("shop"),
        dnis="+493023125100",
        ani="+4915155500001",
        arrived_at=1,
        at=1,
    )
    flight.pass_through(arrival, *events)
    flight.recorder.wrote(a_ring("c1", 1))
    kept = repr([list(mark) for mark in flight.find("c1").marks])
    for private in ("4915155500001", "493023125100", "Private Name", "secret"):
        assert private not in kept


def test_the_default_memory_holds_hundreds_of_contacts_and_no_more() -> None:
    flight = Flight()
    for number in range(600):
        flight.recorder.decided([queued(f"c{number}")])
    assert len(flight.recorder) == 512
    assert flight.recorder.left_out == 88


def test_ids_that_look_like_others_are_not_mixed_up(flight: Flight) -> None:
    flight.pass_through(flight.arrival("pbx-1.1"), queued("pbx-1.1"), offered("pbx-1.1", 1))
    flight.pass_through(flight.arrival("pbx-1.11"), queued("pbx-1.11"), offered("pbx-1.11", 1))
    flight.recorder.wrote(a_ring("pbx-1.11", 1))
    assert kinds(flight.find("pbx-1.1"))[-1] == "OfferMade"
    assert kinds(flight.find("pbx-1.11"))[-1] == "RingAgent"


def test_a_ring_for_an_offer_unknown_here_changes_nothing(flight: Flight) -> None:
    ring: RingAgent = a_ring("c9", 1)
    assert ring.offer_id == OfferId("c9.1")
    flight.recorder.wrote(ring)
    flight.recorder.answered(ring, well=True)
    assert flight.names() == []
