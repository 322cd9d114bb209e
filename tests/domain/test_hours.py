"""Opening hours, once they are instants."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.rulebook.entitlement import ALWAYS
from router.domain.rulebook.hours import OPEN_ALWAYS, OpeningHours

TWO_DAYS = OpeningHours(intervals=((10, 20), (30, 40)))


@pytest.mark.parametrize(
    ("now", "is_open", "next_edge"),
    [
        (0, False, 10),
        (9, False, 10),
        (10, True, 20),
        (19, True, 20),
        (20, False, 30),
        (30, True, 40),
        (40, False, None),
    ],
)
def test_open_from_the_first_instant_and_closed_at_the_last(now: int, is_open: bool, next_edge: int | None) -> None:
    assert TWO_DAYS.is_open(now) is is_open
    assert TWO_DAYS.next_edge(now) == next_edge


@pytest.mark.parametrize("now", [0, 1, 2**53])
def test_who_says_nothing_of_hours_is_open_and_never_closes(now: int) -> None:
    assert OPEN_ALWAYS.is_open(now)
    assert OPEN_ALWAYS.next_edge(now) is None


def test_without_an_interval_it_is_closed_for_good() -> None:
    assert not OpeningHours().is_open(0)
    assert OpeningHours().next_edge(0) is None


def test_what_has_no_closing_yet_still_has_its_opening() -> None:
    from_then_on = OpeningHours(intervals=((10, ALWAYS),))
    assert from_then_on.next_edge(0) == 10
    assert from_then_on.next_edge(10) is None


@pytest.mark.parametrize(
    "intervals", [((10, 10),), ((20, 10),), ((30, 40), (10, 20)), ((10, 20), (20, 30)), ((10, 30), (20, 40))]
)
def test_hours_that_no_search_could_read_are_refused(intervals: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValueError, match="opening hours"):
        OpeningHours(intervals=intervals)


@settings(max_examples=100)
@given(st.sets(st.integers(0, 60), max_size=12).map(sorted))
def test_the_search_answers_as_a_walk_through_all_of_them_would(edges: list[int]) -> None:
    intervals = tuple(zip(edges[::2], edges[1::2], strict=False))
    hours = OpeningHours(intervals=intervals)
    told = [any(open_at <= now < close_at for open_at, close_at in intervals) for now in range(-1, 63)]
    for now in range(-1, 62):
        assert hours.is_open(now) == told[now + 1]
        changes = [later for later in range(now + 1, 62) if told[later + 1] != told[later]]
        assert hours.next_edge(now) == (changes[0] if changes else None)
