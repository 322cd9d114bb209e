"""Between the pump, which never waits, and Redis, which may.

Rule 1: `note` is synchronous, keeps only the newest picture of each agent, and cannot fail.
Rule 2: changes are written together, at most every 200 ms, and a beat goes out each second.
Rule 3: calls are routed whether or not Redis is there. While it is away only beats are tried; when one
  succeeds, the *whole* state is written, because what came back may be empty. A beat first also lets the
  writes that a frozen server still holds in its sockets run before ours: it has read them when it answers.
Rule 4: everything is written again each hour, so that the expiry never takes an agent who simply did nothing.
Rule 5: nothing is written while it is in doubt whether we still own the pool: it would cover what a successor wrote.
Memory is bounded by the number of agents: one row for each, whatever happens while Redis is away.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from itertools import islice

from router.domain.errors import RemoteError
from router.domain.ids import SECOND, AgentId, Micros
from router.domain.messages.events import AgentChanged, AgentDismissed, Event
from router.ports import Clock, Presence, PresenceRow

log = logging.getLogger(__name__)

FLUSH_S = 0.2
TIDY_S = 2.0
"For everything that is written down; what changes meanwhile waits so long."
BEAT_S = 1.0
RETRY_S = 0.5
"After a failure: a server that has moved is to have everything within seconds."
REWRITE_US: Micros = 3600 * SECOND
ROWS_AT_ONCE = 50
"Of one transaction: it costs 1-2 ms of processor time, and a decision may have to wait for that long."


class PresenceKeeper:
    """Keeps a `Presence` up to date with the events of the engine. Run `run()` as one task."""

    def __init__(
        self,
        presence: Presence,
        clock: Clock,
        *,
        may_write: Callable[[], bool] = lambda: True,
        flush_s: float = FLUSH_S,
        beat_s: float = BEAT_S,
    ) -> None:
        self.errors = 0
        "Failed writes since the start: `ringfair_redis_errors_total`."
        self.last_error: RemoteError | None = None
        "What went wrong at the last attempt; None while presence is well."
        self._presence = presence
        self._clock = clock
        self._may_write = may_write
        self._flush_s = flush_s
        self._beat_s = beat_s
        self._known: dict[AgentId, PresenceRow] = {}
        self._changed: dict[AgentId, None] = {}
        self._gone: dict[AgentId, None] = {}
        self._left: dict[AgentId, None] = {}
        "Everybody who has left; what a server comes back with may be old enough to have them."
        self._woken = asyncio.Event()
        self._written = False
        self._rewrite_at = clock.now() + REWRITE_US

    @property
    def healthy(self) -> bool:
        """Whether the last attempt to write succeeded."""
        return self._written and self.last_error is None

    @property
    def standing(self) -> str:
        """`ok`, or the sentence that says why not: for `/readyz`."""
        if self.last_error is not None:
            return self.last_error.message
        return "ok" if self._written else "presence has not been written yet"

    async def load(self) -> tuple[PresenceRow, ...]:
        """What the last router wrote down. Raises `RemoteError`: at the start, Redis must be there."""
        return await self._presence.load()

    def forget_others(self, loaded: Collection[PresenceRow], known: Collection[AgentId]) -> None:
        """Have those removed that were written down once but are in the directory no more."""
        for row in loaded:
            if row.agent_id not in known and row.agent_id not in self._known:
                self._gone[row.agent_id] = self._left[row.agent_id] = None
        self._woken.set()

    def __call__(self, event: Event, now: Micros) -> None:
        """The subscriber; events that say nothing about agents pass."""
        if isinstance(event, AgentChanged | AgentDismissed):
            self.note(event)

    def note(self, event: AgentChanged | AgentDismissed) -> None:
        """Remember the newest of an agent; it is written soon."""
        agent = event.agent_id
        if isinstance(event, AgentDismissed):
            self._known.pop(agent, None)
            self._changed.pop(agent, None)
            self._gone[agent] = self._left[agent] = None
        else:
            self._gone.pop(agent, None)
            self._left.pop(agent, None)
            self._known[agent] = PresenceRow(
                agent_id=agent,
                status=event.status,
                reason=event.reason,
                next_status=event.next_status,
                next_reason=event.next_reason,
                reach=event.reach,
                link=event.link,
                work=event.work,
                contact_id=event.contact_id,
                since_at=event.since_at,
            )
            self._changed[agent] = None
        self._woken.set()

    async def run(self) -> None:
        """Write and beat until cancelled. Who is there and not here is looked for once callers need not wait for it."""
        tidy = False
        while True:
            await self.flush()
            if not tidy and self.last_error is None:
                with suppress(RemoteError, TimeoutError):
                    async with asyncio.timeout(TIDY_S):
                        left = await self.load()
                    self.forget_others(left, self._known)
                    tidy = True
            if self.last_error is not None:
                await asyncio.sleep(min(self._beat_s, RETRY_S))
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._beat_s):
                    await self._woken.wait()
                    await asyncio.sleep(self._flush_s)

    async def flush(self) -> bool:
        """Write what is not written yet, and beat. Returns whether presence is well; counts, never raises."""
        if not self._may_write():
            return False
        self._woken.clear()
        try:
            await self._try()
        except RemoteError as error:
            self.errors += 1
            self.last_error = error
            return False
        except Exception:
            log.exception("presence could not be written: a mistake of ours")
            self.errors += 1
            self.last_error = RemoteError("presence-fault", "The router fails to write presence; its log says why.")
            return False
        self._written = True
        self.last_error = None
        return True

    async def _try(self) -> None:
        emptied = False
        try:
            if self.last_error is not None:
                await self._presence.store((), (), self._clock.now())
            else:
                await self._write_all()
        except RemoteError as error:
            if error.error_id != "presence-emptied":
                raise
            # it is there again, only empty: readers should not have to wait for the next beat
            self.errors += 1
            emptied = True
        now = self._clock.now()
        if emptied or self.last_error is not None or now >= self._rewrite_at:
            self._changed, self._gone = dict.fromkeys(self._known), dict(self._left)
            self._rewrite_at = now + REWRITE_US
            await self._write_all()

    async def _write_all(self) -> None:
        """Write in portions. What changes meanwhile is marked by `note` and goes with the next portion."""
        while True:
            changed = list(islice(self._changed, ROWS_AT_ONCE))
            gone = list(islice(self._gone, ROWS_AT_ONCE))
            rows = [self._known[agent] for agent in changed]
            for agent in changed:
                del self._changed[agent]
            for agent in gone:
                del self._gone[agent]
            try:
                await self._presence.store(rows, gone, self._clock.now())
            except (RemoteError, asyncio.CancelledError):
                # nothing says whether it was written: it counts as not, unless something newer is known
                for agent in changed:
                    if agent in self._known:
                        self._changed[agent] = None
                for agent in gone:
                    if agent not in self._known:
                        self._gone[agent] = None
                raise
            if not self._changed and not self._gone:
                return

    async def close(self) -> None:
        """Write the last state and let go. Call it after the task of `run` has ended."""
        await self.flush()
        await self._presence.close()
