"""What changes something: over the control socket only, whose file mode says who may. There is no log-in yet."""

import asyncio

from aiohttp import web

from router.adapters.http import asked
from router.adapters.http.answers import agent_view, answer, instant, reloaded
from router.domain.errors import CommandRefused
from router.domain.ids import SECOND, AgentId
from router.domain.messages.commands import (
    CancelCallback,
    Command,
    Engage,
    ExtendWrapUp,
    FinishWrapUp,
    GiveDisposition,
    HangUp,
    LogIn,
    LogOut,
    Pause,
    Prioritise,
    Reopen,
    Shut,
    Unpause,
)
from router.ports import Desk

COMMAND_S = 10.0
RELOAD_S = 30.0
CANARY_S = 120.0

PATHS = (
    "/v1/agents/{id}/login",
    "/v1/agents/{id}/logout",
    "/v1/agents/{id}/pause",
    "/v1/agents/{id}/unpause",
    "/v1/agents/{id}/finish-wrapup",
    "/v1/agents/{id}/disposition",
    "/v1/agents/{id}/extend-wrapup",
    "/v1/agents/{id}/engage",
    "/v1/contacts/{id}/hangup",
    "/v1/contacts/{id}/priority",
    "/v1/callbacks/{id}/cancel",
    "/v1/campaigns/{id}/shut",
    "/v1/campaigns/{id}/open",
    "/v1/reload",
    "/v1/canary",
)


async def not_here(_: web.Request) -> web.Response:
    """What the TCP port says to an order."""
    raise CommandRefused(
        "control-socket-only", "Until there is a log-in, orders are taken over the control socket only."
    )


class Orders:
    """The handlers. What is refused leaves everything as it was."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        handlers = (
            self.log_in,
            self.log_out,
            self.pause,
            self.unpause,
            self.finish_wrapup,
            self.give_disposition,
            self.extend_wrapup,
            self.engage,
            self.hang_up,
            self.prioritise,
            self.cancel_callback,
            self.shut,
            self.reopen,
            self.reload,
            self.canary,
        )
        return [web.post(path, handler) for path, handler in zip(PATHS, handlers, strict=True)]

    async def log_in(self, request: web.Request) -> web.Response:
        await asked.body(request, asked.Nothing)
        agent = asked.agent_id(request)
        return await self._agent(agent, LogIn(agent_id=agent, asked_by=asked.asker(request)))

    async def log_out(self, request: web.Request) -> web.Response:
        await asked.body(request, asked.Nothing)
        agent = asked.agent_id(request)
        return await self._agent(agent, LogOut(agent_id=agent, asked_by=asked.asker(request)))

    async def pause(self, request: web.Request) -> web.Response:
        body = await asked.body(request, asked.PauseBody)
        agent = asked.agent_id(request)
        reason = asked.words(body.reason, "reason") or ""
        command = Pause(agent_id=agent, reason=reason, asked_by=asked.asker(request), forced=body.forced)
        return await self._agent(agent, command)

    async def unpause(self, request: web.Request) -> web.Response:
        await asked.body(request, asked.Nothing)
        agent = asked.agent_id(request)
        return await self._agent(agent, Unpause(agent_id=agent, asked_by=asked.asker(request)))

    async def finish_wrapup(self, request: web.Request) -> web.Response:
        body = await asked.body(request, asked.FinishBody)
        agent = asked.agent_id(request)
        disposition = asked.words(body.disposition, "disposition")
        return await self._agent(agent, FinishWrapUp(agent_id=agent, disposition=disposition))

    async def give_disposition(self, request: web.Request) -> web.Response:
        """What came of the contact in hand, during the talk already."""
        body = await asked.body(request, asked.DispositionBody)
        agent = asked.agent_id(request)
        said = asked.words(body.disposition, "disposition") or ""
        return await self._agent(agent, GiveDisposition(agent_id=agent, disposition=said))

    async def extend_wrapup(self, request: web.Request) -> web.Response:
        await asked.body(request, asked.Nothing)
        agent = asked.agent_id(request)
        return await self._agent(agent, ExtendWrapUp(agent_id=agent))

    async def engage(self, request: web.Request) -> web.Response:
        """How many contacts of another medium the agent has in hand elsewhere; said again before `for_s` is over."""
        body = await asked.body(request, asked.EngageBody)
        agent = asked.agent_id(request)
        for_us = round(min(max(body.for_s, 0.0), asked.FAR_S) * SECOND)
        command = Engage(agent_id=agent, medium=body.medium[:20], count=body.count, for_us=for_us)
        return await self._agent(agent, command)

    async def hang_up(self, request: web.Request) -> web.Response:
        await asked.body(request, asked.Nothing)
        contact = asked.contact_id(request)
        await self._ask(HangUp(contact_id=contact))
        return answer({"contact_id": contact}, status=202)

    async def prioritise(self, request: web.Request) -> web.Response:
        """Points of a waiting caller's own; the place in line is anew at once."""
        body = await asked.body(request, asked.PriorityBody)
        contact = asked.contact_id(request)
        await self._ask(Prioritise(contact_id=contact, priority=body.priority))
        return answer({"contact_id": contact, "priority": body.priority})

    async def cancel_callback(self, request: web.Request) -> web.Response:
        """Withdraw the promise to call somebody."""
        await asked.body(request, asked.Nothing)
        promise = asked.contact_id(request)
        await self._ask(CancelCallback(promise_id=promise))
        return answer({"callback_id": promise})

    async def shut(self, request: web.Request) -> web.Response:
        """Close a campaign at once, whatever its hours say, until that instant."""
        body = await asked.body(request, asked.ShutBody)
        campaign = asked.campaign(request)
        until_at = asked.instant(body.until, "until")
        await self._ask(Shut(campaign=campaign, until_at=until_at))
        return answer({"campaign": campaign, "until": instant(until_at)})

    async def reopen(self, request: web.Request) -> web.Response:
        await asked.body(request, asked.Nothing)
        campaign = asked.campaign(request)
        await self._ask(Reopen(campaign=campaign))
        return answer({"campaign": campaign})

    async def reload(self, request: web.Request) -> web.Response:
        """Read the files again. With any fault the old rules stay in force and all faults are told."""
        await asked.body(request, asked.Nothing)
        async with asyncio.timeout(RELOAD_S):
            return answer(reloaded(await self._desk.reload()))

    async def canary(self, request: web.Request) -> web.Response:
        """Send one echo call through the whole path; the answer comes when it has ended."""
        await asked.body(request, asked.Nothing)
        async with asyncio.timeout(CANARY_S):
            return answer(await self._desk.canary())

    async def _agent(self, agent_id: AgentId, command: Command) -> web.Response:
        """Give the order and answer with the agent as it then is."""
        await self._ask(command)
        for view in self._desk.floor().agents:
            if view.change.agent_id == agent_id:
                return answer(agent_view(view))
        return answer({"agent_id": agent_id})

    async def _ask(self, command: Command) -> None:
        async with asyncio.timeout(COMMAND_S):
            await self._desk.ask(command)
