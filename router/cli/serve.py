"""`ringfair serve`: be the router."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import typer


def serve(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", envvar="RINGFAIR_CONFIG", help="Directory with ringfair.toml. [/etc/ringfair]"),
    ] = None,
    log_form: Annotated[Literal["json", "console"], typer.Option("--log", help="Form of the log.")] = "json",
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], typer.Option("--log-level", help="From which weight on.")
    ] = "info",
    standby: Annotated[
        bool, typer.Option("--standby/--no-standby", help="Stand by for a pool that another router owns, or exit.")
    ] = True,
) -> None:
    """Route calls until SIGTERM. Example: ringfair serve --config /etc/ringfair

    A pool has one owner. A second router on it stands by: it decides nothing, says so on /readyz, and takes the pool
    over within 2 s when the owner is gone. With --no-standby it exits with code 5 instead.

    SIGTERM hands the pool over to whoever stands by. With nobody there it stops offering, lets talks finish and leaves
    waiting callers to the dialplan. SIGHUP reads the files again, as `ringfair reload` does.
    """
    import os

    import uvloop

    from router.adapters.log import configure
    from router.app import run
    from router.config import find_directory

    configure(form=log_form, level=log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(find_directory(config, os.environ, demo=False), stands_by=standby))
