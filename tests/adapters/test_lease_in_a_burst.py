"""Twenty thousand events at once, and the pool: a loop that has much to do and does it keeps its lease."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator

import pytest

from router.adapters.ami.wire import Block
from router.adapters.redis.renewal import Renewal
from router.adapters.redis.tenure import LeaseTenure, awake_or_asleep
from router.ports import Acting
from tests.adapters.ami.fake_server import Consumer, flooding, running, session_to, until
from tests.adapters.ami.test_burst import EVENTS, kilobyte_event
from tests.fakes.lease import FakeLease, FakeLeaseServer

WORK_S = 0.00015
"For each event, so that the burst takes three seconds: two lives of a lease."


@pytest.fixture
def spared_by_the_collector() -> Iterator[None]:
    """As in a running router (app.py): a full collection over all that earlier tests left behind stops every thread."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("spared_by_the_collector")
async def test_a_burst_of_twenty_thousand_events_is_no_reason_to_lose_the_pool() -> None:
    for _ in range(3):  # the best of three: a neighbour who takes the machine for a second is not what is measured
        acting, lapses, heir = await in_a_burst()
        if acting == {Acting.YES}:
            break
    assert acting == {Acting.YES}
    assert lapses == 0
    assert heir != "acd2"


async def in_a_burst() -> tuple[set[Acting], int, str]:
    """What the owner might do meanwhile, how often its lease lapsed, and who has it when somebody else asks."""
    server = FakeLeaseServer(clock=awake_or_asleep)
    lease = FakeLease(server)
    tenure = LeaseTenure(lease)
    asked_at = tenure.now()
    tenure.begin(lease.acquire(0), asked_at)
    renewal = Renewal(tenure)
    acting: set[Acting] = set()
    handled = 0

    def decide(block: Block) -> None:
        nonlocal handled
        handled += 1
        acting.add(tenure.may_act())
        end = time.perf_counter() + WORK_S
        while time.perf_counter() < end:
            pass

    with flooding(b"".join(kilobyte_event(number) for number in range(EVENTS))) as port:
        async with running(session_to(port, Consumer(), on_event=decide)):
            renewal.start()
            await until(lambda: handled == EVENTS, within_s=60)
            await renewal.stop()
    return acting, tenure.lapses, FakeLease(server, "acd2").acquire(0).host
