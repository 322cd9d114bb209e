"""A small Asterisk manager on a real TCP port, for tests of the session: polite by default, hostile on request.

It greets, checks the secret, answers `Ping` and `Logoff` as Asterisk 22 does and anything else with Success. What it
does wrong is switched on by attributes while it runs. It is written against the AMI specification and shares no code
with the router.
"""

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

from router.adapters.ami.limits import Limits
from router.adapters.ami.session import AmiAddress, Session
from router.adapters.ami.wire import Block

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
SECRET = "correct-horse-battery"

HASTY = Limits(
    connect_s=5.0,
    login_s=5.0,
    ping_every_s=30.0,
    first_backoff_s=0.01,
    max_backoff_s=0.05,
    refused_backoff_s=0.2,
    stable_s=60.0,
)
"Limits for tests: reconnects at once, pings so rarely that a test sees none unless it asks for them."


async def until(condition: Callable[[], object], within_s: float = 10.0) -> None:
    """Poll until true; a test that waits in vain fails with the condition's source line."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"never came true: {condition.__code__.co_names}")
        await asyncio.sleep(0.002)


def block(*headers: str) -> bytes:
    return "".join(f"{header}\r\n" for header in headers).encode() + b"\r\n"


def event(name: str, *headers: str) -> bytes:
    return block(f"Event: {name}", "Privilege: call,all", *headers)


@dataclass
class Received:
    connection: int
    headers: list[tuple[str, str]]

    def __getitem__(self, name: str) -> str:
        return next(value for key, value in self.headers if key.lower() == name.lower())

    @property
    def action(self) -> str:
        return self["Action"]


@dataclass
class FakeAsterisk:
    secret: str = SECRET
    banner: bytes = BANNER
    tls: ssl.SSLContext | None = None
    unanswered: set[str] = field(default_factory=set)
    "Names of actions that get no answer; `*` for all."
    answers: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    "Answer by name of action: blocks as tuples of headers; `{id}` becomes the ActionID."
    close_after: set[str] = field(default_factory=set)
    "Names of actions after which the connection is cut without an answer."
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    refusals: int = 0

    def __post_init__(self) -> None:
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "FakeAsterisk":
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def listen(self) -> None:
        """Listen on a free port, or again on the one had before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    def cut(self) -> None:
        """Cut every connection, as a crash does."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def freeze(self) -> None:
        """Half-open: the sockets stay, nothing is read or answered any more."""
        self.unanswered.add("*")
        for writer in self._writers:
            writer.transport.pause_reading()

    def emit(self, data: bytes) -> None:
        for writer in self._writers:
            if not writer.is_closing():
                writer.write(data)

    async def emit_in_pieces(self, data: bytes, size: int) -> None:
        """Give each piece its own segment: small ones, the loop turned between."""
        for at in range(0, len(data), size):
            self.emit(data[at : at + size])
            await asyncio.sleep(0)

    def actions(self, name: str) -> list[Received]:
        return [action for action in self.received if action.action == name]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.append(writer)
        self.connections += 1
        number = self.connections
        try:
            writer.write(self.banner)
            while True:
                raw = await reader.readuntil(b"\r\n\r\n")
                headers = [line.partition(": ")[::2] for line in raw.decode().split("\r\n") if line]
                action = Received(number, headers)
                self.received.append(action)
                if not self._answer(action, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)
            if writer in self._writers:
                self._writers.remove(writer)

    def _answer(self, action: Received, writer: asyncio.StreamWriter) -> bool:
        name, action_id = action.action, action["ActionID"]
        if name in self.close_after:
            writer.transport.abort()
            return False
        if name in self.unanswered or "*" in self.unanswered:
            return True
        if name in self.answers:
            for headers in self.answers[name]:
                writer.write(block(*(header.replace("{id}", action_id) for header in headers)))
        elif name == "Login" and action["Secret"] != self.secret:
            self.refusals += 1
            writer.write(block("Response: Error", f"ActionID: {action_id}", "Message: Authentication failed"))
            return False
        elif name == "Logoff":
            writer.write(block("Response: Goodbye", f"ActionID: {action_id}", "Message: Thanks for all the fish."))
            return False
        elif name == "Ping":
            writer.write(block("Response: Success", f"ActionID: {action_id}", "Ping: Pong", "Timestamp: 1.000000"))
        else:
            writer.write(block("Response: Success", f"ActionID: {action_id}", "Message: done"))
        return True


class Consumer:
    """Stands where the router stands, and keeps what it was told."""

    def __init__(self) -> None:
        self.events: list[Block] = []
        self.story: list[str] = []
        self.faults: list[Exception] = []

    def on_event(self, received: Block) -> None:
        self.events.append(received)
        self.story.append(received.event)

    def on_up(self) -> None:
        self.story.append("up")

    def on_down(self, reason: str) -> None:
        self.story.append(f"down {reason}")

    @property
    def ups(self) -> int:
        return self.story.count("up")

    @property
    def downs(self) -> list[str]:
        return [entry.removeprefix("down ") for entry in self.story if entry.startswith("down ")]


WANTED = frozenset({"UserEvent", "Hangup", "OriginateResponse", "DeviceStateChange"})


def session_to(
    port: int,
    consumer: Consumer,
    *,
    host: str = "127.0.0.1",
    secret: str = SECRET,
    tls: ssl.SSLContext | None = None,
    limits: Limits = HASTY,
    wanted: frozenset[str] = WANTED,
    on_event: Callable[[Block], None] | None = None,
) -> Session:
    return Session(
        AmiAddress(host, port, "ringfair", secret, tls),
        wanted=wanted,
        on_event=on_event or consumer.on_event,
        on_up=consumer.on_up,
        on_down=consumer.on_down,
        on_fault=consumer.faults.append,
        limits=limits,
    )


@contextlib.asynccontextmanager
async def running(session: Session, *, up: bool = True) -> AsyncIterator[Session]:
    """Run a session for the length of the block; its end is part of every test."""
    task = asyncio.ensure_future(session.run())
    try:
        if up:
            await until(lambda: session.connected)
        yield session
    finally:
        await session.close()
        await asyncio.wait_for(task, 10)


@contextlib.contextmanager
def flooding(payload: bytes) -> Iterator[int]:
    """A manager in a thread of its own that logs one session in and then sends `payload` as fast as TCP takes it.

    Plain blocking sockets: the sender must not borrow time from the loop that is measured.
    """
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(30)
                peer.sendall(BANNER)
                login = b""
                while not login.endswith(b"\r\n\r\n"):
                    login += peer.recv(4096)
                action_id = login.partition(b"ActionID: ")[2].partition(b"\r\n")[0]
                peer.sendall(b"Response: Success\r\nActionID: " + action_id + b"\r\n\r\n" + payload)
                stop.wait(30)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            thread.join(30)
