"""The command line: every command of `ringfair`, wired together. One file a group; heavy imports inside commands."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from router.cli import agents, export, orders, pbx
from router.cli import config as files
from router.cli.doctor import doctor
from router.cli.exits import MEANINGS, code_of, first_of_ours, sentence
from router.cli.explain import explain
from router.cli.records import records
from router.cli.serve import serve
from router.cli.status import status

_CODES = "\n\n".join(f"{code}  {meaning}" for code, meaning in MEANINGS.items())


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
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog=f"Exit codes:\n\n{_CODES}",
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

    Files of a site are looked for in --config DIR, else RINGFAIR_CONFIG, else /etc/ringfair.

    A first look: ringfair check-config, ringfair doctor, ringfair serve
    """


_RUN, _PEOPLE, _LOOK, _SITE = "The router", "Agents", "What happened", "A site"

app.command("serve", rich_help_panel=_RUN)(serve)
app.command("status", rich_help_panel=_RUN)(status)
app.command("reload", rich_help_panel=_RUN)(orders.reload)
app.command("canary", rich_help_panel=_RUN)(orders.canary)
app.command("hangup", rich_help_panel=_RUN)(orders.hangup)
app.add_typer(agents.app, name="agent", rich_help_panel=_PEOPLE)
app.add_typer(export.app, name="export", rich_help_panel=_PEOPLE)
app.command("records", rich_help_panel=_LOOK)(records)
app.command("explain", rich_help_panel=_LOOK)(explain)
app.command("check-config", rich_help_panel=_SITE)(files.check_config)
app.command("schema", rich_help_panel=_SITE)(files.schema)
app.command("doctor", rich_help_panel=_SITE)(doctor)
app.add_typer(pbx.app, name="pbx", rich_help_panel=_SITE)

__all__ = ["app"]
