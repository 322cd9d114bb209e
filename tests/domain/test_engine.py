"""The engine as a whole: reload, losing the pool, telling the world, being the same for the same inputs."""

from dataclasses import replace

import pytest

from router.domain.errors import CommandRefused
from router.domain.ids import SECOND, LegId
from router.domain.messages.commands import Configure, LogIn, LogOut, Pause
from router.domain.messages.effects import RingAgent, SendCaller
from router.domain.messages.events import AgentChanged, OfferMade, PoolLost
from router.domain.messages.facts import fact_of
from router.domain.messages.observations import LegEnded, OwnerSeen
from router.domain.messages.standing import Standing
from router.domain.record import AgentChangeFact, Outcome
from router.domain.rulebook.need import Need
from tests.builders import GENERAL, ORDERS, SHOP, Room, rules, with_queue


def test_a_reload_keeps_place_and_age_of_those_who_wait() -> None:
    room = Room()
    first = room.calls("c1")
    room.let_pass(10)
    second = room.calls("c2")
    room.ask(Configure(rules=with_queue(rules(), ORDERS, ring_us=5 * SECOND)))
    assert room.floor.queues[ORDERS].in_line() == [room.floor.contacts[first], room.floor.contacts[second]]
    room.agent_joins("orders")
    assert room.offered_to(first) == "agent-1001"
    room.caller_hangs_up(second)
    assert room.record(second).config_hash == "one+"


def test_a_reload_that_asks_for_less_finds_agents_for_those_who_wait() -> None:
    room = Room("general")
    caller = room.calls("c1")
    room.ask(Configure(rules=with_queue(rules(), ORDERS, need=Need.parse("general"))))
    assert room.offered_to(caller) == "agent-1001"


def test_the_line_of_a_queue_that_is_gone_goes_to_the_campaigns_entry() -> None:
    room = Room()
    caller = room.calls("c1")
    room.let_pass(60)
    assert room.floor.contacts[caller].queue == GENERAL
    without = replace(rules(), queues={name: queue for name, queue in rules().queues.items() if name != GENERAL})
    room.ask(Configure(rules=without))
    room.agent_joins("orders")
    assert room.offered_to(caller) == "agent-1001"


def test_callers_of_a_campaign_that_is_gone_hear_the_closing_message_and_no_other_clients_agents() -> None:
    room = Room()
    caller = room.calls("c1")
    kept = rules()
    without = replace(
        kept,
        campaigns={name: campaign for name, campaign in kept.campaigns.items() if name != SHOP},
        queues={name: queue for name, queue in kept.queues.items() if queue.campaign != SHOP},
    )
    room.engine.handle(Configure(rules=without), room.now)
    _, effects = room.engine.drain()
    assert [effect.context for effect in effects if isinstance(effect, SendCaller)] == ["acd-closing"]
    assert room.state(caller) == "leaving"


def test_a_reload_in_a_talk_lets_it_end_as_ever() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.talks(caller)
    room.ask(Configure(rules=with_queue(rules(), ORDERS, wrapup_us=1)))
    room.agent_hangs_up(offer)
    room.ends(caller)
    assert room.record(caller).outcome is Outcome.ANSWERED
    room.let_pass(20)
    assert room.floor.agents["agent-1001"].standing is Standing.FREE


def test_a_contact_that_went_on_to_another_queue_has_no_ghost_in_the_first() -> None:
    """A forgotten place in the first line must not come alive with the numbering of the second."""
    room = Room()
    callers = [room.calls(f"c{n}") for n in range(5)]
    room.let_pass(60)
    room.agent_joins("orders")
    assert room.rung() == []
    assert all(room.floor.contacts[caller].queue == GENERAL for caller in callers)


def test_a_router_that_lost_its_pool_decides_nothing_more() -> None:
    room = Room("orders")
    talking = room.talks(room.calls("c1"))
    room.see(OwnerSeen(pool="main", epoch=7))
    assert room.last(PoolLost).epoch == 7
    told = len(room.events)
    room.see(room.arrival("c2"), LegEnded(leg=LegId(talking), cause=16, tech_cause=None, at=0))
    with pytest.raises(CommandRefused, match="Another router owns the pool"):
        room.ask(LogIn(agent_id=room.agents[0]))
    assert room.engine.next_timer() is None, "whoever asks for a deadline that nobody takes up would ask for ever"
    room.let_pass(1000)
    assert len(room.events) == told
    assert len(room.of(RingAgent)) == 1


def test_an_agent_is_told_to_the_world_once_per_step_and_only_when_something_changed() -> None:
    room = Room("orders")
    told = len(room.of(AgentChanged))
    room.ask(Pause(agent_id=room.agents[0], reason="lunch"))
    room.see(room.arrival("c1"))
    assert len(room.of(AgentChanged)) == told + 1
    assert room.agent(room.agents[0]).asked_by == "phone"


def test_only_what_somebody_asked_for_is_a_change_of_status_for_the_ledger() -> None:
    room = Room("orders")
    room.ask(Pause(agent_id=room.agents[0], reason="lunch"))
    asked = room.last(AgentChanged)
    room.private_call(room.agents[0])
    seen = room.last(AgentChanged)
    facts = [fact_of(event, room.now) for event in (asked, seen)]
    assert facts == [
        AgentChangeFact(
            agent_id=room.agents[0], at=room.now, status="PAUSED", reason="lunch", asked_by="phone", paid=False
        ),
        None,
    ]


def test_what_was_put_off_is_a_fact_when_it_was_asked_for_thought_better_of_and_when_it_took_effect() -> None:
    room = Room("orders")
    agent = room.agents[0]
    offer = room.talks(room.calls("c1"))
    told = len(room.events)
    room.ask(Pause(agent_id=agent, reason="lunch", asked_by="control:uid=0"))
    room.ask(Pause(agent_id=agent, reason="coffee"))
    room.ask(LogIn(agent_id=agent, asked_by="page"))
    room.ask(LogOut(agent_id=agent))
    room.agent_hangs_up(offer)
    room.let_pass(100)
    facts = [fact for event in room.events[told:] if isinstance(fact := fact_of(event, 0), AgentChangeFact)]
    assert [(f.status, f.reason, f.next_status, f.next_reason, f.asked_by) for f in facts] == [
        ("READY", None, "PAUSED", "lunch", "control:uid=0"),
        ("READY", None, "PAUSED", "coffee", "phone"),
        ("READY", None, None, None, "page"),
        ("READY", None, "LOGGED_OUT", None, "phone"),
        ("LOGGED_OUT", None, None, None, "phone"),
    ]


def test_the_same_inputs_give_the_same_outputs() -> None:
    def story() -> str:
        room = Room("orders", "orders general", "general bank")
        offers = [room.talks(room.calls("c1")), room.offer(room.calls("c2"))]
        room.let_pass(40)
        room.agent_hangs_up(offers[0])
        room.let_pass(100)
        return repr(room.events) + repr(room.effects)

    assert story() == story()


def test_who_waits_in_several_lines_at_once_is_nobody() -> None:
    room = Room("orders general")
    room.calls("c1")
    room.calls("c2")
    made = room.of(OfferMade)
    assert len(made) == 1
    assert [queue.waiting for queue in room.floor.queues.values()] == [1, 0, 0]


def test_a_pause_asked_for_while_it_rang_is_the_person_s_word_whatever_the_router_concluded_in_between() -> None:
    room = Room("orders")
    agent = room.agents[0]
    offer = room.offer(room.calls("c1"))
    room.rings(offer)
    told = len(room.events)
    room.ask(Pause(agent_id=agent, reason="lunch", asked_by="page"))
    room.let_pass(15)
    room.ends(offer)
    facts = [fact for event in room.events[told:] if isinstance(fact := fact_of(event, 0), AgentChangeFact)]
    assert [(f.status, f.reason, f.next_status, f.next_reason, f.asked_by) for f in facts] == [
        ("READY", None, "PAUSED", "lunch", "page"),
        ("PAUSED", "rona", "PAUSED", "lunch", "router"),
        ("PAUSED", "lunch", None, None, "page"),
    ]
