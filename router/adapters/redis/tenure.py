"""An owner's time in office, as it knows it by its own clock: may it act now?

Rule 1: yes, while its lease has more than 300 ms left, counted from before it last asked for it. One comparison.
Rule 2: else it is in doubt: its process may have been stopped, its loop blocked, its machine asleep, and somebody else
the owner by now. Only an answer to a question asked after the doubt began ends it: Redis says "renewed", Redis says
"another's", or nobody answers there. The last of these leaves Asterisk, where every new owner announces itself first.
Rule 3: as long as there is no doubt, a Redis that is away changes nothing: the one owner there is goes on.
Rule 4: what is lost is lost for good.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from router.domain.errors import RemoteError
from router.domain.ids import SECOND, Micros
from router.ports import Acting, Lease, LeaseView

log = logging.getLogger(__name__)

MARGIN_S = 0.3
"What an action may take from its sender's look at the clock to Asterisk."


def awake_or_asleep() -> float:
    """Seconds of a clock that goes on while the machine sleeps, as `time.monotonic()` does not."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class LeaseTenure:
    """The `Tenure` port on a lease. `attempt` is for the thread that renews; everything else is for the loop."""

    def __init__(self, lease: Lease, *, clock: Callable[[], float] = awake_or_asleep) -> None:
        self.owner = lease.owner
        self.epoch = 0
        self.told: Callable[[], None] = lambda: None
        self.alone = False
        self.lost = False
        self.view = LeaseView()
        "The lease as Redis told it last; of the successor when it is lost."
        self.trouble: RemoteError | None = None
        "Why Redis did not answer the latest attempt."
        self.lapses = 0
        "How often the lease ran out, or went to somebody else."
        self.asked = threading.Event()
        "Set while the thread is wanted at once."
        self._lease = lease
        self._clock = clock
        self._guard = threading.Lock()
        self._until = float("-inf")
        "Up to when there is no doubt."
        self._ends = float("-inf")
        "When the lease lapses in Redis, at the earliest."
        self._lapsed = True
        self._doubt_at: float | None = None

    def begin(self, view: LeaseView, asked_at: float) -> None:
        """The lease was acquired, with a question asked at this instant of `now()`."""
        self.epoch = view.epoch
        self._renewed(asked_at, view)

    def now(self) -> float:
        return self._clock()

    @property
    def held(self) -> bool:
        """Whether Redis, too, knows us as the owner."""
        return self.left_us > 0

    @property
    def left_us(self) -> Micros:
        return 0 if self.lost else round(max(0.0, self._ends - self._clock()) * SECOND)

    # ---- the sender ----

    def may_act(self) -> Acting:
        return Acting.YES if self._clock() < self._until else self._doubt()

    def _doubt(self) -> Acting:
        with self._guard:
            if self.lost:
                return Acting.NO
            if self._doubt_at is None:
                self._doubt_at, self.alone = self._clock(), False
                self.asked.set()
        return Acting.UNKNOWN

    def suspect(self) -> None:
        """Somebody met a later epoch than ours: nothing more before it is known whose the pool is."""
        with self._guard:
            self._until = float("-inf")
        self._doubt()

    def unanswered(self) -> None:
        with self._guard:
            if self._doubt_at is None or self.lost or self.alone:
                return
            self.alone = True
        self._tell()

    def proved(self, asked_at: float) -> None:
        with self._guard:
            if self.lost or self._doubt_at is None or asked_at < self._doubt_at:
                return
            self._extend(asked_at)

    async def raise_above(self, epoch: int) -> int:
        asked_at = self._clock()
        view = await asyncio.to_thread(self._lease.raise_above, epoch)
        if not view.mine:
            self._lose(view)
            raise RemoteError("pool-lost", "Another router owns the pool now.")
        self.epoch = view.epoch
        self._renewed(asked_at, view)
        return self.epoch

    # ---- the thread ----

    def attempt(self) -> bool:
        """Renew once; whether Redis answered."""
        asked_at = self._clock()
        try:
            view = self._lease.renew(self.epoch)
        except RemoteError as error:
            self._absent(asked_at, error)
            return False
        if view.mine:
            self._renewed(asked_at, view)
        else:
            self._lose(view)
        return True

    def _renewed(self, asked_at: float, view: LeaseView) -> None:
        with self._guard:
            if self.lost:
                return
            if self.trouble is not None:
                log.info("the lease is renewed again", extra={"epoch": self.epoch})
            self._note_lapse()
            self.view, self.trouble, self._lapsed = view, None, False
            self._ends = asked_at + self._lease.lives_s
            doubted = self._doubt_at is not None
            self._extend(asked_at)
        if doubted:
            self._tell()

    def _absent(self, asked_at: float, error: RemoteError) -> None:
        with self._guard:
            if self.lost:
                return
            if self.trouble is None:
                log.warning("the lease cannot be renewed", extra={"why": error.message})
            self.trouble = error
            self._note_lapse()
            if self._doubt_at is None:
                if asked_at < self._until:
                    self._extend(asked_at)  # rule 3
                return
            if self.alone or asked_at < self._doubt_at:
                return
            self.alone = True
        self._tell()

    def _lose(self, view: LeaseView) -> None:
        with self._guard:
            if self.lost:
                return
            self.view, self.lost, self._until = view, True, float("-inf")
            self.lapses += not self._lapsed
        log.error("the lease is lost", extra={"epoch": self.epoch, "to": view.host or "nobody", "theirs": view.latest})
        self._tell()

    def _extend(self, asked_at: float) -> None:
        self._until = max(self._until, asked_at + self._lease.lives_s - MARGIN_S)
        self._doubt_at, self.alone = None, False

    def _note_lapse(self) -> None:
        if not self._lapsed and self._clock() >= self._ends:
            self._lapsed = True
            self.lapses += 1
            log.warning("the lease has lapsed", extra={"epoch": self.epoch})

    def _tell(self) -> None:
        with suppress(RuntimeError):  # the loop that would be told is closed
            self.told()
