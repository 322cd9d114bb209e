"""The life of a caller's leg cut into segments: disjoint, in order, without gaps.

Observations come late and out of order, so an instant before the running segment's begin is moved up to it; the sum of
the segments is then still exactly the life of the leg.

A talk ends when the first of the two leaves, and the other's leg follows within milliseconds. That is no wait: what is
shorter than `PARTING` stays with the talk.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from router.domain.ids import AgentId, Micros, QueueName
from router.domain.record import Segment, SegmentKind

_ANNOUNCEMENT: Final = SegmentKind.ANNOUNCEMENT
_WAITING: Final = SegmentKind.WAITING
"Named once: to read a member from its class costs 50 ns, and these are asked for with every contact."

PARTING: Micros = 20_000
"As far apart as two clocks may be who date the same event (reconciliation.py)."
TALKING = (SegmentKind.TALK, SegmentKind.HOLD)


class Timeline:
    __slots__ = ("_agent", "_closed", "_from", "_kind", "_queue")

    def __init__(self) -> None:
        self._closed: tuple[Segment, ...] = ()
        self._kind: SegmentKind | None = None
        self._agent: AgentId | None = None
        self._queue: QueueName | None = None
        self._from: Micros = 0

    @property
    def is_talking(self) -> bool:
        return self._kind in TALKING

    @property
    def is_announcement(self) -> bool:
        return self._kind is _ANNOUNCEMENT

    def begin(
        self, kind: SegmentKind, at: Micros, agent_id: AgentId | None = None, queue: QueueName | None = None
    ) -> None:
        """From `at` on it is `kind`. The same kind with the same agent in the same queue simply goes on."""
        if (self._kind, self._agent, self._queue) == (kind, agent_id, queue):
            return
        self._close(at)
        self._kind, self._agent, self._queue = kind, agent_id, queue

    def finish(self, at: Micros) -> tuple[Segment, ...]:
        """Close at `at` and give every segment. A leg without length still has one segment.

        News of the end travels: what was begun after it, not knowing, is cut off.
        """
        if self._kind is None:
            return ()
        whole = self._segment(self._kind, self._from)
        self._close(at)
        segments = list(self._closed or (whole,))
        while len(segments) > 1 and segments[-1].from_at >= at:
            segments.pop()
        if segments[-1].to_at > at:
            segments[-1] = replace(segments[-1], to_at=max(at, segments[-1].from_at))
        return tuple(segments)

    def so_far(self) -> tuple[Segment, ...]:
        """The closed segments, and the running one, which has no end yet: its beginning stands there."""
        return self._closed if self._kind is None else (*self._closed, self._segment(self._kind, self._from))

    @classmethod
    def going_on(cls, segments: Sequence[Segment]) -> "Timeline":
        """One whose `so_far` is `segments`."""
        timeline = cls()
        if segments:
            timeline._closed = tuple(segments[:-1])
            last = segments[-1]
            timeline._kind, timeline._agent, timeline._queue = last.kind, last.agent_id, last.queue
            timeline._from = last.from_at
        return timeline

    def _close(self, at: Micros) -> None:
        if self._kind is None:
            self._from = at
            return
        at = max(at, self._from)
        if self._is_parting(at):
            self._closed = (*self._closed[:-1], replace(self._closed[-1], to_at=at))
        elif at > self._from:
            self._closed += (self._segment(self._kind, at),)
        self._from = at

    def _is_parting(self, to_at: Micros) -> bool:
        if self._kind is not _WAITING or not self._closed or to_at - self._from >= PARTING:
            return False
        return self._closed[-1].kind in TALKING

    def _segment(self, kind: SegmentKind, to_at: Micros) -> Segment:
        return Segment(kind=kind, from_at=self._from, to_at=to_at, agent_id=self._agent, queue=self._queue)
