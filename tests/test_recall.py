"""Who served a caller last is known again after a restart: the ledger tells it, day by day back."""

from dataclasses import replace

import pytest

from router.domain.errors import RemoteError
from router.domain.ids import SECOND, AgentId
from router.domain.messages.commands import Configure, RecallServed
from router.domain.messages.events import ContactEnded
from router.ports import RecordQuery
from tests.builders import SHOP, Room
from tests.domain.test_acquaintance import LISA, keeping, served
from tests.test_inheritance import Heir

DAY_US = 24 * 3600 * SECOND
OTHER = "+4930555888"


async def heir_of(room: Room, *, days_ago: float = 1) -> Heir:
    heir = Heir()
    shift_us = heir.clock.now() - room.now - int(days_ago * DAY_US)
    await heir.ledger.append(
        [
            replace(
                event.record,
                arrived_at=event.record.arrived_at + shift_us,
                answered_at=(event.record.answered_at or 0) + shift_us,
                ended_at=event.record.ended_at + shift_us,
                segments=tuple(
                    replace(segment, from_at=segment.from_at + shift_us, to_at=segment.to_at + shift_us)
                    for segment in event.record.segments
                ),
            )
            for event in room.of(ContactEnded)
        ]
    )
    heir.pump.ask(Configure(rules=keeping()))
    return heir


async def test_the_ledger_tells_who_served_whom_last() -> None:
    room = Room("orders", "orders", rules_in_force=keeping())
    first, second = served(room, "c1"), served(room, "c2", ani=OTHER)
    heir = await heir_of(room)
    await heir.hears_out(await heir.inherit())
    assert heir.pump.engine.floor.served == {(SHOP, LISA): first, (SHOP, OTHER): second}


async def test_what_the_router_saw_itself_is_newer() -> None:
    room = Room("orders", rules_in_force=keeping())
    served(room, "c1")
    heir = await heir_of(room)
    left = await heir.inherit()
    heir.pump.engine.floor.served = {(SHOP, LISA): AgentId("newer")}
    await heir.hears_out(left)
    assert heir.pump.engine.floor.served == {(SHOP, LISA): AgentId("newer")}


async def test_what_is_older_than_two_weeks_is_forgotten() -> None:
    room = Room("orders", rules_in_force=keeping())
    served(room, "c1")
    heir = await heir_of(room, days_ago=15)
    await heir.hears_out(await heir.inherit())
    assert heir.pump.engine.floor.served == {}


async def test_a_ledger_that_is_away_for_a_while_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room("orders", rules_in_force=keeping())
    first = served(room, "c1")
    heir = await heir_of(room)
    left = await heir.inherit()
    stories, refusals = heir.ledger.stories, [1, 1, 1]

    async def sometimes(query: RecordQuery):  # type: ignore[no-untyped-def]
        if refusals:
            refusals.pop()
            raise RemoteError("ledger-unreachable", "The database is away.", retryable=True)
        async for story in stories(query):
            yield story

    heir.ledger.stories = sometimes  # type: ignore[method-assign]
    await heir.hears_out(left)
    assert heir.pump.engine.floor.served == {(SHOP, LISA): first}


def test_a_campaign_that_does_not_ask_for_it_remembers_nothing() -> None:
    room = Room("orders", rules_in_force=keeping(last_agent=False))
    room.ask(RecallServed(campaign=SHOP, served=((LISA, AgentId("agent-1001")),)))
    assert room.floor.served == {}
