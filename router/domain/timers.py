"""Deadlines as data: one heap, keyed, so that setting a key again moves it and cancelling forgets it."""

from collections.abc import Hashable
from heapq import heapify, heappop, heappush
from typing import Any

from router.domain.ids import Micros

Key = tuple[str, Hashable]
"(what is due, for whom), e.g. ('ring', offer_id)."


_Entry = list[Any]
"[when, serial, key]; the key is None once it is forgotten."


class Timers:
    """What is forgotten stays in the heap until it surfaces or outnumbers the living."""

    __slots__ = ("_entries", "_heap", "_serial")

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._entries: dict[Key, _Entry] = {}
        self._serial = 0
        "Unique, so that keys are never compared."

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def set(self, key: Key, at: Micros) -> None:
        """Make `key` due at `at`; an earlier setting of the same key is forgotten."""
        entries = self._entries
        if key in entries:
            entries[key][2] = None
        self._serial = serial = self._serial + 1
        entries[key] = entry = [at, serial, key]
        heappush(self._heap, entry)
        if not serial % 64 and len(self._heap) > 64 + 2 * len(entries):
            self._heap = [entry for entry in self._heap if entry[2] is not None]
            heapify(self._heap)

    def cancel(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            entry[2] = None

    def at(self, key: Key) -> Micros | None:
        """When `key` is due, or None."""
        entry = self._entries.get(key)
        return None if entry is None else entry[0]

    def next_at(self) -> Micros | None:
        """The earliest deadline, or None."""
        heap = self._heap
        while heap:
            at: Micros = heap[0][0]
            if heap[0][2] is not None:
                return at
            heappop(heap)
        return None

    def next_is(self, what: str, now: Micros) -> bool:
        """Whether the earliest deadline is due and is of this kind."""
        at = self.next_at()
        return at is not None and at <= now and self._heap[0][2][0] == what

    def may_be_due(self, now: Micros) -> bool:
        """Whether it is worth the while to ask `pop_due`: never False when something is due."""
        return bool(self._heap) and self._heap[0][0] <= now

    def pop_due(self, now: Micros) -> Key | None:
        """Take out one key that is due at `now`, the earliest first, or None."""
        at = self.next_at()
        if at is None or at > now:
            return None
        key: Key = heappop(self._heap)[2]
        del self._entries[key]
        return key
