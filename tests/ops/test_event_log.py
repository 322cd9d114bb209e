"""The event log's configuration, and its rotation, against the reader that depends on both."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from router.adapters.cel.calls import CALLERS, MESSAGES
from router.adapters.cel.lines import MARK
from router.adapters.pbx.root import site_files
from router.adapters.pbx.site import EVENT_LOG, Site, write_site
from tests.fakes.event_log import COLUMNS

ASTERISK = site_files("asterisk")
DIALPLANS = site_files("dialplans")
SITE = Site(systemname="pbx1", ami_secret="example-secret")
FIELDS = dict(
    zip(
        COLUMNS,
        ["EventType", "EventTime", "UniqueID", "LinkedID", "ChanName", "Context", "Exten", "Num", "DNID", "EventExtra"],
        strict=True,
    )
)


def rendered(tmp_path: Path, *, cel: bool) -> dict[str, str]:
    site = Site(systemname="pbx1", ami_secret="example-secret", cel=cel)
    write_site(site, tmp_path, asterisk=ASTERISK, dialplans=DIALPLANS)
    return {
        name: (tmp_path / name).read_text() if (tmp_path / name).exists() else ""
        for name in ("cel.conf", "cel_custom.conf", "modules.conf")
    }


def test_a_site_keeps_no_event_log_unless_it_asks(tmp_path: Path) -> None:
    files = rendered(tmp_path, cel=False)

    assert re.search(r"^enable = no$", files["cel.conf"], re.MULTILINE)
    assert files["cel_custom.conf"] == ""
    assert "cel" not in re.sub(r";.*", "", files["modules.conf"])


def test_a_mapping_of_the_sites_own_is_left_alone_when_we_keep_none(tmp_path: Path) -> None:
    (tmp_path / "cel_custom.conf").write_text("[mine.csv]\n")

    assert rendered(tmp_path, cel=False)["cel_custom.conf"] == "[mine.csv]\n"


def test_a_site_that_asks_has_the_modules_and_the_file_beside_asterisks_other_logs(tmp_path: Path) -> None:
    files = rendered(tmp_path, cel=True)

    assert re.search(r"^enable = yes$", files["cel.conf"], re.MULTILINE)
    assert files["modules.conf"].splitlines()[-2:] == ["load = res_cdrel_custom.so", "load = cel_custom.so"]
    assert f"[/var/log/asterisk/{EVENT_LOG}]" in files["cel_custom.conf"]


def test_the_columns_are_the_readers() -> None:
    [fields] = re.findall(r"^fields = (.*)$", (ASTERISK / "cel_custom.conf").read_text(), re.MULTILINE)
    version, *names = fields.split(",")

    assert version.encode() + b"," == MARK
    assert names == list(FIELDS.values())


def test_time_is_seconds_and_microseconds_which_no_date_format_may_change() -> None:
    assert not re.search(r"^dateformat", (ASTERISK / "cel.conf").read_text(), re.MULTILINE)


def test_the_music_ends_only_where_a_message_begins() -> None:
    ends = {
        context
        for file in (DIALPLANS / "extensions.d").glob("*.conf")
        for context, line in _lines(file)
        if "StopMusicOnHold(" in line
    }

    goes_on = {"acd-wait", "acd-callback", "acd-callback-agent"}  # after what is said
    assert ends == MESSAGES | goes_on
    assert re.search(r"^apps = stopmusiconhold$", (ASTERISK / "cel.conf").read_text(), re.MULTILINE)


def test_the_contexts_of_callers_are_those_of_the_dialplan() -> None:
    there = {
        name
        for file in (DIALPLANS / "extensions.d").glob("*.conf")
        for name in re.findall(r"^\[(acd-[a-z-]+)\]", file.read_text(), re.MULTILINE)
    }

    assert CALLERS - there == {"acd-fallback-site"}  # the site's own, which may be absent
    agents = {
        "acd-agent",
        "acd-leg-ended",
        "acd-home",
        "acd-feature",
        "acd-say",
        "acd-canary-agent",
        "acd-callback-agent",
    }
    canary = {"acd-canary", "acd-canary-call"}
    refused = {"acd-full"}  # before they became a contact
    outside = {"acd-hop"}
    assert there - CALLERS == agents | canary | refused | outside


@pytest.fixture
def rotation() -> str:
    return (Path(__file__).parents[2] / "deploy" / "logrotate" / "ringfair-cel").read_text()


def test_the_file_that_is_rotated_is_the_one_that_is_written(rotation: str) -> None:
    assert f"\n{SITE.log / EVENT_LOG} {{" in rotation


def test_asterisk_makes_the_new_file_itself(rotation: str) -> None:
    words = {line.strip() for line in rotation.splitlines()}

    assert {"daily", "nocreate", "missingok", "dateext", "dateyesterday"} <= words
    assert not words & {"copytruncate"}  # it would lose what is written while it copies


def _lines(file: Path) -> list[tuple[str, str]]:
    context, found = "", []
    for line in file.read_text().splitlines():
        bare = re.sub(r"(^|\s);.*", "", line)
        if header := re.match(r"\[([a-z-]+)\]", bare):
            context = header[1]
        found.append((context, bare))
    return found
