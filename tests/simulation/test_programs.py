"""`python -m tests.simulate` and `python -m tests.crash_matrix`: their last lines, their exit codes."""

import json

import pytest

from tests import crash_matrix, simulate
from tests.simulation.protections import without


def test_the_last_line_counts_what_was_lost(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate.main(["--contacts", "150", "--seed", "3", "--processes", "1"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].split() == ["injected", "times", "contacts", "touched"]
    assert said[-1] == "contacts 150 lost 0 double_offers 0 double_bills 0 missing_bills 0 broken 0"


def test_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate.main(["--contacts", "300", "--engine-only", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["form"], told["contacts"], told["bad"]) == ("engine", 300, [])


def test_a_day_that_fails_says_how_to_play_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    with without("a claim at Asterisk"):
        assert simulate.main(["--contacts", "300", "--seed", "1", "--processes", "1"]) == 1
        whole = capsys.readouterr().out
        assert "again by: python -m tests.simulate --seed 1 --day 0" in whole
        assert simulate.main(["--contacts", "300", "--seed", "1", "--day", "0"]) == 1
    fault = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("    "))
    assert fault in whole


def test_a_cell_of_the_crash_matrix_is_clean_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--only", "redis: journal commit done router", "--contacts", "120", "--processes", "1"]
    assert crash_matrix.main(words) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].split()[:2] == ["deaths", "at"]
    assert said[-1] == "cells 1 points 1 contacts 120 missing 0 doubled 0 broken 0 untried 0"


def test_a_day_on_which_nobody_died_is_played_again() -> None:
    """Who is transferred is rare: on many days of so few callers nobody is."""
    played = (crash_matrix.cell("router: CallerTransferred handled", "standby", seed, 60) for seed in range(4, 40))
    again = next(one for one in played if one.deaths and one.days > 1)
    assert not again.untried
    assert again.seed in range(4 + again.days - 1, 40 + again.days - 1)


def test_a_cell_in_which_nobody_ever_died_is_named_and_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--only", "router: CallerKeyed handled standby", "--contacts", "3", "--processes", "1"]
    assert crash_matrix.main(words) == 1
    said = capsys.readouterr().out.splitlines()
    assert "UNTRIED" in said[1]
    assert any(line.startswith("untried: standby at router: CallerKeyed handled: nobody died") for line in said)
    assert said[-1] == "cells 1 points 1 contacts 3 missing 0 doubled 0 broken 0 untried 1"


def test_a_matrix_without_a_cell_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert crash_matrix.main(["--only", "no such point"]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("cells 0 ")


def test_no_contacts_are_no_simulation() -> None:
    with pytest.raises(SystemExit):
        simulate.main(["--contacts", "0"])
