"""Who calls whom, as a carrier's headers say it: withheld numbers, forged ones, numbers with parameters."""

from __future__ import annotations

import pytest

from tests.integration.telephone_room import TelephoneRoom
from tests.telephones.carrier import Caller

pytestmark = pytest.mark.timeout(60)
OPEN = '"Zoe" <sip:+4915155500001@carrier.invalid>'
ASSERTED = "P-Asserted-Identity: <sip:+4915155500001@carrier.invalid>"
REMOTE = "Remote-Party-ID: <sip:+4915155500001@carrier.invalid>;party=calling;screen=yes"
ALL_OF_IT = ("5500001", "Zoe")


async def arrive(room: TelephoneRoom, *headers: str, sender: str = OPEN) -> dict[str, str]:
    """The AcdArrived of a caller with these headers."""
    await room.carrier.call(Caller(await room.campaign(greeting="early-media"), from_header=sender, headers=headers))
    return await room.ami.event("AcdArrived", Dnis=room.dnis)


@pytest.mark.parametrize(
    ("sender", "headers"),
    [
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', []),
        ("<sip:Anonymous@carrier.invalid>", []),
        ("sip:anonymous@carrier.invalid", []),
        ('"Zoe" <sip:+4915155500001@anonymous.invalid>', []),
        ('"Zoe" <sip:+4915155500001@Anonymous.Invalid:5060;user=phone>', []),
        (OPEN, ["Privacy: id"]),
        (OPEN, ["Privacy: user"]),
        (OPEN, ["Privacy: header;session"]),
        (OPEN, ["privacy:  ID ; Critical"]),
        (OPEN, ["Privacy: id,critical"]),
        (OPEN, ["Privacy: session", "Privacy: user"]),
        (OPEN, [ASSERTED, "Privacy: id"]),
        (OPEN, [REMOTE + ";privacy=full"]),
        (OPEN, [REMOTE + "; Privacy=URI"]),
        (OPEN, [REMOTE + ';privacy="full"', ASSERTED, "Privacy: none"]),
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', [ASSERTED]),
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', [ASSERTED, "Privacy: none"]),
    ],
)
async def test_who_hides_is_shown_nowhere(room: TelephoneRoom, sender: str, headers: list[str]) -> None:
    arrived = await arrive(room, *headers, sender=sender)

    assert (arrived["Ani"], arrived["AniName"], arrived["CallerIDNum"]) == ("anonymous", "", "anonymous")
    shown = [f"{name}: {value}" for name, value in arrived.items() if any(part in value for part in ALL_OF_IT)]
    # what the network asserts goes to the router only, which keeps it from everybody
    assert [line for line in shown if not line.startswith("Pai: ")] == []


async def test_what_the_network_asserts_of_a_hidden_caller_reaches_the_router(room: TelephoneRoom) -> None:
    arrived = await arrive(room, ASSERTED, "Privacy: id", sender='"Anonymous" <sip:anonymous@anonymous.invalid>')

    assert (arrived["Ani"], arrived["Pai"]) == ("anonymous", "+4915155500001")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        ["Privacy: none"],
        ["Privacy: none;critical"],
        ["Privacy: session"],
        ["Privacy: history;critical"],
        ["Privacy: identity-x"],
        [ASSERTED],
        [ASSERTED, "Privacy: none"],
        [ASSERTED, "Privacy: session"],
        [REMOTE],
        [REMOTE + ";privacy=off"],
        [REMOTE + ";privacy=name"],
    ],
)
async def test_who_does_not_hide_is_shown(room: TelephoneRoom, headers: list[str]) -> None:
    arrived = await arrive(room, *headers)

    assert (arrived["Ani"], arrived["AniName"]) == ("+4915155500001", "Zoe")
    assert arrived["CallerIDNum"] == "+4915155500001"


async def test_somebody_called_anonymous_who_shows_the_number_does_not_hide(room: TelephoneRoom) -> None:
    arrived = await arrive(room, sender='"anonymous.de, Anonymous GmbH" <sip:+4915155500001@carrier.invalid>')

    assert arrived["Ani"] == "+4915155500001"


@pytest.mark.parametrize(
    "value",
    [
        '"a <sip:+4930110@x>" <sip:+4915155500001@carrier.invalid>',
        '"<tel:+4930110>, b" <tel:+4915155500001>',
        r'"a \" <sip:+4930110@x>" <sip:+4915155500001@carrier.invalid>',
        "Zoe <sip:+4915155500001@carrier.invalid>, <tel:+4930110>",
        "<sip:+4915155500001;npdi;rn=+4930110@carrier.invalid>",
        "<tel:+4915155500001;phone-context=+4930110>",
        "tel:+4915155500001;ext=110",
        "sip:+4915155500001:4930110@carrier.invalid",
    ],
)
async def test_number_asserted_is_that_of_the_address_and_nothing_around_it(room: TelephoneRoom, value: str) -> None:
    arrived = await arrive(room, "P-Asserted-Identity: " + value)

    assert arrived["Pai"] == "+4915155500001"


@pytest.mark.parametrize(
    ("sender", "headers"),
    [
        ('"a <sip:+4930110@x>" <sip:+4915155500001@carrier.invalid>', [ASSERTED]),
        ('"a <sip:+4930110@x>" <sip:+4915155500001@carrier.invalid>', []),
        ("<sip:+4915155500001;npdi;rn=+4930110@carrier.invalid>", []),
        ("<sip:+4915155500001;npdi;rn=+4930110@carrier.invalid>", [ASSERTED]),
    ],
)
async def test_number_of_from_is_that_of_the_address_and_nothing_around_it(
    room: TelephoneRoom, sender: str, headers: list[str]
) -> None:
    assert (await arrive(room, *headers, sender=sender))["Ani"] == "+4915155500001"


@pytest.mark.parametrize("tail", [";npdi;rn=+49123", ";npdi", ";cic=+4915155500002;user=phone"])
async def test_dialled_number_with_parameters_is_found(room: TelephoneRoom, tail: str) -> None:
    dnis = await room.campaign(greeting="early-media")
    await room.carrier.call(Caller("+" + dnis + tail))

    assert (await room.ami.event("AcdArrived"))["Dnis"] == dnis


async def test_dialplan_cuts_parameters_where_pjsip_leaves_them(room: TelephoneRoom) -> None:
    # beside an existing dialplan pjsip.conf is the site's own: the same call by a way that knows nothing of SIP
    dnis = await room.campaign(greeting="early-media")
    await room.ami.send(
        "Originate",
        {"Channel": f"Local/+{dnis};npdi;rn=+49123@acd-inbound", "Application": "Wait", "Data": "5", "Async": "true"},
    )

    assert (await room.ami.event("AcdArrived"))["Dnis"] == dnis


@pytest.mark.parametrize(("presentation", "ani"), [("prohib", "anonymous"), ("allowed", "+4915155500001")])
async def test_presentation_that_the_trunk_sets_is_kept(room: TelephoneRoom, presentation: str, ani: str) -> None:
    # as a trunk with callerid_privacy, or one that is not SIP, has it: no header says anything
    first = await arrive(room)
    await room.set_variable(first["Channel"], "CALLERID(num-pres)", presentation)

    await room.redirect(first["Channel"], "acd-inbound", room.dnis)

    assert (await room.ami.events_of("AcdArrived", 2))[1]["Ani"] == ani


@pytest.mark.parametrize(
    ("sender", "headers"),
    [
        (OPEN, []),
        ("<sip:+4915155500001@carrier.invalid>", []),
        ('"Zoë Ünlü" <sip:015155500001@carrier.invalid>', []),
        (OPEN, ["Subject: a call", "X-Carrier: b"]),
    ],
)
async def test_plain_caller_needs_no_cleaning(room: TelephoneRoom, sender: str, headers: list[str]) -> None:
    arrived = await arrive(room, *headers, sender=sender)

    # the careful way looks at them one by one
    assert await room.variable(arrived["Channel"], "ACD_HEADERS") == ""
    assert arrived["AniName"] == (sender.split('"')[1] if '"' in sender else "")
    assert arrived["Ani"] == sender.split("sip:")[1].split("@")[0]


@pytest.mark.parametrize(
    ("sender", "headers"),
    [
        (OPEN, [ASSERTED]),
        (OPEN, [REMOTE]),
        (OPEN, ["Privacy: none"]),
        (OPEN, ["Diversion: <sip:+4930555200@carrier.invalid>"]),
        (OPEN, ["history-info: <sip:+4930555200@carrier.invalid>"]),
        ('"Zoe: (x)" <sip:+4915155500001@carrier.invalid>', []),
        ('"' + "Z" * 65 + '" <sip:+4915155500001@carrier.invalid>', []),
        ("<sip:" + "4" * 80 + "@carrier.invalid>", []),
        ("<sip:zoe@carrier.invalid>", []),
        ('"Zoe" <sip:+4915155500001@anonymous.invalid>', []),
    ],
)
async def test_whoever_is_not_plain_is_cleaned(room: TelephoneRoom, sender: str, headers: list[str]) -> None:
    arrived = await arrive(room, *headers, sender=sender)

    assert await room.variable(arrived["Channel"], "ACD_HEADERS") != ""
    assert len(arrived["AniName"]) <= 64
    assert len(arrived["Ani"]) <= 24
