"""What a router has on paper at each instant: its journal and its spool, each with the lag it has in life.

Rule 1: the spool is written within 50 ms of the fact, the journal 20 ms after the first change, in one cut.
Rule 2: that a contact has ended reaches the journal only after its record is on disk: else a router that dies in
between would leave a contact nobody knows of and nobody has a record of.
Rule 3: commits land in order, and what had not landed when the router died never does.
"""

from collections import deque
from collections.abc import Iterable
from random import Random

from router.domain.engine import Engine
from router.domain.ids import ContactId, Micros
from router.domain.messages.events import ContactEnded, Event
from router.domain.pictures.picture import Picture
from router.domain.pictures.recovery import Newest
from router.simulation.clock import VirtualClock
from router.simulation.wire import MILLISECOND

GROUP_US = 20 * MILLISECOND
FSYNC_US = 50 * MILLISECOND


class Papers:
    def __init__(self, clock: VirtualClock, dice: Random, engine: Engine, *, spool_first: bool = True) -> None:
        self._clock = clock
        self._dice = dice
        self._engine = engine
        self._spool_first = spool_first
        "Rule 2; a test takes it away."
        self.journal = Newest()
        self.on_disk: set[ContactId] = set()
        "Whose record is in the spool."
        self._unsynced: dict[ContactId, None] = {}
        self._in_flight: deque[list[Picture]] = deque()
        self._spooled_at: Micros = 0
        self._landed_at: Micros = 0
        self._taking = False
        self._life = 0
        self.commits = 0

    def decided(self, events: Iterable[Event]) -> None:
        """Something was decided: what follows from it for the papers comes by itself."""
        clock, life = self._clock, self._life
        for event in events:
            if isinstance(event, ContactEnded):
                contact_id = event.record.contact_id
                self._unsynced[contact_id] = None
                at = clock.now + self._dice.randint(1, FSYNC_US)
                self._spooled_at = max(self._spooled_at, at)
                clock.at(at, lambda contact_id=contact_id: self._fsync(contact_id, life))  # type: ignore[misc]
        if not self._taking:
            self._taking = True
            clock.later(GROUP_US, lambda: self._take() if life == self._life else None)

    def commit_now(self) -> None:
        """What only we know, and acknowledge: everything decided so far lands before the answer is given."""
        self._in_flight.append(self._engine.pictures())
        if self._spool_first:
            self.on_disk.update(self._unsynced)
        while self._in_flight:
            self._land()

    def die(self) -> list[Picture]:
        """The router is gone; what a successor can read."""
        self._life += 1
        self._taking = False
        self._in_flight.clear()
        self._unsynced.clear()
        left = self.journal
        kinds = (left.agents, left.doors, left.paces, left.promises, left.contacts)
        return [picture for kind in kinds for picture in kind.values()]

    def succeeded(self, engine: Engine) -> None:
        self._engine = engine

    def _fsync(self, contact_id: ContactId, life: int) -> None:
        if life == self._life:
            self.on_disk.add(contact_id)
            self._unsynced.pop(contact_id, None)

    def _take(self) -> None:
        self._taking = False
        self._in_flight.append(self._engine.pictures())
        at = self._clock.now + self._dice.randint(MILLISECOND // 5, GROUP_US)
        if self._spool_first:
            at = max(at, self._spooled_at)
        self._landed_at = max(self._landed_at, at)
        life = self._life
        self._clock.at(self._landed_at, lambda: self._land() if life == self._life and self._in_flight else None)

    def _land(self) -> None:
        self.commits += 1
        for picture in self._in_flight.popleft():
            self.journal.take(picture)
