"""Where the telephones of the tests and of the demo live: their programs, directories, ports and processes.

SIPp, baresip and tcpdump come either from the machine or from a root made for Asterisk (see `asterisk/`); in the
latter case a program sees only files below that root, hence the pair of paths in `Place`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from router.adapters.pbx.root import Root


class TelephoneError(Exception):
    """A telephone could not do what the story asked of it; the text holds its own last words."""


@dataclass(frozen=True, slots=True)
class Place:
    """A directory under two names: `path` for us, `inside` for a program that runs in the root."""

    path: Path
    inside: str


class Workshop:
    """Starts programs of a root (or of this machine) in directories of their own."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self._places: list[Path] = []

    def place(self, purpose: str) -> Place:
        """A fresh directory that the programs may write to; removed by `close()`."""
        path = Path(tempfile.mkdtemp(prefix=f"ringfair-{purpose}-", dir=self.root.host(Path("/tmp"))))
        self.root.give_to_owner(path)
        self._places.append(path)
        return Place(path, str(self.root.inside(path)))

    def has(self, program: str) -> bool:
        folders = ("/usr/bin", "/usr/sbin", "/usr/local/bin")
        return any((self.root.host(Path(folder)) / program).exists() for folder in folders)

    async def start(self, argv: Sequence[str], place: Place, *, raw_sockets: bool = False) -> Process:
        """Start a program in `place`; it reads nothing, its words go to a file there.

        `raw_sockets`: it listens to the wire or writes on it, so it runs as root where the others do not.
        """
        # setpriv: whoever dies without cleaning up takes the phones along
        own = ["setpriv", "--pdeathsig", "KILL", "env", "-C", place.inside, *argv]
        command = self.root.command(own) if not raw_sockets else self._as_root(own)
        words = place.path / f"{Path(argv[0]).name}.out"
        with words.open("wb") as sink:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sink,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        return Process(Path(argv[0]).name, process, words)

    def _as_root(self, argv: Sequence[str]) -> list[str]:
        enter = ["chroot", str(self.root.path), *argv] if self.root.path else list(argv)
        return enter if os.geteuid() == 0 else ["sudo", *enter]

    def close(self) -> None:
        for path in self._places:
            shutil.rmtree(path, ignore_errors=True)
        self._places.clear()


class Process:
    """A running program, stopped by its own pid and never by its name."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, words: Path) -> None:
        self.name = name
        self._process = process
        self._words = words

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    def last_words(self, limit: int = 2000) -> str:
        return self._words.read_text(errors="replace")[-limit:] if self._words.exists() else ""

    async def wait(self, within_s: float) -> int:
        """Exit code. Raises: TelephoneError when it still runs after `within_s`."""
        try:
            return await asyncio.wait_for(self._process.wait(), within_s)
        except TimeoutError:
            raise TelephoneError(f"{self.name} still runs after {within_s} s: {self.last_words()}") from None

    def deliver(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            _signal(self._process.pid, number)

    async def stop(self, within_s: float = 3.0, *, by: signal.Signals = signal.SIGTERM) -> None:
        if not self.is_running:
            return
        self.deliver(by)
        try:
            await asyncio.wait_for(self._process.wait(), within_s)
        except TimeoutError:
            self.deliver(signal.SIGKILL)
            await self._process.wait()


def _signal(pid: int, number: signal.Signals) -> None:
    """Signal a process of ours; where sudo (root's) stands between, the ones below it that are ours."""
    try:
        os.kill(pid, number)
    except PermissionError:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if not below:
            raise
        for child in below:
            _signal(int(child), number)


def free_port(address: str, kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port nobody has right now on `address`."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


async def until(what: str, condition: Callable[[], object | Awaitable[object]], within_s: float = 5.0) -> object:
    """Poll `condition` until it gives something true, and give that back.

    Raises: TelephoneError naming `what` was waited for.
    """
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        value = condition()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        if asyncio.get_running_loop().time() > deadline:
            raise TelephoneError(f"waited {within_s} s for {what}")
        await asyncio.sleep(0.02)
