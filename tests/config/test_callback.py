"""[queue.NAME.callback]: what it means, and what is told when it cannot mean anything."""

import re

import phonenumbers
import pytest

from router.almanac import page_of
from router.config import load
from router.config.callback import CallbackTable, call_times, callback_rules
from router.config.dialable import dialable
from router.config.settings import Settings
from router.domain.errors import ConfigError
from router.domain.ids import SECOND, QueueName
from tests.config.site_files import SECRET, SETTINGS, SHOP, WriteSite, only_fault

ANSWERED = SHOP.replace("[queue.orders]\n", 'greeting = "answered"\n[queue.orders]\n')
TABLE = "[queue.orders.callback]\n"
OUTBOUND = "[trunk.carrier]\noutbound = true\n"


def test_a_table_with_a_trunk_alone_shows_the_dialled_number_and_calls_by_day(a_site: WriteSite) -> None:
    site = load(a_site(SETTINGS + OUTBOUND, shop=ANSWERED + TABLE), SECRET)

    rules = site.rules.queues[QueueName("shop/orders")].callback
    assert rules is not None
    assert rules.agent_first
    assert (rules.key, rules.trunk, rules.tries) == ("1", "carrier", 3)
    assert rules.caller_id == site.rules.campaigns[next(iter(site.rules.campaigns))].dnis[0]
    times, zone = site.call_times[QueueName("shop/orders")]
    assert str(zone) == "Europe/Berlin"
    assert times.week["sun"] == ["08:00-20:00"]


def test_without_the_table_nobody_is_called_back(a_site: WriteSite) -> None:
    site = load(a_site(), SECRET)

    assert {queue.callback for queue in site.rules.queues.values()} == {None}


def test_what_was_promised_before_the_table_was_taken_out_is_not_kept_at_night(a_site: WriteSite) -> None:
    late = 'between = ["10:00", "22:00"]\n'
    site = load(a_site(SETTINGS + OUTBOUND, shop=ANSWERED + TABLE + late + "[queue.general]\n"), SECRET)
    after = load(a_site(SETTINGS + OUTBOUND, shop=ANSWERED), SECRET)

    kept = [site.call_times[QueueName("shop/orders")], site.call_times[QueueName("shop/general")]]
    assert [times.week["sat"] for times, _ in kept] == [["10:00-22:00"], ["08:00-20:00"]]
    times, zone = after.call_times[QueueName("shop/orders")]
    assert (times.week["sat"], str(zone)) == (["08:00-20:00"], "Europe/Berlin")


def test_the_floor_is_told_for_each_queue_when_whoever_is_owed_a_call_there_may_be_called(a_site: WriteSite) -> None:
    site = load(a_site(SETTINGS + OUTBOUND, shop=ANSWERED + TABLE + "[queue.general]\n"), SECRET)
    noon = 1_767_265_200 * SECOND  # in Berlin

    page = page_of(site, noon)
    of_orders, of_general = (page.call_times[QueueName(name)] for name in ("shop/orders", "shop/general"))
    assert of_orders is of_general, "what is the same is compiled once, and weighs once"
    assert [of_general.is_open(noon + hour * 3600 * SECOND) for hour in (0, 9, 14, 19, 21)] == [
        True,
        False,
        False,
        False,
        True,
    ]


def test_without_a_trunk_for_numbers_outside_nobody_can_be_called(a_site: WriteSite) -> None:
    with pytest.raises(ConfigError) as error:
        load(a_site(SETTINGS + "[trunk.carrier]\nmax_calls = 3\n", shop=ANSWERED + TABLE), SECRET)

    [fault] = error.value.faults
    assert fault.key == "queue.orders.callback.trunk"
    assert "outbound = true" in fault.expected


@pytest.mark.parametrize(
    ("line", "number", "called"),
    [
        ("", "+493023125555", True),
        ("", "+4915155500001", True),
        ("", "+4990012345678", False),  # premium
        ("", "+4918012345", False),  # shared cost
        ("", "+4970012345678", False),  # personal
        ("", "+881612345678", False),  # satellite
        ("", "+43123456789", False),  # abroad
        ("", "+493023125555 x", False),
        ('countries = ["AT"]\n', "+43123456789", True),
        ('countries = ["AT"]\n', "+43900123456", False),  # premium there
        ('countries = ["AT"]\n', "+493023125555", False),
        ('countries = ["DE", "AT"]\n', "+493023125555", True),
    ],
)
def test_only_who_has_an_ordinary_number_of_these_countries_is_called(
    a_site: WriteSite, line: str, number: str, called: bool
) -> None:
    site = load(a_site(SETTINGS + OUTBOUND, shop=ANSWERED + TABLE + line), SECRET)

    rules = site.rules.queues[QueueName("shop/orders")].callback
    assert rules is not None
    assert bool(re.fullmatch(rules.dialable, number)) is called


def test_every_country_has_a_plan_that_its_own_examples_are_in() -> None:
    for country in phonenumbers.SUPPORTED_REGIONS:
        example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
        if example is not None:
            number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            assert re.fullmatch(dialable([country]), number), country


def test_an_empty_window_is_any_time() -> None:
    table = CallbackTable.model_validate({"between": [], "expires_s": 3600})

    assert call_times(table).week["mon"] == ["00:00-24:00"]
    rules = callback_rules(table, ["+4930555100"], Settings.model_validate({"asterisk": {"systemname": "x"}}))
    assert rules is not None
    assert rules.expires_us == 3600 * SECOND


def test_the_key_needs_an_answer_or_a_trunk_that_carries_keys_before_it(a_site: WriteSite) -> None:
    fault = only_fault(a_site(SETTINGS + OUTBOUND, shop=SHOP + TABLE))
    assert "keys_before_answer" in fault.expected
    settings = SETTINGS + OUTBOUND + "keys_before_answer = true\n"
    assert load(a_site(settings, shop=SHOP + TABLE), SECRET).rules.queues[QueueName("shop/orders")].callback


@pytest.mark.parametrize(
    ("line", "key", "expected"),
    [
        ('between = ["20:00", "08:00"]', "between", "nobody is to be called at night"),
        ('between = ["08:00"]', "between", "two times"),
        ('key = "12"', "key", "one key"),
        ('mode = "robot-first"', "mode", "agent-first"),
        ('trunk = "car rier"', "trunk", "endpoint"),
        ("tries = 0", "tries", "1"),
        ('caller_id = "0305"', "caller_id", "E.164"),
        ('trunk = "other"', "trunk", "outbound = true"),
        ('countries = ["DE", "XX"]', "countries[1]", "a country"),
    ],
)
def test_what_cannot_be_is_told_by_its_key(a_site: WriteSite, line: str, key: str, expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(a_site(SETTINGS + OUTBOUND, shop=ANSWERED + "[queue.orders.callback]\n" + line + "\n"), SECRET)

    [fault] = error.value.faults
    assert fault.key.startswith(f"queue.orders.callback.{key}")
    assert expected in fault.expected


@pytest.mark.parametrize("taken", ['exit_keys = "12"\n', 'keys = { 1 = "closing" }\n'])
def test_the_key_may_not_mean_something_else(a_site: WriteSite, taken: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(a_site(SETTINGS + OUTBOUND, shop=ANSWERED + taken + TABLE), SECRET)

    [fault] = error.value.faults
    assert fault.key == "queue.orders.callback.key"


def test_a_prompt_may_say_what_its_key_does(a_site: WriteSite) -> None:
    said = '[queue.orders.treatment]\nkeys = "acd/leave-1"\n'
    site = load(a_site(SETTINGS + OUTBOUND, shop=ANSWERED + TABLE + said), SECRET)

    assert site.rules.queues[QueueName("shop/orders")].treatment.keys == "acd/leave-1"
