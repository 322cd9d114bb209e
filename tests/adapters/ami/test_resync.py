"""Asterisk's lists → one snapshot: whose leg is whose, and what is left out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.adapters.ami import resync
from router.adapters.ami.actions import TALK_VARIABLES, status
from router.adapters.ami.wire import Block, parse_block
from tests.recordings.replay import READING

STEADY = settings(deadline=None, derandomize=True, max_examples=200)
CALLER, AGENTS_LEG = "pbx_1-1795296434.0", "pbx_1-1795296434.0.1"


def a_leg(uniqueid: str, channel: str = "PJSIP/trunk-00000001", state: str = "6", **variables: str) -> Block:
    lines = [f"Event: Status\r\nChannel: {channel}\r\nChannelState: {state}\r\nUniqueid: {uniqueid}\r\nBridgeID: b-1"]
    shown = dict.fromkeys(TALK_VARIABLES, "(null)") | variables
    return parse_block("\r\n".join(lines + [f"Variable: {name}={value}" for name, value in shown.items()]).encode())


def test_an_agents_leg_is_the_one_that_is_its_offer() -> None:
    talked_through = {"ACD_CONTACT": CALLER, "ACD_OFFER": AGENTS_LEG, "ACD_AGENT": "agent-1001"}
    caller, agents = resync.leg_snapshots(
        [a_leg(CALLER, **talked_through), a_leg(AGENTS_LEG, "PJSIP/agent-1001-00000002", **talked_through)], READING
    )
    assert (caller.offer_id, agents.offer_id) == (None, AGENTS_LEG)
    assert caller.contact_id == agents.contact_id == CALLER
    assert (caller.endpoint, agents.endpoint) == ("trunk", "agent-1001")


def test_a_leg_that_rings_is_known_by_its_card() -> None:
    card = f"{CALLER}~{AGENTS_LEG}~agent-1001~shop/orders~shop~{CALLER}~main~7~de~~"
    [leg] = resync.leg_snapshots([a_leg(AGENTS_LEG, "PJSIP/agent-1001-00000002", "5", ACD_RING=card)], READING)
    assert (leg.contact_id, leg.offer_id, leg.agent_id, leg.campaign) == (CALLER, AGENTS_LEG, "agent-1001", "shop")


@pytest.mark.parametrize("card", ["", "~", "x", "~" * 9, "~" * 11, "a~b~c"])
def test_a_card_that_is_none_says_nothing(card: str) -> None:
    [leg] = resync.leg_snapshots([a_leg(AGENTS_LEG, ACD_RING=card)], READING)
    assert (leg.contact_id, leg.offer_id, leg.agent_id, leg.campaign) == (None,) * 4


def test_a_leg_without_our_variables_is_nobodys_contact() -> None:
    [leg] = resync.leg_snapshots([a_leg(CALLER)], READING)
    assert (leg.contact_id, leg.offer_id, leg.agent_id, leg.campaign, leg.state) == (None,) * 5
    assert (leg.dnis, leg.ani, leg.arrived_at, leg.talk_at) == ("", "", None, None)


def test_an_adopted_callers_numbers_read_as_they_did_at_the_arrival() -> None:
    known = {"ACD_CONTACT": CALLER, "ACD_DNIS": "03023125100", "ACD_ANI": "015155500001"}
    [leg] = resync.leg_snapshots([a_leg(CALLER, **known)], READING)
    assert (leg.dnis, leg.ani) == ("+493023125100", "+4915155500001")


def test_an_adopted_caller_who_was_anonymous_stays_so() -> None:
    known = {"ACD_CONTACT": CALLER, "ACD_ANI": "anonymous", "ACD_PAI": "+4915155500001"}
    [leg] = resync.leg_snapshots([a_leg(CALLER, **known)], READING)
    assert leg.ani == ""


def test_instants_are_read_or_left_open() -> None:
    [leg] = resync.leg_snapshots([a_leg(CALLER, ACD_ARRIVED="1795296434311718", ACD_TALK_AT="now")], READING)
    assert (leg.arrived_at, leg.talk_at) == (1_795_296_434_311_718, None)


def test_a_leg_is_up_or_not_and_knows_its_bridge() -> None:
    up, ringing = resync.leg_snapshots([a_leg(CALLER), a_leg(AGENTS_LEG, state="5")], READING)
    assert (up.up, ringing.up) == (True, False)
    assert up.bridge == "b-1"


def test_masquerades_and_items_without_identity_are_left_out() -> None:
    items = [
        a_leg(CALLER, "Surrogate/PJSIP/x-1"),
        a_leg(CALLER, "PJSIP/x-1<ZOMBIE>"),
        a_leg(""),
        parse_block(b"Event: StatusComplete\r\nUniqueid: x"),
    ]
    assert resync.leg_snapshots(items, READING) == ()


def test_phones_are_told_by_their_device() -> None:
    items = [
        parse_block(f"Event: DeviceStateChange\r\nDevice: {device}\r\nState: {state}".encode())
        for device, state in (("PJSIP/a", "NOT_INUSE"), ("PJSIP/b", "UNAVAILABLE"), ("Custom:c", "INUSE"), ("", ""))
    ]
    assert resync.phones(items) == {"a": True, "b": False}


def test_every_variable_a_snapshot_reads_is_asked_for() -> None:
    asked = str(status()["Variables"]).split(",")
    known = dict.fromkeys(TALK_VARIABLES, "1795296434311718")
    [leg] = resync.leg_snapshots([a_leg(CALLER, **known)], READING)
    assert None not in (leg.contact_id, leg.agent_id, leg.campaign, leg.state, leg.arrived_at, leg.talk_at)
    assert set(asked) == set(TALK_VARIABLES)


@STEADY
@given(st.dictionaries(st.sampled_from(TALK_VARIABLES), st.text(max_size=60)), st.text(max_size=40))
def test_no_value_of_a_variable_makes_a_snapshot_raise(variables: dict[str, str], channel: str) -> None:
    resync.leg_snapshots([a_leg(CALLER, channel, **variables)], READING)
