"""What must hold on the floor between any two inputs, each as a sentence that names who breaks it.

Everything is counted anew from the agents, contacts, offers and assignments themselves, never from the indexes that the
engine keeps for speed: a forgotten index is then found out. The cost grows with the floor, so tests ask after each step
and a running router only now and then.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from router.domain.benches import seating
from router.domain.benches.agent import Agent, Status
from router.domain.benches.crew import ON_DUTY, Crew
from router.domain.benches.queue import Queue
from router.domain.benches.row import Row
from router.domain.contacts.assignment import AssignmentState
from router.domain.contacts.callback import PromiseState
from router.domain.contacts.contact import Contact, ContactState, skips
from router.domain.contacts.offer import OfferState
from router.domain.floor import Floor
from router.domain.ids import Micros, OfferId, QueueName
from router.domain.messages.standing import Standing
from router.domain.rulebook.conduct import BY_PHONE
from router.domain.staff.engagement import may_take_voice

_OFFER_TIMER = {
    OfferState.RESERVED: "ring",
    OfferState.RINGING: "ring",
    OfferState.ACCEPTED: "talk",
    OfferState.RESCINDING: "rescind",
}
_LIVE = (OfferState.RESERVED, OfferState.RINGING, OfferState.ACCEPTED)
_IN_TALK = (AssignmentState.CONNECTED, AssignmentState.HELD)


def broken(floor: Floor, now: Micros) -> list[str]:
    """Every invariant that does not hold at `now`; empty when all is well. Ask when nothing is left due at `now`."""
    faults = list(_contacts(floor))
    faults += _offers(floor)
    faults += _assignments(floor)
    faults += _agents(floor, now)
    faults += _legs(floor)
    faults += _promises(floor)
    free = _free_agents(floor)
    lines = _lines(floor)
    for queue in seating.lines(floor.queues.values()):
        faults += _rows(floor, queue, free)
        faults += _line(queue, lines[queue], now)
    if floor.offering and not floor.lost:
        for queue in seating.lines(floor.queues.values()):
            faults += _nobody_waits_for_nothing(queue, free, lines[queue], now)
    if floor.freed or floor.seeking or floor.thinned or floor.returned:
        faults.append("somebody who may have become able to be matched was not looked at")
    return faults


def _contacts(floor: Floor) -> Iterator[str]:
    for contact_id, contact in floor.contacts.items():
        called = contact.place and contact.state is ContactState.ARRIVED  # whose phone rings
        if contact.state in (ContactState.ARRIVED, ContactState.ENDED) and not called:
            yield f"{contact_id} is on the floor in state {contact.state}"
        if bool(contact.live) is not (contact.state is ContactState.OFFERED):
            yield f"{contact_id} is {contact.state} and its live offers are {list(contact.live)}"
        live = [offer for offer in contact.open_offers.values() if offer.state in _LIVE]
        if live != list(contact.live.values()):
            yield f"{contact_id} has {len(live)} live offers and knows of {len(contact.live)}"
        for offer in contact.open_offers.values():
            if floor.offers.get(offer.offer_id) is not offer:
                yield f"{contact_id} keeps offer {offer.offer_id}, which is closed"
        being_rung_last = contact.overdue and contact.live
        endless = ("wait", contact_id) not in floor.timers
        if contact.is_waiting and not contact.place and not being_rung_last and endless:
            yield f"{contact_id} waits without a longest wait"
        for agent_id in contact.skips:
            if ("skip", (contact_id, agent_id)) not in floor.timers:
                yield f"{contact_id} skips {agent_id} for ever"
        if contact.is_waiting and contact.queue not in floor.queues:
            yield f"{contact_id} waits in queue {contact.queue}, which is gone"


def _offers(floor: Floor) -> Iterator[str]:
    for offer_id, offer in floor.offers.items():
        timer = _OFFER_TIMER.get(offer.state)
        if timer is None or (timer, offer_id) not in floor.timers:
            yield f"offer {offer_id} is {offer.state} without a deadline"
        agent = floor.agents.get(offer.agent_id)
        if agent is None or agent.offer is not offer:
            yield f"offer {offer_id} is not in the hands of {offer.agent_id}"
        contact = floor.contacts.get(offer.contact_id)
        if contact is None and offer.state is not OfferState.RESCINDING:
            yield f"offer {offer_id} is {offer.state} for a contact that is gone"
        if contact is not None and contact.open_offers.get(offer_id) is not offer:
            yield f"offer {offer_id} is not known to its contact"


def _assignments(floor: Floor) -> Iterator[str]:
    for leg, assignment in floor.assignments.items():
        agent = floor.agents.get(assignment.agent_id)
        if agent is None or agent.assignment is not assignment or assignment.leg != leg:
            yield f"the talk on {leg} is not in the hands of {assignment.agent_id}"
        if assignment.state not in _IN_TALK:
            yield f"the talk on {leg} is {assignment.state} and still has its leg"
        if assignment.contact_id not in floor.contacts and ("leg", leg) not in floor.timers:
            yield f"the talk on {leg} outlives its contact without a deadline"


def _agents(floor: Floor, now: Micros) -> Iterator[str]:
    for agent_id, agent in floor.agents.items():
        assignment = agent.assignment
        if agent.offer is not None and assignment is not None:
            yield f"{agent_id} has two things in hand"
        if agent.offer is not None and floor.offers.get(agent.offer.offer_id) is not agent.offer:
            yield f"{agent_id} holds offer {agent.offer.offer_id}, which is closed"
        if assignment is not None:
            if assignment.state is AssignmentState.WRAPUP:
                if ("wrapup", agent_id) not in floor.timers:
                    yield f"{agent_id} is in wrap-up without an end"
            elif floor.assignments.get(assignment.leg) is not assignment:
                yield f"{agent_id} talks on {assignment.leg} without a leg"
        if agent.next_status is not None and agent.offer is None and assignment is None:
            yield f"{agent_id} has nothing in hand, but {agent.next_status} was put off"
        if (agent in floor.paused) is not (Status.PAUSED in (agent.status, agent.next_status)):
            yield f"{agent_id} is counted among the paused, or forgotten there"
        if agent.status is Status.PAUSED and agent.reason in BY_PHONE and ("retry", agent_id) not in floor.timers:
            yield f"{agent_id} is paused for what their phone did, for ever"
        if agent.takes_voice is not may_take_voice(floor, agent):
            yield f"{agent_id} has other work in hand, and whether a call may come on top is wrong"
        if agent.standing is not agent.stands(now):
            yield f"{agent_id} stands as {agent.standing.name}, the facts say {agent.stands(now).name}"
        if agent.standing is Standing.HELD_OFF and ("held", agent_id) not in floor.timers:
            yield f"{agent_id} is held off for ever"
        skilled = seating.rows_of(agent, floor.queues.values())
        serves = tuple(row for row in skilled if agent.entitlement.allows(row.queue.rules.campaign, now))
        skilled = serves if agent.profile.dial else skilled
        # a line that came to be later stands last with those who were there
        if _by_id(agent.skilled) != _by_id(skilled) or _by_id(agent.serves) != _by_id(serves):
            yield f"{agent_id} serves other queues than skills and entitlement say"
        if (agent.crew.rows if agent.crew is not None else ()) != agent.serves:
            yield f"{agent_id} is in the crew of others"
        if floor.by_endpoint.get(agent.profile.endpoint) is not agent:
            yield f"{agent_id} is not found by their endpoint"
    crews: dict[Crew, list[int]] = {}
    for agent in floor.agents.values():
        if agent.crew is not None:
            counts = crews.setdefault(agent.crew, [0, 0])
            counts[0] += 1
            counts[1] += ON_DUTY[agent.standing]
    for crew in floor.crews.values():
        if [crew.members, crew.on_duty] != crews.pop(crew, None):
            yield f"a crew counts {crew.on_duty} of {crew.members} on duty, which is not so"
        if not all(crew in row.crews for row in crew.rows):
            yield "a crew is not known where it serves, or is where nobody of it does"
    on_duty = Counter(row.queue for a in floor.agents.values() if ON_DUTY[a.standing] for row in a.serves)
    for queue in seating.lines(floor.queues.values()):
        if queue.on_duty != on_duty[queue]:
            yield f"{queue.rules.name} counts {queue.on_duty} on duty, which is not so"
    if crews:
        yield "somebody is in a crew that is none"
    if len(floor.by_endpoint) != len(floor.agents):
        yield "an endpoint belongs to an agent who is gone"


def _by_id(rows: Iterable[Row]) -> list[int]:
    return sorted(id(row) for row in rows)


def _legs(floor: Floor) -> Iterator[str]:
    if floor.by_leg != {contact.leg: contact for contact in floor.contacts.values()}:
        yield "the callers' legs are not those of the contacts"
    private = {leg: agent for agent in floor.agents.values() for leg in agent.private_legs}
    if {leg: known.agent for leg, known in floor.private.items()} != private:
        yield "the private legs are not those of the agents"
    for leg in private:
        if leg in floor.assignments or OfferId(leg) in floor.offers:
            yield f"{leg} is a private leg and one of ours"
    for leg in floor.past:
        if leg in floor.by_leg or leg in floor.assignments or leg in floor.private:
            yield f"{leg} has ended and is still believed in"


def _promises(floor: Floor) -> Iterator[str]:
    owed: dict[QueueName, int] = {}
    meant = {promise.meant_for: promise_id for promise_id, promise in floor.promises.items() if promise.meant_for}
    for promise_id, promise in floor.promises.items():
        state, place = promise.state, floor.contacts.get(promise.place_id)
        owed[promise.queue] = owed.get(promise.queue, 0) + 1
        if promise.meant_for is not None and state is not PromiseState.CALLING:
            yield f"the promise to {promise_id} is {state}, and {promise.meant_for} is meant for it"
        if (state in (PromiseState.PROMISED, PromiseState.CALLING)) is not (place is not None and place.place):
            yield f"the promise to {promise_id} is {state}, and its place is {place}"
        on_the_phone = state is PromiseState.REACHED and place is not None
        if not on_the_phone and ("promise", promise_id) not in floor.timers:
            yield f"the promise to {promise_id} is {state} without a deadline"
        if state is PromiseState.PROMISED and promise.here in floor.contacts:
            yield f"the promise to {promise_id} stands in line while they are on the phone"
        if floor.promised_to.get(promise.caller) != promise_id:
            yield f"the promise to {promise_id} is not found by the number"
    if {queue: count for queue, count in floor.owed.items() if count} != owed:
        yield f"{floor.owed} promises are counted, there are {owed}"
    if floor.meant != meant:
        yield f"agents are meant for {floor.meant}, the promises say {meant}"
    if len(floor.promised_to) != len(floor.promises):
        yield "a promise that is over is found by its number"


def _free_agents(floor: Floor) -> dict[Row, list[Agent]]:
    free: dict[Row, list[Agent]] = {row: [] for queue in seating.lines(floor.queues.values()) for row in queue.rows}
    for agent in floor.agents.values():
        if agent.standing is Standing.FREE:
            for row in agent.serves:
                free[row].append(agent)
    return free


def _lines(floor: Floor) -> dict[Queue, list[Contact]]:
    lines: dict[Queue, list[Contact]] = {queue: [] for queue in seating.lines(floor.queues.values())}
    for contact in floor.contacts.values():
        in_line = contact.state is ContactState.QUEUED and not contact.parked and not contact.overdue
        if in_line and contact.queue in floor.queues:
            lines[seating.known_line(floor, floor.queues[contact.queue], contact)].append(contact)
    return lines


def _rows(floor: Floor, queue: Queue, free: dict[Row, list[Agent]]) -> Iterator[str]:
    for row in queue.rows:
        name = f"{queue.rules.name} after {row.opens_us} µs" if row.index else queue.rules.name
        standings = [0] * len(Standing)
        skilled = 0
        for agent in floor.agents.values():
            skilled += row in agent.skilled
            if row in agent.serves:
                standings[agent.standing] += 1
        if (row.skilled, row.standings) != (skilled, standings):
            yield f"{name} counts {row.skilled} {row.standings}, there are {skilled} {standings}"
        if row.bench_in_order() != sorted(free[row], key=row.bench_key):
            yield f"the bench of {name} is not those who are free, in the order they are asked"


def _line(queue: Queue, line: list[Contact], now: Micros) -> Iterator[str]:
    name = queue.rules.name
    if queue.waiting != len(line) or queue.waiting != len(queue.kept) + sum(row.waiting for row in queue.rows):
        yield f"{name} counts {queue.waiting} waiting, there are {len(line)}"
    if queue.places != sum(contact.place for contact in line):
        yield f"{name} counts {queue.places} who are to be called back, there are others"
    if queue.in_line() != sorted(line, key=queue.line_key):
        yield f"the line of {name} is not those who wait there, in order"
    for contact in line:
        if contact.awaits is not None:
            continue
        if contact.row is None or contact.row.index < queue.open_to(contact, now).index:
            yield f"{contact.contact_id} waits in {name} before a row that is open"


def _nobody_waits_for_nothing(
    queue: Queue, free: dict[Row, list[Agent]], line: list[Contact], now: Micros
) -> Iterator[str]:
    for contact in line:
        if contact.awaits is not None:
            is_free = any(agent.agent_id == contact.awaits for agents in free.values() for agent in agents)
            if is_free and contact.awaits not in contact.skips:
                yield f"{contact.contact_id} is kept for {contact.awaits}, who is free"
            continue
        last = 0 if contact.row is None else contact.row.index
        for row in queue.rows[: last + 1]:
            for agent in free[row]:
                if not skips(contact, agent.agent_id, now):
                    yield f"{contact.contact_id} waits in {queue.rules.name} while {agent.agent_id} is free"
