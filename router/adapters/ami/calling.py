"""Orders to call somebody back (35-callback.conf). Few they are, so none waits here.

What came of one is told by the leg itself. Here it is told when there is no leg: Asterisk refused, or is away.
After a lost connection nobody knows whether there is one: the resync tells, or the promise's own deadline.
"""

import asyncio
from collections.abc import Callable

from router.adapters.ami import actions
from router.adapters.ami.asking import DEADLINE_S
from router.adapters.ami.gate import Gate, Withheld
from router.adapters.ami.wire import Reply
from router.domain.errors import RouterError
from router.domain.ids import Micros
from router.domain.messages.effects import CallCustomer
from router.domain.messages.observations import CustomerNotCalled
from router.ports import ObservationSink

EXISTS = "exists"
"In Asterisk's words for an order whose leg lives already."


class Calling:
    """Of one node."""

    def __init__(self, gate: Gate, *, pool: str, sink: ObservationSink, now: Callable[[], Micros]) -> None:
        self._gate = gate
        self._pool = pool
        self._sink = sink
        self._now = now

    def call(self, effect: CallCustomer) -> None:
        """Give the order. Raises `Withheld` when the gate does."""

        def answered(done: asyncio.Future[Reply]) -> None:
            if not done.cancelled() and done.exception() is None and not done.result().ok:
                self._not_called(effect, done.result().message)

        try:
            answer = self._gate.send(actions.call(effect, pool=self._pool), DEADLINE_S)
        except Withheld:
            raise
        except RouterError as error:
            self._not_called(effect, error.error_id)
            return
        answer.add_done_callback(answered)

    def _not_called(self, effect: CallCustomer, why: str) -> None:
        exists = EXISTS in why.lower()
        self._sink(CustomerNotCalled(contact_id=effect.contact_id, reason=why, at=self._now(), exists=exists))
