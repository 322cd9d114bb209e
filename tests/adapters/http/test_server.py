"""The doors themselves: where they are, who may come in, and what a hostile visitor can do (nothing)."""

import asyncio
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
import uvloop

from router.adapters.http.server import HttpServer
from router.domain.errors import ConfigError, RemoteError
from tests.adapters.http.conftest import Served, scrape
from tests.fakes.desk import FakeDesk, an_agent


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "192.0.2.1", "example.org", "127.0.0.1.example.org", "::ffff:192.0.2.1"]
)
def test_binding_elsewhere_than_the_loopback_is_a_fault_of_the_configuration(host: str) -> None:
    with pytest.raises(ConfigError) as refused:
        HttpServer(FakeDesk(), scrape, host=host)

    (fault,) = refused.value.faults
    assert (fault.key, fault.value) == ("http.host", host)
    assert "no log-in yet" in fault.expected


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
async def test_the_loopback_is_served(host: str) -> None:
    server = HttpServer(FakeDesk(), scrape, host=host, port=0)
    await server.start()
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{server.host}:{server.port}/healthz") as response,
        ):
            assert response.status == 200
    finally:
        await server.stop()


async def test_the_control_socket_is_for_its_owner_and_group_and_goes_with_us(served: Served) -> None:
    mode = served.control.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660

    await served.server.stop()
    assert not served.control.exists()


async def test_a_socket_left_by_a_dead_router_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = HttpServer(FakeDesk(), scrape, port=0, control=path)
    await server.start()
    connector = aiohttp.UnixConnector(str(path))
    async with aiohttp.ClientSession(connector=connector) as session, session.get("http://localhost/healthz") as said:
        assert said.status == 200
    await server.stop()


async def test_a_living_routers_socket_and_a_foreign_file_are_left_alone(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "precious"
    file.write_text("notes")
    for path, error_id in (
        (served.control, "control-socket-taken"),
        (file, "control-socket-failed"),
        (tmp_path, "control-socket-failed"),
        (tmp_path / "missing" / "control.sock", "control-socket-failed"),
        (tmp_path / ("x" * 120), "control-socket-failed"),
    ):
        second = HttpServer(FakeDesk(), scrape, port=0, control=path)
        with pytest.raises(RemoteError) as refused:
            await second.start()
        assert refused.value.error_id == error_id

    assert file.read_text() == "notes"
    assert (await served.order("/v1/reload"))[0] == 200


async def test_a_router_that_stops_late_does_not_take_its_successors_socket_away(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    old = HttpServer(FakeDesk(), scrape, port=0, control=path)
    await old.start()
    path.unlink()
    new = HttpServer(FakeDesk(), scrape, port=0, control=path)
    await new.start()
    await old.stop()
    assert path.exists()
    await new.stop()


async def test_a_taken_port_is_said_and_leaves_nothing_behind(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "second.sock"
    second = HttpServer(FakeDesk(), scrape, port=served.server.port, control=path)
    with pytest.raises(RemoteError) as refused:
        await second.start()

    assert refused.value.error_id == "http-port-taken"
    assert str(served.server.port) in refused.value.message
    assert not path.exists()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:9580", 200),
        ("LOCALHOST", 200),
        ("[::1]:9580", 200),
        ("evil.example", 403),
        ("evil.example:9580", 403),
        ("127.0.0.1.evil.example", 403),
        ("192.0.2.1", 403),
        ("", 403),
        (":", 403),
        ("[", 403),
    ],
)
async def test_a_page_that_calls_us_by_a_name_of_its_own_is_refused(served: Served, host: str, status: int) -> None:
    async with served.tcp.get(served.url + "/v1/agents", headers={"Host": host}) as response:
        assert response.status == status
        assert "Access-Control-Allow-Origin" not in response.headers


def exchange(served: Served, sent: bytes) -> bytes:
    """Send bytes as they are and read to the end."""
    answer = b""
    with served.raw() as visitor:
        visitor.sendall(sent)
        visitor.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while piece := visitor.recv(65536):
                answer += piece
    return answer


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 1_000 + b"\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX\x00: a\r\n\r\n",
        b"POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/reload HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"Action: Login\r\nUsername: ringfair\r\n\r\n",
        b"\r\n" * 1_000,
        b"\x00" * 10_000,
    ],
)
async def test_what_is_no_request_is_turned_away_quietly_and_the_next_one_is_answered(
    served: Served, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await asyncio.to_thread(exchange, served, sent)

    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
    assert (await served.get("/healthz"))[0] == 200
    assert served.desk.config_hash == "c0ffee"
    assert not caplog.records


async def test_visitors_who_never_finish_their_question_hold_nobody_up(served: Served) -> None:
    idle = [await asyncio.to_thread(served.raw) for _ in range(200)]
    try:
        for visitor in idle:
            visitor.sendall(b"GET /healthz HTTP/1.1\r\nHost: loc")
        assert (await served.get("/healthz"))[0] == 200
    finally:
        for visitor in idle:
            visitor.close()


async def test_unknown_paths_answer_in_the_same_form(served: Served) -> None:
    for path in ("/", "/v1", "/v1/agents/", "/v2/agents", "/static/../../etc/passwd", "/%2e%2e/%2e%2e"):
        status, said = await served.get(path)
        assert (status, said["error_id"]) == (404, "path-unknown")


async def test_a_question_under_way_does_not_hold_up_the_end(served: Served) -> None:
    served.desk.held = asyncio.Event()
    question = asyncio.get_running_loop().create_task(served.get("/v1/records"))
    async with asyncio.timeout(5):
        while not served.desk.waiting:  # noqa: ASYNC110 - the other end of a socket sets it
            await asyncio.sleep(0.001)
    async with asyncio.timeout(15):
        await served.server.stop()
        with suppress(aiohttp.ClientError):
            await question


def test_both_doors_work_under_uvloop_with_the_asker_known(tmp_path: Path) -> None:
    async def story() -> list[str]:
        desk = FakeDesk(agents={"agent-1001": an_agent("agent-1001")})
        path = tmp_path / "control.sock"
        server = HttpServer(desk, scrape, port=0, control=path)
        await server.start()
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as unix,
            unix.post("http://localhost/v1/agents/agent-1001/login") as response,
        ):
            assert response.status == 200
        url = f"http://127.0.0.1:{server.port}/v1/agents"
        async with aiohttp.ClientSession() as tcp, tcp.get(url) as response:
            assert (await response.json())["items"][0]["status"] == "READY"
        await server.stop()
        return desk.asked_by

    assert uvloop.run(story()) == [f"control:uid={os.getuid()}"]


async def test_who_does_not_finish_asking_is_shown_the_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.adapters.http.server.IDLE_S", 0.2)
    server = HttpServer(FakeDesk(), scrape, port=0)
    await server.start()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow:")
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()
    finally:
        await server.stop()


async def test_a_body_that_never_comes_is_waited_for_only_so_long(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.adapters.http.asked.BODY_S", 0.2)
    reader, writer = await asyncio.open_unix_connection(str(served.control))
    writer.write(b"POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{")
    async with asyncio.timeout(10):
        assert b" 408 " in await reader.readline()
    writer.close()

    assert served.desk.config_hash == "c0ffee"
