"""The life of an offer: rung, missed, rejected, answered too late, taken back."""

from dataclasses import replace

import pytest

from router.domain.benches.agent import Reach, Status
from router.domain.contacts.offer import CAUSE_RESULT, SIP_RESULT, result_of
from router.domain.ids import SECOND
from router.domain.messages.commands import LogOut, Pause, Unpause
from router.domain.messages.effects import EndLeg, LookAgain, RingAgent
from router.domain.messages.observations import LegBridged, LegUnbridged, OfferTurnedAway, OriginateFailed, TalkBegins
from router.domain.record import OfferResult
from tests.builders import SHOP, Room, rules


def test_a_missed_offer_goes_to_the_next_agent_at_once_and_pauses_who_missed_it() -> None:
    room = Room("orders", "orders")
    caller = room.calls("c1")
    room.rings(room.offer(caller))
    room.let_pass(15)
    assert room.rung() == ["agent-1001", "agent-1002"]
    assert (room.agent(room.agents[0]).status, room.agent(room.agents[0]).reason) == (Status.PAUSED, "rona")


def test_who_missed_is_free_of_the_offer_only_when_its_leg_has_ended() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.rings(offer)
    room.let_pass(15)
    room.ask(Unpause(agent_id=room.agents[0]))
    assert room.rung() == ["agent-1001"]
    room.ends(offer, 16, "SIP 487")
    assert room.results() == [OfferResult.MISSED]
    assert room.rung() == ["agent-1001", "agent-1001"]


def test_a_phone_that_never_rang_is_a_dead_line_and_no_miss() -> None:
    room = Room("orders")
    offer = room.offer(room.calls("c1"))
    room.appears(offer)
    room.let_pass(15)
    room.ends(offer)
    assert room.results() == [OfferResult.UNREGISTERED]
    assert room.agent(room.agents[0]).status == Status.READY


def test_who_rejected_is_not_asked_again_for_30_seconds_about_the_same_caller() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.rings(offer)
    room.ends(offer, 21, "SIP 603")
    room.let_pass(29)
    assert room.offered_to(caller) is None
    room.let_pass(1)
    assert room.offered_to(caller) == "agent-1001"


def test_who_rejected_goes_to_the_end_of_the_bench() -> None:
    room = Room("orders", "orders", "orders")
    room.let_pass(1)
    room.ends(room.offer(room.calls("c1")), 21, "SIP 603")
    assert room.offered_to(room.calls("c2")) == "agent-1003"


def test_who_rejected_one_caller_is_offered_another() -> None:
    room = Room("orders")
    first = room.offer(room.calls("c1"))
    room.rings(first)
    room.ends(first, 21, "SIP 603")
    assert room.offered_to(room.calls("c2")) == "agent-1001"


@pytest.mark.parametrize(("cause", "tech_cause"), [(17, "SIP 486"), (20, "SIP 404"), (58, "SIP 488")])
def test_a_phone_that_cannot_take_a_call_is_left_alone_for_5_seconds(cause: int, tech_cause: str) -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.appears(offer)
    room.ends(offer, cause, tech_cause)
    room.let_pass(4.9)
    assert room.offered_to(caller) is None
    room.let_pass(0.1)
    assert room.offered_to(caller) == "agent-1001"


def test_no_leg_at_all_counts_as_unregistered() -> None:
    room = Room("orders", "orders")
    caller = room.calls("c1")
    room.see(OriginateFailed(offer_id=room.offer(caller), reason="0", at=room.now))
    assert room.results() == [OfferResult.UNREGISTERED]
    assert room.offered_to(caller) == "agent-1002"


def test_an_originate_refused_because_the_leg_lives_is_adopted() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.see(OriginateFailed(offer_id=offer, reason="0", at=room.now, exists=True))
    room.answers(offer)
    room.bridges(offer)
    assert room.state(caller) == "connected"


def test_an_answer_that_crosses_our_hang_up_is_a_talk_and_no_miss() -> None:
    room = Room("orders", "orders")
    caller = room.calls("c1")
    late = room.offer(caller)
    room.rings(late)
    room.let_pass(15)
    other = room.offer(caller)
    room.rings(other)
    room.bridges(late)
    assert room.state(caller) == "connected"
    assert room.agent(room.agents[0]).work == "talking"
    assert (room.agent(room.agents[0]).status, room.agent(room.agents[0]).reason) == (Status.READY, None)
    assert room.last(EndLeg).leg == other
    room.ends(other)
    assert room.results() == [OfferResult.ANSWERED, OfferResult.TAKEN]
    assert room.agent(room.agents[1]).status == Status.READY


def test_a_rescinded_leg_is_hung_up_again_when_it_appears() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.caller_hangs_up(caller)
    room.appears(offer)
    assert [end.leg for end in room.of(EndLeg)] == [offer, offer]
    room.ends(offer)
    assert room.results() == [OfferResult.CALLER_LEFT]


def test_a_rescinded_leg_that_does_not_end_keeps_the_phone_busy_and_not_the_agent_reserved() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.rings(offer)
    room.caller_hangs_up(caller)
    room.let_pass(5)
    assert room.results() == [OfferResult.CALLER_LEFT]
    assert room.agent(room.agents[0]).reach == Reach.BUSY_ELSEWHERE
    room.ends(offer)
    assert room.agent(room.agents[0]).reach == Reach.REACHABLE


def test_picked_up_and_hung_up_before_the_talk_is_a_rejection() -> None:
    room = Room("orders", "orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.rings(offer)
    room.answers(offer)
    room.ends(offer)
    assert room.results() == [OfferResult.REJECTED]
    assert room.offered_to(caller) == "agent-1002"


def test_picked_up_in_time_is_not_missed_while_the_whisper_plays() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.rings(offer)
    room.let_pass(14)
    room.answers(offer)
    room.let_pass(10)
    room.bridges(offer)
    assert room.results() == [OfferResult.ANSWERED]


def test_an_answered_leg_that_never_talks_is_given_up_after_20_seconds() -> None:
    room = Room("orders", "orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.see(TalkBegins(offer_id=offer, contact_id=caller, at=room.now))
    room.let_pass(20)
    assert room.offered_to(caller) == "agent-1002"
    room.ends(offer)
    assert room.results() == [OfferResult.FAILED]


def test_declining_by_key_counts_as_a_rejection() -> None:
    room = Room("orders", "orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.rings(offer)
    room.answers(offer)
    room.see(OfferTurnedAway(offer_id=offer, why="declined", at=room.now))
    room.ends(offer)
    assert room.results() == [OfferResult.REJECTED]
    assert room.offered_to(caller) == "agent-1002"


def test_told_that_somebody_else_has_the_caller_we_look_before_we_ring_anybody_else() -> None:
    room = Room("orders", "orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.see(OfferTurnedAway(offer_id=offer, why="taken", at=room.now))
    room.ends(offer)
    assert room.results() == [OfferResult.TAKEN]
    assert room.of(LookAgain)
    assert room.offered_to(caller) is None


def test_bridge_news_of_both_legs_may_come_in_any_order() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    room.see(LegBridged(leg=room.floor.contacts[caller].leg, bridge="b", at=room.now))
    assert room.state(caller) == "offered"
    room.see(LegBridged(leg=room.floor.offers[offer].leg, bridge="b", at=room.now))
    assert room.state(caller) == "connected"


def test_an_agent_alone_in_a_bridge_does_not_talk_yet() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    leg, callers_leg = room.floor.offers[offer].leg, room.floor.contacts[caller].leg
    room.see(LegBridged(leg=leg, bridge="b", at=room.now))
    assert room.state(caller) == "offered"
    room.see(LegBridged(leg=callers_leg, bridge="another", at=room.now))
    assert room.state(caller) == "offered"
    room.see(LegBridged(leg=callers_leg, bridge="b", at=room.now))
    assert room.state(caller) == "connected"


def test_who_enters_a_bridge_after_the_other_has_left_it_talks_to_nobody() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.offer(caller)
    leg, callers_leg = room.floor.offers[offer].leg, room.floor.contacts[caller].leg
    for first, second, bridge in ((leg, callers_leg, "b1"), (callers_leg, leg, "b2")):
        room.see(
            LegBridged(leg=first, bridge=bridge, at=room.now),
            LegUnbridged(leg=first, bridge=bridge, at=room.now),
            LegBridged(leg=second, bridge=bridge, at=room.now),
        )
        assert room.state(caller) == "offered"


def test_asterisk_itself_gives_a_ring_up_two_seconds_after_we_do() -> None:
    room = Room("orders")
    room.calls("c1")
    assert room.last(RingAgent).timeout_us == 17 * SECOND


@pytest.mark.parametrize(("shown", "number"), [(True, "+4930555999"), (False, "")])
def test_an_agent_sees_the_callers_number_only_where_the_campaign_lets_them(shown: bool, number: str) -> None:
    campaigns = {**rules().campaigns, SHOP: replace(rules().campaigns[SHOP], show_number=shown)}
    room = Room("orders", rules_in_force=replace(rules(), campaigns=campaigns))
    room.calls("c1")
    assert room.last(RingAgent).caller_number == number


def test_a_pause_asked_for_while_it_rings_begins_when_the_offer_is_over() -> None:
    room = Room("orders")
    offer = room.offer(room.calls("c1"))
    room.rings(offer)
    room.ask(Pause(agent_id=room.agents[0], reason="lunch"))
    assert (room.agent(room.agents[0]).status, room.agent(room.agents[0]).next_status) == (Status.READY, Status.PAUSED)
    room.ends(offer, 17, "SIP 486")
    assert (room.agent(room.agents[0]).status, room.agent(room.agents[0]).reason) == (Status.PAUSED, "lunch")


def test_a_log_out_asked_for_while_it_rings_still_lets_the_talk_happen() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    room.rings(room.offer(caller))
    room.ask(LogOut(agent_id=room.agents[0]))
    room.bridges(room.offer(caller))
    assert (room.agent(room.agents[0]).status, room.agent(room.agents[0]).work) == (Status.READY, "talking")


def test_an_offer_fact_tells_when_and_why() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer, made_at = room.offer(caller), room.now
    room.let_pass(3)
    room.ends(offer, 17, "SIP 486")
    fact = next(event.fact for event in room.events if hasattr(event, "fact") and event.fact.offer_id == offer)
    assert (fact.from_at, fact.to_at - fact.from_at) == (made_at, 3 * SECOND)
    assert (fact.result, fact.cause, fact.tech_cause) == ("busy", 17, "SIP 486")


@pytest.mark.parametrize(
    ("tech_cause", "result"),
    [
        ("SIP 404", "unregistered"),
        ("SIP 408", "unregistered"),
        ("SIP 480", "missed"),
        ("486", "busy"),
        ("SIP 487", "missed"),
        ("SIP 488 Not Acceptable Here", "failed"),
        ("SIP 503", "failed"),
        ("SIP 600", "busy"),
        ("SIP 603", "rejected"),
    ],
)
def test_the_final_sip_status_tells_how_an_offer_ended(tech_cause: str, result: str) -> None:
    assert result_of(16, tech_cause) == result


def test_every_row_of_the_result_tables_is_an_end_the_agent_can_bring_about() -> None:
    ours = {OfferResult.ANSWERED, OfferResult.RESCINDED, OfferResult.TAKEN, OfferResult.CALLER_LEFT}
    assert not ours & {*SIP_RESULT.values(), *CAUSE_RESULT.values()}


@pytest.mark.parametrize("tech_cause", [None, "", "SIP", "SIP 999", "SIP ４８６", "SIP 4866"])
def test_without_a_status_we_know_the_q850_cause_tells(tech_cause: str | None) -> None:
    assert result_of(17, tech_cause) is OfferResult.BUSY
    assert result_of(4711, tech_cause) is OfferResult.FAILED
    assert result_of(None, tech_cause) is OfferResult.FAILED
