"""A picture is either strange, or the floor it makes is a possible one and the first resync can end everybody on it.

Damage is drawn at random: from pictures without any sense to those of a living floor with one field changed, since most
that goes wrong goes wrong in one place.
"""

from dataclasses import fields, replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.benches.agent import Status
from router.domain.contacts.assignment import AssignmentState
from router.domain.contacts.contact import ContactState
from router.domain.contacts.offer import OfferState
from router.domain.engine import Engine
from router.domain.ids import SECOND, AgentId, ContactId, LegId, Micros, OfferId, QueueName
from router.domain.messages.commands import AgentProfile, Enrol, Pause
from router.domain.messages.events import ContactEnded
from router.domain.messages.observations import Resynced
from router.domain.pictures.picture import (
    AgentStands,
    AssignmentStands,
    ContactStands,
    OfferStands,
    PaceStands,
    Picture,
    key_of,
    whole,
)
from router.domain.pictures.recovery import restore, take_over
from router.domain.record import EndedBy, Leg, OfferResult, Outcome, Segment, SegmentKind
from router.domain.rulebook.conduct import WrapUp
from router.domain.rulebook.media import MEDIA
from router.domain.truth.invariants import broken
from tests.builders import NODE, START_AT, Room, rules

NOW = START_AT + 1000 * SECOND
AGENTS = [AgentId(f"agent-{number}") for number in (1001, 1002, 1003)]
NODES = (NODE, "node-b", "")

# Few names, so that two pictures often name the same leg.
_names = st.sampled_from(["node-a-c1", "node-a-c2", "node-a-c1.1", "node-a-c1.2", "node-a-c2.1", "", "x"])
_instants = st.one_of(
    st.integers(NOW - 600 * SECOND, NOW + 600 * SECOND),
    st.sampled_from([0, 1, -1, NOW, START_AT, 2**62, -(2**62), 2**80, NOW + 47 * 3600 * SECOND]),
)
_words = st.sampled_from([*ContactState, *OfferState, *AssignmentState, *Status, *Outcome, *EndedBy, "", "asleep"])
_counts = st.one_of(st.integers(-2, 3), st.sampled_from([2**63, -(2**63)]))
_agents = st.sampled_from([*AGENTS, AgentId("agent-9"), AgentId("")])
_queues = st.sampled_from(
    [QueueName(name) for name in ("shop/orders", "shop/general", "bank/accounts", "bank/gone", "left/all", "")]
)


def or_none(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


def tuples_of(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(strategy, max_size=3).map(tuple)


_offers = st.builds(
    OfferStands,
    offer_id=_names,
    agent_id=_agents,
    queue=_queues,
    made_at=_instants,
    deadline_at=_instants,
    state=st.one_of(st.sampled_from([*OfferState]), _words),
    rang=st.booleans(),
    leg_seen_at=or_none(_instants),
    linkedid=_names,
    result=or_none(st.one_of(st.sampled_from([*OfferResult]), _words)),
)
_segments = st.builds(
    Segment,
    kind=st.sampled_from([*SegmentKind]),
    from_at=_instants,
    to_at=_instants,
    agent_id=or_none(_agents),
    queue=or_none(_queues),
)
_lives = st.one_of(
    tuples_of(_segments),
    st.lists(st.integers(NOW - 600 * SECOND, NOW), min_size=1, max_size=4).map(
        lambda edges: tuple(
            Segment(kind=SegmentKind.WAITING, from_at=begin, to_at=end)
            for begin, end in zip(sorted(edges), [*sorted(edges)[1:], max(edges)], strict=True)
        )
    ),
)
_CONTACT: dict[str, st.SearchStrategy[Any]] = {
    "contact_id": _names,
    "ordinal": _counts,
    "leg": _names,
    "linkedid": _names,
    "node": st.sampled_from(NODES),
    "campaign": st.sampled_from(["shop", "bank", "left", ""]),
    "queue": _queues,
    "dnis": _names,
    "ani": _names,
    "arrived_at": _instants,
    "seen_at": _instants,
    "medium": st.sampled_from(["voice", "", "chat"]),
    "state": st.one_of(st.sampled_from([*ContactState]), _words),
    "attempts": _counts,
    "offers": tuples_of(_offers),
    "segments": _lives,
    "legs": tuples_of(st.builds(Leg, uniqueid=_names, linkedid=_names, node=_names, agent_id=or_none(_agents))),
    "offer_id": or_none(_names),
    "agent_id": or_none(_agents),
    "skips": tuples_of(st.tuples(_agents, _instants)),
    "answered_at": or_none(_instants),
    "leaving": or_none(_words),
    "ended_by": or_none(_words),
    "overdue": st.booleans(),
    "overdue_for": _words,
    "overflowed_from": tuples_of(_queues),
    "wait_at": or_none(_instants),
    "live": tuples_of(_names),
    "entered_at": _instants,
    "priority": st.one_of(st.integers(-5, 5), st.integers()),
    "urgent": st.booleans(),
    "sent_to": st.one_of(st.sampled_from(["", "voicemail", "dial:+493023125900"]), _words),
    "sent_why": _words,
    "early_at": or_none(_instants),
    "waited_before_us": _counts,
    "opened_us": _counts,
    "expected_us": or_none(_instants),
    "data": st.lists(st.tuples(st.text(), st.text())).map(tuple),
    "promise_id": or_none(_names),
    "here_at": _instants,
}
_ASSIGNMENT: dict[str, st.SearchStrategy[Any]] = {
    "contact_id": _names,
    "queue": _queues,
    "medium": st.sampled_from(["voice", ""]),
    "leg": _names,
    "node": st.sampled_from(NODES),
    "talk_at": _instants,
    "seen_at": _instants,
    "wrapup_us": st.one_of(_counts, st.just(20 * SECOND)),
    "state": st.one_of(st.sampled_from([*AssignmentState]), _words),
    "held_at": _instants,
    "leg_ended_at": _instants,
    "disposition": or_none(_names),
    "wrapup_at": or_none(_instants),
    "wrapup": st.one_of(st.sampled_from([*WrapUp]), _words),
    "wrapup_max_us": st.one_of(_counts, st.just(600 * SECOND)),
    "longest_until": _instants,
}
_MEANS = st.tuples(st.one_of(st.floats(), st.floats(0, 1e9)), st.integers(-1, 70))
_PACE: dict[str, st.SearchStrategy[Any]] = {
    "name": st.one_of(_queues, st.sampled_from(["shop", "bank"])),
    "busy": _MEANS,
    "pick_up": _MEANS,
    "waited": _MEANS,
    "gave_up": _MEANS,
}
_AGENT: dict[str, st.SearchStrategy[Any]] = {
    "agent_id": _agents,
    "status": st.one_of(st.sampled_from([*Status]), _words),
    "since_at": _instants,
    "idle_since": _instants,
    "reason": or_none(_names),
    "next_status": or_none(st.one_of(st.sampled_from([*Status]), _words)),
    "next_reason": or_none(_names),
    "next_by": or_none(_names),
    "held_until": _instants,
    "chosen_at": or_none(_instants),
    "asked_at": _instants,
    "today": st.tuples(_instants, st.integers(-1, 2**62), st.integers(-1, 2**62)),
    "paused_today": tuples_of(st.tuples(_words, _counts)),
    "in_vain": st.tuples(_words, _counts),
    "other_work": tuples_of(
        st.tuples(st.one_of(st.sampled_from(MEDIA), _words), st.one_of(st.integers(-1, 9), _counts), _instants)
    ),
    "assignment": or_none(st.builds(AssignmentStands, **_ASSIGNMENT)),
}
_pictures = st.lists(
    st.one_of(st.builds(ContactStands, **_CONTACT), st.builds(AgentStands, **_AGENT), st.builds(PaceStands, **_PACE)),
    min_size=1,
    max_size=6,
)


@cache
def living() -> tuple[Picture, ...]:
    """A floor with a talk, a ring, a leg that was given up, a wrap-up and somebody who waits."""
    room = Room("orders", "orders", "orders bank", "orders")
    room.agent_hangs_up(room.talks(room.calls("done")))
    room.talks(room.calls("talks"))
    room.rings(room.offer(room.calls("again")))
    room.let_pass(14)
    room.rings(room.offer(room.calls("rings")))
    room.let_pass(1)
    room.calls("waits")
    room.ask(Pause(agent_id=AgentId("agent-1002"), reason="lunch"))
    return tuple(whole(room.floor))


def put_back(pictures: list[Picture]) -> tuple[Engine, list[str]]:
    engine = Engine(rules())
    for number in range(1001, 1005):
        agent_id = AgentId(f"agent-{number}")
        engine.handle(
            Enrol(profile=AgentProfile(agent_id=agent_id, endpoint=agent_id, skills={"orders": 100, "bank": 100})), NOW
        )
    engine.drain()
    return engine, restore(engine.floor, pictures, NOW)


def can_be_ended(pictures: list[Picture], *, deadlines_first: bool) -> None:
    """What every picture must leave behind, whatever is in it."""
    engine, strange = put_back(pictures)
    assert set(strange) <= {key_of(picture) for picture in pictures}
    floor = engine.floor
    assert broken(floor, NOW) == []
    take_over(floor, NOW)
    assert broken(floor, NOW) == []
    there = set(floor.contacts)
    at: Micros = NOW + 60 * SECOND
    if deadlines_first:
        engine.handle_timer(at)
    for node in NODES:
        engine.handle(Resynced(node=node, legs=(), epoch=2, asked_at=at - 1, at=at), at)
    assert (floor.contacts, floor.by_leg, floor.offers, floor.assignments) == ({}, {}, {}, {})
    engine.handle_timer(at)
    assert broken(floor, at) == []
    records = [event.record for event in engine.drain()[0] if isinstance(event, ContactEnded)]
    assert sorted(record.contact_id for record in records) == sorted(there)
    for record in records:
        assert record.segments
        for segment, following in zip(record.segments, record.segments[1:], strict=False):
            assert segment.from_at <= segment.to_at == following.from_at


@settings(max_examples=400)
@given(_pictures, st.booleans())
def test_pictures_without_sense_are_strange_or_make_a_floor_that_can_be_ended(
    pictures: list[Picture], deadlines_first: bool
) -> None:
    can_be_ended(pictures, deadlines_first=deadlines_first)


@settings(max_examples=600)
@given(st.data())
def test_a_living_floor_with_a_few_fields_changed_can_be_ended(data: st.DataObject) -> None:
    pictures = list(living())
    for _ in range(data.draw(st.integers(1, 3))):
        which = data.draw(st.integers(0, len(pictures) - 1))
        picture = pictures[which]
        drawn = _PACE if isinstance(picture, PaceStands) else _CONTACT
        drawn = _AGENT if isinstance(picture, AgentStands) else drawn
        within = getattr(picture, "assignment", None)
        if within is not None and data.draw(st.booleans()):
            name = data.draw(st.sampled_from(sorted(_ASSIGNMENT)))
            pictures[which] = replace(picture, assignment=replace(within, **{name: data.draw(_ASSIGNMENT[name])}))
        else:
            name = data.draw(st.sampled_from(sorted(drawn)))
            pictures[which] = replace(picture, **{name: data.draw(drawn[name])})  # type: ignore[arg-type]
    can_be_ended(pictures, deadlines_first=data.draw(st.booleans()))


def test_every_field_of_a_picture_is_drawn() -> None:
    drawings = (
        (ContactStands, _CONTACT),
        (AgentStands, _AGENT),
        (AssignmentStands, _ASSIGNMENT),
        (PaceStands, _PACE),
    )
    for kind, drawn in drawings:
        assert {field.name for field in fields(kind)} == set(drawn)


def test_what_the_living_floor_has_is_not_strange() -> None:
    engine, strange = put_back(list(living()))
    assert strange == []
    assert {str(offer.state) for offer in engine.floor.offers.values()} == {"ringing", "rescinding"}
    assert {agent.work for agent in engine.floor.agents.values()} >= {"talking", "wrapup", "ringing"}


def a_caller(**changes: Any) -> ContactStands:
    (stands,) = (one for one in living() if isinstance(one, ContactStands) and one.contact_id == "node-a-waits")
    return replace(stands, **changes)


FROM, TO = NOW - 9 * SECOND, NOW - 3 * SECOND


def waited(from_at: Micros, to_at: Micros) -> Segment:
    return Segment(kind=SegmentKind.WAITING, from_at=from_at, to_at=to_at)


@pytest.mark.parametrize(
    "changes",
    [
        {"segments": ()},
        {"segments": (waited(TO, FROM), waited(FROM, FROM))},
        {"segments": (waited(FROM, TO), waited(TO - 1, TO - 1))},
        {"segments": (waited(FROM, TO), waited(TO + 1, TO + 1))},
        {"segments": (waited(-1, -1),)},
        {"arrived_at": -1},
        {"arrived_at": NOW + 100 * 3600 * SECOND},
        {"wait_at": 2**62},
        {"skips": ((AGENTS[0], 2**62),)},
        {"attempts": -1},
        {"state": "asleep"},
        {"leaving": "asleep"},
        {"offer_id": OfferId("node-a-waits.1")},
    ],
)
def test_a_caller_who_cannot_be_ours_is_left_out_and_named_and_the_others_stay(changes: dict[str, Any]) -> None:
    other = a_caller(contact_id=ContactId("node-a-other"), leg=LegId("node-a-other"))
    engine, strange = put_back([a_caller(**changes), other])
    assert strange == ["contact node-a-waits"]
    assert list(engine.floor.contacts) == ["node-a-other"]


def test_of_two_callers_on_one_leg_the_second_is_strange() -> None:
    engine, strange = put_back([a_caller(), a_caller(contact_id=ContactId("node-a-other"), ordinal=10**6)])
    assert strange == ["contact node-a-other"]
    assert list(engine.floor.contacts) == ["node-a-waits"]


def test_an_offer_in_two_hands_is_strange() -> None:
    (rung,) = (one for one in living() if isinstance(one, ContactStands) and one.contact_id == "node-a-rings")
    doubled = replace(rung, offers=(*rung.offers, *rung.offers))
    assert put_back([doubled])[1] == ["contact node-a-rings"]
    thief = a_caller(offers=rung.offers, offer_id=rung.offer_id, state="offered", ordinal=10**6)
    assert put_back([rung, thief])[1] == ["contact node-a-waits"]


def test_what_an_agent_has_in_hand_is_left_out_alone_and_what_they_chose_stays() -> None:
    (talks,) = (one for one in living() if isinstance(one, AgentStands) and one.agent_id == "agent-1002")
    assert talks.assignment is not None
    odd = replace(talks, assignment=replace(talks.assignment, talk_at=-1))
    engine, strange = put_back([odd])
    assert strange == ["agent agent-1002"]
    agent = engine.floor.agents[AgentId("agent-1002")]
    assert (agent.assignment, agent.status, agent.reason, agent.next_status) == (None, Status.PAUSED, "lunch", None)


def test_a_clock_that_was_years_ahead_holds_no_agent_off_and_hides_no_choice() -> None:
    years = 400 * 86_400 * SECOND
    stands = AgentStands(
        agent_id=AGENTS[0],
        status="PAUSED",
        reason="lunch",
        since_at=NOW + years,
        idle_since=NOW + years,
        held_until=NOW + years,
    )
    engine, strange = put_back([stands])
    agent = engine.floor.agents[AGENTS[0]]
    assert (strange, agent.status, agent.since_at, agent.held_until) == ([], Status.PAUSED, NOW, 0)


@pytest.mark.parametrize("changes", [{"wrapup_us": -1}, {"wrapup_us": 2**62}, {"seen_at": -1}, {"wrapup_at": 2**62}])
def test_a_talk_that_cannot_be_ours_is_in_nobodys_hands(changes: dict[str, Any]) -> None:
    (talks,) = (one for one in living() if isinstance(one, AgentStands) and one.agent_id == "agent-1002")
    assert talks.assignment is not None
    engine, strange = put_back([replace(talks, assignment=replace(talks.assignment, **changes))])
    assert (strange, engine.floor.assignments) == (["agent agent-1002"], {})


def test_a_talk_is_in_the_hands_of_one_agent_and_its_leg_is_no_callers() -> None:
    (talks,) = (one for one in living() if isinstance(one, AgentStands) and one.agent_id == "agent-1002")
    assert talks.assignment is not None
    leg = talks.assignment.leg
    engine, strange = put_back([talks, replace(talks, agent_id=AGENTS[2]), a_caller(leg=leg)])
    assert strange == ["agent agent-1003", "contact node-a-waits"]
    assert engine.floor.assignments[leg].agent_id == "agent-1002"


def test_an_offer_that_was_made_by_a_clock_ahead_of_ours_is_not_waited_for() -> None:
    (rung,) = (one for one in living() if isinstance(one, ContactStands) and one.contact_id == "node-a-rings")
    (offer,) = rung.offers
    ahead = replace(offer, made_at=NOW + 3600 * SECOND, leg_seen_at=None)
    engine, _ = put_back([replace(rung, offers=(ahead,))])
    at = NOW + 60 * SECOND
    engine.handle(Resynced(node=NODE, legs=(), asked_at=at - 1, at=at), at)
    assert engine.floor.offers == {}
