"""Callers who write what they like into their headers: nothing of it may mean anything to Asterisk or to the router."""

from __future__ import annotations

import re

import pytest

from tests.integration.telephone_room import TelephoneRoom
from tests.telephones.carrier import Caller
from tests.telephones.manager import Message

pytestmark = pytest.mark.timeout(60)

FIELDS = {"V", "Contact", "Campaign", "Dnis", "Ani", "AniName", "Pai", "Diversion", "Arrived", "Greeting"}
HOSTILE = {
    "comma": "Zoe,Contact: forged,V: 9",
    "variables": "${SHELL(touch /tmp/owned)} ${ACD_CONTACT} $[1+1]",
    "parentheses": "a)) b:1:2) ((c",
    "backslashes and escaped quotes": r"a\" b \\ c\")",
    "control characters": "a\x01b\x07c\x1b[31md\x7f\te",
    "apostrophe and semicolon": "O'Hara; Drop `x` | y & z",
    "brackets": "]]]} {{{[ <sip:x>",
    "utf-8": "Zoë Ünlü 日本",
    "not utf-8": "caf\udce9 bar",
    "percent and colon": "%0d%0aAction: Hangup",
    "long": "x" * 10_000,
}


def assert_harmless(room: TelephoneRoom, arrived: Message) -> None:
    own = {name for name in arrived if name in FIELDS}
    assert own == FIELDS
    assert (arrived["V"], arrived["Contact"]) == ("1", arrived["Uniqueid"])
    assert re.fullmatch(r"\+?[0-9]{0,24}", arrived["Ani"])
    assert re.fullmatch(r"\+?[0-9]{0,24}", arrived["Pai"])
    assert re.fullmatch(r"[\w .+@\ufffd-]{0,64}", arrived["AniName"])
    assert re.fullmatch(r"[\w .+@:<>=?%/;-]{0,256}", arrived["Diversion"])
    assert not (room.pbx.root.host(room.pbx.etc) / "owned").exists()
    complaints = [line for line in room.pbx.log_file.read_text(errors="replace").splitlines() if "pbx" in line.lower()]
    assert [line for line in complaints if "WARNING" in line or "ERROR" in line] == []


@pytest.mark.parametrize("kind", HOSTILE)
async def test_hostile_display_name_arrives_harmless(room: TelephoneRoom, kind: str) -> None:
    await room.carrier.call(Caller(await room.campaign(greeting="early-media"), display=HOSTILE[kind]))

    assert_harmless(room, await room.ami.event("AcdArrived"))


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("header", ["P-Asserted-Identity", "Diversion", "History-Info"])
async def test_hostile_header_arrives_harmless(room: TelephoneRoom, header: str, kind: str) -> None:
    value = f'"{HOSTILE[kind]}" <sip:+4930555200@carrier.invalid>;x="{HOSTILE[kind]}"'
    await room.carrier.call(Caller(await room.campaign(greeting="early-media"), headers=[f"{header}: {value}"]))

    assert_harmless(room, await room.ami.event("AcdArrived"))


@pytest.mark.parametrize("user", ["+4930,V: 9", "49${HOSTNAME}", "49)(", "0" * 300, "49%2c%0d", "+49\x0130", "+"])
async def test_hostile_caller_number_arrives_harmless(room: TelephoneRoom, user: str) -> None:
    text = f"<sip:{user}@carrier.invalid>"
    await room.carrier.call(Caller(await room.campaign(), from_header=text, patience_ms=1500))
    await room.carrier.call(Caller(room.dnis, ani="+4915155500002"))

    good = await room.ami.event("AcdArrived", Ani="+4915155500002")

    assert_harmless(room, good)
    for arrived in room.ami.seen("AcdArrived"):
        assert_harmless(room, arrived)


@pytest.mark.parametrize("tail", [",V: 9", "${SHELL(id)}", ")(", ";x=1", "9" * 200, "%2c%0d%0a", "'\"`"])
async def test_hostile_dialled_number_is_refused_harmlessly(room: TelephoneRoom, tail: str) -> None:
    await room.carrier.call(Caller("+49305551" + tail, patience_ms=1500))
    await room.carrier.call(Caller(await room.campaign(), ani="+4915155500002"))

    assert_harmless(room, await room.ami.event("AcdArrived", Ani="+4915155500002"))
    for refused in room.ami.seen("AcdRefused"):
        assert re.fullmatch(r"[0-9]{0,24}", refused["Dnis"])
        assert refused["V"] == "1"


async def test_folded_header_cannot_add_a_line_to_the_event(room: TelephoneRoom) -> None:
    headers = ["P-Asserted-Identity: \"Zoë\r\n Action: Hangup\" <sip:+4930555200@carrier.invalid>"]
    await room.carrier.call(Caller(await room.campaign(greeting="early-media"), headers=headers))

    arrived = await room.ami.event("AcdArrived")

    assert "Action" not in arrived
    assert_harmless(room, arrived)


async def test_call_without_a_number_is_refused(room: TelephoneRoom) -> None:
    calls = await room.carrier.call(Caller("anonymous"))

    fates = await calls.end()

    assert fates == [["refused 404"]]
