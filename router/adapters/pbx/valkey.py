"""A Valkey of its own for the demo and the tests: own port, own directory, own pid file, loopback only.

Its directory is ``<root>/srv/ringfair/valkey.<name>``: beside the instances, whose names hold no dot. Stopping and
starting it finds the same data, as a real site's Redis does after a restart.
"""

from __future__ import annotations

import fcntl
import shutil
import socket
import time
from contextlib import closing
from pathlib import Path

from router.adapters.pbx.addresses import free_tcp_port, is_free
from router.adapters.pbx.daemon import log_tail, running_pid, stop_process, wait_until
from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.rendering import write_atomically
from router.adapters.pbx.root import NAME, Root, find_root

_CONFIGURATION = """\
bind 127.0.0.1
port {port}
daemonize yes
pidfile {home}/valkey.pid
logfile {home}/valkey.log
dir {home}
# What was acknowledged more than a second ago is there again after a crash; a clean stop loses nothing.
appendonly yes
appendfsync everysec
save ""
# Presence has to be refused, never thrown away, when memory runs out.
maxmemory-policy noeviction
# Configuration commands and loading of modules are not needed by a client of ours.
enable-debug-command no
enable-module-command no
"""


class Valkey:
    """A Valkey server named ``name`` on 127.0.0.1. Without ``port`` it keeps the one it had, else takes a free one."""

    def __init__(self, name: str = "demo", port: int | None = None, *, root: Root | None = None) -> None:
        if not NAME.fullmatch(name):
            raise PbxError("bad-name", f"{name!r}: a name is 1-31 of a-z, 0-9, - and _")
        self.name = name
        self.root = root if root is not None else find_root()
        self.home = self.root.state / f"valkey.{name}"
        self.address = "127.0.0.1"
        self.port = port or self._remembered_port() or free_tcp_port()

    @property
    def url(self) -> str:
        return f"redis://{self.address}:{self.port}/0"

    @property
    def pid_file(self) -> Path:
        return self.home / "valkey.pid"

    @property
    def log_file(self) -> Path:
        return self.home / "valkey.log"

    @property
    def _configuration(self) -> Path:
        return self.home / "valkey.conf"

    @property
    def _marker(self) -> str:
        # Valkey rewrites its command line to "valkey-server 127.0.0.1:6379"; the configuration is not in it any more.
        return f"{self.address}:{self.port}"

    @property
    def pid(self) -> int | None:
        return running_pid(self.pid_file, self._marker)

    def start(self, *, deadline_s: float = 15.0) -> int:
        """Starts it if it does not run, waits until it has read its data and answers; returns its pid."""
        self.home.mkdir(parents=True, exist_ok=True)
        with open(self.home / "start.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if (pid := self.pid) is not None:
                return pid
            if not is_free(socket.SOCK_STREAM, self.address, self.port):
                raise PbxError("port-taken", f"somebody else listens on {self.address}:{self.port}")
            end = time.monotonic() + deadline_s
            inside = self.root.inside(self.home)
            write_atomically(self._configuration, _CONFIGURATION.format(port=self.port, home=inside), 0o644)
            self.root.give_to_owner(self.home)
            done = self.root.run(
                [self._program(), str(inside / "valkey.conf")],
                timeout_s=deadline_s,
                missing="Install valkey-server or redis-server, or use the root of asterisk/obtain.",
            )
            if done.returncode != 0 or not wait_until(self.answers, end - time.monotonic()):
                raise PbxError("start-failed", f"Valkey did not start. Its log:\n{log_tail(self.log_file)}")
            pid = self.pid
            if pid is None:
                raise PbxError("start-failed", f"somebody else answers on port {self.port}")
            return pid

    def stop(self, *, deadline_s: float = 10.0) -> bool:
        """Ends it; its data stay. False if it was not running."""
        return stop_process(self.pid_file, self._marker, deadline_s=deadline_s, what=f"the Valkey {self.name}")

    def remove(self) -> None:
        """Stops it and deletes its data."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def answers(self, *, timeout_s: float = 1.0) -> bool:
        """Whether it says PONG (it says LOADING while it reads its data)."""
        try:
            with closing(socket.create_connection((self.address, self.port), timeout=timeout_s)) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def _program(self) -> str:
        if self.root.path is None and shutil.which("valkey-server") is None:
            return "redis-server"
        return "valkey-server"

    def _remembered_port(self) -> int | None:
        try:
            for line in self._configuration.read_text().splitlines():
                if line.startswith("port "):
                    return int(line.split()[1])
        except (OSError, ValueError):
            return None
        return None
