"""`ringfair reconcile` while records are still on somebody's disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.adapters.sql.drawers import Drawers
from router.adapters.sql.spool import Spool
from router.adapters.sql.spool_line import write_line
from router.cli.exits import DONE, FAILED, MISSING, REFUSED
from router.domain.record import RECONCILED
from tests.cli.conftest import Bench
from tests.cli.night import Night


@pytest.fixture
def night(bench: Bench) -> Night:
    return Night(bench)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.cli.reconcile.ON_THE_WAY_S", 0.3)


@pytest.mark.usefixtures("hurried")
def test_nothing_is_written_while_records_wait_on_this_machine(night: Night) -> None:
    kept, brought = night.log.abandoned_call(0), night.log.abandoned_call(100)
    records = night.records()
    night.bench.remember(records[brought])
    for drawer, contact in ((1, kept), (2, brought)):
        spool = Spool.open(night.bench.directory / "spool" / str(drawer))
        spool.append([write_line(records[contact])])
        spool.close()

    refused = night.run("--write")
    assert refused.exit_code == REFUSED
    assert f"1 records are still on this machine's disk, in {night.bench.directory / 'spool' / '1'}" in refused.stderr
    assert "ledger merge" in refused.stderr
    assert list(night.ledger()) == [brought]

    asked = night.run("--json")
    assert "1 records are still on this machine's disk" in asked.stderr
    told = json.loads(asked.stdout)
    assert (asked.exit_code, told["on_the_way"], told["missing"]) == (FAILED, 1, 1)

    night.bench.json("ledger", "merge", str(night.bench.directory / "spool"), "--json")
    assert night.told("--write", code=DONE)["on_the_way"] == 0


@pytest.mark.usefixtures("hurried")
def test_what_waits_for_another_sites_ledger_is_none_of_ours(night: Night) -> None:
    night.log.abandoned_call(0)
    with Drawers.open(night.bench.directory / "spool", ledger="elsewhere") as drawers:
        drawers.spool.append([write_line(record) for record in night.records().values()])

        assert night.told("--write", code=DONE)["completed"] == 1


def test_an_empty_spool_and_none_are_in_nobodys_way(night: Night) -> None:
    night.log.abandoned_call(0)
    (night.bench.directory / "spool").mkdir()

    assert night.told("--write", code=DONE)["completed"] == 1


def test_a_spool_that_cannot_be_read_is_told_and_nothing_is_written(night: Night) -> None:
    night.log.abandoned_call(0)
    drawer = night.bench.directory / "spool" / "1"
    drawer.mkdir(parents=True)
    (drawer / "000000000001.facts").mkdir()

    assert night.run("--write").exit_code == MISSING
    assert night.ledger() == {}
    asked = night.run()
    assert asked.exit_code == FAILED
    assert "is not known" in asked.stderr


def test_what_was_on_another_machines_disk_corrects_the_record_that_was_made_up_for_it(
    night: Night, tmp_path: Path
) -> None:
    contact = night.log.answered_call(0)
    own = night.records()[contact]
    spool = Spool.open(tmp_path / "dead-machine")
    spool.append([write_line(own)])
    spool.close()
    assert night.told("--write", code=DONE)["completed"] == 1
    assert night.ledger()[contact]["config_hash"] == RECONCILED

    for new in (1, 0):
        merged = night.bench.json("ledger", "merge", str(tmp_path / "dead-machine"), "--json")
        assert merged["new"] == new

    record = night.ledger()[f"{contact}~1"]
    assert (record["corrects"], record["config_hash"]) == (contact, own.config_hash)
    told = night.told("--write", code=DONE)
    assert (told["same"], told["completed"], told["findings"]) == (1, 0, [])
    assert night.bench.json("ledger", "verify", "--json")["whole"]
