"""Who talks when more than one leg wants the caller: the lock, the epoch, the state of the caller."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.integration.telephone_room import TelephoneRoom
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers, Rejects

pytestmark = pytest.mark.timeout(180)
AGENT, SECOND = "agent-2001", "agent-2002"


async def test_five_hundred_callers_answered_twice_talk_exactly_once_each(room: TelephoneRoom) -> None:
    wanted, most, callers = 500, 1000, 0
    for agent in (AGENT, SECOND):
        await room.phone(agent).behave(Answers(rings_ms=100, talks_ms=400))
    number = await room.campaign()
    answered: dict[str, list[int]] = {}
    close: list[str] = []
    # a busy machine tears some pairs apart: those talk exactly once too, but do not count as close
    while len(close) < wanted and callers < most:
        more = min(wanted - len(close), most - callers)
        await room.carrier.call(Caller(number), count=more, per_s=25.0)
        for nth in range(callers, callers + more):
            arrived = (await room.ami.events_of("AcdArrived", nth + 1))[nth]
            await asyncio.gather(room.offer(arrived, AGENT, 1), room.offer(arrived, SECOND, 2))
        callers += more
        await room.ami.events_of("AcdAfter", callers, within_s=20)
        await room.ami.events_of("AcdTaken", callers, within_s=20)
        answered = {}
        for up in room.ami.seen("AcdUp"):
            answered.setdefault(up["Contact"], []).append(int(up["Timestamp"].replace(".", "")))
        close = [contact for contact, (one, other) in answered.items() if abs(other - one) <= 5_000]
    print(f"{len(close)} of {callers} pairs answered within 5 ms")
    talks = Counter(event["Contact"] for event in room.ami.seen("AcdTalk"))
    entered = Counter(event["Uniqueid"] for event in room.ami.seen("BridgeEnter"))
    assert len(answered) == callers
    assert set(talks.values()) == {1}
    assert Counter(event["Why"] for event in room.ami.seen("AcdTaken")) == {"taken": callers}
    assert all(entered[contact] == 1 for contact in answered)
    talked = {event["Uniqueid"] for event in room.ami.seen("AcdTalk")}
    assert {leg for leg in entered if leg not in answered} == talked
    assert len(close) >= wanted
    assert "Surrogate/" not in room.pbx.rx("core show channels concise")  # see h in 20-wait.conf


async def test_leg_of_a_deposed_router_does_not_talk(room: TelephoneRoom) -> None:
    await room.phone(AGENT).behave(Answers())
    await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")

    await room.offer(arrived, AGENT, ACD_EPOCH=str(room.epoch - 1))

    assert (await room.ami.event("AcdTaken"))["Why"] == "stale-epoch"
    assert not room.ami.seen("AcdTalk")


async def test_router_deposed_while_the_agent_decides_does_not_get_the_talk(room: TelephoneRoom) -> None:
    softphone = await room.softphone("agent-1001", answers="auto")
    await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, "agent-1001", ACD_ACCEPT="1")
    await room.ami.event("AcdUp")
    await room.set_global(f"ACD_EPOCH_{room.pool}", str(room.epoch + 1))

    await softphone.press("1")

    assert (await room.ami.event("AcdTaken"))["Why"] == "stale-epoch"


async def test_router_deposed_during_the_whisper_does_not_get_the_talk(room: TelephoneRoom) -> None:
    await room.phone(AGENT).behave(Answers())
    await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, AGENT, ACD_WHISPER="acd/taken")
    await room.ami.event("AcdUp")
    await room.set_global(f"ACD_EPOCH_{room.pool}", str(room.epoch + 1))

    assert (await room.ami.event("AcdTaken"))["Why"] == "stale-epoch"
    assert not room.ami.seen("AcdTalk")


async def test_agent_accepts_by_pressing_one(room: TelephoneRoom) -> None:
    softphone = await room.softphone("agent-1001", answers="auto")
    await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, "agent-1001", ACD_ACCEPT="1")
    await room.ami.event("AcdUp")
    assert not room.ami.seen("AcdTalk")

    await softphone.press("1")

    assert (await room.ami.event("AcdTalk"))["Agent"] == "agent-1001"


async def test_agent_who_presses_nothing_declines_and_the_next_one_talks(room: TelephoneRoom) -> None:
    await room.phone(AGENT).behave(Answers())
    await room.phone(SECOND).behave(Answers())
    await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, AGENT, 1, ACD_ACCEPT="1")

    assert (await room.ami.event("AcdTaken", within_s=20))["Why"] == "declined"
    await room.offer(arrived, SECOND, 2)

    assert (await room.ami.event("AcdTalk"))["Agent"] == SECOND


async def test_whisper_is_heard_before_the_talk(room: TelephoneRoom) -> None:
    await room.phone(AGENT).behave(Answers())
    await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")
    wire = await room.packets()
    await room.offer(arrived, AGENT, ACD_WHISPER="acd/taken")

    talk = await room.ami.event("AcdTalk")
    await wire.stop()

    up = room.ami.seen("AcdUp")[0]
    between = range(*(int(each["Timestamp"].replace(".", "")) for each in (up, talk)))
    assert len([p for p in wire.rtp(to="127.0.0.20") if p.at in between]) > 20


async def test_leg_that_comes_for_a_caller_in_the_fallback_is_told_taken(room: TelephoneRoom) -> None:
    await room.phone(AGENT).behave(Answers())
    await room.stop_heart()
    await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")
    await room.ami.event("AcdFallback", within_s=20)

    await room.offer(arrived, AGENT, 1)

    assert (await room.ami.event("AcdTaken"))["Why"] == "taken"


async def test_caller_taken_back_from_the_fallback_can_be_talked_to(room: TelephoneRoom) -> None:
    await room.phone(AGENT).behave(Answers())
    await room.stop_heart()
    await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")
    await room.ami.event("AcdFallback", within_s=20)
    await room.beat()
    await room.redirect(arrived["Channel"], "acd-wait")
    await room.until_variable(arrived["Channel"], "ACD_STATE", "waiting")

    await room.offer(arrived, AGENT, 1)

    await room.ami.event("AcdTalk")
    assert len(await room.ami.events_of("BridgeEnter", 2)) == 2


async def test_leg_for_a_caller_in_after_is_told_taken(room: TelephoneRoom) -> None:
    await room.phone(AGENT).behave(Answers(talks_ms=300))
    await room.phone(SECOND).behave(Answers(rings_ms=10))
    await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, AGENT, 1)
    await room.ami.event("AcdAfter")

    await room.offer(arrived, SECOND, 2)

    assert (await room.ami.event("AcdTaken"))["Why"] == "taken"


async def test_same_offer_twice_rings_the_phone_once(room: TelephoneRoom) -> None:
    await room.phone(AGENT).behave(Answers(rings_ms=500))
    await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, AGENT)
    await room.phone(AGENT).has("rings")

    await room.offer(arrived, AGENT)

    refused = await room.ami.event("OriginateResponse", Response="Failure")
    assert refused["Uniqueid"] == arrived["Contact"] + ".1"
    await room.ami.event("AcdTalk")
    assert len(room.phone(AGENT).fates()) == 1


async def test_leg_rejected_by_the_phone_leaves_the_caller_waiting(room: TelephoneRoom) -> None:
    await room.phone(AGENT).behave(Rejects(486))
    await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, AGENT)

    ended = await room.ami.event("Hangup", Uniqueid=arrived["Contact"] + ".1")

    assert (ended["Cause"], ended["TechCause"]) == ("17", "486")
    assert await room.variable(arrived["Channel"], "ACD_STATE") == "waiting"
