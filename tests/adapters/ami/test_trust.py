"""What a session lets out: bounded actions, no foreign header, the secret to nobody but a proven Asterisk."""

import asyncio
import logging
import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from router.adapters.ami.wire import BadValue, Block
from router.domain.errors import Overloaded, RemoteError

from .fake_server import HASTY, SECRET, Consumer, FakeAsterisk, running, session_to, until

ORIGINATE = {"Action": "Originate", "Channel": "PJSIP/agent-1001", "Async": "true"}


async def test_actions_in_flight_are_bounded() -> None:
    consumer = Consumer()
    limits = replace(HASTY, in_flight=5)
    async with FakeAsterisk(unanswered={"Originate"}) as asterisk:
        async with running(session_to(asterisk.port, consumer, limits=limits)) as session:
            futures = [session.send(ORIGINATE, 600) for _ in range(5)]
            with pytest.raises(Overloaded) as full:
                session.send(ORIGINATE, 600)
            assert full.value.details["limit"] == 5
            futures[0].cancel()
            await until(lambda: session.in_flight == 4)
            futures.append(session.send({"Action": "CoreStatus"}, 10))
            assert (await futures[-1]).ok
        assert len(asterisk.actions("Originate")) == 5


async def test_a_peer_that_does_not_read_gets_no_more_than_a_buffer_full() -> None:
    consumer = Consumer()
    limits = replace(HASTY, in_flight=10**9)
    async with (
        FakeAsterisk() as asterisk,
        running(session_to(asterisk.port, consumer, limits=limits)) as session,
    ):
        asterisk.freeze()
        action = {"Action": "UserEvent", "Filler": ["x" * 1000] * 100}
        sent = 0
        try:
            while sent < 1000:
                session.send(action, 600)
                sent += 1
                await asyncio.sleep(0)
        except Overloaded:
            pass
        assert 0 < sent < 1000


async def test_a_caller_with_line_breaks_in_the_name_never_reaches_the_wire() -> None:
    consumer = Consumer()
    async with FakeAsterisk() as asterisk, running(session_to(asterisk.port, consumer)) as session:
        with pytest.raises(BadValue):
            session.send({**ORIGINATE, "CallerID": "Zoë\r\nAction: Hangup"}, 5)
        assert session.in_flight == 0
        assert (await session.send({"Action": "CoreStatus"}, 5)).ok
        assert [action.action for action in asterisk.received] == ["Login", "CoreStatus"]


def test_a_secret_that_would_inject_a_header_is_refused_when_the_session_is_made() -> None:
    with pytest.raises(BadValue) as refused:
        session_to(5038, Consumer(), secret="pass\r\nAction: Command")
    assert "pass" not in str(refused.value)


def test_coroutine_callbacks_are_refused_because_tasks_lose_the_order() -> None:
    async def slow(_: Block) -> None: ...

    with pytest.raises(TypeError):
        session_to(5038, Consumer(), on_event=slow)  # type: ignore[arg-type]


async def test_the_secret_is_in_no_log_line_and_no_text_form(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    consumer = Consumer()
    async with FakeAsterisk(close_after={"Originate"}) as asterisk:
        async with running(session_to(asterisk.port, consumer)) as session:
            future = session.send({**ORIGINATE, "CallerID": "+15550100"}, 5)
            with pytest.raises(RemoteError) as lost:
                await future
            await until(lambda: consumer.ups == 2)
            text = f"{session!r} {session._address!r} {lost.value!r} {lost.value.details}"
        assert asterisk.actions("Login")[0]["Secret"] == SECRET
    assert SECRET not in caplog.text + text
    assert "+15550100" not in caplog.text + text


async def test_tls_is_verified_and_an_unknown_certificate_never_sees_the_secret(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    make += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(make, check=True, capture_output=True)  # noqa: ASYNC221 - the test has nothing else to do
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    consumer = Consumer()
    async with FakeAsterisk(tls=server) as asterisk:
        trusting = ssl.create_default_context(cafile=str(certificate))
        async with running(session_to(asterisk.port, consumer, tls=trusting)) as session:
            assert (await session.send({"Action": "CoreStatus"}, 5)).ok
        before = len(asterisk.received)
        async with running(session_to(asterisk.port, consumer, tls=ssl.create_default_context()), up=False):
            await until(lambda: "unreachable: SSLCertVerificationError" in consumer.downs)
        assert len(asterisk.received) == before
