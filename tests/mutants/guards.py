"""Guards run in a copy of the tree, by a pytest of their own, and what the witness told of them.

Rule 1: a process has a deadline and is ended by its own id: first asked, so that its fixtures stop their servers, then
made to, with everything it left behind.
Rule 2: what counts is what the witness saw, not an exit code: a test that failed while it ran. A fixture that could not
be set up, a file that could not be collected or a skipped test is no proof of anything.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.tree import WITNESS, Tree
from tests.mutants.witness import MODULE, ROOT, TOLD

MUTED = ("PYTEST_", "PYTHON", "HYPOTHESIS_")
"Settings of our own process that are none of the guards' business."
FAREWELL_S = 10.0
_SAID = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One phase of one test."""

    test: str
    when: str
    outcome: str
    took_s: float
    why: str

    @property
    def ran(self) -> bool:
        return self.when == "call" and self.outcome != "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    told: tuple[Told, ...]
    unfit: str
    "Why the module with the fault could not be imported; empty when it could."
    code: int | None
    "pytest's exit code; None when the deadline passed."
    took_s: float
    said: str
    "The end of what pytest printed."

    @property
    def failed(self) -> Told | None:
        """The first test that failed while it ran."""
        return next((one for one in self.told if one.ran and one.outcome == "failed"), None)


async def run(
    tree: Tree, guards: Sequence[str], *, deadline_s: float, module: str = "", to_the_end: bool = True
) -> Ran:
    """Run them; `module` is imported first; without `to_the_end` the first failure is enough."""
    told, printed, made = tree.home / "told", tree.home / "printed", tree.tmp / "pytest"
    told.write_bytes(b"")
    command = [sys.executable, "-m", "pytest", "-q", "--tb=line", "-p", "no:cacheprovider", "-p", WITNESS]
    command += [f"--basetemp={made}", *([] if to_the_end else ["-x"]), *guards]
    began = time.monotonic()
    with printed.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=tree.root,
            env=_environment(tree, told, module),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    code: int | None = None
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                code = await process.wait()
    finally:
        if process.returncode is None:
            await _end(process)
        shutil.rmtree(made, ignore_errors=True)
    lines = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]
    return Ran(
        told=tuple(Told(**line) for line in lines if "test" in line),
        unfit=next((line["unfit"] for line in lines if "unfit" in line), ""),
        code=code,
        took_s=time.monotonic() - began,
        said=printed.read_text(encoding="utf-8", errors="replace")[-_SAID:].strip(),
    )


def _environment(tree: Tree, told: Path, module: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(MUTED)}
    return inherited | {
        "PYTHONPATH": f"{tree.root}{os.pathsep}{tree.plugins}",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(tree.tmp),
        "RINGFAIR_REQUIRE_SERVERS": "1",
        TOLD: str(told),
        MODULE: module,
        ROOT: str(tree.root),
    }


async def _end(process: asyncio.subprocess.Process) -> None:
    """Rule 1."""
    family = _family(process.pid)
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    with suppress(TimeoutError):
        async with asyncio.timeout(FAREWELL_S):
            await process.wait()
            return
    for pid in family:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    await process.wait()


def _family(pid: int) -> list[int]:
    """The process and all it started that still runs."""
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, children.read_text().split())
    return found
