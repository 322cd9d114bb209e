"""Pictures that no floor of ours can have looked like: a damaged journal, another's hand, a clock that was mad.

What is taken up is believed until the end of the call, so a picture is looked at before anything of it is: one that
cannot be ours would make the floor impossible, or fail in the middle of the first resync and cost a whole node its
service. Who is left out loses little: Asterisk still has the call and tells of it.

Rule 1: an instant is not before 1970, nor further ahead than two clocks may be apart or anybody may be told to wait.
Rule 2: a line of segments is never empty and has neither gaps nor overlaps, since the record is made of it.
Rule 3: a leg is in one hand, whoever's.
"""

from collections.abc import Iterable

from router.domain.contacts.contact import ContactState
from router.domain.floor import Floor
from router.domain.ids import SECOND, LegId, Micros, OfferId
from router.domain.pictures.picture import AgentStands, AssignmentStands, ContactStands
from router.domain.record import Segment
from router.domain.rulebook.media import MEDIA, MOST_IN_HAND
from router.domain.rulebook.rules import MOST_POINTS

_AHEAD_US: Micros = 48 * 3600 * SECOND
"A day that two clocks may be apart (inheritance.py), and the longest wait that can be configured."


def look_at_person(stands: AgentStands, now: Micros) -> None:
    """Raise `ValueError` when nobody can have stood like this; what they have in hand is looked at by itself."""
    # A clock that was ahead is no reason to forget what a person chose.
    if (
        min(
            stands.since_at, stands.idle_since, stands.held_until, stands.chosen_at or 0, stands.asked_at, *stands.today
        )
        < 0
    ):
        raise ValueError("before all time")
    if any(not 0 <= paused_us <= _AHEAD_US for _, paused_us in stands.paused_today) or stands.in_vain[1] < 0:
        raise ValueError("a day of no length")
    if any(medium not in MEDIA or not 0 < count <= MOST_IN_HAND for medium, count, _ in stands.other_work):
        raise ValueError("in no hand")


def look_at_assignment(floor: Floor, stands: AssignmentStands, now: Micros) -> None:
    """Raise `ValueError` when no agent can have had this in hand."""
    _instants((stands.talk_at, stands.seen_at, stands.held_at, stands.leg_ended_at, stands.wrapup_at), now)
    _instants((stands.longest_until,), now)
    if not (0 <= stands.wrapup_us <= _AHEAD_US and 0 <= stands.wrapup_max_us <= _AHEAD_US):
        raise ValueError("no length of a wrap-up")
    _in_no_hand(floor, stands.leg)


def look_at_contact(floor: Floor, stands: ContactStands, now: Micros) -> None:
    """Raise `ValueError` when no contact can have stood like this beside those who are on the floor already."""
    _instants(
        (stands.arrived_at, stands.seen_at, stands.answered_at, stands.wait_at, stands.entered_at, stands.early_at), now
    )
    _instants((until for _, until in stands.skips), now)
    _segments(stands.segments, now)
    if abs(stands.priority) > MOST_POINTS:
        raise ValueError("a priority that nobody can give")
    if not 0 <= stands.waited_before_us <= _AHEAD_US or (stands.expected_us or 0) < 0:
        raise ValueError("a wait that nobody had or will have")
    if not 0 <= stands.opened_us <= _AHEAD_US:
        raise ValueError("a row that opens after no time there is")
    if stands.attempts < 0:
        raise ValueError("fewer offers than none")
    _in_no_hand(floor, stands.leg)
    legs = {stands.leg}
    for offer in stands.offers:
        _instants((offer.made_at, offer.deadline_at, offer.leg_seen_at), now)
        leg = LegId(offer.offer_id)
        _in_no_hand(floor, leg)
        if leg in legs:
            raise ValueError("two offers by one leg")
        legs.add(leg)
    if (stands.offer_id is not None or stands.live) and stands.state != ContactState.OFFERED:
        raise ValueError("offered to somebody and not offered")


def _instants(instants: Iterable[Micros | None], now: Micros) -> None:
    if not all(at is None or 0 <= at <= now + _AHEAD_US for at in instants):
        raise ValueError("an instant that is none")


def _segments(segments: tuple[Segment, ...], now: Micros) -> None:
    if not segments:
        raise ValueError("a life without a beginning")
    *closed, running = segments
    _instants((running.from_at,), now)
    for segment, following in zip(closed, segments[1:], strict=True):
        _instants((segment.from_at,), now)
        if not segment.from_at <= segment.to_at == following.from_at:
            raise ValueError("a life with gaps, or lived twice")


def _in_no_hand(floor: Floor, leg: LegId) -> None:
    if leg in floor.by_leg or leg in floor.assignments or OfferId(leg) in floor.offers:
        raise ValueError("a leg in two hands")
