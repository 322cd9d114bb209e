"""Whose the pool is, as a router tells it over HTTP."""

from router.ports import LeaseView
from tests.adapters.http.conftest import Served
from tests.fakes.desk import NOW


async def test_the_owner_tells_since_when_it_owns_the_pool_and_who_would_follow(served: Served) -> None:
    served.desk.pool = LeaseView(
        mine=True, owner="0a", host="acd1", epoch=7, since_at=NOW, left_us=1_250_000, latest=7, standbys=2
    )

    assert await served.get("/v1/pool") == (
        200,
        {
            "mine": True,
            "host": "acd1",
            "epoch": 7,
            "since": "2026-09-21T14:13:20.000000Z",
            "lease_left_s": 1.25,
            "standbys": 2,
        },
    )


async def test_who_stands_by_tells_whose_the_pool_is(served: Served) -> None:
    served.desk.pool = LeaseView(owner="0b", host="acd2", epoch=8, since_at=NOW, left_us=900_000, latest=8)

    _, said = await served.get("/v1/pool")

    assert (said["mine"], said["host"], said["epoch"]) == (False, "acd2", 8)


async def test_a_pool_of_nobody_has_no_host_and_no_time(served: Served) -> None:
    served.desk.pool = LeaseView(latest=8)

    _, said = await served.get("/v1/pool")

    assert (said["host"], said["since"], said["lease_left_s"]) == (None, None, 0.0)
