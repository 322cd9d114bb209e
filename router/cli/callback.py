"""Calls that are owed to callers who asked for one (`[queue.NAME.callback]`), and taking one back."""

import json
from typing import Annotated

import typer

from router.cli.site import AsJson, ConfigDir, read_site

app = typer.Typer(no_args_is_help=True, help="Calls that are owed to callers who asked to be called back.")

_COLUMNS = ("callback_id", "queue", "state", "tries", "arrived_at", "due_at", "expires_at")


@app.command("list")
def list_callbacks(config: ConfigDir = None, as_json: AsJson = False) -> None:
    """Show the calls that are owed, the oldest place in line first.

    state: asked (being written down), promised (in line), resting (not to be called now; due_at says until when),
    calling (the phone rings), reached (on the phone). Example: ringfair callback list
    """
    from router.cli.control import Control

    items = Control(read_site(config).settings.http).items("callbacks")
    if as_json:
        typer.echo(json.dumps({"items": items}, ensure_ascii=False, indent=2))
        return
    if not items:
        typer.echo("no call is owed to anybody")
        return
    rows = [_COLUMNS, *([_cell(item.get(column)) for column in _COLUMNS] for item in items)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@app.command("cancel")
def cancel(
    callback: Annotated[str, typer.Argument(metavar="ID", help="A call-back's id, as in `ringfair callback list`.")],
    config: ConfigDir = None,
) -> None:
    """Withdraw the promise to call somebody; a phone that rings for it is let be.

    Example: ringfair callback cancel acd1-1790000000.42
    """
    from router.cli.control import Control

    Control(read_site(config).settings.http).post("callbacks", callback, "cancel", body={})
    typer.echo(f"{callback} is not called back any more")


def _cell(value: object) -> str:
    """One line, whatever the router said: without fractions of a second."""
    text = "-" if value is None else str(value)
    text = f"{text[:19]}Z" if text.endswith("Z") and len(text) == 27 else text
    return "".join(character for character in text if character.isprintable())
