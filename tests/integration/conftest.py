"""One real Asterisk for a test session, and a telephone room around each test."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Iterator

import pytest

from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import Root, find_root
from router.adapters.pbx.valkey import Valkey
from tests.integration.call_centre import CallCentre
from tests.integration.telephone_room import TelephoneRoom, make_pbx


@pytest.fixture(scope="session")
def root() -> Root:
    try:
        return find_root(make=False)
    except PbxError as error:
        pytest.fail(f"{error}; `make demo` or asterisk/obtain makes one")


@pytest.fixture(scope="session")
def pbx(root: Root) -> Iterator[Instance]:
    """Asterisk with fixed-contact agents for SIPp (2001...) and registering ones for softphones (1001...)."""
    instance = make_pbx(f"line-{os.getpid()}", root)
    try:
        instance.start()
        yield instance
    finally:
        instance.remove()


@pytest.fixture
async def room(pbx: Instance) -> AsyncIterator[TelephoneRoom]:
    async with contextlib.AsyncExitStack() as stack:
        yield await stack.enter_async_context(TelephoneRoom(pbx))


@pytest.fixture(scope="session")
def valkey(root: Root) -> Iterator[Valkey]:
    server = Valkey(f"line-{os.getpid()}", root=root)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
async def centre(room: TelephoneRoom, valkey: Valkey) -> AsyncIterator[CallCentre]:
    async with CallCentre(room, valkey) as centre:
        yield centre
        print(centre.tell())  # pytest shows it when the story failed
        assert centre.faults() == []
