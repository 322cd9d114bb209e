"""The floor: everybody and everything present now. The parts of the engine act on it; it knows no story.

Rule 1: `restand` is the only place that moves an agent between standings and counts them per queue.
Rule 2: nothing here decides who gets whom; `freed` and `seeking` only note who may have become able to be matched. Who
is freed sits down when nobody was found for them: most never do. `thinned` notes queues whose rows may have to open.
"""

from collections.abc import Iterable
from typing import Final

from router.domain.benches import seating
from router.domain.benches.agent import Agent, PrivateLeg
from router.domain.benches.crew import ON_DUTY, Crew, come, enlist
from router.domain.benches.door import Door
from router.domain.benches.pace import Pace, Paces
from router.domain.benches.past import Past
from router.domain.benches.queue import LineKey, Queue
from router.domain.benches.redial import GaveUp
from router.domain.benches.row import Row
from router.domain.benches.timers import Timers
from router.domain.contacts.assignment import Assignment
from router.domain.contacts.callback import Promise
from router.domain.contacts.contact import CONTACT, Contact, ContactState, ContactStep
from router.domain.contacts.offer import OFFER, Offer, OfferState, OfferStep
from router.domain.ids import AgentId, CampaignName, ContactId, LegId, Micros, OfferId, QueueName
from router.domain.messages.effects import Effect
from router.domain.messages.events import Event, InvariantFailed, ObservationIgnored
from router.domain.messages.standing import Standing
from router.domain.rulebook.census import Census
from router.domain.rulebook.entitlement import ENTITLED_ALWAYS, covers
from router.domain.rulebook.hours import OpeningHours
from router.domain.rulebook.rules import Rules
from router.domain.tables import step

_QUEUED: Final = ContactState.QUEUED
_OFFERED, _CONNECTED, _LEAVING = ContactState.OFFERED, ContactState.CONNECTED, ContactState.LEAVING
_TO_QUEUE, _TO_LEAVE = ContactStep.QUEUE, ContactStep.LEAVE
_FREE, _ON_CONTACT, _CLOSED = Standing.FREE, Standing.ON_CONTACT, OfferState.CLOSED
"Named once: to read a member from its class costs 50 ns, and these are asked for with every contact."

_AWAY = (Standing.LOGGED_OUT, Standing.PAUSED, Standing.UNREACHABLE, Standing.LINK_LOST, Standing.DONE_FOR_TODAY)
"Standings in which nobody need be waited for, by some rule."
_PAST_WAITING = (ContactStep.CONNECT, ContactStep.LEAVE, ContactStep.END)


class Floor:
    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.queues: dict[QueueName, Queue] = {}
        self.agents: dict[AgentId, Agent] = {}
        self.census = Census()
        self.people = 0
        "Agents who are persons: whoever Asterisk dials by a name of its own (the canary) is none."
        self.by_endpoint: dict[str, Agent] = {}
        self.paused: dict[Agent, None] = {}
        "Who pauses, or will after the contact in hand (pauses.py)."
        self.contacts: dict[ContactId, Contact] = {}
        self.by_leg: dict[LegId, Contact] = {}
        "Caller's leg → contact, while it lives."
        self.offers: dict[OfferId, Offer] = {}
        "Offers whose leg has not ended."
        self.assignments: dict[LegId, Assignment] = {}
        "Agent's leg → assignment, until the leg has ended."
        self.private: dict[LegId, PrivateLeg] = {}
        self.past = Past()
        self.nodes: dict[str, None] = {}
        "Asterisk nodes in reach."
        self.timers = Timers()
        self.calendar = Timers()
        "Edges of shifts: they wait for nothing that was seen, however late we hear of either."
        self.doors: dict[CampaignName, Door] = {}
        "Of campaigns that are not simply open."
        self.crews: dict[tuple[Row, ...], Crew] = {}
        "By what they serve."
        self.paces = Paces()
        self.gave_up = GaveUp()
        "Callers who may have their place back."
        self.promises: dict[ContactId, Promise] = {}
        "Call-backs that are owed, by the contact that asked."
        self.promised_to: dict[tuple[CampaignName, str], ContactId] = {}
        "(campaign, number) → the promise."
        self.call_times: dict[QueueName, OpeningHours] = {}
        "When those of a queue may be called, told before a call is owed there. One that is not in here: at any time."
        self.owed: dict[QueueName, int] = {}
        "How many promises each queue owes."
        self.meant: dict[AgentId, ContactId] = {}
        "Agents who were free when somebody's phone was made to ring for them: for whose promise it was."
        self.held_back: dict[QueueName, list[tuple[LineKey, int, ContactId]]] = {}
        "Promises that wait until somebody is free for whom no phone rings, the first in line first."
        self.released: list[QueueName] = []
        "Where somebody may be, since the last look."
        self.attempts_from = 0
        "Offers of places that come to stand here are counted from here on (resync.py)."
        self.served: dict[tuple[CampaignName, str], AgentId] = {}
        "(campaign, caller's number) → who talked to them last."
        self.midnights: tuple[Micros, ...] = ()
        "When days begin."
        self.day_at: Micros = 0
        "When this day began."
        self.offering = True
        self.lost = False
        self.events: list[Event] = []
        self.effects: list[Effect] = []
        self.freed: list[Agent] = []
        self.seeking: list[Contact] = []
        self.returned: dict[Contact, None] = {}
        "Who stands in line again, or for us the first time, without having been asked at its door (meanwhile.py)."
        self.thinned: dict[Queue, None] = {}
        "Queues that somebody left for whom callers may have waited before a further row opens."
        self.crowded: dict[Queue, None] = {}
        "Queues where somebody stands in the general line for want of one of their own need."
        self.touched: dict[Agent, None] = {}
        self.unwritten: dict[Contact | Agent | Door | Pace | Promise, None] = {}
        "Whose picture (picture.py) is no longer the one that was last taken; contacts by `stir`, agents by `touched`."
        self.unheeded: dict[ContactId, None] = {}
        "Of whom there was news while nobody here knew them, since the last look at Asterisk."
        self._serial = 0

    def serial(self) -> int:
        self._serial += 1
        return self._serial

    def stir(self, contact: Contact) -> None:
        """Call after anything about a contact changed that its picture shows; a step of its table does by itself."""
        self.unwritten[contact] = None

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def ignore(self, message: object, why: str) -> None:
        contact_id = getattr(message, "contact_id", None)
        if contact_id is not None and contact_id not in self.contacts:
            self.unheeded[contact_id] = None
        self.events.append(ObservationIgnored(kind=type(message).__name__, why=why))

    def broken(self, what: str) -> None:
        self.events.append(InvariantFailed(what=what))

    # ---- agents ----

    def restand(self, agent: Agent, now: Micros) -> None:
        """Call after anything about an agent changed: derives the standing, keeps counts and benches right."""
        self.touched[agent] = None
        before, after = agent.standing, agent.stands(now)
        if before is after:
            return
        agent.standing = after
        if before is _FREE:
            agent.turn = 0
        if after is not _FREE or before is not _ON_CONTACT:
            self.count(agent)
        if not (ON_DUTY[before] and ON_DUTY[after]):
            self._comes_or_goes(agent, before, after, now)
        if agent.awaited and not agent.takes_more:
            self.let_all_in(agent, now)
        if after is _FREE:
            self.reseat(agent)

    def release(self, *queues: QueueName) -> None:
        """Have those be looked at again who were held back there."""
        self.released += [queue for queue in dict.fromkeys(queues) if queue in self.held_back]

    def count(self, agent: Agent) -> None:
        """Have the rows count an agent as what they are.

        Who has done with a contact has most often the next in the same step, and is on a contact in all counts
        meanwhile: `seat` counts the others as free, and whoever must know earlier asks `count_freed`.
        """
        was, becomes = agent.counted, agent.standing
        if was is not becomes:
            agent.counted = becomes
            before, after = int(was), int(becomes)
            for row in agent.serves:
                standings = row.standings
                standings[before] -= 1
                standings[after] += 1

    def count_freed(self) -> None:
        for agent in self.freed:
            self.count(agent)

    def _comes_or_goes(self, agent: Agent, before: Standing, after: Standing, now: Micros) -> None:
        """They are not just busy with a contact, or done with it: others may have to know."""
        if agent.crew is not None and ON_DUTY[before] is not ON_DUTY[after]:
            come(agent.crew, 1 if ON_DUTY[after] else -1)
        if after in _AWAY:
            self.thin(agent.serves)

    def assign_queues(self, agent: Agent, now: Micros) -> None:
        """Call after skills, rules or entitlement changed: which queues the agent serves is derived anew."""
        for row in agent.serves:
            row.standings[agent.counted] -= 1
        for row in agent.skilled:
            row.skilled -= 1
        self.thin(agent.serves)
        self.take_rows(agent, seating.rows_of(agent, self.queues.values()), now)

    def take_rows(self, agent: Agent, rows: tuple[Row, ...], now: Micros) -> None:
        """Have the agent, who sits nowhere, belong to these rows and serve those they are entitled to.

        Who is no person (the canary) is only ever in the queues it is entitled to: `need = ""` means any *person*.
        """
        entitlement = agent.entitlement
        in_force = entitlement.in_force(now)
        serves = tuple(row for row in rows if covers(in_force, row.queue.rules.campaign))
        agent.skilled = serves if agent.profile.dial or len(serves) == len(rows) else rows
        agent.serves = serves
        for row in agent.skilled:
            row.skilled += 1
        for row in agent.serves:
            row.standings[agent.counted] += 1
        enlist(self.crews, agent)
        if agent.awaited:
            self.let_all_in(agent, now)
        self.reseat(agent)
        change = None if entitlement is ENTITLED_ALWAYS else entitlement.next_change(now)
        if change is None:
            self.calendar.cancel(("entitlement", agent.agent_id))
        else:
            self.calendar.set(("entitlement", agent.agent_id), change)
        self.touched[agent] = None

    def seat(self, agent: Agent) -> None:
        """Have an agent who is free and has no place yet wait on the benches."""
        if agent.standing is _FREE and not agent.turn:
            self.count(agent)
            agent.turn = self.serial()
            agent.seat = agent.agent_id, agent.idle_since
            place = (0, agent.idle_since, agent.ordinal, agent.turn, agent)
            for row in agent.serves:
                row.sit_down(agent, place)

    def reseat(self, agent: Agent) -> None:
        """Call after anything changed by which a free agent is chosen, or which rows they serve."""
        if agent.standing is _FREE:
            agent.turn = 0
            self.freed.append(agent)
            if self.held_back:
                self.release(*(row.queue.rules.name for row in agent.serves))

    def let_all_in(self, agent: Agent, now: Micros) -> None:
        for contact in list(agent.awaited.values()):
            self.let_in(contact, now)

    def thin(self, rows: Iterable[Row]) -> None:
        """Note that somebody left them: who waited for them and for nobody else is looked after."""
        for row in rows:
            queue = row.queue
            if queue.waiting and (len(queue.rows) > 1 or queue.rules.stay_if):
                self.thinned[queue] = None

    def occupy(self, agent: Agent, leg: LegId, node: str, seen_at: Micros, now: Micros) -> None:
        """A leg of this phone that is not ours, alive at `seen_at`: while it lives the agent is busy elsewhere."""
        self.sweep(node, now)
        agent.private_legs = {**agent.private_legs, leg: None}
        self.private[leg] = PrivateLeg(agent=agent, node=node, seen_at=seen_at)
        self.restand(agent, now)

    def sweep(self, node: str, now: Micros) -> None:
        """Somebody is there: from time to time the node is asked whether they still are (resync.py)."""
        if ("sweep", node) not in self.timers:
            self.timers.set(("sweep", node), now + self.rules.sweep_us)

    def vacate(self, leg: LegId, now: Micros) -> None:
        """That leg is gone, or is ours after all. Nothing happens to one we do not know."""
        private = self.private.pop(leg, None)
        if private is not None:
            del private.agent.private_legs[leg]
            self.restand(private.agent, now)

    # ---- contacts ----

    def move(self, contact: Contact, trigger: ContactStep, now: Micros) -> bool:
        """Take a row of the contact's table; False (and nothing changed) when there is none."""
        state = step(CONTACT, contact.state, trigger)
        if state is None:
            return False
        if contact.turn:
            self.step_out(contact)
        if contact.rung_from is not None:
            contact.rung_from.rung -= 1
            contact.rung_from = None
        if trigger is not _TO_QUEUE and contact.awaits is not None:
            self.keep_no_more(contact)
        if contact.state is _CONNECTED:
            self.timers.cancel(("return", contact.contact_id))
            self.timers.cancel(("call", contact.contact_id))
        elif trigger in _PAST_WAITING and (contact.state is not _LEAVING or contact.answered_at is None):
            self._wait_no_more(contact, trigger)
        was, contact.state, contact.news_at = contact.state, state, now
        self.unwritten[contact] = None
        if state is _QUEUED:
            if was is _OFFERED and not contact.parked:
                self.returned[contact] = None
            if contact.overdue:
                self.timers.set(("wait", contact.contact_id), now)
            elif not contact.parked:
                self.line_up(contact, now)
        return True

    def _wait_no_more(self, contact: Contact, trigger: ContactStep) -> None:
        """What falls due for who waits falls due no more. The time unanswered goes on for who is sent on."""
        timers, contact_id = self.timers, contact.contact_id
        timers.cancel(("wait", contact_id))
        if contact.attended_at:
            timers.cancel(("treat", contact_id))
        if contact.row is not None and len(contact.row.queue.rows) > 1:
            timers.cancel(("row", contact_id))
        if contact.urgent:
            timers.cancel(("alarm", contact_id))
        if contact.answered_at is None and trigger is not _TO_LEAVE:
            timers.cancel(("early", contact_id))

    def keep_no_more(self, contact: Contact) -> None:
        """They wait for one agent only no longer."""
        if contact.awaits is not None:
            contact.awaits = None
            self.timers.cancel(("kept", contact.contact_id))

    def line_up(self, contact: Contact, now: Micros) -> None:
        """Have a contact stand in line of its queue, and look for an agent."""
        queue = self.queues[contact.queue]
        if queue.data:
            queue = seating.line_for(self, queue, contact, now)
        contact.line = queue
        self._serial = turn = self._serial + 1
        if queue.line_up(contact, turn, now):
            self.unwritten[contact] = None
        if queue.full:
            seating.await_line(self, queue, contact)
        self.seeking.append(contact)
        if contact.awaits is not None:
            agent = self.agents[contact.awaits]
            agent.awaited = {**agent.awaited, contact.contact_id: contact}
            return
        row = contact.row
        if row is not None and row.later:
            self.timers.set(("row", contact.contact_id), contact.entered_at + row.later[0].opens_us)

    def step_out(self, contact: Contact) -> None:
        """Have a contact leave the line of its queue, if it stands there."""
        if contact.turn and contact.line is not None:
            if contact.awaits is not None:
                self.agents[contact.awaits].awaited.pop(contact.contact_id, None)
            contact.line.step_out(contact)
            contact.line = None

    def let_in(self, contact: Contact, now: Micros) -> None:
        """Whoever was kept for one agent stands in line like everybody."""
        if contact.awaits is None:
            return
        in_line = contact.turn
        self.step_out(contact)
        self.keep_no_more(contact)
        if in_line:
            self.line_up(contact, now)

    def open_rows(self, contact: Contact, now: Micros) -> None:
        """A further row may have opened to who stands in line."""
        if contact.line is None or contact.awaits is not None:
            return
        if contact.row is None or contact.line.open_to(contact, now).index > contact.row.index:
            self.step_out(contact)
            self.line_up(contact, now)

    def park(self, contact: Contact, parked: bool, now: Micros) -> None:
        """Take a waiting contact out of its line while its node is out of reach, or put it back."""
        if contact.parked == parked:
            return
        contact.parked = parked
        if contact.state is _QUEUED and parked:
            self.step_out(contact)
            self.keep_no_more(contact)  # whoever they wait for may be gone when they are back
        elif contact.state is _QUEUED:
            self.returned[contact] = None
            if not contact.overdue:
                self.line_up(contact, now)

    # ---- campaigns ----

    def door(self, campaign: CampaignName) -> Door:
        """Of this campaign; one that was never spoken of is open."""
        return self.doors.setdefault(campaign, Door(campaign=campaign))

    # ---- offers ----

    def move_offer(self, offer: Offer, trigger: OfferStep) -> bool:
        """Take a row of the offer's table; False (and nothing changed) when there is none."""
        state = step(OFFER, offer.state, trigger)
        if state is None:
            return False
        offer.state = state
        contact = self.contacts.get(offer.contact_id)
        if contact is not None:
            self.unwritten[contact] = None
        if state is _CLOSED:
            del self.offers[offer.offer_id]
            for what in ("ring", "talk", "rescind"):
                self.timers.cancel((what, offer.offer_id))
        return True
