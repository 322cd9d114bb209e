"""The files of the demo's site: the campaigns of deploy/site with short rings and wrap-ups, and a ringfair.toml.

They stay when the demo is over, with the ledger: `ringfair records` without arguments shows them.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.demo.cast import RING_S, WRAPUP_S, Agent
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.rendering import write_atomically
from router.adapters.pbx.valkey import Valkey

_SAMPLE = Path(__file__).resolve().parents[1] / "site"
_SHORT = {"ring_s": RING_S, "wrapup_s": WRAPUP_S}
_SOCKET_BYTES = 107
_SETTINGS = """\
# Written by `make demo`, anew each time.
[router]
drain_s = 1

[asterisk]
systemname = "{systemname}"
port = {ami}
secret_file = "asterisk.secret"

[telemetry]
secret_file = "asterisk-telemetry.secret"

[redis]
url = "{redis}"

[ledger]
dsn = "sqlite:///ledger.sqlite3"

[http]
listen = "127.0.0.1:{http}"
control_socket = "{socket}"

[pause_reasons]
1 = {{ code = "break", label = "Break", paid = true }}
2 = {{ code = "lunch", label = "Lunch" }}
"""


@dataclass(frozen=True, slots=True)
class SiteFiles:
    """Where the demo's files are."""

    home: Path

    @property
    def log(self) -> Path:
        return self.home / "router.log"

    @property
    def ledger_dsn(self) -> str:
        return f"sqlite:///{self.home / 'ledger.sqlite3'}"

    @property
    def roster(self) -> Path:
        return self.home / "agents.csv"

    @property
    def router_pid(self) -> Path:
        return self.home / "router.pid"


def write_site(home: Path, pbx: Instance, valkey: Valkey, http_port: int, agents: Sequence[Agent]) -> SiteFiles:
    """Write everything anew; the ledger of an earlier demo goes. Raises OSError."""
    if home.exists():
        shutil.rmtree(home)
    (home / "campaigns").mkdir(parents=True)
    home.chmod(0o700)
    for campaign in sorted((_SAMPLE / "campaigns").glob("*.toml")):
        text = shortened(campaign.read_text(encoding="utf-8"))
        (home / "campaigns" / campaign.name).write_text(text, encoding="utf-8")
    # A copy: the instance's own is gone with the instance, and the files must still be read for `ringfair records`.
    write_atomically(home / "asterisk.secret", pbx.ami_secret + "\n", 0o600)
    write_atomically(home / "asterisk-telemetry.secret", pbx.telemetry_secret + "\n", 0o600)
    (home / "ringfair.toml").write_text(
        _SETTINGS.format(
            systemname=pbx.systemname,
            ami=pbx.ports.ami,
            redis=valkey.url,
            http=http_port,
            socket=_socket(home),
        ),
        encoding="utf-8",
    )
    site = SiteFiles(home)
    lines = [f"{a.agent_id},{a.transport},{' '.join(f'{s}={level}' for s, level in a.skills.items())}" for a in agents]
    site.roster.write_text("\n".join(["id,transport,skills", *lines]) + "\n", encoding="utf-8")
    return site


def shortened(campaign: str) -> str:
    """A campaign's file whose phones ring, and whose agents wrap up, for seconds only."""
    # [queue.orders] and not [queue.orders.treatment], which belongs to it.
    head, *tables = re.split(r"(?m)^(?=\[queue\.[^.\]]+\])", campaign)
    return head + "".join(map(_short_table, tables))


def _short_table(table: str) -> str:
    for key, seconds in _SHORT.items():
        table, found = re.subn(rf"(?m)^{key} = .*$", f"{key} = {seconds}", table)
        if not found:
            header, _, rest = table.partition("\n")
            table = f"{header}\n{key} = {seconds}\n{rest}"
    return table


def _socket(home: Path) -> str:
    """The control socket, in the site unless its path is too long for one."""
    path = str(home / "control.sock")
    return path if len(path.encode()) <= _SOCKET_BYTES else f"{tempfile.mkdtemp(prefix='ringfair-demo-')}/control.sock"
