"""One Asterisk that serves the same agents in three ways, told apart by the number dialled.

`OURS` is an ordinary campaign; `APP_QUEUE` is tuned as its experts would (`autofill=yes`, `ringinuse=no`,
`Answer(0,i)`, no CDR, no CEL, the agent who is idle longest first, as we do it); `DIAL` is the floor: Asterisk alone,
one agent after the other. Many sites keep CEL for their bills, so it can be turned on for all of them alike.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from router.adapters.pbx.addresses import Ports
from router.adapters.pbx.endpoints import AgentEndpoint
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import Root

OURS, APP_QUEUE, DIAL = "493023125700", "493023125701", "493023125702"
"(0)30 23125 000-999 is assigned to nobody (Bundesnetzagentur, numbers for media productions)."
NUMBERS = {"ours": OURS, "app_queue": APP_QUEUE, "floor": DIAL}
"System → the number that reaches it; the names are those of a `Row`."
_FIRST_AGENT = 3001


def names(count: int) -> list[str]:
    return [f"agent-{_FIRST_AGENT + n}" for n in range(count)]


class RivalPbx:
    """The instance, and the dialplan folder made for it. `tree` is the checkout whose Asterisk files it runs with."""

    def __init__(
        self, name: str, root: Root, tree: Path, agents: int, phones: tuple[str, int], *, rtp_ports: int = 4000
    ) -> None:
        self.agents = agents
        self._dialplans = Path(tempfile.mkdtemp(prefix="ringfair-rivals-"))
        shutil.copytree(tree / "dialplans", self._dialplans, dirs_exist_ok=True)
        site = self._dialplans / "extensions.d" / "site"
        site.mkdir(exist_ok=True)
        (site / "rivals.conf").write_text(_dialplan(agents))
        self.instance = Instance(
            name,
            Ports.free(rtp_ports=rtp_ports),
            root=root,
            dialplans=self._dialplans,
            asterisk=tree / "asterisk",
            qualify_s=0,
            rtp_timeout_s=60,
            extra_modules=("app_queue", "res_cdrel_custom", "cel_custom"),
        )
        self.instance.render()
        self.write_queue(agents)
        self._write_cel()
        self.instance.write_agents(
            [
                AgentEndpoint(agent_id=agent, endpoint=agent, contact=f"sip:{agent}@{phones[0]}:{phones[1]}")
                for agent in names(agents)
            ]
        )

    def write_queue(self, members: int) -> None:
        """The first so many agents are app_queue's; `reload_queue` makes a running Asterisk see it."""
        lines = "".join(f"member => PJSIP/{agent}\n" for agent in names(members))
        (self.instance.etc / "queues.conf").write_text(
            "[general]\nautofill = yes\npersistentmembers = no\nshared_lastcall = no\n\n"
            "[rivals]\nstrategy = leastrecent\nautofill = yes\nringinuse = no\ntimeout = 15\nretry = 1\n"
            f"wrapuptime = 0\nmusicclass = default\n{lines}"
        )

    def reload_queue(self, members: int) -> bool:
        """Whether app_queue has so many members now."""
        self.write_queue(members)
        self.instance.rx("module reload app_queue.so")
        return self.instance.rx("queue show rivals").count("PJSIP/") == members

    def keep_cel(self, on: bool) -> None:
        """Asterisk's own event log, to a file on disk, for every call whoever routes it."""
        path = self.instance.etc / "cel.conf"
        text = path.read_text()
        path.write_text(
            text.replace("enable = no", "enable = yes") if on else text.replace("enable = yes", "enable = no")
        )
        self.instance.rx("module reload cel")
        wanted = f"CEL Logging: {'Enabled' if on else 'Disabled'}"
        if wanted not in self.instance.rx("cel show status"):
            raise RuntimeError(f"Asterisk does not say {wanted!r}")

    def cel_rows(self) -> int:
        """Lines that Asterisk has written to its event log so far."""
        try:
            return (self.instance.home / "log" / "cel-custom" / "cel.csv").read_bytes().count(b"\n")
        except FileNotFoundError:
            return 0

    def pause_queue(self, members: int, *, paused: bool) -> None:
        for agent in names(members):
            self.instance.rx(f"queue {'pause' if paused else 'unpause'} member PJSIP/{agent} queue rivals")

    def _write_cel(self) -> None:
        (self.instance.home / "log" / "cel-custom").mkdir(exist_ok=True)
        self.instance.root.give_to_owner(self.instance.home)
        (self.instance.etc / "cel_custom.conf").write_text(
            "[cel.csv]\nformat = dsv\nfields = EventType,EventTime,Name,Num,Exten,Context,ChanName,AppName,UniqueID,"
            "LinkedID,Peer,EventExtra\n"
        )

    def remove(self) -> None:
        self.instance.remove()
        shutil.rmtree(self._dialplans, ignore_errors=True)


def _dialplan(agents: int) -> str:
    return (
        "[acd-inbound](+)\n"
        f"exten => {APP_QUEUE},1,Answer(0,i)\n same => n,Queue(rivals)\n same => n,Hangup(16)\n"
        f"exten => {DIAL},1,Answer(0,i)\n"
        f" same => n,Set(GLOBAL(RIVAL)=$[(0${{GLOBAL(RIVAL)}} + 1) % {agents}])\n"
        f" same => n,Dial(PJSIP/agent-$[{_FIRST_AGENT} + ${{GLOBAL(RIVAL)}}],15)\n same => n,Hangup(16)\n"
    )
