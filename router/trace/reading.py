"""What the recorder remembers, put in order and named: milestones of a contact, and the way of each of its offers.

Two clocks are in it. Asterisk stamps its events itself; all else is the router's clock, µs since the epoch as its start
had it. On one machine they agree until somebody sets the clock, which the difference from Asterisk to the router then
shows. Milestones stand in the order of their instants, except that nothing is read before it happened. An action is
marked as written once the socket has it: on a busy machine Asterisk may have acted on it by then.
"""

from collections.abc import Callable, Iterator
from typing import cast

from router.domain.ids import ContactId, Micros, OfferId
from router.domain.messages.effects import Announce, AnswerCaller, EndLeg, RingAgent, SendCaller
from router.domain.messages.events import OfferMade
from router.domain.messages.observations import (
    CallerFellBack,
    CallerKeyed,
    CallerNotTaken,
    CallerReturned,
    CallerSentOff,
    CallerTransferred,
    ContactArrived,
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
    OfferTurnedAway,
    OriginateFailed,
    TalkBegins,
)
from router.ports import ContactTrace, Milestone, OfferPath
from router.trace.recorder import (
    ANSWERED,
    DECIDED,
    EVENT,
    HAPPENED,
    KEY,
    KIND,
    OWNER,
    PUT,
    READ,
    TAKEN,
    WRITTEN,
    Deed,
    Marks,
    Sighting,
)

AS_ASTERISK_SAYS = {
    kind.__name__: said
    for kind, said in {
        ContactArrived: "AcdArrived",
        LegAppeared: "Newchannel",
        LegRinging: "Newstate Ringing",
        LegAnswered: "Newstate Up",
        LegBridged: "BridgeEnter",
        LegUnbridged: "BridgeLeave",
        LegHeld: "Hold",
        LegUnheld: "Unhold",
        HangupAsked: "HangupRequest",
        LegEnded: "Hangup",
        OriginateFailed: "OriginateResponse Failure",
        TalkBegins: "AcdTalk",
        OfferTurnedAway: "AcdTaken",
        CallerReturned: "AcdAfter",
        CallerTransferred: "AcdTransfer",
        CallerKeyed: "AcdKey",
        CallerSentOff: "AcdSentOff",
        CallerNotTaken: "AcdNotTaken",
        MessageRecorded: "AcdMessage",
        CallerFellBack: "AcdFallback",
        RingAgent: "Originate",
        EndLeg: "Hangup",
        SendCaller: "Redirect",
        AnswerCaller: "Setvar ACD_ANSWER",
        Announce: "Setvar ACD_SAY",
    }.items()
}
"""Names of ours → AMI's event or action. Asterisk says Ring of a caller's leg and Ringing of an agent's; both are one
observation."""

GAPS = {
    "asterisk_to_router": ("happened", "read"),
    "parser": ("read", "parsed"),
    "inbox": ("parsed", "taken"),
    "engine": ("taken", "decided"),
    "effect": ("decided", "written"),
    "asterisk": ("written", "appeared"),
    "phone": ("appeared", "ringing"),
    "agent": ("ringing", "up"),
    "bridge": ("up", "talk"),
}
"Where the time of an offer goes → between which two instants of its path; each begins where the one before ends."
TOTALS = {"router": ("read", "written"), "to_originate": ("happened", "written"), "to_leg": ("happened", "appeared")}
"`to_leg` has both ends by Asterisk's clock, so it is true whatever the clocks say to each other."

_LEG_INSTANTS = {
    LegAppeared.__name__: "appeared",
    LegRinging.__name__: "ringing",
    LegAnswered.__name__: "up",
    TalkBegins.__name__: "talk",
}
_STEPS = (("read", READ), ("parsed", PUT), ("taken", TAKEN), ("decided", DECIDED))

Wall = Callable[[float], Micros]


def read(marks: Marks, wall: Wall, *, whole: bool = True) -> ContactTrace:
    """Everything remembered of one contact, or only the ways of its offers."""
    return ContactTrace(
        contact_id=ContactId(marks.contact_id),
        lives=marks.lives,
        left_out=marks.left_out,
        milestones=tuple(milestone for _, _, _, milestone in _steps(marks, wall)) if whole else (),
        offers=paths(marks, wall),
    )


def began_at(marks: Marks, wall: Wall) -> Micros | None:
    """When the first thing happened that is remembered of it."""
    return next((at for _, at, _, _ in _steps(marks, wall)), None)


def paths(marks: Marks, wall: Wall) -> tuple[OfferPath, ...]:
    """The way of each offer, from what made the engine decide to the talk."""
    found: dict[str, OfferPath] = {}
    for mark in marks.marks:
        if isinstance(mark, list):
            path = found.get(_text(mark[KEY]))
            name = _LEG_INSTANTS.get(_text(mark[KIND]))
            if path is not None and name is not None:
                path.instants.setdefault(name, cast(Micros, mark[HAPPENED]))
            continue
        kind, name, key, when, cause = mark
        if kind == EVENT and name == OfferMade.__name__:
            found[key] = _path(marks, key, wall(when), cause, wall)
        elif kind == WRITTEN and name == RingAgent.__name__ and key in found:
            found[key].instants.setdefault("written", wall(when))
    return tuple(found.values())


def _path(marks: Marks, offer: str, decided_at: Micros, cause: object, wall: Wall) -> OfferPath:
    if not isinstance(cause, list):  # a deadline that fell due, or a command
        return OfferPath(offer_id=OfferId(offer), cause=None, cause_contact=None, instants={"decided": decided_at})
    happened_at = cast(Micros, cause[HAPPENED])
    instants = {"happened": happened_at} if happened_at else {}
    instants |= {step: wall(seconds) for step, slot in _STEPS if (seconds := cast(float, cause[slot]))}
    whose = _text(cause[OWNER])
    return OfferPath(
        offer_id=OfferId(offer),
        cause=_called(cause[KIND]),
        cause_contact=None if whose in ("", marks.contact_id) else ContactId(whose),
        instants=instants,
    )


def spent(path: OfferPath, between: dict[str, tuple[str, str]]) -> dict[str, Micros]:
    """Name → µs between its two instants, where both are known; below 0 only between Asterisk's clock and ours."""
    instants = path.instants
    return {
        name: instants[until] - instants[since]
        for name, (since, until) in between.items()
        if since in instants and until in instants
    }


def _steps(marks: Marks, wall: Wall) -> list[tuple[Micros, Micros, int, Milestone]]:
    """(place in the order, instant, mark's number, milestone), in order."""
    found: list[tuple[Micros, Micros, int, Milestone]] = []
    told: set[int] = set()
    for number, mark in enumerate(marks.marks):
        if isinstance(mark, list):
            found += _of_sighting(marks, mark, number, wall)
            continue
        cause = mark[4]
        foreign = mark[0] == EVENT and isinstance(cause, list) and cause[OWNER] != marks.contact_id
        if foreign and id(cause) not in told:
            told.add(id(cause))
            found += _of_sighting(marks, cast(Sighting, cause), number, wall)
        found.append(_of_deed(marks, mark, number, wall))
    found.sort(key=lambda step: step[0])  # stable: of what the clock cannot tell apart the cause stays first
    return found


def _of_sighting(
    marks: Marks, seen: Sighting, number: int, wall: Wall
) -> Iterator[tuple[Micros, Micros, int, Milestone]]:
    what, of = _called(seen[KIND]), _whose(marks, _text(seen[KEY]), _text(seen[OWNER]))
    if at := cast(Micros, seen[HAPPENED]):
        read_at = wall(cast(float, seen[READ]))
        yield min(at, read_at), at, number, Milestone(step="happened", what=what, of=of, at=at, clock="asterisk")
    for step, slot in _STEPS:
        if seconds := cast(float, seen[slot]):
            at = wall(seconds)
            yield at, at, number, Milestone(step=step, what=what, of=of, at=at, clock="router")


def _of_deed(marks: Marks, deed: Deed, number: int, wall: Wall) -> tuple[Micros, Micros, int, Milestone]:
    kind, name, key, when, well = deed
    at = wall(when)
    step = "refused" if kind == ANSWERED and not well else kind
    what = name if kind == EVENT else _called(name)
    # The contact is named as its caller's leg is, but what was decided is decided for the contact.
    of = "" if kind == EVENT and key == marks.contact_id else _whose(marks, key, "")
    return at, at, number, Milestone(step=step, what=what, of=of, at=at, clock="router")


def _whose(marks: Marks, key: str, owner: str) -> str:
    """`caller`, `offer 2`, or the id of the other contact whose news it was; empty for the contact as a whole."""
    if owner not in ("", marks.contact_id):
        return owner
    if key in (marks.caller_leg, marks.contact_id):
        return "caller"
    prefix = marks.contact_id + "."
    return f"offer {key[len(prefix) :]}" if key.startswith(prefix) else ""


def _called(name: object) -> str:
    return AS_ASTERISK_SAYS.get(_text(name), _text(name))


def _text(value: object) -> str:
    return cast(str, value)
