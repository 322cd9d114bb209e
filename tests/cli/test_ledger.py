"""`ringfair ledger verify`, `spool` and `merge` on a real ledger and real spools."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from router.adapters.sql.drawers import Drawers
from router.adapters.sql.segments import UNKNOWN
from router.adapters.sql.spool import Spool
from router.adapters.sql.spool_line import sealed, write_line
from router.cli.exits import DONE, FAILED, MISSING, REFUSED, USAGE
from router.domain.ids import ContactId
from router.domain.record import Fact
from tests.cli.conftest import Bench
from tests.cli.stories import answered


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The spool of a dead machine."""
    return tmp_path / "dead" / "spool"


def strand(place: Path, facts: Sequence[Fact], *more: bytes) -> None:
    spool = Spool.open(place)
    spool.append([*(write_line(fact) for fact in facts), *more])
    spool.close()


def contents(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.iterdir()}


def tamper(bench: Bench, statement: str) -> None:
    with closing(sqlite3.connect(bench.directory / "ledger.sqlite3", isolation_level=None)) as ledger:
        for table in ("records", "chain", "segments", "legs"):
            ledger.execute(f"DROP TRIGGER {table}_no_update")
            ledger.execute(f"DROP TRIGGER {table}_no_delete")
        ledger.execute(statement)


# ---- verify ----


def test_a_whole_ledger_is_verified_and_its_head_can_be_noted(bench: Bench) -> None:
    bench.remember(*answered(1), *answered(2), *answered(3))
    found = bench.json("ledger", "verify", "--json")
    assert {key: found[key] for key in ("whole", "from", "checked", "position", "noted_at", "broken")} == {
        "whole": True,
        "from": 0,
        "checked": 3,
        "position": 3,
        "noted_at": None,
        "broken": None,
    }
    head = found["head"]
    result = bench.run("ledger", "verify")
    assert (result.exit_code, head in result.stdout) == (DONE, True)
    assert "3 records are as they were written." in result.stdout
    bench.remember(*answered(4))
    result = bench.run("ledger", "verify", "--head", head.upper(), "--from", "1")
    assert result.exit_code == DONE
    assert "The noted hash stands at position 3." in result.stdout


def test_a_changed_record_is_told_with_its_contact_and_its_place(bench: Bench) -> None:
    bench.remember(*answered(1), *answered(2), *answered(3))
    tamper(bench, "UPDATE records SET ended_at = ended_at + 60000000 WHERE contact_id = 'node1-2.1'")
    result = bench.run("ledger", "verify")
    assert result.exit_code == FAILED
    assert "BROKEN at position 2: the record of node1-2.1 was changed." in result.stdout
    result = bench.run("ledger", "verify", "--json")
    assert result.exit_code == FAILED
    broken = json.loads(result.stdout)["broken"]
    assert (broken["fault"], broken["position"], broken["contact_id"]) == ("changed", 2, "node1-2.1")
    assert bench.run("ledger", "verify", "--from", "2").exit_code == DONE


def test_a_missing_record_is_told_with_its_contact_and_its_place(bench: Bench) -> None:
    bench.remember(*answered(1), *answered(2), *answered(3))
    tamper(bench, "DELETE FROM records WHERE contact_id = 'node1-3.1'")
    result = bench.run("ledger", "verify")
    assert result.exit_code == FAILED
    assert "BROKEN at position 3: the record of node1-3.1 is missing." in result.stdout


def test_a_hash_that_is_not_in_the_chain_means_a_tail_cut_off(bench: Bench) -> None:
    bench.remember(*answered(1))
    result = bench.run("ledger", "verify", "--head", "5f" * 32)
    assert result.exit_code == FAILED
    assert "cut off" in result.stdout


@pytest.mark.parametrize("head", ["", "5f", "x" * 64])
def test_a_hash_that_is_none_is_wrong_usage(bench: Bench, head: str) -> None:
    result = bench.run("ledger", "verify", "--head", head)
    assert result.exit_code == USAGE
    assert "64 characters" in result.stderr


def test_no_ledger_yet_is_not_a_whole_one(bench: Bench) -> None:
    result = bench.run("ledger", "verify")
    assert result.exit_code == MISSING
    assert "There is no ledger" in result.stderr


# ---- spool ----


def test_the_spool_of_the_site_is_beside_its_ledger_unless_the_files_say_otherwise(bench: Bench) -> None:
    strand(bench.directory / "spool", answered(1))
    found = bench.json("ledger", "spool", "--json")
    assert found["directory"] == str(bench.directory / "spool")
    assert ([spool["writer"] for spool in found["spools"]], found["waiting"]) == ([None], 6)
    assert found["by_kind"] == {"decision": 2, "offer": 2, "record": 1, "wrapup": 1}
    bench.settings["ledger"] += 'spool_dir = "elsewhere"\n'
    strand(bench.directory / "elsewhere", answered(1)[:1])
    assert bench.json("ledger", "spool", "--json")["waiting"] == 1


def test_no_spool_yet_is_no_empty_spool(bench: Bench) -> None:
    result = bench.run("ledger", "spool")
    assert result.exit_code == MISSING
    assert "There is no spool" in result.stderr
    assert not (bench.directory / "spool").exists()


def test_a_spool_that_is_written_to_is_shown_with_its_writer(bench: Bench) -> None:
    spool = Spool.open(bench.directory / "spool")
    spool.append([write_line(fact) for fact in answered(1)])
    try:
        [found] = bench.json("ledger", "spool", "--json")["spools"]
        assert found["writer"] == f"process {os.getpid()}"
        shown = bench.run("ledger", "spool").stdout
    finally:
        spool.close()
    assert "6 facts (2 decision, 2 offer, 1 record, 1 wrapup)" in shown
    assert f"process {os.getpid()}" in shown


def test_what_was_set_aside_is_shown(bench: Bench, place: Path) -> None:
    strand(place, answered(1), sealed(b'{"v":1,"type":"payment","fact":{}}'), b"damaged\n", b"torn")
    spool = Spool.open(place)
    page = spool.read(100)
    assert page is not None
    spool.confirm(page)
    spool.refuse([(answered(2)[4], "why not")])
    spool.close()
    found = bench.json("ledger", "spool", str(place), "--json")
    assert (found["waiting"], found["damaged"], found["unknown"], found["refused"]) == (0, 1, 1, 1)
    shown = bench.run("ledger", "spool", str(place)).stdout
    assert "facts of another release" in shown
    assert "torn" not in shown


def test_every_drawer_is_shown_and_those_of_before_there_were_any(bench: Bench) -> None:
    place = bench.directory / "spool"
    strand(place, answered(1)[:1])
    strand(place / "2", answered(2))
    with Drawers.open(place) as drawers:
        drawers.spool.append([write_line(fact) for fact in answered(3)[:2]])
        found = bench.json("ledger", "spool", "--json")
        shown = bench.run("ledger", "spool").stdout
    assert [(Path(spool["directory"]).name, spool["waiting"], spool["writer"]) for spool in found["spools"]] == [
        ("spool", 1, None),
        ("1", 2, f"process {os.getpid()}"),
        ("2", 6, None),
    ]
    assert found["waiting"] == 9
    assert sum(found["by_kind"].values()) == 9
    assert "9 facts wait in" in shown
    assert shown.count("nobody now") == 2


def test_a_directory_that_is_no_spool_is_refused(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for directory in (tmp_path / "nowhere", tmp_path / "empty", tmp_path / "site" / "ringfair.toml"):
        for command in ("spool", "merge"):
            bench.remember()
            result = bench.run("ledger", command, str(directory))
            assert result.exit_code == REFUSED, result.output
            assert "spool" in result.stderr


# ---- merge ----


def test_a_stranded_spool_is_brought_in_once_and_stays_as_it_was(bench: Bench, place: Path) -> None:
    bench.remember(*answered(1))
    strand(place, [*answered(1), *answered(2), *answered(3)])
    before = contents(place)
    found = bench.json("ledger", "merge", str(place), "--json")
    assert (found["facts"], found["new"], found["damaged"], found["refused"]) == (18, 12, 0, 0)
    assert bench.json("ledger", "merge", str(place), "--json")["new"] == 0
    result = bench.run("ledger", "merge", str(place))
    assert (result.exit_code, result.stderr) == (DONE, "")
    assert "18 facts in" in result.stdout
    assert "0 new, 18 there already." in result.stdout
    assert contents(place) == before
    contacts = [record["contact_id"] for record in bench.json("records", "--json")]
    assert contacts == ["node1-1.1", "node1-2.1", "node1-3.1"]
    assert bench.json("ledger", "verify", "--json")["whole"]


def test_the_whole_spool_of_a_dead_machine_is_brought_in_at_once(bench: Bench, place: Path) -> None:
    bench.remember()
    strand(place, answered(1))
    strand(place / "1", answered(2))
    strand(place / "2", [*answered(2), *answered(3)])
    found = bench.json("ledger", "merge", str(place), "--json")
    assert (found["facts"], found["new"]) == (24, 18)
    assert bench.json("ledger", "merge", str(place), "--json")["new"] == 0
    assert bench.json("ledger", "merge", str(place / "2"), "--json")["facts"] == 12
    assert bench.json("ledger", "verify", "--json")["whole"]


def test_nothing_is_brought_in_while_a_router_has_one_of_the_drawers(bench: Bench, place: Path) -> None:
    bench.remember()
    strand(place / "2", answered(2))
    with Drawers.open(place):
        result = bench.run("ledger", "merge", str(place))
        assert bench.run("ledger", "merge", str(place / "2")).exit_code == DONE
    assert result.exit_code == REFUSED
    assert f"process {os.getpid()} writes to it" in result.stderr


def test_a_spool_may_be_read_from_a_disk_that_cannot_be_written(bench: Bench, place: Path) -> None:
    bench.remember()
    strand(place, answered(1))
    (place / "lock").unlink()
    for path in (*place.iterdir(), place):
        path.chmod(0o500 if path.is_dir() else 0o400)
    assert bench.json("ledger", "merge", str(place), "--json")["new"] == 6


def test_a_spool_that_a_router_writes_to_is_refused(bench: Bench, place: Path) -> None:
    bench.remember()
    spool = Spool.open(place)
    try:
        spool.append([write_line(fact) for fact in answered(1)])
        result = bench.run("ledger", "merge", str(place))
    finally:
        spool.close()
    assert result.exit_code == REFUSED
    assert f"process {os.getpid()} writes to it" in result.stderr
    assert bench.json("records", "--json") == []


def test_what_cannot_be_brought_in_is_told_and_the_rest_is_in(bench: Bench, place: Path) -> None:
    bench.remember()
    whole = [write_line(fact) for fact in answered(1)]
    strand(place, answered(2), sealed(b'{"v":1,"type":"payment","fact":{}}'), whole[0][:50] + b"#" + whole[0][51:])
    with (place / "000000000001.facts").open("ab") as file:
        file.write(whole[1][:-20])
    impossible = (
        b'{"v":1,"type":"agent-change","fact":{"agent_id":"","at":1,"status":"READY","reason":null,"asked_by":"x"}}'
    )
    (place / "000000000002.facts").write_bytes(sealed(impossible) + b"".join(whole))
    result = bench.run("ledger", "merge", str(place), "--json")
    assert result.exit_code == FAILED
    found = json.loads(result.stdout)
    counted = {key: found[key] for key in ("facts", "new", "damaged", "torn", "unknown", "refused")}
    assert counted == {"facts": 13, "new": 12, "damaged": 1, "torn": 1, "unknown": 1, "refused": 1}
    assert "1 lines are damaged" in result.stderr
    assert "1 facts are of another release" in result.stderr
    assert "a AgentChangeFact was refused: agent_id" in result.stderr


def test_facts_that_waited_for_another_release_are_brought_in_by_it(bench: Bench, place: Path) -> None:
    bench.remember()
    strand(place, [])
    (place / UNKNOWN).write_bytes(b"".join(write_line(fact) for fact in answered(1)))
    assert bench.json("ledger", "merge", str(place), "--json")["new"] == 6


def test_an_unreadable_file_in_a_spool_is_one_sentence(bench: Bench, place: Path) -> None:
    bench.remember()
    strand(place, answered(1))
    shutil.copy(place / "000000000001.facts", place / "copy")
    (place / "000000000002.facts").symlink_to(place / "copy")
    result = bench.run("ledger", "merge", str(place))
    assert result.exit_code == MISSING
    assert "000000000002.facts cannot be read" in result.stderr
    assert "Traceback" not in result.output


def test_a_correction_can_be_read_like_any_record(bench: Bench) -> None:
    from dataclasses import replace

    record = answered(1)[4]
    correction = replace(record, contact_id=ContactId("node1-1.1~1"), corrects=ContactId("node1-1.1"))  # type: ignore[type-var,call-arg]
    bench.remember(*answered(1), correction)  # type: ignore[arg-type]
    records = bench.json("records", "--json")
    assert [(found["contact_id"], found["corrects"]) for found in records] == [
        ("node1-1.1", None),
        ("node1-1.1~1", "node1-1.1"),
    ]
