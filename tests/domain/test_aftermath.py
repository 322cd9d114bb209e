"""What follows for an agent when an offer was in vain: by its cause, for the first in a row and for the next."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.benches.agent import Status
from router.domain.ids import SECOND, AgentId, ContactId, OfferId
from router.domain.messages.commands import Pause, Remember, Unpause
from router.domain.messages.events import AgentChanged
from router.domain.messages.observations import EndpointSeen, OriginateFailed
from router.domain.record import OfferResult
from router.domain.rulebook.conduct import AFTER, BY_PHONE, REASONS, RETRY_US, Consequence, Follows
from router.domain.rulebook.rules import Rules
from tests.builders import ORDERS, Room, rules, with_queue
from tests.domain.test_succession import in_sight, inherited

ME = AgentId("agent-1001")
NOTHING, HOLD, PAUSE = (Consequence(follows=each) for each in Follows)
CAUSES = {
    OfferResult.REJECTED: (21, "SIP 603"),
    OfferResult.BUSY: (17, "SIP 486"),
    OfferResult.UNREGISTERED: (20, "SIP 404"),
    OfferResult.FAILED: (58, "SIP 488"),
}


def after(**ladders: tuple[Consequence, ...]) -> Rules:
    return replace(rules(), after={**AFTER, **{OfferResult(name): ladder for name, ladder in ladders.items()}})


def patient(of: Rules) -> Rules:
    return with_queue(of, ORDERS, max_wait_us=3600 * SECOND)


def in_vain(room: Room, caller: ContactId, result: OfferResult) -> OfferId:
    """The live offer of the caller ends like that."""
    offer = room.offer(caller)
    room.rings(offer)
    if result is OfferResult.MISSED:
        room.let_pass(15)
        room.ends(offer, 16, "SIP 487")
    else:
        room.ends(offer, *CAUSES[result])
    return offer


@pytest.mark.parametrize("result", [*AFTER])
def test_each_cause_can_pause_and_says_so_in_the_reason(result: OfferResult) -> None:
    room = Room("orders", rules_in_force=after(**{result.value: (PAUSE,)}))
    in_vain(room, room.calls("c1"), result)
    assert room.results() == [result]
    told = next(event for event in room.of(AgentChanged) if event.status is Status.PAUSED)
    assert (told.reason, told.asked_by) == (REASONS[result], "router")
    assert (room.agent(ME).status, room.agent(ME).reason) == (Status.PAUSED, REASONS[result])


@pytest.mark.parametrize("result", [*AFTER])
def test_each_cause_can_hold_the_agent_off_for_as_long_as_the_site_says(result: OfferResult) -> None:
    hold = Consequence(follows=Follows.HOLD, hold_us=40 * SECOND)
    room = Room("orders", rules_in_force=after(**{result.value: (hold,)}))
    caller = room.calls("c1")
    in_vain(room, caller, result)
    room.let_pass(39)
    assert (room.agent(ME).status, room.offered_to(caller)) == (Status.READY, None)
    room.let_pass(1)
    assert room.offered_to(caller) == ME


@pytest.mark.parametrize("result", [OfferResult.BUSY, OfferResult.UNREGISTERED, OfferResult.FAILED])
def test_nothing_may_follow_a_fault(result: OfferResult) -> None:
    room = Room("orders", rules_in_force=after(**{result.value: (NOTHING,)}))
    caller = room.calls("c1")
    in_vain(room, caller, result)
    assert room.offered_to(caller) == ME


def test_who_missed_without_a_pause_is_offered_the_next_caller_but_not_the_same_one_for_a_while() -> None:
    room = Room("orders", rules_in_force=after(missed=(NOTHING,)))
    caller = room.calls("c1")
    in_vain(room, caller, OfferResult.MISSED)
    assert room.offered_to(caller) is None
    other = room.calls("c2")
    assert room.offered_to(other) == ME


def test_the_third_in_a_row_pauses_where_two_are_forgiven() -> None:
    room = Room("orders", rules_in_force=after(missed=(NOTHING, NOTHING, PAUSE)))
    for number in (1, 2):
        in_vain(room, room.calls(f"c{number}"), OfferResult.MISSED)
        assert room.agent(ME).status is Status.READY
    in_vain(room, room.calls("c3"), OfferResult.MISSED)
    assert (room.agent(ME).status, room.agent(ME).reason) == (Status.PAUSED, "rona")


def test_a_talk_between_begins_the_row_anew() -> None:
    room = Room("orders", rules_in_force=after(busy=(NOTHING, PAUSE)))
    caller = room.calls("c1")
    in_vain(room, caller, OfferResult.BUSY)
    offer = room.talks(caller)
    room.agent_hangs_up(offer)
    room.let_pass(30)
    in_vain(room, room.calls("c2"), OfferResult.BUSY)
    assert room.agent(ME).status is Status.READY


def test_another_cause_and_coming_back_begin_the_row_anew() -> None:
    room = Room("orders", rules_in_force=after(busy=(NOTHING, PAUSE), failed=(NOTHING,)))
    caller = room.calls("c1")
    for result in (OfferResult.BUSY, OfferResult.FAILED, OfferResult.BUSY):
        in_vain(room, caller, result)
    assert room.agent(ME).status is Status.READY
    in_vain(room, caller, OfferResult.BUSY)
    assert room.agent(ME).status is Status.PAUSED
    room.ask(Unpause(agent_id=ME))
    in_vain(room, caller, OfferResult.BUSY)
    assert room.agent(ME).status is Status.READY


@pytest.mark.parametrize("result", [OfferResult.UNREGISTERED, OfferResult.FAILED, OfferResult.BUSY])
def test_a_pause_for_what_a_phone_did_is_taken_back_when_it_is_there_again(result: OfferResult) -> None:
    room = Room("orders", rules_in_force=after(**{result.value: (PAUSE,)}))
    caller = room.calls("c1")
    in_vain(room, caller, result)
    room.see(EndpointSeen(endpoint=ME, reachable=False, at=room.now))
    assert room.offered_to(caller) is None
    room.let_pass(10)
    room.see(EndpointSeen(endpoint=ME, reachable=True, at=room.now))
    assert (room.agent(ME).status, room.agent(ME).reason) == (Status.READY, None)
    assert room.offered_to(caller) == ME


def test_so_it_is_when_a_resync_finds_the_phone_back() -> None:
    room = Room("orders", rules_in_force=after(unregistered=(PAUSE,)))
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.see(OriginateFailed(offer_id=offer, reason="0", at=room.now))
    assert (room.agent(ME).status, room.agent(ME).reason) == (Status.PAUSED, "unregistered")
    room.let_pass(1)
    room.resync_reach(False)
    room.resync_reach(True)
    assert room.offered_to(caller) == ME


def test_where_nobody_saw_the_phone_go_and_come_the_next_offer_shows_after_a_while() -> None:
    room = Room("orders", rules_in_force=after(unregistered=(PAUSE,)))
    in_vain(room, room.calls("c1"), OfferResult.UNREGISTERED)
    room.let_pass(RETRY_US // SECOND - 1)
    assert room.agent(ME).status is Status.PAUSED
    room.let_pass(1)
    assert (room.agent(ME).status, room.offered_to(room.calls("c2"))) == (Status.READY, ME)


def test_a_busy_phone_is_free_again_when_its_own_call_has_ended() -> None:
    room = Room("orders", rules_in_force=after(busy=(PAUSE,)))
    caller = room.calls("c1")
    in_vain(room, caller, OfferResult.BUSY)
    room.private_call(ME, "p1")
    room.private_call(ME, "p2")
    room.ends("p1")
    assert room.agent(ME).status is Status.PAUSED
    room.ends("p2")
    assert room.offered_to(caller) == ME


@pytest.mark.parametrize("result", [OfferResult.UNREGISTERED, OfferResult.FAILED, OfferResult.BUSY])
def test_a_dead_phone_does_not_take_every_caller_first(result: OfferResult) -> None:
    room = Room("orders", "orders", "orders")
    wasted = 0
    for number in range(8):
        caller = room.calls(f"c{number}")
        while (offered := room.offered_to(caller)) == ME:
            wasted += 1
            in_vain(room, caller, result)
        assert offered is not None
        talk = room.talks(caller)
        room.agent_hangs_up(talk)
        room.caller_hangs_up(caller)
        room.let_pass(31)
    assert wasted == 3, "two are forgiven, and it is asked in its turn, not first"
    assert (room.agent(ME).status, room.agent(ME).reason) == (Status.PAUSED, REASONS[result])


@pytest.mark.parametrize("result", [*AFTER])
def test_after_an_offer_in_vain_the_others_are_asked_first(result: OfferResult) -> None:
    room = Room("orders", "orders", rules_in_force=after(**{result.value: (NOTHING,)}))
    in_vain(room, room.calls("c1"), result)
    assert room.floor.agents[ME].idle_since == room.now


def test_the_one_offer_after_a_while_is_the_whole_trial() -> None:
    room = Room("orders", rules_in_force=patient(after(unregistered=(HOLD, HOLD, PAUSE))))
    caller = room.calls("c1")
    for _ in range(3):
        in_vain(room, caller, OfferResult.UNREGISTERED)
        room.let_pass(room.floor.rules.fault_hold_us // SECOND)
    assert room.agent(ME).status is Status.PAUSED
    room.let_pass(RETRY_US // SECOND)
    assert (room.agent(ME).status, room.offered_to(caller)) == (Status.READY, ME)
    in_vain(room, caller, OfferResult.UNREGISTERED)
    assert room.agent(ME).status is Status.PAUSED
    for reachable in (False, True):
        room.see(EndpointSeen(endpoint=ME, reachable=reachable, at=room.now))
    assert room.offered_to(caller) == ME
    in_vain(room, caller, OfferResult.UNREGISTERED)
    assert room.agent(ME).status is Status.READY, "it was seen to be well, so two are forgiven again"


def test_an_order_that_never_reached_asterisk_is_held_against_no_phone() -> None:
    room = Room("orders", rules_in_force=patient(after(failed=(NOTHING, PAUSE))))
    caller = room.calls("c1")
    for _ in range(5):
        room.see(OriginateFailed(offer_id=room.offer(caller), reason="ami-timeout", at=room.now))
    assert (room.agent(ME).status, room.offered_to(caller)) == (Status.READY, ME)
    for _ in range(2):
        in_vain(room, caller, OfferResult.FAILED)
    assert room.agent(ME).reason == "failed"


def test_that_which_never_reached_asterisk_pauses_nobody_even_where_the_first_does() -> None:
    room = Room("orders", rules_in_force=after(failed=(PAUSE,)))
    caller = room.calls("c1")
    room.see(OriginateFailed(offer_id=room.offer(caller), reason="ami-timeout", at=room.now))
    assert (room.agent(ME).status, room.offered_to(caller)) == (Status.READY, None)
    room.let_pass(room.floor.rules.fault_hold_us // SECOND)
    assert room.offered_to(caller) == ME


@pytest.mark.parametrize("result", [OfferResult.MISSED, OfferResult.REJECTED])
def test_what_a_person_did_is_theirs_to_end(result: OfferResult) -> None:
    room = Room("orders", rules_in_force=after(**{result.value: (PAUSE,)}))
    in_vain(room, room.calls("c1"), result)
    for reachable in (False, True):
        room.see(EndpointSeen(endpoint=ME, reachable=reachable, at=room.now))
    assert room.agent(ME).status is Status.PAUSED


def test_who_chose_a_pause_meanwhile_is_left_alone() -> None:
    room = Room("orders", rules_in_force=after(failed=(PAUSE,)))
    in_vain(room, room.calls("c1"), OfferResult.FAILED)
    room.ask(Pause(agent_id=ME, reason="lunch"))
    for reachable in (False, True):
        room.see(EndpointSeen(endpoint=ME, reachable=reachable, at=room.now))
    assert (room.agent(ME).status, room.agent(ME).reason) == (Status.PAUSED, "lunch")


def test_a_pause_put_off_goes_before_one_that_follows() -> None:
    room = Room("orders", rules_in_force=after(failed=(PAUSE,)))
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.ask(Pause(agent_id=ME, reason="lunch"))
    room.ends(offer, *CAUSES[OfferResult.FAILED])
    assert (room.agent(ME).status, room.agent(ME).reason) == (Status.PAUSED, "lunch")


def test_a_successor_goes_on_counting_and_takes_back_what_the_phone_did() -> None:
    dead = Room("orders", rules_in_force=after(busy=(HOLD, PAUSE), failed=(PAUSE,)))
    in_vain(dead, dead.calls("c1"), OfferResult.BUSY)
    heir = inherited(dead)
    assert heir.floor.agents[ME].in_vain == ("busy", 1)
    dead.let_pass(5)
    in_vain(dead, next(iter(dead.floor.contacts)), OfferResult.FAILED)
    heir = inherited(dead)
    assert heir.floor.agents[ME].reason == "failed"
    in_sight(heir)
    assert heir.floor.agents[ME].status is Status.READY


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([result.value for result in AFTER]),
        st.lists(st.sampled_from([NOTHING, HOLD, PAUSE]), min_size=1, max_size=3).map(tuple),
    ),
    st.lists(st.tuples(st.sampled_from([*AFTER]), st.sampled_from(["wait", "unpause", "back"])), max_size=8),
)
def test_whatever_follows_what_no_caller_waits_for_somebody_free(
    ladders: dict[str, tuple[Consequence, ...]], story: list[tuple[OfferResult, str]]
) -> None:
    room = Room("orders", "orders", rules_in_force=after(**ladders))  # its invariants are looked at after each step
    for number, (result, then) in enumerate(story):
        caller = room.calls(f"c{number}")
        if room.offered_to(caller) is not None:
            in_vain(room, caller, result)
        if then == "wait":
            room.let_pass(31)
        for agent_id in room.agents:
            agent = room.floor.agents[agent_id]
            if then == "unpause" and agent.status is Status.PAUSED:
                room.ask(Unpause(agent_id=agent_id))
            if then == "back":
                for reachable in (False, True):
                    room.see(EndpointSeen(endpoint=agent_id, reachable=reachable, at=room.now))
                assert agent.reason not in BY_PHONE
        room.caller_hangs_up(caller)


def test_a_pause_of_the_phones_from_before_our_time_has_an_end_too() -> None:
    room = Room("orders")
    room.ask(Remember(agent_id=ME, status="PAUSED", reason="busy", since_at=room.now))
    room.let_pass(RETRY_US // SECOND)
    assert room.agent(ME).status is Status.READY
