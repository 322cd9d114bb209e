"""`ringfair trace`: milestones of one contact, the latest offers part by part, and percentiles."""

import json
from dataclasses import replace

import pytest

from router.cli.exits import MISSING, REFUSED, USAGE
from router.cli.trace import PARTS, STEPS, picture
from router.domain.ids import ContactId
from router.trace.reading import GAPS
from tests.cli.conftest import Bench
from tests.fakes.desk import FakeDesk
from tests.trace.traces import a_trace


def test_every_part_the_router_names_has_a_column_and_a_sentence() -> None:
    assert list(PARTS) == list(GAPS)


def test_a_contact_is_shown_milestone_by_milestone_with_the_time_between(bench: Bench, desk: FakeDesk) -> None:
    desk.remembered = [a_trace("node1-1.1")]
    shown = bench.run("trace", "node1-1.1").stdout
    lines = [line.split() for line in shown.splitlines()]

    assert "Contact node1-1.1, which has ended" in shown
    read = next(line for line in lines if "socket" in line)
    assert read[1:3] == ["0.200", "0.200"]
    written = next(line for line in shown.splitlines() if "written to Asterisk" in line)
    assert "Originate" in written
    assert "offer 1" in written
    assert "1.100" in written


def test_the_picture_gives_the_longest_part_the_longest_bar_and_adds_up(bench: Bench, desk: FakeDesk) -> None:
    desk.remembered = [a_trace("node1-1.1", slower_us=9_000)]
    lines = bench.run("trace", "node1-1.1").stdout.splitlines()
    bars = {line[2:40].strip(): line.count("█") for line in lines if "█" in line}
    assert bars == {
        "Asterisk's event to our socket": 1,
        "bytes to an observation in the inbox": 1,
        "the Originate to the socket": 40,
        "making the agent's leg": 5,
    }
    assert any(line.startswith("  all until the Originate is written") and "10.100 ms" in line for line in lines)
    assert any(line.startswith("Offer 1, decided on AcdArrived") for line in lines)


def test_a_person_who_answers_late_makes_no_bar_flat() -> None:
    offer = {"offer_id": "c.1", "cause": "AcdArrived", "gaps_s": {"parser": 0.0001, "phone": 0.0002, "agent": 8.0}}
    counted = {line[2:40].strip(): line.count("█") for line in picture(offer)}
    assert counted["until it rings"] == 40
    assert counted["bytes to an observation in the inbox"] == 20
    assert counted["until the agent answers"] == 0


def test_a_contact_not_remembered_says_how_far_back_the_router_remembers(bench: Bench, desk: FakeDesk) -> None:
    desk.remembered = [a_trace("node1-1.1")]
    result = bench.run("trace", "node1-9.9")
    assert result.exit_code == REFUSED
    assert "The router remembers 1" in result.stderr


def test_the_latest_are_shown_part_by_part_with_percentiles_over_all(bench: Bench, desk: FakeDesk) -> None:
    desk.remembered = [a_trace(f"node1-1.{number}", slower_us=number * 1_000) for number in range(100, 0, -1)]
    desk.remembered += [a_trace("node1-2.1", cause="Hangup"), a_trace("node1-2.2", cause=None)]
    shown = bench.run("trace", "--last", "3").stdout

    assert "latest 3 of 102 contacts" in shown
    assert [f"node1-1.{number}.1" in shown for number in (100, 99, 98, 97)] == [True, True, True, False]
    row = next(line for line in shown.splitlines() if "arrival → Originate written" in line)
    assert row.split()[-4:] == ["51.100", "100.100", "101.100", "100"]
    freed = next(line for line in shown.splitlines() if "other news" in line)
    assert freed.split()[-4:] == ["1.100", "1.100", "1.100", "1"]


def test_without_a_contact_the_latest_are_shown(bench: Bench, desk: FakeDesk) -> None:
    assert "no contact since it was started" in bench.run("trace").stdout
    desk.remembered = [a_trace(f"node1-1.{number}") for number in range(30)]
    assert "latest 20 of 30 contacts" in bench.run("trace").stdout


def test_json_is_what_the_router_says(bench: Bench, desk: FakeDesk) -> None:
    desk.remembered = [a_trace("node1-1.2"), a_trace("node1-1.1")]
    whole = bench.json("trace", "node1-1.1", "--json")
    assert [one["step"] for one in whole["milestones"]][:3] == ["happened", "read", "parsed"]
    assert {one["step"] for one in whole["milestones"]} <= set(STEPS)
    latest = json.loads(bench.run("trace", "--last", "1", "--json").stdout)
    assert [item["contact_id"] for item in latest] == ["node1-1.2"]


@pytest.mark.parametrize("words", [["node1-1.1", "--last", "3"], ["--last", "0"], ["--last", "1001"], ["--last", "x"]])
def test_words_that_make_no_sense_are_a_mistake_of_use(bench: Bench, words: list[str]) -> None:
    assert bench.run("trace", *words).exit_code == USAGE


def test_without_a_router_the_code_is_3(bench: Bench) -> None:
    result = bench.run("trace", "node1-1.1")
    assert result.exit_code == MISSING
    assert "ringfair serve" in result.stderr


def test_an_id_with_control_characters_cannot_move_the_cursor(bench: Bench, desk: FakeDesk) -> None:
    trace = a_trace("node1-1.1")
    bad = ContactId("x\x1b[2J\n")
    hostile = replace(trace, offers=(replace(trace.offers[0], cause="Hangup", cause_contact=bad),))
    desk.remembered = [hostile]
    for words in (["trace", "node1-1.1"], ["trace"]):
        assert "\x1b" not in bench.run(*words).stdout
