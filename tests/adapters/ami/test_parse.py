"""Events → observations: what each means, what is ignored by rule, and that nothing from outside raises."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.adapters.ami.parse import (
    RING_ACTION,
    WANTED,
    Malformed,
    endpoint_of,
    is_reachable,
    micros,
    observe,
    whole_number,
)
from router.adapters.ami.wire import END, Block, parse_block
from router.domain.messages.observations import (
    CallerFellBack,
    CallerNotTaken,
    CallerSentOff,
    ContactArrived,
    EndpointSeen,
    HangupAsked,
    LegAppeared,
    LegBridged,
    LegEnded,
    MessageRecorded,
    OriginateFailed,
    OwnerSeen,
    PhoneAsked,
)
from tests.recordings import replay
from tests.recordings.replay import READING

STEADY = settings(deadline=None, derandomize=True, max_examples=200)
LEG = "pbx_1-1795296434.0"
AT = 1_795_296_434_310_663


def a_block(name: str, **headers: str) -> Block:
    lines = [f"Event: {name}", "Timestamp: 1795296434.310663"]
    return parse_block("\r\n".join(lines + [f"{key}: {value}" for key, value in headers.items()]).encode())


def ours(name: str, **headers: str) -> Block:
    return a_block("UserEvent", Channel="PJSIP/trunk-00000000", Uniqueid=LEG, UserEvent=name, V="1", **headers)


ARRIVED = {
    "Contact": LEG,
    "Campaign": "shop",
    "Dnis": "493023125100",
    "Ani": "+4915155500001",
    "Pai": "",
    "Arrived": "1795296434309000",
}


# ---- what an event means ----


def test_an_arrival_names_the_callers_leg_and_numbers_in_e164() -> None:
    seen = observe(ours("AcdArrived", **ARRIVED), READING)
    assert seen == ContactArrived(
        contact_id=LEG,  # type: ignore[arg-type]
        leg=LEG,  # type: ignore[arg-type]
        linkedid="",
        channel="PJSIP/trunk-00000000",
        node=replay.NODE,
        campaign="shop",  # type: ignore[arg-type]
        dnis="+493023125100",
        ani="+4915155500001",
        arrived_at=1_795_296_434_309_000,
        at=AT,
    )


def test_who_is_where_the_router_sent_them_is_read() -> None:
    assert observe(ours("AcdSentOff", Contact=LEG), READING) == CallerSentOff(contact_id=LEG, at=AT)  # type: ignore[arg-type]


def test_who_was_not_taken_outside_and_what_was_left_as_a_message_is_read() -> None:
    back = observe(ours("AcdNotTaken", Contact=LEG, Target="dial:+493023125900", Why="busy"), READING)
    assert back == CallerNotTaken(contact_id=LEG, target="dial:+493023125900", why="busy", at=AT)  # type: ignore[arg-type]
    left = observe(ours("AcdMessage", Contact=LEG, File="c1.wav", Ms="2500"), READING)
    assert left == MessageRecorded(contact_id=LEG, file="c1.wav", length_us=2_500_000, at=AT)  # type: ignore[arg-type]
    odd = observe(ours("AcdMessage", Contact=LEG, File="c1.wav", Ms="-1e9"), READING)
    assert isinstance(odd, MessageRecorded)
    assert odd.length_us == 0


@pytest.mark.parametrize("dialled", ["493023125100", "00493023125100", "03023125100"])
def test_every_form_a_carrier_dials_us_by_is_the_same_number(dialled: str) -> None:
    seen = observe(ours("AcdArrived", **{**ARRIVED, "Dnis": dialled}), READING)
    assert isinstance(seen, ContactArrived)
    assert seen.dnis == "+493023125100"


def test_an_anonymous_caller_stays_anonymous_whatever_the_network_asserts() -> None:
    seen = observe(ours("AcdArrived", **{**ARRIVED, "Ani": "anonymous", "Pai": "+4915155500001"}), READING)
    assert isinstance(seen, ContactArrived)
    assert seen.ani == ""


def test_an_arrival_without_a_readable_time_arrived_when_asterisk_said_so() -> None:
    seen = observe(ours("AcdArrived", **{**ARRIVED, "Arrived": "soon"}), READING)
    assert isinstance(seen, ContactArrived)
    assert seen.arrived_at == AT


@pytest.mark.parametrize("missing", ["Contact", "Campaign", "Dnis", "Arrived"])
def test_an_arrival_that_lacks_what_it_must_have_is_malformed(missing: str) -> None:
    headers = {key: value for key, value in ARRIVED.items() if key != missing}
    assert observe(ours("AcdArrived", **headers), READING) == Malformed("AcdArrived", missing.lower())


@pytest.mark.parametrize("version", ["2", "", "1.0"])
def test_an_event_of_another_interface_version_is_counted_and_not_guessed_at(version: str) -> None:
    block = a_block("UserEvent", Channel="PJSIP/x-1", Uniqueid=LEG, UserEvent="AcdArrived", V=version, **ARRIVED)
    assert observe(block, READING) == Malformed("AcdArrived", "v")


def test_a_key_a_fallback_and_a_feature_code_name_their_fields() -> None:
    assert observe(ours("AcdFallback", Contact=LEG, Reason="router-silent"), READING) == CallerFellBack(
        contact_id=LEG,  # type: ignore[arg-type]
        reason="router-silent",
        at=AT,
    )
    asked = observe(ours("AcdFeature", Endpoint="agent-1001", Code="46", Arg="3"), READING)
    assert isinstance(asked, PhoneAsked)
    assert (asked.endpoint, asked.code, asked.arg) == ("agent-1001", "46", "3")


@pytest.mark.parametrize("epoch", ["", "-1", "1e3", "٣", "9" * 5000])
def test_an_owner_with_an_unreadable_epoch_is_no_owner(epoch: str) -> None:
    assert observe(ours("AcdOwner", Pool="main", Epoch=epoch), READING) is None


def test_an_owner_is_told_with_pool_and_epoch() -> None:
    assert observe(ours("AcdOwner", Pool="main", Epoch="17"), READING) == OwnerSeen(pool="main", epoch=17)


def test_a_failed_originate_is_ours_by_its_action_id_only() -> None:
    failed = {"Response": "Failure", "Reason": "0"}
    seen = observe(a_block("OriginateResponse", ActionID=RING_ACTION + "c.1", **failed), READING)
    assert seen == OriginateFailed(offer_id="c.1", reason="0", at=AT)  # type: ignore[arg-type]
    assert observe(a_block("OriginateResponse", ActionID="somebody-elses", **failed), READING) is None
    success = a_block("OriginateResponse", ActionID=RING_ACTION + "c.1", Response="Success", Reason="4")
    assert observe(success, READING) is None


def test_a_hang_up_carries_both_causes_or_says_that_there_are_none() -> None:
    seen = observe(a_block("Hangup", Channel="PJSIP/a-1", Uniqueid=LEG, Cause="17", TechCause="486"), READING)
    assert isinstance(seen, LegEnded)
    assert (seen.cause, seen.tech_cause) == (17, "486")
    bare = observe(a_block("Hangup", Channel="PJSIP/a-1", Uniqueid=LEG, Cause="many"), READING)
    assert isinstance(bare, LegEnded)
    assert (bare.cause, bare.tech_cause) == (None, None)


@pytest.mark.parametrize("channel", ["Surrogate/PJSIP/a-1", "AsyncGoto/PJSIP/a-1", "PJSIP/a-1<ZOMBIE>", "Message/ast"])
def test_channels_of_a_masquerade_are_nobody(channel: str) -> None:
    for name in ("Hangup", "Newchannel", "HangupRequest", "BridgeEnter"):
        assert observe(a_block(name, Channel=channel, Uniqueid=LEG, BridgeUniqueid="b"), READING) is None


def test_a_leg_is_kept_apart_from_channels_nobody_asked_about() -> None:
    pjsip = observe(a_block("Newchannel", Channel="PJSIP/agent-1001-0000001a", Uniqueid=LEG), READING)
    local = observe(a_block("Newchannel", Channel="Local/s@acd-canary-agent-1;1", Uniqueid=LEG), READING)
    assert isinstance(pjsip, LegAppeared)
    assert isinstance(local, LegAppeared)
    assert (pjsip.endpoint, local.endpoint) == ("agent-1001", "")
    assert observe(a_block("Newchannel", Channel="DAHDI/1-1", Uniqueid=LEG), READING) is None


def test_a_second_header_of_a_name_cannot_shadow_asterisks_own() -> None:
    raw = f"Event: HangupRequest\r\nTimestamp: 1.0\r\nChannel: PJSIP/a-1\r\nUniqueid: {LEG}\r\nUniqueid: forged"
    assert observe(parse_block(raw.encode()), READING) == HangupAsked(leg=LEG, at=1_000_000)  # type: ignore[arg-type]


def test_a_bridge_is_told_by_its_unique_id() -> None:
    seen = observe(a_block("BridgeEnter", Channel="PJSIP/a-1", Uniqueid=LEG, BridgeUniqueid="b-1"), READING)
    assert seen == LegBridged(leg=LEG, bridge="b-1", at=AT)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "reachable"),
    [("NOT_INUSE", True), ("INUSE", True), ("RINGING", True), ("ONHOLD", True), ("BUSY", True)]
    + [(gone, False) for gone in ("UNAVAILABLE", "INVALID", "UNKNOWN", "unavailable", "")],
)
def test_a_phone_is_reachable_unless_asterisk_knows_no_way_to_it(state: str, reachable: bool) -> None:
    assert is_reachable(state) is reachable
    seen = observe(a_block("DeviceStateChange", Device="PJSIP/agent-1001", State=state), READING)
    assert seen == EndpointSeen(endpoint="agent-1001", reachable=reachable, at=AT)


def test_devices_that_are_no_phones_are_not_seen() -> None:
    assert observe(a_block("DeviceStateChange", Device="Custom:x", State="INUSE"), READING) is None


# ---- numbers and times ----


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1795296026.890218", 1_795_296_026_890_218),
        ("1795296026.8", 1_795_296_026_800_000),
        ("1795296026.000001999", 1_795_296_026_000_001),
        ("1795296026", 1_795_296_026_000_000),
        ("", None),
        ("1795296026.", None),
        (".5", None),
        ("-1.0", None),
        ("1.-5", None),
        ("1e9.0", None),
        ("١٧.0", None),
        ("9" * 13 + ".0", None),
    ],
)
def test_a_timestamp_becomes_microseconds_exactly_or_not_at_all(text: str, instant: int | None) -> None:
    assert micros(text) == instant


@STEADY
@given(st.integers(0, 10**12 - 1), st.integers(0, 999_999))
def test_no_microsecond_is_lost_in_a_timestamp(seconds: int, fraction: int) -> None:
    assert micros(f"{seconds}.{fraction:06}") == seconds * 1_000_000 + fraction


@pytest.mark.parametrize("text", ["", "-1", "+1", "1 ", "1.0", "²", "1_000", "9" * 19])
def test_what_is_no_whole_number_is_none(text: str) -> None:
    assert whole_number(text) is None


@pytest.mark.parametrize(
    ("channel", "endpoint"),
    [
        ("PJSIP/agent-1001-0000001a", "agent-1001"),
        ("PJSIP/a-b-c-1", "a-b-c"),
        ("PJSIP/trunk", ""),
        ("PJSIP/", ""),
        ("SIP/agent-1001-1", ""),
        ("", ""),
    ],
)
def test_an_endpoint_is_what_stands_before_the_last_dash(channel: str, endpoint: str) -> None:
    assert endpoint_of(channel) == endpoint


# ---- hostile ----


@cache
def real_events() -> tuple[bytes, ...]:
    found: dict[tuple[str, str], bytes] = {}
    for recording in replay.recordings():
        for raw in recording.read_bytes().split(END):
            block = parse_block(raw)
            if block.event in WANTED:
                found.setdefault((block.event, block.get("userevent")), raw)
    return tuple(found.values())


HOSTILE = st.one_of(
    st.text(max_size=40),
    st.binary(max_size=40).map(lambda data: data.decode("utf-8", "replace")),
    st.sampled_from(["", "${SHELL(x)}", "9" * 5000, "-1", "nan", "<ZOMBIE>", "PJSIP/", "\x00", "a,b", "٣", "﷽" * 50]),
)


@STEADY
@given(
    raw=st.sampled_from(real_events()),
    changes=st.lists(
        st.tuples(st.sampled_from(["drop", "twice", "value", "name", "flip"]), st.integers(0, 60), HOSTILE), max_size=6
    ),
)
def test_no_mutation_of_a_real_event_makes_the_reader_raise(raw: bytes, changes: list[tuple[str, int, str]]) -> None:
    lines = raw.split(b"\r\n")
    for what, where, text in changes:
        at = where % len(lines)
        name, _, value = lines[at].partition(b": ")
        match what:
            case "drop":
                lines = [*lines[:at], *lines[at + 1 :]] or [b""]
            case "twice":
                lines.insert(at, lines[at])
            case "value":
                lines[at] = name + b": " + text.encode("utf-8", "surrogatepass")
            case "name":
                lines[at] = text.encode("utf-8", "surrogatepass") + b": " + value
            case "flip":
                byte = where % (len(lines[at]) or 1)
                lines[at] = lines[at][:byte] + bytes([(where * 37) % 256]) + lines[at][byte + 1 :]
    seen = observe(parse_block(b"\r\n".join(lines)), READING)
    if isinstance(seen, Malformed):
        assert seen.event
        assert seen.header


@STEADY
@given(st.binary(max_size=400))
def test_no_bytes_at_all_make_the_reader_raise(data: bytes) -> None:
    observe(parse_block(b"Event: UserEvent\r\nUserEvent: AcdArrived\r\nV: 1\r\n" + data), READING)


def test_the_stories_hold_every_event_the_router_wants() -> None:
    told = {parse_block(raw).event for raw in real_events()}
    assert told == WANTED
