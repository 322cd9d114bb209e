"""A Redis that moves: the Sentinels are asked where the master is, and every connection of ours goes there.

After a failover the new master may lack what the old one had acknowledged (replication is asynchronous), and an old
master that was only cut off goes on taking writes that nobody will ever see. Therefore:

Rule 1: more than half of the Sentinels are asked, and of their answers the one of the latest failover counts
(`config-epoch`): redis-py believes the first that answers, which may be the one that was cut off with the old master.
If fewer than half answer, those who do are believed: Asterisk's epochs fence better than any Sentinel.
Rule 2: a connection that stands is no proof that its server is still the master. It is looked up again at most every
`LOOK_S`; Sentinels that cannot be asked then change nothing.
Rule 3: what was connected says its role, and is left again as soon as it calls itself a replica (`READONLY`), or a
master without enough replicas (`NOREPLICAS`).
Rule 4: a move is never silent. The first command after it fails, if none has failed before it: whoever writes has to
know that the server may lack what the last one had. The next try is on the new master.

redis-py's connections for Sentinel do the connecting; its pool for them does not wait when it is exhausted and keeps
rules 1, 2 and 4 in no way, so the ordinary blocking pool holds them.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis import sentinel as thread
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import SSLConnection
from redis.asyncio.sentinel import SentinelManagedConnection
from redis.connection import BlockingConnectionPool as ThreadPool
from redis.connection import SSLConnection as ThreadSSLConnection
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

if TYPE_CHECKING:
    from redis import Redis as ThreadRedis
    from redis.asyncio import Redis

LOOK_S = 0.4
"Less than a lease's renewals are apart: an owner has moved before somebody who stands by may take the new master's word."
LOOK_AGAIN_S = 5.0
"After a look that no majority answered, so that three dead machines do not slow a living one down."
SENTINEL_S = 0.2
"For a connection to a Sentinel and for its answer."

Place = tuple[str, int]
FAILURES = (RedisError, OSError, TimeoutError, TypeError, ValueError)
_UNFIT = ("NOREPLICAS", "MASTERDOWN", "READONLY")


class NoMaster(RedisConnectionError):
    """No Sentinel names a master that is up; `why` is `silent`, `unknown`, `login`, `foreign` or `down`."""

    def __init__(self, why: str) -> None:
        super().__init__(f"no master: {why}")
        self.why = why


class MasterMoved(RedisConnectionError):
    """Another server is the master now; the next try goes there."""


class MasterDemoted(RedisConnectionError):
    """The server that was named is a replica."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one Sentinel says of the master."""

    place: Place
    failovers: int
    "`config-epoch`: which failover it knows of."
    up: bool
    replicas: int
    sentinels: int
    "Itself included."


def read(answer: object) -> Told | None:
    """`SENTINEL MASTER name` as a list of names and values; None when it is not that."""
    if not isinstance(answer, list) or not all(isinstance(part, bytes) and len(part) < 300 for part in answer):
        return None
    words = [part.decode("utf-8", "replace") for part in answer]
    fields = dict(zip(words[::2], words[1::2], strict=False))
    host, port = fields.get("ip", ""), _whole(fields.get("port"))
    if not host or not host.isprintable() or not 0 < port < 65_536:
        return None
    flags = fields.get("flags", "").split(",")
    return Told(
        place=(host, port),
        failovers=_whole(fields.get("config-epoch")),
        up="master" in flags and "s_down" not in flags and "o_down" not in flags,
        replicas=_whole(fields.get("num-slaves")),
        sentinels=1 + _whole(fields.get("num-other-sentinels")),
    )


def newest(answers: Sequence[Told | str], of: int) -> Told:
    """Rule 1, pure. An answer that could not be had is a word: why not. Raises `NoMaster`."""
    told = [answer for answer in answers if isinstance(answer, Told)]
    if not told:
        known = [word for word in ("unknown", "login", "foreign") if word in answers]
        raise NoMaster(known[0] if known else "silent")
    latest = max(answer.failovers for answer in told)
    same = sorted((answer for answer in told if answer.failovers == latest), key=lambda answer: not answer.up)
    if not same[0].up and 2 * len(told) > of:
        raise NoMaster("down")
    return same[0]


class Whereabouts:
    """What one client knows of its master. A lock is the caller's concern."""

    is_master, check_connection = True, False
    "Read by redis-py's connections."

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.place: Place | None = None
        self.failed = True
        "Whether the client has been told, by an error, that not all is as it was."
        self._clock = clock
        self._look_at = 0.0

    def look_is_due(self) -> bool:
        return self._clock() >= self._look_at

    def unanswered(self) -> None:
        self._look_at = self._clock() + LOOK_AGAIN_S

    def found(self, place: Place) -> Place:
        """Rule 4. Raises `MasterMoved`."""
        self._look_at = self._clock() + LOOK_S
        before, self.place = self.place, place
        if before != place and not self.failed:
            self.failed = True
            raise MasterMoved(f"the master is {place[0]}:{place[1]} now")
        return place


def _why(failure: BaseException) -> str:
    if isinstance(failure, AuthenticationError | NoPermissionError) or "NOAUTH" in str(failure):
        return "login"
    if isinstance(failure, ResponseError):
        return "unknown" if "No such master" in str(failure) else "foreign"
    return "silent" if isinstance(failure, RedisError | OSError | TimeoutError) else "foreign"


def _unfit(failure: Exception) -> bool:
    return any(word in str(failure) for word in _UNFIT)


def _is_master(role: object) -> bool:
    return isinstance(role, list) and bool(role) and role[0] in (b"master", "master")


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0


# ---- on a loop ----


class Enquiry(Whereabouts):
    """Asks all Sentinels at once and waits for more than half of them."""

    def __init__(self, master: str, sentinels: "Sequence[Redis]") -> None:
        super().__init__()
        self._master = master
        self._sentinels = sentinels

    async def answers(self) -> list[Told | str]:
        """What each of those says that answered in time; more than half, if so many do."""
        asked = [asyncio.ensure_future(self._ask(sentinel)) for sentinel in self._sentinels]
        answers: list[Told | str] = []
        try:
            for answer in asyncio.as_completed(asked, timeout=2 * SENTINEL_S + 0.1):
                try:
                    answers.append(await answer)
                except TimeoutError:
                    break
                if 2 * sum(isinstance(one, Told) for one in answers) > len(asked):
                    break
        finally:
            for task in asked:
                task.cancel()
        return answers

    async def _ask(self, sentinel: "Redis") -> Told | str:
        try:
            return read(await sentinel.execute_command("SENTINEL", "MASTER", self._master)) or "foreign"  # type: ignore[no-untyped-call]
        except FAILURES as failure:
            return _why(failure)

    async def get_master_address(self) -> Place:
        """Called by redis-py for each new connection."""
        return self.found(newest(await self.answers(), len(self._sentinels)).place)

    async def look(self) -> None:
        """Rule 2."""
        if not self.look_is_due():
            return
        self.unanswered()  # also for whoever asks meanwhile
        told = await self.answers()
        if 2 * sum(isinstance(one, Told) for one in told) > len(self._sentinels):
            self.found(newest(told, len(self._sentinels)).place)

    async def close(self) -> None:
        for sentinel in self._sentinels:
            await sentinel.aclose()


class MasterConnection(SentinelManagedConnection):
    """To wherever the master is. `connection_pool` is its `Enquiry`."""

    connection_pool: Enquiry

    async def connect(self) -> None:
        """Called each time the connection is taken from the pool."""
        enquiry = self.connection_pool
        if self.is_connected:
            try:
                await enquiry.look()
            except NoMaster:
                pass  # known to be down, or being replaced: the command itself will tell
            if (self.host, self.port) == enquiry.place:
                return
            await self.disconnect()
        try:
            await super().connect()
        except BaseException:
            enquiry.failed = True
            raise
        enquiry.failed = False

    async def connect_to(self, address: Place) -> None:
        await super().connect_to(address)  # type: ignore[no-untyped-call]
        try:
            await self.send_command("ROLE")
            role = await self.read_response()
        except NoPermissionError:
            return  # it may not be asked; then a write will tell
        except BaseException:
            await self.disconnect()
            raise
        if not _is_master(role):
            await self.disconnect()
            raise MasterDemoted("what is named as the master is a replica")

    async def read_response(self, *given: Any, **named: Any) -> Any:
        try:
            return await super().read_response(*given, **named)
        except ResponseError as failure:
            if _unfit(failure):
                self.connection_pool.failed = True
                self.mark_for_reconnect()
            raise


class MasterTlsConnection(MasterConnection, SSLConnection):
    pass


class MasterPool(BlockingConnectionPool):
    def __init__(self, enquiry: Enquiry, *, tls: bool, **settings: Any) -> None:
        self._enquiry = enquiry
        kind = MasterTlsConnection if tls else MasterConnection
        super().__init__(connection_class=kind, connection_pool=enquiry, **settings)

    async def aclose(self) -> None:
        await super().aclose()
        await self._enquiry.close()


# ---- in threads ----


class ThreadEnquiry(Whereabouts):
    """Asks one Sentinel after the other until more than half have answered; those who did are asked first next time."""

    def __init__(self, master: str, sentinels: "Sequence[ThreadRedis]") -> None:
        super().__init__()
        self._master = master
        self._sentinels = list(sentinels)
        self._lock = threading.RLock()

    def answers(self) -> list[Told | str]:
        """What each of those says that were asked."""
        answers: list[Told | str] = []
        good: list[ThreadRedis] = []
        for sentinel in self._sentinels:
            answers.append(answer := self._ask(sentinel))
            if isinstance(answer, Told):
                good.append(sentinel)
            if 2 * len(good) > len(self._sentinels):
                break
        self._sentinels.sort(key=lambda sentinel: sentinel not in good)
        return answers

    def _ask(self, sentinel: "ThreadRedis") -> Told | str:
        try:
            return read(sentinel.execute_command("SENTINEL", "MASTER", self._master)) or "foreign"  # type: ignore[no-untyped-call]
        except FAILURES as failure:
            return _why(failure)

    def get_master_address(self) -> Place:
        """Called by redis-py for each new connection."""
        with self._lock:
            return self.found(newest(self.answers(), len(self._sentinels)).place)

    def look(self) -> None:
        """Rule 2."""
        with self._lock:
            if not self.look_is_due():
                return
            self.unanswered()
            told = self.answers()
            if 2 * sum(isinstance(one, Told) for one in told) > len(self._sentinels):
                self.found(newest(told, len(self._sentinels)).place)

    def close(self) -> None:
        for sentinel in self._sentinels:
            sentinel.close()


class ThreadMasterConnection(thread.SentinelManagedConnection):
    """The same for threads."""

    connection_pool: ThreadEnquiry

    def connect(self) -> None:
        enquiry = self.connection_pool
        if self.is_connected:
            try:
                enquiry.look()
            except NoMaster:
                pass
            if (self.host, self.port) == enquiry.place:
                return
            self.disconnect()  # type: ignore[no-untyped-call]
        try:
            super().connect()  # type: ignore[no-untyped-call]
        except BaseException:
            enquiry.failed = True
            raise
        enquiry.failed = False

    def connect_to(self, address: Place) -> None:
        super().connect_to(address)  # type: ignore[no-untyped-call]
        try:
            self.send_command("ROLE")  # type: ignore[no-untyped-call]
            role = self.read_response()  # type: ignore[no-untyped-call]
        except NoPermissionError:
            return
        except BaseException:
            self.disconnect()  # type: ignore[no-untyped-call]
            raise
        if not _is_master(role):
            self.disconnect()  # type: ignore[no-untyped-call]
            raise MasterDemoted("what is named as the master is a replica")

    def read_response(self, *given: Any, **named: Any) -> Any:
        try:
            return super().read_response(*given, **named)  # type: ignore[no-untyped-call]
        except ResponseError as failure:
            if _unfit(failure):
                self.connection_pool.failed = True
                self.mark_for_reconnect()
            raise


class ThreadMasterTlsConnection(ThreadMasterConnection, ThreadSSLConnection):
    pass


class ThreadMasterPool(ThreadPool):
    def __init__(self, enquiry: ThreadEnquiry, *, tls: bool, **settings: Any) -> None:
        self._enquiry = enquiry
        kind = ThreadMasterTlsConnection if tls else ThreadMasterConnection
        super().__init__(connection_class=kind, connection_pool=enquiry, **settings)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        super().close()
        self._enquiry.close()
