"""When Asterisk is asked for the truth: one round at a time, with the legs or without them.

Rule 1: what is wanted while a round is under way may come too late for it, so another follows.
Rule 2: what failed is tried again, ever more seldom, and with the legs: who knows what we missed.
Rule 3: what is left of a round and can wait makes room for the next.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from router.adapters.ami.patience import patience_s

log = logging.getLogger(__name__)


class Rounds:
    """Of one node; `go(legs)` makes a round, and raises when it fails."""

    def __init__(
        self, node: str, go: Callable[[bool], Coroutine[Any, Any, None]], connected: Callable[[], bool]
    ) -> None:
        self.another = False
        "Whether one is to follow at once."
        self._node = node
        self._go = go
        self._connected = connected
        self._legs = False
        "Whether the next one looks at the legs."
        self._round: asyncio.Task[None] | None = None
        self._can_wait = False
        "Whether what is left of the round under way can wait."
        self._retry: asyncio.TimerHandle | None = None
        self._failures = 0
        self._said = ""
        "The trouble that was logged last; empty when there is none."

    def start(self, *, legs: bool = True) -> None:
        self._legs = self._legs or legs
        if self._round is not None and not self._round.done() and not self._can_wait:
            self.another = True
            return
        self.stop()
        self._can_wait = False
        wanted, self._legs = self._legs, False
        self._round = asyncio.get_running_loop().create_task(self._go(wanted), name=f"resync {self._node}")
        self._round.add_done_callback(self._done)

    def start_afresh(self) -> None:
        """There is a new connection: what failed on another is no reason to wait."""
        self._failures = 0
        self.start()

    def rest_can_wait(self) -> None:
        """What the round under way was for is done."""
        self._can_wait = True

    def stop(self) -> None:
        for handle in (self._round, self._retry):
            if handle is not None:
                handle.cancel()
        self._round = self._retry = None
        self.another = False

    def _done(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            if self._said:
                log.info("the node is in order again", extra={"node": self._node})
            self._said, self._failures = "", 0
            if self.another:
                self.start(legs=False)
            return
        self._legs = True
        if self._connected():  # else the next login begins anew
            if str(error) != self._said:
                self._said = str(error)
                log.error("the resync failed and is tried again", extra={"node": self._node, "why": self._said})
            self._retry = asyncio.get_running_loop().call_later(patience_s(self._failures), self.start)
            self._failures += 1
