"""The closing message: a caller hears it to its end, whoever else still reaches for them."""

from __future__ import annotations

import pytest

from tests.integration.telephone_room import TelephoneRoom
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers
from tests.telephones.workshop import until

pytestmark = pytest.mark.timeout(60)
AGENT = "agent-2001"


async def test_closing_message_is_played_to_a_waiting_caller_and_ends_the_call(room: TelephoneRoom) -> None:
    calls = await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")

    await room.redirect(arrived["Channel"], "acd-closing")

    assert await calls.end(within_s=30) == [["answered", "released"]]


async def test_leg_that_comes_for_a_caller_in_the_closing_message_is_told_taken(room: TelephoneRoom) -> None:
    await room.phone(AGENT).behave(Answers(rings_ms=10))
    calls = await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")
    await room.redirect(arrived["Channel"], "acd-closing")
    await room.until_variable(arrived["Channel"], "ACD_STATE", "fallback")
    assert await room.variable(arrived["Channel"], f"GROUP_COUNT({arrived['Contact']}@acd-talk)") == "1"

    await room.offer(arrived, AGENT, 1)

    assert (await room.ami.event("AcdTaken"))["Why"] == "taken"
    assert await calls.end(within_s=30) == [["answered", "released"]]
    assert not room.ami.seen("AcdTalk")


async def test_closing_waits_for_a_leg_that_holds_the_lock_and_then_plays(room: TelephoneRoom) -> None:
    # a second caller's leg plays the one of an agent that has the lock and is about to bridge
    await room.carrier.call(Caller(await room.campaign()))
    holder = (await room.ami.events_of("AcdArrived", 1))[0]
    calls = await room.carrier.call(Caller(await room.campaign()))
    arrived = (await room.ami.events_of("AcdArrived", 2))[1]
    await room.set_variable(holder["Channel"], "GROUP(acd-talk)", arrived["Contact"])

    await room.redirect(arrived["Channel"], "acd-closing")
    await room.until_variable(arrived["Channel"], "CONTEXT", "acd-closing")

    async def has_tried() -> bool:
        return int(await room.variable(arrived["Channel"], "ACD_TRY") or 0) >= 3

    await until("the third try for the lock", has_tried, 5)
    assert await room.variable(arrived["Channel"], "ACD_STATE") == "waiting"
    await room.set_variable(holder["Channel"], "GROUP(acd-talk)", "")
    await room.until_variable(arrived["Channel"], "ACD_STATE", "fallback")
    assert await calls.end(within_s=30) == [["answered", "released"]]


@pytest.mark.parametrize("context", ["acd-closing", "acd-fallback"])
async def test_who_is_sent_on_before_the_waiting_room_knew_them_is_answered_as_the_campaign_wants_it(
    room: TelephoneRoom, context: str
) -> None:
    calls = await room.carrier.call(Caller(await room.campaign(greeting="early-media")))
    arrived = (await room.ami.events_of("AcdArrived", 1))[0]
    await room.until_variable(arrived["Channel"], "ACD_GREETING", "early-media")
    await room.set_global(f"ACD_DNIS_{room.dnis}", f"shop,answered,de,default,{room.pool}")
    await room.set_variable(arrived["Channel"], "ACD_GREETING", "")

    await room.redirect(arrived["Channel"], context)

    assert await calls.end(within_s=30) == [["answered", "released"]]


async def test_lock_that_nobody_lets_go_of_keeps_nobody_from_the_message(room: TelephoneRoom) -> None:
    await room.carrier.call(Caller(await room.campaign()))
    holder = (await room.ami.events_of("AcdArrived", 1))[0]
    calls = await room.carrier.call(Caller(await room.campaign()))
    arrived = (await room.ami.events_of("AcdArrived", 2))[1]
    await room.set_variable(holder["Channel"], "GROUP(acd-talk)", arrived["Contact"])

    await room.redirect(arrived["Channel"], "acd-closing")

    assert await calls.end(within_s=30) == [["answered", "released"]]
