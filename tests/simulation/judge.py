"""Judges the whole system: what its owner decides while it owns the pool, and what the ledger holds when all is over.

Rule 1: who decides is the router that took the pool over last. What another one believes is its own affair, as long as
nothing of it has an effect at Asterisk (exchange.py looks at that) or turns up in the ledger.
Rule 2: a promise is what was acknowledged: a command that was safe, a feature code that was spoken to.
Rule 3: a record is what the database holds at the end, read back by our own code, against the caller's true life.
"""

from contextvars import ContextVar
from typing import Any

from router.domain.benches.agent import RONA, Status
from router.domain.floor import Floor
from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, Micros
from router.domain.messages.commands import Command, Entitle, LogIn, LogOut, Pause, Reopen, Shut, Unpause
from router.domain.messages.effects import AnswerPhone
from router.domain.messages.events import AgentChanged, Event, InvariantFailed, OfferClosed, OfferMade
from router.domain.messages.observations import PhoneAsked
from router.domain.pictures.picture import ContactStands, Picture
from router.domain.record import BillingRecord
from router.inheritance import Inheritance
from router.simulation.judge import Judge, _record_faults

JOURNALLED: ContextVar[bool] = ContextVar("journalled", default=False)
"Whether what the task that asks waits for is in the journal, on the server's disk."
_SETTLED_US = 3 * SECOND
_READING_US = 3 * SECOND
"So long a takeover may take from its look into the ledger; what was told meanwhile is heard of after it."
_PRESENT = ("logged-in", "not-on-shift", "unpaused")
_AWAY = ("logged-out", "paused", "paused-after-call")
"What a feature code's answer says is what the agent may rely on."


class WholeJudge(Judge):
    def __init__(self, world: Any, slack_us: Micros) -> None:
        super().__init__(world.no_floor, world.asterisk, slack_us)
        self.world = world
        self.sees_since: Micros | None = None
        "Since when the owner has seen everything."
        self._told_at: dict[AgentId, int] = {}
        self._before: tuple[str | None, int] = (None, 0)
        self._codes: dict[str, int] = {}
        self._journalled: dict[str, bool] = {}
        self._weak: dict[AgentId, Micros] = {}
        "Whose promise stands in the ledger only, and when it was given."
        self._unheard: dict[AgentId, str] = {}
        "Such promises while the ledger has not told the successor."
        self._shut: dict[CampaignName, tuple[Micros, Micros]] = {}
        "Campaigns that somebody was told are shut: since when, and until when."
        self._doors: dict[CampaignName, int] = {}
        self.late_words = 0
        "Promises a successor took over without, until the ledger told it."
        self._serial = 0
        self.forgotten_at: Micros = 0
        "When Redis last lost what it had promised to keep."
        self.late_answers = 0
        "Said done, on the ledger's word, by a router that did not know yet that it has lost the pool."
        self.estimated = 0
        self.unseen = 0
        "Contacts that came and went while no router was there."

    # ---- promises ----

    def asks(self, command: Command) -> int:
        """It may take effect in this very moment; gives a number by which `safe` knows whether something newer did."""
        self._serial += 1
        if isinstance(command, LogOut | Pause | LogIn | Unpause):
            self._before = self._away.get(command.agent_id), self._told_at.get(command.agent_id, 0)
            self._told_at[command.agent_id] = self._serial
            if isinstance(command, LogIn | Unpause):
                self._comes_back(command.agent_id)
        if isinstance(command, Entitle):
            self.entitled[command.agent_id] = command.entitlement
        if isinstance(command, Shut | Reopen):
            self._shut.pop(command.campaign, None)
            self._doors[command.campaign] = self._serial
        return self._serial

    def refused(self, command: Command) -> None:
        if isinstance(command, LogOut | Pause | LogIn | Unpause):
            away, self._told_at[command.agent_id] = self._before
            if away is not None:
                self._away[command.agent_id] = away

    def safe(self, machine: Any, command: Command, number: int) -> None:
        if isinstance(command, Shut) and self._doors[command.campaign] == number:
            self._shut[command.campaign] = self.world.now, command.until_at
        if not isinstance(command, LogOut | Pause) or self._told_at.get(command.agent_id) != number:
            return
        agent_id, what, owner = command.agent_id, type(command).__name__, self.world.owner
        if machine is owner or JOURNALLED.get():
            self._promised(agent_id, what, journalled=JOURNALLED.get())
            return
        self.late_answers += 1
        self._weak[agent_id] = self.world.now
        if owner is None or not owner.heard_out:
            self._unheard[agent_id] = what
        else:
            self.blame(f"{agent_id} was told {what} by a router that had lost the pool long before")

    def _comes_back(self, agent_id: AgentId) -> None:
        self._away.pop(agent_id, None)
        self._unheard.pop(agent_id, None)

    def _promised(self, agent_id: AgentId, what: str, *, journalled: bool) -> None:
        self._away[agent_id] = what
        if journalled:
            self._weak.pop(agent_id, None)
        else:
            self._weak[agent_id] = self.world.now

    def forgets(self) -> None:
        """Redis lost everything: nobody is on paper but who is written anew."""
        self.forgotten_at = self.world.now
        for life in self._asterisk.lives.values():
            if life.ended_at is None or life.ended_at > self.world.now - 60 * SECOND:
                life.known = False

    def phone_asked(self, seen: PhoneAsked) -> None:
        self._dialled_by[seen.leg] = AgentId(seen.endpoint)

    def will_speak(self, effect: AnswerPhone) -> None:
        """A feature code was carried out; the answer waits until that is safe."""
        self._serial += 1
        self._codes[effect.leg] = self._serial
        agent_id = self._dialled_by[effect.leg]
        self._told_at[agent_id] = self._serial
        if effect.result in _PRESENT:
            self._comes_back(agent_id)

    def will_be_spoken(self, effect: AnswerPhone) -> None:
        """It is as safe as it will be; the order to say so goes out."""
        self._journalled[effect.leg] = JOURNALLED.get()

    def spoken(self, effect: AnswerPhone) -> None:
        """The phone heard it; what was asked for since counts more."""
        agent_id = self._dialled_by[effect.leg]
        if effect.leg in self._answers:
            self.blame(f"{effect.leg} was answered twice")
        self._answers[effect.leg] = effect.result
        if effect.result in _AWAY and self._told_at[agent_id] == self._codes[effect.leg]:
            self._promised(agent_id, effect.result, journalled=self._journalled[effect.leg])

    # ---- the owner ----

    def saw(self, machine: Any, event: Event) -> None:
        self.world.digest.update(f"{machine.name} {self.world.clock.now} {event!r}\n".encode())
        if machine is not self.world.owner or machine.process is None or machine.process.dead:
            return
        self.promises.heard(event)
        match event:
            case OfferMade():
                self._offer_made(event)
                self._door_was_open(event)
            case OfferClosed(fact=fact):
                self.offers[fact.result] += 1
                self._open_offers.pop(fact.offer_id, None)
            case AgentChanged(agent_id=agent_id, status=Status.PAUSED, reason=reason, asked_by="router") if (
                reason == RONA
            ):
                self._away[agent_id] = RONA
            case AgentChanged(agent_id=agent_id, status=Status.READY, next_status=None) if (
                self._away.get(agent_id) == RONA
            ):
                del self._away[agent_id]
            case InvariantFailed(what=what):
                self.blame(what)

    def _door_was_open(self, made: OfferMade) -> None:
        """Who came after somebody was told that it is shut is sent on, whoever owns the pool by now."""
        life, campaign = self._asterisk.lives.get(made.contact_id), CampaignName(made.queue.partition("/")[0])
        shut = self._shut.get(campaign)
        if (
            life is None
            or life.blind
            or shut is None
            or self._asterisk.numbers.get(made.contact_id, (None,))[0] != campaign
        ):
            return
        if shut[0] + _SETTLED_US < life.arrived_at < shut[1] - _SETTLED_US:
            self.blame(f"{made.contact_id} came while {campaign} was shut and is offered to somebody")

    def took_over(self, machine: Any, left: Inheritance, died_at: Micros) -> None:
        floor = self._floor = machine.engine.floor
        for contact_id in floor.contacts:
            life = self._asterisk.lives.get(contact_id)
            if life is not None and not floor.contacts[contact_id].place:
                life.known = True
        self._open_offers = {offer_id: offer.agent_id for offer_id, offer in floor.offers.items()}
        forgot = self.forgotten_at >= died_at - 10 * SECOND
        ill = died_at <= self.world.redis_well_at
        self.promises.succeeded(floor, died_at - (60 if ill else 3) * SECOND, forgot=forgot)
        if forgot:
            self._shut.clear()
        self._away |= self._unheard
        self._unheard.clear()
        for agent_id, why in list(self._away.items()):
            agent = floor.agents[agent_id]
            if why == RONA:
                if agent.reason != RONA:
                    del self._away[agent_id]  # a ring that was missed is no promise; it may be forgotten
                continue
            if forgot and not agent.chosen_at and agent_id not in self._weak:
                del self._away[agent_id]  # Redis lost what it had promised to keep, and nobody else knows yet
                continue
            if agent.status is not Status.READY or agent.next_status is not None:
                continue
            del self._away[agent_id]
            late = self._weak.get(agent_id, 0) > self.world.now - _READING_US
            if agent_id in self._weak and (late or not left.whole):
                self._unheard[agent_id] = why
            elif agent_id in self._weak:
                self.blame(f"{agent_id} was told {why} on the ledger's word, and the successor does not know")
            elif not forgot:
                self.blame(f"{agent_id} was told {why}, and the successor does not know")

    def heard(self, machine: Any) -> None:
        """The ledger has told this machine's router what people chose last."""
        if machine is not self.world.owner:
            return
        for agent_id, why in self._unheard.items():
            agent = self._floor.agents[agent_id]
            self.late_words += 1
            if agent.status is Status.READY and agent.next_status is None:
                self.blame(f"{agent_id} was told {why}, the ledger told the successor, and it does not heed it")
            else:
                self._away.setdefault(agent_id, why)
        self._unheard.clear()

    def on_paper(self, floor: Floor, left: tuple[Picture, ...], died_at: Micros) -> None:
        """Redis was well: whoever stood on the dead router's floor for a while is in what it left."""
        found = {picture.contact_id for picture in left if isinstance(picture, ContactStands)}
        for contact_id, contact in floor.contacts.items():
            if contact.place:
                continue
            life = self._asterisk.lives[contact_id]
            if contact.seen_at < died_at - _SETTLED_US and life.ended_at is None and contact_id not in found:
                self.blame(f"{contact_id} was not on paper when its router died")

    def _can_see(self, now: Micros) -> bool:
        return self.sees_since is not None and now - self.sees_since > _SETTLED_US

    # ---- the ledger ----

    def judge_ledger(self, records: dict[ContactId, BillingRecord]) -> None:
        self.records = records
        for contact_id, life in self._asterisk.lives.items():
            record = records.get(contact_id)
            if life.ended_at is None:
                self.blame(f"{contact_id} is still on the line", "lost")
            elif record is None:
                if life.known or not life.blind:
                    self.blame(f"{contact_id} has no record", "missing_bills")
                else:
                    self.unseen += 1
            else:
                self.outcomes[record.outcome] += 1
                self.estimated += record.end_estimated
                if record.end_estimated:
                    life.blind = True  # it says itself that it was only inferred, by a router that did not see the end
                for fault in _record_faults(record, life, self._slack_us):
                    self.blame(f"{contact_id} {fault}")
        if len(self._asterisk.lives) > 200 and not self.outcomes["answered"]:
            self.blame("nobody was answered: that is no call centre")
        for contact_id in records:
            if contact_id not in self._asterisk.lives:
                self.blame(f"{contact_id} has a record and never called", "double_bills")

    def nothing_left(self, now: Micros) -> None:
        floor = self._floor
        self.promises.close_the_book(floor)
        for agent_id, why in self._unheard.items():
            self.blame(f"{agent_id} was told {why} on the ledger's word, and the successor never read it")
        left = {
            "contacts": len(floor.contacts),
            "offers": len(floor.offers),
            "talks": len(floor.assignments),
            "private legs": len(floor.private),
            "legs at Asterisk": len(self._asterisk.legs),
        }
        for what, count in left.items():
            if count:
                self.blame(f"{count} {what} are left")
        for agent_id, agent in floor.agents.items():
            if agent.work != "idle":
                self.blame(f"{agent_id} is still {agent.work}")
        self.look(now)
