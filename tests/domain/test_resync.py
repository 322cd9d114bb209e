"""After a (re)connect Asterisk's truth wins, except over what we learned since we asked for it."""

from dataclasses import replace

from router.domain.benches.agent import Reach, Status
from router.domain.engine import Engine
from router.domain.ids import SECOND, AgentId, ContactId, LegId
from router.domain.messages.commands import Enrol, HangUp
from router.domain.messages.effects import EndLeg, LookAgain, RingAgent, SendCaller
from router.domain.messages.events import ContactEnded, ContactQueued, DifferenceMended, WrapUpEnded
from router.domain.messages.observations import (
    CallerReturned,
    CallerTransferred,
    EndpointSeen,
    LegAppeared,
    LegSnapshot,
    NodeLost,
    Resynced,
)
from router.domain.pictures.picture import ContactStands, whole
from router.domain.pictures.recovery import restore, take_over
from router.domain.record import EndedBy, OfferResult, Outcome, SegmentKind
from tests.builders import GENERAL, NODE, START_AT, Room, rules

C1 = ContactId("node-a-c1")
ME = AgentId("agent-1001")


def phone_leg(leg: str, agent_id: str = ME) -> LegSnapshot:
    return LegSnapshot(leg=LegId(leg), channel=f"PJSIP/{agent_id}-9", endpoint=agent_id, linkedid=leg, up=True)


def test_nothing_is_offered_for_a_caller_on_a_node_not_seen_yet() -> None:
    engine = Engine(rules())
    room = Room("orders")
    engine.handle(room.arrival("c1"), START_AT)
    assert not [effect for effect in engine.drain()[1] if isinstance(effect, RingAgent)]
    assert engine.floor.contacts[C1].parked


def test_a_caller_on_a_node_not_seen_yet_is_offered_once_it_is() -> None:
    room = Room("orders")
    room.see(replace(room.arrival("c9"), node="node-b"))
    caller = ContactId("node-a-c9")
    assert room.rung() == []
    legs = (room.waiting(caller),)
    room.see(Resynced(node="node-b", legs=legs, reachable={ME: True}, asked_at=room.now, at=room.now))
    assert room.offered_to(caller) == ME


def test_a_waiting_caller_is_adopted_at_their_age_and_served_first() -> None:
    room = Room()
    arrived_at = room.now - 50 * SECOND
    room.calls("young")
    room.resync(room.waiting(C1, arrived_at=arrived_at), room.waiting(ContactId("node-a-young")))
    assert room.last(ContactQueued).adopted
    room.agent_joins("orders")
    assert room.offered_to(C1) == ME
    room.caller_hangs_up(C1)
    assert room.record(C1).arrived_at == arrived_at


def test_an_adopted_caller_who_has_waited_too_long_overflows_at_once() -> None:
    room = Room()
    room.resync(room.waiting(C1, arrived_at=room.now - 70 * SECOND))
    room.let_pass(0)
    assert room.floor.contacts[C1].queue == GENERAL


def test_the_offer_of_an_adopted_caller_has_a_number_not_in_use() -> None:
    room = Room("orders")
    room.resync(room.waiting(C1), room.agent_leg(C1, 3, AgentId("agent-7")))
    assert room.offer(C1) == f"{C1}.4"


def test_the_offers_of_a_later_owner_are_numbered_from_its_epoch() -> None:
    room = Room("orders")
    legs = (room.waiting(C1),)
    room.see(Resynced(node=NODE, legs=legs, reachable={ME: True}, epoch=2, asked_at=room.now, at=room.now))
    assert room.offer(C1) == f"{C1}.2001"


def test_the_offers_for_a_caller_who_came_while_asterisk_was_asked_are_numbered_from_its_epoch() -> None:
    """The owner before may have rung somebody for them in its last moment."""
    room = Room("orders")
    room.see(NodeLost(node=NODE))
    asked_at = room.now
    caller = room.calls("c9")
    room.see(Resynced(node=NODE, legs=(), reachable={ME: True}, epoch=2, asked_at=asked_at, at=room.now))
    assert room.offer(caller) == f"{caller}.2001"


def test_a_talk_is_adopted_with_its_agent_and_its_time() -> None:
    room = Room("orders")
    talk_at = room.now - 40 * SECOND
    room.resync(
        room.waiting(C1, state="talking", bridge="b", arrived_at=talk_at - 10 * SECOND, talk_at=talk_at),
        room.agent_leg(C1, 1, ME, state="talking", bridge="b"),
    )
    assert room.agent(ME).work == "talking"
    room.ends(f"{C1}.1")
    room.see(CallerReturned(contact_id=C1, at=room.now))
    assert room.last(EndLeg).leg == C1
    room.ends(C1)
    record = room.record(C1)
    assert (record.outcome, record.answered_at) == (Outcome.ANSWERED, talk_at)
    assert [str(s.kind) for s in record.segments] == ["waiting", "talk"]


def test_news_of_a_caller_nobody_knew_yet_has_asterisk_asked_once_more() -> None:
    room = Room("orders")
    asked_at = room.now
    room.now += SECOND
    room.see(CallerTransferred(contact_id=C1, exten="+4930555200", at=room.now))
    talk = (room.waiting(C1, state="talking", bridge="b", talk_at=asked_at), room.agent_leg(C1, 1, ME, bridge="b"))
    answer = Resynced(node=NODE, legs=talk, reachable={ME: True}, asked_at=asked_at, at=room.now)
    room.see(answer)
    assert room.of(LookAgain) == [LookAgain(node=NODE)]

    room.now += SECOND
    room.see(replace(answer, legs=(room.waiting(C1),), asked_at=room.now, at=room.now))

    assert room.of(LookAgain) == [LookAgain(node=NODE)], "once"
    assert room.floor.contacts[C1].is_waiting


def test_who_was_sent_off_between_question_and_answer_is_looked_at_once_more() -> None:
    """The order may have been dropped: what is decided on a node that is being looked at waits for the look."""
    room = Room()
    caller = room.calls("c1")
    asked_at = room.now
    room.let_pass(1)
    room.ask(HangUp(contact_id=caller))
    assert room.state(caller) == "leaving"
    answer = Resynced(node=NODE, legs=(room.waiting(caller),), asked_at=asked_at, at=room.now)
    room.see(answer)
    assert room.of(LookAgain) == [LookAgain(node=NODE)]
    given = len(room.of(EndLeg))

    room.now += SECOND
    room.see(replace(answer, asked_at=room.now, at=room.now))

    assert room.of(LookAgain) == [LookAgain(node=NODE)], "once"
    assert len(room.of(EndLeg)) == given + 1


def a_talk(room: Room, contact_id: ContactId) -> tuple[LegSnapshot, LegSnapshot]:
    """The agent talks to this caller, as Asterisk has it."""
    return (
        room.waiting(contact_id, state="talking", bridge="b", talk_at=room.now),
        room.agent_leg(contact_id, 1001, ME, state="talking", bridge="b"),
    )


def test_a_talk_we_did_not_know_of_ends_the_wrap_up_we_believed_in() -> None:
    room = Room("orders")
    earlier = room.calls("earlier")
    room.agent_hangs_up(room.talks(earlier))
    room.ends(earlier)
    assert room.agent(ME).work == "wrapup"
    room.resync(*a_talk(room, C1))
    assert (room.agent(ME).work, room.agent(ME).contact_id) == ("talking", C1)
    assert room.last(WrapUpEnded).fact.contact_id == earlier


def test_who_talks_with_one_of_ours_is_not_fetched_back_although_paper_names_nobody() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer_id = room.talks(caller)
    before = [picture for picture in whole(room.floor) if isinstance(picture, ContactStands)]
    engine = Engine(rules())
    engine.handle(Enrol(profile=room.floor.agents[ME].profile), room.now)
    restore(engine.floor, before, room.now)
    take_over(engine.floor, room.now)
    legs = (
        room.waiting(caller, state="talking", bridge="b", talk_at=room.now),
        room.agent_leg(caller, 1, ME, state="talking", bridge="b"),
    )
    at = room.now + SECOND
    engine.handle(Resynced(node=NODE, legs=legs, reachable={ME: True}, asked_at=at, at=at), at)
    engine.handle_timer(at + 20 * SECOND)
    assert engine.floor.contacts[caller].state == "connected"
    assert engine.floor.assignments[LegId(offer_id)].agent_id == ME
    assert not [effect for effect in engine.drain()[1] if isinstance(effect, SendCaller)]


def test_a_talk_we_cannot_book_is_left_alone() -> None:
    room = Room()
    room.resync(
        room.waiting(C1, state="talking", bridge="b", talk_at=room.now),
        room.agent_leg(C1, 1, AgentId("agent-7"), state="talking", bridge="b"),
    )
    assert room.of(EndLeg) == []


def test_a_caller_in_their_fallback_is_offered_to_nobody_and_still_gets_a_record() -> None:
    room = Room("orders")
    room.resync(room.waiting(C1, state="fallback"))
    assert (room.state(C1), room.of(RingAgent)) == ("leaving", [])
    room.let_pass(5)
    room.ends(C1)
    record = room.record(C1)
    assert (record.outcome, record.ended_by) == (Outcome.SYSTEM, "system")


def test_a_caller_left_in_after_by_a_dead_router_is_let_go() -> None:
    room = Room("orders")
    room.resync(room.waiting(C1, state="after", talk_at=room.now - SECOND))
    assert room.last(EndLeg).leg == C1
    assert room.rung() == []


def test_a_talk_that_ended_while_nobody_looked_is_as_long_as_the_dialplan_says() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    room.talks(caller)
    began = room.now
    room.let_pass(5)
    left_at = began + 3 * SECOND
    room.resync(room.waiting(caller, state="after", talk_at=began, after_at=left_at, arrived_at=began))
    room.let_pass(1)
    room.ends(caller)
    talk, alone = room.record(caller).segments[-2:]
    assert (talk.kind, talk.to_at) == (SegmentKind.TALK, left_at)
    assert (alone.kind, alone.from_at, alone.to_at) == (SegmentKind.WAITING, left_at, room.now)


def test_a_talk_nobody_saw_at_all_is_in_the_record_of_a_caller_left_in_after() -> None:
    room = Room("orders")
    now = room.now
    times = {"arrived_at": now - 9 * SECOND, "talk_at": now - 7 * SECOND, "after_at": now - 2 * SECOND}
    room.resync(room.waiting(C1, state="after", agent_id=ME, **times))
    room.ends(C1)
    record = room.record(C1)
    assert record.answered_at == times["talk_at"]
    assert [(part.kind, part.agent_id) for part in record.segments] == [
        (SegmentKind.WAITING, None),
        (SegmentKind.TALK, ME),
        (SegmentKind.WAITING, None),
    ]
    assert record.segments[1].to_at == times["after_at"]


def test_a_ringing_leg_of_a_dead_router_is_hung_up_and_its_phone_is_busy_till_then() -> None:
    room = Room("orders")
    room.resync(room.waiting(C1, arrived_at=room.now), room.agent_leg(C1, 1, ME))
    assert room.last(EndLeg).leg == f"{C1}.1"
    assert room.agent(ME).reach is Reach.BUSY_ELSEWHERE
    room.ends(f"{C1}.1")
    assert room.offered_to(C1) == ME


def test_who_is_not_in_the_snapshot_has_ended() -> None:
    room = Room("orders", "orders")
    waiting, talking = room.calls("c1"), room.calls("c2")
    room.rings(room.offer(waiting))
    room.talks(talking)
    room.let_pass(1)
    room.resync()
    assert {event.record.contact_id for event in room.of(ContactEnded)} == {waiting, talking}
    record = room.record(waiting)
    assert (record.end_estimated, record.ended_by, record.outcome) == (True, EndedBy.SYSTEM, Outcome.ABANDONED)
    assert [room.agent(agent_id).work for agent_id in room.agents] == ["idle", "wrapup"]


def test_what_came_after_the_question_is_not_contradicted_by_the_answer() -> None:
    room = Room("orders")
    asked_at = room.now
    room.let_pass(0.05)
    waiting = room.calls("c1")
    talking = room.talks(waiting)
    room.let_pass(0.05)
    room.see(Resynced(node=NODE, legs=(), reachable={ME: True}, asked_at=asked_at, at=room.now))
    assert room.state(waiting) == "connected"
    assert room.agent(ME).work == "talking"
    assert room.of(ContactEnded) == []
    room.agent_hangs_up(talking)


def test_a_snapshot_taken_before_the_talk_does_not_end_it() -> None:
    room = Room("orders")
    waiting = room.calls("c1")
    offer = room.offer(waiting)
    room.rings(offer)
    room.let_pass(1)
    asked_at = room.now
    taken_before = (room.waiting(waiting), room.agent_leg(waiting, 1, ME))
    room.let_pass(0.05)
    room.bridges(offer)
    room.let_pass(0.05)
    room.see(Resynced(node=NODE, legs=taken_before, reachable={ME: True}, asked_at=asked_at, at=room.now))
    assert (room.state(waiting), room.agent(ME).work) == ("connected", "talking")


def test_who_hung_up_after_the_question_is_not_adopted_from_the_answer() -> None:
    room = Room()
    caller = room.calls("c1")
    asked_at, waiting = room.now, room.waiting(caller)
    room.let_pass(0.05)
    room.caller_hangs_up(caller)
    room.let_pass(0.05)
    room.see(Resynced(node=NODE, legs=(waiting,), asked_at=asked_at, at=room.now))
    assert room.floor.contacts == {}
    assert len(room.of(ContactQueued)) == 1


def test_a_phone_or_private_call_seen_after_the_question_is_not_forgotten() -> None:
    room = Room("orders", "orders")
    asked_at = room.now
    room.let_pass(0.05)
    room.private_call(ME)
    room.see(EndpointSeen(endpoint=room.agents[1], reachable=False, at=room.now))
    reachable = dict.fromkeys(room.agents, True)
    room.see(Resynced(node=NODE, legs=(), reachable=reachable, asked_at=asked_at, at=room.now))
    assert [room.agent(a).reach for a in room.agents] == [Reach.BUSY_ELSEWHERE, Reach.UNREACHABLE]


def test_the_snapshot_of_one_node_says_nothing_about_the_calls_of_another() -> None:
    room = Room("orders")
    private = LegAppeared(
        leg=LegId("b-1"), endpoint=ME, channel=f"PJSIP/{ME}-1", linkedid="b-1", node="node-b", at=room.now
    )
    room.see(private, replace(room.arrival("c9"), node="node-b"))
    room.let_pass(1)
    room.resync()
    assert room.agent(ME).reach is Reach.BUSY_ELSEWHERE
    assert list(room.floor.contacts) == ["node-a-c9"]


def test_a_snapshot_of_one_node_does_not_bring_back_the_callers_of_another() -> None:
    room = Room()
    room.see(replace(room.arrival("c9"), node="node-b"))
    room.resync()
    room.agent_joins("orders")
    assert room.rung() == []


def test_a_phone_that_asterisk_says_nothing_of_is_not_rung() -> None:
    room = Room("orders")
    room.let_pass(1)
    room.see(Resynced(node=NODE, legs=(), reachable={}, asked_at=room.now, at=room.now))
    assert room.offered_to(room.calls("c1")) is None
    assert room.agent(ME).reach is Reach.UNREACHABLE


def test_an_agent_who_shares_a_bridge_with_the_caller_of_a_colleague_is_not_booked_for_them() -> None:
    """An attended transfer: the agent's leg belongs to another contact."""
    room = Room("orders")
    other = ContactId("node-a-c2")
    room.resync(
        room.waiting(C1, state="talking", bridge="b", talk_at=room.now),
        room.agent_leg(other, 1, ME, state="talking", bridge="b"),
    )
    assert (room.state(C1), room.agent(ME).work, room.agent(ME).reach) == ("connected", "idle", Reach.BUSY_ELSEWHERE)


def test_an_adopted_caller_who_was_served_and_waits_again_stays_answered() -> None:
    room = Room()
    talk_at = room.now - 30 * SECOND
    room.resync(room.waiting(C1, arrived_at=talk_at - 5 * SECOND, talk_at=talk_at))
    room.caller_hangs_up(C1)
    record = room.record(C1)
    assert (record.outcome, record.answered_at) == (Outcome.ANSWERED, talk_at)


def test_while_the_node_is_lost_callers_keep_place_and_age_but_nothing_is_offered() -> None:
    room = Room()
    first, second = room.calls("c1"), room.calls("c2")
    room.see(NodeLost(node=NODE))
    room.agent_joins("orders")
    assert room.rung() == []
    room.resync(room.waiting(first), room.waiting(second))
    assert (room.offered_to(first), room.offered_to(second)) == (ME, None)


def test_an_agent_is_not_blamed_for_a_ring_nobody_could_see() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.rings(offer)
    room.see(NodeLost(node=NODE))
    room.let_pass(20)
    assert room.results() == [OfferResult.RESCINDED]
    assert room.agent(ME).status is Status.READY
    ordered = len(room.of(EndLeg))
    room.resync(
        room.waiting(caller, state="talking", bridge="b", talk_at=room.now - 10 * SECOND),
        room.agent_leg(caller, 1, ME, state="talking", bridge="b"),
    )
    assert (room.state(caller), room.agent(ME).work, room.agent(ME).reach) == ("connected", "talking", Reach.REACHABLE)
    assert len(room.of(EndLeg)) == ordered
    room.ends(offer)
    assert room.agent(ME).work == "wrapup"


def test_an_order_to_ring_that_was_lost_is_noticed() -> None:
    room = Room("orders", "orders")
    caller = room.calls("c1")
    room.let_pass(6)
    room.resync(room.waiting(caller))
    assert room.offered_to(caller) == "agent-1002"


def test_an_order_to_ring_just_given_is_left_time_to_be_carried_out() -> None:
    room = Room("orders", "orders")
    caller = room.calls("c1")
    room.let_pass(0.1)
    room.resync(room.waiting(caller))
    assert room.offered_to(caller) == ME


def test_a_transfer_we_did_not_see_waits_again_at_the_old_age() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    room.talks(caller)
    room.let_pass(10)
    room.see(NodeLost(node=NODE))
    room.let_pass(5)
    room.resync(room.waiting(caller))
    assert room.state(caller) == "queued"
    assert room.agent(ME).work == "wrapup"
    room.let_pass(20)
    assert room.offered_to(caller) == ME


def test_a_fallback_we_did_not_hear_of_ends_our_offers() -> None:
    room = Room()
    caller = room.calls("c1")
    room.let_pass(1)
    room.resync(room.waiting(caller, state="fallback"))
    room.agent_joins("orders")
    assert (room.state(caller), room.rung()) == ("leaving", [])


def test_a_closing_message_that_was_never_ordered_is_ordered_again() -> None:
    room = Room()
    caller = room.calls("c1")
    room.see(NodeLost(node=NODE))
    room.let_pass(130)
    assert room.state(caller) == "leaving"
    room.resync(room.waiting(caller))
    assert [send.context for send in room.of(SendCaller)] == ["acd-closing", "acd-closing"]


def test_a_talk_that_came_and_went_unseen_is_over() -> None:
    room = Room()
    caller = room.calls("c1")
    room.let_pass(1)
    room.resync(room.waiting(caller, state="after", talk_at=room.now))
    assert room.last(EndLeg).leg == caller
    room.ends(caller)
    assert room.record(caller).outcome is Outcome.ANSWERED


# ---- what was ordered over a connection that is gone ----


def test_an_order_lost_with_its_connection_keeps_the_caller_from_nobody_else() -> None:
    room = Room("orders", "orders")
    room.calls("c1")
    lost, first = room.offer(C1), room.offered_to(C1)
    room.see(NodeLost(node=NODE))
    room.let_pass(0.3)
    room.resync(room.waiting(C1))
    assert room.offered_to(C1) not in (None, first)
    assert room.offer(C1) != lost
    assert EndLeg(leg=LegId(lost), node=NODE) in room.effects, "should it be carried out all the same"
    room.let_pass(10)
    assert room.results() == [OfferResult.RESCINDED], "nobody is to blame"


def test_an_order_of_a_moment_ago_is_not_taken_for_lost_by_a_look_on_a_line_that_stood() -> None:
    room = Room("orders")
    room.calls("c1")
    made = room.offer(C1)
    room.let_pass(0.3)
    room.resync(room.waiting(C1))
    assert room.offer(C1) == made
    assert room.results() == []


def test_who_let_a_ring_unseen_go_by_has_missed_it() -> None:
    room = Room("orders")
    room.calls("c1")
    room.see(NodeLost(node=NODE))
    room.let_pass(0.3)
    ringing = room.agent_leg(C1, 1, ME, up=False, rings=True, bridge="")
    room.resync(room.waiting(C1), ringing)
    room.let_pass(16)
    room.ends(ringing.leg)
    assert room.results() == [OfferResult.MISSED]
    assert [leg.agent_id for leg in room.floor.contacts[C1].legs] == [None, ME], "the record will tell of the leg"


def test_a_talk_that_was_to_be_ended_is_ended_again_when_the_order_was_lost() -> None:
    room = Room("orders")
    room.calls("c1")
    talk = room.talks(C1)
    room.ask(HangUp(contact_id=C1))
    room.see(NodeLost(node=NODE))
    room.effects.clear()
    room.let_pass(0.3)
    room.resync(
        room.waiting(C1, state="talking", bridge="b", talk_at=room.now),
        room.agent_leg(C1, int(talk.rpartition(".")[2]), ME, up=True, bridge="b"),
    )
    assert EndLeg(leg=C1, node=NODE) in room.effects  # type: ignore[arg-type]
    assert room.state(C1) == "leaving"


def test_a_closing_message_that_was_never_begun_is_begun_whatever_led_to_it() -> None:
    room = Room("orders")
    room.calls("c1")
    room.talks(C1)
    room.see(CallerTransferred(contact_id=C1, exten="4711", at=room.now))
    room.see(NodeLost(node=NODE))
    room.effects.clear()
    room.let_pass(0.3)
    room.resync(room.waiting(C1))
    assert [e.context for e in room.effects if isinstance(e, SendCaller)] == ["acd-closing"]


def test_a_talk_that_began_and_ended_unseen_is_one_though_its_ring_was_seen() -> None:
    room = Room("orders", "orders")
    room.calls("c1")
    room.appears(room.offer(C1))
    room.rings(room.offer(C1))
    room.see(NodeLost(node=NODE))
    rung = len(room.rung())
    room.let_pass(3)
    room.resync(room.waiting(C1, state="after", talk_at=room.now - 2 * SECOND))
    assert len(room.rung()) == rung, "nobody else is rung for a caller who is served"
    assert EndLeg(leg=LegId(C1), node=NODE) in room.effects
    room.ends(C1)
    assert room.record(C1).outcome is Outcome.ANSWERED


def test_who_was_to_be_let_go_after_a_talk_we_saw_is_let_go_again_and_talks_no_second_time() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    talk_at = room.now
    offer = room.talks(caller)
    room.let_pass(10)
    room.agent_hangs_up(offer)
    let_go, after_at = len(room.of(EndLeg)), room.now
    room.let_pass(1)
    room.resync(room.waiting(caller, state="after", talk_at=talk_at, after_at=after_at, agent_id=ME))
    assert [effect.leg for effect in room.of(EndLeg)[let_go:]] == [caller]
    assert "left-alone" not in [told.kind for told in room.of(DifferenceMended)]
    room.ends(caller)
    assert [str(segment.kind) for segment in room.record(caller).segments if segment.agent_id] == ["talk"]


def test_who_talked_unseen_while_they_were_sent_to_the_closing_message_was_answered() -> None:
    room = Room()
    caller = room.calls("c1")
    room.let_pass(121)
    assert room.state(caller) == "leaving"
    talk_at = room.now - 10 * SECOND
    room.resync(room.waiting(caller, state="after", talk_at=talk_at, after_at=room.now, agent_id=ME))
    room.ends(caller)
    assert (room.record(caller).outcome, room.record(caller).answered_at) == (Outcome.ANSWERED, talk_at)
