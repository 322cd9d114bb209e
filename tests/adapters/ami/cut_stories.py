"""What a router sends, as stories that make it send it: fifty pairs of an action and its answer, and whom they serve.

Each story begins with two agents ready and nobody on the line, and says what must have become of its callers whatever
byte the line was cut at.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from router.domain.messages.commands import HangUp
from router.domain.messages.effects import LookAgain

from .cut_room import AGENTS, LONGEST_TALK_S, RUSH, CutRoom, Fate, rules

Play = Callable[[CutRoom], Awaitable[None]]
_SERVED, _NOT_SERVED = Fate(talks=1), Fate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An action of a story, the `skip + 1`th that fits, and what is answered to it."""

    play: Play
    action: str
    about: str = ""
    skip: int = 0
    fate: Fate = _SERVED

    @property
    def name(self) -> str:
        which = f" {self.skip + 1}" if self.skip else ""
        return f"{self.play.__name__}: {self.action} {self.about}{which}".rstrip()


# ---- the line ----


async def line_lost(room: CutRoom) -> None:
    """And meanwhile somebody calls: they are found when the line is back."""
    room.exchange.cut()
    room.call()


async def exchange_forgot(room: CutRoom) -> None:
    """It was started again: every global is gone."""
    room.exchange.globals.clear()
    room.exchange.cut()
    room.call()


async def look_again(room: CutRoom) -> None:
    contact = room.call()
    await room.talks(contact)
    room.telephony.perform(LookAgain(node="pbx_1"))


async def number_comes_and_goes(room: CutRoom) -> None:
    for numbers in (("+493023125102",), ()):
        room.telephony.publish(rules(*numbers))
        await asyncio.sleep(0.5)


# ---- calls ----


async def call(room: CutRoom) -> None:
    room.call()


async def nobody_answers(room: CutRoom) -> None:
    first, _ = _in_turn(room)
    room.exchange.behaviour[first] = "silent"
    room.call()


async def busy_phone(room: CutRoom) -> None:
    first, _ = _in_turn(room)
    room.exchange.behaviour[first] = "busy"
    room.call()


async def caller_leaves_a_ring(room: CutRoom) -> None:
    room.exchange.behaviour.update(dict.fromkeys(AGENTS, "silent"))
    contact = room.call()
    await asyncio.sleep(0.5)
    room.exchange.hangs_up(contact)


async def desk_ends_a_wait(room: CutRoom) -> None:
    room.all_pause()
    contact = room.call()
    await asyncio.sleep(0.5)
    room.pump.ask(HangUp(contact_id=contact))


async def desk_ends_a_talk(room: CutRoom) -> None:
    room.exchange.talk_s = 60.0
    contact = room.call()
    await room.talks(contact)
    room.pump.ask(HangUp(contact_id=contact))


async def waited_too_long(room: CutRoom) -> None:
    room.all_pause()
    room.call(RUSH)


async def talked_too_long(room: CutRoom) -> None:
    room.exchange.talk_s = 60.0
    room.call(RUSH)


async def transferred(room: CutRoom) -> None:
    contact = room.call()
    await room.talks(contact)
    room.exchange.transfers(contact, "493023125100")


async def transferred_elsewhere(room: CutRoom) -> None:
    contact = room.call()
    await room.talks(contact)
    room.exchange.transfers(contact, "4711")


async def unknown_campaign(room: CutRoom) -> None:
    room.call("gone")


# ---- agents' phones, and our own call ----


async def logs_out_and_in(room: CutRoom) -> None:
    for _ in range(2):
        room.exchange.dials(AGENTS[0], "45")
        await asyncio.sleep(4)


async def pauses_and_comes_back(room: CutRoom) -> None:
    for _ in range(2):
        room.exchange.dials(AGENTS[0], "46")
        await asyncio.sleep(4)


async def asks_who_waits(room: CutRoom) -> None:
    room.exchange.dials(AGENTS[0], "47")


async def canary(room: CutRoom) -> None:
    room.telephony.call_in("000226279")


def _in_turn(room: CutRoom) -> Sequence[str]:
    """Phones of the agents as they will be asked: who is idle longest first."""
    agents = sorted(room.engine.floor.agents.values(), key=lambda agent: (agent.idle_since, agent.ordinal))
    return [agent.profile.endpoint for agent in agents]


_DIALPLAN = ("acd-wait,s", "acd-agent,card", "acd-after,s", "acd-closing,s", "acd-leaving,s", "acd-fallback,s")
_CLOSING = Fate(closings=1)
PAIRS = (
    Pair(play=line_lost, action="Login"),
    Pair(play=line_lost, action="Getvar", about="SYSTEMNAME"),
    Pair(play=line_lost, action="Getvar", about="VERSION"),
    *(Pair(play=line_lost, action="Getvar", about=f"DIALPLAN_EXISTS({one}") for one in _DIALPLAN),
    Pair(play=line_lost, action="Getvar", about="ACD_EPOCH"),
    Pair(play=line_lost, action="UserEvent"),
    Pair(play=line_lost, action="Getvar", about="ACD_EPOCH", skip=1),
    Pair(play=line_lost, action="Setvar", about="ACD_HB"),
    Pair(play=line_lost, action="Getvar", about="ACD_ROUTES_main_0"),
    Pair(play=line_lost, action="Getvar", about="ACD_ROUTES_main_1"),
    *(Pair(play=line_lost, action="Setvar", about="ACD_DNIS", skip=n) for n in range(3)),
    Pair(play=line_lost, action="Setvar", about="ACD_ROUTED"),
    Pair(play=line_lost, action="DeviceStateList"),
    Pair(play=line_lost, action="Getvar", about="DEVICE_STATE"),
    Pair(play=line_lost, action="Status"),
    Pair(play=exchange_forgot, action="Setvar", about="ACD_EPOCH"),
    Pair(play=exchange_forgot, action="Setvar", about="ACD_ROUTES"),
    Pair(play=exchange_forgot, action="Setvar", about="ACD_DNIS", skip=2),
    Pair(play=look_again, action="Status"),
    Pair(play=number_comes_and_goes, action="Setvar", about="ACD_ROUTES"),
    Pair(play=number_comes_and_goes, action="Setvar", about="ACD_DNIS_493023125102"),
    Pair(play=number_comes_and_goes, action="Getvar", about="ACD_DNIS_493023125102"),
    Pair(play=number_comes_and_goes, action="Setvar", about="ACD_DNIS_493023125102", skip=1),
    Pair(play=number_comes_and_goes, action="Setvar", about="ACD_ROUTES", skip=1),
    Pair(play=call, action="Originate"),
    Pair(play=call, action="Setvar", about="ACD_HB"),
    Pair(play=call, action="Hangup"),
    Pair(play=nobody_answers, action="Originate"),
    Pair(play=nobody_answers, action="Hangup"),
    Pair(play=nobody_answers, action="Originate", skip=1),
    Pair(play=busy_phone, action="Originate"),
    Pair(play=busy_phone, action="Originate", skip=1),
    Pair(play=caller_leaves_a_ring, action="Originate", fate=_NOT_SERVED),
    Pair(play=caller_leaves_a_ring, action="Hangup", fate=_NOT_SERVED),
    Pair(play=desk_ends_a_wait, action="Hangup", fate=_NOT_SERVED),
    Pair(play=desk_ends_a_talk, action="Hangup"),
    Pair(play=waited_too_long, action="Redirect", fate=_CLOSING),
    Pair(play=talked_too_long, action="Hangup", fate=Fate(talks=1, within_s=LONGEST_TALK_S + 15)),
    Pair(play=transferred, action="Redirect", fate=Fate(talks=2)),
    Pair(play=transferred, action="Originate", skip=1, fate=Fate(talks=2)),
    Pair(play=transferred_elsewhere, action="Redirect", fate=Fate(talks=1, closings=1)),
    Pair(play=logs_out_and_in, action="Redirect"),
    Pair(play=logs_out_and_in, action="Redirect", skip=1),
    Pair(play=pauses_and_comes_back, action="Redirect"),
    Pair(play=pauses_and_comes_back, action="Redirect", skip=1),
    Pair(play=asks_who_waits, action="Redirect"),
    Pair(play=canary, action="Originate"),
)
