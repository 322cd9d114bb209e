"""What every billing record must be, whatever the story was."""

import itertools
from collections.abc import Sequence

from router.domain.ids import SECOND
from router.domain.record import BillingRecord, Outcome, SegmentKind
from router.ports import ContactStory

_TALKING = {SegmentKind.TALK, SegmentKind.HOLD}


def whole(story: ContactStory) -> BillingRecord:
    assert story.record is not None
    return story.record


def of_caller(stories: Sequence[ContactStory], ani: str) -> ContactStory:
    """The one story of who called with this number."""
    [found] = [story for story in stories if whole(story).ani == ani]
    return found


def billed(story: ContactStory, *, seen: bool = True) -> list[str]:
    """Hold a record against its own rules; gives the kinds of its segments, a moment of parting left out.

    Its segments follow each other without gap or overlap and cover the call; who talked is answered, at the beginning
    of the first talk; an agent stands on each talk and on nothing else; with `seen` nothing was estimated.
    """
    record = whole(story)
    segments = record.segments
    assert (segments[0].from_at, segments[-1].to_at) == (record.arrived_at, record.ended_at), record
    for before, after in itertools.pairwise(segments):
        assert before.to_at == after.from_at, f"a gap or an overlap: {record}"
    talks = [segment for segment in segments if segment.kind in _TALKING]
    for segment in segments:
        assert segment.from_at <= segment.to_at, record
        assert (segment.agent_id is not None) == (segment.kind in _TALKING), record
    assert (record.outcome is Outcome.ANSWERED) == bool(talks), record
    assert record.answered_at == (talks[0].from_at if talks else None), record
    assert not (seen and record.end_estimated), record
    last = segments[-1]
    if last.kind is SegmentKind.WAITING and len(segments) > 1 and last.to_at - last.from_at < SECOND:
        segments = segments[:-1]
    return [kind for kind, _ in itertools.groupby(segment.kind.value for segment in segments)]
