"""Asterisk's truth after a (re)connect, against ours. Asterisk wins.

A snapshot is taken while the floor goes on: what we learned after it was asked for is not contradicted by it, and a leg
that ended since then is not adopted. Every difference is told and then repaired by the same steps an observation would
have taken.

What is adopted: callers in `waiting` or `offered` (at their age), talks in `talking`. One in `fallback` or `rescue`
is somebody else's. A ringing agent's leg that nobody here asked for is hung up: its offer died with its router.
"""

from collections.abc import Iterable

from router.domain.calls.departure import caller_ended, fell_back, returned, send_off, went_out
from router.domain.calls.offering import answered, appeared, leg_ended, rescind, rings
from router.domain.calls.owing import close, comes_again, is_called_already, owed_by, picked_up, step_aside
from router.domain.calls.talk import begin_assignment, bridged, taken_up, talk_ended
from router.domain.contacts.assignment import Assignment, AssignmentState
from router.domain.contacts.callback import PromiseEnd
from router.domain.contacts.contact import Contact, ContactState
from router.domain.contacts.offer import Offer, OfferState
from router.domain.contacts.particulars import checked
from router.domain.floor import Floor
from router.domain.ids import ContactId, LegId, Micros, OfferId, QueueName, calls_back
from router.domain.lobby.reception import enter_queue, was_answered, welcome
from router.domain.messages.effects import EndLeg, LookAgain, SendCaller
from router.domain.messages.observations import (
    CallerFellBack,
    CallerReturned,
    LegAnswered,
    LegAppeared,
    LegBridged,
    LegEnded,
    LegRinging,
    LegSnapshot,
    Resynced,
)
from router.domain.record import OfferResult, SegmentKind, WrapUpEnd
from router.domain.staff.wrapup import finish_wrapup
from router.domain.truth.differences import differs
from router.domain.truth.phones import reached

_WAITING = ("waiting", "offered")
_ATTEMPTS_AN_EPOCH = 1000
"More than any contact can have while one router owns it; an offer's id is unique for ever in the ledger."


class Living(dict[LegId, LegSnapshot]):
    """The legs of a snapshot, with the agents' found by their caller: nobody looks through all of them for one."""

    def __init__(self, legs: Iterable[LegSnapshot]) -> None:
        super().__init__((leg.leg, leg) for leg in legs)
        self._agents: dict[ContactId, list[LegSnapshot]] = {}
        for leg in self.values():
            if leg.offer_id and leg.contact_id is not None:
                self._agents.setdefault(leg.contact_id, []).append(leg)

    def talking_to(self, caller: LegSnapshot) -> LegSnapshot | None:
        """The agent's leg in the caller's bridge."""
        return next((leg for leg in self._of(caller) if leg.bridge == caller.bridge), None)

    def last_attempt(self, caller: LegSnapshot) -> int:
        """The highest attempt number still visible: a living leg's id must not be asked for again."""
        numbers = ((leg.offer_id or "").rpartition(".")[2] for leg in self._of(caller))
        return max((int(number) for number in numbers if number.isdigit()), default=0)

    def _of(self, caller: LegSnapshot) -> Iterable[LegSnapshot]:
        return self._agents.get(caller.contact_id, ()) if caller.contact_id is not None else ()


def resynced(floor: Floor, seen: Resynced, now: Micros) -> None:
    seen_before = seen.node in floor.nodes
    floor.nodes[seen.node] = None
    floor.timers.cancel(("node", seen.node))
    living = Living(leg for leg in seen.legs if leg.leg not in floor.past)
    reached(floor, seen.reachable, seen.asked_at, now, surprising=seen_before)
    # looked at before anybody is buried: what that makes of a caller is no news of theirs
    older = {contact.contact_id: None for contact in floor.contacts.values() if contact.news_at < seen.asked_at}
    _bury(floor, seen, living, now, was_away=not seen_before)
    overtaken = False
    for leg in living.values():
        if leg.contact_id is None or leg.offer_id is not None:
            continue
        owed = owed_by(floor, leg.contact_id)
        if owed is not None and is_called_already(floor, owed, leg.contact_id, now) is not None:
            older[leg.contact_id] = None
        known = floor.contacts.get(leg.contact_id)
        if known is None:
            overtaken = overtaken or leg.contact_id in floor.unheeded
            _adopt_caller(floor, seen, leg, living, now)
        elif known.contact_id in older:
            _compare(floor, seen, known, leg, living, now)
        elif known.state is ContactState.LEAVING and leg.state in _WAITING:
            overtaken = True  # the order that sends them off may be lost, and this answer is too old to tell
    for leg in living.values():
        _other_leg(floor, seen, leg, now)
    floor.attempts_from = max(floor.attempts_from, seen.epoch * _ATTEMPTS_AN_EPOCH)
    for contact in list(floor.contacts.values()):
        if contact.node == seen.node:
            if contact.attempts < seen.epoch * _ATTEMPTS_AN_EPOCH:  # who came meanwhile may have been rung for, too
                contact.attempts = seen.epoch * _ATTEMPTS_AN_EPOCH
                floor.stir(contact)
            floor.park(contact, False, now)
    floor.unheeded.clear()
    if overtaken:  # there was news of them between the question and this answer, and it was news of nobody then
        floor.effects.append(LookAgain(node=seen.node))
    if _is_peopled(floor):
        floor.sweep(seen.node, now)


def node_lost(floor: Floor, node: str, now: Micros) -> None:
    """Its callers wait on, but nothing can be offered for them until we see the node again."""
    floor.nodes.pop(node, None)
    floor.timers.cancel(("sweep", node))
    floor.timers.set(("node", node), now + floor.rules.give_up_us)
    for contact in floor.contacts.values():
        if contact.node == node:
            floor.park(contact, True, now)


def node_given_up(floor: Floor, node: str, now: Micros) -> None:
    """It has been away too long: its calls are closed with the moment it was lost as their end, and agents are free.

    Nobody is billed for what nobody saw. Should some of them live, they are found when it is back: they wait or talk as
    everybody does, and whose phone is in use is not rung. Their record is written; the ledger keeps the first.
    """
    lost_at = now - floor.rules.give_up_us
    _bury(floor, Resynced(node=node, legs=(), asked_at=now, at=lost_at), Living(()), now, for_good=False)


def sweep_deadline(floor: Floor, node: str, now: Micros) -> None:
    """Ask for the truth while somebody is on the floor: a leg whose end got lost must not keep an agent for ever."""
    if _is_peopled(floor):
        floor.timers.set(("sweep", node), now + floor.rules.sweep_us)
        floor.effects.append(LookAgain(node=node))


def _is_peopled(floor: Floor) -> bool:
    return bool(floor.contacts or floor.offers or floor.assignments or floor.private)


def _bury(
    floor: Floor, seen: Resynced, living: "Living", now: Micros, *, was_away: bool = False, for_good: bool = True
) -> None:
    """End what we believe in and Asterisk does not have: agents' legs first, then callers, as in life.

    Not `for_good`: nobody has looked, so they may be seen again.
    """

    def ended(leg: LegId) -> LegEnded:
        if for_good:
            floor.past.add(leg)
        return LegEnded(leg=leg, cause=None, tech_cause=None, at=seen.at, estimated=True)

    def missing(leg: LegId, node: str, known_at: Micros | None) -> bool:
        return node == seen.node and known_at is not None and known_at < seen.asked_at and leg not in living

    for assignment in list(floor.assignments.values()):
        if missing(assignment.leg, assignment.node, assignment.seen_at):
            differs(floor, "talk-ended", assignment.leg, assignment.contact_id)
            ended(assignment.leg)
            talk_ended(floor, assignment, seen.at, now)
    for offer in list(floor.offers.values()):
        if missing(offer.leg, offer.node, offer.leg_seen_at):
            differs(floor, "offer-ended", offer.leg, offer.contact_id)
            ended(offer.leg)
            leg_ended(floor, offer, None, None, seen.at, now)
        elif offer.leg_seen_at is None and missing(offer.leg, offer.node, offer.made_at + floor.rules.rescind_grace_us):
            # Asked for long ago and not there: the order was lost. A younger one may still be on its way.
            differs(floor, "order-lost", offer.leg, offer.contact_id)
            leg_ended(floor, offer, None, None, seen.at, now)
        elif was_away and offer.state is OfferState.RESERVED and missing(offer.leg, offer.node, offer.made_at):
            # It went by a connection that is no more. Should it be carried out all the same, it is hung up.
            differs(floor, "order-lost", offer.leg, offer.contact_id)
            rescind(floor, offer, OfferResult.RESCINDED, now)
    for contact in list(floor.contacts.values()):
        known_at = None if contact.place and not contact.seen_at else contact.seen_at
        if missing(contact.leg, contact.node, known_at):
            differs(floor, "caller-ended", contact.leg, contact.contact_id)
            caller_ended(floor, contact, ended(contact.leg), now)
    for leg, private in list(floor.private.items()):
        if missing(leg, private.node, private.seen_at):
            differs(floor, "private-ended", leg)
            ended(leg)
            floor.vacate(leg, now)


def _compare(floor: Floor, seen: Resynced, contact: Contact, leg: LegSnapshot, living: "Living", now: Micros) -> None:
    """A caller both know, and we know nothing newer: they are where Asterisk has them."""
    if leg.up:
        was_answered(floor, contact)
        if contact.place:
            differs(floor, "customer-found", leg.leg, contact.contact_id)
            picked_up(floor, contact, seen.at, now)
    contact_id, state = contact.contact_id, contact.state
    if leg.state == "outside":
        if state is not ContactState.LEAVING:
            differs(floor, "went-out", leg.leg, contact_id)
        went_out(floor, contact, seen.at, now)
    elif leg.bridge and state is ContactState.LEAVING and _talks_on(floor, contact, leg, living):
        differs(floor, "not-sent-off", leg.leg, contact_id)
        send_off(floor, contact, now)
    elif leg.bridge:
        if state is not ContactState.CONNECTED:
            differs(floor, "talk-found", leg.leg, contact_id)
        _find_talk(floor, seen, contact, leg, living, now)
    elif leg.state == "fallback":
        if state is not ContactState.LEAVING:
            differs(floor, "fell-back", leg.leg, contact_id)
        fell_back(floor, CallerFellBack(contact_id=contact_id, reason="seen at resync", at=seen.at), now)
    elif leg.state == "after":
        if state is ContactState.LEAVING and _is_told_of(contact, leg):
            send_off(floor, contact, now)
        else:
            differs(floor, "left-alone", leg.leg, contact_id)
            _was_left(floor, seen, contact, leg, now)
    elif leg.state in _WAITING:
        if state is ContactState.CONNECTED:
            differs(floor, "still-waits", leg.leg, contact_id)
            contact.begins(SegmentKind.WAITING, seen.at)
            enter_queue(floor, contact, contact.queue, now, now)
        elif state is ContactState.LEAVING:
            differs(floor, "not-sent-off", leg.leg, contact_id)
            send_off(floor, contact, now)


def _talks_on(floor: Floor, contact: Contact, leg: LegSnapshot, living: "Living") -> bool:
    """Whether it is the very talk that was to be ended."""
    agent = floor.agents.get(contact.agent_id) if contact.agent_id is not None else None
    assignment = agent.assignment if agent is not None else None
    if assignment is None or assignment.contact_id != contact.contact_id or assignment.leg not in living:
        return False
    return living[assignment.leg].bridge == leg.bridge


def _is_told_of(contact: Contact, leg: LegSnapshot) -> bool:
    """Whether the talk that is over is in the record already; else it was missed whole, and is told of here."""
    since = contact.timeline.so_far()[-1].from_at
    heard = leg.talk_at is None or contact.timeline.is_talking or leg.talk_at <= since
    return heard and contact.answered_at is not None


def _adopt_caller(floor: Floor, seen: Resynced, leg: LegSnapshot, living: "Living", now: Micros) -> None:
    """A caller of a time before us. One whose campaign has left the rules is ours too: who talks is not touched."""
    if (
        leg.contact_id is None
        or leg.state not in (*_WAITING, "talking", "after", "fallback", "outside")
        or not leg.campaign
    ):
        return
    campaign = floor.rules.campaigns.get(leg.campaign)
    entry = QueueName(f"{leg.campaign}/") if campaign is None else campaign.entry  # no queue has such a name
    contact = Contact(
        contact_id=leg.contact_id,
        ordinal=floor.serial(),
        leg=leg.leg,
        linkedid=leg.linkedid,
        node=seen.node,
        campaign=leg.campaign,
        queue=entry,
        dnis=leg.dnis,
        ani=leg.ani,
        arrived_at=leg.arrived_at if leg.arrived_at is not None else seen.at,
        seen_at=now,
        attempts=living.last_attempt(leg),
        data=checked(leg.data),
        here_at=min(seen.at, leg.talk_at or seen.at) if calls_back(leg.contact_id) else 0,
    )
    differs(floor, "caller-found", leg.leg, leg.contact_id)
    welcome(floor, contact, up=leg.up)
    began_at = contact.here_at or contact.arrived_at
    owed = comes_again(floor, contact)
    if leg.talk_at is not None:
        contact.answered_at = max(leg.talk_at, contact.arrived_at)
    if leg.state == "outside":
        went_out(floor, contact, seen.at, now)
    elif leg.bridge:
        _find_talk(floor, seen, contact, leg, living, now)
    elif leg.state == "after":
        _was_left(floor, seen, contact, leg, now)
    elif leg.state == "fallback":
        # The dialplan serves them and nobody else may; ours is only the record of their end.
        fell_back(floor, CallerFellBack(contact_id=contact.contact_id, reason="seen at resync", at=seen.at), now)
    elif enter_queue(floor, contact, contact.queue, began_at, now, adopted=True) and leg.state == "talking":
        # It held the lock, but nobody is there to talk to: back to the music, at the old age.
        floor.effects.append(
            SendCaller(contact_id=contact.contact_id, leg=contact.leg, node=contact.node, context="acd-wait")
        )
    if owed is not None and contact.is_waiting:
        step_aside(floor, owed, contact, now)
    elif owed is not None and contact.state is ContactState.CONNECTED:
        close(floor, owed, PromiseEnd.WITHDRAWN, now)


def _was_left(floor: Floor, seen: Resynced, contact: Contact, leg: LegSnapshot, now: Micros) -> None:
    """The agent's leg ended while nobody looked. The dialplan knows how long the talk was; the rest is no talk."""
    unseen = contact.state is not ContactState.CONNECTED
    taken_up(floor, contact, leg.talk_at or seen.at, now)
    if leg.talk_at is not None and leg.after_at is not None and leg.talk_at <= leg.after_at:
        if unseen:
            contact.begins(SegmentKind.TALK, leg.talk_at, leg.agent_id)
        contact.begins(SegmentKind.WAITING, leg.after_at)
    returned(floor, CallerReturned(contact_id=contact.contact_id, at=seen.at), now)


def _find_talk(floor: Floor, seen: Resynced, contact: Contact, leg: LegSnapshot, living: "Living", now: Micros) -> None:
    """The caller is in a bridge: with an agent whose offer we know, with one we do not, or with nobody of ours."""
    at = leg.talk_at or seen.at
    other = living.talking_to(leg)
    if other is not None and other.offer_id in contact.open_offers:
        bridged(floor, LegBridged(leg=other.leg, bridge=leg.bridge, at=at), now)
        bridged(floor, LegBridged(leg=leg.leg, bridge=leg.bridge, at=at), now)
        return
    if contact.state is not ContactState.CONNECTED and not taken_up(floor, contact, at, now):
        return
    contact.bridge = leg.bridge
    if other is not None:
        floor.timers.cancel(("return", contact.contact_id))  # with somebody of ours: not to be fetched back
        _book(floor, seen, contact, other, living, at, now)


def _book(
    floor: Floor,
    seen: Resynced,
    contact: Contact,
    leg: LegSnapshot,
    living: "Living",
    at: Micros,
    now: Micros,
) -> None:
    """The talk is this agent's. What they had in hand on paper is older than what they do, so it is over."""
    known = floor.assignments.get(leg.leg)
    if known is not None and known.contact_id == contact.contact_id and known.agent_id != contact.agent_id:
        _rejoin(floor, contact, known, at)
    agent = floor.agents.get(leg.agent_id) if leg.agent_id else None
    if agent is None or known is not None:
        return
    if agent.offer is not None and agent.offer.leg not in living:
        leg_ended(floor, agent.offer, None, None, seen.at, now)
    finish_wrapup(floor, agent, now, by=WrapUpEnd.OVERTAKEN)
    if agent.offer is None and agent.assignment is None:
        begin_assignment(floor, contact, agent, leg.leg, at, now)


def _rejoin(floor: Floor, contact: Contact, known: Assignment, at: Micros) -> None:
    """The agent was known to talk to this caller; only the caller was not known: that talk is not to be ended."""
    floor.timers.cancel(("leg", known.leg))
    known.bridge, contact.agent_id = contact.bridge, known.agent_id
    contact.begins(SegmentKind.HOLD if known.state is AssignmentState.HELD else SegmentKind.TALK, at, known.agent_id)
    floor.stir(contact)


def _other_leg(floor: Floor, seen: Resynced, leg: LegSnapshot, now: Micros) -> None:
    """Legs of agents' phones that nothing here accounts for: orphaned offers, private calls, talks we cannot book."""
    if leg.leg in floor.by_leg or leg.leg in floor.assignments:
        return
    offer = floor.offers.get(OfferId(leg.leg))
    if offer is not None:
        if offer.state is OfferState.RESCINDING and not leg.bridge:
            differs(floor, "still-rings", leg.leg, offer.contact_id)
            floor.effects.append(EndLeg(leg=leg.leg, node=seen.node))
        elif offer.state is not OfferState.RESCINDING and offer.made_at < seen.asked_at:
            _heard_of(floor, seen, offer, leg, now)
        return
    if leg.offer_id is not None and not leg.bridge:
        differs(floor, "stray-leg", leg.leg, leg.contact_id)
        floor.effects.append(EndLeg(leg=leg.leg, node=seen.node))
    if leg.leg in floor.private:
        return
    agent = floor.agents.get(leg.agent_id) if leg.agent_id else floor.by_endpoint.get(leg.endpoint)
    if agent is not None and (leg.offer_id is not None or leg.contact_id is None):
        differs(floor, "phone-busy", leg.leg)
        floor.occupy(agent, leg.leg, seen.node, seen.asked_at, now)


def _heard_of(floor: Floor, seen: Resynced, offer: Offer, leg: LegSnapshot, now: Micros) -> None:
    """What the leg of a live offer did unseen: who let it ring must not be taken for a dead phone."""
    before = (offer.leg_seen_at, offer.state)
    if offer.leg_seen_at is None:
        told = LegAppeared(
            leg=leg.leg,
            endpoint=leg.endpoint,
            channel=leg.channel,
            linkedid=leg.linkedid,
            node=seen.node,
            at=seen.at,
        )
        appeared(floor, offer, told, now)
    if leg.up:
        answered(floor, offer, LegAnswered(leg=leg.leg, at=seen.at), now)
    elif leg.rings:
        rings(floor, offer, LegRinging(leg=leg.leg, at=seen.at), now)
    if (offer.leg_seen_at, offer.state) != before:
        differs(floor, "offer-found", leg.leg, offer.contact_id)
