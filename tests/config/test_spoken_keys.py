"""Prompts of ours that name a key: check-config knows what each key does."""

import pytest

from router.adapters.pbx.prompts import read_texts
from router.config import load
from router.config.proof import Surroundings, doubts
from router.config.spoken_keys import wrong_keys
from router.domain.ids import SECOND, QueueName
from tests.config.site_files import SECRET, SETTINGS, SHOP, WriteSite

NOON = 1_790_000_000 * SECOND
SITE = SETTINGS + "[trunk.carrier]\noutbound = true\n"
ANSWERED = SHOP.replace("\n\n", '\ngreeting = "answered"\n\n', 1)
KEYS = 'exit_keys = "1"\nkeys = { 9 = "voicemail" }\n'
CALLBACK = '[queue.orders.callback]\nkey = "2"\n'


def noted(a_site: WriteSite, *prompts: str, queue: str = KEYS + CALLBACK) -> list[str]:
    listed = ", ".join(f'"acd/{prompt}"' for prompt in prompts)
    text = ANSWERED + queue + f"[queue.orders.treatment]\ncomfort = [{listed}]\n"
    site = load(a_site(SITE, shop=text), SECRET)
    found = list(wrong_keys(site.rules.queues[QueueName("shop/orders")]))
    assert set(found) <= set(doubts(site, Surroundings(), NOON))
    return found


def test_prompts_whose_keys_do_what_they_say_are_no_matter(a_site: WriteSite) -> None:
    assert noted(a_site, "leave-1", "callback-offer-2", "message-offer-9", "please-wait") == []


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("callback-offer-1", "key 1, which does not do that there; say it at key of its [callback], or take the"),
        ("message-offer-2", "or take the prompt of key 9"),
        ("leave-5", "or take the prompt of key 1 or 9 or 2"),
        ("leave-star", "tells callers of key *,"),
        ("leave-hash", "tells callers of key #,"),
    ],
)
def test_one_whose_key_does_something_else_is_a_note(a_site: WriteSite, prompt: str, told: str) -> None:
    [note] = noted(a_site, prompt)
    assert note.startswith(f"queue shop/orders: 'acd/{prompt}' tells callers of key ")
    assert told in note


def test_a_call_back_that_nobody_makes_is_not_offered(a_site: WriteSite) -> None:
    [note] = noted(a_site, "callback-offer-2", queue=KEYS)
    assert note.endswith("or take the prompt of another key")


def test_a_message_may_be_where_the_keys_lead_that_have_no_target_of_their_own(a_site: WriteSite) -> None:
    assert noted(a_site, "message-offer-1", queue='exit_keys = "1"\noverflow = ["voicemail"]\n') == []


def test_every_key_of_a_telephone_that_may_be_one_has_its_prompts() -> None:
    texts = read_texts()
    assert {f"callback-offer-{key}" for key in range(1, 10)} <= set(texts)
    assert {f"{offer}-{key}" for offer in ("leave", "message-offer") for key in range(10)} <= set(texts)
    assert texts["callback-offer-3"]["de"].startswith("Wenn Sie zurückgerufen werden möchten, drücken Sie die 3.")
    assert texts["callback-offer-3"]["en"].startswith("To be called back, press 3.")
