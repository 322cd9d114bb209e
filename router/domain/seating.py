"""Who sits where: agents in the rows of queues, many at a time; contacts in the line of their own need.

Rule 1: what a queue asks of agents is asked of all of them at once (census.py): when the rules are swapped, and when a
contact is the first with a distinct need. What is asked of one agent alone (enrolled, entitled) is `assign_queues`.
Rule 2: a new line has nobody waiting, so nobody becomes able to be matched by it.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from router.domain.agent import Agent, Standing
from router.domain.crew import Crew
from router.domain.entitlement import covers
from router.domain.events import DistinctNeedsFull
from router.domain.ids import Micros
from router.domain.particulars import MOST_NEEDS, answers, facts_of
from router.domain.queue import Queue
from router.domain.row import Row

if TYPE_CHECKING:
    from router.domain.contact import Contact
    from router.domain.floor import Floor


def lines(queues: Iterable[Queue]) -> Iterator[Queue]:
    """Every line there is."""
    for queue in queues:
        yield queue
        yield from queue.lines.values()


def seat_everybody(floor: "Floor", now: Micros) -> None:
    """All rows are new and nobody sits in any."""
    found: dict[Agent, list[Row]] = {agent: [] for agent in floor.agents.values()}
    for queue in lines(floor.queues.values()):
        for row, agent in queue.members(floor.census):
            found[agent].append(row)
    for agent, rows in found.items():
        floor.take_rows(agent, tuple(rows), now)


def line_for(floor: "Floor", queue: Queue, contact: "Contact", now: Micros) -> Queue:
    """The line of this queue a contact belongs to, made if they are the first of their kind."""
    if not queue.data:
        return queue
    facts = facts_of(contact, queue.data, floor.census)
    came_to = answers(queue.data, facts)
    line = queue if came_to == queue.general else queue.lines.get(came_to)
    if line is not None:
        return line
    if len(queue.lines) < MOST_NEEDS:
        line = queue.lines[came_to] = queue.line_of(facts)
        _open(floor, line, now)
        return line
    if not queue.full:
        queue.full = True
        floor.emit(DistinctNeedsFull(queue=queue.rules.name, needs=MOST_NEEDS))
    return queue


def known_line(floor: "Floor", queue: Queue, contact: "Contact") -> Queue:
    """The same where it is there already. For people and tests."""
    facts = facts_of(contact, queue.data, floor.census)
    return queue.lines.get(answers(queue.data, facts), queue)


def look_again(floor: "Floor", now: Micros) -> None:
    """Skills nobody ever had are there: who waits may have meant one of them."""
    for contact in list(floor.contacts.values()):
        if contact.turn and contact.line is not None:
            whole = contact.line.whole
            if whole.data and line_for(floor, whole, contact, now) is not contact.line:
                floor.step_out(contact)
                floor.line_up(contact, now)


def _open(floor: "Floor", line: Queue, now: Micros) -> None:
    """Rule 2: benches as they would stand had the line been there."""
    campaign = line.rules.campaign
    alike: dict[tuple[Crew | None, Row], list[Agent]] = {}
    for row, agent in line.members(floor.census):
        is_entitled = covers(agent.entitlement.in_force(now), campaign)
        if agent.profile.dial and not is_entitled:
            continue
        agent.skilled += (row,)
        row.skilled += 1
        if is_entitled:
            alike.setdefault((agent.crew, row), []).append(agent)
            row.standings[agent.standing] += 1
            if agent.standing is Standing.FREE and agent.turn:
                row.sit_down(agent)
    for (_, row), agents in alike.items():
        serves = (*agents[0].serves, row)
        for agent in agents:
            agent.serves = serves
        floor.enlist(*agents)
