"""Files of Asterisk's event log, a day's and its neighbours', of one node or several, read as one."""

import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from router.adapters.cel.calls import CallReader
from router.adapters.cel.lines import Row, Tally, read_rows
from router.domain.errors import ConfigError, Fault
from router.domain.truth.reconciliation import CallSeen, Coverage

_BROKEN = (OSError, EOFError, zlib.error)
"What reading a file, packed or plain, can end with."


class EventLog:
    """`calls` may be asked for once; `tally` and `coverage` are complete when it has ended."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._reader = CallReader()
        self.tally = Tally()

    @property
    def coverage(self) -> Coverage:
        """Node → first and last instant its lines tell of."""
        return self._reader.coverage

    def calls(self) -> Iterator[CallSeen]:
        """Raises `ConfigError` for files that cannot be read, or hold no line of ours."""
        faults = [fault for path in self._paths if (fault := self._twice(path)) is not None]
        if faults:
            raise ConfigError(faults)
        yield from self._reader.calls(self._rows())

    def _rows(self) -> Iterator[Row]:
        """Files in the order of their first rows: else a call over midnight would end before it begins."""
        for path in sorted(self._paths, key=_first_at):
            before = (self.tally.rows, self.tally.unreadable)
            with _opened(path) as file:
                yield from _told(path, read_rows(file, self.tally))
            if self.tally.rows == before[0] and self.tally.unreadable > before[1]:
                raise _fault(path, "(no line of it)", "Asterisk's event log as asterisk/cel_custom.conf has it written")

    def _twice(self, path: Path) -> Fault | None:
        try:
            same = [other for other in self._paths if os.path.samefile(path, other)]
        except OSError as error:
            return Fault(str(path), "(file)", "(missing)", f"a readable file ({error.strerror})")
        return Fault(str(path), "(file)", "(given twice)", "each file once") if len(same) > 1 else None


def _first_at(path: Path) -> tuple[int, str]:
    with _opened(path) as file:
        row = next(_told(path, read_rows(file, Tally())), None)
    return (row.at if row is not None else 0, str(path))


def _opened(path: Path) -> BinaryIO:
    """logrotate packs what is a day old."""
    try:
        return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")
    except OSError as error:
        raise _fault(path, "(closed)", f"a readable file ({error.strerror})") from None


def _told(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    try:
        yield from rows
    except _BROKEN as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise _fault(path, "(broken)", f"a file that can be read to its end ({why})") from None


def _fault(path: Path, value: str, expected: str) -> ConfigError:
    return ConfigError([Fault(str(path), "(file)", value, expected)])
