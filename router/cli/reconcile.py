"""`ringfair reconcile`: the ledger against Asterisk's own event log, a day at a time."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from router.cli.exits import DONE, FAILED
from router.cli.instants import local
from router.cli.screen import print_table
from router.cli.site import AsJson, ConfigDir, now, opened_directory, opened_ledger, read_site
from router.domain.ids import SECOND, AgentId, Micros
from router.domain.reconciliation import Verdict

if TYPE_CHECKING:
    from router.adapters.cel.files import EventLog
    from router.cli.reconciling import Counts, Finding
    from router.config import Site

ON_SCREEN = 10
IN_JSON = 1000
SETTLED_S = 600
"The spool of a router whose database was away is written within minutes of its return."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TITLES = {
    Verdict.MISSING: "Missing: Asterisk saw a caller, the ledger has no record",
    Verdict.SURPLUS: "Surplus: the ledger has a record, Asterisk never saw the caller",
    Verdict.DIFFERING: "Differing: both have it, and do not agree",
    Verdict.UNCOVERED: "Uncovered: the files tell nothing about the time of these records",
    Verdict.OPEN: "Open: the call has no end in the files, and no record yet",
}


def reconcile(
    day: Annotated[str, typer.Argument(metavar="DAY", help="2027-03-01, or yesterday.")],
    cel: Annotated[
        list[Path],
        typer.Option("--cel", metavar="FILE", help="Asterisk's event log, plain or .gz; give it again for more files."),
    ],
    write: Annotated[bool, typer.Option("--write", help="Complete what only Asterisk saw the end of.")] = False,
    utc: Annotated[bool, typer.Option("--utc", help="The day in UTC, not in this machine's time zone.")] = False,
    tolerance: Annotated[int, typer.Option(min=0, max=60_000, metavar="MS", help="Allowed to an instant.")] = 20,
    settled: Annotated[
        int, typer.Option(min=0, metavar="S", help="--write leaves alone what ended less than so long ago.")
    ] = SETTLED_S,
    limit: Annotated[
        int | None, typer.Option(min=0, help=f"Examples of each kind: {ON_SCREEN}, with --json {IN_JSON}.")
    ] = None,
    config: ConfigDir = None,
    as_json: AsJson = False,
) -> None:
    """Hold a day's records against Asterisk's own event log; needs a PBX that keeps one (`ringfair pbx config --cel`).

    A call belongs to the day it ended in. Around midnight it may be in the file of the day before or after: give both.
    With --write a caller nobody has a record of gets one, and a record whose end was only guessed is corrected by a new
    one that names it; to do it again changes nothing. Exit code 0 when nothing is wrong (any more), else 1.

    Example: ringfair reconcile 2027-03-01 --cel ringfair-cel-2027-02-28.csv --cel ringfair-cel-2027-03-01.csv
    """
    bounds = _bounds(day, utc=utc)
    site = read_site(config)
    shown = limit if limit is not None else IN_JSON if as_json else ON_SCREEN
    report = asyncio.run(_run(site, cel, bounds, write=write, tolerance=tolerance, settled_s=settled, limit=shown))
    if as_json:
        typer.echo(report.json(bounds, tolerance))
    else:
        report.show(bounds, utc=utc)
    raise typer.Exit(FAILED if report.counts.wrong else DONE)


class Report:
    """Counts, and the first examples of each kind."""

    def __init__(self, log: "EventLog", counts: "Counts", findings: "list[Finding]") -> None:
        self.log = log
        self.counts = counts
        self.findings = findings

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
        typer.echo("Nothing is wrong." if not counts.wrong else f"{counts.wrong} to be looked at.")

    def json(self, bounds: tuple[Micros, Micros], tolerance: int) -> str:
        from router.adapters.http.answers import encode, instant

        counts, tally = self.counts, self.log.tally
        said: dict[str, Any] = {
            "from": instant(bounds[0]),
            "to": instant(bounds[1]),
            "tolerance_ms": tolerance,
            "same": counts.same,
            **{verdict.value: count for verdict, count in counts.found.items()},
            "completed": counts.completed,
            "wrong": counts.wrong,
            "refused": counts.refused,
            "foreign": counts.foreign,
            "lines": {"read": tally.rows, "torn": tally.torn, "unreadable": tally.unreadable},
            "findings": [_told(finding) for finding in self.findings],
        }
        return encode(said).decode()


async def _run(
    site: "Site",
    files: list[Path],
    bounds: tuple[Micros, Micros],
    *,
    write: bool,
    tolerance: int,
    settled_s: int,
    limit: int,
) -> Report:
    from router.adapters.cel.files import EventLog
    from router.cli.reconciling import Numbers, Reconciler, completed
    from router.domain.reconciliation import Comparison

    log = EventLog(files)
    agents = await _agents(site) if write else {}
    async with opened_ledger(site) as ledger:
        comparison = Comparison(*bounds, tolerance=tolerance * 1000)
        reconciler = Reconciler(log, ledger, comparison, Numbers(site), bounds)
        findings = reconciler.findings(agents, settled_before=now() - settled_s * SECOND)
        if write:
            findings = completed(findings, ledger, reconciler.counts)
        return Report(log, reconciler.counts, await _first(findings, limit))


async def _first(findings: "AsyncIterator[Finding]", limit: int) -> "list[Finding]":
    """All are made, and so many of each kind kept."""
    kept: dict[Verdict, list[Finding]] = {verdict: [] for verdict in Verdict}
    async for finding in findings:
        if len(kept[finding.verdict]) < limit:
            kept[finding.verdict].append(finding)
    return [finding for alike in kept.values() for finding in alike]


async def _agents(site: "Site") -> dict[str, AgentId]:
    """By endpoint."""
    async with opened_directory(site) as directory:
        return {entry.profile.endpoint: entry.profile.agent_id for entry in await directory.agents()}


def _bounds(day: str, *, utc: bool) -> tuple[Micros, Micros]:
    """Midnight to midnight: 23 or 25 hours where the clocks change."""
    try:
        first = _today(utc) - timedelta(days=1) if day == "yesterday" else date.fromisoformat(day)
        ends = (first, first + timedelta(days=1))
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{day[:40]!r} is no day such as 2027-03-01") from None
    if first.year < 1971:
        raise typer.BadParameter("telephones had no Asterisk then")
    midnights = [datetime(end.year, end.month, end.day, tzinfo=UTC if utc else None) for end in ends]
    begin, end = ((midnight.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1) for midnight in midnights)
    return begin, end


def _today(utc: bool) -> date:
    seconds = time.time()
    return (
        datetime.fromtimestamp(seconds, UTC).date() if utc else datetime.fromtimestamp(seconds, UTC).astimezone().date()
    )


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
