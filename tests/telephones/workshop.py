"""Where the telephones of the tests and of the demo live: their programs, directories, ports and processes.

SIPp, baresip and tcpdump come either from the machine or from a root made for Asterisk (see `asterisk/`); in the
latter case a program sees only files below that root, hence the pair of paths in `Place`.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


class TelephoneError(Exception):
    """A telephone could not do what the story asked of it; the text holds its own last words."""


@dataclass(frozen=True, slots=True)
class Place:
    """A directory under two names: `path` for us, `inside` for a program that runs in the root."""

    path: Path
    inside: str


class Workshop:
    """Starts programs of a root (or of this machine, with `root=None`) in directories of their own."""

    def __init__(self, root: Path | None) -> None:
        self.root = root
        self._places: list[Path] = []

    def place(self, purpose: str) -> Place:
        """A fresh directory; removed by `close()`."""
        parent = (self.root / "tmp") if self.root else Path(tempfile.gettempdir())
        path = Path(tempfile.mkdtemp(prefix=f"ringfair-{purpose}-", dir=parent))
        self._places.append(path)
        return Place(path, "/" + str(path.relative_to(self.root)) if self.root else str(path))

    def has(self, program: str) -> bool:
        if self.root is None:
            return shutil.which(program) is not None
        return any((self.root / folder / program).exists() for folder in ("usr/bin", "usr/sbin"))

    async def start(self, argv: Sequence[str], place: Place) -> Process:
        """Start a program; it reads nothing, its words go to a file in `place`."""
        command = (
            ["chroot", str(self.root), "/usr/bin/env", "-C", place.inside, *argv] if self.root else list(argv)
        )
        words = place.path / f"{Path(argv[0]).name}.out"
        with words.open("wb") as sink:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=None if self.root else place.path,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sink,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        return Process(Path(argv[0]).name, process, words)

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
            self._process.send_signal(number)

    async def stop(self, within_s: float = 3.0, *, by: signal.Signals = signal.SIGTERM) -> None:
        if not self.is_running:
            return
        self.deliver(by)
        try:
            await asyncio.wait_for(self._process.wait(), within_s)
        except TimeoutError:
            self.deliver(signal.SIGKILL)
            await self._process.wait()


def free_port(address: str, kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port nobody has right now on `address`."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


async def until(
    what: str, condition: Callable[[], object | Awaitable[object]], within_s: float = 5.0
) -> object:
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


@contextlib.asynccontextmanager
async def workshop(root: Path | None) -> AsyncIterator[Workshop]:
    shop = Workshop(root)
    try:
        yield shop
    finally:
        shop.close()
