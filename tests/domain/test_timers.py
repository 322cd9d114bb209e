"""Deadlines and the timeline: small machines the rest stands on."""

from itertools import pairwise
from weakref import ref

from hypothesis import given
from hypothesis import strategies as st

from router.domain.benches.timers import Timers
from router.domain.contacts.timeline import Timeline
from router.domain.ids import SECOND
from router.domain.record import SegmentKind

TALK, WAITING, HOLD = SegmentKind.TALK, SegmentKind.WAITING, SegmentKind.HOLD


def test_a_key_set_again_is_due_at_the_new_time_only() -> None:
    timers = Timers()
    timers.set(("ring", 1), 10)
    timers.set(("ring", 1), 20)
    assert timers.next_at() == 20
    assert timers.pop_due(15) is None
    assert timers.pop_due(20) == ("ring", 1)
    assert timers.pop_due(99) is None


def test_what_is_put_off_is_due_once() -> None:
    timers = Timers()
    timers.set(("ring", 1), 10 * SECOND)
    timers.set(("ring", 1), 20 * SECOND)
    assert timers.pop_due(15 * SECOND) is None
    assert timers.pop_due(20 * SECOND) == ("ring", 1)
    assert timers.next_at() is None


def test_a_key_that_was_called_off_is_not_due_and_hides_none_that_is() -> None:
    timers = Timers()
    timers.set(("ring", 1), 10)
    timers.set(("ring", 2), 20)
    timers.cancel(("ring", 1))
    assert timers.next_at() == 20
    assert timers.pop_due(15) is None
    assert timers.pop_due(20) == ("ring", 2)


def test_what_is_due_now_is_worth_asking_for() -> None:
    timers = Timers()
    assert not timers.may_be_due(0)
    timers.set(("ring", "a"), 10)
    assert timers.may_be_due(10)
    assert timers.next_at() == 10
    assert [timers.may_be_due(at) for at in (9, 10, 11)] == [False, True, True]
    assert timers.pop_due(10) == ("ring", "a")
    assert not timers.may_be_due(11)


def test_what_is_due_in_an_hour_is_not_asked_for_before() -> None:
    timers = Timers()
    timers.set(("ring", "a"), 3600 * SECOND)
    assert not timers.may_be_due(3599 * SECOND)
    assert timers.pop_due(3599 * SECOND) is None
    timers.set(("ring", "b"), 1800 * SECOND)  # before what was looked at last
    assert [timers.may_be_due(at * SECOND) for at in (1799, 1800)] == [False, True]
    assert timers.pop_due(1800 * SECOND) == ("ring", "b")
    assert timers.pop_due(3600 * SECOND) == ("ring", "a")


def test_what_is_called_off_again_and_again_is_let_go_of() -> None:
    class Who:
        pass

    timers, known = Timers(), []
    for at in range(20_000):
        key = ("ring", Who())
        known.append(ref(key[1]))
        timers.set(key, at * SECOND)
        if at != 7:
            timers.cancel(key)
        del key
    assert sum(who() is not None for who in known) < 100
    assert timers.next_at() == 7 * SECOND


def test_nor_does_it_pile_up_when_what_is_due_in_hours_was_looked_at() -> None:
    class Who:
        pass

    timers, known = Timers(), []
    timers.set(("promise", "c1"), 30_000 * SECOND)
    assert timers.next_at() == 30_000 * SECOND
    for at in range(20_000):
        key = ("ring", Who())
        known.append(ref(key[1]))
        timers.set(key, at * SECOND)
        timers.cancel(key)
        del key
    assert sum(who() is not None for who in known) < 200
    assert timers.pop_due(30_000 * SECOND) == ("promise", "c1")


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 100), st.booleans())))
def test_timers_keep_what_a_plain_dictionary_would(steps: list[tuple[int, int, bool]]) -> None:
    timers, model = Timers(), {}
    for key, tenths, cancels in steps * 30:
        at = tenths * SECOND // 10
        if cancels:
            timers.cancel(("k", key))
            model.pop(("k", key), None)
        else:
            timers.set(("k", key), at)
            model[("k", key)] = at
        assert len(timers) == len(model)
        assert timers.next_at() == min(model.values(), default=None)
    now = 5 * SECOND
    due = [timers.pop_due(now) for _ in model]
    assert [model[key] for key in due if key] == sorted(at for at in model.values() if at <= now)


@given(
    st.lists(st.tuples(st.sampled_from([TALK, WAITING, HOLD]), st.integers(-50, 200)), max_size=12), st.integers(0, 200)
)
def test_segments_are_disjoint_and_cover_the_life_of_the_leg(steps: list[tuple[SegmentKind, int]], end: int) -> None:
    timeline = Timeline()
    timeline.begin(WAITING, 0)
    for kind, at in steps:
        timeline.begin(kind, at)
    segments = timeline.finish(end)
    assert (segments[0].from_at, segments[-1].to_at) == (0, end)
    assert all(one.to_at == two.from_at for one, two in pairwise(segments))
    assert end == 0 or all(segment.from_at < segment.to_at for segment in segments)


def test_the_same_kind_with_another_agent_is_another_segment() -> None:
    timeline = Timeline()
    timeline.begin(TALK, 0, "agent-1001")
    timeline.begin(TALK, 5, "agent-1001")
    timeline.begin(TALK, 9, "agent-1002")
    assert [(s.agent_id, s.to_at) for s in timeline.finish(12)] == [("agent-1001", 9), ("agent-1002", 12)]
