"""The gate: what changes something goes out while the pool is ours for certain, and else waits or is thrown away."""

from __future__ import annotations

import asyncio

import pytest

from router.adapters.ami import gate as module
from router.adapters.ami.gate import MOST_HELD, Withheld
from router.domain.errors import RemoteError
from router.domain.messages.effects import Effect, EndLeg, SendCaller
from router.domain.messages.observations import OriginateFailed, OwnerSeen
from router.ports import Acting
from tests.fakes.lease import FakeTenure

from .fake_node import FakeNode
from .fake_server import event, until
from .telephony_room import CALLER, Room, connected, ring

EFFECTS: tuple[Effect, ...] = (
    ring(1),
    EndLeg(leg="leg-1", node="pbx_1"),  # type: ignore[arg-type]
    SendCaller(contact_id=CALLER, leg=CALLER, node="pbx_1", context="acd-wait"),  # type: ignore[arg-type]
    ring(2),
)
CHANGES = ("Originate", "Hangup", "Redirect", "Setvar", "UserEvent")


def changed(node: FakeNode) -> list[str]:
    """Names of the actions that changed something, in order."""
    return [action.action for action in node.received if action.action in CHANGES]


async def heard_by(room: Room) -> None:
    """Everything written up to now has arrived."""
    await room.telephony.session.send({"Action": "Ping"}, 5)


async def doubtful(room: Room) -> int:
    """From now on nobody knows; how much had been changed before."""
    await heard_by(room)
    room.tenure.acting = Acting.UNKNOWN
    return len(changed(room.node))


async def test_in_doubt_effects_wait_and_leave_in_their_order_once_the_pool_is_ours() -> None:
    async with FakeNode() as node, connected(node) as room:
        before = await doubtful(room)
        for effect in EFFECTS:
            room.telephony.perform(effect)
        await heard_by(room)
        assert changed(node)[before:] == []

        room.tenure.learn(Acting.YES)
        await until(lambda: len(changed(node)) == before + len(EFFECTS))

        assert changed(node)[before:] == ["Originate", "Hangup", "Redirect", "Originate"]
        assert [action["ChannelId"] for action in node.actions("Originate")] == [f"{CALLER}.1", f"{CALLER}.2"]


async def test_in_doubt_effects_are_thrown_away_once_the_pool_is_another_s() -> None:
    async with FakeNode() as node, connected(node) as room:
        before = await doubtful(room)
        for effect in EFFECTS:
            room.telephony.perform(effect)

        room.tenure.learn(Acting.NO)
        await until(lambda: room.of(OwnerSeen))
        for effect in EFFECTS:
            room.telephony.perform(effect)
        room.telephony.beat(99)
        await heard_by(room)

        assert changed(node)[before:] == []
        assert "Another router" in (room.telephony.trouble or "")


async def test_a_pool_that_is_lost_is_told_though_nothing_was_to_be_done() -> None:
    async with FakeNode() as node, connected(node) as room:
        room.tenure.learn(Acting.NO)
        await until(lambda: room.of(OwnerSeen))
        room.tenure.learn(Acting.NO)
        await asyncio.sleep(0)
        assert len(room.of(OwnerSeen)) == 1


async def test_who_is_behind_those_who_wait_waits_too() -> None:
    async with FakeNode() as node, connected(node) as room:
        before = await doubtful(room)
        room.telephony.perform(EFFECTS[0])
        room.tenure.acting = Acting.YES  # known, but not told yet
        room.telephony.perform(EFFECTS[1])
        room.tenure.told()
        await until(lambda: len(changed(node)) == before + 2)
        assert changed(node)[before:] == ["Originate", "Hangup"]


async def test_in_doubt_the_heart_does_not_beat_and_nobody_is_called() -> None:
    async with FakeNode() as node, connected(node) as room:
        room.telephony.beat(7)
        before = await doubtful(room)

        room.telephony.beat(8)
        with pytest.raises(Withheld):
            room.telephony.call_in("canary")
        await heard_by(room)

        assert changed(node)[before:] == []
        assert node.globals["ACD_HB_main"] == "7"


async def test_in_doubt_nothing_is_claimed_and_questions_are_still_asked() -> None:
    async with FakeNode() as node, connected(node, synced=False, tenure=FakeTenure(acting=Acting.UNKNOWN)) as room:
        await until(lambda: "ACD_EPOCH_main" in [action["Variable"] for action in node.actions("Getvar")])
        await heard_by(room)

        assert changed(node) == []
        assert room.snapshots == []


async def test_what_was_withheld_from_a_resync_is_made_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.adapters.ami.patience._RETRY_S", 0.01)
    async with FakeNode() as node, connected(node, synced=False, tenure=FakeTenure(acting=Acting.UNKNOWN)) as room:
        await until(lambda: node.actions("Getvar"))
        room.tenure.learn(Acting.YES)
        await room.synced()
        assert node.globals["ACD_EPOCH_main"] == "1"


async def test_what_is_too_much_is_dropped_and_the_truth_asked_for() -> None:
    async with FakeNode() as node, connected(node) as room:
        before = await doubtful(room)
        for number in range(MOST_HELD + 7):
            room.telephony.perform(EndLeg(leg=f"leg-{number}", node="pbx_1"))  # type: ignore[arg-type]
        assert room.telephony.gate.overflows == 7

        room.tenure.learn(Acting.YES)
        await room.synced(2)

        assert changed(node)[before : before + MOST_HELD] == ["Hangup"] * MOST_HELD


async def test_when_nobody_answers_whose_the_pool_is_asterisk_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.02)
    async with FakeNode() as node, connected(node) as room:
        before = await doubtful(room)
        room.telephony.perform(EFFECTS[0])
        await until(lambda: node.actions("Originate"))

        assert changed(node)[before:] == ["Originate"]
        assert len(room.tenure.proofs) == 1
        assert room.of(OwnerSeen) == []


async def test_who_is_alone_and_finds_a_higher_epoch_at_asterisk_has_lost_the_pool() -> None:
    async with FakeNode() as node, connected(node) as room:
        before = await doubtful(room)
        room.telephony.perform(EFFECTS[0])
        node.globals["ACD_EPOCH_main"] = "2"

        room.tenure.unanswered()
        await until(lambda: room.of(OwnerSeen))
        await heard_by(room)

        assert room.of(OwnerSeen) == [OwnerSeen(pool="main", epoch=2)]
        assert changed(node)[before:] == []
        assert room.tenure.proofs == []


async def test_an_asterisk_that_does_not_answer_is_asked_until_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AGAIN_S", 0.01)
    async with FakeNode() as node, connected(node) as room:
        await doubtful(room)
        room.telephony.perform(EFFECTS[0])
        node.refusing["ACD_EPOCH_main"] = "Permission denied"
        asked = len(node.actions("Getvar"))
        room.tenure.unanswered()
        await until(lambda: len(node.actions("Getvar")) >= asked + 3)
        assert node.actions("Originate") == []

        del node.refusing["ACD_EPOCH_main"]
        await until(lambda: node.actions("Originate"))


async def test_without_a_connection_what_waits_fails_at_once() -> None:
    async with FakeNode() as node, connected(node) as room:
        await doubtful(room)
        room.telephony.perform(EFFECTS[0])
        node.cut()
        await until(lambda: room.of(OriginateFailed))
        [failed] = room.of(OriginateFailed)
        assert isinstance(failed, OriginateFailed)
        assert failed.reason == "ami-lost"


async def test_a_claim_of_another_router_ends_the_doubt_too() -> None:
    async with FakeNode() as node, connected(node) as room:
        before = await doubtful(room)
        room.telephony.perform(EFFECTS[0])
        node.emit(event("UserEvent", "UserEvent: AcdOwner", "V: 1", "Pool: main", "Epoch: 2", "Router: 77"))
        await until(lambda: room.of(OwnerSeen))

        room.tenure.learn(Acting.YES)
        await heard_by(room)
        assert changed(node)[before:] == []


async def test_withheld_is_an_error_that_asking_again_can_mend() -> None:
    assert isinstance(Withheld(), RemoteError)
    assert Withheld().retryable
