"""Routers that claim one pool at the same moment: exactly one stays, whoever is first."""

import contextlib

import pytest

from router.adapters.ami import patience
from router.domain.messages.observations import OwnerSeen, Resynced
from tests.fakes.lease import FakeTenure

from .fake_node import FakeNode
from .fake_server import Received, event, until
from .telephony_room import connected


def owner(epoch: int, nonce: str) -> bytes:
    return event("UserEvent", "UserEvent: AcdOwner", "V: 1", "Pool: main", f"Epoch: {epoch}", f"Router: {nonce}")


@pytest.mark.parametrize("nonces", [("0a", "f0"), ("f0", "0a")])
async def test_of_two_that_read_the_same_epoch_the_higher_nonce_stays(nonces: tuple[str, str]) -> None:
    one, other = (FakeTenure(owner=nonce) for nonce in nonces)
    node = FakeNode(globals={"ACD_EPOCH_main": "5"}, together={"ACD_EPOCH_main": 2})
    async with (
        node,
        connected(node, synced=False, tenure=one) as first,
        connected(node, synced=False, tenure=other) as second,
    ):
        stays, goes = (first, second) if nonces[0] > nonces[1] else (second, first)
        await until(lambda: goes.of(OwnerSeen) and stays.of(Resynced))

        stays.telephony.beat(100)
        goes.telephony.beat(200)
        for room in (goes, stays):
            await room.telephony.session.send({"Action": "Ping"}, 5)
        assert goes.of(OwnerSeen) == [OwnerSeen(pool="main", epoch=6, router="f0")]
        assert stays.of(OwnerSeen) == []
        assert stays.telephony.trouble is None
        assert "Another router" in (goes.telephony.trouble or "")
        assert node.globals["ACD_EPOCH_main"] == "6"
        assert node.globals["ACD_HB_main"] == "100"


async def test_of_five_at_once_exactly_one_stays() -> None:
    async with FakeNode(together={"ACD_EPOCH_main": 5}) as node, contextlib.AsyncExitStack() as stack:
        rooms = [await stack.enter_async_context(connected(node, synced=False)) for _ in range(5)]
        await until(lambda: sum(bool(room.of(OwnerSeen)) for room in rooms) == 4)
        [stays] = [room for room in rooms if not room.of(OwnerSeen)]
        await stays.synced()
        nonces = {told["Router"] for told in node.actions("UserEvent")}
        assert len(nonces) == 5
        assert stays.telephony.trouble is None


async def test_who_comes_later_deposes_who_was_there() -> None:
    async with FakeNode() as node, connected(node) as first, connected(node) as second:
        await until(lambda: first.of(OwnerSeen))
        assert (first.telephony.epoch, second.telephony.epoch) == (1, 2)
        assert second.of(OwnerSeen) == []


async def test_an_equal_epoch_with_a_higher_nonce_deposes() -> None:
    async with FakeNode() as node, connected(node) as room:
        node.emit(owner(1, "zz"))
        await until(lambda: room.of(OwnerSeen))
        assert "Another router" in (room.telephony.trouble or "")


async def test_a_slow_rival_that_overwrote_our_epoch_is_told_and_the_epoch_set_right() -> None:
    async with FakeNode(globals={"ACD_EPOCH_main": "6"}) as node, connected(node) as room:
        node.globals["ACD_EPOCH_main"] = "6"
        node.emit(owner(6, "ff"))
        await room.synced(2)
        assert node.globals["ACD_EPOCH_main"] == "7"
        assert [told["Epoch"] for told in node.actions("UserEvent")] == ["7", "7"]
        assert room.of(OwnerSeen) == []


async def test_who_was_overtaken_between_its_claim_and_its_second_look_gives_way() -> None:
    class Overtaken(FakeNode):
        def _userevent(self, action: Received) -> bytes:
            self.globals["ACD_EPOCH_main"] = "9"
            return super()._userevent(action)

    async with Overtaken() as node, connected(node, synced=False) as room:
        await until(lambda: room.of(OwnerSeen))
        await room.telephony.session.send({"Action": "Ping"}, 5)
        assert room.of(OwnerSeen, Resynced) == [OwnerSeen(pool="main", epoch=9)]
        assert node.set_to("ACD_HB_main") == []
        assert room.telephony.epoch == 0


async def test_who_was_overwritten_from_below_claims_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_RETRY_S", 0.01)

    class Overwritten(FakeNode):
        times = 1

        def _userevent(self, action: Received) -> bytes:
            if self.times:
                self.times -= 1
                self.globals["ACD_EPOCH_main"] = "3"
            return super()._userevent(action)

    async with Overwritten(globals={"ACD_EPOCH_main": "8"}) as node, connected(node) as room:
        assert node.set_to("ACD_EPOCH_main") == ["9", "9"]
        assert room.telephony.epoch == 9
        assert room.of(OwnerSeen) == []


async def test_the_lease_s_epoch_is_claimed_when_it_is_higher_than_any_before() -> None:
    async with FakeNode(globals={"ACD_EPOCH_main": "6"}) as node, connected(node, tenure=FakeTenure(epoch=11)) as room:
        assert node.set_to("ACD_EPOCH_main") == ["11"]
        assert room.snapshots[0].epoch == 11


async def test_an_epoch_that_redis_has_forgotten_is_exceeded_never_used_again() -> None:
    async with FakeNode(globals={"ACD_EPOCH_main": "7"}) as node, connected(node, tenure=FakeTenure(epoch=1)) as room:
        assert node.set_to("ACD_EPOCH_main") == ["8"]
        assert room.tenure.epoch == room.telephony.epoch == 8


async def test_who_stands_by_is_logged_in_and_neither_claims_nor_tells_anything() -> None:
    async with FakeNode(globals={"ACD_EPOCH_main": "6"}) as node, connected(node, synced=False, owns=False) as room:
        await until(lambda: node.actions("Getvar"))
        node.emit(owner(7, "ff") + event("Hangup", "Uniqueid: 1", "Channel: PJSIP/a-1", "Cause: 16"))
        room.telephony.beat(1)
        await room.telephony.session.send({"Action": "Ping"}, 5)

        assert room.telephony.trouble is None
        assert room.seen == []
        assert node.actions("Setvar") == node.actions("UserEvent") == []


async def test_who_stood_by_claims_the_pool_and_reads_what_lives_once_it_owns_it() -> None:
    async with FakeNode(globals={"ACD_EPOCH_main": "6"}) as node, connected(node, synced=False, owns=False) as room:
        await until(lambda: node.actions("Getvar"))
        room.telephony.own()
        snapshot = await room.synced()

        assert snapshot.epoch == 7
        assert node.globals["ACD_EPOCH_main"] == "7"


async def test_one_whose_node_is_unfit_says_so_while_it_stands_by() -> None:
    async with FakeNode(version="200500") as node, connected(node, synced=False, owns=False) as room:
        await until(lambda: room.telephony.unfit)
        assert room.telephony.trouble == room.telephony.unfit
