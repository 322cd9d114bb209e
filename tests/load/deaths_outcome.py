"""What was asked of a kind of death, and what came of it. A goal that was missed is a sentence among its faults."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.load.deaths_judge import Verdict

TAKEOVER_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    per_s: float = 20.0
    times: int | None = None
    "None: as often as the long form of each kind."
    seed: int = 1
    agents: int = 0
    "On the roll; the calls need some, and only those log in."
    away_s: float | None = None
    "How long a server stays away; None: as in the long form."


@dataclass(slots=True, kw_only=True)
class Outcome:
    kind: str
    times: int = 0
    verdict: Verdict | None = None
    takeovers_s: list[float] = field(default_factory=list)
    "From the death to the first phone that the successor has called, by Asterisk's clock."
    ready_s: list[float] = field(default_factory=list)
    "From the death to the successor's readiness."
    figures: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def all_faults(self) -> list[str]:
        slow = [took for took in (*self.takeovers_s, *self.ready_s) if took > TAKEOVER_S]
        late = [f"{len(slow)} takeovers took more than {TAKEOVER_S:g} s, at most {max(slow):.2f}"] if slow else []
        return [*self.faults, *late, *(self.verdict.faults() if self.verdict is not None else ["it has no verdict"])]

    def as_json(self) -> dict[str, Any]:
        verdict = None if self.verdict is None else asdict(self.verdict) | {"lost": self.verdict.lost}
        return {
            "kind": self.kind,
            "times": self.times,
            "takeover_s": spread(self.takeovers_s),
            "ready_s": spread(self.ready_s),
            "figures": self.figures,
            "verdict": verdict,
            "faults": self.all_faults(),
        }

    def told(self) -> list[str]:
        """Cells of the table; `COLUMNS` names them."""
        verdict = self.verdict
        if verdict is None:
            return [self.kind, str(self.times), *["-"] * (len(COLUMNS) - 3), "FAILED"]
        takeovers = spread(self.takeovers_s)
        return [
            self.kind,
            str(self.times),
            str(verdict.calls),
            str(verdict.lost),
            f"{verdict.double_offers} ({verdict.both_rang})",
            str(verdict.cut),
            f"{verdict.missing}/{verdict.doubled}",
            str(verdict.completed),
            f"{verdict.differing} ({verdict.p99_ms:g}/{verdict.most_ms:.0f})",
            str(len(verdict.left)),
            f"{takeovers['median']:.2f}/{takeovers['max']:.2f}" if takeovers else "-",
            "FAILED" if self.all_faults() else "ok",
        ]


COLUMNS = (
    *(
        "death",
        "times",
        "calls",
        "lost",
        "double offers (both rang)",
        "talks cut",
        "records missing/doubled",
        "completed",
    ),
    *("differ from CEL (p99/most ms)", "left over", "takeover s median/max", "verdict"),
)


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 3), "max": round(max(values), 3)} if values else {}


def table(outcomes: Sequence[Outcome]) -> str:
    """Markdown."""
    rows = [list(COLUMNS), ["---"] * len(COLUMNS), *(outcome.told() for outcome in outcomes)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
