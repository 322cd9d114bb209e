"""Between the loop, which may never wait, and a file, which may stand on a disk that hangs or is full.

    loop ── offer(lines) ──> memory ── a thread, every 250 ms ──> LogFile.append

Rule 1: lines leave in the order they came, each once.
Rule 2: a disk that takes nothing leaves lines in memory, up to `limit`; then the newest are turned away, counted in
  `lost` and said in the log. Nothing is raised: a report is worth less than a call, and the ledger has every fact.
Rule 3: the thread is a daemon: a disk that hangs does not keep the process from ending.
Nothing is fsynced: who pulls the plug loses some seconds of a report, as with Asterisk's own file.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from router.adapters.queue_log.file import LogFile
from router.domain.errors import RemoteError

LIMIT = 200_000
"Lines in memory while the disk takes none: nine minutes at 60 contacts/s and six lines each, about 30 MB."
BATCH = 2_000
"Lines to a write."
INTERVAL_S = 0.25
"Between the beginnings of two batches while they keep up: what a wallboard may lag behind."
BACKOFF_S = 2.0
"After a failure."
SAY_EVERY_S = 60.0

log = logging.getLogger("ringfair.queue_log")


class QueueLogWriter:
    """`start`, `offer`, `close`. What others may read: `pending`, `written`, `lost`, `error`."""

    def __init__(
        self,
        path: Path,
        *,
        file: LogFile | None = None,
        limit: int = LIMIT,
        interval_s: float = INTERVAL_S,
        backoff_s: float = BACKOFF_S,
    ) -> None:
        self._path = path
        self._file = file if file is not None else LogFile(path)
        self._limit = limit
        self._interval_s, self._backoff_s = interval_s, backoff_s
        self._fresh: deque[str] = deque()
        "The loop appends, the thread takes from the front; each is one step of the interpreter."
        self._batch: list[bytes] = []
        "The thread's: taken, and not in the file yet."
        self._work, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="queue log", daemon=True)
        self._closed = False
        self._said = -SAY_EVERY_S
        self._taken = 0
        self.written = 0
        self.lost = 0
        "Lines turned away, and those left behind at the end."
        self.error: RemoteError | None = None
        "Why the last batch is not in the file, or not whole; None when it is."

    @property
    def pending(self) -> int:
        """Lines that are in memory only."""
        return self._taken - self.written

    def start(self) -> None:
        self._thread.start()

    def offer(self, lines: Iterable[str]) -> None:
        """Take lines without their ends. Never waits, never raises."""
        turned_away = 0
        for line in lines:
            if self._closed or self.pending >= self._limit:
                turned_away += 1
            else:
                self._taken += 1
                self._fresh.append(line)
        if turned_away:
            self.lost += turned_away
            self._tell_loss()
        if self._fresh and not self._work.is_set():
            self._work.set()

    async def close(self, deadline_s: float) -> int:
        """Write what is left, for at most `deadline_s`; gives how many lines are lost with this process."""
        if self._closed:
            return 0
        self._closing.set()
        self._work.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, deadline_s)
        self._closed = True
        left = self.pending
        self.lost += left
        if left:
            log.error("queue-log-left-behind: %d lines are lost with this process: %s", left, self.error)
        return left

    # ---- the thread ----

    def _run(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            good = self._save()
            if self._closing.is_set() and (not good or not self.pending):
                break
            if self.pending:
                self._work.set()
            if not good:
                self._closing.wait(self._backoff_s)
            elif self.pending < BATCH:
                self._closing.wait(self._interval_s)
        self._file.close()

    def _save(self) -> bool:
        """One batch; False when it is not in the file whole."""
        fresh, batch = self._fresh, self._batch
        while fresh and len(batch) < BATCH:
            batch.append(fresh.popleft().encode(errors="replace") + b"\n")
        if not batch:
            return True
        try:
            whole, failed = self._file.append(batch)
        except Exception as error:  # a fault of ours must not end the only thread that writes
            whole, failed = 0, OSError(0, type(error).__name__)
            log.debug("queue-log-broken", exc_info=error)
        del batch[:whole]
        self.written += whole
        self._judge(failed)
        return failed is None

    def _judge(self, failed: OSError | None) -> None:
        before = self.error
        if failed is None:
            self.error = None
            if before is not None:
                log.info("the queue log is written again; %d lines wait, %d are lost", self.pending, self.lost)
            return
        self.error = RemoteError(
            "queue-log-unwritable",
            f"The queue log {self._path} cannot be written ({failed.strerror}). Lines wait in memory: make room or let "
            "the router's user write there, and they go on by themselves.",
            retryable=True,
        )
        if before is None:
            log.warning("%s: %s", self.error.error_id, self.error)

    def _tell_loss(self) -> None:
        if time.monotonic() - self._said >= SAY_EVERY_S:
            self._said = time.monotonic()
            log.error(
                "queue-log-overflow: %d lines lost since the start, %d wait: %s", self.lost, self.pending, self.error
            )
