"""Which of the free agents: every way to choose, and what it goes by."""

from dataclasses import replace

import pytest

from router.domain.ids import SECOND, AgentId, CampaignName
from router.domain.messages.commands import Configure, Pause, Post, SetDays, Unpause
from router.domain.rulebook.choice import Choice
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import Rules
from tests.builders import ORDERS, SHOP, START_AT, Room, rules, with_queue

DAY_S = 86_400
MIDNIGHTS = tuple(START_AT + day * DAY_S * SECOND for day in range(-1, 5))


def choosing(choose: Choice, need: str = "orders", **changes: object) -> Rules:
    long = {"wrapup_us": 0, "max_wait_us": 9999 * SECOND} | changes
    return with_queue(rules(), ORDERS, choose=choose, need=Need.parse(need), **long)


def a_room(*skills: str, by: Rules) -> Room:
    room = Room(*skills, rules_in_force=by)
    room.ask(SetDays(midnights=MIDNIGHTS))
    return room


def asked(room: Room, campaign: CampaignName = SHOP, *, talk_s: float = 1) -> AgentId:
    """Somebody calls, talks for a while and hangs up; who it was that took the call."""
    caller = room.calls(f"c{len(room.rung())}-{room.now}", campaign)
    agent = room.offered_to(caller)
    assert agent is not None
    offer = room.talks(caller)
    room.let_pass(talk_s)
    room.agent_hangs_up(offer)
    room.ends(caller)
    return agent


def test_the_longest_idle_is_asked_first() -> None:
    room = a_room("orders", "orders", by=choosing(Choice.LONGEST_IDLE))
    one, two = room.agents
    assert [asked(room) for _ in range(4)] == [one, two, one, two]


def test_the_best_in_what_is_asked_for_is_asked_first_and_of_equals_the_longest_idle() -> None:
    room = Room(
        rules_in_force=choosing(Choice.BEST_SKILLED, need="de >= 20 and orders and (not trainee or care <= 90)")
    )
    room.agent_joins("de:50 orders:50 care:90 trainee:90")
    best = room.agent_joins("de:60 orders:60")
    second = room.agent_joins("de:90 orders:30")
    assert [asked(room) for _ in range(3)] == [best, second, best], "120 each; care and trainee are not what counts"


def test_whoever_has_had_the_fewest_contacts_today_is_asked_first() -> None:
    room = a_room("orders", "orders", by=choosing(Choice.FEWEST_CONTACTS))
    one, two = room.agents
    room.ask(Pause(agent_id=two, reason="break"))
    assert [asked(room) for _ in range(2)] == [one, one]
    room.ask(Unpause(agent_id=two))
    assert [asked(room) for _ in range(3)] == [two, two, one]


def test_whoever_has_talked_least_today_is_asked_first() -> None:
    room = a_room("orders", "orders", by=choosing(Choice.LEAST_TALK))
    one, two = room.agents
    assert asked(room, talk_s=10) == one
    assert [asked(room, talk_s=3) for _ in range(5)] == [two, two, two, two, one]


def test_counts_of_a_day_begin_anew_at_midnight_for_those_who_sit_there_too() -> None:
    room = a_room("orders", "orders", by=choosing(Choice.FEWEST_CONTACTS))
    one, two = room.agents
    room.ask(Pause(agent_id=two, reason="break"))
    asked(room)
    asked(room)
    room.ask(Unpause(agent_id=two))
    room.let_pass(DAY_S)
    assert asked(room) == one, "nobody has had a contact this day, and they are idle the longest"


def test_round_robin_goes_by_who_was_asked_last_whatever_came_of_it() -> None:
    room = a_room("orders", "orders", "orders", by=choosing(Choice.ROUND_ROBIN, ring_us=5 * SECOND))
    one, two, three = room.agents
    caller = room.calls("c1")
    room.rings(room.offer(caller))
    room.ends(room.offer(caller), cause=17, tech_cause="486")
    assert room.offered_to(caller) == two
    room.caller_hangs_up(caller)
    room.ends(f"{caller}.2")
    room.let_pass(10)
    assert [asked(room) for _ in range(4)] == [three, one, two, three]


def test_a_fixed_order_is_kept_however_long_others_have_been_idle() -> None:
    room = a_room(by=choosing(Choice.FIXED_ORDER))
    last = room.agent_joins("orders", posts={ORDERS: Post(position=3)})
    first = room.agent_joins("orders", posts={ORDERS: Post(position=1)})
    assert [asked(room) for _ in range(2)] == [first, first]
    room.ask(Pause(agent_id=first, reason="break"))
    assert asked(room) == last


@pytest.mark.parametrize("choose", list(Choice))
def test_a_reload_may_change_the_way_while_agents_sit_there(choose: Choice) -> None:
    room = a_room("orders", "orders", by=choosing(Choice.LONGEST_IDLE))
    room.ask(Configure(rules=replace(choosing(choose), config_hash="two")))
    assert asked(room) in room.agents


# ---- a day's share ----


def test_who_has_had_their_share_of_the_day_is_asked_no_more_until_the_next() -> None:
    room = a_room(by=choosing(Choice.LONGEST_IDLE))
    agent = room.agent_joins("orders", daily_cap=2)
    assert [asked(room), asked(room)] == [agent, agent]
    caller = room.calls("waits")
    assert room.offered_to(caller) is None
    assert room.floor.agents[agent].standing.name == "DONE_FOR_TODAY"
    room.ask(Configure(rules=with_queue(choosing(Choice.LONGEST_IDLE), ORDERS, max_wait_us=3 * DAY_S * SECOND)))
    room.caller_hangs_up(caller)
    room.let_pass(DAY_S)
    assert asked(room) == agent
