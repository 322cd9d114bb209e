"""Alerts and recording rules: each complete, with its chapter in the runbook, about metrics that exist."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from router.cli import app
from tests.monitoring.exposition import complaints, exposed, selectors
from tests.monitoring.rules import FOLDER, ROOT, RUNBOOK, Rule, chapters, read_rules, unit_tests

ALERTS = read_rules("alerts.yml")
RECORDS = read_rules("recording.yml")
RULES = RECORDS + ALERTS
NAMES = sorted({alert.name for alert in ALERTS})


def named(rule: Rule) -> str:
    return f"{rule.name}-{rule.severity}" if rule.severity else rule.name


def known() -> dict[str, object]:
    recorded = {
        rule.name: {"medium": None, "queue": None, "instance": None, "node": None, "le": None} for rule in RECORDS
    }
    return {**exposed(), **recorded}


@pytest.mark.parametrize("alert", ALERTS, ids=named)
def test_every_alert_has_a_severity_a_sentence_and_a_first_step(alert: Rule) -> None:
    assert alert.severity in ("critical", "warning")
    assert re.fullmatch(r"(\{\{|[A-Z]).*[a-z)}s]\.", alert.notes["summary"]), alert.notes["summary"]
    assert len(alert.notes["description"]) > 40
    assert alert.notes["description"].endswith((".", "?"))


@pytest.mark.parametrize("alert", ALERTS, ids=named)
def test_every_alert_links_to_its_own_chapter_wherever_the_site_keeps_the_runbook(alert: Rule) -> None:
    link = f'{{{{ or $externalLabels.runbook "deploy/runbook.md" }}}}#{alert.name.lower()}'
    assert alert.notes["runbook_url"] == link
    assert (ROOT / "deploy/runbook.md") == RUNBOOK


def test_every_alert_has_a_chapter_and_every_chapter_an_alert() -> None:
    assert sorted(chapters()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_chapter_says_what_it_means_what_callers_feel_and_what_to_do(name: str) -> None:
    text = chapters()[name]
    parts = re.findall(r"^\*\*(Means|Callers feel|Look first|Usually|Mend)\*\*", text, re.MULTILINE)
    assert parts == ["Means", "Callers feel", "Look first", "Usually", "Mend"]
    looked = text.partition("**Look first**")[2].partition("**Usually**")[0]
    assert re.findall(r"^    \S", looked, re.MULTILINE), "no command to look with"


def test_every_command_of_the_runbook_and_of_the_alerts_exists() -> None:
    said = RUNBOOK.read_text() + "\n".join(alert.notes["description"] for alert in ALERTS)
    found = set(re.findall(r"(?:^    |`)ringfair ((?:agent )?[a-z-]+)", said, re.MULTILINE))
    assert {"doctor", "status", "agent unpause"} <= found
    for command in sorted(found):
        assert CliRunner().invoke(app, [*command.split(), "--help"]).exit_code == 0, command


def test_every_option_of_those_commands_exists() -> None:
    for command, options in re.findall(
        r"(?:^    |`)ringfair ((?:agent )?[a-z-]+)([^`\n#]*)", RUNBOOK.read_text(), re.MULTILINE
    ):
        helped = CliRunner().invoke(app, [*command.split(), "--help"]).output
        for option in re.findall(r"--[a-z-]+", options):
            assert option in helped, f"ringfair {command} {option}"


def test_every_sentence_of_the_log_that_the_runbook_looks_for_is_logged_by_the_router() -> None:
    code = "\n".join(path.read_text() for path in ROOT.glob("router/**/*.py"))
    for words in re.findall(r"journalctl[^\n]*-g (?:['\"]([^'\"]+)['\"]|([a-z]+))", RUNBOOK.read_text()):
        sentence = words[0] or words[1]
        if sentence != "oom":  # the kernel's
            assert re.search(rf'"[^"\n]*{re.escape(sentence)}', code), sentence


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_every_metric_label_and_value_a_rule_asks_for_is_exposed(rule: Rule) -> None:
    assert list(selectors(rule.expr)), "asks for nothing"
    assert complaints(rule.expr, known()) == []  # type: ignore[arg-type]


def test_a_name_that_nobody_exposes_is_found_out() -> None:
    there = exposed()
    good = 'sum by (queue) (increase(ringfair_wait_seconds_bucket{outcome="answered", le=~"10.0|20.0"}[15m])) > 0'
    assert complaints(good, there) == []
    assert complaints(good.replace("wait", "weight"), there) == ["no metric ringfair_weight_seconds_bucket"]
    assert complaints(good.replace("20.0", "25.0"), there) == ["ringfair_wait_seconds_bucket: le is never 25.0"]
    assert complaints(good.replace("outcome", "result"), there) == ["ringfair_wait_seconds_bucket has no label result"]


def test_nothing_is_recorded_that_nobody_asks_for() -> None:
    asked = "".join(path.read_text() for path in (ROOT / "deploy/grafana/dashboards").glob("*.json"))
    asked += "".join(rule.expr for rule in RULES)
    assert [rule.name for rule in RECORDS if rule.name not in asked] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_has_a_case_where_it_fires_and_one_where_it_does_not(name: str) -> None:
    cases = [fires for tested, fires in unit_tests("alerts.test.yml") if tested == name]
    assert True in cases
    assert False in cases


@pytest.mark.parametrize("rule", RECORDS, ids=named)
def test_every_recording_rule_has_a_case_with_a_value(rule: Rule) -> None:
    text = (FOLDER / "recording.test.yml").read_text(encoding="utf-8")
    assert re.search(rf"expr: .*{re.escape(rule.name)}\b.*\n +eval_time: .*\n +exp_samples:", text)
