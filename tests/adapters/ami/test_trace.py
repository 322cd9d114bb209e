"""What the AMI adapter marks of a contact's way: when its bytes came, when actions went and were answered."""

import asyncio
import time

from router.adapters.ami.intake import Intake
from router.adapters.ami.limits import Counters, Limits
from router.adapters.ami.wire import Block
from router.domain.ids import LegId
from router.domain.messages.effects import EndLeg
from router.domain.messages.observations import ContactArrived
from router.trace.recorder import HAPPENED, PUT, READ, Marks, Recorder

from .fake_node import FakeNode
from .fake_server import event, until
from .telephony_room import CALLER, Room, connected, ring

ARRIVED = event(
    "UserEvent",
    "Timestamp: 1795296435.000250",
    "UserEvent: AcdArrived",
    "V: 1",
    f"Contact: {CALLER}",
    f"Uniqueid: {CALLER}",
    f"Linkedid: {CALLER}",
    "Channel: PJSIP/trunk-00000001",
    "Campaign: shop",
    "Dnis: 493023125100",
    "Ani: +4915155500001",
    "Arrived: 1795296435000000",
)


def recorder() -> Recorder:
    return Recorder(lambda seconds: int(seconds * 1_000_000))


async def arrived(node: FakeNode, room: Room, trace: Recorder) -> Marks:
    node.emit(ARRIVED)
    await until(lambda: bool(room.of(ContactArrived)))
    found = trace.find(CALLER)
    assert found is not None
    return found


async def test_an_arrival_has_asterisks_time_and_when_its_bytes_came() -> None:
    trace = recorder()
    async with FakeNode() as node, connected(node, trace=trace) as room:
        before = time.monotonic()
        [mark] = (await arrived(node, room, trace)).marks
        assert mark[HAPPENED] == 1_795_296_435_000_250
        assert isinstance(mark, list)
        read_at, put_at = mark[READ], mark[PUT]
        assert isinstance(read_at, float)
        assert isinstance(put_at, float)
        assert before <= read_at <= put_at <= time.monotonic()


async def test_actions_are_marked_when_written_and_when_answered() -> None:
    trace = recorder()
    async with FakeNode(refusing={"Hangup": "No such channel"}) as node, connected(node, trace=trace) as room:
        found = await arrived(node, room, trace)
        offer = ring()
        trace._offer(found, offer.offer_id)  # as the pump does when it was decided
        room.telephony.perform(offer)
        room.telephony.perform(EndLeg(leg=LegId(CALLER), node="pbx_1"))
        await until(lambda: len(found.marks) == 5)
        assert [(mark[0], mark[1], mark[4]) for mark in found.marks[1:]] == [
            ("written", "RingAgent", None),
            ("written", "EndLeg", None),
            ("answered", "RingAgent", True),
            ("answered", "EndLeg", False),
        ]


async def test_a_ring_that_could_not_be_written_is_not_marked_as_written() -> None:
    trace = recorder()
    async with FakeNode() as node, connected(node, trace=trace) as room:
        found = await arrived(node, room, trace)
        offer = ring()
        trace._offer(found, offer.offer_id)
        await room.telephony.session.close()
        room.telephony.perform(offer)
        assert len(found.marks) == 1


async def test_a_trace_that_fails_costs_no_observation_and_no_connection() -> None:
    def broken() -> float:
        raise RuntimeError("full of bees")

    trace = Recorder(lambda seconds: 0, clock=broken)
    async with FakeNode() as node, connected(node, trace=trace) as room:
        node.emit(ARRIVED)
        await until(lambda: bool(room.of(ContactArrived)))
        assert room.telephony.session.connected


async def test_events_of_a_backlog_keep_the_time_their_own_bytes_came() -> None:
    now = 0.0
    came: list[tuple[str, float]] = []

    def costly(block: Block) -> None:
        nonlocal now
        came.append((block["n"], intake.read_at))
        now += 0.004

    intake = Intake(
        asyncio.get_running_loop(),
        wanted=frozenset({"Hangup"}),
        on_event=costly,
        on_fault=lambda error: None,
        limits=Limits(slice_s=0.0045),
        counters=Counters(),
        clock=lambda: now,
    )
    intake.open = True
    intake.feed(b"Asterisk Call Manager/11.0.0\r\n" + b"".join(event("Hangup", f"N: {n}") for n in range(3)))
    later = now
    intake.feed(event("Hangup", "N: 3"))
    await until(lambda: not intake.behind())
    assert later > 0.0
    assert came == [("0", 0.0), ("1", 0.0), ("2", 0.0), ("3", later)]
