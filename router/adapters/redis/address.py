"""Where Redis or Valkey is, and how a client of ours talks to it.

    redis://[USER:PASSWORD@]HOST[:PORT][/DB]
    rediss://…[?ca_file=…&cert_file=…&key_file=…]      TLS; the certificate and its name are always checked
    unix://[USER:PASSWORD@]/path/to/socket[?db=N]
    redis+sentinel://[USER:PASSWORD@]HOST:PORT,HOST:PORT,HOST:PORT/MASTER[/DB]
    rediss+sentinel://…                                the same with TLS, its query as above: sentinel.py

Only these query keys are taken: redis-py lets any key of the URL overrule the arguments of its connections,
and a `socket_timeout=60` or `retry_on_error` from a pasted URL would undo what routing depends on.

Settings, with why:
- No retries. redis-py 8 repeats a command ten times when the reply is lost, and what ran once runs again.
- Half a second per answer. A frozen server must not hold a task for a minute (5 s × 11 tries by default).
- A small *blocking* pool: the ordinary one raises when it is exhausted.
- Maintenance notifications and `CLIENT SETINFO` off: chatter at each connect that Redis 7.0 does not know.
- RESP2, so that a connect is `AUTH` and `SELECT` and nothing else; nothing of RESP3 is used.
- Bytes, never `decode_responses`: one value that is not UTF-8 would raise from inside the reader.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from redis import BlockingConnectionPool as ThreadPool
from redis import Redis as ThreadRedis
from redis import connection as thread
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry as ThreadRetry

from router.adapters.redis.master import Enquiry, MasterPool
from router.adapters.redis.sentinel import SENTINEL_S
from router.adapters.redis.thread_master import ThreadEnquiry, ThreadMasterPool
from router.config.sentinels import is_sentinel_url, sentinel_url
from router.domain.errors import ConfigError, Fault

ANSWER_S = 0.5
CONNECT_S = 1.0
POOL_SIZE = 4

_SHAPE = "redis://HOST:PORT/DB, rediss://HOST:PORT/DB, unix:///PATH?db=N or redis+sentinel://HOST:PORT,…/MASTER/DB"
_TLS_KEYS = {"ca_file": "ssl_ca_certs", "cert_file": "ssl_certfile", "key_file": "ssl_keyfile"}


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """One server, or the one the Sentinels name. `str()` of it never shows a password, and neither does `repr()`."""

    scheme: str
    host: str = "127.0.0.1"
    port: int = 6379
    path: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: tuple[tuple[str, str], ...] = ()
    sentinels: tuple[tuple[str, int], ...] = ()
    master: str = ""
    "The name the Sentinels know the server by."
    sentinel_password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str, *, password: str | None = None, sentinel_password: str | None = None) -> "RedisAddress":
        """Read a URL; `password` (from a file of secrets) goes before one written in the URL.

        Raises `ConfigError`, naming the part that is wrong and never the secret in it.
        """
        if is_sentinel_url(url):
            try:
                there = sentinel_url(url)
            except ValueError as error:
                raise _fault(f"{url.partition(':')[0]}://…", str(error)) from None
            return cls(
                scheme=there.scheme,
                db=there.db,
                username=there.username,
                password=password or there.password,
                tls=tuple(there.tls.items()),
                sentinels=there.sentinels,
                master=there.master,
                sentinel_password=sentinel_password,
            )
        try:
            parts = urlsplit(url)
            port = parts.port or 6379
        except ValueError:
            raise _fault("not a URL", f"a URL of the form {_SHAPE}") from None
        if parts.scheme not in ("redis", "rediss", "unix"):
            raise _fault(f"{parts.scheme[:20]}://…", f"a URL of the form {_SHAPE}")
        query = dict(parse_qsl(parts.query))
        allowed = {"db"} | (set(_TLS_KEYS) if parts.scheme == "rediss" else set())
        for unknown in sorted(set(query) - allowed):
            raise _fault(f"…?{unknown[:40]}=…", f"only these keys after the question mark: {sorted(allowed)}")
        if parts.scheme == "unix":
            if not parts.path.startswith("/") or len(parts.path) < 2 or parts.hostname:
                raise _fault("unix://…", "an absolute path: unix:///run/redis/redis.sock")
            db = query.get("db", "0")
        else:
            db = query.get("db", parts.path.strip("/") or "0")
        if not (db.isascii() and db.isdigit() and len(db) < 6):
            raise _fault("…/" + db[:20], "a database number, ordinarily 0")
        return cls(
            scheme=parts.scheme,
            host=unquote(parts.hostname or "127.0.0.1"),
            port=port,
            path=unquote(parts.path) if parts.scheme == "unix" else "",
            db=int(db),
            username=unquote(parts.username) if parts.username else None,
            password=password or (unquote(parts.password) if parts.password else None),
            tls=tuple((key, query[key]) for key in _TLS_KEYS if key in query),
        )

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix://{self.path}?db={self.db}"
        if self.sentinels:
            hosts = ",".join(_place(host, port) for host, port in self.sentinels)
            return f"{self.scheme}://{hosts}/{self.master}/{self.db}"
        return f"{self.scheme}://{_place(self.host, self.port)}/{self.db}"

    def client(self) -> "Redis":
        """Make a client for short commands. It connects at its first command, on the loop that runs it."""
        return self._client(ANSWER_S, CONNECT_S)

    def _client(self, answer_s: float, connect_s: float) -> "Redis":
        kinds = {"unix": UnixDomainSocketConnection, "rediss": SSLConnection, "redis": Connection}
        settings = self._settings(answer_s, connect_s) | {"retry": Retry(NoBackoff(), 0)}
        settings |= {"max_connections": POOL_SIZE, "timeout": answer_s}
        if self.sentinels:
            return Redis.from_pool(MasterPool(self.enquiry(), tls=self.has_tls, **settings))
        return Redis.from_pool(BlockingConnectionPool(connection_class=kinds[self.scheme], **settings))

    def enquiry(self) -> Enquiry:
        """To ask the Sentinels for the master; close it."""
        return Enquiry(self.master, [one._client(SENTINEL_S, SENTINEL_S) for one in self._each_sentinel()])

    @property
    def has_tls(self) -> bool:
        return self.scheme.startswith("rediss")

    def thread_client(self, answer_s: float) -> ThreadRedis:
        """Make a client for threads without a loop; `answer_s` is for a connection and for each answer."""
        kinds = {
            "unix": thread.UnixDomainSocketConnection,
            "rediss": thread.SSLConnection,
            "redis": thread.Connection,
        }
        settings = self._settings(answer_s, answer_s) | {"retry": ThreadRetry(NoBackoff(), 0)}
        settings |= {"max_connections": POOL_SIZE, "timeout": answer_s}
        if self.sentinels:
            asked = ThreadEnquiry(self.master, [one.thread_client(SENTINEL_S) for one in self._each_sentinel()])
            return ThreadRedis.from_pool(ThreadMasterPool(asked, tls=self.has_tls, **settings))
        pool = ThreadPool(connection_class=kinds[self.scheme], **settings)  # type: ignore[no-untyped-call]
        return ThreadRedis.from_pool(pool)

    def _each_sentinel(self) -> list["RedisAddress"]:
        """The Sentinels as servers of their own."""
        scheme = self.scheme.partition("+")[0]
        return [
            RedisAddress(scheme=scheme, host=host, port=port, password=self.sentinel_password, tls=self.tls)
            for host, port in self.sentinels
        ]

    def _settings(self, answer_s: float, connect_s: float) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "db": self.db,
            "username": self.username,
            "password": self.password,
            "socket_timeout": answer_s,
            "protocol": 2,
            "driver_info": None,
            "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        }
        if self.scheme == "unix":
            settings["path"] = self.path
        elif self.sentinels:
            settings["socket_connect_timeout"] = connect_s
        else:
            settings |= {"host": self.host, "port": self.port, "socket_connect_timeout": connect_s}
        return settings | {_TLS_KEYS[key]: value for key, value in self.tls}


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _fault(value: str, expected: str) -> ConfigError:
    return ConfigError([Fault(file="ringfair.toml", key="redis.url", value=value, expected=expected)])
