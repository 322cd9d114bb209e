"""A run that ends in a difference, made shorter by leaving out what it does not need: halves, then smaller pieces.

Any steps can be played after any others, so what is left is tried as it is; it counts when it ends in a difference of
the same kind.
"""

import time

from tests.model.days import Day, play


def shrunk(day: Day, seed: int, *, within_s: float) -> Day:
    """The shortest that was found in the time."""
    assert day.difference is not None
    why, until = day.difference.why, time.monotonic() + within_s
    piece = len(day.played) // 2
    while piece:
        begin = 0
        while begin < len(day.played) - 1 and time.monotonic() < until:
            fewer = play(seed, day.number, day.played[:begin] + day.played[begin + piece :])
            if fewer.difference is not None and fewer.difference.why == why:
                day = fewer
            else:
                begin += piece
        piece //= 2
    return day
