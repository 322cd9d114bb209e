"""Addresses of databases, and that no password leaves them."""

import pytest

from router.adapters.sql.dsn import read_dsn, redact
from router.domain.errors import ConfigError

HIDDEN = "S3cr:et/p@ss#word?x"


@pytest.mark.parametrize(
    ("text", "path"),
    [("sqlite:///ledger.db", "ledger.db"), ("sqlite:////var/lib/ringfair/ledger.db", "/var/lib/ringfair/ledger.db")],
)
def test_sqlite_takes_relative_and_absolute_paths(text: str, path: str) -> None:
    dsn = read_dsn(text)
    assert (dsn.kind, dsn.address, dsn.shown) == ("sqlite", path, text)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://ringfair@db.example/ringfair",
        "postgres://ringfair@db.example:5433/ringfair",
        "postgresql://ringfair@a.example:5432,b.example:5433/ringfair?target_session_attrs=primary",
        "postgresql:///ringfair?host=/run/postgresql",
    ],
)
def test_an_address_without_password_is_shown_whole(text: str) -> None:
    dsn = read_dsn(text)
    assert (dsn.kind, dsn.address, dsn.shown) == ("postgresql", text, text)


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://ringfair:{HIDDEN}@db.example/ringfair",
        f"postgresql://:{HIDDEN}@db.example/ringfair",
        "postgresql://ringfair@db.example/ringfair?password=S3cr:et&sslmode=require",
        "postgresql://ringfair@db.example/ringfair?sslmode=require&sslpassword=S3cr:et",
    ],
)
def test_a_password_is_never_shown(text: str) -> None:
    dsn = read_dsn(text)
    for said in (dsn.shown, repr(dsn), str(dsn), dsn.censor(f"could not connect to {text}"), redact(text)):
        assert "S3cr" not in said
        assert "word" not in said.replace("password", "")
    assert "db.example" in dsn.shown
    assert "***" in dsn.shown


def test_a_drivers_message_is_censored_of_the_password_in_both_spellings() -> None:
    dsn = read_dsn("postgresql://ringfair:p%40ss%2Fword@db.example/ringfair")
    assert dsn.censor("tried p%40ss%2Fword, then p@ss/word") == "tried ***, then ***"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ledger.db",
        "sqlite:///",
        "sqlite://ledger.db",
        "sqlite:///:memory:",
        "sqlite:////var/lib/",
        "sqlite:///ledger.db?mode=memory",
        f"mysql://ringfair:{HIDDEN}@db.example/ringfair",
        f"postgresql:ringfair:{HIDDEN}@db.example",
        "postgresql://db.example/\x00",
        "postgresql://" + "x" * 10_000,
    ],
)
def test_an_address_that_cannot_be_read_is_a_fault_of_the_configuration(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_dsn(text, key="ledger.dsn")
    [fault] = error.value.faults
    assert fault.key == "ledger.dsn"
    assert "sqlite:///PATH" in fault.expected
    assert "S3cr" not in str(error.value)
    assert len(str(error.value)) < 500
