"""Callers kept for one agent for a while: whom somebody named for them, or who served them last."""

from dataclasses import replace

import pytest

from router.domain.ids import SECOND, AgentId, ContactId
from router.domain.messages.commands import Configure, LogOut, Pause, Unpause
from router.domain.messages.events import OfferMade
from router.domain.messages.observations import NodeLost
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import Rules
from tests.builders import BANK, GENERAL, NODE, ORDERS, SHOP, Room, rules, with_queue

LISA = "+4930555777"


def keeping(seconds: int = 20, *, last_agent: bool = True) -> Rules:
    of = with_queue(rules(), ORDERS, wrapup_us=0, max_wait_us=600 * SECOND)
    shop = replace(of.campaigns[SHOP], keep_us=seconds * SECOND, last_agent=last_agent)
    return replace(of, campaigns={**of.campaigns, SHOP: shop})


def served(room: Room, name: str, ani: str = LISA) -> AgentId:
    """They call, talk and hang up; with whom."""
    caller = room.calls(name, ani=ani)
    agent = room.offered_to(caller)
    assert agent is not None
    offer = room.talks(caller)
    room.let_pass(1)
    room.agent_hangs_up(offer)
    room.ends(caller)
    return agent


def busy(room: Room) -> ContactId:
    caller = room.calls(f"busy-{room.now}", ani="+4930555888")
    room.talks(caller)
    return caller


def test_who_served_a_caller_last_is_asked_again_though_others_have_been_idle_longer() -> None:
    room = Room("orders", "orders", rules_in_force=keeping())
    one = served(room, "c1")
    served(room, "c2", ani="+4930555888")
    served(room, "c3", ani="+4930555999")
    assert served(room, "c4") == one


def test_a_caller_waits_for_that_agent_and_goes_to_anybody_when_the_time_is_over() -> None:
    room = Room("orders", rules_in_force=keeping(20))
    one = served(room, "c1")
    busy(room)
    other = room.agent_joins("orders")
    caller = room.calls("c2", ani=LISA)
    room.let_pass(19)
    assert room.offered_to(caller) is None
    assert room.floor.contacts[caller].awaits == one
    room.let_pass(2)
    assert room.offered_to(caller) == other


def test_the_agent_takes_who_is_kept_for_them_in_the_order_of_age() -> None:
    room = Room("orders", rules_in_force=keeping(600))
    one = served(room, "c1")
    talking = room.talks(room.calls("busy", ani="+4930555888"))
    room.let_pass(1)
    older = room.calls("c2", ani="+4930555111")
    room.let_pass(1)
    kept = room.calls("c3", ani=LISA)
    room.agent_hangs_up(talking)
    assert room.offered_to(older) == one
    assert room.offered_to(kept) is None


def test_whoever_is_kept_is_in_nobody_else_s_way() -> None:
    room = Room("orders", rules_in_force=keeping(600))
    served(room, "c1")
    busy(room)
    kept = room.calls("c2", ani=LISA)
    room.let_pass(1)
    younger = room.calls("c3", ani="+4930555111")
    other = room.agent_joins("orders")
    assert room.offered_to(younger) == other
    assert room.offered_to(kept) is None


def test_nobody_is_kept_for_who_is_not_there_or_leaves_meanwhile() -> None:
    room = Room("orders", rules_in_force=keeping(600))
    one = served(room, "c1")
    room.ask(LogOut(agent_id=one))
    other = room.agent_joins("orders")
    assert served(room, "c2") == other

    talking = room.talks(room.calls("busy", ani="+4930555888"))
    third = room.agent_joins("orders")
    room.ask(Pause(agent_id=third, reason="break"))
    caller = room.calls("c3", ani=LISA)
    assert room.floor.contacts[caller].awaits == other
    room.ask(LogOut(agent_id=other))
    room.agent_hangs_up(talking)
    assert room.floor.contacts[caller].awaits is None
    room.ask(Unpause(agent_id=third))
    assert room.offered_to(caller) == third


def test_one_ring_is_all_that_is_kept_for() -> None:
    room = Room("orders", rules_in_force=keeping(600))
    one = served(room, "c1")
    caller = room.calls("c2", ani=LISA)
    assert room.offered_to(caller) == one
    room.rings(room.offer(caller))
    room.let_pass(16)
    other = room.agent_joins("orders")
    assert room.offered_to(caller) == other


def test_whom_the_dialplan_names_goes_before_who_served_them_last() -> None:
    room = Room("orders", "orders", rules_in_force=keeping())
    one = served(room, "c1")
    named = next(agent for agent in room.agents if agent != one)
    assert room.offered_to(room.calls("c2", ani=LISA, preferred=named)) == named


def test_another_campaign_and_a_caller_without_a_number_know_nobody() -> None:
    room = Room("orders bank", "orders bank", rules_in_force=keeping())
    one = served(room, "c1")
    served(room, "c2", ani="")
    assert room.floor.served == {(SHOP, LISA): one}
    other = next(agent for agent in room.agents if agent != one)
    assert room.offered_to(room.calls("c3", BANK, ani=LISA)) in (one, other)


def kept_by(rules_in_force: Rules) -> tuple[Room, ContactId, AgentId]:
    """Somebody has been kept for five seconds for an agent, who talks."""
    room = Room("orders", rules_in_force=rules_in_force)
    one = served(room, "c1")
    busy(room)
    kept = room.calls("c2", ani=LISA)
    room.let_pass(5)
    return room, kept, one


def test_who_is_kept_for_an_agent_is_so_after_a_reload_and_for_no_longer_than_before() -> None:
    room, kept, one = kept_by(keeping(20))
    room.ask(Configure(rules=replace(keeping(600), config_hash="two")))
    other = room.agent_joins("orders")
    assert (room.floor.contacts[kept].awaits, room.offered_to(kept)) == (one, None)
    room.let_pass(13)
    assert room.offered_to(kept) is None
    room.let_pass(2)
    assert room.offered_to(kept) == other


def test_after_a_reload_the_agent_takes_whom_they_were_kept_for() -> None:
    room, kept, one = kept_by(keeping(600))
    talking = next(offer.offer_id for offer in room.of(OfferMade) if offer.contact_id.startswith("node-a-busy"))
    room.ask(Configure(rules=replace(keeping(600), config_hash="two")))
    room.agent_hangs_up(talking)
    assert room.offered_to(kept) == one


@pytest.mark.parametrize(
    "new_rules",
    [
        keeping(0),
        with_queue(keeping(600), ORDERS, need=Need.parse("general")),
    ],
)
def test_new_rules_by_which_nobody_would_be_kept_so_keep_nobody(new_rules: Rules) -> None:
    room, kept, _ = kept_by(keeping(600))
    room.ask(Configure(rules=new_rules))
    other = room.agent_joins("orders general")
    assert room.offered_to(kept) == other


def test_a_queue_that_is_gone_leaves_them_kept_where_that_agent_serves_the_next_one_too() -> None:
    room, kept, one = kept_by(keeping(600))
    entered = keeping(600)
    shop = replace(entered.campaigns[SHOP], entry=GENERAL)
    general = {**entered.queues, GENERAL: replace(entered.queues[GENERAL], need=Need.parse("orders"))}
    del general[ORDERS]
    room.ask(Configure(rules=replace(entered, campaigns={**entered.campaigns, SHOP: shop}, queues=general)))
    assert (room.floor.contacts[kept].queue, room.floor.contacts[kept].awaits) == (GENERAL, one)


def test_who_is_kept_and_goes_out_of_sight_stands_in_line_like_everybody_when_they_are_back() -> None:
    room, kept, one = kept_by(keeping(600))
    room.see(NodeLost(node=NODE))
    assert room.floor.contacts[kept].awaits is None
    other = room.agent_joins("orders")
    room.resync(room.waiting(kept, ani=LISA))
    assert room.offered_to(kept) == other
    assert one not in room.rung()[-1:]


def test_an_emergency_caller_is_kept_for_nobody_while_another_is_free() -> None:
    in_force = keeping(60)
    shop = replace(in_force.campaigns[SHOP], emergency=True)
    room = Room("orders", rules_in_force=replace(in_force, campaigns={**in_force.campaigns, SHOP: shop}))
    busy(room)
    other = room.agent_joins("orders")
    assert room.offered_to(room.calls("c1", preferred=room.agents[0])) == other


def test_nobody_is_kept_for_an_agent_who_has_had_the_last_contact_of_their_day() -> None:
    room = Room(rules_in_force=keeping(60))
    done = room.agent_joins("orders", daily_cap=1)
    served(room, "c1")
    other = room.agent_joins("orders")
    assert room.offered_to(room.calls("c2", ani=LISA, preferred=done)) == other


def test_the_last_contact_of_an_agent_s_day_lets_go_of_who_is_kept_for_them() -> None:
    room = Room(rules_in_force=keeping(60))
    last = room.agent_joins("orders", daily_cap=1)
    first = room.calls("c1")
    kept = room.calls("c2", preferred=last)
    other = room.agent_joins("orders")
    assert room.offered_to(kept) is None, "whose phone rings may not answer"
    room.talks(first)
    assert room.offered_to(kept) == other
    assert room.offered_to(room.calls("c3", preferred=last)) is None
    room.talks(kept)
    assert room.floor.contacts["node-a-c3"].awaits is None


def test_a_kept_caller_who_hangs_up_leaves_nothing_behind() -> None:
    room = Room("orders", rules_in_force=keeping(600))
    one = served(room, "c1")
    busy(room)
    kept = room.calls("c2", ani=LISA)
    room.caller_hangs_up(kept)
    assert room.floor.agents[one].awaited == {}
    assert room.floor.queues[ORDERS].kept == {}
    room.let_pass(1000)
