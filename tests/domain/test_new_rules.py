"""The files are read again: what the new ones say holds for those who wait already."""

from dataclasses import replace

import pytest

from router.domain.ids import SECOND, LegId
from router.domain.messages.commands import Configure, LogOut, Pause
from router.domain.messages.effects import AnswerCaller
from router.domain.messages.events import ContactOverflowed
from router.domain.messages.observations import LegAnswered
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import CampaignRules, EarlyMedia, Rules, Staffed, ToClosing
from tests.builders import GENERAL, NODE, ORDERS, SHOP, Room, rules, with_queue

PATIENT = with_queue(rules(), ORDERS, max_wait_us=3600 * SECOND)


def shop(of: Rules, **changes: object) -> Rules:
    changed: CampaignRules = replace(of.campaigns[SHOP], **changes)  # type: ignore[arg-type]
    return replace(of, campaigns={**of.campaigns, SHOP: changed}, config_hash=of.config_hash + "+")


def asking(*stay_if: Staffed, need: str = "orders") -> Rules:
    return with_queue(PATIENT, ORDERS, stay_if=stay_if, need=Need.parse(need))


# ---- nobody there ----


@pytest.mark.parametrize(
    "new_rules",
    [
        asking(Staffed.LOGGED_IN),
        asking(Staffed.SKILLED, need="nobody-has-it"),
    ],
)
def test_who_waits_goes_on_at_once_where_by_new_rules_nobody_is_there(new_rules: Rules) -> None:
    room = Room("orders", rules_in_force=PATIENT)
    room.ask(LogOut(agent_id=room.agents[0]))
    caller = room.calls("a")

    room.ask(Configure(rules=new_rules))

    assert room.floor.contacts[caller].queue == GENERAL
    assert room.last(ContactOverflowed).why == "nobody"


def test_who_waits_stays_where_somebody_is_there_by_the_new_rules_too() -> None:
    room = Room("orders", rules_in_force=PATIENT)
    room.ask(Pause(agent_id=room.agents[0], reason="lunch"))
    caller = room.calls("a")

    room.ask(Configure(rules=asking(Staffed.LOGGED_IN)))

    assert (room.state(caller), room.floor.contacts[caller].queue) == ("queued", ORDERS)


def test_nobody_goes_for_want_of_agents_before_the_roll_has_been_called() -> None:
    room = Room(rules_in_force=PATIENT)
    caller = room.calls("a")

    room.ask(Configure(rules=asking(Staffed.LOGGED_IN)))

    assert room.floor.contacts[caller].queue == ORDERS


def test_who_is_on_a_node_that_was_not_looked_at_yet_is_looked_at_when_it_was() -> None:
    room = Room("orders", rules_in_force=asking(Staffed.REACHABLE))
    room.ask(LogOut(agent_id=room.agents[0]))
    caller = room.calls("a", node="node-b")

    room.ask(Configure(rules=asking(Staffed.REACHABLE)))

    assert (room.state(caller), room.floor.contacts[caller].queue) == ("queued", ORDERS)


# ---- unanswered ----


def unanswered(then: EarlyMedia, **changes: object) -> Rules:
    wanted: dict[str, object] = {"greeting": "early-media", "early_media_max_us": 90 * SECOND, "early_media_then": then}
    return shop(PATIENT, **{**wanted, **changes})


STAYING, ANSWERING = unanswered(EarlyMedia.STAY), unanswered(EarlyMedia.ANSWER)


def test_who_waits_unanswered_is_answered_after_as_long_as_new_rules_say_counted_from_when_they_came() -> None:
    room = Room(rules_in_force=STAYING)
    caller = room.calls("a")
    room.let_pass(60)

    room.ask(Configure(rules=ANSWERING))
    room.let_pass(29)
    assert room.of(AnswerCaller) == []
    room.let_pass(1)
    assert room.of(AnswerCaller) == [AnswerCaller(contact_id=caller, leg=LegId(caller), node=NODE)]


def test_who_has_waited_longer_than_that_is_answered_at_once() -> None:
    room = Room(rules_in_force=STAYING)
    room.calls("a")
    room.let_pass(300)

    room.ask(Configure(rules=ANSWERING))
    room.let_pass(0)

    assert len(room.of(AnswerCaller)) == 1


def test_who_is_known_to_be_answered_is_not_sent_on_for_having_waited_unanswered() -> None:
    room = Room(rules_in_force=STAYING)
    caller = room.calls("a")
    room.see(LegAnswered(leg=LegId(caller), at=room.now))

    room.ask(Configure(rules=unanswered(EarlyMedia.OVERFLOW)))
    room.let_pass(300)

    assert (room.state(caller), room.floor.contacts[caller].queue) == ("queued", ORDERS)


def test_who_came_while_callers_were_answered_at_once_is_let_be() -> None:
    room = Room(rules_in_force=unanswered(EarlyMedia.STAY, greeting="answered"))
    caller = room.calls("a")

    room.ask(Configure(rules=unanswered(EarlyMedia.OVERFLOW)))
    room.let_pass(300)

    assert room.floor.contacts[caller].queue == ORDERS


def test_who_may_stay_unanswered_by_the_new_rules_is_not_answered() -> None:
    room = Room(rules_in_force=ANSWERING)
    room.calls("a")

    room.ask(Configure(rules=STAYING))
    room.let_pass(300)

    assert room.of(AnswerCaller) == []


def test_the_same_rules_again_leave_everybody_the_time_they_had() -> None:
    room = Room(rules_in_force=with_queue(unanswered(EarlyMedia.OVERFLOW), ORDERS, overflow=(ToClosing(),)))
    caller = room.calls("a")
    room.let_pass(60)

    room.ask(Configure(rules=room.floor.rules))
    room.let_pass(29)
    assert room.state(caller) == "queued"
    room.let_pass(1)
    assert room.state(caller) == "leaving"
