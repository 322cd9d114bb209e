"""Promises read back from what a router wrote down before it died (recovery.py has the rules for everybody else).

Rule 1: who stood in line, or rested, stands in line again once Asterisk has told what lives; the place is the old one.
Rule 2: whose phone rang may have picked up by now: the first resync tells, and until then nobody calls them. If their
leg is gone that try has failed.
Rule 3: what was only asked for and is read here *is* written down: it counts.
"""

from router.domain.calls.expiry import runs_out_at
from router.domain.calls.owing import close, is_ours, owe, put_place
from router.domain.calls.terms import line_of, rules_of, terms_now
from router.domain.contacts.callback import DIALABLE, NOWHERE, Promise, PromiseEnd, PromiseState, Terms, terms_of
from router.domain.contacts.particulars import checked
from router.domain.floor import Floor
from router.domain.ids import SECOND, AgentId, Micros, QueueName
from router.domain.pictures.picture import PromiseStands
from router.domain.record import SegmentKind
from router.domain.rulebook.rules import MOST_POINTS

_GRACE_US: Micros = 2 * SECOND
"As for every deadline of old (recovery.py)."
_AHEAD_US: Micros = 400 * 86_400 * SECOND
_MOST_TRIES = 100


def take_up_promise(floor: Floor, stands: PromiseStands, now: Micros) -> None:
    """Owe it as the router before us did. Raises `ValueError` for what nobody can have owed."""
    state = PromiseState(stands.state)
    instants = (stands.arrived_at, stands.entered_at, stands.asked_at, stands.expires_at, stands.next_at)
    if not all(0 <= at <= now + _AHEAD_US for at in instants):
        raise ValueError("an instant that is none")
    if min(stands.tries, stands.attempts, stands.waited_before_us) < 0:
        raise ValueError("a promise that nobody gave")
    if not DIALABLE.fullmatch(stands.number) or is_ours(floor, stands.number):
        raise ValueError("a number that nobody would be called at")
    if abs(stands.priority) > MOST_POINTS or state is PromiseState.CLOSED:
        raise ValueError("a promise that nobody gave")
    if (stands.campaign, stands.number) in floor.promised_to:
        raise ValueError("two promises to one number")
    if stands.place_id in floor.contacts and state is not PromiseState.REACHED:
        raise ValueError("a place for who is on the phone")
    left_us, counted_at = _left(stands, now)
    queue = line_of(floor, stands.campaign, stands.queue)
    promise = Promise(
        promise_id=stands.promise_id,
        campaign=stands.campaign,
        queue=queue or stands.queue,
        number=stands.number,
        dnis=stands.dnis,
        node=stands.node,
        arrived_at=min(stands.arrived_at, now),
        entered_at=min(stands.entered_at, now) if queue == stands.queue else now,
        asked_at=min(stands.asked_at, now),
        expires_at=stands.expires_at,
        left_us=left_us,
        counted_at=counted_at,
        terms=_terms(floor, queue or stands.queue, stands.terms),
        state=PromiseState.RESTING if state is PromiseState.PROMISED else state,
        tries=stands.tries,
        next_at=stands.next_at,
        priority=stands.priority,
        attempts=stands.attempts,
        data=tuple(checked(stands.data).items()),
        waited_before_us=stands.waited_before_us,
        read_back=True,
        here=stands.here,
        meant_for=_meant_for(floor, stands),
        place_id=stands.place_id if state in (PromiseState.CALLING, PromiseState.REACHED) else NOWHERE,
    )
    promise.expires_at = runs_out_at(floor, promise)
    owe(floor, promise)
    if promise.meant_for is not None:
        floor.meant[promise.meant_for] = promise.promise_id
    due_at = now + _GRACE_US
    if queue is None or terms_now(floor, queue, promise.terms) is None:
        close(floor, promise, PromiseEnd.GIVEN_UP, now)
        return
    if state is PromiseState.CALLING:
        place = put_place(floor, promise)
        place.seen_at = 1  # long ago: the first look at Asterisk tells whether it lives
        if 0 < stands.rings_at <= now:
            promise.rings_at = stands.rings_at
            place.begins(SegmentKind.RINGING, stands.rings_at)
        due_at += promise.terms.ring_us
    floor.timers.set(("promise", promise.promise_id), due_at)


def _left(stands: PromiseStands, now: Micros) -> tuple[Micros, Micros]:
    """How much of its time was left, and when. What an older release wrote is counted anew from when they asked."""
    if stands.left_us is None:
        return stands.expires_at - stands.asked_at, min(stands.asked_at, now)
    if not 0 <= stands.counted_at <= now + _AHEAD_US or abs(stands.left_us) > _AHEAD_US:
        raise ValueError("time that nobody gave")
    return stands.left_us, min(stands.counted_at, now)


def _meant_for(floor: Floor, stands: PromiseStands) -> AgentId | None:
    """Each of the living is for one call only."""
    agent_id = stands.meant_for if stands.state == PromiseState.CALLING else None
    return agent_id if agent_id in floor.agents and agent_id not in floor.meant else None


def _terms(floor: Floor, queue: QueueName, kept: Terms | None) -> Terms:
    """Those of the rules in force; else the ones it had, if they can have been anybody's."""
    rules = rules_of(floor, queue)
    if rules is not None:
        return terms_of(rules)
    if kept is None:
        raise ValueError("nobody knows how they are to be called")
    if not DIALABLE.fullmatch(kept.caller_id) or not 0 < kept.tries <= _MOST_TRIES:
        raise ValueError("terms that no rules have")
    if not 0 < min(kept.ring_us, kept.retry_after_us) <= max(kept.ring_us, kept.retry_after_us) <= _AHEAD_US:
        raise ValueError("terms that no rules have")
    return terms_now(floor, queue, kept) or kept
