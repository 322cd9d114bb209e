"""A caller's way through the dialplan on the real Asterisk, with a test's hand on the AMI in the router's place."""

from __future__ import annotations

import itertools

import pytest

from tests.integration.telephone_room import TelephoneRoom
from tests.telephones.carrier import Caller
from tests.telephones.packets import Packets, RtpPacket, SipMessage, host, loudness
from tests.telephones.sipp_agent import NEVER_ANSWERS, Answers

pytestmark = pytest.mark.timeout(90)
AGENT, SECOND = "agent-2001", "agent-2002"
CARRIER, AGENTS_PHONE = "127.0.0.2", "127.0.0.20"


def first(messages: list[SipMessage], start: str, *, to: str = "", since: int = 0) -> SipMessage:
    """The first message with this beginning of its first line (to that address, not before `since`)."""
    return next(m for m in messages if m.first_line.startswith(start) and to in ("", host(m.target)) and m.at >= since)


@pytest.mark.parametrize("greeting", ["answered", "early-media"])
async def test_caller_waits_talks_and_is_alive_after_the_agent_hung_up(room: TelephoneRoom, greeting: str) -> None:
    await room.phone(AGENT).behave(Answers(talks_ms=500))
    calls = await room.carrier.call(Caller("+" + await room.campaign(greeting=greeting), speaks=True))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, AGENT)

    after = await room.ami.event("AcdAfter", Contact=arrived["Contact"])

    up, talk = room.ami.seen("AcdUp")[0], room.ami.seen("AcdTalk")[0]
    assert arrived["ChannelStateDesc"] == "Ring"
    assert (up["Offer"], up["Agent"]) == (arrived["Contact"] + ".1", AGENT)
    assert talk["Uniqueid"] == up["Uniqueid"] == up["Offer"]
    assert after["Uniqueid"] == arrived["Uniqueid"] == arrived["Contact"]
    assert await calls.end() == [["answered", "released"]]


async def test_event_of_the_arrival_carries_everything_the_router_needs(room: TelephoneRoom) -> None:
    headers = [
        "P-Asserted-Identity: <sip:+4930555200@carrier.invalid>",
        "Diversion: <sip:+4930555300@carrier.invalid>;reason=unconditional",
    ]
    dnis = await room.campaign(greeting="early-media")
    await room.carrier.call(Caller("+" + dnis, display="Zoë Müller", headers=headers))

    arrived = await room.ami.event("AcdArrived")

    assert arrived["Contact"].startswith(room.pbx.systemname + "-")
    assert (arrived["V"], arrived["Campaign"], arrived["Dnis"]) == ("1", "shop", dnis)
    assert (arrived["Ani"], arrived["AniName"], arrived["Pai"]) == ("+4915155500001", "Zoë Müller", "+4930555200")
    assert arrived["Diversion"] == "<sip:+4930555300@carrier.invalid>;reason=unconditional"
    assert arrived["Greeting"] == "early-media"
    assert 0 <= int(arrived["Timestamp"].replace(".", "")) - int(arrived["Arrived"]) < 1_000_000


async def test_history_info_stands_in_for_diversion(room: TelephoneRoom) -> None:
    history = "History-Info: <sip:+4930555300@carrier.invalid>;index=1"
    await room.carrier.call(Caller(await room.campaign(), headers=[history]))

    arrived = await room.ami.event("AcdArrived")

    assert arrived["Diversion"] == "<sip:+4930555300@carrier.invalid>;index=1"


def of_the_caller(wire: Packets) -> list[SipMessage]:
    """The SIP of the one call that began: others may still be saying good-bye to a story told before."""
    messages = wire.sip(CARRIER)
    call = next(m.header("Call-ID") for m in messages if m.method == "INVITE" and not m.status)
    return [m for m in messages if m.header("Call-ID") == call]


async def test_unknown_number_is_refused_with_404_before_any_answer(room: TelephoneRoom) -> None:
    wire = await room.packets()
    calls = await room.carrier.call(Caller("+4930555199"))

    refused = await room.ami.event("AcdRefused")

    assert (refused["Dnis"], refused["Reason"]) == ("4930555199", "unknown-dnis")
    assert await calls.end() == [["refused 404"]]
    await wire.stop()
    assert {m.status for m in of_the_caller(wire) if m.status} == {100, 404}


@pytest.mark.parametrize("greeting", ["answered", "early-media"])
async def test_music_of_a_waiting_caller_has_no_gap_and_no_restart(room: TelephoneRoom, greeting: str) -> None:
    wire = await room.packets()
    await room.carrier.call(Caller(await room.campaign(greeting=greeting)))
    await room.ami.event("AcdArrived")
    await room.heartbeats(4)  # the loop of the waiting room turns once a second
    await wire.stop()

    music = wire.rtp(to=CARRIER)
    steps = {(b.sequence - a.sequence & 0xFFFF, b.timestamp - a.timestamp & 0xFFFFFFFF) for a, b in pairs(music)}
    windows = [music[n : n + 50] for n in range(0, len(music) - 50, 50)]

    assert len(windows) >= 3
    assert len({packet.ssrc for packet in music}) == 1
    assert steps == {(1, 160)}
    assert all(max(map(loudness, window)) > 100 for window in windows)


async def test_two_people_hear_each_other_and_no_music(room: TelephoneRoom) -> None:
    softphone = await room.softphone("agent-1001")
    wire = await room.packets()
    await room.carrier.call(Caller(await room.campaign(greeting="early-media"), speaks=True))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, "agent-1001")
    await softphone.sees("CALL_INCOMING")
    await softphone.answer()
    entered = (await room.ami.events_of("BridgeEnter", 2))[1]
    await room.heartbeats(3)
    await wire.stop()

    since = int(entered["Timestamp"].replace(".", "")) + 500_000
    to_caller = [p for p in wire.rtp(to=CARRIER) if p.at > since]
    # the softphone's audio comes from another loopback address than its SDP names, so Asterisk answers there
    ours = range(room.pbx.ports.rtp_first, room.pbx.ports.rtp_last + 1)
    sent = [p for p in wire.rtp() if p.at > since and int(p.source.partition(":")[2]) in ours]
    to_agent = [p for p in sent if host(p.target) != CARRIER]

    # a steady tone on either side: every packet is about as loud as the next, which no music is
    for heard in (to_caller, to_agent):
        levels = [loudness(packet) for packet in heard if len(packet.payload) == 160]
        assert len(levels) > 50
        assert min(levels) > 0.7 * max(levels) > 1000


async def test_talk_changes_nothing_on_the_trunk_and_names_no_agent(room: TelephoneRoom) -> None:
    await room.phone(AGENT).behave(Answers(talks_ms=500))
    wire = await room.packets()
    calls = await room.carrier.call(Caller(await room.campaign(), speaks=True))
    await room.offer(await room.ami.event("AcdArrived"), AGENT)
    await calls.end()
    await wire.stop()

    sent = [m for m in of_the_caller(wire) if host(m.target) == CARRIER]

    assert [m.first_line.split(" ")[0] for m in sent if not m.status] == ["BYE"]
    assert [m.status for m in sent if m.method == "INVITE" and m.status] == [100, 200]
    text = "\n".join(f"{m.first_line}\n{m.headers}\n{m.body}" for m in sent)
    assert AGENT not in text
    assert AGENTS_PHONE not in text


async def test_caller_in_early_media_gets_the_answer_at_the_bridge(room: TelephoneRoom) -> None:
    await room.phone(AGENT).behave(Answers(rings_ms=400, talks_ms=400))
    wire = await room.packets()
    calls = await room.carrier.call(Caller(await room.campaign(greeting="early-media"), speaks=True))
    await room.offer(await room.ami.event("AcdArrived"), AGENT)
    await calls.end()
    await wire.stop()

    messages = wire.sip()
    answered = [m for m in messages if m.status == 200 and m.method == "INVITE"]

    assert [host(m.target) for m in answered] == ["127.0.0.1", CARRIER]
    assert not [m for m in wire.sip(CARRIER) if m.is_reinvite]


async def test_agents_phone_shows_the_campaign_and_not_the_caller(room: TelephoneRoom) -> None:
    await room.phone(AGENT).behave(Answers(talks_ms=200))
    wire = await room.packets()
    await room.carrier.call(Caller(await room.campaign(), ani="+4915155512345"))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, AGENT)
    await room.ami.event("AcdAfter")
    await wire.stop()

    to_agent = [m for m in wire.sip(AGENTS_PHONE) if host(m.target) == AGENTS_PHONE]

    assert first(to_agent, "INVITE").header("From").startswith('"Shop" <sip:+4930555100@')
    assert not any("+4915155512345" in str(m.headers) for m in to_agent)


async def test_with_nobody_deciding_a_caller_is_released_within_three_seconds(room: TelephoneRoom) -> None:
    await room.phone(AGENT).behave(Answers(talks_ms=300))
    wire = await room.packets()
    calls = await room.carrier.call(Caller(await room.campaign()))
    await room.offer(await room.ami.event("AcdArrived"), AGENT)
    await room.stop_heart()
    await calls.end()
    await wire.stop()

    messages = wire.sip()
    left = first(messages, "BYE", to="127.0.0.1")
    released = first(messages, "BYE", to=CARRIER)

    assert 1_000_000 < released.at - left.at < 3_000_000


async def test_caller_who_gives_up_while_the_agent_rings_leaves_the_agent_a_reason(room: TelephoneRoom) -> None:
    await room.phone(AGENT).behave(Answers(rings_ms=1200))
    calls = await room.carrier.call(Caller(await room.campaign(greeting="early-media"), patience_ms=500))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, AGENT)

    taken = await room.ami.event("AcdTaken", Contact=arrived["Contact"])

    assert taken["Why"] == "caller-left"
    assert await calls.end() == [["gave-up"]]


async def test_next_agent_takes_the_caller_after_the_first_did_not_answer(room: TelephoneRoom) -> None:
    await room.phone(AGENT).behave(NEVER_ANSWERS)
    await room.phone(SECOND).behave(Answers(talks_ms=200))
    calls = await room.carrier.call(Caller(await room.campaign()))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, AGENT, 1)
    await room.phone(AGENT).has("rings")
    await room.ami.send("Hangup", {"Channel": arrived["Contact"] + ".1", "Cause": "16"})
    await room.offer(arrived, SECOND, 2)

    await room.phone(AGENT).has("cancelled")
    assert (await room.ami.event("AcdTalk"))["Agent"] == SECOND
    assert await calls.end() == [["answered", "released"]]


@pytest.mark.parametrize("key", ["5", "#"])
async def test_exit_key_is_reported_and_the_music_goes_on(room: TelephoneRoom, key: str) -> None:
    wire = await room.packets()
    await room.carrier.call(Caller(await room.campaign(), presses=key))
    arrived = await room.ami.event("AcdArrived")

    pressed = await room.ami.event("AcdKey")
    await room.heartbeats(2)
    await wire.stop()

    assert (pressed["Contact"], pressed["Key"]) == (arrived["Contact"], key)
    music = wire.rtp(to=CARRIER)
    assert {(b.sequence - a.sequence & 0xFFFF, b.timestamp - a.timestamp & 0xFFFFFFFF) for a, b in pairs(music)} == {
        (1, 160)
    }


def pairs(packets: list[RtpPacket]) -> list[tuple[RtpPacket, RtpPacket]]:
    return list(itertools.pairwise(packets))
