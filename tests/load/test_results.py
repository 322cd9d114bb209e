"""The report of the measures: verdicts, the file that grows run by run, the words, the pictures."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.load.goals import AIM, AT_LEAST, GOALS, MISSED, NOT_MEASURABLE, VERDICTS, Goal
from tests.load.plots import draw
from tests.load.report import app_queue_wins, markdown, number
from tests.load.results import Results, Row, commit_of, judge, storable, stored_rows, thinned

_PNG = b"\x89PNG\r\n\x1a\n"


def p1(**changes: object) -> Row:
    """Ringfair a little slower than app_queue at the middle, much faster at the worst."""
    row = Row(
        id="P1",
        title="caller's INVITE → agent's INVITE",
        unit="ms",
        n=1000,
        ours={"p50": 9.0, "p99": 20.0, "max": 31.0},
        app_queue={"p50": 8.0, "p99": 40.0, "max": 55.0},
        floor={"p50": 4.0, "p99": 9.0, "max": 12.0},
        ratio=1.125,
        ratios={"p50": 1.125, "p99": 0.5},
    )
    return replace(row, **changes)  # type: ignore[arg-type]


def p2(p50: float, p99: float, ratio: float) -> Row:
    return Row(id="P2", title="BYE → INVITE", unit="ms", n=600, ours={"p50": p50, "p99": p99}, ratio=ratio)


# ---- verdicts ----


def test_each_goal_promises_more_as_aim_than_as_at_least() -> None:
    for goal in GOALS:
        assert goal.verdict(goal.aim) == AIM, goal
        assert goal.verdict(goal.at_least) in (AIM, AT_LEAST), goal


def test_every_measure_of_the_table_has_goals_with_different_names() -> None:
    assert {goal.measure for goal in GOALS} == {*(f"P{n}" for n in range(1, 8)), "P1-rtcp"}
    assert len({(goal.measure, goal.line) for goal in GOALS}) == len(GOALS)


@pytest.mark.parametrize(
    ("sign", "value", "verdict"),
    [
        ("<=", 4.9, AIM),
        ("<=", 5.0, AIM),
        ("<=", 5.1, AT_LEAST),
        ("<=", 9.0, AT_LEAST),
        ("<=", 9.1, MISSED),
        (">=", 9.1, AIM),
        (">=", 9.0, AIM),
        (">=", 8.9, AT_LEAST),
        (">=", 5.0, AT_LEAST),
        (">=", 4.9, MISSED),
        (">=", None, NOT_MEASURABLE),
    ],
)
def test_a_bound_belongs_to_the_better_side(sign: str, value: float | None, verdict: str) -> None:
    at_least, aim = (9.0, 5.0) if sign == "<=" else (5.0, 9.0)
    assert Goal("P9", "x", ("ours", "x"), sign, at_least, aim).verdict(value) == verdict


def test_a_row_is_judged_line_by_line() -> None:
    assert Results(commit="c").add(p1()).verdicts == {"p50 ÷ app_queue's": AT_LEAST, "p99 ÷ app_queue's": AIM}
    assert judge(p2(p50=9.5, p99=20.0, ratio=60.0)).verdicts == {
        "app_queue's p50 ÷ ours": AT_LEAST,
        "our p50": MISSED,
        "our p99": AIM,
    }


def test_a_figure_that_was_not_taken_is_not_measurable_and_not_a_success() -> None:
    assert judge(p1(ratios={"p50": 1.0})).verdicts["p99 ÷ app_queue's"] == NOT_MEASURABLE


def test_what_lies_beyond_the_generators_limit_stays_not_measurable() -> None:
    row = p1(verdicts={"p99 ÷ app_queue's": NOT_MEASURABLE})
    assert judge(row).verdicts == {"p50 ÷ app_queue's": AT_LEAST, "p99 ÷ app_queue's": NOT_MEASURABLE}


def test_a_row_cannot_praise_itself() -> None:
    assert judge(p1(verdicts={"p50 ÷ app_queue's": AIM})).verdicts["p50 ÷ app_queue's"] == AT_LEAST


def test_a_verdict_on_a_line_that_is_no_goal_is_an_error() -> None:
    with pytest.raises(ValueError, match="P1 has no goal named p51"):
        judge(p1(verdicts={"p51": NOT_MEASURABLE}))


def test_a_variant_promises_nothing() -> None:
    assert judge(p1(id="P1-cel")).verdicts == {}


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_figure_that_is_no_number_is_refused_and_named(bad: float) -> None:
    results = Results(commit="c")
    with pytest.raises(ValueError, match="P1: ours p50"):
        results.add(p1(ours={"p50": bad}))
    with pytest.raises(ValueError, match="P1: ratio"):
        results.add(p1(ratio=bad))
    assert results.rows == {}


def test_a_bound_inside_the_interval_makes_the_verdict_uncertain_and_nothing_else() -> None:
    sure = judge(p1(interval={"p50": (1.05, 1.14), "p99": (0.4, 0.6)}))
    unsure = judge(p1(interval={"p50": (1.05, 1.2), "p99": (0.4, 1.1)}))
    assert sure.notes == []
    assert unsure.verdicts == sure.verdicts
    assert unsure.notes == [
        "p50 ÷ app_queue's: at least, not certain: the interval is 1.05-1.2.",
        "p99 ÷ app_queue's: aim, not certain: the interval is 0.4-1.1.",
    ]
    assert judge(unsure).notes == unsure.notes


def test_the_headline_has_an_interval_of_its_own() -> None:
    row = replace(p2(p50=5, p99=20, ratio=130), interval={"ratio": (110.0, 140.0)})
    assert judge(row).notes == ["app_queue's p50 ÷ ours: aim, not certain: the interval is 110-140."]


# ---- the file ----


def test_a_later_run_replaces_its_own_measures_and_keeps_the_others(tmp_path: Path) -> None:
    first = Results(commit="aaa")
    first.add(p1())
    first.add(p2(9, 30, 60))
    first.write(tmp_path)
    second = Results(commit="bbb")
    second.add(p2(5, 20, 120))
    second.write(tmp_path)
    found = json.loads((tmp_path / "bench.json").read_text())
    assert list(found) == ["P1", "P2"]
    assert (found["P1"]["commit"], found["P2"]["commit"]) == ("aaa", "bbb")
    assert found["P2"]["ours"] == {"p50": 5, "p99": 20}
    for key in ("ours", "app_queue", "floor", "ratio", "unit", "n", "date", "commit"):
        assert key in found["P1"]


def test_what_is_shown_of_a_run_is_its_own_rows_and_its_failures(tmp_path: Path) -> None:
    first = Results(commit="aaa")
    first.add(p1())
    first.write(tmp_path)
    second = Results(commit="bbb")
    second.add(replace(p2(5, 20, 120), quick=True, pairs=2, versions={"SIPp": "3.7.2"}))
    second.write(tmp_path, ["P1: 3 of 160 calls\nwere lost"])
    text = markdown(second.now(), failures=["P1: 3 of 160 calls\nwere lost"])
    assert list(second.now()) == ["P2"]
    assert "aaa" not in text
    assert "## Failed in this run\n\n- P1: 3 of 160 calls were lost\n" in text
    assert "SIPp 3.7.2; a short run" in text
    stored = json.loads((tmp_path / "bench.json").read_text())["P2"]
    assert (stored["quick"], stored["pairs"], stored["versions"]) == (True, 2, {"SIPp": "3.7.2"})


def test_samples_are_drawn_and_not_stored(tmp_path: Path) -> None:
    results = Results(commit="c")
    results.add(p1(samples={"ours": [1.0, 2.0, 3.0]}))
    written = results.write(tmp_path)
    assert "samples" not in json.loads((tmp_path / "bench.json").read_text())["P1"]
    assert tmp_path / "P1.png" in written
    assert "(P1.png)" in (tmp_path / "bench.md").read_text()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"P1": 3}', '{"P1": {"id": "P2"}}', '{"P1": {"id": "P1"}}'])
def test_a_file_that_cannot_be_read_is_put_aside_and_the_run_is_kept(tmp_path: Path, text: str) -> None:
    (tmp_path / "bench.json").write_text(text)
    results = Results(commit="c")
    results.add(p1())
    results.write(tmp_path)
    assert (tmp_path / "bench.unreadable").read_text() == text
    assert list(stored_rows(tmp_path / "bench.json")) == ["P1"]


def test_outside_of_git_the_commit_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit_of(tmp_path) == "unknown"
    assert commit_of(tmp_path / "nowhere") == "unknown"


def test_thinning_keeps_order_ends_and_the_number_asked_for() -> None:
    kept = thinned(map(float, range(12_345)), most=100)
    assert (len(kept), kept[0], kept[-1]) == (100, 0.0, 12_344.0)
    assert kept == sorted(kept)
    assert thinned([3.0, 1.0]) == [3.0, 1.0]


# ---- the words ----


def test_the_report_says_where_app_queue_wins_and_only_there() -> None:
    assert list(app_queue_wins({"P1": p1()})) == ["- P1, p50: app_queue 8, Ringfair 9, a factor of 1.12."]


def test_more_is_better_for_a_rate() -> None:
    row = Row(id="P3", title="rate", unit="calls/s", n=1, ours={"rate": 60}, app_queue={"rate": 90})
    assert list(app_queue_wins({"P3": row})) == ["- P3, rate: app_queue 90, Ringfair 60, a factor of 1.5."]
    assert list(app_queue_wins({"P3": replace(row, ours={"rate": 120})})) == []


def test_a_win_within_the_spread_of_the_runs_says_so() -> None:
    apart = p1(spread={"ours p50": (8.5, 9.5), "app_queue p50": (7.0, 8.4)})
    over = p1(spread={"ours p50": (8.5, 9.5), "app_queue p50": (7.0, 8.6)})
    assert "overlap" not in next(app_queue_wins({"P1": apart}))
    assert "overlap" in next(app_queue_wins({"P1": over}))


def test_a_draw_is_nobodys_win() -> None:
    assert list(app_queue_wins({"P1": p1(ours={"p50": 8.0, "p99": 40.0, "max": 55.0})})) == []


def test_the_report_without_a_rival_says_that_too() -> None:
    stored = {"P2": storable(judge(p2(5, 20, 120)))}
    assert "On none of the figures" in markdown(stored)


def test_the_report_shows_goals_verdicts_notes_and_spread(tmp_path: Path) -> None:
    results = Results(commit="abc")
    results.add(p1(notes=["SIPp alone holds 400 calls/s | more or less"], spread={"ours p50": (8.5, 9.5)}))
    results.write(tmp_path)
    text = (tmp_path / "bench.md").read_text()
    assert "| P1 | p50 ÷ app_queue's | ≤ 1.15 | ≤ 1 | 1.12 | **at least** |" in text
    assert "p50 9 (8.5-9.5)<br>p99 20<br>max 31" in text
    assert "- P1: SIPp alone holds 400 calls/s | more or less" in text
    assert "commit abc" in text
    assert not [verdict for verdict in VERDICTS if verdict in text and verdict not in (AIM, AT_LEAST)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.02134, "0.0213"),
        (9.412, "9.41"),
        (60.0, "60"),
        (1240.4, "1,240"),
        (0.0, "0"),
        (-0.5, "-0.5"),
        (1e6, "1,000,000"),
    ],
)
def test_numbers_have_three_digits_that_matter(value: float, text: str) -> None:
    assert number(value) == text


# ---- the pictures ----


def _drawable() -> list[Row]:
    dice = random.Random(1)
    waits = {who: [dice.lognormvariate(mu, 0.3) for _ in range(300)] for who, mu in (("ours", 2), ("app_queue", 6))}
    return [
        p1(samples=waits),
        p1(id="P1-cel", samples=waits),
        Row(id="P3", title="rate", unit="calls/s", n=1, ours={"rate": 90}, app_queue={"rate": 100}),
        Row(
            id="P4",
            title="engine alone",
            unit="decisions/s",
            n=1,
            ours={"per_s": 30_000, "p99": 0.1},
            samples={"agents": [100, 1000], "cost_us": [10, 11], "p99_us": [20, 25], "fit_us": [10, 11]},
        ),
        Row(
            id="P5",
            title="memory",
            unit="MB",
            n=1,
            ours={"mb": 90, "slope": 0.2, "warm_up": 10.0},
            samples={"contacts": [0, 10, 20], "mb": [80, 90, 90]},
        ),
        Row(
            id="P7",
            title="soak",
            unit="count",
            n=1,
            ours={"failed": 0},
            samples={"minutes": [0.2, 0.4, 0.6], "router MB": [110, 111, 111]},
        ),
    ]


@pytest.mark.parametrize("row", _drawable(), ids=lambda row: row.id)
def test_each_measure_has_a_picture(row: Row, tmp_path: Path) -> None:
    path = draw(row, tmp_path)
    assert path == tmp_path / f"{row.id}.png"
    assert path.read_bytes().startswith(_PNG)


@pytest.mark.parametrize(
    "row",
    [
        p1(),
        p1(samples={"ours": [1.0]}),
        Row(id="P3", title="rate", unit="calls/s", n=1, ours={}),
        Row(id="P4", title="x", unit="y", n=1, ours={}, samples={"agents": [1.0, 2.0], "cost_us": [1.0]}),
        Row(id="P5", title="x", unit="y", n=1, ours={}, samples={"contacts": [1.0], "mb": [1.0]}),
        Row(id="P7", title="soak", unit="", n=1, ours={"failed": 0}),
    ],
)
def test_what_has_nothing_to_draw_leaves_no_file(row: Row, tmp_path: Path) -> None:
    assert draw(row, tmp_path) is None
    assert list(tmp_path.iterdir()) == []
