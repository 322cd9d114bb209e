"""How long a caller will wait yet, from what is counted anyway: no agent is looked at, and no caller.

Theory. With n agents who are all busy and k callers before this one, an agent becomes free every S/n on average (S: how
long a contact keeps an agent), so E[wait] = (k + 1)·S/n, exact for M/M/n (Erlang; Whitt, "Predicting Queueing Delays",
Management Science 45, 1999). Callers before this one who give up, a share θ of them in a unit of time, shorten it to
Σ 1/(n/S + iθ), i = 0 … k (QL_m of Ibrahim and Whitt, "Real-Time Delay Estimation in Overloaded Multiserver Queues with
Abandonments", Management Science 55, 2009); as a flow that is ln(1 + θT)/θ with T = (k + 1)·S/n. Google's CCAI Platform
publishes that it counts shared agents as fractions, only contacts that go first, the handle time of the last hour, and
ten seconds on top.

What is ours:
Rule 1: callers before this one are those whom the one global order (queue.py) puts before, in each queue by itself. Who
comes later and overtakes (priorities) is not foreseen.
Rule 2: agents count by crew (crew.py). A crew that serves other queues too has their callers before it as well, each
queue's by the share of its agents who are ours; working alone it would take W/n until it comes to this caller, W being
the work before them with theirs. Crews work side by side, so their speeds n/W add up: that is a shared agent as a
fraction, by the load that lies before this caller at this moment.
Rule 3: a row that is not open to the caller yet helps from when it opens to the first in line, whom it takes out of the
way, and who sits there free then takes one at once.
Rule 4: the wait ends with the first word, so the time agents of the queue take to answer comes on top. Where an agent
is free, or rings already, it is all there is.
Rule 5: None where nobody counts on whom one could wait; paces that are only assumed are used like others (pace.py).
Rule 6: `MOST_CREWS` crews of a queue are looked at, and of each the `MOST_QUEUES` other queues with the most work; they
speak for the rest. Who shares with whom is put together anew after `FRESH_US` and after anybody of the queue came or
went.
"""

from dataclasses import dataclass
from itertools import islice
from math import log1p

from router.domain.benches.crew import Crew
from router.domain.benches.queue import LineKey, Queue, key_of_newcomer
from router.domain.benches.row import Row
from router.domain.benches.seating import known_line
from router.domain.contacts.contact import Contact, ContactState
from router.domain.floor import Floor
from router.domain.ids import SECOND, Micros

MOST_CREWS = 8
MOST_QUEUES = 4
FRESH_US: Micros = 20 * SECOND


@dataclass(frozen=True, slots=True)
class Help:
    """Crews of one row whose agents have the same other queues to serve."""

    row: Row
    agents: float
    others: tuple[tuple[Queue, float], ...]
    "Other queues they serve in which somebody waits, and the work that one of those before us is for ours."


def expected_wait(floor: Floor, contact: Contact, now: Micros) -> Micros | None:
    """How long from now until this caller, who waits, talks to somebody; None: unknown, or they do not wait."""
    whole = floor.queues.get(contact.queue)
    if whole is None or not contact.is_waiting:
        return None
    queue = contact.line or known_line(floor, whole, contact)
    pick_up_us = floor.paces.of(queue.rules).pick_up_us
    if contact.state is ContactState.OFFERED:
        return round(pick_up_us)
    opened = 0 if contact.row is None or not contact.turn else contact.row.index
    return _until_answer(floor, queue, queue.line_key(contact), contact.entered_at, opened, now)


def expected_at_entry(floor: Floor, queue: Queue, contact: Contact, now: Micros) -> Micros | None:
    """How long a caller will wait who is about to stand in line there."""
    return _of_who_comes(floor, queue, queue.line_key(contact), now)


def expected_of_newcomer(floor: Floor, queue: Queue, now: Micros) -> Micros | None:
    """How long somebody would wait there who came this moment and of whom nothing special is known."""
    return _of_who_comes(floor, queue, key_of_newcomer(queue.rules, now), now)


def is_free(floor: Floor, queue: Queue) -> bool:
    """Whether somebody could be offered at once to who comes now."""
    floor.count_freed()
    return any(row.free for row in queue.rows[: queue.open_after(0).index + 1])


def _of_who_comes(floor: Floor, queue: Queue, key: LineKey, now: Micros) -> Micros | None:
    if is_free(floor, queue):
        return round(floor.paces.of(queue.rules).pick_up_us)
    return _until_answer(floor, queue, key, now, 0, now)


def _until_answer(
    floor: Floor, queue: Queue, key: LineKey, entered_at: Micros, opened: int, now: Micros
) -> Micros | None:
    opened = max(opened, queue.open_after(now - entered_at).index)
    own = floor.paces.of(queue.rules)
    helps = _helps(floor, queue, now)
    before: dict[Queue, int] = {}
    mine = (queue.before(key) + 1) * own.busy_us
    at_us = done = speed = 0.0
    last: Row | None = None
    oldest = queue.first_in_line() if len(queue.rows) > 1 else None
    oldest_at = entered_at if oldest is None else min(entered_at, oldest.entered_at)
    for help_ in helps:
        row = help_.row
        if row is not last:  # a further row
            last = row
            opens_us = 0.0 if row.index <= opened else max(0.0, float(oldest_at + row.opens_us - now))
            if done + speed * (opens_us - at_us) >= 1.0:
                break
            done += speed * (opens_us - at_us)
            at_us = opens_us
            if row.index > opened:
                done += row.free * own.busy_us / mine
                if done >= 1.0:
                    return round(own.pick_up_us + max(at_us, float(entered_at + row.opens_us - now)))
        work = mine
        for other, each_us in help_.others:
            if other not in before:
                before[other] = other.before(key) if other.waiting else 0
            work += before[other] * each_us
        speed += help_.agents / work if work > 0.0 else 0.0
    if not speed:
        return None
    turn_us = at_us + (1.0 - done) / speed
    theta = own.impatience
    return round(own.pick_up_us + (log1p(theta * turn_us) / theta if theta else turn_us))


def _helps(floor: Floor, queue: Queue, now: Micros) -> tuple[Help, ...]:
    """Who works for this queue, the rows that open first first (rules 2 and 6)."""
    if now < queue.helps_until:
        return queue.helps
    looked_at = [each for row in queue.rows for each in _largely(row, max(2, MOST_CREWS // len(queue.rows)))]
    ours: dict[Queue, float] = {}
    for _, crew, count in looked_at:
        for shared in crew.rows:
            if shared.queue.waiting:
                ours[shared.queue] = ours.get(shared.queue, 0.0) + count
    ours.pop(queue, None)
    each_us = {
        other: floor.paces.of(other.rules).busy_us * min(1.0, count / other.on_duty) for other, count in ours.items()
    }
    agents: dict[tuple[Row, tuple[tuple[Queue, float], ...]], float] = {}
    for row, crew, count in looked_at:
        others = _heaviest([(other.queue, each_us[other.queue]) for other in crew.rows if other.queue in each_us])
        agents[row, others] = agents.get((row, others), 0.0) + count
    queue.helps = tuple(Help(row, of_row, others) for (row, others), of_row in agents.items())
    queue.helps_until = now + FRESH_US
    return queue.helps


def _largely(row: Row, most: int) -> list[tuple[Row, Crew, float]]:
    """Up to `most` crews of a row, with so many agents each that together they are all of its agents on duty."""
    found = list(islice((crew for crew in row.crews if crew.on_duty), most))
    seen = sum(crew.on_duty for crew in found)
    return [(row, crew, crew.on_duty * row.on_duty / seen) for crew in found]


def _heaviest(others: list[tuple[Queue, float]]) -> tuple[tuple[Queue, float], ...]:
    """The queues with the most work; they speak for the others."""
    if len(others) <= MOST_QUEUES:
        return tuple(others)
    work = [other.waiting * each_us for other, each_us in others]
    most = sorted(range(len(others)), key=work.__getitem__, reverse=True)[:MOST_QUEUES]
    speaks_for = sum(work) / (sum(work[at] for at in most) or 1.0)
    return tuple((others[at][0], others[at][1] * speaks_for) for at in most)
