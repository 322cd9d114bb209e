"""Deadlines as data, keyed, so that setting a key again moves it and cancelling forgets it.

Nearly all deadlines are called off long before they are due: a ring is answered, a caller is served. So what is due
later lies in slots of half a second, in the order it came, and costs nothing but its place there; only a slot whose
turn has come is put in order, as the head of a heap. (A calendar queue: R. Brown, Communications of the ACM 31, 1988.)

Rule 1: in the heap is what is due up to the end of the slot opened last, in the slots what is due after it.
Rule 2: a slot is opened when nothing is left in the heap; so the first of the heap, if any, is the earliest.
Rule 3: `_due` alone says what is due and when. What else the heap says is old and passed over; when a slot far away is
open and most of the heap is old, the old is thrown out.
"""

from collections.abc import Hashable
from heapq import heappop, heappush

from router.domain.ids import Micros

Key = tuple[str, Hashable]
"(what is due, for whom), e.g. ('ring', offer_id)."

_SLOT_BITS = 19
"Microseconds in a slot, as a power of two: half a second."
_SLACK = 64


class Timers:
    __slots__ = ("_due", "_heap", "_later", "_open", "_serial", "_slots")

    def __init__(self) -> None:
        self._due: dict[Key, Micros] = {}
        self._heap: list[tuple[Micros, int, Key]] = []
        "(when, serial, key)"
        self._later: dict[int, dict[Key, None]] = {}
        self._slots: list[int] = []
        "A heap of those of `_later`; one may be named twice, or be gone."
        self._open = -1
        "The slot opened last."
        self._serial = 0
        "Unique, so that keys are never compared."

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, key: Key) -> bool:
        return key in self._due

    def set(self, key: Key, at: Micros) -> None:
        """Make `key` due at `at`; an earlier setting of the same key is forgotten."""
        before = self._due.get(key)
        if before is not None:
            if before == at:
                return
            self.cancel(key)
        self._due[key] = at
        slot = at >> _SLOT_BITS
        if slot <= self._open:
            self._serial += 1
            heappush(self._heap, (at, self._serial, key))
            if len(self._heap) > _SLACK + 2 * len(self._due):
                self._throw_out()
        elif (later := self._later.get(slot)) is not None:
            later[key] = None
        else:
            self._later[slot] = {key: None}
            heappush(self._slots, slot)

    def cancel(self, key: Key) -> None:
        at = self._due.pop(key, None)
        if at is None or (slot := at >> _SLOT_BITS) <= self._open:
            return
        later = self._later[slot]
        del later[key]
        if not later:
            del self._later[slot]

    def at(self, key: Key) -> Micros | None:
        """When `key` is due, or None."""
        return self._due.get(key)

    def next_at(self) -> Micros | None:
        """The earliest deadline, or None."""
        heap, due = self._heap, self._due
        while True:
            while heap:
                at, _, key = heap[0]
                if due.get(key) == at:
                    return at
                heappop(heap)
            if not self._slots:
                return None
            self._open_next()

    def next_is(self, what: str, now: Micros) -> bool:
        """Whether the earliest deadline is due and is of this kind."""
        at = self.next_at()
        return at is not None and at <= now and self._heap[0][2][0] == what

    def may_be_due(self, now: Micros) -> bool:
        """Whether it is worth the while to ask `pop_due`: never False when something is due."""
        if self._heap:
            return self._heap[0][0] <= now
        return bool(self._slots) and self._slots[0] <= now >> _SLOT_BITS

    def pop_due(self, now: Micros) -> Key | None:
        """Take out one key that is due at `now`, the earliest first, or None. No slot is opened before its time."""
        while True:
            while self._heap and self._heap[0][0] <= now:
                at, _, key = heappop(self._heap)
                if self._due.get(key) == at:
                    del self._due[key]
                    return key
            if self._heap or not self._slots or self._slots[0] > now >> _SLOT_BITS:
                return None
            self._open_next()

    def _open_next(self) -> None:
        """Rule 2. Of equal instants what was set first comes first."""
        self._open = slot = heappop(self._slots)
        due, serial = self._due, self._serial
        keys = self._later.pop(slot, {})
        self._serial += len(keys)
        self._heap += sorted((due[key], serial + n, key) for n, key in enumerate(keys, 1))

    def _throw_out(self) -> None:
        """Rule 3. Of what the heap says twice of one key the latest counts."""
        latest = {key: (at, serial, key) for at, serial, key in sorted(self._heap) if self._due.get(key) == at}
        self._heap = sorted(latest.values())
