"""What Asterisk tells everybody, heard by somebody who is no router: who owns the pool, and which phones ring for whom.

An agent's leg has the id of its offer, `<contact>.<attempt>`, so two legs of one contact that live at the same time are
a double offer, whoever made them. Nothing heard is kept longer than it is needed: ten minutes are a million events.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.telephones.manager import Manager, Message

_OFFER = re.compile(r"(.*[0-9]{9,}\.[0-9]+)\.[0-9]+")
"router/adapters/cel/calls.py has the same, on purpose a second time: a fault there must not hide itself here."
_RINGING, _UP = "5", "6"
_EVERY_S = 0.05


@dataclass(slots=True)
class Leg:
    """An agent's leg that lives."""

    uniqueid: str
    born_at: float
    rang: bool = False


@dataclass(frozen=True, slots=True)
class Double:
    """Two agents' legs of one contact at the same time."""

    contact: str
    legs: tuple[str, str]
    together_s: float
    both_rang: bool


@dataclass(slots=True)
class Heard:
    """By Asterisk's own clock, in seconds since 1970."""

    owned_at: dict[int, float] = field(default_factory=dict)
    "Epoch → when its owner announced itself."
    rang_at: dict[int, float] = field(default_factory=dict)
    "Epoch → when the first phone was called in it."
    doubles: list[Double] = field(default_factory=list)
    fell_back: int = 0
    turned_away: int = 0
    "Legs that were answered and told that the caller is somebody else's by now."
    keys_pressed: int = 0
    legs: dict[str, list[Leg]] = field(default_factory=dict)
    "Contact → agents' legs that live."

    @property
    def epoch(self) -> int:
        return max(self.owned_at, default=0)

    def take(self, message: Message, pool: str) -> None:
        match message.get("UserEvent") or message["Event"]:
            case "AcdOwner" if message.get("Pool") == pool:
                self.owned_at.setdefault(int(message["Epoch"]), float(message["Timestamp"]))
            case "AcdFallback":
                self.fell_back += 1
            case "AcdKey":
                self.keys_pressed += 1
            case "AcdTaken":
                self.turned_away += 1
            case "Newchannel" | "Newstate" | "Hangup" as name:
                whose = _OFFER.fullmatch(message.get("Uniqueid", ""))
                if whose is not None:
                    self._leg(name, whose[1], message)

    def _leg(self, name: str, contact: str, message: Message) -> None:
        uniqueid, at = message["Uniqueid"], float(message["Timestamp"])
        living = self.legs.setdefault(contact, [])
        own = next((leg for leg in living if leg.uniqueid == uniqueid), None)
        if name == "Newchannel":
            living.append(Leg(uniqueid, at))
            self.rang_at.setdefault(self.epoch, at)
        elif own is not None and name == "Newstate":
            own.rang = own.rang or message.get("ChannelState") in (_RINGING, _UP)
        elif own is not None:
            living.remove(own)
            for other in living:
                together_s = at - max(own.born_at, other.born_at)
                legs = (own.uniqueid, other.uniqueid)
                self.doubles.append(Double(contact, legs, together_s, own.rang and other.rang))
            if not living:
                del self.legs[contact]


@contextlib.asynccontextmanager
async def listening(manager: Manager, pool: str) -> AsyncIterator[Heard]:
    """Take what the session hears, and let it forget it, until the end."""
    heard = Heard()

    def take() -> None:
        taken, manager.events = manager.events, []
        manager.raw.clear()
        for message in taken:
            heard.take(message, pool)

    async def always() -> None:
        while True:
            take()
            await asyncio.sleep(_EVERY_S)

    task = asyncio.create_task(always())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        take()
