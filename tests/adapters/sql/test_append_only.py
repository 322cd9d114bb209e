"""Facts cannot be rewritten, not even by somebody with an SQL prompt (who would have to drop a trigger first)."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from router.adapters.sql import schema
from router.adapters.sql.directory import SqlDirectory
from router.adapters.sql.dsn import read_dsn
from router.adapters.sql.ledger import SqlLedger
from router.adapters.sql.upgrade import open_database
from router.domain.errors import RemoteError
from tests.contracts import test_directory, test_ledger

pytest_plugins = ["tests.contracts.databases"]


async def filled(dsn: str) -> None:
    """One row at least in every table."""
    ledger, directory = await SqlLedger.open(dsn), await SqlDirectory.open(dsn)
    told = test_ledger
    of_one = (told.a_record(), told.an_offer(), told.a_decision(), told.a_wrapup(), told.a_callback())
    await ledger.append([*of_one, told.an_overflow(), told.a_change()])
    await directory.put([test_directory.an_agent()], by="admin", now=1)
    await ledger.close()
    await directory.close()


@pytest.mark.parametrize("table", [table.name for table in schema.APPEND_ONLY])
async def test_a_fact_can_be_neither_changed_nor_deleted(sql_dsn: str, table: str) -> None:
    await filled(sql_dsn)
    database = await open_database(read_dsn(sql_dsn), name="ledger")
    column = "by" if table == "agent_audit" else next(iter(schema.metadata.tables[table].columns)).name
    deeds = [f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"]
    if database.dsn.kind == "postgresql":
        deeds += [f"TRUNCATE {table} CASCADE", f"DELETE FROM {table} WHERE false"]
    else:
        deeds += [f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"]
    for deed in deeds:
        async with database.reading() as connection:
            before = (await connection.execute(text(f"SELECT * FROM {table}"))).all()
        assert before
        with pytest.raises(RemoteError) as error:
            async with database.writing() as connection:
                await connection.execute(text(deed))
        assert "SQLITE_CONSTRAINT" in str(error.value) or "23001" in str(error.value)
        async with database.reading() as connection:
            assert (await connection.execute(text(f"SELECT * FROM {table}"))).all() == before
    await database.close()


async def test_segments_and_legs_cannot_be_without_their_record(sql_dsn: str) -> None:
    await filled(sql_dsn)
    database = await open_database(read_dsn(sql_dsn), name="ledger")
    orphan = "INSERT INTO legs (contact_id, position, uniqueid, linkedid, node) VALUES ('nobody', 0, 'a', 'a', 'a')"
    with pytest.raises(RemoteError):
        async with database.writing() as connection:
            await connection.execute(text(orphan))
    await database.close()
