"""The database of facts: reachable, the right schema, writable, with room. Looks only: nothing is made or upgraded."""

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from router.cli.checkup.clock import judge_clock
from router.cli.checkup.finding import Finding, fail, ok, warn
from router.cli.site import sqlite_path

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from router.adapters.sql.database import Database
    from router.config import Site
    from router.ports import AgentEntry

ANSWER_S = 8.0
FEW_BYTES = 1 << 30


async def examine_database(site: "Site") -> list[Finding]:
    path = sqlite_path(site)
    if path is not None and not path.exists():
        return [_not_made_yet(path)]
    from router.adapters.sql.database import connect
    from router.adapters.sql.dsn import read_dsn

    dsn = read_dsn(site.ledger_dsn)
    database = connect(dsn, name="ledger", deadline_s=ANSWER_S)
    try:
        findings = [await _schema(database)]
        if path is None:
            findings += await _server(database)
        else:
            findings += [await _locked(database), _room(path.parent)]
        return [ok("database", f"answers at {dsn.shown}"), *findings]
    finally:
        await database.close()


async def agents_of(site: "Site") -> dict[str, str]:
    """Endpoint → transport of the active agents, as far as there is a directory; never makes one."""
    return {e.profile.endpoint: e.transport for e in await entries_of(site) if not e.profile.dial}


async def entries_of(site: "Site") -> tuple["AgentEntry", ...]:
    """The active agents, as far as there is a directory of this version; looks only. Raises `RemoteError`."""
    path = sqlite_path(site)
    if path is not None and not path.exists():
        return ()
    from router.adapters.sql.database import connect
    from router.adapters.sql.directory import SqlDirectory
    from router.adapters.sql.dsn import read_dsn
    from router.adapters.sql.schema import HEAD

    database = connect(read_dsn(site.ledger_dsn), name="directory", deadline_s=ANSWER_S)
    try:
        async with database.reading() as connection:
            found = await _version(connection)
        if found != HEAD:
            return ()
        return tuple(entry for entry in await SqlDirectory(database).agents() if entry.active)
    finally:
        await database.close()


def _not_made_yet(path: Path) -> Finding:
    folder = path.parent
    if not folder.is_dir():
        return fail(
            "database",
            f"{folder} is not there",
            "a directory for the ledger",
            f"mkdir -p {folder}; chown it to the router.",
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        mend = "Give it to the user the router runs as, and run doctor as that user."
        return fail("database", f"{folder} cannot be written by this user", "a writable directory", mend)
    return warn("database", f"no file {path} yet", "a ledger", "Nothing to do: the first `ringfair serve` makes it.")


async def _version(connection: "AsyncConnection") -> str | None:
    from sqlalchemy import column, inspect, select, table

    from router.adapters.sql.schema import VERSION_TABLE

    if not await connection.run_sync(lambda sync: inspect(sync).has_table(VERSION_TABLE)):
        return None
    found = (await connection.execute(select(table(VERSION_TABLE, column("version_num")).c.version_num))).scalar()
    return None if found is None else str(found)


async def _schema(database: "Database") -> Finding:
    from router.adapters.sql.schema import HEAD

    async with database.reading() as connection:
        found = await _version(connection)
    if found == HEAD:
        return ok("database.schema", found)
    if found is None:
        return warn("database.schema", "no tables yet", HEAD, "Nothing to do: the first `ringfair serve` makes them.")
    if found < HEAD:
        mend = "Nothing to do: the next `ringfair serve` brings it up; make a backup before."
        return warn("database.schema", found, HEAD, mend)
    mend = "Install the version of Ringfair that made it, or restore the backup taken before that one was installed."
    return fail("database.schema", found, f"{HEAD} or older", mend)


async def _locked(database: "Database") -> Finding:
    """Take SQLite's write lock and give it back."""
    async with database.writing() as connection:
        from sqlalchemy import text

        await connection.execute(text("SELECT 1"))
    if not os.access(database.dsn.path, os.W_OK):
        mend = "Run doctor as the user the router runs as, or give the file to that user."
        return fail("database.write", f"{database.dsn.path} cannot be written by this user", "a writable file", mend)
    return ok("database.write", "the write lock can be taken")


def _room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    shown = f"{free / (1 << 30):.1f} GiB free at {folder}"
    if free < FEW_BYTES:
        return warn(
            "database.room", shown, "1 GiB or more", "Make room: a full disk means records kept in memory only."
        )
    return ok("database.room", shown)


async def _server(database: "Database") -> list[Finding]:
    from sqlalchemy import text

    query = text(
        "SELECT current_setting('server_version'), pg_is_in_recovery(), "
        "current_setting('default_transaction_read_only'), current_setting('synchronous_commit'), "
        "current_setting('fsync'), extract(epoch FROM clock_timestamp())"
    )
    async with database.reading() as connection:
        began, wall = time.monotonic_ns(), time.time_ns() // 1000
        row = (await connection.execute(query)).one()
        round_trip = (time.monotonic_ns() - began) // 1000
    version, standby, read_only, commit, fsync, epoch = row
    findings = [ok("database.version", f"PostgreSQL {version}")]
    if standby or read_only == "on":
        mend = "Name the primary in ledger.dsn, or add target_session_attrs=read-write."
        findings.append(fail("database.write", "read-only (a standby?)", "a primary", mend))
    else:
        findings.append(ok("database.write", "a primary"))
    if commit == "off" or fsync == "off":
        mend = "synchronous_commit = on and fsync = on: else a power cut takes committed records away."
        shown = f"synchronous_commit {commit}, fsync {fsync}"
        findings.append(warn("database.durability", shown, "both on", mend))
    ahead = int(float(epoch) * 1_000_000) - wall - round_trip // 2
    findings.append(judge_clock("database.clock", ahead, round_trip))
    return findings
