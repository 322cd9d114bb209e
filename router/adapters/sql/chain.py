"""The chain over the billing records, in the order of their insertion: whoever changes or takes one away breaks it.

    hash(n) = sha256( hash(n-1) "\\n" canonical form of record n ), in hex; hash(0) = 64 zeros

The canonical form is the record as it is stored, with its segments and legs in order, as JSON: keys sorted, no spaces,
ASCII only (RFC 8785 in spirit; there are no floats), so that anybody can compute it anew with any language.

What it cannot do: whoever may write to the database may compute a whole new chain, and whoever cuts off its end leaves
a good one. Both are found by a hash that was noted elsewhere: under a bill, in a mail to the client (`--head`). A hash
nails down everything before it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from router.adapters.sql import rows
from router.domain.ids import ContactId
from router.domain.record import BillingRecord

GENESIS = "0" * 64
"Stands before the first record."

_RECORD = (
    *("contact_id", "schema", "medium", "campaign", "queue", "ani", "dnis", "arrived_at", "answered_at", "ended_at"),
    *("outcome", "ended_by", "config_hash", "end_estimated", "corrects"),
)
_SEGMENT = ("kind", "from_at", "to_at", "agent_id", "queue")
_LEG = ("uniqueid", "linkedid", "node", "agent_id")
"""Columns of the form. It is frozen: a column that comes later enters only where it is not NULL, or every record of
before would have another hash."""

_Row = Mapping[str, Any] | rows.Found


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it stands in the database."""

    record: _Row
    segments: Sequence[_Row]
    legs: Sequence[_Row]


def stored(record: BillingRecord) -> Stored:
    """A record as it will stand there; `record` was admitted (admission.py)."""
    return Stored(rows.record_row(record), rows.segment_rows(record), rows.leg_rows(record))


def canonical(found: Stored) -> bytes:
    form: dict[str, object] = {name: found.record[name] for name in _RECORD}
    form["segments"] = [{name: row[name] for name in _SEGMENT} for row in found.segments]
    form["legs"] = [{name: row[name] for name in _LEG} for row in found.legs]
    # default: whatever somebody put into a column by hand must come out as a difference, not as a crash
    return json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=repr).encode()


def link(previous: str, found: Stored) -> str:
    """The hash of a record that comes behind the one with the hash `previous`."""
    return hashlib.sha256(previous.encode() + b"\n" + canonical(found)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One place of the chain; `found` is None where the record is not there any more."""

    position: int
    contact_id: ContactId
    prev_hash: str
    hash: str
    found: Stored | None


class Fault(StrEnum):
    CHANGED = "changed"
    "The record is not what it was."
    MISSING = "missing"
    "The record is gone, or its place in the chain is."
    CHAIN = "chain"
    "The chain itself was written anew from here on."
    UNCHAINED = "unchained"
    "A record that nobody put into the chain: not written by a router."
    HEAD = "head"
    "The hash that was noted is nowhere in it: records behind it were cut off, or all were written anew."


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    fault: Fault
    position: int
    contact_id: ContactId | None
    sentence: str


class Walk:
    """Follows the chain link by link and stops at the first that does not hold.

    Begins behind the position `after`, whose hash it has to believe; `noted` is a hash somebody wrote down.
    """

    def __init__(self, *, after: int = 0, hash: str = GENESIS, noted: str | None = None) -> None:
        self.position = after
        "Of the last good link."
        self.head = hash
        self.noted_at: int | None = None
        self._noted = noted
        self._meet(hash, after)

    def step(self, link_: Link) -> Break | None:
        """Go on to the next link; what is wrong with it, if anything."""
        expected = self.position + 1
        if link_.position != expected:
            return self._gap(expected, link_)
        if link_.prev_hash != self.head:
            sentence = f"the chain was rewritten: {link_.contact_id} does not follow what stands before it"
            return _break(Fault.CHAIN, link_, sentence)
        if link_.found is None:
            return _break(Fault.MISSING, link_, f"the record of {link_.contact_id} is missing")
        if link(self.head, link_.found) != link_.hash:
            return _break(Fault.CHANGED, link_, f"the record of {link_.contact_id} was changed")
        self.position, self.head = link_.position, link_.hash
        self._meet(self.head, self.position)
        return None

    def end(self, *, unchained: ContactId | None) -> Break | None:
        """Nothing follows. `unchained`: a record that is in no link."""
        if unchained is not None:
            sentence = f"the record of {unchained} was put there by hand: it is in no place of the chain"
            return Break(fault=Fault.UNCHAINED, position=self.position, contact_id=unchained, sentence=sentence)
        if self._noted is not None and self.noted_at is None:
            sentence = "the noted hash is not in the chain: its end was cut off, or it was written anew"
            return Break(fault=Fault.HEAD, position=self.position, contact_id=None, sentence=sentence)
        return None

    def _gap(self, expected: int, found: Link) -> Break:
        last = found.position - 1
        which = f"position {expected}" if last == expected else f"positions {expected} to {last}"
        sentence = f"records are missing: the chain has no {which}, before {found.contact_id}"
        return Break(fault=Fault.MISSING, position=expected, contact_id=None, sentence=sentence)

    def _meet(self, hash: str, position: int) -> None:
        if hash == self._noted:
            self.noted_at = position


def _break(fault: Fault, at: Link, sentence: str) -> Break:
    return Break(fault=fault, position=at.position, contact_id=at.contact_id, sentence=sentence)
