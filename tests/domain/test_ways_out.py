"""Ways out of a line: numbers outside, a message, keys with targets of their own, too long in early media."""

from dataclasses import replace

from router.domain.ids import SECOND, ContactId, LegId
from router.domain.messages.commands import Shut
from router.domain.messages.effects import AnswerCaller, LookAgain, SendCaller
from router.domain.messages.events import ContactOverflowed, MessageLeft, ObservationIgnored, TargetFailed
from router.domain.messages.observations import (
    CallerKeyed,
    CallerNotTaken,
    CallerSentOff,
    LegAnswered,
    MessageRecorded,
    NodeLost,
)
from router.domain.pictures.picture import whole
from router.domain.pictures.recovery import restore
from router.domain.record import EndedBy, Outcome, SegmentKind
from router.domain.rulebook.rules import (
    EarlyMedia,
    Outside,
    OverflowTarget,
    Rules,
    ToClosing,
    ToNumber,
    ToQueue,
    ToVoicemail,
)
from tests.builders import BANK, GENERAL, NODE, ORDERS, SHOP, Room, rules, with_queue

NUMBER = ToNumber(number="+493023125900")
DIAL = "dial:+493023125900"


def leading_to(*targets: OverflowTarget, **changes: object) -> Rules:
    """Orders overflows to these; numbers outside go by the trunk `carrier`."""
    in_force = with_queue(rules(), ORDERS, overflow=targets, **changes)
    return replace(in_force, outside=Outside(trunk="carrier", ring_us=25 * SECOND))


def sent(room: Room) -> list[tuple[str, str]]:
    return [(effect.context, effect.exten) for effect in room.of(SendCaller)]


def not_taken(room: Room, contact_id: ContactId, target: str = DIAL, why: str = "busy") -> None:
    room.see(CallerNotTaken(contact_id=contact_id, target=target, why=why, at=room.now))


def presses(room: Room, contact_id: ContactId, key: str) -> None:
    room.see(CallerKeyed(contact_id=contact_id, key=key, at=room.now))


def kinds(room: Room, contact_id: ContactId) -> list[str]:
    return [segment.kind.value for segment in room.record(contact_id).segments]


# ---- a number outside ----


def test_a_caller_overflows_to_a_number_outside_by_the_trunk_that_is_meant_for_it() -> None:
    room = Room(rules_in_force=leading_to(NUMBER, ToClosing()))
    caller = room.calls("c1")
    room.let_pass(60)
    assert sent(room) == [("acd-external", "+493023125900~25~carrier")]
    assert room.last(ContactOverflowed).target == DIAL
    room.let_pass(120)
    room.ends(caller)
    record = room.record(caller)
    assert (record.outcome, record.answered_at, record.ended_by) == (Outcome.OVERFLOWED, None, EndedBy.SYSTEM)
    assert kinds(room, caller) == ["waiting", "announcement"]
    assert record.segments[1].to_at - record.segments[1].from_at == 120 * SECOND


def test_a_caller_who_hangs_up_outside_ended_the_call() -> None:
    room = Room(rules_in_force=leading_to(NUMBER))
    caller = room.calls("c1")
    room.let_pass(70)
    room.caller_hangs_up(caller)
    assert (room.record(caller).ended_by, room.record(caller).outcome) == (EndedBy.CALLER, Outcome.OVERFLOWED)


def test_nobody_is_rung_for_a_caller_who_is_outside() -> None:
    room = Room(rules_in_force=leading_to(NUMBER))
    room.calls("c1")
    room.let_pass(60)
    room.agent_joins("orders")
    assert room.rung() == []


def test_who_is_not_taken_outside_goes_on_to_the_target_after_it_at_the_old_age() -> None:
    room = Room(rules_in_force=leading_to(ToNumber(number="+493023125901"), NUMBER, ToQueue(queue=GENERAL)))
    caller = room.calls("c1")
    room.let_pass(60)
    not_taken(room, caller, "dial:+493023125901")
    assert room.last(TargetFailed).why == "busy"
    assert sent(room)[-1] == ("acd-external", "+493023125900~25~carrier")
    room.let_pass(25)
    not_taken(room, caller, why="no-answer")
    assert room.floor.contacts[caller].queue == GENERAL
    room.agent_joins("general")
    room.talks(caller)
    room.let_pass(30)
    room.caller_hangs_up(caller)
    record = room.record(caller)
    assert record.outcome is Outcome.ANSWERED
    assert kinds(room, caller) == ["waiting", "announcement", "waiting", "talk"]


def test_after_the_last_target_comes_the_closing_message() -> None:
    room = Room(rules_in_force=leading_to(NUMBER))
    caller = room.calls("c1")
    room.let_pass(60)
    not_taken(room, caller)
    assert sent(room)[-1] == ("acd-closing", "s")
    room.ends(caller)
    assert room.record(caller).outcome is Outcome.OVERFLOWED


def test_where_no_trunk_leads_outside_a_number_is_passed_over() -> None:
    room = Room(rules_in_force=replace(leading_to(NUMBER, ToQueue(queue=GENERAL)), outside=None))
    caller = room.calls("c1")
    room.let_pass(60)
    assert sent(room) == []
    assert room.floor.contacts[caller].queue == GENERAL


def test_news_of_a_target_that_is_no_longer_theirs_is_ignored() -> None:
    room = Room("general", rules_in_force=leading_to(NUMBER, ToQueue(queue=GENERAL)))
    caller = room.calls("c1")
    not_taken(room, caller)
    room.let_pass(60)
    not_taken(room, caller, "voicemail")
    not_taken(room, ContactId("nobody"))
    assert room.state(caller) == "leaving"
    not_taken(room, caller)
    assert room.offered_to(caller)
    not_taken(room, caller)
    assert len(room.of(ObservationIgnored)) == 4


def test_who_is_let_go_by_the_desk_while_outside_goes_nowhere_else() -> None:
    room = Room(rules_in_force=leading_to(NUMBER, ToQueue(queue=GENERAL)))
    caller = room.calls("c1")
    room.let_pass(60)
    room.ends(caller)
    not_taken(room, caller)
    assert room.floor.contacts == {}


def test_targets_of_a_closed_campaign_go_on_along_its_own_list() -> None:
    in_force = leading_to(ToClosing())
    shop = replace(in_force.campaigns[SHOP], closed=(NUMBER, ToVoicemail()))
    room = Room(rules_in_force=replace(in_force, campaigns={**in_force.campaigns, SHOP: shop}))
    room.ask(Shut(campaign=SHOP, until_at=room.now + 3600 * SECOND))
    caller = room.calls("c1")
    not_taken(room, caller)
    assert sent(room) == [("acd-external", "+493023125900~25~carrier"), ("acd-voicemail", "s")]


# ---- a message ----


def test_a_message_is_told_with_its_file_and_length() -> None:
    room = Room(rules_in_force=leading_to(ToVoicemail()))
    caller = room.calls("c1")
    room.let_pass(60)
    assert sent(room) == [("acd-voicemail", "s")]
    room.see(MessageRecorded(contact_id=caller, file="c1.wav", length_us=12 * SECOND, at=room.now))
    room.ends(caller)
    message = room.last(MessageLeft)
    assert (message.file, message.length_us, message.queue, message.campaign) == ("c1.wav", 12 * SECOND, ORDERS, SHOP)
    assert room.record(caller).outcome is Outcome.OVERFLOWED


def test_a_message_of_nobody_we_know_is_ignored() -> None:
    room = Room()
    room.see(MessageRecorded(contact_id=ContactId("nobody"), file="x.wav", length_us=1, at=room.now))
    assert room.of(MessageLeft) == []


# ---- keys ----

KEYS = (("0", ToQueue(queue=GENERAL)), ("9", ToVoicemail()), ("5", NUMBER))


def test_a_key_leads_to_its_own_target_and_another_to_the_next_of_the_queue() -> None:
    room = Room(rules_in_force=leading_to(ToClosing(), keys=KEYS))
    first, second, third, fourth = (room.calls(name) for name in ("c1", "c2", "c3", "c4"))
    presses(room, first, "0")
    presses(room, second, "9")
    presses(room, third, "1")  # exit_keys
    presses(room, fourth, "7")
    assert room.floor.contacts[first].queue == GENERAL
    assert sent(room) == [("acd-voicemail", "s"), ("acd-closing", "s")]
    assert room.state(fourth) == "queued"
    assert {event.why for event in room.of(ContactOverflowed)} == {"key"}


def test_who_goes_to_and_fro_by_keys_does_not_wait_for_ever() -> None:
    in_force = with_queue(rules(), ORDERS, keys=(("2", ToQueue(queue=GENERAL)),), max_wait_us=60 * SECOND)
    in_force = with_queue(in_force, GENERAL, keys=(("1", ToQueue(queue=ORDERS)),), max_wait_us=60 * SECOND)
    room = Room(rules_in_force=in_force)
    caller = room.calls("c1")
    for key in "2121":
        room.let_pass(50)
        room.see(CallerKeyed(contact_id=caller, key=key, at=room.now))
    room.let_pass(0)
    assert room.state(caller) == "leaving"
    assert [(event.queue, event.why) for event in room.of(ContactOverflowed)] == [
        (ORDERS, "key"),
        (GENERAL, "key"),
        (ORDERS, "wait"),
    ]


def test_a_key_whose_queue_has_no_room_costs_nobody_their_place() -> None:
    in_force = with_queue(leading_to(ToClosing(), keys=KEYS), GENERAL, max_waiting=1)
    room = Room(rules_in_force=in_force)
    first, second = room.calls("c1"), room.calls("c2")
    presses(room, first, "0")
    presses(room, second, "0")
    assert [room.floor.contacts[one].queue for one in (first, second)] == [GENERAL, ORDERS]
    room.agent_joins("orders")
    assert room.offered_to(second)


def test_who_went_outside_by_a_key_and_was_not_taken_has_their_old_place() -> None:
    room = Room(rules_in_force=leading_to(NUMBER, ToClosing(), keys=KEYS, max_wait_us=600 * SECOND))
    first = room.calls("c1")
    room.let_pass(5)
    second = room.calls("c2")
    presses(room, first, "5")
    room.let_pass(20)
    not_taken(room, first)
    room.agent_joins("orders")
    assert room.offered_to(first)
    assert not room.offered_to(second)


def test_the_longest_wait_goes_on_while_a_key_has_somebody_outside() -> None:
    room = Room(rules_in_force=leading_to(ToQueue(queue=GENERAL), keys=KEYS))
    caller = room.calls("c1")
    room.let_pass(50)
    presses(room, caller, "5")
    room.let_pass(20)
    not_taken(room, caller)
    room.let_pass(0)
    assert room.floor.contacts[caller].queue == GENERAL


def test_a_key_of_somebody_who_is_being_rung_for_counts_when_the_ring_has_ended_in_vain() -> None:
    room = Room("orders", rules_in_force=leading_to(ToClosing(), keys=KEYS, exit_keys="#"))
    caller = room.calls("c1")
    room.rings(room.offer(caller))
    presses(room, caller, "9")
    assert (room.state(caller), sent(room)) == ("offered", [])
    room.ends(room.offer(caller), 19, "SIP 480")
    room.let_pass(0)
    assert room.state(caller) == "leaving"
    assert room.last(ContactOverflowed).why == "key"


def test_whom_an_agent_takes_has_pressed_nothing() -> None:
    room = Room("orders", rules_in_force=leading_to(ToClosing(), keys=KEYS))
    caller = room.calls("c1")
    room.rings(room.offer(caller))
    presses(room, caller, "9")
    room.talks(caller)
    room.let_pass(5)
    assert (room.state(caller), room.of(ContactOverflowed)) == ("connected", [])


# ---- early media ----


def early(then: EarlyMedia, **changes: object) -> Rules:
    in_force = with_queue(leading_to(ToQueue(queue=GENERAL)), ORDERS, max_wait_us=600 * SECOND)
    shop = replace(in_force.campaigns[SHOP], early_media_then=then, early_media_max_us=90 * SECOND, **changes)  # type: ignore[arg-type]
    return replace(in_force, campaigns={**in_force.campaigns, SHOP: shop})


def test_a_caller_who_has_waited_long_enough_unanswered_is_answered_where_they_wait() -> None:
    room = Room(rules_in_force=early(EarlyMedia.ANSWER))
    caller = room.calls("c1")
    room.let_pass(89)
    assert room.of(AnswerCaller) == []
    room.let_pass(1)
    assert room.of(AnswerCaller) == [AnswerCaller(contact_id=caller, leg=LegId(caller), node=NODE)]
    room.see(LegAnswered(leg=LegId(caller), at=room.now))
    room.let_pass(60)
    assert len(room.of(AnswerCaller)) == 1
    room.agent_joins("orders")
    room.talks(caller)
    talked_at = room.now
    room.caller_hangs_up(caller)
    assert room.record(caller).answered_at == talked_at


def test_an_order_to_answer_that_got_lost_is_given_again_until_the_leg_is_up() -> None:
    room = Room(rules_in_force=early(EarlyMedia.ANSWER))
    caller = room.calls("c1")
    room.see(NodeLost(node=NODE))
    room.let_pass(120)
    assert room.of(AnswerCaller) == []
    room.resync(room.waiting(caller, up=False))
    room.let_pass(12)
    assert len(room.of(AnswerCaller)) >= 2
    room.see(LegAnswered(leg=LegId(caller), at=room.now))
    given = len(room.of(AnswerCaller))
    room.let_pass(60)
    assert len(room.of(AnswerCaller)) == given


def test_who_was_outside_at_the_deadline_and_comes_back_is_answered_then() -> None:
    in_force = with_queue(early(EarlyMedia.ANSWER), ORDERS, overflow=(NUMBER, ToQueue(queue=GENERAL)), exit_keys="0")
    room = Room(rules_in_force=replace(in_force, outside=Outside(trunk="carrier", ring_us=25 * SECOND)))
    caller = room.calls("c1")
    room.let_pass(85)
    presses(room, caller, "0")
    assert sent(room) == [("acd-external", "+493023125900~25~carrier")]
    room.let_pass(10)
    assert room.of(AnswerCaller) == []
    not_taken(room, caller)
    room.let_pass(5)
    assert len(room.of(AnswerCaller)) == 1


def test_or_they_overflow_but_not_while_somebody_is_rung_for_them() -> None:
    room = Room(rules_in_force=early(EarlyMedia.OVERFLOW))
    first = room.calls("c1")
    second = room.calls("c2")
    room.let_pass(85)
    agent = room.agent_joins("orders")
    room.rings(room.offer(first))
    room.let_pass(5)
    assert (room.offered_to(first), room.floor.contacts[second].queue) == (agent, GENERAL)
    assert room.last(ContactOverflowed).why == "early-media"
    room.ends(room.offer(first), 19, "SIP 480")
    room.let_pass(0)
    assert room.floor.contacts[first].queue == GENERAL
    assert (room.last(ContactOverflowed).contact_id, room.last(ContactOverflowed).why) == (first, "early-media")


def test_or_they_stay() -> None:
    room = Room(rules_in_force=early(EarlyMedia.STAY))
    caller = room.calls("c1")
    room.let_pass(200)
    assert room.of(AnswerCaller) == []
    assert room.floor.contacts[caller].queue == ORDERS


def test_an_emergency_caller_is_answered_rather_than_sent_on() -> None:
    room = Room(rules_in_force=early(EarlyMedia.OVERFLOW, emergency=True))
    caller = room.calls("c1")
    room.let_pass(90)
    assert len(room.of(AnswerCaller)) == 1
    assert room.floor.contacts[caller].queue == ORDERS


def test_where_callers_are_answered_at_once_nothing_is_due() -> None:
    room = Room(rules_in_force=early(EarlyMedia.OVERFLOW, greeting="answered"))
    room.calls("c1")
    room.let_pass(200)
    assert room.of(ContactOverflowed) == []


def test_who_is_back_from_a_talk_is_answered_already() -> None:
    room = Room("orders", rules_in_force=early(EarlyMedia.OVERFLOW))
    caller = room.calls("c1")
    offer = room.talks(caller)
    room.ends(offer)
    room.resync(room.waiting(caller))
    room.let_pass(200)
    assert room.of(ContactOverflowed) == []


def test_who_is_found_after_a_talk_nobody_here_knew_of_is_answered_already() -> None:
    room = Room(rules_in_force=early(EarlyMedia.OVERFLOW))
    room.resync(room.waiting(ContactId(f"{NODE}-c1"), talk_at=room.now))
    room.let_pass(200)
    assert room.of(ContactOverflowed) == []


# ---- a successor ----


def test_a_resync_finds_who_is_outside_and_leaves_them_there() -> None:
    room = Room("orders", rules_in_force=leading_to(NUMBER))
    room.resync(room.waiting(ContactId(f"{NODE}-c9"), state="outside", bridge="b-1"))
    [contact] = room.floor.contacts
    assert room.state(contact) == "leaving"
    not_taken(room, contact)
    assert sent(room)[-1] == ("acd-closing", "s")
    room.ends(contact)
    assert room.record(contact).outcome is Outcome.OVERFLOWED


def test_whom_somebody_else_sent_off_is_looked_at_and_not_offered_for_ever() -> None:
    room = Room(rules_in_force=leading_to(NUMBER))
    caller = room.calls("c1")
    room.see(CallerSentOff(contact_id=caller, at=room.now))
    assert room.of(LookAgain) == [LookAgain(node=NODE)]
    assert room.state(caller) == "queued"  # late news of who is back in line says the same
    room.let_pass(1)
    room.resync(room.waiting(caller, state="outside"))
    assert room.state(caller) == "leaving"


def test_whom_we_sent_off_ourselves_is_not_looked_at() -> None:
    room = Room(rules_in_force=leading_to(NUMBER))
    caller = room.calls("c1")
    room.let_pass(60)
    before = len(room.of(LookAgain))
    room.see(CallerSentOff(contact_id=caller, at=room.now))
    room.see(CallerSentOff(contact_id=ContactId("nobody"), at=room.now))
    assert len(room.of(LookAgain)) == before
    assert len(room.of(ObservationIgnored)) == 1


def test_a_resync_does_not_take_a_talk_outside_for_one_with_an_agent() -> None:
    room = Room("orders", rules_in_force=leading_to(NUMBER, max_wait_us=1 * SECOND))
    caller = room.calls("c1")
    room.let_pass(2)
    room.resync(room.waiting(caller, state="outside", bridge="b-1"))
    assert room.state(caller) == "leaving"
    room.let_pass(10)
    room.ends(caller)
    assert [segment.kind for segment in room.record(caller).segments][-1] is SegmentKind.ANNOUNCEMENT


def test_a_successor_goes_on_where_the_one_before_had_come_to() -> None:
    first = Room(rules_in_force=leading_to(NUMBER, ToVoicemail(), ToQueue(queue=GENERAL)))
    caller = first.calls("c1")
    first.let_pass(60)
    not_taken(first, caller)
    heir = Room(rules_in_force=first.floor.rules)
    assert restore(heir.floor, whole(first.floor), heir.now) == []
    not_taken(heir, caller, DIAL)
    assert (heir.state(caller), heir.of(TargetFailed)) == ("leaving", [])
    not_taken(heir, caller, "voicemail", "failed")
    assert heir.floor.contacts[caller].queue == GENERAL


def test_a_successor_knows_who_has_waited_unanswered_for_how_long() -> None:
    first = Room(rules_in_force=early(EarlyMedia.ANSWER))
    caller = first.calls("c1")
    first.let_pass(80)
    heir = Room(rules_in_force=first.floor.rules)
    heir.now = first.now
    heir.see(NodeLost(node=NODE))
    restore(heir.floor, whole(first.floor), heir.now)
    heir.resync(heir.waiting(caller, up=False))
    heir.let_pass(11)
    assert len(heir.of(AnswerCaller)) == 1


def test_whom_a_resync_finds_answered_is_left_alone() -> None:
    room = Room(rules_in_force=early(EarlyMedia.ANSWER))
    caller = room.calls("c1")
    room.let_pass(80)
    room.resync(room.waiting(caller))
    room.let_pass(20)
    assert room.of(AnswerCaller) == []


def test_an_order_outside_that_got_lost_is_given_again() -> None:
    room = Room(rules_in_force=leading_to(NUMBER))
    caller = room.calls("c1")
    room.let_pass(61)
    room.resync(room.waiting(caller))
    assert sent(room) == [("acd-external", "+493023125900~25~carrier")] * 2


def test_other_campaigns_are_not_touched() -> None:
    room = Room("bank", rules_in_force=leading_to(NUMBER))
    assert room.offered_to(room.calls("c1", BANK))
