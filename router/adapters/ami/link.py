"""One connection to Asterisk, over a panoramisk that is locked up. The only file that imports it.

panoramisk 1.4 sets up the connection and names the actions. All it does with bytes, time and failure is
replaced, because there an exception of a handler closes the connection, unanswered actions are written again
after a reconnect, nothing has a deadline and the secret can reach the log. What is replaced and must never
run is sealed: calling it raises. Imported are three modules; `panoramisk` itself pulls in `fast_agi` and
`call_manager`, which are never called, and never `testing`, which changes the line ending of the whole
process.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from router.adapters.ami.intake import Intake
from router.adapters.ami.limits import Counters
from router.adapters.ami.pending import Lost
from router.adapters.ami.wire import BrokenStream, Reply, encode
from router.domain.errors import InvariantBroken

_UNREAD_BYTES = 64 * 1024
"Actions that the kernel does not take any more; a peer with so much unread answers nothing in time."


def new_action_id() -> str:
    """An ActionID no other action of any process has (a random UUID and a counter)."""
    return str(Action.action_id_generator())


class Link(AMIProtocol):
    """The protocol of one connection. Nothing of panoramisk's own handling of bytes is left in reach."""

    def __init__(self, loop: asyncio.AbstractEventLoop, intake: Intake, counters: Counters) -> None:
        self.loop = loop
        self.intake = intake
        self.counters = counters
        self.up = False
        self.transport: asyncio.Transport | None = None
        self.greeted: asyncio.Future[None] = loop.create_future()
        "Done at the banner, or when there will be none."
        self.gone: asyncio.Future[str] = loop.create_future()
        "Why the connection ended, once it has and all it brought is handled."
        self._why = "lost"
        self._unhurried: list[bytes] = []
        intake.on_broken = self._broken

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        # uvloop writes at once only what would go over this limit, everything else at the end of the loop's turn: after
        # whoever is told of the decision. A caller waits for these bytes.
        self.transport.set_write_buffer_limits(high=0)

    @property
    def choked(self) -> bool:
        """Whether the peer does not read what we write."""
        return self.transport is not None and self.transport.get_write_buffer_size() > _UNREAD_BYTES

    def data_received(self, data: bytes) -> None:
        self.intake.feed(data)
        if self.intake.version and not self.greeted.done():
            self.greeted.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.up = False
        self.intake.end(self._finished)

    def pause_writing(self) -> None:
        """Nobody waits for room: `choked` looks at what is unread."""

    def resume_writing(self) -> None:
        """As little to do."""

    def ask(
        self,
        name: str,
        action_id: str,
        data: bytes,
        deadline_s: float,
        on_reply: Callable[[Reply], None] | None = None,
        *,
        hurry: bool = True,
    ) -> asyncio.Future[Reply]:
        """Write it now; not in a hurry: at the end of this turn of the loop, in one breath with others of the kind.

        A write costs more than all else about an action (measured: 30 of 50 µs).
        """
        if self.gone.done() or self.transport is None or self.transport.is_closing():
            raise Lost(written=False)
        future = self.intake.pending.add(action_id, name, deadline_s, on_reply)
        self.counters.actions += 1
        if hurry:
            self.transport.write(data)
        else:
            if not self._unhurried:
                self.loop.call_soon(self._write_unhurried)
            self._unhurried.append(data)
        return future

    def _write_unhurried(self) -> None:
        data, self._unhurried = b"".join(self._unhurried), []
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    async def hang_up(self) -> None:
        """End the connection, politely for at most a second; all that is in flight fails first."""
        was_up, self.up = self.up, False
        self.intake.pending.fail_all()
        if self.transport is None:
            return
        try:
            if was_up and not self.transport.is_closing():
                self.transport.write(encode({"Action": "Logoff"}, "logoff"))
                self.transport.close()
                await asyncio.wait({self.gone}, timeout=1.0)
        finally:
            self.abort()
        await asyncio.wait({self.gone}, timeout=1.0)

    def abort(self) -> None:
        self.up = False
        if self.transport is not None:
            self.transport.abort()

    def _broken(self, error: BrokenStream) -> None:
        self._why = "backlog" if error.error_id == "ami-backlog" else "no-asterisk"
        self.abort()

    def _finished(self) -> None:
        self.intake.pending.fail_all()
        if not self.gone.done():
            self.gone.set_result(self._why)
        if not self.greeted.done():
            self.greeted.set_result(None)


class Dialler(Manager):
    """panoramisk's way to a connection, `connect()`, and nothing else of it."""

    def __init__(
        self, link: Link, loop: asyncio.AbstractEventLoop, host: str, port: int, tls: ssl.SSLContext | None
    ) -> None:
        # No username and no secret: what the library does not have it can neither send again nor log.
        config = {
            "host": host,
            "port": port,
            "ssl": tls or False,
            "loop": loop,
            "protocol_factory": lambda: link,
        }
        super().__init__(**config)  # type: ignore[no-untyped-call]

    async def dial(self) -> None:
        """Make the connection. Raises whatever stops it: no address, nobody there, a bad certificate."""
        await self.connect()  # type: ignore[no-untyped-call]

    def connection_made(self, f: "asyncio.Future[object]") -> None:
        # The stock method logs in, starts pings and lets all but OSError end reconnection; `dial` awaits the
        # same future, so here it is only looked at.
        if not f.cancelled():
            f.exception()


def _sealed(*_args: object, **_kwargs: object) -> None:
    raise InvariantBroken("ami-guard-bypassed", "a method of panoramisk was called that the guard replaces")


for _name in ("send", "handle_message", "close"):
    setattr(Link, _name, _sealed)
for _name in (
    *("login", "ping", "send_awaiting_actions", "send_action", "send_command", "send_agi_command"),
    *("dispatch", "close", "connection_lost", "run_forever", "from_config"),
):
    setattr(Dialler, _name, _sealed)
