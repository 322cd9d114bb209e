"""What `ringfair reconcile` found, for the screen and as JSON."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from router.cli.instants import local
from router.cli.screen import print_table
from router.domain.ids import SECOND, Micros
from router.domain.truth.reconciliation import Verdict

if TYPE_CHECKING:
    from router.adapters.cel.files import EventLog
    from router.cli.reconciling import Counts, Finding
    from router.domain.truth.agreement import Agreement

_TITLES = {
    Verdict.MISSING: "Missing: Asterisk saw a caller, the ledger has no record",
    Verdict.SURPLUS: "Surplus: the ledger has a record, Asterisk never saw the caller",
    Verdict.DIFFERING: "Differing: both have it, and do not agree",
    Verdict.UNCOVERED: "Uncovered: the files tell nothing about the time of these records",
    Verdict.OPEN: "Open: the call has no end in the files, and no record yet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """How far apart an instant may be."""

    always_ms: int
    usually_ms: int
    "To 99 of 100."


class Report:
    """Counts, and the first examples of each kind."""

    def __init__(
        self,
        log: "EventLog",
        counts: "Counts",
        findings: "list[Finding]",
        agreement: "Agreement",
        allowed: Allowed,
        on_the_way: int,
    ) -> None:
        self.log = log
        self.counts = counts
        self.findings = findings
        self.agreement = agreement
        self.allowed = allowed
        self.on_the_way = on_the_way
        "Records on this machine's disk that were not in the ledger."

    @property
    def is_late(self) -> bool:
        return self.agreement.within_ms(99) > self.allowed.usually_ms

    def show(self, bounds: tuple[Micros, Micros], *, utc: bool) -> None:
        counts, tally = self.counts, self.log.tally
        typer.echo(f"{_when(bounds[0], utc)} to {_when(bounds[1], utc)}: {counts.same} calls agree")
        for verdict, title in _TITLES.items():
            found = [finding for finding in self.findings if finding.verdict is verdict]
            if number := counts.found[verdict]:
                more = f", the first {len(found)}" if len(found) < number else ""
                print_table(f"{title} ({number}{more})", ("contact", "campaign", "ended", "what"), map(_cells, found))
        if counts.refused or counts.foreign:
            typer.echo(f"No contacts: {counts.refused} calls refused, {counts.foreign} to numbers that are not ours")
        if tally.torn or tally.unreadable:
            typer.echo(f"Of the files {tally.torn} torn and {tally.unreadable} unreadable lines were left out")
        if counts.completed:
            typer.echo(f"{counts.completed} records written")
        self._show_agreement()
        said = [f"{counts.wrong} to be looked at."] if counts.wrong else []
        said += ["The two are too far apart too often."] if self.is_late else []
        typer.echo(" ".join(said) or "Nothing is wrong.")

    def _show_agreement(self) -> None:
        agreement, allowed = self.agreement, self.allowed
        if not agreement.count:
            return
        typer.echo(
            f"Of {agreement.count} instants 99 in 100 are within {agreement.within_ms(99)} ms "
            f"({allowed.usually_ms} ms are allowed), all within {agreement.most / 1000:.1f} ms ({allowed.always_ms} ms)"
        )
        worst = [each for each in agreement.worst() if each.apart > allowed.usually_ms * 1000]
        if worst:
            cells = [(each.contact_id, _difference(each.what, each.ledger, each.asterisk)) for each in worst]
            print_table("Farthest apart", ("contact", "what"), cells)

    def json(self, bounds: tuple[Micros, Micros]) -> str:
        from router.adapters.http.answers import encode, instant

        counts, tally, agreement = self.counts, self.log.tally, self.agreement
        said: dict[str, Any] = {
            "from": instant(bounds[0]),
            "to": instant(bounds[1]),
            "tolerance_ms": self.allowed.always_ms,
            "usually_ms": self.allowed.usually_ms,
            "same": counts.same,
            **{verdict.value: count for verdict, count in counts.found.items()},
            "completed": counts.completed,
            "wrong": counts.wrong,
            "late": self.is_late,
            "on_the_way": self.on_the_way,
            "apart": {
                "instants": agreement.count,
                "p50_ms": agreement.within_ms(50),
                "p99_ms": agreement.within_ms(99),
                "most_ms": agreement.most / 1000,
                "worst": [
                    {
                        "contact_id": each.contact_id,
                        "what": each.what,
                        "ledger": instant(each.ledger),
                        "asterisk": instant(each.asterisk),
                    }
                    for each in agreement.worst()
                ],
            },
            "refused": counts.refused,
            "foreign": counts.foreign,
            "lines": {"read": tally.rows, "torn": tally.torn, "unreadable": tally.unreadable},
            "findings": [_told(finding) for finding in self.findings],
        }
        return encode(said).decode()


def _when(at: Micros, utc: bool) -> str:
    if utc:
        return f"{datetime.fromtimestamp(at / SECOND, UTC):%Y-%m-%d %H:%M} UTC"
    return local(at, "%Y-%m-%d %H:%M %Z")


def _cells(finding: "Finding") -> tuple[str, ...]:
    what = "; ".join(_difference(d.what, d.ledger, d.asterisk) for d in finding.differences)
    said = "written" if finding.written else finding.left
    if not said and finding.completion is not None:
        said = "--write would complete it"
    return (
        finding.contact_id,
        finding.campaign,
        local(finding.at),
        " – ".join(part for part in (what, said) if part),
    )


def _difference(what: str, ledger: Micros | None, asterisk: Micros | None) -> str:
    if ledger is None:
        return f"{what}: not in the ledger"
    if asterisk is None:
        return f"{what}: not in the files"
    return f"{what}: {(ledger - asterisk) / 1000:+.1f} ms in the ledger"


def _told(finding: "Finding") -> dict[str, Any]:
    from router.adapters.http.answers import instant

    return {
        "verdict": finding.verdict.value,
        "contact_id": finding.contact_id,
        "campaign": finding.campaign,
        "ended_at": instant(finding.at),
        "differences": [
            {"what": d.what, "ledger": instant(d.ledger), "asterisk": instant(d.asterisk)} for d in finding.differences
        ],
        "completes": None if finding.completion is None else finding.completion.contact_id,
        "written": finding.written,
        "left": finding.left or None,
    }
