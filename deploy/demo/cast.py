"""Who plays: five agents with their phones and habits, and callers who come at random times, the same in every demo.

Who meets whom is left to the router, but for three things the demo promises to show. They come about by how long the
agents have been idle (they log in in the order below, and the longest idle is rung first) and by the first calls:
the first caller is for the shop and rings agent-1004, who never answers; the second is for the hotline and rings
agent-1005, who says no once; the third is for the support, where only agent-1002 can help and talks for a while, so
that the impatient caller, who calls the support in that moment, waits in vain.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.telephones.home_phone import NOBODY_HOME, Habit

FEWEST_CALLS, MOST_CALLS = 4, 500
CALLS_PER_S = 20 / 30
LEAVES_AFTER_S = 2.0
"The patience of the impatient: less than agent-1002's first talk."
TALK_S = (1.5, 4.0)
RING_S = 4
WRAPUP_S = 1

_SEED = 20_260_301
_POPULARITY = {"shop": 5, "hotline": 3, "support": 2}
_TALKS = 8
_ANI = "+496990009{:03}"
"(0)69 90009 000-999 is assigned to nobody (Bundesnetzagentur, numbers for media productions)."


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    agent_id: str
    phone: Literal["baresip", "SIPp"]
    transport: Literal["udp", "tls"] = "udp"
    skills: Mapping[str, int]
    address: str
    "Where their phone is: an address of the loopback."
    habit: Habit
    ways: str
    "What they do, for people."


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One caller. `at_s` counts from the first moment; None: in the moment described above."""

    ani: str
    campaign: str
    at_s: float | None
    talks_s: float | None = field(default=None)
    "The caller hangs up so long after the answer; None: the agent does."

    @property
    def is_impatient(self) -> bool:
        return self.at_s is None


def _talks(dice: random.Random, *first: float) -> tuple[int, ...]:
    """Talk times in ms, so many that they look random."""
    return tuple(round(1000 * talk_s) for talk_s in (*first, *(dice.uniform(*TALK_S) for _ in range(_TALKS))))


def agents() -> tuple[Agent, ...]:
    """In the order in which they log in."""
    dice = random.Random(_SEED)
    return (
        Agent(
            agent_id="agent-1004",
            phone="SIPp",
            skills={"de": 70, "orders": 60},
            address="127.0.0.14",
            habit=NOBODY_HOME,
            ways="never answers",
        ),
        Agent(
            agent_id="agent-1005",
            phone="SIPp",
            skills={"de": 75, "care": 70},
            address="127.0.0.15",
            habit=Habit(rings_ms=700, talks_ms=_talks(dice), refuses=1),
            ways="rejects once",
        ),
        Agent(
            agent_id="agent-1001",
            phone="baresip",
            skills={"de": 90, "orders": 80, "care": 60},
            address="127.0.0.11",
            habit=Habit(rings_ms=600, talks_ms=_talks(dice)),
            ways="answers",
        ),
        Agent(
            agent_id="agent-1002",
            phone="baresip",
            transport="tls",
            skills={"en": 80, "router": 70, "de": 65, "orders": 50},
            address="127.0.0.12",
            habit=Habit(rings_ms=500, talks_ms=_talks(dice, TALK_S[1])),
            ways="answers",
        ),
        Agent(
            agent_id="agent-1003",
            phone="SIPp",
            skills={"de": 85, "care": 80, "orders": 60},
            address="127.0.0.13",
            habit=Habit(rings_ms=400, talks_ms=_talks(dice)),
            ways="answers",
        ),
    )


def calls(count: int) -> tuple[Call, ...]:
    """The callers of a demo, by the time they call; the impatient one is the last."""
    dice = random.Random(_SEED + count)
    openings = (("shop", 0.3), ("hotline", 1.1), ("support", 1.9))
    window_s = count / CALLS_PER_S
    times = sorted(dice.uniform(2.2, max(window_s, 3.0)) for _ in range(count - len(openings) - 1))
    plan = [*openings, *((_campaign(dice), at_s) for at_s in times)]
    callers = [
        Call(
            ani=_ANI.format(number),
            campaign=campaign,
            at_s=at_s,
            # The support answers at once, so its callers cannot tell waiting from talking by the line alone.
            talks_s=dice.uniform(*TALK_S) if campaign != "support" and dice.random() < 0.5 else None,
        )
        for number, (campaign, at_s) in enumerate(plan, 1)
    ]
    impatient = Call(ani=_ANI.format(count), campaign="support", at_s=None, talks_s=LEAVES_AFTER_S)
    return (*callers, impatient)


def another_call(number: int) -> Call:
    """One of those who come by while the demo is held."""
    dice = random.Random(_SEED * number)
    return Call(ani=_ANI.format(501 + number % 499), campaign=_campaign(dice), at_s=0.0)


def _campaign(dice: random.Random) -> str:
    return dice.choices(list(_POPULARITY), weights=list(_POPULARITY.values()))[0]
