"""Who takes over finds the floor as the router before it wrote it down, and tells nothing twice."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from router.domain.engine import Engine
from router.domain.errors import RemoteError
from router.domain.ids import SECOND, AgentId, Micros
from router.domain.messages.commands import Enrol, Pause, Unpause
from router.domain.messages.effects import Effect, EndLeg
from router.domain.messages.events import AgentChanged, Event
from router.domain.pictures.picture import AgentStands, key_of, whole
from router.domain.record import AgentChangeFact, OfferResult
from router.domain.staff.aftermath import in_vain
from router.inheritance import Inheritance, hear_out, inherit
from router.ports import PresenceRow
from router.runtime import Pump, WallClock
from tests.builders import Room, rules
from tests.fakes.journal import FakeJournal, FakeJournalServer
from tests.fakes.ledger import FakeLedger
from tests.fakes.presence import FakePresence, FakePresenceServer

ANNA, BEN = AgentId("agent-1001"), AgentId("agent-1002")


class Heir:
    """A router that comes after another one, in front of what that one left."""

    def __init__(self, before: Room | None = None) -> None:
        self.journal, self.presence = FakeJournalServer(), FakePresenceServer()
        if before is not None:
            self.journal.newest = {key_of(picture): picture for picture in whole(before.floor)}
            self.journal.seq = self.journal.epoch = 1
        self.ledger = FakeLedger()
        self.clock = WallClock()
        self.pump = Pump(Engine(rules(), journalled=True), clock=self.clock)
        self.told: list[Event] = []
        self.directory_away = False
        self.patience_s = 0.1

    async def roll(self) -> None:
        if self.directory_away:
            raise RemoteError("ledger-unreachable", "The database is away.", retryable=True)
        for agent in (ANNA, BEN):
            room = Room()
            room.agent_joins()
            profile = room.floor.agents[ANNA].profile
            self.pump.ask(Enrol(profile=type(profile)(agent_id=agent, endpoint=agent, skills=profile.skills)))

    async def inherit(self) -> Inheritance:
        left = await inherit(
            self.pump,
            self.clock,
            journal=FakeJournal(self.journal),
            presence=FakePresence(self.presence),
            ledger=self.ledger,
            roll=self.roll,
            patience_s=self.patience_s,
        )
        self.pump.subscribe(lambda event, now: self.told.append(event))
        self.pump.start()
        self.pump.stop()
        return left

    async def hears_out(self, left: Inheritance, *, claimed: Callable[[], bool] = lambda: True) -> None:
        await hear_out(
            self.pump, self.clock, self.ledger, left, roll=self.roll, claimed=claimed, again_s=0.001, settled_s=0.001
        )


def presence_row(agent: AgentId, status: str, since_at: Micros = 7) -> PresenceRow:
    return PresenceRow(
        agent_id=agent,
        status=status,
        reason="lunch" if status == "PAUSED" else None,
        next_status=None,
        reach="REACHABLE",
        link="GOOD",
        work="idle",
        contact_id=None,
        since_at=since_at,
    )


async def test_a_caller_who_waited_waits_on_at_the_old_age() -> None:
    before = Room("orders")
    first, second = before.calls("1"), before.calls("2")
    before.talks(first)
    heir = Heir(before)

    await heir.inherit()

    contacts = heir.pump.engine.floor.contacts
    assert {str(key): str(contact.state) for key, contact in contacts.items()} == {first: "connected", second: "queued"}
    assert contacts[second].arrived_at == before.floor.contacts[second].arrived_at


async def test_what_was_told_before_is_not_told_again() -> None:
    before = Room("orders", "orders")
    before.ask(Pause(agent_id=ANNA, reason="lunch"))
    heir = Heir(before)

    await heir.inherit()

    assert heir.pump.engine.floor.agents[ANNA].reason == "lunch"
    assert [event for event in heir.told if isinstance(event, AgentChanged)] == []


async def test_the_journal_goes_before_presence_and_presence_speaks_for_the_rest() -> None:
    before = Room("orders")
    heir = Heir(before)
    heir.presence.pools["main"] = {
        b"1": presence_row(ANNA, "PAUSED"),
        b"2": presence_row(BEN, "PAUSED"),
    }

    await heir.inherit()

    agents = heir.pump.engine.floor.agents
    assert [str(agents[agent].status) for agent in (ANNA, BEN)] == ["READY", "PAUSED"]
    assert agents[BEN].since_at == 7


async def test_without_a_journal_everybody_is_as_presence_has_them() -> None:
    heir = Heir()
    heir.presence.pools["main"] = {b"1": presence_row(ANNA, "READY")}

    left = await heir.inherit()

    assert (left.pictures, heir.pump.engine.floor.agents[ANNA].status) == ((), "READY")


@pytest.mark.parametrize(("ahead_s", "taken"), [(-60, False), (600, True), (400 * 86_400, False)])
async def test_our_clock_does_not_go_back_behind_the_one_before_unless_that_one_was_mad(
    ahead_s: int, taken: bool
) -> None:
    heir = Heir()
    began = heir.clock.now()
    heir.journal.now = began + ahead_s * SECOND

    await heir.inherit()

    assert (heir.clock.now() >= heir.journal.now) is (taken or ahead_s < 0)
    assert heir.clock.now() >= began


async def test_a_directory_that_is_away_costs_no_caller() -> None:
    before = Room()
    waiting = before.calls("1")
    heir = Heir(before)
    heir.directory_away = True

    await heir.inherit()

    assert waiting in heir.pump.engine.floor.contacts


async def test_without_redis_nothing_is_taken_up_and_it_says_so() -> None:
    heir = Heir()
    heir.journal.state = "down"
    with pytest.raises(RemoteError, match="stopped"):
        await heir.inherit()


async def test_a_phone_that_rang_when_its_router_died_is_hung_up_and_its_caller_waits_again() -> None:
    before = Room("orders")
    caller = before.calls("1")
    rung = before.offer(caller)
    heir = Heir(before)
    hung_up: list[Effect] = []
    heir.pump.telephony = Hears(hung_up)  # type: ignore[assignment]

    await heir.inherit()

    floor = heir.pump.engine.floor
    assert [effect.leg for effect in hung_up if isinstance(effect, EndLeg)] == [rung]
    assert (str(floor.contacts[caller].state), floor.contacts[caller].live) == ("queued", {})


class Hears:
    """A telephony that only hears what it is asked to do."""

    def __init__(self, effects: list[Effect]) -> None:
        self.perform = effects.append

    def beat(self, count: int) -> None:
        """Nobody listens."""


def chose(agent: AgentId, at: Micros, status: str, **more: str) -> AgentChangeFact:
    return AgentChangeFact(
        agent_id=agent,
        at=at,
        status=status,
        reason=more.pop("reason", None),
        asked_by=more.pop("asked_by", "phone"),
        **more,
    )


async def test_what_somebody_was_told_is_done_counts_although_redis_has_forgotten_it() -> None:
    heir = Heir()
    await heir.ledger.append(
        [chose(ANNA, 5, "READY"), chose(ANNA, 9, "PAUSED", reason="lunch"), chose(BEN, 4, "READY")]
    )

    await heir.inherit()

    agents = heir.pump.engine.floor.agents
    assert [(str(agents[agent].status), agents[agent].reason) for agent in (ANNA, BEN)] == [
        ("PAUSED", "lunch"),
        ("READY", None),
    ]


@pytest.mark.parametrize(("later", "status"), [(-1, "READY"), (1, "PAUSED")])
async def test_a_journal_that_had_not_heard_of_it_does_not_undo_what_was_chosen(later: Micros, status: str) -> None:
    before = Room("orders")
    heir = Heir(before)
    await heir.ledger.append([chose(ANNA, before.now + later, "PAUSED", reason="lunch")])

    await heir.inherit()

    assert heir.pump.engine.floor.agents[ANNA].status == status


@pytest.mark.parametrize(("later", "status"), [(-1, "READY"), (1, "PAUSED")])
async def test_the_journal_of_an_older_release_knew_what_was_chosen_before_its_last_commit(
    later: Micros, status: str
) -> None:
    before = Room("orders")
    heir = Heir(before)
    heir.journal.newest = {
        key: replace(one, chosen_at=None) if isinstance(one, AgentStands) else one
        for key, one in heir.journal.newest.items()
    }
    heir.journal.now = before.now + 60 * SECOND
    await heir.ledger.append([chose(ANNA, heir.journal.now + later, "PAUSED", reason="lunch")])

    await heir.inherit()

    assert heir.pump.engine.floor.agents[ANNA].status == status


async def test_what_a_router_never_heard_is_not_lost_when_it_dies_before_the_ledger_answers() -> None:
    """It wrote its journal, later than the word was given, and did not know of it."""
    heir, _ = await took_over_without_the_ledger(Room("orders"))
    after = Heir()
    after.journal.newest = {key_of(picture): picture for picture in whole(heir.pump.engine.floor)}
    after.journal.seq, after.journal.epoch, after.journal.now = 2, 2, heir.clock.now()
    after.ledger, heir.ledger.store.away = heir.ledger, None

    await after.inherit()

    assert after.pump.engine.floor.agents[ANNA].status == "LOGGED_OUT"


async def test_what_was_asked_for_during_a_talk_is_still_to_come_and_is_now_where_there_is_none() -> None:
    talking = Room("orders")
    talking.talks(talking.calls("1"))
    for before, now, later in ((talking, "READY", "PAUSED"), (Room("orders"), "PAUSED", None)):
        heir = Heir(before)
        await heir.ledger.append([chose(ANNA, before.now + 1, "READY", next_status="PAUSED", next_reason="lunch")])

        await heir.inherit()

        anna = heir.pump.engine.floor.agents[ANNA]
        assert (anna.status, anna.next_status) == (now, later)


async def test_who_is_ready_by_a_newer_word_is_idle_since_then() -> None:
    before = Room("orders")
    before.ask(Pause(agent_id=ANNA, reason="lunch"))
    heir = Heir(before)
    ready_at = before.now + 60 * SECOND
    await heir.ledger.append([chose(ANNA, ready_at, "READY")])

    await heir.inherit()

    assert heir.pump.engine.floor.agents[ANNA].idle_since == ready_at


async def test_a_word_in_presence_that_is_newer_than_the_ledgers_stays() -> None:
    heir = Heir()
    heir.presence.pools["main"] = {b"1": presence_row(ANNA, "PAUSED", since_at=9)}
    await heir.ledger.append([chose(ANNA, 5, "READY")])
    left = await heir.inherit()

    await heir.hears_out(left)

    assert heir.pump.engine.floor.agents[ANNA].status == "PAUSED"


async def test_a_ledger_that_never_answers_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.inheritance.LEDGER_S", 0.01)
    heir = Heir(Room("orders"))
    monkeypatch.setattr(heir.ledger, "standings", asyncio.Event().wait)
    async with asyncio.timeout(5):
        left = await heir.inherit()
    assert not left.whole
    assert heir.pump.engine.floor.agents[ANNA].status == "READY"


async def never_lets_go() -> tuple[AgentChangeFact, ...]:
    """A driver whose server has fallen silent: told to stop, it says goodbye first, and nobody answers."""
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(60)
    raise AssertionError


async def test_a_database_that_has_fallen_silent_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for what in ("LEDGER_S", "ROLL_S", "PRESENCE_S"):
        monkeypatch.setattr(f"router.inheritance.{what}", 0.01)
    heir = Heir(Room("orders"))
    monkeypatch.setattr(heir.ledger, "standings", never_lets_go)
    monkeypatch.setattr(FakePresence, "load", lambda self: never_lets_go())
    await heir.roll()
    heir.roll = never_lets_go  # type: ignore[method-assign]
    async with asyncio.timeout(8):
        left = await heir.inherit()
    assert (left.whole, left.called) == (False, False)
    assert heir.pump.engine.floor.agents[ANNA].status == "READY"


async def test_a_roll_that_could_not_be_called_at_the_takeover_is_called_as_soon_as_it_can_be() -> None:
    heir = Heir(Room("orders"))
    heir.directory_away = True
    left = await heir.inherit()
    assert BEN not in heir.pump.engine.floor.agents
    await heir.ledger.append([chose(BEN, left.at - 1, "PAUSED")])
    heir.directory_away = False

    await heir.hears_out(left)

    assert heir.pump.engine.floor.agents[BEN].status == "PAUSED", "and what they chose is known, too"


async def test_a_journal_that_answers_at_the_second_time_of_asking_is_read() -> None:
    heir = Heir(Room("orders"))
    heir.journal.state = "down"
    inheriting = asyncio.ensure_future(heir.inherit())
    await asyncio.sleep(0.01)
    heir.journal.state = "up"
    await inheriting
    assert ANNA in heir.pump.engine.floor.agents
    assert heir.pump.engine.floor.agents[ANNA].status == "READY"


async def test_a_ledger_that_is_away_keeps_nobody_waiting() -> None:
    heir = Heir(Room("orders"))
    heir.ledger.store.away = RemoteError("ledger-unreachable", "away", retryable=True)
    await heir.inherit()
    assert heir.pump.engine.floor.agents[ANNA].status == "READY"


async def took_over_without_the_ledger(before: Room) -> tuple[Heir, Inheritance]:
    """Somebody logged out on the ledger's word, and nobody could read it at the takeover."""
    heir = Heir(before)
    heir.journal.now = before.now
    await heir.ledger.append([chose(ANNA, before.now + 1, "LOGGED_OUT")])
    heir.ledger.store.away = RemoteError("ledger-unreachable", "away", retryable=True)
    left = await heir.inherit()
    assert not left.whole
    return heir, left


async def test_what_the_ledger_could_not_tell_at_the_takeover_counts_as_soon_as_it_does() -> None:
    heir, left = await took_over_without_the_ledger(Room("orders"))
    hearing = asyncio.ensure_future(heir.hears_out(left))
    await asyncio.sleep(0.01)
    assert not hearing.done()
    heir.ledger.store.away = None

    await hearing

    assert heir.pump.engine.floor.agents[ANNA].status == "LOGGED_OUT"
    assert [event.asked_by for event in heir.told if isinstance(event, AgentChanged)] == [None], "no new fact"


async def test_what_the_ledger_tells_late_does_not_wait_for_asterisk() -> None:
    heir, left = await took_over_without_the_ledger(Room("orders"))
    heir.ledger.store.away = None
    hearing = asyncio.ensure_future(heir.hears_out(left, claimed=lambda: False))
    async with asyncio.timeout(5):
        while heir.pump.engine.floor.agents[ANNA].status != "LOGGED_OUT":  # noqa: ASYNC110 - the floor tells nobody
            await asyncio.sleep(0.001)
    hearing.cancel()


async def test_who_talks_by_then_is_gone_after_it() -> None:
    before = Room("orders")
    before.talks(before.calls("1"))
    heir, left = await took_over_without_the_ledger(before)
    heir.ledger.store.away = None

    await heir.hears_out(left)

    anna = heir.pump.engine.floor.agents[ANNA]
    assert (anna.status, anna.next_status) == ("READY", "LOGGED_OUT")


async def test_who_has_spoken_since_knows_better_than_the_ledger() -> None:
    heir, left = await took_over_without_the_ledger(Room("orders"))
    heir.pump.ask(Pause(agent_id=ANNA, reason="lunch"))
    heir.pump.ask(Unpause(agent_id=ANNA))
    heir.ledger.store.away = None

    await heir.hears_out(left)

    assert heir.pump.engine.floor.agents[ANNA].status == "READY"


async def test_who_let_it_ring_since_is_not_ready_again_for_a_word_of_before() -> None:
    before = Room("orders")
    heir = Heir(before)
    heir.journal.now = before.now
    await heir.ledger.append([chose(ANNA, before.now + 1, "READY"), chose(BEN, before.now + 1, "READY")])
    heir.ledger.store.away = RemoteError("ledger-unreachable", "away", retryable=True)
    left = await heir.inherit()
    anna = heir.pump.engine.floor.agents[ANNA]
    in_vain(heir.pump.engine.floor, anna, None, OfferResult.MISSED, heir.clock.now())
    heir.ledger.store.away = None

    await heir.hears_out(left)

    assert (anna.status, anna.reason) == ("PAUSED", "rona")


async def test_what_a_router_that_had_lost_the_pool_concluded_undoes_no_word() -> None:
    """It was stopped, woke up and found that somebody had answered after all, before it knew that all was over."""
    heir = Heir(Room("orders"))
    left = await heir.inherit()
    heir.pump.ask(Pause(agent_id=ANNA, reason="lunch"))
    await heir.ledger.append([chose(ANNA, heir.clock.now() + 1, "READY", asked_by="router")])

    await heir.hears_out(left)

    assert heir.pump.engine.floor.agents[ANNA].status == "PAUSED"


async def test_a_word_put_off_before_such_a_conclusion_is_still_a_persons() -> None:
    heir = Heir(Room("orders"))
    left = await heir.inherit()
    at = heir.clock.now() + 1
    concluded = chose(ANNA, at, "PAUSED", next_status="PAUSED", next_reason="lunch", asked_by="router")
    await heir.ledger.append([concluded])

    await heir.hears_out(left)

    anna = heir.pump.engine.floor.agents[ANNA]
    assert (anna.status, anna.reason) == ("PAUSED", "lunch")


async def test_who_put_off_what_the_journal_had_not_heard_of_is_known() -> None:
    talking = Room("orders")
    talking.talks(talking.calls("1"))
    heir = Heir(talking)
    later = {"next_status": "PAUSED", "next_reason": "lunch"}
    await heir.ledger.append([chose(ANNA, talking.now + 1, "READY", asked_by="http", **later)])

    await heir.inherit()

    assert heir.pump.engine.floor.agents[ANNA].next_by == "http"


async def test_a_word_that_is_known_costs_nobody_their_place_on_the_bench() -> None:
    before = Room("orders")
    heir = Heir(before)
    heir.journal.now = before.now
    await heir.ledger.append([chose(ANNA, before.now + 1, "READY")])
    heir.ledger.store.away = RemoteError("ledger-unreachable", "away", retryable=True)
    left = await heir.inherit()
    anna = heir.pump.engine.floor.agents[ANNA]
    idle_since = anna.idle_since
    heir.ledger.store.away = None

    await heir.hears_out(left)

    assert (anna.idle_since, anna.since_at) == (idle_since, before.now + 1)


async def test_what_the_owner_told_people_until_our_claim_counts() -> None:
    heir = Heir(Room("orders"))
    left = await heir.inherit()
    assert left.whole
    claims: list[bool] = [False, True]

    def claimed() -> bool:
        if not (now := claims.pop(0)):
            # so late that who asked before the claim would never hear of it
            heir.ledger.store.agent_changes[ANNA, 1, "", "", ""] = chose(ANNA, heir.clock.now(), "LOGGED_OUT")
        return now

    await heir.hears_out(left, claimed=claimed)

    assert heir.pump.engine.floor.agents[ANNA].status == "LOGGED_OUT"


async def test_what_the_journal_had_heard_is_not_undone_by_an_older_word() -> None:
    heir = Heir(Room("orders"))
    heir.journal.now = 100
    await heir.ledger.append([chose(ANNA, 99, "LOGGED_OUT")])
    left = await heir.inherit()

    await heir.hears_out(left)

    assert heir.pump.engine.floor.agents[ANNA].status == "READY"
