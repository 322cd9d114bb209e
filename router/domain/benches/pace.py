"""The pace of a queue: how long its contacts keep an agent, how long agents take to answer, how long callers stay.

Rule 1: each figure is the plain mean of the first `MEMORY` it was told, and from then on one that forgets: each new one
counts a `MEMORY`-th. So an hour of a busy queue, a week of a quiet one, at O(1) a contact and without a clock.
Rule 2: a queue that has been seen less than `FEWEST` times has the pace of its campaign; one whose campaign has none
either an assumed one, and says so (`assumed`).
Rule 3: patience is (time waited) / (callers who gave up), the estimate of greatest likelihood for an exponential one,
of which answered callers show only a part.
Rule 4: a pace is on paper every `PAPER`-th contact (picture.py): an old one is better than none, and nobody is hurt by
the few contacts it does not know of. Whatever is read back is brought within what is possible.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from math import isfinite

from router.domain.ids import SECOND, CampaignName, Micros, QueueName
from router.domain.message import message
from router.domain.rulebook.rules import QueueRules

MEMORY = 64
FEWEST = 5
PAPER = 16
LONGEST_US: Micros = 4 * 3600 * SECOND
"No single contact counts for more: the end of a leg may get lost."
ASSUMED_TALK_US: Micros = 180 * SECOND
ASSUMED_PICK_UP_US: Micros = 10 * SECOND


@dataclass(slots=True, kw_only=True)
class Mean:
    """Rule 1."""

    value: float = 0.0
    seen: int = 0

    def note(self, value: float) -> None:
        seen = self.seen
        if seen < MEMORY:
            self.seen = seen = seen + 1
        self.value += (value - self.value) / seen


@dataclass(slots=True, kw_only=True, eq=False)
class Pace:
    name: str
    "Of a queue, or of a campaign as a whole."
    busy: Mean = field(default_factory=Mean)
    "How long a contact keeps an agent: from the ring to the end of the wrap-up."
    pick_up: Mean = field(default_factory=Mean)
    "From the ring to the talk."
    waited: Mean = field(default_factory=Mean)
    "How long a caller waited, whatever came of it."
    gave_up: Mean = field(default_factory=Mean)
    "1 for a caller who hung up, 0 for one who was answered."
    told: int = 0
    "Contacts since the last time it was put on paper."

    @property
    def impatience(self) -> float:
        """Rule 3: of the callers who wait, the share that gives up in a microsecond."""
        return self.gave_up.value / self.waited.value if self.waited.value > 0 and self.gave_up.value > 0 else 0.0


@message
class Figures:
    """What is reckoned with for one queue."""

    busy_us: float
    pick_up_us: float
    impatience: float
    assumed: bool = False
    "Nobody has been served yet: these are no measurements."


class Paces:
    """Of all queues and campaigns. A name is a queue's (`campaign/queue`) or a campaign's, never both."""

    def __init__(self) -> None:
        self._paces: dict[str, Pace] = {}
        self._alone: dict[QueueName, CampaignName] = {}
        "Queues that are all their campaign has: the pace of the one is that of the other, and noted once."
        self._noted: dict[QueueName, tuple[Pace, ...]] = {}
        "Whose pace a contact of the queue tells: its own, and its campaign's."

    def share(self, queues: Collection[QueueRules]) -> None:
        """These are in force from now on. What was alone in its campaign leaves its pace to those who come."""
        count = Counter(queue.campaign for queue in queues)
        before, self._alone = (
            self._alone,
            {queue.name: queue.campaign for queue in queues if count[queue.campaign] == 1},
        )
        for name, campaign in before.items():
            left = self._paces.get(name) if name not in self._alone else None
            if left is not None:
                means = {mean: replace(getattr(left, mean)) for mean in ("busy", "pick_up", "waited", "gave_up")}
                self._paces[campaign] = replace(left, name=campaign, **means)
        self._noted.clear()

    def of(self, rules: QueueRules) -> Figures:
        """Rule 2."""
        pace = self._paces.get(rules.name)
        if pace is None or pace.busy.seen < FEWEST:
            pace = self._paces.get(rules.campaign)
        if pace is None or pace.busy.seen < FEWEST:
            busy_us = ASSUMED_PICK_UP_US + ASSUMED_TALK_US + rules.wrapup_us
            return Figures(busy_us=busy_us, pick_up_us=ASSUMED_PICK_UP_US, impatience=0.0, assumed=True)
        return Figures(busy_us=pace.busy.value, pick_up_us=pace.pick_up.value, impatience=pace.impatience)

    def served(self, queue: QueueName, busy_us: Micros) -> list[Pace]:
        """An agent is done with a contact of this queue. Gives the paces that are due to be put on paper."""
        due, busy_us = [], _possible(busy_us)
        for pace in self._of_both(queue):
            pace.busy.note(busy_us)
            pace.told += 1
            if pace.told >= PAPER:
                pace.told = 0
                due.append(pace)
        return due

    def answered(self, queue: QueueName, waited_us: Micros, pick_up_us: Micros) -> None:
        waited_us, pick_up_us = _possible(waited_us), _possible(pick_up_us)
        for pace in self._of_both(queue):
            pace.pick_up.note(pick_up_us)
            pace.waited.note(waited_us)
            pace.gave_up.note(0.0)

    def gave_up(self, queue: QueueName, waited_us: Micros) -> None:
        for pace in self._of_both(queue):
            pace.waited.note(_possible(waited_us))
            pace.gave_up.note(1.0)

    def restore(self, pace: Pace) -> None:
        """One that was on paper; raises `ValueError` when no queue can have had it."""
        for mean, most in ((pace.busy, LONGEST_US), (pace.pick_up, LONGEST_US), (pace.waited, LONGEST_US)):
            _look_at(mean, most)
        _look_at(pace.gave_up, 1)
        self._paces[pace.name] = pace
        self._noted.clear()

    def all(self) -> list[Pace]:
        return [pace for pace in self._paces.values() if pace.busy.seen]

    def _of_both(self, queue: QueueName) -> tuple[Pace, ...]:
        noted = self._noted.get(queue)
        if noted is None:
            campaign = CampaignName(queue.partition("/")[0])
            own = self._of(queue)
            noted = self._noted[queue] = (own,) if queue in self._alone else (own, self._of(campaign))
        return noted

    def _of(self, name: str) -> Pace:
        pace = self._paces.get(name)
        if pace is None:
            pace = self._paces[name] = Pace(name=name)
        return pace


def _possible(us: Micros) -> Micros:
    return us if 0 <= us <= LONGEST_US else min(max(us, 0), LONGEST_US)


def _look_at(mean: Mean, most: float) -> None:
    if not (isfinite(mean.value) and 0 <= mean.value <= most and 0 <= mean.seen <= MEMORY):
        raise ValueError("no mean of what a call centre sees")
