"""Call-backs: a place in line kept for somebody who hung up, agent first and caller first."""

from dataclasses import replace

import pytest

from router.domain.calls.expiry import LONGEST_US
from router.domain.contacts.callback import PromiseEnd, PromiseState, TryResult
from router.domain.engine import Engine
from router.domain.errors import CommandRefused
from router.domain.ids import SECOND, ContactId, LegId, OfferId
from router.domain.messages.commands import (
    AgentProfile,
    CancelCallback,
    Configure,
    Enrol,
    Entitle,
    LogIn,
    Pause,
    SetCallTimes,
    Unpause,
)
from router.domain.messages.effects import Announce, CallCustomer, EndLeg, RingAgent, SendCaller, WriteDown
from router.domain.messages.events import (
    CallbackEnded,
    CallbackPromised,
    CallbackTried,
    ContactConnected,
    ContactEnded,
    ContactOverflowed,
)
from router.domain.messages.observations import (
    AgentReady,
    CallbackConfirmed,
    CallerKeyed,
    CustomerNotCalled,
    LegAnswered,
    LegAppeared,
    OfferTurnedAway,
    PromiseWritten,
    Resynced,
)
from router.domain.pictures.picture import whole
from router.domain.pictures.recovery import restore, take_over
from router.domain.record import OfferResult, Outcome, SegmentKind
from router.domain.rulebook.entitlement import Entitlement, Interval
from router.domain.rulebook.hours import OpeningHours
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import CallbackRules, Rules, ToQueue
from router.domain.rulebook.treatment import Position, Treatment
from tests.builders import ACCOUNTS, BANK, NODE, ORDERS, SHOP, Room, rules, with_queue

AGENT_FIRST = CallbackRules(key="5", trunk="carrier", caller_id="+4930555100", retry_after_us=60 * SECOND, tries=2)


def called_back(**changes: object) -> Rules:
    return with_queue(rules(), ORDERS, callback=replace(AGENT_FIRST, **changes), exit_keys="", max_wait_us=600 * SECOND)  # type: ignore[arg-type]


CALLER_FIRST = called_back(agent_first=False)


class CallbackRoom(Room):
    """A telephone room with short words for what belongs to a call-back."""

    def __init__(self, *skills: str, rules_in_force: Rules | None = None) -> None:
        super().__init__(*skills, rules_in_force=rules_in_force or called_back())

    def _drain(self) -> None:
        """Whatever is to be written before somebody is called is written at once."""
        before = len(self.effects)
        super()._drain()
        for effect in [one for one in self.effects[before:] if isinstance(one, WriteDown)]:
            if self.floor.promises[effect.promise_id].state is PromiseState.CALLING:
                self.see(PromiseWritten(promise_id=effect.promise_id, safe=True))

    def asks(self, contact_id: ContactId) -> None:
        self.see(CallerKeyed(contact_id=contact_id, key="5", at=self.now))

    def confirms(self, contact_id: ContactId, *, safe: bool = True) -> None:
        self.see(CallbackConfirmed(contact_id=contact_id, at=self.now))
        if self.of(WriteDown) and self.last(WriteDown).promise_id == contact_id:
            self.see(PromiseWritten(promise_id=contact_id, safe=safe))

    def is_promised(self, name: str, ani: str = "+4930555999", **known: object) -> ContactId:
        """Somebody calls, asks, is promised, and let go."""
        contact_id = self.calls(name, ani=ani, **known)
        self.asks(contact_id)
        self.confirms(contact_id)
        self.ends(contact_id)
        return contact_id

    def accepts(self, place: ContactId) -> OfferId:
        offer_id = self.offer(place)
        self.rings(offer_id)
        self.answers(offer_id)
        self.see(AgentReady(offer_id=offer_id, contact_id=place, at=self.now))
        return offer_id

    def customer_rings(self, place: ContactId) -> None:
        self.see(
            LegAppeared(
                leg=LegId(place), endpoint="carrier", channel="PJSIP/carrier-1", linkedid=place, node=NODE, at=self.now
            )
        )

    def customer_answers(self, place: ContactId) -> None:
        self.see(LegAnswered(leg=LegId(place), at=self.now))

    def succeed(self) -> "CallbackRoom":
        """The router dies, and another one takes its floor over from the pictures."""
        pictures = whole(self.floor)
        other = CallbackRoom.__new__(CallbackRoom)
        other.__dict__.update(self.__dict__)
        other.engine = Engine(self.floor.rules)
        other.events, other.effects = [], []
        for agent in self.floor.agents.values():
            other.engine.handle(_enrol(agent.profile), self.now)
        assert restore(other.engine.floor, pictures, self.now) == []
        take_over(other.engine.floor, self.now)
        other._drain()
        return other


def _enrol(profile):  # type: ignore[no-untyped-def]
    from router.domain.messages.commands import Enrol

    return Enrol(profile=profile)


def place(contact_id: ContactId, number: int = 1) -> ContactId:
    return ContactId(f"{contact_id}_cb{number}")


def owing(*skills: str) -> tuple[CallbackRoom, ContactId]:
    """A call is owed to ada, and then these agents join."""
    room = CallbackRoom()
    ada = room.is_promised("ada")
    for words in skills:
        room.agent_joins(words)
    return room, ada


def results(room: Room) -> list[TryResult]:
    return [tried.result for tried in room.of(CallbackTried)]


def ends(room: Room) -> list[PromiseEnd]:
    return [ended.result for ended in room.of(CallbackEnded)]


# ---- asked for ----


def test_who_presses_the_key_is_asked_and_told_only_when_it_is_written_down() -> None:
    room = CallbackRoom()
    ada = room.calls("ada")

    room.asks(ada)
    room.see(CallbackConfirmed(contact_id=ada, at=room.now))

    assert [(sent.context, sent.exten) for sent in room.of(SendCaller)] == [("acd-callback", "ask")]
    assert room.state(ada) == "queued"
    room.see(PromiseWritten(promise_id=ada, safe=True))
    assert room.last(SendCaller).exten == "promised"
    assert room.state(ada) == "leaving"
    assert room.last(ContactOverflowed).target == "callback"
    assert room.last(CallbackPromised).promise_id == ada


def test_their_contact_closes_as_overflowed_by_the_system() -> None:
    room = CallbackRoom()

    ada = room.is_promised("ada")

    record = room.record(ada)
    assert (record.outcome, record.ended_by) == (Outcome.OVERFLOWED, "system")


def test_who_hangs_up_right_after_the_key_is_promised_all_the_same() -> None:
    room = CallbackRoom()
    ada = room.calls("ada")
    room.see(CallbackConfirmed(contact_id=ada, at=room.now))
    room.caller_hangs_up(ada)

    room.see(PromiseWritten(promise_id=ada, safe=True))

    assert room.record(ada).outcome is Outcome.OVERFLOWED
    assert room.state(place(ada)) == "queued"


def test_what_could_not_be_written_is_not_promised_and_they_wait_on() -> None:
    room = CallbackRoom()
    ada = room.calls("ada")
    room.see(CallbackConfirmed(contact_id=ada, at=room.now), PromiseWritten(promise_id=ada, safe=False))

    assert room.last(SendCaller).exten == "no"
    assert room.state(ada) == "queued"
    assert ends(room) == [PromiseEnd.UNWRITTEN]


def test_nobody_is_told_of_a_promise_whose_writing_is_never_heard_of_again() -> None:
    room = CallbackRoom()
    ada = room.calls("ada")
    room.see(CallbackConfirmed(contact_id=ada, at=room.now))

    room.let_pass(31)

    assert ends(room) == [PromiseEnd.UNWRITTEN]
    assert room.state(ada) == "queued"


def test_who_is_taken_while_it_is_written_needs_no_call() -> None:
    room = CallbackRoom()
    ada = room.calls("ada")
    room.see(CallbackConfirmed(contact_id=ada, at=room.now))
    room.agent_joins()
    room.talks(ada)

    room.see(PromiseWritten(promise_id=ada, safe=True))

    assert ends(room) == [PromiseEnd.WITHDRAWN]
    assert room.state(ada) == "connected"


@pytest.mark.parametrize("ani", ["", "anonymous", "110", "+0123456789"])
def test_a_number_that_cannot_be_dialled_is_told_no(ani: str) -> None:
    room = CallbackRoom()
    room.asks(room.calls("ada", ani=ani))

    assert room.last(SendCaller).exten == "no"


def test_a_queue_owes_no_more_calls_than_its_limit() -> None:
    room = CallbackRoom(rules_in_force=called_back(most=1))
    room.is_promised("ada")

    room.asks(room.calls("bob", ani="+4930555888"))

    assert room.last(SendCaller).exten == "no"


def test_a_confirmation_of_nobody_is_ignored() -> None:
    room = CallbackRoom()

    room.see(CallbackConfirmed(contact_id=ContactId("nobody"), at=room.now))
    room.see(PromiseWritten(promise_id=ContactId("nobody"), safe=True))

    assert room.of(WriteDown) == []


# ---- the line ----


def test_the_place_is_kept_between_who_came_before_and_who_came_after() -> None:
    room = CallbackRoom()
    before = room.calls("before", ani="+4930555111")
    room.let_pass(10)
    ada = room.is_promised("ada")
    room.let_pass(10)
    after = room.calls("after", ani="+4930555222")

    line = [contact.contact_id for contact in room.floor.queues[ORDERS].in_line()]

    assert line == [before, place(ada), after]


def test_the_place_stands_in_the_line_of_what_its_caller_needs_also_after_a_takeover() -> None:
    by_language = with_queue(called_back(), ORDERS, need=Need.parse("orders and $language >= 60"))
    room = CallbackRoom("orders de:80", rules_in_force=by_language)
    room.ask(Pause(agent_id=room.agents[0], reason="break"))
    ada = room.is_promised("ada", data=(("language", "de"),))

    room.agent_joins("orders fr:80")
    assert room.offered_to(place(ada)) is None
    successor = room.succeed()
    successor.resync()
    successor.let_pass(3)

    assert successor.offered_to(place(ada)) is None
    german = successor.agent_joins("orders de:80")
    assert successor.offered_to(place(ada)) == german


def test_a_place_is_told_nothing_and_whoever_is_called_hears_what_their_queue_plays() -> None:
    treatment = Treatment(music="harp", position=Position.YES, first_us=10 * SECOND, every_us=20 * SECOND)
    room = CallbackRoom(rules_in_force=with_queue(CALLER_FIRST, ORDERS, treatment=treatment))
    ada = room.is_promised("ada")
    room.let_pass(60)
    assert room.of(Announce) == []

    busy = room.agent_joins()
    assert room.last(CallCustomer).music == "harp"
    room.customer_rings(place(ada))
    room.ask(Pause(agent_id=busy, reason="break"))
    room.customer_answers(place(ada))
    room.let_pass(21)

    assert [told.prompts for told in room.of(Announce)] == [("acd/position-1",)]


def test_who_hangs_up_while_it_is_written_down_has_given_nothing_up() -> None:
    room = CallbackRoom(rules_in_force=with_queue(called_back(), ORDERS, redial_us=600 * SECOND))
    ada = room.calls("ada")
    room.let_pass(30)
    room.see(CallbackConfirmed(contact_id=ada, at=room.now))

    room.caller_hangs_up(ada)

    assert len(room.floor.gave_up) == 0


def test_a_promise_keeps_the_place_that_was_given_back_to_its_caller() -> None:
    room = CallbackRoom(rules_in_force=with_queue(called_back(), ORDERS, redial_us=600 * SECOND))
    ada = room.calls("ada")
    room.let_pass(120)
    room.caller_hangs_up(ada)
    bob = room.calls("bob", ani="+4930555111")
    room.let_pass(60)
    again = room.is_promised("again")

    successor = room.succeed()
    successor.resync(successor.waiting(bob))
    successor.let_pass(3)

    assert [c.contact_id for c in successor.floor.queues[ORDERS].in_line()] == [place(again), bob]


# ---- agent first ----


def test_agent_first_the_agent_is_there_before_the_customer_is_called_and_they_talk() -> None:
    room = CallbackRoom()
    ada = room.is_promised("ada")
    room.let_pass(100)
    agent = room.agent_joins()
    assert room.last(RingAgent).callback
    assert room.last(RingAgent).caller_leg == place(ada)
    assert room.of(CallCustomer) == []

    offer_id = room.accepts(place(ada))
    call = room.last(CallCustomer)
    room.customer_rings(place(ada))
    room.let_pass(8)
    room.customer_answers(place(ada))
    room.bridges(offer_id)
    room.let_pass(60)
    room.agent_hangs_up(offer_id)
    room.ends(place(ada))

    assert (call.contact_id, call.dial, call.caller_id) == (place(ada), "PJSIP/+4930555999@carrier", "+4930555100")
    assert results(room) == [TryResult.ANSWERED]
    assert ends(room) == [PromiseEnd.KEPT]
    record = room.record(place(ada))
    assert record.outcome is Outcome.ANSWERED
    assert [segment.kind for segment in record.segments] == [SegmentKind.RINGING, SegmentKind.TALK]
    assert record.segments[0].to_at - record.segments[0].from_at == 8 * SECOND
    assert record.is_our_call
    assert not room.record(ada).is_our_call
    assert room.last(ContactConnected).waited_us == 0
    assert record.legs[-1].agent_id == agent
    assert room.floor.contacts == {}


def test_a_busy_customer_is_called_again_later_and_the_agent_missed_nothing() -> None:
    room, ada = owing("orders")
    offer_id = room.accepts(place(ada))
    room.customer_rings(place(ada))

    room.ends(place(ada), 17)

    assert room.last(EndLeg).leg == offer_id
    room.ends(offer_id)
    assert room.results() == [OfferResult.CALLER_LEFT]
    assert room.agent(room.agents[0]).status == "READY"
    assert results(room) == [TryResult.BUSY]
    room.let_pass(59)
    assert room.rung() == [room.agents[0]]
    room.let_pass(2)
    assert room.offered_to(place(ada, 2)) == room.agents[0]


def test_after_the_last_try_it_is_given_up() -> None:
    room, ada = owing("orders")
    for number in (1, 2):
        offer_id = room.accepts(place(ada, number))
        room.customer_rings(place(ada, number))
        room.ends(place(ada, number), 19)
        room.ends(offer_id)
        room.let_pass(70)

    assert results(room) == [TryResult.NO_ANSWER] * 2
    assert ends(room) == [PromiseEnd.GIVEN_UP]
    assert room.floor.contacts == {}
    assert [ended.record.contact_id for ended in room.of(ContactEnded)] == [ada]


def test_an_agent_who_does_not_accept_is_no_try() -> None:
    room, ada = owing("orders", "orders")
    first = room.offer(place(ada))
    room.rings(first)
    room.answers(first)
    room.see(OfferTurnedAway(offer_id=first, why="declined", at=room.now))
    room.ends(first)

    assert room.offered_to(place(ada)) == room.agents[1]
    assert room.of(CallCustomer) == []


def test_of_several_rung_at_once_the_first_who_accepts_waits_alone() -> None:
    room = CallbackRoom(rules_in_force=with_queue(called_back(), ORDERS, at_once=2))
    opens = (room.now + 20 * SECOND, room.now + 90 * SECOND)
    room.ask(SetCallTimes(queue=ORDERS, times=OpeningHours(intervals=(opens,))))
    ada = room.is_promised("ada")
    room.agent_joins()
    room.agent_joins()
    room.let_pass(20)
    assert len(room.floor.contacts[place(ada)].live) == 2

    room.accepts(place(ada))

    assert len(room.floor.contacts[place(ada)].live) == 1


def test_an_agent_who_goes_while_the_phone_rings_leaves_the_customer_to_the_next() -> None:
    room, ada = owing("orders", "orders")
    room.ends(room.accepts(place(ada)))
    room.customer_rings(place(ada))
    second = room.accepts(place(ada))
    room.customer_answers(place(ada))
    room.bridges(second)

    assert len(room.of(CallCustomer)) == 1
    assert ends(room) == [PromiseEnd.KEPT]


def test_nobody_is_called_before_that_is_written_down() -> None:
    room, ada = owing("orders")
    offer_id = room.offer(place(ada))
    room.rings(offer_id)
    room.answers(offer_id)

    room.engine.handle(AgentReady(offer_id=offer_id, contact_id=place(ada), at=room.now), room.now)
    _, effects = room.engine.drain()
    assert effects == [WriteDown(promise_id=ada)]
    assert whole(room.floor)[1].state == "calling"  # type: ignore[union-attr]
    room.see(PromiseWritten(promise_id=ada, safe=False))

    assert room.last(CallCustomer).contact_id == place(ada)


def test_a_call_that_asterisk_cannot_make_is_a_try() -> None:
    room, ada = owing("orders")
    room.accepts(place(ada))

    room.see(CustomerNotCalled(contact_id=place(ada), reason="ami-lost", at=room.now))

    assert results(room) == [TryResult.FAILED]
    assert place(ada) not in room.floor.contacts


def test_a_call_nothing_is_heard_of_ends_at_its_deadline() -> None:
    room, ada = owing("orders")
    room.accepts(place(ada))

    room.let_pass(36)

    assert results(room) == [TryResult.NO_ANSWER]
    assert LegId(place(ada)) in [ended.leg for ended in room.of(EndLeg)]


def test_who_was_reached_and_goes_before_the_talk_is_not_called_again() -> None:
    room = CallbackRoom(rules_in_force=CALLER_FIRST)
    ada = room.is_promised("ada")
    agent = room.agent_joins()
    room.customer_rings(place(ada))
    room.customer_answers(place(ada))
    assert room.offered_to(place(ada)) == agent

    room.caller_hangs_up(place(ada))

    assert ends(room) == [PromiseEnd.LEFT]
    assert room.record(place(ada)).outcome is Outcome.ABANDONED


# ---- caller first ----


def test_caller_first_the_customer_is_called_when_an_agent_is_free_and_stands_at_the_front() -> None:
    room = CallbackRoom(rules_in_force=CALLER_FIRST)
    ada = room.is_promised("ada")
    room.let_pass(10)
    room.calls("bob", ani="+4930555222")
    agent = room.agent_joins()
    assert room.last(CallCustomer).contact_id == place(ada)
    assert room.rung() == [agent]  # for bob: nobody waits while somebody else's phone rings
    room.ends(room.offer(ContactId(f"{NODE}-bob")), 17)
    room.customer_rings(place(ada))

    room.customer_answers(place(ada))
    line = [contact.contact_id for contact in room.floor.queues[ORDERS].in_line()]
    room.let_pass(6)
    room.talks(place(ada))

    assert line == [place(ada), f"{NODE}-bob"]
    assert ends(room) == [PromiseEnd.KEPT]


def test_caller_first_no_more_are_called_than_agents_are_free() -> None:
    room = CallbackRoom(rules_in_force=CALLER_FIRST)
    ada, bob, eve = (room.is_promised(name, f"+493055511{n}") for n, name in enumerate(("ada", "bob", "eve")))
    room.agent_joins()
    assert [call.contact_id for call in room.of(CallCustomer)] == [place(ada)]

    room.ends(place(ada), 17)

    assert [call.contact_id for call in room.of(CallCustomer)] == [place(ada), place(bob)]
    room.agent_joins()
    room.ends(place(bob), 17)
    assert [call.contact_id for call in room.of(CallCustomer)][2:] == [place(eve)]


@pytest.mark.parametrize("comes", ["learns to serve the line", "begins their shift"])
def test_caller_first_the_next_is_called_when_somebody_free_comes_to_serve_the_line(comes: str) -> None:
    room = CallbackRoom(rules_in_force=CALLER_FIRST)
    ada, bob = (room.is_promised(name, f"+493055511{n}") for n, name in enumerate(("ada", "bob")))
    other = room.agent_joins("orders" if comes == "begins their shift" else "general", logged_in=False)
    begins_at = room.now + 10 * SECOND
    if comes == "begins their shift":
        shift = Interval(from_at=begins_at, to_at=begins_at + 3600 * SECOND)
        room.ask(Entitle(agent_id=other, entitlement=Entitlement(intervals=(shift,))))
    room.ask(LogIn(agent_id=other))
    room.agent_joins()
    room.customer_rings(place(ada))
    assert [call.contact_id for call in room.of(CallCustomer)] == [place(ada)]

    if comes == "learns to serve the line":
        room.ask(Enrol(profile=AgentProfile(agent_id=other, endpoint=other, skills={"orders": 100})))
    else:
        room.let_pass((begins_at - room.now) / SECOND)

    assert [call.contact_id for call in room.of(CallCustomer)] == [place(ada), place(bob)]


def test_who_rings_while_the_rules_turn_to_caller_first_is_left_to_ring() -> None:
    room, ada = owing("orders", "orders")
    room.ends(room.accepts(place(ada)))
    room.customer_rings(place(ada))

    room.ask(Configure(rules=CALLER_FIRST))
    room.customer_answers(place(ada))

    assert len(room.of(CallCustomer)) == 1
    assert results(room) == [TryResult.ANSWERED]


# ---- time ----


def test_nobody_is_called_outside_of_the_window() -> None:
    room = CallbackRoom()
    ada = room.calls("ada")
    opens_at = room.now + 100 * SECOND
    times = OpeningHours(
        intervals=((opens_at, opens_at + 50 * SECOND), (opens_at + 200 * SECOND, opens_at + 300 * SECOND))
    )
    room.ask(SetCallTimes(queue=ORDERS, times=times))
    room.see(CallbackConfirmed(contact_id=ada, at=room.now))
    room.see(PromiseWritten(promise_id=ada, safe=True))
    room.ends(ada)
    room.agent_joins()

    room.let_pass(98)
    assert place(ada) not in room.floor.contacts
    room.let_pass(2)
    assert room.offered_to(place(ada)) is not None


def test_a_promise_in_line_rests_when_the_window_shuts_and_comes_back_to_its_place() -> None:
    room = CallbackRoom()
    shuts_at = room.now + 50 * SECOND
    again = (shuts_at + 100 * SECOND, shuts_at + 200 * SECOND)
    room.ask(SetCallTimes(queue=ORDERS, times=OpeningHours(intervals=((room.now, shuts_at), again))))
    ada = room.is_promised("ada")
    room.let_pass(1)
    bob = room.calls("bob", ani="+4930555222")
    room.let_pass(60)
    assert [c.contact_id for c in room.floor.queues[ORDERS].in_line()] == [bob]

    room.let_pass(100)

    assert [c.contact_id for c in room.floor.queues[ORDERS].in_line()] == [place(ada), bob]


def test_when_the_window_opens_the_place_in_line_counts_and_not_who_asked_first() -> None:
    room = CallbackRoom("orders", rules_in_force=called_back(expires_us=3600 * SECOND))
    room.ask(Pause(agent_id=room.agents[0], reason="x"))
    shuts_at = room.now + 10 * SECOND
    again = (shuts_at + 100 * SECOND, shuts_at + 1000 * SECOND)
    room.ask(SetCallTimes(queue=ORDERS, times=OpeningHours(intervals=((room.now, shuts_at), again))))
    old = room.calls("old", ani="+4930555001")
    room.let_pass(1)
    young = room.calls("young", ani="+4930555002")
    room.let_pass(1)
    for caller in (young, old):
        room.asks(caller)
        room.confirms(caller)
        room.ends(caller)
    room.let_pass(60)
    room.ask(Unpause(agent_id=room.agents[0]))

    room.let_pass(60)

    assert room.offered_to(place(old)) is not None


def test_it_expires() -> None:
    room = CallbackRoom(rules_in_force=called_back(expires_us=300 * SECOND))
    room.is_promised("ada")

    room.let_pass(301)

    assert ends(room) == [PromiseEnd.EXPIRED]
    assert room.floor.queues[ORDERS].in_line() == []


def test_who_could_only_be_called_too_late_is_told_no() -> None:
    room = CallbackRoom()
    ada = room.calls("ada")
    late = room.now + LONGEST_US + SECOND
    room.ask(SetCallTimes(queue=ORDERS, times=OpeningHours(intervals=((late, late + SECOND),))))

    room.asks(ada)

    assert room.last(SendCaller).exten == "no"


def test_who_waits_at_somebody_elses_when_their_own_campaign_is_gone_is_told_no() -> None:
    sent_on = with_queue(called_back(), ACCOUNTS, exit_keys="0", overflow=(ToQueue(queue=ORDERS),))
    room = CallbackRoom(rules_in_force=sent_on)
    ada = room.calls("ada", BANK)
    room.see(CallerKeyed(contact_id=ada, key="0", at=room.now))
    assert room.floor.contacts[ada].queue == ORDERS
    left = {name: campaign for name, campaign in sent_on.campaigns.items() if name != BANK}
    served = {name: queue for name, queue in sent_on.queues.items() if queue.campaign != BANK}
    room.ask(Configure(rules=replace(sent_on, campaigns=left, queues=served)))

    room.asks(ada)

    assert room.last(SendCaller).exten == "no"


# ---- again, and orders ----


def test_who_calls_again_takes_the_place_and_is_not_called() -> None:
    room = CallbackRoom()
    room.is_promised("ada")
    room.let_pass(10)
    bob = room.calls("bob", ani="+4930555222")
    room.let_pass(10)

    again = room.calls("again")

    assert [c.contact_id for c in room.floor.queues[ORDERS].in_line()] == [again, bob]
    assert ends(room) == []
    room.ends(again)
    assert room.record(again).arrived_at == room.now


def test_who_calls_while_their_phone_rings_is_not_called_on() -> None:
    room, ada = owing("orders")
    offer_id = room.accepts(place(ada))
    room.customer_rings(place(ada))

    again = room.calls("again")

    assert {LegId(place(ada)), LegId(offer_id)} <= {ended.leg for ended in room.of(EndLeg)}
    room.ends(place(ada))
    room.ends(offer_id)
    assert room.offered_to(again) == room.agents[0]


def test_a_promise_is_cancelled_by_order_and_an_unknown_one_refused() -> None:
    room = CallbackRoom()
    ada = room.is_promised("ada")

    room.ask(CancelCallback(promise_id=ada))

    assert ends(room) == [PromiseEnd.WITHDRAWN]
    with pytest.raises(CommandRefused) as refused:
        room.ask(CancelCallback(promise_id=ada))
    assert refused.value.error_id == "callback-unknown"


def test_new_rules_keep_the_place_and_a_campaign_that_is_gone_gives_it_up() -> None:
    room = CallbackRoom()
    ada = room.is_promised("ada")
    room.ask(Configure(rules=called_back(tries=5)))
    assert room.state(place(ada)) == "queued"

    without = called_back()
    left = {name: campaign for name, campaign in without.campaigns.items() if name != SHOP}
    served = {name: queue for name, queue in without.queues.items() if queue.campaign != SHOP}
    room.ask(Configure(rules=replace(without, campaigns=left, queues=served)))

    assert ends(room) == [PromiseEnd.GIVEN_UP]


# ---- a router dies ----


def test_a_promise_survives_its_router_at_its_old_place() -> None:
    room = CallbackRoom()
    ada = room.is_promised("ada")
    room.let_pass(10)
    bob = room.calls("bob", ani="+4930555222")

    successor = room.succeed()
    successor.resync(successor.waiting(bob))
    successor.let_pass(3)

    assert [c.contact_id for c in successor.floor.queues[ORDERS].in_line()] == [place(ada), bob]
    agent = successor.agent_joins()
    assert successor.offered_to(place(ada)) == agent


def test_who_is_being_called_when_the_router_dies_is_not_called_a_second_time() -> None:
    room, ada = owing("orders")
    room.accepts(place(ada))
    room.customer_rings(place(ada))

    successor = room.succeed()
    leg = successor.waiting(place(ada), up=False, rings=True, state="called", endpoint="carrier")
    successor.resync(leg)
    successor.let_pass(5)
    assert successor.of(CallCustomer) == []
    successor.customer_answers(place(ada))
    successor.agent_joins()
    successor.talks(place(ada))

    assert ends(successor) == [PromiseEnd.KEPT]


def test_who_rings_by_an_order_that_was_not_written_down_is_not_called_a_second_time() -> None:
    room, ada = owing("orders")
    successor = room.succeed()  # the picture is of before the order

    leg = successor.waiting(place(ada), up=False, rings=True, state="called", endpoint="carrier")
    successor.resync(leg)
    successor.let_pass(5)
    assert successor.offered_to(place(ada)) is None
    successor.customer_answers(place(ada))

    assert successor.of(CallCustomer) == []
    assert results(successor) == [TryResult.ANSWERED]
    assert successor.offered_to(place(ada)) is not None


def test_who_answers_a_call_nobody_knows_of_is_taken_as_called() -> None:
    room, ada = owing("orders")

    room.see(replace(room.arrival("x"), contact_id=place(ada), leg=LegId(place(ada))))
    room.bridges(room.accepts(place(ada)))

    assert room.of(CallCustomer) == []
    assert ends(room) == [PromiseEnd.KEPT]


def test_a_talk_that_is_seen_before_the_answer_is_not_ended() -> None:
    room, ada = owing("orders")
    offer_id = room.accepts(place(ada))

    room.bridges(offer_id)

    assert ends(room) == [PromiseEnd.KEPT]
    assert room.of(EndLeg) == []
    room.agent_hangs_up(offer_id)
    room.ends(place(ada))
    assert room.record(place(ada)).outcome is Outcome.ANSWERED


def test_a_call_that_ended_unseen_is_tried_again_by_the_successor() -> None:
    room, ada = owing("orders")
    room.accepts(place(ada))
    room.customer_rings(place(ada))

    successor = room.succeed()
    successor.resync()
    assert results(successor) == [TryResult.FAILED]
    successor.let_pass(61)

    assert successor.state(place(ada, 2)) in ("queued", "offered")


def test_a_call_that_was_answered_unseen_is_found() -> None:
    room, ada = owing("orders")
    room.accepts(place(ada))

    successor = room.succeed()
    successor.resync(successor.waiting(place(ada)))

    assert results(successor) == [TryResult.ANSWERED]
    assert not successor.floor.contacts[place(ada)].place


def test_what_was_only_asked_for_counts_once_it_is_read_by_a_successor() -> None:
    room = CallbackRoom()
    ada = room.calls("ada")
    room.see(CallbackConfirmed(contact_id=ada, at=room.now))

    successor = room.succeed()
    successor.resync(successor.waiting(ada))
    successor.let_pass(3)

    assert successor.last(SendCaller).exten == "promised"
    assert successor.state(place(ada)) == "queued"


def test_a_resync_leaves_the_places_alone() -> None:
    room = CallbackRoom()
    ada = room.is_promised("ada")

    room.resync()
    room.see(Resynced(node=NODE, legs=(), asked_at=room.now, at=room.now))

    assert room.state(place(ada)) == "queued"


def test_who_was_called_by_a_promise_that_is_forgotten_is_billed_from_the_answer_and_keeps_their_age() -> None:
    """Redis lost it with the router: nobody knows the promise, but the call it gave rise to is there."""
    room = CallbackRoom()
    long_ago = room.now - 3600 * SECOND
    room.calls("ada_cb1", arrived_at=long_ago)

    called = ContactId(f"{NODE}-ada_cb1")
    assert room.state(called) == "queued"
    assert room.floor.contacts[called].aged_from == long_ago
    answered_at = room.now
    room.let_pass(5)
    room.ends(called)

    assert room.record(called).arrived_at == answered_at


def test_who_was_called_by_a_promise_that_is_forgotten_is_found_and_billed_from_then_on() -> None:
    room = CallbackRoom()
    called = ContactId(f"{NODE}-ada_cb1")
    room.resync(room.waiting(called, arrived_at=room.now - 3600 * SECOND))

    assert room.state(called) == "queued"
    found_at = room.now
    room.ends(called)

    assert room.record(called).arrived_at == found_at


def test_who_called_again_while_nobody_looked_takes_the_place_and_is_not_called() -> None:
    room = CallbackRoom()
    room.is_promised("ada")
    room.let_pass(10)
    bob = room.calls("bob", ani="+4930555222")

    successor = room.succeed()
    again = ContactId(f"{NODE}-again")
    successor.resync(successor.waiting(bob, ani="+4930555222"), successor.waiting(again))

    assert ends(successor) == []
    assert [c.contact_id for c in successor.floor.queues[ORDERS].in_line()] == [again, bob]
    successor.agent_joins()
    successor.talks(again)
    assert ends(successor) == [PromiseEnd.WITHDRAWN]


def test_who_is_rung_for_after_a_takeover_and_then_promised_gives_no_offer_s_id_to_their_place() -> None:
    """Both are counted from the epoch on; an id that came twice would be no talk for Asterisk, nor for the ledger."""
    room = CallbackRoom()
    ada = room.calls("ada")
    room.see(CallbackConfirmed(contact_id=ada, at=room.now))

    successor = room.succeed()
    legs = (successor.waiting(ada),)
    successor.see(Resynced(node=NODE, legs=legs, epoch=4, asked_at=successor.now, at=successor.now))
    successor.agent_joins("orders")
    first = successor.offer(ada)
    successor.appears(first)
    successor.let_pass(3)
    successor.ends(first)
    successor.ends(ada)

    assert successor.state(place(ada)) == "offered"
    assert successor.offer(place(ada)) != first
