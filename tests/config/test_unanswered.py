"""Keys in queues of answered campaigns, and who comes there unanswered: what check-config makes of it."""

import pytest

from router.config import load
from router.config.proof import Surroundings, doubts
from router.domain.errors import Fault
from router.domain.ids import SECOND
from tests.config.site_files import CARE, SECRET, SETTINGS, SHOP, WriteSite, only_fault

NOON = 1_790_000_000 * SECOND
SITE = SETTINGS + "[trunk.carrier]\noutbound = true\n"
ANSWERED = CARE.replace("\n\n", '\ngreeting = "answered"\n\n', 1)
TOLD = 'exit_keys = "1"\n[queue.urgent.treatment]\nkeys = "acd/leave-1"\n'
SOON = 'max_wait_s = 60\noverflow = ["campaign:care"]\n'
LATE = 'max_wait_s = 120\noverflow = ["campaign:care"]\n'


def shop(queue: str = "", campaign: str = "") -> str:
    return SHOP.replace("\n\n", f"\n{campaign}\n\n", 1) + queue


def fault_of(a_site: WriteSite, shop: str, care: str = ANSWERED + TOLD, **others: str) -> Fault:
    return only_fault(a_site(SITE, shop=shop, care=care, **others))


def noted(a_site: WriteSite, shop: str, care: str = ANSWERED + TOLD, settings: str = SITE, **others: str) -> list[str]:
    """Of a site without a fault; what is said of people, prompts and music is not asked for here."""
    found = doubts(load(a_site(settings, shop=shop, care=care, **others), SECRET), Surroundings(), NOON)
    return [note for note in found if "answer" in note]


def test_unanswered_callers_who_are_told_to_press_a_key_in_another_campaigns_queue_are_a_fault(
    a_site: WriteSite,
) -> None:
    fault = fault_of(a_site, shop(SOON))
    assert (fault.file, fault.key) == ("campaigns/shop.toml", "queue.orders.overflow")
    assert fault.value == '"queue:care/urgent"'
    assert "callers of campaign shop come there unanswered" in fault.expected
    assert "keys_before_answer = true" in fault.expected


def test_and_so_are_those_who_are_offered_a_call_back(a_site: WriteSite) -> None:
    fault = fault_of(a_site, shop(SOON), ANSWERED + "[queue.urgent.callback]\n")
    assert fault.key == "queue.orders.overflow"


def test_and_so_are_those_who_hear_of_a_key_between_the_music(a_site: WriteSite) -> None:
    comfort = '[queue.urgent.treatment]\ncomfort = ["acd/please-wait", "acd/message-offer-9"]\n'
    fault = fault_of(a_site, shop(SOON), ANSWERED + 'keys = { 9 = "voicemail" }\n' + comfort)
    assert fault.key == "queue.orders.overflow"


def test_on_a_trunk_that_carries_keys_before_the_answer_nothing_is_wrong(a_site: WriteSite) -> None:
    assert noted(a_site, shop(SOON), settings=SITE + "keys_before_answer = true\n") == []


def test_who_is_answered_before_they_get_there_can_press_them(a_site: WriteSite) -> None:
    assert noted(a_site, shop(LATE)) == []


@pytest.mark.parametrize(
    ("queue", "campaign"),
    [
        ("max_waiting = 5\n", ""),
        ('join_if = ["logged-in"]\n', ""),
        ('stay_if = ["logged-in"]\n', ""),
        ("dissuade_s = 60\n", ""),
        ("", "early_media_max_s = 130"),
        ("", 'early_media_then = "overflow"'),
        ("", 'early_media_then = "stay"'),
    ],
)
def test_but_not_who_goes_on_sooner_or_is_never_answered(a_site: WriteSite, queue: str, campaign: str) -> None:
    assert fault_of(a_site, shop(queue + LATE, campaign)).key == "queue.orders.overflow"


def test_who_comes_while_it_is_closed_gets_there_at_once(a_site: WriteSite) -> None:
    fault = fault_of(a_site, shop(campaign='closed = ["campaign:care"]'))
    assert (fault.file, fault.key) == ("campaigns/shop.toml", "campaign.closed")


def test_who_waits_at_closing_time_gets_there_at_once(a_site: WriteSite) -> None:
    hours = '[hours]\nmon-fri = ["09:00-17:00"]\nat_closing = "overflow"\n[queue.orders]'
    assert fault_of(a_site, shop(LATE).replace("[queue.orders]", hours)).key == "queue.orders.overflow"


def test_an_emergency_caller_is_sent_on_by_no_limit_and_no_closing_time(a_site: WriteSite) -> None:
    campaign = 'emergency = true\nclosed = ["campaign:care"]'
    assert noted(a_site, shop("max_waiting = 5\n" + LATE, campaign)) == []


def test_they_are_followed_from_queue_to_queue(a_site: WriteSite) -> None:
    between = '[campaign]\nname = "between"\nclient = "example"\ndnis = []\n\n[queue.general]\nmax_wait_s = 20\n'
    between += 'overflow = ["campaign:care"]\n'
    fault = fault_of(a_site, shop(SOON.replace("care", "between")), between=between)
    assert (fault.file, fault.key) == ("campaigns/between.toml", "queue.general.overflow")
    assert noted(a_site, shop(SOON.replace("care", "between")), between=between.replace("20", "30")) == []


def test_keys_nobody_tells_them_of_are_a_note(a_site: WriteSite) -> None:
    [note] = noted(a_site, shop(SOON), ANSWERED + 'exit_keys = "1"\n')
    assert note.startswith("queue care/urgent: callers of campaign shop come there unanswered (campaigns/shop.toml")


def test_a_queue_without_keys_is_no_matter(a_site: WriteSite) -> None:
    assert noted(a_site, shop(SOON), ANSWERED) == []


def test_where_only_some_trunks_are_marked_it_is_said_whose_callers_are_not_heard(a_site: WriteSite) -> None:
    capable = SITE + "keys_before_answer = true\n[trunk.other]\nmax_calls = 9\n"
    for files in ({"shop": shop(SOON)}, {"shop": shop('exit_keys = "1"\n'), "care": CARE}):
        [note] = noted(a_site, settings=capable, **files)
        assert note.startswith("campaign shop: before the answer keys are heard of who comes by trunk carrier alone")
        assert "of who comes by other none is" in note
    assert noted(a_site, shop(), settings=capable) == []
