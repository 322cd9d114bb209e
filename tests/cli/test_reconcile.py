"""`ringfair reconcile` on a real ledger and an event log as Asterisk writes it."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router.cli.exits import DONE, FAILED, MISSING, USAGE
from router.domain.ids import SECOND
from tests.cli.conftest import Bench
from tests.cli.night import DAY, Night, findings
from tests.fakes.event_log import FakeEventLog


@pytest.fixture
def night(bench: Bench) -> Night:
    return Night(bench)


def test_a_day_that_agrees_is_said_to_and_exits_with_0(night: Night) -> None:
    night.log.answered_call(0)
    night.log.abandoned_call(100)
    night.bench.remember(*night.records().values())

    told = night.told(code=DONE)

    assert (told["same"], told["wrong"], told["findings"]) == (2, 0, [])
    assert told["from"] == "2026-09-21T00:00:00.000000Z"
    said = night.run()
    assert "2 calls agree" in said.stdout
    assert said.stdout.rstrip().endswith("Nothing is wrong.")


def test_missing_surplus_and_differing_are_told_apart(night: Night) -> None:
    agree, missing, differing = (night.log.answered_call(at) for at in (0, 100, 200))
    surplus = night.log.abandoned_call(300)
    records = night.records()
    night.log.lines = [line for line in night.log.lines if surplus.encode() not in line]
    night.log.abandoned_call(400)
    records |= {call: record for call, record in night.records().items() if call not in records}
    del records[missing]
    records[differing] = replace(records[differing], ended_at=records[differing].ended_at + SECOND)
    night.bench.remember(*records.values())

    told = night.told(code=FAILED)

    assert findings(told) == {"missing": [missing], "surplus": [surplus], "differing": [differing]}
    assert (told["same"], told["missing"], told["surplus"], told["differing"]) == (2, 1, 1, 1)
    [found] = [finding for finding in told["findings"] if finding["verdict"] == "differing"]
    assert [difference["what"] for difference in found["differences"]] == ["end"]
    shown = night.run()
    assert shown.exit_code == FAILED
    assert "end: +999.0 ms in the ledger" in shown.stdout or "end: +1002.0 ms in the ledger" in shown.stdout
    assert agree not in shown.stdout


def test_a_caller_no_router_knew_gets_a_record_and_the_second_time_nothing(night: Night) -> None:
    talked, left = night.log.answered_call(0), night.log.abandoned_call(100)
    fell = night.log.fallen_back(200)

    told = night.told("--write", code=DONE)

    assert (told["missing"], told["completed"], told["wrong"]) == (3, 3, 0)
    ledger = night.ledger()
    assert {contact: record["outcome"] for contact, record in ledger.items()} == {
        talked: "answered",
        left: "abandoned",
        fell: "system",
    }
    assert ledger[talked]["campaign"] == "shop"
    assert ledger[talked]["dnis"] == "+493023125100"
    assert ledger[talked]["ani"] == "+493023125900"
    assert [s["kind"] for s in ledger[fell]["segments"]] == ["waiting", "announcement"]
    again = night.told("--write", code=DONE)
    assert (again["same"], again["completed"], again["findings"]) == (3, 0, [])
    assert night.ledger() == ledger


def test_nothing_is_written_unless_asked(night: Night) -> None:
    night.log.abandoned_call(0)

    shown = night.run()

    assert shown.exit_code == FAILED
    assert "--write would complete it" in shown.stdout
    assert night.ledger() == {}


def test_an_end_that_was_only_guessed_is_corrected_by_a_new_record(night: Night) -> None:
    caller = night.log.answered_call(0)
    [record] = night.records().values()
    guessed = replace(
        record,
        ended_at=record.ended_at + 90 * SECOND,
        end_estimated=True,
        segments=(*record.segments[:-1], replace(record.segments[-1], to_at=record.ended_at + 90 * SECOND)),
    )
    night.bench.remember(guessed)
    assert night.told(code=FAILED)["differing"] == 1

    told = night.told("--write", code=DONE)

    assert told["findings"][0]["completes"] == f"{caller}~1"
    ledger = night.ledger()
    assert sorted(ledger) == [caller, f"{caller}~1"]
    correction = ledger[f"{caller}~1"]
    assert (correction["corrects"], correction["end_estimated"]) == (caller, False)
    assert ledger[caller]["end_estimated"]
    again = night.told("--write", code=DONE)
    assert (again["same"], again["findings"]) == (1, [])
    assert night.ledger() == ledger


def test_what_the_router_saw_itself_is_left_to_a_person(night: Night) -> None:
    night.log.abandoned_call(0)
    [record] = night.records().values()
    night.bench.remember(replace(record, ended_at=record.ended_at + SECOND))

    told = night.told("--write", code=FAILED)

    assert told["completed"] == 0
    assert "a person has to say" in told["findings"][0]["left"]


def test_what_ended_only_now_is_left_alone_for_a_while(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.log.abandoned_call(0, waits_s=20)
    monkeypatch.setattr("router.cli.reconcile.now", lambda: night.log.began + 60 * SECOND)

    assert night.told("--write", code=FAILED)["completed"] == 0
    assert "on its way" in night.told("--write", code=FAILED)["findings"][0]["left"]
    assert night.told("--write", "--settled", "30", code=DONE)["completed"] == 1


def test_calls_that_are_no_contacts_are_counted_and_no_fault(night: Night) -> None:
    unknown = night.log.caller(0, dialled="493023125999")
    night.log.hangup(unknown, 1, by="dialplan/builtin", cause=1)
    refused = night.log.caller(2)
    night.log.hangup(refused, 3, by="dialplan/builtin", cause=42)
    elsewhere = night.log.caller(4, dialled="493023125998")
    night.log.hangup(elsewhere, 30)

    told = night.told("--write", code=DONE)

    assert (told["refused"], told["foreign"], told["completed"]) == (2, 1, 0)
    assert night.ledger() == {}


@pytest.mark.parametrize("dialled", ["493023125100", "+493023125100", "00493023125100", "03023125100"])
def test_a_number_is_ours_in_every_form_a_carrier_dials(night: Night, dialled: str) -> None:
    night.log.abandoned_call(0, dialled=dialled)

    assert night.told(code=FAILED)["missing"] == 1


def test_a_call_that_goes_on_is_open_and_no_fault(night: Night) -> None:
    night.log.caller(0)
    night.log.abandoned_call(10)
    night.bench.remember(*(record for call, record in night.records().items() if call.endswith(".1")))

    told = night.told(code=DONE)

    assert (told["open"], told["same"]) == (1, 1)


def test_a_call_that_went_down_with_asterisk_gets_a_record_whose_end_is_a_guess(night: Night) -> None:
    night.log.count = 5
    caller = night.log.caller(0)
    night.log.talk(caller, night.log.agent(1, caller), 2, 8)
    night.log.lines = night.log.lines[:-2]
    night.log.line("CHAN_START", 7, "node1-1790000007.6", context="acd-home")
    night.log.count = 0
    night.log.abandoned_call(60)
    night.bench.remember(*(record for contact, record in night.records().items() if contact != caller))

    assert night.told("--write", code=DONE)["completed"] == 1

    record = night.ledger()[caller]
    assert (record["outcome"], record["end_estimated"], record["ended_by"]) == ("answered", True, "system")
    assert night.told(code=DONE)["same"] == 2


def test_a_call_that_went_down_as_it_met_its_agent_is_none_twice(night: Night) -> None:
    night.log.count = 5
    caller = night.log.caller(0)
    night.log.talk(caller, night.log.agent(1, caller), 2, 8)
    night.log.lines = night.log.lines[:-2]
    night.log.count = 0
    night.log.abandoned_call(60)

    assert night.told("--write", code=DONE)["completed"] == 2
    assert night.told("--write", code=DONE)["same"] == 2


def test_a_call_over_midnight_is_of_the_day_it_ended_and_needs_both_files(night: Night) -> None:
    night.log.began += (24 * 3600 - 51_200 - 30) * SECOND  # half a minute before midnight UTC
    caller = night.log.answered_call(0)
    before, after = FakeEventLog(lines=night.log.lines[:3]), FakeEventLog(lines=night.log.lines[3:])
    first = before.save(night.bench.directory / "ringfair-cel-2026-09-21.csv")
    second = night.bench.directory / "ringfair-cel-2026-09-22.csv.gz"
    second.write_bytes(gzip.compress(after.text))

    assert night.told(code=DONE, files=(first, second))["findings"] == []
    lacking = night.told("--write", code=FAILED, day="2026-09-22", files=(second,))
    assert "its begin is not in the files" in lacking["findings"][0]["left"]
    told = night.told("--write", code=DONE, day="2026-09-22", files=(second, first))
    assert findings(told) == {"missing": [caller]}
    assert night.told(code=DONE, day="2026-09-22", files=(first, second))["same"] == 1


def test_records_of_a_time_the_files_say_nothing_about_are_uncovered_and_not_surplus(night: Night) -> None:
    early = night.log.abandoned_call(0)
    late = night.log.abandoned_call(1000)
    night.bench.remember(*night.records().values())
    night.log.lines = [line for line in night.log.lines if late.encode() in line]

    told = night.told(code=FAILED)

    assert findings(told) == {"uncovered": [early]}
    assert told["same"] == 1


def test_a_record_whose_correction_is_of_another_day_is_no_surplus(night: Night) -> None:
    night.log.began += (24 * 3600 - 51_200 - 30) * SECOND
    caller = night.log.abandoned_call(0, waits_s=20)
    night.log.abandoned_call(100)
    night.log.abandoned_call(4000)
    records = night.records()
    guess = records.pop(caller)
    ends = guess.ended_at + 60 * SECOND
    night.bench.remember(
        replace(guess, ended_at=ends, end_estimated=True, segments=(replace(guess.segments[0], to_at=ends),)),
        *records.values(),
    )

    assert night.told("--write", code=DONE)["completed"] == 1
    assert night.told(code=DONE)["same"] == 1
    night.log.lines = [line for line in night.log.lines if caller.encode() not in line]
    assert night.told(code=DONE, day="2026-09-22")["findings"] == []


def test_torn_and_foreign_lines_cost_nothing_and_are_told(night: Night) -> None:
    night.log.answered_call(0)
    night.bench.remember(*night.records().values())
    night.log.lines[2:2] = [b'"cel1","ANSW\n']
    night.log.lines[0:0] = [b"who wrote this?\n"]

    told = night.told(code=DONE)

    assert (told["lines"]["torn"], told["lines"]["unreadable"]) == (1, 1)
    assert "1 torn and 1 unreadable" in night.run().stdout


def test_examples_are_limited_and_the_counts_are_not(night: Night) -> None:
    for number in range(30):
        night.log.abandoned_call(number * 30)

    shown = night.run()
    told = night.told("--limit", "3", code=FAILED)

    assert "(30, the first 10)" in shown.stdout
    assert (told["missing"], len(told["findings"])) == (30, 3)


def test_what_a_caller_sends_is_shown_as_text_and_never_obeyed(night: Night) -> None:
    night.log.abandoned_call(0, number='\x1b]0;evil\x07","x"\n=cmd', channel="PJSIP/[red]trunk-1")

    shown = night.run("--write")

    assert "\x1b" not in shown.stdout
    [record] = night.ledger().values()
    assert record["ani"].isprintable()


@pytest.mark.parametrize("day", ["", "today's", "2026-13-01", "2026-09-31", "21.09.2026", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_none_is_wrong_usage(night: Night, day: str) -> None:
    assert night.run(day=day).exit_code == USAGE


def test_files_that_cannot_be_read_are_named(night: Night, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b,c\n1,2,3\n")
    (tmp_path / "half.gz").write_bytes(gzip.compress(FakeEventLog().text + b"x" * 100_000)[:40])
    good = night.log.save(night.file)
    night.log.abandoned_call(0)

    for files, said in [
        ((tmp_path / "nowhere.csv",), "nowhere.csv"),
        ((tmp_path,), "readable file"),
        ((tmp_path / "other.csv",), "asterisk/cel_custom.conf"),
        ((tmp_path / "half.gz",), "read to its end"),
        ((good, good), "given twice"),
    ]:
        result = night.run(files=files)
        assert result.exit_code == USAGE, result.output
        assert said in result.output


def test_an_empty_file_is_an_empty_day(night: Night) -> None:
    assert night.told(code=DONE)["same"] == 0


def test_without_a_ledger_it_says_so(bench: Bench, tmp_path: Path) -> None:
    file = FakeEventLog().save(tmp_path / "cel.csv")

    result = bench.run("reconcile", DAY, "--cel", str(file))

    assert result.exit_code == MISSING


def test_yesterday_is_a_day_and_midnight_is_this_machines_unless_utc(night: Night, monkeypatch: Any) -> None:
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        told = night.bench.run("reconcile", "2026-10-25", "--cel", str(night.log.save(night.file)), "--json")
        assert json.loads(told.stdout)["from"] == "2026-10-24T22:00:00.000000Z"
        assert json.loads(told.stdout)["to"] == "2026-10-25T23:00:00.000000Z"
        assert night.run(day="yesterday").exit_code == DONE
    finally:
        monkeypatch.undo()
        time.tzset()
