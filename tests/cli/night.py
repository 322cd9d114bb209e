"""A day of calls: the event log of Asterisk, and the ledger of whoever routed them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from typer.testing import Result

from router.adapters.cel.calls import CallReader
from router.adapters.cel.lines import Tally, read_rows
from router.domain.record import BillingRecord
from router.domain.truth.reconciliation import CallSeen
from tests.cli.conftest import Bench
from tests.domain.test_reconciliation import a_record
from tests.fakes.event_log import FakeEventLog

MS = 1000
DAY = "2026-09-21"
"Of the log's first line, in UTC."


class Night:
    """A bench, an event log, and what the router would have written of it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.log = FakeEventLog()
        self.file = bench.directory / "cel.csv"
        bench.remember()

    def records(self) -> dict[str, BillingRecord]:
        return {call.contact_id: a_record(call) for call in self.calls()}

    def calls(self) -> list[CallSeen]:
        return list(CallReader().calls(read_rows(io.BytesIO(self.log.text), Tally())))

    def run(self, *more: str, day: str = DAY, files: tuple[Path, ...] = ()) -> Result:
        if not files:
            files = (self.log.save(self.file),)
        given = [word for file in files for word in ("--cel", str(file))]
        return self.bench.run("reconcile", day, "--utc", *given, *more)

    def told(self, *more: str, code: int, **how: Any) -> dict[str, Any]:
        result = self.run("--json", *more, **how)
        assert result.exit_code == code, result.output
        told: dict[str, Any] = json.loads(result.stdout)
        return told

    def ledger(self) -> dict[str, dict[str, Any]]:
        return {record["contact_id"]: record for record in self.bench.json("records", "--json")}


def findings(told: dict[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for finding in told["findings"]:
        found.setdefault(finding["verdict"], []).append(finding["contact_id"])
    return found
