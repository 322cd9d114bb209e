"""Durations between two SIP messages on the wire, in milliseconds: the two clocks of P1, P2 and P6.

The packets' own times are used, taken by the kernel; neither system's log is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.load.arena import CARRIER_ADDRESS, CallsLost
from tests.telephones.packets import SipMessage

_CALLER = re.compile(r"\+49155(\d+)")
_AGENT = re.compile(r"sip:(agent-\d+)@")


def invite_to_invite(messages: Iterable[SipMessage], phones: tuple[str, int], calls: int) -> list[float]:
    """Per caller: first INVITE from the trunk → first INVITE to any agent for them, told by the caller's number.

    Raises CallsLost when an agent was never rung for a caller, or when other than `calls` callers were on the wire.
    """
    came: dict[str, int] = {}
    rang: dict[str, int] = {}
    for message in messages:
        if message.status or message.method != "INVITE":
            continue
        number = _CALLER.search(message.header("From"))
        if number is None:
            continue
        if message.source.startswith(f"{CARRIER_ADDRESS}:"):
            came.setdefault(number[1], message.at)
        elif message.target == f"{phones[0]}:{phones[1]}":
            rang.setdefault(number[1], message.at)
    if len(came) != calls:
        raise CallsLost(f"{len(came)} callers were on the wire, {calls} were placed")
    if missing := came.keys() - rang.keys():
        raise CallsLost(f"{len(missing)} of {len(came)} callers never had an agent rung")
    return [(rang[number] - at) / 1000 for number, at in came.items()]


def bye_to_invite(messages: Iterable[SipMessage], phones: tuple[str, int], talks: int | None = None) -> list[float]:
    """Per talk: BYE sent by an agent's phone → the next INVITE to that agent. The last talk of each agent has none.

    A BYE sent again is the same talk's, told by its Call-ID: were it counted twice, the agent's next ring, perhaps a
    whole talk later, would be taken for a gap. Raises CallsLost when other than `talks` ended on the wire.
    """
    at_phone = f"{phones[0]}:{phones[1]}"
    gone: dict[str, int] = {}
    ended: set[str] = set()
    gaps: list[float] = []
    for message in messages:
        if message.status:
            continue
        if message.method == "BYE" and message.source == at_phone:
            agent, call = _AGENT.search(message.header("From")), message.header("Call-ID")
            if agent is not None and call not in ended:
                ended.add(call)
                gone[agent[1]] = message.at
        elif message.method == "INVITE" and message.target == at_phone:
            agent = _AGENT.search(message.first_line)
            at = gone.pop(agent[1], None) if agent is not None else None
            if at is not None:
                gaps.append((message.at - at) / 1000)
    if talks is not None and len(ended) != talks:
        raise CallsLost(f"{len(ended)} talks ended on the wire, {talks} calls were placed")
    return gaps
