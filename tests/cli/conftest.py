"""A site of its own for each test, the command line run on it, and real neighbours where a test asks for them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from router.adapters.http.server import HttpServer
from router.adapters.pbx.addresses import Ports, free_tcp_port
from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import find_root
from router.adapters.sql.directory import SqlDirectory
from router.adapters.sql.ledger import SqlLedger
from router.cli import app
from router.domain.record import Fact
from router.ports import AgentEntry
from tests.fakes.desk import FakeDesk

CAMPAIGN = """
[campaign]
name = "shop"
client = "example-shop"
dnis = ["+493023125100"]

[queue.orders]
need = "de >= 60 and orders"
"""


@dataclass
class Bench:
    """A site's directory and the command line on it. `settings` are more lines of ringfair.toml, by table."""

    directory: Path
    settings: dict[str, str]

    def write(self) -> None:
        text = "\n".join(f"[{table}]\n{lines}" for table, lines in self.settings.items())
        (self.directory / "ringfair.toml").write_text(text)

    def run(self, *arguments: str) -> Result:
        self.write()
        environ = {"RINGFAIR_CONFIG": str(self.directory), "COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}
        return CliRunner().invoke(app, list(arguments), env=environ)

    def json(self, *arguments: str) -> Any:
        """What a command that must succeed printed as JSON."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    @property
    def dsn(self) -> str:
        return f"sqlite:///{self.directory / 'ledger.sqlite3'}"

    def agents(self) -> dict[str, AgentEntry]:
        """What the directory really holds."""

        async def load() -> tuple[AgentEntry, ...]:
            directory = await SqlDirectory.open(self.dsn)
            try:
                return await directory.agents()
            finally:
                await directory.close()

        return {entry.profile.agent_id: entry for entry in asyncio.run(load())}

    def remember(self, *facts: Fact) -> None:
        """Put facts into the ledger, as the router does."""

        async def append() -> None:
            ledger = await SqlLedger.open(self.dsn)
            try:
                await ledger.append(facts)
            finally:
                await ledger.close()

        asyncio.run(append())

    def findings(self, *, exit_code: int) -> dict[str, dict[str, str]]:
        """Findings of `doctor --json` by check."""
        result = self.run("doctor", "--json")
        assert result.exit_code == exit_code, result.output
        return {finding["check"]: finding for finding in json.loads(result.stdout)}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """No neighbour of it runs; its ports are free ones."""
    directory = tmp_path / "site"
    (directory / "campaigns").mkdir(parents=True)
    (directory / "campaigns" / "shop.toml").write_text(CAMPAIGN)
    (directory / "ami.secret").write_text("not-the-secret\n")
    (directory / "ami.secret").chmod(0o600)
    return Bench(
        directory,
        {
            "asterisk": f'systemname = "node1"\nport = {free_tcp_port()}\nsecret_file = "ami.secret"\n',
            "redis": f'url = "redis://127.0.0.1:{free_tcp_port()}/0"\n',
            "ledger": 'dsn = "sqlite:///ledger.sqlite3"\n',
            "http": f'listen = "127.0.0.1:{free_tcp_port()}"\ncontrol_socket = "control.sock"\n',
        },
    )


@contextlib.contextmanager
def in_background(service: Callable[[], contextlib.AbstractAsyncContextManager[Any]]) -> Iterator[Any]:
    """Run something asynchronous in a thread with a loop of its own, while the command line runs in this one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    context = service()
    try:
        value = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(20)
        try:
            yield value
        finally:
            asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


@pytest.fixture
def desk(bench: Bench) -> Iterator[FakeDesk]:
    """A desk behind the real HTTP server and control socket of the bench."""

    async def scrape() -> bytes:
        return b""

    @contextlib.asynccontextmanager
    async def served() -> AsyncIterator[FakeDesk]:
        fake = FakeDesk()
        port = int(bench.settings["http"].split('"')[1].rpartition(":")[2])
        server = HttpServer(fake, scrape, port=port, control=bench.directory / "control.sock")
        await server.start()
        try:
            yield fake
        finally:
            await server.stop()

    with in_background(served) as fake:
        yield fake


@pytest.fixture(scope="session")
def pbx() -> Iterator[Instance]:
    """A real Asterisk without agents."""
    try:
        root = find_root(make=False)
    except PbxError as error:
        if os.environ.get("RINGFAIR_REQUIRE_SERVERS"):
            pytest.fail(str(error))
        pytest.skip(f"{error}; `make demo` or asterisk/obtain makes one")
    instance = Instance(f"cli-{os.getpid()}", Ports.free(), root=root, qualify_s=0)
    try:
        instance.start()
        yield instance
    finally:
        instance.remove()


@pytest.fixture
def beside_asterisk(bench: Bench, pbx: Instance) -> Bench:
    """The bench, with the address and the secret of the real Asterisk."""
    bench.settings["asterisk"] = (
        f'systemname = "{pbx.systemname}"\nport = {pbx.ports.ami}\nsecret_file = "{pbx.secret_file}"\n'
    )
    return bench
