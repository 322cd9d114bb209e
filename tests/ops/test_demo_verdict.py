"""The demo's verdict finds what it promises to find: it is tried on records in which something went wrong."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.demo import cast
from deploy.demo.site import shortened
from deploy.demo.verdict import Evidence, Finding, judge
from router.config.site import load
from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, OfferId, QueueName
from router.domain.record import BillingRecord, EndedBy, OfferFact, OfferResult, Outcome, Segment, SegmentKind
from router.domain.rulebook.rules import Rules
from router.ports import ContactStory

SAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "site"
ENTRY = {"shop": "shop/orders", "hotline": "hotline/urgent", "support": "support/devices"}
Ring = tuple[str, float, float, OfferResult]
"Agent, from, to (seconds), result."


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load(SAMPLE, {"RINGFAIR_ASTERISK_SECRET": "x"}).rules


def story(number: int, arrived_s: float, rings: Sequence[Ring], *, campaign: str = "shop") -> ContactStory:
    """A caller who talks for 2 s with who answered the last ring; without an answer they hang up 2 s after arrival."""
    contact = ContactId(f"demo-{number}")
    queue = QueueName(ENTRY[campaign])
    served = bool(rings) and rings[-1][3] is OfferResult.ANSWERED
    arrived_at = round(arrived_s * SECOND)
    talk_at = round(rings[-1][2] * SECOND) if served else arrived_at + 2 * SECOND
    waiting = Segment(kind=SegmentKind.WAITING, from_at=arrived_at, to_at=talk_at)
    segments = (waiting,)
    if served:
        agent = AgentId(rings[-1][0])
        talk = Segment(kind=SegmentKind.TALK, from_at=talk_at, to_at=talk_at + 2 * SECOND, agent_id=agent)
        segments = (waiting, talk)
    record = BillingRecord(
        contact_id=contact,
        medium="voice",
        campaign=CampaignName(campaign),
        queue=queue,
        ani=f"+49699000900{number}",
        dnis="+493023125100",
        arrived_at=arrived_at,
        answered_at=talk_at if served else None,
        ended_at=segments[-1].to_at,
        outcome=Outcome.ANSWERED if served else Outcome.ABANDONED,
        ended_by=EndedBy.CALLER,
        config_hash="0",
        end_estimated=False,
        segments=segments,
        legs=(),
    )
    offers = tuple(
        OfferFact(
            offer_id=OfferId(f"{contact}.{attempt}"),
            contact_id=contact,
            agent_id=AgentId(agent_id),
            queue=queue,
            from_at=round(from_s * SECOND),
            to_at=round(to_s * SECOND),
            result=result,
            cause=None,
            tech_cause=None,
        )
        for attempt, (agent_id, from_s, to_s, result) in enumerate(rings, 1)
    )
    return ContactStory(contact_id=contact, record=record, offers=offers)


ANSWERED, MISSED, REJECTED = OfferResult.ANSWERED, OfferResult.MISSED, OfferResult.REJECTED
GOOD = (
    story(1, 1, [("agent-1004", 1, 5, MISSED), ("agent-1001", 5, 6, ANSWERED)]),
    story(2, 2, [("agent-1005", 2, 2.5, REJECTED), ("agent-1003", 2.5, 3, ANSWERED)], campaign="hotline"),
    story(3, 3, [("agent-1002", 3, 3.5, ANSWERED)], campaign="support"),
    story(4, 4, [], campaign="support"),
)


def evidence(rules: Rules, stories: Sequence[ContactStory] = GOOD) -> Evidence:
    calls = [
        cast.Call(ani=f"+49699000900{number}", campaign=campaign, at_s=float(number))
        for number, campaign in enumerate(("shop", "hotline", "support"), 1)
    ]
    plan = (*calls, cast.Call(ani="+496990009004", campaign="support", at_s=None, talks_s=2.0))
    return Evidence(
        stories=stories,
        plan=plan,
        agents=cast.agents(),
        rules=rules,
        fates={call.ani: ["answered", "released"] for call in plan},
        unanswered={"agent-1004": {"cancelled": 1, "rejected": 0}, "agent-1005": {"cancelled": 0, "rejected": 1}},
        paused={"agent-1004": "rona"},
    )


def broken(findings: Sequence[Finding]) -> list[str]:
    return [finding.sentence for finding in findings if not finding.kept]


def test_a_demo_in_which_all_went_well_is_not_faulted(rules: Rules) -> None:
    assert broken(judge(evidence(rules))) == []


def test_a_caller_without_a_record_and_a_caller_with_two_are_found(rules: Rules) -> None:
    twin = replace(GOOD[1], contact_id=ContactId("demo-twin"))
    for stories in (GOOD[1:], (*GOOD, twin)):
        first, *_ = judge(evidence(rules, stories))
        assert not first.kept


def test_a_caller_who_stayed_and_talked_to_nobody_is_found(rules: Rules) -> None:
    stories = (*GOOD[:2], story(3, 3, [("agent-1002", 3, 3.5, MISSED)], campaign="support"), GOOD[3])
    _, stayed, *_ = judge(evidence(rules, stories))
    assert not stayed.kept
    assert "+496990009003" in stayed.against[0]


def test_a_record_that_says_answered_is_not_believed_when_the_carrier_saw_no_answer(rules: Rules) -> None:
    good = evidence(rules)
    _, stayed, *_ = judge(replace(good, fates={**good.fates, "+496990009001": ["gave-up"]}))
    assert not stayed.kept


def test_a_missed_offer_that_only_the_phone_knows_of_is_found(rules: Rules) -> None:
    stories = (story(1, 1, [("agent-1001", 5, 6, ANSWERED)]), *GOOD[1:])
    findings = judge(evidence(rules, stories))
    assert not findings[3].kept


def test_an_agent_who_let_it_ring_and_was_not_paused_is_found(rules: Rules) -> None:
    assert not judge(replace(evidence(rules), paused={}))[3].kept


def order(rules: Rules, *stories: ContactStory) -> bool:
    return judge(evidence(rules, stories))[-1].kept


def test_who_is_rung_for_while_an_earlier_caller_stands_in_line_is_served_out_of_order(rules: Rules) -> None:
    first = story(1, 1, [("agent-1001", 9, 10, ANSWERED)])
    second = story(2, 3, [("agent-1001", 5, 6, ANSWERED)])
    assert not order(rules, first, second)


def test_who_rings_at_somebody_who_never_answers_may_be_overtaken_meanwhile(rules: Rules) -> None:
    first = story(1, 1, [("agent-1004", 2, 6, MISSED), ("agent-1001", 9, 10, ANSWERED)])
    second = story(2, 3, [("agent-1001", 5, 5.5, ANSWERED)])
    assert order(rules, first, second)


def test_a_missed_offer_does_not_cost_a_caller_their_age(rules: Rules) -> None:
    first = story(1, 1, [("agent-1004", 2, 6, MISSED), ("agent-1001", 9, 10, ANSWERED)])
    second = story(2, 3, [("agent-1001", 8, 8.5, ANSWERED)])
    assert not order(rules, first, second)


def test_an_agent_without_the_skill_may_take_a_later_caller(rules: Rules) -> None:
    first = story(1, 1, [("agent-1002", 9, 10, ANSWERED)], campaign="support")
    second = story(2, 3, [("agent-1001", 5, 6, ANSWERED)])
    assert order(rules, first, second)


def test_an_agent_who_serves_two_queues_takes_the_older_caller_of_both(rules: Rules) -> None:
    first = story(1, 1, [("agent-1002", 9, 10, ANSWERED)], campaign="support")
    second = story(2, 3, [("agent-1002", 5, 6, ANSWERED)])
    assert not order(rules, first, second)


def test_an_urgent_caller_goes_before_an_older_one(rules: Rules) -> None:
    first = story(1, 1, [("agent-1001", 9, 10, ANSWERED)])
    second = story(2, 3, [("agent-1001", 5, 6, ANSWERED)], campaign="hotline")
    assert order(rules, first, second)
    older = story(1, 1, [("agent-1001", 5, 6, ANSWERED)])
    urgent = story(2, 3, [("agent-1001", 9, 10, ANSWERED)], campaign="hotline")
    assert not order(rules, older, urgent)


def test_who_was_just_rejected_by_an_agent_may_see_them_take_the_next(rules: Rules) -> None:
    first = story(1, 1, [("agent-1001", 2, 3, REJECTED), ("agent-1003", 9, 10, ANSWERED)])
    second = story(2, 3, [("agent-1001", 5, 6, ANSWERED)])
    assert order(rules, first, second)


def test_the_campaigns_of_the_demo_ring_and_wrap_up_for_seconds_in_every_queue(tmp_path: Path) -> None:
    (tmp_path / "campaigns").mkdir()
    for file in (SAMPLE / "campaigns").glob("*.toml"):
        (tmp_path / "campaigns" / file.name).write_text(shortened(file.read_text()))
    (tmp_path / "ringfair.toml").write_text('[asterisk]\nsystemname = "demo"\n')
    queues = load(tmp_path, {"RINGFAIR_ASTERISK_SECRET": "secret"}).rules.queues.values()
    assert len(queues) > 3
    assert {(queue.ring_us, queue.wrapup_us) for queue in queues} == {(4 * SECOND, 1 * SECOND)}


@pytest.mark.parametrize("count", [cast.FEWEST_CALLS, 20, 60, cast.MOST_CALLS])
def test_every_demo_has_other_numbers_for_other_callers_and_one_who_is_impatient(count: int) -> None:
    plan = cast.calls(count)
    assert len({call.ani for call in plan}) == len(plan) == count
    assert [call.is_impatient for call in plan].count(True) == 1
    assert {call.campaign for call in plan} >= {"shop", "hotline", "support"}
    assert plan == cast.calls(count)
