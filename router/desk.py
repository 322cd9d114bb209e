"""The desk: the running router as its operators meet it. Reads the floor, hands commands to the pump, reloads files."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from router import almanac
from router.canary import AGENT, CAMPAIGN, Canary, with_canary
from router.config.site import Site
from router.config.standing import needs_restart
from router.domain.benches.agent import Agent
from router.domain.errors import CommandRefused, RemoteError
from router.domain.floor import Floor
from router.domain.ids import AgentId, ContactId, Micros
from router.domain.messages.commands import (
    AgentProfile,
    CancelCallback,
    Configure,
    Dismiss,
    Engage,
    Enrol,
    Entitle,
    ExtendWrapUp,
    GiveDisposition,
    Pause,
    Prioritise,
    Reopen,
    Shut,
)
from router.domain.messages.standing import Standing
from router.domain.recount import before, touched
from router.domain.rulebook.entitlement import Entitlement
from router.domain.staff.pauses import used_today
from router.domain.waiting.waiting_room import waiting_since
from router.doorplate import Hours, is_open, view_door
from router.ports import (
    AgentEntry,
    AgentView,
    CallbackView,
    Clock,
    ContactStory,
    ContactTrace,
    ContactView,
    Directory,
    FloorView,
    LeaseView,
    Ledger,
    QueueView,
    RecordQuery,
    Reloaded,
    Roll,
    Telephony,
)
from router.runtime import Pump
from router.trace import reading
from router.trace.recorder import Recorder

log = logging.getLogger(__name__)

_NEVER = Entitlement()
_IN_NO_LEDGER = (Shut, Reopen, Prioritise, CancelCallback, GiveDisposition, ExtendWrapUp, Engage)
"Commands of which the ledger hears nothing, or only later."


def view_floor(floor: Floor, now: Micros, hours: Hours | None = None) -> FloorView:
    """Everybody present, for people: costs O(agents + contacts), so it is never part of a decision.

    `hours`: those of the files in force, to say why a campaign is closed.
    """
    agents = tuple(_view_agent(floor, agent, now) for agent in floor.agents.values() if agent.profile.agent_id != AGENT)
    contacts = tuple(
        ContactView(
            contact_id=contact.contact_id,
            campaign=contact.campaign,
            queue=contact.queue,
            state=contact.state,
            agent_id=next((offer.agent_id for offer in contact.live.values()), contact.agent_id),
            arrived_at=contact.arrived_at,
        )
        for contact in floor.contacts.values()
        if not contact.place
    )
    waiting = waiting_since(floor)
    campaigns = dict.fromkeys(queue.rules.campaign for queue in floor.queues.values())
    doors = {name: view_door(floor, hours or {}, name, now) for name in campaigns}
    queues = tuple(
        QueueView(
            queue=name,
            door=doors[queue.rules.campaign],
            is_open=is_open(floor, queue.rules, now),
            waiting=len(waiting.get(name, ())),
            longest_wait_us=now - min(waiting[name]) if name in waiting else 0,
            free_agents=queue.most_standings[Standing.FREE],
            entitled_agents=max(sum(line.standings) for line in queue.all_lines),
        )
        for name, queue in floor.queues.items()
        if queue.rules.campaign != CAMPAIGN
    )
    callbacks = tuple(
        CallbackView(
            promise_id=promise.promise_id,
            campaign=promise.campaign,
            queue=promise.queue,
            state=promise.state,
            tries=promise.tries,
            arrived_at=promise.arrived_at,
            expires_at=promise.expires_at,
            due_at=floor.timers.at(("promise", promise.promise_id)),
            place_id=promise.place_id or None,
        )
        for promise in floor.promises.values()
    )
    return FloorView(now=now, agents=agents, contacts=contacts, queues=queues, callbacks=callbacks)


def _view_agent(floor: Floor, agent: Agent, now: Micros) -> AgentView:
    in_wrapup = agent.assignment if agent.work == "wrapup" else None
    ends = ("wrapup" if in_wrapup else "pause", agent.agent_id)
    until_at = floor.timers.at(ends) or (agent.held_until if agent.standing is Standing.HELD_OFF else None)
    paused = {**agent.today.paused, **({agent.reason: 0} if agent.status == "PAUSED" and agent.reason else {})}
    return AgentView(
        change=agent.picture(status_changed=False),
        skills=dict(agent.profile.skills),
        queues=tuple(dict.fromkeys(row.queue.rules.name for row in agent.serves)),
        standing=agent.standing.name.lower(),
        until_at=until_at,
        wrapup=in_wrapup.wrapup if in_wrapup else None,
        disposition=agent.assignment.disposition if agent.assignment else None,
        paused_today={reason: used_today(agent, reason, now) for reason in paused},
        in_hand=agent.in_hand,
    )


def call_the_roll(pump: Pump, site: Site, entries: tuple[AgentEntry, ...]) -> Roll:
    """Bring the engine's agents in line with the directory and the shifts."""
    floor = pump.engine.floor
    active = {e.profile.agent_id: e.profile for e in entries if e.active and e.profile.agent_id != AGENT}
    gone = [agent_id for agent_id in floor.agents if agent_id not in active and agent_id != AGENT]
    busy: list[AgentId] = []
    for agent_id in gone:
        try:
            pump.ask(Dismiss(agent_id=agent_id))
        except CommandRefused:
            pump.ask(Entitle(agent_id=agent_id, entitlement=_NEVER))
            busy.append(agent_id)
    known = {agent_id: floor.agents[agent_id].profile for agent_id in floor.agents}
    changed = [profile for agent_id, profile in active.items() if known.get(agent_id) != profile]
    without_phone = _enrol(pump, changed)
    for agent_id in active:
        entitlement = site.entitlement(agent_id)
        if agent_id in floor.agents and floor.agents[agent_id].entitlement != entitlement:
            pump.ask(Entitle(agent_id=agent_id, entitlement=entitlement))
    return Roll(
        enrolled=len(changed) - len(without_phone),
        dismissed=len(gone) - len(busy),
        kept_on_contact=tuple(busy),
        without_phone=without_phone,
    )


def teach(pump: Pump, entries: tuple[AgentEntry, ...]) -> None:
    """Before new rules: whoever is there learns what they will know. What they no longer know the roll takes after.

    Else a queue and its agents that go over to another skill would have nobody in between, and send its callers on.
    """
    agents = pump.engine.floor.agents
    for entry in entries:
        agent = agents.get(entry.profile.agent_id)
        if agent is None or not entry.active or agent.profile.dial:
            continue
        had, has = agent.profile.skills, entry.profile.skills
        if any(level > had.get(skill, -1) for skill, level in has.items()):
            both = {skill: max(had.get(skill, 0), has.get(skill, 0)) for skill in (*had, *has)}
            pump.ask(Enrol(profile=replace(agent.profile, skills=both)))


def _enrol(pump: Pump, profiles: Iterable[AgentProfile]) -> tuple[AgentId, ...]:
    """Enrol them all; returns who could not be, because somebody who is on a contact has their phone."""
    floor = pump.engine.floor
    coming = {profile.agent_id: profile for profile in profiles}
    for profile in coming.values():
        holder = floor.by_endpoint.get(profile.endpoint)
        after = coming.get(holder.profile.agent_id) if holder is not None else None
        if holder is not None and after is not None and after.endpoint != profile.endpoint:
            # Phones that change hands, perhaps in a circle: each holder steps aside first.
            pump.ask(Enrol(profile=replace(holder.profile, endpoint=f"without-phone.{holder.profile.agent_id}")))
    refused: list[AgentId] = []
    for profile in coming.values():
        try:
            pump.ask(Enrol(profile=profile))
        except CommandRefused:
            refused.append(profile.agent_id)
    return tuple(refused)


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
        trace: Recorder,
        site: Site,
        read_site: Callable[[], Site],
        safe: Callable[..., Awaitable[None]],
        lease: Callable[[], LeaseView],
        ready: Callable[[], Mapping[str, str]],
    ) -> None:
        self._pump = pump
        self._clock = clock
        self._telephony = telephony
        self._ledger = ledger
        self._directory = directory
        self._canary = canary
        self._trace = trace
        self.site = site
        "The files as they are in force: those of the start, or of the latest reload."
        self._read_site = read_site
        self._safe = safe
        self._lease = lease
        self._ready = ready
        self._reloading = asyncio.Lock()

    def floor(self) -> FloorView:
        return view_floor(self._pump.engine.floor, self._clock.now(), self.site.hours)

    def lease(self) -> LeaseView:
        return self._lease()

    def _must_own(self) -> None:
        """What a router that stands by decided would be lost: the owner knows nothing of it."""
        owner = self._lease()
        if not owner.mine:
            raise CommandRefused(
                "pool-not-ours",
                f"This router stands by; the pool is {owner.host or 'nobody'}'s. Give the command there.",
                host=owner.host,
            )
        if not self._pump.runs:
            raise RemoteError(
                "pool-changes-hands",
                "This router takes the pool over, or lets it go, at this moment: ask again in a second.",
                retryable=True,
            )

    async def ask(self, command: object) -> None:
        self._must_own()
        if isinstance(command, Pause):
            self._check_reason(command.reason)
        self._pump.ask(command)  # type: ignore[arg-type]  # an unknown command is a KeyError of ours, and a bug
        await self._safe(ledger_knows=not isinstance(command, _IN_NO_LEDGER))

    def _check_reason(self, reason: str) -> None:
        """A pause is a fact for ever, and some are paid: only what the site names, nothing the router says itself."""
        rules = self._pump.engine.floor.rules
        known = list(dict.fromkeys([*rules.pause_reasons.values(), *rules.pauses]))
        if reason not in known:
            raise CommandRefused(
                "reason-invalid",
                f"There is no pause reason {reason!r}; there are: {', '.join(known)}.",
                reason=reason,
                reasons=known,
            )

    async def reload(self) -> Reloaded:
        async with self._reloading:
            site = await asyncio.to_thread(self._read_site)
            if keys := needs_restart(self.site, site):
                raise CommandRefused(
                    "restart-needed",
                    f"Only a restart puts these in force: {', '.join(keys)}. Restart the router, or put them back and "
                    "reload; until then nothing of the new files is in force.",
                    keys=list(keys),
                )
            entries = await self._directory.agents()
            page = await asyncio.to_thread(almanac.page_of, site, self._clock.now())
            rules = with_canary(site.rules)
            was = before(self._pump.engine.floor, rules)
            almanac.tell_call_times(self._pump, page)
            teach(self._pump, entries)
            self._pump.ask(Configure(rules=rules))
            if was.kept or was.given_up:
                log.warning(
                    "calls are owed that the new files do not provide for: they are made as promised, or, where the "
                    "campaign is gone, given up",
                    extra={"kept": was.kept, "given_up": was.given_up},
                )
            almanac.turn_to(self._pump, page)
            self.site = site
            roll = call_the_roll(self._pump, site, entries)
            counted = touched(was, self._pump.engine.floor)
            if counted.moved or counted.sent_off:
                log.info("new rules moved callers", extra={"moved": counted.moved, "sent_off": counted.sent_off})
            self._telephony.publish(rules)
            log.info("the roll was called", extra={"enrolled": roll.enrolled, "dismissed": roll.dismissed})
            for agent_id in roll.kept_on_contact:
                log.warning("to be dismissed, but on a contact: reload again", extra={"agent_id": agent_id})
            for agent_id in roll.without_phone:
                log.warning("the phone is still another agent's: reload again", extra={"agent_id": agent_id})
            return Reloaded(config_hash=rules.config_hash, touched=counted, roll=roll)

    async def canary(self) -> dict[str, object]:
        self._must_own()
        return await self._canary.fly()

    async def story(self, contact_id: ContactId) -> ContactStory | None:
        return await self._ledger.story(contact_id)

    def stories(self, query: RecordQuery) -> AsyncIterator[ContactStory]:
        return self._ledger.stories(query)

    def trace(self, contact_id: ContactId) -> ContactTrace:
        recorder = self._trace
        found = recorder.find(contact_id)
        if found is None:
            raise CommandRefused("contact-unknown", _not_remembered(recorder), remembered=len(recorder))
        return reading.read(found, recorder.wall)

    async def traces(self, limit: int) -> tuple[ContactTrace, ...]:
        found: list[ContactTrace] = []
        for marks in self._trace.latest()[:limit]:
            found.append(reading.read(marks, self._trace.wall, whole=False))
            await asyncio.sleep(0)  # callers come first
        return tuple(found)

    def readiness(self) -> dict[str, str]:
        return dict(self._ready())


def _not_remembered(recorder: Recorder) -> str:
    """Why there is no trace of a contact, and how far back there are any."""
    oldest = next((at for marks in reversed(recorder.latest()) if (at := reading.began_at(marks, recorder.wall))), None)
    if oldest is None:
        return "The router has traced no contact since it was started."
    since = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=oldest)).strftime("%Y-%m-%dT%H:%M:%SZ")
    kept = f"{len(recorder)} contact{'s' if len(recorder) != 1 else ''}"
    return (
        f"The router remembers the way of {kept}, back to {since}, and this is none of them: it is older, from before "
        "the router's start, or unknown. `ringfair explain` tells what the ledger has of it."
    )
