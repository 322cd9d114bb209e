"""The promises of the `Journal` port, kept by the fake, by Redis and by Valkey."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import TYPE_CHECKING

import pytest

from router.adapters.redis.address import RedisAddress
from router.adapters.redis.journal import RedisJournal
from router.domain.errors import RemoteError
from router.domain.ids import SECOND, AgentId, CampaignName, ContactId
from router.domain.pictures.picture import (
    AgentGone,
    AgentStands,
    ContactGone,
    ContactStands,
    DoorStands,
    PaceStands,
    Picture,
    gone,
    key_of,
    whole,
)
from router.ports import Journal, Journalled
from router.simulation.centre import Centre
from router.simulation.people import Crowd, Habits
from router.simulation.site import agents, rules
from router.simulation.wire import Weather
from tests.fakes.journal import FakeJournal, FakeJournalServer

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from tests.contracts.redis_servers import RedisServer

pytest_plugins = ["tests.contracts.redis_servers"]

NOW = 1_790_000_000 * SECOND


class Shelf:
    """A place journals are kept in: each `open` is another router's, `give_out` is what the lease does."""

    def __init__(self, make: Callable[[], Journal], give_out: Callable[[int], None], empty: Callable[[], None]) -> None:
        self.open = make
        self.give_out = give_out
        self.empty = empty


async def read(shelf: Shelf) -> Journalled:
    """What a successor finds."""
    journal = shelf.open()
    try:
        return await journal.load()
    finally:
        await journal.close()


@pytest.fixture(params=["fake", "redis", "valkey"])
def shelf(request: pytest.FixtureRequest) -> Iterator[Shelf]:
    if request.param == "fake":
        fake = FakeJournalServer()
        yield Shelf(lambda: FakeJournal(fake), lambda epoch: setattr(fake, "given", epoch), fake.empty)
        return
    from tests.contracts.redis_servers import RedisServer as Server

    server = Server(request.param)
    try:
        server.start()
        yield Shelf(
            lambda: RedisJournal(RedisAddress.parse(server.url)),
            lambda epoch: _tell(server, "SET", "ringfair:{main}:epoch", str(epoch)),
            lambda: _tell(server, "FLUSHALL"),
        )
    finally:
        server.remove()


def _tell(server: RedisServer, *words: str) -> None:
    from redis import Redis

    with Redis(port=server.port) as client:
        client.execute_command(*words)


def an_agent(number: int = 1001, **changes: object) -> AgentStands:
    fields: dict[str, object] = {"status": "READY", "since_at": NOW, "idle_since": NOW} | changes
    return AgentStands(agent_id=AgentId(f"agent-{number}"), **fields)  # type: ignore[arg-type]


def a_day(contacts: int = 40) -> list[Picture]:
    """Everybody on a simulated floor in the middle of it: every kind of picture there is."""
    dice = Random(3)
    crowd = Crowd(dice, Habits(loses_node_us=10**15), contacts)
    centre = Centre(rules(), agents(20, dice), dice, Weather(), crowd, look_every=1000)
    crowd.come_in(centre)
    centre.run(centre.now + 60 * SECOND)
    return whole(centre.engine.floor)


async def test_an_empty_journal_is_a_floor_with_nobody_on_it(shelf: Shelf) -> None:
    journal = shelf.open()
    found = await journal.load()
    assert (found.pictures, found.seq, found.written_at) == ((), 0, 0)
    await journal.close()


async def test_a_successor_reads_everybody_as_they_stood_at_the_last_commit(shelf: Shelf) -> None:
    pictures = a_day()
    assert any(isinstance(picture, ContactStands) and picture.offers for picture in pictures)
    first = shelf.open()
    assert await first.append(pictures[:5], epoch=3, now=NOW, config_hash="one")
    assert await first.append(pictures[5:], epoch=3, now=NOW + 7, config_hash="two")
    await first.close()

    successor = shelf.open()
    found = await successor.load()
    assert {key_of(picture): picture for picture in found.pictures} == {key_of(one): one for one in pictures}
    assert (found.seq, found.epoch, found.written_at, found.config_hash) == (2, 3, NOW + 7, "two")
    assert found.unreadable == 0
    await successor.close()


async def test_what_belongs_to_a_campaign_or_a_queue_is_read_as_well(shelf: Shelf) -> None:
    mean = (12.5, 7)
    pictures: list[Picture] = [
        DoorStands(campaign=CampaignName("shop"), shut_until=NOW + 60 * SECOND),
        PaceStands(name="shop/orders", busy=mean, pick_up=mean, waited=mean, gave_up=(0.25, 7)),
        PaceStands(name="shop", busy=mean, pick_up=mean, waited=mean, gave_up=(0.0, 7)),
    ]
    first = shelf.open()
    assert await first.append(pictures, epoch=1, now=NOW, config_hash="one")
    await first.close()
    assert set((await read(shelf)).pictures) == set(pictures)


async def test_the_newest_picture_counts_and_who_is_gone_is_gone(shelf: Shelf) -> None:
    journal = shelf.open()
    contact = next(picture for picture in a_day() if isinstance(picture, ContactStands))
    await journal.append([an_agent(), an_agent(1002), contact], epoch=1, now=NOW, config_hash="")
    later = an_agent(status="PAUSED", reason="lunch")
    left = [AgentGone(agent_id=AgentId("agent-1002")), ContactGone(contact_id=ContactId(contact.contact_id))]
    await journal.append([later, *left, ContactGone(contact_id=ContactId("never"))], epoch=1, now=NOW, config_hash="")

    assert (await read(shelf)).pictures == (later,)
    await journal.close()


async def test_a_campaign_shut_by_hand_is_read_back_and_so_is_that_it_is_open_again(shelf: Shelf) -> None:
    journal = shelf.open()
    shut = DoorStands(campaign=CampaignName("shop"), shut_until=NOW + SECOND)
    await journal.append([shut, an_agent()], epoch=1, now=NOW, config_hash="")
    found = await read(shelf)
    assert (set(found.pictures), found.unreadable) == ({shut, an_agent()}, 0)

    await journal.append([gone(shut)], epoch=1, now=NOW, config_hash="")
    assert gone(shut) in (await read(shelf)).pictures
    await journal.close()


async def test_a_later_epoch_fences_an_earlier_router(shelf: Shelf) -> None:
    old, new = shelf.open(), shelf.open()
    await old.append([an_agent()], epoch=4, now=NOW, config_hash="")
    shelf.give_out(5)
    with pytest.raises(RemoteError) as fenced:
        await old.append([an_agent(status="LOGGED_OUT")], epoch=4, now=NOW + 1, config_hash="")
    assert (fenced.value.error_id, fenced.value.details["epoch"]) == ("journal-fenced", 5)
    await new.load()
    assert await new.append([an_agent(1002)], epoch=5, now=NOW + 2, config_hash="")
    assert set((await read(shelf)).pictures) == {an_agent(), an_agent(1002)}
    await old.close()
    await new.close()


async def test_a_server_that_lost_it_all_says_so_at_the_next_commit(shelf: Shelf) -> None:
    journal = shelf.open()
    await journal.append([an_agent()], epoch=1, now=NOW, config_hash="")
    shelf.empty()
    assert not await journal.append([an_agent(1002)], epoch=1, now=NOW, config_hash="")
    assert await journal.append([an_agent()], epoch=1, now=NOW, config_hash="")
    await journal.close()


async def test_a_commit_after_a_load_goes_on_where_the_last_router_stopped(shelf: Shelf) -> None:
    first, second = shelf.open(), shelf.open()
    for _ in range(2):  # the second does not stand on nothing, as the first of all does
        await first.append([an_agent()], epoch=1, now=NOW, config_hash="")
    assert (await second.load()).seq == 2
    assert await second.append([], epoch=2, now=NOW, config_hash="")
    assert (await read(shelf)).seq == 3
    await first.close()
    await second.close()


async def test_a_commit_of_the_same_number_by_another_router_is_not_taken_for_ours(shelf: Shelf) -> None:
    """After a failover to a replica that lacks our commits the router before us may have written as many of its own."""
    old, new = shelf.open(), shelf.open()
    await old.append([an_agent()], epoch=1, now=NOW, config_hash="")
    await new.load()
    assert await new.append([an_agent(1002)], epoch=2, now=NOW, config_hash="")
    shelf.empty()
    await old.append([an_agent(1003)], epoch=1, now=NOW, config_hash="")
    assert (await read(shelf)).seq == 2, "as many as the other has"

    assert not await new.append([an_agent(1002)], epoch=2, now=NOW, config_hash="")
    assert await new.append([], epoch=2, now=NOW, config_hash="")
    await old.close()
    await new.close()
