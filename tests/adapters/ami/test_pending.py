"""Actions in flight: lists, deadlines, cancellation, late answers. One end each, nothing left behind."""

import asyncio
import time
from dataclasses import replace

import pytest

from router.adapters.ami.intake import Intake
from router.adapters.ami.limits import Counters, Limits
from router.adapters.ami.wire import BadValue
from router.domain.errors import RemoteError

from .fake_server import HASTY, Consumer, FakeAsterisk, block, event, running, session_to, until

PATIENT = 10.0
PROMPT = replace(HASTY, stall_grace_s=0.05)


async def test_a_queue_add_and_a_synchronous_originate_are_answered_like_any_action() -> None:
    asterisk = FakeAsterisk(
        answers={
            "QueueAdd": [("Response: Success", "ActionID: {id}", "Message: Added interface to queue")],
            "Originate": [("Response: Success", "ActionID: {id}", "Message: Originate successfully queued")],
            "Redirect": [("Response: Success", "ActionID: {id}", "Message: Status will follow")],
        }
    )
    async with asterisk, running(session_to(asterisk.port, Consumer())) as session:
        for action in ("QueueAdd", "Originate", "Redirect"):
            reply = await session.send({"Action": action, "Queue": "q"}, PATIENT)
            assert reply.ok
            assert reply.items == ()


async def test_a_list_is_what_lies_between_start_and_complete() -> None:
    consumer = Consumer()
    items = [("Event: Status", "ActionID: {id}", f"Uniqueid: u.{n}", "ChanVariable: A=1") for n in range(5)]
    items.insert(2, ("Event: TransferComplete", "ActionID: {id}", "Uniqueid: u.x"))
    items.insert(4, ("Event: AsyncAGIExec", "ActionID: {id}", "Response: odd", "Uniqueid: u.y"))
    items.insert(3, ("Event: Hangup", "Uniqueid: live"))
    end = ("Event: StatusComplete", "ActionID: {id}", "EventList: Complete", "ListItems: 7")
    start = ("Response: Success", "ActionID: {id}", "EventList: start", "Message: Channel status will follow")
    asterisk = FakeAsterisk(answers={"Status": [start, *items, end]})
    async with asterisk, running(session_to(asterisk.port, consumer)) as session:
        reply = await session.send({"Action": "Status"}, PATIENT)
        assert [item["uniqueid"] for item in reply.items] == ["u.0", "u.1", "u.x", "u.2", "u.y", "u.3", "u.4"]
        assert reply.items[0].all("chanvariable") == ("A=1",)
        assert reply.message == "Channel status will follow"
        assert [block["uniqueid"] for block in consumer.events] == ["live"], "a live event between is news"
        assert (await session.send({"Action": "CoreStatus"}, PATIENT)).items == ()


async def test_a_list_with_nothing_in_it_and_a_refused_list_end_at_once() -> None:
    asterisk = FakeAsterisk(
        answers={
            "BridgeList": [
                ("Response: Success", "ActionID: {id}", "EventList: start"),
                ("Event: BridgeListComplete", "ActionID: {id}", "EventList: Complete", "ListItems: 0"),
            ],
            "QueueStatus": [("Response: Error", "ActionID: {id}", "Message: Permission denied")],
        }
    )
    async with asterisk, running(session_to(asterisk.port, Consumer())) as session:
        reply = await session.send({"Action": "BridgeList"}, PATIENT)
        assert reply.ok
        assert reply.items == ()
        reply = await session.send({"Action": "QueueStatus"}, PATIENT)
        assert (reply.ok, reply.message) == (False, "Permission denied")


async def test_a_list_broken_off_or_without_measure_is_an_error_and_never_half_a_truth() -> None:
    start = ("Response: Success", "ActionID: {id}", "EventList: start")
    item = ("Event: Status", "ActionID: {id}")
    asterisk = FakeAsterisk(
        answers={
            "Status": [start, item, ("Event: StatusComplete", "ActionID: {id}", "EventList: cancelled")],
            "CoreShowChannels": [start, *[item] * 5],
        }
    )
    limits = replace(HASTY, list_items=4)
    async with asterisk, running(session_to(asterisk.port, Consumer(), limits=limits)) as session:
        for action, error_id in (("Status", "ami-list-cancelled"), ("CoreShowChannels", "ami-list-too-long")):
            with pytest.raises(RemoteError) as broken:
                await session.send({"Action": action}, PATIENT)
            assert broken.value.error_id == error_id
        assert session.in_flight == 0


async def test_an_answer_is_never_awaited_for_ever_and_a_hundred_time_outs_leave_nothing() -> None:
    async with (
        FakeAsterisk(unanswered={"Originate"}) as asterisk,
        running(session_to(asterisk.port, Consumer(), limits=PROMPT)) as session,
    ):
        asked = [session.send({"Action": "Originate", "Async": "true"}, 0.05) for _ in range(100)]
        ends = await asyncio.gather(*asked, return_exceptions=True)
        assert {getattr(end, "error_id", None) for end in ends} == {"ami-timeout"}
        assert session.in_flight == 0
        assert session.counters.timeouts == 100
        for action in asterisk.actions("Originate"):
            asterisk.emit(event("OriginateResponse", f"ActionID: {action['ActionID']}"))
            asterisk.emit(f"Response: Success\r\nActionID: {action['ActionID']}\r\n\r\n".encode())
        await until(lambda: session.counters.strays == 100)
        assert session.counters.events == 100, "an event with the id of an action that timed out is still news"
        assert session.connected


async def test_a_cancelled_wait_leaves_nothing_and_its_late_answer_harms_nobody() -> None:
    async with (
        FakeAsterisk(unanswered={"Originate"}) as asterisk,
        running(session_to(asterisk.port, Consumer())) as session,
    ):
        for _ in range(20):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(session.send({"Action": "Originate"}, 600), 0.01)
        await until(lambda: session.in_flight == 0)
        await until(lambda: len(asterisk.actions("Originate")) == 20)
        for action in asterisk.actions("Originate"):
            asterisk.emit(f"Response: Success\r\nActionID: {action['ActionID']}\r\n\r\n".encode())
        await until(lambda: session.counters.strays == 20)
        assert (await session.send({"Action": "CoreStatus"}, PATIENT)).ok


async def test_late_items_of_a_list_given_up_are_not_taken_for_news() -> None:
    consumer = Consumer()
    async with (
        FakeAsterisk(unanswered={"DeviceStateList"}) as asterisk,
        running(session_to(asterisk.port, consumer, limits=PROMPT)) as session,
    ):
        asked = session.send({"Action": "DeviceStateList", "ActionID": "list-1"}, 0.2)
        await until(lambda: asterisk.actions("DeviceStateList"))
        asterisk.emit(b"Response: Success\r\nActionID: list-1\r\nEventList: start\r\n\r\n")
        with pytest.raises(RemoteError):
            await asked
        asterisk.emit(event("DeviceStateChange", "ActionID: list-1", "State: NOT_INUSE"))
        asterisk.emit(event("DeviceStateListComplete", "ActionID: list-1", "EventList: Complete"))
        asterisk.emit(event("DeviceStateChange", "State: INUSE"))
        await until(lambda: consumer.events)
        assert [block["state"] for block in consumer.events] == ["INUSE"]
        assert session.counters.strays == 2


async def test_answers_that_come_in_another_order_reach_those_who_asked() -> None:
    async with (
        FakeAsterisk(unanswered={"Getvar"}) as asterisk,
        running(session_to(asterisk.port, Consumer())) as session,
    ):
        asked = [session.send({"Action": "Getvar", "Variable": name}, PATIENT) for name in "AB"]
        await until(lambda: len(asterisk.actions("Getvar")) == 2)
        for action in reversed(asterisk.actions("Getvar")):
            name = action["Variable"]
            asterisk.emit(block("Response: Success", f"ActionID: {action['ActionID']}", f"Value: {name}"))
        assert [(await answer).block["value"] for answer in asked] == ["A", "B"]


async def test_a_second_answer_to_a_list_under_way_does_not_end_it() -> None:
    async with (
        FakeAsterisk(unanswered={"Status"}) as asterisk,
        running(session_to(asterisk.port, Consumer())) as session,
    ):
        asked = session.send({"Action": "Status", "ActionID": "list-1"}, PATIENT)
        await until(lambda: asterisk.actions("Status"))
        asterisk.emit(block("Response: Success", "ActionID: list-1", "EventList: start"))
        asterisk.emit(event("Status", "ActionID: list-1", "Uniqueid: u.1"))
        asterisk.emit(block("Response: Success", "ActionID: list-1"))
        asterisk.emit(event("Status", "ActionID: list-1", "Uniqueid: u.2"))
        asterisk.emit(event("StatusComplete", "ActionID: list-1", "EventList: Complete"))
        assert [item["uniqueid"] for item in (await asked).items] == ["u.1", "u.2"]
        assert session.counters.strays == 1


async def test_the_result_of_an_originate_reaches_the_consumer_under_the_callers_own_id() -> None:
    consumer = Consumer()
    asterisk = FakeAsterisk(
        answers={
            "Originate": [
                ("Response: Success", "ActionID: {id}", "Message: Originate successfully queued"),
                ("Event: OriginateResponse", "ActionID: {id}", "Response: Failure", "Uniqueid: <null>"),
            ]
        }
    )
    async with asterisk, running(session_to(asterisk.port, consumer)) as session:
        asked = session.send({"Action": "Originate", "ActionID": "pbx-1.7.1", "Async": "true"}, PATIENT)
        with pytest.raises(BadValue):
            session.send({"Action": "Originate", "ActionID": "pbx-1.7.1", "Async": "true"}, PATIENT)
        assert (await asked).ok
        await until(lambda: consumer.events)
    assert consumer.events[0]["actionid"] == "pbx-1.7.1"
    assert consumer.events[0].event == "OriginateResponse"


async def test_an_event_with_the_id_of_an_action_still_waiting_is_news_all_the_same() -> None:
    consumer = Consumer()
    async with FakeAsterisk(unanswered={"Originate"}) as asterisk, running(session_to(asterisk.port, consumer)) as s:
        asked = s.send({"Action": "Originate", "ActionID": "o-1"}, PATIENT)
        await until(lambda: asterisk.actions("Originate"))
        asterisk.emit(event("Hangup", "ActionID: o-1"))
        await until(lambda: consumer.events)
        assert not asked.done()


async def test_the_callers_mapping_is_left_as_it_was() -> None:
    async with FakeAsterisk() as asterisk, running(session_to(asterisk.port, Consumer())) as session:
        action = {"Action": "Setvar", "Variable": "ACD_HB_main", "Value": "1"}
        await session.send(action, PATIENT)
        assert action == {"Action": "Setvar", "Variable": "ACD_HB_main", "Value": "1"}


async def test_an_answer_that_came_while_the_loop_stood_still_is_not_a_time_out() -> None:
    async with (
        FakeAsterisk(unanswered={"Originate"}) as asterisk,
        running(session_to(asterisk.port, Consumer())) as session,
    ):
        asked = session.send({"Action": "Originate", "ActionID": "o-1"}, 0.1)
        await until(lambda: asterisk.actions("Originate"))
        asterisk.emit(b"Response: Success\r\nActionID: o-1\r\n\r\n")
        time.sleep(0.3)  # noqa: ASYNC251 - the stall is what is tested
        assert (await asked).ok


async def test_an_answer_behind_all_that_came_in_a_stall_is_not_a_time_out() -> None:
    loop = asyncio.get_running_loop()
    intake = Intake(
        loop,
        wanted=frozenset(),
        on_event=lambda block: None,
        on_fault=lambda error: None,
        limits=Limits(),
        counters=Counters(),
    )
    intake.feed(b"Asterisk Call Manager/11.0.0\r\n")
    asked = intake.pending.add("o-1", "Originate", 0.01)
    pieces = [event("VarSet")] * 20 + [b"Response: Success\r\nActionID: o-1\r\n\r\n"]

    def read() -> None:
        intake.feed(pieces.pop(0))
        if pieces:
            loop.call_soon(read)

    time.sleep(0.05)  # noqa: ASYNC251 - the stall is what is tested
    loop.call_soon(read)
    assert (await asked).ok
    assert intake.pending.listening is False


async def test_a_list_that_begins_after_its_deadline_is_not_taken_for_news_either() -> None:
    consumer = Consumer()
    async with (
        FakeAsterisk(unanswered={"DeviceStateList"}) as asterisk,
        running(session_to(asterisk.port, consumer, limits=PROMPT)) as session,
    ):
        with pytest.raises(RemoteError):
            await session.send({"Action": "DeviceStateList", "ActionID": "list-1"}, 0.05)
        asterisk.emit(b"Response: Success\r\nActionID: list-1\r\nEventList: start\r\n\r\n")
        asterisk.emit(event("DeviceStateChange", "ActionID: list-1", "State: NOT_INUSE"))
        asterisk.emit(event("DeviceStateListComplete", "ActionID: list-1", "EventList: Complete"))
        asterisk.emit(event("DeviceStateChange", "ActionID: list-1", "State: INUSE"))
        await until(lambda: consumer.events)
        assert [block["state"] for block in consumer.events] == ["INUSE"], "the list is forgotten at its end"
        assert session.counters.strays == 3


@pytest.mark.parametrize("deadline_s", [0, -1.0, float("nan")])
async def test_a_deadline_that_is_none_is_refused_before_anything_is_written(deadline_s: float) -> None:
    async with FakeAsterisk() as asterisk, running(session_to(asterisk.port, Consumer())) as session:
        with pytest.raises(ValueError, match="deadline"):
            session.send({"Action": "CoreStatus"}, deadline_s)
        assert (await session.send({"Action": "Setvar"}, PATIENT)).ok
        assert asterisk.actions("CoreStatus") == []
        assert session.in_flight == 0
