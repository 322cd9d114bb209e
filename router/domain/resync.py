"""Asterisk's truth after a (re)connect, against ours. Asterisk wins.

A snapshot is taken while the floor goes on: what we learned after it was asked for is not contradicted by it, and a leg
that ended since then is not adopted. Every difference is repaired by the same steps an observation would have taken.

What is adopted: callers in `waiting` or `offered` (at their age), talks in `talking`. One in `fallback` or `rescue`
is somebody else's. A ringing agent's leg that nobody here asked for is hung up: its offer died with its router.
"""

from router.domain.agent import Agent
from router.domain.contact import Contact, ContactState, ContactStep
from router.domain.effects import EndLeg, SendCaller
from router.domain.floor import Floor
from router.domain.ids import LegId, Micros, OfferId
from router.domain.observations import CallerReturned, LegBridged, LegEnded, LegSnapshot, Resynced
from router.domain.offering import leg_ended
from router.domain.reception import caller_ended, enter_queue, returned, welcome
from router.domain.record import SegmentKind
from router.domain.roster import private_leg, private_leg_ended
from router.domain.talk import begin_assignment, bridged, talk_ended

_WAITING = ("waiting", "offered")


def resynced(floor: Floor, seen: Resynced, now: Micros) -> None:
    floor.nodes[seen.node] = None
    living = {leg.leg: leg for leg in seen.legs if leg.leg not in floor.past}
    for endpoint, agent in floor.by_endpoint.items():
        reachable = seen.reachable.get(endpoint, False)
        if agent.reachable != reachable:
            agent.reachable = reachable
            floor.restand(agent, now)
    _bury(floor, seen, living, now)
    callers = [leg for leg in living.values() if leg.contact_id and leg.offer_id is None]
    for leg in callers:
        known = floor.contacts.get(leg.contact_id) if leg.contact_id else None
        if known is None:
            _adopt_caller(floor, seen, leg, living, now)
        else:
            _compare(floor, known, leg, living, now)
    for leg in living.values():
        _other_leg(floor, seen, leg, now)
    for contact in list(floor.contacts.values()):
        if contact.node == seen.node:
            floor.park(contact, False)


def node_lost(floor: Floor, node: str) -> None:
    """Its callers wait on, but nothing can be offered for them until we see the node again."""
    floor.nodes.pop(node, None)
    for contact in floor.contacts.values():
        if contact.node == node:
            floor.park(contact, True)


def _bury(floor: Floor, seen: Resynced, living: dict[LegId, LegSnapshot], now: Micros) -> None:
    """End what we believe in and Asterisk does not have: agents' legs first, then callers, as in life."""

    def ended(leg: LegId) -> LegEnded:
        floor.remember(leg)
        return LegEnded(leg=leg, cause=None, tech_cause=None, at=seen.at, estimated=True)

    for assignment in list(floor.assignments.values()):
        if assignment.node == seen.node and assignment.leg not in living:
            ended(assignment.leg)
            talk_ended(floor, assignment, seen.at, now)
    for offer in list(floor.offers.values()):
        if offer.node == seen.node and offer.made_at < seen.asked_at and offer.leg not in living:
            ended(offer.leg)
            leg_ended(floor, offer, None, None, seen.at, now)
    for contact in list(floor.contacts.values()):
        if contact.node == seen.node and contact.seen_at < seen.asked_at and contact.leg not in living:
            caller_ended(floor, contact, ended(contact.leg), now)
    for leg in [leg for leg in floor.private if leg not in living]:
        private_leg_ended(floor, leg, now)


def _compare(floor: Floor, contact: Contact, leg: LegSnapshot, living: dict[LegId, LegSnapshot], now: Micros) -> None:
    """A caller both know: a bridge we did not see, an after we did not hear of, a fallback."""
    if leg.state == "after" and contact.state is not ContactState.LEAVING:
        returned(floor, CallerReturned(contact_id=contact.contact_id, at=now), now)
        return
    if leg.bridge and contact.state is not ContactState.CONNECTED:
        for offer_id in list(contact.open_offers):
            partner = living.get(LegId(offer_id))
            if partner is not None and partner.bridge == leg.bridge:
                at = leg.talk_at or now
                bridged(floor, LegBridged(leg=partner.leg, bridge=leg.bridge, at=at), now)
                bridged(floor, LegBridged(leg=leg.leg, bridge=leg.bridge, at=at), now)
                return
        agent_leg = _partner(leg, living)
        if agent_leg is not None:
            _adopt_talk(floor, contact, agent_leg, leg.talk_at or now, now)


def _adopt_caller(
    floor: Floor, seen: Resynced, leg: LegSnapshot, living: dict[LegId, LegSnapshot], now: Micros
) -> None:
    """A caller of a time before us."""
    campaign = floor.rules.campaigns.get(leg.campaign) if leg.campaign else None
    if campaign is None or leg.contact_id is None or leg.state not in (*_WAITING, "talking", "after"):
        return
    contact = Contact(
        contact_id=leg.contact_id,
        ordinal=floor.serial(),
        leg=leg.leg,
        linkedid=leg.linkedid,
        node=seen.node,
        campaign=campaign.name,
        queue=campaign.entry,
        dnis=leg.dnis,
        ani=leg.ani,
        arrived_at=leg.arrived_at if leg.arrived_at is not None else seen.at,
        seen_at=now,
        attempts=_last_attempt(leg, living),
    )
    welcome(floor, contact)
    if leg.talk_at is not None:
        contact.answered_at = max(leg.talk_at, contact.arrived_at)
    agent_leg = _partner(leg, living)
    if agent_leg is not None:
        _adopt_talk(floor, contact, agent_leg, leg.talk_at or seen.at, now)
    elif leg.state == "after":
        floor.move(contact, ContactStep.CONNECT)
        returned(floor, CallerReturned(contact_id=contact.contact_id, at=seen.at), now)
    else:
        enter_queue(floor, contact, campaign.entry, contact.arrived_at, now, adopted=True)
        if leg.state == "talking":
            # It held the lock, but nobody is there to talk to: back to the music, at the old age.
            floor.effects.append(
                SendCaller(contact_id=contact.contact_id, leg=contact.leg, node=contact.node, context="acd-wait")
            )


def _partner(leg: LegSnapshot, living: dict[LegId, LegSnapshot]) -> LegSnapshot | None:
    """The agent's leg in the same bridge."""
    if not leg.bridge:
        return None
    for other in living.values():
        if other.bridge == leg.bridge and other.offer_id is not None and other.contact_id == leg.contact_id:
            return other
    return None


def _last_attempt(leg: LegSnapshot, living: dict[LegId, LegSnapshot]) -> int:
    """The highest attempt number still visible, so that a new offer's id is new.

    An offer of which nothing is left may share its number with a new one; its leg is dead, so nothing collides.
    """
    last = 0
    for other in living.values():
        if other.contact_id == leg.contact_id and other.offer_id:
            number = other.offer_id.rpartition(".")[2]
            if number.isdigit():
                last = max(last, int(number))
    return last


def _adopt_talk(floor: Floor, contact: Contact, agent_leg: LegSnapshot, at: Micros, now: Micros) -> None:
    agent = floor.agents.get(agent_leg.agent_id) if agent_leg.agent_id else None
    if not floor.move(contact, ContactStep.CONNECT):
        return
    floor.timers.cancel(("wait", contact.contact_id))
    contact.answered_at = contact.answered_at or max(at, contact.arrived_at)
    contact.bridge = agent_leg.bridge
    if agent is None:
        return
    contact.agent_id = agent.profile.agent_id
    contact.timeline.begin(SegmentKind.TALK, at, contact.agent_id)
    if agent.assignment is None and agent.offer is None:
        begin_assignment(floor, contact, agent, agent_leg.leg, at, now)


def _other_leg(floor: Floor, seen: Resynced, leg: LegSnapshot, now: Micros) -> None:
    """Legs of agents' phones: ours, orphaned offers, private calls."""
    if leg.leg in floor.by_leg or leg.leg in floor.assignments or leg.leg in floor.private:
        return
    if leg.offer_id is not None:
        if OfferId(leg.leg) not in floor.offers:
            floor.effects.append(EndLeg(leg=leg.leg, node=seen.node))
            owner: Agent | None = floor.agents.get(leg.agent_id) if leg.agent_id else None
            if owner is not None:
                private_leg(floor, owner, leg.leg, now)
        return
    agent = floor.by_endpoint.get(leg.endpoint)
    if agent is not None:
        private_leg(floor, agent, leg.leg, now)
