"""Call-backs in the reference: a place in line that nobody is on the phone for, kept at the age of who asked for it.

An agent accepts first, then the customer's phone rings; who picks up is a caller like any other, at the same place. In
vain, the place is gone for a while and comes back. Who has called meanwhile, and who is called before an agent has
accepted, is looked at elsewhere (tests/domain/test_promise_days.py).
"""

from dataclasses import dataclass

from router.domain.ids import SECOND, CampaignName, Micros, QueueName
from router.domain.rulebook.rules import CallbackRules, Rules
from tests.model.calls import Calls
from tests.model.reference import Caller

_PATIENCE_US = 5 * SECOND


@dataclass(slots=True, kw_only=True, eq=False)
class Promise:
    name: str
    "Of the caller who asked."
    campaign: str
    queue: str
    terms: CallbackRules
    as_asked: Caller
    "Age, points and what is known of them are kept from one place to the next."
    entered_at: Micros
    expires_at: Micros
    state: str = "promised"
    "promised (in line), resting, calling (their phone rings)"
    tries: int = 0
    place: Caller | None = None


class Owed(Calls):
    def __init__(self, rules: Rules, now: Micros) -> None:
        super().__init__(rules, now)
        self.promises: list[Promise] = []

    def promise_of(self, name: str) -> Promise:
        return next(promise for promise in self.promises if promise.name == name)

    # ---- asked for, and in line ----

    def asks(self, name: str) -> bool:
        """They ask to be called, confirm, hear that it is written down, and are let go."""
        caller = self.caller(name)
        queue = self.rules.queues.get(QueueName(caller.queue))
        if queue is None or queue.callback is None or caller.named or caller.campaign not in self.rules.campaigns:
            return False
        self.used["promised to be called back"] += 1
        promise = Promise(
            name=name,
            campaign=caller.campaign,
            queue=caller.queue,
            terms=queue.callback,
            as_asked=caller,
            entered_at=caller.entered_at,
            expires_at=self.now + queue.callback.expires_us,
        )
        self.promises.append(promise)
        self.leaves(caller)
        self._stand(promise, points=caller.points, attempts=0)
        self.settle()
        return True

    def _stand(self, promise: Promise, *, points: int, attempts: int) -> None:
        asked = promise.as_asked
        promise.state = "promised"
        promise.place = Caller(
            name=f"{promise.name}_cb{promise.tries + 1}",
            named=f"{promise.name}_cb",
            order=self.count(),
            campaign=promise.campaign,
            queue=promise.queue,
            arrived_at=asked.arrived_at,
            urgent=self.rules.campaigns[CampaignName(promise.campaign)].emergency,
            told=asked.told,
            entered_at=promise.entered_at,
            points=points,
            attempts=attempts,
            place=True,
        )
        self.callers.append(promise.place)
        self.line_up(promise.place)
        self.set("promise", promise.name, at=promise.expires_at)

    def _take_place(self, promise: Promise) -> None:
        """Nobody is offered it any more, and who is being rung for it is let go."""
        if promise.place is not None and promise.place in self.callers:
            self.leaves(promise.place)
            self.callers.remove(promise.place)
            for agent_name in promise.place.skips:
                self.due.pop(("skip", promise.place.name, agent_name), None)

    def _give_up(self, promise: Promise) -> None:
        self._take_place(promise)
        self.promises.remove(promise)
        self.due.pop(("promise", promise.name), None)

    # ---- called ----

    def agent_is_ready(self, name: str) -> None:
        """They have accepted, so the customer's phone rings; whoever else is rung for this place is let go."""
        self.answers(name)
        ring = self.ring(name)
        promise = self._promise_at(ring.caller)
        if ring.given_up or promise is None:
            return
        for other in [other for other in ring.caller.live if other is not ring]:
            self.used["another was first"] += 1
            self.give_up(other, "rescinded")
        self.set("talk", name, at=self.now + promise.terms.ring_us + self.rules.connect_grace_us)
        if promise.state == "promised":
            self.used["called back"] += 1
            promise.state = "calling"
            promise.tries += 1
            self.set("promise", promise.name, at=self.now + promise.terms.ring_us + _PATIENCE_US)
        self.settle()

    def _promise_at(self, place: Caller) -> Promise | None:
        return next((promise for promise in self.promises if promise.place is place), None)

    def picks_up(self, name: str) -> None:
        """They are on the phone: a caller like any other, whose longest wait begins."""
        caller = self.caller(name)
        promise = self._promise_at(caller)
        assert promise is not None
        self.used["called back, and picked up"] += 1
        self.promises.remove(promise)
        self.due.pop(("promise", promise.name), None)
        caller.place = False
        self.set("wait", name, at=self.now + self.rules.queues[QueueName(caller.queue)].max_wait_us)
        self.settle()

    def not_reached(self, promise: Promise) -> None:
        """Later again, or never."""
        self.used["called back in vain"] += 1
        if promise.tries >= promise.terms.tries:
            self._give_up(promise)
        else:
            self._take_place(promise)
            promise.state = "resting"
            again_at = min(self.now + promise.terms.retry_after_us, promise.expires_at)
            self.set("promise", promise.name, at=again_at)
        self.settle()

    def promise_due(self, name: str) -> None:
        promise = self.promise_of(name)
        place = promise.place
        assert place is not None
        if promise.state == "calling":
            self.not_reached(promise)
        elif promise.state == "promised" and place.live:
            self.used["expires, and somebody is rung for it"] += 1
            self.set("promise", name, at=self.now + _PATIENCE_US)  # who is being rung is not torn away
        elif self.now >= promise.expires_at:
            self.used["a promise expired"] += 1
            self._give_up(promise)
        else:
            self._stand(promise, points=place.points, attempts=place.attempts)

    # ---- other rules ----

    def reread(self) -> None:
        """They go on by the terms there are now, or by those they had; where their queue is gone, at the entry."""
        for promise in list(self.promises):
            own = self.rules.campaigns.get(CampaignName(promise.campaign))
            if own is None:
                self.used["a promise's campaign is gone"] += 1
                self._give_up(promise)
                continue
            if promise.queue not in self.rules.queues:
                self.used["a promise's queue is gone"] += 1
                there = self.rules.campaigns.get(CampaignName(promise.queue.partition("/")[0])) or own
                promise.queue, promise.entered_at = there.entry, self.now
                if promise.place is not None and promise.place in self.callers:
                    promise.place.queue, promise.place.entered_at, promise.place.open_us = there.entry, self.now, 0
            promise.terms = self.rules.queues[QueueName(promise.queue)].callback or promise.terms
