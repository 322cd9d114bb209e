"""One checkout's Asterisk, Valkey and router, started as an admin starts them and looked at only from outside.

Whatever commit is measured, it is spoken to by what it promises: files of a site, the command line, the control socket.
So an older commit can stand beside this one, with its own dialplan and its own rights at the manager interface.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp

from router.adapters.pbx.root import Root
from router.adapters.pbx.valkey import Valkey
from router.domain.errors import RouterError
from tests.load.processor_time import pin
from tests.load.rivals import OURS, RivalPbx, names
from tests.telephones.workshop import TelephoneError, until

CHECKOUT = Path(__file__).resolve().parents[2]
POOL = "bench"
_AT_ONCE = 20
BROKEN = (
    TelephoneError,
    RouterError,
    aiohttp.ClientError,
    subprocess.SubprocessError,
    OSError,
    ValueError,
    TimeoutError,
)
"How an office answers that was asked too much: Asterisk's command line, the router's socket, or nobody in time."
_CAMPAIGN = f"""\
[campaign]
name = "rivals"
client = "example-rivals"
dnis = ["+{OURS}"]
language = "de"
greeting = "answered"

[queue.all]
need = "de"
ring_s = 15
wrapup_s = 0
max_wait_s = 3600
"""


class Office:
    """`async with` it; then `on_duty(n)` says how many agents take calls, of ours and of app_queue's."""

    def __init__(
        self,
        name: str,
        root: Root,
        *,
        agents: int,
        phones: tuple[str, int],
        tree: Path = CHECKOUT,
        rtp_ports: int = 4000,
    ) -> None:
        self.name = name
        self.tree = tree
        self.rival = RivalPbx(name, root, tree, agents, phones, rtp_ports=rtp_ports)
        self.pbx = self.rival.instance
        self.valkey = Valkey(name, root=root)
        self.home = Path(tempfile.mkdtemp(prefix="ringfair-office-"))
        self.log = self.home / "router.log"
        self._site = self.home / "site"
        self._socket = self.home / "control.sock"
        self._router: asyncio.subprocess.Process | None = None
        self.asterisk_core: int | None = None
        "Where Asterisk alone runs; None: wherever the kernel likes."

    async def __aenter__(self) -> Office:
        try:
            await asyncio.to_thread(self.pbx.start)
            await asyncio.to_thread(self.valkey.start)
            self._write_site()
            await self.command("agent", "import", str(self._roster()))
            await self.start_router()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        with contextlib.suppress(Exception):
            await self.stop_router()
        await asyncio.to_thread(self.valkey.remove)
        await asyncio.to_thread(self.rival.remove)
        shutil.rmtree(self.home, ignore_errors=True)

    # ---- the site and the router ----

    def _write_site(self) -> None:
        (self._site / "campaigns").mkdir(parents=True)
        (self._site / "campaigns" / "rivals.toml").write_text(_CAMPAIGN)
        pbx = self.pbx
        (self._site / "ringfair.toml").write_text(
            f'[router]\npool = "{POOL}"\ndrain_s = 1\n'
            f'[asterisk]\nsystemname = "{pbx.systemname}"\nport = {pbx.ports.ami}\nsecret_file = "{pbx.secret_file}"\n'
            f'[redis]\nurl = "{self.valkey.url}"\n[ledger]\ndsn = "sqlite:///{self.home / "ledger.sqlite3"}"\n'
            f'[http]\nlisten = "127.0.0.1:0"\ncontrol_socket = "{self._socket}"\n'
        )

    def _roster(self) -> Path:
        path = self.home / "agents.csv"
        path.write_text("id,skills\n" + "".join(f"{agent},de=100\n" for agent in names(self.rival.agents)))
        return path

    def _environment(self) -> dict[str, str]:
        """Ours without what would name another site, and with this tree's `router` before an installed one."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("RINGFAIR_", "PYTHONPATH"))}
        own = {"PYTHONPATH": str(self.tree), "RINGFAIR_CONFIG": str(self._site)}
        # by the environment, which a commit without telemetry passes over; a key in its files it would refuse
        own["RINGFAIR_TELEMETRY_SECRET"] = self.pbx.telemetry_secret
        return kept | own

    async def command(self, *words: str, within_s: float = 120.0) -> str:
        """A command line of this tree's `ringfair`; what it prints. Raises RuntimeError with its words."""
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "router", *words],
            cwd=self.tree,
            env=self._environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(within_s):
                out, err = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        if process.returncode:
            raise RuntimeError(f"ringfair {' '.join(words)}: {err.decode(errors='replace')[-2000:]}")
        return out.decode()

    @property
    def router_runs(self) -> bool:
        return self._router is not None

    async def start_router(self) -> None:
        """And wait until it is ready. Raises RuntimeError with its log when it ends."""
        with self.log.open("ab") as log:
            self._router = await asyncio.create_subprocess_exec(
                *["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "router", "serve", "--log-level", "warning"],
                cwd=self.tree,
                env=self._environment(),
                stdout=log,
                stderr=log,
            )

        async def ready() -> bool:
            assert self._router is not None
            if self._router.returncode is not None:
                raise RuntimeError(f"the router ended: {self.log.read_text()[-3000:]}")
            with contextlib.suppress(aiohttp.ClientError, OSError, ValueError):
                await self.get("/readyz")
                return True
            return False

        await until("the router to be ready", ready, 30)

    async def stop_router(self) -> int | None:
        """SIGTERM and its exit code; by force after 20 s."""
        router, self._router = self._router, None
        if router is None:
            return None
        if router.returncode is None:
            router.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(20):
                return await router.wait()
        except TimeoutError:
            router.kill()
            await router.wait()
            raise

    @property
    def pids(self) -> dict[str, int]:
        """`asterisk`, `valkey`, and `router` unless it was stopped."""
        asterisk, valkey = self.pbx.pid, self.valkey.pid
        if asterisk is None or valkey is None or (self._router is not None and self._router.returncode is not None):
            raise RuntimeError(f"something of the office does not run any more: {self.log.read_text()[-2000:]}")
        return {"asterisk": asterisk, "valkey": valkey} | ({"router": self._router.pid} if self._router else {})

    # ---- looking and ordering ----

    async def versions(self) -> dict[str, str]:
        """Of what is at work here, by their own words."""
        asterisk = await asyncio.to_thread(self.pbx.rx, "core show version")
        root, found = self.pbx.root, {"Asterisk": _first_version(asterisk)}
        for name, program, option in (("SIPp", "sipp", "-v"), ("Valkey", "valkey-server", "--version")):
            argv = root.command([program, option])
            try:
                done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, timeout=10, check=False)
            except (OSError, subprocess.SubprocessError):
                found[name] = "unknown"
            else:
                found[name] = _first_version((done.stdout + done.stderr).decode(errors="replace"))
        return found | {"kernel": platform.release()}

    async def get(self, path: str) -> Any:
        return await self._ask("GET", path)

    async def post(self, path: str) -> Any:
        return await self._ask("POST", path)

    async def _ask(self, method: str, path: str) -> Any:
        """The answer, decoded if it is JSON. Raises ValueError with what was said for any status but 2xx."""
        connector = aiohttp.UnixConnector(str(self._socket))
        timeout = aiohttp.ClientTimeout(total=30)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.request(method, f"http://router{path}") as answer,
        ):
            if answer.status >= 300:
                raise ValueError(f"{method} {path}: {answer.status} {(await answer.text())[:500]}")
            return await answer.json() if answer.content_type == "application/json" else await answer.text()

    async def on_duty(self, count: int, *, queue_too: bool = True) -> None:
        """The first `count` agents are ready for calls of ours and members of app_queue; nobody else is.

        While the router is stopped, of app_queue alone.
        """
        if self.router_runs:
            await self._log_in(count)
        if queue_too:
            await until(
                f"app_queue to have {count} members", lambda: asyncio.to_thread(self.rival.reload_queue, count), 20
            )

    async def _log_in(self, count: int) -> None:
        wanted = set(names(count))
        orders = []
        for agent in (await self.get("/v1/agents"))["items"]:
            name, status = agent["agent_id"], agent["status"]
            if name in wanted and status != "READY":
                orders.append(f"/v1/agents/{name}/{'unpause' if status == 'PAUSED' else 'login'}")
            elif name not in wanted and status != "LOGGED_OUT":
                orders.append(f"/v1/agents/{name}/logout")
        for first in range(0, len(orders), _AT_ONCE):
            await asyncio.gather(*(self.post(order) for order in orders[first : first + _AT_ONCE]))
        await until(f"{count} agents to be ready", lambda: self._ready_are(count), 20)

    async def _ready_are(self, count: int) -> bool:
        agents = (await self.get("/v1/agents"))["items"]
        return sum(agent["status"] == "READY" and agent["reach"] == "REACHABLE" for agent in agents) == count

    def channels(self) -> int:
        """Legs that Asterisk has now."""
        words = self.pbx.rx("core show channels count").split()
        return int(words[0])

    async def contacts(self) -> int:
        """In the router's hands; none while it is stopped."""
        return 0 if not self.router_runs else len((await self.get("/v1/contacts"))["items"])

    async def hang_up_all(self, within_s: float = 40.0) -> None:
        """Raises TelephoneError with what is left when that does not help."""

        async def is_empty() -> bool:
            if await asyncio.to_thread(self.channels):
                await asyncio.to_thread(self.pbx.rx, "channel request hangup all")
                await asyncio.sleep(0.5)
                return False
            return await self.contacts() == 0

        try:
            await until("nobody on the line", is_empty, within_s)
        except TelephoneError as error:
            left = "what is left cannot be asked"
            with contextlib.suppress(*BROKEN):
                legs, contacts = await asyncio.to_thread(self.channels), await self.contacts()
                left = f"Asterisk has {legs} legs, the router {contacts} contacts"
            raise TelephoneError(f"{error}: {left}") from None

    async def quiet(self, within_s: float = 10.0) -> None:
        """Wait until every leg and every contact is over by itself."""

        async def is_quiet() -> bool:
            return await asyncio.to_thread(self.channels) == 0 and await self.contacts() == 0

        await until("the last call to be over", is_quiet, within_s)

    async def anew(self) -> None:
        """Another Asterisk process, after a load that left legs nobody can end, and the router if there was one."""
        had_router = self.router_runs
        with contextlib.suppress(TimeoutError):
            await self.stop_router()
        await asyncio.to_thread(self.pbx.stop)
        await asyncio.to_thread(self.pbx.start)
        self.pin_asterisk()
        if had_router:
            await self.start_router()

    def pin_asterisk(self) -> None:
        if self.asterisk_core is not None:
            pin([self.pids["asterisk"]], self.asterisk_core)

    async def records(self) -> int:
        """Billing records in the ledger, by the command an accountant would use."""
        lines = (await self.command("records", "--csv")).splitlines()
        return max(0, len(lines) - 1)


def _first_version(text: str) -> str:
    found = re.search(r"\d+\.\d+(?:\.\d+)?", text)
    return found[0] if found else "unknown"
