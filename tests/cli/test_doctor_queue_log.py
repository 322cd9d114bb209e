"""`ringfair doctor` on the queue log: looked at where it is configured, and never made by looking."""

from pathlib import Path

import pytest

from router.cli.checkup.finding import Finding, Verdict
from router.cli.checkup.queue_log import examine_queue_log
from router.config import load
from tests.cli.conftest import Bench


def look(bench: Bench, file: Path | None) -> list[Finding]:
    bench.settings["queue_log"] = "" if file is None else f'file = "{file}"\n'
    bench.write()
    return examine_queue_log(load(bench.directory, {}))


def test_where_none_is_configured_nothing_is_said(bench: Bench) -> None:
    assert look(bench, None) == []


def test_a_file_to_come_and_a_file_that_is_there_are_well(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "queue_log"
    [to_come] = look(bench, file)
    assert to_come.verdict is Verdict.OK
    assert not file.exists()
    file.write_text("1|NONE|NONE|NONE|QUEUESTART|\n")
    [there] = look(bench, file)
    assert (there.verdict, there.found) == (Verdict.OK, f"{file}, 29 bytes")


def test_a_directory_that_is_missing_and_what_is_no_file_are_faults(bench: Bench, tmp_path: Path) -> None:
    [missing] = look(bench, tmp_path / "nowhere" / "queue_log")
    assert missing.verdict is Verdict.FAIL
    assert "LogsDirectory=ringfair" in missing.mend
    (tmp_path / "link").symlink_to(tmp_path / "queue_log")
    for other in (tmp_path, tmp_path / "link"):
        [found] = look(bench, other)
        assert (found.verdict, found.found) == (Verdict.FAIL, f"{other} is no regular file")


def test_what_this_user_may_not_write_is_told(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "queue_log"
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everything
    assert [finding.verdict for finding in look(bench, file)] == [Verdict.WARN]
    file.touch()
    [found] = look(bench, file)
    assert found.verdict is Verdict.WARN
    assert "by this user" in found.found
