"""The flight recorder: the latest contacts, and when each of their milestones was passed.

Rule 1: it stands in the hot path, so it keeps readings of a clock and names that exist anyway; words are made when
  somebody asks (reading.py).
Rule 2: its memory is bounded in contacts, in milestones of each and in what it has not connected yet. Who ended is
  forgotten before who lives, the longest ended first; when all of them live a newcomer is not remembered, since those
  who are next to be served are the ones to look at. Of too many milestones the first half and the latest stay.
Rule 3: ids, names of kinds and instants only: no number, no name of anybody.
Rule 4: it decides nothing and nobody waits for it. What it cannot place it leaves out; when it fails, that is counted,
  logged once, and costs nobody anything.

Who marks what: the AMI adapter what came (`seen`) and went (`wrote`, `answered`), the pump what it took and what the
engine made of it (`taken`, `decided`).
"""

import logging
import time
from collections.abc import Callable, Iterable
from functools import wraps
from operator import attrgetter
from typing import Concatenate, Final, ParamSpec, TypeAlias

from router.domain.ids import Micros
from router.domain.messages import events as told
from router.domain.messages import observations as obs
from router.domain.messages.effects import Announce, AnswerCaller, Effect, EndLeg, RingAgent, SendCaller
from router.domain.messages.events import Event
from router.domain.messages.observations import Observation

log = logging.getLogger(__name__)

CONTACTS, MARKS = 512, 64
"What is kept unless told otherwise: about 5 kB for a contact that was answered once, 1 kB for one that waits."
_STRAYS, _STRAY_MARKS = 64, 4
_OFFERS = 32
"Offers of one contact that later observations are still recognised by."
_INBOX = 100_000

Sighting: TypeAlias = list[object]
"""One observation, filled in on its way: whose, kind, leg or id it names, Asterisk's µs, then the router's seconds when
it was read, put into the inbox, taken out, decided; 0 = not yet, or not known."""
OWNER, KIND, KEY, HAPPENED, READ, PUT, TAKEN, DECIDED = range(8)

Deed: TypeAlias = tuple[str, str, str, float, object]
"`EVENT | WRITTEN | ANSWERED`, name, offer or leg, when, and the sighting behind an event or whether an answer was yes."
EVENT, WRITTEN, ANSWERED = "event", "written", "answered"

_SEEN_BY: Final[dict[type, Callable[[object], str]]] = {
    **dict.fromkeys(
        (
            *(obs.LegAppeared, obs.LegRinging, obs.LegAnswered, obs.LegBridged, obs.LegUnbridged, obs.LegHeld),
            *(obs.LegUnheld, obs.HangupAsked, obs.LegEnded),
        ),
        attrgetter("leg"),
    ),
    **dict.fromkeys((obs.OriginateFailed, obs.TalkBegins, obs.OfferTurnedAway), attrgetter("offer_id")),
    **dict.fromkeys(
        (
            *(obs.ContactArrived, obs.CallerReturned, obs.CallerTransferred, obs.CallerKeyed, obs.CallerFellBack),
            *(obs.CallerSentOff, obs.CallerNotTaken, obs.MessageRecorded),
        ),
        attrgetter("contact_id"),
    ),
}
_TOLD_BY: Final[dict[type, Callable[[object], str]]] = {
    **dict.fromkeys(
        (
            *(told.ContactQueued, told.OfferMade, told.ContactConnected, told.ContactHeld, told.ContactOverflowed),
            *(told.Announced, told.WrapUpBegan, told.DifferenceMended, told.TargetFailed, told.MessageLeft),
        ),
        attrgetter("contact_id"),
    ),
    told.OfferRang: attrgetter("offer_id"),
    told.OfferClosed: attrgetter("fact.offer_id"),
    told.ContactEnded: attrgetter("record.contact_id"),
    told.WrapUpEnded: attrgetter("fact.contact_id"),
}
_BEGINS = (told.ContactQueued, told.OfferMade, told.ContactConnected)
"Also of a contact that was taken over, whose arrival this process never saw."
_DONE_FOR: Final[dict[type, Callable[[object], str]]] = {
    RingAgent: attrgetter("offer_id"),
    EndLeg: attrgetter("leg"),
    SendCaller: attrgetter("contact_id"),
    AnswerCaller: attrgetter("contact_id"),
    Announce: attrgetter("contact_id"),
}


class Marks:
    """What is remembered of one contact, in the order it was marked."""

    __slots__ = ("caller_leg", "contact_id", "left_out", "lives", "marks", "offers")

    def __init__(self, contact_id: str) -> None:
        self.contact_id = contact_id
        self.caller_leg = ""
        self.offers: list[str] = []
        self.marks: list[Sighting | Deed] = []
        self.left_out = 0
        self.lives = False


P = ParamSpec("P")


def _harmless(mark: Callable[Concatenate["Recorder", P], None]) -> Callable[Concatenate["Recorder", P], None]:
    """Rule 4."""

    @wraps(mark)
    def guarded(self: "Recorder", /, *given: P.args, **named: P.kwargs) -> None:
        try:
            mark(self, *given, **named)
        except Exception:
            self.failures += 1
            if self.failures == 1:
                log.exception("the trace failed; calls are not touched by it", extra={"mark": mark.__name__})

    return guarded


class Recorder:
    """One for the router. `clock` gives seconds, the same as the AMI connection's; `wall` makes µs since the epoch."""

    def __init__(
        self,
        wall: Callable[[float], Micros],
        *,
        contacts: int = CONTACTS,
        marks: int = MARKS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.wall = wall
        self.left_out = 0
        "Contacts not remembered because all that are remembered live."
        self.forgotten = 0
        self.failures = 0
        self._most = max(1, contacts)
        self._longest = max(8, marks)
        self._clock = clock
        self._contacts: dict[str, Marks] = {}
        self._ended: dict[str, Marks] = {}
        "Those who may be forgotten, the longest ended first."
        self._by_key: dict[str, Marks] = {}
        self._strays: dict[str, list[Sighting]] = {}
        "What was seen of legs before anybody said whose they are."
        self._inbox: dict[int, Sighting] = {}
        self._now: Sighting | None = None
        "What the engine is being told."

    # ---- hot path ----

    @_harmless
    def seen(self, seen: Observation, read_at: float) -> None:
        """An observation was put into the inbox; its bytes were read at `read_at`."""
        kind = type(seen)
        key_of = _SEEN_BY.get(kind)
        if key_of is None:
            return
        key = key_of(seen)
        found = self._by_key.get(key)
        if found is None:
            if kind is obs.ContactArrived:
                found = self._begin(key)
            elif kind is not obs.LegAppeared and key not in self._strays:
                return
        at: Micros = seen.at  # type: ignore[union-attr]  # every kind in the table has it
        sighting: Sighting = ["", kind.__name__, key, at, read_at, self._clock(), 0.0, 0.0]
        if found is not None:
            if kind is obs.ContactArrived and not found.caller_leg:
                self._meet(found, seen.leg)  # type: ignore[union-attr]
            sighting[OWNER] = found.contact_id
            self._note(found, sighting)
        elif kind is not obs.ContactArrived:
            self._set_aside(key, sighting)
        else:
            return
        if len(self._inbox) >= _INBOX:
            self._inbox.clear()
        self._inbox[id(seen)] = sighting

    @_harmless
    def taken(self, seen: Observation) -> None:
        """The pump took it and tells the engine now."""
        sighting = self._inbox.pop(id(seen), None)
        if sighting is None:
            # Of nobody remembered, but what it causes may be somebody's offer.
            sighting = ["", type(seen).__name__, "", 0, 0.0, 0.0, 0.0, 0.0]
        sighting[TAKEN] = self._clock()
        self._now = sighting

    @_harmless
    def decided(self, events: Iterable[Event]) -> None:
        """The engine is done, with these events; nothing has left yet."""
        cause, self._now = self._now, None
        if cause is None and not events:
            return
        now = self._clock()
        if cause is not None:
            cause[DECIDED] = now
        for event in events:
            kind = type(event)
            key_of = _TOLD_BY.get(kind)
            if key_of is None:
                continue
            key = key_of(event)
            found = self._by_key.get(key)
            if kind in _BEGINS:
                if found is None:
                    found = self._begin(key)
                if found is not None and not found.lives:
                    self._revive(found)
                if kind is told.OfferMade and found is not None:
                    key = event.offer_id  # type: ignore[union-attr]
                    self._offer(found, key)
            if found is None:
                continue
            self._note(found, (EVENT, kind.__name__, key, now, cause))
            if kind is told.ContactEnded:
                self._end(found)

    @_harmless
    def wrote(self, effect: Effect) -> None:
        """The effect's action was handed to the AMI socket."""
        self._done(effect, WRITTEN, None)

    @_harmless
    def answered(self, effect: Effect, well: bool) -> None:
        """Asterisk's response to the effect's action was handled; `well` is whether it took the action."""
        self._done(effect, ANSWERED, well)

    def _done(self, effect: Effect, deed: str, well: bool | None) -> None:
        key_of = _DONE_FOR.get(type(effect))
        if key_of is None:
            return
        key = key_of(effect)
        found = self._by_key.get(key)
        if found is not None:
            self._note(found, (deed, type(effect).__name__, key, self._clock(), well))

    def inbox_lost(self) -> None:
        """What waited in the inbox was thrown away."""
        self._inbox.clear()

    # ---- asked ----

    def __len__(self) -> int:
        return len(self._contacts)

    def find(self, contact_id: str) -> Marks | None:
        return self._contacts.get(contact_id)

    def latest(self) -> list[Marks]:
        """Everybody remembered, the latest to come first."""
        return list(reversed(self._contacts.values()))

    # ---- memory ----

    def _note(self, found: Marks, mark: Sighting | Deed) -> None:
        marks = found.marks
        marks.append(mark)
        if len(marks) > self._longest:
            del marks[self._longest // 2]
            found.left_out += 1

    def _begin(self, contact_id: str) -> Marks | None:
        if len(self._contacts) >= self._most:
            if not self._ended:
                self.left_out += 1
                return None
            self._forget(next(iter(self._ended.values())))
        found = Marks(contact_id)
        # Until the engine knows it, it may be forgotten: what the engine never took never ends.
        self._contacts[contact_id] = self._by_key[contact_id] = self._ended[contact_id] = found
        return found

    def _meet(self, found: Marks, leg: str) -> None:
        """The caller's leg is known now, and what was seen of it before."""
        found.caller_leg = leg
        self._by_key.setdefault(leg, found)
        for sighting in self._strays.pop(leg, ()):
            sighting[OWNER] = found.contact_id
            self._note(found, sighting)

    def _offer(self, found: Marks, offer: str) -> None:
        if offer in self._by_key:
            return
        self._by_key[offer] = found
        found.offers.append(offer)
        if len(found.offers) > _OFFERS:
            del self._by_key[found.offers.pop(0)]

    def _set_aside(self, leg: str, sighting: Sighting) -> None:
        kept = self._strays.get(leg)
        if kept is None:
            if len(self._strays) >= _STRAYS:
                del self._strays[next(iter(self._strays))]
            self._strays[leg] = [sighting]
        elif len(kept) < _STRAY_MARKS:
            kept.append(sighting)

    def _revive(self, found: Marks) -> None:
        found.lives = True
        self._ended.pop(found.contact_id, None)

    def _end(self, found: Marks) -> None:
        found.lives = False
        self._ended[found.contact_id] = found

    def _forget(self, found: Marks) -> None:
        self.forgotten += 1
        self._ended.pop(found.contact_id, None)
        self._contacts.pop(found.contact_id, None)
        for key in (found.contact_id, found.caller_leg, *found.offers):
            if self._by_key.get(key) is found:
                del self._by_key[key]
