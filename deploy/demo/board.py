"""The floor live, as the running router tells it over its control socket, and the news as its log has it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.demo.callers import Callers
from deploy.demo.cast import Agent
from deploy.demo.premises import Premises
from deploy.demo.steps import Screen
from tests.telephones.workshop import until

_LOOK_S = 0.2
_PLAIN_EVERY_S = 5.0
_NEWS_SHOWN = 8
_STYLES = {"talking": "green", "held": "green", "ringing": "yellow", "reserved": "yellow", "wrapup": "cyan"}


class Board:
    """The last look at the floor. `follow()` keeps looking; `shown()` shows it meanwhile."""

    def __init__(self, premises: Premises, agents: tuple[Agent, ...], screen: Screen) -> None:
        self._premises = premises
        self._cast = {agent.agent_id: agent for agent in agents}
        self._screen = screen
        self.agents: dict[str, dict[str, Any]] = {}
        self.queues: list[dict[str, Any]] = []
        self.contacts: list[dict[str, Any]] = []
        self._callers: Callers | None = None
        self._news: deque[Text] = deque(maxlen=_NEWS_SHOWN)
        self._log_read = 0
        self._ended = 0

    # ---- looking ----

    async def follow(self) -> None:
        """Look again and again until cancelled. A router that does not answer for a moment is asked again."""
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                await self._look()
            self._read_log()
            await asyncio.sleep(_LOOK_S)

    async def _look(self) -> None:
        agents = await self._premises.items("/v1/agents")
        self.agents = {agent["agent_id"]: agent for agent in agents if agent["agent_id"] in self._cast}
        self.queues = await self._premises.items("/v1/queues")
        self.contacts = await self._premises.items("/v1/contacts")

    async def sees(self, what: str, so: Callable[[], bool], within_s: float) -> None:
        """Wait until the floor is so. Raises TelephoneError."""
        await until(what, so, within_s)

    def agent(self, agent_id: str) -> dict[str, Any]:
        return self.agents.get(agent_id, {})

    @property
    def is_quiet(self) -> bool:
        """Nobody calls, and nobody has anything in hand."""
        return not self.contacts and all(agent["work"] == "idle" for agent in self.agents.values())

    # ---- news ----

    def _read_log(self) -> None:
        """New whole lines of the router's log."""
        with contextlib.suppress(OSError), self._premises.files.log.open("rb") as log:
            log.seek(self._log_read)
            data = log.read()
            whole = data[: data.rfind(b"\n") + 1]
            self._log_read += len(whole)
            for line in whole.splitlines():
                with contextlib.suppress(ValueError):
                    self._hear(json.loads(line))

    def _hear(self, line: dict[str, Any]) -> None:
        if self._callers is None:
            return
        contact, agent = line.get("contact_id"), line.get("agent_id")
        match line.get("event"), line.get("result"), line.get("outcome"):
            case "contact connected", _, _:
                self._tell(
                    f"{agent} talks to {contact} of {line['queue']}, who waited {line['waited_s']:.1f} s", "green"
                )
            case "offer closed", "missed", _:
                self._tell(f"{agent} did not answer {contact}: paused, the caller goes on", "red")
            case "offer closed", "rejected", _:
                self._tell(f"{agent} rejected {contact}: the caller goes on", "yellow")
            case "contact ended", _, outcome:
                self._ended += 1
                if outcome != "answered":
                    self._tell(f"{contact} of {line['queue']} ended as {outcome} after {line['lasted_s']:.1f} s", "red")

    def _tell(self, text: str, style: str) -> None:
        assert self._callers is not None
        line = Text.assemble((f"{self._callers.elapsed_s:6.1f} s  ", "dim"), (text, style))
        self._news.append(line)
        if not self._screen.console.is_terminal:
            self._screen.console.print(line, soft_wrap=True)

    # ---- showing ----

    @contextlib.asynccontextmanager
    async def shown(self, callers: Callers) -> Any:
        """Show the floor while the body runs: a live picture on a terminal, else a line now and then."""
        self._callers = callers
        showing = asyncio.create_task(self._show_live() if self._screen.console.is_terminal else self._show_lines())
        try:
            yield
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
            self._read_log()

    async def _show_live(self) -> None:
        with Live(self._picture(), console=self._screen.console, auto_refresh=False, transient=True) as live:
            while True:
                live.update(self._picture(), refresh=True)
                await asyncio.sleep(_LOOK_S)

    async def _show_lines(self) -> None:
        while True:
            await asyncio.sleep(_PLAIN_EVERY_S)
            self._screen.console.print(self._headline(), soft_wrap=True)

    def _headline(self) -> Text:
        assert self._callers is not None
        waiting = sum(queue["waiting"] for queue in self.queues)
        talking = sum(agent["work"] in ("talking", "held") for agent in self.agents.values())
        return Text.assemble(
            (f"{self._callers.elapsed_s:6.1f} s  ", "dim"),
            (f"{self._callers.called} of {len(self._callers.plan)} have called", "bold"),
            f": {waiting} waiting, {talking} talking, {self._ended} done",
        )

    def _picture(self) -> RenderableType:
        news = Text("\n").join(self._news) if self._news else Text("(nothing yet)", style="dim")
        return Group(Text(), self._headline(), self._queue_table(), self._agent_table(), news)

    def _queue_table(self) -> Table:
        table = Table(box=SIMPLE, pad_edge=False)
        for column in ("queue", "waiting", "longest", "free agents"):
            table.add_column(column, min_width=9)
        for queue in self.queues:
            waiting = int(queue["waiting"])
            table.add_row(
                str(queue["queue"]),
                Text("●" * min(waiting, 20) + f" {waiting}" if waiting else "", style="red"),
                f"{queue['longest_wait_s']:.1f} s" if waiting else "",
                f"{queue['free_agents']} of {queue['entitled_agents']}",
            )
        return table

    def _agent_table(self) -> Table:
        table = Table(box=SIMPLE, pad_edge=False)
        for column, width in (("agent", 10), ("phone", 20), ("status", 14), ("since", 7), ("does", 9), ("with", 34)):
            table.add_column(column, min_width=width)
        for agent_id in sorted(self.agents):
            agent, cast = self.agents[agent_id], self._cast[agent_id]
            status = str(agent["status"]).lower().replace("_", " ")
            table.add_row(
                agent_id,
                f"{cast.phone}, {'TLS and SRTP' if cast.transport == 'tls' else 'UDP'}",
                Text(f"{status} ({agent['reason']})" if agent["reason"] else status, style=_status_style(agent)),
                _ago(agent["since"]),
                Text(str(agent["work"]), style=_STYLES.get(agent["work"], "dim")),
                str(agent["contact_id"] or ""),
            )
        return table


def _status_style(agent: dict[str, Any]) -> str:
    return {"READY": "green", "PAUSED": "red"}.get(agent["status"], "dim")


def _ago(iso: str | None) -> str:
    if iso is None:
        return ""
    return f"{max(0.0, (datetime.now(UTC) - datetime.fromisoformat(iso)).total_seconds()):.0f} s"
