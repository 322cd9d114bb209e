"""The servers of the demo: Asterisk and Valkey of their own, the router as a process of its own, brought up and ended.

Whatever is started is ended by its pid, on success, failure and Ctrl-C alike; what a demo left that was killed
outright is ended by the next one. A lock keeps two demos apart.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from deploy.demo.cast import Agent
from deploy.demo.site import SiteFiles, write_site
from deploy.demo.steps import Screen, in_thread
from router.adapters.pbx.addresses import Ports, free_tcp_port, is_free
from router.adapters.pbx.daemon import stop_process
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import Root
from router.adapters.pbx.valkey import Valkey
from router.config import Site, load
from tests.telephones.workshop import TelephoneError, until

RINGFAIR = Path(sys.executable).with_name("ringfair")
_HTTP_PORT = 9580
_READY_S, _STOP_S, _COMMAND_S = 30.0, 15.0, 60.0


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


def environment() -> dict[str, str]:
    """Ours for commands, without what would point them at another site or give them other secrets."""
    return {key: value for key, value in os.environ.items() if not key.startswith("RINGFAIR_")}


class Occupied(DemoError):
    """Another demo is running."""


class Premises:
    """The servers. Each `open_…` has its `close_…`, which does nothing when there is nothing to close."""

    def __init__(self, root: Root, home: Path, name: str, screen: Screen) -> None:
        self.root = root
        self.home = home
        self.name = name
        self._screen = screen
        self.pbx = Instance(name, root=root)
        self.valkey = Valkey(name, root=root)
        self.files = SiteFiles(home)
        self.site: Site | None = None
        self._router: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other demos away. Raises Occupied when there is one."""
        with contextlib.ExitStack() as held:
            for path in (self.home.with_suffix(".lock"), self.root.state / f"{self.name}.lock"):
                path.parent.mkdir(parents=True, exist_ok=True)
                lock = held.enter_context(open(path, "w"))
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise Occupied("Another `make demo` is running here; end it with Ctrl-C first.") from None
            yield

    def clear(self) -> bool:
        """End what a killed demo left behind. Call with the lock held; says whether there was something."""
        left = stop_process(self.files.router_pid, str(self.home), deadline_s=_STOP_S, what="the router of a demo")
        left |= self.pbx.pid is not None or self.valkey.pid is not None
        self.pbx.remove()
        self.valkey.remove()
        ports = Ports()
        # The same numbers each time are easier to type into a softphone; somebody else may have them.
        self.pbx.ports = Ports.free(rtp_ports=2000) if ports.taken(self.pbx.address) else ports
        return left

    # ---- Asterisk, Valkey ----

    async def open_asterisk(self) -> str:
        """Start it; returns its version."""
        await in_thread(self.pbx.start)
        found = await in_thread(self.pbx.status)
        return found.version if found else "unknown"

    async def close_asterisk(self) -> None:
        await in_thread(self.pbx.remove)

    async def open_valkey(self) -> None:
        await in_thread(self.valkey.start)

    async def close_valkey(self) -> None:
        await in_thread(self.valkey.remove)

    # ---- the site and its agents ----

    def write_site(self, agents: Sequence[Agent]) -> Site:
        http = _HTTP_PORT if is_free(socket.SOCK_STREAM, "127.0.0.1", _HTTP_PORT) else free_tcp_port()
        write_site(self.home, self.pbx, self.valkey, http, agents)
        self.site = load(self.home, environment())
        return self.site

    async def command(self, *arguments: str) -> str:
        """Run `ringfair …` on the demo's site; its stdout. Raises DemoError with what it said."""
        process = await asyncio.create_subprocess_exec(
            *[str(RINGFAIR), *arguments, "--config", str(self.home)],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
        )
        try:
            out, errors = await asyncio.wait_for(process.communicate(), _COMMAND_S)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        if process.returncode:
            raise DemoError(f"ringfair {' '.join(arguments)}: {errors.decode(errors='replace').strip()[-1500:]}")
        return out.decode()

    async def enrol(self) -> dict[str, str]:
        """Put the agents into the directory and Asterisk; their passwords by agent."""
        added = json.loads(await self.command("agent", "import", str(self.files.roster), "--json"))
        await self.command("export", "pjsip", "--out", str(self.pbx.agents_file))
        await in_thread(self.pbx.reload)
        return {str(entry["agent_id"]): str(entry["password"]) for entry in added}

    # ---- the router ----

    async def open_router(self) -> int:
        """Start `ringfair serve` and wait until it is ready; its pid."""
        with self.files.log.open("wb") as log:
            self._router = await asyncio.create_subprocess_exec(
                *[str(RINGFAIR), "serve", "--config", str(self.home), "--log-level", "debug"],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
                start_new_session=True,  # Ctrl-C is for the demo, which then stops the router in its turn
            )
        self.files.router_pid.write_text(f"{self._router.pid}\n")
        assert self.site is not None
        connector = aiohttp.UnixConnector(self.site.settings.http.control_socket)
        self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=5))
        try:
            await until("the router to be ready", self._is_ready, _READY_S)
        except TelephoneError as error:
            raise DemoError(f"{error}; its log: {self.log_tail()}") from None
        return self._router.pid

    async def _is_ready(self) -> bool:
        assert self._router is not None
        if self._router.returncode is not None:
            raise DemoError(f"the router ended with {self._router.returncode}: {self.log_tail()}")
        with contextlib.suppress(aiohttp.ClientError, OSError):
            await self.ask("/readyz")
            return True
        return False

    async def ask(self, path: str) -> Any:
        """What the router answers to GET. Raises aiohttp.ClientError."""
        assert self._session is not None
        async with self._session.get(f"http://router{path}", raise_for_status=True) as answer:
            return await answer.json()

    async def items(self, path: str) -> list[dict[str, Any]]:
        return list((await self.ask(path))["items"])

    def log_tail(self, limit: int = 1500) -> str:
        return self.files.log.read_text(errors="replace")[-limit:] if self.files.log.exists() else "(none)"

    async def close_router(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
        router, self._router = self._router, None
        if router is not None and router.returncode is None:
            router.terminate()
            try:
                await asyncio.wait_for(router.wait(), _STOP_S)
            except TimeoutError:
                router.kill()
                await router.wait()
        self.files.router_pid.unlink(missing_ok=True)
        if self.site is not None:
            beside = Path(self.site.settings.http.control_socket).parent
            if beside != self.home:
                shutil.rmtree(beside, ignore_errors=True)

    def keep_logs(self) -> None:
        """Copy Asterisk's log to the router's, for whoever looks for a fault; the instance will be gone."""
        with contextlib.suppress(OSError):
            shutil.copyfile(self.pbx.log_file, self.home / "asterisk.log")
