"""Callers who are kept for one agent for a while: whom the client's system named, or who served them last.

Rule 1: while they wait for that agent they stand in line at their age, but for nobody else; a free agent takes the
first of all who may be offered to them, kept or not.
Rule 2: they wait no longer than the campaign says, and not at all for somebody who is not logged in, is not entitled
or lacks the skill, has had the last contact of their day, or leaves meanwhile: then they stand in line like everybody.
An emergency caller waits for nobody while another is free. New rules are asked the same of who is kept already.
Rule 3: one ring is all that is kept for: whatever comes of it, they stand in line like everybody after it.
Rule 4: who served whom is remembered for `MOST` callers, the latest, and only where a campaign asks for it. It is in
no picture: the ledger has it, and a router that begins is told by it once there is time (inheritance.py).
"""

from router.domain.benches.agent import Agent
from router.domain.benches.queue import Queue
from router.domain.benches.row import Row
from router.domain.benches.seating import line_for
from router.domain.contacts.contact import Contact
from router.domain.floor import Floor
from router.domain.ids import AgentId, CampaignName, ContactId, Micros
from router.domain.messages.commands import RecallServed

MOST = 50_000


def keep(floor: Floor, contact: Contact, queue: Queue, named: AgentId | None, now: Micros) -> None:
    """Before a contact stands in line for the first time."""
    campaign = floor.rules.campaigns.get(contact.campaign)
    if campaign is None or not campaign.keep_us or contact.urgent:
        return
    known = named or last_agent(floor, contact.campaign, contact.ani)
    agent = floor.agents.get(known) if known is not None else None
    if agent is not None and agent.takes_more and row_in(queue, agent) is not None:
        contact.awaits = agent.agent_id
        floor.timers.set(("kept", contact.contact_id), now + campaign.keep_us)


def keep_on(floor: Floor, contact: Contact, now: Micros) -> None:
    """The rules were swapped around somebody who is kept: rule 2 by the new ones, and for no longer than before."""
    campaign, due_at = floor.rules.campaigns.get(contact.campaign), floor.timers.at(("kept", contact.contact_id))
    keep_us = 0 if campaign is None or contact.urgent else campaign.keep_us
    if keep_us and due_at is not None and _may_still_come(floor, contact, now):
        floor.timers.set(("kept", contact.contact_id), min(due_at, now + keep_us))
    else:
        floor.keep_no_more(contact)


def _may_still_come(floor: Floor, contact: Contact, now: Micros) -> bool:
    """Whether the agent they wait for serves them where they are to stand now."""
    agent, queue = floor.agents.get(contact.awaits or AgentId("")), floor.queues.get(contact.queue)
    if agent is None or queue is None or not agent.takes_more:
        return False
    return row_in(line_for(floor, queue, contact, now), agent) is not None


def last_agent(floor: Floor, campaign: CampaignName, ani: str) -> AgentId | None:
    return floor.served.get((campaign, ani)) if ani else None


def has_served(floor: Floor, contact: Contact, agent: Agent) -> None:
    """They talk: remembered for the next time."""
    campaign = floor.rules.campaigns.get(contact.campaign)
    if campaign is None or not campaign.last_agent or not contact.ani:
        return
    caller = (contact.campaign, contact.ani)
    floor.served.pop(caller, None)
    floor.served[caller] = agent.agent_id
    if len(floor.served) > MOST:
        del floor.served[next(iter(floor.served))]


def recall(floor: Floor, asked: RecallServed, now: Micros) -> None:
    """Told by the ledger: older than anything we saw."""
    campaign = floor.rules.campaigns.get(asked.campaign)
    if campaign is None or not campaign.last_agent:
        return
    told = {(asked.campaign, ani): agent_id for ani, agent_id in asked.served if ani}
    both = {caller: agent_id for caller, agent_id in told.items() if caller not in floor.served} | floor.served
    floor.served = dict(list(both.items())[-MOST:])


def row_in(queue: Queue, agent: Agent) -> Row | None:
    """Where the agent serves that queue now, or None."""
    return next((row for row in agent.serves if row.queue is queue), None)


def kept_deadline(floor: Floor, contact_id: ContactId, now: Micros) -> None:
    """The agent did not become free in time."""
    contact = floor.contacts.get(contact_id)
    if contact is not None:
        floor.let_in(contact, now)
