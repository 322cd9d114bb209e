"""Our rule files as the tests without servers read them: our own layout, not all of YAML.

tests/integration/test_dashboards.py holds this against what a Prometheus says it has read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
RUNBOOK = ROOT / "deploy" / "runbook.md"


@dataclass(frozen=True, kw_only=True)
class Rule:
    kind: str
    "`record` or `alert`"
    name: str
    expr: str
    severity: str = ""
    notes: dict[str, str] = field(default_factory=dict)
    "summary, description, runbook_url"


def read_rules(file: str) -> list[Rule]:
    text = re.sub(r"^ *#.*\n", "", (FOLDER / file).read_text(encoding="utf-8"), flags=re.MULTILINE)
    rules: list[Rule] = []
    shared: dict[str, dict[str, str]] = {}
    for block in re.split(r"^      - (?=alert: |record: )", text, flags=re.MULTILINE)[1:]:
        kind, name = re.match(r"(\w+): (\S+)\n", block).groups()  # type: ignore[union-attr]
        expr = re.search(r"^        expr: (?:\|\n((?:          .*\n|\n)+)|(.+))", block, re.MULTILINE)
        assert expr is not None, f"{name} has no expr in our layout"
        notes = dict(re.findall(r"^          (summary|description|runbook_url): [\"'](.*)[\"']$", block, re.MULTILINE))
        if marked := re.search(r"annotations: ([&*])(\w+)", block):
            notes = shared.setdefault(marked[2], notes)
        severity = re.search(r"^          severity: (\w+)$", block, re.MULTILINE)
        rules.append(
            Rule(
                kind=kind,
                name=name,
                expr=" ".join((expr[1] or expr[2]).split()),
                severity=severity[1] if severity else "",
                notes=notes,
            )
        )
    return rules


def chapters() -> dict[str, str]:
    """The runbook: heading → its text."""
    parts = re.split(r"^## (.+)\n", RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def unit_tests(file: str) -> list[tuple[str, bool]]:
    """Alerts tested → whether the case expects them to fire."""
    text = (FOLDER / file).read_text(encoding="utf-8")
    return [
        (name, rest != " []")
        for name, rest in re.findall(r"- alertname: (\S+)\n +eval_time: \S+\n +exp_alerts:(.*)", text)
    ]
