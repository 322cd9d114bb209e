"""One embedded Asterisk with its own directories, ports and pid file, beside whatever else runs on the machine.

Directories of an instance, below ``<root>/srv/ringfair/<name>``: ``etc`` configuration, ``run`` pid file and control
socket, ``log``, ``spool``, ``lib``; and ``instance.json``, which lets a later process find a running instance by name.
"""

from __future__ import annotations

import fcntl
import json
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from router.adapters.pbx.addresses import Ports
from router.adapters.pbx.certificate import ensure_certificate
from router.adapters.pbx.daemon import log_tail, running_pid, stop_process, wait_until
from router.adapters.pbx.endpoints import AgentEndpoint, write_agents
from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.prompts import install_prompts
from router.adapters.pbx.rendering import write_atomically
from router.adapters.pbx.root import NAME, Root, find_root, site_files
from router.adapters.pbx.site import EVENT_LOG, Site, write_dialplan, write_site

# sun_path holds 108 bytes; a longer control socket would be cut without a word and `-rx` would find nobody.
_SOCKET_PATH_BYTES = 107
# in a network without Ethernet (a namespace, a container) its command line says so before each answer (main/netsock.c)
_NO_ETHERNET = re.compile(r"^No ethernet interface found[^\n]*\n?")
AMI_USER = "ringfair"
TELEMETRY_USER = "ringfair-telemetry"


@dataclass(frozen=True, slots=True)
class Running:
    """What ``status`` found. ``uptime_s`` is whole seconds; ``calls`` counts calls, ``channels`` legs."""

    name: str
    pid: int
    version: str
    uptime_s: int
    channels: int
    calls: int
    ports: Ports


class Instance:
    """An embedded Asterisk named ``name``.

    ``ports`` default to the ones of an instance of this name that was rendered before, else to :class:`Ports`.
    ``dialplans`` and ``asterisk`` are the folders to configure it from; ``cel`` and ``extra_modules`` as in ``Site``.
    """

    def __init__(
        self,
        name: str = "demo",
        ports: Ports | None = None,
        *,
        root: Root | None = None,
        dialplans: Path | None = None,
        asterisk: Path | None = None,
        trunk_address: str = "127.0.0.2",
        qualify_s: int = 5,
        rtp_timeout_s: int = 30,
        cel: bool = False,
        extra_modules: tuple[str, ...] = (),
    ) -> None:
        if not NAME.fullmatch(name):
            raise PbxError("bad-name", f"{name!r}: an instance's name is 1-31 of a-z, 0-9, - and _")
        self.name = name
        self.root = root if root is not None else find_root()
        self.home = self.root.state / name
        self.address = "127.0.0.1"
        self.ports = ports or self._remembered_ports() or Ports()
        self._dialplans = dialplans
        self._asterisk = asterisk
        self._trunk_address = trunk_address
        self._qualify_s = qualify_s
        self._rtp_timeout_s = rtp_timeout_s
        self._cel = cel
        self._extra_modules = extra_modules

    # -- places --------------------------------------------------------------------------------------------------

    @property
    def etc(self) -> Path:
        return self.home / "etc"

    @property
    def pid_file(self) -> Path:
        return self.home / "run" / "asterisk.pid"

    @property
    def log_file(self) -> Path:
        return self.home / "log" / "messages.log"

    @property
    def event_log(self) -> Path:
        """Asterisk's own account of each leg, with ``cel``: what ``ringfair reconcile`` reads."""
        return self.home / "log" / EVENT_LOG

    @property
    def secret_file(self) -> Path:
        """Holds the AMI secret of user ``ringfair`` alone, mode 0600, for ``secret_file`` of the router."""
        return self.home / "ami.secret"

    @property
    def telemetry_secret_file(self) -> Path:
        """As ``secret_file``, of user ``ringfair-telemetry``."""
        return self.home / "ami-telemetry.secret"

    @property
    def agents_file(self) -> Path:
        return self.etc / "pjsip.d" / "40-agents.conf"

    @property
    def certificate(self) -> Path:
        return self.etc / "keys" / "ringfair.crt"

    @property
    def ami_secret(self) -> str:
        return self._secret(self.secret_file)

    @property
    def telemetry_secret(self) -> str:
        return self._secret(self.telemetry_secret_file)

    def _secret(self, file: Path) -> str:
        try:
            return file.read_text().strip()
        except FileNotFoundError as error:
            raise PbxError("not-rendered", f"the PBX {self.name} was never started") from error

    @property
    def systemname(self) -> str:
        return re.sub(r"[^a-z0-9]", "_", self.name)

    @property
    def _configuration(self) -> str:
        """Names the instance in its command line, and so tells its process from every other Asterisk."""
        return str(self.root.inside(self.etc / "asterisk.conf"))

    # -- configuration -------------------------------------------------------------------------------------------

    def render(self) -> None:
        """Writes the whole configuration. The AMI secrets, the certificate and the agents of an earlier run stay."""
        control = self.root.inside(self.home / "run" / "asterisk.ctl")
        if len(str(control).encode()) > _SOCKET_PATH_BYTES:
            raise PbxError("path-too-long", f"{control} is too long for a socket; set XDG_CACHE_HOME to a shorter path")
        try:
            for folder in ("etc", "lib/keys", "spool", "run", "log"):
                (self.home / folder).mkdir(parents=True, exist_ok=True)
        except PermissionError as error:
            raise PbxError("not-allowed", f"cannot write {error.filename}; made by another user?") from error
        for file in (self.secret_file, self.telemetry_secret_file):
            if not file.exists():
                write_atomically(file, secrets.token_urlsafe(32) + "\n", 0o600)
        write_site(
            self._site(),
            self.etc,
            asterisk=self._asterisk or site_files("asterisk"),
            dialplans=self._dialplans or site_files("dialplans"),
        )
        ensure_certificate(self.root, self.etc / "keys", names=("localhost",), addresses=(self.address,))
        write_atomically(self.home / "instance.json", json.dumps({"ports": self.ports.as_dict()}) + "\n", 0o644)
        self.root.give_to_owner(self.home)

    def _site(self) -> Site:
        inside = self.root.inside(self.home)
        return Site(
            systemname=self.systemname,
            ami_secret=self.ami_secret,
            telemetry_secret=self.telemetry_secret,
            ports=self.ports,
            etc=inside / "etc",
            lib=inside / "lib",
            spool=inside / "spool",
            run=inside / "run",
            log=inside / "log",
            bind=self.address,
            media_address=self.address,
            trunk_address=self._trunk_address,
            qualify_s=self._qualify_s,
            rtp_timeout_s=self._rtp_timeout_s,
            cel=self._cel,
            extra_modules=self._extra_modules,
        )

    def write_agents(self, agents: list[AgentEndpoint]) -> None:
        """Replaces the agents' endpoints; ``reload`` makes a running instance read them."""
        self.agents_file.parent.mkdir(parents=True, exist_ok=True)
        write_agents(self.agents_file, agents)
        self.root.give_to_owner(self.agents_file)

    def _remembered_ports(self) -> Ports | None:
        try:
            return Ports(**json.loads((self.home / "instance.json").read_text())["ports"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    # -- life ----------------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int | None:
        return running_pid(self.pid_file, self._configuration)

    def start(self, *, deadline_s: float = 30.0) -> int:
        """Starts it if it does not run, waits until it has fully booted; returns its pid."""
        with self._alone():
            if (pid := self.pid) is not None:
                return pid
            if taken := self.ports.taken(self.address):
                raise PbxError("port-taken", f"somebody else listens on {', '.join(taken)} of {self.address}")
            self.render()
            if self.root.path is not None:  # a system's sounds are the admin's: `ringfair pbx prompts` asks for them
                install_prompts(self.root)
            self.pid_file.unlink(missing_ok=True)
            self.log_file.unlink(missing_ok=True)
            # No -f: Asterisk puts itself into the background, so that it outlives us and any terminal.
            argv = ["asterisk", "-C", self._configuration]
            done = self.root.run(argv, timeout_s=deadline_s, missing="See asterisk/obtain.")
            if done.returncode != 0:
                raise PbxError("start-failed", f"asterisk ended with {done.returncode}: {_text(done.stderr)[-500:]}")
            end = time.monotonic() + deadline_s
            if not wait_until(lambda: self.pid is not None, min(5.0, deadline_s)):
                raise self._start_failed("it ended at once")
            booted = wait_until(lambda: self.pid is None or self._booted(), end - time.monotonic())
            if self.pid is None:
                raise self._start_failed("it ended while starting")
            if not booted:
                self.stop()
                raise self._start_failed(f"it was not up after {deadline_s:g} s")
            return self.pid

    def _booted(self) -> bool:
        try:
            return "fully booted" in self.rx("core waitfullybooted")
        except PbxError:
            return False

    def _start_failed(self, why: str) -> PbxError:
        return PbxError("start-failed", f"Asterisk did not start, {why}. Its log:\n{log_tail(self.log_file)}")

    def stop(self, *, deadline_s: float = 10.0) -> bool:
        """Ends it with all its calls. False if it was not running."""
        return stop_process(self.pid_file, self._configuration, deadline_s=deadline_s, what=f"the PBX {self.name}")

    def remove(self) -> None:
        """Stops it and deletes its directories (tests)."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def reload(self) -> str:
        """Copies the dialplan again and makes it read agents, trunks, dialplan, music, AMI users; calls go on.

        Transports and modules do not change before the next start.
        """
        write_dialplan(self.etc, self._dialplans or site_files("dialplans"))
        self.root.give_to_owner(self.etc)
        return "\n".join(
            self.rx(f"module reload {module}").strip()
            for module in ("res_pjsip.so", "pbx_config.so", "res_musiconhold.so", "manager")
        )

    # -- questions -----------------------------------------------------------------------------------------------

    def rx(self, command: str, *, timeout_s: float = 15.0) -> str:
        """What Asterisk's own command line answers to ``command``."""
        done = self.root.run(["asterisk", "-C", self._configuration, "-rx", command], timeout_s=timeout_s)
        if done.returncode != 0:
            raise PbxError("not-running", f"the PBX {self.name} does not answer: {_text(done.stderr) or 'not running'}")
        return _NO_ETHERNET.sub("", _text(done.stdout))

    @property
    def console_command(self) -> list[str]:
        """What the host runs to open Asterisk's console on this instance."""
        return self.root.command(["asterisk", "-C", self._configuration, "-r"])

    def status(self) -> Running | None:
        """None if it does not run."""
        pid = self.pid
        if pid is None:
            return None
        seconds = re.search(r"System uptime:\s*(\d+)", self.rx("core show uptime seconds"))
        version = re.search(r"Asterisk (\S+)", self.rx("core show version"))
        counted = self.rx("core show channels count")
        return Running(
            name=self.name,
            pid=pid,
            version=version.group(1) if version else "unknown",
            uptime_s=int(seconds.group(1)) if seconds else 0,
            channels=_number(r"(\d+) active channel", counted),
            calls=_number(r"(\d+) active call", counted),
            ports=self.ports,
        )

    def answers_ami(self, *, timeout_s: float = 2.0) -> bool:
        """Whether the AMI port greets."""
        try:
            with socket.create_connection((self.address, self.ports.ami), timeout=timeout_s) as connection:
                return connection.recv(64).startswith(b"Asterisk Call Manager/")
        except OSError:
            return False

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two starts of one name at once: the second waits and finds it running."""
        self.home.mkdir(parents=True, exist_ok=True)
        with open(self.home / "start.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _text(output: bytes) -> str:
    return output.decode("utf-8", errors="replace").strip()


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    return int(found.group(1)) if found else 0
