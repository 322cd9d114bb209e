"""Deadlines as data: one heap, keyed, so that setting a key again moves it and cancelling forgets it."""

import heapq
from collections.abc import Hashable

from router.domain.ids import Micros

Key = tuple[str, Hashable]
"(what is due, for whom), e.g. ('ring', offer_id)."


class Timers:
    """Cancelled entries stay in the heap until they surface or outnumber the living."""

    __slots__ = ("_due", "_heap", "_serial")

    def __init__(self) -> None:
        self._heap: list[tuple[Micros, int, Key]] = []
        self._due: dict[Key, int] = {}
        self._serial = 0

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, key: Key) -> bool:
        return key in self._due

    def set(self, key: Key, at: Micros) -> None:
        """Make `key` due at `at`; an earlier setting of the same key is forgotten."""
        self._serial += 1
        self._due[key] = self._serial
        heapq.heappush(self._heap, (at, self._serial, key))
        if len(self._heap) > 64 + 2 * len(self._due):
            self._heap = [entry for entry in self._heap if self._due.get(entry[2]) == entry[1]]
            heapq.heapify(self._heap)

    def cancel(self, key: Key) -> None:
        self._due.pop(key, None)

    def next_at(self) -> Micros | None:
        """The earliest deadline, or None."""
        heap = self._heap
        while heap:
            at, serial, key = heap[0]
            if self._due.get(key) == serial:
                return at
            heapq.heappop(heap)
        return None

    def pop_due(self, now: Micros) -> Key | None:
        """Take out one key that is due at `now`, the earliest first, or None."""
        at = self.next_at()
        if at is None or at > now:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._due[key]
        return key
