"""The part of the modelled dialplan that calls people back (35-callback.conf), with what truly became of each promise.

A caller who asks keeps waiting while they hear, and may be taken out of it. An agent who has accepted a call-back waits
until the customer does. Asterisk refuses a leg whose id a living one has, or begins with.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from router.domain.ids import SECOND, CampaignName, ContactId, LegId, Micros
from router.domain.messages.effects import CallCustomer
from router.domain.messages.observations import (
    AgentReady,
    CallbackConfirmed,
    CallerSentOff,
    ContactArrived,
    CustomerNotCalled,
    LegAnswered,
    LegAppeared,
)
from router.simulation.dialplan import MESSAGE_US, Dialplan
from router.simulation.legs import Leg, Place, TrueLife
from router.simulation.wire import MILLISECOND

CONFIRM_US = 6 * SECOND
LOOK_US = 100 * MILLISECOND
_LOOKS = 1500
_LOCK_US, _LOCK_TRIES = 20 * MILLISECOND, 100
CARRIER = "carrier"


@dataclass(slots=True, kw_only=True)
class TrueAsking:
    """Somebody who wanted to be called back, and what they got."""

    contact_id: ContactId
    asked_at: Micros
    told_at: Micros | None = None
    "When they heard that we call."
    calls: list[Leg] = field(default_factory=list)
    "Legs to their phone, the first first."


class CallingBack(Dialplan):
    askings: dict[ContactId, TrueAsking]
    callers_of: dict[tuple[CampaignName, str], list[ContactId]]
    "(campaign, number) → who called from it."
    numbers: dict[ContactId, tuple[CampaignName, str]]
    on_call: Callable[[Leg], None]
    "Told before somebody's phone rings."

    def callers(self, contacts: Iterable[ContactId]) -> int:
        """How many of them called in; the others were called."""
        return sum(promise_of(contact_id) == contact_id for contact_id in contacts)

    def callback_room(self, caller: Leg, exten: str) -> None:
        """The router sends a caller to `acd-callback`."""
        self.move(caller, Place.WAIT)
        match exten:
            case "ask":
                self.plan(caller, CONFIRM_US, lambda: self._wait_on(caller))
                self.people.asked_to_confirm(caller)
            case "no":
                self.plan(caller, MESSAGE_US, lambda: self._wait_on(caller))
            case "promised":
                self._good_bye(caller, _LOCK_TRIES)

    def confirm(self, caller: Leg) -> None:
        """They press 1: call me."""
        if caller.place is not Place.WAIT or caller.contact_id is None:
            return
        contact_id, now = caller.contact_id, self.clock.now
        self.askings.setdefault(contact_id, TrueAsking(contact_id=contact_id, asked_at=now))
        self.wire.report(caller.leg, CallbackConfirmed(contact_id=contact_id, at=now))
        self._wait_on(caller)

    def _wait_on(self, caller: Leg) -> None:
        caller.state = "waiting"
        self.unlock(caller)
        self.wait(caller)

    def _good_bye(self, caller: Leg, tries: int) -> None:
        """Take the caller's lock, so that no late agent's leg has them; say that we call; hang up."""
        assert caller.contact_id is not None
        if self._locks.setdefault(caller.contact_id, caller) is not caller and tries:
            self.plan(caller, _LOCK_US, lambda: self._good_bye(caller, tries - 1))
            return
        caller.state = "fallback"
        self.move(caller, Place.CLOSING)
        asking = self.askings.get(caller.contact_id)
        if asking is None:
            asking = self.askings[caller.contact_id] = TrueAsking(contact_id=caller.contact_id, asked_at=0)
        asking.told_at = asking.told_at or self.clock.now
        self.wire.report(caller.leg, CallerSentOff(contact_id=caller.contact_id, at=self.clock.now))
        self.plan(caller, MESSAGE_US, lambda: self.end(caller, 16))

    # ---- the customer ----

    def call_customer(self, effect: CallCustomer) -> None:
        now, contact_id = self.clock.now, effect.contact_id
        if any(leg.startswith(contact_id) for leg in self.legs):
            exists = CustomerNotCalled(contact_id=contact_id, reason="0", at=now, exists=True)
            self.wire.report(contact_id, exists)
            return
        leg = self.new_leg(CARRIER, Place.DIALLING, LegId(contact_id))
        leg.contact_id, leg.campaign, leg.state = contact_id, effect.campaign, "called"
        leg.dnis, leg.ani, leg.arrived_at = effect.dnis, effect.ani, effect.arrived_at
        leg.life = TrueLife(contact_id=contact_id, arrived_at=now, blind=not self.wire.up)
        self.called(leg)
        appeared = LegAppeared(
            leg=leg.leg, endpoint=CARRIER, channel=leg.channel, linkedid=leg.linkedid, node=self.name, at=now
        )
        self.wire.report(leg.leg, appeared)
        self.plan(leg, effect.timeout_us, lambda: self.customer_fails(leg, 16))
        self.people.customer_rings(leg)

    def called(self, leg: Leg) -> None:
        """A leg to somebody's phone is made."""
        self.on_call(leg)
        asking = self.askings.get(promise_of(leg.contact_id))
        if asking is not None:
            asking.calls.append(leg)

    def customer_fails(self, leg: Leg, cause: int, tech_cause: str | None = None) -> None:
        """Busy, rejected, or let ring for too long."""
        if leg.place is Place.DIALLING and leg.contact_id is not None:
            self.end(leg, cause, tech_cause)
            failed = CustomerNotCalled(contact_id=leg.contact_id, reason=str(cause), at=self.clock.now)
            self.wire.report(leg.leg, failed)

    def customer_answers(self, leg: Leg) -> None:
        """From here on a caller like any other."""
        if leg.place is not Place.DIALLING or leg.contact_id is None or leg.life is None or leg.campaign is None:
            return
        now, leg.up = self.clock.now, True
        self.lives[leg.contact_id] = leg.life
        leg.life.answered_at = now
        self.wire.report(leg.leg, LegAnswered(leg=leg.leg, at=now))
        leg.state = "waiting"
        arrived = ContactArrived(
            contact_id=leg.contact_id,
            leg=leg.leg,
            linkedid=leg.linkedid,
            channel=leg.channel,
            node=self.name,
            campaign=leg.campaign,
            dnis=leg.dnis,
            ani=leg.ani,
            arrived_at=leg.arrived_at or now,
            at=now,
        )
        self.wire.report(leg.leg, arrived)
        self.wait(leg)

    # ---- the agent who waits for them ----

    def agent_is_ready(self, leg: Leg) -> None:
        """They have heard what it is, and accepted: now the customer is called."""
        if leg.epoch != self.epoch:
            self.turn_away(leg, "stale-epoch")
        elif leg.contact_id is not None and leg.offer_id is not None:
            ready = AgentReady(offer_id=leg.offer_id, contact_id=leg.contact_id, at=self.clock.now)
            self.wire.report(leg.leg, ready)
            self._look(leg, _LOOKS)

    def _look(self, leg: Leg, times: int) -> None:
        customer = self.legs.get(leg.caller) if leg.caller is not None else None
        if customer is not None and customer.state == "waiting":
            self.take(leg)
        elif not times:
            self.turn_away(leg, "caller-left")
        else:
            self.plan(leg, LOOK_US, lambda: self._look(leg, times - 1))


def promise_of(contact_id: ContactId | None) -> ContactId:
    """Who asked for the call that this is the contact of; else the contact itself."""
    before, mark, _ = (contact_id or "").rpartition("_cb")
    return ContactId(before) if mark else ContactId(contact_id or "")
