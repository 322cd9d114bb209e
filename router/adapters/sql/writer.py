"""Between the pump, which may never wait, and the ledger, which may be away.

    pump ── offer(fact) ──> buffer, bounded, in order ── run(): a batch every 100 ms ──> Ledger.append

Rules: a fact leaves the buffer only after its commit was confirmed, so an answer lost on the way means it is sent
again, and the ledger keeps each once. While the database is away, batches are tried again with growing pauses and the
buffer fills. Two things can cost a fact, both counted in `lost` and logged: the buffer is full (`ledger-overflow`:
the newest is turned away, the order of the others stays), or the ledger says that this very fact can never be stored
(`ledger-fact-refused`: it is found by halving the batch, and the others go on). An error of any other kind, also one
that is not retryable such as a wrong password, costs none: a person may mend it while we wait.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from itertools import islice

from router.domain.errors import RemoteError, RouterError
from router.domain.record import Fact
from router.ports import Ledger

LIMIT = 100_000
"Facts in memory: seven minutes at 60 contacts/s and four facts each, about 50 MB (measured: 0.5 kB a fact)."
BATCH = 100
"Facts per commit. Ten times as many are written little faster but hold the event loop up ten times as long (25 ms)."
INTERVAL_S = 0.1
"Between the beginnings of two commits; what a fact waits at most while all is well."
BACKOFF_S = (0.1, 5.0)
"First and longest pause after a failed commit; doubles in between."
CLOSING_BACKOFF_S = 0.25
LOG_EVERY_S = 60.0

log = logging.getLogger("ringfair.ledger")


class LedgerWriter:
    """Give it a Ledger, run `run()` in a TaskGroup, subscribe `offer`; at the end `close`. The Ledger stays open."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        limit: int = LIMIT,
        batch: int = BATCH,
        interval_s: float = INTERVAL_S,
        backoff_s: tuple[float, float] = BACKOFF_S,
    ) -> None:
        self._ledger = ledger
        self._limit = limit
        self._batch = batch
        self._interval_s = interval_s
        self._backoff_s = backoff_s
        self._buffer: deque[Fact] = deque()
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._failures = 0
        self._said: dict[str, float] = {}
        self.written = 0
        "Facts the ledger has confirmed."
        self.overflowed = 0
        self.refused = 0
        self.last_error: RouterError | None = None
        "Why the last attempt to commit failed; None when it did not."

    @property
    def pending(self) -> int:
        """Facts not confirmed yet."""
        return len(self._buffer)

    @property
    def lost(self) -> int:
        """Facts that are in no ledger and no longer here."""
        return self.overflowed + self.refused

    @property
    def healthy(self) -> bool:
        """False from a failed commit until the next good one."""
        return self.last_error is None

    def offer(self, fact: Fact) -> bool:
        """Take a fact. Never waits, never raises; False when the buffer is full and the fact is lost (and counted)."""
        if len(self._buffer) >= self._limit:
            self.overflowed += 1
            self._say(logging.ERROR, "ledger-overflow", "%d facts lost, %d wait", self.overflowed, self.pending)
            return False
        self._buffer.append(fact)
        self._wake.set()
        return True

    async def run(self) -> None:
        """Commit until `close`. When cancelled, `close` still saves what was not confirmed."""
        self._idle.clear()
        try:
            while not self._closing.is_set():
                await self._wake.wait()
                began = time.monotonic()
                if await self._commit():
                    pause = self._interval_s - (time.monotonic() - began)
                    if len(self._buffer) >= self._batch:
                        pause = 0.0  # a backlog: no use in waiting for more
                else:
                    pause = self._pause()
                await self._rest(pause)
        finally:
            self._idle.set()

    async def close(self, deadline_s: float) -> int:
        """Commit what is left, for at most `deadline_s`. Returns how many facts were not, and logs it if any."""
        self._closing.set()
        self._wake.set()
        try:
            async with asyncio.timeout(deadline_s):
                await self._idle.wait()
                while self._buffer:
                    if not await self._commit():
                        await asyncio.sleep(min(self._pause(), CLOSING_BACKOFF_S))
        except TimeoutError:
            log.error("ledger-left-behind: %d facts not written at the end: %s", self.pending, self.last_error)
        return self.pending

    async def _commit(self) -> bool:
        """One batch from the head of the buffer; False when the database is away."""
        facts = list(islice(self._buffer, self._batch))
        try:
            await self._append(facts)
        except RouterError as error:
            self._failed(error)
            return False
        except Exception as error:  # a fault of ours must not end the only task that saves facts
            # Its class only: the text may quote a caller's number.
            self._failed(RemoteError("ledger-broken", f"{type(error).__name__} in the ledger's adapter"))
            log.debug("ledger-broken", exc_info=error)
            return False
        if self.last_error is not None:
            log.info("ledger is back, %d facts wait", self.pending)
        self.last_error = None
        self._failures = 0
        if not self._buffer:
            self._wake.clear()
        return True

    async def _append(self, facts: Sequence[Fact]) -> None:
        """All of them, in order; halves the batch around facts that can never be stored."""
        if not facts:
            return
        try:
            await self._ledger.append(facts)
        except RemoteError as error:
            if error.error_id != "ledger-fact-refused":
                raise
            if len(facts) > 1:
                middle = len(facts) // 2
                await self._append(facts[:middle])
                await self._append(facts[middle:])
                return
            self.refused += 1
            kind = type(facts[0]).__name__
            self._say(logging.ERROR, error.error_id, "%d facts lost, now a %s: %s", self.refused, kind, error)
        else:
            self.written += len(facts)
        for _ in facts:
            self._buffer.popleft()

    def _failed(self, error: RouterError) -> None:
        self._failures += 1
        if self.last_error is None or self.last_error.error_id != error.error_id:
            self._said.pop(error.error_id, None)  # a new trouble is worth a line at once
        self.last_error = error
        self._say(logging.WARNING, error.error_id, "%d facts wait: %s", self.pending, error)

    def _pause(self) -> float:
        first, longest = self._backoff_s
        return float(min(longest, first * 2 ** min(self._failures - 1, 30)))

    async def _rest(self, seconds: float) -> None:
        """Sleep, but not into a `close`."""
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            pass

    def _say(self, level: int, error_id: str, sentence: str, *values: object) -> None:
        """Log, each kind at most once a minute: the counters say how many."""
        now = time.monotonic()
        if now - self._said.get(error_id, -LOG_EVERY_S) >= LOG_EVERY_S:
            self._said[error_id] = now
            log.log(level, "%s: " + sentence, error_id, *values)
