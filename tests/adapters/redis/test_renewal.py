"""The thread that renews: for a loop that turns, however busy; the lease of one that stands still lapses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from router.adapters.redis.renewal import Renewal
from router.adapters.redis.tenure import LeaseTenure, awake_or_asleep
from router.ports import Acting
from tests.fakes.lease import FakeLease, FakeLeaseServer


class Office:
    def __init__(self) -> None:
        self.server = FakeLeaseServer(clock=awake_or_asleep)
        self.lease = FakeLease(self.server)
        self.tenure = LeaseTenure(self.lease)
        asked_at = self.tenure.now()
        self.tenure.begin(self.lease.acquire(0), asked_at)
        self.renewal = Renewal(self.tenure)

    def successor_s_chance(self) -> bool:
        """Whether somebody who stands by gets the pool now."""
        return FakeLease(self.server, "acd2").acquire(0).host == "acd2"


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    made = Office()
    made.renewal.start()
    yield made
    await made.renewal.stop()


async def until(so: Callable[[], bool], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not so():  # noqa: ASYNC110 - a thread moves it
            await asyncio.sleep(0.01)


async def test_a_loop_that_turns_keeps_its_lease(office: Office) -> None:
    await asyncio.sleep(2.2)

    assert office.tenure.held
    assert office.tenure.lapses == 0
    assert not office.successor_s_chance()


async def test_a_loop_that_is_busy_without_a_pause_but_turns_keeps_its_lease(office: Office) -> None:
    end = time.monotonic() + 2.2
    while time.monotonic() < end:
        spin = time.monotonic() + 0.02
        while time.monotonic() < spin:
            pass
        await asyncio.sleep(0)

    assert office.tenure.lapses == 0
    assert not office.successor_s_chance()


async def test_a_loop_that_stands_still_loses_its_lease_and_knows_before_it_acts(office: Office) -> None:
    time.sleep(2.5)  # noqa: ASYNC251 - that is what the story is about
    assert office.successor_s_chance()

    assert office.tenure.may_act() is Acting.UNKNOWN
    await until(lambda: office.tenure.lost)
    assert office.tenure.may_act() is Acting.NO


async def test_one_that_stood_still_while_nobody_stood_by_is_the_owner_again_at_once(office: Office) -> None:
    time.sleep(2.5)  # noqa: ASYNC251
    assert office.tenure.may_act() is Acting.UNKNOWN
    await until(lambda: office.tenure.may_act() is Acting.YES)

    assert office.tenure.lapses == 1


async def test_after_the_end_nothing_is_renewed(office: Office) -> None:
    await office.renewal.stop()
    office.lease.release()

    await asyncio.sleep(0.8)
    assert office.successor_s_chance()


async def test_ending_what_never_began_does_no_harm() -> None:
    office = Office()
    await office.renewal.stop()
    await office.renewal.stop()


async def test_a_bug_in_an_attempt_does_not_end_the_thread(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = 0
    whole = office.tenure.attempt

    def fails_once() -> bool:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise KeyError("bug")
        return whole()

    monkeypatch.setattr(office.tenure, "attempt", fails_once)
    await until(lambda: attempts > 1)
    assert office.tenure.held


async def test_at_its_end_the_thread_is_gone(office: Office) -> None:
    await office.renewal.stop()

    assert not office.renewal._thread.is_alive(), "it could take the lease back that we are about to let go"
