"""The same story told to app_queue and to us on one Asterisk, and both logs read into the same words.

Names are told by role, since each side has its own: callers by the order they came, queues by which of the two they
are, the agent's leg by not being the caller's. Left out, because they are not about callers or agents, or not
app_queue's own: QUEUESTART, CONFIGRELOAD, and DID, which FreePBX writes beside app_queue and we write ourselves.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from router.adapters.pbx.addresses import Ports
from router.adapters.pbx.endpoints import AgentEndpoint
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import Root, site_files
from tests.integration.call_centre import CallCentre
from tests.integration.telephone_room import AGENTS
from tests.telephones.manager import Manager

ORDERS, BRIEF = "493023125811", "493023125812"
"Numbers of app_queue's two queues (assigned to nobody)."
RING_S, PATIENCE_S = 2, 3
QUEUES = ("orders", "brief")
_NO_NEWS = {"QUEUESTART", "CONFIGRELOAD", "DID"}


class TwinPbx:
    """An Asterisk with app_queue beside our dialplan, whose queue_log is on."""

    def __init__(self, name: str, root: Root) -> None:
        self._files = Path(tempfile.mkdtemp(prefix="ringfair-twin-"))
        self._secret = secrets.token_urlsafe(16)
        for folder in ("dialplans", "asterisk"):
            shutil.copytree(site_files(folder), self._files / folder)
        site = self._files / "dialplans" / "extensions.d" / "site"
        site.mkdir(exist_ok=True)
        (site / "twin.conf").write_text(
            "[acd-inbound](+)\n"
            f"exten => {ORDERS},1,Answer(0,i)\n same => n,Queue(orders)\n same => n,Hangup(16)\n"
            f"exten => {BRIEF},1,Answer(0,i)\n same => n,Queue(brief,,,,{PATIENCE_S})\n same => n,Hangup(16)\n"
            "[twin-exit]\nexten => 1,1,Hangup(16)\n"
        )
        logger = self._files / "asterisk" / "logger.conf"
        logger.write_text(logger.read_text().replace("queue_log = no", "queue_log = yes"))
        with (self._files / "asterisk" / "manager.conf").open("a") as users:
            users.write(f"\n[twin]\nsecret = {self._secret}\nread = agent\nwrite = agent\n")
        self.instance = Instance(
            name,
            Ports.free(rtp_ports=1000),
            root=root,
            dialplans=self._files / "dialplans",
            asterisk=self._files / "asterisk",
            qualify_s=0,
            extra_modules=("app_queue",),
        )
        pbx = self.instance
        pbx.render()
        (pbx.etc / "queues.conf").write_text(
            "[general]\nautofill = yes\npersistentmembers = no\n\n"
            + "".join(
                f"[{queue}]\nstrategy = leastrecent\nautofill = yes\nringinuse = no\ntimeout = {RING_S}\nretry = 1\n"
                "autopause = all\nwrapuptime = 0\ncontext = twin-exit\n"
                for queue in QUEUES
            )
        )
        pbx.write_agents(
            [
                AgentEndpoint(agent_id=name, endpoint=name, contact=f"sip:{name}@{address}:{port}")
                for name, (address, port) in AGENTS.items()
            ]
        )

    @property
    def queue_log(self) -> Path:
        return self.instance.home / "log" / "queue_log"

    def supervisor(self) -> Manager:
        """May order queues about over AMI, which our own user may not."""
        return Manager(self.instance.address, self.instance.ports.ami, "twin", self._secret)

    def remove(self) -> None:
        self.instance.remove()
        shutil.rmtree(self._files, ignore_errors=True)


class Desk(Protocol):
    """What a supervisor does, at either side; `dnis` and `brief` reach its two queues."""

    dnis: str
    brief: str

    async def log_in(self, agent: str) -> None: ...

    async def log_out(self, agent: str) -> None: ...

    async def pause(self, agent: str, reason: str) -> None: ...

    async def unpause(self, agent: str) -> None: ...

    async def waiting(self) -> int: ...

    def text(self) -> str: ...


class AppQueue:
    dnis, brief = ORDERS, BRIEF

    def __init__(self, pbx: TwinPbx, supervisor: Manager) -> None:
        self._pbx = pbx
        self._supervisor = supervisor

    async def _order(self, action: str, agent: str, **headers: str) -> None:
        answer = await self._supervisor.send(action, {"Interface": f"PJSIP/{agent}", **headers})
        assert answer["Response"] == "Success", answer

    async def log_in(self, agent: str) -> None:
        for queue in QUEUES:
            await self._order("QueueAdd", agent, Queue=queue)

    async def log_out(self, agent: str) -> None:
        for queue in QUEUES:
            await self._order("QueueRemove", agent, Queue=queue)

    async def pause(self, agent: str, reason: str) -> None:
        await self._order("QueuePause", agent, Paused="true", Reason=reason)

    async def unpause(self, agent: str) -> None:
        await self._order("QueuePause", agent, Paused="false")

    async def waiting(self) -> int:
        return sum("PJSIP/trunk-" in line for line in self._pbx.instance.rx("queue show").splitlines())

    def text(self) -> str:
        return self._pbx.queue_log.read_text() if self._pbx.queue_log.exists() else ""


class Ours:
    def __init__(self, centre: CallCentre) -> None:
        self._centre = centre
        self._file = centre.home / "queue_log"
        centre.settings(drain_s=2, more=f'[queue_log]\nfile = "{self._file}"\nagent_prefix = "PJSIP/"\n')
        table = f'need = "de"\nring_s = {RING_S}\nwrapup_s = 0\nexit_keys = "1"\n'
        self.dnis = centre.campaign(
            "shop",
            queues=f"[queue.orders]\n{table}max_wait_s = 600\n",
        )
        self.brief = centre.campaign("short", queues=f"[queue.brief]\n{table}max_wait_s = {PATIENCE_S}\n")

    async def log_in(self, agent: str) -> None:
        await self._centre.log_in(agent)

    async def log_out(self, agent: str) -> None:
        await self._order(agent, "logout")

    async def pause(self, agent: str, reason: str) -> None:
        await self._order(agent, "pause", reason=reason)

    async def unpause(self, agent: str) -> None:
        await self._order(agent, "unpause")

    async def _order(self, agent: str, what: str, **body: str) -> None:
        status, said = await self._centre.post(f"/v1/agents/{agent}/{what}", body)
        assert status < 300, said

    async def waiting(self) -> int:
        return sum(contact["state"] in ("queued", "offered") for contact in await self._centre.contacts())

    def text(self) -> str:
        return self._file.read_text() if self._file.exists() else ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line in words of its role. `data` has the numbers as they stand."""

    call: str
    queue: str
    agent: str
    event: str
    data: tuple[str, ...]

    def __str__(self) -> str:
        return "|".join((self.call, self.queue, self.agent, self.event, *self.data))


def lines_of(text: str) -> list[Line]:
    """Parse a log. Every line must have its five fields, and time only goes forward."""
    callers: dict[str, str] = {}
    found: list[Line] = []
    latest = 0
    for row in text.splitlines():
        at, call, queue, agent, event, *data = row.split("|")
        assert int(at) >= latest, f"time goes back: {row}"
        latest = int(at)
        if event in _NO_NEWS:
            continue
        if event == "ENTERQUEUE":
            callers.setdefault(call, f"caller {len(callers) + 1}")
        if event == "CONNECT":
            data[1] = "the agent's leg" if data[1] and data[1] != call else f"not a leg: {data[1]!r}"
        role = callers.get(call, call)
        found.append(Line(role, queue.rpartition("/")[2], agent, event, tuple(data)))
    return found


def told_of(lines: list[Line], call: str) -> list[Line]:
    return [line for line in lines if line.call == call]


def told_of_agent(lines: list[Line], agent: str) -> list[Line]:
    """Log-ins and pauses, queues in the order of their names where they came together."""
    own = [line for line in lines if line.agent == agent and not line.call.startswith("caller")]
    steps: list[list[Line]] = []
    for line in own:
        if steps and steps[-1][0].event == line.event and steps[-1][0].queue != "NONE" != line.queue:
            steps[-1].append(line)
        else:
            steps.append([line])
    return [line for step in steps for line in sorted(step, key=lambda one: one.queue)]
