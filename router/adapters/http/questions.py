"""What can be asked over TCP and over the control socket alike. Nothing here changes anything."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from router.adapters.http import asked
from router.adapters.http.answers import (
    agent_view,
    answer,
    answer_list,
    billed,
    callback_view,
    contact_view,
    explained,
    pool_view,
    queue_view,
)
from router.adapters.http.traces import brief, traced
from router.domain.errors import CommandRefused
from router.ports import ContactStory, Desk

ANSWER_S = 10.0
METRICS_TYPE = "text/plain; version=1.0.0; charset=utf-8"


class Questions:
    """The handlers. `scrape` gives the metrics in Prometheus's text format."""

    def __init__(self, desk: Desk, scrape: Callable[[], Awaitable[bytes]], metrics_type: str) -> None:
        self._desk = desk
        self._scrape = scrape
        self._metrics_type = metrics_type

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/healthz", self.health),
            web.get("/readyz", self.readiness),
            web.get("/metrics", self.metrics),
            web.get("/v1/pool", self.pool),
            web.get("/v1/agents", self.agents),
            web.get("/v1/queues", self.queues),
            web.get("/v1/contacts", self.contacts),
            web.get("/v1/callbacks", self.callbacks),
            web.get("/v1/contacts/{id}", self.contact),
            web.get("/v1/contacts/{id}/trace", self.trace),
            web.get("/v1/traces", self.traces),
            web.get("/v1/records", self.records),
        ]

    async def health(self, _: web.Request) -> web.Response:
        """The process lives and its loop turns; for a supervisor that restarts what is stuck."""
        return answer({"status": "ok"})

    async def readiness(self, _: web.Request) -> web.Response:
        """Whether every neighbour is there; calls may be routed even when one is not."""
        checks = self._desk.readiness()
        failing = {name: state for name, state in checks.items() if state != "ok"}
        if not failing:
            return answer({"ready": True, "checks": checks})
        said = "; ".join(f"{name}: {state}" for name, state in failing.items())
        return answer(
            {"error_id": "not-ready", "message": f"Not ready: {said}", "details": checks},
            status=503,
            headers={"Retry-After": "1"},
        )

    async def metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=await self._scrape(), headers={"Content-Type": self._metrics_type})

    async def pool(self, _: web.Request) -> web.Response:
        """Who owns it, as this router knows it: the owner, or one that stands by."""
        return answer(pool_view(self._desk.lease()))

    async def agents(self, _: web.Request) -> web.Response:
        views = sorted(self._desk.floor().agents, key=lambda view: view.change.agent_id)
        return answer_list([agent_view(view) for view in views])

    async def queues(self, _: web.Request) -> web.Response:
        views = sorted(self._desk.floor().queues, key=lambda view: view.queue)
        return answer_list([queue_view(view) for view in views])

    async def contacts(self, _: web.Request) -> web.Response:
        """Those that live, oldest first."""
        views = sorted(self._desk.floor().contacts, key=lambda view: (view.arrived_at, view.contact_id))
        return answer_list([contact_view(view) for view in views])

    async def callbacks(self, _: web.Request) -> web.Response:
        """Calls that are owed, the oldest place in line first."""
        views = sorted(self._desk.floor().callbacks, key=lambda view: (view.arrived_at, view.promise_id))
        return answer_list([callback_view(view) for view in views])

    async def contact(self, request: web.Request) -> web.Response:
        """One contact, living or ended, with why it went where it went."""
        contact_id = asked.contact_id(request)
        live = next((view for view in self._desk.floor().contacts if view.contact_id == contact_id), None)
        async with asyncio.timeout(ANSWER_S):
            story = await self._desk.story(contact_id)
        if live is None and story is None:
            raise CommandRefused("contact-unknown", "There is no contact with this id.")
        return answer(explained(contact_id, live, story))

    async def trace(self, request: web.Request) -> web.Response:
        """When it passed which milestone, if the router still remembers."""
        return answer(traced(self._desk.trace(asked.contact_id(request))))

    async def traces(self, request: web.Request) -> web.Response:
        """How long the offers of the latest contacts took, part by part."""
        limit = asked.only_limit(request)
        async with asyncio.timeout(ANSWER_S):
            found = await self._desk.traces(limit)
        return answer_list([brief(trace) for trace in found])

    async def records(self, request: web.Request) -> web.Response:
        """Records by the time they ended; `next` leads on."""
        query = asked.record_query(request)
        found: list[ContactStory] = []
        async with asyncio.timeout(ANSWER_S):
            async for story in self._desk.stories(query):
                found.append(story)
                if len(found) >= query.limit:
                    break
        after = None
        if len(found) >= query.limit:
            found.pop()
            last = found[-1].record
            after = asked.cursor(last.ended_at, last.contact_id) if last else None
        return answer_list([line for story in found if (line := billed(story)) is not None], after)
