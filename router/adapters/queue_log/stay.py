"""A caller's stay in one queue: what must be known of it when it ends, and the place they stand at meanwhile.

app_queue knows calls only as stays: who overflows or is transferred leaves one queue and enters another, under the same
call id. A stay waits, then talks, then is over.

Rule 1: the place in a queue is by arrival, whoever is rung meanwhile included, as in app_queue. A priority of the
  caller's own is not seen here: no event tells of it.
Rule 2: of a stay that began before our time only the record tells, at its end.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass

from router.domain.contacts.timeline import TALKING
from router.domain.ids import SECOND, AgentId, Micros, QueueName
from router.domain.record import BillingRecord, EndedBy, Outcome, SegmentKind

_PARTING: Micros = SECOND
"A wait behind a talk that is shorter is the end of the talk: one leg ends after the other."

Place = tuple[Micros, int]
"(arrival, order of entering)"


@dataclass(slots=True, kw_only=True)
class Stay:
    queue: QueueName
    since_at: Micros
    place: Place
    position: int = 1
    "The place in line at the beginning, the first is 1."
    agent_id: AgentId | None = None
    "Who talks."
    talk_at: Micros = 0
    over: bool = False
    "Told to its end; the caller is still on the line."

    @property
    def waits(self) -> bool:
        return not self.over and self.agent_id is None

    @property
    def talks(self) -> bool:
        return not self.over and self.agent_id is not None


class Places:
    """Who stands where. Entering and leaving move pointers in one list a queue; nothing looks at everybody."""

    def __init__(self) -> None:
        self._lines: dict[QueueName, list[Place]] = {}
        self._entered = 0

    def enter(self, queue: QueueName, since_at: Micros, arrived_at: Micros) -> Stay:
        self._entered += 1
        stay = Stay(queue=queue, since_at=since_at, place=(arrived_at, self._entered))
        insort(self._lines.setdefault(queue, []), stay.place)
        stay.position = self.of(stay)
        return stay

    def of(self, stay: Stay) -> int:
        """Of who stands in line, their place now; the first is 1."""
        return bisect_left(self._lines.get(stay.queue, []), stay.place) + 1

    def leave(self, stay: Stay) -> None:
        """Nothing happens to who stands in no line."""
        line = self._lines.get(stay.queue, [])
        index = bisect_left(line, stay.place)
        if index < len(line) and line[index] == stay.place:
            del line[index]
        if not line:
            self._lines.pop(stay.queue, None)


def recalled(record: BillingRecord) -> Stay | None:
    """The last stay of a contact whose stay nobody told us of; None when it was over before the call was."""
    if record.outcome is Outcome.OVERFLOWED:
        return None
    stay = Stay(queue=record.queue, since_at=record.here_at, place=(record.arrived_at, 0))
    for segment in record.segments:
        if segment.kind in TALKING:
            if stay.agent_id is None:
                stay.talk_at = segment.from_at
            stay.agent_id = segment.agent_id or AgentId("")
        elif segment.kind is SegmentKind.WAITING:
            queue = segment.queue or stay.queue
            returned = stay.agent_id is not None and segment.to_at - segment.from_at >= _PARTING
            if returned or queue != stay.queue:
                stay = Stay(queue=queue, since_at=segment.from_at, place=stay.place)
    return stay


def waited_until(record: BillingRecord) -> Micros:
    ends = [segment.to_at for segment in record.segments if segment.kind is SegmentKind.WAITING]
    return ends[-1] if ends else record.ended_at


def talked_until(record: BillingRecord) -> Micros:
    ends = [segment.to_at for segment in record.segments if segment.kind in TALKING]
    return ends[-1] if ends else record.ended_at


def ended_by_caller(record: BillingRecord) -> bool:
    """Whether it was the caller who ended the talk: not who hangs up on a message they were sent to from it."""
    sent_on = bool(record.segments) and record.segments[-1].kind is SegmentKind.ANNOUNCEMENT
    return record.ended_by is EndedBy.CALLER and not sent_on
