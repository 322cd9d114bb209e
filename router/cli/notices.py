"""What follows a change of the directory: passwords shown once, the router told, Asterisk's admin reminded."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from router.cli.exits import sentence
from router.cli.posts import post_json, written
from router.cli.roster import Drawn
from router.cli.screen import print_table
from router.domain.errors import RouterError
from router.ports import AgentEntry

if TYPE_CHECKING:
    from router.config import Site


def report(site: "Site", drawn: Sequence[Drawn], done: str, as_json: bool) -> None:
    if as_json:
        entries = [
            entry_json(one.entry) | {"new": one.new} | ({"password": one.password} if one.password else {})
            for one in drawn
        ]
        typer.echo(json.dumps(entries, ensure_ascii=False, indent=2))
    elif len(drawn) == 1:
        one = drawn[0]
        profile = one.entry.profile
        skills = " ".join(f"{name}={level}" for name, level in sorted(profile.skills.items())) or "no skills"
        more = [f"{profile.daily_cap} contacts a day"] if profile.daily_cap else []
        more += [written(profile.posts)] if profile.posts else []
        about = ", ".join((f"endpoint {profile.endpoint} over {one.entry.transport}", skills, *more))
        typer.echo(f"{profile.agent_id} {done}: {about}")
        if one.password:
            realm = site.settings.agents.realm
            typer.echo(f"  SIP user {profile.endpoint}, realm {realm}, password (shown only now): {one.password}")
    else:
        new = sum(one.new for one in drawn)
        typer.echo(f"{new} agents added, {len(drawn) - new} changed")
        if shown := [one for one in drawn if one.password]:
            rows = ((o.entry.profile.agent_id, o.entry.profile.endpoint, o.password or "") for o in shown)
            print_table("New SIP passwords, shown only now", ("agent", "user", "password"), rows)
    tell_router(site)
    if any(one.phone_changed for one in drawn):
        tell_asterisk("so that Asterisk knows the phone")


def tell_router(site: "Site") -> None:
    """Have a running router read the change. The change is stored already, so no answer makes the command fail."""
    from router.cli.control import Control

    control = Control(site.settings.http)
    if not control.present:
        typer.echo("No router runs here; it reads the directory when it starts.", err=True)
        return
    try:
        control.post("reload", deadline_s=30.0)
    except RouterError as error:
        message = f"The running router did not take it over yet: {sentence(error)} Then: ringfair reload"
        typer.echo(message, err=True)
    else:
        typer.echo("The running router has read it.", err=True)


def tell_asterisk(why: str) -> None:
    typer.echo(
        f"Next, {why}: ringfair export pjsip --out /etc/asterisk/pjsip.d/40-agents.conf, "
        "then: asterisk -rx 'module reload res_pjsip.so'",
        err=True,
    )


def entry_json(entry: AgentEntry) -> dict[str, Any]:
    profile = entry.profile
    return {
        "agent_id": profile.agent_id,
        "name": profile.display_name,
        "endpoint": profile.endpoint,
        "transport": entry.transport,
        "skills": dict(sorted(profile.skills.items())),
        "auto_answer": bool(profile.auto_answer),
        "daily_cap": profile.daily_cap,
        "posts": {queue: post_json(post) for queue, post in sorted(profile.posts.items())},
        "active": entry.active,
        "has_password": entry.credential is not None,
    }
