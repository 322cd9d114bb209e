"""Agents log in, pause, come back and go: the sessions and pauses that reports are made of."""

from router.domain.messages.commands import Dismiss, Enrol
from tests.adapters.queue_log.logged_room import LoggedRoom

ONE = "agent-1001"


def test_who_logs_in_becomes_a_member_of_the_queues_their_skills_are_for() -> None:
    floor = LoggedRoom("orders bank")
    assert floor.lines() == [
        f"1|MANAGER|shop/orders|{ONE}|ADDMEMBER|",
        f"1|MANAGER|bank/accounts|{ONE}|ADDMEMBER|",
    ]
    floor.let_pass(3600)
    floor.logs_out(floor.agents[0])
    assert floor.lines() == [
        f"3601|MANAGER|shop/orders|{ONE}|REMOVEMEMBER|",
        f"3601|MANAGER|bank/accounts|{ONE}|REMOVEMEMBER|",
    ]


def test_a_pause_is_one_for_all_queues_and_one_for_each() -> None:
    floor = LoggedRoom("orders bank")
    agent = floor.agents[0]
    floor.lines()
    floor.pauses(agent, "lunch")
    floor.let_pass(600)
    floor.returns(agent)
    assert floor.lines() == [
        f"1|NONE|NONE|{ONE}|PAUSEALL|lunch",
        f"1|NONE|shop/orders|{ONE}|PAUSE|lunch",
        f"1|NONE|bank/accounts|{ONE}|PAUSE|lunch",
        f"601|NONE|NONE|{ONE}|UNPAUSEALL|",
        f"601|NONE|shop/orders|{ONE}|UNPAUSE|",
        f"601|NONE|bank/accounts|{ONE}|UNPAUSE|",
    ]


def test_another_reason_is_another_pause() -> None:
    floor = LoggedRoom("orders")
    agent = floor.agents[0]
    floor.pauses(agent, "lunch")
    floor.let_pass(60)
    floor.lines()
    floor.pauses(agent, "training")
    floor.pauses(agent, "training")
    assert [line.split("|", 4)[4] for line in floor.lines()] == [
        "UNPAUSEALL|",
        "UNPAUSE|",
        "PAUSEALL|training",
        "PAUSE|training",
    ]


def test_a_pause_that_was_asked_for_in_a_talk_begins_after_it() -> None:
    floor = LoggedRoom("orders")
    call = floor.calls("1")
    offer = floor.talks(call)
    floor.pauses(floor.agents[0], "lunch")
    assert not any("PAUSE" in line for line in floor.lines())
    floor.let_pass(10)
    floor.agent_hangs_up(offer)
    floor.ends(call)
    floor.let_pass(20)
    assert floor.lines()[-2:] == [f"31|NONE|NONE|{ONE}|PAUSEALL|lunch", f"31|NONE|shop/orders|{ONE}|PAUSE|lunch"]


def test_a_pause_ends_before_its_session() -> None:
    floor = LoggedRoom("orders")
    floor.pauses(floor.agents[0], "lunch")
    floor.lines()
    floor.logs_out(floor.agents[0])
    assert [line.split("|", 4)[4] for line in floor.lines()] == ["UNPAUSEALL|", "UNPAUSE|", "REMOVEMEMBER|"]


def test_who_leaves_the_directory_is_no_member_any_more() -> None:
    floor = LoggedRoom("orders")
    floor.lines()
    floor.ask(Dismiss(agent_id=floor.agents[0]))
    assert floor.lines() == [f"1|MANAGER|shop/orders|{ONE}|REMOVEMEMBER|"]
    assert floor.log.lines(floor.events[-1], floor.now) == []


def test_other_skills_make_other_memberships_at_the_next_change() -> None:
    floor = LoggedRoom("orders")
    agent = floor.engine.floor.agents[floor.agents[0]]
    floor.lines()
    profile = type(agent.profile)(agent_id=agent.agent_id, endpoint=agent.profile.endpoint, skills={"bank": 100})
    floor.ask(Enrol(profile=profile))
    assert floor.lines() == []
    floor.pauses(agent.agent_id)
    assert [line.split("|", 2)[2] for line in floor.lines()] == [
        f"shop/orders|{ONE}|REMOVEMEMBER|",
        f"bank/accounts|{ONE}|ADDMEMBER|",
        f"NONE|{ONE}|PAUSEALL|lunch",
        f"bank/accounts|{ONE}|PAUSE|lunch",
    ]


def test_a_log_that_begins_at_noon_knows_who_sits_there() -> None:
    floor = LoggedRoom("orders", "orders")
    floor.pauses(floor.agents[1], "lunch")
    floor.agent_joins("orders", logged_in=False)
    floor.lines()
    floor.another_router()
    assert floor.lines() == [
        f"3|REALTIME|shop/orders|{ONE}|ADDMEMBER|",
        "3|REALTIME|shop/orders|agent-1002|ADDMEMBER|PAUSED",
        "3|NONE|NONE|agent-1002|PAUSEALL|lunch",
        "3|NONE|shop/orders|agent-1002|PAUSE|lunch",
    ]
    floor.returns(floor.agents[1])
    floor.logs_out(floor.agents[0])
    assert [line.split("|", 2)[2] for line in floor.lines()] == [
        "NONE|agent-1002|UNPAUSEALL|",
        "shop/orders|agent-1002|UNPAUSE|",
        f"shop/orders|{ONE}|REMOVEMEMBER|",
    ]


def test_a_reason_is_one_field_whatever_stands_in_it() -> None:
    floor = LoggedRoom("orders")
    floor.lines()
    floor.pauses(floor.agents[0], "lunch|UNPAUSEALL\n1|NONE")
    assert [line.count("|") for line in floor.lines()] == [5, 5]
