"""The two doors: 127.0.0.1:9580 for reading, a unix socket (mode 0660) for reading and orders.

Rule 1: TCP is bound to the loopback only. There is no log-in yet, so anything wider is refused at the start.
Rule 2: a browser on this machine is no friend: a page of anywhere could have its own name resolve to 127.0.0.1 and
  read us. So over TCP the `Host` must be a name of this machine's loopback.
Rule 3: nobody holds a connection for nothing: 30 s to send a request's head, 5 s for its body, both small.
"""

import asyncio
import ipaddress
import logging
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from router.adapters.http.orders import PATHS, Orders, not_here
from router.adapters.http.questions import METRICS_TYPE, Questions
from router.adapters.http.refusals import refusals
from router.domain.errors import CommandRefused, ConfigError, Fault, RemoteError
from router.ports import Desk

LARGEST_BODY = 64 * 1024
IDLE_S = 30.0
GRACE_S = 1.0
SOCKET_MODE = 0o660

_log = logging.getLogger("router.http.doors")


def _is_ours(line: logging.LogRecord) -> bool:
    """aiohttp tells every malformed request as an error with a traceback: noise that any visitor can make."""
    return not (line.exc_info and isinstance(line.exc_info[1], HttpProcessingError))


_log.addFilter(_is_ours)


class HttpServer:
    """Both doors of one desk. `control` is the socket's path, None for none; `port` 0 takes a free one."""

    def __init__(
        self,
        desk: Desk,
        scrape: Callable[[], Awaitable[bytes]],
        *,
        host: str = "127.0.0.1",
        port: int = 9580,
        control: Path | None = None,
        metrics_type: str = METRICS_TYPE,
    ) -> None:
        self.host = loopback(host)
        self.port = port
        self._control = control
        self._desk = desk
        self._questions = Questions(desk, scrape, metrics_type)
        self._runners: list[web.AppRunner] = []
        self._bound: tuple[int, int] | None = None
        "Device and inode of our socket's file: a successor's is not ours to remove."

    async def start(self) -> None:
        """Open both doors, or neither. Raises `RemoteError` when one is taken."""
        try:
            if self._control is not None:
                listening = bind_control(self._control)
                found = os.stat(self._control)
                self._bound = (found.st_dev, found.st_ino)
                try:
                    runner = await self._runner(self._control_app())
                    await _ControlSite(runner, listening).start()
                except BaseException:
                    listening.close()
                    raise
            runner = await self._runner(self._tcp_app())
            await self._listen(runner)
        except BaseException:
            await self.stop()
            raise

    async def _listen(self, runner: web.AppRunner) -> None:
        site = web.TCPSite(runner, self.host, self.port, reuse_address=True)
        try:
            await site.start()
        except OSError as error:
            raise RemoteError(
                "http-port-taken",
                f"Cannot listen on {self.host}:{self.port} ({os.strerror(error.errno or 0)}). "
                "Stop the other program or set `http.port` in ringfair.toml.",
            ) from None
        self.port = site.port

    async def stop(self) -> None:
        """Close both doors; what is being answered gets a moment to end."""
        runners, self._runners = self._runners, []
        await asyncio.gather(*(runner.cleanup() for runner in runners))
        if self._control is not None and self._bound is not None:
            with suppress(OSError):
                found = os.stat(self._control)
                if (found.st_dev, found.st_ino) == self._bound:
                    self._control.unlink()
        self._bound = None

    async def _runner(self, app: web.Application) -> web.AppRunner:
        runner = web.AppRunner(
            app,
            access_log=None,
            logger=_log,
            auto_decompress=False,
            keepalive_timeout=IDLE_S,
            lingering_time=2.0,
            shutdown_timeout=GRACE_S,
            max_line_size=4096,
            max_field_size=8190,
            max_headers=64,
        )
        await runner.setup()
        self._runners.append(runner)
        return runner

    def _tcp_app(self) -> web.Application:
        app = web.Application(middlewares=[refusals, _only_loopback_names], client_max_size=LARGEST_BODY)
        app.add_routes(self._questions.routes())
        app.add_routes([web.post(path, not_here) for path in PATHS])
        app.on_response_prepare.append(_anonymous)
        return app

    def _control_app(self) -> web.Application:
        app = web.Application(middlewares=[refusals], client_max_size=LARGEST_BODY)
        app.add_routes(self._questions.routes())
        app.add_routes(Orders(self._desk).routes())
        app.on_response_prepare.append(_anonymous)
        return app


class _ControlSite(web.BaseSite):
    """Serves a unix socket that is bound already: its mode must be right before anybody can connect."""

    def __init__(self, runner: web.AppRunner, listening: socket.socket) -> None:
        super().__init__(runner)
        self._listening = listening

    @property
    def name(self) -> str:
        return "control socket"

    async def start(self) -> None:
        await super().start()
        server = self._runner.server
        if server is not None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_unix_server(server, sock=self._listening, backlog=32)


def loopback(host: str) -> str:
    """Check that an address reaches this machine only. Raises `ConfigError`."""
    address = "127.0.0.1" if host == "localhost" else host
    try:
        if ipaddress.ip_address(address).is_loopback:
            return address
    except ValueError:
        pass
    raise ConfigError(
        [
            Fault(
                file="ringfair.toml",
                key="http.host",
                value=host[:100],
                expected="an address of the loopback (127.0.0.1, ::1): there is no log-in yet, so nobody else may ask",
            )
        ]
    )


def bind_control(path: Path) -> socket.socket:
    """Bind the control socket, taking the place of one that a dead router left. Raises `RemoteError`."""
    try:
        _clear_the_way(path)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.setblocking(False)
            # for the moment between bind and chmod nobody but us may connect
            before = os.umask(0o177)
            try:
                listening.bind(str(path))
            finally:
                os.umask(before)
            os.chmod(path, SOCKET_MODE)
        except BaseException:
            listening.close()
            raise
    except (OSError, ValueError) as error:
        why = os.strerror(error.errno or 0) if isinstance(error, OSError) and error.errno else str(error)
        raise RemoteError(
            "control-socket-failed",
            f"Cannot make the control socket {path} ({why}). Its directory must exist and be ours.",
        ) from None
    return listening


def _clear_the_way(path: Path) -> None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise RemoteError("control-socket-failed", f"{path} is there already and is no socket; it is left alone.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except FileNotFoundError:
            return
        except TimeoutError:
            pass
    raise RemoteError("control-socket-taken", f"Another router listens on {path}.")


@web.middleware
async def _only_loopback_names(request: web.Request, handler: Handler) -> web.StreamResponse:
    host = request.headers.get("Host")
    if host is not None:
        name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
        try:
            local = name.lower() == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
        except ValueError:
            local = False
        if not local:
            raise CommandRefused("host-refused", "Ask for 127.0.0.1 or localhost: this is no public server.")
    return await handler(request)


async def _anonymous(_: web.Request, response: web.StreamResponse) -> None:
    """Whoever asks need not know which version of which library answers."""
    response.headers["Server"] = "ringfair"
