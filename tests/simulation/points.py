"""Named points: every step of every model passes one before and after it, and any part can be killed right there.

Whoever is killed at a point of its own goes no further (`Killed`); a server that is killed there does not answer.
"""

from collections import Counter
from collections.abc import Callable

from tests.simulation.loop import PROCESS, Killed


class Points:
    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        "Name → how often."
        self.trap = ""
        "The point at which something happens; empty: nowhere."
        self.spring: Callable[[], None] = lambda: None

    def at(self, name: str) -> None:
        self.passed[name] += 1
        if name == self.trap:
            self.spring()
            whose = PROCESS.get()
            if whose is not None and whose.dead:
                raise Killed
