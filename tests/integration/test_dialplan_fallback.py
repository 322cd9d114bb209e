"""A caller survives the router: when nobody decides, the dialplan plays on, says so, and lets the caller go."""

from __future__ import annotations

import pytest

from tests.integration.telephone_room import TelephoneRoom
from tests.telephones.carrier import Caller
from tests.telephones.packets import loudness

pytestmark = pytest.mark.timeout(90)
CARRIER = "127.0.0.2"


@pytest.mark.parametrize(
    ("greeting", "end"), [("answered", ["answered", "released"]), ("early-media", ["refused 480"])]
)
async def test_ten_seconds_after_the_last_heartbeat_the_caller_is_told_and_released(
    room: TelephoneRoom, greeting: str, end: list[str]
) -> None:
    await room.stop_heart()
    wire = await room.packets()
    calls = await room.carrier.call(Caller(await room.campaign(greeting=greeting)))
    arrived = await room.ami.event("AcdArrived")

    fallback = await room.ami.event("AcdFallback", Contact=arrived["Contact"], within_s=20)
    assert [end] == await calls.end(within_s=30)
    await wire.stop()

    assert fallback["Reason"] == "router-silent"
    invited = next(m.at for m in wire.sip(CARRIER) if m.method == "INVITE")
    fell = int(fallback["Timestamp"].replace(".", ""))
    assert 9_000_000 < fell - invited < 12_000_000
    for begin, until in ((invited, fell), (fell + 200_000, fell + 5_000_000)):  # music, then the message
        heard = [packet for packet in wire.rtp(to=CARRIER) if begin < packet.at < until]
        assert max(map(loudness, heard)) > 500


async def test_router_that_comes_back_in_time_keeps_the_caller_waiting(room: TelephoneRoom) -> None:
    await room.stop_heart()
    await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")
    wire = await room.packets()
    await room.silence_s(7)
    await room.beat()
    await room.heartbeats(6)
    await wire.stop()

    assert not room.ami.seen("AcdFallback")
    assert await room.variable(arrived["Channel"], "ACD_STATE") == "waiting"


async def test_one_silent_pool_does_not_disturb_the_callers_of_another(room: TelephoneRoom) -> None:
    await room.set_global(f"ACD_DNIS_{room.spare_number}", f"shop,answered,de,default,{room.pool}-silent")
    await room.carrier.call(Caller(room.spare_number, ani="+4915155500001"))
    await room.carrier.call(Caller(await room.campaign(), ani="+4915155500002"))
    await room.ami.events_of("AcdArrived", 2)

    await room.ami.event("AcdFallback", within_s=20)
    await room.heartbeats(2)

    fell = {event["CallerIDNum"] for event in room.ami.seen("AcdFallback")}
    assert fell == {"+4915155500001"}


async def test_no_number_is_unknown_before_a_router_published_its_own(room: TelephoneRoom) -> None:
    await room.set_global("ACD_ROUTED", "")  # as after a start of Asterisk
    wire = await room.packets()
    calls = await room.carrier.call(Caller(room.spare_number))

    fallback = await room.ami.event("AcdFallback")

    assert fallback["Reason"] == "router-silent"
    assert await calls.end(within_s=30) == [["refused 480"]]
    await wire.stop()
    assert max(map(loudness, wire.rtp(to=CARRIER))) > 500
    assert not room.ami.seen("AcdRefused")


async def test_number_published_before_the_rest_is_served_at_once(room: TelephoneRoom) -> None:
    await room.set_global("ACD_ROUTED", "")
    await room.carrier.call(Caller(await room.campaign()))

    await room.ami.event("AcdArrived", Dnis=room.dnis)

    assert not room.ami.seen("AcdFallback")
