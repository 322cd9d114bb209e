"""The ledger's database: our own statements on SQLite in memory, reached over a line that breaks.

It can be away, slow, or die after the commit and before it said so: then nobody knows whether it was.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from sqlalchemy import Connection, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import StaticPool

from router.adapters.sql import schema
from router.adapters.sql.dsn import Dsn, read_dsn
from router.adapters.sql.refusals import translated
from tests.simulation.points import Points

DEADLINE_S = 10.0
IDENTITY = "ledger-of-the-simulation"


class DatabaseServer:
    def __init__(self, points: Points) -> None:
        self.points = points
        self.up = True
        self.life = 0
        self.forgets_to_answer = 0
        "So many commits are done and never confirmed."
        engine = create_engine(
            "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False, "isolation_level": None}
        )

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN")

        self.connection = engine.connect()
        with self.connection.begin():
            schema.metadata.create_all(self.connection)
            self.connection.execute(schema.identity.insert(), [{"ledger": IDENTITY}])

    def die(self) -> None:
        self.up = False
        self.life += 1


class LedgerLine:
    """What `router.adapters.sql.database.Database` is to the ledger, from one machine."""

    def __init__(self, server: DatabaseServer, dice: Random) -> None:
        self.dsn: Dsn = read_dsn("sqlite:////modelled.db")
        self.name = "ledger"
        self.deadline_s = DEADLINE_S
        self.server = server
        self.cut = False
        self.slow_s = 0.0
        self._dice = dice

    def insert(self, table: Table) -> Any:
        return sqlite.insert(table).on_conflict_do_nothing()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        async with self._transaction("read") as connection:
            yield connection

    @asynccontextmanager
    async def writing(self, deadline_s: float | None = None) -> AsyncIterator[Any]:
        async with self._transaction("append") as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(self, name: str) -> AsyncIterator[Any]:
        server = self.server
        with translated(self.name, self.dsn, self.deadline_s):
            async with asyncio.timeout(self.deadline_s):
                server.points.at(f"database: {name} asked")
                await self._on_the_way()
                server.points.at(f"database: {name} begins")
                self._must_answer(server.life)
                life = server.life
                with server.connection.begin():
                    yield _Synchronous(server.connection)
                    server.points.at(f"database: {name} before the commit")
                    self._must_answer(life)
                server.points.at(f"database: {name} committed")
                if name == "append" and server.forgets_to_answer:
                    server.forgets_to_answer -= 1
                    raise ConnectionResetError("the connection broke")
                await self._on_the_way()
                self._must_answer(life)
                server.points.at(f"database: {name} answered")

    async def _on_the_way(self) -> None:
        await asyncio.sleep(self._dice.randint(200, 4000) / 1e6 + self.slow_s)

    def _must_answer(self, life: int) -> None:
        if self.cut or not self.server.up or self.server.life != life:
            raise ConnectionRefusedError("no database there")

    async def close(self) -> None: ...


class _Synchronous:
    """An `AsyncConnection` whose statements take no time: nothing comes in between."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def execute(self, statement: Any, given: Any = None) -> Any:
        return self._connection.execute(statement, given)
