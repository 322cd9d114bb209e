"""Who sits where: agents in the rows of queues, many at a time; contacts in the line of their own need.

Rule 1: what a queue asks of agents is asked of all of them at once (census.py): when the rules are swapped, and when a
contact is the first with a distinct need. What is asked of one agent alone (enrolled, entitled) is `assign_queues`.
Rule 2: a new line has nobody waiting, so nobody becomes able to be matched by it.
Rule 3: a queue has MOST_NEEDS lines at a time, for each costs its agents a look. When there is no room, the line that
nobody has asked for longest gives way, if nobody waits in it and nobody is rung for whoever left it to be rung for.
Rule 4: where none is idle, so many distinct needs wait at the same time. Whoever comes stands in the general line, as
one of whom nothing is known (its rings, its limits and its longest wait are theirs, too), and has a line of their own
as soon as one falls idle: the first in line first, and with them all of the same need. What it costs is paid when a
line changes hands, never while somebody is chosen.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from router.domain.benches.agent import Agent
from router.domain.benches.crew import Crew, enlist
from router.domain.benches.queue import Queue
from router.domain.benches.row import Row
from router.domain.contacts.particulars import MOST_NEEDS, Answers, answers, facts_of
from router.domain.ids import Micros, QueueName
from router.domain.messages.events import DistinctNeedsFull
from router.domain.messages.standing import Standing
from router.domain.rulebook.entitlement import covers

if TYPE_CHECKING:
    from router.domain.contacts.contact import Contact
    from router.domain.floor import Floor


def lines(queues: Iterable[Queue]) -> Iterator[Queue]:
    """Every line there is."""
    for queue in queues:
        yield queue
        yield from queue.lines.values()


def delays(agents: Iterable[Agent]) -> dict[str, set[Micros]]:
    """By queue, for how long agents only back others up."""
    delays: dict[str, set[Micros]] = {}
    for agent in agents:
        for name, post in agent.profile.posts.items():
            if post.delay_us:
                delays.setdefault(name, set()).add(post.delay_us)
    return delays


def seat_everybody(floor: "Floor", now: Micros) -> None:
    """All rows are new and nobody sits in any."""
    found: dict[Agent, list[Row]] = {agent: [] for agent in floor.agents.values()}
    for queue in lines(floor.queues.values()):
        for row, agent in queue.members(floor.census):
            found[agent].append(row)
    for agent, rows in found.items():
        floor.take_rows(agent, tuple(rows), now)


def rows_of(agent: "Agent", queues: Iterable[Queue]) -> tuple[Row, ...]:
    """Of the lines whose need the agent's skills meet, the row they belong to."""
    return tuple(row for line in lines(queues) if (row := line.row_of(agent)) is not None)


def line_for(floor: "Floor", queue: Queue, contact: "Contact", now: Micros) -> Queue:
    """The line of this queue a contact belongs to, made if they are the first of their kind."""
    if not queue.data:
        return queue
    facts = facts_of(contact, queue.data, floor.census)
    came_to = answers(queue.data, facts)
    if came_to == queue.general:
        return queue
    line = queue.lines.get(came_to)
    if line is None and not queue.full:  # else they stand behind those who wait for one already
        line = _new_line(floor, queue, came_to, facts, now)
    if line is None:
        if not queue.full:
            queue.full = True
            floor.crowded[queue] = None
            floor.emit(DistinctNeedsFull(queue=queue.rules.name, needs=MOST_NEEDS))
        return queue
    line.used = floor.serial()
    return line


def await_line(floor: "Floor", queue: Queue, contact: "Contact") -> None:
    """Rule 4, for somebody who has come to stand in a general line that is full."""
    if contact.awaits is None and answers(queue.data, facts_of(contact, queue.data, floor.census)) != queue.general:
        queue.lineless.join(queue.place_of(contact), queue.waiting)


def give_lines(floor: "Floor", now: Micros) -> None:
    """Rule 4: whoever waits for a line of their own has it, if there is one."""
    for queue in list(floor.crowded):
        is_room = len(queue.lines) < MOST_NEEDS or _idle(queue) is not None
        for contact in [place[4] for place in queue.lineless] if is_room else ():
            facts = facts_of(contact, queue.data, floor.census)
            came_to = answers(queue.data, facts)
            if is_room and came_to not in queue.lines:
                is_room = _new_line(floor, queue, came_to, facts, now) is not None
            if came_to in queue.lines:
                floor.step_out(contact)
                floor.line_up(contact, now)
        if queue.lineless.first() is None:
            queue.full = False
            del floor.crowded[queue]


def known_line(floor: "Floor", queue: Queue, contact: "Contact") -> Queue:
    """The same where it is there already. For people and tests."""
    facts = facts_of(contact, queue.data, floor.census)
    return queue.lines.get(answers(queue.data, facts), queue)


def look_again(floor: "Floor", now: Micros) -> None:
    """Skills nobody ever had are there: who waits may have meant one of them."""
    for contact in list(floor.contacts.values()):
        if contact.turn and contact.line is not None:
            whole = contact.line.whole
            if whole.data and (line_for(floor, whole, contact, now) is not contact.line or whole.full):
                floor.step_out(contact)
                floor.line_up(contact, now)


def open_row_at(floor: "Floor", name: QueueName, delay_us: Micros, now: Micros) -> None:
    """Somebody backs others up here after another time than anybody before: the queue gets a row for it."""
    before = floor.queues[name]
    if any(row.opens_us == delay_us for row in before.rows):
        return
    line = [contact for each in before.all_lines for contact in each.in_line()]
    for contact in line:
        floor.step_out(contact)
    queue = floor.queues[name] = before.with_delay(delay_us)
    instead = dict(zip(before.all_lines, queue.all_lines, strict=True))
    for agent in floor.agents.values():
        if any(row.queue in instead for row in agent.skilled):
            moved = {row: instead[row.queue].row_of(agent) for row in agent.skilled if row.queue in instead}
            agent.skilled = tuple(moved.get(row) or row for row in agent.skilled)
            agent.serves = tuple(moved.get(row) or row for row in agent.serves)
            for row in agent.skilled:
                row.skilled += row.queue.whole is queue
            for row in agent.serves:
                row.standings[agent.counted] += row.queue.whole is queue
            enlist(floor.crews, agent)
            floor.reseat(agent)
    if floor.crowded.pop(before, 0) is None:
        floor.crowded[queue] = None
    for each, new in instead.items():
        new.used, new.rung = each.used, each.rung
        if floor.thinned.pop(each, 0) is None:
            floor.thinned[new] = None
    for contact in floor.contacts.values():
        if contact.rung_from in instead:
            contact.rung_from = instead[contact.rung_from]
    for contact in line:
        floor.line_up(contact, now)


def _new_line(floor: "Floor", queue: Queue, came_to: Answers, facts: Mapping[str, str], now: Micros) -> Queue | None:
    """Rule 3. None: all are in use."""
    if len(queue.lines) >= MOST_NEEDS:
        idle = _idle(queue)
        if idle is None:
            return None
        _give_back(floor, queue, idle)
    line = queue.lines[came_to] = queue.line_of(facts)
    _open(floor, line, now)
    floor.census.rest()
    return line


def _idle(queue: Queue) -> Queue | None:
    """Of the lines that could be given back, the one that nobody has asked for longest."""
    return min((line for line in queue.lines.values() if not line.waiting and not line.rung), key=_used, default=None)


def _used(line: Queue) -> int:
    return line.used


def _give_back(floor: "Floor", queue: Queue, idle: Queue) -> None:
    """Nobody sits in it any more: as if it had never been."""
    queue.lines = {came_to: line for came_to, line in queue.lines.items() if line is not idle}
    rows = dict.fromkeys(idle.rows)
    alike: dict[Crew | None, list[Agent]] = {}
    for _, agent in idle.members(floor.census):
        agent.skilled = tuple(row for row in agent.skilled if row not in rows)
        if any(row in rows for row in agent.serves):
            alike.setdefault(agent.crew, []).append(agent)
    for agents in alike.values():
        serves = tuple(row for row in agents[0].serves if row not in rows)
        for agent in agents:
            agent.serves = serves
        enlist(floor.crews, *agents)


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
            row.standings[agent.counted] += 1
            if agent.standing is Standing.FREE and agent.turn:
                row.sit_down(agent, (0, agent.idle_since, agent.ordinal, agent.turn, agent))
    for (_, row), agents in alike.items():
        serves = (*agents[0].serves, row)
        for agent in agents:
            agent.serves = serves
        enlist(floor.crews, *agents)
