"""Redis or Valkey: reachable, new enough, keeps what it is given, throws nothing away. And whose the pool is."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from router.cli.checkup.clock import judge_clock
from router.cli.checkup.finding import Finding, fail, ok, warn
from router.cli.checkup.sentinel import ask_sentinels, judge_replication, judge_sentinels
from router.cli.instants import local
from router.domain.errors import RemoteError

if TYPE_CHECKING:
    from router.adapters.redis.address import RedisAddress
    from router.config import Site
    from router.ports import LeaseView

MINIMUM = (7, 0)
ANSWER_S = 3.0


async def examine_redis(site: "Site") -> list[Finding]:
    from router.adapters.redis.address import RedisAddress
    from router.adapters.redis.trouble import asking

    secrets = site.secrets
    address = RedisAddress.parse(
        site.settings.redis.url, password=secrets.redis, sentinel_password=secrets.redis_sentinel
    )
    pool = site.settings.router.pool
    findings: list[Finding] = []
    if address.sentinels:
        findings += judge_sentinels(await ask_sentinels(address), address.master)
    client = address.client()
    try:
        began = time.monotonic_ns()
        try:
            async with asking(address, ANSWER_S):
                await client.ping()
        except RemoteError as error:
            if not findings:
                raise
            return [*findings, fail("redis", error.message, "an answer of the master", "See the Sentinels above.")]
        findings.append(ok("redis", f"answers at {address} within {(time.monotonic_ns() - began) / 1e6:.1f} ms"))
        try:
            async with asking(address, ANSWER_S):
                info = await client.info("all")
            findings += judge(info)
            if address.sentinels:
                findings.append(judge_replication(info))
            async with asking(address, ANSWER_S):
                began, wall = time.monotonic_ns(), time.time_ns() // 1000
                seconds, micros = await client.time()
                round_trip = (time.monotonic_ns() - began) // 1000
                ahead = int(seconds) * 1_000_000 + int(micros) - wall - round_trip // 2
                findings.append(judge_clock("redis.clock", ahead, round_trip))
        except RemoteError as error:
            mend = "Allow INFO and TIME in its ACL, so that its settings can be looked at."
            findings.append(warn("redis.settings", error.message, "its settings can be read", mend))
        async with asking(address, ANSWER_S):
            await client.set(f"ringfair:{{{pool}}}:doctor", b"1", px=1000)
        findings.append(ok("redis.write", "a key of ours can be written"))
        findings.append(await _examine_lease(address, pool))
        return findings
    finally:
        await client.aclose()


async def _examine_lease(address: "RedisAddress", pool: str) -> Finding:
    from router.adapters.redis.lease import RedisLease

    lease = RedisLease(address, pool=pool)
    try:
        return ok("redis.lease", owner(pool, await asyncio.to_thread(lease.read)))
    except RemoteError as error:
        return fail("redis.lease", error.message, "the pool's lease can be read", "Allow EVALSHA and SCRIPT LOAD.")
    finally:
        lease.close()


def owner(pool: str, view: "LeaseView") -> str:
    if not view.owner:
        return f"nobody owns pool {pool} now; the last epoch was {view.latest}"
    left_s = view.left_us / 1e6
    return (
        f"{view.host} owns pool {pool} in epoch {view.epoch} since {local(view.since_at)}, for {left_s:.1f} s more "
        f"unless renewed; {view.standbys} standing by"
    )


def judge(info: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings from `INFO`; pure."""
    valkey = "valkey_version" in info
    version = str(info.get("valkey_version") or info.get("redis_version") or "")
    name = "Valkey" if valkey else "Redis"
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if len(numbers) < 2 or numbers < MINIMUM:
        yield fail("redis.version", f"{name} {version or '(not told)'}", "7.0 or newer", "Upgrade it.")
    else:
        yield ok("redis.version", f"{name} {version}")
    if str(info.get("role", "master")) != "master":
        yield fail("redis.role", str(info["role"]), "the primary", "Name the primary in redis.url.")
    if str(info.get("cluster_enabled", "0")) == "1":
        yield fail("redis.role", "a node of a cluster", "a single server", "Name a single server in redis.url.")
    yield _persistence(info)
    limit, policy = int(info.get("maxmemory", 0) or 0), str(info.get("maxmemory_policy", ""))
    if limit and policy != "noeviction":
        yield fail(
            "redis.memory",
            f"maxmemory-policy {policy} at maxmemory {limit >> 20} MiB",
            "noeviction",
            "maxmemory-policy noeviction: else agents' states are thrown away when memory runs out.",
        )
    else:
        yield ok("redis.memory", f"maxmemory {limit >> 20} MiB, {policy}" if limit else "no limit")


def _persistence(info: Mapping[str, Any]) -> Finding:
    broken = [key for key in ("rdb_last_bgsave_status", "aof_last_write_status") if str(info.get(key, "ok")) != "ok"]
    if broken:
        return fail("redis.persistence", f"{broken[0]} is not ok", "it can save", "Look at its log and its disk.")
    if str(info.get("aof_enabled", "0")) != "1":
        return warn(
            "redis.persistence",
            "no append-only file",
            "appendonly yes",
            "appendonly yes, appendfsync everysec: else agents' states are lost when it restarts while no router runs.",
        )
    return ok("redis.persistence", "append-only file, last write ok")
