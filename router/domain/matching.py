"""Who gets whom. The one place that pairs a waiting contact with a free agent.

Rule 1: before an input no waiting contact has a free agent who may be offered it; so after it only those noted in
`floor.freed` and `floor.seeking` can form new pairs. `settle` looks at nobody else.
Rule 2: contacts have their turn in one order over all lines; each gets its *own* best agent, who need not be the one
whose change gave it the turn. So neither side is ever served out of order, however many became free in one step.
Rule 3: the reservation is made here, in the same step as the choice.
"""

import heapq
from dataclasses import replace
from typing import Final

from router.domain.benches.agent import Agent
from router.domain.benches.line import Place
from router.domain.benches.queue import NOTHING_OVERTAKES, LineKey, Queue
from router.domain.benches.row import Row
from router.domain.calls.calling import call_first, is_called_first
from router.domain.contacts.callback import named_for
from router.domain.contacts.contact import Contact, ContactStep, skips
from router.domain.contacts.offer import Offer
from router.domain.floor import Floor
from router.domain.ids import SECOND, Micros, offer_id
from router.domain.messages.effects import RingAgent
from router.domain.messages.events import OfferMade
from router.domain.messages.glance import NEXT_BEST, Glance
from router.domain.messages.standing import Standing
from router.domain.record import How

_TO_OFFER: Final = ContactStep.OFFER
_FREE: Final = Standing.FREE
"Named once: to read a member from its class costs 50 ns, and these are asked for with every contact."

_ORIGINATE_SLACK_US = 2 * SECOND
_Preference = tuple[bool, int, Place[Contact]]
"(not the most urgent, the agent's priority turned round, place in line)"
_Turn = tuple[LineKey, int, Contact, Agent | None]
"(place in line, tie-break, who, the freed agent whose first in line this is)"


def settle(floor: Floor, now: Micros) -> None:
    """Make every offer that has become possible, the first in line first, whatever made it possible."""
    while floor.freed or floor.seeking:
        freed, seeking = floor.freed, floor.seeking
        floor.freed, floor.seeking = [], []
        if not floor.offering or floor.lost:
            for agent in freed:
                floor.seat(agent)
        elif not seeking and len(freed) == 1:
            _find_contact(floor, freed[0], now)
        elif not freed and len(seeking) == 1:
            _find_agent(floor, seeking[0], now)
        else:
            _take_turns(floor, freed, seeking, now)


def _find_contact(floor: Floor, agent: Agent, now: Micros) -> None:
    """One agent was freed and nothing else happened: by rule 1 nobody else is there for whom they may be offered."""
    contact = _first_for(floor, agent, now)
    if contact is None:
        floor.seat(agent)
    elif contact.place and is_called_first(floor, contact):
        floor.count(agent)
        call_first(floor, contact, now, agent)
        floor.freed.append(agent)  # free still: for whoever is next
    elif contact.skips:  # one may have run out just now, and that agent be idle for longer
        _take_turns(floor, [agent], [], now)
    else:
        offer(floor, contact.line or floor.queues[contact.queue], contact, agent, now)


def _find_agent(floor: Floor, contact: Contact, now: Micros) -> None:
    """One contact looks for an agent, who may well be there already."""
    if contact.line is not None:
        queue = contact.line
        if contact.awaits is not None:
            agent = floor.agents[contact.awaits]
            if agent.standing is _FREE and not skips(contact, agent.agent_id, now):
                offer(floor, queue, contact, agent, now)
            return
        row = contact.row or queue.rows[0]
        if contact.place and is_called_first(floor, contact):
            if row.best_for(contact, now) is not None:
                call_first(floor, contact, now)
            return
        best, more = row.best_for(contact, now), queue.rules.at_once
        while best is not None:
            offer(floor, queue, contact, best, now)
            more -= 1
            best = row.best_for(contact, now) if more else None


def _take_turns(floor: Floor, freed: list[Agent], seeking: list[Contact], now: Micros) -> None:
    turns: list[_Turn] = []
    for contact in seeking:
        heapq.heappush(turns, (floor.queues[contact.queue].line_key(contact), floor.serial(), contact, None))
    for agent in freed:
        floor.seat(agent)
    for agent in freed:
        _take_turn(turns, floor, agent, now)
    while turns:
        _, _, contact, agent_freed = heapq.heappop(turns)
        if agent_freed is not None and agent_freed.standing is not _FREE:
            continue  # taken meanwhile: their turn is nobody's
        _find_agent(floor, contact, now)
        if agent_freed is not None:
            _take_turn(turns, floor, agent_freed, now)


def _take_turn(turns: list[_Turn], floor: Floor, agent: Agent, now: Micros) -> None:
    """A freed agent, while free, has a turn when that of the first they may be offered comes."""
    contact = _first_for(floor, agent, now)
    if contact is not None:
        key = floor.queues[contact.queue].line_key(contact)
        heapq.heappush(turns, (key, floor.serial(), contact, agent))


def _first_for(floor: Floor, agent: Agent, now: Micros) -> Contact | None:
    """Of all who wait where this agent serves, the first they may be offered; None while they are not free."""
    if agent.standing is not _FREE:
        return None
    agent_id, posts = agent.agent_id, agent.profile.posts
    first: Place[Contact] | None = None
    if agent.awaited:
        kept = [c for c in agent.awaited.values() if not skips(c, agent_id, now)]
        first = min((floor.queues[contact.queue].place_of(contact) for contact in kept), default=None)
    chosen: _Preference | None = None
    if first is not None and posts:
        chosen = first[0] > NOTHING_OVERTAKES, -agent.post(first[4].queue).priority, first
    for row in agent.serves:
        if not row.queue.waiting:
            continue
        place = row.lane.first()
        if row.later or (place is not None and place[4].skips):
            place = row.first_for(agent_id, now)
        if place is None:
            continue
        if posts:
            preference = place[0] > NOTHING_OVERTAKES, -agent.post(row.queue.rules.name).priority, place
            if chosen is None or preference < chosen:
                chosen, first = preference, place
        elif first is None or place < first:
            first = place
    return None if first is None else first[4]


def offer(floor: Floor, queue: Queue, contact: Contact, agent: Agent, now: Micros) -> None:
    """Reserve the agent and ask for their leg."""
    rules, profile = queue.rules, agent.profile
    contact.attempts += 1
    agent.asked_at = now
    made = Offer(
        offer_id=offer_id(
            named_for(contact.promise_id) if contact.promise_id else contact.contact_id, contact.attempts
        ),
        contact_id=contact.contact_id,
        agent_id=profile.agent_id,
        queue=rules.name,
        node=contact.node,
        made_at=now,
        deadline_at=now + rules.ring_us,
    )
    seen = _look(floor, queue, contact, agent, made, now)
    if not contact.live:
        contact.live = {}
        floor.move(contact, _TO_OFFER, now)
        if queue.whole is not queue:
            contact.rung_from, queue.rung = queue, queue.rung + 1
    if not contact.open_offers:
        contact.open_offers = {}
    agent.offer = contact.live[made.offer_id] = contact.open_offers[made.offer_id] = made
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
            callback=contact.place,
        )
    )
    floor.emit(
        OfferMade(
            offer_id=made.offer_id,
            contact_id=contact.contact_id,
            agent_id=profile.agent_id,
            queue=rules.name,
            seen=seen,
        )
    )


def _look(floor: Floor, queue: Queue, contact: Contact, agent: Agent, made: Offer, now: Micros) -> Glance:
    """Note why, from what is counted anyway: no agent is looked at for it but the ten next."""
    rules, rows = queue.rules, queue.rows
    if len(rows) == 1:
        row = rows[0]
        bench, counts, skilled = row.bench.head(NEXT_BEST + 1), row.standings, row.skilled
    else:
        row = next((row for row in agent.serves if row.queue is queue), rows[0])
        bench, counts, skilled = queue.next_best(contact, NEXT_BEST + 1), queue.standings, queue.skilled
    return Glance(
        offer_id=made.offer_id,
        contact_id=contact.contact_id,
        queue=rules.name,
        at=now,
        need=row.need.text,
        arrived_at=contact.arrived_at,
        chosen=agent.agent_id,
        idle_since=agent.idle_since,
        seats=tuple([place[4].seat for place in bench]),
        counts=tuple(counts),
        chosen_as=agent.counted,
        skilled=skilled,
        people=floor.people,
        how=row.how if _is_plain(contact) else _how(row, contact, now),
    )


def _is_plain(contact: Contact) -> bool:
    """Whether nothing about the caller but their age had a say, and they were told nothing."""
    return (
        contact.entered_at == contact.arrived_at
        and not (contact.priority or contact.urgent or contact.skips or contact.waited_before_us or contact.told)
        and contact.expected_us is None
        and not contact.here_at
    )


def _how(row: Row, contact: Contact, now: Micros) -> How:
    return replace(
        row.how,
        points=row.how.points + contact.priority,
        urgent=contact.urgent,
        skipped=tuple(contact.skips),
        expected_us=contact.expected_us,
        in_queue_us=now - max(contact.entered_at, contact.here_at),
        waited_before_us=contact.waited_before_us,
        told=contact.told,
        told_us=now - contact.told_at if contact.told else 0,
    )
