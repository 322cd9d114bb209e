"""The shipped unit and the router's defaults belong together: paths, signals, times and exit codes."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from router.cli.checkup.machine import FILES
from router.cli.exits import POOL_LOST, USAGE
from router.config.settings import Http, Ledger, QueueLog, Router
from router.config.site import DEFAULT_DIRECTORY

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "systemd" / "ringfair.service"
EXPOSURE_AT_MOST = 1.5
analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def directives() -> dict[str, list[str]]:
    """Name → its values in the order of the file; comments left out."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if line and line[0] not in "#[":
            name, equals, value = line.partition("=")
            assert equals, line
            found.setdefault(name, []).append(value)
    return found


def only(name: str) -> str:
    [value] = directives()[name]
    return value


def test_its_directories_are_those_of_the_configuration_s_defaults() -> None:
    assert Path("/etc", only("ConfigurationDirectory")) == DEFAULT_DIRECTORY
    assert Path("/run", only("RuntimeDirectory")) == Path(Http().control_socket).parent
    assert Path("/var/lib", only("StateDirectory")) == Path(Ledger().dsn.removeprefix("sqlite:///")).parent
    named = QueueLog.model_fields["file"].description or ""
    assert f"{Path('/var/log', only('LogsDirectory'))}/queue_log" in named
    assert int(only("LogsDirectoryMode"), 8) == 0o750


def test_the_queue_log_that_is_rotated_is_the_one_that_is_written_and_needs_no_hook() -> None:
    rotation = (ROOT / "deploy" / "logrotate" / "ringfair-queue-log").read_text()
    words = {line.strip() for line in rotation.splitlines()}
    assert f"\n{Path('/var/log', only('LogsDirectory'), 'queue_log')} {{" in rotation
    assert {"nocreate", "missingok", f"su {only('User')} {only('Group')}"} <= words
    assert not words & {"copytruncate", "postrotate"}


def test_it_starts_a_command_that_the_package_installs() -> None:
    program, command = only("ExecStart").split()
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]

    assert Path(program).name in scripts
    assert command == "serve"


def test_the_group_may_reach_the_control_socket_and_others_may_not() -> None:
    assert int(only("RuntimeDirectoryMode"), 8) == 0o750
    assert only("Group") == only("User") == "ringfair"


def test_it_is_given_the_time_to_drain() -> None:
    assert float(only("TimeoutStopSec")) >= Router().drain_s + 20
    assert only("KillSignal") == "SIGTERM"
    assert only("ExecReload") == "/bin/kill -HUP $MAINPID"


def test_what_a_restart_cannot_mend_is_not_restarted_and_who_lost_its_pool_is_to_stand_by() -> None:
    prevented = {int(code) for code in only("RestartPreventExitStatus").split()}
    assert prevented == {USAGE}
    assert POOL_LOST not in prevented
    assert only("Restart") == "on-failure"


def test_it_may_open_what_the_doctor_asks_for() -> None:
    assert int(only("LimitNOFILE")) >= FILES


def test_it_waits_for_no_word_that_the_router_does_not_send() -> None:
    assert only("Type") == "exec"
    assert "WatchdogSec" not in directives()


@analyze
def test_systemd_reads_it_without_a_complaint(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(only("ExecStart").split()[0], "/bin/true"))
    said = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, timeout=60)

    complaints = [line for line in said.stderr.splitlines() if UNIT.name in line]
    assert (said.returncode, complaints) == (0, [])


@analyze
def test_it_is_locked_up_well() -> None:
    threshold = str(int(EXPOSURE_AT_MOST * 10))
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={threshold}", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.returncode == 0, said.stdout + said.stderr
