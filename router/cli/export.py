"""`ringfair export …`: what other programs are given of the directory."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import typer

from router.cli.site import ConfigDir, opened_directory, read_site
from router.domain.errors import CommandRefused
from router.ports import AgentEntry

FILE_MODE = 0o640

app = typer.Typer(help="Write what Asterisk needs to know of the directory.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `pjsip` a sub-command while it is the only one."""


@app.command("pjsip")
def pjsip(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write there (mode 0640) instead of printing.")
    ] = None,
    config: ConfigDir = None,
) -> None:
    """Write the agents' endpoints for Asterisk: digests of their passwords, never the passwords.

    Example: ringfair export pjsip --out /etc/asterisk/pjsip.d/40-agents.conf, then: asterisk -rx 'module reload
    res_pjsip.so'
    """
    site = read_site(config)
    if out is not None and (checkout := git_checkout(out)) is not None:
        raise CommandRefused(
            "export-in-checkout",
            f"{out} is inside the git checkout {checkout}: digests are as good as passwords and would be committed. "
            "Name a file outside of it.",
        )

    async def load() -> tuple[AgentEntry, ...]:
        async with opened_directory(site) as directory:
            return await directory.agents()

    text, left_out = render(asyncio.run(load()))
    for agent in left_out:
        typer.echo(f"{agent} has no password and is left out; make one with: ringfair agent password {agent}", err=True)
    if out is None:
        typer.echo(text, nl=False)
        return
    write(out, text)
    typer.echo(f"{text.count('(agent-aor)')} endpoints in {out}; next: asterisk -rx 'module reload res_pjsip.so'")


def render(entries: tuple[AgentEntry, ...]) -> tuple[str, list[str]]:
    """The file, and the agents who cannot be in it. Whoever is reached by a dial string has no endpoint of ours."""
    from router.adapters.pbx.endpoints import AgentEndpoint, render_agents

    active = [entry for entry in entries if entry.active and not entry.profile.dial]
    endpoints = []
    for entry in active:
        if entry.credential is None:
            continue
        transport: Literal["udp", "tls"] = "tls" if entry.transport == "tls" else "udp"
        endpoints.append(
            AgentEndpoint(
                agent_id=entry.profile.agent_id,
                endpoint=entry.profile.endpoint,
                realm=entry.credential.realm,
                digests=tuple(entry.credential.digest.split("\n")),
                transport=transport,
                auto_answer=bool(entry.profile.auto_answer),
            )
        )
    return render_agents(endpoints), [entry.profile.agent_id for entry in active if entry.credential is None]


def write(out: Path, text: str) -> None:
    """Replace the file in one step; it goes to the group that may read what is beside it, so that Asterisk can."""
    from router.adapters.pbx.rendering import write_atomically

    try:
        beside = out.stat() if out.exists() else out.absolute().parent.stat()
        write_atomically(out, text, FILE_MODE)
        with suppress(PermissionError):  # an ordinary user's file stays theirs
            os.chown(out, beside.st_uid, beside.st_gid)
    except OSError as error:
        raise CommandRefused("export-refused", f"{out} cannot be written: {error.strerror}") from None


def git_checkout(path: Path) -> Path | None:
    """The checkout a file would be in, links followed, or None."""
    return next((folder for folder in path.resolve().parents if (folder / ".git").exists()), None)
