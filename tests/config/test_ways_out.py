"""Targets outside, keys with targets of their own, diverting numbers: what check-config makes of them."""

import pytest

from router.config import load
from router.domain.ids import SECOND, CampaignName, QueueName
from router.domain.rulebook.rules import EarlyMedia, Outside, ToClosing, ToNumber, ToQueue, ToVoicemail
from tests.config.site_files import CARE, SECRET, SETTINGS, SHOP, WriteSite, faults_of, only_fault

TRUNK = SETTINGS + "[trunk.carrier]\noutbound = true\nring_s = 25\n"
OUTSIDE = "+493023125900"
ANSWERED = SHOP.replace("\n\n", '\ngreeting = "answered"\n\n', 1)
KEYS = '[queue.orders.keys]\n"0" = "queue:general"\n"9" = "voicemail"\n[queue.general]\n'


def with_campaign_key(line: str) -> str:
    return SHOP.replace("\n\n", f"\n{line}\n\n", 1)


def test_targets_outside_are_read_with_the_trunk_that_leads_there(a_site: WriteSite) -> None:
    listed = f'overflow = ["campaign:care", "dial:{OUTSIDE}", "voicemail", "closing"]\n'
    rules = load(a_site(TRUNK, shop=SHOP + listed, care=CARE), SECRET).rules
    assert rules.queues[QueueName("shop/orders")].overflow == (
        ToQueue(queue=QueueName("care/urgent")),
        ToNumber(number=OUTSIDE),
        ToVoicemail(),
        ToClosing(),
    )
    assert rules.outside == Outside(trunk="carrier", ring_us=25 * SECOND)


def test_without_a_trunk_for_it_no_number_is_dialled(a_site: WriteSite) -> None:
    fault = only_fault(a_site(shop=SHOP + f'overflow = ["dial:{OUTSIDE}"]'))
    assert (fault.key, "outbound = true" in fault.expected) == ("queue.orders.overflow", True)


@pytest.mark.parametrize(
    "number",
    ["", "+", "030555", "+4930", "+49302312590012345", "+49 30 23125900", "${CALLERID(num)}", "+493023125900,1", "*45"],
)
def test_only_a_whole_number_in_e164_is_dialled(a_site: WriteSite, number: str) -> None:
    fault = only_fault(a_site(TRUNK, shop=SHOP + f'overflow = ["dial:{number}"]'))
    assert "E.164" in fault.expected


def test_a_number_of_our_own_is_not_dialled_out(a_site: WriteSite) -> None:
    fault = only_fault(a_site(TRUNK, shop=SHOP + 'overflow = ["dial:+493023125200"]', care=CARE))
    assert '"campaign:care"' in fault.expected


def test_a_number_that_diverts_to_us_is_not_dialled_out(a_site: WriteSite) -> None:
    shop = with_campaign_key(f'diversion = ["{OUTSIDE}"]') + f'overflow = ["dial:{OUTSIDE}"]'
    fault = only_fault(a_site(TRUNK, shop=shop))
    assert "diverts to us" in fault.expected


def test_one_trunk_leads_outside(a_site: WriteSite) -> None:
    fault = only_fault(a_site(TRUNK + "[trunk.other]\noutbound = true\n"))
    assert (fault.file, fault.key) == ("ringfair.toml", "trunk.other.outbound")


def test_a_trunk_whose_name_does_not_fit_into_an_extension_is_told(a_site: WriteSite) -> None:
    fault = only_fault(a_site(SETTINGS + f"[trunk.{'x' * 60}]\noutbound = true\n"))
    assert "50 characters" in fault.expected


def test_a_campaign_that_does_not_exist_is_no_target(a_site: WriteSite) -> None:
    assert "a campaign that exists" in only_fault(a_site(shop=SHOP + 'overflow = ["campaign:nobody"]')).expected


def test_campaigns_that_overflow_in_a_circle_are_told(a_site: WriteSite) -> None:
    shop, care = SHOP + 'overflow = ["campaign:care"]', CARE + 'overflow = ["campaign:shop"]'
    assert any("overflow that ends" in fault.expected for fault in faults_of(a_site(shop=shop, care=care)))


def test_keys_have_targets_of_their_own(a_site: WriteSite) -> None:
    rules = load(a_site(shop=ANSWERED + KEYS), SECRET).rules
    assert rules.queues[QueueName("shop/orders")].keys == (
        ("0", ToQueue(queue=QueueName("shop/general"))),
        ("9", ToVoicemail()),
    )


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ('[queue.orders.keys]\n"0" = "queue:orders"', "queue.orders.keys.0", "another queue"),
        ('[queue.orders.keys]\n"0" = "nowhere"', "queue.orders.keys.0", '"queue:NAME"'),
        ('[queue.orders.keys]\n"12" = "voicemail"', "queue.orders.keys.12", "one key of a telephone"),
        ('exit_keys = "1"\n[queue.orders.keys]\n"1" = "voicemail"', "queue.orders.keys.1", "another key"),
    ],
)
def test_a_wrong_key_is_told(a_site: WriteSite, text: str, key: str, expected: str) -> None:
    fault = only_fault(a_site(shop=ANSWERED + text))
    assert (fault.key, expected in fault.expected) == (key, True)


@pytest.mark.parametrize("keys", ['exit_keys = "1"\n', '[queue.orders.keys]\n"9" = "voicemail"\n'])
def test_keys_before_the_answer_need_a_trunk_that_carries_them(a_site: WriteSite, keys: str) -> None:
    fault = only_fault(a_site(shop=SHOP + keys))
    assert "keys_before_answer = true" in fault.expected
    capable = SETTINGS + "[trunk.carrier]\nkeys_before_answer = true\n"
    assert load(a_site(capable, shop=SHOP + keys), SECRET).rules.early_keys == ("carrier",)


def test_diverting_numbers_belong_to_one_campaign_and_are_not_dialled_ones(a_site: WriteSite) -> None:
    shop = with_campaign_key('diversion = ["+493023125222"]')
    rules = load(a_site(shop=shop, care=CARE), SECRET).rules
    assert rules.campaigns[CampaignName("shop")].diversion == ("+493023125222",)
    twice = CARE.replace("\n\n", '\ndiversion = ["+493023125222", "+493023125100"]\n\n', 1)
    faults = faults_of(a_site(shop=shop, care=twice))
    told = [(fault.file, fault.key) for fault in faults]
    assert told == [("campaigns/care.toml", "campaign.diversion[1]"), ("campaigns/shop.toml", "campaign.diversion[0]")]


def test_what_follows_too_long_in_early_media_is_the_campaigns_choice(a_site: WriteSite) -> None:
    shop = with_campaign_key('early_media_max_s = 60\nearly_media_then = "overflow"')
    campaign = load(a_site(shop=shop), SECRET).rules.campaigns[CampaignName("shop")]
    assert (campaign.early_media_max_us, campaign.early_media_then) == (60 * SECOND, EarlyMedia.OVERFLOW)
    wrong = only_fault(a_site(shop=with_campaign_key('early_media_then = "hang-up"')))
    assert wrong.key == "campaign.early_media_then"


def test_a_closed_campaign_that_sends_callers_where_they_begin_would_never_close(a_site: WriteSite) -> None:
    night = SHOP.replace("[queue.orders]", 'closed = ["{}"]\n[queue.orders]') + "[queue.night]\n"
    for target in ("queue:orders", "campaign:shop"):
        fault = only_fault(a_site(shop=night.format(target)))
        assert (fault.key, fault.value) == ("campaign.closed", f'"{target}"')
        assert "would never close" in fault.expected
    assert load(a_site(shop=night.format("queue:night")), SECRET).rules.campaigns
