"""The life of a caller's leg cut into segments: disjoint, in order, without gaps.

Observations come late and out of order, so an instant before the running segment's begin is moved up to it; the sum of
the segments is then still exactly the life of the leg.
"""

from dataclasses import replace

from router.domain.ids import AgentId, Micros
from router.domain.record import Segment, SegmentKind


class Timeline:
    __slots__ = ("_agent", "_closed", "_from", "_kind")

    def __init__(self) -> None:
        self._closed: list[Segment] = []
        self._kind: SegmentKind | None = None
        self._agent: AgentId | None = None
        self._from: Micros = 0

    def begin(self, kind: SegmentKind, at: Micros, agent_id: AgentId | None = None) -> None:
        """From `at` on it is `kind`. The same kind with the same agent simply goes on."""
        if self._kind is kind and self._agent == agent_id:
            return
        self._close(at)
        self._kind, self._agent = kind, agent_id

    def finish(self, at: Micros) -> tuple[Segment, ...]:
        """Close at `at` and give every segment. A leg without length still has one segment.

        News of the end travels: what was begun after it, not knowing, is cut off.
        """
        if self._kind is None:
            return ()
        whole = Segment(kind=self._kind, from_at=self._from, to_at=self._from, agent_id=self._agent)
        self._close(at)
        segments = self._closed or [whole]
        while len(segments) > 1 and segments[-1].from_at >= at:
            segments.pop()
        if segments[-1].to_at > at:
            segments[-1] = replace(segments[-1], to_at=max(at, segments[-1].from_at))
        return tuple(segments)

    def _close(self, at: Micros) -> None:
        if self._kind is None:
            self._from = at
            return
        at = max(at, self._from)
        if at > self._from:
            self._closed.append(Segment(kind=self._kind, from_at=self._from, to_at=at, agent_id=self._agent))
        self._from = at
