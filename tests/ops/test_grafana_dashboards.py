"""Dashboards: whole, laid out, explained, and about metrics that exist. That they have data: tests/integration."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from tests.monitoring.dashboards import FILES, queries, read_dashboard, variables
from tests.monitoring.exposition import complaints, exposed, selectors
from tests.monitoring.rules import ROOT, read_rules

GRAFANA = ROOT / "deploy" / "grafana"
UIDS = {"floor.json": "ringfair-floor", "queue.json": "ringfair-queue", "router.json": "ringfair-router"}
UNITS = {"none", "s", "percentunit", "opm", "cps", "bytes"}
TYPES = {"stat", "timeseries", "table", "bargauge", "heatmap"}
each = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def test_the_three_dashboards_keep_their_uids_so_that_links_to_them_live() -> None:
    assert {path.name: read_dashboard(path)["uid"] for path in FILES} == UIDS


@each
def test_every_panel_has_a_title_a_description_a_unit_and_a_query(path: Path) -> None:
    panels = read_dashboard(path)["panels"]
    assert panels
    for panel in panels:
        assert panel["type"] in TYPES
        assert len(panel["title"]) > 5
        assert re.fullmatch(r"[A-Z].{9,}[.]", panel["description"]), panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["value"] is None
        assert panel["targets"]
    assert len({panel["title"] for panel in panels}) == len(panels)


@each
def test_no_two_panels_share_an_id_or_a_place(path: Path) -> None:
    panels = read_dashboard(path)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [
        (panel["title"], {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])})
        for panel in panels
        for at in [panel["gridPos"]]
    ]
    assert all(x < 24 for _, cells in places for x, _ in cells)
    assert [(one, two) for (one, a), (two, b) in itertools.combinations(places, 2) if a & b] == []


@each
def test_everything_asks_the_data_source_that_was_chosen(path: Path) -> None:
    dashboard = read_dashboard(path)
    assert dashboard["templating"]["list"][0]["name"] == "datasource"
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    asking = [*dashboard["panels"], *(target for _, target in queries(dashboard)), *dashboard["annotations"]["list"]]
    asking += [variable for variable in variables(dashboard).values() if variable["type"] == "query"]
    assert all(one["datasource"] == chosen for one in asking)


@each
def test_every_variable_is_used_and_every_one_used_is_there(path: Path) -> None:
    dashboard = read_dashboard(path)
    used = {name for _, target in queries(dashboard) for name in re.findall(r"\$(?!__)(\w+)", target["expr"])}
    assert used == variables(dashboard).keys() - {"datasource"}


@each
def test_the_queries_of_a_panel_have_names_of_their_own_and_graphs_have_legends(path: Path) -> None:
    dashboard = read_dashboard(path)
    for panel in dashboard["panels"]:
        names = [target["refId"] for target in panel["targets"]]
        assert len(set(names)) == len(names)
        if panel["type"] == "timeseries":
            assert all(target.get("legendFormat") for target in panel["targets"]), panel["title"]


@each
def test_every_metric_label_and_value_a_dashboard_asks_for_is_exposed_or_recorded(path: Path) -> None:
    dashboard = read_dashboard(path)
    anything = {"medium": None, "queue": None, "instance": None, "node": None, "le": None}
    known = exposed() | {rule.name: anything for rule in read_rules("recording.yml")}
    asked = [(panel["title"], target["expr"]) for panel, target in queries(dashboard)]
    asked += [(note["name"], note["expr"]) for note in dashboard["annotations"]["list"]]
    for name, variable in variables(dashboard).items():
        if variable["type"] == "query":
            asked.append((name, variable["query"]["query"].removeprefix("label_values(").partition(",")[0]))
    for title, expr in asked:
        assert list(selectors(expr)), title
        assert complaints(expr, known) == [], title


def test_thresholds_of_the_service_level_are_edges_of_the_recorded_ones() -> None:
    within = variables(read_dashboard(GRAFANA / "dashboards" / "queue.json"))["within"]
    [levels] = {
        found[1]
        for rule in read_rules("recording.yml")
        if (found := re.search(r'le=~"([^"]+)"', rule.expr)) and "service_level" in rule.name
    }
    assert [option["value"] for option in within["options"]] == levels.split("|")


def test_the_provisioning_files_tell_grafana_where_what_is() -> None:
    provider = (GRAFANA / "provisioning/dashboards/ringfair.yaml").read_text(encoding="utf-8")
    source = (GRAFANA / "provisioning/datasources/ringfair.yaml").read_text(encoding="utf-8")
    folder = re.search(r"^ +path: (\S+)$", provider, re.MULTILINE)
    assert folder is not None
    assert f"install -d {folder[1]}\n" in provider, "the copying in its comment and its path differ"
    assert {name for name in UIDS if name in provider} == UIDS.keys()
    for text in (provider, source):
        assert re.search(r"^apiVersion: 1$", text, re.MULTILINE)
    scrape = re.search(r"scrape_interval: (\S+)", (ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert scrape is not None
    assert f"timeInterval: {scrape[1]}" in source
