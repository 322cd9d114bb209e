"""The explicit module list against the dialplan: every application and function it uses is there."""

from __future__ import annotations

import re

import pytest

from router.adapters.pbx.instance import Instance
from router.adapters.pbx.prompts import read_texts
from router.adapters.pbx.root import site_files

TEXT = "\n".join(
    line.partition(" ;")[0]
    for path in sorted(site_files("dialplans").rglob("*.conf"))
    for line in path.read_text().splitlines()
    if not line.lstrip().startswith(";")
)
APPLICATIONS = sorted(
    set(re.findall(r"^(?:exten => [^,]+,| same => )(?:n|\d+)(?:\([a-z0-9-]+\))?,([A-Za-z]+)\(", TEXT, re.MULTILINE))
    | set(re.findall(r"ExecIf\(.*\?([A-Za-z]+)\(", TEXT))
)
FUNCTIONS = sorted(set(re.findall(r"\$\{([A-Z_]+)\(", TEXT)) | set(re.findall(r"Set\(([A-Z_]+)\(", TEXT)))


def test_the_dialplan_was_understood() -> None:
    assert {"Bridge", "UserEvent", "Answer", "Hangup", "Playback"} <= set(APPLICATIONS)
    assert {"STRFTIME", "GLOBAL", "FILTER"} <= set(FUNCTIONS)


@pytest.mark.parametrize("application", APPLICATIONS)
def test_the_application_is_loaded(pbx: Instance, application: str) -> None:
    assert f"Info about Application '{application}'" in pbx.rx(f"core show application {application}")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_function_is_loaded(pbx: Instance, function: str) -> None:
    assert f"Info about Function '{function}'" in pbx.rx(f"core show function {function}")


def test_every_prompt_can_be_played_in_both_languages(pbx: Instance) -> None:
    known = pbx.rx("core show sounds")
    missing = [name for name in read_texts() if f"acd/{name}" not in known]

    assert missing == []
