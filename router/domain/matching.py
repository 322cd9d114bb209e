"""Who gets whom. The one place that pairs a waiting contact with a free agent.

Rule 1: before an input no waiting contact has a free agent who may be offered it; so after it only those noted in
`floor.freed` and `floor.seeking` can form new pairs. `settle` looks at nobody else.
Rule 2: a freed agent goes to the first contact of all lines they serve (one global order); that contact then gets its
*own* best agent, who may be another. So neither side is ever served out of order.
Rule 3: the reservation is made here, in the same step as the choice.
"""

from itertools import islice

from router.domain.agent import Agent, Standing
from router.domain.contact import Contact, ContactState, ContactStep
from router.domain.effects import RingAgent
from router.domain.events import OfferMade
from router.domain.floor import Floor
from router.domain.ids import SECOND, Micros, offer_id
from router.domain.offer import Offer
from router.domain.queue import LineKey, Queue
from router.domain.record import DecisionFact

_ORIGINATE_SLACK_US = 2 * SECOND
_NEXT_BEST = 10


def settle(floor: Floor, now: Micros) -> None:
    """Make every offer that has become possible."""
    if not floor.offering or floor.lost:
        floor.freed.clear()
        floor.seeking.clear()
        return
    while floor.freed or floor.seeking:
        freed, floor.freed = floor.freed, []
        for agent in freed:
            while agent.standing is Standing.FREE:
                contact = first_contact(agent, now)
                if contact is None:
                    break
                queue = floor.queues[contact.queue]
                offer(floor, queue, contact, queue.best_for(contact, now) or agent, now)
        seeking, floor.seeking = floor.seeking, []
        if len(seeking) > 1:
            seeking.sort(key=lambda contact: floor.queues[contact.queue].line_key(contact))
        for contact in seeking:
            if contact.state is ContactState.QUEUED and not contact.parked:
                queue = floor.queues[contact.queue]
                best = queue.best_for(contact, now)
                if best is not None:
                    offer(floor, queue, contact, best, now)


def first_contact(agent: Agent, now: Micros) -> Contact | None:
    """The first of all who wait in the queues this agent serves."""
    first: Contact | None = None
    first_key: LineKey | None = None
    for queue in agent.serves:
        if queue.waiting:
            contact = queue.first_for(agent, now)
            if contact is not None:
                key = queue.line_key(contact)
                if first_key is None or key < first_key:
                    first, first_key = contact, key
    return first


def offer(floor: Floor, queue: Queue, contact: Contact, agent: Agent, now: Micros) -> None:
    """Reserve the agent and ask for their leg."""
    rules, profile = queue.rules, agent.profile
    contact.attempts += 1
    made = Offer(
        offer_id=offer_id(contact.contact_id, contact.attempts),
        contact_id=contact.contact_id,
        agent_id=profile.agent_id,
        queue=rules.name,
        node=contact.node,
        made_at=now,
        deadline_at=now + rules.ring_us,
    )
    decision = _explain(floor, queue, contact, agent, made, now)
    floor.move(contact, ContactStep.OFFER)
    contact.offer = agent.offer = made
    contact.open_offers[made.offer_id] = made
    floor.offers[made.offer_id] = made
    floor.timers.set(("ring", made.offer_id), made.deadline_at)
    floor.restand(agent, now)
    campaign = floor.rules.campaigns[rules.campaign]
    floor.effects.append(
        RingAgent(
            offer_id=made.offer_id,
            contact_id=contact.contact_id,
            agent_id=profile.agent_id,
            campaign=campaign.name,
            queue=rules.name,
            node=contact.node,
            dial=profile.dial or f"PJSIP/{profile.endpoint}",
            caller_leg=contact.leg,
            caller_name=campaign.label or campaign.name,
            caller_number=contact.ani if campaign.show_number else "",
            timeout_us=rules.ring_us + _ORIGINATE_SLACK_US,
            language=campaign.language,
            whisper=campaign.whisper,
            press_one=campaign.press_one,
            auto_answer=profile.auto_answer,
        )
    )
    floor.emit(
        OfferMade(
            offer_id=made.offer_id,
            contact_id=contact.contact_id,
            agent_id=profile.agent_id,
            queue=rules.name,
            decision=decision,
        )
    )


def _explain(floor: Floor, queue: Queue, contact: Contact, agent: Agent, made: Offer, now: Micros) -> DecisionFact:
    """Write down why, from counts that are kept anyway: no agent is looked at for it but the ten next."""
    bench = islice(queue.bench_in_order(), _NEXT_BEST + 1)
    next_best = tuple((a.profile.agent_id, now - a.idle_since) for a in bench if a is not agent)[:_NEXT_BEST]
    others: list[tuple[str, int]] = [
        (standing.name.lower(), count)
        for standing in Standing
        if (count := queue.standings[standing] - (standing is Standing.FREE)) > 0
    ]
    not_entitled = queue.skilled - sum(queue.standings)
    lacking = len(floor.agents) - queue.skilled
    others.extend((why, n) for why, n in (("not_entitled", not_entitled), ("lacks_skill", lacking)) if n)
    return DecisionFact(
        offer_id=made.offer_id,
        contact_id=contact.contact_id,
        queue=queue.rules.name,
        at=now,
        need=queue.rules.need.text,
        waited_us=now - contact.arrived_at,
        chosen=agent.profile.agent_id,
        chosen_idle_us=now - agent.idle_since,
        next_best=next_best,
        others=tuple(others),
    )
