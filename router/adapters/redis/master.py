"""Connections of a loop to the master the Sentinels name: the rules of sentinel.py."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import SSLConnection
from redis.asyncio.sentinel import SentinelManagedConnection
from redis.exceptions import NoPermissionError, ResponseError

from router.adapters.redis.sentinel import (
    FAILURES,
    Answer,
    Place,
    Told,
    Whereabouts,
    absence,
    enough,
    is_unfit,
    must_be_master,
    newest,
    read,
)

if TYPE_CHECKING:
    from redis.asyncio import Redis


class Enquiry(Whereabouts):
    """Asks one Sentinel after the other until more than half have told; who did is asked first the next time."""

    def __init__(self, master: str, sentinels: "Sequence[Redis]") -> None:
        super().__init__()
        self._master = master
        self._sentinels = tuple(sentinels)

    async def ask(self, *, all_of_them: bool = False) -> list[Answer]:
        """What those say who were asked."""
        answers: list[Answer] = []
        good: list[Redis] = []
        for sentinel in self._sentinels:
            try:
                asked: Any = sentinel  # redis-py's commands are half typed
                answers.append(read(await asked.execute_command("SENTINEL", "MASTER", self._master)))
            except FAILURES as failure:
                answers.append(absence(failure))
            if isinstance(answers[-1], Told):
                good.append(sentinel)
            if enough(answers, len(self._sentinels)) and not all_of_them:
                break
        self._sentinels = tuple(sorted(self._sentinels, key=lambda sentinel: sentinel not in good))
        return answers

    async def get_master_address(self) -> Place:
        """Called by redis-py for each new connection."""
        return self.found(newest(await self.ask(), len(self._sentinels)).place)

    async def look(self) -> None:
        """Rule 2."""
        if self.look_is_due():
            self.looked(await self.ask(), len(self._sentinels))

    async def close(self) -> None:
        for sentinel in self._sentinels:
            await sentinel.aclose()


class MasterConnection(SentinelManagedConnection):
    """To wherever the master is."""

    connection_pool: Enquiry

    async def connect(self) -> None:
        """Called whenever the connection is taken from its pool, connected or not."""
        enquiry = self.connection_pool
        if self.is_connected:
            await enquiry.look()
            if (self.host, self.port) == enquiry.place:
                return
            await self.disconnect()
        try:
            await super().connect()  # type: ignore[no-untyped-call]
        except BaseException:
            enquiry.failed = True
            raise
        enquiry.failed = False

    async def connect_to(self, address: Place) -> None:
        """Called by redis-py with what `get_master_address` said."""
        await super().connect_to(address)  # type: ignore[no-untyped-call]
        try:
            await self.send_command("ROLE")
            must_be_master(await self.read_response())
        except NoPermissionError:
            pass  # nobody has to let us ask; a write will tell
        except BaseException:
            await self.disconnect()
            raise

    async def read_response(self, *given: Any, **named: Any) -> Any:
        try:
            return await super().read_response(*given, **named)
        except ResponseError as failure:
            if is_unfit(failure):
                self.connection_pool.failed = True
                self.mark_for_reconnect()  # type: ignore[no-untyped-call]
            raise


class MasterTlsConnection(MasterConnection, SSLConnection):
    """The same over TLS."""


class MasterPool(BlockingConnectionPool):
    """The ordinary blocking pool, which lets go of the Sentinels as well."""

    def __init__(self, enquiry: Enquiry, *, tls: bool, **settings: Any) -> None:
        self._enquiry = enquiry
        kind = MasterTlsConnection if tls else MasterConnection
        super().__init__(connection_class=kind, connection_pool=enquiry, **settings)

    async def aclose(self) -> None:
        await super().aclose()
        await self._enquiry.close()
