"""Events → log lines; and the form every line has, ours or a library's.

One line a thing, JSON (`{"at":…,"level":…,"event":…, fields}`) or for a terminal. The message is static, so that it can
be searched and counted; what varies is in fields.

Rule 1: personal data (numbers, names) only in fields that begin with `pii_`. They are `[redacted]` unless the
  site asked to see them. Messages and tracebacks of libraries, which know no such rule, have what looks like a
  telephone number masked.
Rule 2: whatever a caller sends, a line stays one line and does nothing to the terminal: control characters (C0,
  C1, line separators, bidirectional overrides) are written as `\\u001b`.
Rule 3: logging never stops the router: a stream that is full, closed or gone costs the line and nothing else.
"""

import dataclasses
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger

from router.domain.ids import SECOND, ContactId, Micros
from router.domain.messages.events import (
    CallRefused,
    ContactConnected,
    ContactEnded,
    ContactQueued,
    DifferenceMended,
    DistinctNeedsFull,
    DoorMoved,
    EmergencyWaits,
    Event,
    InvariantFailed,
    PauseTooLong,
    PoolLost,
)
from router.domain.rulebook.admission import FULL
from router.domain.truth.differences import DIFFERENCES

LONGEST_TEXT = 2_000
"Characters of one field; a traceback may have ten times that."
DEEPEST = 4
REDACTED = "[redacted]"

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_NUMBER = re.compile(r"(?<![\w.])(?:\+\d{6,17}|00?[1-9]\d{5,15})(?![\w.])")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FULL_EVERY_US = 10 * SECOND
_BULK = frozenset({"segments", "legs", "decision", "seen", "next_best", "others", "schema", "corrects"})
_PERSONAL = frozenset({"ani", "dnis"})
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"event", "at", "level", "asctime"}
"Attributes every `LogRecord` has, and names of ours; what else is there came as `extra`."


def configure(*, form: str = "json", level: str = "info", show_pii: bool = False, stream: TextIO | None = None) -> None:
    """Set up the log of the process: `form` is `json` or `console`; `stream` is standard error by default."""
    out = stream if stream is not None else sys.stderr
    threshold = logging.getLevelNamesMapping()[level.upper()]
    render: Any = _json
    if form == "console":
        render = structlog.dev.ConsoleRenderer(colors=out.isatty(), timestamp_key="at", sort_keys=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _stamp,
            structlog.processors.format_exc_info,
            _Redaction(show_pii),
            _clean_fields,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: _Lines(out),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Bridge)]:
        root.removeHandler(handler)
    root.addHandler(_Bridge())
    # libraries tell every packet at their lower levels; the router's own lines are what an admin turns up
    root.setLevel(max(threshold, logging.WARNING))
    for ours in ("router", "ringfair"):
        logging.getLogger(ours).setLevel(threshold)


class EventLog:
    """The subscriber: INFO when a contact arrives, connects, ends; WARNING for what may never be; else DEBUG."""

    def __init__(self, logger: FilteringBoundLogger | None = None) -> None:
        self._log: FilteringBoundLogger = logger if logger is not None else structlog.get_logger().bind()
        self._tells_all = self._log.is_enabled_for(logging.DEBUG)
        self._live: set[ContactId] = set()
        self._full: dict[tuple[str, str], tuple[Micros, int]] = {}
        "Reason and campaign → when refusals for lack of room were told last, and how many there were since."

    def __call__(self, event: Event, now: Micros) -> None:
        """Write one event down, if its level is asked for."""
        match event:
            case ContactQueued() if event.contact_id not in self._live:
                self._live.add(event.contact_id)
                self._log.info(
                    "contact arrived",
                    at=now,
                    contact_id=event.contact_id,
                    campaign=event.campaign,
                    queue=event.queue,
                    medium=event.medium,
                    adopted=event.adopted,
                )
            case ContactConnected():
                self._log.info(
                    "contact connected",
                    at=now,
                    contact_id=event.contact_id,
                    agent_id=event.agent_id,
                    queue=event.queue,
                    waited_s=event.waited_us / SECOND,
                    expected_s=None if event.expected_us is None else event.expected_us / SECOND,
                )
            case ContactEnded():
                record = event.record
                self._live.discard(record.contact_id)
                self._log.info(
                    "contact ended",
                    at=now,
                    contact_id=record.contact_id,
                    campaign=record.campaign,
                    queue=record.queue,
                    outcome=record.outcome.value,
                    ended_by=record.ended_by.value,
                    lasted_s=(record.ended_at - record.arrived_at) / SECOND,
                    pii_ani=record.ani,
                )
            case DifferenceMended():
                self._log.info(
                    "Asterisk and we differed; it is put right",
                    at=now,
                    what=DIFFERENCES[event.kind],
                    whose=event.whose,
                    contact_id=event.contact_id,
                )
            case EmergencyWaits():
                self._log.warning(
                    "an emergency caller waits and nobody has taken the call",
                    at=now,
                    contact_id=event.contact_id,
                    queue=event.queue,
                    waited_s=event.waited_us / SECOND,
                )
            case DoorMoved():
                self._log.info(
                    "a campaign opened" if event.is_open else "a campaign closed",
                    at=now,
                    campaign=event.campaign,
                    by_hand=event.by_hand,
                )
            case CallRefused():
                self._refused(event, now)
            case InvariantFailed():
                self._log.warning("an impossible state was found", at=now, what=event.what)
            case PauseTooLong():
                self._log.warning(
                    "a pause is longer than it may be",
                    at=now,
                    agent_id=event.agent_id,
                    reason=event.reason,
                    limit=event.limit,
                    paused_s=event.paused_us / SECOND,
                    today_s=event.today_us / SECOND,
                )
            case DistinctNeedsFull():
                self._log.warning(
                    "more distinct needs wait in a queue than may at a time; one more waits until a line falls idle",
                    at=now,
                    queue=event.queue,
                    needs=event.needs,
                )
            case PoolLost():
                self._log.warning("another router owns the pool; this one decides no more", at=now, epoch=event.epoch)
            case _ if self._tells_all:
                self._log.debug(_sentence(type(event).__name__), at=now, **_flat(event))
            case _:
                pass

    def _refused(self, event: CallRefused, now: Micros) -> None:
        """Who finds no room is one of many: of them a line now and then, with how many it stands for."""
        about = {"at": now, "dialled": event.dialled, "reason": event.reason}
        if event.reason not in FULL:
            self._log.warning("a call was refused", **about)
            return
        told_at, untold = self._full.get((event.reason, event.campaign), (now - _FULL_EVERY_US, 0))
        if now - told_at < _FULL_EVERY_US:
            self._full[event.reason, event.campaign] = told_at, untold + 1
            return
        self._full[event.reason, event.campaign] = now, 0
        self._log.warning("calls were refused: no room", **about, campaign=event.campaign, calls=untold + 1)


def _sentence(name: str) -> str:
    """`WrapUpBegan` → `wrap up began`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _flat(event: Any) -> dict[str, Any]:
    """Fields of an event, with those of the fact inside it; what is personal gets its prefix, bulk is left out."""
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(event):
        value = getattr(event, field.name)
        if field.name in _BULK:
            continue
        if dataclasses.is_dataclass(value):
            fields |= _flat(value)
        else:
            name = {"at": "fact_at", "event": "kind"}.get(field.name, field.name)
            fields[f"pii_{name}" if name in _PERSONAL else name] = value
    return fields


class _Lines:
    """Where rendered lines go. It has every method structlog may call by the name of a level."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def msg(self, line: str) -> None:
        try:
            self._out.write(line + "\n")
            self._out.flush()
        except (OSError, ValueError):
            pass  # rule 3; ValueError is a closed stream, or an encoding without the character

    debug = info = warning = warn = error = critical = fatal = exception = log = msg


class _Bridge(logging.Handler):
    """Lines of libraries, in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = str(record.msg)
        extra = {name: value for name, value in record.__dict__.items() if name not in _STANDARD and name != "message"}
        fields = {"logger": record.name, "foreign": True, "exc_info": record.exc_info or None} | extra
        structlog.get_logger().log(record.levelno, message, **fields)


class _Redaction:
    """Rule 1."""

    def __init__(self, show: bool) -> None:
        self._show = show

    def __call__(self, _: Any, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        foreign = fields.pop("foreign", False)
        if self._show:
            return fields
        if foreign:
            fields["event"] = _NUMBER.sub("[number]", str(fields["event"]))
        if "exception" in fields:
            fields["exception"] = _NUMBER.sub("[number]", str(fields["exception"]))
        for name, value in fields.items():
            if name.startswith("pii_"):
                fields[name] = REDACTED if value not in (None, "") else value
            elif isinstance(value, Mapping):
                fields[name] = _without_personal(value, DEEPEST)
        return fields


def _without_personal(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    return {
        str(name): REDACTED
        if str(name).startswith("pii_")
        else _without_personal(inner, depth - 1)
        if isinstance(inner, Mapping) and depth
        else inner
        for name, inner in value.items()
    }


def _stamp(_: Any, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put the time first. An event brings the engine's `now`; other lines get the wall clock."""
    at = fields.pop("at", None)
    moment = _EPOCH + timedelta(microseconds=at) if isinstance(at, int) else datetime.now(UTC)
    event = fields.pop("event")
    return {
        "at": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "level": fields.pop("level"),
        "event": event,
        **fields,
    }


def _clean_fields(_: Any, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Rule 2."""
    cleaned: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "exception":
            lines = str(value)[-10 * LONGEST_TEXT :].split("\n")
            # indented, so that no text inside an exception can pose as a line of its own
            cleaned[name] = "\n".join("  " + _clean_text(line) for line in lines)
        else:
            cleaned[_clean_text(str(name))] = _clean(value, DEEPEST)
    return cleaned


def _clean(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return _clean_text(value)
    if depth and isinstance(value, Mapping):
        return {_clean_text(str(name)): _clean(inner, depth - 1) for name, inner in value.items()}
    if depth and isinstance(value, list | tuple):
        return [_clean(inner, depth - 1) for inner in value[:100]]
    return _clean_text(str(value))


def _clean_text(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        text = text[:LONGEST_TEXT] + "…"
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _json(_: Any, __: str, fields: MutableMapping[str, Any]) -> str:
    # JSON has no integers of any size: what msgspec refuses is written as text
    return msgspec.json.encode(
        {k: str(v) if isinstance(v, int) and abs(v) > 2**63 else v for k, v in fields.items()}
    ).decode()
