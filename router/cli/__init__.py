"""The command line: every command of `ringfair`, wired together. One file a group; heavy imports inside commands."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from router.cli import (
    agents,
    callback,
    campaign,
    config,
    doctor,
    explain,
    export,
    ledger,
    orders,
    pbx,
    reconcile,
    records,
    serve,
    simulate,
    status,
    trace,
)
from router.cli.exits import MEANINGS, code_of, first_of_ours, sentence

# The control character keeps the lines of the list as they are; anything else is wrapped to the screen's width.
_CODES = "\b\nExit codes:\n" + "\n".join(f"  {code}  {meaning}" for code, meaning in MEANINGS.items())


class Switchboard(TyperGroup):
    """Turns every error of ours into one sentence on stderr and its exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            ours = first_of_ours(error)
            if ours is None:
                raise
            typer.echo(f"ringfair: {sentence(ours)}", err=True)
            raise typer.Exit(code_of(ours)) from None


app = typer.Typer(
    cls=Switchboard,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # help and errors are plain text: square brackets stay what they are
    pretty_exceptions_enable=False,
    epilog=_CODES,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"ringfair {version('ringfair')}")
        raise typer.Exit


@app.callback()
def ringfair(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Ringfair, the call router of a virtual call centre: it decides beside Asterisk who gets which caller.

    The files of a site are looked for in --config DIR, else RINGFAIR_CONFIG, else /etc/ringfair. Where that is
    missing, every command but serve takes the site that `make demo` left, and says so.

    A first look: ringfair check-config; then ringfair doctor; then ringfair serve
    """


app.command("serve")(serve.serve)
app.command("status", short_help="Show the floor: queues, agents, contacts.")(status.status)
app.command("reload", short_help="Have the router read its files and agents again.")(orders.reload)
app.command("canary", short_help="Send an echo call of our own through everything.")(orders.canary)
app.command("hangup")(orders.hangup)
app.command("prioritise", short_help="Give a waiting caller points of their own.")(orders.prioritise)
app.command("records", short_help="Show billing records: table, JSON or CSV.")(records.records)
app.command("reconcile", short_help="Hold a day's records against Asterisk's own log.")(reconcile.reconcile)
app.add_typer(ledger.app, name="ledger", short_help="Is the ledger whole, and what waits for it on the disk?")
app.command("explain", short_help="Tell why a contact went where it went.")(explain.explain)
app.command("trace", short_help="Show when a contact passed which milestone.")(trace.trace)
app.add_typer(agents.app, name="agent", short_help="Agents: phones, skills, passwords, state.")
app.add_typer(campaign.app, name="campaign", short_help="Campaigns: a new one's file, and those there are.")
app.add_typer(callback.app, name="callback", short_help="Calls that are owed to callers, and taking one back.")
app.add_typer(export.app, name="export", short_help="Write the agents' phones for Asterisk.")
app.command("check-config", short_help="Read a site's files and tell every fault at once.")(config.check_config)
app.command("schema", short_help="Export JSON Schemas of the files for editors.")(config.schema)
app.command("simulate", short_help="Play a day of a campaign: waits, beside Erlang.")(simulate.simulate)
app.command("doctor", short_help="Examine all that routing needs; how to mend it.")(doctor.doctor)
app.add_typer(pbx.app, name="pbx", short_help="The embedded Asterisk, and files for your own.")

__all__ = ["app"]
