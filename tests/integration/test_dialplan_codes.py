"""What an agent's phone may do by itself: feature codes, the echo test, a blind transfer; and what it may not."""

from __future__ import annotations

import pytest

from tests.integration.telephone_room import TelephoneRoom
from tests.telephones.carrier import Caller
from tests.telephones.packets import loudness
from tests.telephones.workshop import until

pytestmark = pytest.mark.timeout(90)
PHONE = "agent-1001"


@pytest.mark.parametrize(
    ("dialled", "code", "arg"),
    [
        *(("*45", "45", ""), ("*46", "46", ""), ("*463", "46", "3"), ("*4612", "46", "12"), ("*47", "47", "")),
        *(("*471", "47", "1"), ("*4712", "47", "12"), ("*47123456", "47", "123456"), ("*48", "48", "")),
    ],
)
async def test_feature_code_is_reported_and_answered_with_the_routers_word(
    room: TelephoneRoom, dialled: str, code: str, arg: str
) -> None:
    softphone = await room.softphone(PHONE)
    await softphone.dial(dialled)

    feature = await room.ami.event("AcdFeature")
    await room.redirect(feature["Channel"], "acd-say", "waiting-12" if code == "47" else "logged-in")

    assert (feature["Endpoint"], feature["Code"], feature["Arg"]) == (PHONE, code, arg)
    await softphone.sees("CALL_ESTABLISHED")
    ended = await room.ami.event("Hangup", Uniqueid=feature["Uniqueid"], within_s=15)
    assert (ended["Cause"], ended["Exten"]) == ("16", "waiting-12" if code == "47" else "logged-in")


@pytest.mark.parametrize(
    "word", ["paused", "unpaused", "logged-out", "disposition-noted", "refused", "a-word-of-the-next-version"]
)
async def test_every_answer_of_the_router_is_spoken(room: TelephoneRoom, word: str) -> None:
    softphone = await room.softphone(PHONE)
    wire = await room.packets()
    await softphone.dial("*46")
    feature = await room.ami.event("AcdFeature")

    await room.redirect(feature["Channel"], "acd-say", word)

    await room.ami.event("Hangup", Uniqueid=feature["Uniqueid"], within_s=15)
    await wire.stop()
    spoken = [packet for packet in wire.rtp() if int(packet.source.partition(":")[2]) >= room.pbx.ports.rtp_first]
    assert max(map(loudness, spoken)) > 500


async def test_silent_router_leaves_a_feature_code_with_an_answer_all_the_same(room: TelephoneRoom) -> None:
    softphone = await room.softphone(PHONE)
    await softphone.dial("*45")
    feature = await room.ami.event("AcdFeature")

    ended = await room.ami.event("Hangup", Uniqueid=feature["Uniqueid"], within_s=20)

    assert (ended["Context"], ended["Exten"]) == ("acd-say", "unavailable")


async def test_echo_test_sends_the_agents_own_voice_back(room: TelephoneRoom) -> None:
    softphone = await room.softphone(PHONE)
    await softphone.dial("*43")
    leg = await room.ami.event("Newchannel")
    await room.until_variable(leg["Channel"], "PLAYBACKSTATUS", "SUCCESS", within_s=20)
    wire = await room.packets()
    await room.heartbeats(2)
    await wire.stop()

    ours = range(room.pbx.ports.rtp_first, room.pbx.ports.rtp_last + 1)
    heard = [packet for packet in wire.rtp() if int(packet.source.partition(":")[2]) in ours]
    assert len(heard) > 50
    assert sum(map(loudness, heard)) / len(heard) > 1000


async def test_echo_test_does_not_last_for_ever(room: TelephoneRoom) -> None:
    softphone = await room.softphone(PHONE)
    await softphone.dial("*43")
    leg = await room.ami.event("Newchannel")
    await room.until_variable(leg["Channel"], "PLAYBACKSTATUS", "SUCCESS", within_s=20)

    async def is_limited() -> bool:
        return 0 < float(await room.variable(leg["Channel"], "TIMEOUT(absolute)")) <= 60

    await until("a time limit", is_limited, 5)
    # the same limit, run down: what is left of it is set to a second
    await room.set_variable(leg["Channel"], "TIMEOUT(absolute)", "1")
    await room.ami.event("Hangup", Uniqueid=leg["Uniqueid"], within_s=10)


@pytest.mark.parametrize("number", ["+4930555100", "4930555100", "110", "s", "acd-inbound", "*44"])
async def test_agents_phone_reaches_nothing_else(room: TelephoneRoom, number: str) -> None:
    await room.campaign()
    softphone = await room.softphone(PHONE)

    await softphone.dial(number)

    closed = await softphone.sees("CALL_CLOSED")
    assert "404" in str(closed.get("param"))
    assert not room.ami.seen("AcdArrived")
    assert not room.ami.seen("AcdFeature")


async def test_blind_transfer_lands_in_our_context_and_the_caller_waits_with_music(room: TelephoneRoom) -> None:
    softphone = await room.softphone(PHONE)
    await room.carrier.call(Caller(await room.campaign(), speaks=True))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, PHONE)
    await softphone.sees("CALL_INCOMING")
    await softphone.answer()
    await room.ami.events_of("BridgeEnter", 2)

    await softphone.transfer("4711")

    transfer = await room.ami.event("AcdTransfer")
    assert (transfer["Contact"], transfer["Target"], transfer["Agent"]) == (arrived["Contact"], "4711", PHONE)
    await room.ami.event("Hangup", Uniqueid=arrived["Contact"] + ".1")
    await room.until_variable(arrived["Channel"], "ACD_STATE", "waiting")
    wire = await room.packets()
    await room.heartbeats(2)
    await wire.stop()
    assert max(map(loudness, wire.rtp(to="127.0.0.2"))) > 100
    assert not room.ami.seen("AcdAfter")


async def test_transferred_caller_can_be_taken_by_another_agent(room: TelephoneRoom) -> None:
    first, second = await room.softphone(PHONE), await room.softphone("agent-1003", answers="auto")
    await room.carrier.call(Caller(await room.campaign(), speaks=True))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, PHONE, 1)
    await first.sees("CALL_INCOMING")
    await first.answer()
    await room.ami.events_of("BridgeEnter", 2)
    await first.transfer("4711")
    await room.ami.event("AcdTransfer")

    await room.offer(arrived, "agent-1003", 2)

    assert (await room.ami.events_of("AcdTalk", 2))[1]["Agent"] == "agent-1003"
    await second.sees("CALL_ESTABLISHED")


async def test_transfer_to_a_strange_host_lands_in_our_context_too(room: TelephoneRoom) -> None:
    softphone = await room.softphone(PHONE)
    await room.carrier.call(Caller(await room.campaign(), speaks=True))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, PHONE)
    await softphone.sees("CALL_INCOMING")
    await softphone.answer()
    await room.ami.events_of("BridgeEnter", 2)

    await softphone.order("transfer", "sip:4711@192.0.2.1")

    # whatever host the REFER names, the extension is looked up in our own context
    assert (await room.ami.event("AcdTransfer"))["Target"] == "4711"


async def test_hold_and_unhold_are_seen_on_the_agents_leg(room: TelephoneRoom) -> None:
    softphone = await room.softphone(PHONE)
    await room.carrier.call(Caller(await room.campaign(), speaks=True))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, PHONE)
    await softphone.sees("CALL_INCOMING")
    await softphone.answer()
    await room.ami.events_of("BridgeEnter", 2)

    await softphone.hold()
    await room.ami.event("Hold", Uniqueid=arrived["Contact"] + ".1")
    await softphone.resume()

    await room.ami.event("Unhold", Uniqueid=arrived["Contact"] + ".1")
