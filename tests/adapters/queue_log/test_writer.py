"""The writer: a loop that never waits, a thread that does, and what comes of a disk that takes nothing."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from router.adapters.queue_log import QueueLogWriter
from router.adapters.queue_log.file import LogFile
from tests.adapters.queue_log.logged_room import LoggedRoom
from tests.adapters.queue_log.test_file import Disk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue_log"


@asynccontextmanager
async def writing(path: Path, disk: Disk | None = None, **options: int) -> AsyncIterator[QueueLogWriter]:
    file = None if disk is None else LogFile(path, write=disk.write)
    writer = QueueLogWriter(path, file=file, interval_s=0.005, backoff_s=0.005, **options)
    writer.start()
    try:
        yield writer
    finally:
        await writer.close(10.0)


def written(path: Path) -> list[str]:
    return path.read_text().splitlines()


def rotate(path: Path, number: int) -> None:
    path.rename(path.with_suffix(f".{number:02}"))


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20.0):
        while not true():  # noqa: ASYNC110 - what is waited for is a plain number
            await asyncio.sleep(0.002)


async def test_lines_are_written_in_the_order_they_came(path: Path) -> None:
    lines = [str(number) for number in range(5_000)]
    async with writing(path) as writer:
        for first in range(0, len(lines), 7):
            writer.offer(lines[first : first + 7])
            if not first % 70:
                await asyncio.sleep(0)
    assert written(path) == lines
    assert (writer.written, writer.lost, writer.pending) == (5_000, 0, 0)


async def test_a_story_stands_in_the_file_as_it_was_decided(path: Path) -> None:
    floor = LoggedRoom("orders")
    async with writing(path) as writer:
        for name in "123":
            call = floor.calls(name)
            floor.talks(call)
            floor.let_pass(5)
            floor.caller_hangs_up(call)
            floor.ends(f"{call}.1")
            floor.let_pass(30)
            writer.offer(floor.lines())
    assert [line.split("|")[4] for line in written(path)] == [
        "ADDMEMBER",
        *["DID", "ENTERQUEUE", "CONNECT", "COMPLETECALLER"] * 3,
    ]


async def test_a_rotation_loses_no_line(path: Path) -> None:
    async with writing(path) as writer:
        for number in range(20):
            writer.offer([str(number)])
            await until(lambda: not writer.pending)
            if not number % 5:
                rotate(path, number)
    files = [*sorted(path.parent.glob("queue_log.*")), path]
    assert [line for file in files for line in written(file)] == [str(number) for number in range(20)]


async def test_a_full_disk_raises_nothing_and_counts_what_it_costs(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk = Disk(room=0)
    async with writing(path, disk, limit=10) as writer:
        with caplog.at_level(logging.INFO):
            for number in range(25):
                writer.offer([str(number)])
            await until(lambda: writer.error is not None)
            assert (writer.lost, writer.pending) == (15, 10)
            assert writer.error is not None
            assert writer.error.error_id == "queue-log-unwritable"
            assert str(path) in str(writer.error)
            disk.room = 1_000
            await until(lambda: writer.error is None and not writer.pending)
            writer.offer(["after"])
    assert written(path) == [*(str(number) for number in range(10)), "after"]
    assert writer.lost == 15
    said = [record.getMessage().partition(":")[0] for record in caplog.records if record.name == "ringfair.queue_log"]
    assert said.count("queue-log-overflow") == 1
    assert said.count("queue-log-unwritable") == 1


async def test_the_loop_does_not_wait_for_a_disk_that_hangs(path: Path) -> None:
    goes_on, begun = threading.Event(), threading.Event()

    def hang(handle: int, data: memoryview) -> int:
        begun.set()
        goes_on.wait(20.0)
        return os.write(handle, data)

    writer = QueueLogWriter(path, file=LogFile(path, write=hang), limit=5)
    writer.start()
    writer.offer(["first"])
    await asyncio.to_thread(begun.wait, 20.0)
    writer.offer([str(number) for number in range(10)])
    assert (writer.pending, writer.lost) == (5, 6)
    assert await writer.close(0.01) == 5
    assert writer.lost == 11
    goes_on.set()


async def test_what_comes_after_the_end_is_counted(path: Path) -> None:
    async with writing(path) as writer:
        writer.offer(["before"])
    writer.offer(["after"])
    assert written(path) == ["before"]
    assert writer.lost == 1
    assert await writer.close(1.0) == 0


async def test_one_that_was_never_begun_has_made_no_file(path: Path) -> None:
    writer = QueueLogWriter(path)
    assert await writer.close(1.0) == 0
    assert list(path.parent.iterdir()) == []


async def test_letters_that_no_encoding_has_cost_no_line(path: Path) -> None:
    async with writing(path) as writer:
        writer.offer(["a\udc80b", "Grüße"])
    assert written(path) == ["a?b", "Grüße"]
