"""Records of what only Asterisk saw: they keep the rule of every record, and take nothing from the router's own."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.ids import SECOND, AgentId, CampaignName, QueueName
from router.domain.record import BillingRecord, EndedBy, Leg, Outcome, SegmentKind
from router.domain.rulebook.rules import CampaignRules
from router.domain.truth.completion import Dialled, correction_of, is_completed_by, record_of, was_refused
from router.domain.truth.reconciliation import CallSeen, Pair, differences
from tests.domain.test_reconciliation import NOON, a_call, a_record, segment

SHOP = CampaignRules(
    name=CampaignName("shop"), client="example-shop", dnis=("+493023125100",), entry=QueueName("shop/orders")
)
DIALLED = Dialled(campaign=SHOP, dnis="+493023125100", ani="+493023125900")
AGENTS = {"agent-1001": AgentId("anna")}


def made(call: CallSeen) -> BillingRecord:
    return record_of(call, DIALLED, AGENTS)


def pair(call: CallSeen, record: BillingRecord) -> Pair:
    return Pair(call=call, record=record, differences=differences(call, record))


def story(record: BillingRecord) -> list[tuple[str, float, float]]:
    """Segments in seconds since the arrival; they must be without gap and cover the leg."""
    for before, after in itertools.pairwise(record.segments):
        assert before.to_at == after.from_at
    assert (record.segments[0].from_at, record.segments[-1].to_at) == (record.arrived_at, record.ended_at)
    return [
        (s.kind.value, (s.from_at - record.arrived_at) / SECOND, (s.to_at - record.arrived_at) / SECOND)
        for s in record.segments
    ]


def test_who_hung_up_waiting_has_abandoned() -> None:
    record = made(a_call(talks=()))

    assert (record.outcome, record.ended_by, record.answered_at) == (Outcome.ABANDONED, EndedBy.CALLER, None)
    assert story(record) == [("waiting", 0, 60)]
    assert (record.campaign, record.queue, record.dnis) == ("shop", "shop/orders", "+493023125100")
    assert [leg.uniqueid for leg in record.legs] == [record.contact_id]
    assert {s.queue for s in record.segments} == {"shop/orders"}


def test_who_talked_was_answered_by_the_agent_of_that_phone() -> None:
    record = made(a_call(talks=((8, 40),)))

    assert record.outcome is Outcome.ANSWERED
    assert record.answered_at == record.arrived_at + 8 * SECOND
    assert story(record) == [("waiting", 0, 8), ("talk", 8, 40), ("waiting", 40, 60)]
    assert [s.agent_id for s in record.segments] == [None, "anna", None]
    assert [leg.agent_id for leg in record.legs] == [None, "anna"]


def test_a_phone_of_nobody_we_know_is_named_by_itself() -> None:
    assert [s.agent_id for s in record_of(a_call(), DIALLED, {}).segments] == [None, "agent-1001"]


@pytest.mark.parametrize(
    ("context", "outcome"),
    [
        ("acd-fallback", Outcome.SYSTEM),
        ("acd-fallback-site", Outcome.SYSTEM),
        ("acd-closing", Outcome.OVERFLOWED),
    ],
)
def test_a_fallback_is_the_systems_and_a_closing_message_an_overflow(context: str, outcome: Outcome) -> None:
    call = a_call(talks=())
    record = made(replace(call, announced=context, announced_at=(call.started_at or 0) + 10 * SECOND))

    assert record.outcome is outcome
    assert story(record) == [("waiting", 0, 10), ("announcement", 10, 60)]


def test_an_answered_caller_who_falls_back_later_stays_answered() -> None:
    call = a_call(talks=((8, 20),))
    record = made(replace(call, announced="acd-fallback", announced_at=(call.started_at or 0) + 35 * SECOND))

    assert record.outcome is Outcome.ANSWERED
    assert story(record) == [("waiting", 0, 8), ("talk", 8, 20), ("waiting", 20, 35), ("announcement", 35, 60)]


def test_a_call_that_went_down_with_asterisk_ends_at_its_last_sign_of_life_as_a_guess() -> None:
    record = made(replace(a_call(), ended_at=None, lost=True))

    assert record.end_estimated
    assert story(record)[-1] == ("talk", 8, 60)


def test_a_number_nobody_served_was_refused_and_a_caller_who_left_was_not() -> None:
    refused = a_call(talks=(), released=True, ended_by=EndedBy.SYSTEM)

    assert was_refused(refused)
    for caller in (
        replace(refused, released=False),
        replace(refused, answered=True),
        replace(refused, announced="acd-fallback"),
        a_call(released=True, ended_by=EndedBy.SYSTEM),
    ):
        assert not was_refused(caller)


def test_a_guessed_end_gives_way_to_the_one_asterisk_saw() -> None:
    call = a_call(talks=((8, 40),))
    seen_later = (call.ended_at or 0) + 300 * SECOND
    talk = call.talks[0].from_at
    old = a_record(
        call,
        ended_at=seen_later,
        end_estimated=True,
        ended_by=EndedBy.SYSTEM,
        segments=(
            segment(SegmentKind.WAITING, call.started_at or 0, talk),
            segment(SegmentKind.TALK, talk, talk + 5 * SECOND, AgentId("boris")),
            segment(SegmentKind.HOLD, talk + 5 * SECOND, talk + 9 * SECOND, AgentId("boris")),
            segment(SegmentKind.TALK, talk + 9 * SECOND, seen_later, AgentId("boris")),
        ),
    )

    new = correction_of(pair(call, old), AGENTS)

    assert (new.contact_id, new.corrects) == (f"{old.contact_id}~1", old.contact_id)
    assert (new.end_estimated, new.ended_by) == (False, EndedBy.CALLER)
    assert story(new) == [
        ("waiting", 0, 8),
        ("talk", 8, 13),
        ("hold", 13, 17),
        ("talk", 17, 40),
        ("waiting", 40, 60),
    ]
    assert differences(call, new) == ()


def test_a_caller_taken_for_gone_who_talked_while_nobody_looked_was_answered() -> None:
    call = a_call(talks=((8, 40),))
    old = a_record(replace(call, talks=()), end_estimated=True)
    assert old.outcome is Outcome.ABANDONED

    new = correction_of(pair(call, old), AGENTS)

    assert (new.outcome, new.answered_at) == (Outcome.ANSWERED, call.talks[0].from_at)
    assert [leg.agent_id for leg in new.legs] == [None, "anna"]


def test_what_the_router_decided_stays_decided() -> None:
    call = a_call(talks=())
    old = a_record(call, ended_at=(call.ended_at or 0) + 9 * SECOND, end_estimated=True, outcome=Outcome.OVERFLOWED)

    assert correction_of(pair(call, old), AGENTS).outcome is Outcome.OVERFLOWED


def test_only_a_guess_is_corrected_and_only_by_who_saw_it_all() -> None:
    call = a_call(talks=())
    guess = a_record(call, ended_at=(call.ended_at or 0) + SECOND, end_estimated=True)

    assert is_completed_by(pair(call, guess))
    assert not is_completed_by(pair(call, replace(guess, end_estimated=False)))
    assert not is_completed_by(pair(replace(call, started_at=None), guess))
    assert not is_completed_by(pair(replace(call, ended_at=None, lost=True), guess))


@given(st.data())
def test_every_record_covers_its_leg_without_gap_whatever_asterisk_says(data: st.DataObject) -> None:
    seconds = st.integers(min_value=-5, max_value=90)
    talks = data.draw(st.lists(st.tuples(seconds, seconds).map(lambda ends: (min(ends), max(ends))), max_size=4))
    call = a_call(talks=tuple(sorted(talks)))
    announced = data.draw(st.none() | seconds)
    if announced is not None:
        call = replace(call, announced="acd-closing", announced_at=NOON + announced * SECOND)
    call = replace(call, ended_at=data.draw(st.just(call.ended_at) | st.just(NOON)))
    old = a_record(call, end_estimated=True)

    story(made(call))
    story(correction_of(pair(call, old), AGENTS))


def test_a_correction_keeps_the_agent_that_the_router_knew() -> None:
    """Somebody else has that phone by now: whoever talked is in the record, and stays there."""
    call = a_call(talks=((8, 40),))
    talked = Leg(uniqueid=call.talks[0].leg, linkedid=call.linkedid, node=call.node, agent_id=AgentId("boris"))
    old = a_record(call, end_estimated=True)

    new = correction_of(pair(call, replace(old, legs=(*old.legs, talked))), AGENTS)

    assert [s.agent_id for s in new.segments if s.kind is SegmentKind.TALK] == ["boris"]
    assert [leg.agent_id for leg in new.legs] == [None, "boris"]
