"""Which campaigns one pool must own together, and what else is worth a look."""

import pytest

from router.config import Site, load
from router.config.sharing import groups
from tests.config.site_files import CARE, SECRET, SETTINGS, SHOP, WriteSite


def group_names(site: Site) -> list[tuple[str, ...]]:
    return [group.campaigns for group in groups(site.rules)]


def test_campaigns_that_share_nothing_stay_apart(a_site: WriteSite) -> None:
    site = load(a_site(shop=SHOP + 'need = "de and orders"', care=CARE + 'need = "en"'), SECRET)
    assert group_names(site) == [("care",), ("shop",)]
    assert site.warnings == ()


@pytest.mark.parametrize(
    ("shop", "care", "because"),
    [
        ('need = "de and orders"', 'need = "de >= 60"', "skill de"),
        ('need = "orders"\noverflow = ["queue:care/urgent"]', 'need = "care"', "shop/orders overflows to care/urgent"),
        ("", 'need = "care"', "asks for no skill"),
        ('need = "orders"\nring = [{ after_s = 9, need = "care" }]', 'need = "care"', "skill care"),
        ('need = "orders"\nring = [{ after_s = 9, need = "" }]', 'need = "care"', "asks for no skill"),
    ],
)
def test_campaigns_that_share_merge_with_a_reason(a_site: WriteSite, shop: str, care: str, because: str) -> None:
    site = load(a_site(shop=SHOP + shop, care=CARE + care), SECRET)
    assert group_names(site) == [("care", "shop")]
    assert because in site.warnings[0]


def test_a_campaign_that_is_closed_to_another_ones_queue_merges_with_it(a_site: WriteSite) -> None:
    closed = SHOP.replace("[queue.orders]", 'closed = ["queue:care/urgent"]\n[queue.orders]') + 'need = "orders"'
    site = load(a_site(shop=closed, care=CARE + 'need = "care"'), SECRET)
    assert group_names(site) == [("care", "shop")]
    assert "shop when closed leads to care/urgent" in site.warnings[0]


def test_a_secret_that_crosses_the_network_is_warned_of(a_site: WriteSite) -> None:
    (warning,) = load(a_site(SETTINGS + 'host = "192.0.2.7"\n'), SECRET).warnings
    assert "in the clear" in warning
    assert load(a_site(SETTINGS + 'host = "192.0.2.7"\ntls = true\n'), SECRET).warnings == ()


def test_a_campaign_nobody_can_reach_is_warned_of(a_site: WriteSite) -> None:
    (warning,) = load(a_site(shop=SHOP.replace('"+493023125100"', "")), SECRET).warnings
    assert "nobody gets there" in warning
