"""What the files say of agents: pauses with limits beside the old form, ladders, media, dispositions, wrap-up."""

import pytest

from router.config import load
from router.domain.errors import ConfigError
from router.domain.ids import SECOND, CampaignName, QueueName
from router.domain.record import OfferResult
from router.domain.rulebook.conduct import Consequence, Follows, PauseRules, WrapUp
from router.domain.rulebook.media import MEDIA
from tests.config.site_files import SECRET, SETTINGS, SHOP, WriteSite

OLD = '[pause_reasons]\n1 = { code = "break", label = "Break", paid = true }\n'
LUNCH = '[pause.lunch]\nlabel = "Lunch"\ndigits = "12"\nmax_s = 3600\nper_day_s = 5400\nat_most = 4\n'


def faults(a_site: WriteSite, more: str = "", shop: str = SHOP) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as error:
        load(a_site(SETTINGS + more, shop=shop), SECRET)
    return [(fault.key, fault.expected) for fault in error.value.faults]


def test_both_forms_of_pause_reasons_stand_side_by_side(a_site: WriteSite) -> None:
    rules = load(a_site(SETTINGS + OLD + LUNCH), SECRET).rules
    assert rules.pause_reasons == {"": "break", "1": "break", "12": "lunch"}
    hour = 3600 * SECOND
    assert rules.pauses == {
        "break": PauseRules(label="Break", paid=True),
        "lunch": PauseRules(label="Lunch", max_us=hour, per_day_us=hour * 3 // 2, at_most=4),
    }


def test_a_reason_without_digits_is_for_screens_and_for_the_bare_code_when_there_is_no_other(a_site: WriteSite) -> None:
    rules = load(a_site(SETTINGS + '[pause.training]\nlabel = "Training"\n'), SECRET).rules
    assert (rules.pause_reasons, list(rules.pauses)) == ({"": "training"}, ["training"])


@pytest.mark.parametrize(
    ("more", "key", "expected"),
    [
        (OLD + '[pause.break]\nlabel = "X"\n', "pause.break", "another code than pause_reasons.1"),
        (OLD + '[pause.x]\nlabel = "X"\ndigits = "1"\n', "pause.x.digits", "other digits than pause_reasons.1"),
        ('[pause.busy]\nlabel = "X"\n', "pause.busy", "another code: the router gives this one itself"),
        ('[pause.missed]\nlabel = "X"\n', "pause.missed", "another code: the router gives this one itself"),
        ('[pause.x]\nlabel = "X"\ndigits = "1a"\n', "pause.x.digits", "digits, 4 at most; empty for none"),
    ],
)
def test_a_pause_that_cannot_be_is_told(a_site: WriteSite, more: str, key: str, expected: str) -> None:
    assert (key, expected) in faults(a_site, more)


def test_each_step_of_a_ladder_becomes_what_it_says(a_site: WriteSite) -> None:
    after = '[agents]\nafter = { missed = ["nothing", "hold", "hold:90", "pause"] }\n'
    rules = load(a_site(SETTINGS + after), SECRET).rules
    assert rules.after[OfferResult.MISSED] == (
        Consequence(follows=Follows.NOTHING),
        Consequence(follows=Follows.HOLD),
        Consequence(follows=Follows.HOLD, hold_us=90 * SECOND),
        Consequence(follows=Follows.PAUSE),
    )
    hold, pause = Consequence(follows=Follows.HOLD), Consequence(follows=Follows.PAUSE)
    assert rules.after[OfferResult.BUSY] == (hold, hold, pause)


@pytest.mark.parametrize("ladder", ['["wait"]', "[]", '["hold:"]', '["hold:99999"]', '["PAUSE"]', '"pause"', "[1]"])
def test_a_ladder_of_other_steps_is_told(a_site: WriteSite, ladder: str) -> None:
    assert next(key for key, _ in faults(a_site, f"[agents]\nafter = {{ missed = {ladder} }}\n")).startswith(
        "agents.after.missed"
    )


def test_media_reach_the_rules_and_nobody_has_two_calls(a_site: WriteSite) -> None:
    rules = load(
        a_site(SETTINGS + '[agents]\ncapacity = { chat = 1 }\ninterrupt = { chat = ["voice"], email = [] }\n'), SECRET
    ).rules
    assert {medium: rules.media.room_for(medium) for medium in MEDIA} == {"voice": 1, "chat": 1, "email": 5}
    assert rules.media.may_be_offered("voice", {"chat": 1})
    assert not rules.media.may_be_offered("voice", {"email": 1})
    assert [key for key, _ in faults(a_site, "[agents]\ncapacity = { voice = 2 }\n")] == ["agents.capacity.voice"]
    assert faults(a_site, '[agents]\ninterrupt = { chat = ["fax"] }\n')
    assert faults(a_site, '[agents]\ninterrupt = { chat = ["voice", "voice"] }\n')


def test_dispositions_and_ways_to_wrap_up_reach_the_rules(a_site: WriteSite) -> None:
    codes = SHOP.replace("[queue.", '[campaign.dispositions]\n1 = "sold"\n12 = "no interest"\n[queue.', 1)
    rules = load(a_site(shop=codes + 'wrapup = "extendable"\nwrapup_max_s = 90\n'), SECRET).rules
    queue = rules.queues[QueueName("shop/orders")]
    assert rules.campaigns[CampaignName("shop")].dispositions == {"1": "sold", "12": "no interest"}
    assert (queue.wrapup, queue.wrapup_us, queue.wrapup_max_us) == (WrapUp.EXTENDABLE, 20 * SECOND, 90 * SECOND)
    rules = load(a_site(shop=SHOP + 'wrapup = "none"\n'), SECRET).rules
    assert rules.queues[QueueName("shop/orders")].wrapup_us == 0


@pytest.mark.parametrize("mode", ["mandatory", "extendable"])
def test_the_longest_wrap_up_is_not_shorter_than_the_ordinary_one(a_site: WriteSite, mode: str) -> None:
    shop = SHOP + f'wrapup = "{mode}"\nwrapup_s = 30\nwrapup_max_s = 20\n'
    assert faults(a_site, shop=shop) == [("queue.orders.wrapup_max_s", "at least wrapup_s (30)")]


@pytest.mark.parametrize("line", ['"1 2" = "x"', '"" = "x"', '1 = ""', '1 = "a\\nb"', "1 = 2", '"*" = "x"'])
def test_a_disposition_nobody_could_dial_or_read_is_told(a_site: WriteSite, line: str) -> None:
    shop = SHOP.replace("[queue.", f"[campaign.dispositions]\n{line}\n[queue.", 1)
    assert next(key for key, _ in faults(a_site, shop=shop)).startswith("campaign.dispositions")
