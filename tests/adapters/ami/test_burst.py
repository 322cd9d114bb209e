"""Bursts: the loop keeps breathing, the order is kept, nothing is lost, and the backlog has an end."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from router.adapters.ami.intake import Intake
from router.adapters.ami.limits import Counters, Limits
from router.adapters.ami.wire import Block

from .fake_server import HASTY, WANTED, Consumer, FakeAsterisk, event, flooding, running, session_to, until

EVENTS = 20_000
LAG_LIMIT_S = 0.050
"Longest time the loop may be held up by 20,000 events of 1 kB in one burst."


def kilobyte_event(number: int) -> bytes:
    """An event of Asterisk's usual shape (20 headers), filled to 1 kB."""
    headers = [f"N: {number}", "Uniqueid: pbx-1700000000.1", "CallerIDName: Zoë", "Cause: 16"]
    headers += [f"Header{n}: {'x' * 40}" for n in range(14)]
    raw = event("Hangup", *headers)
    return event("Hangup", *headers, "Filler: " + "x" * (1000 - len(raw) - len("Filler: \r\n")))


class LagMeter:
    """Measures how late a callback runs that asks to run every millisecond."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._loop = asyncio.get_running_loop()
        self._due = time.monotonic()
        self._handle = self._loop.call_later(0.001, self._tick)

    def _tick(self) -> None:
        now = time.monotonic()
        self.worst = max(self.worst, now - self._due - 0.001)
        self._due = now
        self._handle = self._loop.call_later(0.001, self._tick)

    def stop(self) -> float:
        self._handle.cancel()
        return self.worst


async def test_twenty_thousand_events_in_one_burst_hold_the_loop_up_no_longer_than_50_ms(
    record_property: Callable[[str, object], None],
) -> None:
    payload = b"".join(kilobyte_event(number) for number in range(EVENTS))
    assert 990 * EVENTS < len(payload) < 1010 * EVENTS
    lags = []
    for _ in range(3):  # the best of three: a neighbour on the machine is not what is measured
        numbers: list[int] = []
        consumer = Consumer()
        with flooding(payload) as port:
            session = session_to(port, consumer, on_event=lambda block: numbers.append(int(block["n"])))  # noqa: B023
            meter = LagMeter()
            async with running(session):
                await until(lambda: len(numbers) == EVENTS, within_s=30)  # noqa: B023 - awaited inside the turn
                lags.append(meter.stop())
                assert session.connected
                assert session.counters.lost == 0
        assert numbers == list(range(EVENTS)), "order kept, nothing lost, nothing doubled"
        if lags[-1] <= LAG_LIMIT_S:
            break
    record_property("lag_ms", round(min(lags) * 1000, 1))
    assert min(lags) <= LAG_LIMIT_S


async def test_a_ping_in_a_burst_does_not_take_a_busy_peer_for_a_dead_one() -> None:
    limits = replace(HASTY, ping_every_s=0.01, ping_deadline_s=0.6, stall_grace_s=0.4)
    consumer = Consumer()

    def slow(block: Block) -> None:
        end = time.perf_counter() + 0.002
        while time.perf_counter() < end:
            pass
        consumer.on_event(block)

    async with (
        FakeAsterisk() as asterisk,
        running(session_to(asterisk.port, consumer, limits=limits, on_event=slow)) as session,
    ):
        asterisk.emit(b"".join(event("Hangup", f"N: {n}") for n in range(1000)))
        await until(lambda: len(consumer.events) == 1000, within_s=30)
        assert session.counters.pings_lost == 0
        assert consumer.downs == []


async def test_parsing_stops_after_a_slice_and_goes_on_in_the_next_turn() -> None:
    consumer = Consumer()
    now = 0.0

    def costly(block: Block) -> None:
        nonlocal now
        now += 0.001
        consumer.on_event(block)

    intake = Intake(
        asyncio.get_running_loop(),
        wanted=WANTED,
        on_event=costly,
        on_fault=consumer.faults.append,
        limits=Limits(slice_s=0.0045),
        counters=Counters(),
        clock=lambda: now,
    )
    intake.open = True
    intake.feed(b"Asterisk Call Manager/11.0.0\r\n" + b"".join(event("Hangup", f"N: {n}") for n in range(12)))
    assert len(consumer.events) == 5
    intake.feed(event("Hangup", "N: 12"))
    assert len(consumer.events) == 5, "while a backlog is worked off, new bytes are only kept"
    await asyncio.sleep(0)
    assert len(consumer.events) == 10
    await until(lambda: not intake.behind())
    assert [int(block["n"]) for block in consumer.events] == list(range(13))


async def test_a_single_event_is_handed_over_inside_the_call_that_brought_its_bytes() -> None:
    consumer = Consumer()
    intake = Intake(
        asyncio.get_running_loop(),
        wanted=WANTED,
        on_event=consumer.on_event,
        on_fault=consumer.faults.append,
        limits=Limits(),
        counters=Counters(),
    )
    intake.open = True
    intake.feed(b"Asterisk Call Manager/11.0.0\r\n")
    intake.feed(event("Hangup", "Cause: 16"))
    assert len(consumer.events) == 1


async def test_a_backlog_beyond_its_bound_ends_the_connection_and_the_next_one_starts_afresh() -> None:
    consumer = Consumer()
    limits = replace(HASTY, backlog_bytes=50_000, slice_s=0.0001)

    def slow(block: Block) -> None:
        consumer.on_event(block)
        end = time.perf_counter() + 0.002
        while time.perf_counter() < end:
            pass

    async with (
        FakeAsterisk() as asterisk,
        running(session_to(asterisk.port, consumer, limits=limits, on_event=slow)) as session,
    ):
        asterisk.emit(b"".join(kilobyte_event(n) for n in range(500)))
        await until(lambda: "backlog" in consumer.downs)
        assert session.counters.overflows == 1
        await until(lambda: session.counters.logins == 2)
        seen = len(consumer.events)
        asterisk.emit(event("UserEvent"))
        await until(lambda: len(consumer.events) == seen + 1)


async def test_a_block_that_never_ends_ends_the_connection() -> None:
    consumer = Consumer()
    limits = replace(HASTY, block_bytes=10_000)
    async with FakeAsterisk() as asterisk, running(session_to(asterisk.port, consumer, limits=limits)):
        asterisk.emit(b"Event: Hangup\r\nFiller: " + b"x" * 20_000)
        await until(lambda: consumer.downs)
        assert consumer.downs == ["no-asterisk"]
        await until(lambda: consumer.ups == 2)


async def test_unwanted_events_are_counted_and_go_no_further() -> None:
    consumer = Consumer()
    async with FakeAsterisk() as asterisk, running(session_to(asterisk.port, consumer)) as session:
        asterisk.emit(
            event("VarSet") + event("USEREVENT") + event("Hangup2") + b"Privilege: x\r\nEvent: Hangup\r\n\r\n"
        )
        asterisk.emit(b"Noise: 1\r\n\r\n\r\n\r\n" + event("Newexten") + event("Hangup", "N: last"))
        await until(lambda: len(consumer.events) == 3)
        assert [block.event for block in consumer.events] == ["USEREVENT", "Hangup", "Hangup"]
        assert session.counters.unwanted == 3
        assert session.counters.malformed == 1
