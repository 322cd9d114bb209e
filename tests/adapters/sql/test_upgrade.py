"""Opening a database: made once, by whoever comes first, and never against a newer one."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from router.adapters.sql import rows, schema, upgrade
from router.adapters.sql.database import connect
from router.adapters.sql.directory import SqlDirectory
from router.adapters.sql.dsn import read_dsn
from router.adapters.sql.ledger import SqlLedger
from router.domain.errors import RemoteError
from tests.contracts.test_ledger import NOON, a_change, a_record

pytest_plugins = ["tests.contracts.databases"]

ROOT = Path(__file__).parents[3]
OPEN_ONCE = """
import asyncio, sys
from router.adapters.sql.ledger import SqlLedger
async def main():
    print("ready", flush=True)
    sys.stdin.readline()
    await (await SqlLedger.open(sys.argv[1])).close()
asyncio.run(main())
"""


async def test_the_migrations_build_exactly_the_schema(sql_dsn: str) -> None:
    database = await upgrade.open_database(read_dsn(sql_dsn), name="ledger")

    def differences(connection: Connection) -> list[object]:
        options = {"version_table": schema.VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, schema.metadata))

    async with database.reading() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


def test_the_newest_migration_is_the_one_the_code_expects() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(upgrade.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


async def test_many_may_open_a_new_database_at_once_in_one_process(sql_dsn: str) -> None:
    ledgers = await asyncio.gather(*(SqlLedger.open(sql_dsn) for _ in range(6)))
    directories = await asyncio.gather(*(SqlDirectory.open(sql_dsn) for _ in range(2)))
    for opened in (*ledgers, *directories):
        await opened.close()


async def test_many_processes_may_open_a_new_database_at_once(sql_dsn: str) -> None:
    openers = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", OPEN_ONCE, sql_dsn),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        for _ in range(4)
    ]
    for opener in openers:
        assert opener.stdout
        assert await asyncio.wait_for(opener.stdout.readline(), 30) == b"ready\n"
    results = await asyncio.gather(*(opener.communicate(b"go\n") for opener in openers))
    assert [(opener.returncode, err) for opener, (_, err) in zip(openers, results, strict=True)] == [(0, b"")] * 4


async def test_a_newer_schema_is_left_alone_and_the_error_says_what_to_do(sql_dsn: str) -> None:
    await (await SqlLedger.open(sql_dsn)).close()
    database = connect(read_dsn(sql_dsn), name="ledger")
    async with database.writing() as connection:
        await connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'"))
    await database.close()
    with pytest.raises(RemoteError) as error:
        await SqlLedger.open(sql_dsn)
    assert (error.value.error_id, error.value.retryable) == ("ledger-schema-newer", False)
    assert "9999" in error.value.message
    assert "Install the version" in error.value.message


async def test_an_upgrade_that_fails_leaves_nothing_behind(sql_dsn: str) -> None:
    database = connect(read_dsn(sql_dsn), name="ledger")
    async with database.writing() as connection:
        await connection.execute(text("CREATE TABLE agent_audit (x INTEGER)"))  # in the way of the last table
    with pytest.raises(RemoteError) as error:
        await SqlLedger.open(sql_dsn)
    assert error.value.error_id == "ledger-refused"
    async with database.writing() as connection:
        await connection.execute(text("DROP TABLE agent_audit"))
    await database.close()
    await (await SqlLedger.open(sql_dsn)).close()


async def at_first_schema(dsn: str) -> None:
    """A database as the first release left it, with three contacts that ended in another order than they came."""
    database = connect(read_dsn(dsn), name="ledger")
    config = Config()
    config.set_main_option("script_location", str(Path(upgrade.__file__).parent / "migrations"))

    def build(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for number, end in ((1, 30), (2, 10), (3, 20)):
            record = a_record(number, ended_at=NOON + end, ani="Zoë\u2028\U0001f642", answered_at=None)
            batch = rows.batch([record])
            connection.execute(schema.records.insert(), batch.records)
            connection.execute(schema.segments.insert(), rows.segment_rows(record))
            connection.execute(schema.legs.insert(), rows.leg_rows(record))

    async with database.writing() as connection:
        await connection.run_sync(build)
    await database.close()


async def test_records_of_the_first_release_are_chained_in_the_order_of_their_ends_and_not_rewritten(
    sql_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await at_first_schema(sql_dsn)
    database = connect(read_dsn(sql_dsn), name="ledger")
    query = text("SELECT contact_id, ani, ended_at, end_estimated FROM records ORDER BY contact_id")
    async with database.reading() as connection:
        before = (await connection.execute(query)).all()
    ledger = await SqlLedger.open(sql_dsn)
    async with database.reading() as connection:
        assert (await connection.execute(query)).all() == before
        chained = (await connection.execute(text("SELECT contact_id FROM chain ORDER BY position"))).scalars().all()
    assert chained == [a_record(number).contact_id for number in (2, 3, 1)]
    found = await ledger.inspect()
    assert (found.checked, found.broken) == (3, None)
    await ledger.append([a_record(4)])
    found = await ledger.inspect(noted=found.head)
    assert (found.checked, found.noted_at, found.broken) == (4, 3, None)
    await ledger.close()
    await database.close()


async def test_changes_of_the_release_before_stay_and_have_put_nothing_off(sql_dsn: str) -> None:
    database = connect(read_dsn(sql_dsn), name="ledger")
    config = Config()
    config.set_main_option("script_location", str(Path(upgrade.__file__).parent / "migrations"))
    before = {k: v for k, v in rows.agent_change_row(a_change()).items() if not k.startswith("next_") and k != "paid"}

    def build(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        names = ", ".join(before)
        values = ", ".join(f":{name}" for name in before)
        connection.execute(text(f"INSERT INTO agent_changes ({names}) VALUES ({values})"), before)

    async with database.writing() as connection:
        await connection.run_sync(build)
    await database.close()
    ledger = await SqlLedger.open(sql_dsn)
    assert await ledger.standings() == (a_change(),)
    await ledger.close()


def modes_in(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_the_file_is_for_owner_and_group_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        ledger = await SqlLedger.open(f"sqlite:///{tmp_path}/ledger.db")
        await ledger.append([])
        modes = modes_in(tmp_path)
        await ledger.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("ledger.db", "ledger.db-wal", "ledger.db-shm"), 0o640)


async def test_sqlite_writes_ahead_and_waits_for_the_disk(tmp_path: Path) -> None:
    database = await upgrade.open_database(read_dsn(f"sqlite:///{tmp_path}/ledger.db"), name="ledger")
    found = {}
    async with database.reading() as connection:
        for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "recursive_triggers"):
            found[pragma] = (await connection.execute(text(f"PRAGMA {pragma}"))).scalar()
    await database.close()
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "recursive_triggers": 1,
    }
