"""Who gets whom: first in, first out; longest idle first; priority; and why."""

from router.domain.ids import SECOND
from router.domain.messages.commands import Entitle, LogIn, Pause, StopOffering, Unpause
from router.domain.messages.events import OfferMade
from router.domain.rulebook.entitlement import ENTITLED_ALWAYS, Entitlement
from tests.builders import BANK, ORDERS, Room, rules, with_queue


def test_the_first_in_line_is_served_first() -> None:
    room = Room("orders")
    talking = room.talks(room.calls("c1"))
    second, third = room.calls("c2"), room.calls("c3")
    room.agent_hangs_up(talking)
    room.let_pass(20)
    assert room.offered_to(second) == "agent-1001"
    assert room.offered_to(third) is None


def test_a_caller_whose_ring_was_missed_stands_before_who_came_later() -> None:
    room = Room("orders")
    first = room.calls("c1")
    missed = room.offer(first)
    room.rings(missed)
    room.let_pass(1)
    later = room.calls("c2")
    room.let_pass(14)
    room.ends(missed, 16, "SIP 487")
    room.ask(Unpause(agent_id=room.agents[0]))
    assert (room.offered_to(first), room.offered_to(later)) == ("agent-1001", None)


def test_who_has_been_idle_longest_is_asked_first() -> None:
    room = Room("orders", "orders", "orders")
    for name, expected in (("c1", "agent-1001"), ("c2", "agent-1002"), ("c3", "agent-1003")):
        assert room.offered_to(room.calls(name)) == expected


def test_idle_begins_again_after_a_contact() -> None:
    room = Room("orders", "orders")
    room.agent_hangs_up(room.talks(room.calls("c1")))
    room.let_pass(20)
    assert room.offered_to(room.calls("c2")) == "agent-1002"
    assert room.offered_to(room.calls("c3")) == "agent-1001"


def test_idle_begins_again_after_a_pause() -> None:
    room = Room("orders", "orders")
    room.ask(Pause(agent_id=room.agents[0], reason="lunch"))
    room.let_pass(1)
    room.ask(Unpause(agent_id=room.agents[0]))
    assert room.offered_to(room.calls("c1")) == "agent-1002"


def test_a_point_of_priority_is_worth_a_minute_of_waiting() -> None:
    room = Room("orders bank", rules_in_force=with_queue(rules(), ORDERS, max_wait_us=600 * SECOND))
    talking = room.talks(room.calls("c1"))
    early = room.calls("early")
    room.let_pass(50)
    late = room.calls("late", BANK)
    room.agent_hangs_up(talking)
    room.let_pass(20)
    assert room.offered_to(late) == "agent-1001"
    assert room.offered_to(early) is None


def test_priority_does_not_beat_who_has_waited_longer_than_it_is_worth() -> None:
    room = Room("orders bank", rules_in_force=with_queue(rules(), ORDERS, max_wait_us=600 * SECOND))
    talking = room.talks(room.calls("c1"))
    early = room.calls("early")
    room.let_pass(61)
    late = room.calls("late", BANK)
    room.agent_hangs_up(talking)
    room.let_pass(20)
    assert room.offered_to(early) == "agent-1001"
    assert room.offered_to(late) is None


def test_a_contact_is_offered_only_to_agents_with_the_skills() -> None:
    room = Room("general", "bank")
    assert room.offered_to(room.calls("c1")) is None
    assert room.rung() == []


def test_when_several_become_free_at_once_callers_are_still_served_in_order() -> None:
    """Freed one after the other, the first would take a later caller whom the longest idle agent then gets."""
    room = Room("bank", "bank orders", rules_in_force=with_queue(rules(), ORDERS, max_wait_us=600 * SECOND))
    for agent_id in room.agents:
        room.ask(Entitle(agent_id=agent_id, entitlement=Entitlement()))
    for name in ("older", "old"):
        room.calls(name)
    room.let_pass(61)
    young = room.calls("young", BANK)
    room.resync_reach(False)
    for agent_id in room.agents:
        room.ask(Entitle(agent_id=agent_id, entitlement=ENTITLED_ALWAYS))
    room.resync_reach(True)
    offered = {made.contact_id: made.agent_id for made in room.of(OfferMade)}
    assert offered == {"node-a-older": "agent-1002", young: "agent-1001"}


def test_nothing_is_offered_once_the_process_is_about_to_leave() -> None:
    room = Room("orders")
    room.ask(StopOffering())
    assert room.offered_to(room.calls("c1")) is None


def test_an_offer_explains_itself() -> None:
    room = Room("orders", "orders", "orders", "general")
    room.agent_joins("orders", logged_in=False)
    unentitled = room.agent_joins("orders")
    room.ask(Entitle(agent_id=unentitled, entitlement=Entitlement()))
    room.talks(room.calls("c1"))
    room.let_pass(2)
    room.calls("c2")
    why = room.last(OfferMade).decision
    assert (why.chosen, why.queue, why.need, why.waited_us) == ("agent-1002", ORDERS, "orders", 0)
    assert why.chosen_idle_us == room.now - room.floor.agents["agent-1002"].idle_since
    assert [agent_id for agent_id, _ in why.next_best] == ["agent-1003"]
    assert why.others == (("free", 1), ("on_contact", 1), ("logged_out", 1), ("not_entitled", 1), ("lacks_skill", 1))


def test_at_most_ten_next_best_are_told() -> None:
    room = Room(*["orders"] * 13)
    room.calls("c1")
    why = room.last(OfferMade).decision
    assert [agent_id for agent_id, _ in why.next_best] == [f"agent-{1000 + n}" for n in range(2, 12)]
    assert why.others == (("free", 12),)
    assert all(idle_us >= SECOND for _, idle_us in why.next_best)


def test_of_several_who_become_free_at_once_the_longest_idle_is_asked_first_and_the_others_too() -> None:
    room = Room("orders", "orders")
    offer = room.talks(room.calls("c1"))
    room.agent_hangs_up(offer)
    room.ends("node-a-c1")
    room.let_pass(20)
    room.resync_reach(False)
    second, third = room.calls("c2"), room.calls("c3")
    room.let_pass(1)
    room.resync_reach(True)
    assert (room.offered_to(second), room.offered_to(third)) == ("agent-1002", "agent-1001")


def test_who_refused_long_enough_ago_goes_before_who_is_freed_while_the_deadline_is_still_behind_a_backlog() -> None:
    room = Room("bank")
    refused = room.calls("c1", BANK)
    room.rings(room.offer(refused))
    room.ends(room.offer(refused), cause=21)
    room.agent_joins("bank", logged_in=False)
    room.ask(LogIn(agent_id=room.agents[1]))
    room.rings(room.offer(refused))
    talking = room.offer(refused)
    later = room.calls("c2", BANK)
    assert room.offered_to(later) == room.agents[0]
    room.rings(room.offer(later))
    room.ends(room.offer(later), cause=21)
    room.now += 31 * SECOND  # nothing fires: what is due waits behind what was seen
    room.answers(talking)
    room.bridges(talking)
    room.agent_hangs_up(talking)
    assert room.offered_to(later) == room.agents[0]
