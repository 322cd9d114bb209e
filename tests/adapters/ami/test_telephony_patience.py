"""An Asterisk that cannot serve us: said once for each reason, asked ever more seldom, found when it is mended."""

import logging

import pytest

from router.adapters.ami import patience
from router.adapters.ami import rounds as module
from router.adapters.ami.patience import patience_s

from .fake_node import FakeNode
from .fake_server import until
from .telephony_room import connected, rules


def asked(node: FakeNode) -> int:
    return [action["Variable"] for action in node.actions("Getvar")].count("SYSTEMNAME")


def test_the_next_try_waits_twice_as_long_each_time_and_never_half_a_minute() -> None:
    assert [patience_s(failures) for failures in range(7)] == [1, 2, 4, 8, 16, 25, 25]
    assert patience_s(10**6) == 25


async def test_one_reason_is_said_once_and_another_one_once_more(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(patience, "_RETRY_S", 0.002)
    monkeypatch.setattr(patience, "_LONGEST_RETRY_S", 0.02)
    caplog.set_level(logging.INFO, module.__name__)

    def said() -> list[tuple[str, str]]:
        return [
            (record.levelname, getattr(record, "why", "")[:20])
            for record in caplog.records
            if record.name == module.__name__
        ]

    async with FakeNode(version="200500") as node, connected(node, synced=False) as room:
        await until(lambda: asked(node) >= 6)
        assert said() == [("ERROR", "Asterisk's version n")]
        node.cut()  # and a new login changes nothing about it
        await until(lambda: asked(node) >= 10)
        assert said() == [("ERROR", "Asterisk's version n")]
        node.version = "221001"
        node.contexts_missing.add("acd-wait")
        await until(lambda: len(said()) == 2)
        assert said()[1] == ("ERROR", "Asterisk's dialplan ")
        node.contexts_missing.clear()
        await room.synced()
        await until(lambda: len(said()) == 3)
        assert said()[2][0] == "INFO"
        assert room.telephony.trouble is None


async def test_a_node_found_unfit_later_keeps_its_heart_beating() -> None:
    async with FakeNode() as node, connected(node) as room:
        node.contexts_missing.add("acd-wait")
        room.telephony.publish(rules("+493023125100"))
        await until(lambda: room.telephony.unfit)
        for count in range(5):
            room.telephony.beat(count)
        await until(lambda: node.set_to("ACD_HB_main")[-5:] == ["0", "1", "2", "3", "4"])


async def test_what_is_mended_is_found_without_waiting_when_somebody_asks() -> None:
    async with FakeNode(contexts_missing={"acd-wait"}) as node, connected(node, synced=False) as room:
        await until(lambda: room.telephony.unfit)
        node.contexts_missing.clear()
        room.telephony.publish(rules("+493023125100"))
        await room.synced()
        assert room.telephony.trouble is None
