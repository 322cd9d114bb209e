"""What the reader makes of event logs that a real Asterisk wrote (tests/recordings/event_logs)."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.adapters.cel.files import EventLog
from router.domain.ids import SECOND
from router.domain.record import EndedBy
from router.domain.truth.completion import was_refused

RECORDED = Path(__file__).parents[2] / "recordings" / "event_logs"
VERSIONS = sorted(folder.name for folder in RECORDED.iterdir() if folder.name[0].isdigit())
CALLER, AGENT, SYSTEM = EndedBy.CALLER, EndedBy.AGENT, EndedBy.SYSTEM
FIRST, SECOND_AGENT, SOFT = "agent-2001", "agent-2002", "agent-1001"
STORIES: dict[str, tuple[list[str], EndedBy, str]] = {
    "agent_hangs_up": ([FIRST], AGENT, ""),
    "caller_hangs_up": ([FIRST], CALLER, ""),
    "early_media_answered_at_the_bridge": ([FIRST], AGENT, ""),
    "hold_and_unhold": ([FIRST], AGENT, ""),
    "caller_abandons_waiting": ([], CALLER, ""),
    "caller_abandons_in_early_media": ([], CALLER, ""),
    "caller_left_as_the_agent_answered": ([], CALLER, ""),
    "blind_transfer": ([SOFT], SYSTEM, ""),
    "caller_in_after_waits_again": ([FIRST, SECOND_AGENT], AGENT, ""),
    "line_is_lost": ([FIRST], SYSTEM, ""),
    "waiting_caller_is_redirected": ([], SYSTEM, "acd-closing"),
    "talking_caller_is_redirected": ([FIRST], SYSTEM, "acd-closing"),
    "router_is_silent": ([], SYSTEM, "acd-fallback"),
}
"Story → who talked, who ended it, where its last message was played."


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("story", STORIES)
def test_a_story_is_read_as_it_was_played(story: str, version: str) -> None:
    log = EventLog([RECORDED / version / f"{story}.csv"])

    [call] = log.calls()

    talked, ended_by, announced = STORIES[story]
    assert [talk.endpoint for talk in call.talks] == talked
    assert (call.ended_by, call.announced) == (ended_by, announced)
    assert call.caller == "+4915155500001"
    assert call.dialled.startswith("+4930555")
    assert call.started_at is not None
    assert call.ended_at is not None
    at = call.started_at
    for talk in call.talks:
        assert at < talk.from_at < talk.to_at
        at = talk.to_at
    assert at < call.ended_at < call.started_at + 60 * SECOND
    assert not was_refused(call)
    assert (log.tally.torn, log.tally.unreadable) == (0, 0)


@pytest.mark.parametrize("version", VERSIONS)
def test_of_two_agents_who_answer_one_caller_one_talked(version: str) -> None:
    [call] = EventLog([RECORDED / version / "two_agents_answer_one_caller.csv"]).calls()

    assert len(call.talks) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_a_number_nobody_serves_was_turned_away(version: str) -> None:
    [call] = EventLog([RECORDED / version / "unknown_number.csv"]).calls()

    assert was_refused(call)
    assert call.dialled == "+4930555199"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_agents_own_call_is_no_callers(version: str) -> None:
    assert list(EventLog([RECORDED / version / "feature_code.csv"]).calls()) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_what_callers_write_into_their_numbers_stays_there(version: str) -> None:
    log = EventLog([RECORDED / version / "callers_with_hostile_numbers.csv"])

    calls = list(log.calls())

    assert [call.caller for call in calls] == ["1", "1", "anonymous"]
    assert all(call.ended_by is EndedBy.CALLER for call in calls)
    assert (log.tally.torn, log.tally.unreadable) == (0, 0)
