"""A spool on the disk of this test, as often opened as it likes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from router.adapters.sql.spool import Spool
    from tests.adapters.sql.spooling import OpenSpool


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def open_spool(place: Path) -> Iterator[OpenSpool]:
    from router.adapters.sql.spool import Spool

    opened: list[Spool] = []

    def open_one(**options: int) -> Spool:
        opened.append(Spool.open(place, **options))
        return opened[-1]

    yield open_one
    for spool in opened:
        spool.close()


@pytest.fixture
def spool(open_spool: OpenSpool) -> Spool:
    return open_spool()
