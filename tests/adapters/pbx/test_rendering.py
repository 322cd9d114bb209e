"""Filling placeholders and replacing files."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.rendering import render_text, write_atomically


def test_placeholders_are_filled_and_everything_else_stays_as_it_is() -> None:
    text = "bind = @{bind}:@{port}\ncontact = sip:name@host\nexten => s,1,Set(A=${EXTEN})\n"

    rendered = render_text(text, {"bind": "127.0.0.1", "port": "5160"}, source="x.conf")

    assert rendered == "bind = 127.0.0.1:5160\ncontact = sip:name@host\nexten => s,1,Set(A=${EXTEN})\n"


def test_an_unknown_placeholder_names_the_file_and_itself() -> None:
    with pytest.raises(PbxError, match=r"pjsip\.d/10\.conf: no value for @\{sip_prot\}"):
        render_text("@{sip_prot}", {"sip_port": "1"}, source="pjsip.d/10.conf")


@pytest.mark.parametrize("value", ["127.0.0.1\npermit = 0.0.0.0/0", "de\x00", "yes ; no", "a\r"])
def test_a_value_cannot_add_a_line_or_cut_one_off(value: str) -> None:
    with pytest.raises(PbxError) as refused:
        render_text("language = @{language}", {"language": value}, source="x.conf")

    assert refused.value.error_id == "bad-value"


def test_a_value_is_not_taken_for_a_pattern_or_a_placeholder() -> None:
    rendered = render_text("a = @{one}", {"one": r"\1 @{two} \g<0>", "two": "no"}, source="x.conf")

    assert rendered == r"a = \1 @{two} \g<0>"


def test_a_secret_is_never_readable_by_others_not_even_where_an_open_file_was(tmp_path: Path) -> None:
    target = tmp_path / "manager.d" / "ringfair.conf"
    target.parent.mkdir()
    target.write_text("secret = old")
    target.chmod(0o666)

    write_atomically(target, "secret = new", 0o640)

    assert target.read_text() == "secret = new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [path.name for path in target.parent.iterdir()] == ["ringfair.conf"]


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    target = tmp_path / "40-agents.conf"
    target.symlink_to(victim)

    write_atomically(target, "[agent-1001]", 0o640)

    assert victim.read_text() == "precious"
    assert not target.is_symlink()
