"""How an agent stands to being offered something: derived from the facts (agent.py), counted by rows and explained."""

from enum import IntEnum


class Standing(IntEnum):
    """Why not, in the order an explanation names it; FREE is the only one that can be offered something."""

    FREE = 0
    ON_CONTACT = 1
    LOGGED_OUT = 2
    PAUSED = 3
    UNREACHABLE = 4
    BUSY_ELSEWHERE = 5
    LINK_LOST = 6
    HELD_OFF = 7
    DONE_FOR_TODAY = 8
    ENGAGED = 9
    LAST_CONTACT = 10
    "On a contact, and paused or logged out afterwards: they asked for it."
