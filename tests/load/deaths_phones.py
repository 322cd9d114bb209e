"""Phones that ring for a while before they are answered, so that some ring whenever somebody dies."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tests.load.arena import Arena, Talk
from tests.load.deaths_judge import Placed

RINGS_S = 0.7
"As long as the phones of agent-rings-a-while-and-talks ring."
_SLACK = 1.22
"Agents more than the calls need: who waited while nobody decided is served before the next death."


@dataclass(frozen=True, slots=True)
class RingsAWhile(Talk):
    @property
    def scenario(self) -> str:
        return "agent-rings-a-while-and-talks"


class Phones(Arena):
    def counted(self) -> Placed:
        talked, failed = self._counted("SuccessfulCall(C)") or 0, self._counted("FailedCall(C)") or 0
        cancelled = self._counted("GenericCounter1(C)") or 0
        return Placed(0, 0, 0, talked=talked - cancelled, cancelled=cancelled, cut=failed)

    def numbers(self, calls: int) -> list[str]:
        """What the first so many callers of the latest carrier show."""
        return [f"+49155{self._round}{number + 1}" for number in range(calls)]


def agents_for(per_s: float, talk: Talk) -> int:
    talk_s = (talk.least_ms + talk.most_ms) / 2000
    return math.ceil(per_s * (RINGS_S + talk_s + 0.1) * _SLACK) + 2
