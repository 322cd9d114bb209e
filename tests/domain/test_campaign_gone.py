"""A router takes over under rules that lack a campaign: its talks go on and are billed, its waiting callers are told
goodbye, and no other client's agents are asked. As at a reload."""

from dataclasses import replace
from random import Random

import pytest

from router.domain.engine import Engine
from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, LegId
from router.domain.messages.commands import Configure, Enrol, LogIn
from router.domain.messages.effects import EndLeg, RingAgent, SendCaller
from router.domain.messages.events import ContactEnded
from router.domain.messages.observations import EndpointSeen, LegSnapshot
from router.domain.pictures.picture import AgentStands, whole
from router.domain.pictures.recovery import restore, take_over
from router.domain.record import BillingRecord, EndedBy, Outcome
from router.domain.rulebook.rules import LONGEST_CALL_US, Rules
from router.simulation import site
from router.simulation.centre import Centre
from router.simulation.legs import Leg, Place
from router.simulation.wire import CALM
from tests.builders import GENERAL, SHOP, Room, rules

ME = AgentId("agent-1001")
C1 = ContactId("node-a-c1")


def without(of: Rules, campaign: CampaignName) -> Rules:
    """The same rules when that client has left."""
    return replace(
        of,
        campaigns={name: rules for name, rules in of.campaigns.items() if name != campaign},
        queues={name: queue for name, queue in of.queues.items() if queue.campaign != campaign},
    )


class Successor(Room):
    """A room in which somebody else's router stood, under rules that still had the shop."""

    def __init__(self, before: Room) -> None:
        self.engine = Engine(without(rules(), SHOP))
        self.now, self.agents, self._bridges = before.now, before.agents, before._bridges
        self.events, self.effects = [*before.events], []
        for agent in before.floor.agents.values():
            self.ask(Enrol(profile=agent.profile))
        assert restore(self.floor, whole(before.floor), self.now) == []
        take_over(self.floor, self.now)
        self._drain()


def talk_of(room: Room, caller: ContactId, offer: str, since: int) -> tuple[LegSnapshot, LegSnapshot]:
    """Caller and agent in one bridge, as Asterisk has them."""
    bridge, attempt = f"bridge-{room._bridges}", int(offer.rpartition(".")[2])
    return (
        room.waiting(caller, state="talking", bridge=bridge, arrived_at=since, talk_at=since),
        room.agent_leg(caller, attempt, ME, state="talking", bridge=bridge),
    )


# ---- at the simulated centre: the whole way ----


class Desk(Centre):
    """A simulated centre with one agent, where nobody moves but by hand."""

    def __init__(self) -> None:
        self.records: list[BillingRecord] = []
        dice = Random(1)
        profiles = [replace(one, skills={"de": 100, "orders": 100, "bank": 100}) for one in site.agents(1, dice)]
        super().__init__(site.rules(), profiles, dice, CALM)

    def _settle(self) -> None:
        self.records += [event.record for event in self.engine.floor.events if isinstance(event, ContactEnded)]
        super()._settle()

    def pass_s(self, seconds: int) -> None:
        self.run(self.now + seconds * SECOND)

    def calls(self) -> Leg:
        return self.asterisk.call_in(site.SHOP, site.DNIS[site.SHOP], "+4930555999")

    def without_the_shop(self) -> None:
        """The router dies; two seconds later another takes over, whose files know no shop."""
        self._rules = without(site.rules(), site.SHOP)
        assert self.die(2 * SECOND)
        self.pass_s(5)

    def judged(self) -> None:
        self.judge.look(self.now)
        assert self.judge.faults == []


def test_a_takeover_without_the_campaign_bills_the_talk_and_bids_the_waiting_caller_goodbye() -> None:
    desk = Desk()
    desk.ask(LogIn(agent_id=ME))
    talks = desk.calls()
    desk.pass_s(1)
    phone = desk.asterisk.phones[ME]
    (leg,) = phone.in_hand.values()
    desk.asterisk.ring(leg)
    desk.asterisk.answer(leg)
    desk.pass_s(10)
    assert talks.place is Place.BRIDGE
    waits = desk.calls()
    desk.pass_s(10)

    desk.without_the_shop()
    assert waits.place in (Place.CLOSING, Place.GONE)
    assert (talks.place, leg.place) == (Place.BRIDGE, Place.BRIDGE)
    desk.pass_s(60)
    assert (talks.place, leg.place) == (Place.BRIDGE, Place.BRIDGE)
    assert desk.engine.floor.agents[ME].work == "talking"
    desk.judged()

    desk.asterisk.hang_up(leg)
    desk.pass_s(30)
    goodbye, served = desk.records
    assert (goodbye.contact_id, goodbye.outcome, goodbye.ended_by) == (waits.leg, Outcome.SYSTEM, EndedBy.SYSTEM)
    assert [str(segment.kind) for segment in goodbye.segments] == ["waiting", "announcement"]
    assert (served.contact_id, served.outcome, served.campaign) == (talks.leg, Outcome.ANSWERED, site.SHOP)
    assert talks.life is not None
    (true,) = talks.life.talks
    (talk,) = [segment for segment in served.segments if segment.agent_id == ME]
    assert (talk.from_at, talk.queue) == (true.from_at, site.ORDERS)
    assert true.to_at is not None
    assert 0 <= talk.to_at - true.to_at <= 20_000
    assert desk.engine.floor.agents[ME].work == "idle"
    assert not desk.engine.floor.contacts
    desk.judged()


def test_who_was_being_rung_when_the_router_died_and_talks_now_is_not_torn_away() -> None:
    desk = Desk()
    desk.ask(LogIn(agent_id=ME))
    caller = desk.calls()
    desk.pass_s(1)
    (leg,) = desk.asterisk.phones[ME].in_hand.values()
    desk.asterisk.ring(leg)
    desk.pass_s(1)
    desk._rules = without(site.rules(), site.SHOP)
    desk.die(2 * SECOND)
    desk.asterisk.answer(leg)
    desk.pass_s(30)
    assert caller.place is Place.BRIDGE
    desk.asterisk.hang_up(caller)
    desk.pass_s(5)
    (record,) = desk.records
    assert (record.outcome, [str(segment.kind) for segment in record.segments]) == (
        Outcome.ANSWERED,
        ["waiting", "talk"],
    )
    desk.judged()


# ---- in the room: one thing at a time ----


def test_a_reload_does_the_same_to_a_talk() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    offer = room.talks(caller)
    room.ask(Configure(rules=without(rules(), SHOP)))
    room.let_pass(30)
    room.agent_hangs_up(offer)
    room.ends(caller)
    assert (room.record(caller).outcome, room.record(caller).campaign) == (Outcome.ANSWERED, SHOP)


def test_a_talk_goes_on_however_long_the_resync_takes() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    room.talks(caller)
    room = Successor(room)
    room.let_pass(60)
    assert room.of(EndLeg) == []
    assert room.floor.agents[ME].work == "talking"


def test_a_talk_of_a_campaign_that_is_gone_has_a_longest_time_too() -> None:
    room = Room("orders")
    caller = room.calls("c1")
    since = room.now
    offer = room.talks(caller)
    room = Successor(room)
    room.resync(*talk_of(room, caller, offer, since))
    room.let_pass(LONGEST_CALL_US // SECOND + 1)
    assert LegId(caller) in [effect.leg for effect in room.of(EndLeg)]


def test_whose_agent_is_gone_hears_the_closing_message_and_not_another_clients_agents() -> None:
    room = Room("orders", "orders general bank")
    caller = room.calls("c1")
    since = room.now
    offer = room.talks(caller)
    room = Successor(room)
    for agent_id in room.agents:
        room.see(EndpointSeen(endpoint=agent_id, reachable=True, at=room.now))
    room.resync(*talk_of(room, caller, offer, since))
    room.ends(offer)
    room.let_pass(6)
    assert room.last(SendCaller).context == "acd-closing"
    assert room.of(RingAgent) == []


def test_who_waits_is_sent_off_once_asterisk_says_that_they_wait_and_not_before() -> None:
    room = Room()
    caller = room.calls("c1")
    room.let_pass(10)
    room = Successor(room)
    room.let_pass(3)
    assert room.of(SendCaller) == []
    room.resync(room.waiting(caller))
    assert room.last(SendCaller).context == "acd-closing"
    room.resync(room.waiting(caller, state="fallback"))
    assert len(room.of(SendCaller)) == 1
    room.let_pass(5)
    room.ends(caller)
    record = room.record(caller)
    assert (record.outcome, record.ended_by, record.campaign) == (Outcome.SYSTEM, EndedBy.SYSTEM, SHOP)
    assert [str(segment.kind) for segment in record.segments] == ["waiting", "announcement"]


def test_who_fell_back_meanwhile_is_left_to_the_dialplan_and_the_record_says_so() -> None:
    room = Room()
    caller = room.calls("c1")
    room.let_pass(10)
    room = Successor(room)
    room.resync(room.waiting(caller, state="fallback"))
    room.let_pass(5)
    room.ends(caller)
    assert room.of(SendCaller) == []
    assert [str(segment.kind) for segment in room.record(caller).segments] == ["waiting", "announcement"]


@pytest.mark.parametrize("earlier", [False, True])
def test_a_talk_that_nobody_saw_between_two_routers_is_billed(earlier: bool) -> None:
    """They were being rung when the router died; before the next one looked, the agent had talked and hung up."""
    room = Room("orders", "orders")
    caller = room.calls("c1")
    if earlier:
        offer = room.talks(caller)
        room.let_pass(20)
        room.ends(offer, cause=44)
        room.let_pass(6)  # a lost line: they are in line again
    room.rings(room.offer(caller))
    room.let_pass(2)
    talk_at = room.now
    room.let_pass(5)
    room = Successor(room)
    room.resync(room.waiting(caller, state="after", talk_at=talk_at, after_at=room.now, agent_id=room.agents[1]))
    assert room.last(EndLeg).leg == caller
    room.ends(caller)
    record = room.record(caller)
    assert (record.outcome, room.of(SendCaller)) == (Outcome.ANSWERED, [])
    talk = next(segment for segment in reversed(record.segments) if segment.kind == "talk")
    assert (talk.from_at, talk.to_at, talk.agent_id) == (talk_at, talk_at + 5 * SECOND, room.agents[1])


def test_a_queue_that_is_gone_sends_its_line_to_the_entry_of_its_own_campaign() -> None:
    kept = rules()
    before = Room()
    caller = before.calls("c1")
    before.let_pass(60)
    fewer = replace(kept, queues={name: queue for name, queue in kept.queues.items() if name != "shop/general"})
    engine = Engine(fewer)
    restore(engine.floor, whole(before.floor), before.now)
    assert engine.floor.contacts[caller].queue == "shop/orders"


def test_a_talk_stays_in_its_queue_though_that_is_gone_and_is_billed_to_it() -> None:
    kept = rules()
    before = Room("orders")
    caller = before.calls("c1")
    before.talks(caller)
    fewer = replace(kept, queues={name: queue for name, queue in kept.queues.items() if name != "shop/orders"})
    shop = replace(kept.campaigns[SHOP], entry=GENERAL)
    engine = Engine(replace(fewer, campaigns={**kept.campaigns, SHOP: shop}))
    restore(engine.floor, whole(before.floor), before.now)
    assert engine.floor.contacts[caller].queue == "shop/orders"


# ---- what no journal told of ----


@pytest.mark.parametrize("state", ["waiting", "offered", "talking"])
def test_a_stranger_who_waits_for_an_unknown_campaign_hears_the_closing_message(state: str) -> None:
    room = Room("orders general bank")
    arrived_at = room.now - 20 * SECOND
    room.resync(room.waiting(C1, campaign=CampaignName("left"), state=state, arrived_at=arrived_at))
    assert [effect.context for effect in room.of(SendCaller)] == ["acd-closing"]
    assert room.rung() == []
    room.let_pass(5)
    room.ends(C1)
    record = room.record(C1)
    assert (record.campaign, record.outcome, record.arrived_at) == ("left", Outcome.SYSTEM, arrived_at)
    assert [str(segment.kind) for segment in record.segments] == ["waiting", "announcement"]


def test_a_stranger_who_talks_for_an_unknown_campaign_is_billed_to_it() -> None:
    room = Room("orders")
    talk_at = room.now - 40 * SECOND
    caller = room.waiting(
        C1, campaign=CampaignName("left"), state="talking", bridge="b", arrived_at=talk_at - SECOND, talk_at=talk_at
    )
    room.resync(caller, room.agent_leg(C1, 1, ME, state="talking", bridge="b"))
    room.let_pass(60)
    assert room.agent(ME).work == "talking"
    assert room.of(EndLeg) == []
    room.caller_hangs_up(C1)
    record = room.record(C1)
    assert (record.campaign, record.outcome, record.answered_at) == ("left", Outcome.ANSWERED, talk_at)
    assert [str(segment.kind) for segment in record.segments] == ["waiting", "talk"]


def test_a_campaign_named_like_anothers_queue_gets_none_of_its_agents() -> None:
    room = Room("bank")
    room.resync(room.waiting(C1, campaign=CampaignName("bank/accounts")))
    assert room.rung() == []
    assert room.floor.contacts[C1].queue not in room.floor.queues


def test_a_leg_that_names_no_campaign_is_nobodys() -> None:
    room = Room("orders")
    room.resync(room.waiting(C1, campaign=None), room.waiting(ContactId("node-a-c2"), campaign=CampaignName("")))
    assert not room.floor.contacts


def test_a_talk_whose_caller_alone_is_not_on_paper_goes_on_and_is_billed() -> None:
    """The picture of the agent came through, the caller's did not: the talk is theirs all the same."""
    before = Room("orders")
    caller = before.calls("c1")
    since = before.now
    offer = before.talks(caller)
    before.let_pass(10)
    engine = Engine(rules())
    engine.handle(Enrol(profile=before.floor.agents[ME].profile), before.now)
    left = [picture for picture in whole(before.floor) if isinstance(picture, AgentStands)]
    restore(engine.floor, left, before.now)
    take_over(engine.floor, before.now)
    before.engine = engine
    before.resync(*talk_of(before, caller, offer, since))
    before.let_pass(30)
    assert not [effect for effect in before.of(EndLeg) if effect.leg == offer]
    before.caller_hangs_up(caller)
    record = before.record(caller)
    (talk,) = record.segments
    assert (str(talk.kind), talk.agent_id, talk.from_at, record.outcome) == ("talk", ME, since, Outcome.ANSWERED)
