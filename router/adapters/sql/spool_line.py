"""One line of the spool: a fact in a form that the releases before and after this one can keep.

    1c291ca3 {"v":1,"type":"offer","fact":{…}}

The crc32 (IEEE 802.3, as in zlib) of everything behind the space, eight hex digits; then JSON, in which no newline can
stand.

Rule 1: a line whose checksum is wrong is damaged; nothing it says is believed.
Rule 2: a line whose checksum is right and that we cannot read comes from another release: a type, a version or a value
  we have no name for. It is worth as much as any other and is kept for a release that knows it (`Foreign`).
Rule 3: a field more in a fact has a default, so that old lines can be read, and raises the version of its kind
  (`SINCE`), so that an old release keeps the line whole instead of storing the fact without it. Names in `TYPES` never
  change their meaning.
Rule 4: one flipped bit costs one line at most. A newline that is gone joins two lines; both are found again.
"""

import re
import zlib
from typing import Final

import msgspec

from router.adapters.sql.admission import admit, refused
from router.domain.record import (
    AgentChangeFact,
    BillingRecord,
    CallbackFact,
    DecisionFact,
    Fact,
    OfferFact,
    OverflowFact,
    WrapUpFact,
)

VERSION: Final = 3
"The newest this release can read."
TYPES: Final[dict[str, type[Fact]]] = {
    "record": BillingRecord,
    "offer": OfferFact,
    "wrapup": WrapUpFact,
    "decision": DecisionFact,
    "agent-change": AgentChangeFact,
    "callback": CallbackFact,
    "overflow": OverflowFact,
}
SINCE: Final[dict[type[Fact], int]] = {AgentChangeFact: 3, WrapUpFact: 3}
"The version a line of that kind needs, other kinds 1: who knows no later one reads them as before."

LONGEST: Final = 8 << 20
"Bytes of a line. Ours have some kilobytes at most; what is longer is no line of ours."
_NAMES: Final = {cls: name for name, cls in TYPES.items()}
_START: Final = re.compile(rb'[0-9a-f]{8} \{"v":')
"How a line begins. Inside of a line it cannot stand: JSON escapes the quotes of a text."


class Foreign(ValueError):
    """A whole line that this release cannot read. Its text says why."""


class _Envelope(msgspec.Struct):
    v: int
    type: str
    fact: msgspec.Raw


_encode: Final = msgspec.json.Encoder().encode
_open: Final = msgspec.json.Decoder(_Envelope).decode
_readers: Final = {name: msgspec.json.Decoder(cls).decode for name, cls in TYPES.items()}


def write_line(fact: Fact) -> bytes:
    """The line of a fact as the ledger would keep it, with its newline.

    Raises `RemoteError` `ledger-fact-refused` for what no ledger can ever keep.
    """
    fact = admit(fact)
    try:
        kind = type(fact)
        version = SINCE.get(kind, 1)
        line = sealed(_encode(_Envelope(v=version, type=_NAMES[kind], fact=msgspec.Raw(_encode(fact)))))
    except (ValueError, TypeError, OverflowError) as error:
        raise refused(f"{type(fact).__name__} with a value that cannot be written down") from error
    if len(line) > LONGEST:
        raise refused(f"a {type(fact).__name__} of {len(line)} bytes")
    return line


def refused_line(fact: object, why: str) -> bytes:
    """The line of something that is no fact for any ledger: as Python shows it, for a person to read."""
    return sealed(_encode({"v": VERSION, "type": "refused", "why": why, "fact": ascii(fact)[:100_000]}))


def sealed(body: bytes) -> bytes:
    return b"%08x %s\n" % (zlib.crc32(body), body)


def is_whole(line: bytes) -> bool:
    """Whether the checksum is right. `line` is without its newline."""
    return line[8:9] == b" " and line[:8] == b"%08x" % zlib.crc32(line[9:])


def read_line(line: bytes) -> Fact:
    """The fact of a whole line. Raises `Foreign`."""
    try:
        envelope = _open(line[9:])
        if envelope.v > VERSION:
            raise Foreign(f"version {envelope.v}, this release knows up to {VERSION}")
        reader = _readers.get(envelope.type)
        if reader is None:
            raise Foreign(f"a fact of type {envelope.type[:40]!r}")
        return reader(envelope.fact)
    except msgspec.MsgspecError as error:
        # The text may quote a value, so only its kind is told.
        raise Foreign(f"a fact with something this release does not know ({type(error).__name__})") from None


def rescue(piece: bytes) -> tuple[list[bytes], list[bytes]]:
    """Whole lines inside of a piece whose checksum is wrong, in order; and the rest, which is damaged."""
    starts = sorted({0, *(found.start() for found in _START.finditer(piece))})
    whole: list[bytes] = []
    damaged: list[bytes] = []
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        part = piece[start:following]
        # Its last byte is what became of the newline.
        line = next((tried for tried in (part, part[:-1]) if is_whole(tried)), None)
        (damaged if line is None else whole).append(part if line is None else line)
    return whole, damaged
