"""Limits of callers in the files: what they become, and what cannot be meant."""

from router.config import load
from router.domain.ids import CampaignName
from router.domain.rulebook.admission import Capacity, Room, room_for
from router.domain.rulebook.rules import Rules
from tests.config.site_files import CARE, SECRET, SETTINGS, SHOP, WriteSite, only_fault

FULL_HOUSE = SETTINGS + "max_calls = 20\nreserved_calls = 5\n[trunk.carrier-a]\nmax_calls = 12\n[trunk.carrier-b]\n"


def emergency(more: str = "") -> str:
    return CARE.replace("[campaign]\n", f"[campaign]\nemergency = true\n{more}")


def room(rules: Rules, name: str) -> Room:
    campaign = rules.campaigns[CampaignName(name)]
    return room_for(rules.capacity, max_calls=campaign.max_calls, emergency=campaign.emergency)


def test_a_site_that_says_nothing_limits_nobody(a_site: WriteSite) -> None:
    rules = load(a_site(), SECRET).rules

    assert rules.capacity == Capacity()
    assert room(rules, "shop") == Room()


def test_limits_of_node_trunk_and_campaign_reach_the_rules(a_site: WriteSite) -> None:
    shop = SHOP.replace("[campaign]\n", "[campaign]\nmax_calls = 8\n")
    rules = load(a_site(FULL_HOUSE, shop=shop, care=emergency()), SECRET).rules

    assert rules.capacity == Capacity(max_calls=20, reserved_calls=5, trunks={"carrier-a": 12})
    assert room(rules, "shop") == Room(on_node=15, of_campaign=8)
    assert room(rules, "care") == Room(on_node=20, trunks=False)


def test_a_limit_is_a_rule_and_so_in_the_hash(a_site: WriteSite) -> None:
    hashes = [
        load(a_site(SETTINGS + more, shop=SHOP), SECRET).rules.config_hash
        for more in ("", "max_calls = 20\n", "[trunk.carrier]\nmax_calls = 2\n", "max_originates = 9\n")
    ]

    assert len({*hashes[:3]}) == 3
    assert hashes[3] == hashes[0]


def test_places_that_no_emergency_campaign_may_fill_are_told(a_site: WriteSite) -> None:
    fault = only_fault(a_site(FULL_HOUSE, shop=SHOP, care=emergency("max_calls = 4\n")))

    assert (fault.key, fault.value) == ("asterisk.reserved_calls", "5")
    assert fault.expected.startswith("4 at most")


def test_nothing_is_said_of_the_reserve_while_a_campaign_cannot_be_read(a_site: WriteSite) -> None:
    assert only_fault(a_site(FULL_HOUSE, shop=SHOP, care="[campaign\n")).file == "campaigns/care.toml"


def test_an_emergency_campaign_without_places_of_its_own_is_worth_a_look(a_site: WriteSite) -> None:
    def warned(more: str) -> bool:
        return any(
            "reserved_calls" in text for text in load(a_site(SETTINGS + more, care=emergency()), SECRET).warnings
        )

    assert warned("max_calls = 20\n")
    assert not warned("max_calls = 20\nreserved_calls = 5\n")
    assert not warned("")
