"""What Erlang's formulas say of a planned day, half hour by half hour, to be held beside what was played.

The formulas know one pool of equal agents in a long steady run. So the day is taken for a row of steady half hours,
each by itself, with the agents who meet the need of the entry queue, each of whom spends on a caller the time to pick
up, to talk and to wrap up. What the formulas cannot know: rings, overflow, the longest wait, callers left over from the
half hour before, and handle times that are not exponential. Where the played day differs, one of these is why.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, expm1, inf
from typing import NamedTuple

from router.domain.ids import SECOND
from router.simulation.erlang import ErlangA, ErlangC
from router.simulation.rehearsal import Plan
from router.simulation.traffic import HALF_HOUR_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Named as in `tally.Figures`. Waits are infinite where the line would grow without end."""

    load_erlang: float
    "Of the busiest half hour."
    waits: float
    asa_s: float
    mean_wait_s: float
    answered_within: float
    served_within: float
    abandoned_share: float
    occupancy: float


def forecast(plan: Plan, *, impatient: bool) -> Forecast | None:
    """By Erlang A when `impatient`, else by Erlang C. None when nobody calls, or nobody could serve them."""
    traffic = plan.traffic
    if not plan.agents_of_entry or (impatient and traffic.patience_s is None):
        return None
    patience_s = traffic.patience_s if impatient else None
    known: dict[float, _Steady] = {}
    halves: list[tuple[float, float, _Steady]] = []  # (seconds that count, calls in them, what becomes of them)
    for number, rate in enumerate(traffic.calls_per_hour):
        counted_s = min(HALF_HOUR_US, (number + 1) * HALF_HOUR_US - plan.warm_up_us) / SECOND
        if counted_s <= 0.0:
            continue
        if rate not in known:
            known[rate] = _steady(plan, rate, patience_s)
        halves.append((counted_s, rate * counted_s / 3600.0, known[rate]))
    came = sum(calls for _, calls, _ in halves)
    if not came:
        return None

    def of_callers(share: Callable[[_Steady], float]) -> float:
        return sum(calls * share(half) for _, calls, half in halves if calls) / came

    answered = of_callers(lambda half: half.answered)
    return Forecast(
        load_erlang=max(half.load_erlang for _, _, half in halves),
        waits=of_callers(lambda half: half.waits),
        asa_s=of_callers(lambda half: half.answered_wait_s) / answered if answered else inf,
        mean_wait_s=of_callers(lambda half: half.wait_s),
        answered_within=of_callers(lambda half: half.answered_in_time) / answered if answered else 0.0,
        served_within=of_callers(lambda half: half.settled_in_time),
        abandoned_share=1.0 - answered,
        occupancy=sum(counted_s * half.busy for counted_s, _, half in halves) / sum(time_s for time_s, _, _ in halves),
    )


class _Steady(NamedTuple):
    """A half hour that goes on for ever; all but the load and `busy` are of one caller, on average."""

    load_erlang: float
    waits: float
    answered: float
    wait_s: float
    answered_wait_s: float
    "Of those answered; others count nothing."
    answered_in_time: float
    settled_in_time: float
    "Answered, or gone by themselves."
    busy: float
    "Share of the agents' time."


def _steady(plan: Plan, rate: float, patience_s: float | None) -> _Steady:
    """After the line comes the ringing, a wait too. Patience has no memory: a share `stay` does not give up in it."""
    line: ErlangA | ErlangC
    agents, pick_up_s, within_s = plan.agents_of_entry, plan.traffic.pick_up_s, plan.within_us / SECOND
    stay, rung_s = 1.0, pick_up_s
    if patience_s is not None:
        stay, rung_s = exp(-pick_up_s / patience_s), -patience_s * expm1(-pick_up_s / patience_s)
    handle_s = rung_s + stay * (plan.traffic.talk_s + plan.entry.wrapup_us / SECOND)
    if patience_s is None:
        line = ErlangC(agents=agents, calls_per_hour=rate, handle_s=handle_s)
    else:
        line = ErlangA(agents=agents, calls_per_hour=rate, handle_s=handle_s, patience_s=patience_s)
    answered = (1.0 - line.abandoned) * stay
    in_time = within_s >= pick_up_s
    if in_time:
        unsettled = line.waits_longer(within_s - pick_up_s) * stay
    else:
        unsettled = 1.0 if patience_s is None else exp(-within_s / patience_s)
    return _Steady(
        load_erlang=line.load_erlang,
        waits=line.waits,
        answered=answered,
        wait_s=line.mean_wait_s + (1.0 - line.abandoned) * rung_s,
        answered_wait_s=answered * (line.asa_s + pick_up_s),
        answered_in_time=answered * line.answered_within(within_s - pick_up_s) if in_time else 0.0,
        settled_in_time=1.0 - unsettled,
        busy=line.occupancy,
    )
