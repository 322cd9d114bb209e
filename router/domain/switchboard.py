"""The switchboard: whose leg is it? What is seen of one goes to whoever has it: an offer, a caller, a talk, a phone.

Rule 1: a leg is in one hand. It is looked for where it means most, and what belongs to nobody here means nothing.
Rule 2: a leg that has ended is gone for good: whatever is told of it later is old news.
"""

from typing import Final

from router.domain.calls import departure, offering, owing, talk
from router.domain.floor import Floor
from router.domain.ids import Micros, OfferId
from router.domain.lobby import keys, reception
from router.domain.messages.observations import (
    CallerKeyed,
    HangupAsked,
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegHeld,
    LegRinging,
    LegUnheld,
)
from router.domain.record import EndedBy
from router.domain.staff import aftermath

_BY_AGENT: Final = EndedBy.AGENT
_BY_CALLER: Final = EndedBy.CALLER
"Named once: to read a member from its class costs 50 ns, and these are asked for with every contact."


def leg_appeared(floor: Floor, seen: LegAppeared, now: Micros) -> None:
    if seen.leg in floor.past or seen.leg in floor.private or seen.leg in floor.assignments:
        return
    offer = floor.offers.get(OfferId(seen.leg))
    if offer is not None:
        offering.appeared(floor, offer, seen, now)
        return
    called = floor.by_leg.get(seen.leg)
    if called is not None:
        owing.appeared(floor, called, seen, now)
        return
    agent = floor.by_endpoint.get(seen.endpoint)
    if agent is not None:
        floor.occupy(agent, seen.leg, seen.node, now, now)


def leg_ringing(floor: Floor, seen: LegRinging, now: Micros) -> None:
    offer = floor.offers.get(OfferId(seen.leg))
    if offer is not None:
        offering.rings(floor, offer, seen, now)


def leg_answered(floor: Floor, seen: LegAnswered, now: Micros) -> None:
    offer = floor.offers.get(OfferId(seen.leg))
    if offer is not None:
        offering.answered(floor, offer, seen, now)
        return
    called = floor.by_leg.get(seen.leg)
    if called is not None:
        reception.was_answered(floor, called)
        owing.picked_up(floor, called, seen.at, now)


def leg_held(floor: Floor, seen: LegHeld | LegUnheld, now: Micros) -> None:
    assignment = floor.assignments.get(seen.leg)
    if assignment is not None:
        talk.held(floor, assignment, seen, now)


def hangup_asked(floor: Floor, seen: HangupAsked, now: Micros) -> None:
    contact = floor.by_leg.get(seen.leg)
    if contact is not None:
        contact.ended_by = contact.ended_by or _BY_CALLER
        floor.stir(contact)
        return
    assignment = floor.assignments.get(seen.leg)
    contact = floor.contacts.get(assignment.contact_id) if assignment is not None else None
    if contact is not None:
        contact.ended_by = contact.ended_by or _BY_AGENT
        floor.stir(contact)


def leg_ended(floor: Floor, seen: LegEnded, now: Micros) -> None:
    if seen.leg in floor.past:
        floor.ignore(seen, "ended already")
        return
    floor.past.add(seen.leg)  # late news of it means nothing
    contact = floor.by_leg.get(seen.leg)
    if contact is not None:
        departure.caller_ended(floor, contact, seen, now)
        return
    offer = floor.offers.get(OfferId(seen.leg))
    if offer is not None:
        offering.leg_ended(floor, offer, seen.cause, seen.tech_cause, seen.at, now)
        return
    assignment = floor.assignments.get(seen.leg)
    if assignment is not None:
        talk.talk_ended(floor, assignment, seen.at, now)
        return
    aftermath.private_leg_ended(floor, seen.leg, now)


def caller_keyed(floor: Floor, seen: CallerKeyed, now: Micros) -> None:
    contact = floor.contacts.get(seen.contact_id)
    if contact is None or not contact.is_waiting or not seen.key:
        return
    if contact.live:
        contact.keyed = seen.key
    else:
        keys.press(floor, contact, seen.key, now)
