"""baresip, a real softphone, run in the root: registers with a password, answers by itself, is told what to dial."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Literal

from router.adapters.pbx.addresses import free_tcp_port
from router.adapters.pbx.daemon import wait_until
from router.adapters.pbx.instance import Instance

_CONFIGURATION = """\
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module srtp.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
net_interface 127.0.0.1
sip_listen 127.0.0.1:0
sip_cafile {authority}
sip_verify_server yes
audio_source aufile,/usr/share/asterisk/sounds/de/acd/fallback.wav
audio_player aufile,/dev/null
audio_alert aufile,/dev/null
rtp_ports 45000-45998
"""


class Softphone:
    """One phone of `user` at `pbx`. `log` is what it said; `dial` and `hang_up` are done by its remote control."""

    def __init__(self, pbx: Instance, user: str, password: str, transport: Literal["udp", "tls"] = "udp") -> None:
        self._pbx = pbx
        self._control = free_tcp_port()
        self._home = pbx.home / "phones" / f"{user}-{self._control}"
        self._home.mkdir(parents=True)
        authority = pbx.root.inside(pbx.certificate)
        (self._home / "config").write_text(_CONFIGURATION.format(control=self._control, authority=authority))
        port = pbx.ports.tls if transport == "tls" else pbx.ports.sip
        encryption = ";mediaenc=srtp-mand" if transport == "tls" else ""
        (self._home / "accounts").write_text(
            f"<sip:{user}@127.0.0.1:{port};transport={transport}>;auth_pass={password};regint=60;"
            f"answermode=auto{encryption}\n"
        )
        pbx.root.give_to_owner(self._home)
        self._log = self._home / "log"

    def __enter__(self) -> Softphone:
        argv = ["baresip", "-f", str(self._pbx.root.inside(self._home))]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._pbx.root.command(argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def home(self) -> Path:
        return self._home

    def says(self, words: str, within_s: float = 10.0) -> bool:
        return wait_until(lambda: words in self.log, within_s)

    def dial(self, number: str) -> None:
        self._tell("dial", number)

    def hang_up(self) -> None:
        self._tell("hangup", "")

    def _tell(self, command: str, parameters: str) -> None:
        """ctrl_tcp takes JSON in netstrings."""
        text = json.dumps({"command": command, "params": parameters, "token": "test"})
        with socket.create_connection(("127.0.0.1", self._control), timeout=5) as connection:
            connection.sendall(f"{len(text)}:{text},".encode())
            connection.recv(4096)
