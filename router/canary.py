"""The canary: an echo call of our own through the whole path, on request.

It is an ordinary contact of a campaign that every site has, for an ordinary agent whom Asterisk plays itself: arrival,
queue, offer, ring, answer, lock, bridge, release, record. Only the trunk and the agent's line are not in it. It costs
other contacts nothing: nobody else has the skill, and its agent has no other.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace

from router.domain.errors import CommandRefused, RemoteError
from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, Micros, QueueName
from router.domain.messages.commands import AgentProfile, Enrol, Entitle, HangUp, LogIn, Unpause
from router.domain.messages.events import ContactConnected, ContactEnded, ContactQueued, Event, OfferMade, OfferRang
from router.domain.rulebook.entitlement import ALWAYS, Entitlement, Interval
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import CampaignRules, QueueRules, Rules
from router.ports import Telephony
from router.runtime import Pump

NUMBER = "canary"
"No trunk can bring a call for it: what a trunk dials is cut down to digits before it is looked up."
CAMPAIGN = CampaignName("canary")
AGENT = AgentId("canary")
_QUEUE = QueueName("canary/echo")
_PROFILE = AgentProfile(
    agent_id=AGENT,
    endpoint="canary",
    skills={"canary": 100},
    dial="Local/s@acd-canary-agent/n",
    display_name="Canary",
)
_TALK_S = 1.0
_DEADLINE_S = 15.0


def with_canary(rules: Rules) -> Rules:
    """The site's rules and the canary's campaign."""
    # answered at once: at the bridge Asterisk would wait up to half a second for the first audio of a silent caller
    campaign = CampaignRules(
        name=CAMPAIGN,
        client="ringfair",
        dnis=(NUMBER,),
        entry=_QUEUE,
        language="en",
        greeting="answered",
        label="canary",
        emergency=True,  # whoever else finds no room, it is let in: it asks whether this works
    )
    queue = QueueRules(
        name=_QUEUE,
        campaign=CAMPAIGN,
        need=Need.parse("canary"),
        ring_us=5 * SECOND,
        wrapup_us=0,
        max_wait_us=10 * SECOND,
    )
    return replace(rules, campaigns=rules.campaigns | {CAMPAIGN: campaign}, queues=rules.queues | {_QUEUE: queue})


def enrol(pump: Pump) -> None:
    """Make the canary's agent known and ready."""
    pump.ask(Enrol(profile=_PROFILE))
    always = Interval(from_at=0, to_at=ALWAYS, campaigns=frozenset({CAMPAIGN}))
    pump.ask(Entitle(agent_id=AGENT, entitlement=Entitlement(intervals=(always,))))
    make_ready(pump)


def make_ready(pump: Pump) -> None:
    """Whatever became of its agent: one that missed a canary is paused like anybody, and anybody may log it out."""
    for command in (LogIn(agent_id=AGENT, asked_by="router"), Unpause(agent_id=AGENT, asked_by="router")):
        with suppress(CommandRefused):
            pump.ask(command)


class Canary:
    """Sends one call at a time and notes when it passed which milestone."""

    def __init__(self, pump: Pump, telephony: Telephony) -> None:
        self._pump = pump
        self._telephony = telephony
        self._contact: ContactId | None = None
        self._milestones: dict[str, Micros] = {}
        self._connected = asyncio.Event()
        self._ended = asyncio.Event()
        self._flying = False

    def __call__(self, event: Event, now: Micros) -> None:
        """The subscriber."""
        if not self._flying:
            return
        match event:
            case ContactQueued(campaign="canary"):
                if self._contact is None:
                    self._contact = event.contact_id
                    self._milestones["arrived"] = event.arrived_at
                    self._milestones["queued"] = now
            case OfferMade() if event.contact_id == self._contact:
                self._milestones["offered"] = now
            case OfferRang(agent_id="canary"):
                self._milestones.setdefault("ringing", now)
            case ContactConnected() if event.contact_id == self._contact:
                self._milestones["connected"] = now
                self._connected.set()
            case ContactEnded() if event.record.contact_id == self._contact:
                self._milestones["ended"] = now
                self._ended.set()

    async def fly(self) -> dict[str, object]:
        """One call. Returns contact and milestones in µs; raises `RemoteError` naming the milestone it did not pass."""
        if self._flying:
            raise CommandRefused("canary-flying", "A canary is on its way already; wait for it.")
        self._flying = True
        self._contact = None
        self._milestones = {}
        self._connected.clear()
        self._ended.clear()
        try:
            make_ready(self._pump)
            self._telephony.call_in(NUMBER)
            await self._reach(self._connected, "talk")
            await asyncio.sleep(_TALK_S)
            self._hang_up()
            await self._reach(self._ended, "end")
        finally:
            # Whoever asked may have gone, and a lost canary must not keep its agent from the next one.
            self._hang_up()
            self._flying = False
        return {"contact_id": self._contact, "milestones": dict(self._milestones)}

    def _hang_up(self) -> None:
        if self._contact is not None and not self._ended.is_set():
            with suppress(CommandRefused):
                self._pump.ask(HangUp(contact_id=self._contact))

    async def _reach(self, milestone: asyncio.Event, name: str) -> None:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                await milestone.wait()
        except TimeoutError:
            passed = ", ".join(self._milestones) or "nothing"
            raise RemoteError(
                "canary-lost",
                f"The canary did not reach its {name} within {_DEADLINE_S:.0f} s; it passed: {passed}. "
                "`ringfair doctor` checks each part of the path.",
                retryable=True,
            ) from None
