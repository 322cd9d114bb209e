"""A served desk on a free port and a control socket, and clients that talk to them over real sockets."""

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from router.adapters.http.server import HttpServer
from tests.fakes.desk import FakeDesk


@dataclass
class Served:
    """A client of each door."""

    desk: FakeDesk
    server: HttpServer
    control: Path
    tcp: aiohttp.ClientSession
    unix: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        async with self.tcp.get(self.url + path, **options) as response:
            return response.status, await response.json()

    async def order(self, path: str, **options: Any) -> tuple[int, Any]:
        async with self.unix.post("http://localhost" + path, **options) as response:
            return response.status, await response.json()

    def raw(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), 5)


async def scrape() -> bytes:
    return b"ringfair_inbox_depth 0.0\n"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    desk = FakeDesk()
    control = tmp_path / "control.sock"
    server = HttpServer(desk, scrape, port=0, control=control)
    await server.start()
    async with (
        aiohttp.ClientSession() as tcp,
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(control))) as unix,
    ):
        yield Served(desk, server, control, tcp, unix)
    await server.stop()
