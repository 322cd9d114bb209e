"""Orders to ring an agent, so many at a time and no more.

Asterisk carries out what one connection asks one after the other, and what is written to it cannot be taken back: each
order ahead of a hang-up or a redirect makes that one later, and a hundred of them are a caller who waits for silence.

Rule 1: at most `most` orders are on their way, written and not answered. The others wait here, first in, first out;
what ends or moves a leg never does.
Rule 2: few wait, and not for long. One that is too many or has waited a quarter of the time its phone may ring comes
back as failed, in words of our own (`ami-…`): nobody has learned anything about the phone, and the engine offers again.
After a longer wait the agent would have too little time left to answer and be blamed for it.
Rule 3: an order that is withdrawn while it waits is never given; it comes back at once.
Rule 4: without a connection nothing waits: orders then fail at once, as they always do.
"""

import asyncio
from collections.abc import Callable

from router.adapters.ami.gate import Withheld
from router.adapters.ami.wire import Reply
from router.domain.ids import SECOND, OfferId
from router.domain.messages.effects import RingAgent

MOST_WAITING = 200
"As many as the gate keeps."
_PATIENCE = 0.25
"Of the time a phone may ring."
LATE, TOO_MANY, WITHDRAWN = "ami-ring-late", "ami-ring-overflow", "ami-ring-withdrawn"


class Ringing:
    """Of one node. `give` writes an order, None if that failed; `failed` is told why one was not given."""

    def __init__(
        self,
        most: int,
        *,
        give: Callable[[RingAgent], asyncio.Future[Reply] | None],
        hold: Callable[[RingAgent], None],
        failed: Callable[[RingAgent, str], None],
    ) -> None:
        """`hold` takes an order that waited here and, when its turn came, was withheld at the gate."""
        self.on_way = 0
        self.overflows = 0
        "Orders that were too many to wait, or waited too long."
        self._most = most
        self._give = give
        self._hold = hold
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[OfferId, tuple[RingAgent, asyncio.TimerHandle]] = {}

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def ring(self, order: RingAgent) -> None:
        """Give the order, now or in its turn. Raises `Withheld` when the gate does."""
        if self.on_way < self._most:
            self._start(order)
        elif len(self._waiting) >= MOST_WAITING:
            self._too_late(order, TOO_MANY)
        elif order.offer_id not in self._waiting:
            patience_s = order.timeout_us * _PATIENCE / SECOND
            timer = self._loop.call_later(patience_s, self._lose_patience, order.offer_id)
            self._waiting[order.offer_id] = order, timer

    def withdraw(self, offer_id: OfferId) -> bool:
        """Rule 3. False when no such order waits."""
        order = self._take(offer_id)
        if order is not None:
            self._failed(order, WITHDRAWN)
        return order is not None

    def forget(self) -> None:
        """Nothing more will be rung here."""
        for offer_id in list(self._waiting):
            self._take(offer_id)

    def _start(self, order: RingAgent) -> None:
        answer = self._give(order)
        if answer is not None:
            self.on_way += 1
            answer.add_done_callback(self._answered)

    def _answered(self, _: asyncio.Future[Reply]) -> None:
        self.on_way -= 1
        while self._waiting and self.on_way < self._most:
            order = self._take(next(iter(self._waiting)))
            if order is None:
                return
            try:
                self._start(order)
            except Withheld:
                self._hold(order)

    def _lose_patience(self, offer_id: OfferId) -> None:
        order = self._take(offer_id)
        if order is not None:
            self._too_late(order, LATE)

    def _too_late(self, order: RingAgent, why: str) -> None:
        self.overflows += 1
        self._failed(order, why)

    def _take(self, offer_id: OfferId) -> RingAgent | None:
        order, timer = self._waiting.pop(offer_id, (None, None))
        if timer is not None:
            timer.cancel()
        return order
