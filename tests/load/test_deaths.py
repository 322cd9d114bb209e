"""The judge of `make deaths` sees each way in which a call can suffer, and the listener each double offer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, LegId, QueueName
from router.domain.record import BillingRecord, EndedBy, Outcome, Segment, SegmentKind
from router.domain.truth.reconciliation import CallSeen, TalkSeen
from tests.load.deaths import KINDS, parse
from tests.load.deaths_judge import Placed, Verdict, judge
from tests.load.deaths_outcome import COLUMNS, table
from tests.load.deaths_outcome import Outcome as Round
from tests.load.deaths_tap import Heard

C1 = "pbx-1795296434.7"
NUMBER = "+491551011"
LEAST = 2 * SECOND
PLACED = Placed(1, 1, 0, talked=1)


def told(*talks: tuple[int, int], outcome: Outcome = Outcome.ANSWERED, ani: str = NUMBER) -> BillingRecord:
    """Whoever called from 0 to 9, with talks from second to second."""
    segments = [
        Segment(kind=SegmentKind.TALK, from_at=a * SECOND, to_at=b * SECOND, agent_id=AgentId("agent-3001"), queue=None)
        for a, b in talks
    ]
    waited = Segment(kind=SegmentKind.WAITING, from_at=0, to_at=SECOND, agent_id=None, queue=QueueName("shop/orders"))
    return BillingRecord(
        contact_id=ContactId(C1),
        medium="voice",
        campaign=CampaignName("shop"),
        queue=QueueName("shop/orders"),
        ani=ani,
        dnis="+493023125000",
        arrived_at=0,
        answered_at=SECOND,
        ended_at=9 * SECOND,
        outcome=outcome,
        ended_by=EndedBy.AGENT,
        config_hash="",
        end_estimated=False,
        segments=(waited, *segments),
        legs=(),
    )


def logged(*talks: tuple[int, int]) -> CallSeen:
    return CallSeen(
        contact_id=ContactId(C1),
        leg=LegId(C1),
        linkedid=C1,
        node="pbx",
        dialled="493023125000",
        caller=NUMBER,
        started_at=0,
        ended_at=9 * SECOND,
        last_at=9 * SECOND,
        talks=tuple(
            TalkSeen(leg=LegId(f"{C1}.1"), linkedid=C1, endpoint="a", from_at=a * SECOND, to_at=b * SECOND)
            for a, b in talks
        ),
    )


def verdict_of(*records: BillingRecord, seen: CallSeen | None = None, placed: Placed = PLACED) -> Verdict:
    log = [seen or logged((1, 5))]
    return judge([NUMBER], placed, records, log, Heard(), least_talk=LEAST)


GOOD = told((1, 5))


def test_a_call_that_was_answered_and_billed_once_is_no_fault() -> None:
    verdict = verdict_of(GOOD)
    assert verdict.faults() == []
    assert (verdict.calls, verdict.records, verdict.lost) == (1, 1, 0)


@pytest.mark.parametrize(
    ("verdict", "fault"),
    [
        (verdict_of(), "1 callers lost"),
        (verdict_of(), "1 records missing"),
        (verdict_of(GOOD, GOOD), "1 records doubled"),
        (verdict_of(GOOD, told((1, 5), ani="+4930555")), "1 records of nobody who called"),
        (verdict_of(told(outcome=Outcome.SYSTEM)), "1 callers lost"),
        (verdict_of(GOOD, placed=Placed(1, 0, 1, talked=1)), "1 callers lost"),
        (verdict_of(GOOD, placed=Placed(1, 0, 0)), "1 callers lost"),
        (verdict_of(GOOD, seen=logged((1, 2))), "1 talks cut"),
        (verdict_of(GOOD, seen=logged((1, 4), (5, 9))), "1 talks cut"),
        (verdict_of(GOOD, placed=replace(PLACED, cut=1)), "1 talks cut"),
    ],
)
def test_whatever_a_call_suffers_is_a_fault(verdict: Verdict, fault: str) -> None:
    assert fault in verdict.faults()


def test_what_is_left_over_and_what_differs_are_faults() -> None:
    verdict = verdict_of(GOOD)
    verdict.left.append("2 agents are stuck: agent-3001, agent-3002")
    verdict.differing, verdict.p99_ms = 3, 21.0
    assert verdict.faults() == [
        "3 records that differ from Asterisk's log",
        "one instant in a hundred is 21 ms or more from Asterisk's",
        "2 agents are stuck: agent-3001, agent-3002",
    ]


# ---- the listener ----


def leg(name: str, attempt: int, at: float, **more: str) -> dict[str, str]:
    return {"Event": name, "Uniqueid": f"{C1}.{attempt}", "Timestamp": f"{at:.6f}", **more}


def heard(*messages: dict[str, str]) -> Heard:
    found = Heard()
    for message in messages:
        found.take(message, "main")
    return found


def test_one_leg_after_the_other_is_no_double_offer() -> None:
    found = heard(leg("Newchannel", 1, 1), leg("Hangup", 1, 2), leg("Newchannel", 2, 2), leg("Hangup", 2, 3))
    assert (found.doubles, found.legs) == ([], {})


@pytest.mark.parametrize("both_ring", [True, False])
def test_two_legs_of_one_contact_at_once_are_a_double_offer(both_ring: bool) -> None:
    rings = [leg("Newstate", 2, 2.2, ChannelState="5")] if both_ring else []
    found = heard(
        leg("Newchannel", 1, 1),
        leg("Newstate", 1, 1.1, ChannelState="5"),
        leg("Newchannel", 2, 2),
        *rings,
        leg("Hangup", 1, 3.5),
        leg("Hangup", 2, 4),
    )
    [double] = found.doubles
    assert (double.contact, double.together_s, double.both_rang) == (C1, 1.5, both_ring)


def test_a_takeover_is_over_when_the_new_owner_calls_the_first_phone() -> None:
    owner = {"Event": "UserEvent", "UserEvent": "AcdOwner", "Pool": "main", "Router": "ab"}
    found = heard(
        {**owner, "Epoch": "7", "Timestamp": "1.0"},
        leg("Newchannel", 1, 1.5),
        {**owner, "Epoch": "8", "Timestamp": "3.0"},
        {**owner, "Epoch": "9", "Pool": "other", "Timestamp": "3.1"},
        leg("Newchannel", 2, 3.2),
        leg("Newchannel", 3, 3.4),
    )
    assert (found.epoch, found.owned_at, found.rang_at) == (8, {7: 1.0, 8: 3.0}, {7: 1.5, 8: 3.2})


# ---- the program ----


def test_a_takeover_that_took_too_long_fails_the_round() -> None:
    slow = Round(kind="kill", times=2, verdict=verdict_of(GOOD), takeovers_s=[1.2, 2.3], ready_s=[1.2, 1.9])
    assert slow.all_faults() == ["1 takeovers took more than 2 s, at most 2.30"]
    assert slow.as_json()["takeover_s"] == {"median": 1.75, "max": 2.3}
    assert "FAILED" in table([slow])


def test_a_round_without_a_verdict_fails_and_has_every_column() -> None:
    assert Round(kind="stop").all_faults() == ["it has no verdict"]
    assert len(Round(kind="stop").told()) == len(COLUMNS) == len(Round(kind="stop", verdict=verdict_of(GOOD)).told())


def test_every_kind_is_run_unless_one_is_named() -> None:
    assert parse([])[0] == list(KINDS)
    kinds, asked, as_json = parse(["--kind", "kill", "--times", "3", "--json"])
    assert (kinds, asked.times, asked.per_s, as_json) == (["kill"], 3, 20.0, True)


@pytest.mark.parametrize("words", [["--times", "0"], ["--rate", "0"], ["--away", "-1"], ["--kind", "nobody"]])
def test_a_command_line_that_makes_no_sense_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        parse(words)
