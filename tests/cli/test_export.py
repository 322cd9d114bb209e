"""`ringfair export pjsip`: what it writes, for whom, and that a real Asterisk takes it."""

import os
import stat
from pathlib import Path

from router.adapters.pbx.instance import Instance
from router.cli.exits import DONE, REFUSED
from tests.cli.conftest import Bench


def test_the_file_holds_active_agents_with_digests_and_is_not_for_others(bench: Bench, tmp_path: Path) -> None:
    for agent in ("agent-1001", "agent-1002"):
        bench.run("agent", "add", agent)
    bench.run("agent", "remove", "agent-1002")
    out = tmp_path / "40-agents.conf"
    result = bench.run("export", "pjsip", "--out", str(out))
    assert result.exit_code == DONE, result.output
    text = out.read_text()
    assert "[agent-1001](agent-home)" in text
    assert "agent-1002" not in text
    assert "password_digest = MD5:" in text
    assert stat.S_IMODE(out.stat().st_mode) == 0o640
    assert bench.run("export", "pjsip").stdout == text


def test_a_git_checkout_gets_no_digests_also_through_a_link(bench: Bench, tmp_path: Path) -> None:
    bench.run("agent", "add", "agent-1001")
    (tmp_path / "checkout" / "deep").mkdir(parents=True)
    (tmp_path / "checkout" / ".git").write_text("gitdir: elsewhere")
    (tmp_path / "link").symlink_to(tmp_path / "checkout" / "deep")
    for out in (tmp_path / "checkout" / "deep" / "agents.conf", tmp_path / "link" / "agents.conf"):
        result = bench.run("export", "pjsip", "--out", str(out))
        assert result.exit_code == REFUSED
        assert "git checkout" in result.stderr
        assert not out.exists()


def test_a_folder_that_is_not_there_is_a_sentence(bench: Bench) -> None:
    bench.run("agent", "add", "agent-1001")
    bench.write()
    result = bench.run("export", "pjsip", "--out", "/proc/nowhere/agents.conf")
    assert result.exit_code == REFUSED
    assert "cannot be written" in result.stderr


def test_a_real_asterisk_reads_what_was_exported(beside_asterisk: Bench, pbx: Instance) -> None:
    beside_asterisk.run("agent", "add", "agent-1001", "--transport", "tls", "--auto-answer")
    beside_asterisk.run("agent", "add", "agent-1002")
    try:
        result = beside_asterisk.run("export", "pjsip", "--out", str(pbx.agents_file))
        assert result.exit_code == DONE, result.output
        folder = pbx.agents_file.parent.stat()
        assert (pbx.agents_file.stat().st_gid, os.access(pbx.agents_file, os.R_OK)) == (folder.st_gid, True)
        pbx.reload()
        shown = pbx.rx("pjsip show endpoints")
        assert "agent-1001" in shown
        assert "agent-1002" in shown
        assert beside_asterisk.findings(exit_code=1)["asterisk.endpoints"]["verdict"] == "ok"  # Redis is missing
    finally:
        pbx.agents_file.unlink(missing_ok=True)
        pbx.reload()
