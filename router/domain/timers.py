"""Deadlines as data: one heap, keyed, so that setting a key again moves it and cancelling forgets it."""

import heapq
from collections.abc import Hashable

from router.domain.ids import Micros

Key = tuple[str, Hashable]
"(what is due, for whom), e.g. ('ring', offer_id)."


class Timers:
    """Each setting has a serial; those forgotten stay in the heap until they surface or outnumber the living."""

    __slots__ = ("_entries", "_heap", "_keys", "_serial")

    def __init__(self) -> None:
        self._heap: list[tuple[Micros, int]] = []
        self._entries: dict[Key, tuple[Micros, int]] = {}
        self._keys: dict[int, Key] = {}
        self._serial = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def set(self, key: Key, at: Micros) -> None:
        """Make `key` due at `at`; an earlier setting of the same key is forgotten."""
        before = self._entries.get(key)
        if before is not None:
            del self._keys[before[1]]
        self._serial = serial = self._serial + 1
        self._entries[key] = entry = (at, serial)
        self._keys[serial] = key
        heapq.heappush(self._heap, entry)
        if len(self._heap) > 64 + 2 * len(self._keys):
            self._heap = [entry for entry in self._heap if entry[1] in self._keys]
            heapq.heapify(self._heap)

    def cancel(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            del self._keys[entry[1]]

    def at(self, key: Key) -> Micros | None:
        """When `key` is due, or None."""
        entry = self._entries.get(key)
        return None if entry is None else entry[0]

    def next_at(self) -> Micros | None:
        """The earliest deadline, or None."""
        heap = self._heap
        while heap:
            at, serial = heap[0]
            if serial in self._keys:
                return at
            heapq.heappop(heap)
        return None

    def next_is(self, what: str, now: Micros) -> bool:
        """Whether the earliest deadline is due and is of this kind."""
        at = self.next_at()
        return at is not None and at <= now and self._keys[self._heap[0][1]][0] == what

    def may_be_due(self, now: Micros) -> bool:
        """Whether it is worth the while to ask `pop_due`: never False when something is due."""
        return bool(self._heap) and self._heap[0][0] <= now

    def pop_due(self, now: Micros) -> Key | None:
        """Take out one key that is due at `now`, the earliest first, or None."""
        at = self.next_at()
        if at is None or at > now:
            return None
        key = self._keys[heapq.heappop(self._heap)[1]]
        self.cancel(key)
        return key
