"""`make demo` as a user runs it, in a cache of its own and under another instance name than a user's demo."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router.adapters.pbx.root import Root
from tests.telephones.workshop import until

REPOSITORY = Path(__file__).resolve().parents[2]
RINGFAIR = Path(sys.executable).with_name("ringfair")
CALLS = 5


class Stage:
    """Where one demo is played: everything it may leave behind is below `cache`, or carries `name`."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self.name = f"demo-test-{os.getpid()}"
        self.cache = Path(tempfile.mkdtemp(prefix="ringfair-demo-test-"))
        self.environ = {key: value for key, value in os.environ.items() if not key.startswith(("RINGFAIR_", "DEMO_"))}
        self.environ |= {
            "XDG_CACHE_HOME": str(self.cache),
            "RINGFAIR_ASTERISK_ROOT": str(root.path or "system"),
            "DEMO_CALLS": str(CALLS),
        }
        self.output = self.cache / "output"
        self._process: subprocess.Popen[bytes] | None = None

    def play(self) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "deploy.demo", "--instance", self.name]
        with self.output.open("wb") as sink:
            self._process = subprocess.Popen(
                argv, cwd=REPOSITORY, env=self.environ, stdout=sink, stderr=sink, start_new_session=True
            )
        return self._process

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def records(self) -> tuple[list[dict[str, Any]], str]:
        """What `ringfair records --json` shows without further arguments, and what it remarks."""
        shown = subprocess.run([RINGFAIR, "records", "--json"], env=self.environ, capture_output=True, check=True)
        return json.loads(shown.stdout), shown.stderr.decode()

    def left_running(self) -> list[str]:
        """Command lines that name this demo's instance or cache."""
        found = []
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if self.name in words or str(self.cache) in words:
                found.append(words)
        return found

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(30)
        shutil.rmtree(self.cache, ignore_errors=True)
        (self.root.state / f"{self.name}.lock").unlink(missing_ok=True)


@pytest.fixture
def stage(root: Root) -> Iterator[Stage]:
    stage = Stage(root)
    yield stage
    stage.close()


async def test_the_demo_keeps_its_promises_and_leaves_its_records_and_nothing_else(stage: Stage) -> None:
    process = stage.play()
    await until("the demo to end", lambda: process.poll() is not None, 90)

    assert process.returncode == 0, stage.said()
    assert "The demo kept every promise." in stage.said()
    assert stage.left_running() == []
    assert not (stage.root.state / stage.name).exists()
    records, remark = stage.records()
    assert len(records) == len({record["ani"] for record in records}) == CALLS
    assert "make demo" in remark
    results = {(offer["agent"], offer["result"]) for record in records for offer in record["offers"]}
    assert {("agent-1004", "missed"), ("agent-1005", "rejected")} <= results
    assert sorted(record["outcome"] for record in records) == ["abandoned"] + ["answered"] * (CALLS - 1)


async def test_a_demo_that_is_interrupted_takes_everything_with_it(stage: Stage) -> None:
    process = stage.play()
    await until("agents to be logged in", lambda: "log-in" in stage.said() or process.poll() is not None, 60)
    assert process.poll() is None, stage.said()
    assert stage.left_running() != []

    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)  # an impatient user presses it twice

    await until("the demo to end", lambda: process.poll() is not None, 30)
    assert process.returncode == 130, stage.said()
    assert stage.left_running() == []
    assert not (stage.root.state / stage.name).exists()


def test_a_number_of_callers_that_makes_no_sense_is_told_in_a_sentence(stage: Stage) -> None:
    for wrong in ("many", "0", "-3", "100000"):
        process = subprocess.run(
            [sys.executable, "-m", "deploy.demo", "--instance", stage.name],
            cwd=REPOSITORY,
            env=stage.environ | {"DEMO_CALLS": wrong},
            capture_output=True,
            check=False,
            text=True,
        )
        assert process.returncode == 2
        assert "a number from" in process.stdout
