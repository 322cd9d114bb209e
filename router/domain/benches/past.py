"""Legs that ended lately: what comes late about them is ignored.

Two halves of bounded size, the older thrown away whole when the younger is full: nothing is searched for the oldest,
and at least the last 10,000 are known, at most 20,000. A minute and a half at 60 contacts/s: no observation is so late.
"""

from collections.abc import Iterator

from router.domain.ids import LegId

_HALF = 10_000


class Past:
    __slots__ = ("_older", "_younger")

    def __init__(self) -> None:
        self._younger: dict[LegId, None] = {}
        self._older: dict[LegId, None] = {}

    def add(self, leg: LegId) -> None:
        if len(self._younger) >= _HALF:
            self._older, self._younger = self._younger, {}
        self._younger[leg] = None

    def __contains__(self, leg: LegId) -> bool:
        return leg in self._younger or leg in self._older

    def __iter__(self) -> Iterator[LegId]:
        yield from self._older
        yield from self._younger
