"""Which of the free agents: an order of the bench for each way to choose. The first on it is asked first.

A way gives (rank, since) for an agent on a bench; lower is earlier, equal ones go by order of enrolment. What it looks
at does not change while the agent is free, else `Floor.reseat` is called: the bench is sorted as people sit down.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from router.domain.ids import Micros

if TYPE_CHECKING:
    from router.domain.benches.agent import Agent
    from router.domain.benches.row import Row


class Choice(StrEnum):
    LONGEST_IDLE = "longest-idle"
    BEST_SKILLED = "best-skilled"
    FEWEST_CONTACTS = "fewest-contacts"
    LEAST_TALK = "least-talk"
    ROUND_ROBIN = "round-robin"
    FIXED_ORDER = "fixed-order"


Way = Callable[["Agent", "Row"], tuple[int, Micros]]
"None in `WAYS`: by idle time alone, so that an agent's place is the same on all such benches."


def _best_skilled(agent: "Agent", row: "Row") -> tuple[int, Micros]:
    """By the sum of the levels held in what the need asks for; equal ones by idle time, as in the next two."""
    skills = agent.profile.skills
    return -sum(skills.get(skill, 0) for skill in row.need.asked), agent.idle_since


WAYS: Mapping[Choice, Way | None] = {
    Choice.LONGEST_IDLE: None,
    Choice.BEST_SKILLED: _best_skilled,
    Choice.FEWEST_CONTACTS: lambda agent, row: (agent.today.contacts, agent.idle_since),
    Choice.LEAST_TALK: lambda agent, row: (agent.today.talk_us, agent.idle_since),
    Choice.ROUND_ROBIN: lambda agent, row: (0, agent.asked_at),
    Choice.FIXED_ORDER: lambda agent, row: (agent.post(row.queue.rules.name).position, 0),
}
OF_TODAY = (Choice.FEWEST_CONTACTS, Choice.LEAST_TALK)
"Whose order changes at midnight."
