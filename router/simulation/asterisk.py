"""One modelled Asterisk node: carries out what the router orders and what people do on their phones.

An `Originate` with a ChannelId that lives is refused; a hang-up sent before the leg exists finds nothing. What becomes
of a leg once it is in the dialplan is told in dialplan.py.
"""

from random import Random

from router.domain.ids import SECOND, CampaignName, ContactId, LegId, Micros
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
    CallerKeyed,
    CallerNotTaken,
    CallerSentOff,
    CallerTransferred,
    ContactArrived,
    EndpointSeen,
    HangupAsked,
    LegAnswered,
    LegHeld,
    LegRinging,
    LegUnheld,
    OriginateFailed,
    PhoneAsked,
    Resynced,
)
from router.simulation.calling_back import CallingBack
from router.simulation.clock import VirtualClock
from router.simulation.dialplan import MESSAGE_US, People
from router.simulation.legs import Leg, Phone, Place, TrueLife
from router.simulation.wire import MILLISECOND, Wire

FEATURE_US = 3 * SECOND
ACCEPT_US = 5 * SECOND


class Asterisk(CallingBack):
    def __init__(self, name: str, clock: VirtualClock, dice: Random, wire: Wire, people: People) -> None:
        super().__init__(name, clock, dice, wire, people)
        wire.snapshot = self.snapshot
        self.askings, self.numbers, self.callers_of = {}, {}, {}
        self.on_call = lambda leg: None

    # ---- what the router orders ----

    def perform(self, effect: Effect, epoch: int) -> None:
        """An order of the router of that epoch. What callers hear is not modelled: nobody's way depends on it."""
        if isinstance(effect, Announce):
            return
        self.wire.order(lambda: self._obey(effect, epoch))

    def _obey(self, effect: Effect, epoch: int) -> None:
        match effect:
            case RingAgent():
                self._originate(effect, epoch)
            case EndLeg():
                leg = self.legs.get(effect.leg)
                if leg is not None:
                    self.end(leg, 16)
            case SendCaller():
                leg = self.legs.get(effect.leg)
                if leg is not None:
                    self._redirect(leg, effect.context, effect.exten)
            case CallCustomer():
                self.call_customer(effect)
            case AnswerPhone():
                leg = self.legs.get(effect.leg)
                if leg is not None and leg.place is Place.FEATURE:
                    self.move(leg, Place.FEATURE)
                    self.plan(leg, SECOND, lambda: self.end(leg, 16))
            case AnswerCaller():
                pass  # callers of the model are answered at once
            case LookAgain():
                self.wire.look_again()

    def _originate(self, effect: RingAgent, epoch: int) -> None:
        now, offer_id = self.clock.now, effect.offer_id
        if LegId(offer_id) in self.legs:
            self.wire.report(offer_id, OriginateFailed(offer_id=offer_id, reason="0", at=now, exists=True))
            return
        phone = self.phones[effect.dial.removeprefix("PJSIP/")]
        if not phone.reachable:
            self.wire.report(offer_id, OriginateFailed(offer_id=offer_id, reason="0", at=now))
            return
        leg = self.new_leg(phone.endpoint, Place.DIALLING, LegId(offer_id))
        leg.contact_id, leg.offer_id, leg.agent_id = effect.contact_id, offer_id, effect.agent_id
        leg.caller, leg.epoch = effect.caller_leg, epoch
        leg.whisper_us = 800 * MILLISECOND if effect.whisper else 5 * MILLISECOND
        leg.press_one, leg.callback = effect.press_one, effect.callback
        busy = bool(phone.in_hand)
        phone.in_hand[leg.leg] = leg
        self.plan(leg, effect.timeout_us, lambda: self.end(leg, 19, "SIP 487"))
        if busy:
            self.refuse(leg, 17, "SIP 486")
        else:
            self.people.phone_rings(phone, leg)

    def _redirect(self, leg: Leg, context: str, exten: str) -> None:
        if leg.bridge:
            self.part(leg, None)
        match context:
            case "acd-wait":
                leg.state = "waiting"
                self.unlock(leg)
                self.wait(leg)
            case "acd-external":
                self._sent_off(leg, "outside")
                self._outside(leg, exten.partition("~")[0])
            case "acd-closing" | "acd-voicemail":
                self._sent_off(leg, "outside" if context == "acd-voicemail" else "fallback")
                self.plan(leg, MESSAGE_US, lambda: self.end(leg, 16))
            case "acd-callback":
                self.callback_room(leg, exten)
            case "acd-fallback":
                self.fall_back(leg)

    def _sent_off(self, leg: Leg, state: str) -> None:
        """No late agent's leg has them from now on, unless one has them in this moment."""
        self.move(leg, Place.CLOSING)
        if leg.contact_id is not None and self._locks.setdefault(leg.contact_id, leg) is leg:
            leg.state = state
            self.wire.report(leg.leg, CallerSentOff(contact_id=leg.contact_id, at=self.clock.now))

    def _outside(self, leg: Leg, number: str) -> None:
        """Somebody outside takes them, or nobody does and they hear music again."""
        ring_us = self._dice.randint(SECOND, 8 * SECOND)
        if self._dice.random() < 0.5:
            self.plan(leg, 2 * ring_us, lambda: self.end(leg, 16))
        else:
            self.plan(leg, ring_us, lambda: self._not_taken(leg, f"dial:{number}"))

    def _not_taken(self, leg: Leg, target: str) -> None:
        if leg.contact_id is not None:
            leg.state = "waiting"
            self.unlock(leg)
            told = CallerNotTaken(contact_id=leg.contact_id, target=target, why="busy", at=self.clock.now)
            self.wire.report(leg.leg, told)
            self.wait(leg)

    # ---- what callers do ----

    def call_in(self, campaign: CampaignName, dnis: str, ani: str) -> Leg:
        """A caller reaches the inbound context and begins to wait."""
        leg = self.new_leg("trunk", Place.WAIT)
        leg.contact_id, leg.campaign = ContactId(leg.leg), campaign
        leg.dnis, leg.ani, leg.arrived_at, leg.state, leg.up = dnis, ani, self.clock.now, "waiting", True
        leg.life = self.lives[leg.contact_id] = TrueLife(
            contact_id=leg.contact_id, arrived_at=self.clock.now, blind=not self.wire.up
        )
        self.numbers[leg.contact_id] = campaign, ani
        self.callers_of.setdefault((campaign, ani), []).append(leg.contact_id)
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
        self.wait(leg)
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
        leg.up, leg.state = True, "offered"  # from here on its card is unpacked
        self.move(leg, Place.WHISPER)
        self.wire.report(leg.leg, LegAnswered(leg=leg.leg, at=self.clock.now))
        if leg.press_one:
            self.people.asked_to_press(leg)
            self.plan(leg, ACCEPT_US, lambda: self.decline(leg))
        else:
            self.plan(leg, leg.whisper_us, lambda: self._accepted(leg))

    def press_one(self, leg: Leg) -> None:
        if leg.place is Place.WHISPER:
            self._accepted(leg)

    def _accepted(self, leg: Leg) -> None:
        if leg.callback:
            self.move(leg, Place.WHISPER)  # pressing 1 has no deadline any more
            self.agent_is_ready(leg)
        else:
            self.take(leg)

    def decline(self, leg: Leg) -> None:
        if leg.place is Place.WHISPER:
            self.turn_away(leg, "declined")

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
        self.part(leg, None)
        caller.state = "waiting"
        moved = CallerTransferred(contact_id=caller.contact_id, exten=exten, at=self.clock.now)
        self.wire.report(caller.leg, moved)
        self.wait(caller)
        self.end(leg, 16)

    def private_call(self, phone: Phone, for_us: Micros) -> None:
        leg = self.new_leg(phone.endpoint, Place.PRIVATE)
        phone.in_hand[leg.leg] = leg
        self.plan(leg, for_us, lambda: self.hang_up(leg))

    def feature_code(self, phone: Phone, code: str, arg: str = "") -> None:
        leg = self.new_leg(phone.endpoint, Place.FEATURE)
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
            # A late double of a device's state would be a lie that no later word corrects.
            self.wire.report(phone.endpoint, seen, once=True)
            if not reachable:
                for leg in list(phone.in_hand.values()):
                    self.end(leg, 44)

    # ---- what a resync sees ----

    def snapshot(self, asked_at: Micros) -> Resynced:
        """Every leg that lives now, with its variables."""
        return Resynced(
            node=self.name,
            legs=tuple(leg.snapshot() for leg in self.legs.values()),
            reachable={endpoint: phone.reachable for endpoint, phone in self.phones.items()},
            epoch=self.epoch,
            asked_at=asked_at,
            at=self.clock.now,
        )
