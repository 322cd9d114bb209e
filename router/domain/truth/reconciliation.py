"""A day's calls as Asterisk's own event log has them, against the ledger's records of them.

Two witnesses who were never in touch: Asterisk wrote down when legs began, met and ended; the router wrote down what it
was told. Each call has one caller's leg, each record is of one, both name it alike: they are paired by that name.

Rule 1: a pair belongs to the day in which Asterisk saw the call end; what only the ledger has, to the day in which its
        record ends.
Rule 2: nothing depends on the order in which calls and records come. The last correction stands for its record.
Rule 3: what one of the two cannot know (a begin or an end outside of the files, an end lost with Asterisk) is not held
        against the other; it is counted.
Rule 4: no instant of the two may be farther apart than `ALWAYS`, and of a hundred that were seen no more than one
        farther than `USUALLY`. What the record says it only guessed need not be that close.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest

from router.domain.ids import ContactId, LegId, Micros
from router.domain.record import BillingRecord, EndedBy, SegmentKind
from router.domain.truth.agreement import Agreement

USUALLY: Micros = 20_000
"Asterisk dates one and the same event twice, for its log and for us, and each a little late when it is busy."
ALWAYS: Micros = 250_000

_ANSWERED = "answered"
_TALKING = (SegmentKind.TALK, SegmentKind.HOLD)


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkSeen:
    """The caller and an agent's leg in one bridge. The log does not know who held whom."""

    leg: LegId
    linkedid: str
    endpoint: str
    from_at: Micros
    to_at: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSeen:
    """A caller's leg from begin to end. Texts are as Asterisk wrote them: hostile, but short."""

    contact_id: ContactId
    leg: LegId
    linkedid: str
    node: str
    dialled: str
    caller: str
    "The number shown, or `anonymous`."
    started_at: Micros | None
    "None: before the first line of the files."
    ended_at: Micros | None
    "None: not yet, or `lost`."
    last_at: Micros
    "The last sign of life: the end, or the last line before Asterisk died, or the last one about this leg."
    lost: bool = False
    "Asterisk ended before the call did: there is no line about its end."
    ended_by: EndedBy = EndedBy.SYSTEM
    answered: bool = False
    "The leg was up, whoever answered."
    released: bool = False
    "The dialplan itself hung up."
    announced_at: Micros | None = None
    "The last closing message, or the last fallback, began."
    announced: str = ""
    "Its context in the dialplan."
    talks: tuple[TalkSeen, ...] = ()
    "In order of their begin."

    @property
    def is_over(self) -> bool:
        return self.lost or self.ended_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An instant as the two have it; None: one of them knows of none."""

    what: str
    ledger: Micros | None
    asterisk: Micros | None
    guessed: bool = False
    "The record says so itself."

    def is_more_than(self, allowed: Micros) -> bool:
        return self.ledger is None or self.asterisk is None or abs(self.ledger - self.asterisk) > allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A call, its record, and where they differ."""

    call: CallSeen
    record: BillingRecord
    differences: tuple[Difference, ...]


def talks_of(record: BillingRecord) -> list[tuple[Micros, Micros]]:
    """When somebody had the caller, hold included: what is one stay in a bridge is one stretch here."""
    stretches: list[tuple[Micros, Micros]] = []
    agent = None
    for segment in record.segments:
        if segment.kind not in _TALKING:
            agent = None
        elif agent is not None and segment.agent_id == agent and stretches[-1][1] == segment.from_at:
            stretches[-1] = (stretches[-1][0], segment.to_at)
        else:
            stretches.append((segment.from_at, segment.to_at))
            agent = segment.agent_id
    return stretches


def instants(call: CallSeen, record: BillingRecord) -> Iterator[Difference]:
    """Every instant that at least one of the two knows and the other could know."""
    if call.started_at is not None:  # else what came before the files' first line is not to be seen in them
        yield Difference(what="start", ledger=record.arrived_at, asterisk=call.started_at)
        ours = talks_of(record)
        # a record has no stretch without length: of a talk that Asterisk died at the begin of, it need not know
        theirs = [(talk.from_at, talk.to_at) for talk in call.talks if ours or talk.from_at < talk.to_at]
        if theirs or record.answered_at is not None:
            yield Difference(what=_ANSWERED, ledger=record.answered_at, asterisk=theirs[0][0] if theirs else None)
        for number, (our, their) in enumerate(zip_longest(ours, theirs, fillvalue=(None, None)), start=1):
            yield Difference(what=f"talk {number} begin", ledger=our[0], asterisk=their[0])
            if call.lost and their[1] == call.last_at:
                continue  # it ended with Asterisk, unseen
            guessed = record.end_estimated and number >= len(ours)
            yield Difference(what=f"talk {number} end", ledger=our[1], asterisk=their[1], guessed=guessed)
    if not call.lost:
        yield Difference(what="end", ledger=record.ended_at, asterisk=call.ended_at, guessed=record.end_estimated)


def differences(call: CallSeen, record: BillingRecord, tolerance: Micros = ALWAYS) -> tuple[Difference, ...]:
    """Where the record is not what Asterisk saw; empty when they agree."""
    wide = max(tolerance, ALWAYS)
    found = instants(call, record)
    return tuple(instant for instant in found if instant.is_more_than(wide if instant.guessed else tolerance))


class Comparison:
    """Give it the calls and the records of a day in any order; it keeps what has no partner, or not an equal one.

    `[from_at, to_at)` is the day. What is equal is counted and forgotten.
    """

    def __init__(self, from_at: Micros, to_at: Micros, *, tolerance: Micros = ALWAYS) -> None:
        self._from_at, self._to_at = from_at, to_at
        self._tolerance = tolerance
        self._calls: dict[ContactId, CallSeen] = {}
        self._records: dict[ContactId, BillingRecord] = {}
        self._differing: dict[ContactId, Pair] = {}
        self.same = 0
        "Pairs of this day that agree."
        self.agreement = Agreement()
        "How closely, over all pairs, guesses left out."

    def see(self, call: CallSeen) -> None:
        """A call of the files, of whatever day."""
        record = self._records.pop(call.contact_id, None)
        if record is None:
            self._calls[call.contact_id] = call
        else:
            self.pair(call, record)

    def read(self, contact_id: ContactId, record: BillingRecord) -> None:
        """What the ledger holds about a contact: its record, or the last correction of it."""
        call = self._calls.pop(contact_id, None)
        if call is None:
            self._records[contact_id] = record
        else:
            self.pair(call, record)

    def pair(self, call: CallSeen, record: BillingRecord) -> None:
        """Compare the two; a pair of another day is that day's business."""
        if not self.is_ours(call.last_at):
            return
        for seen in instants(call, record):
            # when a call was answered is when its first talk began: once is enough
            if seen.ledger is not None and seen.asterisk is not None and seen.what != _ANSWERED and not seen.guessed:
                self.agreement.note(call.contact_id, seen.what, seen.ledger, seen.asterisk)
        found = differences(call, record, self._tolerance)
        if found:
            self._differing[call.contact_id] = Pair(call=call, record=record, differences=found)
        else:
            self.same += 1

    def is_ours(self, at: Micros) -> bool:
        """Whether this is an instant of the day."""
        return self._from_at <= at < self._to_at

    def take_calls(self) -> Iterator[CallSeen]:
        """The day's calls without a record among those read, in order of their ends; each is given once."""
        for call in sorted(self._calls.values(), key=lambda call: (call.last_at, call.contact_id)):
            del self._calls[call.contact_id]
            if self.is_ours(call.last_at):
                yield call

    def take_records(self) -> Iterator[tuple[ContactId, BillingRecord]]:
        """The day's records without a call, in order of their ends; each is given once."""
        for contact, record in sorted(self._records.items(), key=lambda item: (item[1].ended_at, item[0])):
            del self._records[contact]
            if self.is_ours(record.ended_at):
                yield contact, record

    def take_pairs(self) -> Iterator[Pair]:
        """The pairs that differ, in order of their ends; each is given once."""
        for contact, pair in sorted(self._differing.items(), key=lambda item: (item[1].call.last_at, item[0])):
            del self._differing[contact]
            yield pair


def correction_id(record: BillingRecord) -> ContactId:
    """The id of the next correction: `<contact>~1`, then `<contact>~2`: to make it twice is to make it once."""
    contact, _, number = record.contact_id.rpartition("~")
    if record.corrects is None or not (number.isascii() and number.isdigit()):
        return ContactId(f"{record.contact_id}~1")
    return ContactId(f"{contact}~{int(number) + 1}")


class Verdict(StrEnum):
    """What is said of a call or a record that has no equal on the other side."""

    MISSING = "missing"
    "Asterisk saw a caller, the ledger has no record."
    SURPLUS = "surplus"
    "The ledger has a record, Asterisk never saw the caller."
    DIFFERING = "differing"
    "Both have it, and do not agree."
    UNCOVERED = "uncovered"
    "A record of a time that the files tell nothing about."
    OPEN = "open"
    "The call has no end in the files, and no record yet."


WRONG = (Verdict.MISSING, Verdict.SURPLUS, Verdict.DIFFERING, Verdict.UNCOVERED)
"An open call is none: it may well go on."


Coverage = Mapping[str, tuple[Micros, Micros]]
"Node → first and last instant of its lines."


def covers(coverage: Coverage, record: BillingRecord) -> bool:
    """Whether the files could have a word about the end of this record's call."""
    first, last = coverage.get(record.contact_id.rpartition("-")[0], (0, -1))
    return first <= record.ended_at <= last
