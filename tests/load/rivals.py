"""One Asterisk that serves the same agents in three ways, told apart by the number dialled.

`ours` is an ordinary campaign; `app_queue` is tuned as its experts would (`autofill=yes`, `ringinuse=no`,
`Answer(0,i)`, no CDR, no CEL); `dial` is the floor: Asterisk alone, one agent after the other.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from router.adapters.pbx.addresses import Ports
from router.adapters.pbx.endpoints import AgentEndpoint
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import Root, site_files

APP_QUEUE, DIAL = "493023125701", "493023125702"
PHONES = ("127.0.0.40", 6200)
"All agents' phones: one SIPp, which tells them apart by the number in the request."


def names(count: int) -> list[str]:
    return [f"agent-{3001 + n}" for n in range(count)]


def make_pbx(name: str, root: Root, agents: int) -> tuple[Instance, Path]:
    """A rendered instance and the dialplan folder made for it (remove it at the end)."""
    dialplans = Path(tempfile.mkdtemp(prefix="ringfair-rivals-"))
    shutil.copytree(site_files("dialplans"), dialplans, dirs_exist_ok=True)
    site = dialplans / "extensions.d" / "site"
    site.mkdir(exist_ok=True)
    (site / "rivals.conf").write_text(
        "[acd-inbound](+)\n"
        f"exten => {APP_QUEUE},1,Answer(0,i)\n same => n,Queue(rivals)\n same => n,Hangup(16)\n"
        f"exten => {DIAL},1,Answer(0,i)\n"
        f" same => n,Set(GLOBAL(RIVAL)=$[(0${{GLOBAL(RIVAL)}} + 1) % {agents}])\n"
        " same => n,Dial(PJSIP/agent-$[3001 + ${GLOBAL(RIVAL)}],15)\n same => n,Hangup(16)\n"
    )
    pbx = Instance(
        name,
        Ports.free(rtp_ports=4000),
        root=root,
        dialplans=dialplans,
        qualify_s=0,
        rtp_timeout_s=60,
        extra_modules=("app_dial", "app_queue"),
    )
    pbx.render()
    write_queue(pbx, agents)
    pbx.write_agents(
        [
            AgentEndpoint(agent_id=agent, endpoint=agent, contact=f"sip:{agent}@{PHONES[0]}:{PHONES[1]}")
            for agent in names(agents)
        ]
    )
    return pbx, dialplans


def write_queue(pbx: Instance, agents: int) -> None:
    members = "".join(f"member => PJSIP/{agent}\n" for agent in names(agents))
    (pbx.etc / "queues.conf").write_text(
        "[general]\nautofill = yes\npersistentmembers = no\nshared_lastcall = no\n\n"
        "[rivals]\nstrategy = leastrecent\nautofill = yes\nringinuse = no\ntimeout = 15\nretry = 1\n"
        f"wrapuptime = 0\nmusicclass = default\n{members}"
    )
