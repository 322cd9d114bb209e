"""What the site's dialplan tells of a caller, as it comes over AMI: hostile, too long, twice, or not at all."""

import pytest

from router.adapters.ami.parse import Reading, observe
from router.adapters.ami.resync import leg_snapshot
from router.adapters.ami.wire import Block
from router.config.numbers import country_of
from router.domain.messages.observations import ContactArrived

READING = Reading(
    node="node-a",
    caller_number=lambda shown, asserted: shown,
    dialled_number=lambda digits: "+" + digits,
    clock=lambda: 7,
    country_of=country_of,
)


def arrived(**headers: str) -> ContactArrived:
    said = {
        "event": "UserEvent",
        "userevent": "AcdArrived",
        "v": "1",
        "channel": "PJSIP/trunk-00000001",
        "uniqueid": "node-a-1.1",
        "contact": "node-a-1.1",
        "campaign": "shop",
        "dnis": "4930555100",
        "ani": "+33123456789",
        "arrived": "1",
    }
    seen = observe(Block(said | headers, {}), READING)
    assert isinstance(seen, ContactArrived)
    return seen


def test_the_dialplan_tells_what_it_knows_and_the_number_tells_the_country() -> None:
    assert dict(arrived(data="language=de&vip=yes").data) == {
        "language": "de",
        "vip": "yes",
        "caller.country": "FR",
    }


def test_a_dialplan_that_tells_nothing_is_as_good_as_ever() -> None:
    assert arrived(ani="anonymous").data == ()
    assert arrived().preferred is None


@pytest.mark.parametrize(
    "data", ["x", "=", "&&&", "caller.country=XX", "A=1", "a=1\r\nEvent: Hangup", "a=${X}", "\x00=1"]
)
def test_what_is_no_data_is_none_and_the_caller_arrives(data: str) -> None:
    assert dict(arrived(data=data).data) == {"caller.country": "FR"}


def test_an_agent_may_be_named_by_a_name_agents_can_have() -> None:
    assert arrived(preferred="agent-1001").preferred == "agent-1001"
    assert arrived(preferred="-1").preferred is None
    assert arrived(preferred="x" * 65).preferred is None
    assert arrived(preferred="a b").preferred is None


def test_a_leg_found_at_a_resync_still_has_its_data() -> None:
    variables = ["ACD_DATA=language=fr&vip=yes", "ACD_ANI=+33123456789", "ACD_CONTACT=node-a-1.1"]
    item = Block(
        {"event": "Status", "channel": "PJSIP/trunk-1", "uniqueid": "node-a-1.1", "variable": variables[0]},
        {"variable": variables},
    )
    leg = leg_snapshot(item, READING)
    assert leg is not None
    assert dict(leg.data) == {"language": "fr", "vip": "yes", "caller.country": "FR"}


@pytest.mark.parametrize(
    ("number", "country"),
    [("+4930555100", "DE"), ("+12025550123", "US"), ("+14165550123", "CA"), ("+80012345678", ""), ("x", ""), ("", "")],
)
def test_the_country_of_a_number(number: str, country: str) -> None:
    assert country_of(number) == country
