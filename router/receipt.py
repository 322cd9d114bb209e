"""The receipt: nobody is told "done" before it is written where a successor finds it.

What only we know (who logged in, who pauses and why, a disposition) is lost with us unless it is on a disk first. A
command over HTTP is answered, and a feature code on a phone is spoken to, only then. The journal is asked first, for a
server that can say that it is on its disk, and our own disk for the facts of it; else the ledger, where they end up.
Rule 1: the decision itself waits for nothing; what waits is the word about it.
Rule 2: what the ledger got when the pool was not ours any more came too late for the successor: it is not safe. The
journal sees to that by itself.
Rule 3: when neither can be written, the change is in force and the answer says that it is not safe.
Rule 4: a server that syncs once a second says of two writes in three that they are not on its disk yet: it is asked for
a moment only. What nobody else can keep is asked for again, as long as the answer may wait.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from router.domain.errors import RemoteError
from router.domain.messages.effects import AnswerPhone, WriteDown

log = logging.getLogger(__name__)

SAFE_S = 2.0
"So long an answer waits; the dialplan gives a feature code 3 s (`ACD_FEATURE_S`)."

DISK_S = 0.5
AGAIN_S = 0.02


class Receipt:
    def __init__(
        self,
        *,
        journalled: Callable[[], Awaitable[bool]],
        on_disk: Callable[[], Awaitable[bool]],
        in_ledger: Callable[[], Awaitable[bool]],
        ours: Callable[[], bool],
        speak: Callable[[AnswerPhone], None],
        written: Callable[[WriteDown, bool], None] = lambda effect, safe: None,
        safe_s: float = SAFE_S,
    ) -> None:
        self.unsafe = 0
        "Answers that could not be made safe in time."
        self._journalled = journalled
        self._on_disk = on_disk
        self._in_ledger = in_ledger
        self._ours = ours
        self._speak = speak
        self._written = written
        self._safe_s = safe_s
        self._waiting: set[asyncio.Task[None]] = set()

    async def safe(self, *, ledger_knows: bool = True) -> bool:
        """Wait until everything decided so far is on a disk; False when it is not within some seconds.

        `ledger_knows`: whether what it is about is a fact; else only the journal can keep it.
        """
        try:
            async with asyncio.timeout(self._safe_s):
                while True:
                    if await self._journalled() and await self._is_on_disk():
                        return True
                    if ledger_knows and await self._in_ledger() and self._ours():
                        return True
                    if ledger_knows:
                        break
                    await asyncio.sleep(AGAIN_S)  # rule 4
        except TimeoutError:
            pass
        self.unsafe += 1
        log.warning("what was asked for is in force, but neither Redis nor the database could write it down")
        return False

    async def _is_on_disk(self) -> bool:
        """Whether the facts are, too: how a wrap-up went is in no journal. A disk that hangs leaves the ledger."""
        try:
            async with asyncio.timeout(DISK_S):
                return await self._on_disk()
        except TimeoutError:
            return False

    async def must_be_safe(self, *, ledger_knows: bool = True) -> None:
        """Raises `RemoteError` when it is not."""
        if not await self.safe(ledger_knows=ledger_knows):
            raise RemoteError(
                "not-written-down",
                "It is in force now, but would be forgotten if the router died: neither Redis nor the database could "
                "write it down. `ringfair doctor` looks for the reason; ask again when they are back.",
                retryable=True,
            )

    def speak(self, effect: AnswerPhone) -> None:
        """Answer a feature code once that is true for good. Unanswered, the dialplan says that it did not work."""
        task = asyncio.ensure_future(self._answer(effect))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    def write_down(self, effect: WriteDown) -> None:
        """Tell whether a promise is written down. No ledger has it, only the journal."""
        task = asyncio.ensure_future(self._write_down(effect))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _write_down(self, effect: WriteDown) -> None:
        self._written(effect, await self.safe(ledger_knows=False))

    async def _answer(self, effect: AnswerPhone) -> None:
        if await self.safe(ledger_knows=effect.a_fact):
            self._speak(effect)

    async def close(self) -> None:
        for task in list(self._waiting):
            task.cancel()
        if self._waiting:
            await asyncio.wait(self._waiting)
