"""Callers outside our queues: nobody else reaches them meanwhile, and who is not taken waits again."""

from __future__ import annotations

import pytest

from tests.integration.telephone_room import TelephoneRoom
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers, SippAgent
from tests.telephones.workshop import until

pytestmark = pytest.mark.timeout(60)
AGENT = "agent-2001"
NUMBER = "+493023125990"


async def test_leg_that_comes_for_a_caller_who_talks_outside_is_told_taken(room: TelephoneRoom) -> None:
    outside = SippAgent(room.workshop, "127.0.0.2", 5060)
    await outside.behave(Answers(rings_ms=10, talks_ms=4000))
    await room.phone(AGENT).behave(Answers(rings_ms=10))
    calls = await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")
    await room.redirect(arrived["Channel"], "acd-external", f"{NUMBER}~5~trunk")
    await outside.has("answered")

    await room.offer(arrived, AGENT, 1)

    assert (await room.ami.event("AcdTaken"))["Why"] == "taken"
    assert await calls.end(within_s=30) == [["answered", "released"]]
    assert not room.ami.seen("AcdTalk")
    await outside.close()


async def test_a_caller_goes_outside_only_when_a_leg_that_has_the_lock_has_let_go(room: TelephoneRoom) -> None:
    await room.carrier.call(Caller(await room.campaign()))
    holder = (await room.ami.events_of("AcdArrived", 1))[0]
    await room.carrier.call(Caller(await room.campaign()))
    arrived = (await room.ami.events_of("AcdArrived", 2))[1]
    await room.set_variable(holder["Channel"], "GROUP(acd-talk)", arrived["Contact"])

    await room.redirect(arrived["Channel"], "acd-voicemail")

    async def has_tried() -> bool:
        return int(await room.variable(arrived["Channel"], "ACD_TRY") or 0) >= 3

    await until("the third try for the lock", has_tried, 5)
    assert await room.variable(arrived["Channel"], "ACD_STATE") == "waiting"
    await room.set_variable(holder["Channel"], "GROUP(acd-talk)", "")
    await room.until_variable(arrived["Channel"], "ACD_STATE", "outside")


async def test_who_finds_nobody_outside_waits_again_and_an_agent_may_have_them(room: TelephoneRoom) -> None:
    await room.phone(AGENT).behave(Answers(rings_ms=10, talks_ms=500))
    await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")

    await room.redirect(arrived["Channel"], "acd-external", f"{NUMBER}~5~no-such-trunk")
    told = await room.ami.event("AcdNotTaken")
    await room.offer(arrived, AGENT, 1)

    assert (told["Target"], told["Why"]) == (f"dial:{NUMBER}", "unreachable")
    assert (await room.ami.event("AcdTalk"))["Contact"] == arrived["Contact"]


@pytest.mark.parametrize(
    ("context", "exten"),
    [
        ("acd-closing", "s"),
        ("acd-voicemail", "s"),
        ("acd-callback", "promised"),
        ("acd-external", f"{NUMBER}~1~nowhere"),
    ],
)
async def test_whoever_is_sent_off_says_so_once_no_agent_can_have_them(
    room: TelephoneRoom, context: str, exten: str
) -> None:
    await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")

    await room.redirect(arrived["Channel"], context, exten)

    assert (await room.ami.event("AcdSentOff"))["Contact"] == arrived["Contact"]


async def test_what_was_said_is_kept_when_the_caller_hangs_up(room: TelephoneRoom) -> None:
    calls = await room.carrier.call(Caller(await room.campaign(), speaks=True, talks_ms=12_000))
    arrived = await room.ami.event("AcdArrived")

    await room.redirect(arrived["Channel"], "acd-voicemail")

    assert await calls.end(within_s=30) == [["answered", "hangs-up"]]
    # told by what Asterisk does once they are gone
    told = await room.ami.event("AcdMessage", Contact=arrived["Contact"])
    assert (room.pbx.home / "spool" / "ringfair-messages" / told["File"]).exists()


async def test_who_hangs_up_before_the_tone_has_left_no_message(room: TelephoneRoom) -> None:
    calls = await room.carrier.call(Caller(await room.campaign(), talks_ms=1500))
    arrived = await room.ami.event("AcdArrived")

    await room.redirect(arrived["Channel"], "acd-voicemail")

    assert await calls.end(within_s=30) == [["answered", "hangs-up"]]
    assert room.ami.seen("AcdMessage") == []


async def test_where_no_message_can_be_kept_the_caller_goes_on(room: TelephoneRoom) -> None:
    await room.carrier.call(Caller(await room.campaign(), speaks=True))
    arrived = await room.ami.event("AcdArrived")
    await room.set_global("ACD_MESSAGES", "/proc/nowhere")
    try:
        await room.redirect(arrived["Channel"], "acd-voicemail")
        told = (await room.ami.events_of("AcdNotTaken", 1, within_s=20))[0]
    finally:
        await room.set_global("ACD_MESSAGES", "")

    assert (told["Target"], told["Why"]) == ("voicemail", "failed")
    await room.until_variable(arrived["Channel"], "ACD_STATE", "waiting")
    assert await room.variable(arrived["Channel"], f"GROUP_COUNT({arrived['Contact']}@acd-talk)") == "0"


async def test_keys_before_the_answer_are_heard_where_the_trunk_is_said_to_carry_them(room: TelephoneRoom) -> None:
    await room.carrier.call(Caller(await room.campaign(greeting="early-media")))
    deaf = (await room.ami.events_of("AcdArrived", 1))[0]
    await room.until_variable(deaf["Channel"], "ACD_TICK", "2")
    await room.presses(deaf["Channel"], "1")
    await room.set_global("ACD_TRUNK_trunk.keys", "1")
    try:
        await room.carrier.call(Caller(await room.campaign(greeting="early-media")))
        hears = (await room.ami.events_of("AcdArrived", 2))[1]
        await room.until_variable(hears["Channel"], "ACD_EARS", "1")
        await room.presses(hears["Channel"], "9")
        heard = await room.ami.event("AcdKey")
    finally:
        await room.set_global("ACD_TRUNK_trunk.keys", "")

    assert (heard["Contact"], heard["Key"]) == (hears["Contact"], "9")
    assert len(room.ami.seen("AcdKey")) == 1
    assert await room.variable(hears["Channel"], "CHANNEL(state)") != "Up"


async def test_a_caller_in_early_media_is_answered_where_they_wait_once_the_router_wants_it(
    room: TelephoneRoom,
) -> None:
    calls = await room.carrier.call(Caller(await room.campaign(greeting="early-media")))
    arrived = await room.ami.event("AcdArrived")
    await room.until_variable(arrived["Channel"], "ACD_TICK", "2")
    assert calls.fates() in ([], [[]])

    await room.set_variable(arrived["Channel"], "ACD_ANSWER", "1")

    await calls.all_are("answered", 5)
    await room.until_variable(arrived["Channel"], "ACD_ANSWER", "")
    assert await room.variable(arrived["Channel"], "CONTEXT") == "acd-wait"


@pytest.mark.parametrize("rings_ms", [5, 20, 400, 1900])
async def test_an_agent_who_answers_in_that_moment_talks_all_the_same(room: TelephoneRoom, rings_ms: int) -> None:
    await room.phone(AGENT).behave(Answers(rings_ms=rings_ms, talks_ms=1500))
    calls = await room.carrier.call(Caller(await room.campaign(greeting="early-media")))
    arrived = await room.ami.event("AcdArrived")
    await room.until_variable(arrived["Channel"], "ACD_TICK", "2")

    await room.set_variable(arrived["Channel"], "ACD_ANSWER", "1")
    await room.offer(arrived, AGENT, 1)

    assert (await room.ami.event("AcdTalk"))["Contact"] == arrived["Contact"]
    assert (await calls.end(within_s=15))[0] == ["answered", "released"]
    await room.phone(AGENT).has("hangs-up")
