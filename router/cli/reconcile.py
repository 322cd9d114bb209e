"""`ringfair reconcile`: the ledger against Asterisk's own event log, a day at a time."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from router.cli.exits import DONE, FAILED
from router.cli.reconciled import Allowed, Report
from router.cli.site import AsJson, ConfigDir, now, opened_directory, opened_ledger, read_site
from router.domain.errors import CommandRefused, RemoteError
from router.domain.ids import SECOND, AgentId, Micros
from router.domain.truth.reconciliation import ALWAYS, USUALLY, Verdict

if TYPE_CHECKING:
    from router.adapters.sql.ledger import SqlLedger
    from router.cli.reconciling import Finding
    from router.config import Site

ON_SCREEN = 10
IN_JSON = 1000
ON_THE_WAY_S = 3.0
"A router that is well brings a record from the disk to the ledger within a fraction of this."
SETTLED_S = 600
"The spool of a router whose database was away is written within minutes of its return."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def reconcile(
    day: Annotated[str, typer.Argument(metavar="DAY", help="2027-03-01, or yesterday.")],
    cel: Annotated[
        list[Path],
        typer.Option("--cel", metavar="FILE", help="Asterisk's event log, plain or .gz; give it again for more files."),
    ],
    write: Annotated[bool, typer.Option("--write", help="Complete what only Asterisk saw the end of.")] = False,
    utc: Annotated[bool, typer.Option("--utc", help="The day in UTC, not in this machine's time zone.")] = False,
    tolerance: Annotated[
        int, typer.Option(min=0, max=60_000, metavar="MS", help="No instant may be farther apart.")
    ] = ALWAYS // 1000,
    usually: Annotated[
        int, typer.Option(min=0, max=60_000, metavar="MS", help="Of a hundred instants one may be farther apart.")
    ] = USUALLY // 1000,
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
    one that names it; to do it again changes nothing. Merge every machine's spool first (`ringfair ledger merge`): it
    is refused while records still wait on this machine's disk, but another one's cannot be seen from here. A record
    that was made up says so, `reconciled` in place of the rules' hash, and is corrected when the router's own turns up.
    Exit code 0 when nothing is wrong (any more) and instants are as close as they should be, else 1.

    Example: ringfair reconcile 2027-03-01 --cel ringfair-cel-2027-02-28.csv --cel ringfair-cel-2027-03-01.csv
    """
    bounds = _bounds(day, utc=utc)
    site = read_site(config)
    shown = limit if limit is not None else IN_JSON if as_json else ON_SCREEN
    allowed = Allowed(always_ms=tolerance, usually_ms=usually)
    report = asyncio.run(_run(site, cel, bounds, allowed, write=write, settled_s=settled, limit=shown))
    if as_json:
        typer.echo(report.json(bounds))
    else:
        report.show(bounds, utc=utc)
    raise typer.Exit(FAILED if report.counts.wrong or report.is_late else DONE)


async def _run(
    site: "Site",
    files: list[Path],
    bounds: tuple[Micros, Micros],
    allowed: Allowed,
    *,
    write: bool,
    settled_s: int,
    limit: int,
) -> Report:
    from router.adapters.cel.files import EventLog
    from router.cli.reconciling import Numbers, Reconciler, completed
    from router.domain.truth.reconciliation import Comparison

    log = EventLog(files)
    agents = await _agents(site) if write else {}
    async with opened_ledger(site) as ledger:
        on_the_way = await _on_the_way(site, ledger, write=write)
        comparison = Comparison(*bounds, tolerance=allowed.always_ms * 1000)
        reconciler = Reconciler(log, ledger, comparison, Numbers(site), bounds)
        findings = reconciler.findings(agents, settled_before=now() - settled_s * SECOND)
        if write:
            findings = completed(findings, ledger, reconciler.counts)
        kept = await _first(findings, limit)
        return Report(log, reconciler.counts, kept, comparison.agreement, allowed, on_the_way)


async def _on_the_way(site: "Site", ledger: "SqlLedger", *, write: bool) -> int:
    """How many records on this machine's disk are not in the ledger; `write` is refused then, else it is said."""
    from router.adapters.sql.stranded import records_in

    try:
        where = await asyncio.to_thread(records_in, site.spool, ledger=await ledger.identity())
        waiting = await ledger.without_record(list(where))
        until = time.monotonic() + ON_THE_WAY_S
        while waiting and time.monotonic() < until:
            await asyncio.sleep(0.2)
            waiting = await ledger.without_record(waiting)
    except (RemoteError, CommandRefused) as error:
        if write or error.error_id not in ("spool-unusable", "spool-unknown"):
            raise
        typer.echo(f"ringfair: whether records are still on their way is not known: {error.message}", err=True)
        return 0
    if not waiting:
        return 0
    places = ", ".join(sorted({str(where[contact]) for contact in waiting}))
    said = f"{len(waiting)} records are still on this machine's disk, in {places}, and not in the ledger"
    if write:
        raise CommandRefused(
            "records-on-the-way",
            f"{said}. Their calls would get records that are made up. Mend the database (`/readyz` says what troubles "
            "it); a running router brings them in by itself, without one `ringfair ledger merge` does. Then ask again.",
            waiting=len(waiting),
        )
    typer.echo(f"ringfair: {said}: their calls may be told as missing.", err=True)
    return len(waiting)


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
