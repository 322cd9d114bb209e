"""A picture of each measure: how long it takes (P1, P2, P6), highest rates (P3), cost (P4), memory (P5, P7).

Titles are sentences that say what is to be seen, with the figures in them; every axis names its unit.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no display; chosen before pyplot is imported

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from tests.load.report import number
from tests.load.results import Row

_WHO = {
    "ours": ("Ringfair", "#0b5fa5", "-"),
    "app_queue": ("app_queue", "#d95f02", "--"),
    "floor": ("plain Dial()", "#6b6b6b", ":"),
}
_SIZE, _DPI = (8.0, 4.5), 120


def draw(row: Row, directory: Path) -> Path | None:
    """`directory/<id>.png`, or None when the row has nothing to draw."""
    painter = _PAINTERS.get(row.id.partition("-")[0])
    if painter is None:
        return None
    figure, axes = plt.subplots(figsize=_SIZE, dpi=_DPI, layout="constrained")
    try:
        title = painter(row, axes)
        if title is None:
            return None
        axes.set_title(title, loc="left", fontsize=11, wrap=True)
        axes.grid(
            visible=True, which="major", axis="x" if painter is _rates else "both", color="#dddddd", linewidth=0.8
        )
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        path = directory / f"{row.id}.png"
        figure.savefig(path)
        return path
    finally:
        plt.close(figure)


def _distributions(row: Row, axes: Axes) -> str | None:
    """Empirical distribution of each system, time on a logarithmic axis."""
    drawn = [who for who in _WHO if len(row.samples.get(who, ())) > 1]
    if not drawn:
        return None
    for who in drawn:
        name, colour, style = _WHO[who]
        values = [max(value, 1e-3) for value in row.samples[who]]
        found = getattr(row, who) or {}
        told = ", ".join(f"{key} {number(found[key])} {row.unit}" for key in ("p50", "p99") if key in found)
        axes.ecdf(values, label=f"{name}: {told}" if told else name, color=colour, linestyle=style, linewidth=2)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(f"{row.unit} (logarithmic)")
    axes.set_ylabel("share of the calls that took at most so long")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    axes.set_ylim(0, 1.02)
    axes.legend(loc="best", frameon=True, fontsize=9)
    halves = [
        f"{_WHO[who][0]} {number(p50)} {row.unit}"
        for who in drawn
        if (p50 := (getattr(row, who) or {}).get("p50")) is not None
    ]
    return (
        f"{row.id}: {row.title}.\nHalf of the calls take at most: {_listed(halves)}."
        if halves
        else f"{row.id}: {row.title}."
    )


def _rates(row: Row, axes: Axes) -> str | None:
    """The highest rate each system held, as bars."""
    found = [(who, (getattr(row, who) or {}).get("rate")) for who in _WHO]
    held = [(who, rate) for who, rate in found if rate is not None]
    if not held:
        return None
    names = [_WHO[who][0] for who, _ in held]
    bars = axes.barh(names, [rate for _, rate in held], color=[_WHO[who][1] for who, _ in held], height=0.5)
    axes.bar_label(bars, labels=[f" {number(rate)} calls/s" for _, rate in held], fontsize=10)
    axes.invert_yaxis()
    axes.margins(x=0.18)
    axes.set_xlim(left=0)
    axes.set_xlabel("calls/s, the highest rate held without a failed call")
    told = [f"{name} {number(rate)}" for name, (_, rate) in zip(names, held, strict=True)]
    return f"{row.id}: {row.title}.\nHeld without a failed call: {_listed(told)} calls/s."


def _cost(row: Row, axes: Axes) -> str | None:
    """µs a decision over the number of agents, with the fit against log n."""
    agents, cost = row.samples.get("agents", []), row.samples.get("cost_us", [])
    if len(agents) < 2 or len(agents) != len(cost):
        return None
    axes.plot(agents, cost, "o-", color=_WHO["ours"][1], linewidth=2, label="mean of a decision, drain included")
    if len(p99 := row.samples.get("p99_us", [])) == len(agents):
        axes.plot(agents, p99, "s--", color="#7b3294", linewidth=1.5, label="99th percentile")
    if len(fit := row.samples.get("fit_us", [])) == len(agents):
        axes.plot(agents, fit, ":", color="#111111", linewidth=2, zorder=3, label="a + b · log n, fitted to the means")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("agents (logarithmic)")
    axes.set_ylabel("µs a decision")
    axes.legend(loc="best", frameon=True, fontsize=9)
    return (
        f"{row.id}: {row.title}.\n{number(cost[0])} µs among {number(agents[0])} agents, "
        f"{number(cost[-1])} µs among {number(agents[-1])}."
    )


def _memory(row: Row, axes: Axes) -> str | None:
    """MB of the process over contacts handled."""
    contacts, mb = row.samples.get("contacts", []), row.samples.get("mb", [])
    if len(contacts) < 2 or len(contacts) != len(mb):
        return None
    axes.plot(contacts, mb, "o-", markersize=3, color=_WHO["ours"][1], linewidth=2, label="the router's process")
    warm = row.ours.get("warm_up")
    if warm is not None:
        axes.axvline(warm, color="#6b6b6b", linestyle=":", label="warmed up: the slope counts from here")
    axes.set_ylim(0, max(mb) * 1.25)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axes.set_xlabel("contacts handled from arrival to record")
    axes.set_ylabel("MB (10^6 bytes)")
    axes.legend(loc="lower right", frameon=True, fontsize=9)
    slope = row.ours.get("slope")
    told = "" if slope is None else f", {number(slope)} bytes more with each contact"
    return f"{row.id}: {row.title}.\n{number(mb[-1])} MB at the end{told}."


def _soak(row: Row, axes: Axes) -> str | None:
    """MB of the router's process over the minutes of the soak."""
    minutes, mb = row.samples.get("minutes", []), row.samples.get("router MB", [])
    if len(minutes) < 2 or len(minutes) != len(mb):
        return None
    axes.plot(minutes, mb, "o-", markersize=3, color=_WHO["ours"][1], linewidth=2, label="the router's process")
    axes.set_ylim(0, max(mb) * 1.25)
    axes.set_xlabel("minutes of the soak")
    axes.set_ylabel("MB (10^6 bytes)")
    axes.legend(loc="lower right", frameon=True, fontsize=9)
    failed = row.ours.get("failed")
    told = "" if failed is None else f", {number(failed)} failed calls"
    return f"{row.id}: {row.title}.\n{number(mb[0])} MB at first, {number(mb[-1])} MB at the end{told}."


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


_PAINTERS: dict[str, Callable[[Row, Axes], str | None]] = {
    "P1": _distributions,
    "P2": _distributions,
    "P3": _rates,
    "P4": _cost,
    "P5": _memory,
    "P6": _distributions,
    "P7": _soak,
}
