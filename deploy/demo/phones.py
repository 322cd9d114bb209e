"""The agents' phones and the hands that use them: baresip (a real softphone) and SIPp, registered with passwords."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from abc import ABC, abstractmethod

from deploy.demo.cast import Agent
from router.adapters.pbx.instance import Instance
from tests.telephones.home_phone import HomePhone
from tests.telephones.softphone import Softphone
from tests.telephones.workshop import TelephoneError, Workshop

LOG_IN = "*45"
_ANSWERED_S = 5.0


class AtHome(ABC):
    """An agent at home with a phone."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    @abstractmethod
    async def switch_on(self) -> None:
        """Register, then behave by habit. Raises TelephoneError."""

    @abstractmethod
    async def dial(self, number: str) -> None:
        """Dial and listen to the end. Raises TelephoneError."""

    @abstractmethod
    def unanswered(self) -> dict[str, int]:
        """How many calls this phone itself remembers: `cancelled` while it rang, `rejected` by it."""

    @abstractmethod
    async def close(self) -> None: ...


class WithSipp(AtHome):
    def __init__(self, agent: Agent, workshop: Workshop, pbx: Instance, password: str) -> None:
        super().__init__(agent)
        towards = (pbx.address, pbx.ports.sip)
        self._phone = HomePhone(workshop, agent.agent_id, password, towards, address=agent.address)

    async def switch_on(self) -> None:
        await self._phone.switch_on(self.agent.habit)

    async def dial(self, number: str) -> None:
        await self._phone.dial(number)

    def unanswered(self) -> dict[str, int]:
        fates = self._phone.fates()
        return {what: sum(what in fate for fate in fates) for what in ("cancelled", "rejected")}

    async def close(self) -> None:
        await self._phone.close()


class WithBaresip(AtHome):
    """Habits are kept by a task here: it hears the phone ring, picks up and hangs up."""

    def __init__(self, agent: Agent, workshop: Workshop, pbx: Instance, password: str) -> None:
        super().__init__(agent)
        port = pbx.ports.tls if agent.transport == "tls" else pbx.ports.sip
        self._phone = Softphone(
            workshop,
            agent.agent_id,
            password,
            (pbx.address, port),
            address=agent.address,
            transport=agent.transport,
        )
        self._hands: asyncio.Task[None] | None = None
        self._seen = 0

    async def switch_on(self) -> None:
        await self._phone.start()
        self._hands = asyncio.create_task(self._use())

    async def _use(self) -> None:
        habit = self.agent.habit
        for talks_ms in itertools.cycle(habit.talks_ms):
            await self._next("CALL_INCOMING")
            await asyncio.sleep(habit.rings_ms / 1000)
            with contextlib.suppress(TelephoneError):  # the caller left while it rang: there is nothing to answer
                await self._phone.answer()
            if await self._within(_ANSWERED_S, "CALL_ESTABLISHED", "CALL_CLOSED") != "CALL_ESTABLISHED":
                continue
            if await self._within(talks_ms / 1000, "CALL_CLOSED") is None:
                with contextlib.suppress(TelephoneError):
                    await self._phone.hang_up()

    async def _next(self, *kinds: str) -> str:
        """The next event of these kinds, each told once."""
        while True:
            while self._seen < len(self._phone.events):
                kind = str(self._phone.events[self._seen].get("type"))
                self._seen += 1
                if kind in kinds:
                    return kind
            await asyncio.sleep(0.02)

    async def _within(self, seconds: float, *kinds: str) -> str | None:
        try:
            return await asyncio.wait_for(self._next(*kinds), seconds)
        except TimeoutError:
            return None

    async def dial(self, number: str) -> None:
        since = len(self._phone.events)
        await self._phone.dial(number)
        await self._phone.sees("CALL_ESTABLISHED", since=since)
        await self._phone.sees("CALL_CLOSED", since=since, within_s=20)

    def unanswered(self) -> dict[str, int]:
        return {"cancelled": 0, "rejected": 0}

    async def close(self) -> None:
        if self._hands is not None:
            self._hands.cancel()
            await asyncio.gather(self._hands, return_exceptions=True)
        await self._phone.close()


def phone_of(agent: Agent, workshop: Workshop, pbx: Instance, password: str) -> AtHome:
    kind = WithBaresip if agent.phone == "baresip" else WithSipp
    return kind(agent, workshop, pbx, password)
