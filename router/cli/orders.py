"""What an operator asks of the running router: over its control socket, whose file mode says who may."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from router.cli.agents import Agent
from router.cli.agents import app as agents
from router.cli.campaign import app as campaigns
from router.cli.reloaded import sentences
from router.cli.site import AsJson, ConfigDir, read_site
from router.cli.status import why_paused
from router.domain.ids import Micros

RELOAD_S = 40.0
CANARY_S = 130.0
"Longer than the router's own deadlines, so that it can say itself what went wrong."
_MILESTONES = ("arrived", "queued", "offered", "ringing", "connected", "ended")


@agents.command("login")
def login(agent: Agent, config: ConfigDir = None) -> None:
    """Log an agent in at the running router, as *45 from their phone does.

    Example: ringfair agent login agent-1001
    """
    _tell(agent, _ask(config, "agents", agent, "login"))


@agents.command("logout")
def logout(agent: Agent, config: ConfigDir = None) -> None:
    """Log an agent out; with a contact in hand it takes effect after it.

    Example: ringfair agent logout agent-1001
    """
    _tell(agent, _ask(config, "agents", agent, "logout"))


@agents.command("pause")
def pause(
    agent: Agent,
    reason: Annotated[
        str | None,
        typer.Option("--reason", help="The code of a pause reason of ringfair.toml; the first one there if not given."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="The reason's limits (per_day_s, at_most) do not count.")
    ] = False,
    config: ConfigDir = None,
) -> None:
    """Pause an agent; with a contact in hand it takes effect after it.

    A reason that ringfair.toml does not have, and one that is used up, are refused (exit code 4).

    Example: ringfair agent pause agent-1001 --reason lunch
    """
    if reason is None:
        reason = read_site(config).rules.pause_reasons[""]  # what a bare *46 pauses for
    _tell(agent, _ask(config, "agents", agent, "pause", body={"reason": reason, "forced": force}))


@agents.command("unpause")
def unpause(agent: Agent, config: ConfigDir = None) -> None:
    """End an agent's pause.

    Example: ringfair agent unpause agent-1001
    """
    _tell(agent, _ask(config, "agents", agent, "unpause"))


@agents.command("finish-wrapup")
def finish_wrapup(
    agent: Agent,
    disposition: Annotated[str | None, typer.Option("--disposition", help="What came of the contact.")] = None,
    config: ConfigDir = None,
) -> None:
    """End an agent's wrap-up before its time.

    Example: ringfair agent finish-wrapup agent-1001 --disposition ordered
    """
    _tell(agent, _ask(config, "agents", agent, "finish-wrapup", body={"disposition": disposition}))


@agents.command("disposition")
def disposition(
    agent: Agent,
    code: Annotated[str, typer.Argument(metavar="CODE", help="A code of [campaign.dispositions], or what it means.")],
    config: ConfigDir = None,
) -> None:
    """Say what came of an agent's contact, during the talk already, as *47 and the code from their phone does.

    A mandatory wrap-up ends with it. Example: ringfair agent disposition agent-1001 12
    """
    _tell(agent, _ask(config, "agents", agent, "disposition", body={"disposition": code}))


@agents.command("extend-wrapup")
def extend_wrapup(agent: Agent, config: ConfigDir = None) -> None:
    """Give an agent wrapup_s more after a talk, up to wrapup_max_s, where the queue's wrap-up is "extendable".

    Example: ringfair agent extend-wrapup agent-1001
    """
    _tell(agent, _ask(config, "agents", agent, "extend-wrapup"))


@agents.command("engage")
def engage(
    agent: Agent,
    medium: Annotated[str, typer.Argument(metavar="MEDIUM", help="chat or email.")],
    count: Annotated[int, typer.Argument(min=0, help="How many they have in hand; 0: none any more.")],
    for_s: Annotated[
        float, typer.Option("--for-s", help="Forgotten after so many seconds unless said again.")
    ] = 3600.0,
    config: ConfigDir = None,
) -> None:
    """Say what an agent has in hand besides calls; [agents] interrupt says whether a call may come on top.

    Example: ringfair agent engage agent-1001 chat 2
    """
    body = {"medium": medium, "count": count, "for_s": for_s}
    _tell(agent, _ask(config, "agents", agent, "engage", body=body))


def hangup(
    contact: Annotated[str, typer.Argument(metavar="CONTACT", help="A contact's id, as in `ringfair status`.")],
    config: ConfigDir = None,
) -> None:
    """Let a waiting or talking caller go.

    Example: ringfair hangup acd1-1790000000.42
    """
    _ask(config, "contacts", contact, "hangup")
    typer.echo(f"{contact} is being hung up")


def prioritise(
    contact: Annotated[str, typer.Argument(metavar="CONTACT", help="A contact's id, as in `ringfair status`.")],
    points: Annotated[int, typer.Argument(help="Points, each worth priority_point_s of waiting; 0 takes them back.")],
    config: ConfigDir = None,
) -> None:
    """Give a waiting caller points of their own; their place in line is anew at once.

    Example: ringfair prioritise acd1-1790000000.42 5
    """
    _ask(config, "contacts", contact, "priority", body={"priority": points})
    typer.echo(f"{contact} has {points} point{'' if abs(points) == 1 else 's'} of its own")


@campaigns.command("shut")
def shut(
    campaign: Annotated[str, typer.Argument(metavar="NAME", help="A campaign's name.")],
    for_: Annotated[str, typer.Option("--for", help='How long: "30m", "2h", "1d".')] = "",
    until: Annotated[str, typer.Option("--until", help="Until when: 2026-12-24T18:00+01:00.")] = "",
    config: ConfigDir = None,
) -> None:
    """Close a campaign at once, whatever its hours say: an alarm in the house, a client who says stop.

    Callers who come are told so, or go where `closed` sends them; who waits is treated as at closing time; talks go
    on. It opens by itself when the time is over. Example: ringfair campaign shut shop --for 2h
    """
    answer = _ask(config, "campaigns", campaign, "shut", body={"until": _until(for_, until)})
    typer.echo(f"{campaign} is shut until {answer.get('until', '')}")


@campaigns.command("open")
def reopen(
    campaign: Annotated[str, typer.Argument(metavar="NAME", help="A campaign's name.")], config: ConfigDir = None
) -> None:
    """Open a campaign that was shut by hand; from then on its hours count again.

    Example: ringfair campaign open shop
    """
    _ask(config, "campaigns", campaign, "open")
    typer.echo(f"{campaign} is not shut any more; its hours count")


def _until(for_: str, until: str) -> str:
    """The instant at which it opens again, from one of the two."""
    if bool(for_) == bool(until):
        raise typer.BadParameter("give one of --for and --until", param_hint="--for")
    if until:
        return until
    match = re.fullmatch(r"(\d{1,4})([mhd])", for_)
    if match is None:
        raise typer.BadParameter('expected "30m", "2h" or "1d"', param_hint="--for")
    unit = {"m": "minutes", "h": "hours", "d": "days"}[match[2]]
    return (datetime.now(UTC) + timedelta(**{unit: int(match[1])})).isoformat()


def reload(config: ConfigDir = None, as_json: AsJson = False) -> None:
    """Have the running router read its files and the directory of agents again.

    Campaigns, shifts, pause reasons and the times of [router] take effect at once. With any fault it keeps its old
    rules, and every fault is told (exit code 2). So it does when something was changed that takes a restart: pool,
    country, [asterisk], [redis], [ledger], [http] or a secret (exit code 4). Tells how many callers wait on, were moved
    or sent off, and what became of the calls that are owed.

    Example: ringfair reload
    """
    answer = _ask(config, "reload", deadline_s=RELOAD_S)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2))
        return
    typer.echo(f"The router obeys its files as they are now: rules {answer.get('config_hash', '')}")
    for sentence in sentences(answer):
        typer.echo(f"  {sentence}")


def canary(config: ConfigDir = None, as_json: AsJson = False) -> None:
    """Send an echo call of our own through the whole path, and show how long each part took.

    Arrival, queue, offer, ring, talk, end and record are real; only the trunk and an agent's line are not in it.
    Exit code 1 when it gets lost. Example: ringfair canary
    """
    answer = _ask(config, "canary", deadline_s=CANARY_S)
    contact, milestones = answer.get("contact_id"), _in_order(answer.get("milestones"))
    if as_json:
        from router.adapters.http.answers import instant

        first = milestones[0][1] if milestones else 0
        passed = [{"name": name, "at": instant(at), "after_ms": (at - first) / 1000} for name, at in milestones]
        typer.echo(json.dumps({"contact_id": contact, "milestones": passed}, ensure_ascii=False, indent=2))
        return
    typer.echo(f"contact {contact}")
    before: Micros | None = None
    for name, at in milestones:
        typer.echo(f"  {name:<10}" + ("" if before is None else f"{(at - before) / 1000:>+10.1f} ms"))
        before = at


def _in_order(milestones: object) -> list[tuple[str, Micros]]:
    """Milestones and their instants in order of time; of two at the same instant, the order they are passed in."""
    found = milestones if isinstance(milestones, dict) else {}
    known = {name: place for place, name in enumerate(_MILESTONES)}
    passed = [(str(name), at) for name, at in found.items() if isinstance(at, int) and at > 0]
    return sorted(passed, key=lambda one: (one[1], known.get(one[0], len(known))))


def _ask(
    config: Path | None, *path: str, body: dict[str, Any] | None = None, deadline_s: float = 15.0
) -> dict[str, Any]:
    from router.cli.control import Control

    return Control(read_site(config).settings.http).post(*path, body=body, deadline_s=deadline_s)


def _tell(agent: str, answer: dict[str, Any]) -> None:
    """One line: what the agent is now, and what comes after the contact in hand."""

    def word(key: str) -> str:
        return str(answer.get(key) or "").lower().replace("_", " ")

    status, reach = word("status"), word("reach")
    reason = f" ({why_paused(answer)})" if answer.get("reason") else ""
    why = f" ({answer['next_reason']})" if answer.get("next_reason") else ""
    following = f", {word('next_status')}{why} after the contact" if answer.get("next_status") else ""
    phone = f"; the phone is {reach}" if reach not in ("", "reachable") else ""
    typer.echo(f"{agent} is {status}{reason}{following}{phone}" if status else f"{agent}: done")
