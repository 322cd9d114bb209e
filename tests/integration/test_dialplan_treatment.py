"""What waiting callers hear on the real Asterisk, with a test's hand on the AMI in the router's place."""

from __future__ import annotations

import wave
from array import array

import pytest

from tests.integration.telephone_room import TelephoneRoom
from tests.telephones.carrier import Caller
from tests.telephones.manager import Message
from tests.telephones.packets import loudness
from tests.telephones.workshop import until

pytestmark = pytest.mark.timeout(90)
AGENT = "agent-2001"
CARRIER = "127.0.0.2"


async def hears(room: TelephoneRoom, arrived: Message, prompt: str, within_s: float = 8) -> None:
    """Wait until that prompt is being played to the caller."""
    await until(f"{prompt} on {arrived['Channel']}", lambda: prompt in now_playing(room, arrived), within_s)


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
    file = room.pbx.root.path / f"usr/share/asterisk/sounds/{language}/{prompt}.wav"
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
