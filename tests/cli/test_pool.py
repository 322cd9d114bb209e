"""Whose the pool is: `status` asks the router, `doctor` asks Redis itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router.adapters.redis.address import RedisAddress
from router.adapters.redis.lease import RedisLease
from router.domain.ids import SECOND
from router.ports import LeaseView

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from tests.cli.conftest import Bench
    from tests.contracts.redis_servers import RedisServer
    from tests.fakes.desk import FakeDesk

pytest_plugins = ["tests.contracts.redis_servers"]

NOW = 1_790_000_000 * SECOND


def test_status_shows_the_owner_its_epoch_and_that_somebody_would_follow(bench: Bench, desk: FakeDesk) -> None:
    shown = bench.run("status").stdout

    assert "pool of acd1, epoch 7" in shown
    assert "lease for 1.2 s more; 1 stands by" in shown
    assert bench.json("status", "--json")["pool"]["host"] == "acd1"


@pytest.mark.parametrize(("count", "words"), [(0, "nobody stands by"), (1, "1 stands by"), (3, "3 stand by")])
def test_status_counts_who_stands_by(bench: Bench, desk: FakeDesk, count: int, words: str) -> None:
    desk.pool = LeaseView(mine=True, host="acd1", epoch=7, standbys=count)
    assert words in bench.run("status").stdout


def test_status_of_a_router_that_stands_by_says_so_and_whose_the_pool_is(bench: Bench, desk: FakeDesk) -> None:
    desk.pool = LeaseView(owner="0b", host="acd2", epoch=8, since_at=NOW, left_us=SECOND)

    shown = bench.run("status").stdout

    assert "pool of acd2, epoch 8" in shown
    assert "this router stands by, its floor is empty" in shown


def test_doctor_tells_whose_the_pool_is(bench: Bench, redis_server: RedisServer) -> None:
    bench.settings["redis"] = f'url = "{redis_server.url}"\n'
    found = bench.findings(exit_code=1)["redis.lease"]
    assert found["verdict"] == "ok"
    assert "nobody owns pool main" in found["found"]

    lease = RedisLease(RedisAddress.parse(redis_server.url), lives_s=60)
    lease.acquire(NOW)
    lease.close()

    found = bench.findings(exit_code=1)["redis.lease"]
    assert found["verdict"] == "ok"
    assert "owns pool main in epoch 1" in found["found"]


def test_doctor_finds_a_counter_of_epochs_that_is_none(bench: Bench, redis_server: RedisServer) -> None:
    bench.settings["redis"] = f'url = "{redis_server.url}"\n'
    redis_server.command("SET", "ringfair:{main}:epoch", "many")

    found = bench.findings(exit_code=1)["redis.lease"]

    assert found["verdict"] == "fail"
    assert "not ours" in found["found"]
