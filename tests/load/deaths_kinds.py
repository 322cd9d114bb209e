"""Deaths of a router under a steady flow of calls: killed, stopped past its lease, and a burst that kills nobody."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time

from router.adapters.ami.parse import INTERFACE_VERSION
from router.adapters.pbx.instance import AMI_USER, Instance
from router.adapters.pbx.root import Root
from tests.integration.call_centre import CallCentre, poll
from tests.integration.wiretap import Wiretap
from tests.load.deaths_outcome import Asked, Outcome
from tests.load.deaths_phones import RingsAWhile, agents_for
from tests.load.deaths_ward import Ward, ward
from tests.load.side import Progress

TALK = RingsAWhile(2500, 3500)
LEAST_TALK_S = 2.4
"A phone hangs up after 2.5 s at the earliest; Asterisk's clock begins a moment later and may end a moment before."
WARM_S, SETTLE_S = 6.0, 5.0
_BURST, _SPEAKERS = 20_000, 4
_LOST_POOL = 5
"Exit code of a router whose pool is another's."


async def kill(root: Root, asked: Asked, progress: Progress) -> Outcome:
    """`kill -9` of the owner, and the other takes over."""
    outcome, dice = Outcome(kind="kill"), random.Random(asked.seed)
    async with ward(root, agents_for(asked.per_s, TALK), agents=asked.agents) as room:
        await room.open(TALK)
        keys = await room.keys()
        async with room.flow(asked.per_s):
            await asyncio.sleep(WARM_S)
            for _ in range(asked.times or 50):
                await asyncio.sleep(dice.uniform(1, 5))
                standing = await room.standing()
                dead, died_at = room.owner, time.time()
                await dead.stop(signal.SIGKILL)
                await _followed(room, outcome, died_at)
                await room.stand_by(dead)
                progress.say(_told(standing, outcome))
            await asyncio.sleep(SETTLE_S)
        outcome.verdict = await room.verdict(keys, least_talk_s=LEAST_TALK_S)
    return outcome


async def stop(root: Root, asked: Asked, progress: Progress) -> Outcome:
    """SIGSTOP of the owner until the other has taken over, then SIGCONT: it may do nothing more."""
    outcome, dice = Outcome(kind="stop"), random.Random(asked.seed)
    orders: list[str] = []
    async with (
        ward(root, agents_for(asked.per_s, TALK), agents=asked.agents) as room,
        contextlib.AsyncExitStack() as stack,
    ):
        wires: dict[CallCentre, Wiretap] = {}
        for centre in (room.owner, room.spare):
            wires[centre] = await stack.enter_async_context(Wiretap(room.pbx.address, room.pbx.ports.ami))
            centre.settings(drain_s=2, ami_port=wires[centre].port)
        await room.open(TALK)
        keys = await room.keys()
        async with room.flow(asked.per_s):
            await asyncio.sleep(WARM_S)
            for _ in range(asked.times or 50):
                await asyncio.sleep(dice.uniform(1, 5))
                standing = await room.standing()
                old, wire, stopped_at = room.owner, wires[room.owner], time.time()
                assert old.process is not None
                old.process.send_signal(signal.SIGSTOP)
                await asyncio.sleep(0.1)  # what it said before is through the wire by then
                mark = wire.mark
                await _followed(room, outcome, stopped_at)
                await asyncio.sleep(dice.choice((0, 0, 0.3, 1.0, 3.0)))
                old.process.send_signal(signal.SIGCONT)
                if (code := await old.exit_code()) != _LOST_POOL:
                    outcome.faults.append(f"an old owner ended with {code} instead of {_LOST_POOL}")
                orders += wire.orders(since=mark)
                await room.stand_by(old)
                progress.say(_told(standing, outcome) + (f", {len(orders)} orders of old owners" if orders else ""))
            await asyncio.sleep(SETTLE_S)
        outcome.verdict = await room.verdict(keys, least_talk_s=LEAST_TALK_S)
    outcome.figures["orders_of_old_owners"] = len(orders)
    if orders:
        outcome.faults.append(f"old owners gave {len(orders)} orders: {'; '.join(orders[:5])}")
    return outcome


async def burst(root: Root, asked: Asked, progress: Progress) -> Outcome:
    """20,000 events in one breath, each of which goes all the way to the engine: nobody takes over."""
    outcome = Outcome(kind="burst")
    async with ward(root, agents_for(asked.per_s, TALK), agents=asked.agents) as room:
        await room.open(TALK)
        keys, epoch = await room.keys(), room.heard.epoch
        async with room.flow(asked.per_s):
            await asyncio.sleep(WARM_S)
            for _ in range(asked.times or 5):
                took_s = await speak(room.pbx, _BURST)
                outcome.times += 1
                outcome.figures[f"burst_{outcome.times}_s"] = round(took_s, 2)
                progress.say(f"burst {outcome.times}: {_BURST:,} events in {took_s:.2f} s")
                await asyncio.sleep(SETTLE_S)
        heard = outcome.figures["events_heard"] = room.heard.keys_pressed
        if heard < outcome.times * _BURST:
            outcome.faults.append(f"only {heard:,} events were heard")
        await stayed(room, outcome, epoch)
        outcome.verdict = await room.verdict(keys, least_talk_s=LEAST_TALK_S)
        outcome.verdict.is_paced = False  # Asterisk's own stamps are late in a burst
    return outcome


async def stayed(room: Ward, outcome: Outcome, epoch: int) -> None:
    """Nobody may have taken the pool, and the one who stood by still does."""
    outcome.figures["takeovers"] = room.heard.epoch - epoch
    if room.heard.epoch != epoch:
        outcome.faults.append(f"{room.heard.epoch - epoch} takeovers where there should be none")
    status, _ = await room.owner.get("/readyz")
    if status != 200:
        outcome.faults.append("the owner is not ready any more")
    await room.spare.until_it_stands_by()


async def _followed(room: Ward, outcome: Outcome, died_at: float) -> None:
    """The spare takes over, and calls somebody's phone."""
    before = room.heard.epoch

    async def rings() -> bool:
        return room.heard.epoch > before and room.heard.epoch in room.heard.rang_at

    outcome.times += 1
    outcome.ready_s.append(await room.followed() - died_at)
    try:
        await poll("a phone rings for the new owner", rings, 10)
    except AssertionError:
        outcome.faults.append(f"no phone rang after takeover {outcome.times}")
        return
    outcome.takeovers_s.append(room.heard.rang_at[room.heard.epoch] - died_at)


def _told(standing: tuple[int, int], outcome: Outcome) -> str:
    rings = f"{outcome.takeovers_s[-1]:.2f}" if outcome.takeovers_s else "?"
    return (
        f"{outcome.kind} {outcome.times}: {standing[1]} talked and {standing[0]} waited; "
        f"ready after {outcome.ready_s[-1]:.2f} s, first ring after {rings} s"
    )


async def speak(pbx: Instance, count: int) -> float:
    """Key presses of callers nobody knows, as fast as Asterisk takes them; the seconds until it took the last."""
    began = time.monotonic()
    share = count // _SPEAKERS
    await asyncio.gather(*(_speaker(pbx, number, share) for number in range(_SPEAKERS)))
    return time.monotonic() - began


async def _speaker(pbx: Instance, number: int, count: int) -> None:
    reader, writer = await asyncio.open_connection(pbx.address, pbx.ports.ami)
    login = {"Action": "Login", "Username": AMI_USER, "Secret": pbx.ami_secret, "Events": "off"}
    event = {"Action": "UserEvent", "UserEvent": "AcdKey", "V": INTERFACE_VERSION, "Key": "5"}
    said = [login, *({**event, "Contact": f"nobody-{number}.{one}"} for one in range(count))]
    blocks = ("".join(f"{name}: {value}\r\n" for name, value in block.items()) + "\r\n" for block in said)
    writer.write("".join(blocks).encode())
    try:
        answers, tail = 0, b""
        async with asyncio.timeout(60):
            while answers <= count:
                data = tail + await reader.read(65536)
                answers += data.count(b"Response: ")
                tail = data[-9:] if not data.endswith(b"Response: ") else b""
                if reader.at_eof():
                    raise ConnectionError("Asterisk closed the session of a burst")
    finally:
        writer.close()
