"""``ringfair pbx``: the embedded Asterisk, and the configuration of one of your own.

Exit codes: 0 done, 1 it failed (one sentence on stderr), 2 wrong usage, 3 the PBX does not run (``status``, ``cli``,
``reload``).
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.prompts import install_prompts, read_texts
from router.adapters.pbx.root import Root, find_root, site_files
from router.adapters.pbx.site import EVENT_LOG, Site, write_site

NOT_RUNNING = 3

app = typer.Typer(
    help="The embedded Asterisk: own directories, ports and pid file, safe beside a system one.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Option("--name", help="Which instance; several may run side by side.")]
EventLog = Annotated[
    bool,
    typer.Option("--cel", help="Keep Asterisk's own log of legs (CEL) for `ringfair reconcile`; it holds numbers."),
]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Default: the last one used, else our own.")]


@contextmanager
def _sentences() -> Iterator[None]:
    """What goes wrong with a PBX is told in a sentence, never as a traceback."""
    try:
        yield
    except PbxError as error:
        _fail(str(error))


def _fail(message: str, code: int = 1) -> NoReturn:
    typer.echo(f"ringfair: {message}", err=True)
    raise typer.Exit(code)


def _running(name: str) -> Instance:
    instance = Instance(name, root=find_root(make=False))
    if instance.pid is None:
        _fail(f"the PBX {name} does not run; start it with: ringfair pbx start --name {name}", NOT_RUNNING)
    return instance


@app.command()
def start(
    name: Name = "demo",
    sip_port: Port = None,
    tls_port: Port = None,
    ami_port: Port = None,
    rtp_first: Port = None,
    rtp_last: Port = None,
    cel: EventLog = False,
) -> None:
    """Start it; the first time on a machine a root for it is made (about a minute)."""
    wanted = {
        "sip": sip_port,
        "tls": tls_port,
        "ami": ami_port,
        "rtp_first": rtp_first,
        "rtp_last": rtp_last,
    }
    chosen = {field: number for field, number in wanted.items() if number is not None}
    with _sentences():
        instance = Instance(name, cel=cel)
        if chosen and instance.pid is None:
            instance = Instance(name, replace(instance.ports, **chosen), root=instance.root, cel=cel)
        if cel and instance.pid is not None:
            _fail(f"the PBX {name} runs already; --cel is for its start: ringfair pbx stop --name {name}")
        pid = instance.start()
        ports = instance.ports
        typer.echo(f"PBX {name} runs (pid {pid}) on {instance.address}:")
        typer.echo(f"  SIP {ports.sip}/udp, SIP over TLS {ports.tls}/tcp, RTP {ports.rtp_first}-{ports.rtp_last}/udp")
        typer.echo(f"  AMI {ports.ami}/tcp, user ringfair, secret in {instance.secret_file}")
        typer.echo(f"  RTCP reports for user ringfair-telemetry, secret in {instance.telemetry_secret_file}")
        if cel:
            typer.echo(f"  event log in {instance.event_log}")
        if instance.root.path is None:
            typer.echo("  prompts: `sudo ringfair pbx prompts` speaks them into the system's sounds", err=True)


@app.command()
def stop(name: Name = "demo") -> None:
    """Stop it, with all its calls. Stopping what does not run is no error."""
    with _sentences():
        stopped = Instance(name, root=find_root(make=False)).stop()
    typer.echo(f"PBX {name} {'stopped' if stopped else 'did not run'}")


@app.command()
def status(
    name: Name = "demo", as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False
) -> None:
    """Tell whether it runs, since when, with how many calls. Exit code 3 if it does not run."""
    with _sentences():
        found = Instance(name, root=find_root(make=False)).status()
    if as_json:
        typer.echo(json.dumps({"name": name, "running": found is not None} | (asdict(found) if found else {})))
    elif found is None:
        typer.echo(f"PBX {name} does not run")
    else:
        typer.echo(f"PBX {name} runs: Asterisk {found.version}, pid {found.pid}, up {found.uptime_s} s")
        typer.echo(f"  {found.calls} calls on {found.channels} legs; SIP {found.ports.sip}, AMI {found.ports.ami}")
    if found is None:
        raise typer.Exit(NOT_RUNNING)


@app.command()
def cli(
    command: Annotated[list[str] | None, typer.Argument(help="A command of Asterisk; none: its console.")] = None,
    name: Name = "demo",
) -> None:
    """Ask Asterisk's own command line, as in: ringfair pbx cli core show channels."""
    with _sentences():
        instance = _running(name)
        if command:
            typer.echo(instance.rx(" ".join(command)))
            return
        argv = instance.console_command
    if not sys.stdin.isatty():
        _fail("the console needs a terminal; give a command", 2)
    os.execvp(argv[0], argv)


@app.command()
def reload(name: Name = "demo") -> None:
    """Make it read agents, trunks and the dialplan again; calls go on."""
    with _sentences():
        typer.echo(_running(name).reload())


@app.command()
def prompts(
    sounds: Annotated[
        Path | None, typer.Option(help="Sounds directory of your own Asterisk, such as /usr/share/asterisk/sounds.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", envvar="RINGFAIR_CONFIG", help="A site: its campaigns' whispers are spoken too."
        ),
    ] = None,
) -> None:
    """Speak the prompts with espeak-ng; recordings that a site put there are kept.

    With --config, a campaign whose `whisper` is "acd/whisper-NAME" gets its label spoken in its language.
    """
    with _sentences():
        root = Root(None) if sounds else find_root(pbx_only=True)
        if sounds and not sounds.is_dir():
            _fail(f"{sounds} is no directory")
        texts = read_texts() | (_whispers(config) if config is not None else {})
        done = install_prompts(root, texts=texts, sounds=sounds)
    typer.echo(f"{done.made} prompts made, {done.current} were current, {done.kept} of the site kept")


def _whispers(directory: Path) -> dict[str, dict[str, str]]:
    """Prompt → language → text, for the campaigns that name a prompt of ours."""
    from router.config import load

    campaigns = load(directory, os.environ).rules.campaigns.values()
    return {
        f"whisper-{campaign.name}": {campaign.language: campaign.label or campaign.name}
        for campaign in campaigns
        if campaign.whisper == f"acd/whisper-{campaign.name}"
    }


@app.command()
def config(
    directory: Annotated[Path, typer.Argument(help="A new or empty directory; copy to /etc/asterisk after a look.")],
    systemname: Annotated[str, typer.Option(help="This node's name: letters, digits, underscores.")],
    trunk_address: Annotated[str, typer.Option(help="The carrier's address: calls from there are callers.")],
    language: Annotated[str, typer.Option(help="Prompts and tones of a site: de or en.")] = "de",
    cel: EventLog = False,
) -> None:
    """Write the configuration and dialplan for an Asterisk of your own."""
    with _sentences():
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            _fail(f"{directory} is not empty; nothing was written")
        site = Site(
            systemname=systemname,
            ami_secret=secrets.token_urlsafe(32),
            trunk_address=trunk_address,
            language=language,
            cel=cel,
        )
        written = write_site(site, directory, asterisk=site_files("asterisk"), dialplans=site_files("dialplans"))
    typer.echo(f"{len(written)} files in {directory}")
    typer.echo(f"  the AMI secrets are in {directory}/manager.d/ringfair.conf and, for RTCP reports,")
    typer.echo(f"  {directory}/manager.d/ringfair-telemetry.conf (mode 0640): give the router a copy of each")
    if cel:
        typer.echo(f"  Asterisk will keep its log of legs in {site.log / EVENT_LOG}; see deploy/logrotate")
    typer.echo(f"  put the site's TLS certificate and key at {site.values['tls_cert']} and {site.values['tls_key']}")
