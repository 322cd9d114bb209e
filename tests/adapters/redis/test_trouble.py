"""What an admin reads when Redis is not as it should be: real servers, and things that are no Redis at all."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.exceptions import AuthenticationError, InvalidResponse, ResponseError

from router.adapters.redis.address import RedisAddress
from router.adapters.redis.presence import RedisPresence
from router.adapters.redis.trouble import remote_error
from router.domain.errors import RemoteError
from router.domain.ids import SECOND, AgentId
from router.ports import PresenceRow

pytest_plugins = ["tests.contracts.redis_servers"]

NOW = 1_790_000_000 * SECOND
SECRET = "s3cr3t-of-redis"
ROW = PresenceRow(
    agent_id=AgentId("agent-1001"),
    status="READY",
    reason=None,
    next_status=None,
    reach="REACHABLE",
    link="GOOD",
    work="idle",
    contact_id=None,
    since_at=NOW,
)


async def refusal(url: str, password: str | None = None) -> RemoteError:
    """What `store` says; `load` must say the same."""
    presence = RedisPresence(RedisAddress.parse(url, password=password))
    with pytest.raises(RemoteError) as stored:
        await presence.store([ROW], [], NOW)
    with pytest.raises(RemoteError) as loaded:
        await presence.load()
    await presence.close()

    assert stored.value.error_id == loaded.value.error_id
    assert SECRET not in f"{stored.value} {stored.value.details} {loaded.value}"
    assert stored.value.__suppress_context__
    return stored.value


@pytest.fixture(params=["redis", "valkey"])
def guarded(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server with a password and a user who may read only; gives `HOST:PORT`."""
    from tests.contracts.redis_servers import RedisServer

    reader = ("--user", "reader", "on", f">{SECRET}", "~ringfair:*", "+@read", "+@connection")
    server = RedisServer(request.param, "--requirepass", SECRET, *reader)
    try:
        server.start()
        yield f"127.0.0.1:{server.port}"
    finally:
        server.remove()


async def test_the_right_password_opens_and_a_wrong_or_missing_one_is_said(guarded: str) -> None:
    presence = RedisPresence(RedisAddress.parse(f"redis://{guarded}", password=SECRET))
    await presence.store([ROW], [], NOW)
    assert await presence.load() == (ROW,)
    await presence.close()

    for url in (f"redis://{guarded}", f"redis://:wrong@{guarded}", f"redis://nobody:{SECRET}@{guarded}"):
        error = await refusal(url)
        assert error.error_id == "redis-login"
        assert "redis.password_file" in error.message


async def test_a_user_without_the_right_to_write_is_told_so(guarded: str) -> None:
    presence = RedisPresence(RedisAddress.parse(f"redis://reader:{SECRET}@{guarded}"))
    assert await presence.load() == ()
    with pytest.raises(RemoteError) as refused:
        await presence.store([ROW], [], NOW)
    await presence.close()

    assert refused.value.error_id == "redis-refused"
    assert "ACL" in refused.value.message
    assert SECRET not in refused.value.message


@asynccontextmanager
async def something_else(greeting: bytes, answer: bytes) -> AsyncIterator[str]:
    """A server that is no Redis: it greets, then answers everything it is sent in the same way."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(greeting)
            while await reader.read(4096):
                writer.write(answer)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.parametrize(
    ("greeting", "answer", "error_id"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", b"", "redis-foreign"),
        (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", "redis-foreign"),
        (b"Asterisk Call Manager/11.0.0\r\n", b"", "redis-foreign"),
        (b"", b"\x00\xff\xfe" * 100, "redis-foreign"),
        (b"", b"", "redis-silent"),
        (b"", f"-ERR unknown command 'AUTH', with args: '{SECRET}'\r\n".encode(), "redis-refused"),
        (b"", f"-WRONGPASS {SECRET}\r\n".encode(), "redis-login"),
    ],
)
async def test_what_is_no_redis_is_named_as_such(greeting: bytes, answer: bytes, error_id: str) -> None:
    async with something_else(greeting, answer) as where:
        error = await refusal(f"redis://{where}", password=SECRET)

    assert error.error_id == error_id
    assert where in error.message


async def test_answers_of_the_wrong_shape_are_errors_and_not_crashes() -> None:
    for answer in (b":1\r\n" * 50, b"*-1\r\n" * 50, b"$3\r\nabc\r\n" * 50, b"+OK\r\n" * 50):
        async with something_else(b"", answer) as where:
            presence = RedisPresence(RedisAddress.parse(f"redis://{where}"))
            with pytest.raises(RemoteError):
                await presence.load()
            with pytest.raises(RemoteError):
                await presence.store([ROW], [], NOW)
            await presence.close()


async def test_nobody_there_tells_to_start_it_or_to_correct_the_url(tmp_path: Path) -> None:
    from tests.contracts.redis_servers import free_port

    for url in (f"redis://127.0.0.1:{free_port()}", f"unix://{tmp_path}/none.sock", "redis://host.invalid"):
        error = await refusal(url, password=SECRET)
        assert error.error_id in ("redis-unreachable", "redis-silent")
        assert error.retryable


@pytest.mark.server
async def test_a_foreign_certificate_is_refused_and_a_trusted_one_works(tmp_path: Path) -> None:
    from tests.contracts.redis_servers import RedisServer, free_port

    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(  # noqa: ASYNC221 - the loop has nothing else to do yet
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    key.chmod(0o644)
    port = free_port()
    server = RedisServer(
        "redis",
        *("--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key)),
        *("--tls-ca-cert-file", str(certificate), "--tls-auth-clients", "no"),
    )
    try:
        server.start()
        error = await refusal(f"rediss://127.0.0.1:{port}")
        assert error.error_id == "redis-unreachable"
        assert "certificate" in error.message

        presence = RedisPresence(RedisAddress.parse(f"rediss://127.0.0.1:{port}?ca_file={certificate}"))
        await presence.store([ROW], [], NOW)
        assert await presence.load() == (ROW,)
        await presence.close()
    finally:
        server.remove()


@pytest.mark.parametrize(
    ("failure", "error_id"),
    [
        (ResponseError("MISCONF Redis is configured to save"), "redis-refused"),
        (ResponseError("LOADING Redis is loading"), "redis-loading"),
        (ResponseError("READONLY You can't write"), "redis-read-only"),
        (ResponseError("Command # 2 (HSET x y) of pipeline caused error: NOPERM no"), "redis-refused"),
        (AuthenticationError("invalid"), "redis-login"),
        (InvalidResponse("?"), "redis-foreign"),
        (ConnectionResetError(104, "Connection reset by peer"), "redis-unreachable"),
        (TimeoutError(), "redis-silent"),
    ],
)
def test_each_failure_has_its_name(failure: Exception, error_id: str) -> None:
    assert remote_error(failure, RedisAddress.parse("redis://")).error_id == error_id
