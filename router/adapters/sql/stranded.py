"""A spool seen from outside: what waits in it, and one stranded on a dead machine, brought to the ledger by hand.

Looks only. Nothing is deleted, so that a spool can be merged again, and from a disk mounted read-only; whoever has
merged it may take it away. A living one changes while it is looked at: its figures are of about now.

What is given may be a site's whole spool or one drawer of it (drawers.py).
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from router.adapters.sql import spool_lock
from router.adapters.sql.delivery import Refused, deliver
from router.adapters.sql.drawers import drawers_in, ledger_of
from router.adapters.sql.segments import BAD, REFUSED, UNKNOWN, Page, count_lines, numbered, read_page, reading
from router.adapters.sql.spool_line import TYPES
from router.domain.errors import CommandRefused, RemoteError
from router.domain.ids import ContactId
from router.domain.record import BillingRecord
from router.ports import Ledger

PAGE = 500
_NAMES = {cls: name for name, cls in TYPES.items()}


@dataclass(slots=True, kw_only=True)
class Contents:
    """What a spool holds."""

    directory: Path
    writer: str | None = None
    "Who writes to it now, `process 4711`; None when nobody does."
    files: int = 0
    bytes: int = 0
    facts: Counter[str] = field(default_factory=Counter)
    "That wait for the ledger, by their kind in the file."
    damaged: int = 0
    "Pieces that cannot be read, those set aside before included."
    torn: int = 0
    unknown: int = 0
    "Facts of another release."
    refused: int = 0
    "Facts a ledger will never take."


@dataclass(slots=True, kw_only=True)
class Merged:
    """What came of a merge."""

    facts: int = 0
    new: int = 0
    "Those the ledger did not have."
    damaged: int = 0
    torn: int = 0
    unknown: int = 0
    refused: Refused = field(default_factory=list)


def look(place: Path) -> list[Contents]:
    """What waits in each spool there, also while routers write to them. Raises `CommandRefused`, `RemoteError`."""
    return [_look(directory) for directory in _some(place)]


def records_in(place: Path, *, ledger: str) -> dict[ContactId, Path]:
    """Whose records for `ledger` stand in the spools there, in the ledger or not yet, and where.

    Raises `CommandRefused`, `RemoteError`.
    """
    found: dict[ContactId, Path] = {}
    try:
        place.stat()
    except FileNotFoundError:
        return found
    except OSError as error:
        raise _unusable(error, place) from error
    # What nobody holds first: it may be taken over while we look, but nothing goes the other way.
    for directory in sorted(_spools(place), key=_is_held):
        with _told(directory):
            if ledger_of(directory) not in ("", ledger):
                continue
            for page in _pages(directory):
                records = (fact for fact in page.facts if isinstance(fact, BillingRecord))
                found.update((record.contact_id, directory) for record in records)
    return found


def _is_held(directory: Path) -> bool:
    with _told(directory):
        return spool_lock.writer_of(directory) is not None


def _look(directory: Path) -> Contents:
    with _told(directory):
        found = Contents(directory=directory, writer=spool_lock.writer_of(directory))
        for page in _pages(directory):
            found.facts.update(_NAMES[type(fact)] for fact in page.facts)
            found.damaged += len(page.damaged)
            found.torn += page.torn
            found.unknown += len(page.foreign)
        for path in sorted(directory.iterdir()):
            if path.suffix == BAD:
                found.damaged += _lines_of(path)
            elif path.name == REFUSED:
                found.refused += _lines_of(path)
            if path.is_file() and not path.is_symlink():
                found.files += 1
                found.bytes += path.stat().st_size
        return found


async def merge(ledger: Ledger, place: Path, *, progress: Callable[[int], None] | None = None) -> Merged:
    """Append everything stranded spools hold, each in its order. Repeated, it adds nothing.

    Raises `CommandRefused` `spool-locked` when a router writes to one of them, `spool-unknown` when there is none;
    `RemoteError`.
    """
    merged = Merged()
    with ExitStack() as held:
        spools = _some(place)
        for directory in spools:
            with _told(directory):
                held.enter_context(spool_lock.undisturbed(directory))
        for directory in spools:
            with _told(directory):
                await _merge(ledger, directory, merged, progress)
    return merged


async def _merge(ledger: Ledger, directory: Path, merged: Merged, progress: Callable[[int], None] | None) -> None:
    for page in _pages(directory):
        delivery = await deliver(ledger, page.facts)
        merged.facts += len(page.facts)
        merged.new += delivery.new
        merged.refused += delivery.refused
        merged.damaged += len(page.damaged)
        merged.torn += page.torn
        merged.unknown += len(page.foreign)
        if progress is not None:
            progress(merged.facts)


def _spools(place: Path) -> list[Path]:
    """Those in there, or the one it is."""
    with _told(place):
        alone = any(path.name in (UNKNOWN, REFUSED, spool_lock.NAME) for path in place.iterdir()) or numbered(place)
        found = drawers_in(place)
        if alone and place not in found:
            found = [place, *found]
    return found


def _some(place: Path) -> list[Path]:
    found = _spools(place)
    if not found:
        raise CommandRefused("spool-unknown", f"{place} is no spool: there are no files like 000000000001.facts.")
    return found


def _pages(directory: Path) -> Iterator[Page]:
    """Of the facts that wait, then of those that waited for another release: this may be it."""
    unknown = directory / UNKNOWN
    for path in [*(path for _, path in numbered(directory)), *([unknown] if unknown.exists() else [])]:
        try:
            with reading(path) as handle:
                size = os.fstat(handle).st_size
                offset = 0
                while offset < size:
                    page = read_page(handle, offset, size, PAGE)
                    if page.offset == offset:
                        break
                    offset = page.offset
                    yield page
        except FileNotFoundError:
            continue  # its router has brought it to the database meanwhile, or another one has taken it over


def _lines_of(path: Path) -> int:
    with reading(path) as handle:
        return count_lines(handle, os.fstat(handle).st_size)


@contextmanager
def _told(directory: Path) -> Iterator[None]:
    try:
        if not directory.is_dir():
            raise CommandRefused("spool-unknown", f"{directory} is no directory of a spool.")
        yield
    except OSError as error:
        raise _unusable(error, directory) from error


def _unusable(error: OSError, directory: Path) -> RemoteError:
    where = error.filename or directory
    return RemoteError("spool-unusable", f"{where} cannot be read: {error.strerror}", path=str(where))
