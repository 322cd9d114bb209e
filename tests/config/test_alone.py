"""One campaign's file, read without a site that could run."""

from pathlib import Path

import pytest

from router.config.alone import load_campaign
from router.domain.errors import ConfigError, Fault
from tests.config.site_files import CARE, SAMPLE, SETTINGS, SHOP, WriteSite


def faults_of(path: Path) -> tuple[Fault, ...]:
    with pytest.raises(ConfigError) as caught:
        load_campaign(path)
    return caught.value.faults


def test_a_draft_anywhere_stands_for_itself(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(SHOP)
    (tmp_path / "broken.toml").write_text("[campaign\n")
    rules, name = load_campaign(tmp_path / "shop.toml")
    assert name == "shop"
    assert list(rules.campaigns) == ["shop"]
    assert list(rules.queues) == ["shop/orders"]


def test_a_campaign_of_a_site_needs_no_secrets(a_site: WriteSite) -> None:
    site = a_site(shop=SHOP, care=CARE)
    assert list(load_campaign(site / "campaigns" / "care.toml")[0].campaigns) == ["care", "shop"]


def test_overflow_into_a_neighbour_is_found(a_site: WriteSite) -> None:
    site = a_site(shop=SHOP + 'overflow = ["queue:care/urgent"]\n', care=CARE)
    rules, _ = load_campaign(site / "campaigns" / "shop.toml")
    assert "care/urgent" in str(rules.queues["shop/orders"].overflow)  # type: ignore[index]


def test_the_site_beside_it_gives_its_settings(a_site: WriteSite) -> None:
    site = a_site(SETTINGS + "\n[router]\nreject_hold_s = 7\n", shop=SHOP)
    assert load_campaign(site / "campaigns" / "shop.toml")[0].reject_hold_us == 7_000_000


@pytest.mark.parametrize("name", ["shop", "support", "hotline"])
def test_the_demo_s_campaigns_can_be_read_alone(name: str) -> None:
    rules, found = load_campaign(SAMPLE / "campaigns" / f"{name}.toml")
    assert found == name
    assert rules.campaigns[found].entry in rules.queues


def test_faults_are_told_as_check_config_tells_them(a_site: WriteSite) -> None:
    site = a_site("[asterisk]\n", shop=SHOP + "ring_s = 0\n", care=CARE + "unknown = 1\n")
    told = {(fault.file, fault.key) for fault in faults_of(site / "campaigns" / "shop.toml")}
    assert told == {
        ("campaigns/care.toml", "queue.urgent.unknown"),
        ("campaigns/shop.toml", "queue.orders.ring_s"),
        ("ringfair.toml", "asterisk.systemname"),
    }


@pytest.mark.parametrize("name", ["shop.txt", "Shop Two.toml", "-.toml", "\x1b[31m.toml"])
def test_a_name_no_campaign_can_have_is_refused_before_it_is_opened(tmp_path: Path, name: str) -> None:
    (fault,) = faults_of(tmp_path / name)
    assert fault.key == "(file name)"
    assert fault.value.isprintable()


def test_what_is_no_file_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").mkdir()
    for path in (tmp_path / "shop.toml", tmp_path / "campaigns" / "shop.toml", tmp_path / "none.toml"):
        (fault,) = faults_of(path)
        assert fault.key == "(file)"
        assert "readable file" in fault.expected
