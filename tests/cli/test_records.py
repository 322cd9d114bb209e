"""`ringfair records` from a real ledger: JSON, CSV, table, filters."""

import csv
import io
import json
import re
import signal
import subprocess
import sys

from router.adapters.sql.ledger import PAGE
from router.cli.exits import DONE, MISSING, REFUSED, USAGE
from tests.cli.conftest import Bench
from tests.cli.stories import answered

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def test_json_is_an_array_with_one_object_a_contact(bench: Bench) -> None:
    bench.remember(*answered(0), *answered(1))
    records = bench.json("records", "--json")
    assert [record["contact_id"] for record in records] == ["node1-0.1", "node1-1.1"]
    record = records[0]
    assert record["arrived_at"] == "2026-09-21T14:13:20.000000Z"
    assert INSTANT.fullmatch(record["segments"][0]["to"])
    assert [segment["kind"] for segment in record["segments"]] == ["waiting", "talk", "hold", "talk"]
    assert [offer["result"] for offer in record["offers"]] == ["missed", "answered"]
    assert record["wrapups"][0]["disposition"] == "ordered"
    assert [leg["agent"] for leg in record["legs"]] == [None, "agent-1002"]


def test_the_place_of_the_chain_is_there_before_there_is_one(bench: Bench) -> None:
    bench.remember(*answered(0))
    (record,) = bench.json("records", "--json")
    assert ("prev_hash" in record, record["prev_hash"]) == (True, None)
    (row,) = csv.DictReader(io.StringIO(bench.run("records", "--csv").stdout))
    assert row["prev_hash"] == ""
    assert row["config_hash"] == "c0ffee"


def test_whoever_reads_only_the_beginning_ends_it_without_a_word(bench: Bench) -> None:
    bench.remember(*(answered(number)[4] for number in range(PAGE + 1)))
    bench.write()
    command = [sys.executable, "-m", "router", "records", "--json", "--config", str(bench.directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reading:
        assert reading.stdout is not None
        assert reading.stderr is not None
        assert len(reading.stdout.read(100)) == 100
        reading.stdout.close()
        said = reading.stderr.read()
        assert (reading.wait(30), said) == (-signal.SIGPIPE, b"")


def test_more_than_a_page_of_the_ledger_is_still_one_array(bench: Bench) -> None:
    bench.remember(*(answered(number)[4] for number in range(PAGE + 1)))
    assert len(bench.json("records", "--json")) == PAGE + 1


def test_an_empty_ledger_is_an_empty_array(bench: Bench) -> None:
    bench.remember()
    assert bench.json("records", "--json") == []
    assert "No records" in bench.run("records").stdout


def test_no_ledger_yet_is_no_empty_ledger(bench: Bench) -> None:
    result = bench.run("records", "--json")
    assert result.exit_code == MISSING
    assert "There is no ledger" in result.stderr
    assert not (bench.directory / "ledger.sqlite3").exists()


def test_filters_narrow_the_records_down(bench: Bench) -> None:
    bench.remember(*answered(0), *answered(1, campaign="support"), *answered(2))

    def ids(*arguments: str) -> list[str]:
        return [record["contact_id"] for record in bench.json("records", "--json", *arguments)]

    assert ids("--campaign", "shop") == ["node1-0.1", "node1-2.1"]
    assert ids("--limit", "2") == ["node1-0.1", "node1-1.1"]
    # contact n ends 100 s after 14:13:20 + n * 10 min
    assert ids("--from", "2026-09-21T14:15:01Z") == ["node1-1.1", "node1-2.1"]
    assert ids("--from", "2026-09-21T16:15:00+02:00", "--to", "2026-09-21T14:25:00Z") == ["node1-0.1"]
    assert ids("--to", "2026-09-01") == []
    assert ids("--contact", "node1-1.1") == ["node1-1.1"]


def test_a_wrong_time_or_mixed_filters_are_wrong_usage(bench: Bench) -> None:
    for arguments in (
        ["--from", "yesterday"],
        ["--to", "2026-13-01"],
        ["--from", "0001-01-01T00:00+14:00"],
        ["--json", "--csv"],
        ["--contact", "x", "--campaign", "shop"],
        ["--limit", "0"],
    ):
        assert bench.run("records", *arguments).exit_code == USAGE


def test_an_unknown_or_open_contact_is_told(bench: Bench) -> None:
    bench.remember(*answered(0)[:2])
    unknown = bench.run("records", "--contact", "node1-9.9")
    assert (unknown.exit_code, "no contact" in unknown.stderr) == (REFUSED, True)
    still_open = bench.run("records", "--contact", "node1-0.1")
    assert (still_open.exit_code, "ringfair explain" in still_open.stderr) == (REFUSED, True)


def test_csv_has_a_line_a_contact_and_no_formula(bench: Bench) -> None:
    bench.remember(*answered(0), *answered(1, ani='=HYPERLINK("x"),'), *answered(2, ani=""))
    result = bench.run("records", "--csv")
    assert result.exit_code == DONE
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["ani"] for row in rows] == ["+493023125900", '\'=HYPERLINK("x"),', ""]
    assert rows[0]["agents"] == "agent-1002"
    assert (rows[0]["waiting_s"], rows[0]["talk_s"], rows[0]["hold_s"]) == ("18.000000", "72.000000", "10.000000")
    assert (rows[0]["offers"], rows[0]["offers_not_answered"]) == ("2", "1")


def test_the_table_shows_what_a_caller_sent_without_obeying_it(bench: Bench) -> None:
    bench.remember(*answered(0, ani="[red]x\x1b[31m"))
    shown = bench.run("records").stdout
    assert "[red]x" in shown
    assert "\x1b" not in shown
    assert "2, 1 in vain" in shown


def test_json_survives_what_a_phone_cannot_encode(bench: Bench) -> None:
    bench.remember(*answered(0, ani='"\\\u2028\x00'))
    (record,) = json.loads(bench.run("records", "--json").stdout)
    assert record["contact_id"] == "node1-0.1"
