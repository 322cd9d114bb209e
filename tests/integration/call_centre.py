"""A whole call centre for one story: Asterisk, Valkey, a site's files, and `ringfair serve` as its own process.

The router is started as an admin starts it and looked at only from outside: its control socket, its ledger (through the
command line's own adapter), Valkey, SIP on the wire. So it can be killed, restarted and cut off like in life. `beside`
gives a second router on the same pool, as on another machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
from redis.asyncio import Redis

from router.adapters.pbx.valkey import Valkey
from router.adapters.sql.directory import SqlDirectory
from router.adapters.sql.ledger import SqlLedger
from router.domain.ids import AgentId, ContactId
from router.domain.messages.commands import AgentProfile
from router.domain.record import OfferFact
from router.ports import AgentEntry, ContactStory, RecordQuery
from tests.integration.telephone_room import TelephoneRoom

_CENTRES = itertools.count(1)
_FAULTS = ('"an impossible state was found"', "a handler of AMI events raised")
_DRAMA_NUMBERS = itertools.count(493023125000)
"(0)30 23125 000-999 is assigned to nobody (Bundesnetzagentur, numbers for media productions)."


def _is_fault(line: str) -> bool:
    return ('"level":"error"' in line and '"exception":' in line) or any(sign in line for sign in _FAULTS)


class CallCentre:
    """Give it campaigns and agents, `start()` the router, let callers call, look at what became of them."""

    def __init__(self, room: TelephoneRoom, valkey: Valkey, *, log_level: str = "debug") -> None:
        self.room = room
        self.log_level = log_level
        self.valkey = valkey
        self.pool = f"centre{os.getpid()}x{next(_CENTRES)}"
        self.home = Path(tempfile.mkdtemp(prefix="ringfair-centre-"))
        self.site = self.home / "site"
        (self.site / "campaigns").mkdir(parents=True)
        self.socket = self.home / "control.sock"
        self.dsn = f"sqlite:///{self.home / 'ledger.sqlite3'}"
        self.spool = self.home / "spool"
        self.process: asyncio.subprocess.Process | None = None
        self.log = self.home / "router.log"
        self._agents: list[AgentEntry] = []
        self._colleagues: list[CallCentre] = []
        self.settings(drain_s=2)

    def beside(self) -> CallCentre:
        """Another router for the same pool, not yet started: files and sockets of its own, all else is shared."""
        other = CallCentre(self.room, self.valkey, log_level=self.log_level)
        other.pool, other.dsn, other.spool = self.pool, self.dsn, self.spool
        shutil.copytree(self.site, other.site, dirs_exist_ok=True)
        other.settings(drain_s=2)
        self._colleagues.append(other)
        return other

    async def __aenter__(self) -> CallCentre:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for other in self._colleagues:
            await other.__aexit__(kind, value, trace)
        await self.stop(signal.SIGKILL)
        shutil.rmtree(self.home, ignore_errors=True)

    def tell(self) -> str:
        """What was heard and logged last, for a story that failed."""
        said = "\n".join(map(_brief, self.room.ami.events[-80:]))
        return "\n".join((f"---- what Asterisk said\n{said}", *(one._logged() for one in (self, *self._colleagues))))

    def _logged(self) -> str:
        return f"---- {self.log}\n" + (self.log.read_text()[-6000:] if self.log.exists() else "")

    def faults(self) -> list[str]:
        """What these routers caught, wrote down and went on after: mistakes of ours, also where all ends well."""
        logs = [one.log.read_text() for one in (self, *self._colleagues) if one.log.exists()]
        return [line for log in logs for line in log.splitlines() if _is_fault(line)]

    # ---- the site ----

    def settings(
        self, *, redis_url: str | None = None, ami_port: int | None = None, more: str = "", **router: float
    ) -> None:
        lines = [f'pool = "{self.pool}"', *(f"{key} = {value}" for key, value in router.items())]
        pbx = self.room.pbx
        (self.site / "ringfair.toml").write_text(
            "[router]\n" + "\n".join(lines) + "\n"
            f'[asterisk]\nsystemname = "{pbx.systemname}"\nport = {ami_port or pbx.ports.ami}\n'
            f'secret_file = "{pbx.secret_file}"\n'
            f'[redis]\nurl = "{redis_url or self.valkey.url}"\n'
            f'[ledger]\ndsn = "{self.dsn}"\nspool_dir = "{self.spool}"\n'
            f'[http]\nlisten = "127.0.0.1:0"\ncontrol_socket = "{self.socket}"\n' + more
        )

    def campaign(self, name: str = "shop", *, greeting: str = "answered", queues: str = "", more: str = "") -> str:
        """Write a campaign's file; returns its dialled number (digits). `queues` are whole [queue.…] tables."""
        number = str(next(_DRAMA_NUMBERS))
        tables = queues or '[queue.orders]\nneed = "de"\nring_s = 15\nwrapup_s = 0\nmax_wait_s = 600\n'
        (self.site / "campaigns" / f"{name}.toml").write_text(
            f'[campaign]\nname = "{name}"\nclient = "example-{name}"\ndnis = ["+{number}"]\nlanguage = "de"\n'
            f'greeting = "{greeting}"\nlabel = "{name.title()}"\n{more}\n{tables}'
        )
        return number

    def agent(self, name: str, **skills: int) -> str:
        """Somebody of the telephone room's AGENTS or SOFTPHONES, with skills."""
        profile = AgentProfile(agent_id=AgentId(name), endpoint=name, skills=skills or {"de": 100})
        self._agents.append(AgentEntry(profile=profile))
        return name

    # ---- the router ----

    async def enrol(self) -> None:
        """Write every `agent` into the directory; a router that runs learns of them by a reload."""
        directory = await SqlDirectory.open(self.dsn)
        await directory.put(self._agents, by="test", now=0)
        await directory.close()

    async def start(self, *options: str, wait: bool = True) -> None:
        if self._agents:
            await self.enrol()
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *[sys.executable, "-m", "router", "serve", "--config", str(self.site), "--log-level", self.log_level],
                *options,
                stdout=log,
                stderr=log,
            )
        if wait:
            await self.until_ready()

    async def until_ready(self, within_s: float = 20.0) -> None:
        async def ready() -> bool:
            assert self.process is not None
            assert self.process.returncode is None, self.log.read_text()[-4000:]
            with contextlib.suppress(aiohttp.ClientError, OSError, json.JSONDecodeError):
                status, _ = await self.get("/readyz")
                return status == 200
            return False

        await poll("the router is ready", ready, within_s)

    async def until_it_stands_by(self, within_s: float = 20.0) -> None:
        """Started, and not the owner."""

        async def waits() -> bool:
            with contextlib.suppress(aiohttp.ClientError, OSError, json.JSONDecodeError):
                status, said = await self.get("/readyz")
                return status == 503 and "stands by for" in said["details"]["pool"]
            return False

        await poll("the router stands by", waits, within_s)

    async def standbys(self, count: int, within_s: float = 5.0) -> None:
        """Wait until the owner knows of so many who stand by."""

        async def known() -> bool:
            return bool((await self.get("/v1/pool"))[1]["standbys"] == count)

        await poll(f"{count} stand by", known, within_s)

    async def measure(self, metric: str) -> float:
        """The value of a metric that has no labels."""
        _, metrics = await self.get("/metrics")
        return float(next(line for line in metrics.splitlines() if line.startswith(f"{metric} ")).split()[1])

    async def exit_code(self, within_s: float = 20.0) -> int:
        """Wait for the end of a process that ends by itself."""
        assert self.process is not None
        process, self.process = self.process, None
        async with asyncio.timeout(within_s):
            return await process.wait()

    async def stop(self, by: signal.Signals = signal.SIGTERM, within_s: float = 20.0) -> int | None:
        """Send a signal and wait for the end; the exit code."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        if process.returncode is None:
            process.send_signal(by)
        async with asyncio.timeout(within_s):
            return await process.wait()

    async def forget(self) -> None:
        """Take everything about the pool out of Valkey, as a server that came back without its file."""
        async with Redis.from_url(self.valkey.url) as client:
            if keys := await client.keys(f"ringfair:{{{self.pool}}}:*"):
                await client.delete(*keys)

    # ---- looking ----

    async def get(self, path: str) -> tuple[int, Any]:
        return await self._http("GET", path)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        return await self._http("POST", path, body)

    async def _http(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        connector = aiohttp.UnixConnector(str(self.socket))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(method, f"http://router{path}", json=body) as answer,
        ):
            text = await answer.text()
            return answer.status, json.loads(text) if text.startswith(("{", "[")) else text

    async def log_in(self, *agents: str) -> None:
        for agent in agents:
            status, said = await self.post(f"/v1/agents/{agent}/login")
            assert status < 300, said

    async def agent_now(self, name: str) -> dict[str, Any]:
        _, said = await self.get("/v1/agents")
        return next(item for item in said["items"] if item["agent_id"] == name)

    async def agent_is(self, name: str, within_s: float = 8.0, **fields: object) -> None:
        """Wait until the agent shows these fields."""
        seen: dict[str, Any] = {}

        async def so() -> bool:
            seen.update(await self.agent_now(name))
            return all(seen.get(key) == value for key, value in fields.items())

        await poll(lambda: f"{name} is {fields}, not {seen}", so, within_s)

    async def contacts(self) -> list[dict[str, Any]]:
        _, said = await self.get("/v1/contacts")
        return list(said["items"])

    async def waiting(self, count: int, within_s: float = 8.0) -> list[dict[str, Any]]:
        """Wait until so many contacts are in the router's hands; give them."""
        found: list[dict[str, Any]] = []

        async def so() -> bool:
            found[:] = await self.contacts()
            return len(found) == count

        await poll(lambda: f"{count} contacts, not {found}", so, within_s)
        return found

    async def stories(self, count: int, within_s: float = 10.0) -> list[ContactStory]:
        """Wait until the ledger holds `count` records; give every story in order of their ends."""
        ledger = await SqlLedger.open(self.dsn)
        found: list[ContactStory] = []
        try:

            async def so() -> bool:
                found[:] = [story async for story in ledger.stories(RecordQuery(limit=count + 1000))]
                return len(found) >= count

            await poll(lambda: f"{count} records, not {len(found)}", so, within_s)
            return found
        finally:
            await ledger.close()

    async def story(self, contact: str) -> ContactStory | None:
        ledger = await SqlLedger.open(self.dsn)
        try:
            return await ledger.story(ContactId(contact))
        finally:
            await ledger.close()

    async def offers(self, count: int, within_s: float = 10.0) -> list[OfferFact]:
        """Wait until `count` closed offers are in the ledger, of whatever contact; give them by their begin."""
        found: list[OfferFact] = []

        async def so() -> bool:
            found[:] = [offer for story in await self.stories(0) for offer in story.offers]
            return len(found) >= count

        await poll(lambda: f"{count} offers, not {found}", so, within_s)
        return sorted(found, key=lambda offer: offer.from_at)


_BRIEF = ("Timestamp", "Channel", "Uniqueid", "ChannelStateDesc", "Cause", "TechCause", "Contact", "Exten", "Why")


def _brief(event: Mapping[str, str]) -> str:
    shown = [f"{key}={event[key]}" for key in (*_BRIEF, "Result", "TransfererUniqueid") if event.get(key)]
    return " ".join([event.get("UserEvent") or event["Event"], *shown])


async def poll(what: str | Callable[[], str], so: Callable[[], Any], within_s: float) -> None:
    """Wait for an awaitable condition, with a deadline and a sentence."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while not await so():
        if loop.time() > deadline:
            raise AssertionError(f"not within {within_s} s: {what if isinstance(what, str) else what()}")
        await asyncio.sleep(0.05)
