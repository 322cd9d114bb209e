"""Bad files: every fault is told, at once, with file, key, value and what was expected."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from router.config import load
from router.config.campaign import CampaignFile
from router.config.faults import Faults
from router.config.settings import Settings
from router.domain.errors import ConfigError
from tests.config.site_files import CARE, SECRET, SETTINGS, SHOP, WriteSite, faults_of, only_fault


def test_all_faults_of_all_files_are_told_at_once(a_site: WriteSite) -> None:
    directory = a_site(
        settings='[router]\npol = "main"\n[asterisk]\nsystemname = "pbx 1"\nport = "5038"\n',
        shop=SHOP + 'need = "de >="\nring_s = 0\ncolour = "red"\n',
        care="[campaign\n",
    )
    assert {(fault.file, fault.key) for fault in faults_of(directory)} == {
        ("ringfair.toml", "router.pol"),
        ("ringfair.toml", "asterisk.systemname"),
        ("ringfair.toml", "asterisk.port"),
        ("campaigns/care.toml", "line 1, column 10"),
        ("campaigns/shop.toml", "queue.orders.need"),
        ("campaigns/shop.toml", "queue.orders.ring_s"),
        ("campaigns/shop.toml", "queue.orders.colour"),
    }


@pytest.mark.parametrize(
    ("line", "key", "expected"),
    [
        ("[router]\ndrain_s = -1", "router.drain_s", "at least 0"),
        ("[router]\ndrain_s = nan", "router.drain_s", "a finite number"),
        ('[router]\ndrain_s = "60"', "router.drain_s", "a number"),
        ("[router]\ndrain_s = true", "router.drain_s", "a number"),
        ('[router]\npool = "Main"', "router.pool", "small letters"),
        ('[router]\npool = "main\\n"', "router.pool", "small letters"),
        ('[router]\ncountry = "XX"', "router.country", "a country"),
        ('[redis]\nurl = "http://127.0.0.1"', "redis.url", "redis://"),
        ('[redis]\nurl = "redis://h:99999/0"', "redis.url", "a port"),
        ('[redis]\nurl = "redis://h/x"', "redis.url", "number of a database"),
        ('[redis]\nurl = "redis://h/0?socket_timeout=60"', "redis.url", "socket_timeout"),
        ('[redis]\nurl = "unix://h"', "redis.url", "three slashes"),
        ('[redis]\nurl = "redis+sentinel://a,b"', "redis.url", "the name of the master"),
        ('[redis]\nurl = "redis+sentinel://a,b/x y"', "redis.url", "the name of the master"),
        ('[redis]\nurl = "redis+sentinel://a,b/main/zero"', "redis.url", "number of a database"),
        ('[redis]\nurl = "redis+sentinel://a:0,b/main"', "redis.url", "host:port"),
        ('[redis]\nurl = "redis+sentinel://a,,b/main"', "redis.url", "host:port"),
        ('[redis]\nurl = "redis+sentinel://a,a/main"', "redis.url", "each Sentinel once"),
        ('[redis]\nurl = "redis+sentinel://a/main?ca_file=/x.pem"', "redis.url", "rediss+sentinel:// alone"),
        ('[redis]\nurl = "redis+sentinel://u:hunter2@a/main"', "redis.url", "no password"),
        ('[ledger]\ndsn = "mysql://h/x"', "ledger.dsn", "postgresql://"),
        ('[ledger]\ndsn = "sqlite:///:memory:"', "ledger.dsn", "the path of a file"),
        ('[http]\nlisten = "0.0.0.0:9580"', "http.listen", "a loopback address"),
        ('[http]\nlisten = "9580"', "http.listen", "address:port"),
        ('[http]\nlisten = "127.0.0.1:99999"', "http.listen", "address:port"),
        (f'[http]\ncontrol_socket = "/{"x" * 120}"', "http.control_socket", "107 bytes"),
        ('[shifts]\ntime_zone = "Europe/Atlantis"', "shifts.time_zone", "IANA"),
        ('[shifts]\ntime_zone = "../../etc/passwd"', "shifts.time_zone", "IANA"),
        ('[shifts]\nfile = "missing.csv"', "(file)", "a readable file"),
        ('[agents]\nrealm = "a b"', "agents.realm", "letters, digits"),
        ('[pause_reasons]\n12 = {code = "x", label = "X"}', "pause_reasons.12", "a digit"),
        ('[pause_reasons]\n1 = {code = "rona", label = "X"}', "pause_reasons.1.code", "the router gives this one"),
        ('[pause_reasons]\n1 = {code = "x", label = ""}', "pause_reasons.1.label", "not an empty one"),
        ("[surprise]\nx = 1", "surprise", "a known key"),
        ("[trunk.carrier]\nmax_calls = -1", "trunk.carrier.max_calls", "at least 0"),
        ('[trunk."a b"]\nmax_calls = 1', "trunk", "a PJSIP endpoint"),
    ],
)
def test_a_wrong_setting_is_told(a_site: WriteSite, line: str, key: str, expected: str) -> None:
    fault = only_fault(a_site(SETTINGS + line))
    assert key in fault.key
    assert expected in fault.expected


@pytest.mark.parametrize(
    ("line", "key", "expected"),
    [
        ("host = 1", "asterisk.host", "text in quotes"),
        ("port = 0", "asterisk.port", "at least 1"),
        ("port = 70000", "asterisk.port", "at most 65535"),
        ("max_calls = -1", "asterisk.max_calls", "at least 0"),
        ("max_originates = 0", "asterisk.max_originates", "at least 1"),
        ("reserved_calls = 5", "asterisk.reserved_calls", "max_calls beside it"),
        ("max_calls = 20\nreserved_calls = 20", "asterisk.reserved_calls", "less than max_calls (20)"),
        ("max_calls = 20\nreserved_calls = 5", "asterisk.reserved_calls", "emergency = true"),
        ("tls = 1", "asterisk.tls", "true or false"),
        ('user = "a b"', "asterisk.user", "letters, digits"),
        ('tls_ca_file = "ca.pem"', "asterisk.tls_ca_file", "tls = true"),
        ('tls = true\ntls_ca_file = "ca.pem"', "asterisk.tls_ca_file", "certificates"),
        ('tls = true\ntls_ca_file = "ringfair.toml"', "asterisk.tls_ca_file", "certificates"),
        ('usr = "x"', "asterisk.usr", "did you mean 'user'?"),
    ],
)
def test_a_wrong_word_about_asterisk_is_told(a_site: WriteSite, line: str, key: str, expected: str) -> None:
    fault = only_fault(a_site(SETTINGS + line))
    assert fault.key == key
    assert expected in fault.expected


@pytest.mark.parametrize(
    ("campaign", "key", "expected"),
    [
        (SHOP.replace('"+493023125100"', '"03023125100"'), "campaign.dnis[0]", "E.164"),
        (SHOP.replace('"+493023125100"', '"+4903023125100"'), "campaign.dnis[0]", "without the zero"),
        (SHOP.replace('"+493023125100"', '"+999123456789"'), "campaign.dnis[0]", "a number that can exist"),
        (SHOP.replace('"+493023125100"', "493023125100"), "campaign.dnis[0]", "text in quotes"),
        (SHOP.replace('"+493023125100"', '"+493023125100", "+493023125100"'), "campaign.dnis[1]", "once"),
        (SHOP.replace('["+493023125100"]', '"+493023125100"'), "campaign.dnis", "a list"),
        (SHOP.replace('"shop"', '"shopp"'), "campaign.name", "the file's name"),
        (SHOP.replace("client", "custmer"), "campaign.custmer", "a known key"),
        (SHOP.replace("client", 'greeting = "later"\nclient'), "campaign.greeting", "'early-media' or 'answered'"),
        (SHOP.replace("client", 'language = "German"\nclient'), "campaign.language", '"de"'),
        (SHOP.replace("client", 'time_zone = "Berlin"\nclient'), "campaign.time_zone", "IANA"),
        (SHOP.replace("client", 'entry = "returns"\nclient'), "campaign.entry", "a queue of this file: orders"),
        (SHOP.replace("client", 'music = "a,b"\nclient'), "campaign.music", "letters, digits"),
        (SHOP.replace("client", 'whisper = "../x"\nclient'), "campaign.whisper", "name of a prompt"),
        (SHOP.replace("client", 'label = "x\\" <5>"\nclient'), "campaign.label", "text without"),
        (SHOP.replace("client", 'label = "x\\r\\nAction: Hangup"\nclient'), "campaign.label", "one line"),
        (SHOP.replace("[queue.orders]", "[queues.orders]"), "", ""),
        (SHOP.replace("orders", "Orders"), "queue.Orders", "small letters"),
        (SHOP + 'need = "de >= 60 und x"', "queue.orders.need", "expected 'and', 'or' or the end"),
        (SHOP + "priority = 1.5", "queue.orders.priority", "a whole number"),
        (SHOP + "max_wait_s = inf", "queue.orders.max_wait_s", "a finite number"),
        (SHOP + 'choose = "random"', "queue.orders.choose", "'longest-idle', 'best-skilled'"),
        (SHOP + 'join_if = ["awake"]', "queue.orders.join_if[0]", "'skilled', 'entitled'"),
        (SHOP + 'ring = [{ after_s = 0, need = "de" }]', "queue.orders.ring[0].after_s", "greater than 0"),
        (
            SHOP + 'ring = [{ after_s = 600, need = "" }]',
            "queue.orders.ring[0].after_s",
            "less than max_wait_s (600)",
        ),
        (
            SHOP + 'ring = [{ after_s = 45, need = "de" }, { after_s = 45, need = "" }]',
            "queue.orders.ring",
            "in the order of their after_s",
        ),
        (
            SHOP + 'ring = [{ after_s = 45, need = "de" }]\nnever_relax = true',
            "queue.orders.ring",
            "none beside never_relax",
        ),
        (SHOP + 'ring = [{ after_s = 45, nead = "de" }]', "", ""),
        (SHOP + 'exit_keys = "1,2"', "queue.orders.exit_keys", "keys of a telephone"),
        (SHOP + "overflow = []", "queue.orders.overflow", "1 entries at least"),
        (SHOP + 'overflow = ["mailbox"]', "queue.orders.overflow[0]", '"queue:NAME"'),
        (SHOP + 'overflow = ["queue:"]', "queue.orders.overflow[0]", '"queue:NAME"'),
        (SHOP + 'overflow = ["queue:nowhere"]', "queue.orders.overflow[0]", "a queue of campaign shop: orders"),
        (SHOP + 'overflow = ["queue:nobody/x"]', "queue.orders.overflow[0]", "a campaign that exists: shop"),
        (SHOP + 'overflow = ["queue:orders"]', "queue.orders.overflow[0]", "another queue than this one"),
        (SHOP + 'overflow = ["closing", "closing"]', "queue.orders.overflow[1]", "each target once"),
        (
            SHOP + 'overflow = ["closing", "queue:b"]\n[queue.b]',
            "queue.orders.overflow[1]",
            "the last target",
        ),
    ],
)
def test_a_wrong_campaign_is_told(a_site: WriteSite, campaign: str, key: str, expected: str) -> None:
    faults = faults_of(a_site(shop=campaign))
    assert all(fault.file == "campaigns/shop.toml" for fault in faults)
    if key:
        assert any(fault.key == key and expected in fault.expected for fault in faults), faults


def test_a_value_where_a_table_should_be_is_told(a_site: WriteSite) -> None:
    fault = only_fault(a_site("asterisk = 5"))
    assert (fault.key, fault.expected) == ("asterisk", "a table")


def test_a_setting_without_its_default_is_told(a_site: WriteSite) -> None:
    assert [fault.key for fault in faults_of(a_site(""))] == ["asterisk"]
    assert [fault.key for fault in faults_of(a_site("[asterisk]"))] == ["asterisk.systemname"]


def test_a_number_of_two_campaigns_is_told(a_site: WriteSite) -> None:
    fault = only_fault(a_site(shop=SHOP, care=CARE.replace("125200", "125100")))
    assert (fault.key, fault.expected) == ("campaign.dnis[0]", "a number not dialled for care too")


def test_overflow_in_a_circle_is_told_once_with_the_way_round(a_site: WriteSite) -> None:
    shop = SHOP + 'overflow = ["queue:b", "closing"]\n[queue.b]\noverflow = ["queue:care/urgent"]\n'
    fault = only_fault(a_site(shop=shop, care=CARE + 'overflow = ["queue:shop/orders"]'))
    assert fault.value == '"care/urgent → shop/orders → shop/b → care/urgent"'
    assert (fault.file, fault.key) == ("campaigns/shop.toml", "queue.b.overflow")


def test_two_ways_to_the_same_queue_are_no_circle(a_site: WriteSite) -> None:
    shop = SHOP + 'overflow = ["queue:b", "queue:c"]\n[queue.b]\noverflow = ["queue:c"]\n[queue.c]\n'
    assert len(load(a_site(shop=shop), SECRET).rules.queues) == 3


def test_a_long_way_of_overflow_needs_no_deep_stack(a_site: WriteSite) -> None:
    queues = "".join(f'[queue.q{n}]\noverflow = ["queue:q{n + 1}"]\n' for n in range(98))
    site = load(a_site(shop=SHOP + 'overflow = ["queue:q0"]\n' + queues + "[queue.q98]\n"), SECRET)
    assert len(site.rules.queues) == 100


def test_a_broken_file_is_not_held_against_those_that_overflow_to_it(a_site: WriteSite) -> None:
    fault = only_fault(a_site(shop=SHOP + 'overflow = ["queue:care/urgent"]', care=CARE + "ring_s = 0"))
    assert fault.file == "campaigns/care.toml"


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"x = " + b"[" * 100_000,
        b"x = " + b"9" * 5000,
        b"x = 1\x00",
        b"\r\r\r",
        b"#" * (1 << 20) + b"\n#",
        b"[campaign]\nname = 'shop'\nname = 'shop'",
    ],
    ids=["not-utf8", "deep", "long-number", "nul", "cr", "too-long", "twice"],
)
def test_a_file_that_is_no_toml_is_one_fault_of_that_file(a_site: WriteSite, content: bytes) -> None:
    assert only_fault(a_site(shop=SHOP, care=content)).file == "campaigns/care.toml"


def test_a_file_whose_name_no_campaign_can_have_is_told_without_its_control_characters(a_site: WriteSite) -> None:
    fault = only_fault(a_site(**{"sh\x1b[2Jop": SHOP}))
    assert fault.file == "campaigns/sh?[2Jop.toml"
    assert fault.key == "(file name)"
    assert str(fault).isprintable()


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    assert [fault.file for fault in faults_of(tmp_path / "nowhere")] == ["ringfair.toml", "campaigns"]


def test_a_site_without_campaigns_is_told(a_site: WriteSite) -> None:
    directory = a_site()
    (directory / "campaigns" / "shop.toml").unlink()
    assert "at least one campaign" in only_fault(directory).expected


KEYS = ["campaign", "queue", "asterisk", "router", "pause_reasons", "1", "orders", "name", "need", "ring", "x y", ""]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
TABLES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(KEYS), TABLES, max_size=5), st.sampled_from([Settings, CampaignFile]))
def test_no_contents_of_a_file_do_more_than_make_faults(
    content: dict[str, object], model: type[Settings | CampaignFile]
) -> None:
    faults = Faults()
    found = 0
    try:
        model.model_validate(content)
    except ValidationError as error:
        faults.add_validation("x.toml", model, error)
        found = error.error_count()
    assert len(faults) == found
    if found:
        with pytest.raises(ConfigError) as caught:
            faults.settle()
        assert all(fault.key and fault.value and fault.expected for fault in caught.value.faults)
        assert str(caught.value).count("\n") >= found
