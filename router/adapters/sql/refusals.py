"""What a driver raises → `RemoteError` with a stable `error_id`. Nothing of a statement's values gets into the text.

    NAME-unreachable       no connection, no answer in time, server starting or stopping, disk full       retryable
    NAME-busy              another process holds a lock, or we lost a deadlock                            retryable
    NAME-refused           log-in, rights, missing or foreign tables, a damaged file: a person must act   not retryable
    NAME-fact-refused      these values can never be stored                                               not retryable

NAME is `ledger` or `directory`. Sources: PostgreSQL's appendix "Error Codes", SQLite's "Result and Error Codes".
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from router.adapters.sql.dsn import Dsn
from router.domain.errors import RemoteError

FACT_REFUSED = "fact-refused"

_PG_BUSY = ("40", "55P03")
_PG_UNREACHABLE = ("08", "53", "57", "58", "25006")  # 25006: read-only, a standby that is about to be promoted
_PG_FACT = ("21", "22", "23", "54")
_SQLITE_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")
_SQLITE_UNREACHABLE = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_INTERRUPT", "SQLITE_NOMEM")
_SQLITE_FACT = ("SQLITE_CONSTRAINT", "SQLITE_TOOBIG", "SQLITE_MISMATCH", "SQLITE_RANGE")


@contextmanager
def translated(name: str, dsn: Dsn, deadline_s: float) -> Iterator[None]:
    """Everything a driver may raise inside becomes a `RemoteError`."""
    try:
        yield
    except TimeoutError as error:
        message = f"{dsn.shown} did not answer within {deadline_s:g} s"
        raise RemoteError(f"{name}-unreachable", message, retryable=True) from error
    except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, sqlite3.Error, OSError) as error:
        raise _named(name, dsn, error) from error
    except (SQLAlchemyError, ValueError) as error:
        # ValueError: asyncpg reads the address only when it connects, and its message may quote part of a password.
        quiet = isinstance(error, ValueError)
        what = "the address cannot be read" if quiet else type(error).__name__
        raise RemoteError(f"{name}-refused", f"{dsn.shown}: {what}") from (None if quiet else error)


def _named(name: str, dsn: Dsn, error: Exception) -> RemoteError:
    cause = _driver_error(error)
    kind, code = "unreachable", type(cause).__name__
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorname", None) or code
        kind = _kind(code, _SQLITE_BUSY, _SQLITE_UNREACHABLE, _SQLITE_FACT)
    elif isinstance(cause, asyncpg.PostgresError):
        code = cause.sqlstate or code
        kind = _kind(code, _PG_BUSY, _PG_UNREACHABLE, _PG_FACT)
    elif isinstance(cause, asyncpg.DataError | OverflowError):
        kind = FACT_REFUSED
    elif isinstance(cause, asyncpg.ClientConfigurationError):
        kind = "refused"
    sentence = "values that can never be stored" if kind == FACT_REFUSED else _first_line(dsn, cause)
    return RemoteError(
        f"{name}-{kind}", f"{dsn.shown}: {sentence} ({code})", retryable=kind in ("unreachable", "busy"), code=code
    )


def _driver_error(error: Exception) -> BaseException:
    """SQLAlchemy wraps the driver's error, and for asyncpg wraps it twice."""
    cause: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig
    if not isinstance(cause, sqlite3.Error | asyncpg.PostgresError | asyncpg.InterfaceError | OSError):
        cause = cause.__cause__ or cause
    return cause


def _kind(code: str, busy: tuple[str, ...], unreachable: tuple[str, ...], fact: tuple[str, ...]) -> str:
    if code.startswith(busy):
        return "busy"
    if code.startswith(unreachable):
        return "unreachable"
    return FACT_REFUSED if code.startswith(fact) else "refused"


def _first_line(dsn: Dsn, cause: BaseException) -> str:
    lines = str(cause).splitlines()
    return dsn.censor(lines[0][:200]) if lines else type(cause).__name__
