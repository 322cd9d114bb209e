"""The canary: one call of our own through engine, pump and an Asterisk in memory, or how far it came, in a sentence."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from router import canary
from router.canary import AGENT, NUMBER, Canary, with_canary
from router.domain.engine import Engine
from router.domain.errors import CommandRefused, RemoteError
from router.domain.ids import AgentId
from router.domain.messages.commands import AgentProfile, Enrol, LogIn, LogOut, Pause
from router.domain.messages.events import ContactEnded, Event
from router.domain.record import Outcome
from router.domain.rulebook.rules import Rules
from router.runtime import Pump
from tests.fakes.clock import HandClock
from tests.fakes.pump_room import rules
from tests.fakes.telephony import FakeTelephony


class Room:
    def __init__(self) -> None:
        self.clock = HandClock()
        self.rules: Rules = with_canary(rules())
        self.engine = Engine(self.rules)
        self.pump = Pump(self.engine, clock=self.clock)
        self.calls = FakeTelephony(self.clock.now, self.pump.see)
        self.pump.telephony = self.calls
        self.bird = Canary(self.pump, self.calls)
        self.events: list[Event] = []
        self.pump.subscribe(self.bird)
        self.pump.subscribe(lambda event, now: self.events.append(event))
        canary.enrol(self.pump)

    @property
    def ended(self) -> list[ContactEnded]:
        return [event for event in self.events if isinstance(event, ContactEnded)]


@pytest.fixture
async def room(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    monkeypatch.setattr(canary, "_TALK_S", 0.0)
    monkeypatch.setattr(canary, "_DEADLINE_S", 0.2)
    made = Room()
    made.pump.start()
    made.calls.publish(made.rules)
    yield made
    made.pump.stop()


async def test_a_canary_flies_through_every_milestone_and_leaves_a_record(room: Room) -> None:
    flown = await room.bird.fly()
    assert list(flown["milestones"]) == ["arrived", "queued", "offered", "ringing", "connected", "ended"]  # type: ignore[call-overload]
    [ended] = room.ended
    assert ended.record.contact_id == flown["contact_id"]
    assert (ended.record.outcome, ended.record.campaign) == (Outcome.ANSWERED, "canary")
    assert room.calls.legs == {}


async def test_it_can_fly_again_at_once(room: Room) -> None:
    first = await room.bird.fly()
    second = await room.bird.fly()
    assert first["contact_id"] != second["contact_id"]
    assert len(room.ended) == 2


async def test_one_that_never_arrives_says_that_it_passed_nothing(room: Room) -> None:
    room.calls.away = True
    with pytest.raises(RemoteError, match=r"did not reach its talk within .* passed: nothing") as lost:
        await room.bird.fly()
    assert lost.value.error_id == "canary-lost"
    assert lost.value.retryable


async def test_one_that_nobody_answers_names_what_it_passed_and_does_not_linger(room: Room) -> None:
    room.calls.silent.add("Local/s@acd-canary-agent/n")
    with pytest.raises(RemoteError, match="it passed: arrived, queued, offered, ringing"):
        await room.bird.fly()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert room.engine.floor.contacts == {}
    room.calls.silent.clear()
    assert room.engine.floor.agents[AGENT].offer is None
    assert (await room.bird.fly())["contact_id"]


async def test_one_whose_asker_went_away_is_let_go(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "_TALK_S", 60.0)
    flight = asyncio.ensure_future(room.bird.fly())
    for _ in range(20):
        await asyncio.sleep(0)
    assert room.engine.floor.agents[AGENT].work == "talking"
    flight.cancel()
    with pytest.raises(asyncio.CancelledError):
        await flight
    for _ in range(20):
        await asyncio.sleep(0)
    assert room.engine.floor.agents[AGENT].work == "idle"
    assert len(room.ended) == 1


@pytest.mark.parametrize("command", [Pause(agent_id=AGENT, reason="rona"), LogOut(agent_id=AGENT)], ids=repr)
async def test_an_agent_of_its_that_missed_or_was_logged_out_is_made_ready_first(
    room: Room, command: Pause | LogOut
) -> None:
    room.pump.ask(command)
    assert (await room.bird.fly())["contact_id"]


async def test_a_second_one_is_refused_while_one_is_on_its_way(room: Room) -> None:
    flight = asyncio.ensure_future(room.bird.fly())
    await asyncio.sleep(0)
    with pytest.raises(CommandRefused) as refused:
        await room.bird.fly()
    assert refused.value.error_id == "canary-flying"
    await flight


async def test_other_contacts_are_none_of_its_business(room: Room) -> None:
    agent = AgentId("agent-1001")
    room.calls.phones[agent] = True
    room.pump.ask(Enrol(profile=AgentProfile(agent_id=agent, endpoint=agent, skills={"de": 100})))
    room.pump.ask(LogIn(agent_id=agent))
    room.calls.resync()
    others = [room.calls.arrive("shop") for _ in range(3)]
    flown = await room.bird.fly()
    assert flown["contact_id"] not in others
    assert room.engine.floor.agents[AGENT].skilled == room.engine.floor.queues["canary/echo"].rows  # type: ignore[index]
    assert list(room.engine.floor.contacts) == others


def test_no_number_a_trunk_can_dial_is_the_canarys() -> None:
    assert not any(character.isdigit() for character in NUMBER)


def test_its_campaign_joins_the_sites_rules_and_changes_none_of_them() -> None:
    site = rules()
    both = with_canary(site)
    assert set(both.campaigns) - set(site.campaigns) == {"canary"}
    assert set(both.queues) - set(site.queues) == {"canary/echo"}
    assert both.config_hash == site.config_hash
    assert set(site.campaigns) == {"shop"}
