"""The pump: order, isolation, bounds, deadlines and heart. Time moves only by hand (tests/fakes/pump_room.py)."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator

import pytest

from router.domain.errors import CommandRefused
from router.domain.ids import SECOND, AgentId, LegId, Micros
from router.domain.messages.commands import Command, LogIn, LogOut, Pause, StopOffering
from router.domain.messages.effects import AnswerPhone, Effect, EndLeg, LookAgain, RingAgent
from router.domain.messages.events import ContactConnected, ContactEnded, ContactQueued, Event, OfferMade
from router.domain.messages.observations import (
    CallerKeyed,
    CallTurnedAway,
    EndpointSeen,
    LegAnswered,
    NodeLost,
    Observation,
    OwnerSeen,
    PhoneAsked,
)
from router.domain.record import OfferResult
from router.runtime import WallClock
from tests.fakes.pump_room import AGENT, DIAL, Room, turns
from tests.fakes.telephony import NODE


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    made = Room().staffed()
    made.pump.start()
    await made.quiet()
    yield made
    made.pump.stop()


# ---- order ----


async def test_a_caller_reaches_a_free_agent_and_the_talk_is_told(room: Room) -> None:
    contact = room.calls.arrive("shop")
    await room.quiet()
    [connected] = room.events(ContactConnected)
    assert isinstance(connected, ContactConnected)
    assert (connected.contact_id, connected.agent_id) == (contact, AGENT)


async def test_effects_leave_before_events_are_told(room: Room) -> None:
    when_told: list[int] = []
    room.pump.subscribe(
        lambda event, now: when_told.append(len(room.effects(RingAgent))) if isinstance(event, OfferMade) else None
    )
    room.calls.arrive("shop")
    await room.quiet()
    assert when_told == [1]


async def test_observations_are_handled_in_the_order_they_were_seen(room: Room) -> None:
    contacts = [room.calls.arrive("shop") for _ in range(500)]
    await room.quiet()
    queued = [event.contact_id for event in room.events(ContactQueued) if isinstance(event, ContactQueued)]
    assert queued == contacts


async def test_every_subscriber_hears_the_same_events_in_the_same_order(room: Room) -> None:
    second: list[Event] = []
    room.pump.subscribe(lambda event, now: second.append(event))
    room.told.clear()
    for _ in range(3):
        contact = room.calls.arrive("shop")
        await room.quiet()
        room.calls.hang_up(room.engine.floor.contacts[contact].leg)
        await room.quiet()
    assert second == room.told
    assert len(room.events(ContactEnded)) == 3


async def test_what_was_seen_before_the_start_is_handled_at_the_start() -> None:
    room = Room().staffed()
    room.calls.arrive("shop")
    assert room.pump.depth > 0
    room.pump.start()
    await turns(lambda: bool(room.events(ContactConnected)))
    room.pump.stop()


# ---- nobody hurts the pump ----


async def test_a_subscriber_that_raises_costs_the_others_nothing(room: Room) -> None:
    def broken(event: Event, now: Micros) -> None:
        raise RuntimeError("full disk")

    heard: list[Event] = []
    room.pump.subscribe(broken)
    room.pump.subscribe(lambda event, now: heard.append(event))
    room.told.clear()
    room.calls.arrive("shop")
    await room.quiet()
    assert heard == room.told != []
    assert room.pump.failures == len(heard)


async def test_an_adapter_that_raises_costs_neither_the_other_effects_nor_the_events(room: Room) -> None:
    room.calls.broken = RuntimeError("not encodable")
    room.calls.arrive("shop")
    await room.quiet()
    assert room.events(OfferMade)
    assert room.pump.failures == 1
    room.calls.broken = None
    room.clock.pass_s(15)
    room.pump.see(EndpointSeen(endpoint="nobody", reachable=True, at=0))
    await room.quiet()
    assert room.pump.depth == 0


async def test_an_engine_that_fails_on_one_observation_handles_the_next(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = room.engine.handle

    def touchy(message: Command | Observation, now: Micros) -> None:
        if isinstance(message, CallerKeyed):
            raise KeyError("a bug of ours")
        handle(message, now)

    monkeypatch.setattr(room.engine, "handle", touchy)
    room.pump.see(CallerKeyed(contact_id=AGENT, key="1", at=0))  # type: ignore[arg-type]
    room.calls.arrive("shop")
    await room.quiet()
    assert room.pump.failures == 1
    assert room.events(ContactConnected)


# ---- commands ----


async def test_a_refused_command_says_why_and_changes_nothing(room: Room) -> None:
    before = room.engine.floor.agents[AGENT].picture(status_changed=False)
    room.told.clear()
    for command in (LogIn(agent_id=AGENT), Pause(agent_id=AgentId("agent-9"), reason="break")):
        with pytest.raises(CommandRefused) as refused:
            room.pump.ask(command)
        assert refused.value.message
    await room.quiet()
    assert room.engine.floor.agents[AGENT].picture(status_changed=False) == before
    assert room.told == []


async def test_a_command_is_carried_out_at_once_however_full_the_inbox_is(room: Room) -> None:
    for _ in range(50_000):
        room.pump.see(EndpointSeen(endpoint="nobody", reachable=True, at=0))
    waiting = room.pump.depth
    room.pump.ask(Pause(agent_id=AGENT, reason="break"))
    assert room.engine.floor.agents[AGENT].reason == "break"
    assert room.pump.depth == waiting > 0


async def test_a_caller_who_finds_nobody_ahead_is_decided_about_before_the_loop_turns(room: Room) -> None:
    room.calls.arrive("shop")

    assert [ring.agent_id for ring in room.effects(RingAgent)] == [AGENT]
    assert room.pump.depth > 0  # what Asterisk said of the ring while we were at it


async def test_what_a_performed_effect_makes_us_see_waits_until_the_events_are_told(room: Room) -> None:
    order: list[str] = []
    perform = room.calls.perform

    def performs(effect: Effect) -> None:
        if isinstance(effect, RingAgent):
            room.pump.see(CallTurnedAway(dialled="", reason="first", at=0))
            order.append("rings")
        perform(effect)

    room.calls.perform = performs  # type: ignore[method-assign]
    room.pump.subscribe(lambda event, now: order.append(type(event).__name__))
    room.calls.arrive("shop")
    told = order.index("OfferMade")
    await turns(lambda: "CallRefused" in order)

    assert order[0] == "rings"
    assert told < order.index("CallRefused")


# ---- the bounded inbox ----


async def test_an_overflow_throws_the_past_away_and_asks_for_the_truth() -> None:
    room = Room(inbox_limit=50, slice_s=0).staffed()
    room.pump.start()
    await room.quiet()
    for _ in range(51):
        room.pump.see(EndpointSeen(endpoint="nobody", reachable=True, at=0))
    assert room.pump.overflows == 1
    assert room.effects(LookAgain) == [LookAgain(node=NODE)]
    assert room.pump.depth == 1  # the snapshot that was asked for
    room.pump.stop()


async def test_after_an_overflow_no_caller_is_lost_and_no_dead_one_kept() -> None:
    room = Room(inbox_limit=50, slice_s=0).staffed()
    room.pump.start()
    await room.quiet()
    talking = room.calls.arrive("shop")
    await room.quiet()
    assert room.events(ContactConnected)
    room.clock.pass_s(1)
    room.calls.hang_up(room.engine.floor.contacts[talking].leg)
    arrived = [room.calls.arrive("shop") for _ in range(60)]
    room.clock.pass_s(1)
    await room.quiet()
    assert room.pump.overflows >= 1
    ended = [event.record.contact_id for event in room.events(ContactEnded) if isinstance(event, ContactEnded)]
    assert ended == [talking]
    assert list(room.engine.floor.contacts) == arrived
    room.pump.stop()


async def test_an_overflow_forgets_neither_a_new_owner_nor_a_lost_node() -> None:
    room = Room(inbox_limit=50, slice_s=0).staffed()
    room.pump.start()
    await room.quiet()
    room.calls.away = True
    room.pump.see(NodeLost(node=NODE))
    room.pump.see(OwnerSeen(pool="main", epoch=9))
    for _ in range(60):
        room.pump.see(EndpointSeen(endpoint="nobody", reachable=True, at=0))
    await room.quiet()
    assert room.engine.floor.nodes == {}
    assert room.engine.floor.lost
    room.pump.stop()


async def test_an_overflow_before_the_first_snapshot_was_handled_asks_for_another() -> None:
    room = Room(inbox_limit=5).staffed()
    assert room.engine.floor.nodes == {}
    for _ in range(5):
        room.pump.see(EndpointSeen(endpoint="nobody", reachable=True, at=0))
    assert room.effects(LookAgain) == [LookAgain(node=NODE)]
    room.pump.start()
    await room.quiet()
    assert list(room.engine.floor.nodes) == [NODE]
    room.pump.stop()


# ---- deadlines ----


async def test_a_ring_that_nobody_answers_ends_at_its_deadline(room: Room) -> None:
    room.calls.silent.add(DIAL)
    room.calls.arrive("shop")
    await room.quiet()
    room.clock.pass_s(14.9)
    await room.quiet()
    assert room.effects(EndLeg) == []
    room.clock.pass_s(0.2)
    await room.quiet()
    assert len(room.effects(EndLeg)) == 1
    assert room.engine.floor.agents[AGENT].reason == "rona"


async def test_one_timer_is_armed_for_the_nearest_deadline_and_follows_it(room: Room) -> None:
    assert room.pump._timer is None
    room.calls.silent.add(DIAL)
    contact = room.calls.arrive("shop")
    await room.quiet()
    ringing = room.pump._timer
    assert ringing is not None
    first = next(iter(room.engine.floor.contacts[contact].live.values()))
    assert first is not None
    assert room.engine.next_timer() == first.deadline_at
    room.calls.hang_up(room.engine.floor.contacts[contact].leg)
    await room.quiet()
    assert ringing.cancelled()
    look = first.made_at + room.engine.floor.rules.sweep_us
    assert (room.engine.next_timer(), room.pump._armed_for) == (look, look), "all that is left is to look who is there"
    room.clock.pass_s(room.engine.floor.rules.sweep_us / SECOND + 0.001)
    await room.quiet()
    assert (room.engine.next_timer(), room.pump._timer) == (None, None)


async def test_an_answer_behind_a_backlog_is_heard_before_the_deadline_that_passed_meanwhile(room: Room) -> None:
    room.calls.silent.add(DIAL)
    contact = room.calls.arrive("shop")
    await room.quiet()
    offer = next(iter(room.engine.floor.contacts[contact].live.values()))
    assert offer is not None
    for _ in range(20_000):
        room.pump.see(EndpointSeen(endpoint="nobody", reachable=True, at=0))
    room.pump.see(LegAnswered(leg=offer.leg, at=room.clock.now()))
    room.clock.pass_s(15.001)
    await room.quiet()
    assert room.effects(EndLeg) == []
    assert room.engine.floor.agents[AGENT].work == "ringing"
    assert offer.result is not OfferResult.MISSED


# ---- the loop keeps turning ----


async def test_a_deadline_waits_for_what_was_heard_and_is_not_parsed_yet(room: Room) -> None:
    room.calls.silent.add(DIAL)
    room.calls.arrive("shop")
    await room.quiet()
    behind = True
    room.pump.behind = lambda: behind
    room.clock.pass_s(60)
    for _ in range(50):
        await asyncio.sleep(0)
    assert room.effects(EndLeg) == []

    behind = False

    await turns(lambda: bool(room.effects(EndLeg)))


async def test_a_burst_of_twenty_thousand_gives_the_loop_its_turn_all_the_time(room: Room) -> None:
    for _ in range(10_000):
        room.calls.hang_up(LegId(room.calls.arrive("shop")))
    assert room.pump.depth > 10_000  # the turn that began with the first of them decides for one slice only
    gc.disable()  # its pauses depend on every other test's garbage; app.py looks after the router's
    # CPU time of this thread: other programs of the machine must not decide the test.
    longest, turned, began = 0.0, 0, time.thread_time()
    last = began
    while room.pump.depth:
        await asyncio.sleep(0)
        now = time.thread_time()
        longest, last, turned = max(longest, now - last), now, turned + 1
    whole = time.thread_time() - began
    gc.enable()
    # Relative, since nobody knows the machine: no turn may take a large part of the whole.
    assert turned >= 10
    assert len(room.events(ContactEnded)) == 10_000
    assert longest < whole / 4, f"{longest:.3f} s of {whole:.3f} s in one turn"


# ---- the heart ----


async def test_the_heart_beats_at_the_start_and_goes_on_whatever_raises() -> None:
    room = Room()

    def broken(late: float) -> None:
        raise RuntimeError("metrics")

    room.pump.lagged = broken
    room.calls.broken = RuntimeError("adapter")
    room.pump.start()
    assert room.calls.beats == [1]
    assert room.pump.failures == 2
    assert room.pump._beat is not None
    assert not room.pump._beat.cancelled()
    room.pump.stop()


async def test_the_heart_beats_each_second_and_counts_on() -> None:
    room = Room()
    room.pump.start()
    for seconds in (0.9, 0.2, 1.0, 1.0):
        room.clock.pass_s(seconds)
        await room.quiet()
    room.pump.stop()
    assert room.calls.beats == [1, 2, 3, 4]


async def test_a_loop_that_stood_still_beats_at_once_and_only_once_for_it() -> None:
    room = Room()
    lags: list[float] = []
    room.pump.lagged = lags.append
    room.pump.start()
    room.clock.pass_s(8.5)
    await room.quiet()
    assert room.calls.beats in ([1, 2], [1, 2, 3])
    assert room.pump.max_lag_s == max(lags) == pytest.approx(7.5)
    room.pump.stop()


async def test_who_stops_beating_still_ticks() -> None:
    room = Room().staffed()
    room.pump.start()
    room.pump.stop_beating()
    room.clock.pass_s(5)
    room.calls.arrive("shop")
    await room.quiet()
    assert room.events(ContactConnected)
    assert room.calls.beats == [1]
    room.pump.stop()


async def test_who_was_told_to_leave_offers_nothing_more(room: Room) -> None:
    room.pump.ask(StopOffering())
    room.calls.arrive("shop")
    await room.quiet()
    assert room.events(ContactQueued)
    assert room.effects(RingAgent) == []


async def test_after_the_stop_nothing_is_handled_performed_or_beaten(room: Room) -> None:
    room.pump.stop()
    room.calls.arrive("shop")
    for _ in range(20):
        await asyncio.sleep(0)
    assert room.pump.depth == 1
    assert room.effects(RingAgent) == []
    assert room.pump._timer is None
    assert room.pump._beat is None


async def test_a_pump_that_is_started_again_goes_on_where_it_stopped(room: Room) -> None:
    room.pump.stop()
    room.calls.arrive("shop")
    await asyncio.sleep(0)
    assert room.pump.depth == 1
    room.pump.start()
    await turns(lambda: bool(room.events(ContactConnected)))


# ---- the clock ----


def test_the_clock_never_steps_back_when_the_systems_clock_does(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = WallClock()
    before = clock.now()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert before <= clock.now() < before + 60_000_000


def test_a_reading_of_the_monotonic_clock_is_placed_on_the_same_line() -> None:
    clock = WallClock()
    before, reading, after = clock.now(), time.monotonic(), clock.now()
    assert before - 1 <= clock.from_monotonic(reading) <= after + 1


async def test_only_decisions_that_made_an_offer_are_timed(room: Room) -> None:
    timed: list[float] = []
    room.pump.decided = timed.append
    room.calls.resync()
    await room.quiet()
    assert timed == []
    room.calls.arrive("shop")
    await room.quiet()
    assert len(timed) == 1
    assert timed[0] >= 0


async def test_a_log_out_during_a_talk_waits_for_its_end(room: Room) -> None:
    contact = room.calls.arrive("shop")
    await room.quiet()
    room.pump.ask(LogOut(agent_id=AGENT))
    assert room.engine.floor.agents[AGENT].next_status == "LOGGED_OUT"
    room.calls.hang_up(room.engine.floor.contacts[contact].leg)
    await room.quiet()
    assert room.engine.floor.agents[AGENT].status == "LOGGED_OUT"


# ---- who writes down how the floor stands, and who says that it is written ----


async def test_who_writes_the_floor_down_is_told_of_each_change_after_its_effects(room: Room) -> None:
    ordered: list[int] = []
    room.pump.stirred = lambda: ordered.append(len(room.effects(RingAgent)))
    room.calls.arrive("shop")
    await room.quiet()
    assert 1 in ordered, "the ring had left by then"
    told = len(ordered)
    room.pump.ask(LogOut(agent_id=AGENT))
    assert len(ordered) == told + 1
    room.clock.pass_s(room.engine.floor.rules.sweep_us / SECOND + 0.001)
    await room.quiet()
    assert len(ordered) > told + 1, "a deadline changes it as well"


async def test_the_answer_to_a_feature_code_is_left_to_whoever_knows_that_it_is_safe(room: Room) -> None:
    spoken: list[AnswerPhone] = []
    room.pump.speak = spoken.append
    leg, at = LegId("pbx_1-7"), room.clock.now()
    room.pump.see(PhoneAsked(leg=leg, channel=f"{DIAL}-7", endpoint=AGENT, code="*46", arg="", node=NODE, at=at))
    await room.quiet()
    assert [answer.leg for answer in spoken] == [leg]
    assert room.effects(AnswerPhone) == [], "not behind its back"


def test_a_successors_clock_is_never_behind_what_the_dead_router_wrote_down() -> None:
    clock = WallClock()
    ahead = clock.now() + 3600 * SECOND
    clock.not_before(ahead)
    assert ahead <= clock.now() < ahead + 60 * SECOND
    clock.not_before(ahead - 1800 * SECOND)
    assert clock.now() >= ahead, "and never steps back for it"
