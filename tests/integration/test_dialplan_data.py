"""What a site's dialplan knows of a caller reaches the router, and nothing else does, whatever stands in it."""

from __future__ import annotations

import pytest

from tests.integration.telephone_room import TelephoneRoom
from tests.telephones.carrier import Caller

pytestmark = pytest.mark.timeout(60)
PLAIN = "<sip:+4915155500001@carrier.invalid>"
WITH_IDENTITY = ("P-Asserted-Identity: <sip:+4915155500001@carrier.invalid>",)


@pytest.mark.parametrize("headers", [(), WITH_IDENTITY], ids=["short way", "careful way"])
@pytest.mark.parametrize(
    ("data", "arrives"),
    [
        ("language=de-at&vip=yes", "language=de-at&vip=yes"),
        ("a=1,Contact: forged,V: 9", "a=1ContactforgedV9"),
        ('a="1"&b=${EPOCH}&c=$[1+1]&d=x)y}z', "a=1&b=EPOCH&c=1+1&d=xyz"),
        ("", ""),
    ],
)
async def test_data_of_the_caller_comes_in_one_field(
    room: TelephoneRoom, data: str, arrives: str, headers: tuple[str, ...]
) -> None:
    # a global is what a variable is where a channel has none of its own: as if the site's context had set it
    await room.set_global("ACD_DATA", data)
    await room.set_global("ACD_PREFERRED", "agent-1001,X: 1")
    try:
        await room.carrier.call(Caller(await room.campaign(greeting="early-media"), from_header=PLAIN, headers=headers))
        arrived = await room.ami.event("AcdArrived", Dnis=room.dnis)
    finally:
        await room.set_global("ACD_DATA", "")
        await room.set_global("ACD_PREFERRED", "")

    assert (arrived["Data"], arrived["Preferred"]) == (arrives, "agent-1001X1")
    assert arrived["Contact"].endswith(arrived["Uniqueid"])
    assert (arrived["V"], arrived["Greeting"]) == ("1", "early-media")
