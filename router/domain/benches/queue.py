"""A queue: its rules, the line of those who wait, the rows of those who may be asked (row.py).

Order of the line: those nothing overtakes first, then by strict priority where the rules say so, then by the instant of
arrival, moved forward by `priority × priority_point`; equal instants by order of arrival here. It is one order over all
queues. A caller stands in the lane of the last row that is open to them, and is offered to the first row that has
somebody: who met the need from the beginning goes before who meets a wider one.

A need may speak of what is known of a contact (particulars.py). Then the queue has a line of its own for each distinct
need that comes of it: a queue like this one, under the same rules, with needs that speak of skills alone; `lines` names
them. Who brings nothing stands in the general one, and so does whom no line could be made for (seating.py).

A row opens when its time has come, and at once when nobody who is logged in and entitled sits in a row before it:
waiting for them would be waiting for nobody. It does not close again to who stays in this queue, whatever becomes of
their points, the rules, a ring or their node: nobody is asked to be more patient than they were. A row that an agent's
delay made stays until the rules are read again, though nobody may sit there any more.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from router.domain.benches.agent import Agent
from router.domain.benches.line import Line, Place
from router.domain.benches.row import Row
from router.domain.contacts.contact import Contact
from router.domain.contacts.particulars import Answers, answers
from router.domain.ids import ContactId, Micros
from router.domain.messages.standing import Standing
from router.domain.rulebook.census import Census
from router.domain.rulebook.rules import QueueRules

if TYPE_CHECKING:
    from router.domain.waiting.expectation import Help

LineKey = tuple[int, Micros, int]
NOTHING_OVERTAKES = -(10**6)
"Before every strict priority there can be."
LAST = 2**62
"After every ordinal there can be."


class Queue:
    __slots__ = (
        "_begun",
        "_delays",
        "_foretells",
        "_skills",
        "_unskilled",
        "data",
        "full",
        "general",
        "helps",
        "helps_until",
        "kept",
        "lineless",
        "lines",
        "on_duty",
        "places",
        "rows",
        "rules",
        "rung",
        "sends_on",
        "speaks",
        "used",
        "waiting",
        "whole",
    )

    def __init__(self, rules: QueueRules, delays: Iterable[Micros] = (), *, whole: "Queue | None" = None) -> None:
        """`delays`: how long agents posted here only back others up; each is a row's opening."""
        self.rules: QueueRules = rules
        self.whole: Queue = whole or self
        "The queue as the rules name it; itself, unless it is the line of one distinct need."
        self.sends_on = bool(rules.max_waiting or rules.join_if or rules.dissuade_us)
        "Who comes may not be let in, though it is open."
        self.speaks = rules.treatment.informs or bool(rules.treatment.comfort)
        "Callers are told something by the clock."
        self._foretells = bool(rules.dissuade_us or rules.treatment.wait)
        "Callers hear of it."
        self._begun = 0
        "Callers whose wait is not put down, since the last of whom it was."
        self._delays = tuple(delays)
        needs = (rules.need, *(ring.need for ring in rules.rings))
        self.data = tuple({(each.name, each.told): each for need in needs for each in need.data}.values())
        "What its needs ask of a contact."
        self.general = answers(self.data, {})
        self.lines: dict[Answers, Queue] = {}
        "Those of distinct needs, in the order they came to be."
        self.full = False
        "Somebody came for whom no line could be made; until there is one for everybody."
        self.lineless: Line[Contact] = Line()
        "Those who stand in the general line meanwhile."
        self.rung = 0
        "Contacts of this distinct need that agents are rung for: should nobody answer, they stand here again."
        self.used = 0
        "When somebody of this need came last, as a serial of the floor."
        self.waiting = 0
        "Contacts in line: QUEUED here and not parked."
        self.places = 0
        "Those of them whom nobody is on the phone for: they are to be called back."
        self.kept: dict[ContactId, Contact] = {}
        "Those of them who wait for one agent only (acquaintance.py)."
        self.on_duty = 0
        "Entitled agents who take its contacts, now or after the one in hand (crew.py)."
        self.helps: tuple[Help, ...] = ()
        self.helps_until: Micros = 0
        "Who works for it, as it was last put together, and for how long that holds (expectation.py)."
        wider = {} if rules.never_relax else {ring.after_us: ring.need for ring in rules.rings}
        need, rows = rules.need, []
        for index, opens_us in enumerate(sorted({0, *wider, *delays})):
            need = wider.get(opens_us, need)
            rows.append(Row(self, index, opens_us, need))
        self.rows = tuple(rows)
        for row in rows:
            row.later = self.rows[row.index + 1 :]
        self._skills = frozenset[str]().union(*(row.need.skills for row in rows))
        self._unskilled = self._first_row({})

    @property
    def skilled(self) -> int:
        """Agents who meet the need of any row."""
        rows = self.rows
        return rows[0].skilled if len(rows) == 1 else sum(row.skilled for row in rows)

    @property
    def standings(self) -> list[int]:
        """Of the entitled among them, how many stand how."""
        rows = self.rows
        if len(rows) == 1:
            return rows[0].standings
        return [sum(counts) for counts in zip(*(row.standings for row in rows), strict=True)]

    def row_of(self, agent: Agent) -> Row | None:
        """Where the agent belongs by skills and post, whoever they are entitled to serve."""
        skills = agent.profile.skills
        # most agents know nothing of most queues
        row = self._unskilled if skills.keys().isdisjoint(self._skills) else self._first_row(skills)
        return row and self.row_by_post(agent, row)

    def _first_row(self, skills: Mapping[str, int]) -> Row | None:
        return next((row for row in self.rows if row.need.matches(skills)), None)

    def row_by_post(self, agent: Agent, row: Row) -> Row | None:
        """The first from this one on that opens when the agent may be asked."""
        delay_us = agent.post(self.rules.name).delay_us if agent.profile.posts else 0
        return next((later for later in self.rows[row.index :] if later.opens_us >= delay_us), None)

    def members(self, census: Census) -> Iterator[tuple[Row, Agent]]:
        """`row_of` for everybody at once: each agent there is a row for, with it."""
        found, last = 0, None
        for row in self.rows:
            if row.need is not last:
                new = row.need.among(census) & ~found
                found |= new
                for agent in census.agents(new):
                    place = self.row_by_post(agent, row) if agent.profile.posts else row
                    if place is not None:
                        yield place, agent
            last = row.need

    # ---- distinct needs ----

    def line_of(self, facts: Mapping[str, str]) -> "Queue":
        """A queue like this one for contacts of whom this is known."""
        rings = tuple(replace(ring, need=ring.need.bind(facts)) for ring in self.rules.rings)
        return Queue(replace(self.rules, need=self.rules.need.bind(facts), rings=rings), self._delays, whole=self)

    def with_delay(self, delay_us: Micros) -> "Queue":
        """The same with a further row, and nobody in it; its lines too."""
        delays = (*self._delays, delay_us)
        made = Queue(self.rules, delays)
        made.full = self.full
        made.lines = {came_to: Queue(line.rules, delays, whole=made) for came_to, line in self.lines.items()}
        return made

    @property
    def all_lines(self) -> "tuple[Queue, ...]":
        """The general line and those of distinct needs."""
        return self, *self.lines.values()

    @property
    def most_standings(self) -> list[int]:
        """For people: how many stand how in that line of each where most do; who serves several is counted once."""
        if not self.lines:
            return self.standings
        return [max(counts) for counts in zip(*(line.standings for line in self.all_lines), strict=True)]

    @property
    def all_callers(self) -> int:
        """How many stand in line on the phone; who is owed a call takes up no line and is in nobody's way."""
        return sum(line.waiting - line.places for line in self.all_lines)

    # ---- the line ----

    def line_key(self, contact: Contact) -> LineKey:
        aged_from = contact.arrived_at - contact.waited_before_us
        if contact.urgent:
            return NOTHING_OVERTAKES, aged_from, contact.ordinal
        rules = self.rules
        points = rules.priority + contact.priority
        if rules.strict:
            return -points, aged_from, contact.ordinal
        return 0, aged_from - points * rules.priority_point_us, contact.ordinal

    def before(self, key: LineKey) -> int:
        """How many in line go before who stands, or would stand, at `key`; who is kept for one agent is not counted."""
        return sum(row.lane.before(key, row.waiting) for row in self.rows if row.waiting)

    def is_to_foretell(self) -> bool:
        """Whether the expected wait of who comes now is put down: of all where callers hear of it, else of some."""
        self._begun -= 1
        if self._begun >= 0 and not self._foretells:
            return False
        self._begun = self.rules.foretell_one_in - 1
        return True

    def line_up(self, contact: Contact, turn: int, now: Micros) -> bool:
        """Take a place by age; a contact that comes back gets its old place. `turn` is unique on the floor.

        True when a further row opened to it.
        """
        contact.turn = turn
        self.waiting += 1
        self.places += contact.place
        if contact.awaits is not None:
            self.kept[contact.contact_id] = contact
            return False
        row, opened = self.rows[0], False
        if row.later:
            row = self.open_to(contact, now)
            opened = row.opens_us > contact.opened_us
            if opened:
                contact.opened_us = row.opens_us
        contact.row = row
        row.waiting += 1
        row.lane.join((*self.line_key(contact), turn, contact), row.waiting)
        return opened

    def step_out(self, contact: Contact) -> None:
        """Leave the line, in which it stands: offered, gone, or moved elsewhere."""
        contact.turn = 0
        self.waiting -= 1
        self.places -= contact.place
        if self.kept and self.kept.pop(contact.contact_id, None) is not None:
            return
        row = contact.row
        if row is not None:
            row.waiting -= 1
            row.lane.first()  # lets go of who left at the front, and with them of all that a contact holds

    def open_to(self, contact: Contact, now: Micros) -> Row:
        """The last row that is open to this contact. What has opened to it in this queue does not close again."""
        if len(self.rows) == 1:
            return self.rows[0]
        return self.open_after(max(now - contact.entered_at, contact.opened_us))

    def open_after(self, waited_us: Micros) -> Row:
        """The last row that is open to who has waited here for so long."""
        rows = self.rows
        row = rows[0]
        if len(rows) == 1:
            return row
        somebody = False
        for later in rows[1:]:
            somebody = somebody or row.present > 0
            if somebody and later.opens_us > waited_us:
                break
            row = later
        return row

    def first_in_line(self) -> Contact | None:
        """Who stands before everybody else here, whoever they may be offered to."""
        places = [place for row in self.rows if row.waiting and (place := row.lane.first()) is not None]
        return min(places)[4] if places else None

    def in_line(self) -> list[Contact]:
        """Everybody in line, first first. For people and tests, not for decisions."""
        places = [self.place_of(contact) for contact in self.kept.values()]
        return [place[4] for place in sorted([*places, *(place for row in self.rows for place in row.lane)])]

    def left_alone(self) -> list[Contact]:
        """First first, those for whom a further row opens because nobody sits in the rows that are open to them.

        Empty at the price of looking at the first row, as long as somebody sits there.
        """
        lanes = []
        for row in self.rows[:-1]:
            if row.present:
                break
            if row.waiting:
                lanes.append(row.lane)
        return [place[4] for place in sorted(place for lane in lanes for place in lane)]

    def ahead_of(self, contact: Contact, most: int) -> int:
        """How many in line go before it, counted up to `most` and no estimate; not who is kept for one agent."""
        place, count = self.place_of(contact), 0
        for row in self.rows:
            if row.waiting and count < most:
                count += row.lane.ahead_of(place, most - count)
        return count

    def place_of(self, contact: Contact) -> Place[Contact]:
        """Where it stands in the one order over all queues."""
        return (*self.line_key(contact), contact.turn, contact)

    # ---- the benches ----

    def next_best(self, contact: Contact, count: int) -> list[Place[Agent]]:
        """Where the first so many sit who could be asked for this contact, in order."""
        found = self.rows[0].bench.head(count)
        if contact.row is not None and contact.row.index:
            for row in self.rows[1 : contact.row.index + 1]:
                found += row.bench.head(count - len(found))
        return found


def key_of_newcomer(rules: QueueRules, now: Micros) -> LineKey:
    """Where somebody would stand who came now, after everybody who came before."""
    if rules.strict:
        return -rules.priority, now, LAST
    return 0, now - rules.priority * rules.priority_point_us, LAST


def present(queue: Queue) -> int:
    """Entitled agents who are logged in, free or not."""
    return sum(queue.standings) - queue.standings[Standing.LOGGED_OUT]
