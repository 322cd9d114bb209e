"""The keeper between an engine that never waits and a journal that may."""

import asyncio

import pytest

from router.adapters.redis import journal_keeper as module
from router.adapters.redis.journal_keeper import MOST_GONE, JournalKeeper
from router.domain.engine import Engine
from router.domain.messages.commands import Pause
from router.domain.pictures.picture import AgentStands, Picture, key_of, whole
from tests.builders import Room, rules
from tests.fakes.clock import HandClock
from tests.fakes.journal import FakeJournal, FakeJournalServer


class Desk:
    """A room whose engine is journalled, and its keeper."""

    def __init__(self) -> None:
        self.room = Room("orders", "orders bank")
        self.room.engine._journalled = True
        self.server = FakeJournalServer()
        self.fenced: list[int] = []
        self.clock = HandClock()
        self.keeper = JournalKeeper(
            FakeJournal(self.server),
            self.engine,
            self.clock,
            epoch=lambda: 1,
            fenced=self.fenced.append,
            records_on_disk=self.on_disk,
            retry_s=0.01,
        )
        self.disk = asyncio.Event()
        self.disk.set()

    async def on_disk(self) -> None:
        await self.disk.wait()

    @property
    def engine(self) -> Engine:
        return self.room.engine

    def pause(self, agent: str) -> None:
        self.engine.handle(Pause(agent_id=agent, reason="lunch"), self.room.now)  # type: ignore[arg-type]
        self.engine.drain()
        self.keeper.stirred()

    def written(self) -> dict[str, Picture]:
        return dict(self.server.newest)

    def standing(self) -> dict[str, Picture]:
        return {key_of(picture): picture for picture in whole(self.engine.floor)}


async def running(desk: Desk, is_so: object) -> None:
    task = asyncio.create_task(desk.keeper.run())
    try:
        async with asyncio.timeout(10):
            while not is_so():  # type: ignore[operator]  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_the_floor_is_written_first_and_then_what_changes() -> None:
    desk = Desk()
    desk.room.calls("1")
    await running(desk, lambda: desk.written() == desk.standing())
    desk.pause("agent-1002")
    await running(desk, lambda: desk.written() == desk.standing())


async def test_what_cannot_be_written_is_owed_newest_first_come_and_written_later() -> None:
    desk = Desk()
    desk.server.state = "down"
    desk.pause("agent-1001")
    assert not await desk.keeper.flush()
    assert (desk.keeper.owed, desk.keeper.errors) == (1, 1)
    desk.pause("agent-1001")
    assert not await desk.keeper.committed()
    desk.server.state = "up"
    assert await desk.keeper.committed()
    assert desk.keeper.owed == 0
    [picture] = desk.written().values()
    assert isinstance(picture, AgentStands)
    assert picture.status == "PAUSED"


async def test_a_server_that_came_back_empty_is_given_everything_again() -> None:
    desk = Desk()
    await running(desk, lambda: desk.written() == desk.standing())
    desk.server.empty()
    desk.pause("agent-1001")
    await desk.keeper.flush()
    assert desk.written() == desk.standing()
    assert desk.keeper.rewrites == 1


async def test_a_fenced_journal_is_left_as_it_is_and_whoever_runs_us_is_told() -> None:
    desk = Desk()
    desk.server.given = 9
    desk.pause("agent-1001")
    assert not await desk.keeper.flush()
    assert desk.fenced == [9]
    assert desk.server.commits == []


async def test_an_epoch_raised_in_this_very_moment_costs_no_picture() -> None:
    desk = Desk()
    desk.server.given = 9
    desk.pause("agent-1001")
    assert not await desk.keeper.flush()
    desk.server.given = 1
    assert await desk.keeper.flush()
    assert key_of(whole(desk.engine.floor)[0]) in desk.written()


async def test_who_is_not_on_the_floor_any_more_is_taken_out_of_the_journal() -> None:
    desk = Desk()
    before = Room()
    before.calls("9")
    [gone] = whole(before.floor)
    desk.server.newest[key_of(gone)] = gone
    desk.keeper.forget_others([gone, *whole(desk.engine.floor)])
    await desk.keeper.flush()
    assert key_of(gone) not in desk.written()
    assert desk.keeper.owed == 0


async def test_nothing_is_called_safe_that_the_server_cannot_promise() -> None:
    desk = Desk()
    desk.server.syncs = False
    desk.pause("agent-1001")
    assert not await desk.keeper.committed()
    assert desk.keeper.owed == 0


@pytest.mark.parametrize("agents", [1, 450])
async def test_many_changes_go_in_portions(agents: int) -> None:
    room = Room(*["orders"] * agents, rules_in_force=rules())
    room.engine._journalled = True
    server = FakeJournalServer()
    keeper = JournalKeeper(
        FakeJournal(server),
        room.engine,
        HandClock(),
        epoch=lambda: 1,
        fenced=lambda epoch: None,
        records_on_disk=lambda: asyncio.sleep(0),
    )
    for agent in room.engine.floor.agents:
        room.engine.handle(Pause(agent_id=agent, reason="lunch"), room.now)
    room.engine.drain()
    await keeper.flush()
    assert max(len(commit) for commit in server.commits) <= 200
    assert len(server.newest) == agents


async def test_that_a_contact_has_ended_waits_for_its_record_to_be_on_disk() -> None:
    desk = Desk()
    await desk.keeper.flush()
    contact_id = desk.room.calls("1")
    await desk.keeper.flush()
    assert f"contact {contact_id}" in desk.written()
    desk.disk.clear()
    desk.room.caller_hangs_up(contact_id)

    writing = asyncio.create_task(desk.keeper.flush())
    for _ in range(20):
        await asyncio.sleep(0)
    assert f"contact {contact_id}" in desk.written()
    desk.disk.set()
    assert await writing
    assert f"contact {contact_id}" not in desk.written()


async def test_a_fenced_journal_makes_nothing_safe() -> None:
    desk = Desk()
    desk.server.given = 9
    desk.pause("agent-1001")
    for _ in range(2):
        assert not await desk.keeper.committed()
    assert desk.server.synced == 0, "what is on the disk there is not what was asked for"
    assert desk.keeper.owed == 1


async def test_what_changed_while_nothing_could_be_written_is_behind_since_it_changed() -> None:
    desk = Desk()
    await desk.keeper.flush()
    assert desk.keeper.behind_since is None
    desk.server.state = "down"
    desk.pause("agent-1001")
    await desk.keeper.flush()
    since = desk.keeper.behind_since
    assert since is not None
    desk.clock.pass_s(5)
    await desk.keeper.flush()
    assert desk.keeper.behind_since == since
    desk.server.state = "up"
    assert await desk.keeper.flush()
    assert desk.keeper.behind_since is None


async def test_what_a_server_came_back_with_is_taken_out_if_it_is_not_here_any_more() -> None:
    """A replica that had not heard the last is the master: somebody who has left stands in it still."""
    desk = Desk()
    contact_id = desk.room.calls("1")
    await desk.keeper.flush()
    old = (dict(desk.server.newest), desk.server.seq)
    desk.room.caller_hangs_up(contact_id)
    await desk.keeper.flush()
    assert f"contact {contact_id}" not in desk.written()

    desk.server.newest, desk.server.seq = old
    desk.pause("agent-1002")
    await desk.keeper.flush()

    assert desk.written() == desk.standing()
    assert desk.keeper.rewrites == 1


async def test_a_loss_is_found_out_while_nothing_changes() -> None:
    desk = Desk()
    desk.keeper._look_s = 0.01
    emptied: list[bool] = []

    def is_written_again() -> bool:
        if not emptied and desk.written() == desk.standing():
            emptied.append(True)
            desk.server.empty()
        return desk.keeper.rewrites == 1 and desk.written() == desk.standing()

    await running(desk, is_written_again)


async def test_an_end_whose_record_no_disk_takes_holds_nothing_else_up() -> None:
    desk = Desk()
    contact_id = desk.room.calls("1")
    await desk.keeper.flush()
    desk.disk.clear()
    desk.room.caller_hangs_up(contact_id)
    desk.pause("agent-1002")

    assert await desk.keeper.committed()

    assert desk.written()["agent agent-1002"].status == "PAUSED"  # type: ignore[union-attr]
    assert f"contact {contact_id}" in desk.written()
    assert desk.keeper.behind_since is not None
    await desk.keeper.close()
    desk.disk.set()
    assert await desk.keeper.flush()
    assert (desk.written(), desk.keeper.behind_since) == (desk.standing(), None)


async def test_who_has_left_while_the_server_was_away_takes_no_memory_without_end() -> None:
    desk = Desk()
    await desk.keeper.flush()
    desk.server.state = "down"
    for number in range(MOST_GONE + 20):
        desk.room.caller_hangs_up(desk.room.calls(str(number)))
        if number % 500 == 0:
            await desk.keeper.flush()
    await desk.keeper.flush()
    assert desk.keeper.owed <= MOST_GONE

    desk.server.state = "up"
    assert await desk.keeper.flush()
    assert desk.written() == desk.standing()


async def test_who_loses_patience_does_not_break_a_commit_off() -> None:
    desk = Desk()
    contact_id = desk.room.calls("1")
    await desk.keeper.flush()
    desk.disk.clear()
    desk.room.caller_hangs_up(contact_id)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await desk.keeper.committed()
    desk.disk.set()

    async with asyncio.timeout(10):
        while f"contact {contact_id}" in desk.written():  # noqa: ASYNC110 - what was asked for goes on by itself
            await asyncio.sleep(0.01)


async def test_a_mistake_of_ours_costs_an_error_and_not_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()

    def mistaken() -> list[Picture]:
        raise KeyError("a mistake")

    with monkeypatch.context() as patch:
        patch.setattr(desk.engine, "pictures", mistaken)
        assert not await desk.keeper.flush()
    assert desk.keeper.standing != "ok"
    desk.pause("agent-1001")
    assert await desk.keeper.flush()
    assert desk.keeper.standing == "ok"


async def test_who_was_forgotten_because_there_were_too_many_is_taken_out_once_the_server_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_GONE", 3)
    desk = Desk()
    callers = [desk.room.calls(str(number)) for number in range(8)]
    await desk.keeper.flush()
    desk.server.state = "down"
    for contact_id in callers:
        desk.room.caller_hangs_up(contact_id)
    await desk.keeper.flush()
    assert desk.keeper.owed < len(callers)

    desk.server.state = "up"
    assert await desk.keeper.flush()
    assert desk.written() == desk.standing()
