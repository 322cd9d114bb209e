"""A queue: its rules, the line of those who wait, the rows of those who may be asked (row.py).

Order of the line: those nothing overtakes first, then by strict priority where the rules say so, then by the instant of
arrival, moved forward by `priority × priority_point`; equal instants by order of arrival here. It is one order over all
queues. A caller stands in the lane of the last row that is open to them, and is offered to the first row that has
somebody: who met the need from the beginning goes before who meets a wider one.

A row opens when its time has come, and at once when nobody who is logged in and entitled sits in a row before it:
waiting for them would be waiting for nobody.
"""

from collections.abc import Iterable, Iterator

from router.domain.agent import Agent, Standing
from router.domain.contact import Contact
from router.domain.ids import AgentId, ContactId, Micros
from router.domain.line import Place
from router.domain.row import Row
from router.domain.rules import QueueRules

LineKey = tuple[int, Micros, int]
NOTHING_OVERTAKES = -(10**6)
"Before every strict priority there can be."


class Queue:
    __slots__ = ("kept", "rows", "rules", "waiting")

    def __init__(self, rules: QueueRules, delays: Iterable[Micros] = ()) -> None:
        """`delays`: how long agents posted here only back others up; each is a row's opening."""
        self.rules: QueueRules = rules
        self.waiting = 0
        "Contacts in line: QUEUED here and not parked."
        self.kept: dict[ContactId, Contact] = {}
        "Those of them who wait for one agent only (acquaintance.py)."
        wider = {} if rules.never_relax else {ring.after_us: ring.need for ring in rules.rings}
        need, rows = rules.need, []
        for index, opens_us in enumerate(sorted({0, *wider, *delays})):
            need = wider.get(opens_us, need)
            rows.append(Row(self, index, opens_us, need))
        self.rows = tuple(rows)

    @property
    def skilled(self) -> int:
        """Agents who meet the need of any row."""
        return sum(row.skilled for row in self.rows)

    @property
    def standings(self) -> list[int]:
        """Of the entitled among them, how many stand how."""
        if len(self.rows) == 1:
            return self.rows[0].standings
        return [sum(counts) for counts in zip(*(row.standings for row in self.rows), strict=True)]

    def row_of(self, agent: Agent) -> Row | None:
        """Where the agent belongs by skills and post, whoever they are entitled to serve."""
        skills, delay_us = agent.profile.skills, agent.post(self.rules.name).delay_us
        meets = False
        for row in self.rows:
            meets = meets or row.need.matches(skills)
            if meets and row.opens_us >= delay_us:
                return row
        return None

    # ---- the line ----

    def line_key(self, contact: Contact) -> LineKey:
        rules = self.rules
        points = rules.priority + contact.priority
        if contact.urgent:
            return NOTHING_OVERTAKES, contact.arrived_at, contact.ordinal
        if rules.strict:
            return -points, contact.arrived_at, contact.ordinal
        return 0, contact.arrived_at - points * rules.priority_point_us, contact.ordinal

    def line_up(self, contact: Contact, turn: int, now: Micros, *, opened_us: Micros = 0) -> None:
        """Take a place by age; a contact that comes back gets its old place. `turn` is unique on the floor.

        Rows up to `opened_us` have opened to it already and do not close again.
        """
        contact.turn = turn
        self.waiting += 1
        if contact.awaits is not None:
            self.kept[contact.contact_id] = contact
            return
        row = self.open_to(contact, now)
        if opened_us > row.opens_us:
            row = [later for later in self.rows if later.opens_us <= opened_us][-1]
        contact.row = row
        row.waiting += 1
        row.lane.join(self.place_of(contact), row.waiting)

    def step_out(self, contact: Contact) -> None:
        """Leave the line: offered, gone, or moved elsewhere. Nothing happens to who is not in it."""
        if not contact.turn:
            return
        contact.turn = 0
        self.waiting -= 1
        row = contact.row
        if self.kept.pop(contact.contact_id, None) is None and row is not None:
            row.waiting -= 1
            row.lane.first()  # lets go of who left at the front, and with them of all that a contact holds

    def open_to(self, contact: Contact, now: Micros) -> Row:
        """The last row that is open to this contact."""
        rows = self.rows
        row = rows[0]
        if len(rows) == 1:
            return row
        waited_us = now - contact.entered_at
        somebody = False
        for later in rows[1:]:
            somebody = somebody or row.present > 0
            if somebody and later.opens_us > waited_us:
                break
            row = later
        return row

    def opens_next(self, contact: Contact) -> Micros | None:
        """When the row after the last open one opens by time, or None."""
        after = 0 if contact.row is None else contact.row.index + 1
        return contact.entered_at + self.rows[after].opens_us if after < len(self.rows) else None

    def first_for(self, agent_id: AgentId, row: Row, now: Micros) -> Place[Contact] | None:
        """The place of the first in line whom this agent, who sits in `row`, may be offered."""
        if len(self.rows) == 1:
            return row.first_for(agent_id, now)
        first: Place[Contact] | None = None
        for later in self.rows[row.index :]:
            if later.waiting:
                place = later.first_for(agent_id, now)
                if place is not None and (first is None or place < first):
                    first = place
        return first

    def in_line(self) -> list[Contact]:
        """Everybody in line, first first. For people and tests, not for decisions."""
        places = [self.place_of(contact) for contact in self.kept.values()]
        return [place[4] for place in sorted([*places, *(place for row in self.rows for place in row.lane)])]

    def before(self, contact: Contact, most: int) -> int:
        """How many stand in line before it, counted up to `most`; not those who wait for one agent only."""
        place, count = self.place_of(contact), 0
        for row in self.rows:
            if row.waiting and count < most:
                count += row.lane.before(place, most - count)
        return count

    def place_of(self, contact: Contact) -> Place[Contact]:
        """Where it stands in the one order over all queues."""
        return (*self.line_key(contact), contact.turn, contact)

    # ---- the benches ----

    def best_for(self, contact: Contact, now: Micros) -> Agent | None:
        """Of the rows open to this contact, the first agent of the first row that has one."""
        if len(self.rows) == 1:
            return self.rows[0].best_for(contact, now)
        last = 0 if contact.row is None else contact.row.index
        for row in self.rows[: last + 1]:
            best = row.best_for(contact, now)
            if best is not None:
                return best
        return None

    def next_best(self, contact: Contact, count: int) -> Iterator[Agent]:
        """The first so many who could be asked for this contact, in order."""
        last = 0 if contact.row is None else contact.row.index
        for row in self.rows[: last + 1]:
            for place in row.bench.head(count):
                yield place[4]
                count -= 1


def present(queue: Queue) -> int:
    """Entitled agents who are logged in, free or not."""
    return sum(queue.standings) - queue.standings[Standing.LOGGED_OUT]
