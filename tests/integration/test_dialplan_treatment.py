"""What waiting callers hear on the real Asterisk, with a test's hand on the AMI in the router's place."""

from __future__ import annotations

import wave
from array import array
from pathlib import Path

import pytest

from tests.integration.telephone_room import TelephoneRoom
from tests.telephones.carrier import Caller
from tests.telephones.manager import Message
from tests.telephones.packets import loudness
from tests.telephones.sipp_agent import Answers
from tests.telephones.workshop import until

pytestmark = pytest.mark.timeout(90)
AGENT = "agent-2001"
CARRIER = "127.0.0.2"


async def hears(room: TelephoneRoom, arrived: Message, prompt: str, within_s: float = 8) -> None:
    """Wait until that prompt is being played to the caller."""
    await until(f"{prompt} on {arrived['Channel']}", lambda: prompt in now_playing(room, arrived), within_s)


async def impatient(room: TelephoneRoom, arrived: Message) -> None:
    """This caller's leg gives a silent router up after 4 s, not 10 as the site says (test_dialplan_fallback.py)."""
    await room.set_variable(arrived["Channel"], "ACD_HEARTBEAT_S", "4")


def now_playing(room: TelephoneRoom, arrived: Message) -> str:
    """Application and arguments of the caller's leg."""
    for line in room.pbx.rx("core show channels concise").splitlines():
        fields = line.split("!")
        if fields[0] == arrived["Channel"]:
            return "!".join(fields[5:7])
    return ""


async def say(room: TelephoneRoom, arrived: Message, *prompts: str, music: str = "default") -> None:
    await room.set_variable(arrived["Channel"], "ACD_SAY", f"{music}~{'&'.join(prompts)}")


def spoken(room: TelephoneRoom, prompt: str, language: str = "de") -> list[float]:
    """How loud the prompt's file is, for each 20 ms, as a telephone carries them."""
    file = room.pbx.root.resolve(Path("/usr/share/asterisk/sounds") / language) / f"{prompt}.wav"
    with wave.open(str(file)) as sound:
        samples = array("h", sound.readframes(sound.getnframes()))
    return [sum(map(abs, samples[n : n + 160])) / 160 for n in range(0, len(samples) - 159, 160)]


def begins_at(levels: list[float], prompt: list[float]) -> int | None:
    """In which packet the whole prompt begins, or None; A-law is off by a few percent."""
    loud = [n for n, level in enumerate(prompt) if level > 200]
    assert len(loud) > 20
    for start in range(len(levels) - len(prompt) + 1):
        alike = sum(abs(levels[start + n] - prompt[n]) < 0.1 * prompt[n] for n in loud)
        if alike > 0.9 * len(loud):
            return start
    return None


@pytest.mark.parametrize("greeting", ["answered", "early-media"])
async def test_a_caller_hears_a_prompt_to_its_end_and_then_the_music_goes_on(
    room: TelephoneRoom, greeting: str
) -> None:
    wire = await room.packets()
    await room.carrier.call(Caller(await room.campaign(greeting=greeting)))
    arrived = await room.ami.event("AcdArrived")
    await room.heartbeats(2)
    await say(room, arrived, "acd/position-7", "acd/wait-1")
    await hears(room, arrived, "acd/position-7")
    await room.until_variable(arrived["Channel"], "ACD_SAY", "")
    await room.heartbeats(9)
    await wire.stop()

    levels = [loudness(packet) for packet in wire.rtp(to=CARRIER)]
    first = begins_at(levels, spoken(room, "acd/position-7"))
    second = begins_at(levels, spoken(room, "acd/wait-1"))
    assert first is not None
    assert second is not None
    assert first < second < len(levels) - 100
    assert max(levels[-50:]) > 100


async def test_a_welcome_is_played_once_at_entry_and_in_the_language_of_the_campaign(room: TelephoneRoom) -> None:
    dnis = await room.campaign(language="en")
    await room.set_global(f"ACD_DNIS_{dnis}", f"shop,answered,en,default,{room.pool},,,,acd/welcome")
    wire = await room.packets()
    await room.carrier.call(Caller(dnis))
    arrived = await room.ami.event("AcdArrived")
    await hears(room, arrived, "acd/welcome", 2)
    await room.heartbeats(4)
    await room.redirect(arrived["Channel"], "acd-wait")
    await room.heartbeats(3)
    await wire.stop()

    levels = [loudness(packet) for packet in wire.rtp(to=CARRIER)]
    welcome = spoken(room, "acd/welcome", "en")
    first = begins_at(levels, welcome)
    assert first is not None
    assert first < 25  # within half a second of the first sound
    assert begins_at(levels[first + len(welcome) :], welcome) is None


async def test_a_key_cuts_the_prompt_and_is_told_once(room: TelephoneRoom) -> None:
    await room.carrier.call(Caller(await room.campaign(), presses="1", key_after_ms=3000))
    arrived = await room.ami.event("AcdArrived")
    await room.heartbeats(1)
    await say(room, arrived, *["acd/fallback"] * 3)
    await hears(room, arrived, "acd/fallback")

    keyed = await room.ami.event("AcdKey", Contact=arrived["Contact"])

    assert keyed["Key"] == "1"
    await until("the music is back", lambda: "acd/fallback" not in now_playing(room, arrived), 2)
    await say(room, arrived, "acd/wait-1")
    await room.until_variable(arrived["Channel"], "ACD_SAY", "")
    await room.heartbeats(3)
    assert len(room.ami.seen("AcdKey", Contact=arrived["Contact"])) == 1


async def test_a_prompt_that_is_not_there_costs_the_caller_nothing(room: TelephoneRoom) -> None:
    calls = await room.carrier.call(Caller(await room.campaign(), talks_ms=9000))
    arrived = await room.ami.event("AcdArrived")
    await say(room, arrived, "acd/never-recorded", "shop/neither")
    await room.until_variable(arrived["Channel"], "ACD_SAY", "")
    await say(room, arrived, "acd/position-2")
    await hears(room, arrived, "acd/position-2")
    assert await calls.end(15) == [["answered", "hangs-up"]]


async def test_other_music_is_heard_from_the_next_tick_on(room: TelephoneRoom) -> None:
    await room.carrier.call(Caller(await room.campaign(greeting="early-media")))
    arrived = await room.ami.event("AcdArrived")
    await say(room, arrived, music="jazz")
    await room.until_variable(arrived["Channel"], "ACD_MUSIC", "jazz")
    assert await room.variable(arrived["Channel"], "ACD_SAY") == ""


@pytest.mark.parametrize("greeting", ["answered", "early-media"])
async def test_a_router_that_falls_silent_while_a_prompt_plays_is_noticed_after_it(
    room: TelephoneRoom, greeting: str
) -> None:
    await room.carrier.call(Caller(await room.campaign(greeting=greeting)))
    arrived = await room.ami.event("AcdArrived")
    await impatient(room, arrived)
    await say(room, arrived, "acd/fallback")  # some 8 s
    await hears(room, arrived, "acd/fallback")
    await room.stop_heart()
    fell = await room.ami.event("AcdFallback", Contact=arrived["Contact"], within_s=8 + 4 + 2 + 6)
    assert fell["Reason"] == "router-silent"


async def test_a_prompt_longer_than_the_patience_of_the_loop_sends_nobody_to_the_fallback(room: TelephoneRoom) -> None:
    await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")
    await impatient(room, arrived)
    await say(room, arrived, "acd/fallback")  # twice as long
    await hears(room, arrived, "acd/fallback")
    await until("the end of it", lambda: "acd/fallback" not in now_playing(room, arrived), 30)
    await room.heartbeats(5)
    assert not room.ami.seen("AcdFallback")


@pytest.mark.parametrize("greeting", ["answered", "early-media"])
async def test_an_agent_takes_the_caller_out_of_the_middle_of_a_prompt(room: TelephoneRoom, greeting: str) -> None:
    await room.phone(AGENT).behave(Answers(talks_ms=500))
    calls = await room.carrier.call(Caller(await room.campaign(greeting=greeting), speaks=True))
    arrived = await room.ami.event("AcdArrived")
    await say(room, arrived, *["acd/fallback"] * 3)
    await hears(room, arrived, "acd/fallback")
    await room.offer(arrived, AGENT)

    up = await room.ami.event("AcdUp")
    entered = (await room.ami.events_of("BridgeEnter", 2))[1]
    after = await room.ami.event("AcdAfter", Contact=arrived["Contact"])

    assert float(entered["Timestamp"]) - float(up["Timestamp"]) < 1
    assert await room.variable(after["Channel"], "ACD_SAY") == ""
    assert await calls.end() == [["answered", "released"]]
