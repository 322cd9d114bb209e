"""A day's calls against its records: what agrees, what is missing, and what is none of this day's business."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, LegId, Micros, QueueName
from router.domain.record import BillingRecord, EndedBy, Leg, Outcome, Segment, SegmentKind
from router.domain.truth.agreement import WORST, Agreement
from router.domain.truth.reconciliation import (
    CallSeen,
    Comparison,
    TalkSeen,
    correction_id,
    covers,
    differences,
    talks_of,
)

NOON: Micros = 1_790_000_000 * SECOND
DAY = (NOON, NOON + 86_400 * SECOND)
ANNA, BORIS = AgentId("agent-1001"), AgentId("agent-1002")
MS = 1000


def a_call(number: int = 1, *, talks: tuple[tuple[float, float], ...] = ((8, 60),), **changes: object) -> CallSeen:
    """Begins at NOON + number minutes; `talks` in seconds since then; ends at second 60."""
    at = NOON + number * 60 * SECOND
    contact = ContactId(f"node1-{at // SECOND}.{number}")
    call = CallSeen(
        contact_id=contact,
        leg=LegId(contact),
        linkedid=contact,
        node="node1",
        dialled="493023125100",
        caller="+493023125900",
        started_at=at,
        ended_at=at + 60 * SECOND,
        last_at=at + 60 * SECOND,
        ended_by=EndedBy.CALLER,
        talks=tuple(
            TalkSeen(
                leg=LegId(f"{contact}.{attempt}"),
                linkedid=contact,
                endpoint="agent-1001",
                from_at=at + round(begin * SECOND),
                to_at=at + round(end * SECOND),
            )
            for attempt, (begin, end) in enumerate(talks, start=1)
        ),
    )
    return replace(call, **changes)  # type: ignore[arg-type]


def segment(kind: SegmentKind, from_at: Micros, to_at: Micros, agent: AgentId | None = None) -> Segment:
    return Segment(kind=kind, from_at=from_at, to_at=to_at, agent_id=agent, queue=QueueName("shop/orders"))


def a_record(call: CallSeen, **changes: object) -> BillingRecord:
    """As the router would have written it for this call, 2 ms late."""
    late = 2 * MS
    at = (call.started_at or 0) + late
    ends = (call.ended_at or call.last_at) + late
    segments: list[Segment] = []
    for talk in call.talks:
        segments.append(segment(SegmentKind.WAITING, at, talk.from_at + late))
        segments.append(segment(SegmentKind.TALK, talk.from_at + late, talk.to_at + late, ANNA))
        at = talk.to_at + late
    if not segments or at < ends:
        segments.append(segment(SegmentKind.WAITING, at, ends))
    record = BillingRecord(
        contact_id=call.contact_id,
        medium="voice",
        campaign=CampaignName("shop"),
        queue=QueueName("shop/orders"),
        ani="+493023125900",
        dnis="+493023125100",
        arrived_at=(call.started_at or 0) + late,
        answered_at=call.talks[0].from_at + late if call.talks else None,
        ended_at=ends,
        outcome=Outcome.ANSWERED if call.talks else Outcome.ABANDONED,
        ended_by=EndedBy.CALLER,
        config_hash="c0ffee",
        end_estimated=False,
        segments=tuple(segments),
        legs=(Leg(uniqueid=call.leg, linkedid=call.linkedid, node="node1"),),
    )
    return replace(record, **changes)  # type: ignore[arg-type]


def what(call: CallSeen, record: BillingRecord, tolerance: Micros = 20 * MS) -> list[str]:
    return [difference.what for difference in differences(call, record, tolerance)]


# ---- one pair ----


@pytest.mark.parametrize("talks", [(), ((8, 60),), ((8, 20), (30, 60)), ((0, 60),), ((8, 40),)])
def test_a_record_a_little_late_agrees(talks: tuple[tuple[float, float], ...]) -> None:
    call = a_call(talks=talks)

    assert what(call, a_record(call)) == []


def test_hold_is_part_of_the_stay_in_a_bridge() -> None:
    call = a_call()
    talk = call.talks[0]
    hold = (talk.from_at + 5 * SECOND, talk.from_at + 9 * SECOND)
    record = a_record(
        call,
        segments=(
            segment(SegmentKind.WAITING, NOON, talk.from_at),
            segment(SegmentKind.TALK, talk.from_at, hold[0], ANNA),
            segment(SegmentKind.HOLD, *hold, ANNA),
            segment(SegmentKind.TALK, hold[1], talk.to_at, ANNA),
        ),
    )

    assert talks_of(record) == [(talk.from_at, talk.to_at)]
    assert what(call, record) == []


def test_two_agents_in_a_row_are_two_talks() -> None:
    record = a_record(
        a_call(),
        segments=(
            segment(SegmentKind.TALK, 0, 5, ANNA),
            segment(SegmentKind.TALK, 5, 9, BORIS),
            segment(SegmentKind.WAITING, 9, 10),
            segment(SegmentKind.TALK, 10, 12, BORIS),
        ),
    )

    assert talks_of(record) == [(0, 5), (5, 9), (10, 12)]


def test_each_instant_that_is_off_is_named_with_both_clocks() -> None:
    call = a_call()
    record = a_record(call)

    assert what(call, replace(record, arrived_at=record.arrived_at - 30 * MS)) == ["start"]
    assert what(call, replace(record, ended_at=record.ended_at + 30 * MS)) == ["end"]
    assert what(call, replace(record, answered_at=None)) == ["answered"]
    [found] = differences(call, replace(record, ended_at=record.ended_at + 30 * MS), 20 * MS)
    assert (found.ledger, found.asterisk) == (record.ended_at + 30 * MS, call.ended_at)


def test_a_talk_only_one_of_them_knows_is_named() -> None:
    call = a_call(talks=((8, 20), (30, 60)))
    short = a_record(a_call(talks=((8, 20),)))

    found = differences(call, short)

    assert [difference.what for difference in found] == ["talk 2 begin", "talk 2 end"]
    assert [difference.ledger for difference in found] == [None, None]
    assert what(a_call(talks=()), a_record(a_call())) == ["answered", "talk 1 begin", "talk 1 end"]


def test_a_quarter_of_a_second_is_allowed_and_to_a_guess_whatever_is_asked_for() -> None:
    call = a_call(talks=())
    seen, late = a_record(call, ended_at=call.ended_at), call.ended_at or 0

    assert differences(call, replace(seen, ended_at=late + 250 * MS)) == ()
    assert differences(call, replace(seen, ended_at=late + 251 * MS)) != ()
    assert what(call, replace(seen, ended_at=late + 20 * MS)) == []
    assert what(call, replace(seen, ended_at=late + 21 * MS)) == ["end"]
    assert what(call, replace(seen, ended_at=late + 250 * MS, end_estimated=True)) == []
    assert what(call, replace(seen, ended_at=late + 251 * MS, end_estimated=True)) == ["end"]
    assert what(call, replace(seen, arrived_at=seen.arrived_at + 30 * MS, end_estimated=True)) == ["start"]


def test_how_closely_a_day_agrees_is_counted_over_all_instants_seen_and_the_worst_are_named() -> None:
    calls = [a_call(number) for number in range(1, 41)]  # each: start, begin and end of the talk, end
    records = [a_record(call) for call in calls]
    records[7] = replace(records[7], ended_at=records[7].ended_at + 98 * MS)
    records[9] = replace(records[9], ended_at=records[9].ended_at + SECOND, end_estimated=True)

    comparison = day_of(calls, records)
    agreement = comparison.agreement

    assert comparison.same == 39
    assert agreement.count == 160 - 2  # a guessed end, and the end of the talk it is guessed with
    assert (agreement.within_ms(50), agreement.within_ms(99), agreement.most) == (2, 2, 100 * MS)
    assert (agreement.worst()[0].contact_id, agreement.worst()[0].what) == (calls[7].contact_id, "end")
    assert len(agreement.worst()) == WORST


@given(st.lists(st.integers(min_value=0, max_value=300 * MS), max_size=300), st.integers(0, 300))
def test_one_in_a_hundred_may_be_farther_apart(aparts: list[int], allowed_ms: int) -> None:
    agreement = Agreement()
    for number, apart in enumerate(aparts):
        agreement.note(ContactId(f"node1-1.{number}"), "end", NOON + apart, NOON)

    ordered = sorted(aparts)
    farther = sum(apart > allowed_ms * MS for apart in aparts)
    assert (agreement.within_ms(99) > allowed_ms) == (farther > len(aparts) // 100)
    assert [found.apart for found in agreement.worst()] == ordered[::-1][:WORST]


def test_what_the_files_do_not_reach_is_not_held_against_the_record() -> None:
    call = a_call()

    assert what(replace(call, started_at=None, talks=()), a_record(call)) == []


def test_an_end_that_went_down_with_asterisk_is_not_held_against_the_record() -> None:
    call = a_call()
    lost = replace(call, ended_at=None, lost=True)
    later = a_record(call).ended_at + 4 * SECOND
    record = a_record(call, ended_at=later, end_estimated=True)

    assert what(lost, record) == []
    assert what(replace(lost, started_at=NOON), record) == ["start"]


def test_an_end_the_ledger_has_and_asterisk_has_not_is_a_difference() -> None:
    call = a_call()

    assert what(replace(call, ended_at=None), a_record(call)) == ["end"]


# ---- a day ----


def day_of(calls: list[CallSeen], records: list[BillingRecord]) -> Comparison:
    comparison = Comparison(*DAY)
    for call in calls:
        comparison.see(call)
    for record in records:
        comparison.read(record.contact_id, record)
    return comparison


def verdict(comparison: Comparison) -> tuple[int, list[str], list[str], list[str]]:
    return (
        comparison.same,
        [call.contact_id for call in comparison.take_calls()],
        [contact for contact, _ in comparison.take_records()],
        [pair.call.contact_id for pair in comparison.take_pairs()],
    )


def test_a_day_in_any_order_has_one_verdict() -> None:
    agree, miss, differ, surplus = (a_call(number) for number in range(1, 5))
    late = a_record(differ)
    late = replace(late, ended_at=late.ended_at + SECOND)
    news = [("call", agree), ("call", miss), ("call", differ)]
    news += [("record", a_record(agree)), ("record", late), ("record", a_record(surplus))]  # type: ignore[list-item]

    for order in itertools.permutations(news):
        comparison = Comparison(*DAY)
        for kind, what_came in order:
            if kind == "call":
                comparison.see(what_came)
            else:
                comparison.read(what_came.contact_id, what_came)  # type: ignore[arg-type]

        expected = (1, [miss.contact_id], [surplus.contact_id], [differ.contact_id])
        assert verdict(comparison) == expected


def test_corrections_are_numbered_and_name_their_contact() -> None:
    record = a_record(a_call())
    first = replace(record, contact_id=correction_id(record), corrects=record.contact_id)

    assert first.contact_id == f"{record.contact_id}~1"
    assert correction_id(first) == f"{record.contact_id}~2"
    assert correction_id(replace(first, contact_id=ContactId("odd~name"))) == "odd~name~1"


def test_a_pair_belongs_to_the_day_asterisk_saw_it_end_in() -> None:
    call = a_call(ended_at=DAY[0] - MS, last_at=DAY[0] - MS)
    record = a_record(call, ended_at=DAY[0] + MS)

    assert verdict(day_of([call], [record])) == (0, [], [], [])
    assert verdict(day_of([call], [])) == (0, [], [], [])
    yesterday = Comparison(DAY[0] - 86_400 * SECOND, DAY[0])
    yesterday.see(call)
    assert [found.contact_id for found in yesterday.take_calls()] == [call.contact_id]


def test_files_cover_the_time_of_their_own_node_only() -> None:
    call = a_call()
    record = a_record(call)
    around = (record.ended_at - SECOND, record.ended_at + SECOND)

    assert covers({"node1": around}, record)
    assert not covers({"node2": around}, record)
    assert not covers({"node1": (around[0], record.ended_at - 1)}, record)


def test_the_name_of_a_node_may_have_hyphens_itself() -> None:
    call = a_call(contact_id=ContactId("pbx-1-1790000000.1"), node="pbx-1")
    record = a_record(call)

    assert covers({"pbx-1": (record.ended_at, record.ended_at)}, record)
    assert not covers({"pbx": (record.ended_at, record.ended_at)}, record)


@given(st.data())
def test_whatever_the_times_nothing_is_lost_between_the_two(data: st.DataObject) -> None:
    times = st.integers(min_value=0, max_value=2**62)
    numbers = st.sets(st.integers(min_value=0, max_value=6))
    comparison = Comparison(0, 2**63)
    seen, read = data.draw(numbers), data.draw(numbers)
    for number in seen:
        end = data.draw(times)
        comparison.see(a_call(number, started_at=data.draw(times), ended_at=end, last_at=end))
    for number in read:
        record = a_record(a_call(number), ended_at=data.draw(times), end_estimated=data.draw(st.booleans()))
        comparison.read(record.contact_id, record)

    same, missing, surplus, differing = verdict(comparison)

    assert same + len(differing) == len(seen & read)
    assert (len(missing), len(surplus)) == (len(seen - read), len(read - seen))
