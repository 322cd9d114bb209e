"""The thread that renews the lease, and the pulse by which it knows that the loop still turns.

Rule 1: a thread of its own, so that work on the loop, however much, does not delay a renewal.
Rule 2: but only for a loop that turns: one that stands still decides nothing, so its lease must lapse. The pulse is a
timer of the loop; a loop that is busy and turns moves it a little late.
Rule 3: whoever is in doubt is answered at once, pulse or not: a loop that asks does turn.
"""

import asyncio
import logging
import threading

from router.adapters.redis.tenure import LeaseTenure

log = logging.getLogger(__name__)

RENEW_S = 0.5
RETRY_S = 0.2
"After an attempt that nobody answered."
PULSE_S = 0.1
STANDS_STILL_S = 0.35
"A loop without a pulse for so long gets no renewal: its lease lapses within 1.85 s of its last turn."
_LOOK_S = 0.05
_END_S = 2.0


class Renewal:
    """Between `start` and `stop`, both on the loop, the lease of `tenure` is kept."""

    def __init__(self, tenure: LeaseTenure) -> None:
        self._tenure = tenure
        self._turned_at = tenure.now()
        self._stopping = False
        self._pulse: asyncio.TimerHandle | None = None
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def start(self) -> None:
        self._beat()
        self._thread.start()

    async def stop(self) -> None:
        """No renewal is under way afterwards. Harmless when repeated, or when it never started."""
        self._stopping = True
        self._tenure.asked.set()
        if self._pulse is not None:
            self._pulse.cancel()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, _END_S)

    def _beat(self) -> None:
        self._turned_at = self._tenure.now()
        self._pulse = asyncio.get_running_loop().call_later(PULSE_S, self._beat)

    def _run(self) -> None:
        tenure = self._tenure
        due = tenure.now() + RENEW_S
        while not self._stopping and not tenure.lost:
            asked = tenure.asked.wait(max(0.0, due - tenure.now()))
            tenure.asked.clear()
            now = tenure.now()
            if self._stopping or (not asked and now < due):
                continue
            if not asked and now - self._turned_at > STANDS_STILL_S:
                due = now + _LOOK_S
                continue
            due = now + (RENEW_S if self._attempt() else RETRY_S)

    def _attempt(self) -> bool:
        try:
            return self._tenure.attempt()
        except Exception:
            log.exception("the renewal of the lease failed")  # a bug of ours; the thread must not end with it
            return False
