"""A queue: its rules, the line of those who wait, the bench of those who are free.

Line and bench are heaps with lazy deletion: whoever leaves is only forgotten (their token no longer matches) and thrown
out when they surface, or when the dead outnumber the living. Every operation is O(log n); nothing scans.

Order of the line: the instant of arrival, moved forward by `priority × priority_point`; equal instants by order of
arrival here. Order of the bench: longest idle first; equal instants by order of enrolment.
"""

import heapq
from collections.abc import Iterator

from router.domain.agent import Agent, Standing
from router.domain.contact import Contact, ContactState
from router.domain.ids import AgentId, Micros
from router.domain.rules import QueueRules

LineKey = tuple[Micros, int]
_SLACK = 64


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
        self._line: list[tuple[Micros, int, int, Contact]] = []
        self._bench: list[tuple[Micros, int, int, Agent]] = []

    # ---- the line ----

    def line_key(self, contact: Contact) -> LineKey:
        rules = self.rules
        return contact.arrived_at - rules.priority * rules.priority_point_us, contact.ordinal

    def line_up(self, contact: Contact, token: int) -> None:
        """Take a place by age; a contact that comes back gets its old place.

        `token` marks the entry and is unique on the floor: with numbers of our own, the forgotten entry of a contact
        that went on to another queue could come alive again.
        """
        contact.line_token = token
        self.waiting += 1
        age, ordinal = self.line_key(contact)
        heapq.heappush(self._line, (age, ordinal, token, contact))
        if len(self._line) > _SLACK + 2 * self.waiting:
            self._line = [entry for entry in self._line if entry[3].line_token == entry[2]]
            heapq.heapify(self._line)

    def step_out(self, contact: Contact) -> None:
        """Leave the line: offered, gone, or moved elsewhere. Nothing happens to who is not in it."""
        if contact.line_token:
            contact.line_token = 0
            self.waiting -= 1

    def first_for(self, agent: Agent, now: Micros) -> Contact | None:
        """The first in line whom this agent may be offered; those in front who may not keep their place."""
        passed: list[tuple[Micros, int, int, Contact]] = []
        found: Contact | None = None
        line = self._line
        while line:
            entry = line[0]
            contact = entry[3]
            if contact.line_token != entry[2]:
                heapq.heappop(line)
                continue
            if not skips(contact, agent.profile.agent_id, now):
                found = contact
                break
            passed.append(heapq.heappop(line))
        for entry in passed:
            heapq.heappush(line, entry)
        return found

    # ---- the bench ----

    def sit_down(self, agent: Agent) -> None:
        """Wait on the bench since `agent.idle_since`. The agent's `bench_token` marks the entry."""
        heapq.heappush(self._bench, (agent.idle_since, agent.ordinal, agent.bench_token, agent))
        if len(self._bench) > _SLACK + 2 * self.standings[Standing.FREE]:
            self._bench = [entry for entry in self._bench if entry[3].bench_token == entry[2]]
            heapq.heapify(self._bench)

    def best_for(self, contact: Contact, now: Micros) -> Agent | None:
        """The longest idle agent here who may be offered this contact."""
        passed: list[tuple[Micros, int, int, Agent]] = []
        found: Agent | None = None
        bench = self._bench
        while bench:
            entry = bench[0]
            agent = entry[3]
            if agent.bench_token != entry[2]:
                heapq.heappop(bench)
                continue
            if not contact.skips or not skips(contact, agent.profile.agent_id, now):
                found = agent
                break
            passed.append(heapq.heappop(bench))
        for entry in passed:
            heapq.heappush(bench, entry)
        return found

    def bench_in_order(self) -> Iterator[Agent]:
        """The free agents, longest idle first, without disturbing the bench.

        Walks the heap from the top with a small heap of candidates, so the first k cost O(k log k) however long it is.
        """
        bench = self._bench
        frontier = [(bench[0], 0)] if bench else []
        while frontier:
            entry, index = heapq.heappop(frontier)
            if entry[3].bench_token == entry[2]:
                yield entry[3]
            for child in (2 * index + 1, 2 * index + 2):
                if child < len(bench):
                    heapq.heappush(frontier, (bench[child], child))

    def in_line(self) -> list[Contact]:
        """Everybody in line, first first. For people and tests, not for decisions."""
        living = [entry for entry in self._line if entry[3].line_token == entry[2]]
        return [entry[3] for entry in sorted(living, key=lambda entry: entry[:3])]


def skips(contact: Contact, agent_id: AgentId, now: Micros) -> bool:
    """Whether this contact must not be offered to this agent yet (they refused it a moment ago)."""
    until = contact.skips.get(agent_id)
    return until is not None and now < until


def queued(contact: Contact) -> bool:
    return contact.state is ContactState.QUEUED
