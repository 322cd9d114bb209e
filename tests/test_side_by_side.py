"""Files of tests are shared out so that the groups end at about the same time, and none is forgotten."""

from pathlib import Path

from tests.side_by_side import ALONE, LONG_S, shared_out

ROOT = Path(__file__).parents[1]


def test_each_file_is_in_one_group_and_the_longest_are_apart() -> None:
    shares = shared_out({"long": 90, "short": 10, "longer": 95, "other": 80}, 3)
    assert shares == [["longer"], ["long"], ["other", "short"]]


def test_no_group_is_empty_where_there_are_fewer_files() -> None:
    assert shared_out({"only": 1}, 3) == [["only"]]


def test_the_files_it_knows_by_name_are_there() -> None:
    assert [name for name in (*ALONE, *LONG_S) if not (ROOT / name).exists()] == []
