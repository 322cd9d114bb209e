"""What became of every call of a round with deaths in it, judged by who does not belong to the router.

    the carrier's SIPp       how many calls it began; each has a number of its own
    the phones' SIPp         how many talks ended by the agent, how many were cut
    the ledger               one record a caller's number, answered
    Asterisk's event log     the same through `ringfair reconcile`; one talk each, as long as the phones talk
    a listener at the AMI    double offers, callers the dialplan had to serve itself (deaths_tap.py)

"Cut" is a talk shorter than any phone talks, or a second talk of a caller: whoever was cut waits and talks again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from router.domain.ids import Micros
from router.domain.record import BillingRecord, Outcome
from router.domain.truth.reconciliation import CallSeen
from tests.load.deaths_tap import Heard

USUALLY_MS = 20
"Of a hundred instants in the ledger 99 are as near to Asterisk's own."


@dataclass(frozen=True, slots=True)
class Placed:
    """What the carrier and the phones counted."""

    begun: int
    released: int
    failed: int
    talked: int = 0
    cancelled: int = 0
    "Phones that were let go while they rang."
    cut: int = 0
    "Phones whose talk somebody else ended."


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What should be 0, besides the first three."""

    calls: int
    records: int
    completed: int = 0
    "Records whose end nobody but Asterisk saw, so that `ringfair reconcile --write` corrected them."
    differing: int = 0
    "Records that are not as Asterisk saw the call even so, by more than 250 ms, or not at all."
    p99_ms: float = 0.0
    most_ms: float = 0.0
    "How far instants of the two are apart."
    failed: int = 0
    missing: int = 0
    doubled: int = 0
    foreign: int = 0
    unanswered: int = 0
    cut: int = 0
    double_offers: int = 0
    both_rang: int = 0
    "Of the double offers, those where two phones rang at once."
    fell_back: int = 0
    left: list[str] = field(default_factory=list)
    "What a round without calls has none of, in words."
    is_paced: bool = True
    "Whether nothing but the calls kept Asterisk busy, so that its log and its events agree about instants."
    notes: list[str] = field(default_factory=list)
    "What somebody who looks for the reason wants to know."

    @property
    def lost(self) -> int:
        """Callers who were not served by an agent, or whom SIPp saw fail."""
        return max(self.failed, self.missing + self.unanswered)

    def faults(self) -> list[str]:
        """What broke a promise, in sentences."""
        found = [
            f"{count} {what}"
            for count, what in (
                (self.lost, "callers lost"),
                (self.double_offers, "double offers"),
                (self.cut, "talks cut"),
                (self.missing, "records missing"),
                (self.doubled, "records doubled"),
                (self.foreign, "records of nobody who called"),
                (self.fell_back, "callers left to the dialplan"),
                (self.differing, "records that differ from Asterisk's log"),
            )
            if count
        ]
        if self.is_paced and self.p99_ms > USUALLY_MS:
            found.append(f"one instant in a hundred is {self.p99_ms:g} ms or more from Asterisk's")
        return found + self.left


def judge(
    numbers: Iterable[str],
    placed: Placed,
    records: Sequence[BillingRecord],
    seen: Sequence[CallSeen],
    heard: Heard,
    *,
    least_talk: Micros,
) -> Verdict:
    """`numbers` are those of the calls that were begun; `least_talk` is what the shortest talk of a phone takes."""
    wanted = set(numbers)
    billed = Counter(record.ani for record in records)
    verdict = Verdict(calls=placed.begun, records=len(records))
    verdict.failed = placed.failed + (placed.begun - placed.released - placed.failed)
    verdict.missing = sum(number not in billed for number in wanted)
    verdict.doubled = sum(count - 1 for number, count in billed.items() if number in wanted)
    verdict.foreign = sum(count for number, count in billed.items() if number not in wanted)
    verdict.unanswered = sum(record.outcome is not Outcome.ANSWERED for record in records)
    cut = {call.contact_id for call in seen if call.talks and _is_cut(call, least_talk)}
    verdict.cut = max(len(cut), placed.cut - heard.turned_away)
    verdict.double_offers, verdict.fell_back = len(heard.doubles), heard.fell_back
    verdict.both_rang = sum(double.both_rang for double in heard.doubles)
    verdict.notes += [f"cut: {contact}" for contact in sorted(cut)[:5]]
    verdict.notes += [f"double: {one}" for one in heard.doubles[:5]]
    verdict.notes += [
        f"{record.outcome}: {record.contact_id}" for record in records if record.outcome is not Outcome.ANSWERED
    ][:5]
    verdict.notes += [f"no record: {number}" for number in sorted(wanted - billed.keys())[:5]]
    return verdict


def _is_cut(call: CallSeen, least: Micros) -> bool:
    talks = [(talk.to_at or call.last_at) - talk.from_at for talk in call.talks]
    return len(talks) != 1 or talks[0] < least
