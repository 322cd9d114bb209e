"""A crew: the agents who serve exactly the same rows. Who shares work with whom is then known without a look at any.

There are as many crews as there are different sets of skills, posts and shifts among the people here, which is few.

Rule 1: `Floor.restand` and `Floor.enlist` keep the counts; nobody else touches them.
Rule 2: on duty is who takes contacts now or after the one in hand: free, busy with one of ours, held off for a moment.
Who is paused, logged out, out of reach, on a private call or done for today is not counted on.
"""

from typing import TYPE_CHECKING

from router.domain.agent import Standing

if TYPE_CHECKING:
    from router.domain.row import Row

ON_DUTY = tuple(standing in (Standing.FREE, Standing.ON_CONTACT, Standing.HELD_OFF) for standing in Standing)
"By standing."


class Crew:
    __slots__ = ("members", "on_duty", "rows")

    def __init__(self, rows: "tuple[Row, ...]") -> None:
        self.rows = rows
        self.members = 0
        self.on_duty = 0
