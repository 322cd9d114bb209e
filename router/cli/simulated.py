"""What `ringfair simulate` shows: what was played, and what Erlang says of the same day."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any

import typer

from router.cli.chart import Point, bars, svg
from router.cli.exits import FAILED
from router.cli.screen import print_table, wide_console
from router.domain.ids import SECOND, Micros, QueueName
from router.domain.rulebook.rules import ToQueue
from router.simulation.forecast import Forecast, forecast
from router.simulation.rehearsal import Plan, Played
from router.simulation.tally import Figure, Figures
from router.simulation.traffic import HALF_HOUR_US

_SHARES = ("waits", "answered_within", "served_within", "abandoned_share", "sent_away_share", "occupancy")
_SECONDS = ("asa_s", "mean_wait_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecasts:
    """Of each kind of line; None where it says nothing."""

    patient: Forecast | None
    "Erlang C"
    impatient: Forecast | None
    "Erlang A"

    def known(self) -> list[tuple[str, Forecast]]:
        """Those that say something, the closer one first."""
        both = (("Erlang A", self.impatient), ("Erlang C", self.patient))
        return [(name, line) for name, line in both if line is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    plan: Plan
    played: Played
    forecasts: Forecasts


def forecasts(plan: Plan) -> Forecasts:
    return Forecasts(patient=forecast(plan, impatient=False), impatient=forecast(plan, impatient=True))


# ---- on the screen ----


def show(report: Report, *, plot: bool) -> None:
    plan, tally = report.plan, report.played.tally
    whole = tally.whole()
    days = "one day" if plan.days == 1 else f"{plan.days} days"
    hours = plan.traffic.day_us / SECOND / 3600
    title = f"Campaign {plan.campaign}: {days} of {hours:g} h with {tally.agents} agents, seed {plan.seed}"
    models = [name for name, _ in report.forecasts.known()]
    print_table(title, ("", "played", "± 95 %", *models), _rows(report, whole))
    halves = tally.by_the(HALF_HOUR_US)
    print_table(
        "By the half hour, waits in seconds" + ("" if plan.days == 1 else f"; all {plan.days} days together"),
        ("from", "calls", "answered", "gave up", "sent", "mean", "±", "90 %", f"in {_within(plan)}", "±", "busy"),
        (_half(half) for half in halves),
    )
    if len(plan.groups) > 1:
        print_table("Agents", ("agents", "skills", "busy"), _groups(report))
    if plot:
        for line in bars("Waits over the day", _points(halves), wide_console().width, within_s=plan.within_us / SECOND):
            typer.echo(line)
        typer.echo("")
    for note in notes(report, whole):
        typer.echo(f"note: {note}")


def _rows(report: Report, whole: Figures) -> list[tuple[str, ...]]:
    within = _within(report.plan)
    counted = (
        ("callers", whole.callers),
        ("answered", whole.answered),
        ("gave up", whole.abandoned),
        ("sent away", whole.sent_away),
    )
    lines = [line for _, line in report.forecasts.known()]
    empty = [""] * (1 + len(lines))
    rows: list[tuple[str, ...]] = [(name, str(count), *empty) for name, count in counted]
    compared = (
        ("must wait", "waits"),
        ("mean wait of those answered", "asa_s"),
        ("mean wait of all", "mean_wait_s"),
        (f"answered in {within}, of those answered", "answered_within"),
        (f"answered or gone in {within}, of all", "served_within"),
        ("gave up, of all", "abandoned_share"),
        ("sent away, of all", "sent_away_share"),
        ("agents busy (occupancy)", "occupancy"),
    )
    for name, key in compared:
        figure: Figure = getattr(whole, key)
        shown = seconds if key in _SECONDS else share
        rows.append(
            (name, shown(figure.value), shown(figure.margin), *(shown(getattr(line, key, None)) for line in lines))
        )
    for percent in (50, 80, 90, 95):
        rows.append((f"{percent} % answered by", seconds(whole.percentiles_s[percent]), *empty))
    rows.append(("longest wait of those answered", seconds(whole.longest_s), *empty))
    foreseen = report.played.tally.expectation()
    rows.append(("waited longer than expected, on average", seconds(foreseen.mean_error_s), *empty))
    rows.append(("expected wait is off by, of the mean wait", share(foreseen.of_wait), *empty))
    return rows


def _within(plan: Plan) -> str:
    return f"{plan.within_us / SECOND:g} s"


def _half(half: Figures) -> tuple[str, ...]:
    return (
        clock(half.from_us),
        str(half.callers),
        str(half.answered),
        str(half.abandoned),
        str(half.sent_away),
        _bare(half.asa_s.value),
        _bare(half.asa_s.margin),
        _bare(half.percentiles_s[90]),
        share(half.answered_within.value),
        share(half.answered_within.margin),
        share(half.occupancy.value),
    )


def _groups(report: Report) -> list[tuple[str, ...]]:
    busy_us, plan = report.played.tally.busy_us(), report.plan
    length_us = (plan.traffic.day_us - plan.warm_up_us) * plan.days
    return [
        (
            str(group.count),
            " ".join(f"{name}={level}" for name, level in group.skills.items()) or "none",
            share(busy_us.get(number, 0) / (length_us * group.count)),
        )
        for number, group in enumerate(plan.groups)
    ]


def notes(report: Report, whole: Figures) -> list[str]:
    """What the figures do not say of themselves."""
    plan, patient = report.plan, report.forecasts.patient
    entry, agents = plan.entry, plan.agents_of_entry
    found = []
    if not agents:
        widened = (
            any(ring.need.matches(dict(group.skills)) for ring in entry.rings for group in plan.groups)
            and not entry.never_relax
        )
        when = "before a ring widens it" if widened else "at all"
        found.append(f"no agent meets what {entry.name} asks for ({entry.need.text}) {when}: see --agents")
    elif agents < report.played.tally.agents:
        found.append(f"Erlang counts the {agents} agents who meet what {entry.name} asks for ({entry.need.text})")
    if patient is not None and patient.asa_s == inf:
        found.append(
            f"{patient.load_erlang:.1f} erlang at most for {agents} agents: if nobody gave up, "
            f"the line would never end (Erlang C); {int(patient.load_erlang) + 1} agents are the fewest"
        )
    if any(need.data for need in (entry.need, *(ring.need for ring in entry.rings))):
        found.append(
            f"the played callers bring no data (ACD_DATA): whatever {entry.name} asks by it ($…) holds for none of them"
        )
    if unreached := _unreached(plan):
        found.append(
            f"every caller begins in {entry.name}; no overflow leads from there to {', '.join(unreached)}, so nothing "
            "was played there (entry in the file says where callers begin)"
        )
    if whole.sent_away:
        found.append(
            f"{whole.sent_away} callers were told goodbye: see max_wait_s and overflow; Erlang knows no such end"
        )
    if report.played.undone:
        kinds = ", ".join(f"{kind} ({count})" for kind, count in sorted(report.played.undone.items()))
        found.append(f"the played day knows nothing of these orders of the router: {kinds}")
    if plan.days == 1:
        found.append("one day is one throw of the dice; --days 20 gives narrower intervals, and one for each half hour")
    return found


def _unreached(plan: Plan) -> list[QueueName]:
    """Queues of the campaign that no played caller can come to: these press no keys and find the door open."""
    rules, todo, seen = plan.rules, [plan.entry.name], {plan.entry.name}
    while todo:
        queue = rules.queues.get(todo.pop())
        targets = () if queue is None else queue.overflow
        new = {target.queue for target in targets if isinstance(target, ToQueue)} - seen
        seen |= new
        todo += new
    return [queue.name for queue in rules.queues.values() if queue.campaign == plan.campaign and queue.name not in seen]


def seconds(value: float | None) -> str:
    if value is None:
        return ""
    return "∞" if value == inf else f"{value:.1f} s"


def _bare(value: float | None) -> str:
    """Seconds under a head that says so."""
    return seconds(value).removesuffix(" s")


def share(value: float | None) -> str:
    return "" if value is None else f"{value * 100:.1f} %"


def clock(at_us: Micros) -> str:
    minutes = at_us // SECOND // 60
    return f"+{minutes // 60}:{minutes % 60:02}"


# ---- for machines, and drawn ----


def print_json(report: Report) -> None:
    """Shares are 0 to 1, times seconds; null is a figure that does not exist, an infinite wait too."""
    plan, tally = report.plan, report.played.tally
    whole, busy_us = tally.whole(), tally.busy_us()
    length_us = (plan.traffic.day_us - plan.warm_up_us) * plan.days
    content = {
        "campaign": plan.campaign,
        "entry": plan.entry.name,
        "seed": plan.seed,
        "days": plan.days,
        "hours": plan.traffic.day_us / SECOND / 3600,
        "warm_up_s": plan.warm_up_us / SECOND,
        "within_s": plan.within_us / SECOND,
        "calls_per_hour": list(plan.traffic.calls_per_hour),
        "talk_s": plan.traffic.talk_s,
        "talk_spread": plan.traffic.talk_spread,
        "wrapup_s": plan.entry.wrapup_us / SECOND,
        "patience_s": plan.traffic.patience_s,
        "pick_up_s": plan.traffic.pick_up_s,
        "agents": [
            {
                "count": group.count,
                "skills": dict(group.skills),
                "occupancy": busy_us.get(number, 0) / (length_us * group.count),
            }
            for number, group in enumerate(plan.groups)
        ],
        "played": _figures_json(whole),
        "expected_wait": asdict(tally.expectation()),
        "erlang_a": _forecast_json(report.forecasts.impatient),
        "erlang_c": _forecast_json(report.forecasts.patient),
        "half_hours": [_figures_json(half) for half in tally.by_the(HALF_HOUR_US)],
        "notes": notes(report, whole),
    }
    typer.echo(json.dumps(content, ensure_ascii=False, indent=2))


def _figures_json(figures: Figures) -> dict[str, Any]:
    return {
        "from_s": figures.from_us / SECOND,
        "to_s": figures.to_us / SECOND,
        "callers": figures.callers,
        "answered": figures.answered,
        "abandoned": figures.abandoned,
        "sent_away": figures.sent_away,
        **{name: _figure_json(getattr(figures, name)) for name in (*_SHARES, *_SECONDS)},
        "percentiles_s": {str(percent): value for percent, value in figures.percentiles_s.items()},
        "longest_s": figures.longest_s,
    }


def _figure_json(figure: Figure) -> dict[str, float | None]:
    return {"value": figure.value, "margin": figure.margin}


def _forecast_json(line: Forecast | None) -> dict[str, float | None] | None:
    if line is None:
        return None
    names = ("load_erlang", *(name for name in _SHARES if hasattr(line, name)), *_SECONDS)
    values = {name: float(getattr(line, name)) for name in names}
    return {name: None if value == inf else value for name, value in values.items()}


def _points(halves: Sequence[Figures]) -> list[Point]:
    return [
        Point(
            label=clock(half.from_us),
            callers=half.callers,
            mean_s=half.asa_s.value,
            most_s=half.percentiles_s[90],
            in_time=half.answered_within.value,
        )
        for half in halves
    ]


def draw(report: Report, file: Path) -> None:
    """Write the waits over the day as SVG."""
    points = _points(report.played.tally.by_the(HALF_HOUR_US))
    agents, within_s = report.played.tally.agents, report.plan.within_us / SECOND
    title = f"{report.plan.campaign}: waits over the day, {agents} agents"
    try:
        file.write_text(svg(title, points, within_s=within_s), encoding="utf-8")
    except OSError as error:
        typer.echo(f"ringfair: cannot write {file}: {error.strerror}", err=True)
        raise typer.Exit(FAILED) from None
    typer.echo(f"drawn: {file}", err=True)
