"""Memory → disk: the half of the writer that waits for no database (writer.py has the rules for both).

The first fact goes to the disk at once; what comes while its fsync runs, or within `group_s` of its beginning, goes
with the next. The disk is waited for in one thread, so that a spool is never asked two things at once and no other work
of the process waits behind a disk that hangs.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import ParamSpec, TypeVar

from router.adapters.sql.complaints import Complaints
from router.adapters.sql.delivery import Refused, keep
from router.adapters.sql.spool import Spool
from router.domain.errors import RemoteError, RouterError
from router.domain.record import Fact

GROUP = 200
"Facts per fsync: a few milliseconds of work for the thread, during which the loop gets only half a processor."

log = logging.getLogger("ringfair.ledger")
_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to pause after the n-th failure in a row; doubles from the first to the longest."""

    first_s: float
    longest_s: float

    def after(self, failures: int) -> float:
        return float(min(self.longest_s, self.first_s * 2 ** min(max(failures - 1, 0), 30)))


class DiskThread:
    """Where the spool is waited for."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")

    async def run(self, call: Callable[_Given, _Answer], *given: _Given.args, **named: _Given.kwargs) -> _Answer:
        """What is begun is done to its end, also when nobody waits for it any more."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: call(*given, **named))

    def end(self) -> None:
        self._thread.shutdown(wait=False)


class Steps:
    """Whoever waits for facts to get somewhere looks again after each step one has made."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def step(self) -> None:
        self._next.set()
        self._next = asyncio.Event()

    async def next(self) -> None:
        await self._next.wait()


class Saver:
    """Facts in memory, and their way to the spool. `refused` is told of facts no ledger will ever take."""

    def __init__(
        self,
        spool: Spool,
        disk: DiskThread,
        steps: Steps,
        complaints: Complaints,
        *,
        limit: int,
        group_s: float,
        backoff: Backoff,
        refused: Callable[[Refused], None],
        saved: Callable[[], None],
    ) -> None:
        self._spool = spool
        self._disk = disk
        self._steps = steps
        self._complaints = complaints
        self._limit = limit
        self._group_s = group_s
        self._backoff = backoff
        self._tell_refused = refused
        self._tell_saved = saved
        self._fresh: deque[Fact] = deque()
        "Offered and not on the disk, in order."
        self._head = asyncio.Lock()
        "Held by who takes facts from there: to the disk, or past it."
        self._work, self._hurry = asyncio.Event(), asyncio.Event()
        self._closing = self._ended = False
        self._failures = 0
        self.offered = 0
        self.passed = 0
        "Of those offered, how many are on the disk, in the ledger or refused."
        self.overflowed = 0
        self.turned_away = False
        "Whether the last fact offered was."
        self.error: RouterError | None = None
        "Why the last attempt to keep facts on the disk failed; None when it did not."

    @property
    def unsynced(self) -> int:
        return len(self._fresh)

    def offer(self, fact: Fact) -> bool:
        self.turned_away = len(self._fresh) >= self._limit
        if self.turned_away:
            self.overflowed += 1
            self._complaints.lost(fact)
            self._complaints.tell_losses(self._spool.waiting + self.unsynced)
            return False
        self.offered += 1
        self._fresh.append(fact)
        self._work.set()
        return True

    async def all_passed(self) -> bool:
        """Wait for every fact offered so far; False when the writer ended before."""
        wanted = self.offered
        while self.passed < wanted and not self._ended:
            self.hurry()
            await self._steps.next()
        return self.passed >= wanted

    def hurry(self) -> None:
        """Do not wait for a group to come together, or after a failure."""
        self._hurry.set()

    def close(self) -> None:
        """Have `run` end."""
        self._closing = True
        self._work.set()
        self._hurry.set()

    def end(self) -> None:
        """Nobody saves any more: let go who waits for it."""
        self._ended = True
        self._steps.step()

    async def run(self) -> None:
        while not self._closing:
            await self._work.wait()
            began = time.monotonic()
            if await self.save():
                pause = self._group_s - (time.monotonic() - began) if self.unsynced < GROUP else 0.0
            else:
                pause = self._backoff.after(self._failures)
            await rest(pause, self._hurry)

    async def save(self) -> bool:
        """One group from the head; False when not all of it could be saved."""
        async with self._head:
            facts = list(islice(self._fresh, GROUP))
            if not facts:
                self._nothing_to_save()
                return True
            try:
                done, refused = await self._disk.run(keep, self._spool, facts)
            except Exception as error:  # whatever it was, the facts are still here
                log.debug("the spool failed", exc_info=error)
                self._failed(error)
                return False
            self._pass(done)
        self._tell_refused(refused)
        self._tell_saved()
        if done < len(facts):
            full = f"the spool {self._spool.directory} is full: it may hold {self._spool.max_bytes >> 20} MiB"
            self._failed(RemoteError("spool-full", full))
            return False
        if self.error is not None:
            log.info("the spool takes facts again, %d are in memory", self.unsynced)
        self.error, self._failures = None, 0
        self._complaints.tell_losses(self._spool.waiting + self.unsynced, now=True)
        if not self._fresh:
            self._work.clear()
        return True

    async def hand_over(self, most: int, deliver: Callable[[Sequence[Fact]], Awaitable[None]]) -> None:
        """Past the disk: the next facts to whoever takes them, unless something older is on the disk."""
        async with self._head:
            if self._spool.end == self._spool.confirmed:
                facts = list(islice(self._fresh, most))
                await deliver(facts)
                self._pass(len(facts))

    def _nothing_to_save(self) -> None:
        """They went past the disk. Whether it takes facts again shows with the next one; of a full spool we know it."""
        self._work.clear()
        full = self.error is not None and self.error.error_id == "spool-full"
        if full and self._spool.size < self._spool.max_bytes:
            self.error, self._failures = None, 0

    def _pass(self, count: int) -> None:
        for _ in range(count):
            self._fresh.popleft()
        self.passed += count
        self._steps.step()

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if isinstance(error, OSError):
            said = f"the spool {self._spool.directory} cannot be written: {error.strerror}"
            error = RemoteError("spool-unwritable", said)
        elif not isinstance(error, RouterError):
            error = RemoteError("spool-broken", f"{type(error).__name__} in the spool's adapter")
        new, self.error = differs(self.error, error), error
        sentence = "%d facts are in memory only: %s"
        self._complaints.say(logging.ERROR, error.error_id, sentence, self.unsynced, error, new=new)
        self._tell_saved()  # past the disk, if need be


def differs(before: RouterError | None, now: RouterError) -> bool:
    return before is None or before.error_id != now.error_id


async def rest(seconds: float, now: asyncio.Event) -> None:
    """Sleep, but no longer than until `now`."""
    if seconds > 0:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await now.wait()
    now.clear()
