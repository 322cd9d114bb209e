"""What good files compile to."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from router.config import find_directory, load
from router.config.campaign import CampaignTable, QueueTable
from router.domain.ids import SECOND, CampaignName, QueueName
from router.domain.rulebook.rules import CampaignRules, QueueRules, Rules, ToClosing, ToQueue
from tests.config.site_files import CARE, SAMPLE, SECRET, SETTINGS, SHOP, WriteSite


def test_the_sample_site_is_good() -> None:
    site = load(SAMPLE, SECRET)
    assert list(site.rules.campaigns) == ["hotline", "shop", "support"]
    assert list(site.rules.queues) == ["hotline/urgent", "shop/orders", "shop/general", "support/devices"]
    assert site.settings.pause_reasons["1"].code == "break"


def test_the_sample_only_uses_numbers_reserved_for_fiction() -> None:
    numbers = [number for campaign in load(SAMPLE, SECRET).rules.campaigns.values() for number in campaign.dnis]
    assert len(numbers) == 4
    assert all(re.fullmatch(r"\+493023125\d{3}", number) for number in numbers)


def test_a_queue_compiles_to_what_its_table_says(a_site: WriteSite) -> None:
    queue = 'need = "de >= 60"\npriority = 2\nring_s = 12.5\nwrapup_s = 0\nmax_wait_s = 90\noverflow = ["queue:last"]\n'
    answered = SHOP.replace("\n\n", '\ngreeting = "answered"\n\n', 1)
    rules = load(a_site(shop=f'{answered}{queue}exit_keys = "*1"\n[queue.last]\n'), SECRET).rules
    orders = rules.queues[QueueName("shop/orders")]
    assert orders.need.text == "de >= 60"
    assert (orders.priority, orders.ring_us, orders.wrapup_us) == (2, 12_500_000, 0)
    assert orders.max_wait_us == 90 * SECOND
    assert orders.exit_keys == "*1"
    assert orders.overflow == (ToQueue(queue=QueueName("shop/last")),)
    assert rules.queues[QueueName("shop/last")].overflow == (ToClosing(),)


def test_callers_begin_in_the_first_queue_of_the_file_unless_it_says_otherwise(a_site: WriteSite) -> None:
    two = "[queue.zz]\n[queue.aa]\n"
    head = SHOP.removesuffix("[queue.orders]\n")
    assert load(a_site(shop=head + two), SECRET).rules.campaigns[CampaignName("shop")].entry == "shop/zz"
    named = head.replace("client", 'entry = "aa"\nclient') + two
    assert load(a_site(shop=named), SECRET).rules.campaigns[CampaignName("shop")].entry == "shop/aa"


def test_overflow_may_lead_to_another_campaign(a_site: WriteSite) -> None:
    rules = load(a_site(shop=SHOP, care=CARE + 'overflow = ["queue:shop/orders", "closing"]'), SECRET).rules
    assert rules.queues[QueueName("care/urgent")].overflow == (ToQueue(queue=QueueName("shop/orders")), ToClosing())


def test_the_defaults_of_the_files_are_those_of_the_rules(a_site: WriteSite) -> None:
    rules = load(a_site(), SECRET).rules
    campaign = rules.campaigns[CampaignName("shop")]
    queue = rules.queues[QueueName("shop/orders")]
    bare = CampaignRules(name=campaign.name, client=campaign.client, dnis=campaign.dnis, entry=campaign.entry)
    assert campaign == bare
    assert queue == QueueRules(name=queue.name, campaign=queue.campaign, need=queue.need)
    assert rules == Rules(
        config_hash=rules.config_hash, campaigns={campaign.name: campaign}, queues={queue.name: queue}
    )


def test_every_key_of_a_campaign_file_reaches_the_rules() -> None:
    assert {_inside(name) for name in CampaignTable.model_fields} == {field.name for field in fields(CampaignRules)} - {
        "at_closing"
    }  # of the hours
    renamed = {_inside(name) for name in QueueTable.model_fields}
    told_by_no_file = {"name", "campaign", "rings", "foretell_one_in"}
    assert renamed - {"ring"} == {field.name for field in fields(QueueRules)} - told_by_no_file


def _inside(key: str) -> str:
    """Seconds in a file are microseconds inside."""
    return f"{key.removesuffix('_s')}_us" if key.endswith("_s") else key


def test_the_hash_follows_the_rules_and_nothing_else(a_site: WriteSite) -> None:
    first = load(a_site(), SECRET).rules.config_hash
    assert re.fullmatch(r"[0-9a-f]{16}", first)
    spelled = SHOP + "ring_s = 15  # the default, said aloud\n"
    assert load(a_site(settings=SETTINGS + "port = 5039\n", shop=spelled), {**SECRET}).rules.config_hash == first
    assert load(a_site(), {"RINGFAIR_ASTERISK_SECRET": "another"}).rules.config_hash == first
    assert load(a_site(shop=SHOP + "ring_s = 16\n"), SECRET).rules.config_hash != first
    assert load(a_site(settings=SETTINGS + "[router]\nreject_hold_s = 31\n"), SECRET).rules.config_hash != first


def test_relative_paths_begin_in_the_directory_of_the_file(a_site: WriteSite) -> None:
    site = load(
        a_site(SETTINGS + '[ledger]\ndsn = "sqlite:///facts/ledger.sqlite3"\n[http]\ncontrol_socket = "c.sock"\n'),
        SECRET,
    )
    assert site.ledger_dsn == f"sqlite:///{site.directory}/facts/ledger.sqlite3"
    assert site.settings.http.control_socket == f"{site.directory}/c.sock"
    assert site.directory.is_absolute()


@pytest.mark.parametrize(
    ("ledger", "spool"),
    [
        ("", "/var/lib/ringfair/spool"),
        ('dsn = "sqlite:////srv/facts/ledger.db"', "/srv/facts/spool"),
        ('dsn = "sqlite:///facts/ledger.db"', "{site}/facts/spool"),
        ('dsn = "postgresql://acd@db/facts"', "/var/lib/ringfair/spool"),
        ('spool_dir = "spool-2"', "{site}/spool-2"),
        ('spool_dir = "/var/spool/ringfair"', "/var/spool/ringfair"),
    ],
)
def test_facts_wait_beside_the_ledgers_file_or_where_the_site_says(a_site: WriteSite, ledger: str, spool: str) -> None:
    site = load(a_site(SETTINGS + f"[ledger]\n{ledger}\n"), SECRET)
    assert str(site.spool) == spool.format(site=site.directory)


@pytest.mark.parametrize(
    ("listen", "address"),
    [("127.0.0.1:9580", ("127.0.0.1", 9580)), ("[::1]:0", ("::1", 0)), ("localhost:80", ("localhost", 80))],
)
def test_the_address_to_listen_on_is_taken_apart(a_site: WriteSite, listen: str, address: tuple[str, int]) -> None:
    assert load(a_site(SETTINGS + f'[http]\nlisten = "{listen}"\n'), SECRET).settings.http.address == address


@pytest.mark.parametrize(
    "url",
    [
        *(
            "redis://127.0.0.1",
            "redis://ringfair@[::1]:6380/3",
            "rediss://h/0?ca_file=/x.pem",
            "unix:///run/r.sock?db=2",
        ),
        *("redis+sentinel://a:26379,b:26379,[::1]:26379/main", "redis+sentinel://ringfair@a/main/2"),
        "rediss+sentinel://a,b,c/main/0?ca_file=/x.pem",
    ],
)
def test_every_kind_of_redis_address_is_taken(a_site: WriteSite, url: str) -> None:
    assert load(a_site(SETTINGS + f'[redis]\nurl = "{url}"\n'), SECRET).settings.redis.url == url


def test_files_that_are_no_campaigns_are_left_alone(a_site: WriteSite) -> None:
    directory = a_site()
    for name in (".shop.toml.swp", ".hidden.toml", "shop.toml~", "README"):
        (directory / "campaigns" / name).write_text("not TOML")
    assert list(load(directory, SECRET).rules.campaigns) == ["shop"]


@pytest.mark.parametrize(
    ("given", "environ", "found"),
    [
        (Path("/srv/a"), {"RINGFAIR_CONFIG": "/srv/b"}, "/srv/a"),
        (None, {"RINGFAIR_CONFIG": "/srv/b"}, "/srv/b"),
        (None, {"RINGFAIR_CONFIG": ""}, "/etc/ringfair"),
        (None, {}, "/etc/ringfair"),
    ],
)
def test_the_directory_is_the_one_named_last_on_the_way_to_the_default(
    given: Path | None, environ: dict[str, str], found: str
) -> None:
    assert find_directory(given, environ) == Path(found)
