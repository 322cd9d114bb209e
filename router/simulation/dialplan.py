"""The modelled dialplan: where each leg is, who may talk to whom, what happens when nobody decides.

Modelled from dialplans/ and Asterisk 22: the caller's lock lets exactly one agent's leg talk and goes with its leg;
`Bridge(…,F(acd-after))` keeps the caller when the agent's leg ends; `acd-after` hangs up after 2 s without a decision;
with no heartbeat for 10 s a waiting caller falls back.
"""

from random import Random
from typing import Protocol

from router.domain.ids import SECOND, ContactId, LegId, Micros
from router.domain.messages.observations import (
    CallerFellBack,
    CallerReturned,
    LegAppeared,
    LegBridged,
    LegEnded,
    LegUnbridged,
    OfferTurnedAway,
    TalkBegins,
)
from router.simulation.clock import Act, VirtualClock
from router.simulation.legs import Leg, Phone, Place, TrueLife, TrueTalk
from router.simulation.wire import MILLISECOND, Wire

TICK_US = 2 * SECOND
"What a waiting caller's leg looks at it looks at so often: `ACD_TICK_S` in dialplans/extensions.d/00-globals.conf."
HEARTBEAT_US = 10 * SECOND
AFTER_US = 2 * SECOND
MESSAGE_US = 3 * SECOND
STALE_MARK_US = 2 * TICK_US


class People(Protocol):
    """Those on the phones; Asterisk tells them what they hear."""

    def phone_rings(self, phone: Phone, leg: Leg) -> None:
        """An agent's phone has the INVITE. Whatever they do about it they do later."""
        ...

    def asked_to_press(self, leg: Leg) -> None: ...

    def talk_begins(self, caller: Leg, agent: Leg) -> None: ...

    def caller_waits(self, caller: Leg) -> None: ...

    def asked_to_confirm(self, caller: Leg) -> None:
        """A caller hears that they may be called back, and should press 1."""
        ...

    def customer_rings(self, leg: Leg) -> None:
        """The phone of somebody who is called back rings."""
        ...


class Dialplan:
    def __init__(self, name: str, clock: VirtualClock, dice: Random, wire: Wire, people: People) -> None:
        self.name = name
        self.clock = clock
        self.wire = wire
        self.people = people
        self.legs: dict[LegId, Leg] = {}
        self.phones: dict[str, Phone] = {}
        self.lives: dict[ContactId, TrueLife] = {}
        self._dice = dice
        self.epoch = 1
        "ACD_EPOCH_<pool>: of the router that owns the pool."
        self._locks: dict[ContactId, Leg] = {}
        self._serial = 0

    # ---- an agent's leg on its way to the caller ----

    def take(self, leg: Leg) -> None:
        """The lock, a look at the caller under it, the mark, and the word to the router that the talk begins."""
        if leg.epoch != self.epoch:
            self.turn_away(leg, "stale-epoch")
            return
        caller = self.legs.get(leg.caller) if leg.caller is not None else None
        if caller is None or leg.contact_id is None or leg.offer_id is None:
            self.turn_away(leg, "caller-left")
            return
        holder = self._locks.get(leg.contact_id)
        if holder is not None and holder is not leg:
            self.turn_away(leg, "taken")
            return
        self._locks[leg.contact_id] = leg
        if caller.state != "waiting":
            self.turn_away(leg, "taken")
            return
        caller.state = leg.state = "talking"
        caller.offer_id, caller.agent_id, caller.talk_at = leg.offer_id, leg.agent_id, self.clock.now
        begins = TalkBegins(offer_id=leg.offer_id, contact_id=leg.contact_id, at=self.clock.now)
        self.wire.report(leg.leg, begins)
        self.clock.later(STALE_MARK_US, lambda: self._unmark(caller))
        self.plan(leg, MILLISECOND, lambda: self._bridge(leg, caller))

    def _unmark(self, caller: Leg) -> None:
        """A caller marked as talking who still waits lost their agent between mark and bridge."""
        if caller.place is Place.WAIT and caller.state == "talking":
            caller.state = "waiting"

    def _bridge(self, leg: Leg, caller: Leg) -> None:
        if not caller.alive or caller.life is None or leg.agent_id is None:
            self.turn_away(leg, "caller-left")
            return
        now = self.clock.now
        self._serial += 1
        bridge = f"bridge-{self._serial}"
        for one, other in ((caller, leg), (leg, caller)):
            self.move(one, Place.BRIDGE)
            one.bridge, one.partner = bridge, other
            self.wire.report(one.leg, LegBridged(leg=one.leg, bridge=bridge, at=now))
        caller.life.talks.append(TrueTalk(agent_id=leg.agent_id, from_at=now))
        self.people.talk_begins(caller, leg)

    def turn_away(self, leg: Leg, why: str) -> None:
        self.move(leg, Place.TURNED_AWAY)
        if leg.offer_id is not None:
            self.wire.report(leg.leg, OfferTurnedAway(offer_id=leg.offer_id, why=why, at=self.clock.now))
        self.plan(leg, SECOND, lambda: self.end(leg, 16))

    # ---- where legs are ----

    def plan(self, leg: Leg, delay_us: Micros, act: Act) -> None:
        """Do it later, unless the leg has gone elsewhere by then."""
        moves = leg.moves
        self.clock.later(delay_us, lambda: act() if leg.moves == moves else None)

    def end(self, leg: Leg, cause: int, tech_cause: str | None = None) -> None:
        """The channel is hung up."""
        if not leg.alive:
            return
        now = self.clock.now
        if leg.bridge:
            self.part(leg, leg)
        self.move(leg, Place.GONE)
        self.unlock(leg)
        del self.legs[leg.leg]
        if leg.life is not None:
            leg.life.ended_at = now
        phone = self.phones.get(leg.endpoint)
        if phone is not None:
            del phone.in_hand[leg.leg]
        self.wire.report(leg.leg, LegEnded(leg=leg.leg, cause=cause, tech_cause=tech_cause, at=now))

    def part(self, leg: Leg, ending: Leg | None) -> None:
        """Both leave the bridge: the agent's `Bridge()` returns, or its leg ends and the caller goes to `acd-after`."""
        other = leg.partner
        if other is None:
            return
        now = self.clock.now
        for one in (leg, other):
            self.wire.report(one.leg, LegUnbridged(leg=one.leg, bridge=one.bridge, at=now))
            one.bridge, one.partner = "", None
        caller, agent = (leg, other) if leg.life is not None else (other, leg)
        if caller.life is not None:
            caller.life.talks[-1].to_at = now
        if ending is agent:
            self._after(caller)
        else:
            self.move(agent, Place.BRIDGE)
            self.plan(agent, self._dice.randint(100, 5 * MILLISECOND), lambda: self.end(agent, 16))

    def _after(self, caller: Leg) -> None:
        self.move(caller, Place.AFTER)
        caller.state = "after"
        if caller.contact_id is not None:
            self.wire.report(caller.leg, CallerReturned(contact_id=caller.contact_id, at=self.clock.now))
        self.plan(caller, AFTER_US, lambda: self.end(caller, 16))

    def wait(self, caller: Leg) -> None:
        self.move(caller, Place.WAIT)
        self.people.caller_waits(caller)
        self.plan(caller, HEARTBEAT_US, lambda: self._listen(caller))

    def _listen(self, caller: Leg) -> None:
        """The dialplan's watch over the router's heartbeat."""
        since = self.wire.silent_since
        left_us = HEARTBEAT_US if since is None else since + HEARTBEAT_US - self.clock.now
        if left_us > 0:
            self.plan(caller, left_us, lambda: self._listen(caller))
        else:
            self.fall_back(caller)

    def fall_back(self, caller: Leg) -> None:
        if caller.contact_id is None:
            return
        if self._locks.get(caller.contact_id, caller) is not caller:
            self.wait(caller)
            return
        self._locks[caller.contact_id] = caller
        self.move(caller, Place.FALLBACK)
        caller.state = "fallback"
        fell = CallerFellBack(contact_id=caller.contact_id, reason="router-silent", at=self.clock.now)
        self.wire.report(caller.leg, fell)
        self.plan(caller, MESSAGE_US, lambda: self.end(caller, 16))

    def move(self, leg: Leg, place: Place) -> None:
        if leg.place is Place.AFTER and leg.life is not None:
            leg.life.talks[-1].after_until_at = self.clock.now
        leg.place = place
        leg.moves += 1
        leg.moved_at = self.clock.now

    def unlock(self, leg: Leg) -> None:
        if leg.contact_id is not None and self._locks.get(leg.contact_id) is leg:
            del self._locks[leg.contact_id]

    def new_leg(self, endpoint: str, place: Place, name: LegId | None = None) -> Leg:
        self._serial += 1
        leg_id = name or LegId(f"{self.name}-{self.clock.now // SECOND}.{self._serial}")
        leg = Leg(
            leg=leg_id, channel=f"PJSIP/{endpoint}-{self._serial:08x}", endpoint=endpoint, linkedid=leg_id, place=place
        )
        leg.moved_at = self.clock.now
        self.legs[leg_id] = leg
        if endpoint in self.phones:
            self.wire.report(
                leg_id,
                LegAppeared(
                    leg=leg_id,
                    endpoint=endpoint,
                    channel=leg.channel,
                    linkedid=leg.linkedid,
                    node=self.name,
                    at=self.clock.now,
                ),
            )
        return leg
