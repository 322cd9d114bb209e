"""Damage costs only itself, and what another release wrote is kept for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from router.adapters.sql.segments import REFUSED, UNKNOWN, read_page
from router.adapters.sql.spool_line import write_line
from router.domain.record import Fact
from tests.adapters.sql.spooling import FOREIGN, OpenSpool, drained, files, lines_of, records
from tests.contracts.test_ledger import a_record, a_wrapup, an_offer

pytest_plugins = ["tests.contracts.databases"]


def test_a_line_torn_at_any_byte_is_dropped_and_counted_and_the_others_are_there(
    open_spool: OpenSpool, place: Path
) -> None:
    lines = lines_of(records(range(3)))
    place.mkdir()
    for cut in range(len(lines[2]) + 1):
        (place / "000000000001.facts").write_bytes(lines[0] + lines[1] + lines[2][:cut])
        spool = open_spool()
        spool.append(lines_of([a_wrapup(9)]))
        # Only its newline is missing: then the line is there.
        kept = 3 if cut >= len(lines[2]) - 1 else 2
        assert drained(spool) == [*records(range(kept)), a_wrapup(9)]
        assert (spool.torn, spool.damaged) == (int(kept == 2 and cut > 0), 0)
        spool.close()
    assert files(place, ".bad") == []


def test_a_flipped_bit_costs_one_line_at_most_wherever_it_is() -> None:
    facts: list[Fact] = [an_offer(1), a_wrapup(2), an_offer(3), a_wrapup(4)]
    whole = b"".join(lines_of(facts))
    handle = os.memfd_create("spool")
    try:
        os.write(handle, whole)
        for place in range(len(whole)):
            for bit in range(8):
                os.pwrite(handle, bytes([whole[place] ^ 1 << bit]), place)
                page = read_page(handle, 0, len(whole), 100)
                os.pwrite(handle, whole[place : place + 1], place)
                gone = [fact for fact in facts if fact not in page.facts]
                assert [fact for fact in facts if fact in page.facts] == page.facts
                assert len(gone) <= 1
                assert page.foreign == []
                assert bool(page.damaged) == bool(gone)
                if whole[place] == ord("\n"):
                    assert gone == []
    finally:
        os.close(handle)


def test_a_damaged_line_is_set_aside_as_it_was_and_stands_there_once(
    open_spool: OpenSpool, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = open_spool()
    first.append(lines_of(records(range(5))))
    first.close()
    path = place / "000000000001.facts"
    content = bytearray(path.read_bytes())
    content[len(lines_of(records(range(2)))[0]) + 60] ^= 0xFF
    path.write_bytes(content)
    for _ in range(2):  # the second time as after a kill before the confirmation
        spool = open_spool()
        page = spool.read(10)
        assert page is not None
        assert page.facts == [a_record(0), *records(range(2, 5))]
        assert spool.damaged == 1
        spool.close()
    bad = (place / "000000000001.bad").read_bytes()
    assert bad == bytes(content).split(b"\n")[1] + b"\n"
    assert "spool-damaged: 1 lines cannot be read" in caplog.text
    assert "23125001" not in caplog.text
    spool = open_spool()
    assert drained(spool) == [a_record(0), *records(range(2, 5))]
    assert (files(place), files(place, ".bad")) == ([], ["000000000001.bad"])
    assert spool.size == len(bad)


@pytest.mark.parametrize(
    "rubbish",
    [b"\0" * 100_000, b"\n" * 1000, b"\xff" * 10_000_000, b"00000000 {}\n" * 500],
    ids=["zeros", "empty lines", "no newline for long", "wrong sums"],
)
def test_rubbish_between_lines_holds_nothing_up(open_spool: OpenSpool, place: Path, rubbish: bytes) -> None:
    place.mkdir()
    before, after = lines_of([a_record(1)])[0], lines_of([a_record(2)])[0]
    (place / "000000000001.facts").write_bytes(before + rubbish + b"\n" + after)
    spool = open_spool()
    assert drained(spool) == records(range(1, 3))
    assert (spool.damaged > 0) == bool(rubbish.strip(b"\n"))


def test_a_file_that_somebody_took_away_is_told_and_the_others_go_on(
    open_spool: OpenSpool, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = open_spool(segment_bytes=100)
    for number in range(4):
        spool.append(lines_of([a_record(number)]))
    (place / "000000000002.facts").unlink()
    assert drained(spool) == [a_record(0), a_record(2), a_record(3)]
    assert spool.damaged == 1
    assert "took" in caplog.text


def test_the_file_that_is_written_to_may_be_taken_away_too(open_spool: OpenSpool, place: Path) -> None:
    spool = open_spool()
    spool.append(lines_of([a_record(0)]))
    (place / "000000000001.facts").unlink()
    assert drained(spool) == [a_record(0)]
    spool.append(lines_of([a_record(1)]))
    assert files(place) == ["000000000002.facts"]
    assert drained(spool) == [a_record(1)]


# ---- other releases ----


def test_facts_of_another_release_are_kept_for_it_and_do_not_hold_ours_up(
    open_spool: OpenSpool, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = open_spool()
    spool.append([*lines_of([a_record(1)]), FOREIGN, *lines_of([a_record(2)])])
    assert drained(spool) == records(range(1, 3))
    assert (spool.foreign, spool.damaged) == (1, 0)
    assert (place / UNKNOWN).read_bytes() == FOREIGN
    assert "spool-foreign: 1 facts of another release" in caplog.text
    spool.close()
    again = open_spool()
    assert drained(again) == []
    assert (place / UNKNOWN).read_bytes() == FOREIGN


def test_a_release_that_knows_them_takes_them_up_at_its_start(open_spool: OpenSpool, place: Path) -> None:
    open_spool().close()
    (place / UNKNOWN).write_bytes(b"".join([*lines_of([a_record(7)]), FOREIGN, *lines_of([a_wrapup(8)])]))
    spool = open_spool()
    assert drained(spool) == [a_record(7), a_wrapup(8)]
    assert (place / UNKNOWN).read_bytes() == FOREIGN


def test_facts_no_ledger_takes_are_kept_for_a_person(open_spool: OpenSpool, place: Path) -> None:
    spool = open_spool()
    spool.refuse([(a_record(1), "why not"), ("no fact at all", "no fact")])  # type: ignore[list-item]
    kept = (place / REFUSED).read_bytes().splitlines(keepends=True)
    assert kept[0] == write_line(a_record(1))
    assert b"no fact at all" in kept[1]
    assert spool.size == len(b"".join(kept))
