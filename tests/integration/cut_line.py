"""A wire between a router and Asterisk's manager interface that is cut at a given byte, whichever way it goes.

Every byte up to there arrives, none behind it. Both ends then learn of it as they would of a dead link's reset or of a
peer that closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal

Way = Literal["to-asterisk", "from-asterisk"]
_RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Cut:
    """`after` bytes of one way, counted from when it was ordered, or from the beginning of the next connection."""

    way: Way
    after: int
    resets: bool
    done: asyncio.Event = field(default_factory=asyncio.Event)


class CutLine:
    """Listens at `port` while entered; forwards every byte at once until told otherwise."""

    def __init__(self, host: str, port: int) -> None:
        self._towards = (host, port)
        self._lines: set[asyncio.Task[None]] = set()
        self._cut: Cut | None = None
        self._next: Cut | None = None
        self.connections = 0
        self.port = 0

    async def __aenter__(self) -> CutLine:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    def cut(self, way: Way, after: int, *, resets: bool, next_connection: bool = False) -> Cut:
        """Cut after so many more bytes; what this gives is done once the line is cut."""
        ordered = Cut(way, after, resets)
        if next_connection:
            self._next = ordered
        else:
            self._cut = ordered
        return ordered

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own = asyncio.current_task()
        assert own is not None
        self._lines.add(own)
        self.connections += 1
        self._cut, self._next = self._next, None
        try:
            there, back = await asyncio.open_connection(*self._towards)
            ways = (self._carry(reader, back, "to-asterisk"), self._carry(there, writer, "from-asterisk"))
            tasks = [asyncio.ensure_future(way) for way in ways]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                cut = self._cut
                for end in (back, writer):
                    if cut is not None and cut.done.is_set() and cut.resets:
                        end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    end.close()
        except (OSError, asyncio.CancelledError):
            writer.close()
        finally:
            self._lines.discard(own)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                cut = self._cut
                if cut is not None and cut.done.is_set():
                    return
                if cut is not None and cut.way == way:
                    cut.after -= len(data)
                    if cut.after <= 0:
                        writer.write(data[: len(data) + cut.after])
                        cut.done.set()
                        await writer.drain()
                        return
                writer.write(data)
                await writer.drain()
