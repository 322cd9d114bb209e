"""Events → lines of a queue log (lines.py has their form, members.py those of agents at their desks).

    ContactQueued              DID dnis, ENTERQUEUE url|callerid|position
    OfferClosed                RINGNOANSWER ms (missed, rejected, busy, unregistered, failed)
                               RINGCANCELED ms (the caller left), told with their end: see rule 5
    ContactConnected           CONNECT hold|uniqueid of the agent's leg|ring
    ContactOverflowed          EXITWITHTIMEOUT position|first position|wait; EXITWITHKEY key|… when a key was pressed,
                               EXITEMPTY for any other reason; nothing of who was not let in
    ContactEnded               COMPLETECALLER, COMPLETEAGENT hold|talk|first position; ABANDON, EXITEMPTY like a timeout
    ContactQueued in a talk    BLINDTRANSFER to|context|hold|talk|first position when it is another queue's now, and
                               COMPLETEAGENT when the agent was lost and the caller waits again
    AgentChanged               ADDMEMBER, REMOVEMEMBER, PAUSEALL, PAUSE, UNPAUSEALL, UNPAUSE

Rule 1: lines come in the order things were decided, dated by the instant they were decided at: a reader may take it
  that a file only ever goes forward.
Rule 2: a call id has one ENTERQUEUE for each stay in a queue, and each stay one end (stay.py). Who is put out by us and
  not by their patience (the dialplan's fallback, no queue left for them, hung up from the desk) has EXITEMPTY: an
  ABANDON would be the caller's own. Who is not let in (full, nobody there) never stood there, as in app_queue.
Rule 3: an offer that somebody else won, or that was taken back, is no fault of the agent's and has no line, as in
  app_queue.
Rule 4: what is kept of a contact goes with its ContactEnded. One that was there before us is told from the record.
Rule 5: a ring that the caller ended is told before their ABANDON, as by app_queue: readers let a call go with its last
  line. Our offer closes later, with its leg.
Rule 6: a place kept for whoever is to be called back stands in no queue here, and who is rung for it has no line: the
  call begins with its ENTERQUEUE when they pick up. Who was promised it has left by a key, however they went.
"""

from collections.abc import Set as AbstractSet

from router.adapters.queue_log.enquiry import Enquiry
from router.adapters.queue_log.lines import NOBODY, line_of, seconds
from router.adapters.queue_log.members import BEFORE, Members
from router.adapters.queue_log.stay import Places, Stay, ended_by_caller, recalled, talked_until, waited_until
from router.domain.ids import SECOND, AgentId, ContactId, Micros, OfferId, QueueName, calls_back
from router.domain.messages.events import (
    AgentChanged,
    AgentDismissed,
    ContactConnected,
    ContactEnded,
    ContactOverflowed,
    ContactQueued,
    Event,
    OfferClosed,
    OfferMade,
)
from router.domain.record import BillingRecord, OfferFact, OfferResult, Outcome

_TRANSFER = "acd-transfer"
"The dialplan's context that blind transfers land in."
_RINGS_IN_VAIN = {
    OfferResult.MISSED: "RINGNOANSWER",
    OfferResult.REJECTED: "RINGNOANSWER",
    OfferResult.BUSY: "RINGNOANSWER",
    OfferResult.UNREGISTERED: "RINGNOANSWER",
    OfferResult.FAILED: "RINGNOANSWER",
    OfferResult.CALLER_LEFT: "RINGCANCELED",
}
_EXITS = {
    "wait": "EXITWITHTIMEOUT",
    "early-media": "EXITWITHTIMEOUT",
    "key": "EXITWITHKEY",
    "callback": "EXITWITHKEY",
}
"Why callers went on who stood in line; for other reasons they are also turned away at the door."


class Translation:
    """Give it every event in order. Pure but for what it keeps of live contacts and of who is logged in."""

    def __init__(self, enquiry: Enquiry, *, own: AbstractSet[str] = frozenset(), agent_prefix: str = "") -> None:
        """`own`: agents and campaigns that are not told of. `agent_prefix`: what reports have before an agent's id."""
        self._enquiry = enquiry
        self._own = own
        self._prefix = agent_prefix
        self._members = Members(enquiry, agent_prefix)
        self._places = Places()
        self._stays: dict[ContactId, Stay] = {}
        self._answered: OfferFact | None = None
        "The offer that was answered last: the talk it led to is told of next."
        self._rung: dict[ContactId, dict[OfferId, tuple[AgentId, Micros]]] = {}
        "Of who is offered to somebody: to whom, and since when."
        self._told: set[OfferId] = set()
        "Rings whose end was told before their offer's."
        self._of_places: set[OfferId] = set()
        "Rule 6."

    @property
    def kept(self) -> int:
        """Contacts and offers of which something is kept."""
        return len(self._stays) + len(self._rung) + len(self._told) + len(self._of_places)

    def lines(self, event: Event, now: Micros) -> list[str]:
        """What this event adds to the log."""
        match event:
            case AgentChanged():
                return [] if event.agent_id in self._own else self._members.changed(event, now)
            case OfferMade():
                self._rung.setdefault(event.contact_id, {})[event.offer_id] = event.agent_id, now
                if calls_back(event.contact_id) and self._enquiry.is_place(event.contact_id):
                    self._of_places.add(event.offer_id)
                return []
            case OfferClosed():
                return self._offer_closed(event.fact, now)
            case ContactQueued():
                return self._queued(event, now)
            case ContactConnected():
                return self._connected(event, now)
            case ContactEnded():
                return self._ended(event.record, now)
            case ContactOverflowed():
                return self._overflowed(event, now)
            case AgentDismissed():
                return self._members.left(event.agent_id, now)
            case _:
                return []

    def found(self, picture: AgentChanged, now: Micros) -> list[str]:
        """An agent as they stood when we began."""
        return [] if picture.agent_id in self._own else self._members.changed(picture, now, call=BEFORE)

    # ---- the caller ----

    def _queued(self, event: ContactQueued, now: Micros) -> list[str]:
        if self._is_own(event.queue):
            return []
        call, told = event.contact_id, []
        stay = self._stays.get(call)
        if stay is not None:
            if stay.waits and stay.queue == event.queue:
                return []  # they stand there already
            told = self._moved(call, stay, event.queue, now)
        since_at = event.arrived_at if stay is None else now
        stay = self._stays[call] = self._places.enter(event.queue, since_at, event.arrived_at)
        caller = self._enquiry.caller(call)
        ani, dnis = ("", "") if caller is None else (caller.ani, caller.dnis)
        if dnis:
            told.append(line_of(now, call, stay.queue, NOBODY, "DID", dnis))
        told.append(line_of(now, call, stay.queue, NOBODY, "ENTERQUEUE", "", ani, stay.position))
        return told

    def _moved(self, call: ContactId, stay: Stay, to: QueueName, now: Micros) -> list[str]:
        """Waits now, in `to`, or was not let in there, and was known otherwise."""
        if stay.waits:
            return self._exit(call, stay, "EXITEMPTY", now, now)
        if not stay.talks:
            return []
        stay.over = True
        hold, talk = seconds(stay.since_at, stay.talk_at), seconds(stay.talk_at, now)
        if to == stay.queue:
            return [self._by_agent(call, stay, now, "COMPLETEAGENT", hold, talk, stay.position)]
        caller = self._enquiry.caller(call)
        dialled = to if caller is None or not caller.transferred_to else caller.transferred_to
        return [self._by_agent(call, stay, now, "BLINDTRANSFER", dialled, _TRANSFER, hold, talk, stay.position)]

    def _connected(self, event: ContactConnected, now: Micros) -> list[str]:
        if self._is_own(event.queue):
            return []
        stay = self._stay(event.contact_id, event.queue, now)
        self._places.leave(stay)
        stay.agent_id, stay.talk_at, stay.over = event.agent_id, now, False
        hold, leg, ring = seconds(stay.since_at, now), "", 0
        offer, self._answered = self._answered, None
        if offer is not None and offer.contact_id == event.contact_id:
            leg, ring = offer.offer_id, (offer.to_at - offer.from_at) // SECOND
        return [self._by_agent(event.contact_id, stay, now, "CONNECT", hold, leg, ring)]

    def _overflowed(self, event: ContactOverflowed, now: Micros) -> list[str]:
        if self._is_own(event.queue):
            return []
        call, stay = event.contact_id, self._stays.get(event.contact_id)
        if stay is None and event.why not in _EXITS:
            return []  # not let in
        stay = stay or self._stay(call, event.queue, now)
        if stay.waits:
            return self._exit(call, stay, _EXITS.get(event.why, "EXITEMPTY"), now, now)
        return self._moved(call, stay, event.queue, now)

    def _ended(self, record: BillingRecord, now: Micros) -> list[str]:
        stay = self._stays.pop(record.contact_id, None) or recalled(record)
        if stay is None or stay.over or self._is_own(stay.queue):
            return []
        if stay.waits:
            event = "EXITEMPTY" if record.outcome is Outcome.SYSTEM else "ABANDON"
            cancelled = self._cancelled(record.contact_id, stay.queue, now)
            return [*cancelled, *self._exit(record.contact_id, stay, event, waited_until(record), now)]
        event = "COMPLETECALLER" if ended_by_caller(record) else "COMPLETEAGENT"
        hold, talk = seconds(stay.since_at, stay.talk_at), seconds(stay.talk_at, talked_until(record))
        return [self._by_agent(record.contact_id, stay, now, event, hold, talk, stay.position)]

    def _offer_closed(self, fact: OfferFact, now: Micros) -> list[str]:
        rung = self._rung.get(fact.contact_id)
        if rung is not None and rung.pop(fact.offer_id, None) is not None and not rung:
            del self._rung[fact.contact_id]
        is_of_place = fact.offer_id in self._of_places
        self._of_places.discard(fact.offer_id)
        if fact.offer_id in self._told:
            self._told.discard(fact.offer_id)
            return []
        if self._is_own(fact.queue):
            return []
        if fact.result is OfferResult.ANSWERED:
            self._answered = fact
        event = _RINGS_IN_VAIN.get(fact.result)
        if event is None or is_of_place:
            return []
        return [self._rang(fact.contact_id, fact.queue, fact.agent_id, event, fact.to_at - fact.from_at, now)]

    def _cancelled(self, call: ContactId, queue: QueueName, now: Micros) -> list[str]:
        """Rule 5."""
        told: list[str] = []
        for offer_id, (agent_id, since_at) in self._rung.get(call, {}).items():
            if self._enquiry.is_let_go(offer_id):
                self._told.add(offer_id)
                told.append(self._rang(call, queue, agent_id, "RINGCANCELED", now - since_at, now))
        return told

    def _rang(self, call: ContactId, queue: QueueName, who: AgentId, event: str, rang: Micros, now: Micros) -> str:
        return line_of(now, call, queue, self._prefix + who, event, rang // 1000)

    # ---- their stay ----

    def _stay(self, call: ContactId, queue: QueueName, now: Micros) -> Stay:
        """As it was told to us; else it began before our time, when the caller arrived."""
        stay = self._stays.get(call)
        if stay is None:
            caller = self._enquiry.caller(call)
            arrived_at = now if caller is None else caller.arrived_at
            stay = self._stays[call] = self._places.enter(queue, arrived_at, arrived_at)
        return stay

    def _exit(self, call: ContactId, stay: Stay, event: str, until_at: Micros, now: Micros) -> list[str]:
        position = self._places.of(stay)
        self._places.leave(stay)
        stay.over = True
        data = (position, stay.position, seconds(stay.since_at, until_at))
        caller = self._enquiry.caller(call) if event == "EXITWITHKEY" else None
        key = ("" if caller is None else caller.pressed,) if event == "EXITWITHKEY" else ()
        return [line_of(now, call, stay.queue, NOBODY, event, *key, *data)]

    def _by_agent(self, call: ContactId, stay: Stay, now: Micros, event: str, *data: object) -> str:
        agent = self._prefix + stay.agent_id if stay.agent_id else NOBODY
        return line_of(now, call, stay.queue, agent, event, *data)

    def _is_own(self, queue: QueueName) -> bool:
        return queue.partition("/")[0] in self._own  # a queue is named after its campaign
