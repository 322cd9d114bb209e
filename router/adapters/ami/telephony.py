"""The Telephony port on AMI: effects go out as actions, events come in as observations.

Rule 1: `perform` writes at once and awaits nothing; what became of a ring comes back as an observation.
Rule 2: after every login, before anything else: whose pool is this (epoch), what do we serve (routes), what lives
(snapshot). Until the snapshot is in, the engine offers nothing on this node. New rules and a wish to look again go the
same way, one after the other; what fails is tried again.
Rule 3: a higher epoch than ours means somebody else owns the pool. It is told, and from then on nothing is done here.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from router.adapters.ami import actions, resync
from router.adapters.ami.limits import Counters
from router.adapters.ami.parse import WANTED, Malformed, Reading, is_reachable, observe, whole_number
from router.adapters.ami.session import AmiAddress, Session
from router.adapters.ami.wire import Block, Reply
from router.domain.effects import AnswerPhone, Effect, EndLeg, LookAgain, RingAgent, SendCaller
from router.domain.errors import RemoteError, RouterError
from router.domain.ids import Micros
from router.domain.observations import EndpointSeen, NodeLost, OriginateFailed, OwnerSeen, Resynced
from router.domain.rules import Rules
from router.ports import Clock, ObservationSink

log = logging.getLogger(__name__)

_ACTION_DEADLINE_S = 5.0
_SNAPSHOT_DEADLINE_S = 15.0
_AT_ONCE = 100
"Questions asked before their answers are awaited: far below the session's limit, so that rings always find room."
_RETRY_S = 1.0
_EXISTS = "exists"
OLDEST, TOO_NEW = 221001, 230000
"`VERSION(ASTERISK_VERSION_NUM)`: 22.10.1 is the first without the twenty advisories of that release's change log."
CONTEXTS = ("acd-wait", "acd-agent", "acd-after", "acd-closing", "acd-fallback")
"What a contact needs; `ringfair doctor` looks for the rest."
_Item = TypeVar("_Item")


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
        self.unfit: str | None = None
        "Why this Asterisk cannot serve us, in a sentence; nothing is claimed and nobody rung there."
        self.synced = False
        "Whether a snapshot was taken since the latest login."
        self._pool = pool
        self._clock = clock
        self._sink = sink
        self._numbers = numbers
        self._endpoints = endpoints
        self._rules = rules
        self._published: dict[str, str | None] = {}
        "Global → value as Asterisk acknowledged it; None: ours, but who knows what it is now."
        self._heard: dict[str, bool] = {}
        "endpoint → reachable, as events told since the latest snapshot began: newer than its answers."
        self._beat = 0
        self._claimed = False
        "Whether the pool is ours on this connection."
        self._deposed = False
        self._resync: asyncio.Task[None] | None = None
        self._again = False
        self._retry: asyncio.TimerHandle | None = None
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
        if self._deposed:
            return "Another router has taken this pool over."
        if self.session.refused is not None:
            return f"Asterisk refuses our login: {self.session.refused}. Check user, secret and permit in manager.conf."
        if not self.session.connected:
            return "There is no connection to Asterisk's manager interface; `ringfair doctor` looks for the reason."
        if self.unfit is not None:
            return self.unfit
        return None if self.synced else "The state of Asterisk is being read."

    async def run(self) -> None:
        """Stay connected until cancelled."""
        try:
            await self.session.run()
        finally:
            self._stop_resync()

    # ---- outwards ----

    def perform(self, effect: Effect) -> None:
        if self._deposed:
            return
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
        """Take new rules: Asterisk is told which numbers we serve, and asked for the phones of whoever is new."""
        self._rules = rules
        if self.session.connected:
            self._start_resync()

    def beat(self, count: int) -> None:
        self._beat = count
        if self.session.connected and self._claimed and not self._deposed:
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
        if isinstance(seen, EndpointSeen):
            self._heard[seen.endpoint] = seen.reachable
        self._sink(seen)

    def _depose(self, seen: OwnerSeen) -> None:
        self._deposed = True
        self._sink(seen)

    def _on_up(self) -> None:
        self._published = dict.fromkeys(self._published)
        self._claimed = self.synced = False
        self._start_resync()

    def _on_down(self, reason: str) -> None:
        self._stop_resync()
        self._sink(NodeLost(node=self.node))

    # ---- taking over ----

    def _start_resync(self) -> None:
        """One at a time. What is wanted while one is under way may come too late for it, so another follows."""
        if self._deposed:
            return
        if self._resync is not None and not self._resync.done():
            self._again = True
            return
        self._stop_resync()
        self._resync = asyncio.get_running_loop().create_task(self._take_over(), name=f"resync {self.node}")
        self._resync.add_done_callback(self._resync_done)

    def _stop_resync(self) -> None:
        for handle in (self._resync, self._retry):
            if handle is not None:
                handle.cancel()
        self._resync = self._retry = None
        self._again = False

    def _resync_done(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            if self._again:
                self._start_resync()
        elif self.session.connected:  # else the next login begins anew
            log.error("the resync failed and is tried again", extra={"node": self.node, "why": str(error)})
            self._retry = asyncio.get_running_loop().call_later(_RETRY_S, self._start_resync)

    async def _take_over(self) -> None:
        """Rule 2."""
        await self._check_node()
        await self._claim()
        if self._deposed:
            return
        self.beat(self._beat)
        await self._publish_routes()
        reachable = await self._ask_phones()
        # The legs last: what changes between their answer and the engine is a matter of microseconds.
        asked_at: Micros = self._clock.now()
        legs = await self._ask(actions.status(), _SNAPSHOT_DEADLINE_S)
        self._sink(
            Resynced(
                node=self.node,
                legs=resync.leg_snapshots(legs.items, self._reading),
                reachable=reachable | self._heard,
                epoch=self.epoch,
                asked_at=asked_at,
                at=self._clock.now(),
            )
        )
        self.synced = True

    async def _check_node(self) -> None:
        systemname = await self._get("SYSTEMNAME")
        version = await self._get("VERSION(ASTERISK_VERSION_NUM)")
        absent = [context for context in CONTEXTS if await self._get(f"DIALPLAN_EXISTS({context},s,1)") != "1"]
        self.unfit = None
        if systemname != self.node:
            self.unfit = (
                f"Asterisk calls itself {systemname!r}; the configuration says {self.node!r}. "
                "Set systemname in asterisk.conf and [asterisk] systemname alike."
            )
        elif not OLDEST <= (whole_number(version) or 0) < TOO_NEW:
            self.unfit = f"Asterisk's version number is {version!r}; 22.10.1 or later is needed, and before 23."
        elif absent:
            self.unfit = (
                f"Asterisk's dialplan lacks {', '.join(absent)}. Copy dialplans/extensions.d there, include it and "
                "`dialplan reload`."
            )
        if self.unfit is not None:
            raise RemoteError("ami-unfit", self.unfit)

    async def _claim(self) -> None:
        """Own the pool at Asterisk: a higher epoch than any before, or find that somebody else does."""
        name = f"ACD_EPOCH_{self._pool}"
        seen = whole_number(await self._get(name)) or 0
        if self.epoch and seen > self.epoch:
            self._depose(OwnerSeen(pool=self._pool, epoch=seen))
            return
        epoch = self.epoch or seen + 1
        if seen != epoch:  # never written twice: an owner who came after us must not be overwritten by our return
            await self._ask(actions.set_global(name, str(epoch)))
        self.epoch = epoch
        await self._ask(actions.owner(self._pool, epoch))
        self._claimed = True

    async def _publish_routes(self) -> None:
        """Bring the numbers Asterisk serves in line with the rules; those no longer ours become unknown ones."""
        wanted = actions.routes(self._rules, self._numbers.forms)
        changes = {name: "" for name in self._published if name not in wanted}
        changes |= {name: value for name, value in wanted.items() if self._published.get(name) != value}
        for batch in _batches(list(changes.items())):
            await asyncio.gather(*(self._ask(actions.set_global(name, value)) for name, value in batch))
            self._published.update(batch)
        self._published = dict(wanted)

    async def _ask_phones(self) -> dict[str, bool]:
        """endpoint → reachable: what Asterisk lists, and one by one our agents' phones that it does not."""
        self._heard = {}
        listed = await self._ask(actions.device_states(), _SNAPSHOT_DEADLINE_S)
        reachable = resync.phones(listed.items)
        for batch in _batches([endpoint for endpoint in self._endpoints() if endpoint not in reachable]):
            states = await asyncio.gather(*(self._get(actions.device_state(endpoint)) for endpoint in batch))
            reachable.update(zip(batch, map(is_reachable, states), strict=True))
        return reachable

    async def _get(self, variable: str) -> str:
        value = (await self._ask(actions.get_global(variable))).block.get("value")
        return "" if value == "(null)" else value

    async def _ask(self, action: actions.Action, deadline_s: float = _ACTION_DEADLINE_S) -> Reply:
        reply = await self.session.send(action, deadline_s)
        if not reply.ok:
            raise RemoteError("ami-refused", f"Asterisk refused {action['Action']}: {reply.message}", retryable=True)
        return reply


def _batches(items: Sequence[_Item]) -> Iterable[Sequence[_Item]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
