"""What stands on the floor, as it can be written down and read back: one picture of each contact and each agent.

A journal of pictures, not of steps: each is whole, so the newest of each is all a successor needs, nothing is decided
again when it is read, and a release that decides otherwise reads what an older one wrote. `Floor.unwritten` names whose
picture changed since it was last taken.

Not in them, because Asterisk says it and a resync asks it: which phones can be reached, bridges, legs that are not
ours, which nodes are in sight. Not in them, because files and the directory say it: rules, skills, entitlement.
"""

from dataclasses import fields

from router.domain.benches.agent import Agent
from router.domain.benches.door import Door
from router.domain.benches.pace import Pace
from router.domain.contacts.assignment import Assignment
from router.domain.contacts.callback import NOWHERE, Promise, PromiseState, Terms
from router.domain.contacts.contact import Contact, ContactState
from router.domain.contacts.offer import Offer
from router.domain.floor import Floor
from router.domain.ids import AgentId, CampaignName, ContactId, LegId, Micros, OfferId, QueueName
from router.domain.message import message
from router.domain.record import Leg, Segment


@message
class OfferStands:
    """An offer whose leg has not ended. Its leg's Uniqueid is its id."""

    offer_id: OfferId
    agent_id: AgentId
    queue: QueueName
    made_at: Micros
    deadline_at: Micros
    state: str
    rang: bool = False
    leg_seen_at: Micros | None = None
    linkedid: str = ""
    result: str | None = None


@message
class ContactStands:
    """A contact that has not ended."""

    contact_id: ContactId
    ordinal: int
    leg: LegId
    linkedid: str
    node: str
    campaign: CampaignName
    queue: QueueName
    dnis: str
    ani: str
    arrived_at: Micros
    seen_at: Micros
    medium: str
    state: str
    attempts: int
    offers: tuple[OfferStands, ...]
    segments: tuple[Segment, ...]
    "Closed ones, and the running one with its beginning as its end."
    legs: tuple[Leg, ...]
    offer_id: OfferId | None = None
    "The live offer among `offers`; the first of them."
    agent_id: AgentId | None = None
    skips: tuple[tuple[AgentId, Micros], ...] = ()
    answered_at: Micros | None = None
    leaving: str | None = None
    ended_by: str | None = None
    overdue: bool = False
    overdue_for: str = "wait"
    "What time it was that passed."
    overflowed_from: tuple[QueueName, ...] = ()
    wait_at: Micros | None = None
    "When the longest wait is over."
    live: tuple[OfferId, ...] = ()
    "All live ones; older releases had one at most, and wrote none here."
    entered_at: Micros = 0
    "When it came to its queue; 0: an older release, which waited from arrival."
    priority: int = 0
    urgent: bool = False
    sent_to: str = ""
    sent_why: str = ""
    early_at: Micros | None = None
    "When it will have waited in early media for too long."
    waited_before_us: Micros = 0
    expected_us: Micros | None = None
    data: tuple[tuple[str, str], ...] = ()
    promise_id: ContactId | None = None
    "The promise it was called for."
    here_at: Micros = 0
    opened_us: Micros = 0
    "Older releases wrote none: rows that time has not opened are opened by absence anew."


@message
class AssignmentStands:
    """What an agent has in hand, from the talk to the end of wrap-up."""

    contact_id: ContactId
    queue: QueueName
    medium: str
    leg: LegId
    node: str
    talk_at: Micros
    seen_at: Micros
    wrapup_us: Micros
    state: str
    held_at: Micros = 0
    leg_ended_at: Micros = 0
    disposition: str | None = None
    wrapup_at: Micros | None = None
    "When wrap-up is over, once it runs."
    wrapup: str = "timed"
    wrapup_max_us: Micros = 0
    longest_until: Micros = 0


@message
class AgentStands:
    """What a person chose, and what they have in hand. An offer they hold is in the picture of its contact."""

    agent_id: AgentId
    status: str
    since_at: Micros
    idle_since: Micros
    reason: str | None = None
    next_status: str | None = None
    next_reason: str | None = None
    held_until: Micros = 0
    assignment: AssignmentStands | None = None
    asked_at: Micros = 0
    today: tuple[Micros, int, Micros] = (0, 0, 0)
    "(when that day began, contacts, time talked)"
    paused_today: tuple[tuple[str, Micros], ...] = ()
    "(reason, time of the pauses for it that ended) of that day"
    in_vain: tuple[str, int] = ("", 0)
    other_work: tuple[tuple[str, int, Micros], ...] = ()
    "(medium, how many, until when that was said to hold)"
    chosen_at: Micros | None = None
    "When that was chosen. None: by an older release, which wrote at each commit what it knew then."
    next_by: str | None = None
    "Who asked for what was put off. None: nobody did, or an older release did not write it down."


@message
class DoorStands:
    """A campaign that somebody shut by hand, or opened again."""

    campaign: CampaignName
    shut_until: Micros


@message
class PaceStands:
    """The pace of a queue, or of a campaign as a whole: each figure with how often it was seen (pace.py)."""

    name: str
    busy: tuple[float, int]
    pick_up: tuple[float, int]
    waited: tuple[float, int]
    gave_up: tuple[float, int]


@message
class PromiseStands:
    """A call-back that is owed; None: by an older release (owed.py). Its place is made anew, offers found by legs."""

    promise_id: ContactId
    campaign: CampaignName
    queue: QueueName
    number: str
    dnis: str
    node: str
    arrived_at: Micros
    entered_at: Micros
    asked_at: Micros
    expires_at: Micros
    state: str
    tries: int = 0
    next_at: Micros = 0
    priority: int = 0
    place_id: ContactId = NOWHERE
    attempts: int = 0
    data: tuple[tuple[str, str], ...] = ()
    waited_before_us: Micros = 0
    terms: Terms | None = None
    here: ContactId = NOWHERE
    meant_for: AgentId | None = None
    rings_at: Micros = 0
    left_us: Micros | None = None
    counted_at: Micros = 0


@message
class PromiseGone:
    """Nothing is owed any more."""

    promise_id: ContactId


@message
class ContactGone:
    """The contact has ended; its record is in the ledger's hands."""

    contact_id: ContactId


@message
class AgentGone:
    """The agent was dismissed."""

    agent_id: AgentId


Picture = ContactStands | AgentStands | DoorStands | PaceStands | PromiseStands | ContactGone | AgentGone | PromiseGone


def key_of(picture: Picture) -> str:
    """Whose picture it is: the newer of two with the same key is the one that counts."""
    if isinstance(picture, ContactStands | ContactGone):
        return f"contact {picture.contact_id}"
    if isinstance(picture, PromiseStands | PromiseGone):
        return f"promise {picture.promise_id}"
    if isinstance(picture, DoorStands):
        return f"door {picture.campaign}"
    if isinstance(picture, PaceStands):
        return f"pace {picture.name}"
    return f"agent {picture.agent_id}"


def gone(picture: Picture) -> Picture:
    """What takes it out of the journal; a door that nobody shuts stands open, a pace begins anew."""
    if isinstance(picture, DoorStands):
        return DoorStands(campaign=picture.campaign, shut_until=0)
    if isinstance(picture, PaceStands):
        return _pace(Pace(name=picture.name))
    if isinstance(picture, PromiseStands | PromiseGone):
        return PromiseGone(promise_id=picture.promise_id)
    if isinstance(picture, ContactStands | ContactGone):
        return ContactGone(contact_id=picture.contact_id)
    return AgentGone(agent_id=picture.agent_id)


def picture_of(floor: Floor, who: Contact | Agent | Door | Pace | Promise) -> Picture:
    """As they stand now."""
    if isinstance(who, Pace):
        return _pace(who)
    if isinstance(who, Door):
        return DoorStands(campaign=who.campaign, shut_until=who.shut_until)
    if isinstance(who, Promise):
        return _promise(floor, who)
    return _contact(floor, who) if isinstance(who, Contact) else _agent(floor, who)


def whole(floor: Floor) -> list[Picture]:
    """Everybody, in the order they came."""
    agents: list[Picture] = [_agent(floor, agent) for agent in floor.agents.values() if not agent.profile.dial]
    doors: list[Picture] = [
        DoorStands(campaign=door.campaign, shut_until=door.shut_until)
        for door in floor.doors.values()
        if door.shut_until
    ]
    known = {*floor.rules.queues, *floor.rules.campaigns}
    paces: list[Picture] = [_pace(pace) for pace in floor.paces.all() if pace.name in known]
    promises = [_promise(floor, promise) for promise in floor.promises.values()]
    contacts = [_contact(floor, contact) for contact in floor.contacts.values() if not contact.place]
    return agents + doors + paces + promises + contacts


def _pace(pace: Pace) -> PaceStands:
    busy, pick_up, waited, gave_up = (
        (mean.value, mean.seen) for mean in (pace.busy, pace.pick_up, pace.waited, pace.gave_up)
    )
    return PaceStands(name=pace.name, busy=busy, pick_up=pick_up, waited=waited, gave_up=gave_up)


_OF_A_PROMISE = tuple(each.name for each in fields(PromiseStands) if each.name not in ("priority", "attempts"))
"As they are; those two are its place's, while it has one."


def _promise(floor: Floor, promise: Promise) -> Picture:
    if promise.state is PromiseState.CLOSED:
        return PromiseGone(promise_id=promise.promise_id)
    place = floor.contacts.get(promise.place_id)
    return PromiseStands(
        **{name: getattr(promise, name) for name in _OF_A_PROMISE},
        priority=promise.priority if place is None else place.priority,
        attempts=promise.attempts if place is None else place.attempts,
    )


def _contact(floor: Floor, contact: Contact) -> Picture:
    owed = floor.promises.get(contact.promise_id) if contact.place and contact.promise_id is not None else None
    if owed is not None and contact.state is not ContactState.ENDED:
        return _promise(floor, owed)
    if contact.state is ContactState.ENDED or contact.place:
        return ContactGone(contact_id=contact.contact_id)
    return ContactStands(
        contact_id=contact.contact_id,
        ordinal=contact.ordinal,
        leg=contact.leg,
        linkedid=contact.linkedid,
        node=contact.node,
        campaign=contact.campaign,
        queue=contact.queue,
        dnis=contact.dnis,
        ani=contact.ani,
        arrived_at=contact.arrived_at,
        seen_at=contact.seen_at,
        medium=contact.medium,
        state=contact.state,
        attempts=contact.attempts,
        offers=tuple(_offer(offer) for offer in contact.open_offers.values()),
        segments=contact.timeline.so_far(),
        legs=contact.legs,
        offer_id=next(iter(contact.live), None),
        live=tuple(contact.live),
        entered_at=contact.entered_at,
        priority=contact.priority,
        urgent=contact.urgent,
        waited_before_us=contact.waited_before_us,
        expected_us=contact.expected_us,
        data=tuple(contact.data.items()),
        agent_id=contact.agent_id,
        skips=tuple(contact.skips.items()),
        answered_at=contact.answered_at,
        leaving=contact.leaving,
        ended_by=contact.ended_by,
        overdue=bool(contact.overdue),
        overdue_for=contact.overdue,
        overflowed_from=contact.overflowed_from,
        wait_at=floor.timers.at(("wait", contact.contact_id)),
        sent_to=contact.sent_to,
        sent_why=contact.sent_why,
        early_at=floor.timers.at(("early", contact.contact_id)),
        promise_id=contact.promise_id,
        here_at=contact.here_at,
        opened_us=contact.opened_us,
    )


def _offer(offer: Offer) -> OfferStands:
    return OfferStands(
        offer_id=offer.offer_id,
        agent_id=offer.agent_id,
        queue=offer.queue,
        made_at=offer.made_at,
        deadline_at=offer.deadline_at,
        state=offer.state,
        rang=offer.rang,
        leg_seen_at=offer.leg_seen_at,
        linkedid=offer.linkedid,
        result=offer.result,
    )


def _agent(floor: Floor, agent: Agent) -> Picture:
    if floor.agents.get(agent.agent_id) is not agent:
        return AgentGone(agent_id=agent.agent_id)
    return AgentStands(
        agent_id=agent.agent_id,
        status=agent.status,
        since_at=agent.since_at,
        idle_since=agent.idle_since,
        reason=agent.reason,
        next_status=agent.next_status,
        next_reason=agent.next_reason,
        next_by=agent.next_by,
        held_until=agent.held_until,
        asked_at=agent.asked_at,
        today=(floor.day_at, agent.today.contacts, agent.today.talk_us),
        paused_today=tuple(agent.today.paused.items()),
        in_vain=agent.in_vain,
        other_work=tuple((medium, of.count, of.until_at) for medium, of in agent.other_work.items()),
        chosen_at=agent.chosen_at,
        assignment=None if agent.assignment is None else _assignment(floor, agent.assignment),
    )


def _assignment(floor: Floor, assignment: Assignment) -> AssignmentStands:
    return AssignmentStands(
        contact_id=assignment.contact_id,
        queue=assignment.queue,
        medium=assignment.medium,
        leg=assignment.leg,
        node=assignment.node,
        talk_at=assignment.talk_at,
        seen_at=assignment.seen_at,
        wrapup_us=assignment.wrapup_us,
        state=assignment.state,
        held_at=assignment.held_at,
        leg_ended_at=assignment.leg_ended_at,
        disposition=assignment.disposition,
        wrapup_at=floor.timers.at(("wrapup", assignment.agent_id)),
        wrapup=assignment.wrapup,
        wrapup_max_us=assignment.wrapup_max_us,
        longest_until=assignment.longest_until,
    )
