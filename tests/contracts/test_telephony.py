"""The promises of the `Telephony` port, kept by the fake, by AMI to a fake manager and by AMI to a real Asterisk."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from router.domain.ids import ContactId, LegId
from router.domain.messages.effects import AnswerPhone, Effect, EndLeg, LookAgain, SendCaller
from router.domain.messages.observations import OriginateFailed
from tests.adapters.ami.fake_server import until
from tests.adapters.ami.telephony_room import CALLER, ring, rules

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from tests.contracts.exchanges import Exchange

pytest_plugins = ["tests.contracts.exchanges"]

ONE, OTHER = "493023125100", "493023125101"
GONE = LegId("pbx_1-1.0")
HARMLESS: list[Effect] = [
    EndLeg(leg=GONE, node="pbx_1"),
    SendCaller(contact_id=ContactId(GONE), leg=GONE, node="pbx_1", context="acd-closing"),
    AnswerPhone(leg=GONE, node="pbx_1", result="paused"),
]


def failures(exchange: Exchange) -> list[OriginateFailed]:
    return [seen for seen in exchange.seen if isinstance(seen, OriginateFailed)]


def looks(exchange: Exchange) -> int:
    return sum(type(seen).__name__ in ("Resynced", "PhonesSeen") for seen in exchange.seen)


async def test_a_ring_to_a_phone_that_is_not_there_comes_back_as_failed(exchange: Exchange) -> None:
    await exchange.connect(rules("+" + ONE))
    exchange.telephony.perform(ring(7))
    await until(lambda: failures(exchange))
    [failed] = failures(exchange)
    assert failed.offer_id == f"{CALLER}.7"
    assert failed.at > 0
    assert not failed.exists


async def test_a_ring_before_the_connection_fails_at_once_and_raises_nothing(exchange: Exchange) -> None:
    exchange.telephony.perform(ring(3))
    assert [failed.offer_id for failed in failures(exchange)] == [f"{CALLER}.3"]


async def test_nothing_done_before_the_connection_raises_or_is_made_up_for_later(exchange: Exchange) -> None:
    for effect in (*HARMLESS, LookAgain(node="pbx_1")):
        exchange.telephony.perform(effect)
    exchange.telephony.beat(1)
    exchange.telephony.call_in(ONE)
    assert exchange.seen == []
    await exchange.connect(rules("+" + ONE))
    assert await exchange.serves(ONE)


async def test_numbers_become_known_and_unknown_as_they_are_published(exchange: Exchange) -> None:
    await exchange.connect(rules("+" + ONE))
    assert await exchange.serves(ONE)
    assert not await exchange.serves(OTHER)
    before = looks(exchange)
    exchange.telephony.publish(replace(rules("+" + OTHER), pool=exchange.pool))
    await until(lambda: looks(exchange) > before)
    assert not await exchange.serves(ONE)
    assert await exchange.serves(OTHER)


async def test_a_successor_makes_unknown_what_its_predecessor_served(exchange: Exchange) -> None:
    numbers = [f"+4930231{n:05}" for n in range(400)]
    await exchange.connect(rules(*numbers))
    assert await exchange.serves("493023100399")
    await exchange.succeed()
    await exchange.connect(rules(*numbers[200:]))
    asked = numbers[::25]
    assert [number for number in asked if await exchange.serves(number[1:])] == asked[8:]


async def test_the_heart_moves_with_every_beat(exchange: Exchange) -> None:
    await exchange.connect(rules("+" + ONE))
    for count in (41, 42):
        exchange.telephony.beat(count)
    before = looks(exchange)
    exchange.telephony.perform(LookAgain(node="pbx_1"))  # its answer comes behind the beats
    await until(lambda: looks(exchange) > before)
    assert await exchange.heart() == "42"


async def test_who_looks_again_gets_a_new_snapshot_of_phones_and_legs(exchange: Exchange) -> None:
    await exchange.connect(rules("+" + ONE))
    before = looks(exchange)
    exchange.telephony.perform(LookAgain(node="pbx_1"))
    await until(lambda: looks(exchange) > before)
    snapshot = [seen for seen in exchange.seen if type(seen).__name__ == "Resynced"][-1]
    assert snapshot.reachable["agent-1001"] is False  # type: ignore[union-attr]
    assert snapshot.legs == ()  # type: ignore[union-attr]
    assert 0 < snapshot.asked_at <= snapshot.at  # type: ignore[union-attr]


@pytest.mark.parametrize("effect", HARMLESS, ids=lambda effect: type(effect).__name__)
async def test_an_effect_on_a_leg_that_is_gone_harms_nothing(exchange: Exchange, effect: Effect) -> None:
    await exchange.connect(rules("+" + ONE))
    seen = len(exchange.seen)
    exchange.telephony.perform(effect)
    exchange.telephony.perform(ring(8))
    await until(lambda: failures(exchange))
    assert len(exchange.seen) > seen
    assert [failed.offer_id for failed in failures(exchange)] == [f"{CALLER}.8"]
