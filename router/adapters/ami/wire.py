r"""Bytes of the Asterisk Manager Interface: framing, parsing, encoding. No I/O, no clock, no library.

AMI (Asterisk documentation, "AMI v2 Specification") is a stream of *blocks*: lines `Name: value` that end in
CRLF, a block ends with an empty line. The rules here, each one closing a known hole:

1.  Frames are cut on **bytes**, a whole block is decoded at once: a UTF-8 character split over two TCP
    segments survives, a wrong byte becomes U+FFFD and costs only itself.
2.  Header names are case-insensitive and may repeat; nothing is merged, unquoted or dropped because it looks
    odd.
3.  There is **one encoder**, and it refuses what would let a value become a header: CR, LF, NUL, `None`, and what
    Asterisk cannot read in one piece. Older ones throw away the first 1024 bytes of an over-long line and read the
    rest as a new line (`get_input()` in main/manager.c); 22.10.1 answers "line too long", for a line one byte too
    long twice and the second time without an ActionID. Tried there: 1022 bytes and 128 headers pass.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import msgspec

from router.domain.errors import InvariantBroken, RemoteError, RouterError

EOL = b"\r\n"
END = b"\r\n\r\n"

LINE_LIMIT = 1022
"Longest line Asterisk reads, in bytes without its CRLF: with it 1024 (`inbuf[1025]`, main/manager.c)."
HEADER_LIMIT = 128
"Most headers of one action (`AST_MAX_MANHEADERS`, include/asterisk/manager.h)."

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_BREAKS = re.compile(r"[\r\n\0]")


class BadValue(RouterError):
    """An action that must not be written. The message names the header and never repeats the value."""


class BrokenStream(RemoteError):
    """The peer sends something that cannot be AMI; the connection is of no use any more."""


class Block(msgspec.Struct, frozen=True):
    """One event or response, frozen. Look-ups take the header's name in any case.

    `block["uniqueid"]` and `block.get("uniqueid")` give the *first* value: Asterisk writes its own headers
    before those a dialplan or another manager adds, so a later twin cannot shadow them.
    `block.all("chanvariable")` gives every value, always as a tuple, also when there is one or none.
    """

    first: Mapping[str, str]
    "First value of each header by lower-case name."
    repeated: Mapping[str, tuple[str, ...]]
    "All values of the headers that came more than once."

    @property
    def event(self) -> str:
        "Name of the event as Asterisk writes it; empty for a response."
        return self.first.get("event", "")

    @property
    def response(self) -> str:
        "`Success`, `Error`, `Goodbye` …; empty for an event."
        return self.first.get("response", "")

    def __getitem__(self, name: str) -> str:
        return self.first[name.lower()]

    def __contains__(self, name: str) -> bool:
        return name.lower() in self.first

    def __len__(self) -> int:
        return len(self.first)

    def get(self, name: str, default: str = "") -> str:
        return self.first.get(name.lower(), default)

    def all(self, name: str) -> tuple[str, ...]:
        name = name.lower()
        if name in self.repeated:
            return self.repeated[name]
        return (self.first[name],) if name in self.first else ()

    def variables(self, name: str = "chanvariable") -> dict[str, str]:
        """`NAME=value` lines of a header (ChanVariable, Variable …) as a mapping; the first wins."""
        found: dict[str, str] = {}
        for line in self.all(name):
            variable, _, value = line.partition("=")
            found.setdefault(variable, value)
        return found

    def items(self) -> Iterator[tuple[str, str]]:
        """Every (lower-case name, value), repeated headers once per value."""
        for name in self.first:
            for value in self.all(name):
                yield name, value

    def __repr__(self) -> str:
        # Values are callers' names and numbers: a block that slips into a log line must not carry them.
        return f"<Block {self.event or self.response or '?'} with {len(self.first)} headers>"


class Reply(msgspec.Struct, frozen=True):
    """What Asterisk answered to one action; `items` are the events of a list, without its closing one."""

    block: Block
    items: tuple[Block, ...] = ()

    @property
    def ok(self) -> bool:
        return self.block.response.lower() in ("success", "follows", "goodbye")

    @property
    def message(self) -> str:
        return self.block.get("message")


def parse_block(raw: bytes) -> Block:
    """Read one block without its closing empty line. Never raises: what is no header is left out."""
    first: dict[str, str] = {}
    repeated: dict[str, tuple[str, ...]] = {}
    for line in raw.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon:
            continue
        name = name.lower()
        if value[:1] == " ":
            value = value[1:]
        if name in first:
            repeated[name] = (*repeated.get(name, (first[name],)), value)
        else:
            first[name] = value
    return Block(first, repeated)


class Framer:
    """Cuts a byte stream into blocks. Holds at most one unfinished block of `limit` bytes plus one chunk."""

    __slots__ = ("_limit", "_tail")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tail = bytearray()

    @property
    def held(self) -> int:
        "Bytes of the unfinished block."
        return len(self._tail)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the blocks `data` completes; raises BrokenStream if the open one outgrows the limit."""
        tail = self._tail
        if not tail:
            *blocks, rest = data.split(END)
        else:
            # Searching only where the new bytes are keeps a stream of tiny segments linear.
            seam = max(0, len(tail) - 3)
            tail += data
            if tail.find(END, seam) < 0:
                blocks, rest = [], b""
            else:
                *blocks, rest = bytes(tail).split(END)
                tail.clear()
        tail += rest
        if len(tail) > self._limit:
            raise BrokenStream("ami-block-too-long", "a block has no end", limit=self._limit)
        return blocks


def encode(action: Mapping[str, str | Sequence[str]], action_id: str) -> bytes:
    """Write one action, `Action` and `ActionID` first; a sequence of values repeats its header.

    The only way to Asterisk's ear. Raises BadValue; nothing is escaped, because AMI has no escape.
    """
    name_of_action = action.get("Action")
    if not isinstance(name_of_action, str) or not _NAME.fullmatch(name_of_action):
        raise BadValue("ami-no-action", "an action has no name")
    lines = [f"Action: {name_of_action}", f"ActionID: {_text('ActionID', action_id)}"]
    for name, values in action.items():
        if name in ("Action", "ActionID"):
            continue
        if not isinstance(name, str) or not _is_name(name):
            raise BadValue("ami-bad-name", "the name of an action's header is no word, or a second Action")
        if isinstance(values, str):
            lines.append(f"{name}: {values}")
        else:
            lines.extend([f"{name}: {_text(name, value)}" for value in _sequence(name, values)])
    if len(lines) > HEADER_LIMIT:
        raise BadValue("ami-too-many-headers", "an action has more headers than Asterisk reads", limit=HEADER_LIMIT)
    # one look at all of it; which line it was matters only when there is something to complain about
    text = "\r\n".join(lines) + "\r\n\r\n"
    if text.count("\r") != len(lines) + 1 or text.count("\n") != len(lines) + 1 or "\0" in text:
        raise _complaint(lines)
    try:
        data = text.encode()
    except UnicodeEncodeError:
        # `from None`: the original error carries the value.
        raise _complaint(lines) from None
    # no character takes more than four bytes, so short texts need no look at their bytes
    if 4 * max(map(len, lines)) > LINE_LIMIT and max(map(len, data.split(EOL))) > LINE_LIMIT:
        raise _complaint(lines)
    return data


@lru_cache(maxsize=256)
def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name.lower() not in ("action", "actionid")


def _sequence(name: str, values: object) -> Sequence[object]:
    if isinstance(values, list | tuple):
        return values
    raise BadValue("ami-bad-value", f"header {name} is neither text nor a list of texts", header=name)


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    raise BadValue("ami-bad-value", f"header {name} has a value that is not text", header=name)


def _complaint(lines: Sequence[str]) -> BadValue:
    """What is wrong with the first line that must not be written; never its value."""
    for line in lines:
        name = line.partition(":")[0]
        if _BREAKS.search(line):
            return BadValue("ami-bad-value", f"header {name} has a line break or NUL in its value", header=name)
        try:
            length = len(line.encode())
        except UnicodeEncodeError:
            return BadValue("ami-bad-value", f"header {name} has a value that is not Unicode text", header=name)
        if length > LINE_LIMIT:
            return BadValue(
                "ami-value-too-long", f"header {name} is longer than Asterisk reads", header=name, limit=LINE_LIMIT
            )
    raise InvariantBroken("ami-encode", "an action was refused and none of its lines is bad")
