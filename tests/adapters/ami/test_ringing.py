"""Orders to ring: so many on their way and no more, the others in their turn, and nobody is forgotten."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from router.adapters.ami.gate import Withheld
from router.adapters.ami.ringing import LATE, MOST_WAITING, TOO_MANY, WITHDRAWN, Ringing
from router.adapters.ami.wire import Block, Reply
from router.domain.ids import LegId, OfferId
from router.domain.messages.effects import EndLeg, RingAgent
from router.domain.messages.observations import OriginateFailed

from .fake_node import FakeNode
from .fake_server import until
from .telephony_room import CALLER, connected, ring

ANSWER = Reply(Block(first={"response": "Success"}, repeated={}))


@dataclass
class Line:
    """Asterisk's end: what was written, and answers when it is told to."""

    most: int = 2
    given: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    answers: list[asyncio.Future[Reply]] = field(default_factory=list)
    withheld: bool = False
    connected: bool = True

    def __post_init__(self) -> None:
        self.ringing = Ringing(
            self.most,
            give=self._give,
            hold=lambda order: self.held.append(order.offer_id),
            failed=lambda order, why: self.failed.append((order.offer_id, why)),
        )

    def _give(self, order: RingAgent) -> asyncio.Future[Reply] | None:
        if self.withheld:
            raise Withheld
        if not self.connected:
            self.failed.append((order.offer_id, "ami-lost"))
            return None
        self.given.append(order.offer_id)
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]

    async def answer(self, *, count: int = 1) -> None:
        for _ in range(count):
            next(one for one in self.answers if not one.done()).set_result(ANSWER)
            await asyncio.sleep(0)  # callbacks of a future run in the next turn of the loop


def order(number: int, *, rings_s: float = 60) -> RingAgent:
    return replace(ring(number), timeout_us=round(rings_s * 1_000_000))


def offers(*numbers: int) -> list[str]:
    return [f"{CALLER}.{number}" for number in numbers]


async def test_no_more_than_so_many_are_on_their_way_and_the_others_follow_in_their_order() -> None:
    line = Line()
    for number in range(5):
        line.ringing.ring(order(number))
    assert (line.given, line.ringing.waiting) == (offers(0, 1), 3)

    await line.answer()
    assert line.given == offers(0, 1, 2)
    await line.answer(count=3)
    assert (line.given, line.ringing.waiting) == (offers(0, 1, 2, 3, 4), 0)
    await line.answer(count=1)
    assert line.ringing.on_way == 0
    assert line.failed == []


async def test_an_answer_of_whatever_kind_makes_room() -> None:
    line = Line()
    for number in range(4):
        line.ringing.ring(order(number))
    line.answers[0].set_exception(RuntimeError("no answer in time"))
    line.answers[1].cancel()
    await asyncio.sleep(0)
    assert line.given == offers(0, 1, 2, 3)
    assert isinstance(line.answers[0].exception(), RuntimeError)


async def test_who_waits_a_quarter_of_the_ring_comes_back_and_is_not_given_any_more() -> None:
    line = Line(most=1)
    line.ringing.ring(order(0))
    line.ringing.ring(order(1, rings_s=0.04))
    await until(lambda: line.failed)
    assert line.failed == [(offers(1)[0], LATE)]
    await line.answer()
    assert (line.given, line.ringing.overflows) == (offers(0), 1)


async def test_one_too_many_comes_back_at_once() -> None:
    line = Line(most=1)
    for number in range(MOST_WAITING + 2):
        line.ringing.ring(order(number))
    assert line.failed == [(offers(MOST_WAITING + 1)[0], TOO_MANY)]
    assert (line.ringing.waiting, line.ringing.overflows) == (MOST_WAITING, 1)


async def test_an_order_that_is_withdrawn_is_never_given() -> None:
    line = Line(most=1)
    for number in range(3):
        line.ringing.ring(order(number))
    assert line.ringing.withdraw(OfferId(offers(1)[0]))
    assert not line.ringing.withdraw(OfferId(offers(0)[0]))
    await line.answer(count=2)
    assert (line.given, line.ringing.waiting) == (offers(0, 2), 0)
    assert line.failed == [(offers(1)[0], WITHDRAWN)]


async def test_the_same_order_waits_once() -> None:
    line = Line(most=1)
    for number in (0, 1, 1):
        line.ringing.ring(order(number))
    assert line.ringing.waiting == 1


async def test_what_the_gate_withholds_when_its_turn_comes_waits_there() -> None:
    line = Line(most=1)
    for number in range(3):
        line.ringing.ring(order(number))
    line.withheld = True
    await line.answer()
    assert (line.held, line.ringing.waiting, line.ringing.on_way) == (offers(1, 2), 0, 0)
    with pytest.raises(Withheld):
        line.ringing.ring(order(9))


async def test_without_a_connection_nothing_waits() -> None:
    line = Line(most=1)
    for number in range(4):
        line.ringing.ring(order(number))
    line.connected = False
    await line.answer()
    assert line.failed == [(offer, "ami-lost") for offer in offers(1, 2, 3)]
    assert (line.ringing.waiting, line.ringing.on_way) == (0, 0)


async def test_who_lost_the_pool_rings_nobody_any_more() -> None:
    line = Line(most=1)
    for number in range(3):
        line.ringing.ring(order(number))
    line.ringing.forget()
    await line.answer()
    assert (line.given, line.failed) == (offers(0), [])


# ---- at the node ----


async def test_a_hang_up_goes_out_at_once_while_orders_wait() -> None:
    async with FakeNode(unanswered={"Originate"}) as node, connected(node, max_originates=3) as room:
        for number in range(6):
            room.telephony.perform(ring(number))
        room.telephony.perform(EndLeg(leg=LegId(CALLER), node="pbx_1"))
        await until(lambda: node.actions("Hangup"))
        assert len(node.actions("Originate")) == 3
        assert room.telephony.ringing.waiting == 3


async def test_a_hang_up_of_a_leg_that_was_not_ordered_yet_takes_the_order_back() -> None:
    async with FakeNode(unanswered={"Originate"}) as node, connected(node, max_originates=1) as room:
        room.telephony.perform(ring(1))
        room.telephony.perform(ring(2))
        room.telephony.perform(EndLeg(leg=LegId(f"{CALLER}.2"), node="pbx_1"))
        [failed] = room.of(OriginateFailed)
        assert isinstance(failed, OriginateFailed)
        assert (failed.offer_id, failed.reason, failed.exists) == (f"{CALLER}.2", WITHDRAWN, False)
        await until(lambda: len(node.actions("Originate")) == 1)
        assert node.actions("Hangup") == []


async def test_a_connection_that_is_cut_fails_who_waits_and_the_next_one_rings_again() -> None:
    async with FakeNode(unanswered={"Originate"}) as node, connected(node, max_originates=1) as room:
        room.telephony.perform(ring(1))
        room.telephony.perform(ring(2))
        node.cut()
        await until(lambda: room.of(OriginateFailed))
        [failed] = room.of(OriginateFailed)
        assert isinstance(failed, OriginateFailed)
        assert (failed.offer_id, failed.reason) == (f"{CALLER}.2", "ami-lost")
        await room.synced(2)
        room.telephony.perform(ring(3))
        await until(lambda: f"{CALLER}.3" in [one["ChannelId"] for one in node.actions("Originate")])
