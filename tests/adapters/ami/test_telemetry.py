"""The telemetry connection: it listens, it may lose, it never harms anybody."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from router.adapters.ami import telemetry as module
from router.adapters.ami.limits import Counters
from router.adapters.ami.line import LineBoard
from router.adapters.ami.session import AmiAddress
from router.adapters.ami.telemetry import HOLD_BYTES, LIMITS, Sieve, Telemetry
from router.domain.ids import LegId

from .fake_server import BANNER, HASTY, SECRET, Consumer, FakeAsterisk, event, running, session_to, until
from .rtcp import rtcp

LEG = LegId("pbx_1-1795306946.0.1")
QUICK = replace(LIMITS, first_backoff_s=0.01, max_backoff_s=0.05, refused_backoff_s=0.2, ping_every_s=30.0)


@contextlib.asynccontextmanager
async def listening(
    asterisk: FakeAsterisk, *, secret: str = SECRET, up: bool = True, **limits: float
) -> AsyncIterator[Telemetry]:
    address = AmiAddress("127.0.0.1", asterisk.port, "ringfair-telemetry", secret)
    telemetry = Telemetry(address, limits=replace(QUICK, **limits))  # type: ignore[arg-type]
    task = asyncio.ensure_future(telemetry.run())
    try:
        if up:
            await until(lambda: telemetry.summary().connected)
        yield telemetry
    finally:
        await telemetry.close()
        await asyncio.wait_for(task, 10)


def sequence(telemetry: Telemetry, leg: str = LEG) -> int | None:
    """The newest one's sequence number, without cycles."""
    reports = telemetry.latest(LegId(leg))
    return reports[0].highest_sequence & 0xFFFF if reports and reports[0].highest_sequence is not None else None


async def test_the_newest_report_of_a_leg_can_be_read() -> None:
    async with FakeAsterisk() as asterisk, listening(asterisk) as telemetry:
        asterisk.emit(rtcp("RTCPSent", Report0HighestSequence=1) + rtcp("RTCPSent", Report0HighestSequence=2))
        await until(lambda: sequence(telemetry) == 2)
        asterisk.emit(rtcp("RTCPSent", Report0HighestSequence=3))
        await until(lambda: sequence(telemetry) == 3)
        assert telemetry.summary().events == 3
        assert telemetry.summary().dropped == 0
        assert {action.action for action in asterisk.received} == {"Login"}, "it only listens"


async def test_reports_in_pieces_of_any_size_come_whole() -> None:
    stream = b"".join(rtcp("RTCPSent", leg=f"leg-{n}", Report0HighestSequence=n) for n in range(20))
    async with FakeAsterisk() as asterisk, listening(asterisk) as telemetry:
        for size in (7, 111, 1460):
            await asterisk.emit_in_pieces(stream, size)
        await until(lambda: telemetry.summary().events == 60)
        assert [sequence(telemetry, f"leg-{n}") for n in range(20)] == list(range(20))


def sieve_on(board: LineBoard) -> Sieve:
    return Sieve(
        asyncio.get_running_loop(),
        board=board,
        pause=lambda sieve, paused: None,
        wanted=frozenset(),
        on_event=lambda block: None,
        on_fault=lambda error: None,
        limits=LIMITS,
        counters=Counters(),
    )


async def test_a_report_torn_by_the_answer_to_the_login_does_not_tear_the_next_one() -> None:
    board, first, second = LineBoard(), rtcp("RTCPSent", leg="first"), rtcp("RTCPSent", leg="second")
    sieve = sieve_on(board)
    sieve.feed(BANNER)
    login = sieve.pending.add("1", "Login", 5.0, lambda reply: setattr(sieve, "open", reply.ok))
    sieve.feed(b"Response: Success\r\nActionID: 1\r\n\r\n" + first[:300])
    assert (await login).ok
    sieve.feed(first[300:] + second[:300])
    await asyncio.sleep(0)
    sieve.feed(second[300:])
    await until(lambda: board.latest(LegId("second")))
    assert board.dropped == 0


async def test_two_halves_with_lost_bytes_between_are_no_report() -> None:
    board, torn = LineBoard(), rtcp("RTCPSent", leg="torn")
    sieve = sieve_on(board)
    sieve.feed(BANNER)
    sieve.open = True
    sieve.feed(torn[:700])  # with its Uniqueid, without its numbers
    await until(lambda: not sieve.behind())
    filling = rtcp("RTCPSent", leg="whole") * (HOLD_BYTES // len(torn))
    sieve.feed(torn[700:] + filling)
    sieve.feed(filling[500:] + rtcp("RTCPSent", leg="last"))
    await until(lambda: board.latest(LegId("last")))
    assert board.latest(LegId("torn")) == ()
    assert len(board.latest(LegId("whole"))) == 1
    assert board.events + board.dropped == 2 * (HOLD_BYTES // len(torn)) + 2


async def test_more_than_can_be_looked_at_is_thrown_away_and_the_newest_is_kept() -> None:
    rounds, legs = 200, 40
    flood = b"".join(
        rtcp("RTCPSent", leg=f"leg-{leg}", Report0HighestSequence=turn, N=turn * legs + leg)
        for turn in range(rounds)
        for leg in range(legs)
    )
    assert len(flood) > 20 * HOLD_BYTES
    async with FakeAsterisk() as asterisk, listening(asterisk) as telemetry:
        asterisk.emit(flood)
        await until(lambda: telemetry.summary().events + telemetry.summary().dropped >= rounds * legs, 30)
        summary = telemetry.summary()
        assert summary.dropped > 0, "nobody reads 7 MB of old reports"
        assert summary.events + summary.dropped == rounds * legs, "what is lost is counted, what is counted was there"
        assert [sequence(telemetry, f"leg-{leg}") for leg in range(legs)] == [rounds - 1] * legs
        assert summary.connected


async def test_a_pong_thrown_away_with_the_rest_does_not_make_the_peer_a_dead_one() -> None:
    flood = rtcp("RTCPSent") * 2000
    async with (
        FakeAsterisk(unanswered={"Ping"}) as asterisk,
        listening(asterisk, ping_every_s=0.02, ping_deadline_s=0.05) as telemetry,
    ):
        asterisk.emit(flood)
        await until(lambda: telemetry.summary().dropped > 0)
        await until(lambda: len(asterisk.actions("Ping")) >= 3)
        assert telemetry.session.counters.pings_lost == 0
        assert telemetry.summary().connected


async def test_a_peer_that_answers_its_pings_is_kept() -> None:
    async with (
        FakeAsterisk() as asterisk,
        listening(asterisk, ping_every_s=0.02, ping_deadline_s=0.5) as telemetry,
    ):
        await until(lambda: telemetry.session.counters.replies >= 5)  # the login's and four Pongs
        assert (telemetry.session.counters.pings_lost, telemetry.session.counters.logins) == (0, 1)


async def test_a_peer_that_is_silent_and_answers_no_ping_is_left() -> None:
    async with (
        FakeAsterisk(unanswered={"Ping"}) as asterisk,
        listening(asterisk, ping_every_s=0.02, ping_deadline_s=0.05) as telemetry,
    ):
        await until(lambda: telemetry.session.counters.pings_lost > 0)
        await until(lambda: telemetry.session.counters.logins > 1)


@pytest.mark.parametrize(
    "noise",
    [
        b"\r\n\r\n\r\n\r\n",
        b"Event: RTCPSent\r\n\r\n",
        b"Event: RTCP\r\nUniqueid: \r\n\r\n",
        b"\xff\xfe\x00Event: RTCPSent\r\nUniqueid: \xff\r\n\r\n",
        b"Response: Success\r\nActionID: nobody\r\n\r\n",
        event("Hangup", "Uniqueid: x"),
        rtcp("RTCPSent", leg="bad", Report0IAJitter="x" * 3000, Report0HighestSequence=-1),
        rtcp("RTCPSent", leg="bad", Filler="x" * 60_000),
        b"Event: RTCPSent\r\nUniqueid: half",
    ],
    ids=["empty", "headless", "no-such", "bytes", "stray", "other", "numbers", "huge", "half"],
)
async def test_noise_on_the_line_harms_no_report_after_it(noise: bytes) -> None:
    async with FakeAsterisk() as asterisk, listening(asterisk) as telemetry:
        asterisk.emit(noise)
        asterisk.emit(b"\r\n\r\n" + rtcp("RTCPSent", Report0HighestSequence=77))
        await until(lambda: sequence(telemetry) == 77)
        assert telemetry.session.counters.lost == 0


async def test_a_block_without_an_end_costs_one_connection_and_the_next_one_hears_again() -> None:
    async with FakeAsterisk() as asterisk, listening(asterisk) as telemetry:
        asterisk.emit(b"Event: RTCPSent\r\nFiller: " + b"x" * 100_000)
        await until(lambda: telemetry.session.counters.logins == 2)
        asterisk.emit(rtcp("RTCPSent", Report0HighestSequence=8))
        await until(lambda: sequence(telemetry) == 8)


async def test_a_mistake_of_ours_costs_a_turn_and_not_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeAsterisk() as asterisk, listening(asterisk) as telemetry:
        with monkeypatch.context() as patch:
            patch.setattr(telemetry._board, "sweep", lambda: 1 / 0)
            asterisk.emit(rtcp("RTCPSent", Report0HighestSequence=1))
            await until(lambda: telemetry.session.counters.handler_errors > 0)
        asterisk.emit(rtcp("RTCPSent", Report0HighestSequence=2))
        await until(lambda: sequence(telemetry) == 2)


async def test_a_refused_login_is_told_once_and_the_calls_do_not_notice(caplog: pytest.LogCaptureFixture) -> None:
    consumer = Consumer()
    with caplog.at_level(logging.INFO, logger=module.__name__):
        async with (
            FakeAsterisk() as asterisk,
            running(session_to(asterisk.port, consumer, limits=HASTY)) as calls,
            listening(asterisk, secret="wrong-secret-of-the-test", up=False, refused_backoff_s=0.01) as telemetry,
        ):
            await until(lambda: telemetry.session.counters.refused >= 3)
            assert not telemetry.summary().connected
            asterisk.emit(event("Hangup", "N: 1"))
            await until(lambda: len(consumer.events) == 1)
            assert calls.counters.lost == 0
    assert [record.getMessage() for record in caplog.records] == [
        "no telemetry from Asterisk: refused; calls go on without it"
    ]


async def test_a_lost_connection_comes_back_and_both_are_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger=module.__name__):
        async with FakeAsterisk() as asterisk, listening(asterisk) as telemetry:
            asterisk.emit(rtcp("RTCPSent", Report0HighestSequence=1))
            await until(lambda: sequence(telemetry) == 1)
            asterisk.cut()
            await until(lambda: telemetry.session.counters.logins == 2)
            assert sequence(telemetry) == 1, "what was known stays known for a while"
            asterisk.emit(rtcp("RTCPSent", Report0HighestSequence=2))
            await until(lambda: sequence(telemetry) == 2)
    assert [record.getMessage() for record in caplog.records][-1] == "telemetry is back"


async def test_closing_while_reports_pour_in_ends_at_once() -> None:
    async with FakeAsterisk() as asterisk:
        for _ in range(3):
            async with listening(asterisk) as telemetry:
                asterisk.emit(rtcp("RTCPSent") * 500)
                await until(lambda: telemetry.summary().events > 0)
