"""What the recorder kept, in order and in words: milestones, and where the time of an offer went."""

import itertools

from router.domain.ids import ContactId, LegId, OfferId
from router.domain.messages.observations import (
    CallerReturned,
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegRinging,
    OriginateFailed,
    TalkBegins,
)
from router.ports import ContactTrace
from router.trace.reading import GAPS, TOTALS, began_at, read, spent
from tests.trace.flights import Flight, a_ring, ended, offered, queued


def a_call(flight: Flight, contact: str = "c1") -> ContactTrace:
    """Arrival → offer → rings → answered → talk → end, each step of ours 1 ms."""
    flight.pass_through(flight.arrival(contact), queued(contact), offered(contact, 1))
    ring, leg = a_ring(contact, 1), LegId(f"{contact}.1")
    flight.recorder.wrote(ring)
    flight.at += 0.001
    flight.recorder.answered(ring, well=True)
    now = round(flight.at * 1_000_000)
    flight.pass_through(LegAppeared(leg=leg, endpoint="agent-1001", channel="x", linkedid="c1", node="n", at=now))
    flight.pass_through(LegRinging(leg=leg, at=now + 2_000))
    flight.pass_through(LegAnswered(leg=leg, at=now + 3_000_000))
    flight.pass_through(TalkBegins(offer_id=OfferId(leg), contact_id=ContactId(contact), at=now + 3_000_500))
    flight.pass_through(LegEnded(leg=leg, cause=16, tech_cause=None, at=now + 9_000_000))
    flight.pass_through(CallerReturned(contact_id=ContactId(contact), at=now + 9_000_100))
    flight.pass_through(LegEnded(leg=LegId(contact), cause=16, tech_cause=None, at=now + 9_000_200), ended(contact))
    return read(flight.find(contact), flight.recorder.wall)


def steps(trace: ContactTrace, what: str) -> list[str]:
    return [one.step for one in trace.milestones if one.what == what]


def test_an_observation_has_five_milestones_and_two_clocks() -> None:
    trace = a_call(Flight())
    arrived = [one for one in trace.milestones if one.what == "AcdArrived"]
    assert [one.step for one in arrived] == ["happened", "read", "parsed", "taken", "decided"]
    assert [one.clock for one in arrived] == ["asterisk", "router", "router", "router", "router"]
    assert [later.at - earlier.at for earlier, later in itertools.pairwise(arrived)] == [0, 1000, 1000, 1000]


def test_everything_is_told_by_asterisks_names_and_whose_it_was() -> None:
    trace = a_call(Flight())
    assert [(one.what, one.of) for one in trace.milestones if one.step == "happened"] == [
        ("AcdArrived", "caller"),
        ("Newchannel", "offer 1"),
        ("Newstate Ringing", "offer 1"),
        ("Newstate Up", "offer 1"),
        ("AcdTalk", "offer 1"),
        ("Hangup", "offer 1"),
        ("AcdAfter", "caller"),
        ("Hangup", "caller"),
    ]
    assert [(one.what, one.of) for one in trace.milestones if one.step == "event"] == [
        ("ContactQueued", ""),
        ("OfferMade", "offer 1"),
        ("ContactEnded", ""),
    ]
    assert steps(trace, "Originate") == ["written", "answered"]
    assert not trace.lives


def test_a_refused_action_says_so() -> None:
    flight = Flight()
    flight.pass_through(flight.arrival("c1"), queued("c1"), offered("c1", 1))
    flight.recorder.wrote(a_ring("c1", 1))
    flight.recorder.answered(a_ring("c1", 1), well=False)
    flight.pass_through(OriginateFailed(offer_id=OfferId("c1.1"), reason="0", at=2_000_000))
    trace = read(flight.find("c1"), flight.recorder.wall)
    assert steps(trace, "Originate") == ["written", "refused"]
    assert "OriginateResponse Failure" in {one.what for one in trace.milestones}


def test_the_parts_of_an_offers_way_add_up_to_the_whole() -> None:
    [path] = a_call(Flight()).offers
    assert (path.cause, path.cause_contact) == ("AcdArrived", None)
    gaps, totals = spent(path, GAPS), spent(path, TOTALS)
    assert list(gaps) == list(GAPS)
    assert gaps["parser"] == gaps["inbox"] == gaps["engine"] == 1000
    assert gaps["phone"] == 2000
    assert gaps["bridge"] == 500
    assert totals["to_originate"] == sum(
        gaps[name] for name in ("asterisk_to_router", "parser", "inbox", "engine", "effect")
    )
    assert totals["to_leg"] == totals["to_originate"] + gaps["asterisk"]
    assert totals["router"] == totals["to_originate"] - gaps["asterisk_to_router"]
    assert sum(gaps.values()) == path.instants["talk"] - path.instants["happened"]


def test_the_news_that_freed_the_agent_is_shown_in_the_waiting_callers_trace() -> None:
    flight = Flight()
    flight.pass_through(flight.arrival("c1"), queued("c1"), offered("c1", 1))
    flight.pass_through(flight.arrival("c2"), queued("c2"))
    hung_up_at = round(flight.at * 1_000_000)
    hung_up = LegEnded(leg=LegId("c1.1"), cause=16, tech_cause=None, at=hung_up_at)
    flight.pass_through(hung_up, offered("c2", 1))
    flight.recorder.wrote(a_ring("c2", 1))
    trace = read(flight.find("c2"), flight.recorder.wall)

    [path] = trace.offers
    assert (path.cause, path.cause_contact) == ("Hangup", "c1")
    assert path.instants["happened"] == hung_up_at
    assert [(one.step, one.of) for one in trace.milestones if one.what == "Hangup"] == [
        ("happened", "c1"),
        ("read", "c1"),
        ("parsed", "c1"),
        ("taken", "c1"),
        ("decided", "c1"),
    ]


def test_an_offer_that_a_deadline_brought_has_no_way_before_the_decision() -> None:
    flight = Flight()
    flight.pass_through(flight.arrival("c1"), queued("c1"))
    flight.recorder.decided([offered("c1", 1)])
    flight.recorder.wrote(a_ring("c1", 1))
    [path] = read(flight.find("c1"), flight.recorder.wall).offers
    assert path.cause is None
    assert list(spent(path, GAPS)) == ["effect"]


def test_asterisks_clock_ahead_of_ours_still_leaves_things_in_their_order() -> None:
    flight = Flight()
    arrival = flight.arrival("c1")
    late = type(arrival)(**{name: getattr(arrival, name) for name in arrival.__slots__} | {"at": arrival.at + 700_000})
    flight.pass_through(late, queued("c1"))
    trace = read(flight.find("c1"), flight.recorder.wall)
    assert [one.step for one in trace.milestones] == ["happened", "read", "parsed", "taken", "decided", "event"]
    first, second, *_ = trace.milestones
    assert second.at - first.at == -700_000


def test_what_is_on_its_way_is_shown_as_far_as_it_came() -> None:
    flight = Flight()
    flight.recorder.seen(flight.arrival("c1"), read_at=flight.at)
    trace = read(flight.find("c1"), flight.recorder.wall)
    assert [one.step for one in trace.milestones] == ["happened", "read", "parsed"]
    assert trace.offers == ()


def test_a_list_has_the_offers_and_not_every_milestone() -> None:
    flight = Flight()
    whole = a_call(flight)
    brief = read(flight.find("c1"), flight.recorder.wall, whole=False)
    assert brief.milestones == ()
    assert brief.offers == whole.offers
    assert began_at(flight.find("c1"), flight.recorder.wall) == whole.milestones[0].at
