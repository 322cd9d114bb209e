"""Judges a simulated day from outside: what the engine decided, against what really happened.

The judge keeps its own book of what people asked for and of who was entitled, and reads the true lives of the callers
from the modelled Asterisk. The floor is looked at for two things only: its invariants, and who stood in line when.
"""

import hashlib
from collections import Counter
from itertools import pairwise

from router.domain.benches.agent import RONA, Agent, Status
from router.domain.benches.queue import Queue
from router.domain.contacts.contact import ContactState, skips
from router.domain.floor import Floor
from router.domain.ids import SECOND, AgentId, ContactId, LegId, Micros, OfferId
from router.domain.messages.commands import Command, Entitle, LogIn, LogOut, Pause, Unpause
from router.domain.messages.effects import AnswerPhone, Effect
from router.domain.messages.events import AgentChanged, ContactEnded, Event, InvariantFailed, OfferClosed, OfferMade
from router.domain.messages.observations import PhoneAsked
from router.domain.record import BillingRecord, Outcome, SegmentKind
from router.domain.rulebook.entitlement import Entitlement
from router.domain.truth.invariants import broken
from router.simulation.asterisk import Asterisk
from router.simulation.calling_back import promise_of
from router.simulation.dialplan import AFTER_US
from router.simulation.legs import Leg, Place, TrueLife, TrueTalk
from router.simulation.promises import Promises

KNOWN_BY_THEN_US = 3 * SECOND
"What a phone has done for this long must be known to the router, if it could see."
_UNWRITTEN_US = SECOND
"What a router learned in its last moments may be on no paper."
_KEPT = 20
KINDS = ("lost", "double_offers", "double_bills", "missing_bills", "broken")
"What a fault means to those who are served and those who pay; `broken` is every other."


class Judge:
    def __init__(self, floor: Floor, asterisk: Asterisk, slack_us: Micros) -> None:
        self._floor = floor
        self._asterisk = asterisk
        self._slack_us = slack_us
        "By how much a segment's begin may differ from the truth: as late as an observation can be."
        self.faults: list[str] = []
        self.fault_count = 0
        self.kinds: Counter[str] = Counter()
        self.records: dict[ContactId, BillingRecord] = {}
        self.offers: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self._open_offers: dict[OfferId, AgentId] = {}
        self._away: dict[AgentId, str] = {}
        self.entitled: dict[AgentId, Entitlement] = {}
        self._dialled_by: dict[LegId, AgentId] = {}
        self._answers: dict[LegId, str] = {}
        self._billed: set[ContactId] = set()
        "Whose record was on disk when their router died, and whose end was not in the journal yet."
        self._digest = hashlib.sha256()
        self.promises = Promises(asterisk, floor, self.blame)

    def blame(self, what: str, kind: str = "broken") -> None:
        """`kind` is one of `KINDS`."""
        self.fault_count += 1
        self.kinds[kind] += 1
        if len(self.faults) < _KEPT:
            self.faults.append(f"{self._asterisk.clock.now}: {what}")

    # ---- while it goes on ----

    def accepted(self, command: Command) -> None:
        """People's wishes, as far as the engine did not refuse them."""
        match command:
            case LogOut() | Pause():
                self._away[command.agent_id] = type(command).__name__
            case LogIn() | Unpause():
                self._away.pop(command.agent_id, None)
            case Entitle():
                self.entitled[command.agent_id] = command.entitlement

    def succeeded(self, floor: Floor, on_disk: set[ContactId], died_at: Micros) -> None:
        """Another router took over, with this floor. Records that were not on disk are not there; nor are offers that
        were not on paper, and a ring that was missed in the last moments may be forgotten."""
        self._floor = floor
        for contact_id in [contact_id for contact_id in self.records if contact_id not in on_disk]:
            self.outcomes[self.records.pop(contact_id).outcome] -= 1
        self._billed = {contact_id for contact_id in floor.contacts if contact_id in self.records}
        self.promises.succeeded(floor, died_at - _UNWRITTEN_US, forgot=False)
        self._open_offers = {offer_id: offer.agent_id for offer_id, offer in floor.offers.items()}
        for agent_id, why in list(self._away.items()):
            status = floor.agents[agent_id].status
            if why == RONA and status is not Status.PAUSED:
                del self._away[agent_id]
            elif status is Status.READY and floor.agents[agent_id].next_status is None:
                self.blame(f"{agent_id} was told {why}, and the successor does not know")

    def dialled(self, seen: PhoneAsked) -> None:
        self._dialled_by[seen.leg] = self._floor.by_endpoint[seen.endpoint].profile.agent_id

    def decided(self, events: list[Event], effects: list[Effect], digest: bool) -> None:
        if digest:
            self._digest.update(f"{self._asterisk.clock.now} {events!r} {effects!r}\n".encode())
        for effect in effects:
            if isinstance(effect, AnswerPhone):
                if effect.leg in self._answers:
                    self.blame(f"{effect.leg} was answered twice")
                self._answers[effect.leg] = effect.result
                self._told(self._dialled_by[effect.leg], effect.result)
        for event in events:
            self.promises.heard(event)
            match event:
                case OfferMade():
                    self._offer_made(event)
                case OfferClosed(fact=fact):
                    self.offers[fact.result] += 1
                    if self._open_offers.pop(fact.offer_id, None) is None:
                        self.blame(f"offer {fact.offer_id} was closed without being open")
                case ContactEnded(record=record):
                    self._ended(record)
                case AgentChanged(agent_id=agent_id, status=Status.PAUSED, reason=reason) if reason == RONA:
                    self._away[agent_id] = RONA
                case AgentChanged(agent_id=agent_id, status=Status.READY, next_status=None) if (
                    self._away.get(agent_id) == RONA
                ):
                    del self._away[agent_id]
                case InvariantFailed(what=what):
                    self.blame(what)

    def _told(self, agent_id: AgentId, result: str) -> None:
        """What a feature code's answer says is what the agent may rely on."""
        if result in ("logged-out", "paused", "paused-after-call"):
            self._away[agent_id] = result
        elif result in ("logged-in", "not-on-shift", "unpaused"):
            self._away.pop(agent_id, None)

    def look(self, now: Micros) -> None:
        """Ask the floor for its invariants, and whether it believes what has been true for a while."""
        for fault in broken(self._floor, now):
            self.blame(fault)
        if self._can_see(now):
            for leg in self._asterisk.legs.values():
                if now - leg.moved_at > KNOWN_BY_THEN_US:
                    self._compare(leg)
            for phone in self._asterisk.phones.values():
                believed = self._floor.by_endpoint[phone.endpoint].reachable
                if now - phone.reach_changed_at > KNOWN_BY_THEN_US and believed is not phone.reachable:
                    self.blame(f"{phone.endpoint} has reach {phone.reachable} and is believed {believed}")

    def _can_see(self, now: Micros) -> bool:
        wire = self._asterisk.wire
        return wire.up and now - wire.up_since > KNOWN_BY_THEN_US

    def _compare(self, leg: Leg) -> None:
        floor = self._floor
        contact = floor.contacts.get(leg.contact_id) if leg.contact_id is not None else None
        believed = "gone" if contact is None else str(contact.state)
        if contact is not None and self._asterisk.clock.now - contact.news_at < KNOWN_BY_THEN_US:
            return
        match leg.place:
            case Place.WAIT if contact is None or not contact.is_waiting:
                self.blame(f"{leg.leg} waits and is believed {believed}")
            case Place.FALLBACK | Place.CLOSING if contact is None or contact.is_waiting:
                self.blame(f"{leg.leg} is in {leg.place} and is believed {believed}")
            case Place.BRIDGE if leg.life is None:
                talk = floor.assignments.get(leg.leg)
                if talk is None or talk.contact_id != leg.contact_id:
                    self.blame(f"{leg.leg} talks and {leg.agent_id} is believed to be elsewhere")
            case Place.BRIDGE if contact is None or contact.state is not ContactState.CONNECTED:
                self.blame(f"{leg.leg} talks and is believed {believed}")
            case Place.PRIVATE | Place.FEATURE if leg.leg not in floor.private:
                self.blame(f"{leg.leg} is a private leg and not known as one")

    def _offer_made(self, made: OfferMade) -> None:
        now, floor, agent_id = self._asterisk.clock.now, self._floor, made.agent_id
        if made.offer_id in self._open_offers:
            self.blame(f"offer {made.offer_id} was made twice", "double_offers")
        if agent_id in self._open_offers.values():
            self.blame(f"{agent_id} was offered {made.contact_id} while another offer was open", "double_offers")
        self._open_offers[made.offer_id] = agent_id
        if agent_id in self._away:
            self.blame(f"{agent_id} was offered {made.contact_id} in spite of {self._away[agent_id]}")
        queue = floor.queues[made.queue]
        entitled = self.entitled.get(agent_id)
        if entitled is not None and not entitled.allows(queue.rules.campaign, now):
            self.blame(f"{agent_id} was offered {made.contact_id} without being entitled")
        agent = floor.agents[agent_id]
        if not any(row.need.matches(agent.profile.skills) for line in queue.all_lines for row in line.rows):
            self.blame(f"{agent_id} was offered {made.contact_id} without the skills")
        self._phone_was_free(agent, now)
        if self.promises.may_take_a_place(made.contact_id):
            return
        mine = self._age(made.contact_id, queue)
        rank = agent.post(made.queue).priority
        for served in agent.serves:
            if agent.post(served.queue.rules.name).priority < rank:
                continue  # they take those of another queue before all of this one
            for other in served.queue.in_line():
                if other.awaits is not None and other.awaits != agent_id:
                    continue
                if other.news_at == now or (other.row is not None and other.row.index < served.index):
                    continue  # came into this line in the same instant, maybe a moment after the offer was made
                older = self._age(other.contact_id, served.queue) < mine and not skips(other, agent_id, now)
                if older and not self.promises.may_take_a_place(other.contact_id):
                    self.blame(f"{made.contact_id} was offered to {agent_id} before {other.contact_id}")

    def _age(self, contact_id: ContactId, queue: Queue) -> Micros:
        """When they truly arrived, moved forward by the priority of where they wait."""
        rules = queue.rules
        return self._asterisk.lives[promise_of(contact_id)].arrived_at - rules.priority * rules.priority_point_us

    def _phone_was_free(self, agent: Agent, now: Micros) -> None:
        phone = self._asterisk.phones[agent.profile.endpoint]
        known_since = now - KNOWN_BY_THEN_US
        if not self._can_see(now):
            return
        if phone.private_since is not None and phone.private_since < known_since:
            self.blame(f"{agent.profile.agent_id} was offered something during a private call")
        if not phone.reachable and phone.reach_changed_at < known_since:
            self.blame(f"{agent.profile.agent_id} was offered something without a phone")

    # ---- records against true lives ----

    def _ended(self, record: BillingRecord) -> None:
        if record.contact_id in self._billed:
            self._billed.discard(record.contact_id)  # the ledger keeps the first: its key is the contact's id
            return
        if record.contact_id in self.records:
            self.blame(f"{record.contact_id} has two records", "double_bills")
        self.records[record.contact_id] = record
        self.outcomes[record.outcome] += 1
        life = self._asterisk.lives.get(record.contact_id)
        if life is None:
            self.blame(f"{record.contact_id} has a record and never called")
        elif life.ended_at is None:
            self.blame(f"{record.contact_id} was ended and lives on")
        else:
            for fault in _record_faults(record, life, self._slack_us):
                self.blame(f"{record.contact_id} {fault}")

    def close_the_book(self, now: Micros) -> None:
        """Everybody has gone home: nothing may be left over."""
        floor = self._floor
        for contact_id, life in self._asterisk.lives.items():
            if life.ended_at is None:
                self.blame(f"{contact_id} is still on the line", "lost")
            elif contact_id not in self.records and (life.known or not life.blind):
                self.blame(f"{contact_id} has no record", "missing_bills")
        left: dict[str, int] = {
            "contacts": len(floor.contacts),
            "offers": len(floor.offers) + len(self._open_offers),
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
        self.promises.close_the_book(floor)
        if timers := self.timers_left():
            self.blame(f"{timers} timers are left")
        self.look(now)

    def timers_left(self) -> int:
        """Those that should end with the day: not the sweep."""
        floor = self._floor
        return len(floor.timers) - sum(("sweep", node) in floor.timers for node in floor.nodes)

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()


def _record_faults(record: BillingRecord, life: TrueLife, slack_us: Micros) -> list[str]:
    faults = []
    ended_at = life.ended_at or 0
    segments = record.segments
    if any(one.to_at != two.from_at for one, two in pairwise(segments)):
        faults.append("has gaps or overlaps between its segments")
    if any(s.from_at >= s.to_at for s in segments) and len(segments) > 1:
        faults.append("has an empty segment")
    if (record.arrived_at, record.ended_at) != (segments[0].from_at, segments[-1].to_at):
        faults.append("is not covered by its segments")
    called = life.answered_at is not None and life.blind  # maybe their leg was seen late
    if record.arrived_at != life.arrived_at and not (called and life.arrived_at <= record.arrived_at <= ended_at):
        faults.append(f"arrived at {life.arrived_at}, not {record.arrived_at}")
    if record.end_estimated:
        if record.ended_at < ended_at:
            faults.append("is said to have ended before it did")
    elif record.ended_at != ended_at:
        faults.append(f"ended at {ended_at}, not {record.ended_at}")
    if (record.answered_at is not None) is not (record.outcome is Outcome.ANSWERED):
        faults.append(f"is {record.outcome} with answered_at {record.answered_at}")
    if life.blind:
        return faults
    said = [(s.agent_id, s.from_at, s.to_at) for s in _talks(record)]
    true = [talk for talk in life.talks if (talk.to_at or 0) - talk.from_at > slack_us]
    if len(said) < len(true) or len(said) > len(life.talks):
        faults.append(f"has {len(said)} talks, there were {len(life.talks)}")
    elif len(said) == len(life.talks):
        for (agent_id, from_at, to_at), talk in zip(said, life.talks, strict=True):
            if agent_id != talk.agent_id:
                faults.append(f"says {agent_id} talked, it was {talk.agent_id}")
            if abs(from_at - talk.from_at) > slack_us:
                faults.append(f"has a talk from {from_at}, it began at {talk.from_at}")
            truly_to = talk.to_at or 0
            if not truly_to - slack_us <= to_at <= (talk.after_until_at or truly_to) + slack_us:
                faults.append(f"has a talk until {to_at}, it ended at {truly_to}")
    held = sum(s.to_at - s.from_at for s in segments if s.kind is SegmentKind.HOLD)
    truly_held = sum(_held(talk) for talk in life.talks)
    after = AFTER_US if any(talk.after_until_at for talk in life.talks) else 0
    if not truly_held - slack_us * 4 <= held <= truly_held + after + slack_us * 4:
        faults.append(f"has {held} µs of hold, there were {truly_held}")
    return faults


def _talks(record: BillingRecord) -> list["_Said"]:
    """Talk and hold with the same agent in a row are one talk."""
    talks: list[_Said] = []
    going_on = False
    for segment in record.segments:
        if segment.kind in (SegmentKind.TALK, SegmentKind.HOLD):
            if going_on and talks[-1].agent_id == segment.agent_id:
                talks[-1].to_at = segment.to_at
            else:
                talks.append(_Said(segment.agent_id, segment.from_at, segment.to_at))
            going_on = True
        else:
            going_on = False
    return talks


class _Said:
    """A talk as the record tells it."""

    __slots__ = ("agent_id", "from_at", "to_at")

    def __init__(self, agent_id: AgentId | None, from_at: Micros, to_at: Micros) -> None:
        self.agent_id = agent_id
        self.from_at = from_at
        self.to_at = to_at


def _held(talk: TrueTalk) -> Micros:
    total, since_at = 0, None
    for at, on in [*talk.holds, (talk.to_at or 0, False)]:
        if on and since_at is None:
            since_at = at
        elif not on and since_at is not None:
            total, since_at = total + at - since_at, None
    return total
