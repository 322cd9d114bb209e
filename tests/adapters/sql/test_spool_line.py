"""A line of the spool: what goes in comes out, what is damaged is found out, what is foreign is kept."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.adapters.sql.admission import admit
from router.adapters.sql.spool_line import (
    LONGEST,
    TYPES,
    VERSION,
    Foreign,
    is_whole,
    read_line,
    refused_line,
    rescue,
    sealed,
    write_line,
)
from router.domain.errors import RemoteError
from router.domain.ids import AgentId, ContactId, QueueName
from router.domain.record import Fact, Outcome, Segment, SegmentKind
from tests.contracts.test_ledger import NOON, a_change, a_decision, a_record, a_wrapup, an_offer

pytest_plugins = ["tests.contracts.databases"]

FACTS: list[Fact] = [
    a_record(),
    a_record(answered_at=None, segments=(), legs=(), corrects=ContactId("node-a-1.1"), end_estimated=True, schema=7),
    a_record(schema=1),
    an_offer(),
    an_offer(cause=None, tech_cause=None),
    a_decision(),
    a_wrapup(disposition=None),
    a_change(reason=None),
    a_change(status="PAUSED", reason="lunch"),
    replace(a_change(), next_status="PAUSED", next_reason="lunch"),
]
HOSTILE = st.text(max_size=300)
INSTANTS = st.integers(-(2**63) + 1, 2**63 - 1)


def body(line: bytes) -> dict[str, object]:
    return msgspec.json.decode(line[9:])  # type: ignore[no-any-return]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_a_fact_comes_back_as_it_was_written(fact: Fact) -> None:
    line = write_line(fact)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert is_whole(line[:-1])
    assert read_line(line[:-1]) == fact


def test_every_kind_of_fact_has_a_name_of_its_own() -> None:
    import typing

    assert set(TYPES.values()) == set(typing.get_args(Fact))


@given(ani=HOSTILE, config=HOSTILE, node=HOSTILE, at=INSTANTS, outcome=st.sampled_from(Outcome))
def test_whatever_a_carrier_sends_comes_back_as_the_ledger_keeps_it(
    ani: str, config: str, node: str, at: int, outcome: Outcome
) -> None:
    fact = a_record(ani=ani, config_hash=config, ended_at=at, outcome=outcome)
    assert read_line(write_line(fact)[:-1]) == admit(fact)
    offer = an_offer(tech_cause=node, from_at=at)
    assert read_line(write_line(offer)[:-1]) == admit(offer)


@pytest.mark.parametrize(
    "fact",
    [
        a_record(contact_id=ContactId("")),
        a_record(ended_at=2**63),
        a_wrapup(agent_id=AgentId("\ud800")),
        a_record(segments=(Segment(kind=SegmentKind.TALK, from_at=NOON, to_at=NOON, queue=QueueName("\ud800")),)),
        a_record(segments=a_record().segments * (LONGEST // 100)),
        "not a fact",
    ],
    ids=["no id", "a late instant", "half a character", "half a character within", "too long", "no fact"],
)
def test_what_no_ledger_can_keep_is_refused_before_it_is_written(fact: Fact) -> None:
    with pytest.raises(RemoteError) as refusal:
        write_line(fact)
    assert (refusal.value.error_id, refusal.value.retryable) == ("ledger-fact-refused", False)


def test_a_refused_fact_can_still_be_written_down_for_a_person() -> None:
    line = refused_line(a_wrapup(agent_id=AgentId("\ud800")), "agent_id must be printable")
    assert is_whole(line[:-1])
    assert body(line)["why"] == "agent_id must be printable"
    assert "WrapUpFact" in str(body(line)["fact"])


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_a_flipped_bit_is_found_wherever_it_is(fact: Fact) -> None:
    line = write_line(fact)[:-1]
    for place in range(len(line)):
        for bit in range(8):
            flipped = bytearray(line)
            flipped[place] ^= 1 << bit
            assert not is_whole(bytes(flipped))


def other_release(**changes: object) -> bytes:
    return sealed(msgspec.json.encode(body(write_line(an_offer())) | changes))[:-1]


def test_a_field_more_is_no_reason_to_refuse_a_line_of_our_version() -> None:
    fact = msgspec.to_builtins(an_offer()) | {"mood": "good"}
    assert read_line(other_release(fact=fact)) == an_offer()


def test_a_change_of_the_release_before_is_read_and_one_of_ours_is_left_alone_by_it() -> None:
    before = msgspec.to_builtins(a_change())
    del before["next_status"], before["next_reason"], before["paid"]
    line = sealed(msgspec.json.encode({"v": 1, "type": "agent-change", "fact": before}))[:-1]
    assert read_line(line) == a_change()
    assert body(write_line(a_change()))["v"] == 3
    assert body(write_line(a_wrapup()))["v"] == 3
    assert body(write_line(a_record()))["v"] == 1, "what has nothing new is read by both"


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "payment"},
        {"v": VERSION + 1},
        {"fact": msgspec.to_builtins(an_offer()) | {"result": "telepathy"}},
        {"fact": {"offer_id": "of a release that knew less"}},
        {"fact": [1, 2]},
        {"v": "one"},
    ],
    ids=["type", "version", "value", "field", "shape", "envelope"],
)
def test_a_whole_line_of_another_release_is_foreign_and_not_damaged(changes: dict[str, object]) -> None:
    line = other_release(**changes)
    assert is_whole(line)
    with pytest.raises(Foreign) as why:
        read_line(line)
    assert "node-a" not in str(why.value)


def test_a_line_that_is_no_json_is_foreign_too() -> None:
    with pytest.raises(Foreign):
        read_line(sealed(b"no JSON at all")[:-1])


def test_lines_joined_by_a_newline_that_is_gone_are_found_again() -> None:
    lines = [write_line(fact) for fact in FACTS]
    joined = b"".join(line[:-1] + b"a" for line in lines)
    whole, damaged = rescue(joined)
    assert [read_line(line) for line in whole] == FACTS
    assert damaged == []


def test_what_stands_beside_damage_is_found_again() -> None:
    first, second, third = (write_line(fact)[:-1] for fact in FACTS[:3])
    whole, damaged = rescue(first + b"\x00" + second[:40] + b"x" + second[41:] + b"\x00" + third)
    assert [read_line(line) for line in whole] == [FACTS[0], FACTS[2]]
    assert len(damaged) == 1


def test_the_beginning_of_a_line_cannot_stand_inside_of_one() -> None:
    sly = '1c291ca3 {"v":1,"type":"offer"'
    line = write_line(a_record(ani=sly))[:-1]
    assert rescue(line) == ([line], [])
    assert json.loads(line[9:])["fact"]["ani"] == sly
