"""A wire between a router and Asterisk's manager interface that remembers what the router said."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType

QUESTIONS = frozenset({"login", "logoff", "ping", "getvar", "status", "devicestatelist"})
"Actions that change nothing."


class Wiretap:
    """Listens at `port` while entered; forwards every byte at once."""

    def __init__(self, host: str, port: int) -> None:
        self._towards = (host, port)
        self._said = bytearray()
        self._ends: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Wiretap:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for end in self._ends:
            end.cancel()
        await asyncio.gather(*self._ends, return_exceptions=True)

    @property
    def mark(self) -> int:
        """So much was said up to now."""
        return len(self._said)

    def orders(self, since: int) -> list[str]:
        """The actions said since then that change something: name, and what it is about."""
        found: list[str] = []
        for block in bytes(self._said[since:]).decode("utf-8", "replace").split("\r\n\r\n"):
            headers = dict(line.partition(": ")[::2] for line in block.split("\r\n"))
            name = headers.get("Action", "")
            if name and name.lower() not in QUESTIONS:
                about = (headers.get(key, "") for key in ("Channel", "ChannelId", "Variable", "UserEvent", "Value"))
                found.append(" ".join((name, *filter(None, about))))
        return found

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._towards)
        ways = (self._carry(reader, back, listens=True), self._carry(there, writer))
        tasks = [asyncio.ensure_future(way) for way in ways]
        self._ends.update(tasks)
        await asyncio.wait(tasks)
        for end in (writer, back):
            end.close()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, listens: bool = False
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if listens:
                    self._said += data
                writer.write(data)
                await writer.drain()
            writer.write_eof()
