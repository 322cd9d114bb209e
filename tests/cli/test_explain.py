"""`ringfair explain`: the ledger's facts in words, and the picture of a contact's time."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from router.cli.exits import REFUSED
from router.cli.explain import REASONS, told
from router.cli.instants import length, local, read_instant
from router.cli.timeline import bar, shares
from router.domain.ids import SECOND, AgentId, ContactId, QueueName
from router.domain.messages.standing import Standing
from router.domain.record import (
    BillingRecord,
    CallbackFact,
    DecisionFact,
    How,
    OverflowFact,
    Segment,
    SegmentKind,
    WrapUpEnd,
    WrapUpFact,
)
from router.ports import ContactStory
from tests.cli.conftest import Bench
from tests.cli.stories import answered


def test_each_offer_is_told_with_who_was_next_and_why_not_the_others(bench: Bench) -> None:
    bench.remember(*answered(0))
    shown = bench.run("explain", "node1-0.1").stdout
    for part in (
        "Contact node1-0.1: answered",
        "answered after 18.0 s by agent-1002",
        "Offer 1, 0.0 s after arrival: agent-1001",
        "asks for de >= 60 and orders; the caller had waited 0.0 s",
        "idle for 3:20 min",
        "next would have been agent-1002 (idle for 1:30 min)",
        "of the others 1 is paused, 12 lack the skills",
        "missed: the phone rang and nobody took it after 15.0 s (cause 19, SIP 487)",
        "Offer 2, 15.0 s after arrival: agent-1002",
        "nobody else was free for it",
        "Wrap-up of agent-1002: 10.0 s, 'ordered'",
    ):
        assert part in shown
    assert "░" * 10 in shown


def test_what_was_expected_of_the_wait_is_told_beside_what_came_of_it(bench: Bench) -> None:
    first, *others = answered(0)
    assert isinstance(first, DecisionFact)
    how = How(expected_us=25 * SECOND, in_queue_us=0, waited_before_us=90 * SECOND)
    bench.remember(replace(first, how=how), *others)
    shown = bench.run("explain", "node1-0.1").stdout
    assert "expected to wait 25.0 s on coming to shop/orders; waited 18.0 s" in shown
    assert "had given up after 1:30 min in a call shortly before (redial_s): that wait was counted in" in shown
    told = bench.json("explain", "node1-0.1", "--json")["decisions"][0]["how"]
    assert (told["expected_s"], told["in_queue_s"], told["waited_before_s"]) == (25, 0, 90)


def test_a_wider_step_priority_and_who_is_passed_over_are_told_in_words(bench: Bench) -> None:
    decision = answered(0)[0]
    assert isinstance(decision, DecisionFact)
    how = How(choose="best-skilled", row=1, opens_us=45 * SECOND, points=1, at_once=3, skipped=(AgentId("agent-1007"),))
    nexts = ((AgentId("agent-1007"), SECOND), (AgentId("agent-1008"), SECOND))
    others = (("free", 2), ("not_entitled", 1), ("done_for_today", 2))
    bench.remember(replace(decision, how=how, next_best=nexts, others=others))
    shown = bench.run("explain", "node1-0.1").stdout
    for part in (
        "that is a later step: it opens after 45.0 s, or at once where nobody logged in meets an earlier one",
        "with 1 point of priority",
        "up to 3 are rung at the same time",
        "passed over, having missed or rejected it just now: agent-1007",
        "chosen as the best skilled in what it asks for, of those who could be offered it",
        "next would have been agent-1008 (idle for 1.0 s)",
        "of the others 1 is not on a shift for it, 2 have reached their daily caps",
    ):
        assert part in shown


def test_where_a_caller_went_on_to_is_told_with_the_targets_that_were_passed_over(bench: Bench) -> None:
    record = next(fact for fact in answered(0) if isinstance(fact, BillingRecord))
    went = OverflowFact(
        contact_id=record.contact_id,
        at=record.arrived_at + 60 * SECOND,
        queue=record.queue,
        target="closing",
        why="wait",
        passed=(("shop/general", "full"), ("bank/accounts", "nobody")),
    )
    bench.remember(*answered(0), went)
    shown = bench.run("explain", "node1-0.1").stdout
    assert (
        "Overflow, 1:00 min after arrival: from shop/orders to the closing message, because they had waited for as "
        "long as they may; passed over: shop/general (full), bank/accounts (nobody there)"
    ) in shown
    assert shown.index("Offer 2,") < shown.index("Overflow,"), "in the order of time"
    [told] = bench.json("explain", "node1-0.1", "--json")["overflows"]
    assert told["passed"][1] == {"target": "bank/accounts", "why": "nobody"}


def test_where_nothing_was_expected_nothing_is_told_of_it(bench: Bench) -> None:
    bench.remember(*answered(0))
    shown = bench.run("explain", "node1-0.1").stdout
    assert "expected" not in shown
    assert "given up" not in shown


def test_an_offer_tells_what_its_caller_was_told_last(bench: Bench) -> None:
    decision = answered(0)[0]
    assert isinstance(decision, DecisionFact)
    how = How(told=("acd/position-3", "acd/wait-2"), told_us=12 * SECOND)
    bench.remember(replace(decision, how=how))
    shown = bench.run("explain", "node1-0.1").stdout
    assert "told last, 12.0 s before: acd/position-3, acd/wait-2" in shown


def test_a_call_of_ours_is_told_as_one_and_its_ringing_as_no_wait(bench: Bench) -> None:
    *facts, record = (each for each in answered(0) if isinstance(each, BillingRecord))
    assert facts == []
    first, *others = record.segments
    rings = Segment(kind=SegmentKind.RINGING, from_at=first.from_at, to_at=first.from_at + 8 * SECOND)
    ours = replace(
        record,
        contact_id=ContactId("node1-0.1_cb1"),
        segments=(rings, replace(first, from_at=rings.to_at), *others),
    )
    bench.remember(ours)

    shown = bench.run("explain", "node1-0.1_cb1").stdout

    assert f"we called {record.ani} back, who had called {record.dnis}" in shown
    assert "answered after 10.0 s by agent-1002" in shown
    assert "▁ ringing 8.0 s" in shown


def test_a_contact_that_has_not_ended_is_explained_as_far_as_it_got(bench: Bench) -> None:
    bench.remember(answered(0)[0])
    shown = bench.run("explain", "node1-0.1").stdout
    assert "no record yet" in shown
    assert "result: none yet" in shown


def test_json_has_decisions_offers_and_record(bench: Bench) -> None:
    bench.remember(*answered(0))
    told = bench.json("explain", "node1-0.1", "--json")
    assert told["record"]["outcome"] == "answered"
    assert told["decisions"][0]["next_best"] == [{"agent": "agent-1002", "idle_s": 90.0}]
    assert told["decisions"][0]["others"] == {"paused": 1, "lacks_skill": 12}


def test_an_unknown_contact_is_refused(bench: Bench) -> None:
    bench.remember(*answered(0))
    result = bench.run("explain", "node1-7.7")
    assert result.exit_code == REFUSED
    assert "ringfair records" in result.stderr


def test_every_reason_the_engine_counts_has_words() -> None:
    assert {standing.name.lower() for standing in Standing} <= REASONS.keys()


@given(st.lists(st.integers(0, 10**9), max_size=12), st.integers(1, 80))
def test_every_segment_that_lasted_is_seen_and_together_they_fill_the_bar(lasted: list[int], width: int) -> None:
    at, segments = 0, []
    for us in lasted:
        segments.append(Segment(kind=SegmentKind.TALK, from_at=at, to_at=at + us))
        at += us
    columns = shares(segments, width)
    visible = sum(us > 0 for us in lasted)
    assert all((count > 0) == (us > 0) for count, us in zip(columns, lasted, strict=True))
    assert sum(columns) == (max(width, visible) if visible else 0)


def test_the_bar_is_in_proportion() -> None:
    kinds = (SegmentKind.WAITING, SegmentKind.TALK, SegmentKind.HOLD)
    edges = (0, 10, 40, 50)
    segments = [
        Segment(kind=kind, from_at=edges[i] * SECOND, to_at=edges[i + 1] * SECOND) for i, kind in enumerate(kinds)
    ]
    assert bar(segments, 10) == "░░██████▒▒"


def test_lengths_are_read_at_a_glance() -> None:
    shown = [length(us) for us in (-1, 400_000, 12_340_000, 185 * SECOND, 3723 * SECOND)]
    assert shown == ["0.0 s", "0.4 s", "12.3 s", "3:05 min", "1:02:03 h"]


def test_instants_with_an_offset_are_what_they_say() -> None:
    assert read_instant("2026-09-21T14:13:20Z") == 1_790_000_000 * SECOND
    assert read_instant("2026-09-21T16:13:20.000001+0200") == 1_790_000_000 * SECOND + 1


def test_how_a_wrap_up_ended_and_what_its_code_means_are_told() -> None:
    fact = WrapUpFact(contact_id=ContactId("c"), agent_id=AgentId("agent-1001"), from_at=0, to_at=60_000_000)
    codes = {"12": "no interest"}

    def line(**changes: object) -> str:
        wrapups = (replace(fact, **changes),)  # type: ignore[arg-type]
        return told(ContactStory(contact_id=ContactId("c"), record=None, wrapups=wrapups), codes)[-1]

    assert line() == "Wrap-up of agent-1001: 1:00 min"
    assert line(disposition="12", ended=WrapUpEnd.AGENT).endswith(": 1:00 min, '12' (no interest), ended by the agent")
    assert line(ended=WrapUpEnd.FORCED).endswith("ended by the longest time: no disposition was given")


def test_until_when_a_caller_was_promised_a_call_is_told(bench: Bench) -> None:
    bench.remember(
        *answered(0),
        CallbackFact(
            contact_id=ContactId("node1-0.1"),
            at=1_790_000_000 * SECOND,
            what="promised",
            queue=QueueName("shop/orders"),
            until_at=1_790_200_000 * SECOND,
        ),
    )
    shown = bench.run("explain", "node1-0.1").stdout
    assert f"the place in line was kept, until {local(1_790_200_000 * SECOND)} by the hours as they stood" in shown
