"""The floor: everybody and everything present now. The parts of the engine act on it; it knows no story.

Rule 1: `restand` is the only place that moves an agent between standings and counts them per queue.
Rule 2: nothing here decides who gets whom; `freed` and `seeking` only note who may have become able to be matched. Who
is freed sits down when nobody was found for them: most never do.
"""

from collections.abc import Iterable

from router.domain.agent import Agent, PrivateLeg, Standing
from router.domain.assignment import Assignment
from router.domain.contact import CONTACT, Contact, ContactState, ContactStep
from router.domain.effects import Effect
from router.domain.entitlement import ENTITLED_ALWAYS, covers
from router.domain.events import Event, InvariantFailed, ObservationIgnored
from router.domain.ids import AgentId, ContactId, LegId, Micros, OfferId, QueueName
from router.domain.offer import OFFER, Offer, OfferState, OfferStep
from router.domain.past import Past
from router.domain.queue import Queue
from router.domain.rules import Rules
from router.domain.tables import step
from router.domain.timers import Timers


class Floor:
    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.queues: dict[QueueName, Queue] = {}
        self.agents: dict[AgentId, Agent] = {}
        self.people = 0
        "Agents who are persons: whoever Asterisk dials by a name of its own (the canary) is none."
        self.by_endpoint: dict[str, Agent] = {}
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
        self.offering = True
        self.lost = False
        self.events: list[Event] = []
        self.effects: list[Effect] = []
        self.freed: list[Agent] = []
        self.seeking: list[Contact] = []
        self.touched: dict[Agent, None] = {}
        self.unwritten: dict[Contact | Agent, None] = {}
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
        was, becomes = int(before), int(after)
        for queue in agent.serves:
            standings = queue.standings
            standings[was] -= 1
            standings[becomes] += 1
        if before is Standing.FREE:
            agent.place = None
        if after is Standing.FREE:
            self.freed.append(agent)

    def assign_queues(self, agent: Agent, now: Micros) -> None:
        """Call after skills, rules or entitlement changed: which queues the agent serves is derived anew."""
        for queue in agent.serves:
            queue.standings[agent.standing] -= 1
        for queue in agent.skilled:
            queue.skilled -= 1
        entitlement = agent.entitlement
        in_force = entitlement.in_force(now)
        agent.skilled = skilled_for(agent, self.queues.values(), now)
        serves = tuple(queue for queue in agent.skilled if covers(in_force, queue.rules.campaign))
        agent.serves = agent.skilled if len(serves) == len(agent.skilled) else serves
        for queue in agent.skilled:
            queue.skilled += 1
        for queue in agent.serves:
            queue.standings[agent.standing] += 1
        if agent.standing is Standing.FREE:
            agent.place = None
            self.freed.append(agent)
        change = None if entitlement is ENTITLED_ALWAYS else entitlement.next_change(now)
        if change is None:
            self.calendar.cancel(("entitlement", agent.agent_id))
        else:
            self.calendar.set(("entitlement", agent.agent_id), change)
        self.touched[agent] = None

    def seat(self, agent: Agent) -> None:
        """Have an agent who is free and has no place yet wait on the benches."""
        if agent.standing is Standing.FREE and agent.place is None:
            agent.place = place = (agent.idle_since, agent.ordinal, self.serial(), agent)
            for queue in agent.serves:
                queue.sit_down(place)

    def occupy(self, agent: Agent, leg: LegId, node: str, seen_at: Micros, now: Micros) -> None:
        """A leg of this phone that is not ours, alive at `seen_at`: while it lives the agent is busy elsewhere."""
        self.sweep(node, now)
        agent.private_legs[leg] = None
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
        if contact.place is not None:
            self.queues[contact.queue].step_out(contact)
        if contact.state is ContactState.CONNECTED:
            self.timers.cancel(("return", contact.contact_id))
            self.timers.cancel(("call", contact.contact_id))
        contact.state, contact.news_at = state, now
        self.unwritten[contact] = None
        if state is ContactState.QUEUED and contact.overdue:
            self.timers.set(("wait", contact.contact_id), now)
        elif state is ContactState.QUEUED and not contact.parked:
            self.queues[contact.queue].line_up(contact, self.serial())
            self.seeking.append(contact)
        return True

    def park(self, contact: Contact, parked: bool) -> None:
        """Take a waiting contact out of its line while its node is out of reach, or put it back."""
        if contact.parked == parked:
            return
        contact.parked = parked
        if contact.state is ContactState.QUEUED and not contact.overdue:
            queue = self.queues[contact.queue]
            if parked:
                queue.step_out(contact)
            else:
                queue.line_up(contact, self.serial())
                self.seeking.append(contact)

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
        if state is OfferState.CLOSED:
            del self.offers[offer.offer_id]
            for what in ("ring", "talk", "rescind"):
                self.timers.cancel((what, offer.offer_id))
        return True

    def remember(self, leg: LegId) -> None:
        """Note that a leg has ended, so that late news of it means nothing."""
        self.past.add(leg)


def waiting_since(floor: Floor) -> dict[QueueName, list[Micros]]:
    """Of each queue in which somebody waits: when each of them arrived. Looks at every contact, so it is for people."""
    waiting: dict[QueueName, list[Micros]] = {}
    for contact in floor.contacts.values():
        if contact.is_waiting:
            waiting.setdefault(contact.queue, []).append(contact.arrived_at)
    return waiting


def skilled_for(agent: Agent, queues: Iterable[Queue], now: Micros) -> tuple[Queue, ...]:
    """The queues whose need the agent's skills meet.

    Who is no person (the canary) is only ever in the queues it is entitled to: `need = ""` means any *person*.
    """
    found = tuple(queue for queue in queues if queue.rules.need.matches(agent.profile.skills))
    if not agent.profile.dial:
        return found
    in_force = agent.entitlement.in_force(now)
    return tuple(queue for queue in found if covers(in_force, queue.rules.campaign))
