"""What the doctor says of databases: a real SQLite file and a real PostgreSQL."""

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from router.cli.exits import DONE
from tests.cli.conftest import Bench

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from tests.contracts.databases import PostgresServer

pytest_plugins = ["tests.contracts.databases"]


def about_the_database(bench: Bench) -> dict[str, str]:
    """Check → verdict; the other neighbours are missing, so the exit code is 1."""
    found = bench.findings(exit_code=1)
    return {check: finding["verdict"] for check, finding in found.items() if check.startswith("database")}


def test_a_ledger_in_use_is_well(bench: Bench) -> None:
    bench.remember()
    found = about_the_database(bench)
    assert found.pop("database.room") in ("ok", "warn")
    assert found == {"database": "ok", "database.schema": "ok", "database.write": "ok"}


def test_a_schema_of_a_newer_version_is_a_fault_and_is_left_alone(bench: Bench) -> None:
    bench.remember()
    with sqlite3.connect(bench.directory / "ledger.sqlite3") as connection:
        connection.execute("UPDATE ringfair_schema SET version_num = '9999'")
    connection.close()
    assert about_the_database(bench)["database.schema"] == "fail"


def test_a_file_that_is_no_database_is_a_fault(bench: Bench) -> None:
    (bench.directory / "ledger.sqlite3").write_text("Dear diary, " * 100)
    assert about_the_database(bench)["database"] == "fail"


def test_an_empty_file_is_left_empty(bench: Bench) -> None:
    file = bench.directory / "ledger.sqlite3"
    file.touch()
    assert about_the_database(bench)["database.schema"] == "warn"
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()


def test_a_directory_that_is_not_there_is_a_fault(bench: Bench, tmp_path: Path) -> None:
    bench.settings["ledger"] = f'dsn = "sqlite:///{tmp_path}/nowhere/ledger.sqlite3"\n'
    assert about_the_database(bench) == {"database": "fail"}


@pytest.fixture
def on_postgres(bench: Bench, postgres: "PostgresServer") -> Bench:
    address, password = postgres.new_database(), postgres.password
    secret = bench.directory / "ledger.secret"
    secret.write_text(password)
    secret.chmod(0o600)
    bare = address.replace(f":{password}@", "@")
    assert password not in bare
    bench.settings["ledger"] = f'dsn = "{bare}"\npassword_file = "ledger.secret"\n'
    return bench


def test_a_postgresql_is_examined_and_used(on_postgres: Bench) -> None:
    assert about_the_database(on_postgres)["database.schema"] == "warn"
    assert on_postgres.run("agent", "add", "agent-1001").exit_code == DONE
    found = about_the_database(on_postgres)
    # the test's server has fsync off, which the doctor is right to mention
    assert found.pop("database.durability") == "warn"
    assert set(found.values()) == {"ok"}
    assert {"database.version", "database.write", "database.clock"} <= found.keys()


def test_a_wrong_password_is_told_and_not_shown(on_postgres: Bench) -> None:
    (on_postgres.directory / "ledger.secret").write_text("wrong-password-of-the-test")
    result = on_postgres.run("doctor")
    assert "wrong-password-of-the-test" not in result.output
    assert about_the_database(on_postgres) == {"database": "fail"}
