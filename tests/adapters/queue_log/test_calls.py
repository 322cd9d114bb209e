"""Stories of callers, played through the real engine, and the lines Asterisk's app_queue would have for them."""

from dataclasses import replace

from router.domain.ids import SECOND, QueueName
from router.domain.messages.commands import HangUp
from router.domain.messages.events import ContactConnected, ContactEnded, OfferClosed
from router.domain.messages.observations import CallerFellBack, CallerKeyed, CallerTransferred, LegUnbridged
from router.domain.rulebook.rules import Staffed
from tests.adapters.queue_log.logged_room import LoggedRoom, since_start
from tests.builders import ACCOUNTS, BANK, BANK_DNIS, GENERAL, ORDERS, rules, with_queue

ONE, TWO = "agent-1001", "agent-1002"


def room(*skills: str, **options: object) -> LoggedRoom:
    """Agents at their desks, and nothing written of that."""
    made = LoggedRoom(*skills, **options)  # type: ignore[arg-type]
    made.lines()
    return made


def test_a_caller_is_answered_and_hangs_up() -> None:
    floor = room("orders")
    call = floor.calls("1")
    floor.let_pass(4)
    offer = floor.talks(call)
    floor.let_pass(61)
    floor.caller_hangs_up(call)
    assert floor.lines() == [
        "1|node-a-1|shop/orders|NONE|DID|+4930555100",
        "1|node-a-1|shop/orders|NONE|ENTERQUEUE||+4930555999|1",
        f"5|node-a-1|shop/orders|{ONE}|CONNECT|4|{offer}|4",
        f"66|node-a-1|shop/orders|{ONE}|COMPLETECALLER|4|61|1",
    ]
    assert floor.log.kept == 0


def test_an_agent_who_hangs_up_has_completed_the_call() -> None:
    floor = room("orders")
    call = floor.calls("1")
    offer = floor.talks(call)
    floor.let_pass(30)
    floor.agent_hangs_up(offer)
    floor.ends(call)
    assert floor.lines()[2:] == [
        f"1|node-a-1|shop/orders|{ONE}|CONNECT|0|{offer}|0",
        f"31|node-a-1|shop/orders|{ONE}|COMPLETEAGENT|0|30|1",
    ]


def test_callers_who_give_up_leave_from_the_place_they_had_reached() -> None:
    floor = room()
    first, second, third = (floor.calls(name) for name in "123")
    floor.let_pass(10)
    floor.caller_hangs_up(first)
    floor.let_pass(5)
    floor.caller_hangs_up(third)
    floor.caller_hangs_up(second)
    assert [line for line in floor.lines() if "DID" not in line] == [
        "0|node-a-1|shop/orders|NONE|ENTERQUEUE||+4930555999|1",
        "0|node-a-2|shop/orders|NONE|ENTERQUEUE||+4930555999|2",
        "0|node-a-3|shop/orders|NONE|ENTERQUEUE||+4930555999|3",
        "10|node-a-1|shop/orders|NONE|ABANDON|1|1|10",
        "15|node-a-3|shop/orders|NONE|ABANDON|2|3|15",
        "15|node-a-2|shop/orders|NONE|ABANDON|1|2|15",
    ]
    assert floor.log.kept == 0


def test_a_caller_who_waits_too_long_leaves_one_queue_for_the_next_and_at_last_the_house() -> None:
    floor = room()
    call = floor.calls("1")
    floor.let_pass(130)
    floor.ends(call)
    assert floor.lines() == [
        "0|node-a-1|shop/orders|NONE|DID|+4930555100",
        "0|node-a-1|shop/orders|NONE|ENTERQUEUE||+4930555999|1",
        "60|node-a-1|shop/orders|NONE|EXITWITHTIMEOUT|1|1|60",
        "60|node-a-1|shop/general|NONE|DID|+4930555100",
        "60|node-a-1|shop/general|NONE|ENTERQUEUE||+4930555999|1",
        "120|node-a-1|shop/general|NONE|EXITWITHTIMEOUT|1|1|60",
    ]
    assert floor.log.kept == 0


def test_who_overflows_into_a_line_stands_there_by_age() -> None:
    floor = room(rules_in_force=with_queue(rules(), GENERAL, max_wait_us=600 * SECOND))
    old = floor.calls("old")
    floor.let_pass(61)
    young = floor.calls("young")
    floor.let_pass(20)
    floor.caller_hangs_up(young)
    floor.let_pass(1)
    floor.caller_hangs_up(old)
    assert [line for line in floor.lines() if "ABANDON" in line] == [
        "81|node-a-young|shop/orders|NONE|ABANDON|1|1|20",
        "82|node-a-old|shop/general|NONE|ABANDON|1|1|22",
    ]


def test_a_missed_ring_is_told_before_another_agent_takes_the_call() -> None:
    floor = room("orders", "orders")
    call = floor.calls("1")
    missed = floor.offer(call)
    floor.rings(missed)
    floor.let_pass(15)
    floor.ends(missed)
    taken = floor.talks(call)
    floor.let_pass(9)
    floor.caller_hangs_up(call)
    assert floor.lines()[2:] == [
        f"17|NONE|NONE|{ONE}|PAUSEALL|rona",
        f"17|NONE|shop/orders|{ONE}|PAUSE|rona",
        f"17|node-a-1|shop/orders|{ONE}|RINGNOANSWER|15000",
        f"17|node-a-1|shop/orders|{TWO}|CONNECT|15|{taken}|0",
        f"26|node-a-1|shop/orders|{TWO}|COMPLETECALLER|15|9|1",
    ]


def test_a_busy_phone_has_rung_in_vain() -> None:
    floor = room("orders")
    call = floor.calls("1")
    offer = floor.offer(call)
    floor.appears(offer)
    floor.let_pass(0.25)
    floor.ends(offer, cause=17, tech_cause="486")
    assert floor.lines()[2:] == [f"1|node-a-1|shop/orders|{ONE}|RINGNOANSWER|250"]


def test_a_caller_who_leaves_while_it_rings_cancels_the_ring() -> None:
    floor = room("orders")
    call = floor.calls("1")
    offer = floor.offer(call)
    floor.rings(offer)
    floor.let_pass(3)
    floor.caller_hangs_up(call)
    floor.ends(offer)
    assert floor.lines()[2:] == [
        f"4|node-a-1|shop/orders|{ONE}|RINGCANCELED|3000",
        "4|node-a-1|shop/orders|NONE|ABANDON|1|1|3",
    ], "as app_queue has it: the last line of a call is its caller's"
    assert floor.log.kept == 0


def test_who_is_rung_and_loses_the_caller_to_somebody_else_has_no_line() -> None:
    floor = room("orders", "orders", rules_in_force=with_queue(rules(), ORDERS, at_once=2))
    call = floor.calls("1")
    offers = list(floor.engine.floor.contacts[call].open_offers)
    for offer in offers:
        floor.rings(offer)
    floor.answers(offers[0])
    floor.bridges(offers[0])
    for offer in offers[1:]:
        floor.ends(offer)
    floor.let_pass(5)
    floor.caller_hangs_up(call)
    assert [line.split("|")[4] for line in floor.lines()] == ["DID", "ENTERQUEUE", "CONNECT", "COMPLETECALLER"]


def test_hold_belongs_to_the_talk_and_wrap_up_does_not() -> None:
    floor = room("orders")
    call = floor.calls("1")
    offer = floor.talks(call)
    floor.let_pass(50)
    floor.agent_hangs_up(offer)
    floor.let_pass(0.01)
    floor.ends(call)
    floor.let_pass(30)
    assert floor.lines()[-1] == f"51|node-a-1|shop/orders|{ONE}|COMPLETEAGENT|0|50|1"


def test_a_blind_transfer_to_another_campaign_ends_one_stay_and_begins_another() -> None:
    floor = room("orders", "bank")
    call = floor.calls("1")
    floor.let_pass(2)
    first = floor.talks(call)
    floor.let_pass(20)
    floor.see(CallerTransferred(contact_id=call, exten=BANK_DNIS, at=floor.now))
    floor.ends(first)
    floor.let_pass(6)
    second = floor.talks(call)
    floor.let_pass(10)
    floor.caller_hangs_up(call)
    assert floor.lines()[2:] == [
        f"4|node-a-1|shop/orders|{ONE}|CONNECT|2|{first}|2",
        f"24|node-a-1|shop/orders|{ONE}|BLINDTRANSFER|{BANK_DNIS}|acd-transfer|2|20|1",
        "24|node-a-1|bank/accounts|NONE|DID|+4930555100",
        "24|node-a-1|bank/accounts|NONE|ENTERQUEUE||+4930555999|1",
        f"30|node-a-1|bank/accounts|{TWO}|CONNECT|6|{second}|6",
        f"40|node-a-1|bank/accounts|{TWO}|COMPLETECALLER|6|10|1",
    ]


def test_a_caller_whose_agent_was_lost_waits_again_in_the_same_queue() -> None:
    floor = room("orders")
    call = floor.calls("1")
    offer = floor.talks(call)
    floor.let_pass(20)
    floor.see(LegUnbridged(leg=offer, bridge="bridge-1", at=floor.now), floor.end(offer, cause=None))
    floor.let_pass(10)
    floor.caller_hangs_up(call)
    assert [line for line in floor.lines()[3:] if "|DID|" not in line] == [
        f"26|node-a-1|shop/orders|{ONE}|COMPLETEAGENT|0|25|1",
        "26|node-a-1|shop/orders|NONE|ENTERQUEUE||+4930555999|1",
        "31|node-a-1|shop/orders|NONE|ABANDON|1|1|5",
    ]


def test_who_is_put_out_by_us_did_not_abandon() -> None:
    floor = room()
    hung_up, fell_back = floor.calls("1"), floor.calls("2")
    floor.let_pass(10)
    floor.ask(HangUp(contact_id=hung_up))
    floor.ends(hung_up)
    floor.see(CallerFellBack(contact_id=fell_back, reason="router-silent", at=floor.now))
    floor.let_pass(100)
    floor.ends(fell_back)
    assert floor.lines()[4:] == [
        "10|node-a-1|shop/orders|NONE|EXITEMPTY|1|1|10",
        "110|node-a-2|shop/orders|NONE|EXITEMPTY|1|2|10",
    ]


def test_a_caller_who_leaves_by_a_key_has_pressed_one() -> None:
    floor = room()
    call = floor.calls("1")
    floor.let_pass(7)
    floor.see(CallerKeyed(contact_id=call, key="1", at=floor.now))
    assert floor.lines()[2] == "7|node-a-1|shop/orders|NONE|EXITWITHKEY|1|1|1|7"


def test_who_is_not_let_in_never_stood_there() -> None:
    full = with_queue(with_queue(rules(), ORDERS, max_waiting=1), GENERAL, max_waiting=1)
    floor = room(rules_in_force=full)
    floor.calls("1"), floor.calls("2"), floor.calls("3")
    assert [line for line in floor.lines() if "|DID|" not in line] == [
        "0|node-a-1|shop/orders|NONE|ENTERQUEUE||+4930555999|1",
        "0|node-a-2|shop/general|NONE|ENTERQUEUE||+4930555999|1",
    ]
    for contact in list(floor.engine.floor.contacts):
        floor.caller_hangs_up(contact)
    assert [line.split("|")[1:5] for line in floor.lines()] == [
        ["node-a-1", "shop/orders", "NONE", "ABANDON"],
        ["node-a-2", "shop/general", "NONE", "ABANDON"],
    ]
    assert floor.log.kept == 0


def test_a_transfer_to_a_queue_that_lets_nobody_in_still_ends_the_talk() -> None:
    floor = room("orders", rules_in_force=with_queue(rules(), ACCOUNTS, max_waiting=1))
    floor.calls("bank", BANK)
    call = floor.calls("1")
    offer = floor.talks(call)
    floor.let_pass(20)
    floor.see(CallerTransferred(contact_id=call, exten=BANK_DNIS, at=floor.now))
    floor.ends(offer)
    floor.caller_hangs_up(call)
    mine = [line for line in floor.lines() if "|node-a-1|" in line]
    assert mine[3:] == [f"21|node-a-1|shop/orders|{ONE}|BLINDTRANSFER|{BANK_DNIS}|acd-transfer|0|20|1"]


def test_our_own_calls_and_agents_are_not_told_of() -> None:
    floor = room("orders", "bank", own=frozenset({"bank"}))
    call = floor.calls("1", BANK)
    floor.talks(call)
    floor.caller_hangs_up(call)
    assert floor.lines() == []
    assert floor.log.kept == 0


def test_agents_may_have_the_name_that_reports_know_them_by() -> None:
    floor = room("orders", agent_prefix="Agent/")
    call = floor.calls("1")
    floor.talks(call)
    assert f"|Agent/{ONE}|CONNECT|" in floor.lines()[-1]


# ---- what began before our time ----


def test_a_talk_that_began_under_another_router_is_told_to_its_end() -> None:
    floor = room("orders")
    call = floor.calls("1")
    floor.let_pass(4)
    floor.talks(call)
    floor.let_pass(10)
    floor.another_router()
    floor.lines()
    floor.let_pass(10)
    floor.caller_hangs_up(call)
    assert floor.lines() == [f"25|node-a-1|shop/orders|{ONE}|COMPLETECALLER|4|20|1"]


def test_so_is_the_end_of_a_call_whose_agent_went_a_moment_before_the_caller() -> None:
    floor = room("orders")
    call = floor.calls("1")
    offer = floor.talks(call)
    floor.another_router()
    floor.lines()
    floor.let_pass(10)
    floor.agent_hangs_up(offer)
    floor.let_pass(0.2)
    floor.ends(call)
    assert floor.lines() == [f"11|node-a-1|shop/orders|{ONE}|COMPLETEAGENT|0|10|1"]


def test_a_caller_who_waited_under_another_router_is_connected_and_gives_up_like_any_other() -> None:
    floor = room("orders")
    served = floor.calls("1")
    waits = floor.calls("2")
    floor.another_router()
    floor.lines()
    floor.let_pass(8)
    offer = floor.talks(served)
    floor.let_pass(2)
    floor.caller_hangs_up(waits)
    assert floor.lines() == [
        f"9|node-a-1|shop/orders|{ONE}|CONNECT|8|{offer}|8",
        "11|node-a-2|shop/orders|NONE|ABANDON|1|1|10",
    ]


def test_who_came_back_to_wait_under_another_router_abandons_that_wait() -> None:
    floor = room("orders")
    call = floor.calls("1")
    offer = floor.talks(call)
    floor.let_pass(20)
    floor.see(LegUnbridged(leg=offer, bridge="bridge-1", at=floor.now), floor.end(offer, cause=None))
    floor.let_pass(6)
    floor.another_router()
    floor.lines()
    floor.let_pass(10)
    floor.caller_hangs_up(call)
    assert floor.lines() == ["37|node-a-1|shop/orders|NONE|ABANDON|1|1|16"]


def test_a_line_has_no_bar_and_no_end_of_the_callers_own() -> None:
    floor = room()
    hostile = "+49|1|CONNECT\r\n2|x\x00\x1b[31m\u202e" + "9" * 500
    floor.see(replace(floor.arrival("1|evil\n"), ani=hostile, dnis="a|b"))
    did, entered = floor.lines()
    assert did == "0|node-a-1_evil_|shop/orders|NONE|DID|a_b"
    fields = entered.split("|")
    assert len(fields) == 8
    assert fields[6].startswith("+49_1_CONNECT__2_x__[31m_9")
    assert len(fields[6]) == 120
    assert entered.isprintable()


def test_a_queue_without_a_name_is_nobodys() -> None:
    floor = room()
    ended = floor.calls("1")
    floor.caller_hangs_up(ended)
    record = replace(floor.record(ended), queue=QueueName(""), segments=())
    assert floor.log.lines(ContactEnded(record=record), floor.now)[0].split("|")[2] == "NONE"


def test_a_transfer_out_of_the_house_ends_the_talk_when_it_was_made() -> None:
    floor = room("orders")
    call = floor.calls("1")
    offer = floor.talks(call)
    floor.let_pass(20)
    floor.see(CallerTransferred(contact_id=call, exten="0123", at=floor.now))
    floor.ends(offer)
    floor.let_pass(40)
    floor.caller_hangs_up(call)
    assert floor.lines()[3:] == [f"61|node-a-1|shop/orders|{ONE}|COMPLETEAGENT|0|20|1"]


def test_a_talk_that_was_only_found_has_no_leg_to_tell_of() -> None:
    floor = room("orders")
    call, other = floor.calls("1"), floor.calls("2")
    floor.talks(call)
    answered, connected = floor.last(OfferClosed), floor.last(ContactConnected)
    floor.another_router()
    floor.lines()
    floor.let_pass(3)
    floor.log.lines(answered, floor.now)
    found = replace(connected, contact_id=other)
    (line,) = floor.log.lines(found, floor.now)
    assert since_start(line) == f"4|node-a-2|shop/orders|{ONE}|CONNECT|3||0"


def test_a_caller_nobody_is_left_for_leaves_an_empty_queue() -> None:
    staffed = with_queue(rules(), ORDERS, stay_if=(Staffed.LOGGED_IN,))
    floor = room("orders", rules_in_force=staffed)
    floor.talks(floor.calls("1"))
    floor.calls("2")
    floor.let_pass(7)
    floor.lines()
    floor.caller_hangs_up(floor.calls("3"))
    floor.logs_out(floor.agents[0])
    offer = f"{floor.of(ContactConnected)[0].contact_id}.1"
    floor.agent_hangs_up(offer)
    floor.let_pass(20)
    assert any(line.endswith("|node-a-2|shop/orders|NONE|EXITEMPTY|1|1|27") for line in floor.lines())
