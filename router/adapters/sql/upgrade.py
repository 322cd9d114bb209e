"""Bring a database to the schema this code knows, on every open; harmless when it is there already.

Two processes may start at once, so everything happens in one transaction under a lock that both databases drop by
themselves when a process dies: SQLite's write lock, and on PostgreSQL a transaction-level advisory lock. The second
one waits, looks again and finds nothing to do. DDL is transactional on both: an upgrade happens whole or not at all.
"""

import asyncio
import time
from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table, text

from router.adapters.sql.database import DEADLINE_S, Database, check_sqlite, connect
from router.adapters.sql.dsn import Dsn
from router.adapters.sql.schema import HEAD, VERSION_TABLE
from router.domain.errors import RemoteError

UPGRADE_S = 1800.0
"An upgrade may have to go through every record."
_LOCK_KEY = 0x52494E4746414952  # "RINGFAIR"
_VERSION = table(VERSION_TABLE, column("version_num"))


async def open_database(dsn: Dsn, *, name: str, deadline_s: float = DEADLINE_S) -> Database:
    """An open database with our tables in it.

    Raises `RemoteError`: besides `NAME-unreachable` and `NAME-refused` also `NAME-schema-newer` (not retryable).
    """
    if dsn.kind == "sqlite":
        check_sqlite(name)
    database = connect(dsn, name=name, deadline_s=deadline_s)
    try:
        await _patiently(database)
    except BaseException:
        await database.close()
        raise
    return database


async def _patiently(database: Database) -> None:
    """SQLite refuses at once, without its busy timeout, while another process switches a new file to WAL."""
    until = time.monotonic() + database.deadline_s
    while True:
        try:
            return await _bring_up(database)
        except RemoteError as error:
            if error.error_id != f"{database.name}-busy" or time.monotonic() > until:
                raise
        await asyncio.sleep(0.05)


async def _bring_up(database: Database) -> None:
    async with database.reading() as connection:
        found = await connection.run_sync(_version)
    if found == HEAD:  # the usual case, without the half second that importing alembic takes
        return
    async with database.writing(UPGRADE_S) as connection:
        if database.dsn.kind == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        await connection.run_sync(_upgrade, database)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(select(_VERSION.c.version_num)).scalar()


def _upgrade(connection: Connection, database: Database) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    found = _version(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise RemoteError(
            f"{database.name}-schema-newer",
            f"{database.dsn.shown} has schema {found}, this Ringfair knows up to {HEAD}. Install the version of "
            "Ringfair that made it, or restore the backup taken before that version was installed",
            found=found,
            known=HEAD,
        )
    if found != HEAD:
        command.upgrade(config, HEAD)
