"""Nothing stays as it is for ever: Asterisk is asked whether it still is so, and the longest talk has an end."""

from dataclasses import replace

from router.domain.engine import Engine
from router.domain.ids import SECOND, ContactId
from router.domain.messages.commands import Enrol, LogOut
from router.domain.messages.effects import EndLeg, LookAgain
from router.domain.messages.events import ContactEnded
from router.domain.messages.observations import NodeLost
from router.domain.pictures.picture import whole
from router.domain.pictures.recovery import restore, take_over
from router.domain.record import EndedBy, Outcome
from tests.builders import NODE, SHOP, Room, rules

SWEEP_S = 60
LONGEST_S = 600
GIVE_UP_S = 900


def a_room_of_short_talks(*skills: str) -> Room:
    campaigns = rules().campaigns
    short = replace(campaigns[SHOP], max_call_us=LONGEST_S * SECOND)
    return Room(*skills, rules_in_force=replace(rules(), campaigns={**campaigns, SHOP: short}))


# ---- who is on the floor is looked after ----


def test_as_long_as_a_caller_is_there_asterisk_is_asked_whether_they_are() -> None:
    room = Room()
    caller = room.calls("c1")
    room.let_pass(3 * SWEEP_S)
    assert room.of(LookAgain) == [LookAgain(node=NODE)] * 3
    room.caller_hangs_up(caller)
    room.let_pass(10 * SWEEP_S)
    assert len(room.of(LookAgain)) == 3, "nobody is there"
    assert room.engine.next_timer() is None


def test_after_an_empty_hour_the_next_caller_is_looked_after_like_the_first() -> None:
    room = Room()
    room.caller_hangs_up(room.calls("c1"))
    room.let_pass(3600)
    room.calls("c2")
    room.let_pass(SWEEP_S)
    assert len(room.of(LookAgain)) == 1


def test_callers_who_come_all_the_time_do_not_put_the_look_off() -> None:
    room = Room()
    for second in range(2 * SWEEP_S):
        room.calls(f"c{second}")
        room.let_pass(1)
    assert len(room.of(LookAgain)) == 2


def test_a_private_call_whose_end_got_lost_does_not_keep_an_agent_for_ever() -> None:
    room = Room("orders")
    room.private_call(room.agents[0])
    room.let_pass(SWEEP_S)
    assert room.of(LookAgain) == [LookAgain(node=NODE)]
    room.resync()
    assert room.offered_to(room.calls("c1")) == room.agents[0]


def test_a_talk_whose_end_got_lost_is_over_when_asterisk_says_so() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    room.talks(caller)
    room.let_pass(SWEEP_S)
    assert room.of(LookAgain) == [LookAgain(node=NODE)]
    room.resync()
    assert room.record(caller).end_estimated
    assert room.agent(room.agents[0]).work == "wrapup"


def test_a_node_that_is_out_of_sight_is_not_asked_and_is_asked_again_once_it_is_back() -> None:
    room = Room()
    caller = room.calls("c1")
    room.see(NodeLost(node=NODE))
    room.let_pass(3 * SWEEP_S)
    assert room.of(LookAgain) == []
    room.resync(room.waiting(caller))
    room.let_pass(SWEEP_S)
    assert room.of(LookAgain) == [LookAgain(node=NODE)]


# ---- the longest talk ----


def test_the_longest_talk_is_ended_for_both() -> None:
    room = a_room_of_short_talks("orders")
    caller = room.calls("c1")
    agents_leg = room.talks(caller)
    room.let_pass(LONGEST_S - 1)
    assert room.of(EndLeg) == []
    room.let_pass(1)
    assert [end.leg for end in room.of(EndLeg)] == [caller]
    room.let_pass(room.floor.rules.rescind_grace_us / SECOND)
    assert [end.leg for end in room.of(EndLeg)] == [caller, agents_leg], "a leg that does not follow is ended as well"
    room.caller_hangs_up(caller)  # so Asterisk tells of our own hang-up, too
    record = room.record(caller)
    assert (record.outcome, record.ended_by) == (Outcome.ANSWERED, EndedBy.SYSTEM)


def test_a_talk_that_was_adopted_has_an_end_too() -> None:
    room = a_room_of_short_talks("orders")
    caller = ContactId(f"{NODE}-c1")
    room.resync(
        room.waiting(caller, state="talking", bridge="b", talk_at=room.now),
        room.agent_leg(caller, 1, room.agents[0], state="talking", bridge="b"),
    )
    room.let_pass(LONGEST_S)
    assert [end.leg for end in room.of(EndLeg)] == [caller]


def test_who_waits_again_after_a_talk_is_not_cut_off_by_its_limit() -> None:
    room = a_room_of_short_talks("orders")
    caller = room.calls("c1")
    room.talks(caller)
    room.let_pass(10)
    room.see(NodeLost(node=NODE))
    room.resync(room.waiting(caller))
    assert room.state(caller) == "queued"
    room.let_pass(20)
    assert room.offered_to(caller) == room.agents[0], "a second talk"
    second = room.talks(caller)
    room.let_pass(LONGEST_S - 10)
    assert room.of(EndLeg) == [], "its time begins with itself"
    room.let_pass(10)
    assert [end.leg for end in room.of(EndLeg)] == [caller]
    assert second.endswith(".2")


# ---- a node that does not come back ----


def test_a_node_that_never_comes_back_is_given_up_and_nobody_is_billed_for_what_nobody_saw() -> None:
    room = Room("orders", "orders")
    talking, waiting = room.calls("c1"), room.calls("c2")
    room.talks(talking)
    room.ask(LogOut(agent_id=room.agents[1]))
    room.let_pass(30)
    lost_at = room.now
    room.see(NodeLost(node=NODE))
    room.let_pass(GIVE_UP_S + 60)

    records = [room.record(contact) for contact in (talking, waiting)]
    assert [record.end_estimated for record in records] == [True, True]
    assert [record.ended_at for record in records] == [lost_at, lost_at]
    assert room.floor.contacts == room.floor.assignments == room.floor.offers == {}
    assert room.agent(room.agents[0]).work in ("idle", "wrapup")


def test_who_still_talks_when_a_node_that_was_given_up_is_back_is_not_rung() -> None:
    room = Room("orders")
    talking = room.calls("c1")
    leg = room.talks(talking)
    room.see(NodeLost(node=NODE))
    room.let_pass(GIVE_UP_S + 60)
    assert room.agent(room.agents[0]).work == "idle"

    room.resync(
        room.waiting(talking, state="talking", bridge="b1", talk_at=room.now - GIVE_UP_S * SECOND),
        room.agent_leg(talking, int(leg.rpartition(".")[2]), room.agents[0], state="talking", bridge="b1"),
    )
    other = room.calls("c2")

    assert room.offered_to(other) is None
    assert room.agent(room.agents[0]).work == "talking"


def test_a_node_that_is_back_in_time_is_not_given_up() -> None:
    room = Room()
    caller = room.calls("c1")
    room.see(NodeLost(node=NODE))
    room.let_pass(GIVE_UP_S / 60)
    room.resync(room.waiting(caller))
    room.let_pass(50)
    assert caller in room.floor.contacts
    assert ("node", NODE) not in room.floor.timers


def test_a_node_nobody_has_seen_since_a_takeover_is_given_up_too() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    room.talks(caller)
    heir = Engine(rules())
    heir.handle(Enrol(profile=room.floor.agents[room.agents[0]].profile), room.now)
    restore(heir.floor, whole(room.floor), room.now)
    take_over(heir.floor, room.now)
    at = room.now
    while (due := heir.next_timer()) is not None and due <= room.now + (GIVE_UP_S + 60) * SECOND:
        at = max(at, due)
        heir.handle_timer(at)
    [ended] = [event for event in heir.drain()[0] if isinstance(event, ContactEnded)]
    assert (ended.record.contact_id, ended.record.end_estimated) == (caller, True)
    assert heir.floor.agents[room.agents[0]].assignment is None


def test_a_talk_whose_end_may_have_been_missed_is_said_to_be_estimated() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    room.talks(caller)
    room.see(NodeLost(node=NODE))
    room.let_pass(2)
    room.ends(caller)  # heard after the log-in, before Asterisk was looked at
    assert room.record(caller).end_estimated
