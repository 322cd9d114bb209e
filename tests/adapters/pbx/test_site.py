"""Writing a site's configuration: what is replaced, what stays, what is refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.root import site_files
from router.adapters.pbx.site import Site, write_dialplan, write_site

SITE = Site(systemname="pbx1", ami_secret="example-secret")


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    write_site(SITE, tmp_path, asterisk=site_files("asterisk"), dialplans=site_files("dialplans"))
    return tmp_path


def test_no_placeholder_is_left_in_any_file(etc: Path) -> None:
    # the comments of asterisk.conf explain placeholders as @{...}
    left = [path for path in etc.rglob("*.conf") if "@{" in path.read_text().replace("@{...}", "")]

    assert left == []


def test_the_secret_stands_in_one_file_that_others_cannot_read(etc: Path) -> None:
    holders = [path for path in etc.rglob("*") if path.is_file() and "example-secret" in path.read_text()]

    assert [str(path.relative_to(etc)) for path in holders] == ["manager.d/ringfair.conf"]
    assert stat.S_IMODE(holders[0].stat().st_mode) == 0o640


def test_what_a_site_added_survives_and_what_we_dropped_goes(etc: Path) -> None:
    (etc / "pjsip.d/40-agents.conf").write_text("; agents")
    (etc / "pjsip.d/site").mkdir()
    (etc / "pjsip.d/site/nat.conf").write_text("; nat")
    (etc / "extensions.d/site").mkdir()
    (etc / "extensions.d/site/mine.conf").write_text("; mine")
    (etc / "extensions.d/15-of-an-old-version.conf").write_text("[acd-old]")

    write_site(SITE, etc, asterisk=site_files("asterisk"), dialplans=site_files("dialplans"))

    assert (etc / "pjsip.d/40-agents.conf").read_text() == "; agents"
    assert (etc / "pjsip.d/site/nat.conf").read_text() == "; nat"
    assert (etc / "extensions.d/site/mine.conf").read_text() == "; mine"
    assert not (etc / "extensions.d/15-of-an-old-version.conf").exists()


def test_extra_modules_are_loaded_last(tmp_path: Path) -> None:
    site = Site(systemname="pbx1", ami_secret="example-secret", extra_modules=("app_queue",))

    write_site(site, tmp_path, asterisk=site_files("asterisk"), dialplans=site_files("dialplans"))

    assert (tmp_path / "modules.conf").read_text().splitlines()[-1] == "load = app_queue.so"


@pytest.mark.parametrize("systemname", ["", "pbx-1", "pbx 1", "pbx.1", "a" * 33, "pbx1\n"])
def test_a_systemname_that_would_blur_ids_is_refused(systemname: str) -> None:
    with pytest.raises(PbxError, match="systemname"):
        Site(systemname=systemname, ami_secret="example-secret")


def test_a_module_is_a_name_and_no_path() -> None:
    with pytest.raises(PbxError, match="no module's name"):
        Site(systemname="pbx1", ami_secret="example-secret", extra_modules=("../../tmp/evil.so",))


def test_a_missing_dialplan_is_said_and_nothing_is_removed(etc: Path, tmp_path: Path) -> None:
    before = sorted(etc.rglob("*.conf"))

    with pytest.raises(PbxError, match=r"extensions\.conf is missing"):
        write_dialplan(etc, tmp_path / "nowhere")

    assert sorted(etc.rglob("*.conf")) == before
