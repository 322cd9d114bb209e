"""Where the deaths happen: Asterisk with its event log, Valkey, a database, phones, a carrier, and two routers.

One of the two owns the pool and the other stands by; whenever one died it is started again, to stand by for the other.
Everything is on loopback and is stopped by its own pid.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis.asyncio

from router.adapters.pbx.addresses import Ports
from router.adapters.pbx.endpoints import AgentEndpoint
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import Root
from router.adapters.pbx.valkey import Valkey
from router.adapters.sql.ledger import SqlLedger
from router.domain.record import BillingRecord
from router.ports import RecordQuery
from tests.integration.call_centre import CallCentre, poll
from tests.integration.kept_log import calls_in
from tests.integration.telephone_room import TelephoneRoom
from tests.load.arena import Arena, Callers, Talk
from tests.load.deaths_judge import TIGHT_MS, WIDE_MS, Placed, Verdict, judge
from tests.load.deaths_tap import Heard, listening
from tests.telephones.workshop import TelephoneError, until

RINGS_S = 0.7
"As long as the phones of agent-rings-a-while-and-talks ring."
_SLACK = 1.22
"Agents more than the calls need: who waited while nobody decided is served before the next death."
_MOST_CALLS = 1_000_000
_ANSWERED_S = 240.0


@dataclass(frozen=True, slots=True)
class RingsAWhile(Talk):
    """So that some phones ring whenever somebody dies."""

    @property
    def scenario(self) -> str:
        return "agent-rings-a-while-and-talks"


class Phones(Arena):
    def counted(self) -> Placed:
        talked, failed = self._counted("SuccessfulCall(C)") or 0, self._counted("FailedCall(C)") or 0
        cancelled = self._counted("GenericCounter1(C)") or 0
        return Placed(0, 0, 0, talked=talked - cancelled, cancelled=cancelled, cut=failed)

    def numbers(self, calls: int) -> list[str]:
        """What the first so many callers of the latest carrier show."""
        return [f"+49155{self._round}{number + 1}" for number in range(calls)]


class Ward:
    """`async with ward(…)`; `owner` and `spare` change places with every death of a router."""

    def __init__(self, room: TelephoneRoom, valkey: Valkey, phones: Phones, agents: int) -> None:
        self.room = room
        self.valkey = valkey
        self.phones = phones
        self.agents = [f"agent-{3001 + number}" for number in range(agents)]
        self.owner = CallCentre(room, valkey, log_level="warning")
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
        await self.owner.log_in(*self.agents)

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
        client = redis.asyncio.Redis.from_url(self.valkey.url, decode_responses=True)
        try:
            return {str(key) async for key in client.scan_iter(count=1000) if self.owner.pool in str(key)}
        finally:
            await client.aclose()

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
        stuck = [a["agent_id"] for a in floor["agents"] if a["status"] != "READY" or a["work"] != "idle"]
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
        verdict.completed = (await self._reconciled(WIDE_MS, verdict, "--write"))["completed"]
        for tolerance in (TIGHT_MS, WIDE_MS):
            verdict.cel[tolerance] = await self._reconciled(tolerance, verdict)
        code, said = await self.command("ledger", "verify", "--json")
        if code:
            verdict.left.append(f"ringfair ledger verify: {said.strip()[:300]}")

    async def _reconciled(self, tolerance: int, verdict: Verdict, *more: str) -> dict[str, int]:
        """Summed over the days of the round."""
        days = dict.fromkeys(f"{day:%Y-%m-%d}" for day in (self.began, datetime.now(UTC)))
        summed = dict.fromkeys(
            ("same", "missing", "surplus", "differing", "uncovered", "open", "wrong", "completed"), 0
        )
        log = str(self.pbx.event_log)
        for day in days:
            asked = ("reconcile", day, "--utc", "--cel", log, "--tolerance", str(tolerance), "--settled", "0", "--json")
            code, said = await self.command(*asked, *more)
            if code not in (0, 1):
                verdict.left.append(f"ringfair reconcile: {said.strip()[:300]}")
                continue
            told = json.loads(said)
            for name in summed:
                summed[name] += told[name]
            if not more:
                verdict.notes += [f"CEL ± {tolerance}: {off}" for off in _off_by(told["findings"])]
        return summed


def _off_by(findings: Sequence[Mapping[str, Any]], most: int = 12) -> list[str]:
    """What differs and by how much, the worst first."""
    found: list[tuple[float, str]] = []
    for finding in findings:
        for one in finding["differences"]:
            ends = [None if one[side] is None else datetime.fromisoformat(one[side]) for side in ("ledger", "asterisk")]
            late_ms = (ends[0] - ends[1]).total_seconds() * 1000 if ends[0] and ends[1] else math.inf
            what = f"{finding['verdict']} {one['what']} {late_ms:+.0f} ms at {one['asterisk']}, {finding['contact_id']}"
            found.append((abs(late_ms), what))
    return [what for _, what in sorted(found, reverse=True)[:most]]


_QUEUE = '[queue.orders]\nneed = "de"\nring_s = 15\nwrapup_s = 0\nmax_wait_s = 3600\n'


def agents_for(per_s: float, talk: Talk) -> int:
    talk_s = (talk.least_ms + talk.most_ms) / 2000
    return math.ceil(per_s * (RINGS_S + talk_s + 0.1) * _SLACK) + 2


@contextlib.asynccontextmanager
async def ward(root: Root, agents: int, *, dsn: str | None = None) -> AsyncIterator[Ward]:
    """Nothing called yet: `open` starts the routers."""
    name = f"deaths-{os.getpid()}"
    async with contextlib.AsyncExitStack() as stack:
        phones = await stack.enter_async_context(Phones(root))
        pbx = Instance(name, Ports.free(rtp_ports=6000), root=root, qualify_s=0, rtp_timeout_s=60, cel=True)
        stack.callback(pbx.remove)
        pbx.render()
        host, port = phones.phones
        endpoints = [f"agent-{3001 + number}" for number in range(agents)]
        pbx.write_agents(
            [AgentEndpoint(agent_id=one, endpoint=one, contact=f"sip:{one}@{host}:{port}") for one in endpoints]
        )
        await asyncio.to_thread(pbx.start)
        valkey = Valkey(name, root=root)
        stack.callback(valkey.remove)
        await asyncio.to_thread(valkey.start)
        room = await stack.enter_async_context(TelephoneRoom(pbx))
        made = Ward(room, valkey, phones, agents)
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
