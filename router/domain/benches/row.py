"""A row of a queue: a bench of agents, and the lane of callers whom the row was the last to open for.

A queue opens its rows one after another as a caller waits: the first at once, for its own need; each further one when
a ring of the rules widens the need, or when the time is over for which an agent only backs others up. An agent sits in
one row of a queue, the first they belong to, so sitting down costs the same however many rings there are.
"""

from typing import TYPE_CHECKING

from router.domain.benches.agent import Agent
from router.domain.benches.crew import ON_DUTY, Crew
from router.domain.benches.line import Line, Place
from router.domain.contacts.contact import Contact, skips
from router.domain.ids import AgentId, Micros
from router.domain.messages.standing import Standing
from router.domain.record import How
from router.domain.rulebook.choice import WAYS
from router.domain.rulebook.need import Need

if TYPE_CHECKING:
    from router.domain.benches.queue import Queue

_FREE, _LOGGED_OUT = int(Standing.FREE), int(Standing.LOGGED_OUT)


class Row:
    __slots__ = (
        "_gone",
        "_way",
        "bench",
        "crews",
        "how",
        "index",
        "lane",
        "later",
        "need",
        "opens_us",
        "queue",
        "skilled",
        "standings",
        "waiting",
    )

    def __init__(self, queue: "Queue", index: int, opens_us: Micros, need: Need) -> None:
        self.queue: Queue = queue
        self.index = index
        "Its number in the queue; 0 is open to everybody who waits."
        self.opens_us = opens_us
        "So long a caller waits in this queue before anybody here is asked."
        self.need = need
        self.skilled = 0
        "Agents who belong here by their skills."
        self.standings = [0] * len(Standing)
        "Of the entitled among them, how many stand how."
        self.crews: list[Crew] = []
        "Whose members sit here; some may have none any more."
        self._gone = 0
        "Crews without members among them."
        self.waiting = 0
        "Callers in the lane."
        self.lane: Line[Contact] = Line()
        self.bench: Line[Agent] = Line()
        self.later: tuple[Row, ...] = ()
        "The rows of the queue that open after this one."
        rules = queue.rules
        self.how = How(choose=rules.choose, row=index, opens_us=opens_us, points=rules.priority, at_once=rules.at_once)
        "How somebody is chosen here for a caller of whom nothing but their age counts."
        self._way = WAYS[queue.rules.choose]

    @property
    def present(self) -> int:
        """Entitled agents here who are logged in, free or not."""
        return sum(self.standings) - self.standings[_LOGGED_OUT]

    @property
    def on_duty(self) -> int:
        """Entitled agents here who take contacts, now or after the one in hand (crew.py)."""
        return sum(count for count, on_duty in zip(self.standings, ON_DUTY, strict=True) if on_duty)

    @property
    def free(self) -> int:
        """Agents here who could be offered something now."""
        return self.standings[_FREE]

    def forget(self, crew: Crew) -> None:
        """It has no members any more. It is thrown out with others like it: nothing is searched for here."""
        self._gone += 1
        if self._gone * 2 > len(self.crews):
            self.crews = [each for each in self.crews if each.members]
            self._gone = 0

    def sit_down(self, agent: Agent, by_idle_time: Place[Agent]) -> None:
        """Wait on the bench, under the agent's turn; their place by idle time is one for all benches of that order."""
        if self._way is None:
            self.bench.join(by_idle_time, self.standings[_FREE])
        else:
            rank, since = self._way(agent, self)
            self.bench.join((rank, since, agent.ordinal, agent.turn, agent), self.standings[_FREE])

    def bench_in_order(self) -> list[Agent]:
        """Everybody on the bench, in the order they are asked. For people and tests, not for decisions."""
        return [place[4] for place in self.bench]

    def bench_key(self, agent: Agent) -> tuple[int, Micros, int]:
        """Where an agent sits."""
        rank, since = (0, agent.idle_since) if self._way is None else self._way(agent, self)
        return rank, since, agent.ordinal

    def best_for(self, contact: Contact, now: Micros) -> Agent | None:
        """Of this row and those before it, the first agent of the first that has one for this contact."""
        place = self.bench.first()
        if not self.index and (place is None or not contact.skips):
            return place and place[4]
        firsts = (row._first_to_ask(contact, now) for row in self.queue.rows[: self.index + 1])
        return next((agent for agent in firsts if agent is not None), None)

    def _first_to_ask(self, contact: Contact, now: Micros) -> Agent | None:
        place = self.bench.first()
        if place is None or not contact.skips:
            return place and place[4]
        return next((place[4] for place in self.bench if not skips(contact, place[4].agent_id, now)), None)

    def first_for(self, agent_id: AgentId, now: Micros) -> Place[Contact] | None:
        """The first from this lane on whom an agent of this row may be offered; who may not keeps their place."""
        firsts = [row._first_to_take(agent_id, now) for row in (self, *self.later) if row.waiting]
        return min((place for place in firsts if place is not None), default=None)

    def _first_to_take(self, agent_id: AgentId, now: Micros) -> Place[Contact] | None:
        place = self.lane.first()
        if place is None or not place[4].skips:
            return place
        return next((place for place in self.lane if not skips(place[4], agent_id, now)), None)
