"""The one way out for everything that changes something at Asterisk: open while the pool is ours for certain.

No lease can fence a socket: bytes once written are carried out. So it is asked before each action, by the sender and on
its own clock, whether this router may still act (`Tenure`). While that is in doubt

Rule 1: nothing passes but questions. Effects wait here, in order; they go out, or are thrown away, once it is known.
What is withheld otherwise (a heartbeat, a claim) raises `Withheld`: somebody repeats it anyway.
Rule 2: few wait. What is too much is dropped, counted, and Asterisk is asked for the truth when the gate opens.
Rule 3: when nobody can be asked who owns the pool, Asterisk itself is: each new owner sets a higher epoch there before
it does anything. Its answer comes behind whatever it told us while we slept.
Rule 4: without a connection nothing gets out anyway: effects then fail at once, as they always do.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from router.adapters.ami.actions import Action
from router.adapters.ami.session import Session
from router.adapters.ami.wire import Reply
from router.domain.errors import RemoteError
from router.domain.messages.effects import Announce, Effect
from router.ports import Acting, Tenure

log = logging.getLogger(__name__)

MOST_HELD = 200
"Fewer than may be in flight (`Limits.in_flight`): they all leave at once."
PATIENCE_S = 0.6
"For an answer to who owns the pool; then it is taken for absent."
_AGAIN_S = 0.5
_QUESTIONS = frozenset({"Getvar", "Status", "DeviceStateList"})


class Withheld(RemoteError):
    """It is not known whether the pool is still ours; nothing was written."""

    def __init__(self) -> None:
        super().__init__("pool-doubtful", "It is not certain that this router still owns the pool.", retryable=True)


class Gate:
    """Of one connection. `perform` is called again with each effect that waited."""

    def __init__(
        self,
        session: Session,
        tenure: Tenure,
        *,
        perform: Callable[[Effect], None],
        look_again: Callable[[], None],
        owner_epoch: Callable[[], Awaitable[int]],
        deposed: Callable[[int], None],
    ) -> None:
        """`owner_epoch` asks Asterisk for the pool's epoch; `deposed` is told of one that is not ours, 0: unknown."""
        self.overflows = 0
        "Effects that were too many to wait."
        self._session = session
        self._tenure = tenure
        self._perform = perform
        self._look_again = look_again
        self._owner_epoch = owner_epoch
        self._deposed = deposed
        self._loop = asyncio.get_running_loop()
        self._held: deque[Effect] = deque()
        self._missed = False
        self._closed = False
        self._patience: asyncio.TimerHandle | None = None
        self._proof: asyncio.Task[None] | None = None
        tenure.told = self._news

    def send(self, action: Action, deadline_s: float, *, hurry: bool = True) -> asyncio.Future[Reply]:
        """As `Session.send`; raises `Withheld` as well."""
        if (
            action["Action"] not in _QUESTIONS
            and (self._held or self._tenure.may_act() is not Acting.YES)
            and self._session.connected
        ):
            self._wait()
            raise Withheld
        return self._session.send(action, deadline_s, hurry=hurry)

    def hold(self, effect: Effect) -> None:
        """Keep an effect that was withheld; not what waiting callers are told, which would be old news."""
        if self._tenure.may_act() is Acting.NO or isinstance(effect, Announce):
            return
        if len(self._held) >= MOST_HELD:
            self.overflows += 1
            self._missed = True
            return
        self._held.append(effect)

    def look(self) -> None:
        """There is news: open, or close for good, or ask Asterisk."""
        if self._closed:
            return
        acting = self._tenure.may_act()
        if acting is Acting.UNKNOWN:
            self._wait()
            if self._tenure.alone and self._proof is None and self._session.connected:
                self._proof = self._loop.create_task(self._prove(), name="whose pool")
            return
        self._stop_waiting()
        if acting is Acting.NO:
            if self._held:
                log.warning("what waited is thrown away", extra={"effects": len(self._held)})
            self._held.clear()
            self._deposed(0)
            return
        self._let_go()

    def disconnected(self) -> None:
        """Rule 4. The next login asks for the truth by itself."""
        self._missed = False
        self._let_go()

    def close(self) -> None:
        """Nothing more will be done here."""
        self._closed = True
        self._stop_waiting()
        self._held.clear()
        if self._proof is not None:
            self._proof.cancel()

    def _news(self) -> None:
        self._loop.call_soon_threadsafe(self.look)

    def _let_go(self) -> None:
        held, self._held = self._held, deque()
        for effect in held:
            self._perform(effect)
        if self._missed:
            self._missed = False
            log.warning("effects were too many to wait; asking Asterisk for the truth")
            self._look_again()

    def _wait(self) -> None:
        if self._patience is None:
            self._patience = self._loop.call_later(PATIENCE_S, self._lose_patience)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        self._patience = None
        self._tenure.unanswered()
        self.look()

    async def _prove(self) -> None:
        """Rule 3."""
        try:
            while self._session.connected and self._tenure.alone:
                asked_at = self._tenure.now()
                try:
                    epoch = await self._owner_epoch()
                except RemoteError:
                    await asyncio.sleep(_AGAIN_S)
                    continue
                if epoch > self._tenure.epoch:
                    self._deposed(epoch)
                    return
                self._tenure.proved(asked_at)
        finally:
            self._proof = None
        self.look()
