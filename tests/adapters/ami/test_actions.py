"""Effects → actions: each line of them, and that nothing a caller or a file can write changes their meaning."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.adapters.ami import actions, ring_card
from router.adapters.ami.wire import LINE_LIMIT, encode, parse_block
from router.config.numbers import dialled_forms
from router.domain.messages.effects import (
    Announce,
    AnswerCaller,
    AnswerPhone,
    CallCustomer,
    EndLeg,
    RingAgent,
    SendCaller,
)
from router.domain.rulebook.admission import Capacity
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import CampaignRules, Outside, QueueRules, Rules
from router.domain.rulebook.treatment import Treatment

STEADY = settings(deadline=None, derandomize=True, max_examples=200)
CONTACT = "pbx_1-1795296434.0"


def ring(**changed: object) -> RingAgent:
    fields: dict[str, object] = {
        "offer_id": CONTACT + ".1",
        "contact_id": CONTACT,
        "agent_id": "agent-1001",
        "campaign": "shop",
        "queue": "shop/orders",
        "node": "pbx_1",
        "dial": "PJSIP/agent-1001",
        "caller_leg": CONTACT,
        "caller_name": "Web shop",
        "caller_number": "+4915155500001",
        "timeout_us": 17_000_000,
        "language": "de",
        "whisper": "ringfair/shop",
        "press_one": True,
    }
    return RingAgent(**(fields | changed))  # type: ignore[arg-type]


def written(action: actions.Action) -> dict[str, tuple[str, ...]]:
    """As Asterisk reads it back: header → values."""
    block = parse_block(encode(action, "id-1").removesuffix(b"\r\n\r\n"))
    return {name: block.all(name) for name, _ in block.items()}


def card(action: actions.Action) -> dict[str, str]:
    [variable] = written(action)["variable"]
    name, _, value = variable.partition("=")
    assert name == "ACD_RING"
    return dict(ring_card.read(value))


def test_a_ring_carries_everything_the_agents_leg_needs() -> None:
    action = actions.ring(ring(), pool="main", epoch=7)
    headers = written(action)
    assert headers["action"] == ("Originate",)
    assert headers["channel"] == ("PJSIP/agent-1001",)
    assert headers["channelid"] == (CONTACT + ".1",)
    assert (headers["context"], headers["exten"], headers["priority"]) == (("acd-agent",), ("card",), ("1",))
    assert headers["async"] == ("true",)
    assert headers["timeout"] == ("17000",)
    assert headers["callerid"] == ('"Web shop" <+4915155500001>',)
    assert card(action) == {
        "ACD_CONTACT": CONTACT,
        "ACD_OFFER": CONTACT + ".1",
        "ACD_AGENT": "agent-1001",
        "ACD_QUEUE": "shop/orders",
        "ACD_CAMPAIGN": "shop",
        "ACD_CALLER": CONTACT,
        "ACD_POOL": "main",
        "ACD_EPOCH": "7",
        "ACD_LANGUAGE": "de",
        "ACD_WHISPER": "ringfair/shop",
        "ACD_ACCEPT": "1",
    }


def test_the_action_is_named_after_the_offer_so_that_its_failure_can_be_told() -> None:
    assert actions.ring(ring(), pool="main", epoch=7)["ActionID"] == f"ring.{CONTACT}.1"


def test_a_withheld_number_is_shown_as_anonymous() -> None:
    assert actions.ring(ring(caller_number=""), pool="main", epoch=1)["CallerID"] == '"Web shop" <anonymous>'


def test_what_a_campaign_does_not_have_is_not_on_the_card() -> None:
    given = card(actions.ring(ring(press_one=False, whisper="", language=""), pool="main", epoch=1))

    assert {"ACD_ACCEPT", "ACD_WHISPER", "ACD_LANGUAGE"}.isdisjoint(given)


HOSTILE = st.one_of(
    st.text(max_size=120),
    st.sampled_from(
        [
            'x",<999>',
            "${SHELL(reboot)}",
            "a,ACD_EPOCH=9",
            "a\r\nAction: Logoff",
            "\x00",
            "Ünal & Söhne",
            "東京",
            "a;b|c^d",
            "a~7~~x",
        ]
    ),
)
_SAFE_VALUE = re.compile(r"[^,${}()\"'\\`|^;<>\[\]\r\n\0]*")
_SAFE_CALLER = re.compile(r"\"[^\",${}()\\\r\n\0<>]{0,64}\" <[0-9+*#A-Za-z.-]{1,32}>")


@STEADY
@given(name=HOSTILE, number=HOSTILE, text=HOSTILE)
def test_nothing_anybody_writes_adds_a_header_a_variable_or_an_expression(name: str, number: str, text: str) -> None:
    effect = ring(
        caller_name=name, caller_number=number, queue=text, campaign=text, language=text, whisper=text, agent_id=text
    )
    action = actions.ring(effect, pool="main", epoch=1)
    headers = written(action)
    assert len(headers) == 11
    assert all(_SAFE_VALUE.fullmatch(value) for value in headers["variable"])
    assert (card(action)["ACD_EPOCH"], card(action)["ACD_ACCEPT"]) == ("1", "1")
    assert card(action).get("ACD_WHISPER", "") == re.sub(r"[^\w .:@+*#&=/-]", "", text)
    [caller] = headers["callerid"]
    assert _SAFE_CALLER.fullmatch(caller), caller
    assert all(len(line) <= LINE_LIMIT for line in encode(action, "id-1").split(b"\r\n"))


def test_a_long_name_of_wide_characters_still_fits_the_line() -> None:
    action = actions.ring(ring(caller_name="𝔖" * 500, caller_number="9" * 500), pool="main", epoch=1)
    assert encode(action, "id-1")


@STEADY
@given(leg=HOSTILE)
def test_a_leg_named_by_a_stranger_is_refused_or_written_as_one_value(leg: str) -> None:
    for action in (
        actions.end(EndLeg(leg=leg, node="pbx_1")),  # type: ignore[arg-type]
        actions.send(SendCaller(contact_id=leg, leg=leg, node="pbx_1", context="acd-wait")),  # type: ignore[arg-type]
        actions.say(AnswerPhone(leg=leg, node="pbx_1", result="paused")),  # type: ignore[arg-type]
    ):
        if re.search(r"[\r\n\0]", leg):
            with pytest.raises(Exception, match="line break or NUL"):
                encode(action, "id-1")
        else:
            assert written(action)["channel"] == (leg.removeprefix(" ") if leg.startswith("  ") else leg,)


def test_we_hang_up_with_normal_clearing_and_by_unique_id() -> None:
    action = actions.end(EndLeg(leg=CONTACT, node="pbx_1"))  # type: ignore[arg-type]
    assert action == {"Action": "Hangup", "Channel": CONTACT, "Cause": "16"}


def test_callers_and_phones_are_redirected_to_their_contexts() -> None:
    sent = actions.send(SendCaller(contact_id=CONTACT, leg=CONTACT, node="p", context="acd-closing"))  # type: ignore[arg-type]
    said = actions.say(AnswerPhone(leg=CONTACT, node="p", result="waiting-3"))  # type: ignore[arg-type]
    assert (sent["Action"], sent["Context"], sent["Exten"]) == ("Redirect", "acd-closing", "s")
    assert (said["Action"], said["Context"], said["Exten"]) == ("Redirect", "acd-say", "waiting-3")


def test_a_caller_is_answered_by_a_mark_and_not_torn_from_where_they_are() -> None:
    effect = AnswerCaller(contact_id=CONTACT, leg=CONTACT, node="p")  # type: ignore[arg-type]
    assert actions.answer(effect) == {
        "Action": "Setvar",
        "Channel": CONTACT,
        "Variable": "ACD_ANSWER",
        "Value": "1",
    }


def test_diverting_numbers_and_trunks_that_carry_keys_are_told_beside_dialled_ones() -> None:
    queue = QueueRules(name="shop/orders", campaign="shop", need=Need.parse("de"))  # type: ignore[arg-type]
    shop = CampaignRules(
        name="shop",  # type: ignore[arg-type]
        client="example-shop",
        dnis=(),
        entry=queue.name,
        diversion=("+493023125222",),
    )
    rules = Rules(config_hash="x", campaigns={shop.name: shop}, queues={queue.name: queue}, early_keys=("carrier",))
    found = actions.routes(rules, lambda number: (number.lstrip("+"), "030" + number[5:]))
    route = "shop,early-media,de,default,main"
    assert found == {
        "ACD_DNIS_d493023125222": route,
        "ACD_DNIS_d03023125222": route,
        "ACD_TRUNK_carrier.keys": "1",
    }


def test_what_a_caller_hears_next_is_one_variable_of_their_leg() -> None:
    said = Announce(contact_id=CONTACT, leg=CONTACT, node="p", music="jazz", prompts=("acd/position-2", "shop/soon"))  # type: ignore[arg-type]
    assert actions.announce(said) == {
        "Action": "Setvar",
        "Channel": CONTACT,
        "Variable": "ACD_SAY",
        "Value": "jazz~acd/position-2&shop/soon",
    }


@pytest.mark.parametrize("name", ["a,b", "${X}", "a&b", "a~b", "../x", "", "a b", "x\r\nAction: Logoff", "a)"])
def test_what_is_no_name_of_a_prompt_or_of_music_is_not_said(name: str) -> None:
    said = Announce(contact_id=CONTACT, leg=CONTACT, node="p", music=name, prompts=(name, "acd/one"))  # type: ignore[arg-type]
    assert actions.announce(said)["Value"] == "default~acd/one"


def test_the_route_carries_music_and_welcome_of_the_queue_a_call_begins_in() -> None:
    treatment = Treatment(music="harp", welcome="shop/hello")
    queue = QueueRules(name="shop/orders", campaign="shop", need=Need.parse("de"), treatment=treatment)  # type: ignore[arg-type]
    campaign = CampaignRules(name="shop", client="x", dnis=("+493023125100",), entry=queue.name, music="jazz")  # type: ignore[arg-type]
    rules = Rules(config_hash="x", campaigns={campaign.name: campaign}, queues={queue.name: queue})
    found = actions.routes(rules, lambda number: ["1"])
    assert found["ACD_DNIS_1"] == "shop,early-media,de,harp,main,,,,shop/hello"


def test_an_owner_is_announced_in_the_words_the_reader_knows() -> None:
    assert actions.owner("main", 8, "00ff") == {
        "Action": "UserEvent",
        "UserEvent": "AcdOwner",
        "V": "1",
        "Pool": "main",
        "Epoch": "8",
        "Router": "00ff",
    }


def test_a_route_is_told_for_every_form_a_carrier_may_dial() -> None:
    queue = QueueRules(name="shop/orders", campaign="shop", need=Need.parse("de"))  # type: ignore[arg-type]
    campaign = CampaignRules(
        name="shop",  # type: ignore[arg-type]
        client="example-shop",
        dnis=("+493023125100", "+493023125101"),
        entry=queue.name,
        greeting="answered",
        language="en",
        music="jazz",
    )
    rules = Rules(config_hash="x", pool="north", campaigns={campaign.name: campaign}, queues={queue.name: queue})
    found = actions.routes(rules, lambda number: dialled_forms(number, "DE"))
    assert found == {
        f"ACD_DNIS_{digits}": "shop,answered,en,jazz,north"
        for number in ("3023125100", "3023125101")
        for digits in ("49" + number, "0049" + number, "0" + number)
    }


def test_where_callers_go_outside_the_whole_number_is_known_for_every_form_of_it() -> None:
    campaign = CampaignRules(name="shop", client="x", dnis=("+493023125100",), entry="shop/orders")  # type: ignore[arg-type]
    rules = Rules(config_hash="x", campaigns={campaign.name: campaign}, outside=Outside(trunk="carrier"))
    found = actions.routes(rules, lambda number: dialled_forms(number, "DE"))
    assert {name: value for name, value in found.items() if name.startswith("ACD_DNIS_s")} == {
        "ACD_DNIS_s03023125100": "493023125100",
        "ACD_DNIS_s00493023125100": "493023125100",
    }


def test_limits_follow_the_pool_as_far_as_there_are_any() -> None:
    queue = QueueRules(name="shop/orders", campaign="shop", need=Need.parse("de"))  # type: ignore[arg-type]

    def value(*, capacity: Capacity, **of_campaign: Any) -> str:
        campaign = CampaignRules(name="shop", client="x", dnis=("+493023125100",), entry=queue.name, **of_campaign)  # type: ignore[arg-type]
        rules = Rules(config_hash="x", campaigns={campaign.name: campaign}, queues={}, capacity=capacity)
        return actions.routes(rules, lambda number: ["1"])["ACD_DNIS_1"].removeprefix("shop,early-media,de,default,")

    node = Capacity(max_calls=20, reserved_calls=5)
    assert value(capacity=Capacity()) == "main"
    assert value(capacity=node) == "main,15"
    assert value(capacity=node, max_calls=8) == "main,15,8"
    assert value(capacity=node, max_calls=8, emergency=True) == "main,20,8,!"
    assert value(capacity=Capacity(), emergency=True) == "main,,,!"
    assert value(capacity=Capacity(), max_calls=8) == "main,,8"


def test_a_call_back_goes_by_the_contacts_id_through_the_trunk_and_shows_the_campaigns_number() -> None:
    order = actions.call(call(), pool="main")

    assert order["ChannelId"] == f"{CONTACT}_cb1"
    assert order["Channel"] == "PJSIP/+4930555999@carrier"
    assert order["CallerID"] == "<+4930555100>"
    assert (order["Context"], order["Exten"]) == ("acd-callback", "answered")
    assert f"ACD_CONTACT={CONTACT}_cb1" in order["Variable"]
    assert "ACD_STATE=called" in order["Variable"]


def test_who_diverts_a_call_back_to_us_is_counted_as_having_passed_through_us() -> None:
    assert "PJSIP_HEADER(add,X-Ringfair-Hops)=1" in actions.call(call(), pool="main")["Variable"]


def test_nothing_in_a_call_back_means_anything_to_asterisk() -> None:
    order = actions.call(call(dial="PJSIP/+49,1${X}@car(r)ier", ani="+49,1${EXEC}", music='a"b,c'), pool="main")

    assert order["Channel"] == "PJSIP/+491X@carrier"
    assert "GROUP(acd-trunk)=carrier" in order["Variable"]
    ours = ("GROUP(", "PJSIP_HEADER(")
    said = "".join(each for each in order["Variable"] if not each.startswith(ours)) + str(order["Channel"])
    assert not set(said) & set(',${}()"')


def call(**changed: object) -> CallCustomer:
    fields: dict[str, object] = {
        "contact_id": f"{CONTACT}_cb1",
        "campaign": "shop",
        "node": "pbx_1",
        "dial": "PJSIP/+4930555999@carrier",
        "caller_id": "+4930555100",
        "dnis": "+4930555100",
        "ani": "+4930555999",
        "arrived_at": 1,
        "timeout_us": 30_000_000,
        "language": "de",
        "music": "default",
    }
    return CallCustomer(**(fields | changed))  # type: ignore[arg-type]
