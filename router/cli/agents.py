"""`ringfair agent …`: who our agents are. Every change is audited with who made it."""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from router.cli.exits import USAGE
from router.cli.notices import entry_json, report, tell_asterisk, tell_router
from router.cli.posts import stands, written
from router.cli.roster import Asked, Drawn, draw, parse_skills, read_roster
from router.cli.screen import print_table
from router.cli.site import AsJson, ConfigDir, asked_by, now, opened_directory, read_site, sqlite_path
from router.domain.errors import CommandRefused, ConfigError
from router.domain.ids import AgentId
from router.domain.messages.commands import ANY_POST
from router.ports import AgentEntry

app = typer.Typer(
    help="Agents: who they are, which phone and which skills they have, and their state in the running router.",
    no_args_is_help=True,
)

Agent = Annotated[str, typer.Argument(metavar="ID", help="The agent's id, such as agent-1001.")]
Name = Annotated[str | None, typer.Option("--name", help="What screens call them.")]
Endpoint = Annotated[
    str | None, typer.Option("--endpoint", help="PJSIP endpoint; a new agent's is the id if not given.")
]
Skills = Annotated[
    list[str] | None, typer.Option("--skill", metavar="NAME=LEVEL", help="Skill and proficiency 0-100; repeatable.")
]
Transport = Annotated[str | None, typer.Option("--transport", help="udp, or tls with SRTP.")]
AutoAnswer = Annotated[
    bool | None, typer.Option("--auto-answer/--no-auto-answer", help="Have the phone pick up by itself.")
]
DailyCap = Annotated[
    int | None, typer.Option("--daily-cap", min=0, help="Contacts a day, then they are offered no more; 0: no limit.")
]


@app.command("add")
def add(
    agent: Agent,
    endpoint: Endpoint = None,
    name: Name = None,
    skill: Skills = None,
    transport: Transport = None,
    auto_answer: AutoAnswer = None,
    daily_cap: DailyCap = None,
    config: ConfigDir = None,
    as_json: AsJson = False,
) -> None:
    """Add an agent and make their SIP password, which is shown only now.

    Example: ringfair agent add agent-1001 --skill de=80 --skill orders=60 --transport tls
    """
    site = read_site(config)
    asked = Asked(
        agent_id=AgentId(agent),
        name=name,
        endpoint=endpoint,
        transport=transport,
        skills=_skills(skill),
        auto_answer=auto_answer,
        daily_cap=daily_cap,
    )

    async def store() -> Drawn:
        async with opened_directory(site) as directory:
            held = {entry.profile.agent_id: entry for entry in await directory.agents()}.get(asked.agent_id)
            if held is not None and held.active:
                raise CommandRefused(
                    "agent-known", f"{agent} is in the directory already; change them with: ringfair agent set {agent}"
                )
            drawn = draw(asked, held, site.settings.agents.realm)
            await directory.put([drawn.entry], by=asked_by(), now=now())
            return drawn

    report(site, [asyncio.run(store())], "added", as_json)


@app.command("set")
def change(
    agent: Agent,
    endpoint: Endpoint = None,
    name: Name = None,
    skill: Skills = None,
    no_skill: Annotated[list[str] | None, typer.Option("--no-skill", metavar="NAME", help="Take a skill away.")] = None,
    transport: Transport = None,
    auto_answer: AutoAnswer = None,
    daily_cap: DailyCap = None,
    config: ConfigDir = None,
    as_json: AsJson = False,
) -> None:
    """Change what is known of an agent; what is not named stays. Another endpoint needs another password.

    Example: ringfair agent set agent-1001 --skill en=70 --no-skill orders
    """
    site = read_site(config)
    wanted, unwanted = _skills(skill) or {}, no_skill or []

    async def store() -> Drawn:
        async with opened_directory(site) as directory:
            held = _known({e.profile.agent_id: e for e in await directory.agents()}, agent)
            if missing := [name for name in unwanted if name not in held.profile.skills]:
                raise CommandRefused("skill-unknown", f"{agent} does not have the skill {missing[0]}")
            skills = {name: level for name, level in held.profile.skills.items() if name not in unwanted} | wanted
            asked = Asked(
                agent_id=AgentId(agent),
                name=name,
                endpoint=endpoint,
                transport=transport,
                skills=skills,
                auto_answer=auto_answer,
                daily_cap=daily_cap,
            )
            drawn = draw(asked, held, site.settings.agents.realm)
            await directory.put([drawn.entry], by=asked_by(), now=now())
            return drawn

    report(site, [asyncio.run(store())], "changed", as_json)


@app.command("post")
def post(
    agent: Agent,
    queue: Annotated[str, typer.Argument(metavar="QUEUE", help="The queue's full name, such as shop/orders.")],
    priority: Annotated[
        int | None, typer.Option("--priority", help="Callers of a queue with a higher one come before all others.")
    ] = None,
    delay_s: Annotated[
        float | None,
        typer.Option("--delay-s", min=0, help="So long a caller has waited before this agent is asked: a back-up."),
    ] = None,
    position: Annotated[
        int | None, typer.Option("--position", min=0, help='Where the queue has choose = "fixed-order": lower first.')
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="Back to the ordinary: no priority, no delay.")] = False,
    config: ConfigDir = None,
    as_json: AsJson = False,
) -> None:
    """Say how an agent stands to one queue; what is not named stays. Skills decide whether they serve it at all.

    Example: ringfair agent post agent-1001 shop/orders --priority 2 --delay-s 30
    """
    site = read_site(config)
    if none == any(said is not None for said in (priority, delay_s, position)):
        raise typer.BadParameter("say --priority, --delay-s or --position, or --none alone")
    if delay_s is not None and not 0 <= delay_s <= 86_400:  # a NaN passes Option(min=)
        raise typer.BadParameter("a delay of 0 to 86400 seconds", param_hint="--delay-s")
    if queue not in site.rules.queues:
        known = ", ".join(list(site.rules.queues)[:20])
        raise CommandRefused("queue-unknown", f"There is no queue {queue[:80]!r}; there are: {known}")

    async def store() -> Drawn:
        async with opened_directory(site) as directory:
            held = _known({e.profile.agent_id: e for e in await directory.agents()}, agent)
            old = ANY_POST if none else held.profile.posts.get(queue, ANY_POST)
            new = stands(old, priority=priority, delay_s=delay_s, position=position)
            asked = Asked(agent_id=AgentId(agent), posts={**held.profile.posts, queue: new})
            drawn = draw(asked, held, site.settings.agents.realm)
            await directory.put([drawn.entry], by=asked_by(), now=now())
            return drawn

    report(site, [asyncio.run(store())], "changed", as_json)


@app.command("password")
def password(agent: Agent, config: ConfigDir = None, as_json: AsJson = False) -> None:
    """Make a new SIP password, shown only now; the old one ends with the next `ringfair export pjsip`.

    Example: ringfair agent password agent-1001
    """
    site = read_site(config)

    async def store() -> Drawn:
        async with opened_directory(site) as directory:
            held = _known({e.profile.agent_id: e for e in await directory.agents()}, agent)
            drawn = draw(Asked(agent_id=AgentId(agent)), held, site.settings.agents.realm, new_password=True)
            await directory.put([drawn.entry], by=asked_by(), now=now())
            return drawn

    report(site, [asyncio.run(store())], "has a new password", as_json)


@app.command("remove")
def remove(agent: Agent, config: ConfigDir = None) -> None:
    """Take an agent out of service. Records keep pointing to them; their password is forgotten.

    Example: ringfair agent remove agent-1001
    """
    site = read_site(config)

    async def store() -> None:
        async with opened_directory(site) as directory:
            await directory.remove(AgentId(agent), by=asked_by(), now=now())

    asyncio.run(store())
    typer.echo(f"{agent} removed")
    tell_router(site)
    tell_asterisk("so that their phone cannot register any more")


@app.command("list")
def list_agents(
    every: Annotated[bool, typer.Option("--all", help="Also those who were removed.")] = False,
    config: ConfigDir = None,
    as_json: AsJson = False,
) -> None:
    """List the agents of the directory, running router or not.

    Example: ringfair agent list --json
    """
    site = read_site(config)

    async def load() -> tuple[AgentEntry, ...]:
        if (path := sqlite_path(site)) is not None and not path.exists():
            return ()  # looking makes no database
        async with opened_directory(site) as directory:
            return await directory.agents()

    entries = [entry for entry in asyncio.run(load()) if every or entry.active]
    if as_json:
        typer.echo(json.dumps([entry_json(entry) for entry in entries], ensure_ascii=False, indent=2))
        return
    if not entries:
        typer.echo("No agents yet; add one with: ringfair agent add agent-1001 --skill de=80")
        return
    print_table(
        "Agents",
        (
            "agent",
            "name",
            "endpoint",
            "transport",
            "skills",
            "auto-answer",
            "a day",
            "posts",
            *(("active",) if every else ()),
        ),
        (_cells(entry) + ((("yes" if entry.active else "no"),) if every else ()) for entry in entries),
    )


@app.command("import")
def import_agents(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Columns id,name,endpoint,transport,skills …")],
    passwords: Annotated[
        Path | None,
        typer.Option("--passwords", metavar="FILE", help="Write new passwords there (mode 0600), not on the screen."),
    ] = None,
    config: ConfigDir = None,
    as_json: AsJson = False,
) -> None:
    """Add or change many agents at once: all of the file, or with any bad line nothing (all of them are told).

    Columns: id,name,endpoint,transport,skills,auto_answer,daily_cap,posts in any order; only id is needed. Skills are
    "de=80 orders", posts "shop/orders:priority=2:delay_s=30:position=1 shop/general".
    An empty cell keeps what is there; agents who are not in the file stay as they are.

    Example: ringfair agent import agents.csv --passwords new-passwords.csv
    """
    site = read_site(config)

    async def store() -> list[Drawn]:
        async with opened_directory(site) as directory:
            held = {entry.profile.agent_id: entry for entry in await directory.agents()}
            drawn = read_roster(file, held, site.settings.agents.realm)
            # First the file, then the directory: a password nobody can read any more would lock its agent out.
            if passwords is not None:
                _write_passwords(passwords, drawn)
            try:
                await directory.put([one.entry for one in drawn], by=asked_by(), now=now())
            except BaseException:
                if passwords is not None:
                    passwords.unlink(missing_ok=True)
                raise
            return drawn

    try:
        drawn = asyncio.run(store())
    except ConfigError as error:
        typer.echo(f"ringfair: {len(error.faults)} fault(s) in {file}, nothing was imported:", err=True)
        for fault in error.faults:
            typer.echo(f"  {fault}", err=True)
        raise typer.Exit(USAGE) from None
    if passwords is not None:
        if not as_json:
            typer.echo(f"{sum(one.password is not None for one in drawn)} new passwords in {passwords} (mode 0600)")
        drawn = [replace(one, password=None) for one in drawn]
    report(site, drawn, "imported", as_json)


def _write_passwords(path: Path, drawn: Sequence[Drawn]) -> None:
    lines = [
        f"{one.entry.profile.agent_id},{one.entry.profile.endpoint},{one.password}\n" for one in drawn if one.password
    ]
    try:
        # Exclusive: an old file may be readable by others, and holds passwords of other people.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CommandRefused("file-exists", f"{path} is there already; name a new file for the passwords") from None
    except OSError as error:
        raise CommandRefused("file-refused", f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("id,username,password\n")
        file.writelines(lines)
        file.flush()
        os.fsync(descriptor)


def _known(held: dict[AgentId, AgentEntry], agent: str) -> AgentEntry:
    entry = held.get(AgentId(agent))
    if entry is None or not entry.active:
        raise CommandRefused("agent-unknown", f"There is no agent {agent[:64]}; see: ringfair agent list")
    return entry


def _skills(words: list[str] | None) -> dict[str, int] | None:
    if words is None:
        return None
    try:
        return parse_skills(" ".join(words))
    except ValueError as error:
        raise typer.BadParameter(f"expected {error}", param_hint="--skill") from None


def _cells(entry: AgentEntry) -> tuple[str, ...]:
    profile = entry.profile
    skills = " ".join(f"{name}={level}" for name, level in sorted(profile.skills.items()))
    answers = "yes" if profile.auto_answer else "no"
    cap, posts = str(profile.daily_cap or ""), written(profile.posts)
    return (profile.agent_id, profile.display_name, profile.endpoint, entry.transport, skills, answers, cap, posts)
