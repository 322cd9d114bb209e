"""The life of a session: log-in, loss, silence, refusal, return. Against a fake manager over real TCP."""

import asyncio
import random
from dataclasses import replace

import pytest

from router.adapters.ami.limits import Limits
from router.adapters.ami.pending import Lost
from router.adapters.ami.session import AmiAddress, Session
from router.adapters.ami.wire import Block
from router.domain.errors import InvariantBroken

from .fake_server import HASTY, SECRET, Consumer, FakeAsterisk, event, running, session_to, until

ORIGINATE = {"Action": "Originate", "Channel": "PJSIP/agent-1001", "Async": "true"}
WATCHFUL = replace(HASTY, ping_every_s=0.05, ping_deadline_s=0.3)


async def test_events_of_a_session_come_in_order_after_up() -> None:
    consumer = Consumer()
    async with FakeAsterisk() as asterisk, running(session_to(asterisk.port, consumer)):
        asterisk.emit(b"".join(event("UserEvent", f"N: {n}") for n in range(500)))
        await until(lambda: len(consumer.events) == 500)
    assert consumer.story[0] == "up"
    assert [int(block["n"]) for block in consumer.events] == list(range(500))
    assert consumer.downs == ["closed"]


async def test_the_first_event_right_behind_the_logins_answer_is_not_lost() -> None:
    consumer = Consumer()
    asterisk = FakeAsterisk(
        answers={"Login": [("Response: Success", "ActionID: {id}"), ("Event: UserEvent", "N: first")]}
    )
    async with asterisk, running(session_to(asterisk.port, consumer)):
        await until(lambda: consumer.events)
    assert consumer.story[:2] == ["up", "UserEvent"]


async def test_events_before_the_login_is_answered_are_not_believed() -> None:
    consumer = Consumer()
    asterisk = FakeAsterisk(
        answers={"Login": [("Event: Hangup", "Cause: 16"), ("Response: Success", "ActionID: {id}")]}
    )
    async with asterisk, running(session_to(asterisk.port, consumer)):
        pass
    assert consumer.events == []


async def test_it_is_up_without_fully_booted() -> None:
    consumer = Consumer()
    async with FakeAsterisk() as asterisk, running(session_to(asterisk.port, consumer)) as session:
        assert (await session.send({"Action": "CoreSettings"}, 5)).ok
        assert session.connected
        assert session.version == "11.0.0"
        assert session.counters.logins == 1
    assert not session.connected


async def test_names_split_at_every_byte_of_the_socket_arrive_whole() -> None:
    consumer = Consumer()
    async with FakeAsterisk() as asterisk, running(session_to(asterisk.port, consumer)):
        data = event("Hangup", "CallerIDName: Zoë Ünal 東京 🎧", "Cause: 16")
        for size in range(1, len(data)):
            await asterisk.emit_in_pieces(data, size)
        await until(lambda: len(consumer.events) == len(data) - 1)
    assert {block["calleridname"] for block in consumer.events} == {"Zoë Ünal 東京 🎧"}


async def test_an_exception_of_the_consumer_costs_one_event_and_not_the_connection() -> None:
    consumer = Consumer()

    def touchy(block: Block) -> None:
        if block["n"] == "2":
            raise ValueError("a caller's number must not be quoted")
        consumer.on_event(block)

    async with (
        FakeAsterisk() as asterisk,
        running(session_to(asterisk.port, consumer, on_event=touchy)) as session,
    ):
        asterisk.emit(b"".join(event("UserEvent", f"N: {n}") for n in range(6)))
        await until(lambda: len(consumer.events) == 5)
        assert [type(fault) for fault in consumer.faults] == [ValueError]
        assert session.counters.handler_errors == 1
        assert session.connected
        assert asterisk.connections == 1


async def test_exceptions_in_up_down_and_the_fault_hook_itself_are_survived(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def angry(*_: object) -> None:
        raise RuntimeError("+15550100 in a message")

    async with FakeAsterisk() as asterisk:
        session = Session(
            AmiAddress("127.0.0.1", asterisk.port, "ringfair", SECRET),
            wanted=frozenset({"UserEvent"}),
            on_event=angry,
            on_up=angry,
            on_down=angry,
            on_fault=angry,
            limits=HASTY,
        )
        async with running(session):
            asterisk.emit(event("UserEvent"))
            await until(lambda: session.counters.handler_errors == 2)
            asterisk.cut()
            await until(lambda: session.counters.logins == 2)
        assert session.counters.handler_errors == 5
    assert "+15550100" not in caplog.text
    assert "RuntimeError" in caplog.text


async def test_a_lost_connection_fails_what_is_in_flight_at_once_and_repeats_nothing() -> None:
    consumer = Consumer()
    async with FakeAsterisk(unanswered={"Originate"}) as asterisk:
        async with running(session_to(asterisk.port, consumer)) as session:
            future = session.send(ORIGINATE, 600)
            await until(lambda: asterisk.actions("Originate"))
            asterisk.cut()
            with pytest.raises(Lost) as lost:
                await asyncio.wait_for(future, 10)
            assert lost.value.details["written"] is True
            assert not lost.value.retryable
            assert session.in_flight == 0
            await until(lambda: consumer.ups == 2)
            asterisk.emit(event("FullyBooted"))
            assert (await session.send({"Action": "CoreStatus"}, 10)).ok
        assert [action.connection for action in asterisk.actions("Originate")] == [1]
    assert [action.action for action in asterisk.received] == [
        "Login",
        "Originate",
        "Login",
        "CoreStatus",
        "Logoff",
    ]
    assert consumer.story == ["up", "down lost", "up", "down closed"]


async def test_a_connection_closed_in_the_middle_of_a_block_gives_no_half_event() -> None:
    consumer = Consumer()
    async with FakeAsterisk() as asterisk, running(session_to(asterisk.port, consumer)):
        asterisk.emit(event("UserEvent", "N: 1") + event("Hangup", "Cause: 16")[:-5])
        await until(lambda: consumer.events)
        asterisk.cut()
        await until(lambda: consumer.ups == 2)
        asterisk.emit(event("UserEvent", "N: 2"))
        await until(lambda: len(consumer.events) == 2)
    assert [block["n"] for block in consumer.events] == ["1", "2"]


async def test_without_a_session_an_action_is_refused_and_not_kept() -> None:
    consumer = Consumer()
    async with FakeAsterisk() as asterisk:
        session = session_to(asterisk.port, consumer)
        with pytest.raises(Lost) as before:
            session.send(ORIGINATE, 1)
        assert before.value.retryable
        async with running(session):
            pass
        with pytest.raises(Lost):
            session.send(ORIGINATE, 1)
        assert asterisk.actions("Originate") == []


async def test_a_half_open_peer_is_found_by_ping_and_left() -> None:
    consumer = Consumer()
    async with (
        FakeAsterisk() as asterisk,
        running(session_to(asterisk.port, consumer, limits=WATCHFUL)) as session,
    ):
        await until(lambda: len(asterisk.actions("Ping")) >= 2)
        asterisk.freeze()
        waiting = session.send(ORIGINATE, 600)
        await until(lambda: "half-open" in consumer.downs)
        with pytest.raises(Lost):
            await waiting
        assert session.counters.pings_lost == 1
        asterisk.unanswered.clear()
        await until(lambda: consumer.ups >= 2)


async def test_a_peer_that_sends_events_but_never_answers_is_left_too() -> None:
    consumer = Consumer()
    async with (
        FakeAsterisk(unanswered={"Ping"}) as asterisk,
        running(session_to(asterisk.port, consumer, limits=WATCHFUL)),
    ):
        while not consumer.downs:
            asterisk.emit(event("UserEvent"))
            await asyncio.sleep(0.01)
    assert consumer.downs[0] == "half-open"


async def test_a_connection_lost_while_logging_in_or_pinging_is_known_before_any_deadline() -> None:
    limits = replace(HASTY, login_s=600, ping_every_s=0.01, ping_deadline_s=600)
    consumer = Consumer()
    async with (
        FakeAsterisk(close_after={"Login"}, unanswered={"Ping"}) as asterisk,
        running(session_to(asterisk.port, consumer, limits=limits), up=False) as session,
    ):
        await until(lambda: consumer.downs)
        assert consumer.downs[0] == "lost"
        asterisk.close_after.clear()
        await until(lambda: asterisk.actions("Ping"))
        assert session.connected
        consumer.story.clear()
        asterisk.cut()
        await until(lambda: consumer.downs == ["lost"])


async def test_a_refused_login_is_a_state_with_a_reason_and_a_long_pause(
    caplog: pytest.LogCaptureFixture,
) -> None:
    consumer = Consumer()
    async with (
        FakeAsterisk() as asterisk,
        running(session_to(asterisk.port, consumer, secret="wrong-secret"), up=False) as session,
    ):
        await until(lambda: consumer.downs)
        assert session.refused == "Authentication failed"
        assert consumer.downs[0] == "refused: Authentication failed"
        assert (session.counters.refused, session.counters.logins) == (1, 0)
        assert not session.connected
        await until(lambda: asterisk.refusals == 2)
        asterisk.secret = "wrong-secret"
        await until(lambda: session.connected)
        assert session.refused is None
    assert "wrong-secret" not in caplog.text
    assert "refused" in caplog.text


def test_the_pause_after_a_refused_login_is_never_below_half_a_minute() -> None:
    session = session_to(1, Consumer(), limits=Limits())
    for failures in range(40):
        delay = session._backoff(failures, "refused: Authentication failed")
        assert 30 <= delay <= 37.5


def test_other_pauses_grow_with_jitter_up_to_a_bound() -> None:
    session = session_to(1, Consumer(), limits=Limits())
    for failures in (0, 1, 3, 6, 1000):
        top = min(15.0, 0.25 * 2.0 ** min(failures, 30))
        delays = [session._backoff(failures, "lost") for _ in range(200)]
        assert all(top / 2 <= delay <= top for delay in delays)
        assert len(set(delays)) > 150


async def test_an_asterisk_that_is_away_is_tried_again_until_it_is_back() -> None:
    consumer = Consumer()
    asterisk = FakeAsterisk()
    await asterisk.listen()
    await asterisk.stop()
    async with running(session_to(asterisk.port, consumer), up=False) as session:
        await until(lambda: session.counters.attempts >= 3)
        assert set(consumer.downs) == {"unreachable: ConnectionRefusedError"}
        async with asterisk:
            await until(lambda: session.connected)


@pytest.mark.parametrize("host", ["ringfair..invalid", "x" * 70 + ".invalid", "a\0b"])
async def test_a_host_name_that_cannot_be_does_not_end_the_tries(host: str) -> None:
    consumer = Consumer()
    async with running(session_to(5038, consumer, host=host), up=False) as session:
        await until(lambda: session.counters.attempts >= 3, within_s=30)
    assert all(reason.startswith(("unreachable: ", "closed")) for reason in consumer.downs)


@pytest.mark.parametrize(
    "banner", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\r\n", b"Asterisk\r\n", b"HTTP/1.1 400" + b"x" * 4096]
)
async def test_the_secret_is_not_given_to_something_that_is_no_asterisk(banner: bytes) -> None:
    consumer = Consumer()
    async with FakeAsterisk(banner=banner) as asterisk:
        async with running(session_to(asterisk.port, consumer), up=False):
            await until(lambda: consumer.downs)
        assert asterisk.received == []
    assert consumer.downs[0] == "no-asterisk"


async def test_a_peer_that_says_nothing_is_left_after_the_deadline() -> None:
    consumer = Consumer()
    for asterisk in (FakeAsterisk(banner=b""), FakeAsterisk(unanswered={"Login"})):
        limits = replace(HASTY, login_s=0.1, stall_grace_s=0.05)
        async with asterisk, running(session_to(asterisk.port, consumer, limits=limits), up=False):
            await until(lambda: consumer.downs)
        assert set(consumer.downs) <= {"silent", "closed"}
        assert consumer.downs[0] == "silent"
        consumer.story.clear()


async def test_close_while_waiting_to_reconnect_ends_the_tries() -> None:
    consumer = Consumer()
    asterisk = FakeAsterisk()
    await asterisk.listen()
    await asterisk.stop()
    limits = replace(HASTY, first_backoff_s=600, max_backoff_s=600)
    session = session_to(asterisk.port, consumer, limits=limits)
    task = asyncio.ensure_future(session.run())
    await until(lambda: consumer.downs)
    await asyncio.wait_for(session.close(), 5)
    await asyncio.wait_for(task, 5)
    assert session.counters.attempts == 1


async def test_close_and_cancel_fail_what_is_in_flight_and_are_harmless_twice() -> None:
    for way in ("close", "cancel"):
        consumer = Consumer()
        async with FakeAsterisk(unanswered={"Originate"}) as asterisk:
            session = session_to(asterisk.port, consumer)
            task = asyncio.ensure_future(session.run())
            await until(lambda: session.connected)  # noqa: B023 - awaited inside the turn
            future = session.send(ORIGINATE, 600)
            if way == "close":
                await asyncio.gather(session.close(), session.close())
                await asyncio.wait_for(task, 5)
                await until(lambda: asterisk.actions("Logoff"))
            else:
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asyncio.wait_for(task, 5)
            with pytest.raises(Lost):
                await asyncio.wait_for(future, 5)
            await session.close()
            assert consumer.downs == ["closed"]
            assert session.counters.lost == 0


async def test_a_session_does_not_run_twice_at_once() -> None:
    async with FakeAsterisk() as asterisk, running(session_to(asterisk.port, Consumer())) as session:
        with pytest.raises(InvariantBroken):
            await session.run()
        assert session.connected


async def test_hooks_are_called_once_an_event_however_often_it_reconnected() -> None:
    consumer = Consumer()
    async with FakeAsterisk() as asterisk, running(session_to(asterisk.port, consumer)) as session:
        for round_ in range(1, 5):
            asterisk.emit(event("UserEvent"))
            await until(lambda: len(consumer.events) == round_)  # noqa: B023 - awaited inside the turn
            asterisk.cut()
            await until(lambda: consumer.ups == round_ + 1)  # noqa: B023 - awaited inside the turn
        assert session.counters.lost == 4
    assert len(consumer.events) == 4


async def test_the_last_event_is_timed_by_the_sessions_clock_and_kept_over_a_loss() -> None:
    consumer = Consumer()
    async with FakeAsterisk() as asterisk, running(session_to(asterisk.port, consumer)) as session:
        before = session._clock()
        asterisk.emit(event("NobodyWantsThis"))
        await until(lambda: session.counters.unwanted)
        seen = session.last_event_at
        assert seen is not None
        assert before <= seen <= session._clock()
        asterisk.cut()
        await until(lambda: consumer.downs)
        assert session.last_event_at is not None
        assert session.last_event_at >= seen


async def test_an_answer_is_heard_as_an_event_is() -> None:
    async with FakeAsterisk() as asterisk, running(session_to(asterisk.port, Consumer())) as session:
        before = session._clock()
        assert (await session.send({"Action": "CoreSettings"}, 5)).ok
        assert session.counters.events == 0
        assert session.last_event_at is not None
        assert before <= session.last_event_at <= session._clock()


def test_back_off_of_two_routers_differs_by_their_dice() -> None:
    address = AmiAddress("127.0.0.1", 5038, "ringfair", SECRET)
    consumer = Consumer()
    sessions = [
        Session(
            address,
            wanted=frozenset(),
            on_event=consumer.on_event,
            on_up=consumer.on_up,
            on_down=consumer.on_down,
            rng=random.Random(seed),
        )
        for seed in (1, 2, 1)
    ]
    one, other, same = (session._backoff(4, "lost") for session in sessions)
    assert one == same != other
