"""The guarded session on a real Asterisk 22: the answers panoramisk 1.4 mistakes, limits, loss and return."""

import asyncio
import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest

from router.adapters.ami.pending import Lost
from router.adapters.ami.session import Session
from router.adapters.ami.wire import HEADER_LIMIT, LINE_LIMIT, BadValue
from router.adapters.pbx.addresses import Ports
from router.adapters.pbx.instance import Instance
from tests.adapters.ami.fake_server import HASTY, Consumer, running, session_to, until

ANSWER_S = 10.0


@pytest.fixture(scope="module")
def pbx() -> Iterator[Instance]:
    instance = Instance("ami-session-test", Ports.free(), extra_modules=("app_queue",))
    instance.render()
    (instance.etc / "queues.conf").write_text("[general]\n[q]\n")  # without it app_queue declines to load
    instance.start()
    try:
        yield instance
    finally:
        instance.stop()
        instance.remove()


def to(pbx: Instance, consumer: Consumer, **options: object) -> Session:
    return session_to(pbx.ports.ami, consumer, host=pbx.address, secret=pbx.ami_secret, **options)  # type: ignore[arg-type]


async def test_actions_that_are_denied_unknown_or_synchronous_are_all_answered(pbx: Instance) -> None:
    async with running(to(pbx, Consumer())) as session:
        local = {"Action": "Originate", "Channel": "Local/nobody@acd-home", "Application": "Wait", "Data": "0"}
        asked = {
            "queue": session.send({"Action": "QueueAdd", "Queue": "q", "Interface": "PJSIP/x"}, ANSWER_S),
            "command": session.send({"Action": "Command", "Command": "core show channels"}, ANSWER_S),
            "unknown": session.send({"Action": "NoSuchAction"}, ANSWER_S),
            "synchronous": session.send({**local, "Timeout": "1000"}, ANSWER_S),
            "ping": session.send({"Action": "Ping"}, ANSWER_S),
        }
        replies = dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))
        assert [replies[name].ok for name in ("queue", "command", "unknown")] == [False, False, False]
        assert replies["queue"].message == replies["command"].message == "Permission denied"
        assert replies["ping"].ok
        assert all(reply.items == () for reply in replies.values())
        assert session.connected
        assert session.in_flight == 0


async def test_lists_come_whole_with_their_variables_and_live_events_stay_events(pbx: Instance) -> None:
    consumer = Consumer()
    async with running(to(pbx, consumer)) as session:
        for number in range(3):
            reply = await session.send(
                {
                    "Action": "Originate",
                    "ActionID": f"ring-{number}",
                    "Channel": "Local/s@acd-say",
                    "Application": "Wait",
                    "Data": "30",
                    "Async": "true",
                    "Variable": [f"ACD_OFFER=o.{number}", "ACD_CONTACT=Zoë"],
                },
                ANSWER_S,
            )
            assert reply.ok
        status = {"Action": "Status", "Variables": "ACD_OFFER,ACD_CONTACT"}
        reply = await session.send(status, ANSWER_S)
        for name in ("CoreShowChannels", "BridgeList", "DeviceStateList"):
            listed = await session.send({"Action": name}, ANSWER_S)
            assert listed.ok, name
        assert reply.ok
        assert reply.block["eventlist"].lower() == "start"
        assert {item.event for item in reply.items} <= {"Status"}
        assert all(len(item.all("variable")) == 2 for item in reply.items)
        assert not [block for block in consumer.events if block.event == "Status"]
        for item in reply.items:
            await session.send({"Action": "Hangup", "Channel": item["channel"], "Cause": "16"}, ANSWER_S)
        await until(lambda: sum(block.event == "OriginateResponse" for block in consumer.events) == 3)
        ids = {block["actionid"] for block in consumer.events if block.event == "OriginateResponse"}
        assert ids == {"ring-0", "ring-1", "ring-2"}


async def test_what_the_encoder_lets_through_asterisk_reads_and_one_byte_more_is_refused(pbx: Instance) -> None:
    async with running(to(pbx, Consumer())) as session:
        value = "ü" + "x" * (LINE_LIMIT - len("Value: ") - 2)
        setvar = {"Action": "Setvar", "Variable": "ACD_TEST", "Value": value}
        assert (await session.send(setvar, ANSWER_S)).ok
        getvar = {"Action": "Getvar", "Variable": "ACD_TEST"}
        assert (await session.send(getvar, ANSWER_S)).block["value"] == value
        with pytest.raises(BadValue):
            session.send({**setvar, "Value": value + "x"}, ANSWER_S)
        full = {"Action": "UserEvent", "UserEvent": "AcdTest", "H": ["x"] * (HEADER_LIMIT - 3)}
        assert (await session.send(full, ANSWER_S)).ok
        with pytest.raises(BadValue):
            session.send({**full, "H": ["x"] * (HEADER_LIMIT - 2)}, ANSWER_S)


async def test_our_own_user_event_comes_back_to_us_with_every_character(pbx: Instance) -> None:
    consumer = Consumer()
    async with running(to(pbx, consumer)) as session:
        sent = {"Action": "UserEvent", "UserEvent": "AcdOwner", "Pool": "main", "Note": "Zoë 東京: a, b"}
        assert (await session.send(sent, ANSWER_S)).ok
        await until(lambda: consumer.events)
    assert consumer.events[0]["userevent"] == "AcdOwner"
    assert consumer.events[0]["note"] == "Zoë 東京: a, b"


async def test_a_wrong_secret_is_refused_once_and_said_so(pbx: Instance) -> None:
    consumer = Consumer()
    limits = replace(HASTY, refused_backoff_s=600)
    session = session_to(pbx.ports.ami, consumer, host=pbx.address, secret="wrong", limits=limits)
    async with running(session, up=False):
        await until(lambda: consumer.downs)
        assert session.refused == "Authentication failed"
        assert session.counters.attempts == 1


async def test_an_asterisk_that_stands_still_is_left_and_found_again_and_nothing_is_repeated(pbx: Instance) -> None:
    consumer = Consumer()
    pid = int(pbx.pid_file.read_text())
    limits = replace(HASTY, ping_every_s=0.1, ping_deadline_s=0.5, login_s=1.0)
    async with running(to(pbx, consumer, limits=limits)) as session:
        os.kill(pid, signal.SIGSTOP)
        try:
            event = {"Action": "UserEvent", "UserEvent": "AcdTest"}
            asked = session.send(event, 60)
            with pytest.raises(Lost):
                await asked
            await until(lambda: "half-open" in consumer.downs)
        finally:
            os.kill(pid, signal.SIGCONT)
        await until(lambda: consumer.ups == 2, within_s=20)
        assert (await session.send({"Action": "UserEvent", "UserEvent": "AcdMark"}, ANSWER_S)).ok
        await until(lambda: any(block["userevent"] == "AcdMark" for block in consumer.events))
        assert sum(block["userevent"] == "AcdTest" for block in consumer.events) <= 1
        assert session.counters.lost == 1


async def test_an_asterisk_that_is_started_anew_is_found_again(pbx: Instance) -> None:
    consumer = Consumer()
    async with running(to(pbx, consumer)) as session:
        await asyncio.to_thread(pbx.stop)
        await until(lambda: not session.connected)
        with pytest.raises(Lost):
            session.send({"Action": "CoreStatus"}, ANSWER_S)
        await asyncio.to_thread(pbx.start)
        await until(lambda: consumer.ups == 2, within_s=30)
        assert (await session.send({"Action": "CoreStatus"}, ANSWER_S)).ok
    assert consumer.story[:2] == ["up", "down lost"]
