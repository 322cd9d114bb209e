"""Where the deaths happen: Asterisk with its event log, Valkey, a database, phones, a carrier, and two routers.

One of the two owns the pool and the other stands by; whenever one died it is started again, to stand by for the other.
Everything is on loopback and is stopped by its own pid.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from redis import Redis

from router.adapters.pbx.addresses import Ports
from router.adapters.pbx.endpoints import AgentEndpoint
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import Root
from router.adapters.pbx.valkey import Valkey
from router.adapters.sql.ledger import SqlLedger
from router.domain.record import BillingRecord
from router.ports import RecordQuery
from tests.contracts.redis_trio import RedisTrio
from tests.integration.call_centre import CallCentre, poll
from tests.integration.kept_log import calls_in
from tests.integration.telephone_room import TelephoneRoom
from tests.load.arena import Callers, Talk
from tests.load.deaths_judge import Placed, Verdict, judge
from tests.load.deaths_phones import Phones
from tests.load.deaths_tap import Heard, listening
from tests.telephones.workshop import TelephoneError, until

_MOST_CALLS = 1_000_000
_ANSWERED_S = 240.0


class Ward:
    """`async with ward(…)`; `owner` and `spare` change places with every death of a router."""

    def __init__(
        self, room: TelephoneRoom, redis: Valkey | RedisTrio, phones: Phones, agents: list[str], on_duty: int
    ) -> None:
        self.room = room
        self.redis = redis
        self.phones = phones
        self.agents = agents
        self.on_duty = agents[:on_duty]
        self.owner = CallCentre(room, redis, log_level="warning")  # type: ignore[arg-type]  # its url is all it needs
        self.dnis = self.owner.campaign(queues=_QUEUE)
        self.spare = self.owner.beside()
        self.heard = Heard()
        self.calls: Callers | None = None
        self.began = datetime.now(UTC)

    @property
    def pbx(self) -> Instance:
        return self.room.pbx

    # ---- routers ----

    async def open(self, talk: Talk) -> None:
        """Both routers up, every agent ready, every phone on."""
        for name in self.agents:
            self.owner.agent(name)
        await self.phones.phones_on(talk)
        await self.owner.start()
        await self.stand_by(self.spare)
        await self.owner.log_in(*self.on_duty)

    async def stand_by(self, centre: CallCentre) -> None:
        await centre.start(wait=False)
        await centre.until_it_stands_by()

    async def followed(self, within_s: float = 20.0) -> float:
        """Wait until the spare has the pool and is ready; the instant. Then it is the owner."""
        async with asyncio.timeout(within_s):
            while True:
                with contextlib.suppress(Exception):
                    if (await self.spare.get("/readyz"))[0] == 200:
                        break
                await asyncio.sleep(0.02)
        self.owner, self.spare = self.spare, self.owner
        return time.time()

    # ---- calls ----

    @contextlib.asynccontextmanager
    async def flow(self, per_s: float, *, calls: int | None = None) -> AsyncIterator[Callers]:
        """Callers come all the while, or so many; at the end no more come, and those who are there are served."""
        towards = (self.pbx.address, self.pbx.ports.sip)
        most = calls or _MOST_CALLS
        self.calls = callers = await self.phones.callers(towards, self.dnis, calls=most, per_s=per_s)
        try:
            yield callers
            if calls is None:
                callers.process.deliver(signal.SIGUSR1)
            with contextlib.suppress(TelephoneError):  # who is left over is counted as lost
                await callers.process.wait(_ANSWERED_S)
        finally:
            await callers.process.stop()

    async def busy(self, talks: int, within_s: float = 30.0) -> None:
        """Wait until so many agents talk."""

        async def so() -> bool:
            return sum(agent["work"] == "talking" for agent in await self._agents()) >= talks

        await poll(f"{talks} talks", so, within_s)

    async def _agents(self) -> list[dict[str, object]]:
        return list((await self.owner.get("/v1/agents"))[1]["items"])

    async def standing(self) -> tuple[int, int]:
        """Callers who wait and agents who talk, now."""
        with contextlib.suppress(Exception):
            contacts, agents = await self.owner.contacts(), await self._agents()
            talks = sum(agent["work"] == "talking" for agent in agents)
            return len(contacts) - talks, talks
        return -1, -1

    # ---- looking ----

    async def keys(self) -> set[str]:
        """Of our pool, in Valkey or the master of several."""
        return await asyncio.to_thread(self._keys)

    def _keys(self) -> set[str]:
        port = self.redis.port if isinstance(self.redis, Valkey) else self.redis.master.port
        with Redis(port=port, decode_responses=True) as client:
            return {str(key) for key in client.scan_iter(count=1000) if self.owner.pool in str(key)}

    async def records(self) -> list[BillingRecord]:
        ledger = await SqlLedger.open(self.owner.dsn)
        try:
            return [s.record async for s in ledger.stories(RecordQuery(limit=_MOST_CALLS)) if s.record is not None]
        finally:
            await ledger.close()

    async def command(self, *words: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "router", *words, "--config", str(self.owner.site)],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return process.returncode or 0, out.decode() or err.decode()[-1500:]

    async def left(self, keys: set[str]) -> list[str]:
        """What should be over by now, each in words. The ledger and Valkey are written behind: they get a moment."""
        found: list[str] = []
        try:
            await until("no leg", lambda: not self._legs(), 15)
        except TelephoneError:
            found.append(f"{self._legs()} legs are left in Asterisk")
        await asyncio.sleep(1.0)
        code, said = await self.command("status", "--json")
        if code:
            return [*found, f"ringfair status failed: {said}"]
        floor = json.loads(said)
        fresh = {agent: ("READY" if agent in self.on_duty else "LOGGED_OUT", "idle") for agent in self.agents}
        stuck = [a["agent_id"] for a in floor["agents"] if fresh[a["agent_id"]] != (a["status"], a["work"])]
        if stuck:
            found.append(f"{len(stuck)} agents are stuck: {', '.join(stuck[:5])}")
        if floor["contacts"]:
            found.append(f"{len(floor['contacts'])} contacts are left in the router")
        if new := sorted(await self.keys() - keys):
            found.append(f"{len(new)} keys are left: {', '.join(new[:3])}")
        return found

    def _legs(self) -> int:
        return int(self.pbx.rx("core show channels count").split()[0])

    async def verdict(self, keys: set[str], *, least_talk_s: float) -> Verdict:
        """Once the flow is over."""
        left = await self.left(keys)
        carrier = {} if self.calls is None else self.calls.counted()
        counted = self.phones.counted()
        placed = Placed(
            carrier.get("TotalCallCreated", 0),
            carrier.get("SuccessfulCall(C)", 0),
            carrier.get("FailedCall(C)", 0),
            talked=counted.talked,
            cancelled=counted.cancelled,
            cut=counted.cut,
        )
        await self.billed(placed.begun)
        numbers = self.phones.numbers(placed.begun)
        records = await self.records()
        seen = await asyncio.to_thread(calls_in, self.pbx.event_log)
        least = round(least_talk_s * 1_000_000)
        verdict = judge(numbers, placed, records, seen, self.heard, least_talk=least)
        verdict.left += left
        await self.reconcile(verdict)
        verdict.notes.append(f"{placed}; {self.heard.turned_away} legs turned away")
        if self.calls is not None and placed.failed:
            verdict.notes.append(f"SIPp: {' '.join(self.calls.words().split())[:400]}")
        return verdict

    async def billed(self, count: int, within_s: float = 15.0) -> None:
        """Wait until there are so many records; fewer after that time are for the verdict."""

        async def so() -> bool:
            return len(await self.records()) >= count

        with contextlib.suppress(AssertionError):
            await poll("the records", so, within_s)

    async def reconcile(self, verdict: Verdict) -> None:
        """Hold the ledger against Asterisk's log, complete what only that saw the end of, and verify its chain."""
        verdict.completed = sum([told["completed"] for told in await self._reconciled(verdict, "--write")])
        for told in await self._reconciled(verdict):
            verdict.differing += told["wrong"]
            verdict.p99_ms = max(verdict.p99_ms, told["apart"]["p99_ms"])
            verdict.most_ms = max(verdict.most_ms, told["apart"]["most_ms"])
            verdict.notes += [f"CEL: {json.dumps(one)[:400]}" for one in told["findings"][:4]]
            verdict.notes += [f"far apart: {json.dumps(one)}" for one in told["apart"]["worst"][:4]]
        code, said = await self.command("ledger", "verify", "--json")
        if code:
            verdict.left.append(f"ringfair ledger verify: {said.strip()[:300]}")

    async def _reconciled(self, verdict: Verdict, *more: str) -> list[dict[str, Any]]:
        """Of each day of the round."""
        found: list[dict[str, Any]] = []
        log = str(self.pbx.event_log)
        for day in dict.fromkeys(f"{day:%Y-%m-%d}" for day in (self.began, datetime.now(UTC))):
            asked = ("reconcile", day, "--utc", "--cel", log, "--settled", "0", "--json", *more)
            code, said = await self.command(*asked)
            if code in (0, 1):
                found.append(json.loads(said))
            else:
                verdict.left.append(f"ringfair reconcile: {said.strip()[:300]}")
        return found


_QUEUE = '[queue.orders]\nneed = "de"\nring_s = 15\nwrapup_s = 0\nmax_wait_s = 3600\n'


@contextlib.asynccontextmanager
async def ward(
    root: Root, on_duty: int, *, agents: int = 0, dsn: str | None = None, redis: RedisTrio | None = None
) -> AsyncIterator[Ward]:
    """Nobody has called yet; `open` starts the routers and logs in who is on duty. Without `redis`: its own Valkey."""
    name = f"deaths-{os.getpid()}"
    async with contextlib.AsyncExitStack() as stack:
        phones = await stack.enter_async_context(Phones(root))
        pbx = Instance(name, Ports.free(rtp_ports=6000), root=root, qualify_s=0, rtp_timeout_s=60, cel=True)
        stack.callback(pbx.remove)
        pbx.render()
        host, port = phones.phones
        endpoints = [f"agent-{3001 + number}" for number in range(max(on_duty, agents))]
        # Asterisk knows the phones of those on duty alone: of the others it has to be asked at each takeover
        pbx.write_agents(
            [
                AgentEndpoint(agent_id=one, endpoint=one, contact=f"sip:{one}@{host}:{port}")
                for one in endpoints[:on_duty]
            ]
        )
        await asyncio.to_thread(pbx.start)
        valkey = Valkey(name, root=root)
        if redis is None:
            stack.callback(valkey.remove)
            await asyncio.to_thread(valkey.start)
        room = await stack.enter_async_context(TelephoneRoom(pbx))
        made = Ward(room, redis or valkey, phones, endpoints, on_duty)
        if dsn is not None:
            for centre in (made.owner, made.spare):
                centre.dsn = dsn
                centre.settings(drain_s=2)
        await stack.enter_async_context(made.owner)
        made.heard = await stack.enter_async_context(listening(room.ami, made.owner.pool))
        try:
            yield made
        except BaseException:
            for centre in (made.owner, made.spare):
                if centre.log.exists():
                    print(f"---- {centre.log}\n{centre.log.read_text()[-4000:]}", file=sys.stderr)
            raise
