"""The Telephony port on AMI: effects go out as actions, events come in as observations.

Rule 1: `perform` writes at once and awaits nothing; what became of a ring comes back as an observation.
Rule 2: after every login, before anything else: whose pool is this (epoch), what do we serve (routes), what lives
(snapshot). Until the snapshot is in, the engine offers nothing on this node.
Rule 3: a higher epoch than ours means somebody else owns the pool. It is told once and for good.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from router.adapters.ami import actions, resync
from router.adapters.ami.limits import Counters
from router.adapters.ami.parse import WANTED, Malformed, Reading, is_reachable, observe
from router.adapters.ami.session import AmiAddress, Session
from router.adapters.ami.wire import Block, Reply
from router.domain.effects import AnswerPhone, Effect, EndLeg, LookAgain, RingAgent, SendCaller
from router.domain.errors import RemoteError, RouterError
from router.domain.ids import Micros
from router.domain.observations import NodeLost, OriginateFailed, OwnerSeen, Resynced
from router.domain.rules import Rules
from router.ports import Clock, ObservationSink

log = logging.getLogger(__name__)

_ACTION_DEADLINE_S = 5.0
_SNAPSHOT_DEADLINE_S = 15.0
_PHONES_AT_ONCE = 100
_EXISTS = "exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """How this site reads and publishes numbers (router/config/numbers.py)."""

    caller: Callable[[str, str], str]
    dialled: Callable[[str], str]
    forms: Callable[[str], tuple[str, ...]]


class AmiTelephony:
    """One Asterisk node. Built inside a running loop; `run` lives as long as the router."""

    def __init__(
        self,
        address: AmiAddress,
        *,
        node: str,
        pool: str,
        clock: Clock,
        sink: ObservationSink,
        numbers: Numbers,
        endpoints: Callable[[], Iterable[str]],
        rules: Rules,
    ) -> None:
        self.node = node
        self.epoch = 0
        "Ours once claimed; 0 before the first login."
        self.malformed = 0
        self.failed_actions = 0
        self.wrong_node: str | None = None
        self.synced = False
        "Whether a snapshot was taken since the latest login."
        self._pool = pool
        self._clock = clock
        self._sink = sink
        self._numbers = numbers
        self._endpoints = endpoints
        self._rules = rules
        self._published: dict[str, str] = {}
        self._beat = 0
        self._deposed = False
        self._resync: asyncio.Task[None] | None = None
        self._reading = Reading(
            node=node, caller_number=numbers.caller, dialled_number=numbers.dialled, clock=clock.now
        )
        self.session = Session(
            address, wanted=WANTED, on_event=self._on_event, on_up=self._on_up, on_down=self._on_down
        )

    @property
    def counters(self) -> Counters:
        return self.session.counters

    @property
    def trouble(self) -> str | None:
        """Why nothing can be offered on this node, in a sentence; None when all is well."""
        if self.session.refused is not None:
            return f"Asterisk refuses our login: {self.session.refused}. Check user, secret and permit in manager.conf."
        if not self.session.connected:
            return "There is no connection to Asterisk's manager interface; `ringfair doctor` looks for the reason."
        if self.wrong_node is not None:
            return f"Asterisk calls itself {self.wrong_node!r}; the configuration says {self.node!r}."
        return None if self.synced else "The state of Asterisk is being read."

    async def run(self) -> None:
        """Stay connected until cancelled."""
        try:
            await self.session.run()
        finally:
            if self._resync is not None:
                self._resync.cancel()

    # ---- outwards ----

    def perform(self, effect: Effect) -> None:
        match effect:
            case RingAgent():
                self._ring(effect)
            case EndLeg():
                self._send(actions.end(effect))
            case SendCaller():
                self._send(actions.send(effect))
            case AnswerPhone():
                self._send(actions.say(effect))
            case LookAgain():
                self._start_resync()

    def publish(self, rules: Rules) -> None:
        """Tell Asterisk which numbers we serve; numbers no longer served become unknown ones."""
        self._rules = rules
        wanted = actions.routes(rules, self._numbers.forms)
        for name in self._published.keys() - wanted.keys():
            self._send(actions.set_global(name, ""))
        for name, value in wanted.items():
            if self._published.get(name) != value:
                self._send(actions.set_global(name, value))
        self._published = wanted if self.session.connected else {}

    def beat(self, count: int) -> None:
        self._beat = count
        if self.session.connected and self.epoch and not self._deposed:
            self._send(actions.set_global(f"ACD_HB_{self._pool}", str(count)))

    def call_in(self, digits: str) -> None:
        self._send(actions.call_in(digits))

    def _ring(self, effect: RingAgent) -> None:
        try:
            answer = self.session.send(actions.ring(effect, pool=self._pool, epoch=self.epoch), _ACTION_DEADLINE_S)
        except RouterError as error:
            self._sink(OriginateFailed(offer_id=effect.offer_id, reason=error.error_id, at=self._clock.now()))
            return

        def answered(done: asyncio.Future[Reply]) -> None:
            if done.cancelled():
                return
            error = done.exception()
            if error is None and done.result().ok:
                return
            # After a lost connection nobody knows whether the leg was made: the resync will tell.
            if error is not None:
                self.failed_actions += 1
                return
            message = done.result().message
            self._sink(
                OriginateFailed(
                    offer_id=effect.offer_id,
                    reason=message,
                    at=self._clock.now(),
                    exists=_EXISTS in message.lower(),
                )
            )

        answer.add_done_callback(answered)

    def _send(self, action: actions.Action) -> None:
        """Send and forget; a refusal is counted (a leg that is gone already is the usual reason)."""
        try:
            answer = self.session.send(action, _ACTION_DEADLINE_S)
        except RouterError:
            self.failed_actions += 1
            return
        answer.add_done_callback(self._count_failure)

    def _count_failure(self, done: asyncio.Future[Reply]) -> None:
        if not done.cancelled() and (done.exception() is not None or not done.result().ok):
            self.failed_actions += 1

    # ---- inwards ----

    def _on_event(self, block: Block) -> None:
        seen = observe(block, self._reading)
        if seen is None:
            return
        if isinstance(seen, Malformed):
            self.malformed += 1
            log.warning("an event lacks a header it must have", extra={"event_name": seen.event, "header": seen.header})
            return
        if isinstance(seen, OwnerSeen):
            if seen.pool == self._pool and self.epoch and seen.epoch > self.epoch:
                self._depose(seen)
            return
        self._sink(seen)

    def _depose(self, seen: OwnerSeen) -> None:
        self._deposed = True
        self._sink(seen)

    def _on_up(self) -> None:
        self._published = {}
        self.synced = False
        self._start_resync()

    def _on_down(self, reason: str) -> None:
        if self._resync is not None:
            self._resync.cancel()
            self._resync = None
        self._sink(NodeLost(node=self.node))

    def _start_resync(self) -> None:
        if self._resync is not None and not self._resync.done():
            return
        self._resync = asyncio.get_running_loop().create_task(self._take_over(), name=f"resync {self.node}")
        self._resync.add_done_callback(self._resync_done)

    def _resync_done(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.error("the resync failed and is tried again", extra={"node": self.node, "why": str(error)})
            asyncio.get_running_loop().call_later(1.0, self._retry_resync)

    def _retry_resync(self) -> None:
        if self.session.connected and not self._deposed:
            self._start_resync()

    async def _take_over(self) -> None:
        """Rule 2."""
        await self._check_node()
        await self._claim()
        if self._deposed:
            return
        self.publish(self._rules)
        self.beat(self._beat)
        await self._snapshot()

    async def _check_node(self) -> None:
        systemname = await self._get("SYSTEMNAME")
        self.wrong_node = None if systemname == self.node else systemname
        if self.wrong_node is not None:
            raise RemoteError(
                "ami-wrong-node",
                f"Asterisk calls itself {systemname!r}; the configuration says {self.node!r}. "
                "Set systemname in asterisk.conf and [asterisk] systemname alike.",
            )

    async def _claim(self) -> None:
        """Own the pool at Asterisk: a higher epoch than any before, or find that somebody else does."""
        name = f"ACD_EPOCH_{self._pool}"
        found = await self._get(name)
        seen = int(found) if found.isascii() and found.isdigit() else 0
        if not self.epoch:
            self.epoch = seen + 1
        elif seen > self.epoch:
            self._depose(OwnerSeen(pool=self._pool, epoch=seen))
            return
        await self.session.send(actions.set_global(name, str(self.epoch)), _ACTION_DEADLINE_S)
        await self.session.send(actions.owner(self._pool, self.epoch), _ACTION_DEADLINE_S)

    async def _get(self, variable: str) -> str:
        reply = await self.session.send(actions.get_global(variable), _ACTION_DEADLINE_S)
        value = reply.block.get("value")
        return "" if value == "(null)" else value

    async def _snapshot(self) -> None:
        asked_at: Micros = self._clock.now()
        legs = await self.session.send(actions.status(), _SNAPSHOT_DEADLINE_S)
        if not legs.ok:
            raise RemoteError("ami-status-refused", f"Asterisk refused Status: {legs.message}", retryable=True)
        phones = await self.session.send(actions.device_states(), _SNAPSHOT_DEADLINE_S)
        reachable = resync.phones(phones.items)
        missing = [endpoint for endpoint in self._endpoints() if endpoint not in reachable]
        for start in range(0, len(missing), _PHONES_AT_ONCE):
            batch = missing[start : start + _PHONES_AT_ONCE]
            asked = [self.session.send(actions.device_state(endpoint), _ACTION_DEADLINE_S) for endpoint in batch]
            for endpoint, reply in zip(batch, await asyncio.gather(*asked), strict=True):
                reachable[endpoint] = is_reachable(reply.block.get("value"))
        self._sink(
            Resynced(
                node=self.node,
                legs=resync.leg_snapshots(legs.items),
                reachable=reachable,
                asked_at=asked_at,
                at=self._clock.now(),
            )
        )
        self.synced = True
