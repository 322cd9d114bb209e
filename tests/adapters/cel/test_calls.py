"""Calls out of rows: who met whom, how it ended, and what a file cannot know."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator

import pytest

from router.adapters.cel.calls import CallReader
from router.adapters.cel.lines import Row, Tally, read_rows
from router.domain.ids import SECOND
from router.domain.record import EndedBy
from router.domain.truth.reconciliation import CallSeen
from tests.fakes.event_log import BEGAN, FakeEventLog


def calls(log: FakeEventLog, *, settling: int = 50) -> list[CallSeen]:
    return list(CallReader(settling=settling).calls(read_rows(io.BytesIO(log.text), Tally())))


def s(at: int | None) -> float | None:
    """Seconds since the log began."""
    return None if at is None else (at - BEGAN) / SECOND


def test_a_call_is_the_callers_leg_and_its_talk() -> None:
    log = FakeEventLog()
    caller = log.answered_call(10, waits_s=5, talks_s=60)

    [call] = calls(log)

    assert (call.contact_id, call.leg, call.node) == (caller, caller, "node1")
    assert (s(call.started_at), s(call.ended_at)) == (10, 75.003)
    assert (call.dialled, call.caller, call.answered) == ("493023125100", "+493023125900", True)
    [talk] = call.talks
    assert (talk.leg, talk.endpoint) == (f"{caller}.1", "agent-1001")
    assert (s(talk.from_at), s(talk.to_at)) == (15, 75)
    assert call.ended_by is EndedBy.CALLER


def test_a_leg_of_ours_to_somebody_outside_is_part_of_the_callers_call_and_no_call_of_its_own() -> None:
    own, dialled = ["node1-1795296000.1"] * 2, ["node1-1795296000.1", "node1-1795296000.2"]
    blank = {"exten": "", "number": "", "dialled": "", "extra": ""}
    rows = [
        Row(
            event=event,
            at=BEGAN + at,
            linkedid=linked,
            uniqueid=leg,
            channel=f"PJSIP/trunk-{leg[-1]}",
            context=context,
            **blank,
        )
        for event, at, (linked, leg), context in (
            ("CHAN_START", 0, own, "acd-inbound"),
            ("APP_START", 5, own, "acd-leaving"),
            ("CHAN_START", 6, dialled, "acd-inbound"),
            ("ANSWER", 7, dialled, "acd-inbound"),
            ("BRIDGE_ENTER", 8, own, "acd-external"),
            ("HANGUP", 9, dialled, "acd-inbound"),
            ("HANGUP", 9, own, "acd-external"),
        )
    ]

    [call] = CallReader(settling=50).calls(rows)

    assert (call.contact_id, call.announced, call.talks) == ("node1-1795296000.1", "acd-leaving", ())


def test_what_a_waiting_caller_is_told_in_between_is_no_end_of_their_wait() -> None:
    for context, exten, ends in (("acd-wait", "s", ""), ("acd-callback", "ask", ""), ("acd-callback", "promised", "x")):
        log = FakeEventLog()
        caller = log.caller(0)
        log.line("APP_START", 5, caller, context=context, exten=exten)
        log.hangup(caller, 9)

        [call] = calls(log)

        assert call.announced == (ends and context), (context, exten)


def test_somebody_who_is_called_back_and_does_not_answer_is_no_call() -> None:
    log = FakeEventLog()
    called = "node1-1790000000.1_cb1"
    for event, at_s in (("CHAN_START", 1), ("HANGUP", 9)):
        log.line(event, at_s, called, channel="PJSIP/carrier-00000001", context="acd-inbound")

    assert calls(log) == []


def test_an_agents_leg_of_a_call_back_is_no_call() -> None:
    log = FakeEventLog()
    rung = "node1-1790000000.1_cb.1"
    for event, at_s in (("CHAN_START", 1), ("HANGUP", 9)):
        log.line(event, at_s, rung, channel="PJSIP/agent-1001-00000001", context="acd-inbound")

    assert calls(log) == []


def test_who_hung_up_is_whom_asterisk_names() -> None:
    for named, who in {
        "PJSIP/trunk-00000000": EndedBy.CALLER,
        "PJSIP/agent-1001-0000000a": EndedBy.AGENT,
        "": EndedBy.SYSTEM,
        "dialplan/builtin": EndedBy.SYSTEM,
        "PJSIP/agent-1002-0000000b": EndedBy.SYSTEM,
    }.items():
        log = FakeEventLog()
        caller = log.caller(0)
        log.talk(caller, log.agent(1, caller), 2, 8)
        log.hangup(caller, 9, by=named)

        assert [call.ended_by for call in calls(log)] == [who], named


def test_agents_who_only_rang_and_legs_that_are_nobodys_are_no_talk_and_no_call() -> None:
    log = FakeEventLog()
    caller = log.caller(0)
    rang = log.agent(1, caller)
    log.hangup(rang, 5, context="acd-agent")
    log.line(
        "CHAN_START", 6, "node1-1790000006.9", channel="PJSIP/agent-1001-00000009", context="acd-home", exten="*43"
    )
    log.hangup("node1-1790000006.9", 7, context="acd-home")
    log.hangup(caller, 9)

    [call] = calls(log)

    assert call.talks == ()


def test_who_was_refused_because_there_was_no_room_is_no_call() -> None:
    log = FakeEventLog()
    log.hangup(log.caller(0), 0.002, by="dialplan/builtin", context="acd-full")
    caller = log.answered_call(1, waits_s=1, talks_s=2)

    assert [call.contact_id for call in calls(log)] == [caller]


def test_a_caller_who_is_passed_on_talked_twice() -> None:
    log = FakeEventLog()
    caller = log.caller(0)
    log.talk(caller, log.agent(1, caller), 2, 10)
    log.talk(caller, log.agent(11, caller, attempt=2, endpoint="agent-1002"), 15, 30, endpoint="agent-1002")
    log.hangup(caller, 31)

    [call] = calls(log)

    assert [(talk.endpoint, s(talk.from_at), s(talk.to_at)) for talk in call.talks] == [
        ("agent-1001", 2, 10),
        ("agent-1002", 15, 30),
    ]


def test_the_fallback_begins_where_the_music_ends() -> None:
    log = FakeEventLog()
    log.fallen_back(0, waits_s=11, hears_s=4)

    [call] = calls(log)

    assert (call.announced, s(call.announced_at), s(call.ended_at)) == ("acd-fallback", 11, 15)
    assert call.ended_by is EndedBy.SYSTEM


def test_a_call_over_the_edges_of_the_file_has_no_begin_or_no_end() -> None:
    log = FakeEventLog()
    ended = log.answered_call(0)
    log.lines = log.lines[3:]
    running = log.caller(100)

    by_id = {call.contact_id: call for call in calls(log)}

    assert by_id[ended].started_at is None
    assert by_id[ended].is_over
    assert (by_id[running].ended_at, by_id[running].is_over) == (None, False)


def test_a_talk_whose_leaving_is_not_told_ends_with_the_leg() -> None:
    log = FakeEventLog()
    caller = log.caller(0)
    log.talk(caller, log.agent(1, caller), 2, 10)
    log.lines = log.lines[:-2]
    log.hangup(caller, 30)

    [call] = calls(log)

    assert s(call.talks[0].to_at) == 30


def test_calls_that_were_up_when_asterisk_died_are_lost_and_those_after_it_are_not() -> None:
    log = FakeEventLog()
    log.count = 40
    before = log.caller(0)
    log.talk(before, log.agent(1, before), 2, 10)
    log.lines = log.lines[:-2]
    other = log.caller(20)
    log.count = 0
    at_once = log.caller(20.5)
    after = log.caller(60)
    log.hangup(after, 70)

    by_id = {call.contact_id: call for call in calls(log)}

    assert (by_id[before].lost, by_id[before].ended_at, s(by_id[before].last_at)) == (True, None, 20.5)
    assert s(by_id[before].talks[0].to_at) == 20.5
    assert by_id[other].lost
    assert (by_id[at_once].lost, by_id[at_once].is_over) == (False, False)
    assert s(by_id[after].ended_at) == 70


def test_the_restart_of_one_node_is_none_of_another() -> None:
    log = FakeEventLog(count=40)
    here = log.caller(0)
    log.node, log.count = "node2", 0
    log.hangup(log.caller(60), 70)

    assert not next(call for call in calls(log) if call.contact_id == here).lost


def test_ids_that_come_out_of_order_are_no_restart() -> None:
    log = FakeEventLog(count=8)
    first = log.caller(0.3)
    log.count = 7
    second = log.caller(0.301)

    assert [call.lost for call in calls(log)] == [False, False], (first, second)


def test_legs_without_a_systemname_have_the_contact_the_dialplan_gives_them() -> None:
    log = FakeEventLog()
    log.line(
        "CHAN_START", 0, "1790000000.4", channel="PJSIP/trunk-00000004", context="acd-inbound", exten="493023125100"
    )
    log.hangup("1790000000.4", 3)

    [call] = calls(log)

    assert (call.contact_id, call.leg, call.node) == ("unnamed-1790000000.4", "1790000000.4", "unnamed")


@pytest.mark.parametrize(
    "extra", ["{", "[]", "null", '{"bridge_id": {}}', '{"bridge_id": null}', "[" * 100_000, "1" * 5000]
)
def test_an_extra_that_says_nothing_is_nothing(extra: str) -> None:
    log = FakeEventLog()
    caller = log.caller(0)
    log.line("BRIDGE_ENTER", 1, caller, context="acd-wait", extra=extra[:60_000])
    log.line("HANGUP", 2, caller, context="acd-wait", extra=extra[:60_000])

    [call] = calls(log)

    assert (call.ended_by, call.released, call.talks) == (EndedBy.SYSTEM, False, ())


def test_a_call_is_given_away_soon_after_its_end_and_only_once() -> None:
    log = FakeEventLog()
    ids = [log.abandoned_call(number * 10) for number in range(1000)]
    reader = CallReader(settling=10)
    most = 0

    given = []
    for call in reader.calls(read_rows(io.BytesIO(log.text), Tally())):
        given.append(call.contact_id)
        most = max(most, len(reader._legs))

    assert given == ids
    assert most < 20


def test_what_comes_late_about_a_call_that_is_over_changes_nothing() -> None:
    log = FakeEventLog()
    caller = log.abandoned_call(0, waits_s=10)
    log.line("ANSWER", 11, caller, context="acd-wait")
    log.line("CHAN_END", 12, caller, context="acd-wait")

    [call] = calls(log)

    assert (s(call.ended_at), call.answered) == (10, False)


def test_unknown_events_are_no_trouble() -> None:
    log = FakeEventLog()
    caller = log.caller(0)
    for event in ("LINKEDID_END", "USER_DEFINED", "something new", ""):
        log.line(event, 1, caller, context="acd-wait", extra=json.dumps({"event": event}))
    log.hangup(caller, 2)

    assert [s(call.ended_at) for call in calls(log)] == [2]


def test_the_files_cover_what_is_between_their_first_and_last_line_of_each_node() -> None:
    log = FakeEventLog()
    log.abandoned_call(10, waits_s=20)
    log.node = "node2"
    log.abandoned_call(100, waits_s=1)
    reader = CallReader()
    list(reader.calls(read_rows(io.BytesIO(log.text), Tally())))

    assert {node: (s(first), s(last)) for node, (first, last) in reader.coverage.items()} == {
        "node1": (10, 30),
        "node2": (100, 101),
    }


def test_bridges_in_any_order_never_confuse_the_reader() -> None:
    dice = random.Random(4)
    for _ in range(200):
        log = FakeEventLog()
        for number in range(5):
            log.answered_call(number * 3, waits_s=dice.randrange(1, 5), talks_s=dice.randrange(1, 9))
        dice.shuffle(log.lines)
        for call in calls(log, settling=dice.randrange(1, 40)):
            assert all(talk.from_at <= talk.to_at for talk in call.talks)


def test_a_call_of_another_node_lives_on_when_an_asterisk_is_restarted() -> None:
    log = FakeEventLog()
    log.node = "node2"
    there = log.caller(0)
    log.node, log.count = "node1", 40
    here = log.caller(1)
    log.count = 0
    log.caller(60)

    lost = {call.contact_id: call.lost for call in calls(log)}

    assert (lost[here], lost[there]) == (True, False)


# ---- legs whose end was never written ----


def test_a_leg_nobody_heard_of_for_longer_than_a_call_lasts_is_given_as_open() -> None:
    log = FakeEventLog()
    forgotten, day = log.caller(0), 24 * 3600
    talks = log.caller(10)
    log.talk(talks, log.agent(11, talks), 12, day)
    log.hangup(talks, day + 1)
    for at in (day + 7300, day + 7301):
        log.abandoned_call(at, waits_s=0.5)

    given = {call.contact_id: call for call in calls(log)}

    assert (given[forgotten].is_over, given[talks].is_over) == (False, True)
    assert [s(talk.to_at) for talk in given[talks].talks] == [day]
    assert next(iter(given)) == forgotten, "as soon as that is known, and not at the end of the file"


def test_one_row_with_a_wrong_clock_ends_no_call() -> None:
    log = FakeEventLog()
    caller = log.caller(0)
    log.line("USER_DEFINED", 9_000_000, "node1-1790000001.9", context="acd-home")
    log.hangup(caller, 10)

    assert [(s(call.started_at), s(call.ended_at)) for call in calls(log)] == [(0, 10)]


def test_a_file_without_any_end_needs_no_memory() -> None:
    log = FakeEventLog()
    held: list[int] = []
    reader = CallReader(open_max=100)
    begun = 0

    def rows() -> Iterator[Row]:
        nonlocal begun
        for row in read_rows(io.BytesIO(log.text), Tally()):
            begun += 1
            yield row

    for number in range(1000):
        log.caller(number / 100)
    for given, call in enumerate(reader.calls(rows()), start=1):
        assert not call.is_over
        held.append(begun - given)

    assert (len(held), max(held)) == (1000, 100)
