"""Facts in and out of a spool, for the tests of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from router.adapters.sql.spool import Spool
from router.adapters.sql.spool_line import sealed, write_line
from router.domain.record import Fact
from tests.contracts.test_ledger import a_record

ROOT = Path(__file__).parents[3]
OpenSpool = Callable[..., Spool]
FOREIGN = sealed(b'{"v":1,"type":"payment","fact":{}}')


def records(numbers: range) -> list[Fact]:
    return [a_record(number) for number in numbers]


def lines_of(facts: list[Fact]) -> list[bytes]:
    return [write_line(fact) for fact in facts]


def drained(spool: Spool, most: int = 7) -> list[Fact]:
    """Everything that waits, read page by page and confirmed."""
    found: list[Fact] = []
    while (page := spool.read(most)) is not None:
        found += page.facts
        spool.confirm(page)
    assert (spool.waiting, spool.confirmed) == (0, spool.end)
    return found


def files(place: Path, suffix: str = ".facts") -> list[str]:
    return sorted(path.name for path in place.iterdir() if path.suffix == suffix)
