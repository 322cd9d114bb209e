"""Between the pump, which may never wait, and the ledger, which may be away.

    pump ── offer(fact) ──> memory ── at once, then a group every 30 ms ──> spool: one fsync ── a batch every 100 ms ──┐
                                                                          trimmed <── confirmed <── Ledger.append <──┘

Rule 1: facts leave in the order they came, and each stays until the stage behind it has confirmed it: an answer lost on
  the way means that it is sent again, and the ledger keeps it once.
Rule 2: the ledger is given what was read from the disk again, not what we remember: memory holds what the disk does not
  have yet and nothing else, however long the database is away, and there is one way only, before a crash and after it.
Rule 3: the disk is waited for in one thread of our own.
Rule 4: an error costs no fact, one that is not retryable neither: a person may mend it while we wait. A disk that takes
  nothing more (full, broken, the spool's bound) leaves facts in memory; from there they go to the ledger without it,
  once everything before them is there.

So two things can cost a fact, both counted in `lost` and said in the log with whose it was. `ledger-overflow`: the disk
takes nothing, the ledger takes nothing and memory is full; the newest is turned away. `ledger-fact-refused`: this very
fact can never be stored; it is set aside beside the spool. And a kill costs what was offered within the last group,
`unsynced`; whoever must not acknowledge such a thing waits for `on_disk` or `in_ledger`.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from router.adapters.sql.complaints import Complaints
from router.adapters.sql.delivery import Refused, deliver
from router.adapters.sql.saver import Backoff, DiskThread, Saver, Steps, differs, rest
from router.adapters.sql.segments import Page
from router.adapters.sql.spool import Spool
from router.domain.errors import RemoteError, RouterError
from router.domain.record import Fact
from router.ports import Ledger

LIMIT = 100_000
"Facts in memory while the disk takes none: seven minutes at 60 contacts/s and four facts each, about 50 MB."
GROUP_S = 0.03
"Between the beginnings of two fsyncs; what a fact waits at most while the disk is quick."
BATCH = 100
"Facts per commit. Ten times as many are written little faster but hold the event loop up ten times as long (25 ms)."
INTERVAL_S = 0.1
"Between the beginnings of two commits; what a fact waits at most while all is well."
BACKOFF_S = (0.1, 5.0)
"First and longest pause after a failure; doubles in between."
CLOSING_BACKOFF_S = 0.25
ADOPT_S = 2.0
"Between two looks for what routers that are gone left on this machine."
ADOPT_PATIENCE_S = 0.5
"A pool is not taken up later than this because of a disk that hangs."

log = logging.getLogger("ringfair.ledger")


class LedgerWriter:
    """Give it a Ledger and a Spool, run `run()` in a TaskGroup, subscribe `offer`; at the end `close`.

    The Ledger and the Spool stay open.
    """

    def __init__(
        self,
        ledger: Ledger,
        spool: Spool,
        *,
        limit: int = LIMIT,
        group_s: float = GROUP_S,
        batch: int = BATCH,
        interval_s: float = INTERVAL_S,
        backoff_s: tuple[float, float] = BACKOFF_S,
        adopt: Callable[[], int] | None = None,
        adopt_s: float = ADOPT_S,
    ) -> None:
        """`adopt` takes facts of others over into the spool and tells how many (drawers.py)."""
        self._ledger = ledger
        self._spool = spool
        self._adopt, self._adopt_s = adopt, adopt_s
        self._batch = batch
        self._interval_s = interval_s
        self._backoff = Backoff(*backoff_s)
        self._disk = DiskThread()
        self._steps = Steps()
        self._complaints = Complaints()
        self._work, self._hurry, self._enough = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._saver = Saver(
            spool,
            self._disk,
            self._steps,
            self._complaints,
            limit=limit,
            group_s=group_s,
            backoff=self._backoff,
            refused=self._note_refused,
            saved=self._look,
        )
        self._page: Page | None = None
        "Read from the spool and not confirmed."
        self._failures = 0
        self._closing = self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.written = 0
        "Facts the ledger has confirmed, those of the run before included."
        self.refused = 0
        self.ledger_error: RouterError | None = None
        "Why the last attempt to commit failed; None when it did not."

    # ---- what others may ask ----

    @property
    def disk_error(self) -> RouterError | None:
        """Why facts cannot be kept on the disk now; None when they can."""
        return self._saver.error

    @property
    def last_error(self) -> RouterError | None:
        """What troubles the way of the facts now."""
        return self.ledger_error or self.disk_error

    @property
    def healthy(self) -> bool:
        return self.last_error is None

    @property
    def pending(self) -> int:
        """Facts the ledger has not confirmed, those of the run before included."""
        return self._spool.waiting + self._saver.unsynced

    @property
    def unsynced(self) -> int:
        """Facts that a kill would cost now: offered, and neither on the disk nor in the ledger."""
        return self._saver.unsynced

    @property
    def overflowed(self) -> int:
        return self._saver.overflowed

    @property
    def lost(self) -> int:
        """Facts that are in no ledger and no longer on their way."""
        return self.overflowed + self.refused

    @property
    def spool_bytes(self) -> int:
        return self._spool.size

    @property
    def spool_limit_bytes(self) -> int:
        return self._spool.max_bytes

    @property
    def spool_damaged(self) -> int:
        """Pieces of the spool that could not be read, and lines of another release, since the start."""
        return self._spool.damaged + self._spool.foreign

    # ---- what others may do ----

    def offer(self, fact: Fact) -> bool:
        """Take a fact. Never waits, never raises; False when there is no room and the fact is lost (and counted)."""
        return self._saver.offer(fact)

    async def on_disk(self) -> bool:
        """Wait until every fact offered so far would survive a kill of this process and of this machine.

        False when one of them was turned away or refused, at the call or since, or the writer was closed before.
        Without a deadline: while neither disk nor ledger takes anything, it waits; let the asker have one.
        """
        lost = self.lost - self._saver.turned_away
        return await self._saver.all_passed() and self.lost == lost

    async def in_ledger(self) -> bool:
        """Wait until every fact offered so far is in the ledger; otherwise like `on_disk`."""
        lost = self.lost - self._saver.turned_away
        saved, wanted = await self._saver.all_passed(), self._spool.end
        while self._spool.confirmed < wanted and not self._closed:
            self._hurry.set()
            await self._steps.next()
        return saved and self._spool.confirmed >= wanted and self.lost == lost

    async def adopt(self) -> None:
        """Take over now what a router that is gone left on this machine: before anything about its calls is offered."""
        if self._adopt is None:
            return
        try:
            async with asyncio.timeout(ADOPT_PATIENCE_S):
                await self._disk.run(self._adopt)
        except TimeoutError:
            pass  # what was begun goes on in its thread
        except Exception as error:  # facts of others must not end the way of ours
            self._complaints.say(logging.ERROR, "spool-broken", "%s in taking facts over", type(error).__name__)
            log.debug("spool-broken", exc_info=error)
        self._look()

    async def run(self) -> None:
        """Save and send until `close`. When cancelled, `close` still saves what was not."""
        self._idle.clear()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._saver.run(), name="spool")
                tasks.create_task(self._keep_sending(), name="ledger")
                tasks.create_task(self._keep_adopting(), name="stranded facts")
        finally:
            self._idle.set()

    async def close(self, deadline_s: float) -> int:
        """Save what is left, then send while that goes well, for at most `deadline_s`.

        Gives how many facts are nowhere but here, and logs it if any. What is on the disk goes at the next start.
        """
        if self._closed:
            return self.unsynced
        self._closing = True
        self._saver.close()
        self._work.set()
        self._hurry.set()
        self._enough.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await self._idle.wait()
                await self._empty()
        self._closed = True
        self._saver.end()
        self._disk.end()
        self._complaints.tell_losses(self.pending, now=True)
        if self.unsynced:
            log.error("ledger-left-behind: %d facts are lost with this process: %s", self.unsynced, self.last_error)
        elif self._waits():
            log.warning("%d facts wait in %s for the next start", self._spool.waiting, self._spool.directory)
        return self.unsynced

    # ---- disk → ledger ----

    def _waits(self) -> bool:
        """Whether there is something the ledger can be given."""
        past_the_disk = self.disk_error is not None and self.unsynced > 0
        return self._spool.end > self._spool.confirmed or past_the_disk

    def _look(self) -> None:
        if self._waits():
            self._work.set()

    async def _keep_sending(self) -> None:
        if self._waits():
            log.info("%d facts of the run before go to the ledger first", self._spool.waiting)
            self._work.set()
        while not self._closing:
            await self._work.wait()
            began = time.monotonic()
            if await self._commit():
                pause = self._interval_s - (time.monotonic() - began)
                if self._spool.waiting >= self._batch:
                    pause = 0.0  # a backlog: no use in waiting for more
            else:
                pause = self._backoff.after(self._failures)
            await rest(pause, self._hurry)

    async def _keep_adopting(self) -> None:
        while not self._closing:
            await self.adopt()
            await rest(self._adopt_s, self._enough)

    async def _empty(self) -> None:
        """Save everything; send until there is nothing, or it fails and everything is on the disk."""
        while self.unsynced or self._waits():
            saved = not self.unsynced or await self._saver.save()
            sent = not self._waits() or await self._commit()
            if not sent and not self.unsynced:
                return
            if not (saved and sent):
                await asyncio.sleep(CLOSING_BACKOFF_S)

    async def _commit(self) -> bool:
        """One batch, the oldest; False when it could not be read or the ledger is away."""
        try:
            if self._page is None:
                self._page = await self._disk.run(self._spool.read, self._batch)
            if self._page is not None:
                await self._deliver(self._page.facts)
                page, self._page = self._page, None
                await self._disk.run(self._spool.confirm, page)
                self._steps.step()
            elif self.disk_error is not None:
                await self._saver.hand_over(self._batch, self._deliver)
        except RouterError as error:
            self._failed(error)
            return False
        except OSError as error:
            said = f"the spool {self._spool.directory} cannot be read: {error.strerror}"
            self._failed(RemoteError("spool-unreadable", said))
            return False
        except Exception as error:  # a fault of ours must not end the only task that sends facts
            # Its class only: the text may quote a caller's number.
            self._failed(RemoteError("ledger-broken", f"{type(error).__name__} in the ledger's adapter"))
            log.debug("ledger-broken", exc_info=error)
            return False
        if self.ledger_error is not None:
            log.info("ledger is back, %d facts wait", self.pending)
        self.ledger_error, self._failures = None, 0
        if self.disk_error is not None:
            self._saver.hurry()  # there may be room now
        if not self._waits():
            self._work.clear()
        return True

    async def _deliver(self, facts: Sequence[Fact]) -> None:
        delivery = await deliver(self._ledger, facts)
        self._note_refused(delivery.refused)
        if delivery.refused:
            with suppress(OSError):  # counted and logged all the same
                await self._disk.run(self._spool.refuse, delivery.refused)
        self.written += len(facts) - len(delivery.refused)

    def _failed(self, error: RouterError) -> None:
        self._failures += 1
        new, self.ledger_error = differs(self.ledger_error, error), error
        self._complaints.say(logging.WARNING, error.error_id, "%d facts wait: %s", self.pending, error, new=new)

    def _note_refused(self, refused: Refused) -> None:
        for fact, why in refused:
            self.refused += 1
            kind, sentence = type(fact).__name__, "%d facts lost, now a %s: %s"
            self._complaints.say(logging.ERROR, "ledger-fact-refused", sentence, self.refused, kind, why)
