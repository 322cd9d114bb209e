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


def _flowing(text: str | None) -> str:
    """A docstring with its paragraphs unwrapped: typer keeps line ends that only fitted our own width."""
    return "\n\n".join(" ".join(part.split()) for part in (text or "").split("\n\n"))


def _unwrap(group: typer.Typer) -> None:
    for command in group.registered_commands:
        command.help = command.help or _flowing(command.callback.__doc__ if command.callback else None)


_RUN, _LOOK, _PEOPLE, _SITE = "The router", "What happened", "Agents", "A site"
for _name, _command, _panel in (
    ("serve", serve, _RUN),
    ("status", status, _RUN),
    ("reload", orders.reload, _RUN),
    ("canary", orders.canary, _RUN),
    ("hangup", orders.hangup, _RUN),
    ("records", records, _LOOK),
    ("explain", explain, _LOOK),
    ("check-config", files.check_config, _SITE),
    ("schema", files.schema, _SITE),
    ("doctor", doctor, _SITE),
):
    app.command(_name, rich_help_panel=_panel)(_command)
for _name, _group, _panel in (("agent", agents.app, _PEOPLE), ("export", export.app, _PEOPLE), ("pbx", pbx.app, _SITE)):
    _unwrap(_group)
    app.add_typer(_group, name=_name, rich_help_panel=_panel)
_unwrap(app)

__all__ = ["app"]
