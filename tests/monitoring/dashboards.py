"""The dashboards as Grafana reads them: their panels' queries with the variables put in, asked of a Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.monitoring.rules import ROOT
from tests.monitoring.server import PrometheusServer, QueryError

FOLDER = ROOT / "deploy" / "grafana" / "dashboards"
FILES = sorted(FOLDER.glob("*.json"))
Dashboard = dict[str, Any]


def read_dashboard(path: Path) -> Dashboard:
    found = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def variables(dashboard: Dashboard) -> dict[str, dict[str, Any]]:
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def queries(dashboard: Dashboard) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every panel with each of its targets."""
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel, target


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A time a dashboard shows: from `begin` to `end`, seconds since the epoch."""

    begin: float
    end: float

    def put_in(self, expr: str, chosen: dict[str, str]) -> str:
        """An expression as Grafana sends it: variables of its own, and of the dashboard."""
        seconds = max(1, round(self.end - self.begin))
        expr = expr.replace("$__range", f"{seconds}s").replace("$__rate_interval", "20s")
        for name, value in chosen.items():
            expr = expr.replace(f"${name}", value)
        left = re.findall(r"\$\w+", expr)
        if left:
            raise QueryError(f"nothing is put in for {', '.join(left)}")
        return expr


def faults(dashboard: Dashboard, prometheus: PrometheusServer, shown: Shown) -> list[str]:
    """Each panel and variable that fails or has no data, as `title: why`."""
    found: list[str] = []
    chosen: dict[str, str] = {}
    for name, variable in variables(dashboard).items():
        if variable["type"] == "custom":
            chosen[name] = variable["current"]["value"]
        elif variable["type"] == "query":
            chosen[name] = variable["allValue"]
            asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            if asked is None:
                found.append(f"${name}: not of the form label_values(metric, label)")
            elif not prometheus.label_values(asked[2], asked[1], shown.begin, shown.end):
                found.append(f"${name}: no values")
    for panel, target in queries(dashboard):
        where = f"{panel['title']} ({target['refId']})"
        try:
            expr = shown.put_in(target["expr"], chosen)
            if target.get("instant"):
                series = prometheus.query(expr, shown.end)
                values = [one["value"][1] for one in series]
            else:
                series = prometheus.query_range(expr, shown.begin, shown.end, "1s")
                values = [value for one in series for _, value in one["values"]]
        except QueryError as error:
            found.append(f"{where}: {error}")
            continue
        if not [value for value in values if value != "NaN"]:
            found.append(f"{where}: no data")
        found += [f"{where}: the legend {{{{{label}}}}} is empty" for label in _unnamed(target, series)]
    return found


def _unnamed(target: dict[str, Any], series: list[dict[str, Any]]) -> list[str]:
    """Labels of a legend that no series has."""
    wanted = re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))
    return [label for label in wanted if series and not all(label in one["metric"] for one in series)]
