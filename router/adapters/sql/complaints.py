"""What the writer has to say when things go wrong: each trouble at most once a minute, each loss exactly.

A database that is away fails ten times a second and would fill the log of the very disk that holds the facts. Facts
that were lost are counted by kind, and whose they were is told in a field: nobody can bill what nobody names.
"""

import logging
import time
from collections import Counter

from router.domain.record import AgentChangeFact, Fact

LOG_EVERY_S = 60.0
NAMED_AT_MOST = 1000
"Owners of lost facts in one record of the log."

log = logging.getLogger("ringfair.ledger")


class Complaints:
    """Not more than one line a minute of each kind; the counters of whoever complains say how many."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}
        self._lost: Counter[str] = Counter()
        self._whose: dict[str, None] = {}

    def say(self, level: int, error_id: str, sentence: str, *values: object, new: bool = False) -> None:
        """Log, but not what was said just now, unless it is a `new` trouble."""
        if new or self._may_say(error_id):
            self._said[error_id] = time.monotonic()
            log.log(level, "%s: " + sentence, error_id, *values)

    def lost(self, fact: Fact) -> None:
        self._lost[type(fact).__name__] += 1
        if len(self._whose) < NAMED_AT_MOST:
            self._whose[fact.agent_id if isinstance(fact, AgentChangeFact) else fact.contact_id] = None

    def tell_losses(self, waiting: int, *, now: bool = False) -> None:
        """Name what was lost since it was told last; `now` although the minute is not over."""
        if not self._lost or not (now or self._may_say("ledger-overflow")):
            return
        self._said["ledger-overflow"] = time.monotonic()
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self._lost.items()))
        log.error(
            "ledger-overflow: %d facts lost (%s), %d wait",
            self._lost.total(),
            kinds,
            waiting,
            extra={"whose": list(self._whose)},
        )
        self._lost.clear()
        self._whose.clear()

    def _may_say(self, error_id: str) -> bool:
        return time.monotonic() - self._said.get(error_id, -LOG_EVERY_S) >= LOG_EVERY_S
