"""A desk with agents, contacts and a ledger in memory: it carries out and refuses commands as the real one does."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from router.domain.errors import CommandRefused, RouterError
from router.domain.ids import SECOND, AgentId, ContactId, Micros
from router.domain.messages.commands import (
    CancelCallback,
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
from router.domain.messages.events import AgentChanged
from router.domain.recount import Touched
from router.ports import (
    AgentView,
    CallbackView,
    ContactStory,
    ContactTrace,
    ContactView,
    DoorView,
    FloorView,
    LeaseView,
    QueueView,
    RecordQuery,
    Reloaded,
    Roll,
)

NOW: Micros = 1_790_000_000 * SECOND


def an_agent(agent_id: str, status: str = "LOGGED_OUT", work: str = "idle") -> AgentView:
    return AgentView(
        change=AgentChanged(
            agent_id=AgentId(agent_id),
            status=status,
            reason=None,
            next_status=None,
            next_reason=None,
            reach="REACHABLE",
            link="GOOD",
            work=work,
            contact_id=None,
            since_at=NOW,
        ),
        skills={"de": 80},
        queues=("shop/orders",),
        standing="free",
    )


@dataclass
class FakeDesk:
    """The `Desk` port."""

    agents: dict[str, AgentView] = field(default_factory=dict)
    contacts: dict[str, ContactView] = field(default_factory=dict)
    ledger: list[ContactStory] = field(default_factory=list)
    door: DoorView = field(default_factory=lambda: DoorView(campaign="shop", time_zone="Europe/Berlin"))
    checks: dict[str, str] = field(default_factory=lambda: {"ami": "ok", "redis": "ok", "ledger": "ok"})
    pool: LeaseView = field(
        default_factory=lambda: LeaseView(
            mine=True, owner="00", host="acd1", epoch=7, since_at=NOW, left_us=1_200_000, latest=7, standbys=1
        )
    )
    config_hash: str = "c0ffee"
    broken: RouterError | Exception | None = None
    "What everything that waits for a neighbour raises meanwhile."
    held: asyncio.Event | None = None
    "While set and not done, the ledger does not answer."
    waiting: int = 0
    "Questions that wait for a neighbour now."
    asked_by: list[str] = field(default_factory=list)
    callbacks: dict[ContactId, CallbackView] = field(default_factory=dict)
    points: dict[ContactId, int] = field(default_factory=dict)
    shut_until: Micros = 0
    touched: Touched = field(default_factory=Touched)
    "By the next reload."
    roll: Roll = field(default_factory=lambda: Roll(enrolled=0, dismissed=0, kept_on_contact=(), without_phone=()))
    remembered: list[ContactTrace] = field(default_factory=list)
    "Traces, the latest first."

    def floor(self) -> FloorView:
        waiting = [view for view in self.contacts.values() if view.state == "QUEUED"]
        queue = QueueView(
            queue="shop/orders",
            door=self.door,
            is_open=not self.door.closed_by,
            waiting=len(waiting),
            longest_wait_us=max((NOW - view.arrived_at for view in waiting), default=0),
            free_agents=sum(view.change.status == "READY" for view in self.agents.values()),
            entitled_agents=len(self.agents),
        )
        return FloorView(
            now=NOW,
            agents=tuple(self.agents.values()),
            contacts=tuple(self.contacts.values()),
            queues=(queue,),
            callbacks=tuple(self.callbacks.values()),
        )

    async def ask(self, command: object) -> None:
        await self._neighbour()
        if isinstance(command, HangUp):
            if self.contacts.pop(command.contact_id, None) is None:
                raise CommandRefused("contact-unknown", "There is no such contact now.")
            return
        if isinstance(command, Prioritise):
            if command.contact_id not in self.contacts:
                raise CommandRefused("contact-unknown", "There is no such contact now.")
            self.points[command.contact_id] = command.priority
            return
        if isinstance(command, CancelCallback):
            if self.callbacks.pop(command.promise_id, None) is None:
                raise CommandRefused("callback-unknown", "No call-back is owed to it.")
            return
        if isinstance(command, Shut | Reopen):
            if command.campaign != "shop":
                raise CommandRefused("campaign-unknown", "There is no such campaign.")
            self.shut_until = command.until_at if isinstance(command, Shut) else 0
            return
        assert isinstance(
            command, LogIn | LogOut | Pause | Unpause | FinishWrapUp | GiveDisposition | ExtendWrapUp | Engage
        ), command
        view = self.agents.get(command.agent_id)
        if view is None:
            raise CommandRefused("agent-unknown", "There is no such agent.", agent_id=command.agent_id)
        now = view.change
        match command:
            case LogIn() if now.status == "LOGGED_OUT":
                change = replace(now, status="READY")
            case LogOut() if now.status != "LOGGED_OUT":
                change = replace(now, status="LOGGED_OUT", reason=None)
            case Pause() if now.status != "LOGGED_OUT":
                change = replace(now, status="PAUSED", reason=command.reason)
            case Unpause() if now.status == "PAUSED":
                change = replace(now, status="READY", reason=None)
            case GiveDisposition() if now.contact_id is not None:
                change, view = now, replace(view, disposition=command.disposition)
            case ExtendWrapUp() if now.work == "wrapup":
                change, view = now, replace(view, until_at=(view.until_at or NOW) + 20_000_000)
            case Engage():
                change, view = now, replace(view, in_hand={command.medium: command.count})
            case FinishWrapUp() if now.work == "wrapup":
                change = replace(now, work="idle", reason=command.disposition)
            case _:
                raise CommandRefused("agent-state", f"Not while {now.status}.", status=now.status)
        self.agents[command.agent_id] = replace(view, change=change)
        if isinstance(command, LogIn | LogOut | Pause | Unpause):
            self.asked_by.append(command.asked_by)

    async def reload(self) -> Reloaded:
        await self._neighbour()
        self.config_hash = f"{self.config_hash}+1"
        return Reloaded(config_hash=self.config_hash, touched=self.touched, roll=self.roll)

    async def canary(self) -> dict[str, object]:
        await self._neighbour()
        return {"ok": True, "milestones_s": {"arrived": 0.0, "offered": 0.004}}

    async def story(self, contact_id: ContactId) -> ContactStory | None:
        await self._neighbour()
        return next((story for story in self.ledger if story.contact_id == contact_id), None)

    async def stories(self, query: RecordQuery) -> AsyncIterator[ContactStory]:
        await self._neighbour()
        found = []
        for story in self.ledger:
            record = story.record
            if record is None:
                continue
            key = (record.ended_at, record.contact_id)
            if (
                (query.from_at is None or query.from_at <= record.ended_at)
                and (query.to_at is None or record.ended_at < query.to_at)
                and query.campaign in (None, record.campaign)
                and (query.after is None or query.after < key)
            ):
                found.append((key, story))
        for _, story in sorted(found, key=lambda pair: pair[0])[: query.limit]:
            yield story

    def trace(self, contact_id: ContactId) -> ContactTrace:
        found = next((trace for trace in self.remembered if trace.contact_id == contact_id), None)
        if found is None:
            count = len(self.remembered)
            raise CommandRefused("contact-unknown", f"The router remembers {count}, none of them it.", remembered=count)
        return found

    async def traces(self, limit: int) -> tuple[ContactTrace, ...]:
        await self._neighbour()
        return tuple(self.remembered[:limit])

    def lease(self) -> LeaseView:
        return self.pool

    def readiness(self) -> dict[str, str]:
        return dict(self.checks)

    async def _neighbour(self) -> None:
        if self.held is not None:
            self.waiting += 1
            await self.held.wait()
        if self.broken is not None:
            raise self.broken
