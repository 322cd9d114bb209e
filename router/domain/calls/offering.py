"""The life of an offer after it was made, up to the talk or the end of its leg.

Rule 1: an offer's agent is free again only when the offer's leg has ended (or is taken for dead after a grace).
Rule 2: the contact does not wait for that: the moment its last live offer is given up, it stands in line again at its
old age. The contact's lock at Asterisk makes sure that at most one of two answering agents talks.
"""

from typing import Final

from router.domain.contacts.contact import ContactState, ContactStep
from router.domain.contacts.offer import Offer, OfferState, OfferStep, result_of
from router.domain.floor import Floor
from router.domain.ids import Micros, OfferId
from router.domain.messages.effects import EndLeg, LookAgain
from router.domain.messages.events import OfferClosed, OfferRang
from router.domain.messages.observations import (
    LegAnswered,
    LegAppeared,
    LegRinging,
    OfferTurnedAway,
    OriginateFailed,
    TalkBegins,
)
from router.domain.record import Leg, OfferFact, OfferResult
from router.domain.rulebook.conduct import REASONS
from router.domain.staff.aftermath import in_vain
from router.domain.staff.pauses import apply_next

_OFFERED: Final = ContactState.OFFERED
_TO_QUEUE: Final = ContactStep.QUEUE
_FAILED: Final = OfferResult.FAILED
_MISSED: Final = OfferResult.MISSED
_REJECTED: Final = OfferResult.REJECTED
_RESCINDED: Final = OfferResult.RESCINDED
_TAKEN: Final = OfferResult.TAKEN
_UNREGISTERED: Final = OfferResult.UNREGISTERED
_ACCEPTED: Final = OfferState.ACCEPTED
_RESCINDING: Final = OfferState.RESCINDING
_TO_ACCEPT: Final = OfferStep.ACCEPT
_TO_LEG_END: Final = OfferStep.LEG_END
_TO_RESCIND: Final = OfferStep.RESCIND
_TO_RING: Final = OfferStep.RING
"Named once: to read a member from its class costs 50 ns, and these are asked for with every contact."

_TURNED_AWAY = {
    "taken": OfferResult.TAKEN,
    "declined": OfferResult.REJECTED,
    "caller-left": OfferResult.CALLER_LEFT,
    "stale-epoch": OfferResult.RESCINDED,
}


# ---- what the offer's leg does ----


def appeared(floor: Floor, offer: Offer, seen: LegAppeared, now: Micros) -> None:
    """Asterisk made the leg we asked for."""
    if offer.leg_seen_at is None:
        offer.leg_seen_at = now
        offer.linkedid = seen.linkedid
        contact = floor.contacts.get(offer.contact_id)
        if contact is not None:
            contact.agent_legs += (
                Leg(uniqueid=seen.leg, linkedid=seen.linkedid, node=seen.node, agent_id=offer.agent_id),
            )
            floor.stir(contact)
    if offer.state is _RESCINDING:
        floor.effects.append(EndLeg(leg=offer.leg, node=offer.node))


def rings(floor: Floor, offer: Offer, seen: LegRinging, now: Micros) -> None:
    if floor.move_offer(offer, _TO_RING):
        offer.rang = True
        floor.touched[floor.agents[offer.agent_id]] = None
        floor.emit(OfferRang(offer_id=offer.offer_id, agent_id=offer.agent_id))


def answered(floor: Floor, offer: Offer, seen: LegAnswered, now: Micros) -> None:
    """The agent picked up; whisper and press-1 come before the talk, so a deadline of its own begins."""
    if floor.move_offer(offer, _TO_ACCEPT):
        _await_talk(floor, offer, now)


def talk_begins(floor: Floor, seen: TalkBegins, now: Micros) -> None:
    """The leg holds the contact's lock. It counts as answered whatever we saw before; the bridge follows."""
    offer = floor.offers.get(seen.offer_id)
    if offer is None:
        floor.ignore(seen, "no such offer")
        return
    if floor.move_offer(offer, _TO_ACCEPT):
        _await_talk(floor, offer, now)
    contact = floor.contacts.get(offer.contact_id)
    if contact is not None and len(contact.live) > 1 and offer.offer_id in contact.live:
        for other in [other for other in contact.live.values() if other is not offer]:
            rescind(floor, other, _RESCINDED, now)  # rung at the same time; the first has won


def _await_talk(floor: Floor, offer: Offer, now: Micros) -> None:
    """Picked up: the ring's deadline gives way to the one for the talk."""
    offer.rang = True
    offer.deadline_at = now + floor.rules.connect_grace_us
    floor.timers.cancel(("ring", offer.offer_id))
    floor.timers.set(("talk", offer.offer_id), offer.deadline_at)
    floor.touched[floor.agents[offer.agent_id]] = None


def turned_away(floor: Floor, seen: OfferTurnedAway, now: Micros) -> None:
    """The leg was up but may not talk; its result is known before its end."""
    offer = floor.offers.get(seen.offer_id)
    if offer is None:
        floor.ignore(seen, "no such offer")
        return
    if offer.state is not _RESCINDING:
        offer.result = _TURNED_AWAY.get(seen.why, _FAILED)
        contact = floor.contacts.get(offer.contact_id)
        if contact is not None:
            floor.stir(contact)


def originate_failed(floor: Floor, seen: OriginateFailed, now: Micros) -> None:
    """No leg, or no leg any more. When one lived, its own end tells more and has come or will come."""
    offer = floor.offers.get(seen.offer_id)
    if offer is None:
        floor.ignore(seen, "no such offer")
    elif not seen.exists and offer.leg_seen_at is None:
        if offer.result is None:
            # our own words begin with "ami-": the order never reached Asterisk, so nothing is known of the phone
            ours = seen.reason.startswith("ami-")
            offer.result = _FAILED if ours else _UNREGISTERED
        leg_ended(floor, offer, None, None, seen.at, now)


# ---- giving an offer up ----


def rescind(floor: Floor, offer: Offer, result: OfferResult, now: Micros) -> None:
    """Take an offer back: hang up now; `appeared` hangs up again; the leg's end closes it."""
    if not floor.move_offer(offer, _TO_RESCIND):
        return
    offer.result = result
    for what in ("ring", "talk"):
        floor.timers.cancel((what, offer.offer_id))
    floor.timers.set(("rescind", offer.offer_id), now + floor.rules.rescind_grace_us)
    floor.effects.append(EndLeg(leg=offer.leg, node=offer.node))
    _give_back(floor, offer, now)


def ring_deadline(floor: Floor, key: OfferId, now: Micros) -> None:
    """The agent let it ring. A phone that never rang is a dead line, not a person who missed a call."""
    offer = floor.offers[key]
    agent = floor.agents[offer.agent_id]
    result = _MISSED if offer.rang else _UNREGISTERED
    if offer.node not in floor.nodes:
        result = _RESCINDED  # they may well have answered; we could not see it
    if result is _MISSED:
        in_vain(floor, agent, floor.contacts.get(offer.contact_id), result, now)
    rescind(floor, offer, result, now)
    floor.restand(agent, now)


def talk_deadline(floor: Floor, key: OfferId, now: Micros) -> None:
    """Answered, but it never came to a talk."""
    rescind(floor, floor.offers[key], _FAILED, now)


def rescind_deadline(floor: Floor, key: OfferId, now: Micros) -> None:
    """The rescinded leg has not ended. If it was ever seen the phone counts as busy until it does."""
    offer = floor.offers[key]
    if offer.node in floor.nodes:  # else it may talk by now, and the order would reach Asterisk before we know
        floor.effects.append(EndLeg(leg=offer.leg, node=offer.node))
    if offer.leg_seen_at is not None:
        floor.occupy(floor.agents[offer.agent_id], offer.leg, offer.node, offer.leg_seen_at, now)
    _close(floor, offer, None, None, now, now)


def _give_back(floor: Floor, offer: Offer, now: Micros) -> None:
    """The contact stands in line again, unless another offer or a talk has it already."""
    contact = floor.contacts.get(offer.contact_id)
    if contact is None or contact.live.pop(offer.offer_id, None) is None or contact.live:
        return
    if contact.state is _OFFERED:
        floor.move(contact, _TO_QUEUE, now)


# ---- the leg's end ----


def leg_ended(floor: Floor, offer: Offer, cause: int | None, tech_cause: str | None, at: Micros, now: Micros) -> None:
    """The leg of an offer that never talked has ended, or never came to be."""
    if offer.result is None:
        if offer.state is _ACCEPTED:
            offer.result = _REJECTED  # picked up and hung up before the talk
        else:
            offer.result = result_of(cause, tech_cause)
    _close(floor, offer, cause, tech_cause, at, now)


def _close(floor: Floor, offer: Offer, cause: int | None, tech_cause: str | None, at: Micros, now: Micros) -> None:
    agent = floor.agents[offer.agent_id]
    contact = floor.contacts.get(offer.contact_id)
    result = offer.result or _FAILED
    rescinded = offer.state is _RESCINDING
    floor.move_offer(offer, _TO_LEG_END)
    if contact is not None:
        contact.open_offers.pop(offer.offer_id, None)
        if result is _TAKEN and contact.live == {offer.offer_id: offer}:
            # Somebody talks to this caller and we do not know it: ask Asterisk before anybody else is rung.
            floor.park(contact, True, now)
            floor.effects.append(LookAgain(node=contact.node))
    if result in REASONS:
        agent.idle_since = now  # else they are the first to be asked, and the caller after this one pays for it, too
    if result is not _MISSED or not rescinded:  # else it was looked at when the ring was over
        known = result is not _FAILED or offer.leg_seen_at is not None or cause is not None
        in_vain(floor, agent, None if rescinded else contact, result, now, known=known)
    _give_back(floor, offer, now)
    agent.offer = None
    apply_next(floor, agent, now)
    floor.restand(agent, now)
    floor.emit(OfferClosed(fact=fact_of(offer, result, at, cause, tech_cause)))


def fact_of(offer: Offer, result: OfferResult, at: Micros, cause: int | None, tech_cause: str | None) -> OfferFact:
    return OfferFact(
        offer_id=offer.offer_id,
        contact_id=offer.contact_id,
        agent_id=offer.agent_id,
        queue=offer.queue,
        from_at=offer.made_at,
        to_at=max(at, offer.made_at),
        result=result,
        cause=cause,
        tech_cause=tech_cause,
    )
