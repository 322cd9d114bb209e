"""Where the neighbours are: URLs and addresses of `ringfair.toml`, checked before anybody connects.

A password in a URL is a fault: it would be on screens, in `ps` and in copies of the file. It is looked for to the
*last* `@`, since a password pasted in with an unescaped `/`, `#` or `@` is still one.
"""

import ipaddress
import re
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from router.config.sentinels import is_sentinel_url, sentinel_url

UNIX_PATH_BYTES = 107
"Longest path of a unix socket on Linux (sockaddr_un, unix(7)), its closing NUL excepted."

_PASSWORD = re.compile(r"^[A-Za-z0-9+]*:/*[^:@/?#]*:.*@", re.DOTALL)
_NO_PASSWORD = "no password in the URL: use password_file or the environment (RINGFAIR_…)"
_REDIS_QUERY = {"redis": {"db"}, "unix": {"db"}, "rediss": {"db", "ca_file", "cert_file", "key_file"}}


def listen_address(text: str) -> str:
    """`address:port` on loopback; port 0 is any free one."""
    host, colon, port = text.rpartition(":")
    if not colon or not _is_number(port, 65_535):
        raise ValueError('"address:port", e.g. "127.0.0.1:9580"')
    if not is_loopback(host.strip("[]")):
        raise ValueError("a loopback address: until there is a log-in, other machines are not let in")
    return text


def redis_url(text: str) -> str:
    """`redis://host:port/0`, `rediss://…` with TLS, `unix:///path?db=0`, `redis+sentinel://host,host/master/0`."""
    if is_sentinel_url(text):
        _without_password(text)
        sentinel_url(text)
        return text
    parts = _url(text)
    allowed = _REDIS_QUERY.get(parts.scheme)
    if allowed is None:
        raise ValueError('"redis://host:port/0", "rediss://…" (TLS), "unix:///path?db=0" or "redis+sentinel://…"')
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(set(query) - allowed):
        raise ValueError(f"no {', '.join(unknown)[:80]!r} after the question mark, only {', '.join(sorted(allowed))}")
    if parts.scheme == "unix":
        if parts.hostname or len(parts.path) < 2:
            raise ValueError('three slashes and a path: "unix:///run/redis/redis.sock"')
        number = query.get("db", "0")
    else:
        try:
            _ = parts.port
        except ValueError:
            raise ValueError("a port from 1 to 65535") from None
        number = query.get("db", parts.path.strip("/") or "0")
    if not _is_number(number, 99_999):
        raise ValueError("the number of a database at the end, ordinarily 0")
    return text


def ledger_dsn(text: str) -> str:
    """`sqlite:////absolute/path` or an address as asyncpg takes it, several hosts included."""
    if text.startswith("sqlite:///"):
        path = text.removeprefix("sqlite:///")
        # A ledger that is forgotten at exit is no ledger, hence no `:memory:`.
        if not path.strip("/") or path.endswith("/") or path.startswith(":") or "?" in path:
            raise ValueError('the path of a file: "sqlite:////var/lib/ringfair/ledger.sqlite3"')
        return text
    parts = _url(text)
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError('"sqlite:////absolute/path" or "postgresql://user@host/database"')
    return text


def with_password(dsn: str, password: str) -> str:
    """The PostgreSQL address with its password, or ValueError when it names no user to have one."""
    scheme, _, rest = dsn.partition("://")
    netloc = rest.partition("/")[0].partition("?")[0]
    user, at, _ = netloc.partition("@")
    if scheme not in ("postgresql", "postgres") or not at or not user:
        raise ValueError('a user in ledger.dsn to have a password: "postgresql://user@host/database"')
    return f"{scheme}://{user}:{quote(password, safe='')}{rest.removeprefix(user)}"


def socket_path(text: str) -> str:
    """The path of a unix socket, or ValueError when the kernel would not take it."""
    if len(text.encode()) > UNIX_PATH_BYTES or not text.isprintable():
        raise ValueError(f"a path of {UNIX_PATH_BYTES} bytes at most: the kernel takes no longer one for a socket")
    return text


def is_loopback(host: str) -> bool:
    """Whether the address stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _url(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("a URL") from None
    _without_password(text)
    if any("pass" in key.lower() for key, _ in parse_qsl(parts.query)):
        raise ValueError(_NO_PASSWORD)
    return parts


def _without_password(text: str) -> None:
    if not text.isprintable():
        raise ValueError("a URL without control characters")
    if _PASSWORD.match(text):
        raise ValueError(_NO_PASSWORD)


def _is_number(text: str, most: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= most
