"""Actions in flight on one connection: each has a deadline and exactly one end.

An entry leaves the table by its answer, its deadline, the caller's cancellation or the end of the connection,
whichever comes first; there is no fifth way and none is ever written again. A list is what Asterisk itself
marks as one (`EventList: start` … `EventList: Complete`), never what a message sounds like: "Added interface
to queue" and "Originate successfully queued" are plain answers.

Events of a list belong to its reply. Any other event with an ActionID (OriginateResponse) is an ordinary
event. A list nobody waits for any more is remembered until its end, so that its late items are not mistaken
for news.
"""

import asyncio
from collections.abc import Callable

from router.adapters.ami.limits import Counters, Limits
from router.adapters.ami.wire import Block, Reply
from router.domain.errors import RemoteError

ABANDONED_LIMIT = 256
"Lists remembered after their deadline; the oldest is forgotten first."

_QUIET_TURNS = 2
"asyncio reads a socket once a turn, after the callbacks already waiting: one turn without bytes proves nothing."


class Lost(RemoteError):
    """No session. `details["written"]`: Asterisk may have got the action, and nobody knows what it did."""

    def __init__(self, *, written: bool) -> None:
        super().__init__(
            "ami-lost",
            "the connection to Asterisk was lost before the answer" if written else "not connected to Asterisk",
            retryable=not written,
            written=written,
        )


class _Asked:
    __slots__ = ("action", "due", "future", "head", "items", "on_reply", "timer")

    def __init__(
        self, action: str, future: asyncio.Future[Reply], due: float, on_reply: Callable[[Reply], None] | None
    ) -> None:
        self.action = action
        self.future = future
        self.due = due
        self.on_reply = on_reply
        self.head: Block | None = None
        self.items: list[Block] = []
        self.timer: asyncio.Handle | None = None


class Pending:
    def __init__(
        self, loop: asyncio.AbstractEventLoop, limits: Limits, counters: Counters, behind: Callable[[], bool]
    ) -> None:
        """`behind()` tells whether received bytes are still waiting to be parsed."""
        self._loop = loop
        self._limits = limits
        self._counters = counters
        self._behind = behind
        self._asked: dict[str, _Asked] = {}
        self._lists: set[str] = set()
        self._abandoned: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._asked)

    def __contains__(self, action_id: str) -> bool:
        return action_id in self._asked

    @property
    def listening(self) -> bool:
        "Whether any event at all could belong to a list."
        return bool(self._lists or self._abandoned)

    def owns(self, action_id: str) -> bool:
        return action_id in self._lists or action_id in self._abandoned

    def add(
        self, action_id: str, action: str, deadline_s: float, on_reply: Callable[[Reply], None] | None = None
    ) -> asyncio.Future[Reply]:
        """Promise an end within `deadline_s`. `on_reply` runs in the parser, before later blocks are read."""
        if not deadline_s > 0:
            raise ValueError("a deadline lies in the future")
        future: asyncio.Future[Reply] = self._loop.create_future()
        asked = _Asked(action, future, self._loop.time() + deadline_s, on_reply)
        self._asked[action_id] = asked
        asked.timer = self._loop.call_later(deadline_s, self._expire, action_id, asked, -1, _QUIET_TURNS)
        future.add_done_callback(lambda _: self._forget(action_id, asked))
        return future

    def answer(self, block: Block) -> None:
        """A response came."""
        action_id = block.get("actionid")
        asked = self._asked.get(action_id)
        starts = block.get("eventlist").lower() == "start"
        if asked is None or asked.head is not None:
            self._counters.strays += 1
            if starts and asked is None:
                self._abandon(action_id)
            return
        self._counters.replies += 1
        if starts:
            asked.head = block
            self._lists.add(action_id)
        else:
            self._finish(action_id, asked, Reply(block))

    def item(self, block: Block) -> bool:
        """An event came: True if it is part of a list and so no news."""
        action_id = block.get("actionid")
        if not action_id or not self.owns(action_id):
            return False
        mark = block.get("eventlist").lower()
        asked = self._asked.get(action_id)
        if asked is None or asked.head is None:
            self._counters.strays += 1
            if mark in ("complete", "cancelled"):
                self._abandoned.pop(action_id, None)
        elif mark == "complete":
            self._finish(action_id, asked, Reply(asked.head, tuple(asked.items)))
        elif mark == "cancelled":
            self._lists.discard(action_id)
            self._fail(
                action_id,
                asked,
                RemoteError("ami-list-cancelled", "Asterisk broke a list off", retryable=True),
            )
        elif len(asked.items) >= self._limits.list_items:
            error = RemoteError("ami-list-too-long", "a list has too many items", limit=self._limits.list_items)
            self._fail(action_id, asked, error)
        else:
            asked.items.append(block)
        return True

    def fail_all(self) -> None:
        """The connection ended: every promise fails now, nothing is kept for the next one."""
        for action_id, asked in list(self._asked.items()):
            self._fail(action_id, asked, Lost(written=True))
        self._lists.clear()
        self._abandoned.clear()

    def _expire(self, action_id: str, asked: _Asked, seen: int, turns: int) -> None:
        # After a stall of the loop this timer is due together with all the bytes that came meanwhile, and the answer
        # may be among them. So it counts only once nothing is left to parse and nothing came for two turns of the loop.
        if asked.future.done():
            return
        came = self._counters.bytes_in
        turns = _QUIET_TURNS if came != seen else turns - 1
        if (turns > 0 or self._behind()) and self._loop.time() < asked.due + self._limits.stall_grace_s:
            asked.timer = self._loop.call_soon(self._expire, action_id, asked, came, turns)
            return
        self._counters.timeouts += 1
        error = RemoteError("ami-timeout", "Asterisk did not answer in time", action=asked.action, written=True)
        self._fail(action_id, asked, error)

    def _finish(self, action_id: str, asked: _Asked, reply: Reply) -> None:
        self._lists.discard(action_id)
        self._drop(action_id, asked)
        if asked.future.done():
            return
        if asked.on_reply is not None:
            asked.on_reply(reply)
        if not asked.future.done():
            asked.future.set_result(reply)

    def _fail(self, action_id: str, asked: _Asked, error: RemoteError) -> None:
        self._forget(action_id, asked)
        if not asked.future.done():
            asked.future.set_exception(error)
            # A caller that asked and went away must not cost a line on stderr: the failure is counted here.
            asked.future.exception()

    def _forget(self, action_id: str, asked: _Asked) -> None:
        """Drop the entry; called by every end, also the caller's cancellation."""
        if action_id in self._lists and self._asked.get(action_id) is asked:
            self._lists.discard(action_id)
            self._abandon(action_id)
        self._drop(action_id, asked)

    def _drop(self, action_id: str, asked: _Asked) -> None:
        if self._asked.get(action_id) is asked:
            del self._asked[action_id]
        if asked.timer is not None:
            asked.timer.cancel()
            asked.timer = None

    def _abandon(self, action_id: str) -> None:
        self._abandoned[action_id] = None
        while len(self._abandoned) > ABANDONED_LIMIT:
            del self._abandoned[next(iter(self._abandoned))]
