"""One real call, traced from the wire through Asterisk, the manager interface and the router, and back to the wire.

    python -m tests.load.traced_call

Calls come five a second with agents free; of all of them the one is shown whose caller's INVITE → agent's INVITE took
the median time, and for every stretch of the way its median over the calls. Three clocks are merged: the kernel's on
packets, Asterisk's on its events, the router's on what it did; on one machine all three tell the same time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from router.adapters.pbx.root import find_root
from tests.load.arena import CARRIER_ADDRESS, Arena, Talk, calls_of
from tests.load.office import Office
from tests.load.side import rivals_of, warm_up
from tests.telephones.packets import SipMessage

_CALLER = re.compile(r"\+49155(\d+)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TALK = Talk(1000, 2000)
STRETCHES = (
    ("caller's INVITE on the wire", "AcdArrived in Asterisk"),
    ("AcdArrived in Asterisk", "read from the socket"),
    ("read from the socket", "in the inbox"),
    ("in the inbox", "taken from it"),
    ("taken from it", "engine done"),
    ("engine done", "Originate written"),
    ("Originate written", "Newchannel of the agent's leg"),
    ("Newchannel of the agent's leg", "agent's INVITE on the wire"),
)
WHOLE = ("caller's INVITE on the wire", "agent's INVITE on the wire")
_INSTANTS = {
    "happened": "AcdArrived in Asterisk",
    "read": "read from the socket",
    "parsed": "in the inbox",
    "taken": "taken from it",
    "decided": "engine done",
    "written": "Originate written",
    "appeared": "Newchannel of the agent's leg",
}


@dataclass(frozen=True, slots=True)
class Call:
    """What the wire saw of one call, its own messages and those of the agent's leg."""

    messages: list[SipMessage]
    invited_at: int
    rang_at: int

    @property
    def took_us(self) -> int:
        return self.rang_at - self.invited_at


@dataclass(frozen=True, slots=True)
class TracedCall:
    call: Call
    contact_id: str
    passed: dict[str, int]
    "When the call was at each end of `STRETCHES`, µs since the epoch."


def calls_on_the_wire(messages: Sequence[SipMessage], phones: tuple[str, int]) -> list[Call]:
    """Every caller's INVITE with all that belongs to it, told by Call-ID and, to the agent's leg, by number."""
    by_dialogue: dict[str, list[SipMessage]] = {}
    for message in messages:
        by_dialogue.setdefault(message.header("Call-ID"), []).append(message)
    to_agent: dict[str, list[SipMessage]] = {}
    callers: dict[str, list[SipMessage]] = {}
    for dialogue in by_dialogue.values():
        first = dialogue[0]
        number = _CALLER.search(first.header("From"))
        if number is None or first.status or first.method != "INVITE":
            continue
        if first.source.startswith(f"{CARRIER_ADDRESS}:"):
            callers[number[1]] = dialogue
        elif first.target == f"{phones[0]}:{phones[1]}":
            to_agent.setdefault(number[1], dialogue)
    if missing := callers.keys() - to_agent.keys():
        raise SystemExit(f"{len(missing)} of {len(callers)} callers never had an agent rung")
    return sorted(
        (
            Call(sorted([*own, *to_agent[number]], key=lambda m: m.at), own[0].at, to_agent[number][0].at)
            for number, own in callers.items()
        ),
        key=lambda call: call.invited_at,
    )


def joined(calls: Sequence[Call], traces: Iterable[dict[str, Any]]) -> list[TracedCall]:
    """Each call with its trace. A trace holds no number, so they are told by time: calls are far apart."""
    found = []
    paths = [(trace["contact_id"], trace["offers"][0]["instants"]) for trace in traces if trace["offers"]]
    for place, call in enumerate(calls):
        until = calls[place + 1].invited_at if place + 1 < len(calls) else call.rang_at
        mine = [
            (contact, instants)
            for contact, instants in paths
            if call.invited_at <= micros(instants["happened"]) < until
        ]
        if len(mine) != 1:
            raise SystemExit(f"{len(mine)} contacts arrived between two callers' INVITEs: not to be told apart")
        contact, instants = mine[0]
        passed = {_INSTANTS[name]: micros(at) for name, at in instants.items() if name in _INSTANTS}
        passed |= {WHOLE[0]: call.invited_at, WHOLE[1]: call.rang_at}
        found.append(TracedCall(call, contact, passed))
    return found


def micros(iso: str) -> int:
    return (datetime.fromisoformat(iso) - _EPOCH) // timedelta(microseconds=1)


def on_the_wire(call: Call, phones: tuple[str, int]) -> list[tuple[int, str, str]]:
    """(instant, side, words) of every message."""
    agent = f"{phones[0]}:{phones[1]}"
    rows = []
    for message in call.messages:
        whose = "agent" if agent in (message.source, message.target) else "caller"
        sent_by_phone = message.source == agent or message.source.startswith(f"{CARRIER_ADDRESS}:")
        arrow = f"{whose} → Asterisk" if sent_by_phone else f"Asterisk → {whose}"
        what = f"{message.status} ({message.method})" if message.status else message.method
        rows.append((message.at, "wire", f"{arrow}: **{what}**"))
    return rows


def table(traced: TracedCall, trace: dict[str, Any], phones: tuple[str, int]) -> list[str]:
    rows = on_the_wire(traced.call, phones)
    for one in trace["milestones"]:
        of = f" ({one['of']})" if one["of"] else ""
        rows.append((micros(one["at"]), one["clock"], f"{one['what']}{of}: {one['step']}"))
    rows.sort(key=lambda row: row[0])
    lines = ["| ms since the INVITE | + ms | seen by | what |", "|---:|---:|---|---|"]
    before = traced.call.invited_at
    for at, clock, words in rows:
        lines.append(f"| {(at - traced.call.invited_at) / 1000:.3f} | {(at - before) / 1000:.3f} | {clock} | {words} |")
        before = at
    return lines


def stretches(calls: Sequence[TracedCall], shown: TracedCall) -> list[str]:
    lines = ["| from | to | median, ms | p90, ms | this call, ms |", "|---|---|---:|---:|---:|"]
    for since, until in (*STRETCHES, WHOLE):
        took = [call.passed[until] - call.passed[since] for call in calls if {since, until} <= call.passed.keys()]
        cuts = statistics.quantiles(took, n=10, method="inclusive")
        own = shown.passed[until] - shown.passed[since]
        lines.append(f"| {since} | {until} | {cuts[4] / 1000:.3f} | {cuts[8] / 1000:.3f} | {own / 1000:.3f} |")
    return lines


async def measure(count: int, per_s: float) -> list[str]:
    async with contextlib.AsyncExitStack() as stack:
        root = find_root()
        arena = await stack.enter_async_context(Arena(root))
        office = await stack.enter_async_context(Office("traced", root, agents=count, phones=arena.phones))
        ours = rivals_of(office)[0]
        await arena.phones_on(_TALK)
        await office.on_duty(count)
        await warm_up(arena, [ours])
        within_s = count / per_s + 30
        done = calls_of(await arena.round(ours.towards, ours.dnis, calls=count, per_s=per_s, within_s=within_s))
        await office.quiet()
        calls = calls_on_the_wire(done.messages, arena.phones)
        traces = json.loads(await office.command("trace", "--last", str(count), "--json"))
        traced = joined(calls, traces)
        median = sorted(traced, key=lambda one: one.call.took_us)[len(traced) // 2]
        whole = json.loads(await office.command("trace", median.contact_id, "--json"))
        return [
            f"{count} calls, {per_s:g} a second, agents free. Where the time went:",
            "",
            *stretches(traced, median),
            "",
            f"The call that took the median time, {median.call.took_us / 1000:.3f} ms from INVITE to INVITE:",
            "",
            *table(median, whole, arena.phones),
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description="One real call traced through packets, Asterisk and the router.")
    parser.add_argument("--calls", type=int, default=21, help="how many to choose the median of (default 21)")
    parser.add_argument("--per-s", type=float, default=5.0, help="calls a second (default 5)")
    asked = parser.parse_args()
    if asked.calls < 2 or not 0 < asked.per_s <= 20:
        parser.error("at least 2 calls, at most 20 a second: packets and traces are told apart by time")
    print("\n".join(asyncio.run(measure(asked.calls, asked.per_s))))


if __name__ == "__main__":
    main()
