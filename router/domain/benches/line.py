"""A line of people in order: the callers who wait, the agents on the bench.

Whoever joins nearly always comes last, so a line is a sorted list: joining is an append, the front is an index. Who
comes back to an old place (a missed offer) is let in by binary search, at the price of moving pointers: 2 µs among
10,000. Leaving touches no list: one only gives up one's turn, so an agent leaves all their benches at once. Places that
nobody holds any more are passed over, and thrown out at the front or when they outnumber the rest. Nothing scans.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar, cast

from router.domain.ids import Micros


class Holder(Protocol):
    """Who can stand in lines, in any number of them but in each once: all under the same turn, 0 in none."""

    @property
    def turn(self) -> int: ...


W = TypeVar("W", bound=Holder)
Place = tuple[int, Micros, int, int, W]
"""(rank, since, ordinal, turn, who): the order of the line; the turn is unique, so people are never compared."""
_SLACK = 16


class Line(Generic[W]):
    __slots__ = ("_front", "_places")

    def __init__(self) -> None:
        self._places: list[Place[W]] = []
        self._front = 0
        "Before it nobody holds their place any more."

    def join(self, place: Place[W], living: int) -> None:
        """Stand at `place`, whose turn the caller has given to its holder; `living` counts all who stand here."""
        places = self._places
        if not places or places[-1] < place:
            places.append(place)
        else:
            insort(places, place, self._front)
        if len(places) > _SLACK + 2 * living:
            places[:] = [place for place in places if place[4].turn == place[3]]
            self._front = 0

    def first(self) -> Place[W] | None:
        """The place at the front, or None when nobody stands here."""
        places, front = self._places, self._front
        end = len(places)
        while front < end:
            place = places[front]
            if place[4].turn == place[3]:
                break
            front += 1
        else:
            places.clear()
            self._front = 0
            return None
        if front * 8 > end:
            del places[:front]
            front = 0
        self._front = front
        return place

    def head(self, count: int) -> list[Place[W]]:
        """The first places, so many of them or all there are."""
        places, end = self._places, self._front + count
        found = [place for place in places[self._front : end] if place[4].turn == place[3]]
        while len(found) < count and end < len(places):
            place = places[end]
            if place[4].turn == place[3]:
                found.append(place)
            end += 1
        return found

    def before(self, key: tuple[int, Micros, int], living: int) -> int:
        """How many stand before `key`, of `living` in all: exact near the front, else as the living share of places."""
        places, front = self._places, self._front
        end = bisect_left(places, cast("Place[W]", key), front)
        if len(places) - front == living:
            return end - front
        if end - front <= _SLACK:
            return sum(place[4].turn == place[3] for place in places[front:end])
        return round((end - front) * living / (len(places) - front))

    def ahead_of(self, place: Place[W], most: int) -> int:
        """How many stand here before this place, counted up to `most` and no estimate.

        From the front: of many who ask one after the other all look at the same few, and a search would look far away.
        """
        places, count = self._places, 0
        for at in range(self._front, len(places)):
            other = places[at]
            if count >= most or other >= place:
                break
            count += other[4].turn == other[3]
        return count

    def __iter__(self) -> Iterator[Place[W]]:
        """Everybody's place, in order. The line must not change meanwhile."""
        places = self._places
        for at in range(self._front, len(places)):
            place = places[at]
            if place[4].turn == place[3]:
                yield place
