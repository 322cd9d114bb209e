"""A master, its replicas and three Sentinels, each its own process with its own port and directory, on loopback.

What may happen to them, without touching the machine's network:
- `stop_replication()`: the replicas are let in no more, so the master acknowledges what nobody else will ever know;
- `kill_master()`, `freeze_master()`;
- `cut_off_master()`: Sentinels and replicas reach the master no more, clients do (a partition through its middle).
The latter is done with users: Sentinels and replicas log in under names of their own, which the master can turn away.

A module that wants the fixture `trio` names this file in its `pytest_plugins`.
A replica that was cut off is promoted only if its last word from the master is younger than ten times `down_after_ms`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.contracts.redis_servers import RedisServer

MASTER = "ringfair"
_REPLICA, _WATCHER = "replica", "watcher"
_WORD = "of-the-tests"
PROMOTION_S = 60.0
"Ordinarily 2 s; an election that failed is repeated after 2 × failover-timeout, and a busy machine tilts a Sentinel."


class RedisTrio:
    """`start()` it, give routers its `url`, let something happen to the master, `remove()` it."""

    def __init__(
        self, kind: str = "valkey", *, replicas: int = 2, sentinels: int = 3, down_after_ms: int = 1000, **more: str
    ) -> None:
        """`more` are lines of each server's configuration: `min_replicas_to_write="1"`."""
        users = [
            word for name in (_REPLICA, _WATCHER) for word in ("--user", name, "on", f">{_WORD}", "~*", "&*", "+@all")
        ]
        settings = [word for key, value in more.items() for word in (f"--{key.replace('_', '-')}", value)]
        common = [*users, "--masteruser", _REPLICA, "--masterauth", _WORD, "--repl-diskless-sync-delay", "0", *settings]
        self.nodes = [RedisServer(kind, *common, "--replica-priority", str(10 * n + 10)) for n in range(1 + replicas)]
        self.sentinels = [_Sentinel(kind, self.nodes[0].port, len(self.nodes), down_after_ms) for _ in range(sentinels)]
        self._master = self.nodes[0]

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{MASTER}/0"

    @property
    def master(self) -> RedisServer:
        """The server that was the master last, as far as `promoted` has told."""
        return self._master

    def start(self) -> None:
        """Until every replica is in step and every Sentinel knows of everybody."""
        for server in (*self.nodes, *self.sentinels):
            server.start()
        for replica in self.nodes[1:]:
            replica.command("REPLICAOF", "127.0.0.1", str(self._master.port))
        _until("the replicas are in step", lambda: all(self._in_step(node) for node in self.nodes[1:]))
        for sentinel in self.sentinels:
            sentinel.watch()
        _until("the Sentinels know of everybody", lambda: all(self._knows(sentinel) for sentinel in self.sentinels))

    def remove(self) -> None:
        for server in (*self.sentinels, *self.nodes):
            server.remove()

    # ---- what may happen ----

    def stop_replication(self) -> None:
        """What the master is told from here on, its replicas do not hear."""
        self._turn_away(_REPLICA)

    def kill_master(self) -> RedisServer:
        """It is gone at once. Gives it, so that it can be started again."""
        self._master.stop()
        return self._master

    def freeze_master(self) -> RedisServer:
        """It keeps its connections and says nothing; `thaw()` it."""
        self._master.freeze()
        return self._master

    def cut_off_master(self) -> RedisServer:
        """Sentinels and replicas lose it; clients do not. `let_in_again` ends it."""
        # one who is turned away may still be anybody, and anybody is let in: but not to ping any more
        _ask(self._master, "ACL", "SETUSER", "default", "-ping")
        self._turn_away(_WATCHER)
        self._turn_away(_REPLICA)
        return self._master

    def let_in_again(self, server: RedisServer) -> None:
        for user in (_WATCHER, _REPLICA):
            _ask(server, "ACL", "SETUSER", user, "on")
        _ask(server, "ACL", "SETUSER", "default", "+ping")

    def promoted(self, within_s: float = PROMOTION_S) -> float:
        """Wait until another server is the master, for itself and for most Sentinels; the instant it was seen."""
        before = self._master.port
        _until("a replica is promoted", lambda: self._named() not in (0, before), within_s)
        self._master = next(node for node in self.nodes if node.port == self._named())
        _until("it knows it", lambda: _ask(self._master, "ROLE")[0] == b"master", within_s)
        return time.monotonic()

    def bring_back(self, server: RedisServer) -> None:
        """One that was killed is a replica of the master there is now, and in step: it may be killed again."""
        server.start()
        server.command("REPLICAOF", "127.0.0.1", str(self._master.port))
        _until("it is in step", lambda: self._in_step(server))
        _until("the Sentinels know of everybody", lambda: all(self._knows(sentinel) for sentinel in self.sentinels))

    # ---- looking ----

    def client(self, server: RedisServer | None = None) -> Redis:
        """To look into the master, or another server, past the Sentinels."""
        return Redis(port=(server or self._master).port)

    def _turn_away(self, user: str) -> None:
        _ask(self._master, "ACL", "SETUSER", user, "off")
        _ask(self._master, "CLIENT", "KILL", "USER", user)

    def _named(self) -> int:
        """The port more than half of the Sentinels name, 0 if they are not of one mind."""
        named: list[int] = []
        for sentinel in self.sentinels:
            with contextlib.suppress(RedisError, OSError):
                answer = _ask(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)
                named.append(int(answer[1]) if answer else 0)
        return next((port for port in set(named) if 2 * named.count(port) > len(self.sentinels)), 0)

    def _in_step(self, replica: RedisServer) -> bool:
        role = _ask(replica, "ROLE")
        return role[0] == b"slave" and role[3] == b"connected"

    def _knows(self, sentinel: RedisServer) -> bool:
        with contextlib.suppress(RedisError, OSError, KeyError):
            words = _ask(sentinel, "SENTINEL", "MASTER", MASTER)
            said = dict(zip(words[::2], words[1::2], strict=True))
            others, replicas = len(self.sentinels) - 1, len(self.nodes) - 1
            return (int(said[b"num-other-sentinels"]), int(said[b"num-slaves"]), said[b"flags"]) == (
                others,
                replicas,
                b"master",
            )
        return False


class _Sentinel(RedisServer):
    """One that watches the master."""

    def __init__(self, kind: str, master: int, nodes: int, down_after_ms: int) -> None:
        super().__init__(kind)
        self._watched = master
        self._down_after_ms = down_after_ms
        own = self.directory / "sentinel.conf"
        own.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndaemonize no\n"
            f"dir {self._root.inside(self.directory)}\npidfile {self._root.inside(self.directory)}/pid\n"
        )
        self._root.give_to_owner(self.directory)

    def arguments(self) -> list[str]:
        return [str(self._root.inside(self.directory / "sentinel.conf")), "--sentinel"]

    def watch(self) -> None:
        _ask(self, "SENTINEL", "MONITOR", MASTER, "127.0.0.1", str(self._watched), "2")
        for key, value in (
            ("auth-user", _WATCHER),
            ("auth-pass", _WORD),
            ("down-after-milliseconds", str(self._down_after_ms)),
            ("failover-timeout", "4000"),
            ("parallel-syncs", "2"),
        ):
            _ask(self, "SENTINEL", "SET", MASTER, key, value)


def _ask(server: RedisServer, *words: str) -> list[bytes]:
    with Redis(port=server.port, socket_timeout=5, protocol=2) as client:
        client.response_callbacks.clear()
        answer: list[bytes] = client.execute_command(*words)
        return answer


def _until(what: str, so: object, within_s: float = 30.0) -> None:
    end = time.monotonic() + within_s
    while not so():  # type: ignore[operator]
        if time.monotonic() > end:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        time.sleep(0.02)


@contextlib.contextmanager
def a_trio(kind: str = "valkey", *, replicas: int = 2, **more: str) -> Iterator[RedisTrio]:
    """Started, and removed in any case."""
    trio = RedisTrio(kind, replicas=replicas, **more)
    try:
        trio.start()
        yield trio
    finally:
        trio.remove()


@pytest.fixture
def trio(request: pytest.FixtureRequest) -> Iterator[RedisTrio]:
    """Of Valkey, or of what an indirect parameter names."""
    with a_trio(getattr(request, "param", "valkey")) as servers:
        yield servers
