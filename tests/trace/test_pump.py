"""The pump and the recorder together: what the engine was told, what came of it, in which order."""

from router.domain.messages.effects import Effect
from router.domain.messages.observations import Observation
from router.trace.reading import read
from router.trace.recorder import Recorder
from tests.fakes.pump_room import Room


def traced_room(*, inbox_limit: int = 100_000) -> tuple[Room, Recorder]:
    """A room whose telephony marks what the AMI adapter marks."""
    ticks = iter(range(1, 1_000_000))
    recorder = Recorder(lambda seconds: round(seconds), clock=lambda: float(next(ticks)))
    room = Room(inbox_limit=inbox_limit, trace=recorder)
    sink, perform = room.calls.sink, room.calls.perform

    def see(seen: Observation) -> None:
        recorder.seen(seen, float(next(ticks)))
        sink(seen)

    def do(effect: Effect) -> None:
        recorder.wrote(effect)
        perform(effect)

    room.calls.sink = see
    room.calls.perform = do  # type: ignore[method-assign]
    return room, recorder


async def test_a_call_passes_its_milestones_in_causal_order() -> None:
    room, recorder = traced_room()
    room.staffed().pump.start()
    await room.quiet()
    contact = room.calls.arrive("shop")
    await room.quiet()

    marks = recorder.find(contact)
    assert marks is not None
    trace = read(marks, recorder.wall)
    way = [(one.what, one.step) for one in trace.milestones if one.clock == "router"]
    wanted = [
        ("AcdArrived", "read"),
        ("AcdArrived", "parsed"),
        ("AcdArrived", "taken"),
        ("AcdArrived", "decided"),
        ("OfferMade", "event"),
        ("Originate", "written"),
        ("AcdTalk", "taken"),
        ("ContactConnected", "event"),
    ]
    assert [step for step in way if step in wanted] == wanted
    assert trace.lives
    room.pump.stop()


async def test_the_end_of_a_contact_makes_room_for_others() -> None:
    room, recorder = traced_room()
    room.staffed().pump.start()
    await room.quiet()
    contact = room.calls.arrive("shop")
    await room.quiet()
    leg = next(leg.leg for leg in room.calls.legs.values() if leg.contact_id == contact and leg.offer_id is None)
    room.calls.hang_up(leg)
    await room.quiet()
    marks = recorder.find(contact)
    assert marks is not None
    assert not marks.lives
    room.pump.stop()


async def test_an_overflowing_inbox_leaves_no_trace_half_open() -> None:
    room, recorder = traced_room(inbox_limit=5)
    room.staffed().pump.start()
    await room.quiet()
    for _ in range(50):
        room.calls.arrive("shop")
    await room.quiet()
    assert room.pump.overflows
    assert len(recorder._inbox) <= 5


async def test_a_recorder_that_fails_costs_the_pump_nothing() -> None:
    def broken() -> float:
        raise RuntimeError("full of bees")

    recorder = Recorder(lambda seconds: 0, clock=broken)
    room = Room(trace=recorder)
    room.staffed().pump.start()
    await room.quiet()
    room.calls.arrive("shop")
    await room.quiet()

    assert recorder.failures > 0
    assert room.pump.failures == 0
    assert [event for event in room.told if type(event).__name__ == "ContactConnected"]
    room.pump.stop()
