"""A floor put together again from what a router wrote down before it died: ours, or the one we take over from.

Rule 1: what is restored is what was written, nothing is decided anew from inputs. Who is not known any more (an agent
who left the directory, a queue or a campaign that left the rules) is treated as at a reload: who talks is not touched.
Rule 2: no offer survives its router. Its leg carries an epoch that is over and may not talk: it is hung up, its
contact stands in line again at its old age, its agent is free when the leg has ended. One that got the caller in the
last instant does talk; the resync finds it.
Rule 3: nothing is offered before Asterisk has told what lives (contacts are parked until their node is in sight), and
no deadline of the dead router fires before that. Nor is anybody sent to the closing message: they may talk by now.
Rule 4: a picture that cannot be ours costs itself alone (strange.py).
Rule 5: the calendar is turned to now first: a stand-by was told of days and hours when it began, perhaps days ago.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from router.domain.benches.agent import Agent, Engagement, Status, Today
from router.domain.benches.door import LONGEST_SHUT_US
from router.domain.benches.pace import Mean, Pace
from router.domain.calls.departure import leave
from router.domain.calls.offering import rescind
from router.domain.calls.talk import limit_call
from router.domain.contacts.assignment import Assignment, AssignmentState
from router.domain.contacts.contact import Contact, ContactState
from router.domain.contacts.offer import Offer, OfferState
from router.domain.contacts.particulars import checked
from router.domain.contacts.timeline import Timeline
from router.domain.floor import Floor
from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, Micros, QueueName
from router.domain.lobby.exits import EARLY
from router.domain.pictures.owed import take_up_promise
from router.domain.pictures.picture import (
    AgentGone,
    AgentStands,
    AssignmentStands,
    ContactGone,
    ContactStands,
    DoorStands,
    OfferStands,
    PaceStands,
    Picture,
    PromiseGone,
    PromiseStands,
    key_of,
)
from router.domain.pictures.strange import look_at_assignment, look_at_contact, look_at_person
from router.domain.record import EndedBy, OfferResult, Outcome
from router.domain.rulebook.conduct import WrapUp
from router.domain.staff.engagement import LONGEST_US, take, weigh
from router.domain.staff.pauses import apply_next, note, tell_anew
from router.domain.staff.roster import day_edge
from router.domain.waiting.urgency import heed
from router.domain.waiting.waiting_room import attend

GRACE_US: Micros = 2 * SECOND
"So long after the restoration no deadline of old fires: until then a resync is done, or there is no node."
_HELD_AT_MOST_US: Micros = 3600 * SECOND
"No fault of a phone holds its agent off for so long."

_LIVE = (OfferState.RESERVED, OfferState.RINGING, OfferState.ACCEPTED)
_IN_TALK = (AssignmentState.CONNECTED, AssignmentState.HELD)
_WAITING = (ContactState.QUEUED, ContactState.OFFERED)


@dataclass(slots=True)
class Newest:
    """The newest picture of each, from any number of them in the order they were written."""

    contacts: dict[ContactId, ContactStands] = field(default_factory=dict)
    agents: dict[AgentId, AgentStands] = field(default_factory=dict)
    doors: dict[CampaignName, DoorStands] = field(default_factory=dict)
    paces: dict[str, PaceStands] = field(default_factory=dict)
    promises: dict[ContactId, PromiseStands] = field(default_factory=dict)

    def take(self, picture: Picture) -> None:
        match picture:
            case ContactStands():
                self.contacts[picture.contact_id] = picture
            case AgentStands():
                self.agents[picture.agent_id] = picture
            case DoorStands():
                self.doors[picture.campaign] = picture
            case PaceStands():
                self.paces[picture.name] = picture
            case PromiseStands():
                self.promises[picture.promise_id] = picture
            case PromiseGone():
                self.promises.pop(picture.promise_id, None)
            case ContactGone():
                self.contacts.pop(picture.contact_id, None)
            case AgentGone():
                self.agents.pop(picture.agent_id, None)


def restore(floor: Floor, pictures: Iterable[Picture], now: Micros) -> list[str]:
    """Put everybody back as they stood. The floor has its rules and agents, and nobody on it yet.

    Gives whose pictures cannot be ours (a state that does not exist): they are left out, Asterisk will tell of them. Of
    an agent only what they have in hand is left out when that alone is strange: what they chose nobody else knows.
    """
    strange: list[str] = []
    day_edge(floor, "", now)
    newest = Newest()
    for picture in pictures:
        newest.take(picture)
    for stands in newest.agents.values():
        agent = floor.agents.get(stands.agent_id)
        if agent is not None and not agent.profile.dial:
            try:
                _agent(floor, agent, stands, now)
            except ValueError:
                strange.append(key_of(stands))
    for door in newest.doors.values():
        if now < door.shut_until <= now + LONGEST_SHUT_US and door.campaign in floor.rules.campaigns:
            floor.door(door.campaign).shut_until = door.shut_until
            floor.calendar.set(("door", door.campaign), door.shut_until)
    for each_door in floor.doors.values():
        each_door.stood_open = each_door.is_open(now)  # told by whoever saw it move
    for pace in newest.paces.values():
        if pace.name in floor.rules.queues or pace.name in floor.rules.campaigns:
            try:
                floor.paces.restore(_pace(pace))
            except ValueError:
                strange.append(key_of(pace))
    for each in sorted(newest.contacts.values(), key=lambda contact: contact.ordinal):
        try:
            _contact(floor, each, now)
        except ValueError:
            strange.append(key_of(each))
    for owed in newest.promises.values():
        try:
            take_up_promise(floor, owed, now)
        except ValueError:
            strange.append(key_of(owed))
    for contact in list(floor.contacts.values()):
        if contact.is_waiting and contact.queue not in floor.queues:
            leave(floor, contact, Outcome.SYSTEM, now)  # the resync sends them to the closing message, if they wait yet
    for agent in floor.agents.values():
        _deadline_of_leg(floor, agent, now)
        apply_next(floor, agent, now)  # what it was put off for may be gone
        floor.restand(agent, now)
    return strange


def take_over(floor: Floor, now: Micros) -> None:
    """What was restored becomes ours: rule 2. Ids that no earlier epoch can have used come with the resync."""
    for offer in list(floor.offers.values()):
        rescind(floor, offer, OfferResult.RESCINDED, now)
    for contact in floor.contacts.values():
        if contact.overdue and contact.state is ContactState.QUEUED:
            floor.timers.set(("wait", contact.contact_id), _not_yet(None, now))  # rule 3: they may talk by now
        contact.news_at = 0  # whatever Asterisk says is newer than what was on paper
    callers = (contact.node for contact in floor.contacts.values())
    agents = (assignment.node for assignment in floor.assignments.values())
    for node in dict.fromkeys(node for node in (*callers, *agents) if node not in floor.nodes):
        floor.timers.set(("node", node), now + floor.rules.give_up_us)


def _agent(floor: Floor, agent: Agent, stands: AgentStands, now: Micros) -> None:
    status, next_status = Status(stands.status), None if stands.next_status is None else Status(stands.next_status)
    look_at_person(stands, now)
    agent.status, agent.reason, agent.next_status = status, stands.reason, next_status
    agent.next_reason, agent.next_by = stands.next_reason, stands.next_by if next_status else None
    agent.since_at, agent.idle_since = min(stands.since_at, now), min(stands.idle_since, now)
    agent.chosen_at, agent.asked_at = min(stands.chosen_at or 0, now), min(stands.asked_at, now)
    day_at, contacts, talk_us = stands.today
    if day_at == floor.day_at:
        agent.today = Today(contacts=contacts, talk_us=talk_us, paused=dict(stands.paused_today), began_at=day_at)
    if stands.held_until <= now + _HELD_AT_MOST_US:  # else by a clock that was mad
        agent.held_until = stands.held_until
    if agent.held_until > now:
        floor.timers.set(("held", agent.agent_id), stands.held_until)
    agent.in_vain = stands.in_vain
    for medium, count, until_at in stands.other_work:
        if now < until_at <= now + LONGEST_US:
            take(floor, agent, medium, Engagement(count=count, until_at=until_at))
    note(floor, agent, now)
    tell_anew(floor, agent, now + GRACE_US, now)
    if stands.assignment is not None:
        _assignment(floor, agent, stands.assignment, now)
    weigh(floor, agent, now)


def _assignment(floor: Floor, agent: Agent, stands: AssignmentStands, now: Micros) -> None:
    state = AssignmentState(stands.state)
    if state is AssignmentState.CLOSED:
        return
    look_at_assignment(floor, stands, now)
    agent.assignment = made = Assignment(
        contact_id=stands.contact_id,
        agent_id=agent.agent_id,
        queue=stands.queue,
        medium=stands.medium,
        leg=stands.leg,
        node=stands.node,
        talk_at=stands.talk_at,
        seen_at=min(stands.seen_at, now),
        wrapup_us=stands.wrapup_us,
        state=state,
        held_at=stands.held_at,
        leg_ended_at=stands.leg_ended_at,
        disposition=stands.disposition,
        wrapup=WrapUp(stands.wrapup),
        wrapup_max_us=stands.wrapup_max_us,
        longest_until=stands.longest_until,
    )
    if state in _IN_TALK:
        floor.assignments[made.leg] = made
    else:
        floor.timers.set(("wrapup", agent.agent_id), _not_yet(stands.wrapup_at, now))


def _contact(floor: Floor, stands: ContactStands, now: Micros) -> None:
    state = ContactState(stands.state)
    if state in (ContactState.ARRIVED, ContactState.ENDED):
        return  # nobody's any more: at the resync Asterisk's callers are looked at anew
    look_at_contact(floor, stands, now)
    contact = Contact(
        contact_id=stands.contact_id,
        ordinal=floor.serial(),
        leg=stands.leg,
        linkedid=stands.linkedid,
        node=stands.node,
        campaign=stands.campaign,
        queue=_line(floor, stands.queue) if state in _WAITING else stands.queue,
        dnis=stands.dnis,
        ani=stands.ani,
        arrived_at=stands.arrived_at,
        seen_at=min(stands.seen_at, now),
        medium=stands.medium,
        state=state,
        attempts=stands.attempts,
        agent_id=stands.agent_id,
        parked=stands.node not in floor.nodes,
        skips={agent_id: until for agent_id, until in stands.skips if until > now},
        answered_at=stands.answered_at,
        leaving=None if stands.leaving is None else Outcome(stands.leaving),
        ended_by=None if stands.ended_by is None else EndedBy(stands.ended_by),
        timeline=Timeline.going_on(stands.segments),
        agent_legs=stands.legs[1:],
        overdue=(EARLY if stands.overdue_for == EARLY else "wait") if stands.overdue else "",
        overflowed_from=stands.overflowed_from,
        entered_at=min(stands.entered_at or stands.arrived_at, now),
        priority=stands.priority,
        urgent=stands.urgent,
        sent_to=stands.sent_to,
        sent_why=stands.sent_why,
        waited_before_us=stands.waited_before_us,
        expected_us=stands.expected_us,
        data=checked(stands.data),
        promise_id=stands.promise_id,
        here_at=min(stands.here_at, now),
        opened_us=stands.opened_us,
    )
    offers = [_offer(contact, each, now) for each in stands.offers]
    floor.sweep(contact.node, now)
    floor.contacts[contact.contact_id] = contact
    floor.by_leg[contact.leg] = contact
    for offer in offers:
        _put(floor, contact, offer, live=offer.offer_id in (stands.offer_id, *stands.live), now=now)
    if state is ContactState.OFFERED and not contact.live:  # its agent is nobody's any more
        contact.state = ContactState.QUEUED
    for agent_id, until in contact.skips.items():
        floor.timers.set(("skip", (contact.contact_id, agent_id)), until)
    if contact.is_waiting and not (contact.overdue and contact.live):
        floor.timers.set(("wait", contact.contact_id), _not_yet(stands.wait_at, now))
    if stands.early_at is not None:
        floor.timers.set(("early", contact.contact_id), _not_yet(stands.early_at, now))
    if contact.is_waiting and contact.queue in floor.queues:
        attend(floor, contact, floor.queues[contact.queue], now)
    heed(floor, contact, contact.campaign, now)
    if contact.is_waiting and contact.urgent:
        floor.timers.set(("alarm", contact.contact_id), _not_yet(None, now))
    if state is ContactState.CONNECTED:
        limit_call(floor, contact, now)
    if state is ContactState.CONNECTED and not _talks(floor, contact):
        floor.timers.set(("return", contact.contact_id), _not_yet(None, now))


def _pace(stands: PaceStands) -> Pace:
    busy, pick_up, waited, gave_up = (
        Mean(value=value, seen=seen) for value, seen in (stands.busy, stands.pick_up, stands.waited, stands.gave_up)
    )
    return Pace(name=stands.name, busy=busy, pick_up=pick_up, waited=waited, gave_up=gave_up)


def _line(floor: Floor, name: QueueName) -> QueueName:
    """Where somebody who waited in `name` waits now: as at a reload, the entry of its campaign when it is gone."""
    campaign = floor.rules.campaigns.get(CampaignName(name.partition("/")[0]))
    return name if name in floor.queues or campaign is None else campaign.entry


def _offer(contact: Contact, stands: OfferStands, now: Micros) -> Offer:
    return Offer(
        offer_id=stands.offer_id,
        contact_id=contact.contact_id,
        agent_id=stands.agent_id,
        queue=stands.queue,
        node=contact.node,
        made_at=min(stands.made_at, now),
        deadline_at=stands.deadline_at,
        state=OfferState(stands.state),
        rang=stands.rang,
        leg_seen_at=None if stands.leg_seen_at is None else min(stands.leg_seen_at, now),
        linkedid=stands.linkedid,
        result=None if stands.result is None else OfferResult(stands.result),
    )


def _put(floor: Floor, contact: Contact, made: Offer, *, live: bool, now: Micros) -> None:
    """In the hands of its contact and its agent, with a deadline."""
    agent, state = floor.agents.get(made.agent_id), made.state
    if agent is None or agent.offer is not None or agent.assignment is not None or state is OfferState.CLOSED:
        return
    if (state in _LIVE) is not live:
        return
    if not contact.open_offers:
        contact.open_offers = {}
    floor.offers[made.offer_id] = contact.open_offers[made.offer_id] = agent.offer = made
    if live:
        contact.live = {**contact.live, made.offer_id: made}
        what = "talk" if state is OfferState.ACCEPTED else "ring"
        floor.timers.set((what, made.offer_id), _not_yet(made.deadline_at, now))
    else:
        floor.timers.set(("rescind", made.offer_id), now + floor.rules.rescind_grace_us)


def _deadline_of_leg(floor: Floor, agent: Agent, now: Micros) -> None:
    """A talk whose caller is gone: its leg must end soon, as it would have."""
    assignment = agent.assignment
    if assignment is not None and assignment.state in _IN_TALK and assignment.contact_id not in floor.contacts:
        floor.timers.set(("leg", assignment.leg), _not_yet(now + floor.rules.rescind_grace_us, now))


def _talks(floor: Floor, contact: Contact) -> bool:
    agent = None if contact.agent_id is None else floor.agents.get(contact.agent_id)
    assignment = None if agent is None else agent.assignment
    return assignment is not None and assignment.state in _IN_TALK and assignment.contact_id == contact.contact_id


def _not_yet(at: Micros | None, now: Micros) -> Micros:
    """Rule 3."""
    return now + GRACE_US if at is None else max(at, now + GRACE_US)
