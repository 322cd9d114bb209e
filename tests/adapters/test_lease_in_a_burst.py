"""Twenty thousand events at once, and the pool: a loop that has much to do and does it keeps its lease."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator

import pytest

from router.adapters.ami.wire import Block
from router.adapters.redis.renewal import Renewal
from router.adapters.redis.tenure import LeaseTenure
from router.ports import Acting
from tests.adapters.ami.fake_server import Consumer, flooding, running, session_to, until
from tests.adapters.ami.test_burst import EVENTS, kilobyte_event
from tests.fakes.lease import FakeLease, FakeLeaseServer

WORK_S = 0.00015
"For each event, so that the burst takes three seconds: two lives of a lease."

at_work = time.process_time
"What a neighbour takes from this machine is no time to this clock: the loop's own work is what is looked at."


@pytest.fixture
def spared_by_the_collector() -> Iterator[None]:
    """As in a running router (app.py): a full collection over all that earlier tests left behind stops every thread."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("spared_by_the_collector")
async def test_a_burst_of_twenty_thousand_events_is_no_reason_to_lose_the_pool() -> None:
    server = FakeLeaseServer(clock=at_work)
    lease = FakeLease(server)
    tenure = LeaseTenure(lease, clock=at_work)
    asked_at = tenure.now()
    tenure.begin(lease.acquire(0), asked_at)
    renewal = Renewal(tenure)
    acting: set[Acting] = set()
    handled = 0

    def decide(block: Block) -> None:
        nonlocal handled
        handled += 1
        acting.add(tenure.may_act())
        end = at_work() + WORK_S
        while at_work() < end:
            pass

    with flooding(b"".join(kilobyte_event(number) for number in range(EVENTS))) as port:
        async with running(session_to(port, Consumer(), on_event=decide)):
            renewal.start()
            await until(lambda: handled == EVENTS, within_s=60)
            await renewal.stop()

    assert acting == {Acting.YES}
    assert tenure.lapses == 0
    assert FakeLease(server, "acd2").acquire(0).host != "acd2"
