"""The Telephony port on AMI: effects go out as actions, events come in as observations.

Rule 1: `perform` writes at once and awaits nothing; what became of a ring comes back as an observation.
Rule 2: after every login, before anything else: whose pool is this (epoch), what do we serve (routes), what lives
(snapshot). Until the snapshot is in, the engine offers nothing on this node. A wish to look again goes the same way;
one round after the other (rounds.py).
Rule 3: when somebody else owns the pool (claim.py), it is told, and from then on nothing is done here.
Rule 4: until `own` is called this router only stands by: it is logged in, knows whether the node is fit, claims nothing
and tells nothing. What changes something goes through the gate (gate.py), and through nothing else.
Rule 5: between a login and its snapshot nobody is hung up or sent anywhere: the wish is from before a blind spot, and
who rang then may talk by now. The resync wishes again for what is still to be done.
Rule 6: new rules go the same way but for the legs: what was told of them is as true as before. Of phones that are new
to us the legs are asked for, and nobody else's.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from router.adapters.ami import actions, resync
from router.adapters.ami.asking import DEADLINE_S, Asking
from router.adapters.ami.calling import EXISTS, Calling
from router.adapters.ami.claim import Claim
from router.adapters.ami.fitness import why_unfit
from router.adapters.ami.gate import Gate, Withheld
from router.adapters.ami.limits import Counters
from router.adapters.ami.parse import WANTED, Malformed, Reading, observe
from router.adapters.ami.parse import Numbers as Numbers
from router.adapters.ami.phones import Phones
from router.adapters.ami.ringing import Ringing
from router.adapters.ami.rounds import Rounds
from router.adapters.ami.routes import Routes
from router.adapters.ami.session import AmiAddress, Session
from router.adapters.ami.wire import Block, Reply
from router.domain.errors import RemoteError, RouterError
from router.domain.ids import Micros, OfferId
from router.domain.messages.effects import (
    Announce,
    AnswerCaller,
    AnswerPhone,
    CallCustomer,
    Effect,
    EndLeg,
    LookAgain,
    RingAgent,
    SendCaller,
)
from router.domain.messages.observations import (
    EndpointSeen,
    LegSnapshot,
    NodeLost,
    OriginateFailed,
    OwnerSeen,
    PhonesSeen,
    Resynced,
)
from router.domain.rulebook.rules import Rules
from router.ports import Clock, ObservationSink, Tenure
from router.trace.recorder import Recorder

log = logging.getLogger(__name__)

_SNAPSHOT_DEADLINE_S = 15.0
_NEWS_FIRST_S = 0.5
"Asterisk answers at once and tells its events in turn; what we learn meanwhile is newer than the answer."


class AmiTelephony:
    """One Asterisk node. Built inside a running loop; `run` lives as long as the router."""

    def __init__(
        self,
        address: AmiAddress,
        *,
        node: str,
        pool: str,
        clock: Clock,
        tenure: Tenure,
        sink: ObservationSink,
        numbers: Numbers,
        endpoints: Callable[[], Iterable[str]],
        rules: Rules,
        trace: Recorder | None = None,
        max_originates: int = 50,
    ) -> None:
        self.node = node
        self.malformed = self.failed_actions = 0
        self.unfit: str | None = None
        "Why this Asterisk cannot serve us, in a sentence; nothing is claimed and nobody rung there."
        self.synced = False
        "Whether a snapshot was taken since the latest login."
        self._pool = pool
        self._clock = clock
        self._tenure = tenure
        self._sink = sink
        self._numbers = numbers
        self._rules = rules
        self._trace = trace
        self._beat = 0
        self._deposed = self._owns = False
        self._told_lost = False
        "Whether the end of this connection was told before the session had noticed it."
        self._reading = Reading(
            node=node,
            caller_number=numbers.caller,
            dialled_number=numbers.dialled,
            clock=clock.now,
            country_of=numbers.country_of,
        )
        self.session = Session(
            address, wanted=WANTED, on_event=self._on_event, on_up=self._on_up, on_down=self._on_down
        )
        self._rounds = Rounds(node, self._take_over, lambda: self.session.connected)
        self.gate = Gate(
            self.session,
            tenure,
            perform=self.perform,
            look_again=self._start_resync,
            owner_epoch=lambda: self._claim.look(),
            deposed=lambda epoch: self._depose(OwnerSeen(pool=pool, epoch=epoch)),
        )
        self.ringing = Ringing(max_originates, give=self._ring, hold=self.gate.hold, failed=self._not_rung)
        self.calling = Calling(self.gate, pool=pool, sink=sink, now=clock.now)
        self._asking = Asking(self.gate)
        self._claim = Claim(pool, tenure, self._asking)
        self._phones = Phones(self._asking, endpoints)
        self._routes = Routes(pool, self._asking)

    @property
    def epoch(self) -> int:
        """Ours once claimed; 0 before."""
        return self._claim.epoch

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
        return None if self.synced or not self._owns else "The state of Asterisk is being read."

    async def run(self) -> None:
        """Stay connected until cancelled."""
        try:
            await self.session.run()
        finally:
            self._rounds.stop()
            self.gate.close()

    def own(self) -> None:
        """The pool's lease is ours: claim it here too, and tell from now on what is seen."""
        self._owns = True
        if self.session.connected:
            self._start_resync()

    # ---- outwards ----

    def perform(self, effect: Effect) -> None:
        if self._deposed or not self._owns:
            return  # who takes over asks Asterisk first, and then decides
        try:
            self._do(effect)
        except Withheld:
            self.gate.hold(effect)

    def _do(self, effect: Effect) -> None:
        match effect:
            case RingAgent():
                self.ringing.ring(effect)
            case EndLeg() if self.ringing.withdraw(OfferId(effect.leg)):
                pass
            case EndLeg() | SendCaller() if not self.synced:
                self.failed_actions += 1  # rule 5; what was decided after Asterisk was asked needs another look
                if self.session.connected:
                    self._start_resync()
            case EndLeg():
                self._send(actions.end(effect), effect)
            case CallCustomer():
                self.calling.call(effect)
            case SendCaller():
                self._send(actions.send(effect), effect)
            case AnswerCaller():
                self._send(actions.answer(effect), effect)
            case Announce() if self.synced:  # else it is out of date before it could be heard
                self._send(actions.announce(effect), effect, hurry=False)
            case AnswerPhone():
                self._send(actions.say(effect))
            case LookAgain():
                self._start_resync()

    def publish(self, rules: Rules) -> None:
        """Take new rules: Asterisk is told which numbers we serve, and asked for the phones of whoever is new."""
        self._rules = rules
        if self.session.connected:
            self._start_resync(legs=False)

    def beat(self, count: int) -> None:
        self._beat = count
        if self.session.connected and self._claim.stands and not self._deposed:
            with suppress(Withheld):
                self._send(actions.set_global(f"ACD_HB_{self._pool}", str(count)))

    def call_in(self, digits: str) -> None:
        self._send(actions.call_in(digits))

    def _not_rung(self, effect: RingAgent, why: str) -> None:
        exists = EXISTS in why.lower()
        self._sink(OriginateFailed(offer_id=effect.offer_id, reason=why, at=self._clock.now(), exists=exists))

    def _ring(self, effect: RingAgent) -> asyncio.Future[Reply] | None:
        try:
            answer = self.gate.send(actions.ring(effect, pool=self._pool, epoch=self.epoch), DEADLINE_S)
        except Withheld:
            raise
        except RouterError as error:
            if not self.session.connected:
                self._out_of_sight()
            self._not_rung(effect, error.error_id)
            return None

        def answered(done: asyncio.Future[Reply]) -> None:
            if done.cancelled():
                return
            # After a lost connection nobody knows whether the leg was made: the resync will tell.
            if done.exception() is not None:
                self.failed_actions += 1
            elif not done.result().ok:
                self._not_rung(effect, done.result().message)

        answer.add_done_callback(answered)
        self._mark(effect, answer)
        return answer

    def _send(self, action: actions.Action, effect: Effect | None = None, *, hurry: bool = True) -> None:
        """Send and forget; a refusal is counted (a leg that is gone already is the usual reason)."""
        try:
            answer = self.gate.send(action, DEADLINE_S, hurry=hurry)
        except Withheld:
            raise
        except RouterError:
            self.failed_actions += 1
            return
        answer.add_done_callback(self._count_failure)
        if effect is not None:
            self._mark(effect, answer)

    def _mark(self, effect: Effect, answer: asyncio.Future[Reply]) -> None:
        if self._trace is not None:
            self._trace.wrote(effect)
            answer.add_done_callback(partial(self._mark_answer, self._trace, effect))

    @staticmethod
    def _mark_answer(trace: Recorder, effect: Effect, done: asyncio.Future[Reply]) -> None:
        if not done.cancelled():
            trace.answered(effect, done.exception() is None and done.result().ok)

    def _count_failure(self, done: asyncio.Future[Reply]) -> None:
        if not done.cancelled() and (done.exception() is not None or not done.result().ok):
            self.failed_actions += 1

    # ---- inwards ----

    def _on_event(self, block: Block) -> None:
        if not self._owns:
            return
        seen = observe(block, self._reading)
        if seen is None:
            return
        if isinstance(seen, Malformed):
            self.malformed += 1
            log.warning("an event lacks a header it must have", extra={"event_name": seen.event, "header": seen.header})
            return
        if isinstance(seen, OwnerSeen):
            self._on_owner(seen)
            return
        if isinstance(seen, EndpointSeen):
            self._phones.hear(seen)
        if self._trace is not None:
            self._trace.seen(seen, self.session.read_at)
        self._sink(seen)

    def _on_owner(self, seen: OwnerSeen) -> None:
        """Another router's claim; one that is no match for ours has to hear of ours, and may have overwritten it."""
        if seen.pool != self._pool or seen.router == self._tenure.owner or self._deposed:
            return
        beaten = self._claim.hear(seen)
        if not self.epoch:
            return  # still claiming: `Claim.make` compares
        if beaten:
            self._depose(seen)
        else:
            self._start_resync()

    def _depose(self, seen: OwnerSeen) -> None:
        if not self._deposed:
            self._deposed = True
            self._rounds.stop()
            self.gate.close()
            self.ringing.forget()
            self._sink(seen)

    def _on_up(self) -> None:
        self._routes.forget()
        self._claim.forget()
        self._phones.forget()
        self.synced, self._told_lost = False, False
        if not self._deposed:
            self._rounds.start_afresh()

    def _on_down(self, reason: str) -> None:
        self._rounds.stop()
        self._out_of_sight()
        self._told_lost = False
        self.gate.disconnected()

    def _out_of_sight(self) -> None:
        """Told before any ring that fails for it: else its caller would be offered to one agent after the other."""
        if self._owns and not self._told_lost:
            self._told_lost = True
            self._sink(NodeLost(node=self.node))

    # ---- taking over ----

    def _start_resync(self, *, legs: bool = True) -> None:
        if not self._deposed:
            self._rounds.start(legs=legs)

    async def _take_over(self, legs: bool) -> None:
        """Rule 2; rule 6 without the `legs`."""
        self.unfit = await why_unfit(self._asking, self.node)
        if self.unfit is not None:
            raise RemoteError("ami-unfit", self.unfit)
        if not self._owns:
            self._rounds.rest_can_wait()
            await self._phones.ask(hurry=False)
            return
        owner = await self._claim.make()
        if owner is not None:
            self._depose(owner)
            return
        self.beat(self._beat)
        await self._routes.publish(actions.routes(self._rules, self._numbers.forms))
        asked_at: Micros = self._clock.now()
        await self._phones.ask()
        if legs or not self.synced:
            await self._look_at_legs()
        else:
            await self._look_at_phones(asked_at)
        self._rounds.rest_can_wait()
        if self._rounds.another:
            return
        async for endpoint, reachable in self._phones.news():
            self._sink(EndpointSeen(endpoint=endpoint, reachable=reachable, at=self._clock.now()))

    async def _look_at_legs(self) -> None:
        """The legs last. Where we miss nothing their answer lets news go first: who has just ended is not in it."""
        asked_at: Micros = self._clock.now()
        legs = await self._legs()
        if self.synced:
            await asyncio.sleep(_NEWS_FIRST_S)
        self.synced = True
        self._sink(
            Resynced(
                node=self.node,
                legs=legs,
                reachable=self._phones.reachable,
                epoch=self.epoch,
                asked_at=asked_at,
                at=self._clock.now(),
            )
        )

    async def _look_at_phones(self, asked_at: Micros) -> None:
        new = self._phones.new
        legs = [leg for leg in await self._legs() if leg.endpoint in new] if new else []
        self._sink(
            PhonesSeen(
                node=self.node,
                reachable=self._phones.reachable,
                legs=tuple(legs),
                asked_at=asked_at,
                at=self._clock.now(),
            )
        )

    async def _legs(self) -> tuple[LegSnapshot, ...]:
        answer = await self._asking.ask(actions.status(), _SNAPSHOT_DEADLINE_S)
        return resync.leg_snapshots(answer.items, self._reading)
