"""What a round's capture says besides its messages: the pace of the calls, and that nothing is missing from it.

SIPp's own clock is no judge of whether SIPp was on time, and the time a process takes holds its start and its exit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tests.telephones.packets import Packets, SipMessage, host
from tests.telephones.workshop import TelephoneError

_DROPPED = re.compile(r"(\d+) packets? dropped by")


@dataclass(frozen=True, slots=True)
class Pace:
    """`placed_s`: first to last caller's first INVITE; `took_s`: first INVITE to the last BYE that met a caller."""

    seen: int
    "Callers whose INVITE was on the wire."
    placed_s: float
    took_s: float


def pace_of(messages: Iterable[SipMessage], carrier: str) -> Pace:
    """A call is known by its Call-ID, so that a message sent again counts once, at its first time."""
    placed: dict[str, int] = {}
    ended: dict[str, int] = {}
    for message in messages:
        if message.status:
            continue
        call = message.header("Call-ID")
        if message.method == "INVITE" and host(message.source) == carrier:
            placed.setdefault(call, message.at)
        elif message.method == "BYE" and host(message.target) == carrier:
            ended.setdefault(call, message.at)
    if not placed:
        return Pace(0, 0.0, 0.0)
    first = min(placed.values())
    last = max(placed.values())
    return Pace(len(placed), (last - first) / 1e6, (max(ended.values(), default=last) - first) / 1e6)


def only_the_pace(carrier: str, port: int) -> str:
    """A filter for the carrier's INVITEs and the BYEs to it: where rates are searched, tcpdump must cost nothing."""
    invite, bye = (int.from_bytes(word, "big") for word in (b"INVI", b"BYE "))
    return (
        f"udp port {port} and ((src host {carrier} and udp[8:4] = {invite:#x})"
        f" or (dst host {carrier} and udp[8:4] = {bye:#x}))"
    )


def dropped_of(words: str) -> int:
    """Packets that tcpdump had to let go, from its last words. Raises TelephoneError when it said nothing of them."""
    found = _DROPPED.findall(words)
    if not found:
        raise TelephoneError(f"tcpdump did not say whether it dropped packets: {words[-300:]}")
    return sum(map(int, found))


class Wire(Packets):
    """A capture that can say what it missed."""

    def dropped(self) -> int:
        """After `stop()`. Raises TelephoneError when tcpdump did not say."""
        return dropped_of(self._process.last_words()) if self._process is not None else 0
