"""Standing by: who is gone is followed at once; a server that forgot is not taken at its word."""

from __future__ import annotations

import asyncio

import pytest

from router.adapters.redis import standby as module
from router.adapters.redis.standby import COURTESY_S, POLL_S, UNFIT_S, Standby
from router.domain.errors import RemoteError
from tests.fakes.clock import HandClock
from tests.fakes.lease import FakeLease, FakeLeaseServer


class Corridor:
    """An owner, and one who waits; each pause of the waiting moves the server's time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = FakeLeaseServer()
        self.owner = FakeLease(self.server, "acd1")
        self.owner.acquire(0)
        self.standby = Standby(FakeLease(self.server, "acd2"), HandClock(), instant=self.server.now)
        self.waited: list[float] = []
        self.renews = True
        self.story: dict[int, object] = {}
        "After so many pauses: what is called then."
        sleep = asyncio.sleep

        async def pause(seconds: float) -> None:
            self.server.at += seconds
            self.waited.append(seconds)
            happens = self.story.get(len(self.waited))
            if callable(happens):
                happens()
            if self.renews and self.server.state == "up":
                self.owner.renew(1)
            assert len(self.waited) < 1000, "nobody's turn ever comes"
            await sleep(0)

        monkeypatch.setattr(module.asyncio, "sleep", pause)

    def die(self) -> None:
        self.renews = False

    def leave(self) -> None:
        self.die()
        self.owner.release()


@pytest.fixture
def corridor(monkeypatch: pytest.MonkeyPatch) -> Corridor:
    return Corridor(monkeypatch)


async def test_a_pool_of_nobody_s_is_taken_without_waiting(corridor: Corridor) -> None:
    corridor.leave()

    taken = await corridor.standby.try_once()

    assert taken is not None
    assert taken[0].epoch == 2
    assert corridor.standby.takeovers == 0


async def test_a_pool_that_is_owned_is_not_taken_and_its_owner_is_known(corridor: Corridor) -> None:
    assert await corridor.standby.try_once() is None
    assert corridor.standby.view.host == "acd1"


async def test_who_starts_as_redis_comes_back_empty_leaves_the_pool_to_an_owner_who_is_well(corridor: Corridor) -> None:
    corridor.server.empty()
    corridor.server.started = corridor.server.at

    assert await corridor.standby.at_start() is None
    assert corridor.standby.view.host == "acd1"


async def test_who_starts_after_redis_was_away_for_longer_than_a_lease_leaves_it_to_the_owner(
    corridor: Corridor,
) -> None:
    corridor.server.at += 10
    corridor.server.started = corridor.server.at

    assert await corridor.standby.at_start() is None
    assert corridor.standby.view.epoch == 1


async def test_who_starts_beside_a_redis_that_is_new_to_everybody_takes_the_pool(corridor: Corridor) -> None:
    corridor.die()
    corridor.server.empty()
    corridor.server.started = corridor.server.at

    taken = await corridor.standby.at_start()

    assert taken is not None
    assert taken[0].mine
    assert corridor.waited == [COURTESY_S]


async def test_who_starts_beside_a_redis_that_has_been_there_waits_for_nothing(corridor: Corridor) -> None:
    corridor.leave()

    assert await corridor.standby.at_start() is not None
    assert corridor.waited == []


async def test_an_owner_who_dies_is_followed_when_the_lease_lapses_and_not_later(corridor: Corridor) -> None:
    corridor.story[20] = corridor.die

    view, asked_at = await corridor.standby.turn()

    assert view.mine
    assert view.epoch == 2
    assert max(corridor.waited) <= POLL_S
    died_at = 1000 + sum(corridor.waited[:20])
    assert asked_at - died_at <= corridor.owner.lives_s + 0.002
    assert corridor.standby.takeovers == 1


async def test_an_owner_who_lets_go_is_followed_at_the_next_look(corridor: Corridor) -> None:
    corridor.story[20] = corridor.leave

    await corridor.standby.turn()

    assert len(corridor.waited) == 20


async def test_the_owner_learns_that_somebody_stands_by(corridor: Corridor) -> None:
    seen: list[int] = []
    corridor.story.update({n: lambda: seen.append(corridor.owner.renew(1).standbys) for n in range(1, 30)})
    corridor.story[30] = corridor.leave

    await corridor.standby.turn()

    assert set(seen) == {1}


async def test_a_server_that_was_away_gives_the_owner_time_to_come_back(corridor: Corridor) -> None:
    def away() -> None:
        corridor.server.state = "down"

    def back() -> None:
        corridor.server.state = "up"
        corridor.server.empty()
        corridor.renews = False

    def returns() -> None:
        corridor.renews = True

    corridor.story.update({5: away, 30: back, 33: returns, 60: corridor.die})

    await corridor.standby.turn()

    assert len(corridor.waited) >= 60


async def test_an_owner_who_died_while_the_server_was_away_is_followed_after_that_time(corridor: Corridor) -> None:
    def away() -> None:
        corridor.server.state = "down"
        corridor.die()

    def back() -> None:
        corridor.server.state = "up"

    corridor.story.update({5: away, 30: back})

    await corridor.standby.turn()

    assert sum(corridor.waited[30:]) == pytest.approx(COURTESY_S, abs=POLL_S)


async def test_a_lease_that_is_there_again_but_not_renewed_there_is_not_followed_at_once(corridor: Corridor) -> None:
    # a replica was promoted with the lease as it stood; the owner renews at the master of before, and finds out late
    def goes() -> None:
        corridor.server.state = "down"
        corridor.die()

    def comes_back() -> None:
        corridor.server.state = "up"

    def finds_it() -> None:
        corridor.owner.renew(1)
        corridor.renews = True

    corridor.story |= {10: goes, 12: comes_back, 25: finds_it, 60: corridor.leave}

    view, _ = await corridor.standby.turn()

    assert len(corridor.waited) >= 60, "the pool was taken from an owner who was well"
    assert view.epoch == 2


async def test_an_owner_who_renews_where_redis_is_now_is_followed_at_once_when_it_dies(corridor: Corridor) -> None:
    def goes() -> None:
        corridor.server.state = "down"

    def comes_back() -> None:
        corridor.server.state = "up"

    corridor.story |= {10: goes, 12: comes_back, 40: corridor.die}

    await corridor.standby.turn()

    assert sum(corridor.waited[40:]) < COURTESY_S + POLL_S, "one life of a lease, and no courtesy"


async def test_a_server_that_was_emptied_is_not_taken_at_its_word(corridor: Corridor) -> None:
    def emptied() -> None:
        corridor.server.empty()
        corridor.renews = False

    def renewed() -> None:
        corridor.renews = True

    corridor.story.update({5: emptied, 8: renewed, 40: corridor.leave})

    view, _ = await corridor.standby.turn()

    assert len(corridor.waited) == 40
    assert view.epoch == 2


async def test_one_whose_answer_was_lost_finds_that_it_owns_the_pool(corridor: Corridor) -> None:
    corridor.leave()
    taken = await corridor.standby.try_once()
    assert taken is not None

    again, _ = await corridor.standby.turn()

    assert again.mine
    assert again.epoch == taken[0].epoch


async def test_at_the_start_a_server_that_is_away_is_an_error(corridor: Corridor) -> None:
    corridor.server.state = "down"

    with pytest.raises(RemoteError):
        await corridor.standby.try_once()


async def test_what_keeps_it_from_looking_is_told_until_it_can_look_again(corridor: Corridor) -> None:
    troubles: list[bool] = []

    def away() -> None:
        corridor.server.state = "frozen"

    def back() -> None:
        troubles.append(corridor.standby.trouble is not None)
        corridor.server.state = "up"

    corridor.story.update({2: away, 10: back, 40: corridor.leave})

    await corridor.standby.turn()

    assert troubles == [True]
    assert corridor.standby.trouble is None


async def test_an_owner_whose_lease_lapses_between_two_looks_is_followed_at_that_moment(
    corridor: Corridor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_S", 0.4)
    corridor.story[5] = corridor.die

    _, asked_at = await corridor.standby.turn()

    renewed_last_at = 1000 + sum(corridor.waited[:4])
    assert asked_at - renewed_last_at == pytest.approx(corridor.owner.lives_s, abs=0.01)


async def test_who_could_not_serve_is_not_counted_and_lets_others_go_first(corridor: Corridor) -> None:
    fit = False
    standby = Standby(FakeLease(corridor.server, "acd2"), HandClock(), fit=lambda: fit, instant=corridor.server.now)
    corridor.story[3] = corridor.leave
    counted: list[int] = []
    corridor.story[2] = lambda: counted.append(corridor.owner.read().standbys)
    began = corridor.server.at

    await standby.turn()

    assert counted == [0]
    assert corridor.server.at - began > UNFIT_S


async def test_nobody_fit_is_better_than_nobody_at_all_only_after_a_while(corridor: Corridor) -> None:
    corridor.leave()
    standby = Standby(FakeLease(corridor.server, "acd2"), HandClock(), fit=lambda: False, instant=corridor.server.now)
    view, _ = await standby.turn()
    assert view.mine
