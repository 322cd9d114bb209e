"""Bytes of Asterisk's event log → rows. A torn line, a name full of quotes, a file that is none: nothing here raises.

Asterisk (res/cdrel_custom/writers.c) appends a record and its newline in one write, every value in quotes, every quote
inside a value doubled, newlines as they are. So:

Rule 1: a line that begins with `MARK` begins a record, whatever came before: no value can hold that at a line's begin.
Rule 2: a record ends with the newline at which its quotes are even. One that never gets there (Asterisk was killed, the
        disk was full) is torn: it is counted and costs no other record.
Rule 3: what is no record, too long, or has an instant or an id that cannot be one, is counted and left out.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from router.domain.ids import Micros

MARK = b'"cel1",'
"The version of the columns, as asterisk/cel_custom.conf writes it."
LONGEST = 1 << 16
"Bytes of a record; Asterisk's own values are far shorter."
MOST_LINES = 100
"Lines of a record whose values hold newlines."
_VERSION, _COLUMNS = "cel1", 11
_TIME = re.compile(r"([0-9]{1,11})\.([0-9]{6})")
_ID_MAX = 150
"An Uniqueid has 149 characters at most (AST_MAX_UNIQUEID)."
_TEXT_MAX = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event of one leg. Texts are cut, not cleaned."""

    event: str
    at: Micros
    uniqueid: str
    linkedid: str
    channel: str
    context: str
    exten: str
    number: str
    dialled: str
    extra: str


@dataclass(slots=True)
class Tally:
    """What became of the lines."""

    rows: int = 0
    torn: int = 0
    "Records without an end."
    unreadable: int = 0
    "Records and stray lines that say nothing we can use."


def read_rows(file: BinaryIO, tally: Tally) -> Iterator[Row]:
    """Every row, in order. Holds one record at a time."""
    for record, whole in _records(file):
        row = _row(record)
        if row is None:
            if whole or not record.startswith(MARK):
                tally.unreadable += 1
            else:
                tally.torn += 1
            row = _salvaged(record)
        if row is not None:
            tally.rows += 1
            yield row


def _records(file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Records, and whether each has its end. A line that belongs to none stands for itself."""
    record, lines = b"", 0
    at_begin = True
    while piece := file.readline(LONGEST):
        if record and at_begin and piece.startswith(MARK):
            yield record, False
            record, lines = b"", 0
        record += piece
        at_begin = piece.endswith(b"\n")
        lines += at_begin
        ends = at_begin and (not record.startswith(MARK) or record.count(b'"') % 2 == 0)
        if ends or len(record) > LONGEST or lines > MOST_LINES:
            yield record, ends
            record, lines = b"", 0
    if record:
        yield record, False


def _salvaged(record: bytes) -> Row | None:
    """The record that was written right behind a torn one, into the same line.

    No value can forge one: the mark alone may be a value, but behind it come fewer columns than a record has.
    """
    start = record.rfind(MARK)
    return _row(record[start:]) if start > 0 else None


def _row(record: bytes) -> Row | None:
    try:
        [cells] = csv.reader([record.decode("utf-8", errors="replace")], strict=True)
    except (csv.Error, ValueError):
        return None
    if len(cells) != _COLUMNS or cells[0] != _VERSION:
        return None
    _, event, time, uniqueid, linkedid, channel, context, exten, number, dialled, extra = cells
    at = _TIME.fullmatch(time)
    if at is None or not 0 < len(uniqueid) <= _ID_MAX or not uniqueid.isprintable():
        return None
    return Row(
        event=event[:_TEXT_MAX],
        at=int(at[1]) * 1_000_000 + int(at[2]),
        uniqueid=uniqueid,
        linkedid=linkedid[:_TEXT_MAX],
        channel=channel[:_TEXT_MAX],
        context=context[:_TEXT_MAX],
        exten=exten[:_TEXT_MAX],
        number=number[:_TEXT_MAX],
        dialled=dialled[:_TEXT_MAX],
        extra=extra[:LONGEST],
    )
