"""One modelled Asterisk node: carries out effects by the rules of our dialplan and says what it does.

Modelled from dialplans/ and from Asterisk 22: the caller's lock lets exactly one agent's leg talk and goes with its leg;
`Bridge(…,F(acd-after))` keeps the caller when the agent's leg ends; `acd-after` hangs up after 2 s without a decision;
an `Originate` with a ChannelId that lives is refused; with no heartbeat for 10 s a waiting caller falls back; a hang-up
sent before the leg exists finds nothing.
"""

from collections.abc import Callable
from random import Random
from typing import Protocol

from router.domain.effects import AnswerPhone, Effect, EndLeg, LookAgain, RingAgent, SendCaller
from router.domain.ids import SECOND, CampaignName, ContactId, LegId, Micros
from router.domain.observations import (
    CallerFellBack,
    CallerKeyed,
    CallerReturned,
    CallerTransferred,
    ContactArrived,
    EndpointSeen,
    HangupAsked,
    LegAnswered,
    LegAppeared,
    LegBridged,
    LegEnded,
    LegHeld,
    LegRinging,
    LegSnapshot,
    LegUnbridged,
    LegUnheld,
    OfferTurnedAway,
    OriginateFailed,
    PhoneAsked,
    Resynced,
    TalkBegins,
)
from router.simulation.clock import Act, VirtualClock
from router.simulation.legs import Leg, Phone, Place, TrueLife, TrueTalk
from router.simulation.wire import MILLISECOND, Wire

HEARTBEAT_US = 10 * SECOND
AFTER_US = 2 * SECOND
FEATURE_US = 3 * SECOND
MESSAGE_US = 3 * SECOND
STALE_MARK_US = 2 * SECOND


class People(Protocol):
    """Those on the phones; Asterisk tells them what they hear."""

    def phone_rings(self, phone: Phone, leg: Leg) -> None:
        """An agent's phone has the INVITE. Whatever they do about it they do later."""
        ...

    def asked_to_press(self, leg: Leg) -> None: ...

    def talk_begins(self, caller: Leg, agent: Leg) -> None: ...

    def caller_waits(self, caller: Leg) -> None: ...


class Asterisk:
    def __init__(self, name: str, clock: VirtualClock, dice: Random, wire: Wire, people: People) -> None:
        self.name = name
        self.clock = clock
        self.wire = wire
        self.people = people
        self.legs: dict[LegId, Leg] = {}
        self.phones: dict[str, Phone] = {}
        self.lives: dict[ContactId, TrueLife] = {}
        self._dice = dice
        self._locks: dict[ContactId, Leg] = {}
        self._serial = 0
        wire.snapshot = self.snapshot

    # ---- what the router orders ----

    def perform(self, effect: Effect) -> None:
        self.wire.order(lambda: self._obey(effect))

    def _obey(self, effect: Effect) -> None:
        match effect:
            case RingAgent():
                self._originate(effect)
            case EndLeg():
                leg = self.legs.get(effect.leg)
                if leg is not None:
                    self.end(leg, 16)
            case SendCaller():
                leg = self.legs.get(effect.leg)
                if leg is not None:
                    self._redirect(leg, effect.context)
            case AnswerPhone():
                leg = self.legs.get(effect.leg)
                if leg is not None and leg.place is Place.FEATURE:
                    self._move(leg, Place.FEATURE)
                    self.plan(leg, SECOND, lambda: self.end(leg, 16))
            case LookAgain():
                self.wire.look_again()

    def _originate(self, effect: RingAgent) -> None:
        now, offer_id = self.clock.now, effect.offer_id
        if LegId(offer_id) in self.legs:
            self.wire.report(offer_id, OriginateFailed(offer_id=offer_id, reason="0", at=now, exists=True))
            return
        phone = self.phones[effect.dial.removeprefix("PJSIP/")]
        if not phone.reachable:
            self.wire.report(offer_id, OriginateFailed(offer_id=offer_id, reason="0", at=now))
            return
        leg = self._new_leg(phone.endpoint, Place.DIALLING, LegId(offer_id))
        leg.contact_id, leg.offer_id, leg.agent_id = effect.contact_id, offer_id, effect.agent_id
        leg.state, leg.caller = "offered", effect.caller_leg
        leg.whisper_us = 800 * MILLISECOND if effect.whisper else 5 * MILLISECOND
        leg.press_one = effect.press_one
        busy = bool(phone.in_hand)
        phone.in_hand[leg.leg] = leg
        self.plan(leg, effect.timeout_us, lambda: self.end(leg, 19, "SIP 487"))
        if busy:
            self.refuse(leg, 17, "SIP 486")
        else:
            self.people.phone_rings(phone, leg)

    def _redirect(self, leg: Leg, context: str) -> None:
        if leg.bridge:
            self._part(leg, None)
        match context:
            case "acd-wait":
                leg.state = "waiting"
                self._unlock(leg)
                self._wait(leg)
            case "acd-closing":
                self._move(leg, Place.CLOSING)
                self.plan(leg, MESSAGE_US, lambda: self.end(leg, 16))
            case "acd-fallback":
                self._fall_back(leg)

    # ---- what callers do ----

    def call_in(self, campaign: CampaignName, dnis: str, ani: str) -> Leg:
        """A caller reaches the inbound context and begins to wait."""
        leg = self._new_leg("trunk", Place.WAIT)
        leg.contact_id, leg.campaign = ContactId(leg.leg), campaign
        leg.dnis, leg.ani, leg.arrived_at, leg.state, leg.up = dnis, ani, self.clock.now, "waiting", True
        leg.life = self.lives[leg.contact_id] = TrueLife(contact_id=leg.contact_id, arrived_at=self.clock.now)
        self.wire.report(
            leg.leg,
            ContactArrived(
                contact_id=leg.contact_id,
                leg=leg.leg,
                linkedid=leg.linkedid,
                channel=leg.channel,
                node=self.name,
                campaign=campaign,
                dnis=dnis,
                ani=ani,
                arrived_at=self.clock.now,
                at=self.clock.now,
            ),
        )
        self._wait(leg)
        return leg

    def press_key(self, caller: Leg, key: str) -> None:
        if caller.place is Place.WAIT and caller.contact_id is not None:
            self.wire.report(caller.leg, CallerKeyed(contact_id=caller.contact_id, key=key, at=self.clock.now))

    def hang_up(self, leg: Leg) -> None:
        """The person on this leg puts the phone down."""
        if leg.alive:
            self.wire.report(leg.leg, HangupAsked(leg=leg.leg, at=self.clock.now))
            self.end(leg, 16)

    # ---- what agents' phones do ----

    def ring(self, leg: Leg) -> None:
        if leg.place is Place.DIALLING:
            self.wire.report(leg.leg, LegRinging(leg=leg.leg, at=self.clock.now))

    def refuse(self, leg: Leg, cause: int, tech_cause: str) -> None:
        """A final SIP answer; the Originate fails after the leg's end."""
        if leg.place is Place.DIALLING and leg.offer_id is not None:
            self.end(leg, cause, tech_cause)
            failed = OriginateFailed(offer_id=leg.offer_id, reason=str(cause), at=self.clock.now)
            self.wire.report(leg.leg, failed)

    def answer(self, leg: Leg) -> None:
        if leg.place is not Place.DIALLING:
            return
        leg.up = True
        self._move(leg, Place.WHISPER)
        self.wire.report(leg.leg, LegAnswered(leg=leg.leg, at=self.clock.now))
        if leg.press_one:
            self.people.asked_to_press(leg)
        else:
            self.plan(leg, leg.whisper_us, lambda: self._take(leg))

    def press_one(self, leg: Leg) -> None:
        if leg.place is Place.WHISPER:
            self._take(leg)

    def decline(self, leg: Leg) -> None:
        if leg.place is Place.WHISPER:
            self._turn_away(leg, "declined")

    def hold(self, leg: Leg, on: bool) -> None:
        """The agent puts the caller on hold, or takes them back."""
        caller = leg.partner
        if leg.bridge and caller is not None and caller.life is not None:
            caller.life.talks[-1].holds.append((self.clock.now, on))
            kind = LegHeld if on else LegUnheld
            self.wire.report(leg.leg, kind(leg=leg.leg, at=self.clock.now))

    def transfer(self, leg: Leg, exten: str) -> None:
        """A blind transfer (REFER): the caller lands in `acd-transfer`, the agent's leg ends."""
        caller = leg.partner
        if not leg.bridge or caller is None or caller.contact_id is None:
            return
        self._part(leg, None)
        caller.state = "waiting"
        moved = CallerTransferred(contact_id=caller.contact_id, exten=exten, at=self.clock.now)
        self.wire.report(caller.leg, moved)
        self._wait(caller)
        self.end(leg, 16)

    def private_call(self, phone: Phone, for_us: Micros) -> None:
        leg = self._new_leg(phone.endpoint, Place.PRIVATE)
        phone.in_hand[leg.leg] = leg
        if phone.private_since is None:
            phone.private_since = self.clock.now
        self.plan(leg, for_us, lambda: self.hang_up(leg))

    def feature_code(self, phone: Phone, code: str, arg: str = "") -> None:
        leg = self._new_leg(phone.endpoint, Place.FEATURE)
        phone.in_hand[leg.leg] = leg
        self.wire.report(
            leg.leg,
            PhoneAsked(
                leg=leg.leg,
                channel=leg.channel,
                endpoint=phone.endpoint,
                code=code,
                arg=arg,
                node=self.name,
                at=self.clock.now,
            ),
        )
        self.plan(leg, FEATURE_US, lambda: self.end(leg, 16))

    def set_reach(self, phone: Phone, reachable: bool) -> None:
        """A home line dies or comes back. A talk on it is cut: RTP timeout, cause 44, nobody asked for a hang-up."""
        if phone.reachable is not reachable:
            phone.reachable = reachable
            phone.reach_changed_at = self.clock.now
            seen = EndpointSeen(endpoint=phone.endpoint, reachable=reachable, at=self.clock.now)
            self.wire.report(phone.endpoint, seen)
            if not reachable:
                for leg in list(phone.in_hand.values()):
                    self.end(leg, 44)

    # ---- an agent's leg on its way to the caller ----

    def _take(self, leg: Leg) -> None:
        """The lock, a look at the caller under it, the mark, and the word to the router that the talk begins."""
        caller = self.legs.get(leg.caller) if leg.caller is not None else None
        if caller is None or leg.contact_id is None or leg.offer_id is None:
            self._turn_away(leg, "caller-left")
            return
        holder = self._locks.get(leg.contact_id)
        if holder is not None and holder is not leg:
            self._turn_away(leg, "taken")
            return
        self._locks[leg.contact_id] = leg
        if caller.state != "waiting":
            self._turn_away(leg, "taken")
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
            self._turn_away(leg, "caller-left")
            return
        now = self.clock.now
        self._serial += 1
        bridge = f"bridge-{self._serial}"
        for one, other in ((caller, leg), (leg, caller)):
            self._move(one, Place.BRIDGE)
            one.bridge, one.partner = bridge, other
            self.wire.report(one.leg, LegBridged(leg=one.leg, bridge=bridge, at=now))
        caller.life.talks.append(TrueTalk(agent_id=leg.agent_id, from_at=now))
        self.people.talk_begins(caller, leg)

    def _turn_away(self, leg: Leg, why: str) -> None:
        self._move(leg, Place.TURNED_AWAY)
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
            self._part(leg, leg)
        self._move(leg, Place.GONE)
        self._unlock(leg)
        del self.legs[leg.leg]
        if leg.life is not None:
            leg.life.ended_at = now
        phone = self.phones.get(leg.endpoint)
        if phone is not None:
            del phone.in_hand[leg.leg]
            if not any(other.place is Place.PRIVATE for other in phone.in_hand.values()):
                phone.private_since = None
        self.wire.report(leg.leg, LegEnded(leg=leg.leg, cause=cause, tech_cause=tech_cause, at=now))

    def _part(self, leg: Leg, ending: Leg | None) -> None:
        """Both leave the bridge. The agent's `Bridge()` returns; the caller goes to `acd-after` if the agent's leg ends."""
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
            self._move(agent, Place.BRIDGE)
            self.plan(agent, self._dice.randint(100, 5 * MILLISECOND), lambda: self.end(agent, 16))

    def _after(self, caller: Leg) -> None:
        self._move(caller, Place.AFTER)
        caller.state = "after"
        if caller.contact_id is not None:
            self.wire.report(caller.leg, CallerReturned(contact_id=caller.contact_id, at=self.clock.now))
        self.plan(caller, AFTER_US, lambda: self.end(caller, 16))

    def _wait(self, caller: Leg) -> None:
        self._move(caller, Place.WAIT)
        self.people.caller_waits(caller)
        self.plan(caller, HEARTBEAT_US, lambda: self._listen(caller))

    def _listen(self, caller: Leg) -> None:
        """The dialplan's watch over the router's heartbeat."""
        since = self.wire.silent_since
        left_us = HEARTBEAT_US if since is None else since + HEARTBEAT_US - self.clock.now
        if left_us > 0:
            self.plan(caller, left_us, lambda: self._listen(caller))
        else:
            self._fall_back(caller)

    def _fall_back(self, caller: Leg) -> None:
        if caller.contact_id is None:
            return
        if self._locks.get(caller.contact_id, caller) is not caller:
            self._wait(caller)
            return
        self._locks[caller.contact_id] = caller
        self._move(caller, Place.FALLBACK)
        caller.state = "fallback"
        fell = CallerFellBack(contact_id=caller.contact_id, reason="router-silent", at=self.clock.now)
        self.wire.report(caller.leg, fell)
        self.plan(caller, MESSAGE_US, lambda: self.end(caller, 16))

    def _move(self, leg: Leg, place: Place) -> None:
        if leg.place is Place.AFTER and leg.life is not None:
            leg.life.talks[-1].after_until_at = self.clock.now
        leg.place = place
        leg.moves += 1

    def _unlock(self, leg: Leg) -> None:
        if leg.contact_id is not None and self._locks.get(leg.contact_id) is leg:
            del self._locks[leg.contact_id]

    def _new_leg(self, endpoint: str, place: Place, name: LegId | None = None) -> Leg:
        self._serial += 1
        leg_id = name or LegId(f"{self.name}-{self.clock.now // SECOND}.{self._serial}")
        leg = Leg(
            leg=leg_id, channel=f"PJSIP/{endpoint}-{self._serial:08x}", endpoint=endpoint, linkedid=leg_id, place=place
        )
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

    def snapshot(self, asked_at: Micros) -> Resynced:
        """Every leg that lives now, with its variables."""
        legs = tuple(
            LegSnapshot(
                leg=leg.leg,
                channel=leg.channel,
                endpoint=leg.endpoint,
                linkedid=leg.linkedid,
                up=leg.up,
                bridge=leg.bridge,
                contact_id=leg.contact_id,
                offer_id=leg.offer_id,
                agent_id=leg.agent_id,
                campaign=leg.campaign,
                state=leg.state,
                dnis=leg.dnis,
                ani=leg.ani,
                arrived_at=leg.arrived_at,
                talk_at=leg.talk_at,
            )
            for leg in self.legs.values()
        )
        reachable = {endpoint: phone.reachable for endpoint, phone in self.phones.items()}
        return Resynced(node=self.name, legs=legs, reachable=reachable, asked_at=asked_at, at=self.clock.now)


