"""A queue: its rules, the line of those who wait, the bench of those who are free.

Order of the line: the instant of arrival, moved forward by `priority × priority_point`; equal instants by order of
arrival here. Order of the bench: longest idle first; equal instants by order of enrolment. Both are a `Line`.
"""

from router.domain.agent import Agent, Standing
from router.domain.contact import Contact, ContactState
from router.domain.ids import AgentId, Micros
from router.domain.line import Line, Place
from router.domain.rules import QueueRules

LineKey = tuple[Micros, int]
_FREE = int(Standing.FREE)


class Queue:
    __slots__ = ("_bench", "_line", "rules", "skilled", "standings", "waiting")

    def __init__(self, rules: QueueRules) -> None:
        self.rules = rules
        self.waiting = 0
        "Contacts in line: QUEUED here and not parked."
        self.skilled = 0
        "Agents whose skills meet the need."
        self.standings = [0] * len(Standing)
        "Of the entitled among them, how many stand how."
        self._line: Line[Contact] = Line()
        self._bench: Line[Agent] = Line()

    # ---- the line ----

    def line_key(self, contact: Contact) -> LineKey:
        rules = self.rules
        return contact.arrived_at - rules.priority * rules.priority_point_us, contact.ordinal

    def line_up(self, contact: Contact, serial: int) -> None:
        """Take a place by age; a contact that comes back gets its old place. `serial` is unique on the floor."""
        contact.place = place = (*self.line_key(contact), serial, contact)
        self.waiting += 1
        self._line.join(place, self.waiting)

    def step_out(self, contact: Contact) -> None:
        """Leave the line: offered, gone, or moved elsewhere. Nothing happens to who is not in it."""
        if contact.place is not None:
            contact.place = None
            self.waiting -= 1
            self._line.first()  # lets go of who left at the front, and with them of all that a contact holds

    def first_for(self, agent_id: AgentId, now: Micros) -> Place[Contact] | None:
        """The place of the first in line whom this agent may be offered; those in front who may not keep theirs."""
        place = self._line.first()
        if place is None or not place[3].skips:
            return place
        for contact in self._line:
            if not skips(contact, agent_id, now):
                return contact.place
        return None

    def in_line(self) -> list[Contact]:
        """Everybody in line, first first. For people and tests, not for decisions."""
        return list(self._line)

    # ---- the bench ----

    def sit_down(self, place: Place[Agent]) -> None:
        """Wait on the bench at the agent's place."""
        self._bench.join(place, self.standings[_FREE])

    def best_for(self, contact: Contact, now: Micros) -> Agent | None:
        """The longest idle agent here who may be offered this contact."""
        place = self._bench.first()
        if place is None or not contact.skips:
            return place and place[3]
        for agent in self._bench:
            if not skips(contact, agent.agent_id, now):
                return agent
        return None

    def longest_idle(self, count: int) -> list[Agent]:
        """The first so many on the bench."""
        return [place[3] for place in self._bench.head(count)]

    def bench_in_order(self) -> list[Agent]:
        """Everybody on the bench, longest idle first. For people and tests, not for decisions."""
        return list(self._bench)


def skips(contact: Contact, agent_id: AgentId, now: Micros) -> bool:
    """Whether this contact must not be offered to this agent yet (they refused it a moment ago)."""
    until = contact.skips.get(agent_id)
    return until is not None and now < until


def queued(contact: Contact) -> bool:
    return contact.state is ContactState.QUEUED
