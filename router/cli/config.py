"""`ringfair check-config` and `ringfair schema`: the files of a site, looked at without running anything.

Exit codes: 0 all good, 2 faults (all of them are printed), 1 the schemas could not be written.
"""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from router.cli.opening_hours import hours_json, hours_rows
from router.cli.screen import wide_console
from router.cli.site import now, site_directory
from router.domain.calls.outside import told
from router.domain.errors import ConfigError
from router.domain.ids import SECOND, Micros
from router.domain.rulebook.rules import QueueRules, ToQueue

if TYPE_CHECKING:
    from router.config import Site

FAULTS = 2

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.command("check-config")
def check_config(
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="The site's directory; else --config, RINGFAIR_CONFIG, /etc/ringfair."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="DIR", help="The site's directory, as an option.")
    ] = None,
    asterisk: Annotated[
        Path | None,
        typer.Option(
            "--asterisk", metavar="DIR", help="Asterisk's configuration, for classes of music; /etc/asterisk."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Read every file of a site and tell all faults at once: file, key, value, what was expected.

    Good files are shown as the router will obey them: pools, campaigns, queues, dialled numbers, hours; and notes what
    cannot be meant: skills nobody has, rings that add nobody, hours that never open, prompts that do not exist. Exit
    code 0, or 2 with faults.
    """
    # Imported here: validation costs a few hundred milliseconds, which `ringfair --help` need not pay.
    from router.cli.surroundings import look_around
    from router.config import load
    from router.config.proof import doubts

    where = site_directory(directory or config)
    try:
        site = load(where, os.environ)
    except ConfigError as error:
        if as_json:
            typer.echo(json.dumps(_fault_json(error), ensure_ascii=False, indent=2))
        else:
            _print_faults(where, error)
        raise typer.Exit(FAULTS) from None
    around, notes = look_around(site, asterisk)
    at = now()
    site = replace(site, warnings=(*site.warnings, *doubts(site, around, at), *notes))
    if as_json:
        typer.echo(json.dumps(_site_json(site, at), ensure_ascii=False, indent=2))
    else:
        _print_site(site, at)


@app.command("schema")
def schema(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write the schemas there instead of printing them.")
    ] = None,
) -> None:
    """Export the JSON Schemas of ringfair.toml and campaigns/NAME.toml for editors.

    A first line `#:schema schema/ringfair.schema.json` in a file makes editors complete its keys and mark faults.
    """
    from router.config.schema import schemas

    if out is None:
        typer.echo(json.dumps(schemas(), ensure_ascii=False, indent=2))
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in schemas().items():
            (out / name).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
            typer.echo(str(out / name))
    except OSError as error:
        typer.echo(f"cannot write to {out}: {error.strerror}", err=True)
        raise typer.Exit(1) from None


def _print_faults(where: Path, error: ConfigError) -> None:
    console = Console(stderr=True)
    console.print(Text(f"{where}: {len(error.faults)} fault(s)", style="bold red"))
    for fault in error.faults:
        # Text, not markup: what a file says in square brackets is no style.
        console.print(Text.assemble((fault.file, "bold"), f": {fault.key} = {fault.value}"), soft_wrap=True)
        console.print(Text(f"    expected {fault.expected}".replace("\n", "\n    ")), soft_wrap=True)


def _print_site(site: "Site", at: Micros) -> None:
    console = wide_console()
    rules = site.rules
    console.print(
        Text.assemble(
            ("pool ", "dim"),
            (rules.pool, "bold"),
            ("  rules ", "dim"),
            rules.config_hash,
            ("  from ", "dim"),
            str(site.directory),
        ),
        soft_wrap=True,
    )
    numbers = _table("Dialled numbers", "number", "client", "begins in", "language", "greeting")
    for campaign in rules.campaigns.values():
        for number in campaign.dnis or ("(none)",):
            row = (number, campaign.client, campaign.entry, campaign.language, campaign.greeting)
            numbers.add_row(*(Text(cell) for cell in row))
    console.print(numbers)
    queues = _table("Queues", "queue", "asks for", "priority", "rings", "wrap-up", "waits", "then")
    for queue in rules.queues.values():
        cells = (
            queue.name,
            queue.need.text or "nobody in particular",
            str(queue.priority),
            _seconds(queue.ring_us),
            _seconds(queue.wrapup_us),
            _seconds(queue.max_wait_us),
            ", ".join(_targets(queue)).replace("queue:", ""),
        )
        queues.add_row(*(Text(cell) for cell in cells))
    console.print(queues)
    if site.hours:
        hours = _table("Hours", "campaign", "now", "opens", "not like the week")
        for told in hours_rows(site, at):
            hours.add_row(*map(Text, told))
        console.print(hours)
    if site.shifts is None:
        console.print("No shifts file: every agent is entitled to contacts at any time.")
    else:
        intervals = sum(len(entitlement.intervals) for entitlement in site.shifts.values())
        console.print(f"Shifts: {intervals} for {len(site.shifts)} agents.")
    for warning in site.warnings:
        console.print(Text(f"note: {warning}", style="yellow"), soft_wrap=True)


def _table(title: str, key: str, *columns: str) -> Table:
    """On a narrow screen the other columns fold; nothing is cut off, a number least of all."""
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(key, no_wrap=True)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _fault_json(error: ConfigError) -> dict[str, Any]:
    faults = [
        {"file": fault.file, "key": fault.key, "value": fault.value, "expected": fault.expected}
        for fault in error.faults
    ]
    message = f"{len(faults)} fault(s) in the configuration"
    return {"error_id": error.error_id, "message": message, "details": {"faults": faults}}


def _site_json(site: "Site", at: Micros) -> dict[str, Any]:
    rules = site.rules
    return {
        "config_hash": rules.config_hash,
        "pool": rules.pool,
        "directory": str(site.directory),
        "campaigns": [
            {
                "name": campaign.name,
                "client": campaign.client,
                "dnis": list(campaign.dnis),
                "entry": campaign.entry,
                "language": campaign.language,
                "time_zone": campaign.time_zone,
                "greeting": campaign.greeting,
                "hours": hours_json(site, campaign.name, at),
            }
            for campaign in rules.campaigns.values()
        ],
        "queues": [
            {
                "name": queue.name,
                "campaign": queue.campaign,
                "need": queue.need.text,
                "priority": queue.priority,
                "ring_s": queue.ring_us / SECOND,
                "wrapup_s": queue.wrapup_us / SECOND,
                "max_wait_s": queue.max_wait_us / SECOND,
                "overflow": list(_targets(queue)),
            }
            for queue in rules.queues.values()
        ],
        "shifts": None if site.shifts is None else len(site.shifts),
        "warnings": list(site.warnings),
    }


def _targets(queue: QueueRules) -> tuple[str, ...]:
    return tuple(f"queue:{target.queue}" if isinstance(target, ToQueue) else told(target) for target in queue.overflow)


def _seconds(duration: Micros) -> str:
    return f"{duration / SECOND:g} s"
