"""The judge's book of call-backs: what callers were told, against what they got.

Rule 1: who was told that we call is called, unless somebody of their number was spoken to before, or nobody could be
reached in time: no death of anybody takes a promise away. Who calls again and is told so again is owed one call in all.
Rule 2: nobody is reached twice for one promise, as far as a router could know: what one has heard of and written down
its successor knows. What happened to the last moments before a death may have to be done again.
Rule 3: each try has an id of its own, written down before it: none is made twice.
Rule 4: why a promise is said to be over is what truly happened.
"""

from collections import Counter
from collections.abc import Callable

from router.domain.contacts.callback import PromiseEnd, TryResult
from router.domain.floor import Floor
from router.domain.ids import SECOND, ContactId, Micros, QueueName
from router.domain.messages.events import CallbackEnded, CallbackPromised, CallbackTried, Event
from router.domain.rulebook.rules import CallbackRules
from router.simulation.asterisk import Asterisk
from router.simulation.calling_back import TrueAsking, promise_of
from router.simulation.legs import Leg, TrueLife

_LONG_US = 3 * SECOND
"A talk that cannot be missed."


class Promises:
    def __init__(self, asterisk: Asterisk, floor: Floor, blame: Callable[[str, str], None]) -> None:
        self._asterisk = asterisk
        self._floor = floor
        self._blame = blame
        self._closed: dict[ContactId, Micros] = {}
        "When an owner said last that nothing is owed any more, and its successors agree."
        self._reached: dict[ContactId, Micros] = {}
        "When an owner heard that they are on the phone."
        self._forgiven: dict[ContactId, None] = {}
        "Redis lost what it had promised to keep."
        self._lost: list[tuple[Micros, Micros]] = []
        "Spans of what dead routers learned and may not have written down."
        self._called: dict[str, Micros] = {}
        "Ids that were called, and when."
        self.ends: Counter[PromiseEnd] = Counter()
        asterisk.on_call = self._is_called

    def counts(self) -> dict[str, int]:
        """For the report."""
        told = sum(asking.told_at is not None for asking in self._asterisk.askings.values())
        return {"call-backs promised": told} | {f"call-backs {end}": self.ends[end] for end in PromiseEnd}

    # ---- what is said ----

    def heard(self, event: Event) -> None:
        """Of the owner."""
        if isinstance(event, CallbackTried) and event.result is TryResult.ANSWERED:
            self._reached[event.promise_id] = self._asterisk.clock.now
        if isinstance(event, CallbackPromised):
            self._closed.pop(event.promise_id, None)  # asked for once more, after it could not be written down
        if isinstance(event, CallbackEnded):
            self._over(event)

    def _over(self, event: CallbackEnded) -> None:
        now, promise_id = self._asterisk.clock.now, event.promise_id
        asking = self._asterisk.askings.get(promise_id)
        if asking is None:
            self._say(f"a promise to {promise_id} is over that nobody asked for")
            return
        self._closed[promise_id] = now
        self.ends[event.result] += 1
        if not self._is_so(event, asking, now):
            self._say(f"the promise to {promise_id} is said to be over: {event.result}")

    def _is_so(self, event: CallbackEnded, asking: TrueAsking, now: Micros) -> bool:
        """Rule 4."""
        asterisk, calls = self._asterisk, asking.calls
        rules = self._rules(event.queue)
        match event.result:
            case PromiseEnd.KEPT:
                return any(leg.life is not None and leg.life.talks for leg in calls)
            case PromiseEnd.LEFT:
                return any(leg.life is not None and leg.life.answered_at is not None for leg in calls)
            case PromiseEnd.GIVEN_UP:
                return rules is None or event.tries >= rules.tries
            case PromiseEnd.EXPIRED:
                return (
                    rules is None or now >= asking.asked_at + rules.expires_us
                )  # at the soonest: time may stand still
            case PromiseEnd.WITHDRAWN:
                return any(life.talks for life in (asterisk.lives[asking.contact_id], *self._others(asking)))
        return asking.told_at is None

    def _rules(self, name: QueueName) -> CallbackRules | None:
        queue = self._floor.rules.queues.get(name)
        return None if queue is None else queue.callback

    def may_take_a_place(self, contact_id: ContactId) -> bool:
        """Whether their number called before: then they may have an old place (owing.py, redial.py)."""
        asterisk, first_id = self._asterisk, promise_of(contact_id)
        number = asterisk.numbers.get(first_id)
        return number is not None and asterisk.callers_of[number][0] != first_id

    def _others(self, asking: TrueAsking) -> list[TrueLife]:
        """Who called from the same number."""
        asterisk = self._asterisk
        same = asterisk.callers_of[asterisk.numbers[asking.contact_id]]
        return [asterisk.lives[contact_id] for contact_id in same if contact_id != asking.contact_id]

    # ---- what is done ----

    def _is_called(self, leg: Leg) -> None:
        """Somebody's phone is about to ring."""
        now, promise_id = self._asterisk.clock.now, promise_of(leg.contact_id)
        asking = self._asterisk.askings.get(promise_id)
        if asking is None or not asking.asked_at:
            self._say(f"{leg.leg} is called and nobody asked for it")
            return
        before, self._called[leg.leg] = self._called.get(leg.leg), now
        if before is not None and self._must_be_known(promise_id, before):
            self._blame(f"{leg.leg} is called a second time", "double_offers")
        if any(other.alive for other in asking.calls):
            self._blame(f"{leg.leg} is called while {promise_id} is on the phone", "double_offers")
        for life in self._others(asking):
            if asking.told_at is not None and life.arrived_at > asking.told_at and self._was_heard(life, now):
                self._say(f"{leg.leg} is called though {life.contact_id} was spoken to")
        for what, since in (("were reached", self._reached), ("were owed nothing", self._closed)):
            at = since.get(promise_id)
            if at is not None and self._must_be_known(promise_id, at):
                self._blame(f"{leg.leg} is called after they {what}", "double_offers")

    def _was_heard(self, life: TrueLife, now: Micros) -> bool:
        """Whether they talked, and a router must know."""
        talked_at = next((talk.from_at for talk in life.talks if (talk.to_at or now) - talk.from_at > _LONG_US), now)
        return talked_at + _LONG_US < now and not life.blind

    def _must_be_known(self, promise_id: ContactId, at: Micros) -> bool:
        """Whether what an owner knew at this instant its successors know, too."""
        return promise_id not in self._forgiven and not any(since <= at <= to for since, to in self._lost)

    # ---- deaths ----

    def succeeded(self, floor: Floor, lost_since: Micros, *, forgot: bool) -> None:
        """Another router took over: it must owe what was owed."""
        self._floor = floor
        now = self._asterisk.clock.now
        self._lost.append((0 if forgot else lost_since, now))
        for promise_id, asking in self._asterisk.askings.items():
            if promise_id in floor.promises:
                self._closed.pop(promise_id, None)
            elif asking.told_at is not None and promise_id not in self._forgiven and not self._is_over(asking, floor):
                if not forgot:
                    self._blame(f"{promise_id} was promised a call, and the successor does not know", "lost")
                self._forgiven[promise_id] = None

    def _is_over(self, asking: TrueAsking, floor: Floor) -> bool:
        """Whether their call is owed no longer, or is owed to them under the name of an earlier call of theirs."""
        names = [life.contact_id for life in self._others(asking) if life.arrived_at < (asking.told_at or 0)]
        return asking.contact_id in self._closed or any(
            name in floor.promises or self._closed.get(name, -1) >= (asking.told_at or 0) for name in names
        )

    def close_the_book(self, floor: Floor) -> None:
        """Everybody has gone home."""
        if floor.promises:
            self._say(f"{len(floor.promises)} promises are left")
        for promise_id, asking in self._asterisk.askings.items():
            if asking.told_at is None or promise_id in self._forgiven:
                continue
            if not self._is_over(asking, floor):
                self._blame(f"{promise_id} was promised a call, and nothing came of it", "lost")
        told = sum(asking.told_at is not None for asking in self._asterisk.askings.values())
        if told > 20 and not self.ends[PromiseEnd.KEPT]:
            self._say(f"{told} were promised a call, and none was kept")

    def _say(self, what: str) -> None:
        self._blame(what, "broken")
