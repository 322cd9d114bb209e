"""The promises of the `Lease` port, kept by the fake, by Redis and by Valkey."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from router.domain.errors import RemoteError
from router.domain.ids import SECOND

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from tests.contracts.redis_servers import LeaseServer

pytest_plugins = ["tests.contracts.redis_servers"]

NOW = 1_790_000_000 * SECOND


def test_a_pool_that_is_nobody_s_is_given_to_whoever_asks(lease_server: LeaseServer) -> None:
    lease = lease_server.lease()
    assert lease.read().owner == ""

    taken = lease.acquire(NOW)

    assert taken.mine
    assert (taken.owner, taken.epoch, taken.latest, taken.since_at) == (lease.owner, 1, 1, NOW)
    assert 0 < taken.left_us <= lease.lives_s * SECOND


def test_two_never_both_hold_it(lease_server: LeaseServer) -> None:
    first, second = lease_server.lease("acd1"), lease_server.lease("acd2")
    first.acquire(NOW)

    seen = second.acquire(NOW)

    assert not seen.mine
    assert (seen.owner, seen.epoch) == (first.owner, 1)
    assert not second.renew(1).mine
    assert first.renew(1).mine


def test_of_many_who_ask_at_once_exactly_one_gets_it(lease_server: LeaseServer) -> None:
    rivals = [lease_server.lease() for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(lambda lease: lease.acquire(NOW), rivals))

    assert sum(view.mine for view in seen) == 1
    assert {view.epoch for view in seen} == {1}


def test_a_lease_that_is_not_renewed_lapses_and_one_that_is_does_not(lease_server: LeaseServer) -> None:
    first, second = lease_server.lease(), lease_server.lease()
    first.acquire(NOW)
    for _ in range(3):
        lease_server.pass_s(first.lives_s * 0.6)
        assert first.renew(1).mine
        assert not second.acquire(NOW).mine

    lease_server.pass_s(first.lives_s * 1.2)

    assert second.read().owner == ""
    assert second.acquire(NOW).mine


def test_every_new_owner_has_a_higher_epoch_however_the_one_before_ended(lease_server: LeaseServer) -> None:
    first, second, third = (lease_server.lease() for _ in range(3))
    epochs = [first.acquire(NOW).epoch]
    first.release()
    epochs.append(second.acquire(NOW).epoch)
    lease_server.pass_s(second.lives_s * 1.2)
    epochs.append(third.acquire(NOW).epoch)
    third.release()
    epochs.append(first.acquire(NOW).epoch)

    assert epochs == [1, 2, 3, 4]


def test_asking_again_when_the_answer_was_lost_gives_the_same_epoch(lease_server: LeaseServer) -> None:
    lease = lease_server.lease()

    assert [lease.acquire(NOW).epoch for _ in range(3)] == [1, 1, 1]


def test_one_that_lapsed_and_went_to_nobody_is_the_same_owner_s_again(lease_server: LeaseServer) -> None:
    lease = lease_server.lease()
    lease.acquire(NOW)
    lease_server.pass_s(lease.lives_s * 1.2)

    again = lease.renew(1)

    assert again.mine
    assert (again.epoch, again.latest, again.since_at) == (1, 1, NOW)


def test_one_that_somebody_had_in_between_is_lost_even_if_it_is_free_again(lease_server: LeaseServer) -> None:
    first, second = lease_server.lease(), lease_server.lease()
    first.acquire(NOW)
    lease_server.pass_s(first.lives_s * 1.2)
    second.acquire(NOW)
    second.release()

    seen = first.renew(1)

    assert not seen.mine
    assert (seen.owner, seen.latest) == ("", 2)


def test_only_the_owner_can_let_go(lease_server: LeaseServer) -> None:
    first, second = lease_server.lease(), lease_server.lease()
    first.acquire(NOW)

    assert second.release().owner == first.owner
    assert first.release().owner == ""
    assert first.release().owner == ""


def test_an_owner_puts_back_what_the_server_has_forgotten(lease_server: LeaseServer) -> None:
    first, second = lease_server.lease(), lease_server.lease()
    first.acquire(NOW)
    first.raise_above(40)
    lease_server.empty()

    again = first.renew(41)

    assert (again.mine, again.epoch, again.latest) == (True, 41, 41)
    first.release()
    assert second.acquire(NOW).epoch == 42


def test_a_server_that_has_forgotten_the_latest_epoch_learns_it_from_its_owner(lease_server: LeaseServer) -> None:
    """A Sentinel failover to a replica that had not heard of it: whoever was the owner before is not it again."""
    first, second = lease_server.lease(), lease_server.lease()
    first.acquire(NOW)
    lease_server.pass_s(first.lives_s * 1.2)
    second.acquire(NOW)
    lease_server.empty()
    assert first.renew(1).mine

    again = second.renew(2)

    assert (again.mine, again.epoch, again.latest) == (True, 2, 2)
    assert not first.renew(1).mine
    assert second.renew(2).mine


def test_an_epoch_used_elsewhere_is_exceeded_for_good(lease_server: LeaseServer) -> None:
    first, second = lease_server.lease(), lease_server.lease()
    first.acquire(NOW)

    assert first.raise_above(17).epoch == 18
    assert first.raise_above(3).epoch == 19
    assert first.renew(19).mine
    first.release()
    assert second.acquire(NOW).epoch == 20


def test_who_does_not_own_it_raises_nothing(lease_server: LeaseServer) -> None:
    first, second = lease_server.lease(), lease_server.lease()
    first.acquire(NOW)

    seen = second.raise_above(100)

    assert not seen.mine
    assert (seen.epoch, seen.latest) == (1, 1)


def test_who_stands_by_is_counted_as_long_as_it_looks(lease_server: LeaseServer) -> None:
    owner, one, two = (lease_server.lease() for _ in range(3))
    owner.acquire(NOW)
    assert owner.renew(1).standbys == 0

    one.read(stands_by=True)
    two.read(stands_by=True)
    owner.read()
    assert owner.renew(1).standbys == 2

    two.release()
    assert owner.renew(1).standbys == 1
    lease_server.pass_s(owner.lives_s * 1.2)
    assert owner.renew(1).standbys == 0


def test_pools_are_apart(lease_server: LeaseServer) -> None:
    assert lease_server.lease(pool="one").acquire(NOW).mine
    assert lease_server.lease(pool="two").acquire(NOW).mine


def test_a_stopped_server_is_a_remote_error_and_heals(lease_server: LeaseServer) -> None:
    lease = lease_server.lease()
    lease.acquire(NOW)
    lease_server.stop()
    for ask in (lambda: lease.renew(1), lambda: lease.acquire(NOW), lease.read, lease.release):
        with pytest.raises(RemoteError) as away:
            ask()
        assert away.value.retryable
        assert away.value.error_id == "redis-unreachable"
    lease_server.start()

    assert lease.renew(1).mine


def test_a_server_that_has_only_just_started_says_so_and_an_older_one_does_not(lease_server: LeaseServer) -> None:
    lease = lease_server.lease()
    lease.acquire(NOW)
    lease_server.stop()
    with pytest.raises(RemoteError):
        lease.is_young()
    lease_server.start()

    assert lease.is_young()
    for _ in range(100):
        lease_server.pass_s(0.1)
        if not lease.is_young():
            return
        time.sleep(0.1)  # the age of a real one
    raise AssertionError("it stays young")


def test_a_frozen_server_is_a_remote_error_and_heals(lease_server: LeaseServer) -> None:
    lease = lease_server.lease()
    lease.acquire(NOW)
    lease_server.freeze()
    with pytest.raises(RemoteError) as away:
        lease.renew(1)
    lease_server.thaw()

    assert away.value.error_id == "redis-silent"
    assert lease.renew(1).mine
