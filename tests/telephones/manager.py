"""A bare AMI client for tests, the demo's checks and for recordings: it keeps every byte it read after login.

It is no part of the router on purpose: a fault in the router's own client must not hide itself from its tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Mapping
from types import TracebackType

from tests.telephones.workshop import TelephoneError

Message = dict[str, str]
"""One AMI message; of headers that occur more than once the last one, joined values are not made."""


def parse(block: bytes) -> Message:
    message: Message = {}
    for line in block.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            message[name] = value.removeprefix(" ")
    return message


class Manager:
    """One AMI session. Events are kept in arrival order in `events`, with `raw` the bytes since login."""

    def __init__(self, host: str, port: int, user: str, secret: str) -> None:
        self._address = (host, port)
        self._login = {"Username": user, "Secret": secret}
        self._ids = itertools.count(1)
        self._answers: dict[str, asyncio.Future[Message]] = {}
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.events: list[Message] = []
        self.raw = bytearray()

    async def __aenter__(self) -> Manager:
        self._reader, self._writer = await asyncio.open_connection(*self._address)
        await self._reader.readline()  # the greeting has no blank line after it
        self._task = asyncio.create_task(self._read())
        answer = await self.send("Login", self._login)
        if answer["Response"] != "Success":
            raise TelephoneError(f"AMI login refused: {answer}")
        self.raw.clear()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self) -> None:
        buffer = b""
        while data := await self._reader.read(65536):
            self.raw += data
            buffer += data
            *blocks, buffer = buffer.split(b"\r\n\r\n")
            for message in map(parse, blocks):
                waiting = self._answers.pop(message.get("ActionID", ""), None) if "Response" in message else None
                if waiting and not waiting.done():
                    waiting.set_result(message)
                elif "Event" in message:
                    self.events.append(message)
            self._news.set()

    async def send(
        self,
        action: str,
        headers: Mapping[str, str] | None = None,
        *,
        variables: Mapping[str, str] | None = None,
        within_s: float = 5.0,
    ) -> Message:
        """Send an action and return its response (not the list events that may follow it)."""
        action_id = f"test-{next(self._ids)}"
        lines = [("Action", action), ("ActionID", action_id), *(headers or {}).items()]
        lines += [("Variable", f"{name}={value}") for name, value in (variables or {}).items()]
        self._answers[action_id] = asyncio.get_running_loop().create_future()
        self._writer.write("".join(f"{n}: {v}\r\n" for n, v in lines).encode() + b"\r\n")
        # not wait_for: on 3.11 it swallows a cancellation that arrives together with the answer
        async with asyncio.timeout(within_s):
            return await self._answers[action_id]

    def seen(self, event: str, since: int = 0, **headers: str) -> list[Message]:
        """Events of a name (or UserEvents of a name) with these header values, in order."""
        return [
            message
            for message in self.events[since:]
            if event in (message["Event"], message.get("UserEvent"))
            and all(message.get(name) == value for name, value in headers.items())
        ]

    async def event(self, event: str, *, since: int = 0, within_s: float = 5.0, **headers: str) -> Message:
        """The first event of a name with these header values, waited for if need be."""
        return (await self.events_of(event, 1, since=since, within_s=within_s, **headers))[0]

    async def events_of(
        self, event: str, count: int, *, since: int = 0, within_s: float = 5.0, **headers: str
    ) -> list[Message]:
        return await self.when(
            f"{count} × {event} {headers}",
            lambda: found if len(found := self.seen(event, since, **headers)) >= count else None,
            within_s,
        )

    async def when(
        self, what: str, condition: Callable[[], list[Message] | None], within_s: float = 5.0
    ) -> list[Message]:
        deadline = asyncio.get_running_loop().time() + within_s
        while not (found := condition()):
            self._news.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._news.wait()
            except TimeoutError:
                names = [m.get("UserEvent") or m["Event"] for m in self.events[-30:]]
                raise TelephoneError(f"no {what} within {within_s} s; the last events: {names}") from None
        return found
