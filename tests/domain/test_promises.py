"""Promises are kept whatever comes between: takeovers, new rules, callers who call again, agents who are shared."""

from dataclasses import replace

import pytest

from router.domain.calls.terms import without_rules
from router.domain.contacts.callback import PromiseEnd, PromiseState, TryResult
from router.domain.engine import Engine
from router.domain.ids import SECOND, ContactId, LegId
from router.domain.messages.commands import (
    CancelCallback,
    Configure,
    LogIn,
    Pause,
    Reopen,
    SetCallTimes,
    SetHours,
    Shut,
)
from router.domain.messages.effects import CallCustomer, EndLeg, SendCaller
from router.domain.messages.events import ContactConnected, OfferMade
from router.domain.messages.observations import CallbackConfirmed, PromiseWritten, Resynced, TalkBegins
from router.domain.pictures.picture import PromiseStands, whole
from router.domain.pictures.recovery import restore, take_over
from router.domain.record import Outcome, SegmentKind
from router.domain.rulebook.hours import OpeningHours
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import Outside, Ring, Rules
from tests.builders import ACCOUNTS, BANK, BANK_DNIS, GENERAL, NODE, ORDERS, SHOP, SHOP_DNIS, with_queue
from tests.domain.test_callback import AGENT_FIRST, CallbackRoom, called_back, ends, owing, place, results

NO_MORE = replace(with_queue(called_back(), ORDERS, callback=None), outside=Outside(trunk="other"))
"Nobody may ask any more."


def without_orders() -> Rules:
    """The queue is gone; who stood there stands in the general one."""
    known = replace(called_back(), outside=Outside(trunk="other"))
    queues = {name: queue for name, queue in known.queues.items() if name != ORDERS}
    return replace(
        known, queues=queues, campaigns={**known.campaigns, SHOP: replace(known.campaigns[SHOP], entry=GENERAL)}
    )


# ---- a takeover ----


def looked_at(room: CallbackRoom, *callers: ContactId) -> None:
    """The first look of the router after the first."""
    seen = tuple(room.waiting(caller) for caller in callers)
    reachable = dict.fromkeys(room.agents, True)
    room.see(Resynced(node=NODE, legs=seen, reachable=reachable, asked_at=room.now, at=room.now, epoch=2))


def test_no_two_phones_are_rung_by_one_name_though_the_caller_who_asked_is_being_offered_too() -> None:
    room = CallbackRoom()
    first, second = room.agent_joins(logged_in=False), room.agent_joins(logged_in=False)
    ada = room.calls("ada")
    room.see(CallbackConfirmed(contact_id=ada, at=room.now))
    successor = room.succeed()
    looked_at(successor, ada)

    successor.ask(LogIn(agent_id=first))
    successor.rings(successor.offer(ada))
    successor.ask(LogIn(agent_id=second))
    successor.let_pass(3)

    names = [made.offer_id for made in successor.of(OfferMade)]
    assert len(names) == len(set(names)) == 2
    assert {made.contact_id for made in successor.of(OfferMade)} == {ada, place(ada)}


def test_no_agents_leg_of_a_call_back_begins_with_the_name_of_a_customers() -> None:
    room, ada = owing("orders")

    name = room.offer(place(ada))

    assert not any(name.startswith(place(ada, number)) for number in range(1, 100))
    assert name.rpartition(".")[0] not in (ada, place(ada))


# ---- new rules ----


def test_rules_without_call_backs_leave_a_promise_its_place_and_its_terms_and_nobody_behind_it_waits_longer() -> None:
    room = CallbackRoom()
    ada = room.is_promised("ada")
    agent = room.agent_joins(logged_in=False)

    room.ask(Configure(rules=NO_MORE))
    room.ask(LogIn(agent_id=agent))
    offer_id = room.accepts(place(ada))
    room.customer_rings(place(ada))
    room.customer_answers(place(ada))
    room.bridges(offer_id)

    assert room.last(CallCustomer).dial == "PJSIP/+4930555999@other"  # the one that leads outside now
    assert ends(room) == [PromiseEnd.KEPT]


def test_the_terms_survive_the_router_that_still_had_them_in_its_rules() -> None:
    room, ada = owing()
    room.ask(Configure(rules=NO_MORE))

    successor = room.succeed()
    looked_at(successor)
    successor.let_pass(3)
    successor.agent_joins()
    successor.accepts(place(ada))

    assert successor.last(CallCustomer).timeout_us == 30 * SECOND
    successor.customer_rings(place(ada))
    successor.ends(place(ada), 17)
    assert results(successor) == [TryResult.BUSY]
    assert successor.floor.promises[ada].next_at == successor.now + 60 * SECOND


def test_who_is_owed_a_call_by_a_queue_that_is_gone_is_called_by_the_one_where_its_callers_stand() -> None:
    room, ada = owing()
    room.is_promised("bob", ani="+4930555111")
    assert room.floor.owed[ORDERS] == 2

    room.ask(Configure(rules=without_orders()))
    agent = room.agent_joins("general")

    assert room.offered_to(place(ada)) == agent
    assert (room.floor.owed[ORDERS], room.floor.owed[GENERAL]) == (0, 2)
    assert ends(room) == []


def test_where_a_place_comes_to_stand_the_steps_open_anew_whatever_had_opened_where_it_stood() -> None:
    step = Ring(after_us=20 * SECOND, need=Need.parse("orders or bank"))
    room = CallbackRoom(rules_in_force=with_queue(called_back(), ORDERS, rings=(step,)))
    ada = room.is_promised("ada")
    room.let_pass(21)
    assert room.floor.contacts[place(ada)].opened_us == 20 * SECOND

    room.ask(Pause(agent_id=room.agent_joins("general"), reason="lunch"))  # there is somebody to wait for
    room.ask(Configure(rules=with_queue(without_orders(), GENERAL, need=Need.parse("general"), rings=(step,))))
    room.agent_joins("bank")

    assert room.floor.contacts[place(ada)].opened_us == 0
    assert room.offered_to(place(ada)) is None


@pytest.mark.parametrize("phone", ["rings", "up"])
def test_a_successor_whose_rules_lack_the_queue_finds_whom_we_are_calling(phone: str) -> None:
    room, ada = owing("orders")
    room.accepts(place(ada))
    room.customer_rings(place(ada))
    pictures = whole(room.floor)

    room.engine = Engine(without_orders())
    assert restore(room.floor, pictures, room.now) == []
    take_over(room.floor, room.now)
    seen = {"up": phone == "up", "rings": phone == "rings", "state": "waiting" if phone == "up" else "called"}
    room.see(Resynced(node=NODE, legs=(room.waiting(place(ada), **seen),), asked_at=room.now, at=room.now, epoch=2))
    room.customer_answers(place(ada))

    assert room.state(place(ada)) == "queued"
    assert room.floor.contacts[place(ada)].queue == GENERAL
    assert room.floor.promises[ada].state is PromiseState.REACHED


def test_terms_that_no_rules_can_have_had_are_not_kept() -> None:
    room, ada = owing()
    room.ask(Configure(rules=NO_MORE))
    (stands,) = [picture for picture in whole(room.floor) if isinstance(picture, PromiseStands)]
    assert stands.terms is not None

    for terms in (
        None,
        replace(stands.terms, caller_id="x"),
        replace(stands.terms, tries=10**9),
        replace(stands.terms, ring_us=-1),
    ):
        engine = Engine(NO_MORE)
        assert restore(engine.floor, [replace(stands, terms=terms)], room.now) == [f"promise {ada}"]
        assert engine.floor.promises == {}


def test_it_is_known_before_a_reload_how_many_owed_calls_it_leaves_without_rules() -> None:
    room, _ = owing()
    room.is_promised("bob", ani="+4930555111")
    no_shop, no_trunk = replace(NO_MORE, campaigns={}, queues={}), replace(NO_MORE, outside=None)

    counts = [
        without_rules(room.floor, rules) for rules in (called_back(), NO_MORE, without_orders(), no_shop, no_trunk)
    ]

    assert counts == [(0, 0), (2, 0), (2, 0), (0, 2), (0, 2)]


def test_without_any_trunk_that_leads_outside_what_is_owed_is_given_up_also_by_a_successor() -> None:
    no_trunk = replace(NO_MORE, outside=None)
    room, _ = owing()
    pictures = whole(room.floor)

    room.ask(Configure(rules=no_trunk))
    assert ends(room) == [PromiseEnd.GIVEN_UP]
    engine = Engine(no_trunk)
    assert restore(engine.floor, pictures, room.now) == []
    assert engine.floor.promises == {}


# ---- whom nobody calls ----


def told(room: CallbackRoom) -> list[str]:
    """What callers were sent to hear of a call-back."""
    return [sent.exten for sent in room.of(SendCaller) if sent.context == "acd-callback"]


def test_a_number_that_the_rules_do_not_name_is_not_called_whatever_was_shown() -> None:
    room = CallbackRoom(rules_in_force=called_back(dialable=r"\+4930[0-9]+"))

    for name, ani in (("eve", "+4990012345678"), ("mal", "+881612345678")):
        room.asks(room.calls(name, ani=ani))
    room.asks(room.calls("ada", ani="+4930555999"))

    assert told(room) == ["no", "no", "ask"]


@pytest.mark.parametrize("ani", [SHOP_DNIS, BANK_DNIS, "+4930666000"])
def test_nobody_is_called_at_a_number_of_ours_or_one_that_is_diverted_to_us(ani: str) -> None:
    known = called_back()
    diverted = replace(known.campaigns[BANK], diversion=("+4930666000",))
    room = CallbackRoom(rules_in_force=replace(known, campaigns={**known.campaigns, BANK: diverted}))

    room.confirms(room.calls("eve", ani=ani))

    assert told(room) == ["no"]
    assert room.floor.promises == {}


@pytest.mark.parametrize("number", ["0900123456@evil.example/x", "", "+49", "+4930555999\n", SHOP_DNIS])
def test_a_number_read_back_has_the_form_of_one_that_is_called(number: str) -> None:
    room, ada = owing()
    (stands,) = [picture for picture in whole(room.floor) if isinstance(picture, PromiseStands)]
    engine = Engine(called_back())

    assert restore(engine.floor, [replace(stands, number=number)], room.now) == [f"promise {ada}"]
    assert engine.floor.promises == {}


# ---- who calls again ----


def test_who_calls_again_and_hangs_up_is_called_as_promised_at_the_old_place() -> None:
    room, ada = owing()
    room.let_pass(10)
    bob = room.calls("bob", ani="+4930555222")
    again = room.calls("again")
    room.let_pass(5)

    room.caller_hangs_up(again)

    assert [c.contact_id for c in room.floor.queues[ORDERS].in_line()] == [place(ada), bob]
    assert ends(room) == []
    assert room.record(again).outcome is Outcome.ABANDONED


def test_who_calls_again_and_talks_is_not_called() -> None:
    room, _ = owing()
    again = room.calls("again")
    agent = room.agent_joins()
    offer_id = room.talks(again)
    assert ends(room) == [PromiseEnd.WITHDRAWN]

    room.agent_hangs_up(offer_id)
    room.ends(again)
    room.let_pass(30)

    assert room.rung() == [agent]
    assert room.floor.promises == {}


def test_nobody_is_called_while_they_are_on_the_phone_also_after_a_takeover() -> None:
    room, ada = owing()
    again = room.calls("again")

    successor = room.succeed()
    looked_at(successor, again)
    successor.let_pass(10)
    assert [c.contact_id for c in successor.floor.queues[ORDERS].in_line()] == [again]
    successor.caller_hangs_up(again)

    assert [c.contact_id for c in successor.floor.queues[ORDERS].in_line()] == [place(ada)]


def test_who_calls_again_and_would_rather_be_called_is_let_go_at_once() -> None:
    room, ada = owing()
    again = room.calls("again")

    room.asks(again)
    room.confirms(again)
    assert told(room)[-2:] == ["ask", "promised"]
    room.ends(again)

    assert list(room.floor.promises) == [ada]
    assert room.state(place(ada)) == "queued"
    assert room.record(again).outcome is Outcome.OVERFLOWED


def test_a_second_caller_from_the_same_number_stands_where_everybody_stands() -> None:
    room, ada = owing()
    room.let_pass(10)
    bob = room.calls("bob", ani="+4930555222")
    room.let_pass(1)
    again, colleague = room.calls("again"), room.calls("colleague")

    assert [c.contact_id for c in room.floor.queues[ORDERS].in_line()] == [again, bob, colleague]
    room.caller_hangs_up(again)
    assert [c.contact_id for c in room.floor.queues[ORDERS].in_line()] == [place(ada), bob, colleague]


# ---- told, and let go ----


def test_who_was_promised_hears_that_again_when_the_order_was_lost_also_from_the_next_router() -> None:
    room = CallbackRoom()
    ada = room.calls("ada")
    room.confirms(ada)
    room.let_pass(1)

    room.resync(room.waiting(ada))
    assert told(room) == ["promised", "promised"]

    successor = room.succeed()
    looked_at(successor, ada)
    assert [(sent.context, sent.exten) for sent in successor.of(SendCaller)] == [("acd-callback", "promised")]


def test_who_talks_to_an_agent_already_when_it_is_written_down_is_not_torn_away() -> None:
    room = CallbackRoom("orders")
    ada = room.calls("ada")
    offer_id = room.offer(ada)
    room.see(CallbackConfirmed(contact_id=ada, at=room.now))
    room.rings(offer_id)
    room.answers(offer_id)
    room.see(TalkBegins(offer_id=offer_id, contact_id=ada, at=room.now))

    room.see(PromiseWritten(promise_id=ada, safe=True))
    room.bridges(offer_id)

    assert (room.of(EndLeg), told(room)) == ([], [])
    assert room.state(ada) == "connected"
    assert ends(room) == [PromiseEnd.WITHDRAWN]


@pytest.mark.parametrize("safe", [True, False])
def test_who_is_not_taken_after_all_hears_then_whether_it_is_written_down(safe: bool) -> None:
    room = CallbackRoom("orders")
    ada = room.calls("ada")
    offer_id = room.offer(ada)
    room.see(CallbackConfirmed(contact_id=ada, at=room.now))
    room.rings(offer_id)
    room.answers(offer_id)
    room.see(PromiseWritten(promise_id=ada, safe=safe))

    room.ends(offer_id)
    room.let_pass(6)

    assert told(room) == ["promised" if safe else "no"]


# ---- caller first ----


def test_no_more_are_called_than_agents_are_free_though_these_serve_several_queues() -> None:
    caller_first = replace(AGENT_FIRST, agent_first=False)
    both = with_queue(called_back(agent_first=False), ACCOUNTS, callback=caller_first, exit_keys="")
    room = CallbackRoom(rules_in_force=both)
    ada = room.is_promised("ada")
    bob = room.is_promised("bob", ani="+4930555222", campaign=BANK)
    agent = room.agent_joins("orders bank")

    (call,) = room.of(CallCustomer)
    first, second = (bob, ada) if call.contact_id == place(bob) else (ada, bob)
    assert room.floor.meant == {agent: first}
    room.ends(place(first), 17)

    assert [call.contact_id for call in room.of(CallCustomer)] == [place(first), place(second)]
    another = room.agent_joins("orders")
    assert room.floor.meant == {agent: second}
    room.is_promised("cy", ani="+4930555333")
    assert list(room.floor.meant) == [agent, another]


def test_who_was_held_back_is_called_when_another_agent_comes() -> None:
    room = CallbackRoom(rules_in_force=called_back(agent_first=False))
    ada, bob = room.is_promised("ada"), room.is_promised("bob", ani="+4930555222")
    room.agent_joins()
    assert [call.contact_id for call in room.of(CallCustomer)] == [place(ada)]

    room.agent_joins()

    assert [call.contact_id for call in room.of(CallCustomer)] == [place(ada), place(bob)]


def test_a_successor_knows_for_whom_a_phone_rings() -> None:
    room = CallbackRoom(rules_in_force=called_back(agent_first=False))
    ada = room.is_promised("ada")
    room.is_promised("bob", ani="+4930555222")
    agent = room.agent_joins()
    room.customer_rings(place(ada))

    successor = room.succeed()
    rings = successor.waiting(place(ada), up=False, rings=True, state="called", endpoint="carrier")
    reachable = {agent: True}
    successor.see(Resynced(node=NODE, legs=(rings,), reachable=reachable, asked_at=room.now, at=room.now, epoch=2))
    successor.let_pass(5)

    assert successor.of(CallCustomer) == []
    assert successor.floor.meant == {agent: ada}


# ---- answered in the instant in which the call is given up ----


def test_who_answers_while_they_call_us_and_their_phone_is_hung_up_is_a_caller_whom_no_offer_is_lost_for() -> None:
    room, ada = owing("orders")
    offer_id = room.accepts(place(ada))
    room.customer_rings(place(ada))
    room.calls("again")

    room.see(replace(room.arrival("x"), contact_id=place(ada), leg=LegId(place(ada))))
    room.bridges(offer_id)

    assert room.state(place(ada)) == "connected"
    assert ends(room) == [PromiseEnd.KEPT]


def test_who_answers_in_the_instant_in_which_their_call_back_is_cancelled_is_a_caller_like_any_other() -> None:
    room, ada = owing("orders")
    offer_id = room.accepts(place(ada))
    room.customer_rings(place(ada))
    room.ask(CancelCallback(promise_id=ada))

    room.see(replace(room.arrival("x"), contact_id=place(ada), leg=LegId(place(ada))))
    room.bridges(offer_id)

    assert room.state(place(ada)) == "connected"
    room.ends(place(ada))
    assert room.record(place(ada)).outcome is Outcome.ANSWERED


# ---- how long they waited ----


def test_only_who_has_picked_up_waits_and_a_takeover_knows_since_when_the_phone_rang() -> None:
    room = CallbackRoom(rules_in_force=called_back(agent_first=False))
    ada = room.is_promised("ada")
    agent = room.agent_joins()
    room.customer_rings(place(ada))
    began_at = room.now
    room.let_pass(4)

    successor = room.succeed()
    rings = successor.waiting(place(ada), up=False, rings=True, state="called", endpoint="carrier")
    successor.see(Resynced(node=NODE, legs=(rings,), reachable={agent: True}, asked_at=room.now, at=room.now, epoch=2))
    successor.let_pass(4)
    successor.customer_answers(place(ada))
    offer_id = successor.offer(place(ada))
    successor.let_pass(3)
    successor.rings(offer_id)
    successor.answers(offer_id)
    successor.bridges(offer_id)
    successor.let_pass(5)
    successor.caller_hangs_up(place(ada))

    assert successor.last(ContactConnected).waited_us == 3 * SECOND
    record = successor.record(place(ada))
    spent = [(segment.kind, (segment.to_at - segment.from_at) // SECOND) for segment in record.segments]
    assert spent == [(SegmentKind.RINGING, 8), (SegmentKind.WAITING, 3), (SegmentKind.TALK, 5)]
    assert (record.arrived_at, record.here_at) == (began_at, began_at + 8 * SECOND)


# ---- when nobody is called ----


def test_a_campaign_that_is_shut_by_hand_calls_nobody_until_it_is_open_again() -> None:
    room, ada = owing()
    room.ask(Shut(campaign=SHOP, until_at=room.now + 3600 * SECOND))
    agent = room.agent_joins()
    room.let_pass(60)
    assert room.rung() == []

    room.ask(Reopen(campaign=SHOP))
    room.let_pass(0)

    assert room.offered_to(place(ada)) == agent


def test_nobody_is_called_on_a_day_on_which_the_campaign_is_closed_whatever_the_window_says() -> None:
    room, ada = owing()
    day = 86_400 * SECOND
    closed_until, opens_at = room.now + day // 2, room.now + day // 2 + 3 * 3600 * SECOND
    windows = ((room.now, room.now + 3600 * SECOND), (opens_at, opens_at + 3600 * SECOND))
    room.ask(SetCallTimes(queue=ORDERS, times=OpeningHours(intervals=windows)))
    room.ask(SetHours(campaign=SHOP, hours=OpeningHours(intervals=((closed_until, room.now + 2 * day),))))
    agent = room.agent_joins()
    assert room.floor.timers.at(("promise", ada)) == opens_at

    room.let_pass((opens_at - room.now) / SECOND - 1)
    assert room.rung() == []
    room.let_pass(1)
    assert room.offered_to(place(ada)) == agent


def test_a_door_that_shuts_takes_who_is_to_be_called_out_of_the_line_and_who_is_rung_for_it_is_not_torn_away() -> None:
    room, ada = owing("orders")
    offer_id = room.offer(place(ada))
    bob = room.is_promised("bob", ani="+4930555111")

    room.ask(Shut(campaign=SHOP, until_at=room.now + 3600 * SECOND))
    room.let_pass(0)

    assert room.offer(place(ada)) == offer_id
    assert room.floor.promises[bob].state is PromiseState.RESTING


# ---- a full line ----


def test_calls_that_are_owed_fill_no_line_and_who_was_called_counts_once_they_are_on_the_phone() -> None:
    room = CallbackRoom(rules_in_force=with_queue(called_back(), ORDERS, max_waiting=2))
    owed = [room.is_promised(f"c{number}", ani=f"+4930555{number:03}") for number in range(3)]
    waits = room.calls("on-the-phone", ani="+4930555777")
    queue = room.floor.queues[ORDERS]
    assert (room.floor.contacts[waits].queue, queue.waiting, queue.all_callers) == (ORDERS, 4, 1)

    # by an order of the router before, of which this one did not know
    room.see(replace(room.arrival("called"), contact_id=place(owed[0]), leg=LegId(place(owed[0]))))
    assert (queue.waiting, queue.all_callers) == (4, 2)
    assert room.floor.contacts[room.calls("too-many", ani="+4930555778")].queue == GENERAL
