"""Private databases for the tests: a PostgreSQL of our own on a free port, SQLite files, and the fakes.

Fixtures (a module says `pytest_plugins = ["tests.contracts.databases"]`):
`postgres` one server for the whole run; `sql_dsn` a new SQLite file and a new PostgreSQL database in turn;
`ledger_store` and `directory_store` those two and the fake, each of which can be opened more than once.

PostgreSQL refuses to run as root, so it then runs as `postgres` or `nobody`. It is stopped by its process id.
"""

import asyncio
import itertools
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from router.adapters.sql.directory import SqlDirectory
from router.adapters.sql.ledger import SqlLedger
from tests.fakes.directory import FakeDirectory, FakeDirectoryStore
from tests.fakes.ledger import FakeLedger, FakeLedgerStore

START_S = 60.0
STOP_S = 20.0
_numbers = itertools.count(1)


def postgres_programs() -> Path:
    """Where the newest `postgres` and `initdb` are: on the path, or where Debian keeps them off it."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    for folder in [*debian, *([Path(on_path).parent] if on_path else [])]:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise FileNotFoundError("PostgreSQL is not installed: `make test` installs it (Debian: apt-get install postgresql)")


class PostgresServer:
    """A server with a cluster of its own. Durable only if asked: what is tested is our code, not the disk."""

    user = "ringfair"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.password = secrets.token_hex(8)
        self.port = _free_port()
        self._programs = postgres_programs()
        self._process: subprocess.Popen[bytes] | None = None
        self._as = _other_user()
        folder.chmod(0o711)
        self._run = folder / "run"
        self._run.mkdir()
        secret = folder / "password"
        secret.write_text(self.password)
        for path in (self._run, secret):
            self._hand_over(path)
        data = folder / "data"
        data.mkdir()
        self._hand_over(data)
        options = ["-U", self.user, "-A", "scram-sha-256", "--pwfile", secret, "-E", "UTF8", "--locale=C.UTF-8"]
        # A language's own order of letters, as a site's server may well have: ours must not depend on it.
        options += ["--locale-provider=icu", "--icu-locale=de"]
        made = subprocess.run(
            [*self._as, self._programs / "initdb", "-D", data, "--no-sync", *options],
            capture_output=True,
            timeout=START_S,
            check=False,
            cwd="/",
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr.decode(errors='replace')}")

    def dsn(self, database: str, *, password: str | None = None) -> str:
        return f"postgresql://{self.user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def start(self, *, durable: bool = False) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self._run),
            "fsync": "on" if durable else "off",
            "shared_buffers": "32MB",
            "max_connections": "50",
        }
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as, self._programs / "postgres", "-D", self.folder / "data"]
                + [word for name, value in settings.items() for word in ("-c", f"{name}={value}")],
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
        ready = [self._programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        until = time.monotonic() + START_S
        while subprocess.run(ready, check=False, cwd="/").returncode:
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one (as after a crash)."""
        if self._process is None:
            return
        self._process.send_signal(how)
        self._process.wait(STOP_S)
        self._process = None

    async def run(self, statement: str, database: str = "postgres") -> None:
        connection = await asyncpg.connect(self.dsn(database), timeout=START_S)
        try:
            await connection.execute(statement, timeout=START_S)
        finally:
            await connection.close()

    def new_database(self) -> str:
        """Its DSN. For fixtures, outside of an event loop."""
        return asyncio.run(self.new_database_here())

    async def new_database_here(self) -> str:
        """Its DSN. For tests, inside of an event loop."""
        name = f"ringfair_{next(_numbers)}"
        await self.run(f"CREATE DATABASE {name}")
        return self.dsn(name)

    def freeze(self) -> None:
        """Everything of the server holds still: it accepts connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        """To the server and its children, which are found by their parent's id."""
        if self._process is None:
            raise RuntimeError("the server does not run")
        parent = self._process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for pid in (parent, *map(int, children)):
            os.kill(pid, number)

    def _hand_over(self, path: Path) -> None:
        if self._as:
            user = pwd.getpwnam(_other_name())
            os.chown(path, user.pw_uid, user.pw_gid)
            path.chmod(0o700 if path.is_dir() else 0o600)


def _other_name() -> str:
    return "postgres" if any(entry.pw_name == "postgres" for entry in pwd.getpwall()) else "nobody"


def _other_user() -> list[str]:
    """The words before a command that make it run as somebody else than root; none when we are not root."""
    if os.geteuid():
        return []
    user = pwd.getpwnam(_other_name())
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@dataclass
class LedgerStore:
    """A ledger's database; `open` gives a new `Ledger` on the same facts each time."""

    kind: str
    make: Callable[[], "Awaitable[SqlLedger] | FakeLedger"]
    dsn: str = ""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SqlLedger | FakeLedger]:
        made = self.make()
        ledger = made if isinstance(made, FakeLedger) else await made
        try:
            yield ledger
        finally:
            await ledger.close()


@dataclass
class DirectoryStore:
    """A directory's database; `open` gives a new `Directory` on the same entries each time."""

    kind: str
    make: Callable[[], "Awaitable[SqlDirectory] | FakeDirectory"]
    dsn: str = ""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SqlDirectory | FakeDirectory]:
        made = self.make()
        directory = made if isinstance(made, FakeDirectory) else await made
        try:
            yield directory
        finally:
            await directory.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    folder = Path(tempfile.mkdtemp(prefix="ringfair-postgres-"))
    try:
        server = PostgresServer(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _dsn(kind: str, request: pytest.FixtureRequest) -> str:
    if kind == "postgresql":
        return str(request.getfixturevalue("postgres").new_database())
    return f"sqlite:///{request.getfixturevalue('tmp_path')}/ledger.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def sql_dsn(request: pytest.FixtureRequest) -> str:
    return _dsn(request.param, request)


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def ledger_store(request: pytest.FixtureRequest) -> LedgerStore:
    if request.param == "fake":
        store = FakeLedgerStore()
        return LedgerStore("fake", lambda: FakeLedger(store))
    dsn = _dsn(request.param, request)
    return LedgerStore(request.param, lambda: SqlLedger.open(dsn), dsn)


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def directory_store(request: pytest.FixtureRequest) -> DirectoryStore:
    if request.param == "fake":
        store = FakeDirectoryStore()
        return DirectoryStore("fake", lambda: FakeDirectory(store))
    dsn = _dsn(request.param, request)
    return DirectoryStore(request.param, lambda: SqlDirectory.open(dsn), dsn)
