"""An event log as Asterisk writes it, line by line, for calls that are told in seconds."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from router.domain.ids import SECOND, Micros

BEGAN: Micros = 1_790_000_000 * SECOND
"2026-09-21T14:13:20Z"
COLUMNS = ("event", "time", "uniqueid", "linkedid", "channel", "context", "exten", "number", "dialled", "extra")


def quoted(cells: list[str]) -> bytes:
    """A record: every value in quotes, quotes doubled, newlines as they are."""
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells).encode("utf-8", "surrogateescape") + b"\n"


@dataclass
class FakeEventLog:
    """`call(…)` writes a whole call, `line(…)` one event. Seconds count from `began`; a counter makes the ids."""

    node: str = "node1"
    began: Micros = BEGAN
    count: int = 0
    lines: list[bytes] = field(default_factory=list)
    dialled: dict[str, str] = field(default_factory=dict)
    "By caller's leg; Asterisk repeats it in every line after the first."

    def line(self, event: str, at_s: float, uniqueid: str, **cells: str) -> None:
        at = self.began + round(at_s * SECOND)
        row = dict.fromkeys(COLUMNS, "") | {"linkedid": uniqueid, "number": "+493023125900"}
        row |= {"dialled": self.dialled.get(uniqueid, "")} | cells
        row |= {"event": event, "time": f"{at // SECOND}.{at % SECOND:06}", "uniqueid": uniqueid}
        self.lines.append(quoted(["cel1", *(row[column] for column in COLUMNS)]))

    def caller(self, at_s: float, *, dialled: str = "493023125100", **cells: str) -> str:
        """A caller's leg begins; its Uniqueid."""
        uniqueid = f"{self.node}-{self.began // SECOND + int(at_s)}.{self.count}"
        self.count += 1
        where = {"channel": self.name_of(uniqueid), "context": "acd-inbound", "exten": dialled} | cells
        self.line("CHAN_START", at_s, uniqueid, **where)
        self.dialled[uniqueid] = dialled
        return uniqueid

    def agent(self, at_s: float, caller: str, *, attempt: int = 1, endpoint: str = "agent-1001") -> str:
        """An agent's leg begins for an offer of the caller."""
        uniqueid = f"{caller}.{attempt}"
        self.line("CHAN_START", at_s, uniqueid, channel=f"PJSIP/{endpoint}-0000000a", context="acd-agent", exten="s")
        return uniqueid

    def talk(self, caller: str, agent: str, from_s: float, to_s: float, endpoint: str = "agent-1001") -> None:
        """Both enter a bridge and leave it again, the agent a millisecond behind the caller each time."""
        bridge = json.dumps({"bridge_id": f"bridge-{agent}", "bridge_technology": "simple_bridge"})
        hers = {"channel": f"PJSIP/{endpoint}-0000000a", "context": "acd-agent", "extra": bridge}
        his = {"channel": self.name_of(caller), "context": "acd-wait", "extra": bridge}
        self.line("BRIDGE_ENTER", from_s - 0.001, caller, **his)
        self.line("BRIDGE_ENTER", from_s, agent, **hers)
        self.line("BRIDGE_EXIT", to_s, caller, **his)
        self.line("BRIDGE_EXIT", to_s + 0.001, agent, **hers)

    def hangup(self, uniqueid: str, at_s: float, *, by: str = "", cause: int = 16, context: str = "acd-wait") -> None:
        extra = json.dumps({"hangupcause": cause, "hangupsource": by, "dialstatus": ""})
        channel = "PJSIP/agent-1001-0000000a" if uniqueid.count(".") == 2 else self.name_of(uniqueid)
        self.line("HANGUP", at_s, uniqueid, channel=channel, context=context, exten="h", extra=extra)

    def answered_call(self, at_s: float, *, waits_s: float = 5, talks_s: float = 60, **how: str) -> str:
        """Waits, talks to agent-1001, hangs up."""
        caller = self.caller(at_s, **how)
        self.line("ANSWER", at_s + 0.1, caller, channel=self.name_of(caller), context="acd-wait", exten="welcome")
        agent = self.agent(at_s + 1, caller)
        end_s = at_s + waits_s + talks_s
        self.talk(caller, agent, at_s + waits_s, end_s)
        self.hangup(agent, end_s + 0.002, by=self.name_of(caller), context="acd-agent")
        self.hangup(caller, end_s + 0.003, by=self.name_of(caller))
        return caller

    def abandoned_call(self, at_s: float, *, waits_s: float = 20, **how: str) -> str:
        """Waits and hangs up."""
        caller = self.caller(at_s, **how)
        self.hangup(caller, at_s + waits_s, by=self.name_of(caller), cause=0)
        return caller

    def fallen_back(self, at_s: float, *, waits_s: float = 10, hears_s: float = 4) -> str:
        """Waits, hears the fallback's message, is released."""
        caller = self.caller(at_s)
        here = {"channel": self.name_of(caller), "context": "acd-fallback", "exten": "s"}
        self.line("APP_START", at_s + waits_s, caller, **here)
        self.hangup(caller, at_s + waits_s + hears_s, by="dialplan/builtin", cause=19, context="acd-fallback")
        return caller

    @staticmethod
    def name_of(uniqueid: str) -> str:
        return f"PJSIP/trunk-{int(uniqueid.rpartition('.')[2]):08x}"

    @property
    def text(self) -> bytes:
        return b"".join(self.lines)

    def save(self, path: Path) -> Path:
        path.write_bytes(self.text)
        return path
