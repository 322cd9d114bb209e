"""The runner judges rightly: what proves nothing is not called caught. On a tiny tree of its own."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.mutants import guards
from tests.mutants.__main__ import chosen, main
from tests.mutants.campaign import BUDGET_S, Report, carried_out
from tests.mutants.guards import Ran
from tests.mutants.mutant import End, Mutant
from tests.mutants.report import as_json, table
from tests.mutants.rooms import ALL
from tests.mutants.tree import NotListed, Tree, files_of
from tests.mutants.trial import judged

TREE = {
    "shop/__init__.py": "",
    "shop/till.py": "def total(prices):\n    return sum(prices)\n\n\ndef is_open(hour):\n    return 8 <= hour < 20\n",
    "shop/notes.txt": "closed on Sundays\n",
    "checks/test_till.py": (
        "from pathlib import Path\n\n"
        "from shop.till import is_open, total\n\n\n"
        "def test_a_total_is_the_sum():\n    assert total([1, 2]) == 3\n\n\n"
        "def test_the_shop_opens_at_eight():\n    assert is_open(8)\n\n\n"
        "def test_the_notes_name_the_day():\n    assert 'Sundays' in Path('shop/notes.txt').read_text()\n"
    ),
    "checks/test_red.py": (
        "import pytest\n\n\n"
        "@pytest.fixture\ndef broken():\n    raise RuntimeError('no server')\n\n\n"
        "def test_fails():\n    assert 1 == 2\n\n\n"
        "def test_is_skipped():\n    pytest.skip('no server')\n\n\n"
        "def test_cannot_be_set_up(broken):\n    pass\n"
    ),
}
TILL, RED = "checks/test_till.py::", "checks/test_red.py::"


def a_mutant(name: str, find: str, replace: str, guard: str = "test_a_total_is_the_sum", **changes: str) -> Mutant:
    return Mutant(
        name=name, file=changes.get("file", "shop/till.py"), find=find, replace=replace, guards=(TILL + guard,)
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name, text in TREE.items():
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "source"


def carry_out(source: Path, mutants: Sequence[Mutant], *, deadline_s: float = 60.0) -> Report:
    return asyncio.run(
        carried_out(mutants, source, list(TREE), jobs=2, say=lambda sentence: None, deadline_s=deadline_s)
    )


def test_each_end_is_called_what_it_is(source: Path) -> None:
    ends = {
        a_mutant("noticed", "sum(prices)", "sum(prices) + 1"): End.CAUGHT,
        a_mutant("noticed by its exception", "sum(prices)", "prices[17]"): End.CAUGHT,
        a_mutant(
            "noticed, and no Python", "Sun", "Mon", "test_the_notes_name_the_day", file="shop/notes.txt"
        ): End.CAUGHT,
        a_mutant("not noticed", "hour < 20", "hour < 21", "test_the_shop_opens_at_eight"): End.UNNOTICED,
        a_mutant("not there", "average(prices)", "0"): End.MISPLACED,
        a_mutant("there twice", "return", "yield"): End.MISPLACED,
        a_mutant("changes nothing", "sum(prices)", "sum(prices)"): End.MISPLACED,
        a_mutant("of a file that is gone", "sum", "0", file="shop/office.py"): End.MISPLACED,
        a_mutant("no Python any more", "sum(prices)", "sum(prices"): End.UNFIT,
        a_mutant("raises as it is imported", "def total", "1 / 0\ndef total"): End.UNFIT,
        a_mutant("leaves as it is imported", "def total", "raise SystemExit(0)\ndef total"): End.UNFIT,
        a_mutant("cannot be collected", "def is_open", "def was_open"): End.EMPTY,
    }
    before = {name: (source / name).read_text() for name in TREE}

    report = carry_out(source, list(ends))

    assert report.red == []
    assert {outcome.mutant.name: outcome.end for outcome in report.outcomes} == {m.name: e for m, e in ends.items()}
    assert [outcome.mutant for outcome in report.outcomes] == list(ends)
    assert (report.caught, report.good) == (3, False)
    first = report.outcomes[0]
    assert first.test == "checks/test_till.py::test_a_total_is_the_sum"
    assert first.why.startswith("assert 4 == 3")
    assert table(report).splitlines()[-1] == f"planted {len(ends)} caught 3"
    assert json.loads(as_json(report))["mutants"][3]["end"] == "no guard noticed"
    assert before == {name: (source / name).read_text() for name in TREE}, "the tree itself is only read"


def test_who_hangs_is_ended_with_all_it_started_and_not_caught(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "FAREWELL_S", 0.5)
    deaf = "__import__('signal').signal(2, 1)"
    starts = "__import__('subprocess').Popen(['sleep', '613.25'], start_new_session=True)"
    waits = "__import__('time').sleep(613)"

    report = carry_out(source, [a_mutant("hangs", "sum(prices)", f"[{deaf}, {starts}, {waits}]")], deadline_s=5.0)

    assert [(outcome.end, outcome.test) for outcome in report.outcomes] == [(End.TIMED_OUT, "")]
    until = time.monotonic() + 20
    while _running("613.25") and time.monotonic() < until:
        time.sleep(0.05)
    assert _running("613.25") == []


def _running(argument: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if argument.encode() in words and words[0] == b"sleep" and _state(path.parent) != "Z":
            found.append(str(path))
    return found


def _state(process: Path) -> str:
    try:
        return (process / "stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return "Z"


@pytest.mark.parametrize(
    ("guard", "said"),
    [
        (RED + "test_fails", "test_fails: failed: assert 1 == 2"),
        (RED + "test_is_skipped", "test_is_skipped: skipped"),
        (RED + "test_cannot_be_set_up", "test_cannot_be_set_up: failed: RuntimeError: no server"),
        (TILL + "test_nobody_wrote", "test_nobody_wrote"),
        ("checks/test_absent.py", "test_absent.py"),
    ],
)
def test_nothing_counts_while_a_guard_is_red_without_any_fault(source: Path, guard: str, said: str) -> None:
    good = a_mutant("noticed", "sum(prices)", "sum(prices) + 1")
    guarded_badly = Mutant(name="other", file=good.file, find="8 <= hour", replace="9 <= hour", guards=(guard,))

    report = carry_out(source, [good, guarded_badly])

    assert report.outcomes == []
    assert any(said in red for red in report.red), report.red
    assert not report.good
    assert table(report).splitlines()[-1] == "planted 2 caught 0"


def test_a_fixture_that_fails_is_no_guard_that_noticed(source: Path, tmp_path: Path) -> None:
    tree = Tree.copied(tmp_path / "copy", source, TREE)
    mutant = a_mutant("x", "sum(prices)", "0")
    for guard, end in (
        ("test_cannot_be_set_up", End.EMPTY),
        ("test_is_skipped", End.EMPTY),
        ("test_fails", End.CAUGHT),
    ):
        ran = asyncio.run(guards.run(tree, [RED + guard], deadline_s=60, to_the_end=False))
        assert judged(mutant, ran).end is end, ran


def test_a_failure_before_a_deadline_that_passed_is_not_enough() -> None:
    failed = guards.Told(test="t", when="call", outcome="failed", took_s=0.1, why="x")
    ran = Ran(told=(failed,), unfit="", code=None, took_s=60.0, said="")
    assert judged(a_mutant("x", "a", "b"), ran).end is End.TIMED_OUT


def test_a_module_of_another_tree_is_not_the_one_with_the_fault(source: Path, tmp_path: Path) -> None:
    tree = Tree.copied(tmp_path / "copy", source, TREE)
    ran = asyncio.run(guards.run(tree, [TILL + "test_a_total_is_the_sum"], deadline_s=60, module="json"))
    assert "not from the copy" in ran.unfit
    assert ran.told == ()


def test_the_environment_of_whoever_runs_it_does_not_decide(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(("/nowhere", str(source))))
    report = carry_out(source, [a_mutant("noticed", "sum(prices)", "sum(prices) + 1")])
    assert report.good


def test_without_git_there_is_a_sentence_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotListed, match="mutants need a checkout"):
        files_of(tmp_path)


def test_a_name_nobody_has_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "no such thing"]) == 2
    assert "--list" in capsys.readouterr().err


def test_the_list_can_be_read_and_chosen_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--only", ALL[0].name.upper()]) == 0
    said = capsys.readouterr().out
    assert ALL[0].name in said
    assert ALL[0].guards[0] in said
    assert 8 <= len(chosen([], short=True)) < len(chosen([], short=False)) == len(ALL)


def test_guards_that_take_too_long_are_named() -> None:
    report = Report(mutants=[a_mutant("slow", "a", "b")], guards_s={"slow": BUDGET_S + 1, "quick": 1.0})
    said = table(report)
    assert "Guards that take more than 20 s" in said
    assert "21.0 s  slow" in said
    assert "1.0 s  quick" not in said.replace("21.0 s", "")
