"""Rows out of bytes: what Asterisk writes, what a crash leaves of it, and what somebody made up."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.adapters.cel.calls import CallReader
from router.adapters.cel.lines import LONGEST, MARK, MOST_LINES, Row, Tally, read_rows
from tests.fakes.event_log import BEGAN, FakeEventLog, quoted


def read(content: bytes) -> tuple[list[Row], Tally]:
    tally = Tally()
    return list(read_rows(io.BytesIO(content), tally)), tally


def a_line(event: str = "ANSWER", **cells: str) -> bytes:
    log = FakeEventLog()
    log.line(event, 1, "node1-1790000000.7", **cells)
    return log.text


def test_a_line_is_an_event_of_a_leg_at_its_microsecond() -> None:
    [row], tally = read(
        a_line("HANGUP", channel="PJSIP/trunk-00000007", context="acd-wait", extra='{"hangupcause":16}')
    )

    assert (row.event, row.uniqueid, row.at) == ("HANGUP", "node1-1790000000.7", BEGAN + 1_000_000)
    assert row.extra == '{"hangupcause":16}'
    assert (tally.rows, tally.torn, tally.unreadable) == (1, 0, 0)


@pytest.mark.parametrize(
    "name", ['"', '""', 'a","b', "a\nb", 'a"\n"cel1","HANGUP",b', '\n"cel1",', "\r\n", "ä\x00", "\x1b[2J"]
)
def test_whatever_a_name_holds_it_is_one_value(name: str) -> None:
    rows, tally = read(a_line(number=name, exten=name) + a_line())

    assert [row.number for row in rows] == [name, "+493023125900"]
    assert (tally.torn, tally.unreadable) == (0, 0)


def test_bytes_that_are_no_text_are_replaced() -> None:
    rows, _ = read(a_line(number="+4930\udcff\udcfe"))

    assert [row.number for row in rows] == ["+4930\ufffd\ufffd"]


@pytest.mark.parametrize("cut", range(1, len(a_line()) - 1))
def test_a_line_torn_anywhere_costs_no_other(cut: int) -> None:
    torn = a_line()[:cut]

    alone, _ = read(a_line("CHAN_START") + torn)
    between, _ = read(a_line("CHAN_START") + torn + a_line("HANGUP"))
    above, _ = read(torn + b"\n" + a_line("HANGUP"))

    assert [row.event for row in alone][:1] == ["CHAN_START"]
    assert [row.event for row in between] == ["CHAN_START", "HANGUP"]
    assert [row.event for row in above][-1:] == ["HANGUP"]
    assert {row.event for row in [*alone, *above]} <= {"CHAN_START", "HANGUP", "ANSWER"}


def test_a_line_that_lacks_only_its_newline_is_whole() -> None:
    rows, tally = read(a_line()[:-1])

    assert (len(rows), tally.torn) == (1, 0)


@pytest.mark.parametrize(
    "time", ["", "soon", "-1.000000", "1790000000", "1790000000.12", "999999999999.000000", "1e9.000000", "١٧٩.000000"]
)
def test_an_event_without_an_instant_is_left_out(time: str) -> None:
    cells = ["cel1", "ANSWER", time, "node1-1790000000.7", *[""] * 7]
    rows, tally = read(quoted(cells) + a_line())

    assert (len(rows), tally.unreadable) == (1, 1)


@pytest.mark.parametrize("uniqueid", ["", "node1\n-1.7", "x" * 151, "\x00"])
def test_an_id_that_can_be_none_is_left_out(uniqueid: str) -> None:
    rows, tally = read(quoted(["cel1", "ANSWER", "1790000000.000000", uniqueid, *[""] * 7]))

    assert (rows, tally.unreadable) == ([], 1)


def test_lines_of_another_version_or_another_file_are_counted() -> None:
    other = quoted(["cel9", "ANSWER", "1790000000.000000", "node1-1.7", *[""] * 7])
    rows, tally = read(other + b"1,2,3\n\n" + a_line() + b"the end")

    assert (len(rows), tally.unreadable) == (1, 4)


def test_a_value_without_end_is_given_up_and_the_next_line_is_read() -> None:
    for endless in (b"a" * (3 * LONGEST), b"a\n" * (3 * MOST_LINES)):
        rows, tally = read(MARK + b'"' + endless + b"\n" + a_line("HANGUP"))

        assert [row.event for row in rows] == ["HANGUP"]
        assert tally.torn + tally.unreadable > 0


@given(st.lists(st.one_of(st.binary(max_size=200), st.sampled_from([MARK, b'"', b"\n", b",", a_line()]))))
def test_no_bytes_ever_raise_and_every_call_of_them_has_an_end_after_its_begin(pieces: list[bytes]) -> None:
    rows, _ = read(b"".join(pieces))

    for call in CallReader(settling=3).calls(rows):
        assert all(talk.from_at <= talk.to_at for talk in call.talks)


@given(st.lists(st.text(), min_size=9, max_size=9), st.lists(st.text(), min_size=9, max_size=9))
def test_what_asterisk_writes_is_what_is_read(first: list[str], second: list[str]) -> None:
    def record(texts: list[str]) -> bytes:
        uniqueid, *rest = texts
        whole = ["cel1", "ANSWER", "1790000000.000000", f"node1-{len(uniqueid)}.7", *(text[:50] for text in rest[:7])]
        return ",".join('"' + cell.replace('"', '""') + '"' for cell in whole).encode("utf-8", "replace") + b"\n"

    rows, tally = read(record(first) + record(second))

    assert (len(rows), tally.torn, tally.unreadable) == (2, 0, 0)
    for row, texts in zip(rows, (first, second), strict=True):
        expected = [text[:50].encode("utf-8", "replace").decode() for text in texts[1:8]]
        assert [row.linkedid, row.channel, row.context, row.exten, row.number, row.dialled, row.extra] == expected


@pytest.mark.parametrize("cut", range(len(MARK), len(a_line()) - 1))
def test_a_line_torn_anywhere_swallows_none_of_those_behind_it(cut: int) -> None:
    behind = [f"EVENT{number}" for number in range(5)]

    rows, _ = read(a_line()[:cut] + b"\n" + b"".join(a_line(event) for event in behind))

    assert [row.event for row in rows][-5:] == behind
