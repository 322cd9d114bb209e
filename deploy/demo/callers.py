"""The callers: SIPp as a carrier sends them at their times, and knows how each call ended on the line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from deploy.demo.cast import Call
from tests.telephones.carrier import Caller, Calls, Carrier
from tests.telephones.workshop import TelephoneError

_PATIENCE_OF_THE_DEMO_S = 180.0
_ENDLESS_MS = 3_600_000


class Callers:
    """Everybody who calls in one demo."""

    def __init__(self, carrier: Carrier, numbers: Mapping[str, str], plan: Sequence[Call]) -> None:
        self.plan = plan
        self._carrier = carrier
        self._numbers = numbers
        self._lines: dict[str, Calls] = {}
        self.first_at = asyncio.get_running_loop().time()

    @property
    def elapsed_s(self) -> float:
        return asyncio.get_running_loop().time() - self.first_at

    @property
    def called(self) -> int:
        return len(self._lines)

    async def all_call(self, moment: Callable[[], Awaitable[None]]) -> None:
        """Send them all, the impatient when `moment` has come, and wait until every line is free again.

        A caller who is still there after minutes is left to the verdict, which will say so.
        """
        self.first_at = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as tasks:
            for call in self.plan:
                tasks.create_task(self._live(call, moment))

    async def _live(self, call: Call, moment: Callable[[], Awaitable[None]]) -> None:
        if call.at_s is None:
            await moment()
        else:
            await asyncio.sleep(self.first_at + call.at_s - asyncio.get_running_loop().time())
        line = await self.send(call)
        try:
            await line.end(_PATIENCE_OF_THE_DEMO_S)
        except TelephoneError:
            await line.abandon()

    async def send(self, call: Call) -> Calls:
        talks_ms = _ENDLESS_MS if call.talks_s is None else round(1000 * call.talks_s)
        number = self._numbers[call.campaign].removeprefix("+")
        # They speak, as people do: Asterisk waits half a second for the voice of a caller it has just answered.
        caller = Caller(dnis=number, ani=call.ani, talks_ms=talks_ms, speaks=True)
        line = self._lines[call.ani] = await self._carrier.call(caller)
        return line

    async def close(self) -> None:
        """End the calls that are still up, all at once."""
        await asyncio.gather(*(line.abandon() for line in self._lines.values()))

    def fate(self, ani: str) -> list[str]:
        """What the carrier saw of this caller: answered, hangs-up, released, gave-up, refused …"""
        line = self._lines.get(ani)
        fates = line.fates() if line else []
        return fates[0] if fates else []
