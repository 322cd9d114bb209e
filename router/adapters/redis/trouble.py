"""What a failing Redis means for the person who must mend it.

An answer of the server is never repeated word for word: servers quote the arguments of a command they did not
understand, and the argument of `AUTH` is the password. Its first word (`WRONGPASS`, `NOPERM`, …) is enough.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    InvalidResponse,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from router.adapters.redis.address import RedisAddress
from router.adapters.redis.sentinel import MasterDemoted, MasterMoved, NoMaster
from router.domain.errors import RemoteError

FAILURES = (RedisError, OSError, TimeoutError, TypeError, ValueError)
"What redis-py raises for a neighbour's fault; the last two when an answer has a shape it did not expect."

_CODE = re.compile(r"([A-Z][A-Z0-9_]{1,23})\b")
_CLASSES = {
    AuthenticationError: "WRONGPASS",
    BusyLoadingError: "LOADING",
    MovedError: "MOVED",
    NoPermissionError: "NOPERM",
    OutOfMemoryError: "OOM",
    ReadOnlyError: "READONLY",
}
"redis-py drops the code of the errors it has a class for."
_LOGIN = {"WRONGPASS", "NOAUTH"}
_MEND = {
    "NOPERM": "its ACL does not let us: allow the keys `ringfair:*` and all commands on them, scripts too",
    "MISCONF": "it refuses writes because it cannot save to its disk: look at its log",
    "OOM": "its memory is full (`maxmemory`): give it more, with `maxmemory-policy noeviction`",
    "MOVED": "it is a node of a cluster; name a single server",
    "NOREPLICAS": "it has fewer replicas in step than `min-replicas-to-write`: see to them, or a failover is under way",
    "WRONGTYPE": "a key of ours holds something that is not ours: find who else uses this database",
}


_NO_MASTER = {
    "silent": "None of the Sentinels of {where} answers. Start them, or correct `redis.url` in ringfair.toml.",
    "unknown": "The Sentinels of {where} know no master of this name. Correct it in `redis.url`: it is that of their "
    "`sentinel monitor`.",
    "login": "The Sentinels of {where} do not accept our password. Set `redis.sentinel_password_file`.",
    "untrusted": "The TLS certificate of the Sentinels of {where} is not trusted. Name its issuer in `redis.url`: "
    "`?ca_file=…`.",
    "foreign": "What answers at {where} is no Sentinel. Its port is ordinarily 26379, the server's own 6379: correct "
    "`redis.url` in ringfair.toml.",
    "down": "The Sentinels of {where} know of no master that is up: a failover is under way, or cannot be decided.",
}


@asynccontextmanager
async def asking(address: RedisAddress, deadline_s: float) -> AsyncIterator[None]:
    """Give what is asked inside a deadline, and turn every failure into a `RemoteError`.

    redis-py 8.1 swallows a cancellation that arrives while it looks for stale bytes on a pooled connection; a task
    that repeats commands in a loop could then not be stopped. So it is looked for afterwards and raised again.
    """
    task = asyncio.current_task()
    cancelled_before = task.cancelling() if task is not None else 0
    failure: Exception | None = None
    try:
        async with asyncio.timeout(deadline_s):
            yield
    except FAILURES as raised:
        failure = raised
    if task is not None and task.cancelling() > cancelled_before:
        raise asyncio.CancelledError
    if failure is not None:
        raise remote_error(failure, address) from None


def remote_error(failure: Exception, address: RedisAddress) -> RemoteError:
    """Say a failure of redis-py as a `RemoteError`, in a sentence that tells what to do, without secrets."""
    where = str(address)
    code = _code(failure)
    if isinstance(failure, NoMaster):
        retryable = failure.why in ("silent", "down")
        said = _NO_MASTER[failure.why].format(where=where)
        return RemoteError("redis-no-master", said, retryable=retryable, server=where)
    if isinstance(failure, MasterMoved | MasterDemoted) or "previous master" in str(failure):
        return RemoteError(
            "redis-moved",
            f"Another server of {where} becomes the master, or is it already; it may lack the last writes. "
            "The next attempt asks the Sentinels where it is.",
            retryable=True,
            server=where,
        )
    if isinstance(failure, InvalidResponse):
        return _not_redis(where)
    if code in _LOGIN:
        return RemoteError(
            "redis-login",
            f"Redis at {where} does not accept our password or user. "
            "Set `redis.password_file` (and the user in `redis.url`) to what the server expects.",
            server=where,
        )
    if code == "LOADING":
        return RemoteError(
            "redis-loading", f"Redis at {where} is still reading its data.", retryable=True, server=where
        )
    if code == "READONLY":
        return RemoteError("redis-read-only", f"Redis at {where} is a replica; name the primary.", server=where)
    if isinstance(failure, RedisTimeoutError | TimeoutError):
        return RemoteError(
            "redis-silent",
            f"Redis at {where} does not answer in time: it is frozen, overloaded, or not a Redis at all.",
            retryable=True,
            server=where,
        )
    if isinstance(failure, RedisConnectionError | OSError):
        if "Protocol error" in str(failure):
            return _not_redis(where)
        return RemoteError(
            "redis-unreachable",
            f"No Redis or Valkey can be reached at {where} ({_why(failure)}). "
            "Start it, or correct `redis.url` in ringfair.toml.",
            retryable=True,
            server=where,
        )
    if not isinstance(failure, ResponseError):
        return _not_redis(where)
    mend = _MEND.get(code, "look at its log")
    return RemoteError("redis-refused", f"Redis at {where} refused a command ({code or 'ERR'}): {mend}.", server=where)


def _not_redis(where: str) -> RemoteError:
    return RemoteError(
        "redis-foreign",
        f"What answers at {where} does not speak the Redis protocol. Correct `redis.url` in ringfair.toml.",
        server=where,
    )


def _code(failure: Exception) -> str:
    """Return the error code a server put first, `WRONGPASS invalid username…` → `WRONGPASS`, or nothing."""
    for kind, code in _CLASSES.items():
        if isinstance(failure, kind):
            return code
    # redis-py tells which command of a pipeline it was before it quotes the server
    match = _CODE.match(str(failure).rpartition("caused error: ")[2].lstrip("('\""))
    return match.group(1) if match and isinstance(failure, RedisError) else ""


def _why(failure: Exception) -> str:
    """Name the cause in words of ours; redis-py puts addresses and the server's bytes into its own."""
    text = str(failure)
    for needle, words in (
        ("refused", "connection refused"),
        ("Connect call failed", "connection refused"),
        ("No such file", "no such socket"),
        ("Name or service not known", "the name is unknown"),
        ("Temporary failure in name resolution", "the name cannot be looked up"),
        ("Permission denied", "no permission for the socket"),
        ("CERTIFICATE_VERIFY_FAILED", "its TLS certificate is not trusted"),
        ("SSL", "TLS failed"),
        ("closed", "it closed the connection"),
        ("reset", "it reset the connection"),
        ("max number of clients", "it has too many clients"),
    ):
        if needle.lower() in text.lower():
            return words
    return type(failure).__name__
