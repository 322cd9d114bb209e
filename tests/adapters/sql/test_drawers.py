"""Several routers on one machine keep their facts beside each other, and what a dead one left is taken over."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from router.adapters.sql.drawers import Drawers, drawers_in
from router.adapters.sql.ledger import SqlLedger
from router.adapters.sql.spool import Spool
from router.adapters.sql.spool_line import write_line
from router.adapters.sql.writer import LedgerWriter
from router.domain.errors import RemoteError
from router.domain.record import Fact
from tests.adapters.sql.spooling import ROOT, drained, lines_of, records
from tests.adapters.sql.writing import until, written
from tests.contracts.test_ledger import a_record
from tests.fakes.ledger import FakeLedger

pytest_plugins = ["tests.contracts.databases"]

HOLD = """
import sys
from pathlib import Path
from router.adapters.sql.drawers import Drawers
from router.adapters.sql.spool_line import write_line
from tests.contracts.test_ledger import a_record
drawers = Drawers.open(Path(sys.argv[1]), ledger="here")
drawers.spool.append([write_line(a_record(number)) for number in range(int(sys.argv[2]), int(sys.argv[3]))])
print(drawers.spool.directory.name, flush=True)
sys.stdin.read()
"""


@contextmanager
def another_router(place: Path, first: int, last: int) -> Iterator[subprocess.Popen[bytes]]:
    """It has kept records `first` to `last` - 1, and holds its drawer until it is killed."""
    program = [sys.executable, "-c", HOLD, str(place), str(first), str(last)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip().isdigit()
            yield process
        finally:
            process.kill()


def left_in(drawer: Path, facts: list[Fact], *, ledger: str = "here") -> None:
    """What somebody left who is gone."""
    spool = Spool.open(drawer, segment_bytes=2000)
    for line in lines_of(facts):
        spool.append([line])
    spool.close()
    if ledger:
        (drawer / "ledger").write_text(ledger + "\n")


def test_each_process_takes_the_first_drawer_that_is_free(place: Path) -> None:
    with another_router(place, 1, 2) as owner, Drawers.open(place, ledger="here") as standby:
        assert standby.spool.directory == place / "2"
        with Drawers.open(place, ledger="here") as third:
            assert third.spool.directory == place / "3"
        owner.kill()
        owner.wait(20)
        with Drawers.open(place, ledger="here") as again:
            assert again.spool.directory == place / "1"
            assert drained(again.spool) == records(range(1, 2))
    assert place.stat().st_mode & 0o777 == 0o700


def test_what_a_killed_router_left_is_taken_over_in_its_order_and_only_once_it_is_dead(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with another_router(place, 10, 40) as owner, Drawers.open(place, ledger="here") as standby:
        standby.spool.append(lines_of(records(range(5))))
        assert standby.adopt() == 0
        owner.kill()
        owner.wait(20)
        with caplog.at_level(logging.WARNING):
            assert standby.adopt() == 30
        assert "30 facts of a router that is gone were taken over" in caplog.text
        assert standby.adopt() == 0
        standby.spool.append(lines_of(records(range(100, 105))))
        assert standby.spool.waiting == 40
        assert drained(standby.spool) == records(range(5)) + records(range(10, 40)) + records(range(100, 105))
        assert standby.spool.waiting == standby.spool.size == 0


def test_a_page_that_is_on_its_way_is_confirmed_although_facts_were_taken_over_meanwhile(place: Path) -> None:
    left_in(place / "7", records(range(10, 30)))
    with Drawers.open(place, ledger="here") as drawers:
        drawers.spool.append(lines_of(records(range(4))))
        page = drawers.spool.read(100)
        assert page is not None
        assert drawers.adopt() == 20
        drawers.spool.confirm(page)
        assert drained(drawers.spool) == records(range(10, 30))


def test_the_single_spool_of_an_older_release_is_taken_over_unless_that_one_still_runs(place: Path) -> None:
    old = Spool.open(place)
    old.append(lines_of(records(range(6))))
    with Drawers.open(place, ledger="here") as drawers:
        assert drawers.adopt() == 0
        old.close()
        assert drawers.adopt() == 6
        assert drained(drawers.spool) == records(range(6))
    assert drawers_in(place) == [place / "1"]


def test_facts_for_another_ledger_are_left_and_told_once(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    left_in(place / "1", records(range(3)), ledger="elsewhere")
    with Drawers.open(place, ledger="here") as drawers:
        assert drawers.spool.directory == place / "2", "not even as our own"
        with caplog.at_level(logging.WARNING):
            assert [drawers.adopt() for _ in range(3)] == [0, 0, 0]
    assert caplog.text.count("holds facts for another ledger") == 1
    assert f"ringfair ledger merge {place / '1'}" in caplog.text
    with Drawers.open(place, ledger="elsewhere") as rightful:
        assert drained(rightful.spool) == records(range(3))
    with Drawers.open(place, ledger="here") as drawers:
        assert drawers.spool.directory == place / "1", "empty, it is anybody's"


def test_no_more_is_taken_over_than_leaves_room_for_our_own(place: Path) -> None:
    line = len(write_line(a_record(100)))
    left_in(place / "5", records(range(100, 200)))
    with Drawers.open(place, ledger="here", max_bytes=line * 100) as drawers:
        found: list[Fact] = []
        while drawers.adopt():
            assert drawers.spool.size <= drawers.spool.max_bytes // 2
            assert drawers.spool.append(lines_of(records(range(1, 3)))) == 2
            found += drained(drawers.spool)
        assert [fact for fact in found if fact not in records(range(1, 3))] == records(range(100, 200))


def test_lines_of_another_release_are_tried_by_who_takes_them_over(place: Path) -> None:
    left_in(place / "4", [])
    (place / "4" / "facts.unknown").write_bytes(b"".join(lines_of(records(range(3)))))
    with Drawers.open(place, ledger="here") as drawers:
        assert drawers.adopt() == 3
        assert drained(drawers.spool) == records(range(3))
    assert not (place / "4" / "facts.unknown").exists()


def test_a_last_line_that_a_crash_tore_off_costs_itself_alone(place: Path) -> None:
    left_in(place / "4", records(range(3)))
    with max((place / "4").glob("*.facts")).open("ab") as file:
        file.write(write_line(a_record(3))[:-30])
    with Drawers.open(place, ledger="here") as drawers:
        drawers.adopt()
        drawers.spool.append(lines_of(records(range(4, 6))))
        assert drained(drawers.spool) == [*records(range(3)), *records(range(4, 6))]
        assert (drawers.spool.torn, drawers.spool.damaged) == (1, 0)


def test_a_drawer_that_cannot_be_read_holds_neither_the_others_up_nor_the_router(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left_in(place / "4", records(range(3)))
    (place / "4" / "000000000000.facts").symlink_to("/etc/passwd")
    left_in(place / "5", records(range(5, 8)))
    (place / "6").mkdir()
    os.mkfifo(place / "6" / "000000000001.facts")
    (place / "9999").write_text("no drawer")
    with Drawers.open(place, ledger="here") as drawers, caplog.at_level(logging.WARNING):
        assert drawers.adopt() == 3
        assert drained(drawers.spool) == records(range(5, 8))
    assert f"what is in {place / '4'} cannot be taken over" in caplog.text
    assert f"what is in {place / '6'} cannot be taken over" in caplog.text


def test_a_broken_drawer_is_left_alone_and_the_next_one_taken(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    (place / "1" / "000000000001.facts").mkdir(parents=True)
    (place / "2").write_text("no drawer")
    with caplog.at_level(logging.WARNING), Drawers.open(place, ledger="here") as drawers:
        assert drawers.spool.directory == place / "3"
        drawers.spool.append(lines_of(records(range(1))))
        assert drawers.adopt() == 0
    assert f"{place / '1'} is left alone" in caplog.text


def test_two_who_look_at_once_take_each_fact_over_once(place: Path) -> None:
    for number in range(10, 30):
        left_in(place / str(number), records(range(number * 10, number * 10 + 10)))
    with Drawers.open(place, ledger="here") as one, Drawers.open(place, ledger="here") as other:
        both = [threading.Thread(target=drawers.adopt) for drawers in (one, other)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join(30)
        one.adopt()
        found = drained(one.spool) + drained(other.spool)
    assert sorted(fact.contact_id for fact in found) == [
        fact.contact_id for fact in sorted(records(range(100, 300)), key=lambda fact: fact.contact_id)
    ]


def test_a_place_that_cannot_be_used_is_told_with_the_key_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file", tmp_path / "file" / "spool"):
        with pytest.raises(RemoteError) as refusal:
            Drawers.open(place)
        assert refusal.value.error_id == "spool-unusable"
        assert "spool_dir" in refusal.value.message


async def test_a_writer_brings_what_a_killed_router_left_to_the_ledger_within_seconds(place: Path) -> None:
    ledger = FakeLedger()
    with another_router(place, 10, 40) as owner, Drawers.open(place, ledger="here") as drawers:
        writer = LedgerWriter(ledger, drawers.spool, adopt=drawers.adopt, adopt_s=0.1, interval_s=0.01)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(writer.run())
            writer.offer(a_record(1))
            assert await writer.in_ledger()
            assert writer.pending == 0, "what others hold is not ours to count"
            owner.kill()
            owner.wait(20)
            await until(lambda: len(written(ledger)) == 31)
            assert await writer.close(5) == 0
    assert written(ledger) == [a_record(1), *records(range(10, 40))]


async def test_what_was_taken_over_reaches_the_ledger_before_what_is_concluded_from_it(place: Path) -> None:
    seen, guessed = a_record(7), a_record(7, end_estimated=True)
    left_in(place / "3", [seen])
    ledger = FakeLedger()
    with Drawers.open(place, ledger="here") as drawers:
        writer = LedgerWriter(ledger, drawers.spool, adopt=drawers.adopt)
        await writer.adopt()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(writer.run())
            writer.offer(guessed)
            assert await writer.in_ledger()
            await writer.close(5)
    assert written(ledger)[0] == seen


async def test_a_ledger_goes_by_one_name_and_another_one_by_another(sql_dsn: str, tmp_path: Path) -> None:
    ledger, again = await SqlLedger.open(sql_dsn), await SqlLedger.open(sql_dsn)
    other = await SqlLedger.open(f"sqlite:///{tmp_path}/other.db")
    try:
        assert await ledger.identity() == await again.identity()
        assert await ledger.identity() != await other.identity()
    finally:
        for opened in (ledger, again, other):
            await opened.close()
