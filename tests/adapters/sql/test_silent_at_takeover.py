"""A database that falls silent with the machine of the owner: the successor's callers do not wait for it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from router.adapters.sql.directory import SqlDirectory
from router.adapters.sql.ledger import SqlLedger
from router.domain.engine import Engine
from router.domain.pictures.picture import key_of, whole
from router.inheritance import inherit
from router.runtime import Pump, WallClock
from tests.builders import Room, rules
from tests.fakes.journal import FakeJournal, FakeJournalServer
from tests.fakes.presence import FakePresence, FakePresenceServer

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from tests.contracts.databases import PostgresServer

pytest_plugins = ["tests.contracts.databases"]

_DIALPLAN_S = 10.0
"So long callers without a router stay in the waiting room."


async def test_who_takes_over_is_done_before_the_dialplan_gives_its_callers_up(postgres: PostgresServer) -> None:
    dsn = await postgres.new_database_here()
    ledger = await SqlLedger.open(dsn)
    directory = await SqlDirectory.open(dsn)
    await asyncio.gather(ledger.standings(), directory.agents())  # both have a connection that was well
    before = Room("orders")
    waiting = before.calls("1")
    journal = FakeJournalServer()
    journal.newest = {key_of(picture): picture for picture in whole(before.floor)}
    journal.seq = journal.epoch = 1
    pump = Pump(Engine(rules(), journalled=True), clock=WallClock())

    postgres.freeze()
    try:
        began = time.monotonic()
        left = await inherit(
            pump,
            WallClock(),
            journal=FakeJournal(journal),
            presence=FakePresence(FakePresenceServer()),
            ledger=ledger,
            roll=directory.agents,
        )
        took_s = time.monotonic() - began
    finally:
        postgres.thaw()

    assert (left.whole, left.called) == (False, False), "the database did answer: this proves nothing"
    assert waiting in pump.engine.floor.contacts
    assert took_s < _DIALPLAN_S
    await directory.close()
    await ledger.close()
