"""What new rules did to those who wait and to the calls that are owed, as who ordered them is told."""

from dataclasses import replace

import pytest

from router.domain.messages.commands import Configure
from router.domain.recount import Touched, before, touched
from router.domain.rulebook.rules import Rules
from tests.builders import BANK, ORDERS, SHOP, Room, rules, with_queue
from tests.domain.test_callback import called_back, owing, place
from tests.domain.test_promises import NO_MORE, without_orders

NO_SHOP = replace(
    rules(),
    campaigns={name: campaign for name, campaign in rules().campaigns.items() if name != SHOP},
    queues={name: queue for name, queue in rules().queues.items() if queue.campaign != SHOP},
)


def swap(room: Room, new: Rules) -> Touched:
    was = before(room.floor, new)
    room.ask(Configure(rules=new))
    return touched(was, room.floor)


def test_who_waits_on_is_counted_and_who_talks_is_not() -> None:
    room = Room("orders")
    talking, *waiting = (room.calls(f"c{number}") for number in range(3))
    room.talks(talking)
    assert swap(room, with_queue(rules(), ORDERS, priority=3)) == Touched(waiting=len(waiting))


def test_who_is_rung_for_waits_and_who_is_to_be_called_back_is_no_caller() -> None:
    room, ada = owing("orders")
    ringing = room.calls("c1", ani="+4930555111")
    room.agent_joins()
    assert room.offered_to(ringing)
    assert place(ada) in room.floor.contacts
    assert swap(room, called_back()) == Touched(waiting=1, owed=1)


def test_whose_campaign_is_gone_is_sent_off_and_others_wait_on() -> None:
    room = Room()
    room.calls("c1")
    room.calls("c2", BANK)
    assert swap(room, NO_SHOP) == Touched(waiting=1, sent_off=1)


def test_whose_queue_is_gone_stands_in_another_one_caller_or_owed_a_call() -> None:
    room, _ = owing()
    room.calls("c1", ani="+4930555111")
    assert swap(room, without_orders()) == Touched(waiting=1, moved=1, owed=1, owed_moved=1, owed_kept=1)


@pytest.mark.parametrize(
    ("new", "found"),
    [
        (called_back(), Touched(owed=1)),
        (NO_MORE, Touched(owed=1, owed_kept=1)),
        (replace(NO_MORE, outside=None), Touched(given_up=1)),
        (NO_SHOP, Touched(given_up=1)),
    ],
)
def test_calls_that_are_owed_are_kept_or_given_up_and_told_so(new: Rules, found: Touched) -> None:
    room, _ = owing()
    assert swap(room, new) == found
