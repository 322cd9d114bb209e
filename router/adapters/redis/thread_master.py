"""Connections of threads to the master the Sentinels name: the rules of sentinel.py, as in master.py."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from redis import BlockingConnectionPool
from redis.connection import SSLConnection
from redis.exceptions import NoPermissionError, ResponseError
from redis.sentinel import SentinelManagedConnection

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
    from redis import Redis


class ThreadEnquiry(Whereabouts):
    """Asks one Sentinel after the other until more than half have told; who did is asked first the next time."""

    def __init__(self, master: str, sentinels: "Sequence[Redis]") -> None:
        super().__init__()
        self._master = master
        self._sentinels = tuple(sentinels)
        self._turn = threading.RLock()

    def ask(self, *, all_of_them: bool = False) -> list[Answer]:
        """What those say who were asked."""
        answers: list[Answer] = []
        good: list[Redis] = []
        for sentinel in self._sentinels:
            try:
                asked: Any = sentinel  # redis-py's commands are half typed
                answers.append(read(asked.execute_command("SENTINEL", "MASTER", self._master)))
            except FAILURES as failure:
                answers.append(absence(failure))
            if isinstance(answers[-1], Told):
                good.append(sentinel)
            if enough(answers, len(self._sentinels)) and not all_of_them:
                break
        self._sentinels = tuple(sorted(self._sentinels, key=lambda sentinel: sentinel not in good))
        return answers

    def get_master_address(self) -> Place:
        """Called by redis-py for each new connection."""
        with self._turn:
            return self.found(newest(self.ask(), len(self._sentinels)).place)

    def look(self) -> None:
        """Rule 2."""
        with self._turn:
            if self.look_is_due():
                self.looked(self.ask(), len(self._sentinels))

    def close(self) -> None:
        for sentinel in self._sentinels:
            sentinel.close()


class ThreadMasterConnection(SentinelManagedConnection):
    """To wherever the master is."""

    connection_pool: ThreadEnquiry

    def connect(self) -> None:
        """Called whenever the connection is taken from its pool, connected or not."""
        enquiry = self.connection_pool
        if self.is_connected:
            enquiry.look()
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
        """Called by redis-py with what `get_master_address` said."""
        super().connect_to(address)  # type: ignore[no-untyped-call]
        try:
            self.send_command("ROLE")  # type: ignore[no-untyped-call]
            must_be_master(self.read_response())
        except NoPermissionError:
            pass  # nobody has to let us ask; a write will tell
        except BaseException:
            self.disconnect()  # type: ignore[no-untyped-call]
            raise

    def read_response(self, *given: Any, **named: Any) -> Any:
        try:
            return super().read_response(*given, **named)
        except ResponseError as failure:
            if is_unfit(failure):
                self.connection_pool.failed = True
                self.mark_for_reconnect()  # type: ignore[no-untyped-call]
            raise


class ThreadMasterTlsConnection(ThreadMasterConnection, SSLConnection):
    """The same over TLS."""


class ThreadMasterPool(BlockingConnectionPool):
    """The ordinary blocking pool, which lets go of the Sentinels as well."""

    def __init__(self, enquiry: ThreadEnquiry, *, tls: bool, **settings: Any) -> None:
        self._enquiry = enquiry
        kind = ThreadMasterTlsConnection if tls else ThreadMasterConnection
        super().__init__(connection_class=kind, connection_pool=enquiry, **settings)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        super().close()
        self._enquiry.close()
