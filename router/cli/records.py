"""`ringfair records`: what the ledger holds, as a table, as JSON or as CSV, one contact at a time."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import typer

from router.cli.instants import length, local, read_instant
from router.cli.screen import print_table
from router.cli.site import ConfigDir, opened_ledger, read_site
from router.cli.story import CSV_COLUMNS, csv_row, spent, talkers
from router.domain.errors import CommandRefused
from router.domain.ids import ContactId, Micros
from router.domain.record import BillingRecord, OfferResult, SegmentKind
from router.ports import ContactStory, RecordQuery

if TYPE_CHECKING:
    from router.config import Site

ON_SCREEN = 1000
"What a table shows without `--limit`; JSON and CSV have no limit of their own."
_NO_LIMIT = 2**62


def records(
    as_json: Annotated[bool, typer.Option("--json", help="A JSON array, one object a contact.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV, one line a contact, for spreadsheets.")] = False,
    from_: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Ended at or after this time.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Ended before this time.")] = None,
    campaign: Annotated[str | None, typer.Option("--campaign", help="Of this campaign only.")] = None,
    contact: Annotated[str | None, typer.Option("--contact", metavar="ID", help="This contact only.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")] = None,
    config: ConfigDir = None,
) -> None:
    """Show the billing records with their offers and wrap-ups, in the order in which contacts ended.

    TIME is ISO 8601: 2027-03-01, 2027-03-01T08:00 (this machine's zone) or 2027-03-01T07:00Z. Works without a running
    router.

    Example: ringfair records --from 2027-03-01 --campaign shop --csv > march.csv
    """
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")
    if contact is not None and (from_ or to or campaign or limit):
        raise typer.BadParameter("--contact names one contact; leave the other filters out")
    query = RecordQuery(
        from_at=_instant("--from", from_),
        to_at=_instant("--to", to),
        campaign=campaign,
        limit=limit or (_NO_LIMIT if as_json or as_csv else ON_SCREEN),
    )
    site = read_site(config)
    show = _show_json if as_json else _show_csv if as_csv else _show_table
    shown = asyncio.run(show(_stories(site, query, contact)))
    if shown == ON_SCREEN and limit is None and not (as_json or as_csv):
        typer.echo(f"The first {ON_SCREEN} only; narrow it down with --from and --to, or use --limit.", err=True)


async def _stories(
    site: "Site", query: RecordQuery, contact: str | None
) -> AsyncIterator[tuple[BillingRecord, ContactStory]]:
    async with opened_ledger(site) as ledger:
        if contact is None:
            async for story in ledger.stories(query):
                if story.record is not None:
                    yield story.record, story
            return
        found = await ledger.story(ContactId(contact))
        if found is None:
            raise CommandRefused("contact-unknown", f"The ledger has no contact {contact[:150]!r}.")
        if found.record is None:
            raise CommandRefused(
                "record-open", f"{contact} has no record yet: it is still there. See: ringfair explain {contact}"
            )
        yield found.record, found


async def _show_json(stories: AsyncIterator[tuple[BillingRecord, ContactStory]]) -> int:
    """One array, written as it is read: a million contacts need no more memory than one."""
    from router.adapters.http.answers import billed, encode

    shown = 0
    async for _, story in stories:
        typer.echo(b"[\n" if not shown else b",\n", nl=False)
        typer.echo(encode(billed(story)), nl=False)
        shown += 1
    typer.echo("\n]" if shown else "[]")
    return shown


async def _show_csv(stories: AsyncIterator[tuple[BillingRecord, ContactStory]]) -> int:
    shown = 0
    typer.echo(_csv_line(CSV_COLUMNS), nl=False)
    async for record, story in stories:
        typer.echo(_csv_line(csv_row(record, story)), nl=False)
        shown += 1
    return shown


async def _show_table(stories: AsyncIterator[tuple[BillingRecord, ContactStory]]) -> int:
    rows = [_cells(record, story) async for record, story in stories]
    if not rows:
        typer.echo("No records.")
        return 0
    columns = ("contact", "campaign", "caller", "arrived", "waited", "talked", "outcome", "agent", "offers")
    print_table("Records", columns, rows)
    return len(rows)


def _cells(record: BillingRecord, story: ContactStory) -> tuple[str, ...]:
    answered = sum(offer.result is OfferResult.ANSWERED for offer in story.offers)
    missed = len(story.offers) - answered
    return (
        record.contact_id,
        record.campaign,
        record.ani or "(withheld)",
        local(record.arrived_at, "%m-%d %H:%M:%S"),
        length(spent(record, SegmentKind.WAITING)),
        length(spent(record, SegmentKind.TALK)) if record.answered_at is not None else "",
        record.outcome,
        " ".join(talkers(record)),
        str(len(story.offers)) + (f", {missed} in vain" if missed else ""),
    )


def _csv_line(cells: tuple[str, ...] | list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)  # RFC 4180
    return line.getvalue()


def _instant(option: str, text: str | None) -> Micros | None:
    if text is None:
        return None
    try:
        return max(0, read_instant(text))
    except ValueError:
        raise typer.BadParameter(
            f"expected ISO 8601, such as 2027-03-01 or 2027-03-01T08:00Z, not {text[:40]!r}", param_hint=option
        ) from None
