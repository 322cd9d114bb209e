"""The talk: from the moment caller and agent share a bridge to the end of the agent's wrap-up.

Rule 1: a talk begins when both legs are in one bridge, not when somebody answers, and ends when the first of the two
  leaves it. Asterisk's own event log says so too.
Rule 2: the agent's leg ends the assignment; the caller's leg is a matter of its own (see reception.py).
"""

from typing import Final

from router.domain.benches.agent import Agent
from router.domain.calls.offering import fact_of, rescind
from router.domain.calls.owing import talked
from router.domain.contacts.assignment import ASSIGNMENT, Assignment, AssignmentStep
from router.domain.contacts.contact import Contact, ContactState, ContactStep
from router.domain.contacts.offer import Offer, OfferStep
from router.domain.floor import Floor
from router.domain.ids import CampaignName, LegId, Micros, OfferId
from router.domain.messages.effects import EndLeg
from router.domain.messages.events import ContactConnected, ContactHeld, OfferClosed
from router.domain.messages.observations import LegBridged, LegHeld, LegUnbridged, LegUnheld
from router.domain.nothing import NOTHING
from router.domain.record import OfferResult, SegmentKind
from router.domain.rulebook.rules import LONGEST_CALL_US
from router.domain.staff import wrapup
from router.domain.staff.aftermath import answered
from router.domain.tables import step
from router.domain.waiting.acquaintance import has_served

_TO_HOLD: Final = AssignmentStep.HOLD
_TO_LEG_END: Final = AssignmentStep.LEG_END
_TO_UNHOLD: Final = AssignmentStep.UNHOLD
_CONNECTED: Final = ContactState.CONNECTED
_TO_CONNECT: Final = ContactStep.CONNECT
_ANSWERED: Final = OfferResult.ANSWERED
_RESCINDED: Final = OfferResult.RESCINDED
_TAKEN: Final = OfferResult.TAKEN
_OFFER_STEP_CONNECT: Final = OfferStep.CONNECT
_HOLD: Final = SegmentKind.HOLD
_TALK: Final = SegmentKind.TALK
_WAITING: Final = SegmentKind.WAITING
"Named once: to read a member from its class costs 50 ns, and these are asked for with every contact."


def connect(floor: Floor, contact: Contact, offer: Offer, at: Micros, now: Micros) -> None:
    """Caller and agent are in one bridge. Whatever we had decided meanwhile, this is what happened."""
    waited_anew = contact.answered_at is None
    if not taken_up(floor, contact, at, now, by=offer):
        floor.ignore(contact, "in a talk already")
        return
    agent = floor.agents[offer.agent_id]
    floor.move_offer(offer, _OFFER_STEP_CONNECT)
    agent.offer = None
    contact.open_offers.pop(offer.offer_id, None)
    answered(floor, agent, offer, now)
    floor.emit(OfferClosed(fact=fact_of(offer, _ANSWERED, at, None, None)))
    if waited_anew and contact.promise_id is None:  # who was called back has waited for nobody
        floor.paces.answered(contact.queue, at - contact.waits_from, at - offer.made_at)
    begin_assignment(floor, contact, agent, offer.leg, at, now)


def taken_up(floor: Floor, contact: Contact, at: Micros, now: Micros, *, by: Offer | None = None) -> bool:
    """Somebody talks, or talked, to this caller: they wait no more, and nobody else need be rung."""
    if not floor.move(contact, _TO_CONNECT, now):
        return False
    live, contact.live, contact.leaving = contact.live, NOTHING, None
    expected = by is not None and by.offer_id in live
    for other in live.values():
        if other is not by:
            rescind(floor, other, _RESCINDED if expected else _TAKEN, now)
    if contact.answered_at is None:
        contact.answered_at = max(at, contact.arrived_at)
    if floor.promises:
        talked(floor, contact, now)
    limit_call(floor, contact, now)
    return True


def limit_call(floor: Floor, contact: Contact, now: Micros) -> None:
    """From now on the talk has an end, whatever is seen of it."""
    campaign = floor.rules.campaigns.get(contact.campaign)
    if campaign is not None:
        floor.timers.set(("call", contact.contact_id), now + campaign.max_call_us)
    else:
        floor.timers.set(("call", contact.contact_id), now + LONGEST_CALL_US)


def begin_assignment(floor: Floor, contact: Contact, agent: Agent, leg: LegId, at: Micros, now: Micros) -> None:
    queue = floor.queues.get(contact.queue)
    floor.vacate(leg, now)
    contact.agent_id = agent.agent_id
    contact.begins(_TALK, at, contact.agent_id)
    made = Assignment(
        contact_id=contact.contact_id,
        agent_id=agent.agent_id,
        queue=contact.queue,
        medium=contact.medium,
        leg=leg,
        node=contact.node,
        talk_at=at,
        seen_at=now,
        bridge=contact.bridge,
        wrapup_us=0,
    )
    if queue is not None:
        rules = queue.rules
        made.wrapup, made.wrapup_us, made.wrapup_max_us = rules.wrapup, rules.wrapup_us, rules.wrapup_max_us
    agent.assignment = made
    if agent.awaited and not agent.takes_more:
        floor.let_all_in(agent, now)  # it is the last of their day
    has_served(floor, contact, agent)
    floor.assignments[leg] = made
    floor.restand(agent, now)
    expected_us, contact.expected_us = contact.expected_us, None  # told once: whoever comes back was promised nothing
    floor.emit(
        ContactConnected(
            contact_id=contact.contact_id,
            agent_id=agent.agent_id,
            queue=contact.queue,
            campaign=CampaignName(contact.queue.partition("/")[0]),
            medium=contact.medium,
            waited_us=max(0, at - (contact.here_at or contact.arrived_at)),
            expected_us=expected_us,
            longer_us=None if expected_us is None else at - contact.waits_from - expected_us,
        )
    )


def bridged(floor: Floor, seen: LegBridged, now: Micros) -> None:
    """A leg of ours entered a bridge. The talk begins, or goes on, when its counterpart is in the same one."""
    offer = floor.offers.get(OfferId(seen.leg))
    if offer is not None:
        offer.bridge = seen.bridge
        contact = floor.contacts.get(offer.contact_id)
        if contact is not None and contact.bridge == seen.bridge:
            connect(floor, contact, offer, seen.at, now)
        return
    contact = floor.by_leg.get(seen.leg)
    if contact is not None:
        contact.bridge = seen.bridge
        for offer in contact.open_offers.values():
            if offer.bridge == seen.bridge:
                connect(floor, contact, offer, seen.at, now)
                return
    assignment = _talk_of(floor, seen.leg)
    if assignment is None:
        return
    contact = floor.contacts[assignment.contact_id]
    if assignment.leg == seen.leg:
        assignment.bridge = seen.bridge
    together = contact.bridge == assignment.bridge and contact.state is _CONNECTED
    if together and not contact.timeline.is_talking:
        contact.begins(_TALK, seen.at, assignment.agent_id)
        floor.stir(contact)


def unbridged(floor: Floor, seen: LegUnbridged, now: Micros) -> None:
    offer = floor.offers.get(OfferId(seen.leg))
    if offer is not None and offer.bridge == seen.bridge:
        offer.bridge = ""
    assignment = _talk_of(floor, seen.leg)
    contact = floor.by_leg.get(seen.leg)
    if contact is not None:
        contact.news_at = now
        if contact.bridge == seen.bridge:
            contact.bridge = ""
            if assignment is not None:
                _part(floor, contact, seen.at)
    elif assignment is not None and assignment.bridge == seen.bridge:
        assignment.bridge = ""
        _part(floor, floor.contacts[assignment.contact_id], seen.at)


def _talk_of(floor: Floor, leg: LegId) -> Assignment | None:
    """The talk this leg is the caller's or the agent's of."""
    assignment = floor.assignments.get(leg)
    contact = floor.by_leg.get(leg) if assignment is None else floor.contacts.get(assignment.contact_id)
    agent = floor.agents.get(contact.agent_id) if contact is not None and contact.agent_id is not None else None
    if contact is None or agent is None or agent.assignment is None or agent.assignment.leg not in floor.assignments:
        return None
    return agent.assignment if agent.assignment.contact_id == contact.contact_id else None


def _part(floor: Floor, contact: Contact, at: Micros) -> None:
    """The talk is over; where the caller goes from here is not known yet."""
    if contact.timeline.is_talking:
        contact.begins(_WAITING, at)
        floor.stir(contact)


def held(floor: Floor, assignment: Assignment, seen: LegHeld | LegUnheld, now: Micros) -> None:
    """The agent put the caller on hold, or took them back."""
    hold = isinstance(seen, LegHeld)
    state = step(ASSIGNMENT, assignment.state, _TO_HOLD if hold else _TO_UNHOLD)
    if state is None or seen.at <= assignment.held_at:
        floor.ignore(seen, "no change")
        return
    assignment.state, assignment.held_at = state, seen.at
    contact = floor.contacts.get(assignment.contact_id)
    if contact is not None and contact.state is _CONNECTED:
        kind = _HOLD if hold else _TALK
        if contact.timeline.is_talking:
            contact.begins(kind, seen.at, assignment.agent_id)
        floor.stir(contact)
    floor.touched[floor.agents[assignment.agent_id]] = None
    floor.emit(ContactHeld(contact_id=assignment.contact_id, held=hold))


def talk_ended(floor: Floor, assignment: Assignment, at: Micros, now: Micros) -> None:
    """The agent's leg has ended: wrap-up begins, whatever became of the caller."""
    state = step(ASSIGNMENT, assignment.state, _TO_LEG_END)
    if state is None:
        return
    assignment.state = state
    assignment.leg_ended_at = max(at, assignment.talk_at)
    del floor.assignments[assignment.leg]
    floor.timers.cancel(("leg", assignment.leg))
    contact = floor.contacts.get(assignment.contact_id)
    if contact is not None and contact.state is _CONNECTED and contact.agent_id == assignment.agent_id:
        # They come back through `acd-after` or `acd-transfer` within milliseconds, or they end. Or they are back:
        # news of that came first.
        grace_us = 0 if contact.back_at >= assignment.talk_at else floor.rules.rescind_grace_us
        floor.timers.set(("return", contact.contact_id), now + grace_us)
    agent = floor.agents[assignment.agent_id]
    agent.today.contacts += 1
    agent.today.talk_us += assignment.leg_ended_at - assignment.talk_at
    wrapup.begin(floor, agent, assignment, now)


def expect_leg_end(floor: Floor, assignment: Assignment, now: Micros) -> None:
    """The caller is no longer with this agent, so the agent's leg must end soon."""
    if assignment.leg in floor.assignments:
        floor.timers.set(("leg", assignment.leg), now + floor.rules.rescind_grace_us)


def leg_deadline(floor: Floor, leg: LegId, now: Micros) -> None:
    """The caller is gone and the agent's leg has not followed. End it; the phone counts as busy until it does."""
    assignment = floor.assignments[leg]
    floor.effects.append(EndLeg(leg=leg, node=assignment.node))
    talk_ended(floor, assignment, now, now)
    floor.occupy(floor.agents[assignment.agent_id], leg, assignment.node, assignment.seen_at, now)
