"""The desk: the running router as its operators meet it. Reads the floor, hands commands to the pump, reloads files."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from router.canary import AGENT, CAMPAIGN, Canary, with_canary
from router.config.site import Site
from router.domain.agent import Standing
from router.domain.commands import Configure, Dismiss, Enrol, Entitle
from router.domain.errors import CommandRefused
from router.domain.floor import Floor
from router.domain.ids import ContactId, Micros
from router.ports import (
    AgentEntry,
    AgentView,
    Clock,
    ContactStory,
    ContactView,
    Directory,
    FloorView,
    Ledger,
    QueueView,
    RecordQuery,
    Telephony,
)
from router.runtime import Pump


def view_floor(floor: Floor, now: Micros) -> FloorView:
    """Everybody present, for people: costs O(agents + contacts), so it is never part of a decision."""
    agents = tuple(
        AgentView(
            change=agent.picture(status_changed=False),
            skills=dict(agent.profile.skills),
            queues=tuple(queue.rules.name for queue in agent.serves),
            standing=agent.standing.name.lower(),
        )
        for agent in floor.agents.values()
        if agent.profile.agent_id != AGENT
    )
    contacts = tuple(
        ContactView(
            contact_id=contact.contact_id,
            campaign=contact.campaign,
            queue=contact.queue,
            state=contact.state,
            agent_id=contact.agent_id if contact.offer is None else contact.offer.agent_id,
            arrived_at=contact.arrived_at,
        )
        for contact in floor.contacts.values()
    )
    waiting: dict[str, list[Micros]] = {}
    for contact in floor.contacts.values():
        if contact.is_waiting:
            waiting.setdefault(contact.queue, []).append(contact.arrived_at)
    queues = tuple(
        QueueView(
            queue=name,
            waiting=len(waiting.get(name, ())),
            longest_wait_us=now - min(waiting[name]) if name in waiting else 0,
            free_agents=queue.standings[Standing.FREE],
            entitled_agents=sum(queue.standings),
        )
        for name, queue in floor.queues.items()
        if queue.rules.campaign != CAMPAIGN
    )
    return FloorView(now=now, agents=agents, contacts=contacts, queues=queues)


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """How a reload changed who is known."""

    enrolled: int
    dismissed: int
    kept_on_contact: tuple[str, ...]
    "Agents to be dismissed who are on a contact: the next reload dismisses them."


def call_the_roll(pump: Pump, site: Site, entries: tuple[AgentEntry, ...]) -> Roll:
    """Bring the engine's agents in line with the directory and the shifts."""
    floor = pump.engine.floor
    active = {entry.profile.agent_id: entry for entry in entries if entry.active}
    busy: list[str] = []
    gone = [agent_id for agent_id in floor.agents if agent_id not in active and agent_id != AGENT]
    for agent_id in gone:
        try:
            pump.ask(Dismiss(agent_id=agent_id))
        except CommandRefused:
            busy.append(agent_id)
    enrolled = 0
    for agent_id, entry in active.items():
        known = floor.agents.get(agent_id)
        if known is None or known.profile != entry.profile:
            pump.ask(Enrol(profile=entry.profile))
            enrolled += 1
        entitlement = site.entitlement(agent_id)
        if floor.agents[agent_id].entitlement != entitlement:
            pump.ask(Entitle(agent_id=agent_id, entitlement=entitlement))
    return Roll(enrolled=enrolled, dismissed=len(gone) - len(busy), kept_on_contact=tuple(busy))


class RouterDesk:
    """The `Desk` port of a running router."""

    def __init__(
        self,
        *,
        pump: Pump,
        clock: Clock,
        telephony: Telephony,
        ledger: Ledger,
        directory: Directory,
        canary: Canary,
        read_site: Callable[[], Site],
        ready: Callable[[], Mapping[str, str]],
    ) -> None:
        self._pump = pump
        self._clock = clock
        self._telephony = telephony
        self._ledger = ledger
        self._directory = directory
        self._canary = canary
        self._read_site = read_site
        self._ready = ready
        self._reloading = asyncio.Lock()

    def floor(self) -> FloorView:
        return view_floor(self._pump.engine.floor, self._clock.now())

    async def ask(self, command: object) -> None:
        self._pump.ask(command)  # type: ignore[arg-type]  # an unknown command is a KeyError of ours, and a bug

    async def reload(self) -> str:
        async with self._reloading:
            site = await asyncio.to_thread(self._read_site)
            entries = await self._directory.agents()
            rules = with_canary(site.rules)
            self._pump.ask(Configure(rules=rules))
            call_the_roll(self._pump, site, entries)
            self._telephony.publish(rules)
            return rules.config_hash

    async def canary(self) -> dict[str, object]:
        return await self._canary.fly()

    async def story(self, contact_id: ContactId) -> ContactStory | None:
        return await self._ledger.story(contact_id)

    def stories(self, query: RecordQuery) -> AsyncIterator[ContactStory]:
        return self._ledger.stories(query)

    def readiness(self) -> dict[str, str]:
        return dict(self._ready())
