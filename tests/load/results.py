"""What a run of measures found: one `Row` a measure, merged by id into `bench.json`, told as Markdown and as plots.

`Results.add` judges each row by the goals (`tests/load/goals.py`). A line the row itself calls "not measurable here"
(beyond the generator's own limit, say) stays so; nobody else writes a verdict. Raw samples are drawn, never stored.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from tests.load.goals import NOT_MEASURABLE, goals_of

_MOST_SAMPLES = 5000
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measure of one run. Every figure is a finite number; what could not be taken is left out."""

    id: str
    "`P1` … `P7`, or a variant such as `P1-cel`."
    title: str
    unit: str
    n: int
    "How many calls, decisions or contacts the figures stand on."
    ours: dict[str, float]
    "Named figures: `p50 p99 max`, `rate`, …"
    app_queue: dict[str, float] | None = None
    floor: dict[str, float] | None = None
    "Plain `Dial()`."
    ratio: float | None = None
    "The headline."
    ratios: dict[str, float] = field(default_factory=dict)
    interval: dict[str, tuple[float, float]] = field(default_factory=dict)
    "Between which bounds a figure of `ratios` lies, and with the name `ratio` the headline."
    pairs: int | None = None
    "Alternating runs of each system; None where nothing alternates."
    quick: bool = False
    "Shorter than what is published."
    versions: dict[str, str] = field(default_factory=dict)
    "Of what was at work: Asterisk, SIPp, Valkey, the kernel."
    spread: dict[str, tuple[float, float]] = field(default_factory=dict)
    "Smallest and largest over the runs: `{'ours p50': (8.9, 9.4)}`."
    samples: dict[str, list[float]] = field(default_factory=dict)
    "Raw figures for the plots: `ours`, `app_queue`, `floor`, or the axes of a curve."
    verdicts: dict[str, str] = field(default_factory=dict)
    "Line of the table of goals → how it stands."
    notes: list[str] = field(default_factory=list)

    def figure(self, of: str, name: str) -> float | None:
        """`figure("ours", "p50")`, `figure("ratio", "")`; None when the row has none."""
        found = getattr(self, of)
        return (found or {}).get(name) if isinstance(found, dict) else found


class Results:
    """The rows of one run, and what earlier runs left in the same directory."""

    def __init__(self, *, commit: str | None = None) -> None:
        self.rows: dict[str, Row] = {}
        self._commit = commit if commit is not None else commit_of(_ROOT)

    def add(self, row: Row) -> Row:
        """Take and judge a row; one of the same id is replaced. `ValueError` when a figure is no finite number."""
        judged = judge(_checked(row))
        self.rows[row.id] = judged
        return judged

    def now(self) -> dict[str, dict[str, object]]:
        """This run's rows as they are stored, and no other's."""
        stamp = {"date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": self._commit, **machine()}
        return {key: {**storable(self.rows[key]), **stamp} for key in sorted(self.rows)}

    def write(self, directory: Path, failures: Sequence[str] = ()) -> list[Path]:
        """`bench.json`, `bench.md` and a PNG for each measure with something to draw; every path written."""
        from tests.load.plots import draw  # matplotlib takes a second to import, and only this needs it
        from tests.load.report import markdown

        directory.mkdir(parents=True, exist_ok=True)
        stored = stored_rows(directory / "bench.json") | self.now()
        stored = {key: stored[key] for key in sorted(stored)}
        _put(directory / "bench.json", json.dumps(stored, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        plots = [path for row in self.rows.values() if (path := draw(row, directory)) is not None]
        _put(directory / "bench.md", markdown(stored, directory, failures))
        return [directory / "bench.json", directory / "bench.md", *plots]


def judge(row: Row) -> Row:
    """The row with its verdicts."""
    verdicts, notes = {}, list(row.notes)
    for goal in goals_of(row.id):
        own = row.verdicts.get(goal.line)
        verdict = own if own == NOT_MEASURABLE else goal.verdict(row.figure(*goal.figure))
        verdicts[goal.line] = verdict
        of, name = goal.figure
        between = row.interval.get(name or of) if of.startswith("ratio") else None
        if between is None or verdict == NOT_MEASURABLE:
            continue
        low, high = between
        if {goal.verdict(low), goal.verdict(high)} != {verdict}:
            doubt = f"{goal.line}: {verdict}, not certain: the interval is {low:.3g}-{high:.3g}."
            notes += [doubt] if doubt not in notes else []
    unknown = row.verdicts.keys() - verdicts.keys()
    if unknown:
        raise ValueError(f"{row.id} has no goal named {', '.join(sorted(unknown))}")
    return replace(row, verdicts=verdicts, notes=notes)


def thinned(samples: Iterable[float], most: int = _MOST_SAMPLES) -> list[float]:
    """Evenly taken from so many samples, their order kept, the first and the last among them."""
    given = list(samples)
    if len(given) <= most:
        return given
    step = (len(given) - 1) / (most - 1)
    return [given[round(i * step)] for i in range(most)]


def stored_rows(path: Path) -> dict[str, dict[str, object]]:
    """Rows of earlier runs. A file that cannot be read is put aside: minutes of measuring must not die of it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        found = None
    if isinstance(found, dict) and all(_is_row(key, value) for key, value in found.items()):
        return found
    os.replace(path, path.with_suffix(".unreadable"))
    return {}


def storable(row: Row) -> dict[str, object]:
    """The row as it is stored: without its samples."""
    plain = asdict(row)
    del plain["samples"]
    return plain


def row_of(stored: Mapping[str, object]) -> Row:
    """A row as it was stored, without its samples."""
    known = {one.name for one in fields(Row)}
    return Row(**{key: value for key, value in stored.items() if key in known})  # type: ignore[arg-type]


def commit_of(directory: Path) -> str:
    """The commit the tree stands on; `+` when tracked files differ from it; `unknown` outside of git."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"],
            cwd=directory,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found.stdout.strip() or "unknown"


def machine() -> dict[str, str]:
    """What the figures depend on besides the code."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    return {"machine": f"{os.cpu_count()} × {model}", "python": platform.python_version()}


def _is_row(key: object, value: object) -> bool:
    if not isinstance(value, dict) or value.get("id") != key:
        return False
    needed = {"title": str, "unit": str, "n": int, "ours": dict, "verdicts": dict, "notes": list}
    return all(isinstance(value.get(name), kind) for name, kind in needed.items())


def _checked(row: Row) -> Row:
    for of in ("ours", "app_queue", "floor", "ratios"):
        for name, value in (getattr(row, of) or {}).items():
            if not math.isfinite(value):
                raise ValueError(f"{row.id}: {of} {name} = {value} is no figure; leave out what could not be taken")
    if row.ratio is not None and not math.isfinite(row.ratio):
        raise ValueError(f"{row.id}: ratio = {row.ratio} is no figure; leave out what could not be taken")
    return replace(row, samples={name: thinned(values) for name, values in row.samples.items()})


def _put(path: Path, text: str) -> None:
    """Whole or not at all."""
    fresh = path.with_suffix(path.suffix + ".new")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, path)
