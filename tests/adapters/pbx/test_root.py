"""Paths of a root, seen from the host and from inside."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.root import Root, site_files


def test_a_path_has_two_names_one_for_us_and_one_for_programs_in_the_root(tmp_path: Path) -> None:
    root = Root(tmp_path)

    assert root.inside(tmp_path / "srv/ringfair/demo") == Path("/srv/ringfair/demo")
    assert root.host(Path("/srv/ringfair/demo")) == tmp_path / "srv/ringfair/demo"
    assert Root(None).inside(Path("/srv")) == Root(None).host(Path("/srv")) == Path("/srv")


def test_absolute_links_of_a_root_stay_in_the_root(tmp_path: Path) -> None:
    sounds = tmp_path / "usr/share/asterisk/sounds"
    (sounds / "en_US_f_Allison").mkdir(parents=True)
    (tmp_path / "etc/alternatives").mkdir(parents=True)
    (sounds / "en").symlink_to("/etc/alternatives/asterisk-prompt-en")
    (tmp_path / "etc/alternatives/asterisk-prompt-en").symlink_to("/usr/share/asterisk/sounds/en_US_f_Allison")

    assert Root(tmp_path).resolve(Path("/usr/share/asterisk/sounds/en")) == sounds / "en_US_f_Allison"


def test_a_relative_link_cannot_climb_out_of_the_root(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/out").symlink_to("../../../../etc/passwd")

    assert Root(tmp_path).resolve(Path("/a/out")) == tmp_path / "etc/passwd"


def test_a_circle_of_links_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/b")
    (tmp_path / "b").symlink_to("/a")

    with pytest.raises(PbxError, match="circle"):
        Root(tmp_path).resolve(Path("/a"))


def test_the_files_of_a_site_are_found() -> None:
    assert (site_files("asterisk") / "modules.conf").is_file()
    assert (site_files("dialplans") / "extensions.conf").is_file()
    with pytest.raises(PbxError, match="neither inside nor beside"):
        site_files("nothing")
