"""[queue.NAME.treatment]: what waiting callers hear."""

from __future__ import annotations

from dataclasses import fields

import pytest

from router.config import load
from router.config.treatment import TreatmentTable
from router.domain.errors import ConfigError
from router.domain.ids import SECOND, QueueName
from router.domain.rulebook.treatment import NONE, Position, Treatment
from tests.config.site_files import SECRET, SHOP, WriteSite

TABLE = "[queue.orders.treatment]\n"


def test_a_treatment_compiles_to_what_its_table_says(a_site: WriteSite) -> None:
    table = (
        f'exit_keys = "1"\n{TABLE}welcome = "shop/hello"\nmusic = "jazz"\nposition = "limit"\nposition_limit = 5\n'
        'expected_wait = true\nexpected_wait_limit = 15\nkeys = "acd/leave-1"\nfirst_s = 20\nevery_s = 60\n'
        'comfort = ["shop/one", "acd/please-wait"]\ncomfort_every_s = 45.5\n'
    )
    answered = SHOP.replace("[queue.orders]\n", 'greeting = "answered"\n[queue.orders]\n')
    rules = load(a_site(shop=answered + table), SECRET).rules
    assert rules.queues[QueueName("shop/orders")].treatment == Treatment(
        welcome="shop/hello",
        music="jazz",
        position=Position.LIMIT,
        position_limit=5,
        wait=True,
        wait_limit=15,
        keys="acd/leave-1",
        first_us=20 * SECOND,
        every_us=60 * SECOND,
        comfort=("shop/one", "acd/please-wait"),
        comfort_us=45_500_000,
    )


def test_without_a_table_callers_hear_their_campaigns_music_and_nothing_else(a_site: WriteSite) -> None:
    assert load(a_site(), SECRET).rules.queues[QueueName("shop/orders")].treatment == NONE


def test_every_key_reaches_the_rules() -> None:
    assert len(TreatmentTable.model_fields) == len(fields(Treatment))
    assert TreatmentTable().compiled() == NONE


@pytest.mark.parametrize(
    ("line", "key", "expected"),
    [
        ('welcome = "../etc/passwd"', "welcome", "the name of a prompt"),
        ('welcome = "a&b"', "welcome", "the name of a prompt"),
        ('music = "jazz~x"', "music", "letters, digits"),
        ('music = "a,b"', "music", ""),
        ('comfort = ["ok", "${SHELL(x)}"]', "comfort[1]", "the name of a prompt"),
        ('comfort = [""]', "comfort[0]", "the name of a prompt"),
        ('position = "maybe"', "position", ""),
        ("position_limit = 7", "position_limit", "one of 3, 5, 10"),
        ("expected_wait_limit = 31", "expected_wait_limit", "one of 5, 10"),
        ("every_s = 1", "every_s", "at least 10"),
        ("comfort_every_s = 0", "comfort_every_s", "at least 10"),
        ("first_s = 0", "first_s", "at least 1"),
        ('keys = "acd/leave-1"', "keys", "exit_keys or keys beside it"),
        ("volume = 11", "volume", ""),
    ],
)
def test_a_wrong_key_is_told_with_its_place(a_site: WriteSite, line: str, key: str, expected: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(a_site(shop=SHOP + TABLE + line), SECRET)
    [fault] = refused.value.faults
    assert fault.key == f"queue.orders.treatment.{key}"
    assert expected in fault.expected
