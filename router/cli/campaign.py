"""`ringfair campaign …`: a new campaign's file from flags or questions, and the campaigns as the router obeys them.

1. `new` writes nothing that `check-config` would refuse: the file stands among the others while the whole site is
   looked at, and goes again when there is a fault.
2. Questions, notes and faults go to stderr; stdout has the file, or with --json one object.
3. Nothing of an answer is executed, and none is a place for a secret: the file is for everybody to read.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from router.cli.exits import FAILED, USAGE
from router.cli.floorplan import campaign_json, queues_of, short_name, tree_of
from router.cli.opening_hours import hours_json
from router.cli.screen import print_table, wide_console
from router.cli.site import AsJson, ConfigDir, now, read_site, site_directory
from router.domain.errors import CommandRefused, ConfigError, Fault
from router.domain.ids import CampaignName

if TYPE_CHECKING:
    from router.cli.interview import Home, Told
    from router.config import Site

app = typer.Typer(
    help="Campaigns: a new one's file from flags or questions, and those there are as the router obeys them.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The campaign's name, as of its file campaigns/NAME.toml.")]
Text = str | None


@app.command("new")
def new(
    name: Name,
    client: Annotated[Text, typer.Option("--client", help="Whose work it is; on every record.")] = None,
    dnis: Annotated[
        list[str] | None,
        typer.Option("--dnis", metavar="+49…", help='Dialled number with the plus sign; repeatable. "" for none.'),
    ] = None,
    queue: Annotated[
        list[str] | None,
        typer.Option(
            "--queue",
            metavar="NAME[:NEED]",
            help='A queue and what it asks of agents, orders:"de >= 60 and orders"; repeatable, callers begin in the '
            "first. Without a need anybody may serve it.",
        ),
    ] = None,
    language: Annotated[Text, typer.Option("--language", help='Of the prompts, such as "de" or "en_GB".')] = None,
    time_zone: Annotated[Text, typer.Option("--time-zone", help='IANA name, such as "Europe/Berlin".')] = None,
    hours: Annotated[
        list[str] | None,
        typer.Option(
            "--hours",
            metavar="DAYS TIMES",
            help='When callers may come in, in its time zone: "mon-fri 09:00-13:00 14:00-18:00, sat 10:00-14:00"; '
            'repeatable. "always" (so it is if not given) for at any time.',
        ),
    ] = None,
    holidays: Annotated[
        Text,
        typer.Option(
            "--holidays",
            metavar="REGION",
            help='Whose public holidays are closed: a country, "DE", or a part of one, "DE-BE". "none" for none.',
        ),
    ] = None,
    greeting: Annotated[
        Text, typer.Option("--greeting", help="early-media: answered when an agent is there; answered: at once.")
    ] = None,
    whisper: Annotated[
        Text,
        typer.Option(
            "--whisper",
            help="Prompt the agent hears before the talk; acd/whisper-NAME with the campaign's name is spoken for you "
            "by ringfair pbx prompts.",
        ),
    ] = None,
    ring_s: Annotated[
        float | None, typer.Option("--ring-s", help="How long an agent's phone rings, in seconds.")
    ] = None,
    wrapup_s: Annotated[
        float | None, typer.Option("--wrapup-s", help="Time for notes after a talk, in seconds.")
    ] = None,
    max_wait_s: Annotated[
        float | None, typer.Option("--max-wait-s", help="Who has waited so many seconds overflows.")
    ] = None,
    overflow: Annotated[
        list[str] | None,
        typer.Option(
            "--overflow",
            metavar="TARGET",
            help="Where to: queue:NAME, queue:CAMPAIGN/NAME, campaign:NAME, dial:+49…, voicemail, "
            "closing; repeatable, in "
            "this order, for every queue. A queue that is one of them goes on behind itself.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: defaults for what is not given.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the file; write nothing, and do not check it with the site.")
    ] = False,
    config: ConfigDir = None,
    as_json: AsJson = False,
) -> None:
    """Write the file of a new campaign, with a remark on every key a campaign may have.

    At a terminal it asks for what is not given. The file is kept only if the whole site has no fault with it, and can
    be put in force as it is. Exceptions to its hours, what callers hear and all else stand in it as remarks.

    Example: ringfair campaign new shop --client example-shop --dnis +493023125100 --queue orders:"de >= 60 and orders"
    --hours "mon-fri 09:00-18:00" --holidays DE-BE
    """
    from router.cli.filing import campaign_path, refuse_early
    from router.cli.interview import Told, interview, numbers, region
    from router.config.draft import draft, objections
    from router.config.faults import MISSING as NOT_GIVEN

    dialled = numbers(dnis) if dnis else None
    said = _given(
        client=client, dnis=dialled, language=language, time_zone=time_zone, greeting=greeting, whisper=whisper
    )
    each = _given(ring_s=ring_s, wrapup_s=wrapup_s, max_wait_s=max_wait_s, overflow=overflow or None)
    told = Told(
        name=name,
        campaign=said,
        queues=_queues(queue or []),
        each=each,
        hours=_hours(hours),
        holidays=None if holidays is None else region(holidays),
    )
    path = None
    # What was said wrong is told first: the name becomes a path, and nobody likes to answer questions for nothing.
    if wrong := [fault for fault in objections(name, told.answers) if fault.value != NOT_GIVEN]:
        _refused(told, path, wrong, as_json=as_json)
    path = campaign_path(site_directory(config), name)
    if not dry_run:
        refuse_early(path, force=force)
    asking = not yes and sys.stdin.isatty()
    if asking:
        told = interview(told, _ask, _tell, _home(path.parent.parent))
    elif told.missing:
        told = _without_asking(told, yes=yes)
    text = draft(told.answers)
    if not as_json:
        typer.echo(text, nl=False)
    if dry_run:
        typer.echo(f"(nothing written; it would be {path})", err=True)
    else:
        if asking and not _agreed(path):
            typer.echo("Nothing was written.", err=True)
            raise typer.Exit(FAILED)
        try:
            site = _kept(path, text, force=force)
        except ConfigError as error:
            _refused(told, path, error.faults, text=text, again=asking, as_json=as_json)
        _tell_next(site, told, path)
    if as_json:
        _print_json({"path": str(path), "written": not dry_run, "text": text, "faults": []})


@app.command("list")
def list_campaigns(config: ConfigDir = None, as_json: AsJson = False) -> None:
    """List the campaigns of the site's files, running router or not.

    Example: ringfair campaign list --json
    """
    rules = read_site(config).rules
    if as_json:
        _print_json([campaign_json(rules, campaign) for campaign in rules.campaigns.values()])
        return
    rows = (
        (
            campaign.name,
            campaign.client,
            " ".join(campaign.dnis) or "none",
            " ".join(short_name(queue) for queue in queues_of(rules, campaign)),
            campaign.language,
            campaign.greeting,
        )
        for campaign in rules.campaigns.values()
    )
    print_table("Campaigns", ("campaign", "client", "numbers", "queues", "language", "greeting"), rows)


@app.command("show")
def show(name: Name, config: ConfigDir = None, as_json: AsJson = False) -> None:
    """Show a campaign as the router obeys it: numbers, queues, what they ask for, where callers overflow to.

    Example: ringfair campaign show shop
    """
    site = read_site(config)
    rules = site.rules
    campaign = rules.campaigns.get(CampaignName(name))
    if campaign is None:
        known = ", ".join(rules.campaigns)
        raise CommandRefused("campaign-unknown", f"There is no campaign {name[:64]!r}; there are: {known}")
    hours = hours_json(site, campaign.name, now())
    if as_json:
        _print_json(campaign_json(rules, campaign) | {"hours": hours})
    else:
        wide_console().print(tree_of(rules, campaign, hours))


def _given(**keys: object) -> dict[str, object]:
    return {key: value for key, value in keys.items() if value is not None}


def _queues(texts: list[str]) -> dict[str, dict[str, str]]:
    from router.cli.interview import queue

    found: dict[str, dict[str, str]] = {}
    for text in texts:
        name, keys = queue(text)
        if name in found:
            raise typer.BadParameter(f"the queue {name!r} is given twice", param_hint="--queue")
        found[name] = keys
    return found


def _hours(texts: list[str] | None) -> dict[str, list[str]] | None:
    from router.cli.week import week

    try:
        return None if texts is None else week(texts)
    except ValueError as error:
        raise typer.BadParameter(f"expected {error}", param_hint="--hours") from None


def _home(site: Path) -> "Home":
    """Where the site is. Faults in its settings are told when the new file is looked at; until then it is nowhere."""
    from router.cli.interview import NOWHERE, Home
    from router.config.faults import Faults
    from router.config.settings import Settings
    from router.config.site import SETTINGS_FILE, read_file

    known = read_file(site / SETTINGS_FILE, SETTINGS_FILE, Settings, Faults())
    return NOWHERE if known is None else Home(time_zone=known.router.time_zone, country=known.router.country)


def _without_asking(told: "Told", *, yes: bool) -> "Told":
    """Told well enough for a file, or the end with the flags that are missing."""
    from dataclasses import replace

    from router.cli.interview import FIRST_QUEUE

    if yes and not told.queues:
        told = replace(told, queues={FIRST_QUEUE: {}})
    if told.missing:
        why = "have no default" if yes else "are missing, and there is no terminal to ask at"
        typer.echo(
            f"ringfair: {', '.join(told.missing)} {why}. As in: ringfair campaign new {told.name} "
            '--client example-shop --dnis +493023125100 --queue orders:"de >= 60 and orders"',
            err=True,
        )
        raise typer.Exit(USAGE)
    return told


def _ask(question: str, default: str) -> str:
    """The answer, or what Enter stands for. Not click's prompt: it writes to stdout, which is the file's alone."""
    meaning, _, key = question.rpartition("\n")
    typer.echo(f"\n{meaning}" if meaning else "", err=True)
    typer.echo(f"{key} [{default}]: " if default else f"{key}: ", nl=False, err=True)
    line = sys.stdin.buffer.readline()
    if not line:
        raise typer.Abort
    return line.decode(sys.stdin.encoding or "utf-8", "replace").strip() or default


def _agreed(path: Path) -> bool:
    while (answer := _ask(f"Write this to {path}?\nyes or no", "yes").lower()) not in ("y", "yes", "n", "no"):
        pass
    return answer.startswith("y")


def _tell(sentence: str) -> None:
    typer.echo(f"  {sentence}".replace("\n", "\n  "), err=True)


def _kept(path: Path, text: str, *, force: bool) -> "Site":
    """The site with the new file in it. Raises `ConfigError`, and then the file is not there."""
    import os

    from router.cli.filing import in_place
    from router.config import load

    with in_place(path, text, force=force):
        return load(path.parent.parent, os.environ)


def _refused(
    told: "Told",
    path: Path | None,
    faults: "list[Fault] | tuple[Fault, ...]",
    *,
    text: str | None = None,
    again: bool = False,
    as_json: bool,
) -> NoReturn:
    """All faults, and the end. `again`: with the flags that say what was answered, so that nobody answers twice."""
    if as_json:
        listed = [asdict(fault) for fault in faults]
        _print_json({"path": None if path is None else str(path), "written": False, "text": text, "faults": listed})
    else:
        typer.echo(f"ringfair: {len(faults)} fault(s), nothing was written:", err=True)
        for fault in faults:
            typer.echo(f"  {fault}".replace("\n", "\n    "), err=True)
    if again:
        typer.echo(f"To say it again, with a change:\n  {told.flags()}", err=True)
    raise typer.Exit(USAGE)


def _tell_next(site: "Site", told: "Told", path: Path) -> None:
    for warning in site.warnings:
        typer.echo(f"note: {warning}", err=True)
    typer.echo(f"{path} written, and the whole site is good with it.", err=True)
    if told.campaign.get("whisper") == f"acd/whisper-{told.name}":
        typer.echo(f"Speak its whisper with: ringfair pbx prompts --config {site.directory}", err=True)
    typer.echo("Put it in force with: ringfair reload", err=True)


def _print_json(content: object) -> None:
    typer.echo(json.dumps(content, ensure_ascii=False, indent=2))
