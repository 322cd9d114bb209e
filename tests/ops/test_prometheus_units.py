"""promtool's unit tests of our rules pass, and no rule can be broken without one of them failing."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.monitoring.programs import program
from tests.monitoring.rules import FOLDER, read_rules

ALERTS = sorted({rule.name for rule in read_rules("alerts.yml")})
RECORDS = [rule.name for rule in read_rules("recording.yml")]
BOUNDED = [rule for rule in read_rules("alerts.yml") if re.search(r">=? [\d.]+", rule.expr) and "!=" not in rule.expr]
TESTS = ("recording.test.yml", "alerts.test.yml")


@pytest.fixture(scope="module")
def promtool() -> Path:
    return program("promtool")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the rules and their tests, to break."""
    for path in FOLDER.glob("*.yml"):
        shutil.copy(path, tmp_path)
    return tmp_path


def run(promtool: Path, where: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run([promtool, *words], cwd=where, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def replace_expr(where: Path, file: str, name: str, expr: str) -> None:
    """Give every rule of this name another expression."""
    text = (where / file).read_text(encoding="utf-8")
    rule = rf"(- (?:alert|record): {re.escape(name)}\n(?: +#.*\n)*        expr: )(?:\|\n(?:          .*\n)+|.+\n)"
    text, count = re.subn(rule, lambda found: f"{found[1]}{expr}\n", text)
    assert count >= 1
    (where / file).write_text(text, encoding="utf-8")


def test_the_rules_are_right_by_promtools_own_check(promtool: Path) -> None:
    code, said = run(promtool, FOLDER, "check", "rules", "--lint-fatal", "recording.yml", "alerts.yml")
    assert code == 0, said


def test_the_example_configuration_is_right_by_promtools_own_check(promtool: Path) -> None:
    code, said = run(promtool, FOLDER, "check", "config", "--lint-fatal", "prometheus.yml")
    assert code == 0, said
    assert "2 rule files found" in said


@pytest.mark.parametrize("file", TESTS)
def test_the_unit_tests_of_the_rules_pass(promtool: Path, file: str) -> None:
    code, said = run(promtool, FOLDER, "test", "rules", file)
    assert code == 0, said


@pytest.mark.parametrize("expr", ["vector(1) > 1", "vector(1)"], ids=["never fires", "always fires"])
def test_every_alert_that_never_or_always_fires_is_caught(promtool: Path, copy: Path, expr: str) -> None:
    """All at once, for a run takes seconds; alerts do not ask for each other."""
    for name in ALERTS:
        replace_expr(copy, "alerts.yml", name, expr)

    code, said = run(promtool, copy, "test", "rules", "alerts.test.yml")

    assert code == 1, said
    assert [name for name in ALERTS if f"alertname: {name}," not in said] == []


def test_every_threshold_that_is_far_too_high_is_caught(promtool: Path, copy: Path) -> None:
    text = (copy / "alerts.yml").read_text(encoding="utf-8")
    for rule in BOUNDED:
        assert f"expr: {rule.expr}\n" in text, f"the expr of {rule.name} is not on one line"
        higher = re.sub(r"(>=?) [\d.]+", r"\1 1e9", rule.expr)
        text = text.replace(f"expr: {rule.expr}\n", f"expr: {higher}\n")
    (copy / "alerts.yml").write_text(text, encoding="utf-8")

    code, said = run(promtool, copy, "test", "rules", "alerts.test.yml")

    assert code == 1, said
    assert [rule.name for rule in BOUNDED if f"alertname: {rule.name}," not in said] == []


@pytest.mark.parametrize("name", RECORDS)
def test_a_figure_that_is_wrong_is_caught(promtool: Path, copy: Path, name: str) -> None:
    [rule] = [rule for rule in read_rules("recording.yml") if rule.name == name]
    replace_expr(copy, "recording.yml", name, f"({rule.expr}) * 2 + 1")
    code, said = run(promtool, copy, "test", "rules", "recording.test.yml")
    assert code == 1, said
    assert name in said
