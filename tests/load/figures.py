"""First figures, in one run, from packets: `make figures`.

    a  caller's INVITE → the INVITE to an agent, agents free, 20 calls/s
    b  an agent's BYE → the next INVITE to that agent, callers waiting (10 agents, 120 callers)

Both for Ringfair and for app_queue on the same Asterisk with the same phones, in turns; plain Dial() is the floor of a.
Talks last 1.5-2.5 s at random. The clock is that of the packets on the wire (tcpdump), never a system's own log.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import platform
import re
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import find_root
from router.adapters.pbx.valkey import Valkey
from tests.integration.call_centre import CallCentre
from tests.integration.telephone_room import TelephoneRoom
from tests.load import rivals
from tests.telephones.packets import Packets, SipMessage
from tests.telephones.workshop import Process, Workshop, free_port, until

_SIPP = Path(__file__).parent / "sipp"
_AGENTS_FREE, _CALLS, _CALLS_PER_S = 80, 200, 20
_AGENTS_BUSY, _WAITING = 10, 120
_CALLER = re.compile(r"\+49155(\d+)")
_AGENT = re.compile(r"sip:(agent-\d+)@")


@dataclass(frozen=True, slots=True)
class Figure:
    """Milliseconds over all calls of one system's runs."""

    n: int
    p50: float
    p99: float
    worst: float


def figure(samples_us: list[int]) -> Figure:
    ms = sorted(sample / 1000 for sample in samples_us)
    if len(ms) < 2:
        raise SystemExit(f"only {len(ms)} calls could be timed")
    cuts = statistics.quantiles(ms, n=100, method="inclusive")
    return Figure(n=len(ms), p50=round(cuts[49], 1), p99=round(cuts[98], 1), worst=round(ms[-1], 1))


def invite_to_invite(messages: list[SipMessage]) -> list[int]:
    """Per caller: first INVITE from the trunk → first INVITE to any agent for them, by the caller's number."""
    came: dict[str, int] = {}
    rang: dict[str, int] = {}
    for message in messages:
        if message.status or message.method != "INVITE":
            continue
        number = _CALLER.search(message.header("From"))
        if number is None:
            continue
        if message.source.startswith("127.0.0.2:"):
            came.setdefault(number[1], message.at)
        elif message.target.startswith(rivals.PHONES[0] + ":"):
            rang.setdefault(number[1], message.at)
    missing = came.keys() - rang.keys()
    if missing:
        raise SystemExit(f"{len(missing)} of {len(came)} callers never had an agent rung: no figures")
    return [rang[number] - at for number, at in came.items()]


def bye_to_invite(messages: list[SipMessage]) -> list[int]:
    """Per agent: BYE sent by their phone → the next INVITE to it, while callers waited."""
    gone: dict[str, int] = {}
    gaps: list[int] = []
    phones = rivals.PHONES[0] + ":"
    for message in messages:
        if message.status:
            continue
        if message.method == "BYE" and message.source.startswith(phones):
            agent = _AGENT.search(message.header("From"))
            if agent is not None:
                gone.setdefault(agent[1], message.at)
        elif message.method == "INVITE" and message.target.startswith(phones):
            agent = _AGENT.search(message.first_line)
            at = gone.pop(agent[1], None) if agent is not None else None
            if at is not None:
                gaps.append(message.at - at)
    return gaps


class Arena:
    """The phones and the carrier around one Asterisk; each round has numbers of its own."""

    def __init__(self, room: TelephoneRoom) -> None:
        self.room = room
        self._workshop: Workshop = room.workshop
        self._phones: Process | None = None
        self._round = 100

    async def phones_on(self) -> None:
        place = self._workshop.place("phones")
        name = "agent-rings-answers-and-hangs-up-after-a-random-talk.xml"
        (place.path / "agent.xml").write_text((_SIPP / name).read_text())
        host, port = rivals.PHONES
        self._phones = await self._workshop.start(
            ["sipp", "-sf", "agent.xml", "-i", host, "-p", str(port), "-mi", host, "-nostdin", "-timer_resol", "1"],
            place,
        )
        await asyncio.sleep(0.5)
        if not self._phones.is_running:
            raise SystemExit(f"the phones do not run: {self._phones.last_words()}")

    async def phones_off(self) -> None:
        if self._phones is not None:
            await self._phones.stop()

    async def round(self, dnis: str, calls: int, per_s: float, within_s: float) -> list[SipMessage]:
        """So many calls to one number; every SIP message meanwhile. Fails when a call fails."""
        self._round += 1
        place = self._workshop.place("carrier")
        text = (_SIPP / "caller-waits-until-released.xml").read_text()
        (place.path / "caller.xml").write_text(text.replace("~dnis~", dnis).replace("~round~", str(self._round)))
        pbx = self.room.pbx
        packets = await Packets(self._workshop, f"udp port {pbx.ports.sip}").start()
        carrier = await self._workshop.start(
            [
                *("sipp", "-sf", "caller.xml", "-i", "127.0.0.2", "-p", str(free_port("127.0.0.2"))),
                *("-mi", "127.0.0.2", "-m", str(calls), "-r", str(per_s), "-l", str(calls)),
                *("-nostdin", "-timer_resol", "1", f"{pbx.address}:{pbx.ports.sip}"),
            ],
            place,
        )
        code = await carrier.wait(within_s)
        await asyncio.sleep(0.3)
        await packets.stop()
        if code:
            raise SystemExit(f"a call to {dnis} failed: {carrier.last_words()}")
        return packets.sip()


async def measure(rounds: int) -> dict[str, dict[str, Figure]]:
    root = find_root()
    found: dict[str, dict[str, list[int]]] = {"a": {}, "b": {}}
    async with contextlib.AsyncExitStack() as stack:
        pbx, dialplans = rivals.make_pbx("figures", root, _AGENTS_FREE)
        stack.callback(pbx.remove)
        stack.callback(lambda: __import__("shutil").rmtree(dialplans, ignore_errors=True))
        pbx.start()
        valkey = Valkey("figures", root=root)
        stack.callback(valkey.remove)
        valkey.start()
        room = await stack.enter_async_context(TelephoneRoom(pbx))
        centre = await stack.enter_async_context(CallCentre(room, valkey, log_level="warning"))
        ours = centre.campaign("rivals", queues='[queue.all]\nneed = "de"\nring_s = 15\nwrapup_s = 0\n')
        agents = [centre.agent(name) for name in rivals.names(_AGENTS_FREE)]
        await centre.start()
        await centre.log_in(*agents)
        arena = Arena(room)
        await arena.phones_on()
        stack.push_async_callback(arena.phones_off)
        for turn in range(rounds):
            for name, dnis in (("dial", rivals.DIAL), ("app_queue", rivals.APP_QUEUE), ("ringfair", ours)):
                say(f"a, round {turn + 1} of {rounds}: {name}")
                messages = await arena.round(dnis, _CALLS, _CALLS_PER_S, 60)
                found["a"].setdefault(name, []).extend(invite_to_invite(messages))
        await few_agents(centre, pbx, agents)
        for turn in range(rounds):
            for name, dnis in (("app_queue", rivals.APP_QUEUE), ("ringfair", ours)):
                say(f"b, round {turn + 1} of {rounds}: {name}")
                messages = await arena.round(dnis, _WAITING, 60, 120)
                found["b"].setdefault(name, []).extend(bye_to_invite(messages))
    return {measure: {name: figure(samples) for name, samples in by.items()} for measure, by in found.items()}


async def few_agents(centre: CallCentre, pbx: Instance, agents: list[str]) -> None:
    """Leave ten agents to both systems."""
    for agent in agents[_AGENTS_BUSY:]:
        await centre.post(f"/v1/agents/{agent}/logout")
    rivals.write_queue(pbx, _AGENTS_BUSY)
    pbx.rx("module reload app_queue.so")
    await until("app_queue to have ten members", lambda: pbx.rx("queue show rivals").count("PJSIP/") == _AGENTS_BUSY)


def say(text: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def table(figures: dict[str, dict[str, Figure]]) -> str:
    titles = {
        "a": f"caller's INVITE → agent's INVITE, agents free, {_CALLS_PER_S} calls/s",
        "b": f"agent's BYE → next INVITE to that agent, {_AGENTS_BUSY} agents, {_WAITING} callers",
    }
    lines = ["| ms, p50 / p99 / max (n) | Ringfair | app_queue | plain Dial |", "|---|---|---|---|"]
    for measure, title in titles.items():
        cells = []
        for name in ("ringfair", "app_queue", "dial"):
            one = figures[measure].get(name)
            cells.append("–" if one is None else f"{one.p50} / {one.p99} / {one.worst} ({one.n})")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="First figures beside app_queue, timed from packets.")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each system (default 3)")
    parser.add_argument("--out", type=Path, default=Path("build/figures.json"))
    asked = parser.parse_args()
    figures = asyncio.run(measure(asked.rounds))
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "figures": {key: {name: asdict(one) for name, one in by.items()} for key, by in figures.items()},
    }
    asked.out.write_text(json.dumps(report, indent=1) + "\n")
    print(table(figures))


if __name__ == "__main__":
    main()
