"""The lease of a pool: whose it is now, in Redis 7.0 or later, or Valkey.

    ringfair:{main}:lease      hash, expires 1.5 s after it was renewed last: whose the pool is
        v          1
        owner      a nonce of the process
        epoch      of its time in office; every owner has a higher one than all before it
        host       where it runs
        since_at   since when, µs
    ringfair:{main}:epoch      the highest epoch given out; never expires and never goes back
    ringfair:{main}:standbys   sorted set: nonce → until when it is known to stand by (ms of Redis's clock)

Rule 1: every step is one script, so that of two who ask at once one is first.
Rule 2: the holder counts from the moment it *asked*: on its own clock the lease ends before it does in Redis.
Rule 3: a lease that lapsed and went to nobody is its last owner's again, in the same epoch. One that somebody had in
between is lost, even if it is free by now: the counter tells. Redis may forget that the lease was given on (a Sentinel
failover): of two owners the one of the higher epoch is it, and gets it back.
Rule 4: Redis may lose all of it. The owner puts lease and counter back at its next renewal. Who takes an emptied
Redis's lease begins at 1, finds a higher epoch at Asterisk, and has its own raised above that.
"""

import secrets
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redis.exceptions import ResponseError

from router.adapters.redis import lease_scripts
from router.adapters.redis.address import RedisAddress
from router.adapters.redis.trouble import FAILURES, remote_error
from router.domain.ids import Micros
from router.ports import LeaseView

if TYPE_CHECKING:
    from redis import Redis

LIVES_S = 1.5
ANSWER_S = 0.3
"For a connection and for each answer: a fifth of a lease's life."
YOUNG_S = 3
"By then an owner who is well has found it again, and renewed."
LONGEST_TEXT = 200


class RedisLease:
    """The `Lease` port. It connects at its first command; any thread may use it."""

    def __init__(self, address: RedisAddress, *, pool: str = "main", lives_s: float = LIVES_S) -> None:
        self.owner = secrets.token_hex(8)
        self.lives_s = lives_s
        self._address = address
        prefix = f"ringfair:{{{pool}}}:"
        self._keys = [f"{prefix}{name}".encode() for name in ("lease", "epoch", "standbys")]
        self._host = socket.gethostname()[:LONGEST_TEXT]
        self._since_at: Micros = 0
        self._client: Redis = address.thread_client(ANSWER_S)
        script = self._client.register_script
        self._acquire = script(lease_scripts.ACQUIRE)
        self._renew = script(lease_scripts.RENEW)
        self._raise = script(lease_scripts.RAISE)
        self._release = script(lease_scripts.RELEASE)
        self._read = script(lease_scripts.READ)

    def acquire(self, now: Micros) -> LeaseView:
        self._since_at = now
        return self._run(self._acquire, self._host, now)

    def renew(self, epoch: int) -> LeaseView:
        return self._run(self._renew, self._host, self._since_at, epoch)

    def raise_above(self, epoch: int) -> LeaseView:
        return self._run(self._raise, epoch)

    def release(self) -> LeaseView:
        return self._run(self._release)

    def read(self, *, stands_by: bool = False) -> LeaseView:
        return self._run(self._read, int(stands_by))

    def is_young(self) -> bool:
        try:
            told = self._client.info("server").get("uptime_in_seconds", YOUNG_S)
            return int(told) < YOUNG_S
        except ResponseError:
            return False  # it is not allowed to tell us
        except FAILURES as failure:
            raise remote_error(failure, self._address) from None

    def close(self) -> None:
        with suppress(*FAILURES):
            self._client.close()

    def _run(self, script: Any, *arguments: str | int) -> LeaseView:
        try:
            answer = script(keys=self._keys, args=[self.owner, round(self.lives_s * 1000), *arguments])
            return self._view(answer)
        except FAILURES as failure:
            raise remote_error(failure, self._address) from None

    def _view(self, answer: Sequence[Any]) -> LeaseView:
        owner, epoch, host, since_at, left_ms, latest, standbys = answer
        return LeaseView(
            mine=_text(owner) == self.owner,
            owner=_text(owner),
            host=_text(host),
            epoch=_number(epoch),
            since_at=_number(since_at),
            left_us=max(0, int(left_ms)) * 1000,
            latest=_number(latest),
            standbys=int(standbys),
        )


def _text(value: bytes | None) -> str:
    """Anybody can write to Redis: what we did not write must not break a line of the log."""
    text = (value or b"")[:LONGEST_TEXT].decode("utf-8", "replace")
    return text if text.isprintable() else "?"


def _number(value: bytes | None) -> int:
    digits = value or b""
    return int(digits) if digits.isdigit() and len(digits) < 19 else 0
