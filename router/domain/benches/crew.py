"""A crew: the agents who serve exactly the same rows. Who shares work with whom is then known without a look at any.

There are as many crews as there are different sets of skills, posts and shifts among the people here, which is few.

Rule 1: `come` and `enlist` alone keep the counts; `Floor.restand` says who comes and goes.
Rule 2: on duty is who takes contacts now or after the one in hand: free, busy with one of ours, held off for a moment.
Who is paused, logged out, out of reach, on a private call or done for today is not counted on, nor who will be paused
or logged out after the contact in hand.
"""

from typing import TYPE_CHECKING

from router.domain.messages.standing import Standing

if TYPE_CHECKING:
    from router.domain.benches.agent import Agent
    from router.domain.benches.row import Row

ON_DUTY = tuple(standing in (Standing.FREE, Standing.ON_CONTACT, Standing.HELD_OFF) for standing in Standing)
"By standing."


class Crew:
    __slots__ = ("members", "on_duty", "rows")

    def __init__(self, rows: "tuple[Row, ...]") -> None:
        self.rows = rows
        self.members = 0
        self.on_duty = 0


def enlist(crews: "dict[tuple[Row, ...], Crew]", *agents: "Agent") -> None:
    """Call after what they serve changed, from the same to the same: into the crew of those who serve that."""
    before, serves = agents[0].crew, agents[0].serves
    if before is not None and before.rows == serves:
        return
    on_duty = sum(ON_DUTY[agent.standing] for agent in agents)
    if before is not None:
        before.members -= len(agents)
        come(before, -on_duty)
        if not before.members:
            del crews[before.rows]
            for row in before.rows:
                row.forget(before)
    crew = crews.get(serves) if serves else None
    if crew is None and serves:
        crew = crews[serves] = Crew(serves)
        for row in serves:
            row.crews.append(crew)
    for agent in agents:
        agent.crew = crew
    if crew is not None:
        crew.members += len(agents)
        come(crew, on_duty)


def come(crew: Crew, count: int) -> None:
    """So many of the crew come on duty; below 0: leave it. What was known of who works for their queues is old."""
    if not count:
        return
    crew.on_duty += count
    for row in crew.rows:
        row.queue.on_duty += count
        row.queue.helps_until = 0
