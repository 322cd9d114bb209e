"""One open database: connections, transactions with a deadline, and errors as `RemoteError`.

SQLite (https://www.sqlite.org/wal.html, /pragma.html): write-ahead log, so that `ringfair records` reads while the
router writes; `synchronous=FULL`, so that a committed fact survives a power cut; a writing transaction begins with
BEGIN IMMEDIATE, because one that reads first and writes later is refused at once and not after `busy_timeout`.
The file is made with mode 0640, and SQLite gives its -wal and -shm files the same.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import URL, Connection, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from router.adapters.sql.dsn import Dsn
from router.adapters.sql.refusals import translated
from router.domain.errors import RemoteError

DEADLINE_S = 10.0
BUSY_S = 5.0
"How long a SQLite statement waits for another process's lock; below the deadline, so that it can say so itself."
FILE_MODE = 0o640
_CONNECTIONS = 3  # one writes, one pages through records, one answers a question in between
_WRITING = "ringfair_writing"

Insert = postgresql.Insert | sqlite.Insert


class Database:
    """Made by `open_database`; `name` (`ledger` or `directory`) begins the ids of its errors."""

    def __init__(self, dsn: Dsn, engine: AsyncEngine, *, name: str, deadline_s: float) -> None:
        self.dsn = dsn
        self.name = name
        self.deadline_s = deadline_s
        self._engine = engine

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one state of the database. Raises `RemoteError`."""
        with translated(self.name, self.dsn, self.deadline_s):
            async with asyncio.timeout(self.deadline_s), self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self, deadline_s: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed when the block ends, rolled back when it raises. Raises `RemoteError`."""
        deadline_s = deadline_s or self.deadline_s
        with translated(self.name, self.dsn, deadline_s):
            async with asyncio.timeout(deadline_s), self._engine.connect() as connection:
                await connection.execution_options(**{_WRITING: True})
                async with connection.begin():
                    yield connection

    def insert(self, table: Table) -> Insert:
        """INSERT … ON CONFLICT DO NOTHING in the dialect of this database."""
        if self.dsn.kind == "sqlite":
            return sqlite.insert(table).on_conflict_do_nothing()
        return postgresql.insert(table).on_conflict_do_nothing()

    async def close(self) -> None:
        """Close every connection; twice is harmless."""
        with translated(self.name, self.dsn, self.deadline_s):
            async with asyncio.timeout(self.deadline_s):
                await self._engine.dispose()


def connect(dsn: Dsn, *, name: str, deadline_s: float = DEADLINE_S) -> Database:
    """The database without its tables; use `open_database`. SQLite: makes the file, but no directory."""
    if dsn.kind == "postgresql":
        engine = _postgresql(dsn, deadline_s)
    else:
        _make_file(dsn, name)
        engine = _sqlite(dsn)
    return Database(dsn, engine, name=name, deadline_s=deadline_s)


def _postgresql(dsn: Dsn, deadline_s: float) -> AsyncEngine:
    async def dial(*_: object, **__: object) -> Any:
        return await asyncpg.connect(
            dsn.address,
            timeout=deadline_s,
            command_timeout=deadline_s,
            server_settings={"application_name": "ringfair"},
        )

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=dial,
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_timeout=deadline_s,
        pool_pre_ping=True,  # one round trip per batch, so that a restart of the server costs no batch an error
        hide_parameters=True,
        # Said aloud, since a server may have another default: whoever waited for a lock must see what was committed
        # meanwhile, or the next link of the chain would be computed from an old end.
        isolation_level="READ COMMITTED",
    )


def _sqlite(dsn: Dsn) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=dsn.address),
        # isolation_level None: the driver begins and ends nothing behind our back.
        connect_args={"timeout": BUSY_S, "isolation_level": None},
        pool_size=_CONNECTIONS,
        max_overflow=0,
        hide_parameters=True,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        try:
            for pragma in (
                f"busy_timeout={int(BUSY_S * 1000)}",
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                "recursive_triggers=ON",  # else INSERT OR REPLACE deletes without asking the triggers
            ):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
        except BaseException:
            connection.close()  # the pool does not know it yet, and its thread would outlive us
            raise

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get(_WRITING, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _make_file(dsn: Dsn, name: str) -> None:
    """Make the file with its mode before SQLite would make it with the umask's."""
    try:
        handle = os.open(dsn.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, FILE_MODE)
    except FileExistsError:
        return
    except OSError as error:
        message = f"{dsn.shown} cannot be made: {error.strerror}. Make its directory, writable for this user"
        raise RemoteError(f"{name}-refused", message) from error
    try:
        os.fchmod(handle, FILE_MODE)
    finally:
        os.close(handle)


SQLITE_FLOOR = (3, 35, 0)  # INSERT … RETURNING


def check_sqlite(name: str) -> None:
    """Refuse a SQLite library that cannot do what the ledger needs."""
    if sqlite3.sqlite_version_info < SQLITE_FLOOR:
        wanted = ".".join(map(str, SQLITE_FLOOR))
        raise RemoteError(f"{name}-refused", f"SQLite {sqlite3.sqlite_version} is too old: {wanted} is needed")
