"""The database is away, the router is killed: the record of a call that ended meanwhile is there once, all the same."""

import asyncio
import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from router.domain.record import OfferResult, Outcome
from tests.integration.call_centre import CallCentre, poll
from tests.integration.test_operating import ringfair
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers


@contextmanager
def held(centre: CallCentre) -> Iterator[None]:
    """Somebody keeps the database for themselves."""
    with closing(sqlite3.connect(centre.dsn.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


async def spooled(centre: CallCentre) -> dict[str, int]:
    code, said = await ringfair(centre, "ledger", "spool", "--json")
    assert code == 0, said
    found = json.loads(said)
    assert (found["damaged"], found["unknown"], found["refused"]) == (0, 0, 0)
    return dict(found["by_kind"])


async def a_call_that_ends_while_the_database_is_away(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    await centre.log_in(agent)
    await centre.stories(0)
    with held(centre):
        calls = await centre.room.carrier.call(Caller(dnis=number))
        assert (await calls.end(15))[0][-1] == "released"

        async def kept() -> bool:
            return (await spooled(centre)).get("record") == 1

        await poll("the record is on the disk", kept, 10)
        await centre.stop(signal.SIGKILL)


async def the_record_is_there_once(centre: CallCentre) -> None:
    [story] = await centre.stories(1)
    assert story.record is not None
    assert story.record.outcome is Outcome.ANSWERED
    assert [offer.result for offer in story.offers] == [OfferResult.ANSWERED]
    code, said = await ringfair(centre, "ledger", "verify", "--json")
    assert (code, json.loads(said)["checked"]) == (0, 1)


async def test_a_router_killed_while_the_database_was_away_writes_the_record_at_its_next_start(
    centre: CallCentre,
) -> None:
    await a_call_that_ends_while_the_database_is_away(centre)
    await centre.start()
    await the_record_is_there_once(centre)

    async def empty() -> bool:
        return await spooled(centre) == {}

    await poll("the spool is empty", empty, 10)
    assert await centre.measure("ringfair_ledger_spool_records") == 0


async def test_what_a_killed_router_left_is_brought_in_by_the_one_that_stood_by(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    other = centre.beside()
    await other.start(wait=False)
    await other.until_it_stands_by()
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    await centre.log_in(agent)
    await centre.stories(0)
    with held(centre):
        calls = await centre.room.carrier.call(Caller(dnis=number))
        assert (await calls.end(15))[0][-1] == "released"

        async def kept() -> bool:
            return (await spooled(centre)).get("record") == 1

        await poll("the record is on the disk", kept, 10)
        assert await other.measure("ringfair_ledger_spool_records") == 0
        await centre.stop(signal.SIGKILL)

        async def taken_over() -> bool:
            return await other.measure("ringfair_ledger_spool_records") > 0

        await poll("who stood by has taken it over", taken_over, 10)
    await the_record_is_there_once(centre)

    async def empty() -> bool:
        return await spooled(centre) == {}

    await poll("the spool is empty", empty, 10)


async def test_the_spool_of_a_machine_that_stays_dead_is_brought_in_by_hand(centre: CallCentre) -> None:
    await a_call_that_ends_while_the_database_is_away(centre)
    spool = str(centre.home / "spool")
    code, said = await ringfair(centre, "ledger", "merge", spool, "--json")
    assert code == 0, said
    merged = json.loads(said)
    assert merged["new"] > 0
    code, said = await ringfair(centre, "ledger", "merge", spool, "--json")
    assert (code, json.loads(said)["new"]) == (0, 0)
    await the_record_is_there_once(centre)
    await centre.start()
    code, said = await ringfair(centre, "ledger", "merge", spool)
    assert code == 4, said
    await asyncio.sleep(0.3)  # it sends what is in its spool once more
    await the_record_is_there_once(centre)
