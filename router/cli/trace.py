"""`ringfair trace CONTACT`: when a contact passed which milestone, and where the time of its offers went."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from math import ceil
from typing import Annotated, Any

import typer

from router.cli.screen import print_table
from router.cli.site import AsJson, ConfigDir, read_site

LAST, MOST = 20, 1000
PARTS = {
    "asterisk_to_router": ("Asterisk → us", "Asterisk's event to our socket"),
    "parser": ("parser", "bytes to an observation in the inbox"),
    "inbox": ("inbox", "waiting for the engine"),
    "engine": ("engine", "deciding"),
    "effect": ("effect", "the Originate to the socket"),
    "asterisk": ("Asterisk", "making the agent's leg"),
    "phone": ("phone", "until it rings"),
    "agent": ("agent", "until the agent answers"),
    "bridge": ("bridge", "until they talk"),
}
"The router's names of the parts of an offer's way → a column's head, and what happens in it."
TOTALS = {
    "router": "in the router: read → Originate written",
    "to_originate": "all until the Originate is written",
    "to_leg": "all until the agent's leg is there",
}
STEPS = {
    "happened": "in Asterisk",
    "read": "read from the socket",
    "parsed": "parsed, in the inbox",
    "taken": "taken from the inbox",
    "decided": "engine done",
    "event": "decided",
    "written": "written to Asterisk",
    "answered": "taken by Asterisk",
    "refused": "refused by Asterisk",
}
CLOCKS = {"asterisk": "Asterisk's", "router": "ours"}
_BAR = 40
_HUMAN = ("agent", "bridge")
"Seconds beside microseconds: they would flatten every other bar."
Items = list[dict[str, Any]]


def trace(
    contact: Annotated[
        str | None, typer.Argument(metavar="CONTACT", help="A contact's id, as in `ringfair status`.")
    ] = None,
    last: Annotated[
        int | None,
        typer.Option("--last", "-n", min=1, max=MOST, help=f"The latest contacts, so many; {LAST} if not given."),
    ] = None,
    config: ConfigDir = None,
    as_json: AsJson = False,
) -> None:
    """Show where the time goes between Asterisk and us: every milestone of a contact and what lay between.

    Without CONTACT: the offers of the latest contacts part by part, and the percentiles over all that the running
    router remembers (512; those who ended first are forgotten first). Exit code 3 when no router runs.

    Example: ringfair trace acd1-1790000000.42; or: ringfair trace --last 50
    """
    if contact is not None and last is not None:
        raise typer.BadParameter("choose one of CONTACT and --last")
    from router.cli.control import Control

    control = Control(read_site(config).settings.http)
    if contact is not None:
        found = control.get("contacts", contact, "trace")
        if as_json:
            typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        else:
            _show(found)
        return
    items = _items(control.get("traces", limit=str(MOST)), "items")
    if as_json:
        typer.echo(json.dumps(items[: last or LAST], ensure_ascii=False, indent=2))
    else:
        _show_latest(items, last or LAST)


def _show(found: dict[str, Any]) -> None:
    state = "lives" if found.get("lives") else "has ended"
    print_table(
        f"Contact {found.get('contact_id', '')}, which {state}",
        ("instant", "+ ms", "ms", "clock", "of", "what", "step"),
        (
            (
                _time(one.get("at")),
                _ms(one.get("since_previous_s")),
                _ms(one.get("since_first_s")),
                CLOCKS.get(str(one.get("clock")), ""),
                str(one.get("of", "")),
                str(one.get("what", "")),
                STEPS.get(str(one.get("step")), str(one.get("step", ""))),
            )
            for one in _items(found, "milestones")
        ),
    )
    if left_out := found.get("left_out"):
        typer.echo(f"({left_out} milestones in the middle were too many to remember)\n")
    for offer in _items(found, "offers"):
        for line in picture(offer):
            typer.echo("".join(character if character.isprintable() else "�" for character in line))


def picture(offer: dict[str, Any]) -> list[str]:
    """Where the time of one offer went: a bar for each part, in proportion, as far as machines are concerned."""
    gaps, totals = _numbers(offer, "gaps_s"), _numbers(offer, "totals_s")
    lines = [f"Offer {str(offer.get('offer_id', '')).rpartition('.')[2]}, decided on {_cause(offer)}"]
    scale = max((seconds for name, seconds in gaps.items() if name not in _HUMAN), default=0.0)
    for name, (_, what) in PARTS.items():
        if (seconds := gaps.get(name)) is None:
            continue
        columns = 0 if name in _HUMAN or scale <= 0 else max(0, ceil(seconds / scale * _BAR))
        lines.append(f"  {what:<38}{_ms(seconds):>11} ms  {'█' * columns}".rstrip())
    lines += [f"  {what:<38}{_ms(totals[name]):>11} ms" for name, what in TOTALS.items() if name in totals]
    return [*lines, ""]


def _show_latest(items: Items, last: int) -> None:
    offers = [(str(item.get("contact_id", "")), offer) for item in items for offer in _items(item, "offers")]
    if not items:
        typer.echo("The router has traced no contact since it was started.")
        return
    shown = {str(item.get("contact_id", "")) for item in items[:last]}
    print_table(
        f"Offers of the latest {len(shown)} of {len(items)} contacts remembered, in ms",
        ("offer", "decided on", *(head for head, _ in PARTS.values()), "to Originate", "to leg"),
        (
            (
                str(offer.get("offer_id", "")),
                str(offer.get("cause") or "deadline, command"),
                *(_ms(_numbers(offer, "gaps_s").get(name)) for name in PARTS),
                _ms(_numbers(offer, "totals_s").get("to_originate")),
                _ms(_numbers(offer, "totals_s").get("to_leg")),
            )
            for contact, offer in offers
            if contact in shown
        ),
    )
    print_table(
        "All of them, in ms",
        ("part", "p50", "p99", "max", "offers"),
        _percentiles([offer for _, offer in offers]),
    )


def _percentiles(offers: Items) -> Iterable[Sequence[str]]:
    on_arrival = [offer for offer in offers if offer.get("cause") == "AcdArrived"]
    freed = [offer for offer in offers if offer.get("cause") not in (None, "AcdArrived")]
    wanted = [(what, offers, "gaps_s", name) for name, (_, what) in PARTS.items()]
    wanted.append((TOTALS["router"], offers, "totals_s", "router"))
    for said, some in (("the caller's arrival", on_arrival), ("other news (an agent free again …)", freed)):
        wanted += [
            (f"{said} → Originate written", some, "totals_s", "to_originate"),
            (f"{said} → the agent's leg", some, "totals_s", "to_leg"),
        ]
    for what, some, group, name in wanted:
        found = sorted(value for offer in some if (value := _numbers(offer, group).get(name)) is not None)
        if found:
            yield what, *(_ms(at) for at in (_rank(found, 50), _rank(found, 99), found[-1])), str(len(found))


def _rank(values: list[float], percent: int) -> float:
    """The nearest-rank percentile of what is sorted."""
    return values[max(0, ceil(len(values) * percent / 100) - 1)]


def _cause(offer: dict[str, Any]) -> str:
    cause = offer.get("cause")
    if not isinstance(cause, str):
        return "a deadline or a command"
    return f"{cause} of {offer['cause_contact']}" if offer.get("cause_contact") else cause


def _items(found: dict[str, Any], name: str) -> Items:
    items = found.get(name)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _numbers(offer: dict[str, Any], name: str) -> dict[str, float]:
    found = offer.get(name)
    if not isinstance(found, dict):
        return {}
    return {str(key): float(value) for key, value in found.items() if isinstance(value, int | float)}


def _ms(seconds: object) -> str:
    return f"{seconds * 1000:.3f}" if isinstance(seconds, int | float) else ""


def _time(iso: object) -> str:
    """Of this machine's zone, to the microsecond."""
    try:
        return datetime.fromisoformat(str(iso)).astimezone().strftime("%H:%M:%S.%f")
    except (ValueError, OverflowError):
        return ""
