"""RTCP of real calls on a real Asterisk: it reaches telemetry, and telemetry alone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from router.adapters.ami.session import AmiAddress
from router.adapters.ami.telemetry import Telemetry
from router.adapters.pbx.instance import TELEMETRY_USER
from router.domain.ids import LegId
from router.ports import LineReport, Way
from tests.integration.call_centre import CallCentre, poll
from tests.integration.telephone_room import TelephoneRoom
from tests.telephones.carrier import Caller
from tests.telephones.manager import Manager
from tests.telephones.workshop import until


@contextlib.asynccontextmanager
async def telemetry_of(room: TelephoneRoom) -> AsyncIterator[Telemetry]:
    pbx = room.pbx
    telemetry = Telemetry(AmiAddress(pbx.address, pbx.ports.ami, TELEMETRY_USER, pbx.telemetry_secret))
    task = asyncio.create_task(telemetry.run())
    try:
        await until("telemetry to be connected", lambda: telemetry.summary().connected)
        yield telemetry
    finally:
        await telemetry.close()
        await task


async def a_talk(room: TelephoneRoom, agent: str) -> tuple[LegId, LegId]:
    """A caller who speaks talks to a softphone; the legs of the caller and of the agent."""
    await room.campaign()
    await room.softphone(agent, "auto")
    await room.carrier.call(Caller(dnis=room.dnis, speaks=True))
    arrived = await room.ami.event("AcdArrived", Dnis=room.dnis)
    answer = await room.offer(arrived, agent)
    assert answer["Response"] == "Success", answer
    offer = f"{arrived['Contact']}.1"
    await room.ami.event("BridgeEnter", Uniqueid=offer)
    return LegId(arrived["Uniqueid"]), LegId(offer)


@pytest.mark.parametrize("agent", ["agent-1001", "agent-1002"])
async def test_a_talk_gives_reports_whose_sequence_moves(room: TelephoneRoom, agent: str) -> None:
    """A real softphone, over RTP and over SRTP."""
    async with telemetry_of(room) as telemetry:
        _, leg = await a_talk(room, agent)

        def uplink() -> LineReport | None:
            return next((report for report in telemetry.latest(leg) if report.way is Way.UPLINK), None)

        await until("a first report", lambda: uplink() is not None and uplink().highest_sequence, 10)  # type: ignore[union-attr]
        first = uplink()
        assert first is not None
        assert first.highest_sequence is not None
        await until("a newer report", lambda: (newest := uplink()) is not None and newest.at > first.at, 10)
        newest = uplink()
        assert newest is not None
        assert newest.highest_sequence is not None
        moved = (newest.highest_sequence - first.highest_sequence) & 0xFFFF
        assert 0 < moved < 2000, "50 packets a second, a report a second"
        assert newest.fraction_lost is not None
        assert newest.fraction_lost < 0.5
        assert newest.jitter_us is not None
        assert newest.jitter_us < 1_000_000
        assert newest.sent_packets
        assert newest.rtt_us is None

        await until("the phone's own report", lambda: len(telemetry.latest(leg)) == 2, 10)
        downlink = telemetry.latest(leg)[1]
        assert downlink.way is Way.DOWNLINK
        assert downlink.sent_packets
        assert downlink.rtt_us is None or downlink.rtt_us < 10_000_000


async def test_nothing_of_rtcp_reaches_the_connection_of_the_calls(room: TelephoneRoom) -> None:
    async with telemetry_of(room) as telemetry:
        caller, agent = await a_talk(room, "agent-1001")
        await until("reports of both legs", lambda: telemetry.latest(caller) and telemetry.latest(agent), 10)
        heard = {message["Event"] for message in room.ami.events}
        assert "BridgeEnter" in heard
        assert not {event for event in heard if event.startswith("RTCP")}


@pytest.mark.parametrize(
    ("action", "headers"),
    [
        ("Originate", {"Channel": "Local/s@acd-say", "Application": "Wait", "Data": "1"}),
        ("Hangup", {"Channel": "/.*/"}),
        ("Status", {}),
        ("Getvar", {"Variable": "SYSTEMNAME"}),
        ("Setvar", {"Variable": "ACD_HB_test", "Value": "1"}),
        ("UserEvent", {"UserEvent": "AcdOwner"}),
        ("Command", {"Command": "core show channels"}),
    ],
)
async def test_the_telemetry_user_may_not(room: TelephoneRoom, action: str, headers: dict[str, str]) -> None:
    pbx = room.pbx
    async with Manager(pbx.address, pbx.ports.ami, TELEMETRY_USER, pbx.telemetry_secret) as session:
        assert (await session.send("Ping"))["Response"] == "Success"
        answer = await session.send(action, headers)
        assert (answer["Response"], answer["Message"]) == ("Error", "Permission denied")
        assert session.events == []


async def test_a_router_with_telemetry_counts_the_reports_of_its_calls(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-1001")
    centre.settings(drain_s=2, more=f'[telemetry]\nsecret_file = "{centre.room.pbx.telemetry_secret_file}"\n')
    await centre.room.softphone(agent, "auto")
    await centre.start()
    await centre.log_in(agent)
    await centre.room.carrier.call(Caller(dnis=number, speaks=True))
    series: dict[str, float] = {}

    async def reported() -> bool:
        _, text = await centre.get("/metrics")
        lines = (line.rpartition(" ") for line in str(text).splitlines() if not line.startswith("#"))
        series.update({name: float(value) for name, _, value in lines})
        return series.get("ringfair_telemetry_legs", 0) == 2

    await poll(lambda: f"both legs reported: {series}", reported, 15)
    assert series["ringfair_telemetry_connected"] == 1
    assert series["ringfair_telemetry_events_total"] >= 2
    assert series["ringfair_telemetry_dropped_total"] == 0
    assert series['ringfair_line_jitter_seconds{rank="worst"}'] < 1
    assert series['ringfair_line_loss_ratio{rank="worst"}'] < 1


async def test_a_router_whose_telemetry_is_refused_serves_calls_all_the_same(centre: CallCentre) -> None:
    secret = centre.home / "wrong.secret"
    secret.write_text("wrong-secret-of-the-test")
    secret.chmod(0o600)
    centre.settings(drain_s=2, more=f'[telemetry]\nsecret_file = "{secret}"\n')
    number = centre.campaign()
    agent = centre.agent("agent-1001")
    await centre.room.softphone(agent, "auto")
    await centre.start()
    await centre.log_in(agent)
    await centre.room.carrier.call(Caller(dnis=number, speaks=True))
    await centre.agent_is(agent, work="talking")

    async def told() -> bool:
        return "no telemetry from Asterisk: refused" in centre.log.read_text()

    await poll("telemetry's refusal is told", told, 10)
    assert "wrong-secret-of-the-test" not in centre.log.read_text()
