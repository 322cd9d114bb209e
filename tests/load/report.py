"""The rows as Markdown: what was found, how it stands against the goals, and plainly where app_queue wins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.load.goals import HIGHER_IS_BETTER, NOT_MEASURABLE, goals_of
from tests.load.results import Row, row_of

Stored = Mapping[str, Mapping[str, object]]


def markdown(stored: Stored, directory: Path | None = None, failures: Sequence[str] = ()) -> str:
    """The whole report. Plots that lie in `directory` are shown; `failures` are those of this run."""
    rows = {key: row_of(value) for key, value in stored.items()}
    lines = ["# Measured", ""]
    if failures:
        lines += ["## Failed in this run", "", *(f"- {' '.join(failure.split())}" for failure in failures), ""]
    lines += [*_figures(rows), "", *_goals(rows), "", "## Where app_queue wins", ""]
    lines += list(app_queue_wins(rows)) or ["On none of the figures above that both have."]
    notes = [f"- {row.id}: {note}" for row in rows.values() for note in row.notes]
    if notes:
        lines += ["", "## Notes", "", *notes]
    lines += ["", "## Runs", "", *_runs(stored)]
    pictures = [key for key in rows if directory is not None and (directory / f"{key}.png").exists()]
    if pictures:
        lines += ["", "## Plots", "", *(f"![{_cell(rows[key].title)}]({key}.png)" for key in pictures)]
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    """Three significant digits and no more, thousands told apart: `0.0213`, `9.41`, `1,240`."""
    size = abs(value)
    if value == int(value) and size < 1e15:
        return f"{int(value):,}"
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def app_queue_wins(rows: Mapping[str, Row]) -> Iterator[str]:
    """A sentence for each figure that is better there. Runs that overlap are said to."""
    for row in rows.values():
        for name, theirs in (row.app_queue or {}).items():
            ours = row.ours.get(name)
            if ours is None:
                continue
            more = name in HIGHER_IS_BETTER
            if not (theirs > ours if more else theirs < ours):
                continue
            worse = (theirs / ours if more else ours / theirs) if ours and theirs else None
            by = "" if worse is None else f", a factor of {number(worse)}"
            doubt = "; the spreads of the runs overlap" if _overlap(row, name) else ""
            yield f"- {row.id}, {name}: app_queue {number(theirs)}, Ringfair {number(ours)}{by}{doubt}."


def _overlap(row: Row, name: str) -> bool:
    ours, theirs = row.spread.get(f"ours {name}"), row.spread.get(f"app_queue {name}")
    return bool(ours and theirs and ours[0] <= theirs[1] and theirs[0] <= ours[1])


def _figures(rows: Mapping[str, Row]) -> Iterator[str]:
    yield "| id | measure | unit | n | Ringfair | app_queue | floor | ratio |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows.values():
        cells = [row.id, row.title, row.unit, number(row.n)]
        cells += [_of(row, who) for who in ("ours", "app_queue", "floor")]
        cells.append("–" if row.ratio is None else number(row.ratio))
        yield "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _of(row: Row, who: str) -> str:
    found = getattr(row, who)
    if not found:
        return "–"
    told = []
    for name, value in found.items():
        spread = row.spread.get(f"{who} {name}")
        between = f" ({number(spread[0])}-{number(spread[1])})" if spread else ""
        told.append(f"{name} {number(value)}{between}")
    return "<br>".join(told)


def _goals(rows: Mapping[str, Row]) -> Iterator[str]:
    yield "| id | goal | at least | aim | found | verdict |"
    yield "|---|---|---|---|---|---|"
    for row in rows.values():
        for goal in goals_of(row.id):
            value = row.figure(*goal.figure)
            verdict = row.verdicts.get(goal.line, NOT_MEASURABLE)
            found = "–" if value is None else number(value)
            bounds = (goal.bound(goal.at_least), goal.bound(goal.aim))
            told = verdict if verdict == NOT_MEASURABLE else f"**{verdict}**"
            yield "| " + " | ".join(_cell(cell) for cell in (row.id, goal.line, *bounds, found, told)) + " |"


def _runs(stored: Stored) -> Iterator[str]:
    runs: dict[str, list[str]] = {}
    for key, value in stored.items():
        told = [str(value.get(name, "unknown")) for name in ("date", "commit", "python", "machine")]
        versions, short = value.get("versions"), "; a short run, no figure to publish" if value.get("quick") else ""
        if isinstance(versions, dict):
            told[3] += "".join(f", {name} {version}" for name, version in versions.items())
        runs.setdefault(f"{told[0]}, commit {told[1]}, Python {told[2]}, {told[3]}{short}", []).append(key)
    for run, keys in runs.items():
        yield f"- {', '.join(keys)}: {run}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
