"""`ringfair simulate`: a day as tables, as JSON, drawn; and what it says no to."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from router.cli.chart import LONGEST_BAR as BAR
from router.cli.chart import Point, bars, svg
from router.cli.exits import FAILED, USAGE
from tests.cli.conftest import Bench

PLAN = ("--agents", "6:de=80,orders", "--calls", "60/h", "--talk", "180", "--hours", "2")


def run(bench: Bench, *more: str, plan: tuple[str, ...] = PLAN) -> str:
    result = bench.run("simulate", str(bench.directory / "campaigns" / "shop.toml"), *plan, *more)
    assert result.exit_code == 0, result.output
    return result.stdout


def played(bench: Bench, *more: str, plan: tuple[str, ...] = PLAN) -> dict[str, Any]:
    return dict(json.loads(run(bench, "--json", *more, plan=plan)))


def refused(bench: Bench, *words: str, plan: tuple[str, ...] = PLAN) -> str:
    result = bench.run("simulate", str(bench.directory / "campaigns" / "shop.toml"), *plan, *words)
    assert result.exit_code == USAGE, result.output
    assert result.stdout == ""
    return " ".join(result.stderr.replace("│", " ").split())


def test_a_day_is_shown_beside_both_erlangs(bench: Bench) -> None:
    shown = run(bench, "--patience", "90")
    assert "Campaign shop: one day of 2 h with 6 agents, seed 1" in shown
    for row in (
        "callers",
        "gave up",
        "must wait",
        "answered in 20 s, of those answered",
        "agents busy (occupancy)",
    ):
        assert row in shown
    assert "Erlang A" in shown
    assert "Erlang C" in shown
    assert [line.split()[0] for line in shown.splitlines() if line.startswith((" +", "+"))] == [
        "+0:00",
        "+0:30",
        "+1:00",
        "+1:30",
    ]
    assert "--days 20" in shown


def test_with_endless_patience_there_is_no_erlang_a(bench: Bench) -> None:
    assert "Erlang A" not in run(bench)


def test_json_holds_what_was_asked_and_what_came_of_it(bench: Bench) -> None:
    found = played(bench, "--patience", "90", "--seed", "4", "--wrap-up", "10", "--days", "2")
    assert (found["campaign"], found["entry"], found["seed"], found["days"]) == ("shop", "shop/orders", 4, 2)
    assert found["calls_per_hour"] == [60.0] * 4
    assert found["wrapup_s"] == 10.0
    assert found["agents"][0]["skills"] == {"de": 80, "orders": 100}
    whole = found["played"]
    assert 0 < found["expected_wait"]["of_wait"] < 1
    assert 0 < found["expected_wait"]["callers"] <= whole["answered"]
    assert whole["callers"] == whole["answered"] + whole["abandoned"] + whole["sent_away"]
    assert whole["callers"] == sum(half["callers"] for half in found["half_hours"])
    assert whole["occupancy"]["value"] == pytest.approx(found["agents"][0]["occupancy"])
    assert whole["asa_s"]["margin"] > 0
    assert 0 < found["erlang_a"]["abandoned_share"] < 1
    assert found["erlang_a"]["load_erlang"] == pytest.approx(60 * 190 / 3600)


def test_the_wrap_up_is_the_file_s_unless_another_is_asked_for(bench: Bench) -> None:
    assert played(bench)["wrapup_s"] == 20.0


def test_the_same_seed_is_the_same_day(bench: Bench) -> None:
    assert run(bench, "--seed", "9") == run(bench, "--seed", "9") != run(bench, "--seed", "10")


def test_a_list_of_rates_is_the_day(bench: Bench) -> None:
    plan = ("--agents", "6", "--talk", "60", "--calls")
    assert played(bench, plan=(*plan, "20,40,0/h"))["calls_per_hour"] == [20.0, 40.0, 0.0]
    in_half_hours = played(bench, plan=(*plan, "10, 20, 0/30m"))
    assert in_half_hours["calls_per_hour"] == [20.0, 40.0, 0.0]
    assert in_half_hours["hours"] == 1.5
    assert in_half_hours["half_hours"][2]["asa_s"] == {"value": None, "margin": None}


def test_agents_without_skills_have_what_the_campaign_asks_for(bench: Bench) -> None:
    found = played(bench, plan=("--agents", "6", "--calls", "30/h", "--talk", "60", "--hours", "1"))
    assert found["agents"][0]["skills"] == {"de": 100, "orders": 100}
    assert found["played"]["answered"] == found["played"]["callers"] > 0


def test_several_groups_are_told_apart(bench: Bench) -> None:
    shown = run(bench, "--agents", "3:en=50")
    assert "with 9 agents" in shown
    assert "Erlang counts the 6 agents who meet what shop/orders asks for" in shown
    rows = [line.split() for line in shown.splitlines()]
    assert ["3", "en=50", "0.0", "%"] in rows


def test_too_much_work_and_nobody_for_it_are_said(bench: Bench) -> None:
    few = ("--agents", "3:de=80,orders", "--calls", "80/h", "--talk", "180", "--hours", "4")
    shown = run(bench, plan=few)
    assert "∞" in shown
    assert "5 agents are the fewest" in shown
    assert "told goodbye" in shown
    assert played(bench, plan=few)["erlang_c"]["asa_s"] is None

    shown = run(bench, plan=("--agents", "3:de=20", "--calls", "20/h", "--talk", "60", "--hours", "1"))
    assert "no agent meets what shop/orders asks for (de >= 60 and orders)" in shown
    assert "Erlang C" not in shown


def test_a_campaign_of_the_site_can_be_named(bench: Bench) -> None:
    assert "Campaign shop" in bench.run("simulate", "shop", *PLAN).stdout


def test_nobody_calls(bench: Bench) -> None:
    found = played(bench, plan=("--agents", "2", "--calls", "0/h", "--talk", "60", "--hours", "1"))
    assert found["played"]["callers"] == 0
    assert found["erlang_c"] is None
    assert "nobody called" in run(bench, "--plot", plan=("--agents", "2", "--calls", "0/h", "--talk", "60"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--calls", "60"), "--calls is a rate such as 60/h"),
        (("--calls", "x/h"), "--calls is a rate such as 60/h"),
        (("--calls", "60/d"), "--calls is a rate such as 60/h"),
        (("--calls", "nan/h"), "calls per hour are 0 or more"),
        (("--calls", "-1/h"), "calls per hour are 0 or more"),
        (("--calls", "1e308/h"), "calls per hour are 0 or more"),
        (("--calls", "20,30/h"), "--calls has 2 half hours, --hours 2 says otherwise"),
        (("--calls", "900000/h", "--days", "1000"), "fewer --days"),
        (("--hours", "0.75"), "--hours is 0.5 to 24"),
        (("--hours", "nan"), "--hours is 0.5 to 24"),
        (("--hours", "1e9"), "--hours is 0.5 to 24"),
        (("--talk", "0"), "a talk is 0.001 to"),
        (("--patience", "inf"), "patience is 0.001 to"),
        (("--patience", "1e6", "--calls", "100000/h"), "leave the patience out"),
        (("--pick-up", "15"), "shop/orders rings for 15 s only"),
        (("--wrap-up", "-1"), "--wrap-up is 0 to 3600"),
        (("--agents", "twelve"), "--agents is a number and skills"),
        (("--agents", "0:de"), "--agents is a number and skills"),
        (("--agents", "3:DE=80"), "skills of small letters"),
        (("--agents", "3:de=800"), "a proficiency from 0 to 100"),
        (("--agents", "99999"), "10000 agents at most"),
        (("--warm-up", "120"), "the warm-up ends before the day does"),
        (("--within", "nan"), "--within"),
        (("--within", "1e300"), "--within"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(bench: Bench, words: tuple[str, ...], sentence: str) -> None:
    assert sentence in refused(bench, *words)


def test_faults_of_the_file_are_told_as_everywhere(bench: Bench) -> None:
    (bench.directory / "campaigns" / "shop.toml").write_text("[campaign\n")
    assert "campaigns/shop.toml" in refused(bench)
    result = bench.run("simulate", "none", *PLAN)
    assert result.exit_code == USAGE
    assert "campaigns/none.toml" in result.stderr


def test_help_has_an_example(bench: Bench) -> None:
    shown = bench.run("simulate", "--help").stdout
    assert "Example: ringfair simulate" in " ".join(shown.split())
    assert "simulate" in bench.run("--help").stdout


# ---- drawn ----

POINTS = [
    Point(label="+0:00", callers=10, mean_s=4.0, most_s=12.0),
    Point(label="+0:30", callers=3, mean_s=None, most_s=None),
    Point(label="+1:00", callers=0, mean_s=None, most_s=None),
    Point(label="+1:30", callers=7, mean_s=0.0, most_s=0.0),
    Point(label="+2:00", callers=7, mean_s=6.0, most_s=0.0),
]


def test_bars_have_one_scale() -> None:
    _, _, first, nobody, empty, none, mostly = bars("Waits", POINTS, columns=120)
    assert (first.count("█"), first.count("░")) == (BAR / 3, BAR * 2 / 3)
    assert nobody.endswith("nobody was answered")
    assert empty.endswith("nobody called")
    assert (none.count("█"), none.count("░")) == (0, 0)
    assert (mostly.count("█"), mostly.count("░")) == (BAR / 2, 0)
    assert len(bars("Waits", [])) == 1
    assert max(map(len, bars("Waits", POINTS, columns=80))) <= 80


def test_a_short_wait_is_a_short_bar_beside_the_wait_that_is_allowed() -> None:
    points = [replace(point, in_time=0.5) for point in POINTS]
    _, heads, first, *_, mostly = bars("Waits", points, columns=120, within_s=48.0)
    assert (first.count("█"), first.count("░")) == (BAR / 12, BAR / 6)
    assert "48 s ┊" in heads
    assert first.index("┊") == mostly.index("┊") == heads.index("┊")
    assert "50 %" in first
    _, heads, first, *_ = bars("Waits", points, within_s=4.0)
    assert "┊ 4 s" in heads
    assert max(map(len, bars("Waits", points, columns=80, within_s=6.0))) <= 80
    drawn = svg("Waits", points, within_s=48.0)
    assert "in 48 s" in drawn
    assert drawn.count("50 %") == len(points)


def test_what_the_played_day_left_out_is_said(bench: Bench) -> None:
    file = bench.directory / "campaigns" / "shop.toml"
    text = file.read_text()
    file.write_text(text + '\n[queue.island]\nneed = "de"\n')
    assert "no overflow leads from there to shop/island" in run(bench)
    assert "ACD_DATA" not in run(bench)
    first = text.index("need = ")
    file.write_text(text[:first] + "need = '$vip = \"yes\" or de'" + text[text.index("\n", first) :])
    assert "bring no data (ACD_DATA)" in run(bench)


def test_the_picture_is_whole_xml_with_nothing_from_elsewhere() -> None:
    text = svg('a <b> & "c"', POINTS)
    root = ElementTree.fromstring(text)
    kinds = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert kinds.count("circle") == 3
    assert set(kinds) <= {"svg", "title", "rect", "text", "path", "circle"}
    assert "href" not in text
    (line,) = [
        element.get("d", "") for element in root.iter() if element.get("stroke-width") == "2" and element.get("fill")
    ]
    assert line.count("M") == 2  # nobody was answered in between
    ElementTree.fromstring(svg("nothing", []))


def test_a_day_is_drawn_on_the_terminal_and_into_a_file(bench: Bench, tmp_path: Path) -> None:
    shown = run(bench, "--plot", "--svg", str(tmp_path / "day.svg"), "--pick-up", "3")
    assert "Waits over the day" in shown
    assert "█" in shown
    assert ElementTree.fromstring((tmp_path / "day.svg").read_text()).tag.endswith("svg")


def test_a_file_that_cannot_be_written_is_said(bench: Bench, tmp_path: Path) -> None:
    result = bench.run("simulate", "shop", *PLAN, "--svg", str(tmp_path / "nowhere" / "day.svg"))
    assert result.exit_code == FAILED
    assert "cannot write" in result.stderr
