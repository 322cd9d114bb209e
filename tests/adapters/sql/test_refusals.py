"""Databases that are away, locked, damaged or not ours: a clear error with an id, and no password in it."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sqlite3
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from router.adapters.sql import database
from router.adapters.sql.dsn import read_dsn
from router.adapters.sql.ledger import SqlLedger
from router.adapters.sql.refusals import translated
from router.adapters.sql.upgrade import open_database
from router.domain.errors import RemoteError
from tests.contracts.test_ledger import a_record, told

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from tests.contracts.databases import PostgresServer

pytest_plugins = ["tests.contracts.databases"]


async def refusal_of(dsn: str, *, deadline_s: float = 10.0) -> RemoteError:
    with pytest.raises(RemoteError) as error:
        await SqlLedger.open(dsn, deadline_s=deadline_s)
    return error.value


def everything_said(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + repr(getattr(error, "details", ""))


async def test_a_server_that_is_not_there_is_unreachable_and_worth_another_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error = await refusal_of(f"postgresql://ringfair:S3cret-word@127.0.0.1:{port}/ringfair")
    assert (error.error_id, error.retryable) == ("ledger-unreachable", True)
    assert f"ringfair:***@127.0.0.1:{port}" in error.message
    assert "S3cret" not in everything_said(error)


async def test_a_server_that_never_answers_is_given_up_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dsn = f"postgresql://ringfair:S3cret-word@127.0.0.1:{silent.getsockname()[1]}/ringfair"
        error = await refusal_of(dsn, deadline_s=0.3)
    assert (error.error_id, error.retryable) == ("ledger-unreachable", True)
    assert "did not answer within 0.3 s" in error.message
    assert "S3cret" not in everything_said(error)


async def test_a_wrong_password_is_refused_and_in_no_text(
    postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    error = await refusal_of(postgres.dsn("postgres", password="S3cret-word"))
    assert (error.error_id, error.retryable) == ("ledger-refused", False)
    assert "28P01" in error.message
    assert "S3cret" not in everything_said(error) + caplog.text


async def test_a_database_that_does_not_exist_is_refused_by_name(postgres: PostgresServer) -> None:
    error = await refusal_of(postgres.dsn("no_such_database"))
    assert (error.error_id, error.retryable) == ("ledger-refused", False)
    assert "no_such_database" in error.message


@pytest.mark.parametrize("password", ["S3cret/word", "S3cret#word", "S3cret:w@ord", "S3cret?word", "S3cret[word"])
async def test_a_password_that_breaks_the_address_is_not_quoted(password: str) -> None:
    error = await refusal_of(f"postgresql://ringfair:{password}@127.0.0.1:1/ringfair", deadline_s=2.0)
    assert "S3cret" not in everything_said(error)
    assert "word" not in everything_said(error).replace("password", "")


async def test_a_frozen_server_costs_the_deadline_and_no_more_and_then_serves_again(postgres: PostgresServer) -> None:
    dsn = await postgres.new_database_here()
    ledger = await SqlLedger.open(dsn, deadline_s=1.0)
    postgres.freeze()
    try:
        with pytest.raises(RemoteError) as error:
            async with asyncio.timeout(30):
                await ledger.append([a_record()])
    finally:
        postgres.thaw()
    assert (error.value.error_id, error.value.retryable) == ("ledger-unreachable", True)
    await ledger.append([a_record()])
    assert len(await told(ledger)) == 1
    await ledger.close()


async def test_a_server_that_was_restarted_is_found_again_without_an_error(postgres: PostgresServer) -> None:
    ledger = await SqlLedger.open(await postgres.new_database_here())
    await ledger.append([a_record(1)])
    postgres.stop(signal.SIGQUIT)
    with pytest.raises(RemoteError) as error:
        await ledger.append([a_record(2)])
    postgres.start()
    assert (error.value.error_id, error.value.retryable) == ("ledger-unreachable", True)
    await ledger.append([a_record(2)])
    assert len(await told(ledger)) == 2
    postgres.stop()
    postgres.start()
    await ledger.append([a_record(3)])
    assert len(await told(ledger)) == 3
    await ledger.close()


@pytest.mark.parametrize(
    ("raised", "error_id", "retryable"),
    [
        (asyncpg.AdminShutdownError("x"), "ledger-unreachable", True),
        (asyncpg.CannotConnectNowError("x"), "ledger-unreachable", True),
        (asyncpg.DiskFullError("x"), "ledger-unreachable", True),
        (asyncpg.TooManyConnectionsError("x"), "ledger-unreachable", True),
        (asyncpg.ReadOnlySQLTransactionError("x"), "ledger-unreachable", True),
        (asyncpg.InterfaceError("connection is closed"), "ledger-unreachable", True),
        (ConnectionResetError("x"), "ledger-unreachable", True),
        (TimeoutError(), "ledger-unreachable", True),
        (asyncpg.DeadlockDetectedError("x"), "ledger-busy", True),
        (asyncpg.LockNotAvailableError("x"), "ledger-busy", True),
        (asyncpg.InsufficientPrivilegeError("x"), "ledger-refused", False),
        (asyncpg.UndefinedTableError("x"), "ledger-refused", False),
        (asyncpg.CharacterNotInRepertoireError("x"), "ledger-fact-refused", False),
        (asyncpg.DataError("x"), "ledger-fact-refused", False),
        (ValueError("x"), "ledger-refused", False),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_each_error_of_a_driver_has_its_id(raised: Exception, error_id: str, retryable: bool, wrapped: bool) -> None:
    dsn = read_dsn("postgresql://ringfair@127.0.0.1/ringfair")
    if wrapped and isinstance(raised, asyncpg.PostgresError):  # as SQLAlchemy does
        between = RuntimeError("adapted")
        between.__cause__ = raised
        raised = DBAPIError("INSERT", {}, between)
    with pytest.raises(RemoteError) as error, translated("ledger", dsn, 1.0):
        raise raised
    assert (error.value.error_id, error.value.retryable) == (error_id, retryable)


async def test_a_transaction_as_a_whole_has_a_deadline(sql_dsn: str) -> None:
    opened = await open_database(read_dsn(sql_dsn), name="ledger", deadline_s=0.5)
    for transaction in (opened.writing, opened.reading):
        with pytest.raises(RemoteError) as error:
            async with transaction():
                await asyncio.sleep(3600)
        assert error.value.error_id == "ledger-unreachable"
    await opened.close()


async def test_a_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    error = await refusal_of(f"sqlite:///{tmp_path}/none/ledger.db")
    assert (error.error_id, error.retryable) == ("ledger-refused", False)
    assert f"{tmp_path}/none/ledger.db" in error.message
    assert "Make its directory" in error.message


async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this is a letter, not a database\n" * 100)
    error = await refusal_of(f"sqlite:///{path}")
    assert (error.error_id, error.retryable) == ("ledger-refused", False)
    assert "SQLITE_NOTADB" in error.message
    assert path.read_bytes().startswith(b"this is a letter")


async def test_a_locked_file_is_busy_and_serves_again_when_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.1)
    ledger = await SqlLedger.open(f"sqlite:///{tmp_path}/ledger.db")
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RemoteError) as error:
        await ledger.append([a_record()])
    assert (error.value.error_id, error.value.retryable) == ("ledger-busy", True)
    assert await told(ledger) == []  # readers do not wait for a writer
    other.execute("ROLLBACK")
    other.close()
    await ledger.append([a_record()])
    assert len(await told(ledger)) == 1
    await ledger.close()


async def test_a_missing_table_is_refused_and_does_not_quote_the_caller(tmp_path: Path) -> None:
    ledger = await SqlLedger.open(f"sqlite:///{tmp_path}/ledger.db")
    other = sqlite3.connect(tmp_path / "ledger.db")
    other.executescript("DROP TABLE segments; DROP TABLE legs; DROP TABLE records;")
    other.close()
    record = a_record(ani="+49302312" + "5077")
    with pytest.raises(RemoteError) as error:
        await ledger.append([record])
    assert (error.value.error_id, error.value.retryable) == ("ledger-refused", False)
    assert record.ani not in everything_said(error.value)
    await ledger.close()
