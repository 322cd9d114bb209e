"""Who gets whom. The one place that pairs a waiting contact with a free agent.

Rule 1: before an input no waiting contact has a free agent who may be offered it; so after it only those noted in
`floor.freed` and `floor.seeking` can form new pairs. `settle` looks at nobody else.
Rule 2: contacts have their turn in one order over all lines; each gets its *own* best agent, who need not be the one
whose change gave it the turn. So neither side is ever served out of order, however many became free in one step.
Rule 3: the reservation is made here, in the same step as the choice.
"""

import heapq
from itertools import islice

from router.domain.agent import Agent, Standing
from router.domain.contact import Contact, ContactStep
from router.domain.effects import RingAgent
from router.domain.events import OfferMade
from router.domain.floor import Floor
from router.domain.ids import SECOND, Micros, offer_id
from router.domain.offer import Offer
from router.domain.queue import LineKey, Queue
from router.domain.record import DecisionFact

_ORIGINATE_SLACK_US = 2 * SECOND
_NEXT_BEST = 10
_Turn = tuple[LineKey, int, Contact, Agent | None]
"(place in line, tie-break, who, the freed agent whose first in line this is)"


def settle(floor: Floor, now: Micros) -> None:
    """Make every offer that has become possible, the first in line first, whatever made it possible."""
    freed, floor.freed = floor.freed, []
    seeking, floor.seeking = floor.seeking, []
    if not floor.offering or floor.lost:
        return
    turns: list[_Turn] = []
    for contact in seeking:
        heapq.heappush(turns, (floor.queues[contact.queue].line_key(contact), floor.serial(), contact, None))
    for agent in freed:
        _take_turn(turns, floor, agent, now)
    while turns:
        _, _, contact, agent_freed = heapq.heappop(turns)
        if contact.line_token:
            queue = floor.queues[contact.queue]
            best = queue.best_for(contact, now) or agent_freed
            if best is not None:
                offer(floor, queue, contact, best, now)
        if agent_freed is not None:
            _take_turn(turns, floor, agent_freed, now)


def _take_turn(turns: list[_Turn], floor: Floor, agent: Agent, now: Micros) -> None:
    """A freed agent, while free, has a turn when that of the first they may be offered comes."""
    if agent.standing is not Standing.FREE:
        return
    first: Contact | None = None
    first_key: LineKey | None = None
    for queue in agent.serves:
        if queue.waiting:
            contact = queue.first_for(agent, now)
            if contact is not None:
                key = queue.line_key(contact)
                if first_key is None or key < first_key:
                    first, first_key = contact, key
    if first is not None and first_key is not None:
        heapq.heappush(turns, (first_key, floor.serial(), first, agent))


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
    floor.move(contact, ContactStep.OFFER, now)
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
    lacking = floor.people - queue.skilled
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
