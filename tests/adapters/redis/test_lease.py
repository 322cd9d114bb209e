"""The lease's keys, as any other process reads them, and what others may have put there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from router.adapters.redis.address import RedisAddress
from router.adapters.redis.lease import ANSWER_S, RedisLease
from router.domain.errors import RemoteError
from router.domain.ids import SECOND

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from redis import Redis

    from tests.contracts.redis_servers import RedisServer

pytest_plugins = ["tests.contracts.redis_servers"]

NOW = 1_790_000_000 * SECOND
LEASE, EPOCH, STANDBYS = (f"ringfair:{{main}}:{name}" for name in ("lease", "epoch", "standbys"))


@pytest.fixture
def reader(redis_server: RedisServer) -> Iterator[Redis]:
    client = RedisAddress.parse(redis_server.url).thread_client(5)
    yield client
    client.close()


@pytest.fixture
def lease(redis_server: RedisServer) -> Iterator[RedisLease]:
    made = RedisLease(RedisAddress.parse(redis_server.url))
    yield made
    made.close()


def test_the_keys_are_what_the_documentation_says(lease: RedisLease, reader: Redis) -> None:
    lease.acquire(NOW)
    lease.read(stands_by=True)

    assert sorted(reader.keys()) == [key.encode() for key in sorted((LEASE, EPOCH, STANDBYS))]
    found = reader.hgetall(LEASE)
    assert found.pop(b"host")
    assert found == {b"v": b"1", b"owner": lease.owner.encode(), b"epoch": b"1", b"since_at": str(NOW).encode()}
    assert 0 < reader.pttl(LEASE) <= 1500
    assert reader.get(EPOCH) == b"1"
    assert reader.pttl(EPOCH) == -1
    assert reader.zrange(STANDBYS, 0, -1) == [lease.owner.encode()]


def test_it_lapses_by_itself(redis_server: RedisServer) -> None:
    short = RedisLease(RedisAddress.parse(redis_server.url), lives_s=0.05)
    short.acquire(NOW)
    time.sleep(0.2)

    assert short.read().owner == ""
    short.close()


def test_a_lease_of_a_foreign_type_or_without_an_end_is_nobody_s(lease: RedisLease, reader: Redis) -> None:
    for spoil in (
        lambda: reader.set(LEASE, b"\xff" * 100),
        lambda: reader.rpush(LEASE, "a", "b"),
        lambda: reader.hset(LEASE, mapping={"owner": "somebody", "epoch": "9"}),
        lambda: (reader.hset(LEASE, "epoch", "9"), reader.expire(LEASE, 100)),
    ):
        reader.delete(LEASE)
        spoil()
        assert lease.read().owner == ""
        assert lease.acquire(NOW).mine
        lease.release()


def test_a_lease_with_foreign_bytes_in_it_is_another_s_and_breaks_nothing(lease: RedisLease, reader: Redis) -> None:
    reader.hset(LEASE, mapping={"owner": b"\xff\x00\n", "epoch": "a lot", "host": b"acd\r\n" * 1000, "since_at": "-1"})
    reader.pexpire(LEASE, 60_000)

    seen = lease.acquire(NOW)

    assert not seen.mine
    assert (seen.owner, seen.host, seen.epoch, seen.since_at) == ("?", "?", 0, 0)


@pytest.mark.parametrize("counter", [b"many", b"nan", b"inf", b"-3", b"9" * 30, b"9007199254740993"])
def test_epochs_that_cannot_be_counted_on_are_an_error_and_are_left_alone(
    lease: RedisLease, reader: Redis, counter: bytes
) -> None:
    reader.set(EPOCH, counter)
    with pytest.raises(RemoteError) as refused:
        lease.acquire(NOW)

    assert refused.value.error_id == "redis-refused"
    assert "not ours" in refused.value.message
    assert reader.get(EPOCH) == counter
    assert not reader.exists(LEASE)


def test_standbys_of_a_foreign_type_keep_nobody_from_anything(lease: RedisLease, reader: Redis) -> None:
    reader.set(STANDBYS, "x")
    assert lease.acquire(NOW).mine
    assert lease.renew(1).standbys == 0
    assert lease.read(stands_by=True).standbys == 1
    assert lease.release().owner == ""


def test_a_large_epoch_stays_a_whole_number(lease: RedisLease, reader: Redis) -> None:
    reader.set(EPOCH, b"123456789012345")
    assert lease.acquire(NOW).epoch == 123456789012346
    assert reader.hget(LEASE, "epoch") == reader.get(EPOCH) == b"123456789012346"
    assert lease.raise_above(123456789012350).epoch == 123456789012351


def test_a_server_that_forgot_its_scripts_is_told_them_again(lease: RedisLease, reader: Redis) -> None:
    lease.acquire(NOW)
    reader.script_flush()

    assert lease.renew(1).mine


def test_a_frozen_server_holds_a_thread_no_longer_than_two_answers(
    lease: RedisLease, redis_server: RedisServer
) -> None:
    lease.acquire(NOW)
    redis_server.freeze()
    try:
        began = time.monotonic()
        with pytest.raises(RemoteError):
            lease.renew(1)
        assert time.monotonic() - began < 2 * ANSWER_S + 0.4
    finally:
        redis_server.thaw()


def test_the_password_is_in_no_error(redis_server: RedisServer) -> None:
    address = RedisAddress.parse(redis_server.url, password="correct-horse")
    lease = RedisLease(address)
    with pytest.raises(RemoteError) as refused:
        lease.acquire(NOW)
    lease.close()

    assert refused.value.error_id in ("redis-login", "redis-refused")
    assert "correct-horse" not in str(refused.value)


def test_a_renewal_gives_it_its_whole_life_again(lease: RedisLease, reader: Redis) -> None:
    lease.acquire(NOW)
    reader.pexpire(LEASE, 700)

    assert lease.renew(1).left_us > 1_000_000
