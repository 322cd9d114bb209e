"""Callers who write what they like into their headers: nothing of it may mean anything to Asterisk or to the router."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable

import pytest

from tests.integration.telephone_room import TelephoneRoom
from tests.telephones.manager import Message
from tests.telephones.stranger import Stranger

pytestmark = pytest.mark.timeout(60)

FIELDS = {"V", "Contact", "Campaign", "Dnis", "Ani", "AniName", "Pai", "Diversion", "Arrived", "Greeting"}
HOSTILE = {
    "comma": b"Zoe,Contact: forged,V: 9",
    "variables": b"${SHELL(touch /tmp/owned)} ${ACD_CONTACT} $[1+1]",
    "parentheses": b"a)) b:1:2) ((c",
    "backslashes and escaped quotes": rb"a\" b \\ c\")",
    "control characters": b"a\x01b\x07c\x1b[31md\x7f\te",
    "apostrophe and semicolon": b"O'Hara; Drop `x` | y & z",
    "brackets": b"]]]} {{{[ <sip:x>",
    "utf-8": "Zoë Ünlü 日本".encode(),
    "not utf-8": b"caf\xe9 bar \xff\xfe",
    "percent and colon": b"%0d%0aAction: Hangup",
    "folded line": b"a\r\n Action: Hangup",
    "nul": b"a\x00b",
    "long": b"x" * 10_000,
}
BREAKS_SIP = {"control characters", "nul"}
"A SIP parser may refuse these; the others are legal in a quoted string and must arrive."
BREAKS_FROM = {*BREAKS_SIP, "folded line"}
"PJSIP parses From and drops a datagram whose display name spans two lines; other headers it keeps as text."
Hand = Callable[[], Stranger]


@pytest.fixture
async def stranger(room: TelephoneRoom) -> AsyncIterator[Hand]:
    strangers: list[Stranger] = []

    def another() -> Stranger:
        strangers.append(Stranger((room.pbx.address, room.pbx.ports.sip)))
        return strangers[-1]

    yield another
    await room.pbx_is_quiet()
    for each in strangers:
        each.close()


async def arrivals(room: TelephoneRoom, stranger: Hand, at_least: int = 1) -> list[Message]:
    """Everybody who arrived, once an ordinary caller got through too."""
    dnis = room.dnis or await room.campaign()
    await stranger().call(dnis.encode(), sender=b"<sip:+4915155500099@carrier.invalid>")
    await room.ami.event("AcdArrived", Ani="+4915155500099")
    return await room.ami.events_of("AcdArrived", at_least)


def assert_harmless(room: TelephoneRoom, arrived: Message) -> None:
    assert set(arrived) & FIELDS == FIELDS
    assert (arrived["V"], arrived["Contact"]) == ("1", arrived["Uniqueid"])
    assert "Action" not in arrived
    assert re.fullmatch(r"\+?[0-9]{0,24}", arrived["Ani"])
    assert re.fullmatch(r"\+?[0-9]{0,24}", arrived["Pai"])
    assert re.fullmatch(r"[\w .+@\ufffd-]{0,64}", arrived["AniName"])
    assert re.fullmatch(r"[\w .+@:<>=?%/;-]{0,256}", arrived["Diversion"])


def assert_unimpressed(room: TelephoneRoom) -> None:
    assert not (room.pbx.root.host(room.pbx.home).parents[2] / "tmp" / "owned").exists()
    assert [
        line for line in room.logged() if re.search(r"(WARNING|ERROR).*(pbx|func_|app_|ast_expr|config)", line)
    ] == []


@pytest.mark.parametrize("kind", HOSTILE)
async def test_hostile_display_name_arrives_harmless(room: TelephoneRoom, stranger: Hand, kind: str) -> None:
    dnis = (await room.campaign(greeting="early-media")).encode()
    await stranger().call(dnis, sender=b'"' + HOSTILE[kind] + b'" <sip:+4915155500001@carrier.invalid>')

    everybody = await arrivals(room, stranger, at_least=1 if kind in BREAKS_FROM else 2)

    for arrived in everybody:
        assert_harmless(room, arrived)
    assert_unimpressed(room)


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("header", ["P_Asserted_Identity", "Diversion", "History_Info", "Remote_Party_ID", "Privacy"])
async def test_hostile_header_arrives_harmless(room: TelephoneRoom, stranger: Hand, header: str, kind: str) -> None:
    value = b'"' + HOSTILE[kind] + b'" <sip:+4930555200@carrier.invalid>;x="' + HOSTILE[kind] + b'"'
    await stranger().call((await room.campaign()).encode(), **{header: value})

    everybody = await arrivals(room, stranger, at_least=1 if kind in BREAKS_SIP else 2)

    for arrived in everybody:
        assert_harmless(room, arrived)
    assert_unimpressed(room)


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("header", ["P_Asserted_Identity", "Remote_Party_ID", "Privacy"])
async def test_hostile_header_without_any_quote_arrives_harmless(
    room: TelephoneRoom, stranger: Hand, header: str, kind: str
) -> None:
    number = (await room.campaign()).encode()
    await stranger().call(number, **{header: HOSTILE[kind]})
    await stranger().call(number, **{header: HOSTILE[kind][::-1]})

    for arrived in await arrivals(room, stranger):
        assert_harmless(room, arrived)
    assert_unimpressed(room)


@pytest.mark.parametrize("header", ["P_Asserted_Identity", "Remote_Party_ID", "Privacy"])
@pytest.mark.parametrize("mark", list("\\\"',;()<>[]{}$&|^`%"))
async def test_header_of_one_hostile_character_arrives_harmless(
    room: TelephoneRoom, stranger: Hand, header: str, mark: str
) -> None:
    await stranger().call((await room.campaign()).encode(), **{header: mark.encode()})

    for arrived in await arrivals(room, stranger):
        assert_harmless(room, arrived)
    assert_unimpressed(room)


LONG = b"x" * 4200
"Asterisk reads 4095 bytes of a header or of a list of their names."


@pytest.mark.parametrize(
    ("uri", "more"),
    [
        (b"<sip:+4915155500001@carrier.invalid;x=" + LONG + b">", {}),
        (b"<sip:+4915155500001@carrier.invalid>", {"X_Pad": LONG}),
        (b"<sip:+4915155500001@carrier.invalid>", {"X_" + "a" * 1000 + str(n): b"1" for n in range(5)}),
    ],
)
async def test_who_hides_behind_very_long_headers_is_hidden(
    room: TelephoneRoom, stranger: Hand, uri: bytes, more: dict[str, bytes]
) -> None:
    dnis = (await room.campaign(greeting="early-media")).encode()
    await stranger().call(dnis, sender=b'"Zoe" ' + uri, Privacy=b"id", **more)

    hidden = [one for one in await arrivals(room, stranger, at_least=2) if one["Ani"] != "+4915155500099"]
    assert len(hidden) == 1
    for arrived in hidden:
        assert (arrived["Ani"], arrived["AniName"]) == ("anonymous", "")


@pytest.mark.parametrize(
    "user", [b"+4930,V: 9", b"49${HOSTNAME}", b"49)(", b"0" * 300, b"49%2c%0d%0a", b"+49\x0130", b"+", b"%24%7bX%7d"]
)
async def test_hostile_caller_number_arrives_harmless(room: TelephoneRoom, stranger: Hand, user: bytes) -> None:
    dnis = (await room.campaign()).encode()
    await stranger().call(dnis, sender=b"<sip:" + user + b"@carrier.invalid>")

    for arrived in await arrivals(room, stranger):
        assert_harmless(room, arrived)
    assert_unimpressed(room)


@pytest.mark.parametrize(
    "tail", [b",V: 9", b"${SHELL(id)}", b")(", b"9" * 200, b"%2c%0d%0a", b"'&|", b"%24%7bSHELL(id)%7d", b"%22%29"]
)
async def test_hostile_dialled_number_is_refused_harmlessly(room: TelephoneRoom, stranger: Hand, tail: bytes) -> None:
    await stranger().call(b"49305551" + tail)

    await arrivals(room, stranger)

    for refused in room.ami.seen("AcdRefused"):
        assert re.fullmatch(r"[0-9]{0,24}", refused["Dnis"])
        assert (refused["V"], refused["Reason"]) == ("1", "unknown-dnis")
    assert_unimpressed(room)


async def test_call_for_a_name_instead_of_a_number_is_refused(room: TelephoneRoom, stranger: Hand) -> None:
    caller = stranger()
    await caller.call(b"anonymous")

    await arrivals(room, stranger)

    assert caller.statuses[-1] == 404
