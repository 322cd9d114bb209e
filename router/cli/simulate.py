"""`ringfair simulate`: a day of one campaign, played through the real engine before it is lived."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from router.cli.roster import parse_skills
from router.cli.site import AsJson, ConfigDir, site_directory
from router.domain.ids import SECOND, CampaignName
from router.domain.rulebook.need import PROFICIENCY_MAX
from router.domain.rulebook.rules import Rules

if TYPE_CHECKING:
    from router.simulation.rehearsal import Group, Plan, Watch

MOST_AGENTS, MOST_DAYS, MOST_HOURS = 10_000, 1000, 24
MOST_CALLS = 20_000_000
"Of all days together."
HOURS = 8.0

Agents = Annotated[
    list[str],
    typer.Option(
        "--agents",
        metavar="N[:SKILLS]",
        help="So many, with skills as in 12:de=80,orders; repeatable. Without skills: all the campaign asks for.",
    ),
]
Calls = Annotated[
    str,
    typer.Option(
        "--calls",
        metavar="RATE",
        help="How many callers: 60/h, or a rate for each half hour: 20,45,60/h. With /30m: callers in a half hour.",
    ),
]
Talk = Annotated[float, typer.Option("--talk", metavar="SECONDS", help="Mean talk; exponential.")]
Spread = Annotated[
    float | None,
    typer.Option(
        "--talk-spread", metavar="X", help="Talks log-normal instead; their standard deviation is X times the mean."
    ),
]
WrapUp = Annotated[
    float | None,
    typer.Option("--wrap-up", metavar="SECONDS", help="Of every queue; as in the file if not given."),
]
Patience = Annotated[
    float | None,
    typer.Option("--patience", metavar="SECONDS", help="Mean patience, exponential. Not given: nobody ever gives up."),
]
PickUp = Annotated[
    float, typer.Option("--pick-up", metavar="SECONDS", help="How long an agent's phone rings before they answer.")
]
Hours = Annotated[float | None, typer.Option("--hours", help=f"Length of the day; {HOURS:g}, or as the list says.")]
Days = Annotated[int, typer.Option("--days", min=1, max=MOST_DAYS, help="So many days, each with its own callers.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed sends the same callers, whatever else is changed.")]
Within = Annotated[
    float, typer.Option("--within", metavar="SECONDS", min=0, max=86_400, help="The wait the service level allows.")
]
WarmUp = Annotated[
    float,
    typer.Option("--warm-up", metavar="MINUTES", min=0, max=1440, help="Leave the first minutes out of the figures."),
]
Plot = Annotated[bool, typer.Option("--plot", help="Draw the waits over the day, on this terminal.")]
Svg = Annotated[
    Path | None, typer.Option("--svg", metavar="FILE", help="Draw them into this file, for browsers and papers.")
]


def simulate(
    campaign: Annotated[
        str, typer.Argument(metavar="FILE", help="campaigns/NAME.toml; or NAME, a campaign of the site.")
    ],
    agents: Agents,
    calls: Calls,
    talk: Talk,
    talk_spread: Spread = None,
    wrap_up: WrapUp = None,
    patience: Patience = None,
    pick_up: PickUp = 0.0,
    hours: Hours = None,
    days: Days = 1,
    seed: Seed = 1,
    within: Within = 20.0,
    warm_up: WarmUp = 0.0,
    plot: Plot = False,
    svg: Svg = None,
    config: ConfigDir = None,
    as_json: AsJson = False,
) -> None:
    """Play a day of one campaign through the real engine: waits, service level, occupancy, beside Erlang C and A.

    Nothing is touched and no router need run. The queues, needs, rings and overflow are those of the file, its hours
    are not: it is open all day, phones never fail, every agent is there, callers press no keys. One day is one throw of
    the dice: --days 20 says how far chance goes.

    Example: ringfair simulate campaigns/shop.toml --agents 12:de=80,orders --calls 60/h --talk 180 --patience 90 --plot
    """
    # Imported here: the files' validation and the engine cost what `ringfair --help` need not pay.
    from router.cli import simulated
    from router.config.alone import load_campaign
    from router.simulation.rehearsal import Plan, play
    from router.simulation.traffic import Traffic

    rules, name = load_campaign(_file(campaign, config))
    try:
        traffic = Traffic(
            calls_per_hour=_rates(calls, hours),
            talk_s=talk,
            talk_spread=talk_spread,
            patience_s=patience,
            pick_up_s=pick_up,
        )
        if sum(traffic.calls_per_hour) / 2 * days > MOST_CALLS:
            raise ValueError(f"{MOST_CALLS} callers in all days together at most: fewer --days, or fewer --calls")
        plan = Plan(
            rules=rules if wrap_up is None else _with_wrap_up(rules, wrap_up),
            campaign=name,
            groups=_groups(agents, rules, name),
            traffic=traffic,
            within_us=round(within * SECOND),
            warm_up_us=round(warm_up * 60 * SECOND),
            seed=seed,
            days=days,
        )
        forecasts = simulated.forecasts(plan)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(str(error)) from None
    with _progress(plan) as watch:
        played = play(plan, watch)
    report = simulated.Report(plan=plan, played=played, forecasts=forecasts)
    if as_json:
        simulated.print_json(report)
    else:
        simulated.show(report, plot=plot)
    if svg is not None:
        simulated.draw(report, svg)


def _file(campaign: str, config: Path | None) -> Path:
    """The file itself, or the one a campaign of the site has."""
    if campaign.endswith(".toml") or "/" in campaign:
        return Path(campaign)
    return site_directory(config) / "campaigns" / f"{campaign}.toml"


def _with_wrap_up(rules: Rules, wrap_up_s: float) -> Rules:
    if not 0 <= wrap_up_s <= 3600:
        raise ValueError(f"--wrap-up is 0 to 3600 seconds, not {wrap_up_s:g}")
    wrap_up_us = round(wrap_up_s * SECOND)
    return replace(rules, queues={name: replace(q, wrapup_us=wrap_up_us) for name, q in rules.queues.items()})


def _rates(words: str, hours: float | None) -> tuple[float, ...]:
    """`60/h`, `20,45,60/h` or `10,22,30/30m` → calls per hour of each half hour."""
    numbers, slash, unit = words.replace(" ", "").rpartition("/")
    times = {"h": 1.0, "30m": 2.0}.get(unit)
    try:
        rates = [float(number) * (times or 0.0) for number in numbers.split(",")]
    except ValueError:
        rates = []
    if not slash or times is None or not rates:
        raise ValueError(f"--calls is a rate such as 60/h, or a list such as 20,45,60/h or 10,22,30/30m, not {words!r}")
    if len(rates) > 1:
        if hours is not None and hours * 2 != len(rates):
            raise ValueError(f"--calls has {len(rates)} half hours, --hours {hours:g} says otherwise: leave one out")
        return tuple(rates)
    half_hours = HOURS * 2 if hours is None else hours * 2
    if not (1 <= half_hours <= MOST_HOURS * 2 and half_hours == int(half_hours)):
        raise ValueError(f"--hours is 0.5 to {MOST_HOURS}, in steps of half an hour, not {hours:g}")
    return tuple(rates) * int(half_hours)


def _groups(words: Sequence[str], rules: Rules, campaign: CampaignName) -> "tuple[Group, ...]":
    """`12:de=80,orders` → twelve agents; `12` → twelve who have whatever the campaign's queues ask for."""
    from router.simulation.rehearsal import Group

    groups = []
    for word in words:
        number, colon, skills = word.partition(":")
        if not (number.isascii() and number.isdecimal() and len(number) < 6 and int(number)):
            raise ValueError(f"--agents is a number and skills, such as 12:de=80,orders, not {word!r}")
        held = parse_skills(skills.replace(",", " ")) if colon else _all_asked(rules, campaign)
        groups.append(Group(count=int(number), skills=held))
    if sum(group.count for group in groups) > MOST_AGENTS:
        raise ValueError(f"{MOST_AGENTS} agents at most, as in a pool")
    return tuple(groups)


def _all_asked(rules: Rules, campaign: CampaignName) -> dict[str, int]:
    queues = [queue for queue in rules.queues.values() if queue.campaign == campaign]
    return {skill: PROFICIENCY_MAX for queue in queues for skill in queue.need.asked}


@contextmanager
def _progress(plan: "Plan") -> "Iterator[Watch | None]":
    """A bar on the terminal, gone when it is over; nothing where stderr goes to a file."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        day_us = plan.traffic.day_us
        task = progress.add_task("playing", total=plan.days * day_us)
        yield lambda day, at_us: progress.update(task, completed=day * day_us + at_us)
