"""The models are what they say: the dead do nothing, the stopped do it later, and what was not synced may be lost."""

import asyncio
import errno
import os
from collections.abc import Coroutine
from pathlib import Path
from random import Random
from typing import Any

import pytest

from router.adapters.redis import lease_scripts
from router.domain.ids import SECOND
from router.simulation.clock import VirtualClock
from tests.simulation.disk import Disk
from tests.simulation.loop import Flag, Process, VirtualLoop, block, thread
from tests.simulation.points import Points
from tests.simulation.redis_server import RedisServer

KEYS = [b"lease", b"epoch", b"standbys"]


class Bench:
    """A clock, its loop, and what was heard when."""

    def __init__(self) -> None:
        self.clock = VirtualClock(1_767_225_600 * SECOND)
        self.loop = VirtualLoop(self.clock)
        self.heard: list[tuple[float, str]] = []

    def say(self, word: str) -> None:
        self.heard.append((round(self.loop.time(), 3), word))

    async def talk(self, name: str) -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            self.say(name)

    def run(self, story: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(story)
        self.loop.close()


def test_hours_pass_in_no_time_and_in_order() -> None:
    bench = Bench()

    async def story() -> None:
        bench.clock.later(1800 * SECOND, lambda: bench.say("the models"))
        await asyncio.sleep(3600)
        bench.say("the loop")

    bench.run(story())
    assert bench.heard == [(1800.0, "the models"), (3600.0, "the loop")]


def test_the_dead_do_nothing_more_and_the_stopped_do_it_later() -> None:
    bench = Bench()

    async def story() -> None:
        killed, stopped = Process("killed"), Process("stopped")
        for process in (killed, stopped):
            process.context.run(bench.loop.create_task, bench.talk(process.name))
        await asyncio.sleep(1.5)
        killed.dead = stopped.stopped = True
        await asyncio.sleep(5)
        bench.loop.go_on_with(stopped)
        await asyncio.sleep(5)

    bench.run(story())
    assert bench.heard == [(1.0, "killed"), (1.0, "stopped"), (6.5, "stopped"), (7.5, "stopped")]


def test_a_thread_waits_while_others_go_on() -> None:
    bench, flag = Bench(), Flag()

    def waits() -> None:
        block(1)
        bench.say("slept")
        bench.say("was woken" if flag.wait(10) else "gave up")
        flag.clear()
        bench.say("was woken" if flag.wait(0.5) else "gave up")

    async def story() -> None:
        thread(waits)
        await asyncio.sleep(2)
        flag.set()
        await asyncio.sleep(2)

    bench.run(story())
    assert bench.heard == [(1.0, "slept"), (2.0, "was woken"), (2.5, "gave up")]


def test_our_lease_scripts_do_in_the_modelled_redis_what_they_promise() -> None:
    clock = VirtualClock(1_767_225_600 * SECOND)
    server = RedisServer(clock, Points())
    one = server.run(lease_scripts.ACQUIRE, KEYS, ["one", 1500, "host", 7])
    assert one == [b"one", b"1", b"host", b"7", 1500, b"1", 0]
    assert server.run(lease_scripts.ACQUIRE, KEYS, ["two", 1500, "host", 8])[0] == b"one"
    clock.now += 1_600_000
    assert server.run(lease_scripts.ACQUIRE, KEYS, ["two", 1500, "host", 8])[:2] == [b"two", b"2"]
    assert server.run(lease_scripts.RENEW, KEYS, ["one", 1500, "host", 7, 1])[0] == b"two"
    server.do("SET", "epoch", "nonsense")
    with pytest.raises(ValueError, match="WRONGTYPE"):
        server.run(lease_scripts.READ, KEYS, ["one", 1500, "0"])


def test_a_redis_that_dies_has_what_was_on_its_disk() -> None:
    clock = VirtualClock(1_767_225_600 * SECOND)
    server = RedisServer(clock, Points())
    server.do("HSET", "hash", b"field", b"old")
    clock.step()
    server.do("HSET", "hash", b"field", b"new")
    server.die()
    server.come_back()
    assert server.holds(b"hash") == {b"field": b"old"}
    server.die()
    server.come_back(empty=True)
    assert server.holds(b"hash") == {}


@pytest.mark.parametrize(("power", "left"), [(False, b"safe\nnot safe\n"), (True, b"safe\n")])
def test_a_machine_without_power_keeps_what_was_synced(tmp_path: Path, power: bool, left: bytes) -> None:
    disk, process, path = Disk(Points(), Random(4)), Process("router"), tmp_path / "000000000001.facts"

    def writes() -> int:
        handle = disk.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        disk.write(handle, b"safe\n")
        disk.fsync(handle)
        disk.write(handle, b"not safe\n")
        return handle

    handle = process.context.run(writes)
    process.dead = True
    disk.died(process, power=power)
    found = path.read_bytes()
    assert found.startswith(b"safe\n")
    assert left.startswith(found) or found == left or power
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        os.fstat(handle)
