"""An office for the short form of the load tests: Asterisk, Valkey and router as `make bench` has them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.root import find_root
from tests.load.arena import Arena
from tests.load.office import Office
from tests.load.ring_speed import AGENTS


@pytest.fixture
async def arena() -> AsyncIterator[Arena]:
    try:
        root = find_root(make=False)
    except PbxError as error:
        pytest.fail(f"{error}; `make demo` or asterisk/obtain makes one")
    async with Arena(root) as arena:
        yield arena


@pytest.fixture
async def centre(arena: Arena) -> AsyncIterator[Office]:
    async with Office(f"load-{os.getpid()}", arena.workshop.root, agents=AGENTS, phones=arena.phones) as office:
        yield office
        print(office.log.read_text()[-3000:])  # pytest shows it when the story failed
