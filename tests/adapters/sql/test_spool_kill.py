"""`kill -9` of a process that writes to its spool: what it said was kept is there, in order, and nothing is double."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from router.adapters.sql.spool import Spool
from router.adapters.sql.spool_line import write_line
from tests.contracts.test_ledger import a_record

pytest_plugins = ["tests.contracts.databases"]

ROOT = Path(__file__).parents[3]
POINTS = 30
KILLS = 10
LINE = len(write_line(a_record(1000)))


def program(place: Path, first: int, after: int, *more: int) -> list[str]:
    words = map(str, (place, first, after, *more))
    return [sys.executable, "-m", "tests.adapters.sql.spool_program", *words]


def check(place: Path, first: int, confirmed: int) -> tuple[int, int]:
    """What the dead left: all that was confirmed, perhaps more. Gives the next number, and how many lines tore."""
    spool = Spool.open(place)
    found: list[int] = []
    while (page := spool.read(50)) is not None:
        found += [int(fact.contact_id.rpartition(".")[2]) for fact in page.facts]  # type: ignore[union-attr]
        spool.confirm(page)
    torn, damaged = spool.torn, spool.damaged
    spool.close()
    assert found == list(range(first, first + len(found)))
    assert first + len(found) > confirmed
    assert damaged == 0
    return first + len(found), torn


def test_killed_at_a_byte_of_a_write_nothing_that_was_kept_is_missing(tmp_path: Path) -> None:
    dice = Random(4)
    tears = 0
    for point in range(POINTS):
        place = tmp_path / f"spool-{point}"
        # The first points walk over the ends of lines, the others fall anywhere in the first files.
        after = LINE * 4 - 2 + point if point < 5 else dice.randrange(1, LINE * 30)
        done = subprocess.run(program(place, 1000, after), capture_output=True, timeout=60, cwd=ROOT, check=False)
        assert done.returncode == -9, done.stderr
        said = [int(line) for line in done.stdout.split()]
        _, torn = check(place, 1000, said[-1] if said else 999)
        tears += torn
    assert tears > POINTS // 2


@pytest.mark.parametrize("left", [None, 0, LINE // 2, LINE + 1])
def test_killed_between_a_write_and_its_fsync_what_was_kept_before_is_there(tmp_path: Path, left: int | None) -> None:
    """`left`: the machine dies with it, and of what was on its way so many bytes had reached the disk."""
    for fsync in (1, 5):
        place = tmp_path / f"spool-{fsync}"
        how = (fsync,) if left is None else (fsync, left)
        done = subprocess.run(program(place, 1000, 0, *how), capture_output=True, timeout=60, cwd=ROOT, check=False)
        assert done.returncode == -9, done.stderr
        said = [int(line) for line in done.stdout.split()]
        assert len(said) == fsync - 1
        following, _ = check(place, 1000, said[-1] if said else 999)
        if left == 0:
            assert following == (said[-1] if said else 999) + 1


def test_killed_again_and_again_one_spool_goes_on(tmp_path: Path) -> None:
    place = tmp_path / "spool"
    first = 1000
    for turn in range(KILLS):
        with subprocess.Popen(program(place, first, 0), stdout=subprocess.PIPE, cwd=ROOT) as writer:
            assert writer.stdout is not None
            said = [int(writer.stdout.readline()) for _ in range(1 + turn * 7)]
            writer.kill()
            said += [int(line) for line in writer.stdout.read().splitlines()]
        first, _ = check(place, first, said[-1])
