"""The engine: four verbs over the floor. It decides; it never asks the clock, rolls dice, awaits or talks to anybody.

    handle(command | observation, now)   asked | seen
    next_timer() / handle_timer(now)     deadlines are data
    drain() → (events, effects)          decided | to be done

The same inputs in the same order give the same outputs, whatever the hash seed: nothing here iterates over a set.
A command that cannot be carried out raises `CommandRefused` and changes nothing; an observation never raises.
"""

from collections.abc import Callable
from typing import Any

from router.domain import matching, new_rules, switchboard
from router.domain.benches import seating
from router.domain.benches.agent import Agent
from router.domain.calls import calling, departure, offering, talk
from router.domain.contacts.contact import ContactState
from router.domain.errors import CommandRefused
from router.domain.floor import Floor
from router.domain.ids import CampaignName, ContactId, Micros
from router.domain.lobby import doors, exits, meanwhile, reception, transfer
from router.domain.messages.commands import (
    CancelCallback,
    Command,
    Configure,
    Dismiss,
    Engage,
    Enrol,
    Entitle,
    ExtendWrapUp,
    FinishWrapUp,
    GiveDisposition,
    HangUp,
    LogIn,
    LogOut,
    Pause,
    Prioritise,
    RecallServed,
    Remember,
    Reopen,
    SetCallTimes,
    SetDays,
    SetHours,
    Shut,
    StopOffering,
    Unpause,
)
from router.domain.messages.effects import Effect
from router.domain.messages.events import CallRefused, Event, PoolLost
from router.domain.messages.observations import (
    AgentReady,
    CallbackConfirmed,
    CallerFellBack,
    CallerKeyed,
    CallerNotTaken,
    CallerReturned,
    CallerSentOff,
    CallerTransferred,
    CallTurnedAway,
    ContactArrived,
    CustomerNotCalled,
    EndpointSeen,
    HangupAsked,
    LegAnswered,
    LegAppeared,
    LegBridged,
    LegEnded,
    LegHeld,
    LegRinging,
    LegUnbridged,
    LegUnheld,
    MessageRecorded,
    NodeLost,
    Observation,
    OfferTurnedAway,
    OriginateFailed,
    OwnerSeen,
    PhoneAsked,
    PhonesSeen,
    PromiseWritten,
    Resynced,
    TalkBegins,
)
from router.domain.pictures.picture import Picture, picture_of
from router.domain.record import EndedBy, Outcome
from router.domain.rulebook.rules import MOST_POINTS, Rules
from router.domain.staff import aftermath, engagement, pauses, roster, wrapup
from router.domain.truth import phones, resync
from router.domain.waiting import acquaintance, urgency, waiting_room

Handler = Callable[[Floor, Any, Micros], None]
_TOGETHER = ("row", "promise")
"Deadlines of an instant that change who stands in line: nobody is offered before all of them have."


class Engine:
    def __init__(self, rules: Rules, *, journalled: bool = False) -> None:
        self.floor = Floor(rules)
        self._journalled = journalled
        new_rules.configure(self.floor, Configure(rules=rules), 0)

    def handle(self, message: Command | Observation, now: Micros) -> None:
        """Take in one command or observation and decide what follows from it."""
        floor = self.floor
        if floor.lost:
            if not isinstance(message, Observation):
                raise CommandRefused("pool-lost", "Another router owns the pool now: give the command there.")
            return
        if floor.calendar.may_be_due(now):
            self._turn_pages(now)
        _HANDLERS[type(message)](floor, message, now)
        # after most of what is seen there is none
        if floor.freed or floor.seeking or floor.returned or floor.thinned or floor.released or floor.crowded:
            _settle(floor, now)

    def next_timer(self) -> Micros | None:
        """When `handle_timer` must be called next, or None; on a floor that is lost nothing is due any more."""
        floor = self.floor
        if floor.lost:
            return None
        due, edge = floor.timers.next_at(), floor.calendar.next_at()
        return due if edge is None or (due is not None and due <= edge) else edge

    def handle_timer(self, now: Micros) -> None:
        """Do everything that is due."""
        floor = self.floor
        if floor.lost:
            return
        self._turn_pages(now)
        while (key := floor.timers.pop_due(now)) is not None and not floor.lost:
            _DEADLINES[key[0]](floor, key[1], now)
            # all rows of an instant open, and all who may be called again stand in line, then the line moves
            if key[0] not in _TOGETHER or not floor.timers.next_is(key[0], now):
                _settle(floor, now)

    def _turn_pages(self, now: Micros) -> None:
        """The calendar comes first: nobody is offered anything after their shift, whatever was seen before its end.

        All of an instant together: where one shift follows another nobody has gone.
        """
        floor = self.floor
        if not floor.calendar.may_be_due(now):
            return
        while (key := floor.calendar.pop_due(now)) is not None:
            _DEADLINES[key[0]](floor, key[1], now)
        _settle(floor, now)

    def drain(self) -> tuple[list[Event], list[Effect]]:
        """Take what was decided since the last call. Agents that changed are told once, as they are now."""
        floor = self.floor
        if floor.touched:
            for agent in floor.touched:
                _tell(floor, agent)
                floor.unwritten[agent] = None
            floor.touched.clear()
        if not self._journalled:
            floor.unwritten.clear()
        events, floor.events = floor.events, []
        effects, floor.effects = floor.effects, []
        return events, effects

    def pictures(self) -> list[Picture]:
        """Everybody who changed since the last call, as they stand now: a state the floor really had.

        Only of an engine that is `journalled`.
        """
        floor = self.floor
        changed, floor.unwritten = floor.unwritten, {}
        return [picture_of(floor, who) for who in changed if not (isinstance(who, Agent) and who.profile.dial)]


def _settle(floor: Floor, now: Micros) -> None:
    if floor.returned or floor.thinned:
        meanwhile.look(floor, now)
    if floor.crowded:
        seating.give_lines(floor, now)
    if floor.freed or floor.seeking:
        matching.settle(floor, now)
    while floor.released:
        calling.let_in(floor, now)
        matching.settle(floor, now)


def _tell(floor: Floor, agent: Agent) -> None:
    if agent.profile.dial:
        return  # no person: nobody is told, so that nobody counts it among the agents
    visible = agent.visible()
    if visible != agent.told:
        changed_status = agent.told is None or agent.told[:4] != visible[:4]  # the one put off, too
        agent.told = visible
        floor.emit(agent.picture(changed_status, visible))


# ---- commands ----


def _hang_up(floor: Floor, asked: HangUp, now: Micros) -> None:
    contact = floor.contacts.get(asked.contact_id)
    if contact is None or contact.place:
        raise _unknown(asked.contact_id)
    contact.ended_by = EndedBy.SYSTEM
    floor.stir(contact)
    departure.leave(floor, contact, Outcome.SYSTEM, now)
    departure.release(floor, contact)


def _prioritise(floor: Floor, asked: Prioritise, now: Micros) -> None:
    contact = floor.contacts.get(asked.contact_id)
    if contact is None:
        raise _unknown(asked.contact_id)
    if abs(asked.priority) > MOST_POINTS:
        raise CommandRefused(
            "priority-invalid", f"A priority is between -{MOST_POINTS} and {MOST_POINTS}.", priority=asked.priority
        )
    contact.priority = asked.priority
    floor.stir(contact)
    if contact.turn:
        floor.step_out(contact)
        floor.line_up(contact, now)


def _unknown(contact_id: ContactId) -> CommandRefused:
    return CommandRefused("contact-unknown", f"There is no contact {contact_id} now.", contact_id=contact_id)


def _stop_offering(floor: Floor, asked: StopOffering, now: Micros) -> None:
    floor.offering = False


# ---- observations of no leg ----


def _call_refused(floor: Floor, seen: CallTurnedAway, now: Micros) -> None:
    campaign = seen.campaign if seen.campaign in floor.rules.campaigns else CampaignName("")
    floor.emit(CallRefused(dialled=seen.dialled, reason=seen.reason, campaign=campaign))


def _owner_seen(floor: Floor, seen: OwnerSeen, now: Micros) -> None:
    floor.lost = True
    floor.emit(PoolLost(epoch=seen.epoch))


def _node_lost(floor: Floor, seen: NodeLost, now: Micros) -> None:
    resync.node_lost(floor, seen.node, now)


def _skip_deadline(floor: Floor, key: Any, now: Micros) -> None:
    contact = floor.contacts.get(key[0])
    if contact is not None:
        contact.skips.pop(key[1], None)
        floor.stir(contact)
        if contact.state is ContactState.QUEUED:
            floor.seeking.append(contact)


def _row_deadline(floor: Floor, contact_id: Any, now: Micros) -> None:
    contact = floor.contacts.get(contact_id)
    if contact is not None:
        floor.open_rows(contact, now)


_HANDLERS: dict[type, Handler] = {
    Configure: new_rules.configure,
    Enrol: roster.enrol,
    Dismiss: roster.dismiss,
    Entitle: roster.entitle,
    LogIn: roster.change_status,
    LogOut: roster.change_status,
    Pause: roster.change_status,
    Unpause: roster.change_status,
    Remember: roster.remember,
    FinishWrapUp: wrapup.finish,
    GiveDisposition: wrapup.give_disposition,
    ExtendWrapUp: wrapup.extend,
    Engage: engagement.engage,
    Prioritise: _prioritise,
    RecallServed: acquaintance.recall,
    SetHours: doors.set_hours,
    SetDays: roster.set_days,
    Shut: doors.shut,
    Reopen: doors.reopen,
    HangUp: _hang_up,
    CancelCallback: calling.cancel,
    SetCallTimes: calling.set_call_times,
    StopOffering: _stop_offering,
    ContactArrived: reception.arrived,
    LegAppeared: switchboard.leg_appeared,
    LegRinging: switchboard.leg_ringing,
    LegAnswered: switchboard.leg_answered,
    LegBridged: talk.bridged,
    LegUnbridged: talk.unbridged,
    LegHeld: switchboard.leg_held,
    LegUnheld: switchboard.leg_held,
    HangupAsked: switchboard.hangup_asked,
    LegEnded: switchboard.leg_ended,
    OriginateFailed: offering.originate_failed,
    TalkBegins: offering.talk_begins,
    OfferTurnedAway: offering.turned_away,
    CallerReturned: departure.returned,
    CallerTransferred: transfer.transferred,
    CallerKeyed: switchboard.caller_keyed,
    CallerSentOff: departure.sent_off,
    CallerNotTaken: exits.not_taken,
    MessageRecorded: exits.message_recorded,
    CallerFellBack: departure.fell_back,
    CallbackConfirmed: calling.confirmed,
    PromiseWritten: calling.written,
    AgentReady: calling.agent_ready,
    CustomerNotCalled: calling.not_called,
    CallTurnedAway: _call_refused,
    PhoneAsked: roster.phone_asked,
    EndpointSeen: roster.endpoint_seen,
    OwnerSeen: _owner_seen,
    Resynced: resync.resynced,
    PhonesSeen: phones.phones_seen,
    NodeLost: _node_lost,
}

_DEADLINES: dict[str, Handler] = {
    "ring": offering.ring_deadline,
    "talk": offering.talk_deadline,
    "rescind": offering.rescind_deadline,
    "leg": talk.leg_deadline,
    "wait": reception.wait_deadline,
    "treat": waiting_room.treat_deadline,
    "row": _row_deadline,
    "kept": acquaintance.kept_deadline,
    "alarm": urgency.alarm_deadline,
    "return": transfer.return_deadline,
    "call": transfer.call_deadline,
    "early": exits.early_deadline,
    "promise": calling.promise_deadline,
    "sweep": resync.sweep_deadline,
    "node": resync.node_given_up,
    "wrapup": wrapup.deadline,
    "pause": pauses.deadline,
    "retry": aftermath.retry_deadline,
    "engaged": engagement.deadline,
    "skip": _skip_deadline,
    "held": roster.held_deadline,
    "entitlement": roster.entitlement_edge,
    "day": roster.day_edge,
    "door": doors.door_edge,
}
