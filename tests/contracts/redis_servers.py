"""Private servers for the tests of presence: Redis of the system, Valkey of the PBX's root, or the fake.

Each has its own port, directory and process, and is stopped by that process's id. Without the program a test
is skipped with the reason, unless `RINGFAIR_REQUIRE_SERVERS` is set: then it fails.

Fixtures (a module says `pytest_plugins = ["tests.contracts.redis_servers"]`):
`presence_server` and `lease_server` are each of the three in turn, `redis_server` each of the two real ones.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import pytest

from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.root import Root, find_root
from router.adapters.redis.address import RedisAddress
from router.adapters.redis.lease import RedisLease
from router.adapters.redis.presence import RedisPresence
from router.ports import Lease, Presence
from tests.fakes.lease import FakeLease, FakeLeaseServer
from tests.fakes.presence import FakePresence, FakePresenceServer

DEADLINE_S = 10.0


class PresenceServer(Protocol):
    """What a test may do to a server."""

    def presence(self, pool: str = "main") -> Presence: ...
    def stop(self) -> None: ...
    def start(self) -> None:
        """It is empty after a stop: nothing is saved to the disk."""
        ...

    def freeze(self) -> None: ...
    def thaw(self) -> None: ...


class LeaseServer(Protocol):
    """A server of leases; its clock, and what may happen to it."""

    def lease(self, host: str = "acd1", *, pool: str = "main") -> Lease: ...
    def pass_s(self, seconds: float) -> None: ...
    def empty(self) -> None: ...
    def stop(self) -> None: ...
    def start(self) -> None: ...
    def freeze(self) -> None: ...
    def thaw(self) -> None: ...


class FakeLeases:
    """The fake in the dress of a server of leases."""

    def __init__(self) -> None:
        self._servers: dict[str, FakeLeaseServer] = {}

    def lease(self, host: str = "acd1", *, pool: str = "main") -> Lease:
        return FakeLease(self._servers.setdefault(pool, FakeLeaseServer()), host)

    def pass_s(self, seconds: float) -> None:
        for server in self._servers.values():
            server.at += seconds

    def empty(self) -> None:
        for server in self._servers.values():
            server.empty()

    def stop(self) -> None:
        self.empty()
        self._become("down")

    def start(self) -> None:
        self._become("up")
        for server in self._servers.values():
            server.started = server.now()

    def freeze(self) -> None:
        self._become("frozen")

    def thaw(self) -> None:
        self._become("up")

    def _become(self, state: str) -> None:
        for server in self._servers.values():
            server.state = state


class Fake:
    """The fake in the dress of a server."""

    def __init__(self) -> None:
        self.server = FakePresenceServer()

    def presence(self, pool: str = "main") -> Presence:
        return FakePresence(self.server, pool)

    def stop(self) -> None:
        self.server.state = "down"
        self.server.empty()

    def start(self) -> None:
        self.server.state = "up"

    def freeze(self) -> None:
        self.server.state = "frozen"

    def thaw(self) -> None:
        self.server.state = "up"


_AGE = """
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[1]) end
end
"""


class RedisLeases:
    """A real server of leases. Nobody waits for time to pass there: everything is made older."""

    def __init__(self, server: "RedisServer") -> None:
        self._server = server
        self._leases: list[RedisLease] = []

    def lease(self, host: str = "acd1", *, pool: str = "main") -> Lease:
        lease = RedisLease(RedisAddress.parse(self._server.url), pool=pool)
        self._leases.append(lease)
        return lease

    def pass_s(self, seconds: float) -> None:
        self._server.command("EVAL", _AGE, "0", str(round(seconds * 1000)))

    def empty(self) -> None:
        self._server.command("FLUSHALL")

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server.start()

    def freeze(self) -> None:
        self._server.freeze()

    def thaw(self) -> None:
        self._server.thaw()

    def close(self) -> None:
        for lease in self._leases:
            lease.close()


class RedisServer:
    """A real server of the Redis protocol. Arguments are those of its configuration file."""

    def __init__(self, kind: str, *arguments: str) -> None:
        self.kind = kind
        self.port = free_port()
        self._arguments = arguments
        self._root, program = _program(kind)
        self._program = program
        state = None
        if self._root.path is not None:
            self._root.state.mkdir(parents=True, exist_ok=True)
            state = self._root.state
        self.directory = Path(tempfile.mkdtemp(prefix="redis-test-", dir=state))
        self._root.give_to_owner(self.directory)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def presence(self, pool: str = "main") -> RedisPresence:
        return RedisPresence(RedisAddress.parse(self.url), pool=pool)

    def start(self) -> None:
        argv = [self._program, *self.arguments()]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._root.command(argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/"
            )
        end = time.monotonic() + DEADLINE_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.kind} did not start:\n{(self.directory / 'log').read_text()}")
            time.sleep(0.01)

    def arguments(self) -> list[str]:
        own = str(self._root.inside(self.directory))
        return [
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", own),
            *("--save", "", "--appendonly", "no", "--daemonize", "no", "--pidfile", f"{own}/pid"),
            *self._arguments,
        ]

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2) as door:
            door.settimeout(0.2)
            door.sendall(b"PING\r\n")
            # `-NOAUTH …` is an answer too; a server that speaks TLS alone only closes, which is one as well
            return door.recv(1) in (b"+", b"-", b"")
        return False

    def command(self, *words: str) -> None:
        """Give one command, whose answer does not matter."""
        with socket.create_connection(("127.0.0.1", self.port), DEADLINE_S) as door:
            door.sendall(f"*{len(words)}\r\n".encode() + b"".join(map(_bulk, words)))
            answer = door.recv(1024)
        assert not answer.startswith(b"-"), answer

    @property
    def pid(self) -> int:
        return int((self.directory / "pid").read_text())

    def stop(self) -> None:
        if self._process is None:
            return
        with suppress(OSError, ValueError):
            os.kill(self.pid, signal.SIGCONT)
            os.kill(self.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(DEADLINE_S)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(DEADLINE_S)
        self._process = None
        (self.directory / "pid").unlink(missing_ok=True)

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def _bulk(word: str) -> bytes:
    return f"${len(word.encode())}\r\n{word}\r\n".encode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _program(kind: str) -> tuple[Root, str]:
    """Where `redis-server` or `valkey-server` is, and the root to run it in."""
    name = f"{kind}-server"
    if found := shutil.which(name):
        return Root(None), found
    with suppress(PbxError):
        root = find_root(make=False)
        if root.path is not None and (root.path / "usr" / "bin" / name).exists():
            return root, f"/usr/bin/{name}"
    if os.environ.get("RINGFAIR_REQUIRE_SERVERS"):
        pytest.fail(f"{name} is not installed")
    pytest.skip(f"{name} is not installed")


@pytest.fixture(params=["fake", "redis", "valkey"])
def presence_server(request: pytest.FixtureRequest) -> Iterator[PresenceServer]:
    if request.param == "fake":
        yield Fake()
        return
    server = RedisServer(request.param)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(params=["fake", "redis", "valkey"])
def lease_server(request: pytest.FixtureRequest) -> Iterator[LeaseServer]:
    if request.param == "fake":
        yield FakeLeases()
        return
    server = RedisServer(request.param)
    leases = RedisLeases(server)
    try:
        server.start()
        yield leases
    finally:
        leases.close()
        server.remove()


@pytest.fixture(params=["redis", "valkey"])
def redis_server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    server = RedisServer(request.param)
    try:
        server.start()
        yield server
    finally:
        server.remove()
