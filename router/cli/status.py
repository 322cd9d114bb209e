"""`ringfair status`: the floor now, as the running router sees it."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from router.cli.instants import in_zone, length, since, until
from router.cli.screen import make_table, wide_console
from router.cli.site import AsJson, ConfigDir, now, read_site
from router.domain.errors import RemoteError
from router.domain.ids import SECOND, Micros

if TYPE_CHECKING:
    from rich.console import Group

    from router.cli.control import Control

REFRESH_S = 1.0
_ORDER = {"talking": 0, "held": 0, "ringing": 1, "reserved": 1, "wrapup": 2}
Items = list[dict[str, Any]]


def status(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay, and show every second how it is.")] = False,
    config: ConfigDir = None,
    as_json: AsJson = False,
) -> None:
    """Show queues, agents and contacts of the running router. Exit code 3 when none runs.

    Of a closed queue it says why (hours, a holiday, an exception, or shut by hand) and when it opens, in the time of
    its campaign.

    Example: ringfair status --watch
    """
    if watch and as_json:
        raise typer.BadParameter("choose one of --watch and --json")
    from router.cli.control import Control

    control = Control(read_site(config).settings.http)
    if as_json:
        queues, agents, contacts, pool = _floor(control)
        floor = {"pool": pool, "queues": queues, "agents": agents, "contacts": contacts}
        typer.echo(json.dumps(floor, ensure_ascii=False, indent=2))
        return
    if not watch:
        wide_console().print(_picture(*_floor(control), now()))
        return
    from rich.live import Live
    from rich.text import Text

    console = wide_console()
    if not console.is_terminal:
        raise typer.BadParameter("--watch needs a terminal; a script asks again and again with --json")
    with Live(_picture(*_floor(control), now()), console=console, screen=True, auto_refresh=False) as live:
        while True:
            try:
                live.update(_picture(*_floor(control), now()), refresh=True)
            except RemoteError as error:
                if error.error_id == "router-missing":
                    raise
                live.update(Text(error.message), refresh=True)
            time.sleep(REFRESH_S)


def _floor(control: "Control") -> tuple[Items, Items, Items, dict[str, Any]]:
    return control.items("queues"), control.items("agents"), control.items("contacts"), control.get("pool")


def _picture(queues: Items, agents: Items, contacts: Items, pool: dict[str, Any], at: Micros) -> "Group":
    from rich.console import Group
    from rich.text import Text

    lines = make_table(
        "Queues",
        ("queue", "waiting", "longest", "free agents", "of", "door"),
        (
            (
                _text(queue, "queue"),
                _text(queue, "waiting"),
                _seconds(queue.get("longest_wait_s")) if queue.get("waiting") else "",
                _text(queue, "free_agents"),
                _text(queue, "entitled_agents"),
                _door(queue),
            )
            for queue in queues
        ),
    )
    people = make_table(
        "Agents",
        ("agent", "status", "since", "does", "contact", "phone", "queues"),
        (_agent(agent, at) for agent in sorted(agents, key=_busy_first)),
    )
    calls = make_table(
        "Contacts",
        ("contact", "queue", "state", "agent", "here for"),
        (
            (
                _text(contact, "contact_id"),
                _text(contact, "queue"),
                _text(contact, "state"),
                _text(contact, "agent_id"),
                _ago(contact.get("arrived_at"), at),
            )
            for contact in contacts
        ),
    )
    return Group(Text(_owner(pool, at)), lines, people, *((calls,) if contacts else ()))


def _door(queue: dict[str, Any]) -> str:
    """`open`; `closed (holiday: Christmas Day), opens mon 2026-12-28 09:00`; `shut by hand, …`."""
    if queue.get("open") is not False:
        return "open" if queue.get("open") else ""
    why, note = _text(queue, "closed_by"), _text(queue, "closed_note")
    state = "shut by hand" if why == "hand" else f"closed ({why}{': ' if note else ''}{note})"
    opens = in_zone(queue.get("opens_at"), queue.get("time_zone"))
    return f"{state}, opens {opens}" if opens else f"{state}, no opening known"


def _owner(pool: dict[str, Any], at: Micros) -> str:
    """Whose the pool is, and whether anybody would follow."""
    count = pool.get("standbys") or 0
    standbys = f"{count or 'nobody'} {'stands' if count in (0, 1) else 'stand'} by"
    whose = f"pool of {_text(pool, 'host') or 'nobody'}, epoch {_text(pool, 'epoch')}"
    since_at = _ago(pool.get("since"), at)
    lasts = f", for {since_at}" if since_at else ""
    left = pool.get("lease_left_s")
    lease = f", lease for {left:.1f} s more" if isinstance(left, int | float) else ""
    here = "" if pool.get("mine") else "; this router stands by, its floor is empty"
    return f"{whose}{lasts}{lease}; {standbys}{here}"


def _agent(agent: dict[str, Any], at: Micros) -> tuple[str, ...]:
    status = _word(agent, "status")
    if agent.get("reason"):
        status += f" ({why_paused(agent)})"
    if agent.get("next_status"):
        status += f", then {_word(agent, 'next_status')}"
    queues = agent.get("queues")
    return (
        _text(agent, "agent_id"),
        status,
        _ago(agent.get("since"), at),
        _text(agent, "work") + _left(agent, at),
        _text(agent, "contact_id"),
        _word(agent, "reach"),
        ", ".join(map(str, queues)) if isinstance(queues, list) else "",
    )


def why_paused(agent: dict[str, Any]) -> str:
    """`lunch`, `training, paid`"""
    return f"{agent['reason']}{', paid' if agent.get('paid') else ''}"


def _left(agent: dict[str, Any], at: Micros) -> str:
    """How their wrap-up ends and when; when a pause becomes too long; until when nothing is offered."""
    left_us = until(agent.get("until"), at)
    left = "" if left_us is None else f", {length(left_us)} left"
    others = agent.get("in_hand")
    besides = [f"{n} {medium}" for medium, n in others.items() if medium != "voice"] if isinstance(others, dict) else []
    kind = f" ({agent['wrapup']})" if agent.get("wrapup") not in (None, "timed") else ""
    return f"{kind}{left}{'; ' + ', '.join(besides) if besides else ''}"


def _busy_first(agent: dict[str, Any]) -> tuple[int, bool, str]:
    work = _ORDER.get(_text(agent, "work"), 3)
    return work, _text(agent, "status").lower() == "logged_out", _text(agent, "agent_id")


def _text(item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    return "" if value is None else str(value)


def _word(item: dict[str, Any], key: str) -> str:
    """`LOGGED_OUT` → `logged out`"""
    return _text(item, key).lower().replace("_", " ")


def _seconds(value: object) -> str:
    return length(int(value * SECOND)) if isinstance(value, int | float) else ""


def _ago(iso: object, at: Micros) -> str:
    ago = since(iso, at)
    return "" if ago is None else length(ago)
