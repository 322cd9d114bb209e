"""New rules, swapped in whole around everybody who waits, rings or talks."""

from router.domain.benches import seating
from router.domain.benches.queue import Queue
from router.domain.calls import departure, expiry, terms
from router.domain.contacts.contact import ContactState
from router.domain.floor import Floor
from router.domain.ids import CampaignName, Micros
from router.domain.lobby import reception
from router.domain.messages.commands import Configure
from router.domain.nothing import NOTHING
from router.domain.record import SegmentKind
from router.domain.staff import engagement, pauses
from router.domain.waiting import acquaintance, urgency, waiting_room


def configure(floor: Floor, asked: Configure, now: Micros) -> None:
    """Swap the rules whole. Who waits keeps place and age, and waits as long as the new ones say.

    A queue that is gone sends its line to the entry queue of the same campaign; a campaign that is gone sends its
    callers to the closing message, never to another client's agents. Who talks is not touched.
    Whoever waits where by the new ones nobody is there goes on, as if the last agent had left in this instant.
    """
    rules, were = asked.rules, floor.rules
    expiry.reckon(floor, floor.promises.values(), now)
    floor.rules = rules
    floor.paces.share(rules.queues.values())
    delays, before = seating.delays(floor.agents.values()), floor.queues
    floor.queues = {name: Queue(queue, delays.get(name, ())) for name, queue in rules.queues.items()}
    floor.thinned.clear()
    floor.crowded.clear()
    floor.crews.clear()
    for agent in floor.agents.values():
        agent.serves = agent.skilled = ()
        agent.crew = None
        agent.awaited = NOTHING
        engagement.weigh(floor, agent, now)
        pauses.note(floor, agent, now)
    seating.seat_everybody(floor, now)
    floor.census.rest()
    terms.reread(floor, now)
    for contact in list(floor.contacts.values()):
        if contact.line is not None:
            contact.line.step_out(contact)
            contact.line = None
        urgency.heed(floor, contact, contact.campaign, now)
        was = before.get(contact.queue)
        if contact.queue not in floor.queues and contact.is_waiting:
            campaign = rules.campaigns.get(CampaignName(contact.queue.partition("/")[0]))
            if campaign is None:
                departure.nowhere_to_go(floor, contact, now)
                continue
            contact.queue, contact.entered_at, contact.opened_us = campaign.entry, now, 0
            contact.begins(SegmentKind.WAITING, now)
            floor.stir(contact)
        reception.answered_by(floor, contact, were.campaigns.get(contact.campaign), now)
        if contact.is_waiting and not contact.place:
            reception.wait_by(floor, contact, was, now)
            waiting_room.moves(floor, contact, floor.queues[contact.queue], now)
        if contact.awaits is not None:
            acquaintance.keep_on(floor, contact, now)
        if contact.state is ContactState.QUEUED and not contact.parked and not contact.overdue:
            floor.line_up(contact, now)
    if floor.people:  # else the roll has not been called yet
        floor.thinned |= {line: None for line in seating.lines(floor.queues.values()) if line.waiting}
