"""The dialplan alone on the real Asterisk, with a test's hand on the AMI in the router's place."""

from __future__ import annotations

import pytest

from tests.integration.telephone_room import TelephoneRoom
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers

pytestmark = pytest.mark.timeout(60)


async def test_caller_waits_talks_and_is_alive_after_the_agent_hung_up(room: TelephoneRoom) -> None:
    await room.phone("agent-2001").behave(Answers(talks_ms=300))
    calls = await room.carrier.call(Caller("+" + await room.campaign()))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, "agent-2001")

    after = await room.ami.event("AcdAfter", Contact=arrived["Contact"])

    up, talk = room.ami.seen("AcdUp")[0], room.ami.seen("AcdTalk")[0]
    assert (up["Offer"], up["Agent"]) == (arrived["Contact"] + ".1", "agent-2001")
    assert talk["Uniqueid"] == up["Uniqueid"] == up["Offer"]
    assert after["Uniqueid"] == arrived["Uniqueid"] == arrived["Contact"]
    assert arrived["Arrived"] <= room.ami.seen("Newstate", Uniqueid=arrived["Uniqueid"])[0]["Timestamp"].replace(".", "")
    assert [["answered", "released"]] == await calls.end()


@pytest.mark.parametrize("agent", ["agent-1001", "agent-1002"])
async def test_softphone_registers_talks_and_hangs_up(room: TelephoneRoom, agent: str) -> None:
    softphone = await room.softphone(agent)
    calls = await room.carrier.call(Caller("+" + await room.campaign(greeting="early-media"), speaks=True))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, agent)

    await softphone.sees("CALL_INCOMING")
    await softphone.answer()
    await room.ami.events_of("BridgeEnter", 2)
    await softphone.hang_up()

    await room.ami.event("AcdAfter", Contact=arrived["Contact"])
    assert [["answered", "released"]] == await calls.end()
