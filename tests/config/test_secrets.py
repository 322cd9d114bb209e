"""Secrets come from files of their own or the environment, and are never shown."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from router.cli.config import app
from router.config import load
from tests.config.site_files import SECRET, SETTINGS, WriteSite, only_fault


def a_secret_file(directory: Path, content: bytes = b"hunter2\n", mode: int = 0o640) -> Path:
    path = directory / "ami.secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path


WITH_FILE = SETTINGS + 'secret_file = "ami.secret"\n'


def test_a_secret_is_read_from_its_file(a_site: WriteSite) -> None:
    directory = a_site(WITH_FILE)
    a_secret_file(directory)
    assert load(directory, {}).secrets.asterisk == "hunter2"


def test_the_environment_goes_before_the_file(a_site: WriteSite) -> None:
    assert load(a_site(WITH_FILE), SECRET).secrets.asterisk == "for-tests-only"


def test_a_password_of_the_ledger_joins_its_address(a_site: WriteSite) -> None:
    directory = a_site(SETTINGS + '[ledger]\ndsn = "postgresql://acd@db1,db2:5433/facts?sslmode=require"\n')
    site = load(directory, {**SECRET, "RINGFAIR_LEDGER_PASSWORD": "p@ss/w:rd"})
    assert site.ledger_dsn == "postgresql://acd:p%40ss%2Fw%3Ard@db1,db2:5433/facts?sslmode=require"
    assert "p@ss" not in repr(site)
    assert "p%40" not in repr(site)


@pytest.mark.parametrize("dsn", ["postgresql://db/facts", "sqlite:////tmp/x"])
def test_a_password_nobody_can_use_is_told(a_site: WriteSite, dsn: str) -> None:
    directory = a_site(SETTINGS + f'[ledger]\ndsn = "{dsn}"\n')
    fault = only_fault(directory, {**SECRET, "RINGFAIR_LEDGER_PASSWORD": "hunter2"})
    assert fault.key == "ledger.dsn"
    assert "a user" in fault.expected


def test_no_secret_at_all_is_told(a_site: WriteSite) -> None:
    fault = only_fault(a_site(), {})
    assert fault.key == "asterisk.secret_file"
    assert "RINGFAIR_ASTERISK_SECRET" in fault.expected


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o604, 0o666])
def test_a_secret_others_can_read_is_told(a_site: WriteSite, mode: int) -> None:
    directory = a_site(WITH_FILE)
    a_secret_file(directory, mode=mode)
    fault = only_fault(directory, {})
    assert f"{mode:04o}" in fault.expected


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"two\nlines\n", b"x\r\nAction: Hangup", b"\xff", b"x" * 5000, b"x\x00"]
)
def test_a_secret_that_is_not_one_line_is_told_and_not_shown(a_site: WriteSite, content: bytes) -> None:
    directory = a_site(WITH_FILE)
    a_secret_file(directory, content)
    fault = only_fault(directory, {})
    assert fault.key == "asterisk.secret_file"
    assert "Action" not in str(fault)


def test_a_directory_or_a_pipe_in_place_of_a_secret_does_not_hang(a_site: WriteSite) -> None:
    directory = a_site(WITH_FILE)
    os.mkfifo(directory / "ami.secret", 0o600)
    assert "regular file" in only_fault(directory, {}).expected
    (directory / "ami.secret").unlink()
    (directory / "ami.secret").mkdir()
    assert "regular file" in only_fault(directory, {}).expected


@pytest.mark.parametrize(
    "line",
    [
        'secret = "hunter2"',
        'password = "hunter2"',
        'passwd = { a = "hunter2" }',
        'sceret = "hunter2"',
        '[redis]\npassword = "hunter2"',
        '[redis]\nurl = "redis://:hunter2@127.0.0.1/0"',
        '[redis]\nurl = "redis://u:hunter2/@127.0.0.1/0"',
        '[ledger]\ndsn = "postgresql://u:hunter2@h/x"',
        '[ledger]\ndsn = "postgresql://u:hunter2/#@h/x"',
        '[ledger]\ndsn = "postgresql://u@h/x?password=hunter2"',
        'secret = "hunter2',
        "secret = hunter2",
        'secret_file = ["hunter2"',
    ],
)
def test_a_secret_in_the_file_is_a_fault_and_is_not_printed(a_site: WriteSite, line: str) -> None:
    directory = a_site(SETTINGS + line)
    fault = only_fault(directory)
    assert "hunter2" not in str(fault)
    result = CliRunner().invoke(app, ["check-config", str(directory)], env=SECRET)
    assert result.exit_code == 2
    assert "hunter2" not in result.output


def test_secrets_do_not_show_in_a_printed_site(a_site: WriteSite) -> None:
    assert "for-tests-only" not in repr(load(a_site(), SECRET))


def test_a_secret_of_the_environment_with_a_new_line_is_told_and_not_shown(a_site: WriteSite) -> None:
    fault = only_fault(a_site(), {"RINGFAIR_ASTERISK_SECRET": "hunter2\r\nAction: x"})
    assert fault.key == "RINGFAIR_ASTERISK_SECRET"
    assert "hunter2" not in str(fault)
