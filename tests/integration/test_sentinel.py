"""A Redis with Sentinels loses its master in the middle of the traffic, and what it had acknowledged with it.

Asterisk has the calls, the router the floor: no caller may notice, nobody may be rung twice, who stands by may not take
over, and Redis says what is true again within seconds of the promotion.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest

from router.adapters.redis.address import RedisAddress
from router.adapters.redis.journal import RedisJournal
from router.adapters.redis.presence import RedisPresence
from router.domain.errors import RemoteError
from router.domain.pictures.picture import ContactStands
from router.domain.record import Outcome
from tests.contracts.redis_trio import RedisTrio
from tests.integration.call_centre import CallCentre
from tests.integration.telephone_room import TelephoneRoom
from tests.integration.test_takeover import epoch, with_standby
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers

pytest_plugins = ["tests.contracts.redis_trio"]

Record = Callable[[str, object], None]
CALLS, PER_S = 12, 3.0
SETTLED_S = 3.0


@pytest.fixture
async def centre(room: TelephoneRoom, trio: RedisTrio) -> AsyncIterator[CallCentre]:
    async with CallCentre(room, trio) as centre:  # type: ignore[arg-type]
        yield centre
        print(centre.tell())  # pytest shows it when the story failed


Floor = tuple[frozenset[str], dict[str, tuple[str, str]]]
"Who waits or talks; each agent's status and work."


async def floor(centre: CallCentre) -> Floor:
    """As the router has it."""
    _, agents = await centre.get("/v1/agents")
    contacts = frozenset(item["contact_id"] for item in await centre.contacts())
    return contacts, {item["agent_id"]: (item["status"], item["work"]) for item in agents["items"]}


async def written(centre: CallCentre, address: RedisAddress) -> Floor | None:
    """As Redis has it, None while it cannot be read."""
    journal, presence = RedisJournal(address, pool=centre.pool), RedisPresence(address, pool=centre.pool)
    try:
        pictures, rows = (await journal.load()).pictures, await presence.load()
    except RemoteError:
        return None
    finally:
        await journal.close()
        await presence.close()
    contacts = frozenset(str(picture.contact_id) for picture in pictures if isinstance(picture, ContactStands))
    return contacts, {str(row.agent_id): (row.status, row.work) for row in rows}


async def truth_is_written(centre: CallCentre, address: RedisAddress, since: float) -> float:
    """Wait until Redis says what the router says; how long after `since`, in seconds."""
    async with asyncio.timeout(20):
        while True:
            before = await floor(centre)
            found = await written(centre, address)
            if found == before == await floor(centre):
                return time.monotonic() - since
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("heard", ["every write", "nothing for two seconds"])
async def test_a_master_that_dies_under_traffic_costs_no_call_and_no_owner(
    centre: CallCentre, trio: RedisTrio, heard: str, record_property: Record
) -> None:
    number = centre.campaign()
    agents = [centre.agent(f"agent-200{n}") for n in (1, 2, 3, 4)]
    idle = centre.agent("agent-2005")
    other = await with_standby(centre)
    first = await epoch(centre)
    address = RedisAddress.parse(trio.url)
    for agent in agents:
        await centre.room.phone(agent).behave(Answers(talks_ms=2500))
    await centre.log_in(*agents, idle)
    await asyncio.sleep(0.5)
    mark = len(centre.room.ami.events)
    if heard != "every write":
        trio.stop_replication()
    status, said = await centre.post(f"/v1/agents/{idle}/pause", {"reason": "break"})
    assert status < 300, said
    calls = await centre.room.carrier.call(Caller(dnis=number), count=CALLS, per_s=PER_S)
    await asyncio.sleep(2.0)

    trio.kill_master()
    promoted_at = await asyncio.to_thread(trio.promoted)
    took_s = await truth_is_written(centre, address, promoted_at)
    record_property("settled_s", round(took_s, 2))

    fates = await calls.end(40)
    assert [fate[-1] for fate in fates] == ["released"] * CALLS
    stories = await centre.stories(CALLS)
    records = [story.record for story in stories if story.record is not None]
    assert [record.outcome for record in records] == [Outcome.ANSWERED] * CALLS
    assert len({record.contact_id for record in records}) == CALLS
    answered = Counter(offer.contact_id for story in stories for offer in story.offers)
    assert set(answered.values()) == {1}, "somebody was rung twice for one caller"
    heard_events = [event.get("UserEvent") for event in centre.room.ami.events[mark:]]
    assert heard_events.count("AcdTalk") == CALLS
    assert "AcdFallback" not in heard_events
    assert await epoch(centre) == first
    await other.until_it_stands_by()
    assert took_s < SETTLED_S

    await centre.stop(signal.SIGKILL)
    await other.until_ready(within_s=10)
    await other.agent_is(idle, status="PAUSED", reason="break")
    assert await epoch(other) == first + 1
    assert await other.contacts() == []
