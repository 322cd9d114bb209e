"""Deaths of the servers around the router: Valkey, a master under Sentinels, PostgreSQL, Asterisk.

None of them is a reason to take over.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from router.adapters.pbx.root import Root
from router.adapters.pbx.valkey import Valkey
from router.domain.record import Outcome as End
from tests.contracts.databases import PostgresServer
from tests.contracts.redis_servers import RedisServer
from tests.contracts.redis_trio import RedisTrio
from tests.integration.call_centre import poll
from tests.load.deaths_judge import Verdict
from tests.load.deaths_kinds import LEAST_TALK_S, SETTLE_S, TALK, WARM_S, stayed
from tests.load.deaths_outcome import Asked, Outcome
from tests.load.deaths_phones import RingsAWhile, agents_for
from tests.load.deaths_ward import Ward, ward
from tests.load.side import Progress
from tests.telephones.workshop import until

CLOSED_S = 5.0
_AWAY_S = {"valkey": 3.0, "postgres": 60.0, "asterisk": 2.0}
_UP, _WAITING = 100, 10
"Calls that are up when Asterisk is killed: talks, and callers who wait."
_AFTER = 60
"Calls once all is well again."
_LONG_TALK = RingsAWhile(60_000, 61_000)


async def valkey(root: Root, asked: Asked, progress: Progress) -> Outcome:
    """Killed, away for longer than a lease lives, and back."""
    outcome = Outcome(kind="valkey")
    async with ward(root, agents_for(asked.per_s, TALK), agents=asked.agents) as room:
        server = room.redis
        assert isinstance(server, Valkey)

        async def dies() -> None:
            await _kill(server.pid)
            await until("Valkey is gone", lambda: server.pid is None)
            await asyncio.sleep(asked.away_s or _AWAY_S["valkey"])
            await asyncio.to_thread(server.start)

        async def mends() -> None:
            """It is there again already."""

        await _redis(room, outcome, asked, progress, dies, mends)
    return outcome


async def sentinel(root: Root, asked: Asked, progress: Progress) -> Outcome:
    """The master of three is killed, the Sentinels promote a replica; the dead one comes back as a replica."""
    outcome = Outcome(kind="sentinel")
    trio = RedisTrio("valkey")
    dead: list[RedisServer] = []
    try:
        await asyncio.to_thread(trio.start)
        async with ward(root, agents_for(asked.per_s, TALK), agents=asked.agents, redis=trio) as room:

            async def dies() -> None:
                dead.append(await asyncio.to_thread(trio.kill_master))
                killed_at = time.monotonic()
                promoted_s = await asyncio.to_thread(trio.promoted) - killed_at
                longest = max(promoted_s, outcome.figures.get("longest_promotion_s", 0))
                outcome.figures["longest_promotion_s"] = round(longest, 2)

            async def mends() -> None:
                await asyncio.to_thread(trio.bring_back, dead.pop())

            await _redis(room, outcome, asked, progress, dies, mends)
    finally:
        await asyncio.to_thread(trio.remove)
    return outcome


async def _redis(
    room: Ward,
    outcome: Outcome,
    asked: Asked,
    progress: Progress,
    dies: Callable[[], Awaitable[None]],
    mends: Callable[[], Awaitable[None]],
) -> None:
    """`dies` returns when there is a Redis again; the owner must hold its lease soon after, and nobody take over."""
    await room.open(TALK)
    keys, epoch = await room.keys(), room.heard.epoch
    async with room.flow(asked.per_s):
        await asyncio.sleep(WARM_S)
        for _ in range(asked.times or 10):
            await dies()
            back_at = time.monotonic()
            await poll("the lease is held again", lambda: _holds(room), 15)
            held_s = time.monotonic() - back_at
            await room.owner.until_ready()
            outcome.times += 1
            longest = max(held_s, outcome.figures.get("longest_without_lease_s", 0))
            outcome.figures["longest_without_lease_s"] = round(longest, 2)
            progress.say(
                f"{outcome.kind} {outcome.times}: the lease is held again {held_s:.2f} s after there is a Redis"
            )
            await asyncio.sleep(
                SETTLE_S
            )  # a master that comes back empty in the middle of a failover may be taken for one
            await mends()
    await stayed(room, outcome, epoch)
    outcome.verdict = await room.verdict(keys, least_talk_s=LEAST_TALK_S)


async def _holds(room: Ward) -> bool:
    return await room.owner.measure("ringfair_lease_held") == 1


async def postgres(root: Root, asked: Asked, progress: Progress) -> Outcome:
    """Stopped at once, as by a crash, for a minute: what ended meanwhile is on the disk, and written later."""
    outcome = Outcome(kind="postgres")
    folder = Path(tempfile.mkdtemp(prefix="ringfair-deaths-postgres-"))
    server = PostgresServer(folder)
    try:
        await asyncio.to_thread(server.start)
        dsn = (await server.new_database_here()).replace(f":{server.password}@", "@")
        os.environ["PGPASSWORD"] = server.password  # the site's files may not hold it
        async with ward(root, agents_for(asked.per_s, TALK), agents=asked.agents, dsn=dsn) as room:
            await room.open(TALK)
            keys, epoch = await room.keys(), room.heard.epoch
            async with room.flow(asked.per_s):
                await asyncio.sleep(WARM_S)
                for _ in range(asked.times or 1):
                    await asyncio.to_thread(server.stop, signal.SIGQUIT)
                    await asyncio.sleep(asked.away_s or _AWAY_S["postgres"])
                    spooled = await room.owner.measure("ringfair_ledger_spool_records")
                    await asyncio.to_thread(server.start)
                    back_at = time.monotonic()
                    await poll("the spool is empty", lambda: _empty(room), 60)
                    outcome.times += 1
                    caught_up_s = time.monotonic() - back_at
                    outcome.figures |= {"spooled": spooled, "caught_up_s": round(caught_up_s, 2)}
                    progress.say(f"postgres {outcome.times}: {spooled:g} facts waited, written in {caught_up_s:.2f} s")
                    await asyncio.sleep(SETTLE_S)
            await stayed(room, outcome, epoch)
            outcome.verdict = await room.verdict(keys, least_talk_s=LEAST_TALK_S)
    finally:
        await asyncio.to_thread(server.stop)
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


async def _empty(room: Ward) -> bool:
    return await room.owner.measure("ringfair_ledger_spool_records") <= 20


async def asterisk(root: Root, asked: Asked, progress: Progress) -> Outcome:
    """Killed with a hundred talks up: every record is closed within 5 s of its return, and nobody is stuck."""
    outcome = Outcome(kind="asterisk")
    total = _UP + _WAITING
    numbers: list[str] = []
    async with ward(root, _UP) as room:
        await room.open(_LONG_TALK)
        keys = await room.keys()
        for _ in range(asked.times or 3):
            async with room.flow(asked.per_s, calls=total) as callers:
                await room.busy(_UP, 60)
                await room.owner.waiting(total)
                await _kill(room.pbx.pid)
                await until("Asterisk is gone", lambda: room.pbx.pid is None, 10)
                await callers.process.stop()
            numbers += room.phones.numbers(total)
            await asyncio.sleep(asked.away_s or _AWAY_S["asterisk"])
            await asyncio.to_thread(room.pbx.start)
            closed_s = await _closed(room, len(numbers), time.monotonic(), outcome)
            outcome.times += 1
            outcome.figures["closed_s_max"] = round(max(closed_s, outcome.figures.get("closed_s_max", 0)), 2)
            progress.say(f"asterisk {outcome.times}: {total} records closed {closed_s:.2f} s after it was back")
            await room.phones.phones_anew()
            await room.owner.until_ready()
            outcome.faults += await room.left(keys)
        await room.phones.phones_on(TALK)
        async with room.flow(asked.per_s, calls=_AFTER) as callers:
            pass
        numbers += room.phones.numbers(_AFTER)
        outcome.verdict = await _verdict(room, numbers, keys, callers.counted().get("SuccessfulCall(C)", 0))
    return outcome


async def _closed(room: Ward, wanted: int, back_at: float, outcome: Outcome) -> float:
    """Seconds until the ledger has so many records."""

    async def all_there() -> bool:
        return len(await room.records()) >= wanted

    try:
        await poll("the records are closed", all_there, 30)
    except AssertionError:
        outcome.faults.append(f"{wanted - len(await room.records())} records are not closed after 30 s")
    took_s = time.monotonic() - back_at
    if took_s > CLOSED_S:
        outcome.faults.append(f"records were closed {took_s:.1f} s after Asterisk was back")
    return took_s


async def _verdict(room: Ward, numbers: list[str], keys: set[str], served: int) -> Verdict:
    """Whose call died with Asterisk was not lost by us, but each has their record; those after it are served."""
    await room.billed(len(numbers))
    records = await room.records()
    billed = Counter(record.ani for record in records)
    answered = sum(record.outcome is End.ANSWERED and not record.end_estimated for record in records)
    verdict = Verdict(calls=len(numbers), records=len(records))
    verdict.missing = sum(number not in billed for number in numbers)
    verdict.doubled = sum(count - 1 for count in billed.values())
    verdict.failed = _AFTER - min(served, answered)
    verdict.left = await room.left(keys)
    await room.reconcile(verdict)
    return verdict


async def _kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
