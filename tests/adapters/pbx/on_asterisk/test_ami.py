"""What the AMI user of manager.conf can do, cannot do, and hears."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

from router.adapters.pbx.instance import AMI_USER, Instance
from tests.adapters.pbx.on_asterisk.conftest import NUMBER
from tests.telephones.manager import Manager, Message

WANTED = {
    *("UserEvent", "Newchannel", "Newstate", "Rename", "Hangup", "HangupRequest", "SoftHangupRequest"),
    *("BridgeEnter", "BridgeLeave", "Hold", "Unhold", "BlindTransfer", "AttendedTransfer", "OriginateResponse"),
    *("DeviceStateChange", "ContactStatus", "FullyBooted", "Shutdown"),
}


def manager(pbx: Instance) -> Manager:
    return Manager(pbx.address, pbx.ports.ami, AMI_USER, pbx.ami_secret)


def call(pbx: Instance, number: str = NUMBER, source: str = "127.0.0.2") -> subprocess.CompletedProcess[bytes]:
    """One call of a carrier: invited, answered, a moment of talk, BYE."""
    return pbx.root.run(
        [
            *("sipp", "-sn", "uac", "-s", number, "-i", source, "-m", "1", "-d", "300", "-timeout", "10"),
            *("-nostdin", f"{pbx.address}:{pbx.ports.sip}"),
        ],
        timeout_s=20,
    )


@pytest.mark.parametrize(
    ("action", "headers", "list_ends_with"),
    [
        ("CoreShowChannels", {}, "CoreShowChannelsComplete"),
        ("Status", {"Variables": "ACD_OFFER,ACD_CONTACT"}, "StatusComplete"),
        ("BridgeList", {}, "BridgeListComplete"),
        ("DeviceStateList", {}, "DeviceStateListComplete"),
        ("CoreSettings", {}, None),
        ("PJSIPQualify", {"Endpoint": "trunk"}, None),
        ("Getvar", {"Variable": "AST_CONFIG(rtp.conf,general,rtcpinterval)"}, None),
        ("Getvar", {"Variable": "PJSIP_AOR(agent-1001,contact)"}, None),
        ("Getvar", {"Variable": "DEVICE_STATE(PJSIP/agent-1001)"}, None),
        ("Getvar", {"Variable": "DIALPLAN_EXISTS(acd-wait,s,1)"}, None),
        ("Getvar", {"Variable": "IFMODULE(res_srtp.so)"}, None),
        ("Getvar", {"Variable": "VERSION(ASTERISK_VERSION_NUM)"}, None),
        ("Setvar", {"Variable": "ACD_HB_test", "Value": "1"}, None),
        ("UserEvent", {"UserEvent": "AcdOwner", "Pool": "test"}, None),
    ],
)
async def test_the_router_may(pbx: Instance, action: str, headers: dict[str, str], list_ends_with: str | None) -> None:
    async with manager(pbx) as session:
        answer = await session.send(action, headers)

        assert answer["Response"] == "Success", answer
        if list_ends_with is not None:
            await session.event(list_ends_with, ActionID=answer["ActionID"])


@pytest.mark.parametrize(
    ("action", "headers"),
    [
        ("Command", {"Command": "core show version"}),
        ("GetConfig", {"Filename": "manager.conf"}),
        ("UpdateConfig", {"SrcFilename": "manager.conf", "DstFilename": "manager.conf"}),
        ("Reload", {}),
        ("ModuleLoad", {"LoadType": "load", "Module": "app_system.so"}),
        ("PJSIPShowEndpoints", {}),
        ("DialplanExtensionAdd", {"Context": "acd-home", "Extension": "1", "Priority": "1", "Application": "Echo"}),
        ("Filter", {"Operation": "Add", "Filter": "Event: .*"}),
        ("Getvar", {"Variable": "SHELL(id)"}),
        ("Originate", {"Channel": "Local/s@acd-closing", "Application": "System", "Data": "id", "Async": "true"}),
    ],
)
async def test_the_router_may_not(pbx: Instance, action: str, headers: dict[str, str]) -> None:
    async with manager(pbx) as session:
        answer = await session.send(action, headers)

        assert answer["Response"] == "Error", answer


async def test_a_wrong_secret_is_refused(pbx: Instance) -> None:
    reader, writer = await asyncio.open_connection(pbx.address, pbx.ports.ami)
    try:
        await reader.readline()
        writer.write(f"Action: Login\r\nUsername: {AMI_USER}\r\nSecret: wrong\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    finally:
        writer.close()
        await writer.wait_closed()

    assert b"Response: Error" in answer


async def test_a_callers_call_reaches_acd_inbound_and_only_wanted_events_arrive(pbx: Instance) -> None:
    async with manager(pbx) as session:
        calling = asyncio.create_task(asyncio.to_thread(call, pbx))
        arrived = await session.event("AcdArrived", within_s=10)
        await session.event("Hangup", within_s=10, Uniqueid=arrived["Uniqueid"])
        done = await calling

        assert done.returncode == 0, done.stdout.decode()[-800:]
        assert arrived["Contact"] == arrived["Uniqueid"]
        assert arrived["Uniqueid"].startswith(f"{pbx.systemname}-")
        assert (arrived["Dnis"], arrived["Campaign"]) == (NUMBER, "shop")
        assert "Timestamp" in arrived
        assert names(session.events) - WANTED == set()
        assert {"UserEvent", "Newchannel", "Newstate", "HangupRequest", "Hangup"} <= names(session.events)


async def test_what_the_filter_leaves_out_does_happen(pbx: Instance) -> None:
    """The same call heard without filters, so that the test above is known to have filtered something."""
    (pbx.etc / "manager.d/site-listener.conf").write_text(
        "[listener]\nsecret = example-secret\nread = system,call,user,dialplan\nwrite = system\n"
    )
    pbx.rx("manager reload")
    async with Manager(pbx.address, pbx.ports.ami, "listener", "example-secret") as session:
        calling = asyncio.create_task(asyncio.to_thread(call, pbx))
        arrived = await session.event("AcdArrived", within_s=10)
        await session.event("Hangup", within_s=10, Uniqueid=arrived["Uniqueid"])
        await calling

        assert {"VarSet", "Newexten", "NewCallerid"} <= names(session.events) - WANTED


async def test_a_stranger_gets_nowhere(pbx: Instance) -> None:
    async with manager(pbx) as session:
        done = await asyncio.to_thread(call, pbx, NUMBER, "127.0.0.9")

        assert done.returncode != 0
        assert session.seen("Newchannel") == []


def names(events: list[Message]) -> set[str]:
    """Events that are not part of the reply to an action."""
    return {event["Event"] for event in events if "Privilege" in event}
