"""Every coroutine test here runs twice: on asyncio's loop and on uvloop, which cuts data otherwise."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping

import pytest
import uvloop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def hushed() -> Iterator[None]:
    """Ten thousand lost connections are no news."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)
