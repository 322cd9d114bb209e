"""Where the database is: `sqlite:///path` (relative), `sqlite:////path` (absolute), `postgresql://user@host/name`.

A PostgreSQL address goes to asyncpg as it stands, so everything its documentation of `connect(dsn)` lists works:
several hosts, `target_session_attrs`, `sslmode`, a unix socket by `?host=/run/postgresql`, a password file.

The address may carry a password. It therefore never appears in a repr, an error or a log: only `shown` does, and
a text we cannot read is shown with everything blotted out that could be a password.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from router.domain.errors import ConfigError, Fault

_EXPECTED = "sqlite:///PATH, sqlite:////ABSOLUTE/PATH or postgresql://USER@HOST:PORT/DATABASE"
# To the *last* @: a password with an unescaped @, / or # in it must be blotted out whole.
_USERINFO = re.compile(r"^([a-z0-9+]*:/*)([^:@/?#]*):(.*)@", re.DOTALL | re.IGNORECASE)
_QUERY_SECRET = re.compile(r"([?&][a-z]*pass(?:word|wd)?=)([^&#]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dsn:
    """A database address that was read. Only `shown` may be printed."""

    kind: Literal["sqlite", "postgresql"]
    shown: str
    address: str = field(repr=False)
    "The file's path for SQLite, the whole address for PostgreSQL."
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def path(self) -> Path:
        return Path(self.address)

    def censor(self, text: str) -> str:
        """Blot our password out of a text that came from a driver."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def redact(text: str) -> str:
    """The address without any password; works on broken addresses too, and then rather hides too much."""
    return _QUERY_SECRET.sub(r"\1***", _USERINFO.sub(r"\1\2:***@", text))


def read_dsn(text: str, *, key: str = "ledger.dsn") -> Dsn:
    """Read an address; `key` is the configuration key a fault is blamed on. Raises `ConfigError`."""
    if not text.isprintable() or len(text) > 2000:
        raise _fault(key, "(unprintable or too long)")
    if text.startswith("sqlite:///"):
        path = text.removeprefix("sqlite:///")
        # A ledger that is forgotten at exit is no ledger, hence no `:memory:`.
        if not path or path.endswith("/") or path.startswith(":") or "?" in path:
            raise _fault(key, redact(text))
        return Dsn("sqlite", text, path)
    if text.startswith(("postgresql://", "postgres://")):
        secrets = {m for pattern, group in ((_USERINFO, 3), (_QUERY_SECRET, 2)) for m in _found(pattern, group, text)}
        secrets |= {unquote(secret) for secret in secrets}
        return Dsn("postgresql", redact(text), text, tuple(sorted(secrets - {""}, key=len, reverse=True)))
    raise _fault(key, redact(text))


def _found(pattern: re.Pattern[str], group: int, text: str) -> list[str]:
    return [match.group(group) for match in pattern.finditer(text)]


def _fault(key: str, shown: str) -> ConfigError:
    return ConfigError([Fault("configuration", key, shown, _EXPECTED)])
