"""The Sentinels of Redis: of one mind about the master, enough of them to decide, and a master that loses little."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from router.cli.checkup.finding import Finding, fail, ok, warn

if TYPE_CHECKING:
    from router.adapters.redis.address import RedisAddress
    from router.adapters.redis.sentinel import Answer

FEWEST = 3
"Of two Sentinels none may die: a failover takes more than half of all."
_WORDS = {
    "silent": "does not answer",
    "unknown": "knows no master of this name",
    "login": "does not accept our password",
    "untrusted": "has a TLS certificate that is not trusted",
    "foreign": "is no Sentinel",
}


async def ask_sentinels(address: "RedisAddress") -> "Sequence[tuple[str, Answer]]":
    """Each Sentinel as `host:port`, and what it says. Raises nothing: who is silent is one of the answers."""
    enquiry = address.enquiry()
    try:
        answers = await enquiry.ask(all_of_them=True)
    finally:
        await enquiry.close()
    return [(f"{host}:{port}", answer) for (host, port), answer in zip(address.sentinels, answers, strict=True)]


def judge_sentinels(said: "Sequence[tuple[str, Answer]]", master: str) -> Iterator[Finding]:
    """Pure."""
    told = [(where, answer) for where, answer in said if not isinstance(answer, str)]
    trouble = [f"{where} {_WORDS[answer]}" for where, answer in said if isinstance(answer, str)]
    expected = f"{len(said)} Sentinels that answer"
    if 2 * len(told) <= len(said):
        mend = "Start them: with fewer than half nobody can be made the master when it dies."
        yield fail("redis.sentinels", "; ".join(trouble), expected, mend)
    elif trouble:
        yield warn("redis.sentinels", "; ".join(trouble), expected, "See to it before another one goes.")
    if not told:
        return
    latest = max(answer.failovers for _, answer in told)
    best = next(answer for _, answer in told if answer.failovers == latest)
    others = [where for where, answer in told if answer.place != best.place]
    if others:
        found = f"{', '.join(others)} named another server than the rest do"
        yield warn(
            "redis.sentinels", found, "one mind", "A failover is under way, or a part of the network is cut off."
        )
    sentinels, replicas = min(answer.sentinels for _, answer in told), min(answer.replicas for _, answer in told)
    where = f"{best.place[0]}:{best.place[1]}"
    found = f"{where} is the master {master}; {len(told)} of {len(said)} Sentinels answer, {replicas} replicas are seen"
    if not best.up:
        yield fail("redis.master", f"{where} is down", "a master that is up", "Wait for the failover, then look again.")
    else:
        yield ok("redis.master", found)
    if sentinels < FEWEST or len(said) < FEWEST:
        count = min(sentinels, len(said))
        yield warn(
            "redis.sentinels", f"{count} of them", f"at least {FEWEST}", "Three on three machines: one of them may die."
        )
    elif not trouble and not others:
        yield ok("redis.sentinels", f"{sentinels} know of each other and are of one mind")
    if not replicas:
        yield fail(
            "redis.replicas", "none", "at least one", "replicaof MASTER on another machine: else nobody follows."
        )


def judge_replication(info: Mapping[str, Any]) -> Finding:
    """Whether a master that is cut off stops taking writes, from `INFO` (which tells only when it is set). Pure."""
    good = info.get("min_slaves_good_slaves")
    if good is None:
        return warn(
            "redis.min-replicas",
            "min-replicas-to-write 0",
            "1 or more",
            "min-replicas-to-write 1, min-replicas-max-lag 2: else one that is cut off takes writes that are lost.",
        )
    if not int(good):
        mend = "See to the replicas: until one is in step nothing is written to Redis."
        return fail("redis.min-replicas", "no replica in step", "one at least", mend)
    return ok("redis.min-replicas", f"{int(good)} replicas in step; without one it refuses writes")
