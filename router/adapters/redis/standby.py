"""Standing by: wait until the pool is nobody's, then take it.

The lease is looked at every 0.15 s and again at the moment it would lapse, so that a router that was killed is followed
as soon as its lease allows, and one that let the pool go at once.

Rule 1: a Redis that was away, or has forgotten what it knew, says "nobody's" of a pool whose owner is well. After
either, the owner is given the time to put its lease back. A lease that is there again is no proof that the owner knows
this Redis: a replica that was promoted has it as it stood, while the owner still renews at the master of before. Only
one that is renewed here is.
Rule 2: who could not serve (no Asterisk, or one that is not fit) is not counted among those who stand by, so that the
owner does not hand over to it, and takes a pool that is nobody's only when nobody fit has in `UNFIT_S`.
Rule 3: nothing is claimed at Asterisk, and no call is decided about, before the lease is ours.
Rule 4: who starts has not seen whether Redis was away; its age tells. Most likely it is the same outage that ended us.
"""

import asyncio
import logging
from collections.abc import Callable

from router.adapters.redis.tenure import awake_or_asleep
from router.domain.errors import RemoteError
from router.domain.ids import SECOND, Micros
from router.ports import Clock, Lease, LeaseView

log = logging.getLogger(__name__)

POLL_S = 0.15
REGISTER_S = 0.5
COURTESY_S = 1.5
UNFIT_S = 3.0


class Standby:
    """Who would be the owner."""

    def __init__(
        self,
        lease: Lease,
        clock: Clock,
        *,
        fit: Callable[[], bool] = lambda: True,
        instant: Callable[[], float] = awake_or_asleep,
    ) -> None:
        self.view = LeaseView()
        "The lease as it was seen last."
        self.trouble: RemoteError | None = None
        "Why it could not be looked at the last time."
        self.takeovers = 0
        "1 once it has followed another router."
        self._lease = lease
        self._clock = clock
        self._fit = fit
        self._instant = instant
        self._register_at = float("-inf")
        self._courtesy: float | None = None
        "Until when a lease that is nobody's is left alone."
        self._doubtful = False
        "Whether the next `nobody's` may be a mistake."
        self._left_us: Micros | None = None
        "What was left of the lease at the last look of this Redis."
        self._said = ""
        "The owner that was told of last."

    async def try_once(self) -> tuple[LeaseView, float] | None:
        """Take the pool if it is nobody's: the lease, and when it was asked for. Raises `RemoteError`."""
        asked_at = self._instant()
        self.view = await asyncio.to_thread(self._lease.acquire, self._clock.now())
        return (self.view, asked_at) if self.view.mine else None

    async def at_start(self) -> tuple[LeaseView, float] | None:
        """Rule 4, then `try_once`."""
        if await asyncio.to_thread(self._lease.is_young):
            log.info("Redis has only just started: an owner who is well has the time to find it again")
            await asyncio.sleep(COURTESY_S)
        return await self.try_once()

    async def turn(self) -> tuple[LeaseView, float]:
        """Wait for the pool, however long."""
        while True:
            delay_s = await self._look()
            if delay_s is None:
                try:
                    if (taken := await self.try_once()) is not None:
                        self.takeovers += bool(self._said)
                        return taken
                except RemoteError as error:
                    self._blind(error)
                delay_s = POLL_S
            await asyncio.sleep(delay_s)

    async def _look(self) -> float | None:
        """Look at the lease: seconds until the next look, or None when it is there to be taken."""
        now = self._instant()
        registers = now >= self._register_at and self._fit()
        try:
            view = await asyncio.to_thread(self._lease.read, stands_by=registers)
        except RemoteError as error:
            self._blind(error)
            return POLL_S
        if self.trouble is not None:
            log.info("the lease can be read again")
            self.trouble = None
        if registers:
            self._register_at = now + REGISTER_S
        forgotten = view.latest < self.view.latest
        self.view = view
        if view.mine:
            return None  # we asked for it, and the answer was lost
        seen_us, self._left_us = self._left_us, view.left_us if view.owner else None
        if view.owner:
            self._courtesy = None
            self._doubtful = self._doubtful and (seen_us is None or view.left_us < seen_us)
            if view.owner != self._said:
                self._said = view.owner
                log.info("stands by", extra={"for": view.host, "epoch": view.epoch})
            return min(POLL_S, view.left_us / SECOND + 0.001)
        if self._courtesy is None and (forgotten or self._doubtful or not self._fit()):
            self._courtesy = now + (COURTESY_S if self._fit() else UNFIT_S)
        if self._courtesy is not None and now < self._courtesy:
            return min(POLL_S, self._courtesy - now)
        return None

    def _blind(self, error: RemoteError) -> None:
        if self.trouble is None:
            log.warning("the lease cannot be looked at", extra={"why": error.message})
        self.trouble, self._doubtful, self._courtesy, self._left_us = error, True, None, None
