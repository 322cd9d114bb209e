"""Pid files: whose process it is, and how it ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.adapters.pbx.daemon import log_tail, running_pid, stop_process, wait_until

STUBBORN = "import signal, sys, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
ORDINARY = "import sys, time; print('up', flush=True); time.sleep(60)"


@pytest.fixture
def started(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A process that carries the marker `/etc/x.conf` in its command line, and its pid file."""
    with subprocess.Popen([sys.executable, "-c", request.param, "/etc/x.conf"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        pid_file = tmp_path / "x.pid"
        pid_file.write_text(f"{process.pid}\n")
        try:
            yield process, pid_file
        finally:
            process.kill()


@pytest.mark.parametrize("started", [ORDINARY], indirect=True)
def test_a_process_is_ours_only_with_our_configuration(started: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, pid_file = started

    assert running_pid(pid_file, "/etc/x.conf") == process.pid
    assert running_pid(pid_file, "/etc/x.con") is None
    assert running_pid(pid_file, "/etc/y.conf") is None


@pytest.mark.parametrize("started", [ORDINARY], indirect=True)
def test_a_process_that_took_over_our_pid_is_not_killed(started: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, pid_file = started

    assert stop_process(pid_file, "/etc/y.conf", deadline_s=0.1, what="the PBX x") is False
    assert process.poll() is None


@pytest.mark.parametrize("started", [ORDINARY, STUBBORN], indirect=True)
def test_a_process_ends_politely_or_by_force(started: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, pid_file = started
    assert stop_process(pid_file, "/etc/x.conf", deadline_s=0.3, what="the PBX x") is True
    assert process.wait(5) in (-15, -9)


@pytest.mark.parametrize("content", ["", "no number", "-1", "999999999"])
def test_a_broken_pid_file_means_that_nothing_runs(tmp_path: Path, content: str) -> None:
    pid_file = tmp_path / "x.pid"
    pid_file.write_text(content)

    assert running_pid(pid_file, "/etc/x.conf") is None
    assert running_pid(tmp_path / "missing", "/etc/x.conf") is None


def test_waiting_ends_when_it_holds_or_at_the_deadline() -> None:
    answers = iter([False, False, True])

    assert wait_until(lambda: next(answers), 10) is True
    assert wait_until(lambda: False, 0) is False


def test_the_tail_of_a_missing_log_says_so(tmp_path: Path) -> None:
    log = tmp_path / "messages.log"

    assert "no log" in log_tail(log)
    log.write_text("".join(f"line {number}\n" for number in range(50)))
    assert log_tail(log, 2) == "line 48\nline 49"
